//! Carries out what stands: assembles and copies to the output place, puts the outcome, sweeps.
//!
//! Every step is a function of records and may be done again: a process that dies anywhere in here is
//! followed by one that does all of it once more. `report.json` is written last, `open/` removed last.

mod attempts;
mod files;
mod media;
mod reader;
mod tracks;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{RunId, Token, UnitId};
use reelmesh_domain::plan::{Plan, UnitKind};
use reelmesh_domain::store::keys::{Key, Prefix};
use reelmesh_domain::store::records::{
    EndedRecord, Outcome, OutcomeRecord, PublishedFile, Record as _, Scanned, Verdict,
    VerdictRecord,
};

use crate::jobs::{Job, JobSpec};
use crate::random;
use crate::report::REPORT_NAME;
use crate::shared::{Shared, blocking, bug, kept_under, of_io, transient};
use crate::store::output::{Claim, OutputPlace};

/// Tries to fill the output place; the pauses between them double from [`FIRST_PAUSE`] on. A full disk
/// may be freed meanwhile; for longer nobody wants to watch a command that can be repeated.
const PLACE_TRIES: u32 = 4;
/// The first pause.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How long the end of a run waits for commits that are under way: longer than a blob and its commit record
/// may take that the store doesn't answer at all.
const COMMITS_LIMIT: Duration = Duration::from_mins(30);

/// Why a run has no outcome yet; the same command goes on.
#[derive(Debug)]
pub(crate) enum Unconcluded {
    /// The output place refuses.
    Place { place: String, reason: String },
    /// The store doesn't answer.
    Store(Failure),
    /// The node stops.
    Stopped,
}

impl From<Failure> for Unconcluded {
    fn from(failure: Failure) -> Self {
        Self::Store(failure)
    }
}

/// Why the files aren't all in place.
#[derive(Debug)]
pub(crate) enum Unpublished {
    /// What is committed is gone or damaged, or a rule is broken: the run fails.
    Evidence(Failure),
    /// The run has an outcome: nothing may be written any more.
    Ended,
    /// The output place refuses.
    Place(std::io::Error),
    /// The store doesn't answer.
    Store(Failure),
    /// The node stops.
    Stopped,
}

impl From<Failure> for Unpublished {
    fn from(failure: Failure) -> Self {
        match failure.class {
            FailureClass::Transient => Self::Store(failure),
            FailureClass::Crash | FailureClass::Permanent | FailureClass::Bug => {
                Self::Evidence(failure)
            }
        }
    }
}

impl Shared {
    /// Carries out the verdict that stands, up to the removal of `open/`.
    pub(crate) async fn conclude(
        self: &Arc<Self>,
        run: RunId,
    ) -> Result<OutcomeRecord, Unconcluded> {
        let job = self
            .jobs
            .get(run)
            .ok_or_else(|| bug(format!("run {run} isn't known")))?;
        // The task of a pusher that died may be at it still.
        let _turn = self.turns.to_end(run).await;
        let standing = self.decided::<OutcomeRecord>(&Key::Outcome(run)).await?;
        let outcome = if let Some(standing) = standing {
            standing.record
        } else {
            let verdict = self.decided::<VerdictRecord>(&Key::Verdict(run)).await?;
            let verdict = verdict.ok_or_else(|| bug(format!("run {run} has no verdict")))?;
            let outcome = self.outcome_of(&job, verdict.record).await?;
            self.decide(&Key::Outcome(run), outcome).await?.record
        };
        self.finish(run, &job.spec, &outcome).await?;
        Ok(outcome)
    }

