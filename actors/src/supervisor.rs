//! The root of a node's actors: starts each one, and again when it dies, after a pause that grows.
//!
//! One for one, but for the coordinator, with which the pool is started again: its attempts belong to the
//! coordinator that handed them out. A child that dies again and again ends the supervisor, and with it
//! all waiting for jobs. Persists nothing; a crash is the node's end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};

use crate::api::JobError;
use crate::coordinator::{Coordinator, CoordinatorMessage, Neighbour};
use crate::pool::{Pool, PoolSetup};
use crate::puller::Puller;
use crate::pusher::Pusher;
use crate::restarts::Restarts;
use crate::shared::Shared;
use crate::splitter::Splitter;
use crate::status_log::StatusLog;

/// The actors of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Child {
    StatusLog,
    Puller,
    Splitter,
    Pusher,
    Pool,
    Coordinator,
}

impl Child {
    /// In the order in which they are started: who asks comes behind who is asked.
    const ALL: [Self; 6] = [
        Self::StatusLog,
        Self::Puller,
        Self::Splitter,
        Self::Pusher,
        Self::Pool,
        Self::Coordinator,
    ];

    const fn neighbour(self) -> Option<Neighbour> {
        match self {
            Self::StatusLog => Some(Neighbour::StatusLog),
            Self::Puller => Some(Neighbour::Puller),
            Self::Splitter => Some(Neighbour::Splitter),
            Self::Pusher => Some(Neighbour::Pusher),
            Self::Pool => Some(Neighbour::Pool),
            Self::Coordinator => None,
        }
    }
}

/// What the supervisor is told.
#[derive(Debug)]
pub(crate) enum SupervisorMessage {
    /// From itself: the pause before a restart is over.
    Restart(Child),
    /// Kill the actor of this name, as a crash would.
    Crash(String),
}

/// The actor.
pub(crate) struct NodeSupervisor;

/// What it knows of its children.
pub(crate) struct SupervisorState {
    shared: Arc<Shared>,
    children: BTreeMap<Child, ActorCell>,
    restarts: BTreeMap<Child, Restarts>,
}

impl Actor for NodeSupervisor {
    type Msg = SupervisorMessage;
    type State = SupervisorState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        myself: ActorRef<SupervisorMessage>,
        shared: Arc<Shared>,
    ) -> Result<SupervisorState, ActorProcessingErr> {
        let mut state = SupervisorState {
            shared,
            children: BTreeMap::new(),
            restarts: BTreeMap::new(),
        };
        for child in Child::ALL {
            state.start(&myself, child).await?;
        }
        Ok(state)
    }

    async fn handle(
        &self,
        myself: ActorRef<SupervisorMessage>,
        message: SupervisorMessage,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        let child = match message {
            SupervisorMessage::Restart(child) => child,
            SupervisorMessage::Crash(name) => {
                state.crash(&name);
                return Ok(());
            }
        };
        if let Err(error) = state.start(&myself, child).await {
            return state.restart_later(&myself, child, &error.to_string());
        }
        if let Some(neighbour) = child.neighbour() {
            let message = CoordinatorMessage::Restarted(neighbour);
            state.shared.post.coordinator.send(message);
        }
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<SupervisorMessage>,
        event: SupervisionEvent,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        let (cell, why) = match event {
            SupervisionEvent::ActorFailed(cell, error) => (cell, error.to_string()),
            SupervisionEvent::ActorTerminated(cell, _, reason) => {
                (cell, reason.unwrap_or_else(|| "it stopped".to_owned()))
            }
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => {
                return Ok(());
            }
        };
        let Some(child) = state.child(cell.get_id()) else {
            return Ok(());
        };
        state.children.remove(&child);
        if child == Child::Coordinator
            && let Some(pool) = state.children.get(&Child::Pool)
        {
            pool.kill();
        }
        state.restart_later(&myself, child, &why)
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<SupervisorMessage>,
        state: &mut SupervisorState,
    ) -> Result<(), ActorProcessingErr> {
        state.shared.jobs.end_all(&JobError::Stopped);
        Ok(())
    }
}

impl SupervisorState {
    fn child(&self, id: ActorId) -> Option<Child> {
        let mut children = self.children.iter();
        let found = children.find(|(_, cell)| cell.get_id() == id);
        found.map(|(&child, _)| child)
    }

    fn crash(&self, name: &str) {
        let mut children = self.children.iter();
        let found = children.find(|(child, _)| format!("{child:?}") == name);
        if let Some((_, cell)) = found {
            cell.kill();
        }
    }

    /// Fails when the child dies again and again.
    fn restart_later(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        child: Child,
        why: &str,
    ) -> Result<(), ActorProcessingErr> {
        if self.shared.is_stopping() {
            return Ok(());
        }
        let pause = self
            .restarts
            .entry(child)
            .or_default()
            .failed(Instant::now());
        let Some(pause) = pause else {
            let what = format!("the {child:?} dies again and again: {why}");
            self.shared.jobs.end_all(&JobError::Failed {
                what: what.clone(),
                evidence: vec![why.to_owned()],
                needs_attention: true,
            });
            return Err(what.into());
        };
        tracing::warn!(?child, why, ?pause, "an actor died and is started again");
        drop(myself.send_after(pause, move || SupervisorMessage::Restart(child)));
        Ok(())
    }

    async fn start(
        &mut self,
        myself: &ActorRef<SupervisorMessage>,
        child: Child,
    ) -> Result<(), ActorProcessingErr> {
        let (me, shared) = (myself.get_cell(), Arc::clone(&self.shared));
        let post = &self.shared.post;
        let cell = match child {
            Child::StatusLog => {
                let (actor, _) = StatusLog::spawn_linked(None, StatusLog, shared, me).await?;
                post.status_log.set(actor.clone());
                actor.get_cell()
            }
            Child::Puller => {
                let (actor, _) = Puller::spawn_linked(None, Puller, shared, me).await?;
                post.puller.set(actor.clone());
                actor.get_cell()
            }
            Child::Splitter => {
                let (actor, _) = Splitter::spawn_linked(None, Splitter, shared, me).await?;
                post.splitter.set(actor.clone());
                actor.get_cell()
            }
            Child::Pusher => {
                let (actor, _) = Pusher::spawn_linked(None, Pusher, shared, me).await?;
                post.pusher.set(actor.clone());
                actor.get_cell()
            }
            Child::Pool => {
                let setup = self.pool_setup();
                let (actor, _) = Pool::spawn_linked(None, Pool, setup, me).await?;
                post.pool.set(actor.clone());
                actor.get_cell()
            }
            Child::Coordinator => {
                let (actor, _) = Coordinator::spawn_linked(None, Coordinator, shared, me).await?;
                post.coordinator.set(actor.clone());
                actor.get_cell()
            }
        };
        self.children.insert(child, cell);
        Ok(())
    }

    fn pool_setup(&self) -> PoolSetup {
        // A weak reference: the workers' threads outlive the node, and must not keep its locks.
        let shared = Arc::downgrade(&self.shared);
        PoolSetup {
            workers: self.shared.workers,
            engine: Arc::clone(&self.shared.engine),
            spool: self.shared.spool.clone(),
            listener: Arc::new(move |event| {
                if let Some(shared) = shared.upgrade() {
                    let message = CoordinatorMessage::Pool(event);
                    shared.post.coordinator.send(message);
                }
            }),
        }
    }
}
