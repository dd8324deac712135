//! Brings things into the store: blobs and commits of spooled attempts, verdicts; and starts what follows
//! a verdict ([`crate::publishing`]).
//!
//! Before a commit's first put its whole body lies in the checkpoints: after a crash of the actor the
//! coordinator asks again, after one of the process [`Shared::push_leftovers`] finds it there, and the
//! attempt isn't encoded again.

use std::sync::Arc;

use bytes::Bytes;
use ractor::{Actor, ActorProcessingErr, ActorRef};
use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{RunId, Token, UnitId, WorkerSlot};
use reelmesh_domain::schedule::SoughtVerdict;
use reelmesh_domain::store::keys::{BlobName, Key};
use reelmesh_domain::store::records::{
    BlobRef, CommitRecord, SCAN_BLOB, ScanReport, UnitReport, VerdictRecord,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::checkpoints::CheckpointError;
use crate::coordinator::CoordinatorMessage;
use crate::engine::TaskReport;
use crate::random;
use crate::shared::{Settled, Shared, blocking, bug, guarded, transient};
use crate::spool::SpooledBlob;
use crate::worker::Assignment;

/// Commits under way at once: enough to hide the store's answers, few enough that a blob of each fits
/// into memory.
const COMMITS_AT_ONCE: usize = 2;

/// A spooled attempt whose commit is under way, as it lies in the checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pending {
    pub(crate) run: RunId,
    pub(crate) unit: UnitId,
    /// The attempt's, and the commit's.
    pub(crate) token: Token,
    pub(crate) record: CommitRecord,
}

/// Why an attempt wasn't committed.
#[derive(Debug)]
pub(crate) enum CommitError {
    /// Its bytes are gone or damaged: another attempt is needed.
    Spool(Failure),
    /// The store doesn't answer; the attempt stays spooled.
    Store(Failure),
}

impl From<Failure> for CommitError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure)
    }
}

/// What the pusher is told.
#[derive(Debug)]
pub(crate) enum PusherMessage {
    /// Commit a spooled attempt; answered by [`CoordinatorMessage::Committed`].
    Commit(Box<Pending>),
    /// Put a verdict; answered by [`CoordinatorMessage::VerdictStands`].
    DecideVerdict(Box<SoughtVerdict>),
    /// Carry out the verdict that stands; answered by [`CoordinatorMessage::Concluded`].
    Conclude(RunId),
}

/// The actor.
pub(crate) struct Pusher;

/// What it holds.
pub(crate) struct PusherState {
    shared: Arc<Shared>,
    commits: Arc<Semaphore>,
}

impl Actor for Pusher {
    type Msg = PusherMessage;
    type State = PusherState;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _myself: ActorRef<PusherMessage>,
        shared: Arc<Shared>,
    ) -> Result<PusherState, ActorProcessingErr> {
        Ok(PusherState {
            shared,
            commits: Arc::new(Semaphore::new(COMMITS_AT_ONCE)),
        })
    }

    async fn handle(
        &self,
        _myself: ActorRef<PusherMessage>,
        message: PusherMessage,
        state: &mut PusherState,
    ) -> Result<(), ActorProcessingErr> {
        let shared = Arc::clone(&state.shared);
        match message {
            PusherMessage::Commit(pending) => {
                let commits = Arc::clone(&state.commits);
                let committing = shared.turns.commit(pending.run);
                state.shared.spawn(async move {
                    let result = guarded(shared.commit_in_turn(&pending, &commits)).await;
                    drop(committing);
                    let message = CoordinatorMessage::Committed { pending, result };
                    shared.post.coordinator.send(message);
                });
            }
            PusherMessage::DecideVerdict(sought) => state.shared.spawn(async move {
                let run = sought.run;
                let result = guarded(shared.decide_verdict(*sought)).await;
                let message = CoordinatorMessage::VerdictStands { run, result };
                shared.post.coordinator.send(message);
            }),
            PusherMessage::Conclude(run) => state.shared.spawn(async move {
                let result = guarded(shared.conclude(run)).await;
                let message = CoordinatorMessage::Concluded { run, result };
                shared.post.coordinator.send(message);
            }),
        }
        Ok(())
    }
}

impl Pending {
    fn checkpoint(&self) -> String {
        format!("{}{}", leftovers_of(self.run), self.token)
    }

