//! The output place of a submission: tried, claimed, taken over from a job that has ended.

use std::sync::Arc;

use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::JobId;
use reelmesh_domain::schedule::SoughtVerdict;
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{
    Outcome, OutcomeRecord, PublishedFile, SpecRecord, StartRecord, Verdict, VerdictRecord,
};

use super::identity::Identity;
use super::{run_of, same_version, storage};
use crate::api::JobError;
use crate::jobs::{Job, JobSpec};
use crate::random;
use crate::report::{JobReport, REPORT_NAME};
use crate::shared::{Shared, blocking};
use crate::store::RECORD_LIMIT;
use crate::store::output::{CLAIM_NAME, Claim, OutputPlace};

/// What a job is to a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kin {
    /// One of its own.
    Same,
    /// One of the same command when the source was another version.
    OtherVersion,
    /// Another command's, or not of this store.
    Other,
}

impl Shared {
    /// Writes, reads back and deletes a trial object.
    pub(super) async fn try_place(&self, identity: &Identity) -> Result<(), JobError> {
        at_place(identity, |place| place.prove_writable(random::token())).await
    }

    /// The job that the claim names, if there is a claim and it names one.
    pub(super) async fn claimed_by(&self, identity: &Identity) -> Result<Option<JobId>, JobError> {
        let claim = at_place(identity, |place| place.read(CLAIM_NAME)).await?;
        let text = claim.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// What a job of this store is to this command.
    pub(super) async fn kin(&self, identity: &Identity, job: JobId) -> Result<Kin, JobError> {
        let spec = self.decided::<SpecRecord<JobSpec>>(&Key::Spec(job)).await;
        let spec = spec.map_err(storage)?;
        if spec.is_none_or(|spec| spec.record.spec != identity.spec) {
            return Ok(Kin::Other);
        }
        let start = self.decided::<StartRecord>(&Key::Start(run_of(job))).await;
        Ok(match start.map_err(storage)? {
            Some(start) if !same_version(&start.record.pin, &identity.pin) => Kin::OtherVersion,
            // A submission that was cut off before its start is pinned to nothing yet.
            Some(_) | None => Kin::Same,
        })
    }

    /// Claims the place. A claim of a job of this store that has ended is replaced: its files go first.
    pub(super) async fn claim_place(
        self: &Arc<Self>,
        identity: &Identity,
        job: JobId,
    ) -> Result<(), JobError> {
        /// The second try comes after a release; nobody else claims meanwhile but by a race.
        const TRIES: u32 = 3;
        for _ in 0..TRIES {
            let claimed = at_place(identity, move |place| place.claim(job, random::token()));
            let Claim::Other { job: holder } = claimed.await? else {
                return Ok(());
            };
            let files = self.files_of_ended(identity, &holder).await?;
            at_place(identity, move |place| place.release(&files)).await?;
        }
        Err(refused(
            identity,
            "others claim it again and again".to_owned(),
        ))
    }

    /// The files of the job that holds the claim, if it has ended.
    async fn files_of_ended(
        self: &Arc<Self>,
        identity: &Identity,
        holder: &str,
    ) -> Result<Vec<String>, JobError> {
        let unknown = || {
            refused(
                identity,
                format!(
                    "it is claimed by job {holder}, which this state directory doesn't know: use \
                     another place, or remove {CLAIM_NAME} in it"
                ),
            )
        };
        let job: JobId = holder.parse().map_err(|_not_an_id| unknown())?;
        let key = Key::Outcome(run_of(job));
        let outcome = self.decided::<OutcomeRecord>(&key).await;
        if let Some(outcome) = outcome.map_err(storage)? {
            let mut files = paths(&outcome.record);
            if files.is_empty() {
                // It may have failed while it was publishing. What isn't named as its plan names
                // outputs is somebody else's.
                let plan = self.newest_plan(run_of(job)).await.map_err(storage)?;
                let names = plan.map(|plan| crate::publishing::names(&plan));
                let names = names.unwrap_or_default();
                files = at_place(identity, OutputPlace::list).await?;
                files.retain(|file| crate::publishing::is_output(file, &names));
            }
            return Ok(files);
        }
        let key = Key::Spec(job).to_string();
        let known = self.store.get(&key, RECORD_LIMIT).await;
        let known = known.map_err(crate::shared::store).map_err(storage)?;
        known.ok_or_else(unknown)?;
        Err(refused(
            identity,
            format!(
                "it is claimed by job {holder}, which hasn't ended: repeat that job's command, or use \
                 another place"
            ),
        ))
    }

    /// The report of a job that is done, if all its files are there with their hashes.
    pub(super) async fn report_if_whole(
        &self,
        identity: &Identity,
        job: JobId,
        outcome: &OutcomeRecord,
    ) -> Result<Option<JobReport>, JobError> {
        if self.claimed_by(identity).await? != Some(job) {
            return Ok(None);
        }
        let files = outcome.files.clone();
        at_place(identity, move |place| {
            for file in &files {
                if !is_whole(place, file)? {
                    return Ok(None);
                }
            }
            let report = place.read(REPORT_NAME)?;
            Ok(report.and_then(|report| serde_json::from_slice(&report).ok()))
        })
        .await
    }

    /// Ends a run that nobody in this process works on as cancelled, unless it is decided otherwise.
    pub(super) async fn cancel_idle(
        self: &Arc<Self>,
        job: &Arc<Job>,
        why: &str,
    ) -> Result<(), Failure> {
        let run = job.run;
        let sought = SoughtVerdict {
            run,
            verdict: Verdict::Cancel,
            why: why.to_owned(),
            evidence: Vec::new(),
            needs_attention: false,
        };
        let verdict: VerdictRecord = self.decide_verdict(sought).await?;
        let outcome = OutcomeRecord {
            // One that was about to be published isn't: its place is given to the one that follows.
            outcome: match verdict.verdict {
                Verdict::Publish => Outcome::Failed,
                other => other.into(),
            },
            why: why.to_owned(),
            evidence: verdict.evidence,
            needs_attention: false,
            files: Vec::new(),
            ended: random::wall_time(),
        };
        let outcome = self.decide(&Key::Outcome(run), outcome).await?.record;
        self.finish(run, &job.spec, &outcome).await
    }
}

fn paths(outcome: &OutcomeRecord) -> Vec<String> {
    let files = outcome.files.iter();
    files.map(|file| file.path.clone()).collect()
}

fn is_whole(place: &OutputPlace, file: &PublishedFile) -> std::io::Result<bool> {
    let found = place.digest(&file.path)?;
    Ok(found.is_some_and(|(size, hash)| size == file.size && *hash.as_bytes() == file.blake3))
}

fn refused(identity: &Identity, reason: String) -> JobError {
    JobError::OutputPlace {
        place: identity.spec.output().display().to_string(),
        reason,
    }
}

/// Works on the place on a blocking thread.
async fn at_place<T: Send + 'static>(
    identity: &Identity,
    work: impl FnOnce(&OutputPlace) -> std::io::Result<T> + Send + 'static,
) -> Result<T, JobError> {
    let place = OutputPlace::new(identity.spec.output());
    let done = blocking(move || work(&place)).await.map_err(storage)?;
    done.map_err(|error| refused(identity, error.to_string()))
}
