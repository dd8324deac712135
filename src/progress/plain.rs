//! Plain lines for logs and pipes.

use std::time::Duration;

use reelmesh_actors::api::Phase;

use super::view::{JobView, activity, facts};

/// When the next line is due.
#[derive(Debug)]
pub(crate) struct Lines {
    every: Duration,
    next: Duration,
}

impl Lines {
    /// One line each so often.
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, next: every }
    }

    /// Another job begins, and with it time.
    pub(crate) fn begin(&mut self) {
        self.next = self.every;
    }

    /// Whether a line is due; it then counts as written.
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        let due = now >= self.next;
        if due {
            self.postpone(now);
        }
        due
    }

    /// Something was just said: the next line may wait.
    pub(crate) fn postpone(&mut self, now: Duration) {
        self.next = now + self.every;
    }
}

/// The line of a job, if there is something to say that its phase's beginning hasn't.
pub(crate) fn line(view: &JobView<'_>) -> Option<String> {
    let facts = facts(view);
    let silent = matches!(view.progress.phase, Phase::Queued | Phase::Ended);
    (!silent && !facts.is_empty())
        .then(|| format!("{}: {}: {}", view.name, activity(view), facts.join(", ")))
}

#[cfg(test)]
mod tests {
    use reelmesh_actors::api::JobProgress;

    use super::*;

    /// Shows that lines come in the rhythm asked for, later after something was said.
    #[test]
    fn lines_come_in_rhythm() {
        let mut lines = Lines::new(Duration::from_secs(5));
        let mut due = Vec::new();
        for second in 0..20 {
            let now = Duration::from_secs(second);
            if second == 7 {
                lines.postpone(now);
            }
            if lines.is_due(now) {
                due.push(second);
            }
        }
        assert_eq!(due, [5, 12, 17]);
    }

    /// Shows a whole line.
    #[test]
    fn a_line_says_all() {
        let progress = JobProgress {
            phase: Phase::Encode,
            frames_done: 5,
            frames_total: 10,
            ..JobProgress::default()
        };
        let view = JobView {
            name: "a.mp4",
            place: "",
            stopping: false,
            chunks: 2,
            progress: &progress,
            speed: Some(2.0),
            left: Some(Duration::from_secs(9)),
        };
        let expected = "a.mp4: encoding: 5 of 10 frames, 50 %, 2.00×, 0:09 left";
        assert_eq!(line(&view).as_deref(), Some(expected));
    }
}
