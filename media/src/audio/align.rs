//! Where decoded sound lies in the output: what is cut, where silence goes. Plain integers.

use reelmesh_domain::rational::Rational;

/// The longest silence that is filled behind the video's end, and how far sound may go back to be cut,
/// in seconds: what is further away is a jump of the clock, and goes on behind the last (design rule
/// 5.0).
const JUMP_S: i64 = 10;

/// What to do with one decoded frame, in samples at the source's rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placement {
    /// Silence before it.
    pub(super) silence: i64,
    /// Samples at its start that are cut.
    pub(super) skip: u32,
}

/// The sound's clock: from continuous source times to samples since the output's time 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoundClock {
    /// Seconds per tick of the source.
    pub(super) time_base: Rational,
    /// Source time of the output's time 0, in seconds.
    pub(super) origin_s: Rational,
    /// Output time at which the video ends, in seconds.
    pub(super) video_end_s: Rational,
}

/// Places decoded frames one behind the other.
///
/// The first sound is placed to the sample. After that timestamps that are off by less than a lost
/// packet are jitter (Matroska's are whole milliseconds) and change nothing; where the difference
/// grows to that, by a lost packet or by a clock that drifts, it is made up for by silence or a cut.
/// The downside: a drifting clock is followed in steps of some milliseconds, not smoothly.
#[derive(Clone, Debug)]
pub(super) struct Aligner {
    clock: SoundClock,
    rate_hz: u32,
    /// Output time of the first sample at this rate, in seconds.
    base_s: Rational,
    /// Samples placed at this rate so far.
    cursor: i64,
    /// Samples of the longest frame so far.
    frame_samples: u32,
    begun: bool,
}

impl Aligner {
    /// Nothing is placed yet.
    pub(super) const fn new(clock: SoundClock, rate_hz: u32) -> Self {
        Self {
            clock,
            rate_hz,
            base_s: Rational::ZERO,
            cursor: 0,
            frame_samples: 0,
            begun: false,
        }
    }

    /// Goes on with another rate of the source: `base_s` of output were made before.
    pub(super) const fn change_rate(&mut self, rate_hz: u32, base_s: Rational) {
        self.rate_hz = rate_hz;
        self.base_s = base_s;
        self.cursor = 0;
        self.frame_samples = 0;
    }

    /// Samples per second of the source, at present.
    pub(super) const fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// Samples placed since the last change of rate, silence included.
    pub(super) const fn placed(&self) -> i64 {
        self.cursor
    }

    /// Places a frame of so many samples; without a time it goes behind the last.
    pub(super) fn place(&mut self, pts: Option<i64>, samples: u32) -> Placement {
        self.frame_samples = self.frame_samples.max(samples);
        let due = pts.and_then(|pts| self.due(pts)).unwrap_or(self.cursor);
        let mut late = due.saturating_sub(self.cursor);
        // A lost packet leaves a gap of a whole frame.
        let jitter = i64::from(self.frame_samples) * 3 / 4;
        if (self.begun && late.saturating_abs() < jitter) || self.is_jump(late, due) {
            late = 0;
        }
        let skip = u32::try_from(late.saturating_neg().max(0)).unwrap_or(u32::MAX);
        let placement = Placement {
            silence: late.max(0),
            skip: skip.min(samples),
        };
        let kept = samples - placement.skip;
        self.cursor += placement.silence + i64::from(kept);
        self.begun |= kept > 0;
        placement
    }

    /// Samples at this rate from its first one to `pts`.
    fn due(&self, pts: i64) -> Option<i64> {
        let time_s = Rational::whole(pts).checked_mul(self.clock.time_base)?;
        let output_s = time_s.checked_sub(self.clock.origin_s)?;
        let since = output_s.checked_sub(self.base_s)?;
        since
            .checked_mul(Rational::whole(i64::from(self.rate_hz)))
            .map(Rational::round)
    }

    fn is_jump(&self, late: i64, due: i64) -> bool {
        let rate = Rational::whole(i64::from(self.rate_hz));
        let video_end = self.clock.video_end_s.checked_sub(self.base_s);
        let video_end = video_end.and_then(|end| end.checked_mul(rate));
        let in_video = video_end.is_some_and(|end| Rational::whole(due) < end);
        let far = JUMP_S * i64::from(self.rate_hz);
        (late > far && !in_video) || (self.begun && late < -far)
    }
}

#[cfg(test)]
mod tests;
