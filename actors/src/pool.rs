//! The node's workers: hands assignments to idle ones, starts dead ones again.
//!
//! The pool persists nothing and decides nothing about units: it refuses what it has no worker for,
//! answers an assignment that it already runs with that attempt, and reports each attempt's end
//! exactly once. A crash of the pool costs the running attempts.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SupervisionEvent};
use reelmesh_domain::ids::{Token, WorkerSlot};

use crate::engine::{Engine, Watch};
use crate::restarts::Restarts;
use crate::spool::Spool;
use crate::worker::{Assignment, AttemptResult, Worker, WorkerMessage, WorkerSetup};

/// What the pool tells its owner; called from the pool's own task, so it must be quick.
pub type Listener = Arc<dyn Fn(PoolEvent) + Send + Sync>;

/// Something that the pool's owner must know.
#[derive(Debug)]
pub enum PoolEvent {
    /// A worker began the attempt.
    Began {
        /// Which worker.
        slot: WorkerSlot,
        /// The attempt.
        assignment: Assignment,
        /// How far it is, from now on.
        watch: Arc<Watch>,
    },
    /// The attempt ended.
    Ended {
        /// Which worker.
        slot: WorkerSlot,
        /// The attempt.
        assignment: Assignment,
        /// How.
        result: AttemptResult,
    },
    /// No worker is idle: the assignment isn't taken.
    Refused(Assignment),
}

/// What the pool is told.
pub enum PoolMessage {
    /// Begin this attempt.
    Assign(Assignment),
    /// Stop this attempt; it then ends as failed by cancellation. One that isn't here is fine.
    Revoke(Token),
    /// How many workers are idle.
    Idle(RpcReplyPort<u32>),
    /// From a worker: its attempt ended.
    Ended {
        /// Which worker.
        slot: WorkerSlot,
        /// The attempt.
        token: Token,
        /// How.
        result: AttemptResult,
    },
    /// From the pool itself: the pause before a restart is over.
    Restart(WorkerSlot),
}

impl fmt::Debug for PoolMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assign(assignment) => f.debug_tuple("Assign").field(assignment).finish(),
            Self::Revoke(token) => f.debug_tuple("Revoke").field(token).finish(),
            Self::Idle(_) => f.write_str("Idle"),
            Self::Ended { slot, token, .. } => {
                f.debug_tuple("Ended").field(slot).field(token).finish()
            }
            Self::Restart(slot) => f.debug_tuple("Restart").field(slot).finish(),
        }
    }
}

/// How a pool is started.
#[derive(Clone)]
pub struct PoolSetup {
    /// How many workers.
    pub workers: NonZeroU32,
    /// What runs the tasks.
    pub engine: Arc<dyn Engine>,
    /// Where fragments go.
    pub spool: Spool,
    /// Who is told.
    pub listener: Listener,
}

impl fmt::Debug for PoolSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolSetup")
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

/// The actor.
#[derive(Clone, Copy, Debug)]
pub struct Pool;

/// What the pool knows of its workers.
pub struct PoolState {
    setup: PoolSetup,
    slots: BTreeMap<WorkerSlot, Slot>,
}

impl fmt::Debug for PoolState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolState")
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Slot {
    /// `None` while it waits for its restart.
    worker: Option<ActorRef<WorkerMessage>>,
    running: Option<(Assignment, Arc<Watch>)>,
    restarts: Restarts,
}

impl Actor for Pool {
    type Msg = PoolMessage;
    type State = PoolState;
    type Arguments = PoolSetup;