    /// The blobs with their places in the spool.
    fn blobs(&self) -> impl Iterator<Item = (usize, SpooledBlob, &str, u32)> {
        let mut end = 0;
        let mut track = None;
        self.record.blobs.iter().map(move |blob| {
            if track.replace(blob.track) != Some(blob.track) {
                end = 0;
            }
            let start = end;
            end += blob.size;
            let spooled = SpooledBlob {
                range: start..end,
                hash: blake3::Hash::from_bytes(blob.blake3),
                fragments: blob.fragments,
            };
            let track = usize::try_from(blob.track).unwrap_or(usize::MAX);
            (track, spooled, blob.rendition.as_str(), blob.part)
        })
    }
}

fn leftovers_of(run: RunId) -> String {
    format!("spooled/{run}/")
}

impl Shared {
    /// Keeps the commit's body; from now on the attempt survives the process.
    pub(crate) async fn keep_pending(self: &Arc<Self>, pending: &Pending) -> Result<(), Failure> {
        let key = pending.checkpoint();
        let bytes = codec::encode(Kind::Checkpoint, pending)
            .map_err(|error| bug(format!("encoding a commit: {error}")))?;
        let shared = Arc::clone(self);
        let kept = blocking(move || {
            shared.checkpoints.put(&key, &bytes)?;
            shared.checkpoints.flush()
        });
        kept.await?
            .map_err(|error| transient("keeping a commit's body".to_owned(), error.to_string()))
    }

    /// Keeps the body at once, and commits when it is the attempt's turn.
    async fn commit_in_turn(
        self: &Arc<Self>,
        pending: &Pending,
        commits: &Semaphore,
    ) -> Result<Settled<CommitRecord>, CommitError> {
        self.keep_pending(pending).await?;
        // The semaphore is never closed.
        let _turn = commits.acquire().await;
        self.commit(pending).await
    }

    /// Puts the blobs, then the commit. The answer is the commit that stands: ours or another's.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        pending: &Pending,
    ) -> Result<Settled<CommitRecord>, CommitError> {
        let _committing = self.turns.commit(pending.run);
        let key = Key::Commit(pending.run, pending.unit);
        // Also when it is asked for a second time: then the spool may be gone already.
        let standing = match self.decided::<CommitRecord>(&key).await? {
            Some(standing) => standing,
            None => match self.put_commit(pending).await {
                // It may have gone because the commit was put meanwhile by whoever was asked first.
                Err(CommitError::Spool(failure)) => match self.decided::<CommitRecord>(&key).await?
                {
                    Some(standing) => standing,
                    None => return Err(CommitError::Spool(failure)),
                },
                put => put?,
            },
        };
        if standing.token != pending.token {
            compare(pending, &standing.record);
        }
        self.drop_pending(pending).await;
        Ok(standing)
    }

    async fn put_commit(
        self: &Arc<Self>,
        pending: &Pending,
    ) -> Result<Settled<CommitRecord>, CommitError> {
        for (track, blob, rendition, part) in pending.blobs() {
            let name = BlobName::new(rendition, part).map_err(|error| bug(error.to_string()))?;
            let key = Key::Blob(pending.run, pending.unit, pending.token, name);
            let (spool, token) = (self.spool.clone(), pending.token);
            let read = blocking(move || spool.read(token, track, &blob)).await?;
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.drop_pending(pending).await;
                    let what = "reading spooled bytes".to_owned();
                    return Err(CommitError::Spool(transient(what, error.to_string())));
                }
            };
            let key = key.to_string();
            let put = self.store.put_blob(&key, Bytes::from(bytes)).await;
            put.map_err(crate::shared::store)?;
        }
        let key = Key::Commit(pending.run, pending.unit);
        let token = pending.token;
        let decided = self.decide_as(&key, token, pending.record.clone());
        Ok(decided.await?)
    }

    /// Forgets a spooled attempt; what stays behind is swept at the next start.
    pub(crate) async fn drop_pending(self: &Arc<Self>, pending: &Pending) {
        let (shared, key, token) = (Arc::clone(self), pending.checkpoint(), pending.token);
        let dropped = blocking(move || {
            shared.checkpoints.delete(&key).is_ok() && shared.spool.remove(token).is_ok()
        });
        if !matches!(dropped.await, Ok(true)) {
            tracing::warn!(%token, "a spooled attempt stays behind until the next start");
        }
    }

    /// The spooled attempts that an earlier process didn't commit.
    pub(crate) fn leftovers(&self, prefix: Option<RunId>) -> Result<Vec<Pending>, CheckpointError> {
        let prefix = prefix.map_or_else(|| "spooled/".to_owned(), leftovers_of);
        let found = self.checkpoints.scan(&prefix)?;
        let decode = |(_, bytes): (String, Vec<u8>)| codec::decode(Kind::Checkpoint, &bytes).ok();
        Ok(found.into_iter().filter_map(decode).collect())
    }

    /// Commits what an earlier process has spooled for the run; what can't be is encoded again.
    pub(crate) async fn push_leftovers(self: &Arc<Self>, run: RunId) -> Result<(), Failure> {
        let shared = Arc::clone(self);
        let leftovers = blocking(move || shared.leftovers(Some(run))).await?;
        let leftovers = leftovers
            .map_err(|error| transient("finding spooled work".to_owned(), error.to_string()))?;
        for pending in leftovers {
            match self.commit(&pending).await {
                Ok(standing) if standing.token == pending.token => {
                    let attempt = pending.record.attempt;
                    // One that stays is counted twice in the report, no more.
                    drop(self.forget_attempt(run, pending.unit, attempt));
                }
                Ok(_another) => {}
                Err(CommitError::Spool(failure)) => {
                    tracing::warn!(unit = %pending.unit, ?failure, "a spooled attempt is given up");
                }
                Err(CommitError::Store(failure)) => return Err(failure),
            }
        }
        Ok(())
    }

    /// Puts a verdict; the answer is the one that stands.
    pub(crate) async fn decide_verdict(
        self: &Arc<Self>,
        sought: SoughtVerdict,
    ) -> Result<VerdictRecord, Failure> {
        let (shared, run) = (Arc::clone(self), sought.run);
        let ended_otherwise = blocking(move || shared.noted_attempts(run)).await?;
        let record = VerdictRecord {
            verdict: sought.verdict,
            why: sought.why,
            evidence: sought.evidence,
            needs_attention: sought.needs_attention,
            ended_otherwise,
            decided: random::wall_time(),
        };
        let settled = self.decide(&Key::Verdict(run), record).await?;
        Ok(settled.record)
    }
}

