//! Where the node's actors are reached: a restarted actor has another address, and its neighbours find
//! it here.
//!
//! A message to an actor that is being restarted is lost, as any message may be: the coordinator repeats
//! what it still waits for when the supervisor says that an actor was started again.

use std::sync::{Mutex, PoisonError};

use ractor::ActorRef;

use crate::coordinator::CoordinatorMessage;
use crate::pool::PoolMessage;
use crate::puller::PullerMessage;
use crate::pusher::PusherMessage;
use crate::splitter::SplitterMessage;
use crate::status_log::StatusLogMessage;

/// The address of one actor, while it lives.
pub(crate) struct Address<M>(Mutex<Option<ActorRef<M>>>);

impl<M> Default for Address<M> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<M: ractor::Message> Address<M> {
    /// The actor was started, again or for the first time.
    pub(crate) fn set(&self, actor: ActorRef<M>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(actor);
    }

    /// Sends; says whether somebody was there to take it.
    pub(crate) fn send(&self, message: M) -> bool {
        let actor = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        actor.is_some_and(|actor| actor.cast(message).is_ok())
    }
}

/// All addresses.
#[derive(Default)]
pub(crate) struct Post {
    pub(crate) coordinator: Address<CoordinatorMessage>,
    pub(crate) splitter: Address<SplitterMessage>,
    pub(crate) puller: Address<PullerMessage>,
    pub(crate) pool: Address<PoolMessage>,
    pub(crate) pusher: Address<PusherMessage>,
    pub(crate) status_log: Address<StatusLogMessage>,
}

impl std::fmt::Debug for Post {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Post")
    }
}
