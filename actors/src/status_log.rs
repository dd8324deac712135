//! Keeps what happened: events for the store in batches, and the attempts that ended without a commit.
//!
//! Persists each event in the checkpoints until the store has it, and each attempt before a worker is
//! seen to work on it, so that one that a `kill -9` cut off is known as lost afterwards. A crash loses no
//! event but those of the checkpoints' last moments; one between a put and its being forgotten here gives
//! the events twice, in two batches.

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
use crate::shared::{Shared, blocking};

/// How long events wait for company: one put a second and job at most.
const BATCH_WAIT: Duration = Duration::from_secs(1);
/// Events of a job that wait for the store; then no more are taken, since the log is for people.
const EVENTS_WAITING: usize = 4_096;
/// Where events are kept until the store has them.
const EVENTS: &str = "events/";

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
    waiting: BTreeMap<JobId, Vec<Waiting>>,
    /// Counts the events that were kept in the checkpoints.
    kept: u64,
    due: bool,
}

/// An event, and under which key the checkpoints have it.
struct Waiting {
    key: String,
    event: Event,
}

impl Actor for StatusLog {
    type Msg = StatusLogMessage;
    type State = StatusLogState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<StatusLogMessage>,
        shared: Arc<Shared>,
    ) -> Result<StatusLogState, ActorProcessingErr> {
        let mut state = StatusLogState {
            waiting: shared.kept_events(),
            shared,
            incarnation: random::token(),
            sequences: BTreeMap::new(),
            kept: 0,
            due: false,
        };
        if !state.waiting.is_empty() {
            state.fall_due(&myself);
        }
        Ok(state)
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
                state.keep(
                    job,
                    Event {
                        at: random::wall_time(),
                        happened,
                    },
                );
                state.fall_due(&myself);
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
    fn fall_due(&mut self, myself: &ActorRef<StatusLogMessage>) {
        if !self.due {
            self.due = true;
            drop(myself.send_after(BATCH_WAIT, || StatusLogMessage::Due));
        }
    }

    /// Takes an event, into the checkpoints first.
    fn keep(&mut self, job: JobId, event: Event) {
        let waiting = self.waiting.entry(job).or_default();
        if waiting.len() >= EVENTS_WAITING {
            return;
        }
        let number = self.kept;
        let key = format!("{}{job}/{}-{number:020}", EVENTS, self.incarnation);
        self.kept += 1;
        if let Ok(bytes) = codec::encode(Kind::Checkpoint, &event)
            && let Err(error) = self.shared.checkpoints.put(&key, &bytes)
        {
            tracing::warn!(%error, "an event is lost if this process ends before it is put");
        }
        waiting.push(Waiting { key, event });
    }

    /// Puts all that waits. What the store doesn't take stays in the checkpoints for the next process, and is
    /// synced there.
    async fn put_all(&mut self) {
        self.due = false;
        for (job, mut waiting) in std::mem::take(&mut self.waiting) {
            waiting.sort_by_key(|waiting| waiting.event.at);
            let sequence = self.sequences.entry(job).or_insert(0);
            let name = EventsName {
                node: self.shared.node.clone(),
                incarnation: self.incarnation,
                sequence: *sequence,
            };
            *sequence += 1;
            let key = Key::Events(job, name).to_string();
            let (kept, events): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .map(|waiting| (waiting.key, waiting.event))
                .unzip();
            let Ok(bytes) = codec::encode(Kind::Events, &events) else {
                continue;
            };
            let put = self.shared.store.put_blob(&key, bytes.into()).await;
            if let Err(error) = &put {
                tracing::warn!(%error, "events of the status log wait for the next process");
            }
            let (shared, taken) = (Arc::clone(&self.shared), put.is_ok());
            let settled = blocking(move || {
                if !taken {
                    return shared.checkpoints.flush();
                }
                kept.iter()
                    .try_for_each(|key| shared.checkpoints.delete(key))
            });
            if !matches!(settled.await, Ok(Ok(()))) {
                tracing::warn!("events of the status log may be missing or be put twice");
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
    /// The events that an earlier life of this actor didn't bring into the store.
    fn kept_events(&self) -> BTreeMap<JobId, Vec<Waiting>> {
        let mut found: BTreeMap<JobId, Vec<Waiting>> = BTreeMap::new();
        for (key, bytes) in self.checkpoints.scan(EVENTS).unwrap_or_default() {
            let job = key
                .strip_prefix(EVENTS)
                .and_then(|rest| rest.split_once('/'));
            let job = job.and_then(|(job, _)| job.parse::<JobId>().ok());
            match (job, codec::decode::<Event>(Kind::Checkpoint, &bytes)) {
                (Some(job), Ok(event)) => {
                    found.entry(job).or_default().push(Waiting { key, event });
                }
                // Written by another version: nobody can read it any more.
                _ => drop(self.checkpoints.delete(&key)),
            }
        }
        found
    }

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
