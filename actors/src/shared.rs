//! What all actors of a node hold: configuration, store, checkpoints, spool, and each other's addresses.

use std::num::NonZeroU32;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::FutureExt as _;
use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{NodeId, Token};
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{Decision, Record};
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::checkpoints::Checkpoints;
use crate::engine::Engine;
use crate::jobs::Jobs;
use crate::post::Post;
use crate::random;
use crate::spool::Spool;
use crate::state_dir::StateDir;
use crate::store::{Decided, RECORD_LIMIT, Says, Store, StoreError};
use crate::turns::Turns;

/// Shared by all actors; none of it is a truth of its own.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) node: NodeId,
    pub(crate) workers: NonZeroU32,
    pub(crate) fingerprint: String,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) store: Store,
    pub(crate) checkpoints: Arc<dyn Checkpoints>,
    pub(crate) spool: Spool,
    /// Locked for as long as anything of this node is left.
    pub(crate) _state_dir: StateDir,
    pub(crate) post: Post,
    pub(crate) jobs: Jobs,
    /// Who is at work for which run.
    pub(crate) turns: Turns,
    /// Becomes true when the node stops: nothing new is begun.
    pub(crate) stopping: watch::Sender<bool>,
    /// Work that runs beside the actors, to be ended with the node.
    pub(crate) tasks: Mutex<JoinSet<()>>,
}

/// Where the body of a decision is kept until it is settled.
pub(crate) fn kept_under(key: &str) -> String {
    format!("decide/{key}")
}

/// A record with the token that it was decided under, and whether that was ours.
#[derive(Debug)]
pub(crate) struct Settled<T> {
    pub(crate) token: Token,
    pub(crate) record: T,
}

impl Shared {
    /// Runs work beside the actors; it ends with the node.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(work);
    }

    /// Ends all work beside the actors and waits until it has ended.
    pub(crate) async fn end_tasks(&self) {
        let mut tasks = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        tasks.shutdown().await;
    }

    /// Whether the node is being stopped.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns when the node is being stopped.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as this does.
        drop(
            self.stopping
                .subscribe()
                .wait_for(|stopping| *stopping)
                .await,
        );
    }

    /// Decides `key`: our record if it is absent, else the one that stands. The body is kept in the
    /// checkpoints before the first put, so that a restarted process puts the same bytes.
    pub(crate) async fn decide<T: Record>(
        self: &Arc<Self>,
        key: &Key,
        record: T,
    ) -> Result<Settled<T>, Failure> {
        let body = self.kept_body(&key.to_string(), record).await?;
        let settled = self.settle(key, body).await?;
        let (shared, kept) = (Arc::clone(self), kept_under(&key.to_string()));
        blocking(move || {
            // One that stays behind is only put again and found settled.
            drop(shared.checkpoints.delete(&kept));
        })
        .await?;
        Ok(settled)
    }

    /// The same with a token and a record that the caller keeps himself.
    pub(crate) async fn decide_as<T: Record>(
        &self,
        key: &Key,
        token: Token,
        record: T,
    ) -> Result<Settled<T>, Failure> {
        let body = Decision { token, record }
            .to_bytes()
            .map_err(|error| bug(format!("encoding {key}: {error}")))?;
        self.settle(key, body.into()).await
    }

    async fn settle<T: Record>(&self, key: &Key, body: Bytes) -> Result<Settled<T>, Failure> {
        let key = key.to_string();
        let standing = match self.store.decide(&key, body.clone()).await {
            Decided::Won => body,
            Decided::Lost(other) => other,
            Decided::Unknown { answer } => {
                return Err(transient(format!("deciding {key}"), answer));
            }
        };
        let Decision { token, record } =
            Decision::from_bytes(&standing).map_err(|error| damaged(&key, &error.to_string()))?;
        Ok(Settled { token, record })
    }

    async fn kept_body<T: Record>(
        self: &Arc<Self>,
        key: &str,
        record: T,
    ) -> Result<Bytes, Failure> {
        let decision = Decision {
            token: random::token(),
            record,
        };
        let body = decision
            .to_bytes()
            .map_err(|error| bug(format!("encoding {key}: {error}")))?;
        let (shared, kept) = (Arc::clone(self), kept_under(key));
        blocking(move || {
            if let Some(body) = shared.checkpoints.get(&kept)? {
                return Ok(Bytes::from(body));
            }
            shared.checkpoints.put(&kept, &body)?;
            shared.checkpoints.flush()?;
            Ok(Bytes::from(body))
        })
        .await?
        .map_err(|error: crate::checkpoints::CheckpointError| {
            transient(format!("keeping the body of {key}"), error.to_string())
        })
    }

    /// Reads a decision; `None` if nobody has decided.
    pub(crate) async fn decided<T: Record>(
        &self,
        key: &Key,
    ) -> Result<Option<Settled<T>>, Failure> {
        let key = key.to_string();
        let found = self.store.get(&key, RECORD_LIMIT).await.map_err(store)?;
        found
            .map(|bytes| {
                let decision = Decision::<T>::from_bytes(&bytes)
                    .map_err(|error| damaged(&key, &error.to_string()))?;
                Ok(Settled {
                    token: decision.token,
                    record: decision.record,
                })
            })
            .transpose()
    }
}

