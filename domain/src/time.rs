//! Time as the core sees it: passed in, never read.

use core::fmt;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// A moment of the shell's monotonic clock, in nanoseconds since some start. Moments of two processes
/// can't be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

impl Time {
    /// The moment `duration` later; the last moment there is, if that is past it.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanoseconds))
    }

    /// How long ago `earlier` was; zero if it wasn't.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A moment of the wall clock, in milliseconds since 1970 (UTC). For records that people read: nothing
/// is decided by comparing two.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct WallTime(pub u64);

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// The year.
    pub year: u64,
    /// The month, from 1.
    pub month: u64,
    /// The day of the month, from 1.
    pub day: u64,
}

const MS_PER_DAY: u64 = 86_400_000;

impl WallTime {
    /// Milliseconds from `earlier` to this; zero if the clock was set back between.
    pub const fn ms_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The day (UTC).
    pub const fn date(self) -> Date {
        // Years are counted from March, so that the leap day is the last; 400 years are 146 097 days,
        // and 1970-01-01 is day 719 468 since 0000-03-01.
        let days = self.0 / MS_PER_DAY + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        Date {
            year: era * 400 + year_of_era + (month <= 2) as u64,
            month,
            day: day_of_year - (153 * month_from_march + 2) / 5 + 1,
        }
    }
}

impl fmt::Display for Date {
    /// As `20261123`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}{:02}{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for WallTime {
    /// As RFC 3339 has it: `2026-11-23T01:18:29.123Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.date();
        let ms = self.0 % MS_PER_DAY;
        let (h, min, s) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
        let ms = ms % 1_000;
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{h:02}:{min:02}:{s:02}.{ms:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    /// Known moments, with leap days and turns of centuries.
    #[test]
    fn wall_times_are_written_as_people_read_them() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_800_000, "2000-03-01T00:00:00.000Z"),
            (1_795_396_709_123, "2026-11-23T01:18:29.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(WallTime(ms).to_string(), text);
        }
        assert_eq!(WallTime(1_795_396_709_123).date().to_string(), "20261123");
    }

    /// Days follow one another without gap or repetition for a thousand years.
    #[test]
    fn every_day_has_its_own_date() {
        let days = (0..365_250).map(|day| WallTime(day * MS_PER_DAY).date());
        assert!(days.is_sorted_by(|a, b| a < b));
    }

    /// Clocks that stand still, run back or end don't overflow.
    #[test]
    fn arithmetic_saturates() {
        let (early, late) = (Time(5), Time(9));
        assert_eq!(late.since(early), Duration::from_nanos(4));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.after(Duration::MAX), Time(u64::MAX));
        assert_eq!(WallTime(5).ms_since(WallTime(9)), 0);
    }
}
