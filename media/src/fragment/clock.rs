//! The clock of a track: from ticks of the output's time base to ticks of the media timescale.

use reelmesh_domain::rational::Rational;

use crate::error::MediaError;

/// The timescale of a track and how many of its ticks one tick of the time base lasts.
///
/// A time base of `a/b` seconds becomes the timescale `b`, and each tick `a` ticks of the track:
/// frames at 24000/1001 Hz last 1001 ticks of 1/24000 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrackClock {
    timescale: u32,
    tick: u32,
}

impl TrackClock {
    /// The clock for times in ticks of `time_base` seconds.
    ///
    /// # Errors
    ///
    /// [`MediaError::Bug`] if the time base isn't positive or has no 32-bit timescale.
    pub fn new(time_base: Rational) -> Result<Self, MediaError> {
        match (
            u32::try_from(time_base.denominator()),
            u32::try_from(time_base.numerator()),
        ) {
            (Ok(timescale), Ok(tick)) if tick > 0 => Ok(Self { timescale, tick }),
            (Ok(_) | Err(_), Ok(_) | Err(_)) => Err(MediaError::Bug {
                rule: format!("an output's time base fits a timescale of 32 bits, got {time_base}"),
            }),
        }
    }

    /// Ticks of the track per second.
    pub const fn timescale(self) -> u32 {
        self.timescale
    }

    /// Ticks of the track per tick of the time base.
    pub const fn tick(self) -> u32 {
        self.tick
    }

    /// `ticks` of the time base as ticks of the track; `None` on overflow.
    pub fn to_track(self, ticks: i64) -> Option<i64> {
        ticks.checked_mul(i64::from(self.tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates become timescales exactly, and time bases that have no timescale are refused.
    #[test]
    fn time_base_becomes_timescale() {
        let clock = |num, den| TrackClock::new(Rational::new(num, den).unwrap());
        let ntsc = clock(1001, 24_000).unwrap();
        assert_eq!((ntsc.timescale(), ntsc.tick()), (24_000, 1001));
        assert_eq!(ntsc.to_track(3), Some(3003));
        assert_eq!(ntsc.to_track(i64::MAX), None);
        assert!(clock(0, 1).is_err());
        assert!(clock(-1, 25).is_err());
        assert!(clock(1, 1 << 32).is_err());
    }
}
