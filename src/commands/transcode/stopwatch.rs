//! How long a job took, whoever was shown meanwhile: with several inputs the next one begins when a worker
//! is idle, and may be done before its turn on the display comes.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reelmesh_actors::api::{JobProgress, Phase};
use tokio::sync::watch::Receiver;

/// Notes when a job leaves the queue and when it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopwatch {
    began: Arc<OnceLock<Instant>>,
    ended: Arc<OnceLock<Instant>>,
}

impl Stopwatch {
    /// Watches a job from now on, in a task of the runtime's.
    pub(super) fn start(mut progress: Receiver<JobProgress>) -> Self {
        let watch = Self::default();
        let Self { began, ended } = watch.clone();
        tokio::spawn(async move {
            let left_queue = progress.wait_for(|progress| progress.phase != Phase::Queued);
            if left_queue.await.is_err() {
                return;
            }
            began.get_or_init(Instant::now);
            let over = progress.wait_for(|progress| progress.phase == Phase::Ended);
            // The job's end may also show by its sender's.
            let _shown_or_gone = over.await.is_ok();
            ended.get_or_init(Instant::now);
        });
        watch
    }

    /// From the job's beginning to its end or, where that hasn't been seen, to now.
    pub(super) fn took(&self) -> Duration {
        let end = self.ended.get().copied().unwrap_or_else(Instant::now);
        let began = self.began.get().copied().unwrap_or(end);
        end.saturating_duration_since(began)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    /// Shows that neither the time in the queue nor that after the end counts.
    #[tokio::test]
    async fn only_the_work_counts() {
        let (sender, receiver) = watch::channel(JobProgress::default());
        let stopwatch = Stopwatch::start(receiver);
        tokio::task::yield_now().await;
        assert_eq!(stopwatch.began.get(), None);
        assert_eq!(stopwatch.took(), Duration::ZERO);
        for phase in [Phase::Scan, Phase::Encode, Phase::Ended] {
            sender.send_modify(|progress| progress.phase = phase);
            tokio::task::yield_now().await;
        }
        let (began, ended) = (stopwatch.began.get(), stopwatch.ended.get());
        assert!(began.is_some() && ended >= began, "{stopwatch:?}");
        let took = stopwatch.took();
        assert_eq!(stopwatch.took(), took);
    }
}