/// Runs blocking work on a thread for it; a panic there is a bug, and the caller lives.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| bug(panic_text(error)))
}

/// Runs a future so that a panic in it is a bug of that piece of work and no more.
pub(crate) async fn guarded<T, E: From<Failure>>(
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|panic| Err(bug(crate::panics::text(panic.as_ref())).into()))
}

fn panic_text(error: tokio::task::JoinError) -> String {
    error.try_into_panic().map_or_else(
        |_cancelled| "the work was cancelled".to_owned(),
        |panic| crate::panics::text(panic.as_ref()),
    )
}

fn failure(class: FailureClass, what: String, evidence: Vec<String>) -> Failure {
    Failure {
        class,
        what,
        evidence,
    }
}

/// Something outside was busy, slow or gone.
pub(crate) fn transient(what: String, answer: String) -> Failure {
    failure(FailureClass::Transient, what, vec![answer])
}

/// No repetition helps.
pub(crate) fn permanent(what: String, answer: String) -> Failure {
    failure(FailureClass::Permanent, what, vec![answer])
}

/// One of our own rules is broken.
pub(crate) fn bug(what: String) -> Failure {
    failure(FailureClass::Bug, what, Vec::new())
}

fn damaged(key: &str, answer: &str) -> Failure {
    permanent(format!("{key} in the store is damaged"), answer.to_owned())
}

/// The class of what the store answered: it has tried for half a minute by then. Only an answer about the
/// object itself is evidence against it.
pub(crate) fn store(error: StoreError) -> Failure {
    let what = format!("{} {}", error.what, error.key);
    match error.says {
        Says::Absent | Says::Misshapen => permanent(what, error.answer),
        Says::Nothing => transient(what, error.answer),
    }
}

/// The class of what the engine said. `None` for a cancellation, which is no failure.
pub(crate) fn of_media(error: &MediaError) -> Option<Failure> {
    let class = match error {
        MediaError::Cancelled => return None,
        MediaError::Io { source, .. } => of_io(source.kind()),
        MediaError::Unreadable { .. }
        | MediaError::OutOfScope { .. }
        | MediaError::LimitPassed { .. } => FailureClass::Permanent,
        MediaError::Bug { .. } => FailureClass::Bug,
    };
    Some(failure(class, error.to_string(), Vec::new()))
}

/// Whether trying again may help: a file that isn't there, mustn't be read or has changed stays so.
pub(crate) fn of_io(kind: std::io::ErrorKind) -> FailureClass {
    use std::io::ErrorKind;
    match kind {
        ErrorKind::NotFound
        | ErrorKind::PermissionDenied
        | ErrorKind::InvalidData
        | ErrorKind::InvalidInput
        | ErrorKind::UnexpectedEof
        | ErrorKind::FileTooLarge => FailureClass::Permanent,
        _ => FailureClass::Transient,
    }
}

/// Stops blocking work of the node's own when the node stops.
#[derive(Debug)]
pub(crate) struct UntilStopped<'a> {
    pub(crate) shared: &'a Shared,
}

impl Control for UntilStopped<'_> {
    fn cancelled(&self) -> bool {
        self.shared.is_stopping()
    }

    fn progress(&self, _done: u64) {}
}
