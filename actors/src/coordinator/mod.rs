//! Owns the scheduler: turns what happens into its inputs, and its effects into messages to the others.
//!
//! One owner, one message at a time. Persists attempts in the checkpoints before they are begun and
//! spooled commits before they are pushed; everything else is rebuilt from the store and from the jobs
//! that this process was given ([`crate::jobs`]). A crash costs running attempts, since the pool is
//! started again with it.

mod attempts;
mod effects;
mod ending;
mod progress;
mod run;
mod taking_up;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{PlanRevision, RunId, Token, WorkerSlot};
use reelmesh_domain::schedule::{
    AttemptId, AttemptReport, Input, Joined, Judgement, PREFETCH_UNITS, Scheduler,
};
use reelmesh_domain::store::records::{CommitRecord, OutcomeRecord, VerdictRecord};
use reelmesh_domain::time::Time;
use reelmesh_media::io::ByteSource;

use crate::engine::Watch;
use crate::jobs::{ByRun, Job};
use crate::memory;
use crate::pool::PoolEvent;
use crate::publishing::Unconcluded;
use crate::pusher::{CommitError, Pending};
use crate::shared::{Settled, Shared};
use crate::splitter::Split;
use crate::worker::Assignment;
use run::Run;
use taking_up::Found;

/// How often progress is shown and the scheduler's clock moves on: a display redraws about as often.
const TICK: Duration = Duration::from_millis(100);
/// Speed of a node in thousandths of the reference machine's, until speeds are measured.
const SPEED_PERMILLE: u32 = 1_000;

/// What the coordinator is told.
pub(crate) enum CoordinatorMessage {
    /// A job was acknowledged.
    TakeUp(Arc<Job>),
    /// What the store knows of a run.
    Found {
        run: RunId,
        result: Result<Found, Failure>,
    },
    /// From the puller.
    SourceOpened {
        run: RunId,
        opened: Result<Arc<dyn ByteSource>, Failure>,
    },
    /// From the splitter: a plan is decided; of this revision or a newer one.
    Planned {
        run: RunId,
        revision: PlanRevision,
        result: Result<Split, Failure>,
    },
    /// From the splitter: borders are judged; a failure ends the run.
    Judged {
        run: RunId,
        revision: PlanRevision,
        result: Result<Judgement, Failure>,
    },
    /// From the pool.
    Pool(PoolEvent),
    /// From the pusher: the commit that stands.
    Committed {
        pending: Box<Pending>,
        result: Result<Settled<CommitRecord>, CommitError>,
    },
    /// From the pusher: the verdict that stands.
    VerdictStands {
        run: RunId,
        result: Result<VerdictRecord, Failure>,
    },
    /// From the pusher: the outcome that stands.
    Concluded {
        run: RunId,
        result: Result<OutcomeRecord, Unconcluded>,
    },
    /// The user doesn't want a run any more; answered when its outcome stands or it isn't known.
    Cancel(RunId, RpcReplyPort<()>),
    /// Time passed.
    Tick,
    /// Another actor was started again: what was asked of it is asked again.
    Restarted(Neighbour),
    /// Give all attempts up, commit what is spooled, then answer.
    Drain(RpcReplyPort<()>),
}

/// Whom the coordinator asks things of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Neighbour {
    Splitter,
    Puller,
    Pool,
    Pusher,
    StatusLog,
}

/// The actor.
pub(crate) struct Coordinator;

/// An attempt that this node has.
struct Attempt {
    id: AttemptId,
    assignment: Assignment,
    label: String,
    /// Whom and since when, once a worker began.
    began: Option<(WorkerSlot, reelmesh_domain::time::WallTime)>,
    watch: Option<Arc<Watch>>,
    revoked: bool,
}

impl Attempt {
    /// Stops the thread that works on it, if one does.
    fn cancel(&self) {
        if let Some(watch) = &self.watch {
            watch.cancel();
        }
    }
}

/// All that the coordinator knows.
pub(crate) struct CoordinatorState {
    shared: Arc<Shared>,
    scheduler: Scheduler,
    started: Instant,
    runs: ByRun<Run>,
    /// Attempts that wait for a worker, in the order of their assignment.
    waiting: VecDeque<Token>,
    /// Attempts that wait or run.
    attempts: BTreeMap<Token, Attempt>,
    /// How many of them the pool has.
    in_pool: u32,
    /// Commits under way.
    pushing: BTreeMap<Token, (AttemptId, Box<Pending>)>,
    /// The pool had no worker a moment ago: it isn't asked again before the next tick.
    pool_refuses: bool,
    draining: Option<RpcReplyPort<()>>,
    /// All attempts are given up: nothing is begun any more.
    drained: bool,
}

