//! When a supervisor starts a child again: after a pause that grows, and not for ever.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Failures of one child that are remembered.
const WINDOW: Duration = Duration::from_mins(1);
/// Failures within the window after which the supervisor fails itself: a child that dies at once
/// every time uses these up in about six seconds, by the pauses below.
const MOST_IN_WINDOW: usize = 8;
/// Pause before the first restart; it doubles with each failure within the window.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The failures of one child.
#[derive(Debug, Default)]
pub(crate) struct Restarts {
    failures: VecDeque<Instant>,
}

impl Restarts {
    /// The child failed at `now`: how long to wait before it is started again, `None` if the
    /// supervisor shall give up.
    pub(crate) fn failed(&mut self, now: Instant) -> Option<Duration> {
        while let Some(&oldest) = self.failures.front()
            && now.duration_since(oldest) > WINDOW
        {
            self.failures.pop_front();
        }
        let earlier = self.failures.len();
        self.failures.push_back(now);
        let doublings = u32::try_from(earlier).ok()?;
        (earlier < MOST_IN_WINDOW).then(|| FIRST_PAUSE * 2_u32.pow(doublings))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pauses double, the ninth failure within a minute ends it, and a quiet minute forgives.
    #[test]
    fn pauses_grow_and_end() {
        let mut restarts = Restarts::default();
        let start = Instant::now();
        let pauses: Vec<_> = (0..9).map_while(|_| restarts.failed(start)).collect();
        assert_eq!(pauses.len(), MOST_IN_WINDOW);
        assert!(pauses.windows(2).all(|pair| pair[1] == pair[0] * 2));
        let later = start + WINDOW + Duration::from_secs(1);
        assert_eq!(restarts.failed(later), Some(FIRST_PAUSE));
    }
}
