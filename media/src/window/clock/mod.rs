//! Makes the times of packets continuous, as the plan's mapping says.

use reelmesh_domain::media_types::{PacketMapping, StartPoint};

/// Follows the timestamps of one reader from its start point on: undoes wraps by the nearest distance
/// to the packet before, closes jumps where the mapping says that a stretch begins.
#[derive(Debug)]
pub(crate) struct ContinuousClock<'t> {
    mapping: &'t PacketMapping,
    /// Stretches that have begun.
    begun: usize,
    /// Position of the last packet, by which those without one are placed.
    position: u64,
    /// Raw time of the last packet, and the same continuous.
    raw: i64,
    time: i64,
}

impl<'t> ContinuousClock<'t> {
    pub(crate) fn new(mapping: &'t PacketMapping, start: &StartPoint) -> Self {
        let position = start.position.unwrap_or(0);
        Self {
            mapping,
            begun: mapping
                .stretches
                .partition_point(|stretch| stretch.position <= position),
            position,
            raw: start.raw_dts,
            time: start.dts,
        }
    }

    /// Continuous pts and dts of the next packet in the order of the file.
    pub(crate) fn times(
        &mut self,
        position: Option<u64>,
        pts: Option<i64>,
        dts: Option<i64>,
    ) -> (Option<i64>, Option<i64>) {
        let Some(raw) = dts.or(pts) else {
            return (None, None);
        };
        // The scan places a packet without a position right behind the one before, too.
        self.position = position.unwrap_or_else(|| self.position.saturating_add(1));
        while let Some(stretch) = self.mapping.stretches.get(self.begun) {
            if stretch.position > self.position {
                break;
            }
            self.begun += 1;
            self.raw = stretch.raw_dts;
            self.time = stretch.raw_dts.saturating_add(stretch.offset);
        }
        self.time = self.time.saturating_add(self.nearest(raw, self.raw));
        self.raw = raw;
        let shown = pts.map(|pts| self.time.saturating_add(self.nearest(pts, raw)));
        (shown, dts.map(|_raw| self.time))
    }

    /// `raw - reference`, by the nearest distance where timestamps wrap.
    fn nearest(&self, raw: i64, reference: i64) -> i64 {
        let distance = i128::from(raw) - i128::from(reference);
        let nearest = match self
            .mapping
            .wrap_bits
            .filter(|bits| (1..=62).contains(bits))
        {
            Some(bits) => {
                let (period, half) = (1_i128 << bits, 1_i128 << (bits - 1));
                (distance + half).rem_euclid(period) - half
            }
            None => distance,
        };
        i64::try_from(nearest).unwrap_or(if nearest < 0 { i64::MIN } else { i64::MAX })
    }
}

#[cfg(test)]
mod tests;
