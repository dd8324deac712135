//! Takes submissions: finds the job that the same command made before, or makes a new one.
//!
//! Acknowledged when `spec`, `keys/`, the claim, `start` and `open/` exist, in this order. Whoever finds a
//! job whose submission was cut off finishes it.

mod identity;
mod place;

use std::sync::Arc;
use std::time::Duration;

use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{JobId, RunId, RunNumber};
use reelmesh_domain::store::keys::{Key, KeyHash};
use reelmesh_domain::store::records::{
    KeyRecord, OpenRecord, Outcome, OutcomeRecord, Pin, SpecRecord, StartRecord,
};
use tokio::sync::oneshot;

use crate::api::{Admission, InputFault, JobError, Submission};
use crate::coordinator::CoordinatorMessage;
use crate::job_handle::Channels;
use crate::jobs::{Job, JobSpec};
use crate::puller::PinnedFile;
use crate::random;
use crate::report::JobReport;
use crate::shared::{Shared, blocking};
use identity::Identity;
use place::Kin;

/// Jobs that one command has made one after the other, each because the outputs of the one before were
/// missing or it had failed; more are a bug.
const JOBS_OF_A_COMMAND: u32 = 100_000;

/// How often a coordinator is told of a cancellation before it is given up: one that dies more often
/// within the pauses between takes its supervisor with it.
const CANCEL_TRIES: u32 = 16;
/// Pause between two of these.
const CANCEL_PAUSE: Duration = Duration::from_millis(500);

/// A run of a job is its first until retries exist.
const FIRST_RUN: RunNumber = RunNumber(0);

/// What was made of a submission.
pub(crate) enum Admitted {
    /// It is worked on.
    Taken(Arc<Job>),
    /// Everything is there already.
    Done(Arc<Job>, Box<Done>),
}

/// A job that is done and whose outputs are whole.
pub(crate) struct Done {
    pub(crate) outcome: OutcomeRecord,
    pub(crate) report: JobReport,
}

/// What the command's earlier jobs came to.
enum Earlier {
    /// This one hasn't ended.
    Open(JobId),
    /// This one is done and its outputs are whole.
    Done(JobId, Box<Done>),
    /// There is none to go on with; the next has this key.
    None(KeyHash),
}

impl Shared {
    /// Takes a submission. An open job of the same command on an earlier version of the source is ended:
    /// nobody could go on with it, and it holds the output place.
    pub(crate) async fn admit(
        self: &Arc<Self>,
        submission: Submission,
    ) -> Result<Admitted, JobError> {
        let path = submission.source.clone();
        let pinned = blocking(move || PinnedFile::pin(&path)).await;
        let pin = pinned.map_err(storage)?.map_err(|error| JobError::Input {
            file: submission.source.display().to_string(),
            fault: InputFault::Unreadable,
            reason: error.to_string(),
        })?;
        let identity = Identity::of(&submission, pin)?;
        self.try_place(&identity).await?;
        let Some(outdated) = self.outdated(&identity).await? else {
            return self.admit_version(&identity, submission.fresh).await;
        };
        let why = format!(
            "the source was changed since job {outdated} began: that job is cancelled, and another begun"
        );
        self.cancel_open(outdated, &identity, &why).await?;
        let admitted = self.admit_version(&identity, submission.fresh).await?;
        Ok(match admitted {
            Admitted::Taken(job) => Admitted::Taken(Arc::new(Job {
                notices: vec![why],
                ..Job::clone(&job)
            })),
            done @ Admitted::Done(..) => done,
        })
    }

    async fn admit_version(
        self: &Arc<Self>,
        identity: &Identity,
        fresh: bool,
    ) -> Result<Admitted, JobError> {
        match self.earlier(identity).await? {
            Earlier::Open(job) if fresh => {
                let why = "the command was repeated with --fresh";
                self.cancel_open(job, identity, why).await?;
                self.begin(identity, identity.fresh_key()).await
            }
            Earlier::Done(..) | Earlier::None(_) if fresh => {
                self.begin(identity, identity.fresh_key()).await
            }
            Earlier::Open(job) => {
                let job = self.acknowledge(identity, job, Admission::Resumed).await?;
                Ok(Admitted::Taken(job))
            }
            Earlier::Done(job, done) => {
                let run = run_of(job);
                let start = self.decided::<StartRecord>(&Key::Start(run)).await;
                let start = start
                    .map_err(storage)?
                    .ok_or_else(|| lacking("start", job))?;
                let job = new_job(run, Admission::AlreadyDone, &identity.spec, start.record);
                Ok(Admitted::Done(job, done))
            }
            Earlier::None(key) => self.begin(identity, key).await,
        }
    }

    async fn begin(
        self: &Arc<Self>,
        identity: &Identity,
        key: KeyHash,
    ) -> Result<Admitted, JobError> {
        let job = random::job_id();
        let spec = SpecRecord {
            job,
            submitted: random::wall_time(),
            spec: identity.spec.clone(),
        };
        self.decide(&Key::Spec(job), spec).await.map_err(storage)?;
        let record = KeyRecord {
            job,
            spec_hash: identity.spec_hash,
        };
        let settled = self.decide(&Key::Idempotency(key), record).await;
        let settled = settled.map_err(storage)?.record;
        let admission = if settled.job == job {
            Admission::New
        } else {
            Admission::Resumed
        };
        let job = self.acknowledge(identity, settled.job, admission).await?;
        Ok(Admitted::Taken(job))
    }

