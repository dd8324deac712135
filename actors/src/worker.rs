//! One worker: an actor that owns one thread, which runs one task at a time.
//!
//! Messages: `WorkerMessage::Run` begins an attempt, `WorkerMessage::Ended` comes from the
//! thread. The actor persists nothing; the fragments lie in the spool, the pool says what became of
//! them. A crash of the actor or of its thread costs the running attempt: the pool learns of it by
//! supervision and reports the attempt as crashed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};

use ractor::{Actor, ActorProcessingErr, ActorRef, SupervisionEvent};
use reelmesh_domain::ids::{AttemptNumber, JobId, RunNumber, Token, UnitId, WorkerSlot};
use reelmesh_domain::media_types::FragmentInfo;
use reelmesh_domain::store::records::{Record as _, Scanned};
use reelmesh_domain::time::WallTime;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::{ByteSource, FragmentSink};

use crate::engine::{Engine, Task, TaskReport, Watch};
use crate::pool::PoolMessage;
use crate::spool::{Spool, SpooledBlob};

/// One attempt at a unit, with all that it needs.
#[derive(Clone)]
pub struct Assignment {
    /// The job.
    pub job: JobId,
    /// The run.
    pub run: RunNumber,
    /// The unit.
    pub unit: UnitId,
    /// Which try this is.
    pub attempt: AttemptNumber,
    /// Names the attempt, its spool and its blobs.
    pub token: Token,
    /// When it was handed out.
    pub created: WallTime,
    /// What to do.
    pub task: Arc<Task>,
    /// The source's bytes.
    pub source: Arc<dyn ByteSource>,
}

impl std::fmt::Debug for Assignment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assignment")
            .field("job", &self.job)
            .field("run", &self.run)
            .field("unit", &self.unit)
            .field("attempt", &self.attempt)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// How an attempt ended.
#[derive(Debug)]
pub enum AttemptResult {
    /// The fragments lie in the spool.
    Spooled {
        /// What was found and made.
        report: TaskReport,
        /// The blobs of each track.
        blobs: Vec<Vec<SpooledBlob>>,
    },
    /// The engine refused or failed; the error's kind gives the class.
    Failed(MediaError),
    /// The engine panicked, or the worker did.
    Crashed {
        /// What the panic said.
        evidence: String,
    },
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum WorkerMessage {
    /// Begin this attempt; only an idle worker is told so.
    Run(Assignment, Arc<Watch>),
    /// The thread ended the attempt.
    Ended(Token, AttemptResult),
}

/// How a worker is started.
#[derive(Clone, Debug)]
pub(crate) struct WorkerSetup {
    pub(crate) slot: WorkerSlot,
    pub(crate) pool: ActorRef<PoolMessage>,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) spool: Spool,
}

/// The actor.
pub(crate) struct Worker;

/// What it holds: the way to its thread, and the attempt that runs there.
pub(crate) struct WorkerState {
    setup: WorkerSetup,
    orders: mpsc::Sender<(Assignment, Arc<Watch>)>,
    running: Option<Arc<Watch>>,
}

impl Drop for WorkerState {
    /// However the actor ends, its thread shall stop: one that is killed isn't asked for a last step.
    fn drop(&mut self) {
        if let Some(watch) = self.running.take() {
            watch.cancel();
        }
    }
}

impl Actor for Worker {
    type Msg = WorkerMessage;
    type State = WorkerState;
    type Arguments = WorkerSetup;

    async fn pre_start(
        &self,
        myself: ActorRef<WorkerMessage>,
        setup: WorkerSetup,
    ) -> Result<WorkerState, ActorProcessingErr> {
        let (orders, received) = mpsc::channel::<(Assignment, Arc<Watch>)>();
        let (engine, spool) = (Arc::clone(&setup.engine), setup.spool.clone());
        // The thread ends when the actor drops its end; it isn't awaited, for a task that doesn't
        // heed its control would hold up the whole node.
        std::thread::Builder::new()
            .name(format!("worker {}", setup.slot))
            .spawn(move || {
                while let Ok((assignment, watch)) = received.recv() {
                    let result = run(engine.as_ref(), &spool, &assignment, &watch);
                    let message = WorkerMessage::Ended(assignment.token, result);
                    if myself.cast(message).is_err() {
                        // Nobody will ask for what it spooled; what stays is swept at the next start.
                        drop(spool.remove(assignment.token));
                        return;
                    }
                }
            })?;
        Ok(WorkerState {
            setup,
            orders,
            running: None,
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<WorkerMessage>,
        message: WorkerMessage,
        state: &mut WorkerState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            WorkerMessage::Run(assignment, watch) => {
                state.running = Some(Arc::clone(&watch));
                state.orders.send((assignment, watch))?;
            }
            WorkerMessage::Ended(token, result) => {
                state.running = None;
                let slot = state.setup.slot;
                state.setup.pool.cast(PoolMessage::Ended {
                    slot,
                    token,
                    result,
                })?;
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<WorkerMessage>,
        _event: SupervisionEvent,
        _state: &mut WorkerState,
    ) -> Result<(), ActorProcessingErr> {
        // A worker has no children; ractor's default would stop it for any event.
        Ok(())
    }
}

/// The scan's only fragment: the record.
fn put_scanned(scanned: &Scanned, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
    let bytes = scanned.to_bytes().map_err(|error| MediaError::Bug {
        rule: format!("a scan fits its record: {error}"),
    })?;
    put_record(&bytes, sink).map_err(|source| MediaError::Io {
        what: "spooling the scan",
        source,
    })
}

/// A record instead of fragments.
pub(crate) fn put_record(bytes: &[u8], sink: &mut dyn FragmentSink) -> std::io::Result<()> {
    let info = FragmentInfo {
        sequence: 1,
        decode_time: 0,
        duration: 0,
        samples: 0,
        bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
    };
    sink.put(0, &info, bytes)
}

fn run(
    engine: &dyn Engine,
    spool: &Spool,
    assignment: &Assignment,
    watch: &Watch,
) -> AttemptResult {
    let attempt = || {
        let failed = |what| move |source| MediaError::Io { what, source };
        let mut sink = spool
            .begin(assignment.token, assignment.task.tracks())
            .map_err(failed("making the attempt's spool"))?;
        let source = Arc::clone(&assignment.source);
        let report = engine.run(&assignment.task, Arc::clone(&source), &mut sink, watch)?;
        // A pinned source answers with an error once it has changed: what was read last may be of the
        // new version.
        source
            .read_at(0, &mut [0])
            .map_err(failed("checking the source"))?;
        if let TaskReport::Scan(scanned) = &report {
            put_scanned(scanned, &mut sink)?;
        }
        let blobs = sink
            .finish()
            .map_err(failed("ending the attempt's spool"))?;
        Ok((report, blobs))
    };
    let result = match catch_unwind(AssertUnwindSafe(attempt)) {
        Ok(Ok((report, blobs))) => return AttemptResult::Spooled { report, blobs },
        Ok(Err(error)) => AttemptResult::Failed(error),
        Err(panic) => AttemptResult::Crashed {
            evidence: crate::panics::text(panic.as_ref()),
        },
    };
    if let Err(error) = spool.remove(assignment.token) {
        tracing::warn!(token = %assignment.token, %error, "a spool directory stays behind");
    }
    result
}