    async fn pre_start(
        &self,
        myself: ActorRef<PoolMessage>,
        setup: PoolSetup,
    ) -> Result<PoolState, ActorProcessingErr> {
        let mut state = PoolState {
            slots: BTreeMap::new(),
            setup,
        };
        for slot in (0..state.setup.workers.get()).map(WorkerSlot) {
            state.slots.insert(slot, Slot::default());
            state.start_worker(&myself, slot).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<PoolMessage>,
        message: PoolMessage,
        state: &mut PoolState,
    ) -> Result<(), ActorProcessingErr> {
        match message {
            PoolMessage::Assign(assignment) => state.assign(assignment),
            PoolMessage::Revoke(token) => state.revoke(token),
            PoolMessage::Idle(reply) => {
                let idle = state.slots.values().filter(|slot| slot.idle().is_some());
                // Who asked may have gone.
                drop(reply.send(u32::try_from(idle.count()).unwrap_or(u32::MAX)));
            }
            PoolMessage::Ended {
                slot,
                token,
                result,
            } => state.ended(slot, token, result),
            PoolMessage::Restart(slot) => {
                if let Err(error) = state.start_worker(&myself, slot).await {
                    state.restart_later(&myself, slot, &error.to_string())?;
                }
            }
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<PoolMessage>,
        event: SupervisionEvent,
        state: &mut PoolState,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, evidence) = match event {
            SupervisionEvent::ActorFailed(cell, error) => (cell, error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => (
                cell,
                reason.unwrap_or_else(|| "the worker stopped".to_owned()),
            ),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {
                return Ok(());
            }
        };
        state.worker_died(&myself, &cell, evidence)
    }
}

impl Slot {
    /// The worker, if it has nothing to do.
    fn idle(&self) -> Option<&ActorRef<WorkerMessage>> {
        self.worker.as_ref().filter(|_| self.running.is_none())
    }
}

impl PoolState {
    fn assign(&mut self, assignment: Assignment) {
        let known = self.slots.values().any(|slot| {
            let running = slot.running.as_ref();
            running.is_some_and(|(running, _)| running.token == assignment.token)
        });
        if known {
            return;
        }
        let watch = Arc::new(Watch::default());
        for (&number, slot) in &mut self.slots {
            let Some(worker) = slot.idle() else { continue };
            let order = WorkerMessage::Run(assignment.clone(), Arc::clone(&watch));
            if worker.cast(order).is_err() {
                // It has just died: supervision starts it again.
                continue;
            }
            slot.running = Some((assignment.clone(), Arc::clone(&watch)));
            (self.setup.listener)(PoolEvent::Began {
                slot: number,
                assignment,
                watch,
            });
            return;
        }
        (self.setup.listener)(PoolEvent::Refused(assignment));
    }

    fn revoke(&self, token: Token) {
        let running = self.slots.values().filter_map(|slot| slot.running.as_ref());
        for (assignment, watch) in running {
            if assignment.token == token {
                watch.cancel();
            }
        }
    }

    fn ended(&mut self, number: WorkerSlot, token: Token, result: AttemptResult) {
        let running = self.slots.get_mut(&number).and_then(|slot| {
            slot.running
                .take_if(|(assignment, _)| assignment.token == token)
        });
        // What isn't known was reported as crashed when its worker died.
        if let Some((assignment, _)) = running {
            (self.setup.listener)(PoolEvent::Ended {
                slot: number,
                assignment,
                result,
            });
        }
    }

    fn worker_died(
        &mut self,
        myself: &ActorRef<PoolMessage>,
        cell: &ActorCell,
        evidence: String,
    ) -> Result<(), ActorProcessingErr> {
        let found = self.slots.iter_mut().find(|(_, slot)| {
            let worker = slot.worker.as_ref();
            worker.is_some_and(|worker| worker.get_id() == cell.get_id())
        });
        let Some((&number, slot)) = found else {
            return Ok(());
        };
        slot.worker = None;
        let running = slot.running.take();
        self.restart_later(myself, number, &evidence)?;
        if let Some((assignment, watch)) = running {
            watch.cancel();
            (self.setup.listener)(PoolEvent::Ended {
                slot: number,
                assignment,
                result: AttemptResult::Crashed { evidence },
            });
        }
        Ok(())
    }

    /// Fails when the worker died too often: the pool's own supervisor must know.
    fn restart_later(
        &mut self,
        myself: &ActorRef<PoolMessage>,
        number: WorkerSlot,
        evidence: &str,
    ) -> Result<(), ActorProcessingErr> {
        let Some(slot) = self.slots.get_mut(&number) else {
            return Ok(());
        };
        let pause = slot
            .restarts
            .failed(Instant::now())
            .ok_or_else(|| format!("worker {number} dies again and again: {evidence}"))?;
        tracing::warn!(worker = %number, evidence, ?pause, "a worker died and is started again");
        drop(myself.send_after(pause, move || PoolMessage::Restart(number)));
        Ok(())
    }

    async fn start_worker(
        &mut self,
        myself: &ActorRef<PoolMessage>,
        number: WorkerSlot,
    ) -> Result<(), ActorProcessingErr> {
        let setup = WorkerSetup {
            slot: number,
            pool: myself.clone(),
            engine: Arc::clone(&self.setup.engine),
            spool: self.setup.spool.clone(),
        };
        let (worker, _task) = Worker::spawn_linked(None, Worker, setup, myself.get_cell()).await?;
        if let Some(slot) = self.slots.get_mut(&number) {
            slot.worker = Some(worker);
        }
        Ok(())
    }
}
