//! Makes plans and judges their borders: fetches the records, calls the pure planner, decides what it said.
//!
//! Persists plans before it answers, and exact frame lists as spooled attempts before they are put. A crash
//! costs the work at hand: the coordinator asks again, and the planner says the same.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{AttemptNumber, PlanRevision, WorkerSlot};
use reelmesh_domain::media_types::ChunkReport;
use reelmesh_domain::plan::{Inputs, Judged, Plan, PlanError, Refutation, UnitKind};
use reelmesh_domain::schedule::Judgement;
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{CommitRecord, Record as _, ScanReport, Scanned, UnitReport};
use reelmesh_domain::time::WallTime;

use crate::archive::{Commits, scan_id};
use crate::coordinator::CoordinatorMessage;
use crate::jobs::Job;
use crate::puller::PinnedFile;
use crate::pusher::{CommitError, Pending, with_blobs};
use crate::random;
use crate::shared::{Shared, UntilStopped, blocking, bug, guarded, of_media, permanent, transient};

/// A plan that is decided, with what it was made of.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) plan: Arc<Plan>,
    pub(crate) scanned: Arc<Scanned>,
}

/// What the splitter is told.
#[derive(Debug)]
pub(crate) enum SplitterMessage {
    /// Make a plan revision, or find the newest; answered by [`CoordinatorMessage::Planned`].
    Plan {
        job: Arc<Job>,
        revision: PlanRevision,
    },
    /// Judge a revision's borders; answered by [`CoordinatorMessage::Judged`].
    Judge {
        job: Arc<Job>,
        revision: PlanRevision,
    },
}

/// The actor.
pub(crate) struct Splitter;

impl Actor for Splitter {
    type Msg = SplitterMessage;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _myself: ActorRef<SplitterMessage>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Shared>, ActorProcessingErr> {
        Ok(shared)
    }

    async fn handle(
        &self,
        _myself: ActorRef<SplitterMessage>,
        message: SplitterMessage,
        state: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let shared = Arc::clone(state);
        match message {
            SplitterMessage::Plan { job, revision } => state.spawn(async move {
                let result = guarded(shared.split(&job, revision)).await;
                let message = CoordinatorMessage::Planned {
                    run: job.run,
                    revision,
                    result,
                };
                shared.post.coordinator.send(message);
            }),
            SplitterMessage::Judge { job, revision } => state.spawn(async move {
                let result = guarded(shared.judge_run(&job, revision)).await;
                let message = CoordinatorMessage::Judged {
                    run: job.run,
                    revision,
                    result,
                };
                shared.post.coordinator.send(message);
            }),
        }
        Ok(())
    }
}

impl Shared {
    async fn split(
        self: &Arc<Self>,
        job: &Arc<Job>,
        revision: PlanRevision,
    ) -> Result<Split, Failure> {
        let run = job.run;
        let newest = self.newest_plan(run).await?;
        let newest = newest.filter(|plan| plan.revision >= revision);
        let plan = match (newest, revision.0.checked_sub(1)) {
            (Some(plan), _) => plan,
            (None, None) => {
                let scanned = self.scanned_or_bug(job, false).await?;
                self.make_plan(job, scanned, None).await?
            }
            (None, Some(before)) => self.revise(job, PlanRevision(before)).await?,
        };
        let scanned = self.scanned_or_bug(job, plan.exact_frames).await?;
        let plan = Arc::new(plan);
        Ok(Split { plan, scanned })
    }

    async fn revise(
        self: &Arc<Self>,
        job: &Arc<Job>,
        before: PlanRevision,
    ) -> Result<Plan, Failure> {
        let (plan, judged) = self.judge_plan(job, before).await?;
        let Judged::Refuted(refutation) = judged else {
            return Err(bug(format!(
                "revision {before} holds, and another is asked for"
            )));
        };
        let counts = matches!(refutation, Refutation::Frames { .. });
        let scanned = if counts {
            self.count_frames(job).await?
        } else {
            self.scanned_or_bug(job, plan.exact_frames).await?
        };
        self.make_plan(job, scanned, Some((plan, refutation))).await
    }