impl Actor for Coordinator {
    type Msg = CoordinatorMessage;
    type State = CoordinatorState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<CoordinatorMessage>,
        shared: Arc<Shared>,
    ) -> Result<CoordinatorState, ActorProcessingErr> {
        let mut state = CoordinatorState {
            scheduler: Scheduler::new(),
            started: Instant::now(),
            runs: ByRun::new(),
            waiting: VecDeque::new(),
            attempts: BTreeMap::new(),
            in_pool: 0,
            pushing: BTreeMap::new(),
            pool_refuses: false,
            draining: None,
            drained: false,
            shared,
        };
        state.join();
        // After a crash of the coordinator: all jobs are taken up again.
        for job in state.shared.jobs.all() {
            myself.cast(CoordinatorMessage::TakeUp(job))?;
        }
        drop(myself.send_interval(TICK, || CoordinatorMessage::Tick));
        Ok(state)
    }

    async fn handle(
        &self,
        _myself: ActorRef<CoordinatorMessage>,
        message: CoordinatorMessage,
        state: &mut CoordinatorState,
    ) -> Result<(), ActorProcessingErr> {
        state.on_message(message);
        state.tell_ready();
        state.start_waiting();
        state.answer_drain();
        Ok(())
    }
}

impl CoordinatorState {
    fn on_message(&mut self, message: CoordinatorMessage) {
        match message {
            CoordinatorMessage::TakeUp(job) => self.take_up(&job),
            CoordinatorMessage::Found { run, result } => self.on_found(run, result),
            CoordinatorMessage::SourceOpened { run, opened } => self.on_source(run, opened),
            CoordinatorMessage::Planned {
                run,
                revision,
                result,
            } => self.on_planned(run, revision, result),
            CoordinatorMessage::Judged {
                run,
                revision,
                result,
            } => self.on_judged(run, revision, result),
            CoordinatorMessage::Pool(event) => self.on_pool(event),
            CoordinatorMessage::Committed { pending, result } => {
                self.on_committed(&pending, result);
            }
            CoordinatorMessage::VerdictStands { run, result } => self.on_verdict(run, result),
            CoordinatorMessage::Concluded { run, result } => self.on_concluded(run, result),
            CoordinatorMessage::Cancel(run, reply) => self.on_cancel(run, reply),
            CoordinatorMessage::Tick => {
                self.apply(Input::Tick);
                self.report_attempts();
                self.show_all();
            }
            CoordinatorMessage::Restarted(neighbour) => self.on_restarted(neighbour),
            CoordinatorMessage::Drain(reply) => self.drain(reply),
        }
    }

    /// Offers this node's workers to the scheduler.
    fn join(&mut self) {
        let joined = Joined {
            node: self.shared.node.clone(),
            workers: self.shared.workers.get(),
            prefetch: PREFETCH_UNITS,
            memory_bytes: memory::for_tasks(),
            fingerprint: self.shared.fingerprint.clone(),
            speed_permille: SPEED_PERMILLE,
            attempts: self.attempt_reports(),
        };
        self.apply(Input::NodeJoined(joined));
    }

    /// Gives the scheduler an input and carries out what it wants.
    fn apply(&mut self, input: Input) {
        let nanoseconds = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        for effect in self.scheduler.apply(Time(nanoseconds), input) {
            self.carry_out(effect);
        }
    }

    fn report_attempts(&mut self) {
        let attempts = self.attempt_reports();
        let node = self.shared.node.clone();
        self.apply(Input::NodeReported { node, attempts });
    }

    /// All that this node has: waiting, in work, spooled.
    fn attempt_reports(&self) -> Vec<AttemptReport> {
        let report = |id: &AttemptId, done_ppm, spooled| AttemptReport {
            run: id.run,
            unit: id.unit,
            attempt: id.attempt,
            done_ppm,
            spooled,
        };
        let in_work = self.attempts.values();
        let in_work = in_work.map(|attempt| report(&attempt.id, attempt.done_ppm(), false));
        let pushing = self.pushing.values();
        let pushing = pushing.map(|(id, _)| report(id, progress::WHOLE_PPM, true));
        in_work.chain(pushing).collect()
    }

    fn on_restarted(&mut self, neighbour: Neighbour) {
        match neighbour {
            Neighbour::Pool => {
                // Its workers' attempts died with it; their threads are told to stop.
                for attempt in self.attempts.values() {
                    attempt.cancel();
                }
                self.attempts.clear();
                self.waiting.clear();
                self.in_pool = 0;
                self.join();
            }
            Neighbour::Splitter | Neighbour::Puller | Neighbour::Pusher => {
                self.ask_again(neighbour);
            }
            Neighbour::StatusLog => {}
        }
    }
}