    async fn outcome_of(
        self: &Arc<Self>,
        job: &Arc<Job>,
        verdict: VerdictRecord,
    ) -> Result<OutcomeRecord, Unconcluded> {
        let outcome = OutcomeRecord {
            outcome: verdict.verdict.into(),
            why: verdict.why.clone(),
            evidence: verdict.evidence.clone(),
            needs_attention: verdict.needs_attention,
            files: Vec::new(),
            ended: random::wall_time(),
        };
        if verdict.verdict != Verdict::Publish {
            return Ok(outcome);
        }
        match self.publish(job, verdict).await {
            Ok(files) => Ok(OutcomeRecord {
                files,
                why: String::new(),
                ended: random::wall_time(),
                ..outcome
            }),
            Err(Unpublished::Evidence(failure)) => Ok(OutcomeRecord {
                outcome: Outcome::Failed,
                needs_attention: failure.class == FailureClass::Bug,
                why: failure.what,
                evidence: failure.evidence,
                ..outcome
            }),
            Err(Unpublished::Ended) => {
                let key = Key::Outcome(job.run);
                let standing = self.decided::<OutcomeRecord>(&key).await?;
                let gone = || bug(format!("the outcome of run {} is gone", job.run));
                Ok(standing.ok_or_else(gone)?.record)
            }
            Err(Unpublished::Place(error)) => Err(Unconcluded::Place {
                place: job.spec.output().display().to_string(),
                reason: error.to_string(),
            }),
            Err(Unpublished::Store(failure)) => Err(Unconcluded::Store(failure)),
            Err(Unpublished::Stopped) => Err(Unconcluded::Stopped),
        }
    }

    async fn publish(
        self: &Arc<Self>,
        job: &Arc<Job>,
        verdict: VerdictRecord,
    ) -> Result<Vec<PublishedFile>, Unpublished> {
        let verdict = Arc::new(verdict);
        let mut pause = FIRST_PAUSE;
        let mut tries = 1;
        loop {
            let published = self.publish_once(job, &verdict).await;
            match published {
                Err(Unpublished::Place(error)) if tries < PLACE_TRIES && may_pass(error.kind()) => {
                    tracing::warn!(%error, "the output place refuses: trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                    tries += 1;
                }
                other => return other,
            }
        }
    }

    async fn publish_once(
        self: &Arc<Self>,
        job: &Arc<Job>,
        verdict: &Arc<VerdictRecord>,
    ) -> Result<Vec<PublishedFile>, Unpublished> {
        let records = files::Records::read(self, job, verdict).await?;
        let (shared, of) = (Arc::clone(self), Arc::clone(job));
        let handle = tokio::runtime::Handle::current();
        blocking(move || {
            still_claimed(&of)?;
            let place = OutputPlace::new(of.spec.output());
            place.sweep().map_err(Unpublished::Place)?;
            files::write_all(&shared, &of, &records, &handle)
        })
        .await
        .map_err(Unpublished::Evidence)?
    }

    /// What follows an outcome, each step as often as need be.
    pub(crate) async fn finish(
        self: &Arc<Self>,
        run: RunId,
        spec: &JobSpec,
        outcome: &OutcomeRecord,
    ) -> Result<(), Failure> {
        let ended = EndedRecord {
            outcome: outcome.outcome,
            tenant: spec.spec.tenant.clone(),
        };
        let bytes = ended
            .to_bytes()
            .map_err(|error| bug(format!("encoding an ended record: {error}")))?;
        let key = Key::Ended(outcome.ended, run).to_string();
        let put = self.store.put_blob(&key, Bytes::from(bytes)).await;
        put.map_err(crate::shared::store)?;
        // This process holds the only lock on the store and awaits its puts: no blob can land later.
        let quiet = tokio::time::timeout(COMMITS_LIMIT, self.turns.committed(run)).await;
        quiet.map_err(|elapsed| {
            let what = format!("waiting for the commits of run {run}");
            transient(what, elapsed.to_string())
        })?;
        for blob in self.blob_keys(run).await? {
            let deleted = self.store.delete(&blob.to_string()).await;
            deleted.map_err(crate::shared::store)?;
        }
        let shared = Arc::clone(self);
        blocking(move || {
            let litter = Prefix::Blobs(run).to_string();
            if let Err(error) = shared.store.remove_directory(&litter) {
                tracing::warn!(%error, litter, "what cut-off puts left behind stays");
            }
            shared.forget_run(run);
        })
        .await?;
        let deleted = self.store.delete(&Key::Open(run).to_string()).await;
        deleted.map_err(crate::shared::store)
    }

    /// Removes what the checkpoints and the spool hold of a run; what fails is only litter.
    fn forget_run(&self, run: RunId) {
        for pending in self.leftovers(Some(run)).unwrap_or_default() {
            drop(self.spool.remove(pending.token));
        }
        for prefix in [
            format!("spooled/{run}/"),
            format!("attempts/{run}/"),
            files::published_of(run),
            // All its decisions stand by now.
            kept_under(&format!("jobs/{}/", run.job)),
            kept_under(&Key::Open(run).to_string()),
        ] {
            for (key, _) in self.checkpoints.scan(&prefix).unwrap_or_default() {
                drop(self.checkpoints.delete(&key));
            }
        }
    }
}

/// Whether the output place may take the file at another try. Directories that others removed are made
/// again.
fn may_pass(kind: std::io::ErrorKind) -> bool {
    kind == std::io::ErrorKind::NotFound || of_io(kind) == FailureClass::Transient
}

/// The place must still be this job's.
fn still_claimed(job: &Job) -> Result<(), Unpublished> {
    let place = OutputPlace::new(job.spec.output());
    let claim = place.claim(job.run.job, random::token());
    match claim.map_err(Unpublished::Place)? {
        Claim::Own => Ok(()),
        Claim::Other { job } => Err(Unpublished::Place(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            format!("it is claimed by job {job}"),
        ))),
    }
}