/// Two attempts at one unit must have made the same bytes.
fn compare(ours: &Pending, theirs: &CommitRecord) {
    let hashes = |record: &CommitRecord| {
        let blobs = record.blobs.iter().map(|blob| (blob.size, blob.blake3));
        blobs.collect::<Vec<_>>()
    };
    if hashes(&ours.record) != hashes(theirs) {
        tracing::error!(
            unit = %ours.unit,
            attempt = %ours.record.attempt,
            other = %theirs.attempt,
            "two attempts made different bytes: this machine or reelmesh is at fault"
        );
    }
}

/// The commit of an attempt, without its blobs; worker and start are the caller's to say.
pub(crate) fn commit_record(
    shared: &Shared,
    assignment: &Assignment,
    report: TaskReport,
) -> CommitRecord {
    CommitRecord {
        attempt: assignment.attempt,
        speculative: false,
        node: shared.node.clone(),
        worker: WorkerSlot(0),
        fingerprint: shared.fingerprint.clone(),
        blobs: Vec::new(),
        report: match report {
            TaskReport::Scan(scanned) => UnitReport::Scan(ScanReport {
                frames: scanned.timeline.frames.len() as u64,
                cpu_us: 0,
            }),
            TaskReport::Chunk(report) => UnitReport::Chunk(*report),
            TaskReport::Audio(report) => UnitReport::Audio(*report),
        },
        created: assignment.created,
        started: assignment.created,
        ended: random::wall_time(),
    }
}

/// References to the spooled blobs; a scan's only track has no rendition.
pub(crate) fn with_blobs(
    record: CommitRecord,
    blobs: &[Vec<SpooledBlob>],
    renditions: &[String],
) -> CommitRecord {
    let scan = matches!(record.report, UnitReport::Scan(_));
    let tracks = (0_u32..).zip(blobs).flat_map(|(track, blobs)| {
        let place = usize::try_from(track).unwrap_or(usize::MAX);
        let rendition = renditions.get(place).map_or(SCAN_BLOB, String::as_str);
        (0_u32..).zip(blobs).map(move |(part, blob)| BlobRef {
            track,
            part,
            rendition: rendition.to_owned(),
            size: blob.range.end - blob.range.start,
            blake3: *blob.hash.as_bytes(),
            fragments: if scan { 0 } else { blob.fragments },
        })
    });
    CommitRecord {
        blobs: tracks.collect(),
        ..record
    }
}
