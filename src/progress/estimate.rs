//! Speed and time left, from what was done lately.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use reelmesh_actors::api::{JobProgress, Phase, WorkerProgress};
use reelmesh_domain::ids::{AttemptNumber, UnitId};

/// How far back "lately" reaches: over several chunks, so that an easy or a hard one doesn't make the
/// estimate jump.
const WINDOW: Duration = Duration::from_secs(30);
/// Time over which a rate must have been seen before it is told: before that, warm-up decides.
const SEEN_AT_LEAST: Duration = Duration::from_secs(4);
/// Part of the work, in thousandths, that must have been done under our eyes before time left is told.
const DONE_AT_LEAST_THOUSANDTHS: u64 = 20;
/// Samples come with each redraw; this distance is enough.
const SAMPLE_EVERY: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Duration,
    frames: u64,
    cost_us: u64,
}

/// What is known about the rate of a job.
#[derive(Debug, Default)]
pub(crate) struct Estimate {
    samples: VecDeque<Sample>,
    first: Option<Sample>,
    last: Option<Sample>,
    frames_total: u64,
    cost_total_us: u64,
    running: BTreeMap<(UnitId, AttemptNumber), Running>,
}

/// An attempt that runs.
#[derive(Clone, Copy, Debug)]
struct Running {
    since: Duration,
    done_then: u64,
    left: Option<Duration>,
}

impl Running {
    /// What is left of it at its own rate.
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
    fn observe(&mut self, at: Duration, worker: &WorkerProgress) {
        let seen = at.saturating_sub(self.since);
        let done = worker.done.saturating_sub(self.done_then);
        self.left = (seen >= SEEN_AT_LEAST && done > 0)
            .then(|| {
                let rest = worker.total.saturating_sub(worker.done) as f64;
                Duration::try_from_secs_f64(rest / done as f64 * seen.as_secs_f64()).ok()
            })
            .flatten();
    }
}

