//! Makes the timestamps of audio packets continuous, by what the plan found out about the video's.
//!
//! Audio takes the offset of the video at the same byte position. The packets of both are interleaved
//! only roughly, so near a jump a packet of one side can stand on the other: where going by position
//! would tear the sound apart, a neighbouring stretch that joins better is taken.
//!
//! MP4 has one clock for all streams and may store them one behind the other: there the stretch goes by
//! time, and sound that lies where the video had nothing is left out as the picture's gap is.

use reelmesh_domain::media_types::{AudioTask, Container};
use reelmesh_domain::rational::{Rational, scale};

use crate::error::MediaError;

/// How far from a jump the packets of audio may lie on the wrong side of it, in bytes: a transport
/// stream may hold a decoder's whole buffer between sound and picture of one time, about 1 s of the
/// highest rates.
const INTERLEAVE_BYTES: u64 = 4 << 20;

/// How far sound may be off what came before it and still count as going on, in milliseconds: more
/// than picture and sound differ in length at a cut, less than any jump worth the name.
const JOINT_MS: i64 = 500;

/// One stretch in ticks of the audio stream.
#[derive(Clone, Copy, Debug)]
struct AudioStretch {
    position: u64,
    offset: i64,
    reference: i64,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    /// So much is added to its times, and they are continuous.
    By(i64),
    /// It lies in a gap of the video's clock that was closed: it isn't heard.
    Closed,
    /// Its time doesn't fit 64 bits: it goes behind the last.
    Unknown,
}

/// Makes packets' times continuous, one packet after the other.
#[derive(Debug)]
pub(super) struct PacketClock {
    stretches: Vec<AudioStretch>,
    /// Whether stretches go by time instead of position.
    one_clock: bool,
    period: Option<i64>,
    joint_ticks: i64,
    current: usize,
    /// The last unwrapped time in the current stretch, without its offset.
    last: i64,
    last_position: u64,
    /// Where the next packet belongs.
    expected: Option<i64>,
}

impl PacketClock {
    /// The clock of a task's track.
    ///
    /// # Errors
    ///
    /// `Bug` if the task's numbers don't fit 64 bits.
    pub(super) fn new(task: &AudioTask) -> Result<Self, MediaError> {
        Self::fitting(task).ok_or_else(|| MediaError::Bug {
            rule: "an audio task's times fit 64 bits".to_owned(),
        })
    }

    fn fitting(task: &AudioTask) -> Option<Self> {
        let factor = task.mapping_time_base.checked_div(task.source_time_base)?;
        let mut stretches = vec![AudioStretch {
            position: 0,
            offset: 0,
            reference: scale(task.wrap_reference, factor)?,
        }];
        for stretch in &task.mapping.stretches {
            stretches.push(AudioStretch {
                position: stretch.position,
                offset: scale(stretch.offset, factor)?,
                reference: scale(stretch.raw_dts, factor)?,
            });
        }
        let wrap_bits = task
            .mapping
            .wrap_bits
            .filter(|bits| (1..=62).contains(bits));
        let period = match wrap_bits {
            Some(bits) => Some(scale(1 << bits, factor)?).filter(|period| *period > 1),
            None => None,
        };
        let second = task.source_time_base.inverse()?;
        let joint = second.checked_mul(Rational::new(JOINT_MS, 1000)?)?;
        Some(Self {
            last: stretches[0].reference,
            stretches,
            one_clock: task.container == Container::Mp4,
            period,
            joint_ticks: joint.ceil(),
            current: 0,
            last_position: 0,
            expected: None,
        })
    }

    /// What becomes of a packet with this stored time.
    pub(super) fn shift(&mut self, position: Option<u64>, raw: i64, duration: i64) -> Shift {
        self.last_position = position.unwrap_or(self.last_position);
        let stretch = if self.one_clock {
            let later = &self.stretches[1..];
            later.partition_point(|next| next.reference <= raw)
        } else {
            self.choose(raw)
        };
        let Some((unwrapped, continuous)) = self.place(stretch, raw) else {
            return Shift::Unknown;
        };
        if self.one_clock && self.is_closed(stretch, continuous) {
            return Shift::Closed;
        }
        self.current = stretch;
        self.last = unwrapped;
        self.expected = continuous.checked_add(duration.max(0));
        continuous
            .checked_sub(raw)
            .map_or(Shift::Unknown, Shift::By)
    }

    fn place(&self, stretch: usize, raw: i64) -> Option<(i64, i64)> {
        let unwrapped = self.unwrap_in(stretch, raw)?;
        let continuous = unwrapped.checked_add(self.stretches[stretch].offset)?;
        Some((unwrapped, continuous))
    }

    /// Whether the next stretch begins at that time or before.
    fn is_closed(&self, stretch: usize, continuous: i64) -> bool {
        let next = self.stretches.get(stretch + 1);
        let begins = next.and_then(|next| next.reference.checked_add(next.offset));
        begins.is_some_and(|begins| continuous >= begins)
    }

    fn choose(&self, raw: i64) -> usize {
        let later = &self.stretches[1..];
        let by_position = later.partition_point(|next| next.position <= self.last_position);
        let by_position = by_position.max(self.current);
        let Some(expected) = self.expected else {
            return by_position;
        };
        let distance = |stretch: usize| {
            let (_, continuous) = self.place(stretch, raw)?;
            continuous.checked_sub(expected)?.checked_abs()
        };
        let joins = |stretch: usize| distance(stretch).is_some_and(|off| off <= self.joint_ticks);
        if joins(by_position) {
            return by_position;
        }
        let near = |border: usize| {
            let border = self.stretches.get(border);
            border.is_some_and(|border| {
                border.position.abs_diff(self.last_position) <= INTERLEAVE_BYTES
            })
        };
        let before = by_position.checked_sub(1);
        let before = before.filter(|stretch| *stretch >= self.current && near(by_position));
        let behind = Some(by_position + 1).filter(|stretch| near(*stretch));
        let neighbours = [before, behind].into_iter().flatten();
        let best = neighbours.filter(|stretch| joins(*stretch));
        best.min_by_key(|stretch| distance(*stretch))
            .unwrap_or(by_position)
    }

    /// The time nearest to what is known of the stretch that differs from `raw` by whole wraps.
    fn unwrap_in(&self, stretch: usize, raw: i64) -> Option<i64> {
        let reference = if stretch == self.current {
            self.last
        } else {
            self.stretches[stretch].reference
        };
        let Some(period) = self.period else {
            return Some(raw);
        };
        let distance = i128::from(raw) - i128::from(reference);
        let (period, half) = (i128::from(period), i128::from(period / 2));
        let nearest = (distance + half).rem_euclid(period) - half;
        i64::try_from(i128::from(reference) + nearest).ok()
    }
}

#[cfg(test)]
mod tests;