    /// The start of a run: ours, or the one that stands already.
    async fn decided_start(
        self: &Arc<Self>,
        identity: &Identity,
        run: RunId,
    ) -> Result<StartRecord, JobError> {
        let start = StartRecord {
            fingerprint: self.fingerprint.clone(),
            pin: identity.pin.clone(),
            started: random::wall_time(),
        };
        let start = self.decide(&Key::Start(run), start).await;
        Ok(start.map_err(storage)?.record)
    }

    /// Finishes a submission: claim, start, open.
    async fn acknowledge(
        self: &Arc<Self>,
        identity: &Identity,
        job: JobId,
        admission: Admission,
    ) -> Result<Arc<Job>, JobError> {
        self.claim_place(identity, job).await?;
        let run = run_of(job);
        let start = self.decided_start(identity, run).await?;
        if start.fingerprint != self.fingerprint {
            return Err(JobError::Failed {
                what: format!(
                    "job {job} was begun by another version of reelmesh or its libraries, which would \
                     make other bytes: repeat the command with --fresh"
                ),
                evidence: Vec::new(),
                needs_attention: false,
            });
        }
        let spec = &identity.spec.spec;
        let open = OpenRecord {
            tenant: spec.tenant.clone(),
            weight: spec.weight,
            deadline: spec.deadline,
        };
        self.decide(&Key::Open(run), open).await.map_err(storage)?;
        Ok(new_job(run, admission, &identity.spec, start))
    }

    /// Follows the jobs of this command from the first to the newest.
    async fn earlier(self: &Arc<Self>, identity: &Identity) -> Result<Earlier, JobError> {
        // One that was submitted as a fresh one has a key that nobody can know: the claim names it.
        if let Some(job) = self.claimed_by(identity).await?
            && self.kin(identity, job).await? == Kin::Same
        {
            match self.state_of(identity, job).await? {
                Earlier::None(_) => {}
                found => return Ok(found),
            }
        }
        let mut key = identity.key();
        for _ in 0..JOBS_OF_A_COMMAND {
            let found = self.decided::<KeyRecord>(&Key::Idempotency(key)).await;
            let Some(found) = found.map_err(storage)? else {
                return Ok(Earlier::None(key));
            };
            let job = found.record.job;
            match self.state_of(identity, job).await? {
                Earlier::None(next) => key = next,
                found => return Ok(found),
            }
        }
        Err(JobError::Storage {
            what: format!("this command has made more than {JOBS_OF_A_COMMAND} jobs"),
        })
    }

    async fn state_of(
        self: &Arc<Self>,
        identity: &Identity,
        job: JobId,
    ) -> Result<Earlier, JobError> {
        let outcome = self
            .decided::<OutcomeRecord>(&Key::Outcome(run_of(job)))
            .await
            .map_err(storage)?;
        let next = Earlier::None(identity.key_after(job));
        Ok(match outcome {
            None => Earlier::Open(job),
            Some(outcome) if outcome.record.outcome == Outcome::Done => {
                let outcome = outcome.record;
                let report = self.report_if_whole(identity, job, &outcome).await?;
                report.map_or(next, |report| {
                    Earlier::Done(job, Box::new(Done { outcome, report }))
                })
            }
            Some(_) => next,
        })
    }

    /// The open job that holds the place for the same command on another version of the source.
    async fn outdated(self: &Arc<Self>, identity: &Identity) -> Result<Option<JobId>, JobError> {
        let Some(job) = self.claimed_by(identity).await? else {
            return Ok(None);
        };
        if self.kin(identity, job).await? != Kin::OtherVersion {
            return Ok(None);
        }
        let key = Key::Outcome(run_of(job));
        let ended = self.decided::<OutcomeRecord>(&key).await;
        Ok(ended.map_err(storage)?.is_none().then_some(job))
    }

    /// Cancels the open job of a command that begins anew, and waits for its end.
    async fn cancel_open(
        self: &Arc<Self>,
        job: JobId,
        identity: &Identity,
        why: &str,
    ) -> Result<(), JobError> {
        let run = run_of(job);
        if self.jobs.get(run).is_none() {
            // Only so far that it can be ended; whoever else holds it isn't in this process.
            let start = self.decided_start(identity, run).await?;
            let taken = new_job(run, Admission::Resumed, &identity.spec, start);
            let ended = self.cancel_idle(&taken, why).await;
            return ended.map_err(storage);
        }
        for _ in 0..CANCEL_TRIES {
            let (reply, ended) = oneshot::channel();
            let message = CoordinatorMessage::Cancel(run, reply.into());
            if self.post.coordinator.send(message) && ended.await.is_ok() {
                return Ok(());
            }
            if self.is_stopping() {
                break;
            }
            // The coordinator died with the wish: the one that follows it is told again.
            tokio::time::sleep(CANCEL_PAUSE).await;
        }
        Err(JobError::Stopped)
    }
}

fn new_job(run: RunId, admission: Admission, spec: &JobSpec, start: StartRecord) -> Arc<Job> {
    Arc::new(Job {
        run,
        admission,
        spec: Arc::new(spec.clone()),
        start: Arc::new(start),
        channels: Channels::new(),
        notices: Vec::new(),
    })
}

fn run_of(job: JobId) -> RunId {
    RunId {
        job,
        run: FIRST_RUN,
    }
}

fn lacking(what: &str, job: JobId) -> JobError {
    JobError::Storage {
        what: format!("job {job} has no {what} in the store"),
    }
}

/// What can't be read or written, for the submitter.
fn storage(failure: Failure) -> JobError {
    let Failure {
        mut what, evidence, ..
    } = failure;
    for answer in evidence {
        what.push_str(": ");
        what.push_str(&answer);
    }
    JobError::Storage { what }
}

/// Whether two pins are of the same version.
fn same_version(a: &Pin, b: &Pin) -> bool {
    a == b
}
