//! Keeps what happened: events for the store in batches, and the attempts that ended without a commit.
//!
//! Persists each attempt in the checkpoints before a worker is seen to work on it, so that one that a
//! `kill -9` cut off is known as lost afterwards. Events that aren't yet in the store are lost with the
//! process; the decisions themselves are their own events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::events::{Event, Happened};
use reelmesh_domain::ids::{AttemptNumber, JobId, RunId, Token, UnitId};
use reelmesh_domain::store::keys::{EventsName, Key};
use reelmesh_domain::store::records::AttemptRecord;

use crate::checkpoints::CheckpointError;
use crate::random;
use crate::shared::Shared;

/// How long events wait for company: one put a second and job at most.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Events that wait for the store; then the oldest are forgotten, since the log is for people.
const EVENTS_WAITING: usize = 4_096;

/// What the log is told.
#[derive(Debug)]
pub(crate) enum StatusLogMessage {
    /// Something happened to a job.
    Tell(JobId, Happened),
    /// From itself: the waiting events are due.
    Due,
    /// Put all that waits, then answer.
    Flush(RpcReplyPort<()>),
}

/// The actor.
pub(crate) struct StatusLog;

/// Events that wait.
pub(crate) struct StatusLogState {
    shared: Arc<Shared>,
    incarnation: Token,
    sequences: BTreeMap<JobId, u64>,
    waiting: BTreeMap<JobId, Vec<Event>>,
    due: bool,
}

impl Actor for StatusLog {
    type Msg = StatusLogMessage;
    type State = StatusLogState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _myself: ActorRef<StatusLogMessage>,
        shared: Arc<Shared>,
    ) -> Result<StatusLogState, ActorProcessingErr> {
        Ok(StatusLogState {
            shared,
            incarnation: random::token(),
            sequences: BTreeMap::new(),
            waiting: BTreeMap::new(),
            due: false,
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<StatusLogMessage>,
        message: StatusLogMessage,
        state: &mut StatusLogState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            StatusLogMessage::Tell(job, happened) => {
                tracing::debug!(%job, ?happened, "status");
                let waiting = state.waiting.entry(job).or_default();
                if waiting.len() < EVENTS_WAITING {
                    waiting.push(Event {
                        at: random::wall_time(),
                        happened,
                    });
                }
                if !state.due {
                    state.due = true;
                    drop(myself.send_after(BATCH_WAIT, || StatusLogMessage::Due));
                }
            }
            StatusLogMessage::Due => state.put_all().await,
            StatusLogMessage::Flush(reply) => {
                state.put_all().await;
                // Who asked may have gone.
                drop(reply.send(()));
            }
        }
        Ok(())
    }
}

impl StatusLogState {
    async fn put_all(&mut self) {
        self.due = false;
        for (job, events) in std::mem::take(&mut self.waiting) {
            let sequence = self.sequences.entry(job).or_insert(0);
            let name = EventsName {
                node: self.shared.node.clone(),
                incarnation: self.incarnation,
                sequence: *sequence,
            };
            *sequence += 1;
            let key = Key::Events(job, name).to_string();
            let Ok(bytes) = codec::encode(Kind::Events, &events) else {
                continue;
            };
            if let Err(error) = self.shared.store.put_blob(&key, bytes.into()).await {
                tracing::warn!(%error, "events of the status log are lost");
            }
        }
    }
}

fn attempts_of(run: RunId) -> String {
    format!("attempts/{run}/")
}

fn attempt_key(run: RunId, unit: UnitId, attempt: AttemptNumber) -> String {
    format!("{}{unit}/{attempt}", attempts_of(run))
}

impl Shared {
    /// Remembers how an attempt stands; one that is still said to be lost when the process has gone was.
    pub(crate) fn note_attempt(&self, record: &AttemptRecord) -> Result<(), CheckpointError> {
        let key = attempt_key(record.run, record.unit, record.attempt);
        let bytes = codec::encode(Kind::Checkpoint, record).map_err(|error| CheckpointError {
            what: "encoding",
            answer: error.to_string(),
        })?;
        self.checkpoints.put(&key, &bytes)
    }

    /// Forgets an attempt that stands in a commit or crash record.
    pub(crate) fn forget_attempt(
        &self,
        run: RunId,
        unit: UnitId,
        attempt: AttemptNumber,
    ) -> Result<(), CheckpointError> {
        self.checkpoints.delete(&attempt_key(run, unit, attempt))
    }

    /// The attempts without commit or crash record, as far as they are known.
    pub(crate) fn noted_attempts(&self, run: RunId) -> Vec<AttemptRecord> {
        let noted = self.checkpoints.scan(&attempts_of(run));
        let noted = noted.unwrap_or_else(|error| {
            tracing::warn!(%error, "attempts of earlier processes are forgotten");
            Vec::new()
        });
        let decode = |(_, bytes): (String, Vec<u8>)| codec::decode(Kind::Checkpoint, &bytes).ok();
        noted.into_iter().filter_map(decode).collect()
    }
}
