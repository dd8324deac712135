//! What the submitter of a job holds: its progress, its events and, in the end, its result.

use std::sync::{Arc, Mutex, PoisonError};

use reelmesh_domain::ids::JobId;
use tokio::sync::{broadcast, watch};

use crate::api::{Admission, JobError, JobEvent, JobProgress, JobSummary};

/// Events kept for a subscriber that reads slowly; a slower one is told how many it missed. A job
/// makes about two events a unit, and a plan rarely holds more than a few hundred units.
const EVENTS_KEPT: usize = 1024;

/// The result of a job, once there is one.
pub(crate) type Ending = Option<Result<JobSummary, JobError>>;

/// One submitted job. Dropping the handle doesn't stop the job.
#[derive(Clone, Debug)]
pub struct JobHandle {
    job: JobId,
    admission: Admission,
    channels: Channels,
}

impl JobHandle {
    pub(crate) fn new(job: JobId, admission: Admission, channels: Channels) -> Self {
        Self {
            job,
            admission,
            channels,
        }
    }

    /// The job's id.
    pub const fn job(&self) -> JobId {
        self.job
    }

    /// Whether the job is new, goes on, or was done already.
    pub const fn admission(&self) -> &Admission {
        &self.admission
    }

    /// The job's progress, latest wins: `borrow` it whenever a display is redrawn, or await `changed`.
    pub fn progress(&self) -> watch::Receiver<JobProgress> {
        self.channels.progress.subscribe()
    }

    /// The job's events: for the first who asks, all since the submission (a job that goes on may be planned
    /// before anybody asks); for others those from now on. A slow reader loses the oldest, and is told how
    /// many.
    pub fn events(&self) -> broadcast::Receiver<JobEvent> {
        // Taking is one step: a panic elsewhere can't leave half of it.
        let mut first = self
            .channels
            .first
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        first
            .take()
            .unwrap_or_else(|| self.channels.events.subscribe())
    }

    /// Waits for the end of the job. May be awaited several times and dropped at any await.
    ///
    /// # Errors
    ///
    /// Why the job didn't deliver; [`JobError::Stopped`] if the node stopped first.
    pub async fn wait(&self) -> Result<JobSummary, JobError> {
        let mut ending = self.channels.ending.subscribe();
        match ending.wait_for(Option::is_some).await {
            Ok(found) => found.clone().unwrap_or(Err(JobError::Stopped)),
            Err(_node_is_gone) => Err(JobError::Stopped),
        }
    }
}

/// The sending ends of a job's channels; kept by the node, shared with handles.
#[derive(Clone, Debug)]
pub(crate) struct Channels {
    pub(crate) progress: Arc<watch::Sender<JobProgress>>,
    pub(crate) events: broadcast::Sender<JobEvent>,
    pub(crate) ending: Arc<watch::Sender<Ending>>,
    /// Hears events before anybody asks for them.
    first: Arc<Mutex<Option<broadcast::Receiver<JobEvent>>>>,
}

impl Channels {
    pub(crate) fn new() -> Self {
        let (events, first) = broadcast::channel(EVENTS_KEPT);
        Self {
            progress: Arc::new(watch::Sender::new(JobProgress::default())),
            events,
            first: Arc::new(Mutex::new(Some(first))),
            ending: Arc::new(watch::Sender::new(None)),
        }
    }

    /// Tells subscribers; nobody listening is fine.
    pub(crate) fn tell(&self, event: JobEvent) {
        // An error only says that nobody listens.
        drop(self.events.send(event));
    }

    /// Replaces the progress.
    pub(crate) fn show(&self, change: impl FnOnce(&mut JobProgress)) {
        self.progress.send_modify(change);
    }

    /// Ends the job for those who wait; the first ending stands.
    pub(crate) fn end(&self, result: Result<JobSummary, JobError>) {
        self.ending.send_if_modified(|ending| {
            let first = ending.is_none();
            if first {
                *ending = Some(result);
            }
            first
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is told before anybody listens is heard by the first who does.
    #[tokio::test]
    async fn the_first_listener_hears_all() {
        let channels = Channels::new();
        let handle = JobHandle::new(JobId::from_bits(1), Admission::New, channels.clone());
        let told = JobEvent::Warning {
            message: "early".to_owned(),
        };
        channels.tell(told.clone());
        let (mut first, mut second) = (handle.events(), handle.events());
        assert_eq!(first.try_recv().ok(), Some(told));
        assert!(second.try_recv().is_err());
    }

    /// A handle learns of the ending whether it waits before or asks after, and the first stands.
    #[tokio::test]
    async fn every_waiter_hears_the_first_ending() {
        let channels = Channels::new();
        let handle = JobHandle::new(JobId::from_bits(1), Admission::New, channels.clone());
        let early = tokio::spawn({
            let handle = handle.clone();
            async move { handle.wait().await }
        });
        tokio::task::yield_now().await;
        channels.end(Err(JobError::Cancelled));
        channels.end(Err(JobError::Stopped));
        assert_eq!(early.await.unwrap(), Err(JobError::Cancelled));
        assert_eq!(handle.wait().await, Err(JobError::Cancelled));
    }
}
