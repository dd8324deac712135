//! The rate bucket of the video buffering verifier (ITU-T H.264 annex C), by chunks.
//!
//! The bucket fills at the capped rate up to its size, and each frame takes its bits out at once when
//! it is decoded. What fills in between is the difference of two whole numbers, each the bits that
//! the rate makes from the timeline's start on: so nothing is rounded differently where
//! chunks meet.

use reelmesh_domain::media_types::{Vbv, VbvSummary};

/// What stands for "no fullness is enough".
pub const NEVER_ENOUGH: i64 = i64::MAX;

/// Sums up what a chunk's packets do to the bucket, in decode order.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    vbv: Vbv,
    timescale: u32,
    need: i64,
    change: i64,
    ceiling: i64,
}

impl Bucket {
    /// Before the first packet; times are in ticks of `1 / timescale` seconds.
    pub fn new(vbv: Vbv, timescale: u32) -> Self {
        Self {
            vbv,
            timescale,
            need: 0,
            change: 0,
            ceiling: size_bits(vbv),
        }
    }

    /// One packet of `bytes` bytes that is decoded at `decode_time`, the next one at `next`.
    pub fn push(&mut self, bytes: usize, decode_time: i64, next: i64) {
        let bits = i64::try_from(bytes).unwrap_or(i64::MAX / 8) * 8;
        if self.ceiling < bits {
            self.need = NEVER_ENOUGH;
        } else {
            self.need = self.need.max(bits.saturating_sub(self.change));
        }
        let filled = filled_bits(self.vbv, self.timescale, next)
            - filled_bits(self.vbv, self.timescale, decode_time);
        self.change = self.change - bits + filled;
        self.ceiling = (self.ceiling - bits + filled).min(size_bits(self.vbv));
    }

    /// The sum.
    pub const fn summary(&self) -> VbvSummary {
        VbvSummary {
            need_bits: self.need,
            change_bits: self.change,
            ceiling_bits: self.ceiling,
        }
    }
}

/// Size of the bucket.
fn size_bits(vbv: Vbv) -> i64 {
    i64::try_from(vbv.buffer_bits).unwrap_or(i64::MAX)
}

/// Whole bits that the rate has made from the timeline's start to `time`.
fn filled_bits(vbv: Vbv, timescale: u32, time: i64) -> i64 {
    let bits = i128::from(vbv.max_rate_bps) * i128::from(time) / i128::from(timescale.max(1));
    i64::try_from(bits).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bucket frame by frame: its fullness at the end, and whether it ever underflowed.
    fn simulate(vbv: Vbv, fullness: i64, packets: &[(usize, i64, i64)]) -> (i64, bool) {
        packets.iter().fold(
            (fullness, false),
            |(fullness, under), &(bytes, now, next)| {
                let bits = i64::try_from(bytes).unwrap() * 8;
                let filled = filled_bits(vbv, 1000, next) - filled_bits(vbv, 1000, now);
                let after = (fullness - bits + filled).min(size_bits(vbv));
                (after, under || fullness < bits)
            },
        )
    }

    fn summary(vbv: Vbv, packets: &[(usize, i64, i64)]) -> VbvSummary {
        let mut bucket = Bucket::new(vbv, 1000);
        for &(bytes, now, next) in packets {
            bucket.push(bytes, now, next);
        }
        bucket.summary()
    }

    proptest! {
        /// Summaries of any cut of a stream, put one behind the other, say what the bucket does
        /// frame by frame: the same fullness at the end, and an underflow exactly where one is.
        #[test]
        fn summaries_compose_to_the_simulation(
            frames in prop::collection::vec((1_usize..400, 1_i64..90), 1..60),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
            start in 0_i64..4000,
            max_rate_bps in 1_u64..60_000,
        ) {
            let vbv = Vbv { max_rate_bps, buffer_bits: 4000 };
            let mut time = 0;
            let packets: Vec<_> = frames.iter().map(|&(bytes, duration)| {
                time += duration;
                (bytes, time - duration, time)
            }).collect();
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(packets.len())).collect();
            places.extend([0, packets.len()]);
            places.sort_unstable();
            let (mut fullness, mut under) = (start, false);
            for pair in places.windows(2) {
                let part = summary(vbv, &packets[pair[0]..pair[1]]);
                under |= fullness < part.need_bits;
                fullness = part.ceiling_bits.min(fullness + part.change_bits);
            }
            prop_assert_eq!((fullness, under), simulate(vbv, start, &packets));
        }
    }

    /// A packet larger than the bucket underflows however full the bucket was.
    #[test]
    fn nothing_is_enough_for_a_packet_larger_than_the_bucket() {
        let vbv = Vbv {
            max_rate_bps: 1000,
            buffer_bits: 800,
        };
        assert_eq!(summary(vbv, &[(101, 0, 40)]).need_bits, NEVER_ENOUGH);
        assert_eq!(summary(vbv, &[(100, 0, 40)]).need_bits, 800);
    }
}