    async fn make_plan(
        self: &Arc<Self>,
        job: &Arc<Job>,
        scanned: Arc<Scanned>,
        refuted: Option<(Plan, Refutation)>,
    ) -> Result<Plan, Failure> {
        let of = Arc::clone(job);
        let made = blocking(move || {
            let inputs = Inputs {
                facts: &scanned.facts,
                timeline: &scanned.timeline,
                spec: &of.spec.spec,
                fingerprint: &of.start.fingerprint,
            };
            match refuted {
                None => Plan::make(inputs),
                Some((plan, refutation)) => plan.revised(inputs, &refutation),
            }
        });
        let plan = made.await?.map_err(|error| of_plan(&error))?;
        let key = Key::Plan(job.run, plan.revision);
        Ok(self.decide(&key, plan).await?.record)
    }

    async fn scanned_or_bug(&self, job: &Job, exact: bool) -> Result<Arc<Scanned>, Failure> {
        let found = self.scanned(job.run, &job.start, exact).await?;
        let found = found.ok_or_else(|| bug("a plan is asked for before the scan".to_owned()));
        found.map(Arc::new)
    }

    async fn judge_plan(
        &self,
        job: &Job,
        revision: PlanRevision,
    ) -> Result<(Plan, Judged), Failure> {
        let plan = self.plan(job.run, revision).await?;
        let plan = plan.ok_or_else(|| bug(format!("there is no revision {revision}")))?;
        let commits = self.commits(job.run).await?;
        let judged = plan.judge(&chunk_reports(&plan, &commits)?);
        Ok((plan, judged))
    }

    async fn judge_run(&self, job: &Job, revision: PlanRevision) -> Result<Judgement, Failure> {
        let plan = self.plan(job.run, revision).await?;
        let plan = plan.ok_or_else(|| bug(format!("there is no revision {revision}")))?;
        let commits = self.commits(job.run).await?;
        let reports = chunk_reports(&plan, &commits)?;
        Ok(match plan.judge(&reports) {
            Judged::Refuted(refutation) => Judgement::Refuted {
                why: explained(&refutation),
            },
            Judged::Proven => {
                check_damage(&plan, &reports, job.spec.spec.damage_limit_permille)?;
                check_tracks(&plan, &reports)?;
                Judgement::Proven
            }
        })
    }

    /// The timeline on the frames that a decode of the whole video delivers; counted once a run.
    async fn count_frames(self: &Arc<Self>, job: &Arc<Job>) -> Result<Arc<Scanned>, Failure> {
        if let Some(known) = self.scanned(job.run, &job.start, true).await? {
            return Ok(Arc::new(known));
        }
        let claimed = self.scanned_or_bug(job, false).await?;
        let (shared, of, created) = (Arc::clone(self), Arc::clone(job), random::wall_time());
        let counted = blocking(move || shared.count_blocking(&of, &claimed)).await??;
        let pending = self.pending_count(job, &counted, created).await?;
        self.keep_pending(&pending).await?;
        match self.commit(&pending).await {
            Ok(_standing) => {}
            Err(CommitError::Spool(failure) | CommitError::Store(failure)) => return Err(failure),
        }
        Ok(Arc::new(counted))
    }

    /// Spools a count, so that it is committed as other attempts are: after a crash by the next process, which
    /// doesn't decode it all again.
    async fn pending_count(
        self: &Arc<Self>,
        job: &Job,
        counted: &Scanned,
        created: WallTime,
    ) -> Result<Pending, Failure> {
        let bytes = counted
            .to_bytes()
            .map_err(|error| bug(format!("encoding a scan: {error}")))?;
        let (token, spool) = (random::token(), self.spool.clone());
        let spooled = blocking(move || {
            let mut sink = spool.begin(token, 1)?;
            crate::worker::put_record(&bytes, &mut sink)?;
            sink.finish()
        });
        let blobs = spooled.await?.map_err(|error: std::io::Error| {
            transient("spooling a count of frames".to_owned(), error.to_string())
        })?;
        let now = random::wall_time();
        let record = CommitRecord {
            attempt: AttemptNumber(1),
            speculative: false,
            node: self.node.clone(),
            worker: WorkerSlot(0),
            fingerprint: job.start.fingerprint.clone(),
            blobs: Vec::new(),
            report: UnitReport::Scan(ScanReport {
                frames: counted.timeline.frames.len() as u64,
                cpu_us: now.ms_since(created) * 1_000,
            }),
            created,
            started: created,
            ended: now,
        };
        Ok(Pending {
            run: job.run,
            unit: scan_id(&job.start, true)?,
            token,
            record: with_blobs(record, &blobs, &[]),
        })
    }