/// What a unit makes, and the place of its chunk.
pub(crate) fn makes(plan: &Plan, kind: UnitKind) -> (Option<u32>, Vec<String>) {
    let place = |number| usize::try_from(number).unwrap_or(usize::MAX);
    match kind {
        UnitKind::Chunk { chunk, group } => {
            let range = plan.groups.get(place(group));
            let range = range.map_or(0..0, |range| place(range.start)..place(range.end));
            let renditions = plan.renditions.get(range).unwrap_or_default();
            let names = renditions.iter().map(|rendition| rendition.name.clone());
            (Some(chunk), names.collect())
        }
        UnitKind::Audio { track } => {
            let audio = plan.audio.get(place(track)).into_iter();
            let names = audio.map(|audio| audio.rendition.name.clone());
            (None, names.collect())
        }
    }
}

/// The names of all renditions of a plan.
pub(crate) fn names(plan: &Plan) -> BTreeSet<String> {
    let video = plan.renditions.iter();
    let video = video.map(|rendition| rendition.name.clone());
    let audio = plan.audio.iter();
    let audio = audio.map(|audio| audio.rendition.name.clone());
    video.chain(audio).collect()
}

/// Whether a file of the output place has a name that a job with these renditions gives to its outputs.
pub(crate) fn is_output(path: &str, names: &BTreeSet<String>) -> bool {
    if path == REPORT_NAME {
        return true;
    }
    let in_hls = path.strip_prefix(files::HLS_FOLDER);
    match in_hls.and_then(|rest| rest.strip_prefix('/')) {
        Some(rest) => {
            let folder = rest.split_once('/').map(|(folder, _)| folder);
            folder.map_or(rest == files::MULTIVARIANT, |folder| names.contains(folder))
        }
        None => path
            .strip_suffix(".mp4")
            .is_some_and(|name| names.contains(name)),
    }
}

/// Where an attempt's blobs lie in the store.
pub(crate) fn blobs_of(run: RunId, unit: UnitId, token: Token) -> String {
    format!("{}{unit}/{token}", Prefix::Blobs(run))
}

/// What the user should know about the source.
pub(crate) fn warnings(scanned: &Scanned) -> Vec<String> {
    let mut warnings = media::left_out(&scanned.facts)
        .into_iter()
        .map(|stream| format!("left out: stream {stream}"))
        .collect::<Vec<_>>();
    let dropped = &scanned.timeline.dropped;
    for (frames, why) in [
        (
            dropped.before_first_access_point,
            "before the first access point",
        ),
        (dropped.equal_times, "with the time of the frame before"),
        (dropped.without_time, "without a time"),
    ] {
        if frames > 0 {
            warnings.push(format!("{frames} frames {why} are dropped"));
        }
    }
    warnings
}