impl Estimate {
    /// Takes note of the progress at a time since the job began. Only encoding counts: what was kept from
    /// an earlier run was there before.
    pub(crate) fn observe(&mut self, at: Duration, progress: &JobProgress) {
        if progress.phase != Phase::Encode || progress.cost_total_us == 0 {
            return;
        }
        self.observe_running(at, &progress.workers);
        let sample = Sample {
            at,
            frames: progress.frames_done,
            cost_us: progress.cost_done_us,
        };
        // Another plan revision has other units: what was seen before can't be compared.
        let fell = self.last.is_some_and(|last| sample.cost_us < last.cost_us);
        if fell || progress.cost_total_us != self.cost_total_us {
            self.samples.clear();
            self.first = Some(sample);
        }
        self.cost_total_us = progress.cost_total_us;
        self.frames_total = progress.frames_total;
        self.last = Some(sample);
        let due = self
            .samples
            .back()
            .is_none_or(|newest| at.saturating_sub(newest.at) >= SAMPLE_EVERY);
        if due {
            self.samples.push_back(sample);
        }
        while self
            .samples
            .get(1)
            .is_some_and(|second| at.saturating_sub(second.at) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    fn observe_running(&mut self, at: Duration, workers: &[WorkerProgress]) {
        let key = |worker: &WorkerProgress| (worker.unit, worker.attempt);
        self.running
            .retain(|known, _| workers.iter().any(|worker| key(worker) == *known));
        for worker in workers {
            let new = Running {
                since: at,
                done_then: worker.done,
                left: None,
            };
            let running = self.running.entry(key(worker)).or_insert(new);
            running.observe(at, worker);
        }
    }

    /// Seconds of video made in a second, once it has been seen long enough.
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    pub(crate) fn speed(&self, media_s: f64) -> Option<f64> {
        let (oldest, last) = self.window()?;
        let frames = last.frames.saturating_sub(oldest.frames) as f64;
        let seconds = last.at.saturating_sub(oldest.at).as_secs_f64();
        (frames > 0.0 && self.frames_total > 0)
            .then(|| frames / self.frames_total as f64 * media_s / seconds)
    }

    /// The time that the rest will take at the rate of lately, but no less than any attempt that runs
    /// takes at its own: towards the end workers fall idle, and the rate with them. Told once enough has
    /// been seen for that to mean something.
    #[expect(clippy::cast_precision_loss, reason = "seconds are shown")]
    pub(crate) fn left(&self) -> Option<Duration> {
        let (oldest, last) = self.window()?;
        let first = self.first?;
        let seen_us = last.cost_us.saturating_sub(first.cost_us);
        let enough = u128::from(seen_us) * 1000
            >= u128::from(self.cost_total_us) * u128::from(DONE_AT_LEAST_THOUSANDTHS);
        let done = last.cost_us.saturating_sub(oldest.cost_us);
        if !enough || done == 0 {
            return None;
        }
        let rest = self.cost_total_us.saturating_sub(last.cost_us) as f64;
        let seconds = rest / (done as f64) * last.at.saturating_sub(oldest.at).as_secs_f64();
        let together = Duration::try_from_secs_f64(seconds).ok()?;
        let alone = self.running.values().filter_map(|running| running.left);
        alone.chain([together]).max()
    }

    fn window(&self) -> Option<(Sample, Sample)> {
        let (oldest, last) = (*self.samples.front()?, self.last?);
        (last.at.saturating_sub(oldest.at) >= SEEN_AT_LEAST).then_some((oldest, last))
    }
}

#[cfg(test)]
mod tests {
    use reelmesh_domain::ids::WorkerSlot;

    use super::*;

    fn at(done: u64) -> JobProgress {
        JobProgress {
            phase: Phase::Encode,
            frames_total: 1000,
            frames_done: done,
            cost_total_us: 1_000_000,
            cost_done_us: done * 1000,
            ..JobProgress::default()
        }
    }

    fn running(done: u64, total: u64) -> WorkerProgress {
        WorkerProgress {
            slot: WorkerSlot(1),
            unit: UnitId::from_bytes([7; 16]),
            label: "chunk 7".to_owned(),
            attempt: AttemptNumber(1),
            done,
            total,
        }
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Shows that nothing is told before it means something, then the truth at a steady rate.
    #[test]
    fn a_steady_rate_is_told_once_seen() {
        let mut estimate = Estimate::default();
        for second in 0..=3 {
            estimate.observe(seconds(second), &at(second * 10));
            assert_eq!(estimate.left(), None);
        }
        for second in 4..=60 {
            estimate.observe(seconds(second), &at(second * 10));
        }
        assert_eq!(estimate.left(), Some(seconds(40)));
        let speed = estimate.speed(50.0).unwrap();
        assert!((speed - 0.5).abs() < 1e-9, "{speed}");
    }

    /// Shows that what an earlier run has done isn't taken for speed.
    #[test]
    fn kept_work_is_no_speed() {
        let mut estimate = Estimate::default();
        for second in 0..=20 {
            estimate.observe(seconds(second), &at(500 + second * 10));
        }
        assert_eq!(estimate.left(), Some(seconds(30)));
    }

    /// Shows that a change of pace is followed after a window, and that a stall is told as no progress.
    #[test]
    fn lately_counts() {
        let mut estimate = Estimate::default();
        for second in 0..=10 {
            estimate.observe(seconds(second), &at(second * 10));
        }
        for second in 11..=50 {
            estimate.observe(seconds(second), &at(100 + (second - 10)));
        }
        assert_eq!(estimate.left(), Some(seconds(860)));
        for second in 51..=120 {
            estimate.observe(seconds(second), &at(140));
        }
        assert_eq!(estimate.left(), None);
        assert_eq!(estimate.speed(50.0), None);
    }

    /// Shows that the last chunk's own rate decides once the other worker has nothing to do: two workers
    /// made 10 frames a second each, one is left with 100.
    #[test]
    fn the_last_chunk_decides() {
        let mut estimate = Estimate::default();
        for second in 0..=20 {
            let progress = JobProgress {
                workers: vec![running(second * 10, 300)],
                ..at(500 + second * 20)
            };
            estimate.observe(seconds(second), &progress);
        }
        assert_eq!(estimate.left(), Some(seconds(10)));
        estimate.observe(seconds(21), &at(920));
        assert_eq!(estimate.left(), Some(seconds(4)));
    }

    /// Shows that a new plan revision begins a new estimate.
    #[test]
    fn a_new_plan_begins_anew() {
        let mut estimate = Estimate::default();
        for second in 0..=10 {
            estimate.observe(seconds(second), &at(second * 10));
        }
        assert!(estimate.left().is_some());
        let other = JobProgress {
            cost_total_us: 2_000_000,
            ..at(100)
        };
        estimate.observe(seconds(11), &other);
        assert_eq!(estimate.left(), None);
    }
}