    fn count_blocking(&self, job: &Job, claimed: &Scanned) -> Result<Scanned, Failure> {
        let source = PinnedFile::open(&job.spec.source(), &job.start.pin)
            .map_err(|error| transient("opening the source".to_owned(), error.to_string()))?;
        let control = UntilStopped { shared: self };
        let frames = self
            .engine
            .exact_frames(claimed, Arc::new(source), &control)
            .map_err(|error| {
                of_media(&error)
                    .unwrap_or_else(|| transient("counting frames".to_owned(), error.to_string()))
            })?;
        let timeline = claimed.timeline.with_exact_frames(&frames);
        let timeline = timeline.map_err(|error| {
            permanent("counting frames by decoding".to_owned(), error.to_string())
        })?;
        Ok(Scanned {
            facts: claimed.facts.clone(),
            timeline,
        })
    }
}

fn of_plan(error: &PlanError) -> Failure {
    Failure {
        class: match error {
            PlanError::Source(_) => FailureClass::Permanent,
            PlanError::Bug(_) => FailureClass::Bug,
        },
        what: error.to_string(),
        evidence: Vec::new(),
    }
}

/// The reports of all chunks by decode group.
pub(crate) fn chunk_reports<'a>(
    plan: &Plan,
    commits: &'a Commits,
) -> Result<Vec<Vec<&'a ChunkReport>>, Failure> {
    let mut reports = vec![Vec::new(); plan.chunks.len()];
    for unit in &plan.units {
        let UnitKind::Chunk { chunk, .. } = unit.kind else {
            continue;
        };
        let report = commits.get(&unit.id).map(|commit| &commit.record.report);
        let place = usize::try_from(chunk).ok();
        match (report, place.and_then(|place| reports.get_mut(place))) {
            (Some(UnitReport::Chunk(report)), Some(groups)) => groups.push(report),
            _ => return Err(bug(format!("unit {} has no chunk's commit", unit.id))),
        }
    }
    Ok(reports)
}

/// For people, who count chunks from 1.
fn explained(refutation: &Refutation) -> String {
    match refutation {
        Refutation::Frames { chunk } => format!(
            "chunk {} has other frames than the packets claim: they are counted",
            u64::from(*chunk) + 1
        ),
        Refutation::Border { chunk, frame } => format!(
            "the border behind chunk {} doesn't hold at frame {frame}: the two are merged",
            u64::from(*chunk) + 1
        ),
        Refutation::Bucket { chunk, .. } => format!(
            "the rate buffer underflows in chunk {}: its lead-in grows",
            u64::from(*chunk) + 1
        ),
    }
}

fn check_damage(
    plan: &Plan,
    reports: &[Vec<&ChunkReport>],
    limit_permille: u32,
) -> Result<(), Failure> {
    // All groups decode the same frames.
    let first = reports.iter().filter_map(|groups| groups.first());
    let damaged: u64 = first.map(|report| report.damaged_frames).sum();
    if damaged * 1_000 > plan.frames * u64::from(limit_permille) {
        return Err(permanent(
            format!(
                "{damaged} of {} frames of the source are damaged",
                plan.frames
            ),
            format!("the limit is {limit_permille} in a thousand"),
        ));
    }
    Ok(())
}

/// One sample entry and one edit list serve a whole rendition, so all chunks must agree on them.
fn check_tracks(plan: &Plan, reports: &[Vec<&ChunkReport>]) -> Result<(), Failure> {
    for (group, renditions) in plan.groups.iter().enumerate() {
        let tracks = |report: &&ChunkReport| {
            let tracks = report.renditions.iter();
            let shared = tracks.map(|track| (track.codec_config.clone(), track.presentation_delay));
            shared.collect::<Vec<_>>()
        };
        let mut chunks = reports.iter().filter_map(|groups| groups.get(group));
        let first = chunks.next().map(tracks);
        let count = usize::try_from(renditions.end - renditions.start).ok();
        if first.as_ref().map(Vec::len) != count {
            return Err(bug(
                "a chunk reports other tracks than its renditions".to_owned()
            ));
        }
        if chunks.any(|report| Some(tracks(report)) != first) {
            return Err(bug(format!(
                "two chunks of decode group {group} have different codec configurations"
            )));
        }
    }
    Ok(())
}
