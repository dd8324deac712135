//! A job is taken up: what the store knows is read, its source is opened, the scheduler is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{RunId, UnitId};
use reelmesh_domain::schedule::{Before, Input, Submitted, UnitToDo, Work};
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::VerdictRecord;
use reelmesh_media::io::ByteSource;

use super::run::Run;
use super::{CoordinatorMessage, CoordinatorState};
use crate::api::{InputFault, JobEvent, Phase};
use crate::archive::scan_id;
use crate::jobs::Job;
use crate::puller::PullerMessage;
use crate::shared::{Shared, blocking, guarded};

/// What a scan costs for each byte of the source, in core-nanoseconds, and what it needs: it reads and
/// keeps some bytes a packet.
const SCAN_NS_PER_BYTE: u64 = 1;
const SCAN_MEMORY_BYTES: u64 = 64 << 20;

/// What the store and the checkpoints know of a run.
#[derive(Debug)]
pub(crate) struct Found {
    committed: BTreeSet<UnitId>,
    before: BTreeMap<UnitId, Before>,
    verdict: Option<VerdictRecord>,
}

impl Shared {
    /// Pushes what lies spooled, then reads what is decided.
    async fn find(self: &Arc<Self>, run: RunId) -> Result<Found, Failure> {
        let verdict = self.decided::<VerdictRecord>(&Key::Verdict(run)).await?;
        if verdict.is_none() {
            self.push_leftovers(run).await?;
        }
        let mut before: BTreeMap<UnitId, Before> = BTreeMap::new();
        for (unit, crash) in self.crashes(run).await? {
            let before = before.entry(unit).or_default();
            before.crashes += 1;
            before.attempts = before.attempts.max(crash.record.attempt.0);
        }
        let shared = Arc::clone(self);
        for noted in blocking(move || shared.noted_attempts(run)).await? {
            let before = before.entry(noted.unit).or_default();
            before.attempts = before.attempts.max(noted.attempt.0);
        }
        Ok(Found {
            committed: self.committed_units(run).await?,
            before,
            verdict: verdict.map(|verdict| verdict.record),
        })
    }
}

impl CoordinatorState {
    pub(super) fn take_up(&mut self, job: &Arc<Job>) {
        let run = job.run;
        if self.runs.contains_key(&run) {
            return;
        }
        self.runs.insert(run, Run::new(Arc::clone(job)));
        let shared = Arc::clone(&self.shared);
        self.shared.spawn(async move {
            let result = guarded(shared.find(run)).await;
            let message = CoordinatorMessage::Found { run, result };
            shared.post.coordinator.send(message);
        });
    }

    pub(super) fn on_found(&mut self, run: RunId, result: Result<Found, Failure>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        match result {
            Err(failure) => self.give_up(run, &failure),
            Ok(found) => {
                state.found = Some(found);
                self.open_source(run);
            }
        }
    }

    /// Asks for the source; a run that is decided doesn't need it.
    pub(super) fn open_source(&mut self, run: RunId) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let decided = state.found.as_ref().map(|found| found.verdict.is_some());
        match decided {
            Some(false) => {
                let message = PullerMessage::Open {
                    run,
                    path: state.job.spec.source(),
                    pin: state.job.start.pin.clone(),
                };
                self.shared.post.puller.send(message);
            }
            Some(true) => state.ready = true,
            None => {}
        }
    }

    pub(super) fn on_source(&mut self, run: RunId, opened: Result<Arc<dyn ByteSource>, Failure>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        match opened {
            Ok(source) => {
                state.source = Some(source);
                state.ready = true;
            }
            // What is busy or slow now may be there for the next command: nothing is decided by it.
            Err(failure) if failure.class == FailureClass::Transient => {
                self.give_up(run, &failure);
            }
            // It will be the same source again, or none: another command may bring it back.
            Err(failure) => {
                state.ready = true;
                state.unreadable = Some(failure);
            }
        }
    }

    /// Tells the scheduler of the runs that are ready, in the order of their submission: one whose records
    /// are read sooner doesn't overtake.
    pub(super) fn tell_ready(&mut self) {
        for job in self.shared.jobs.all() {
            match self.runs.get(&job.run) {
                Some(state) if !state.ready => return,
                Some(state) if state.found.is_some() => self.tell_scheduler(job.run),
                Some(_) | None => {}
            }
        }
    }

    fn tell_scheduler(&mut self, run: RunId) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let Some(found) = state.found.take() else {
            return;
        };
        let scan = match scan_id(&state.job.start, false) {
            Ok(scan) => scan,
            Err(failure) => return self.give_up(run, &failure),
        };
        state.scan = Some(scan);
        // What an earlier coordinator had under way may have been committed meanwhile.
        state.committed.extend(&found.committed);
        state.kept = found.committed;
        state.before = found.before;
        let verdict = found.verdict.as_ref().map(|verdict| verdict.verdict);
        state.verdict = found.verdict;
        let unreadable = state.unreadable.take();
        let bytes = state.job.start.pin.length;
        let phase = if verdict.is_some() {
            Phase::Assemble
        } else {
            Phase::Scan
        };
        state.job.channels.show(|shown| shown.scan_bytes = bytes);
        let spec = &state.job.spec.spec;
        let submitted = Submitted {
            run,
            tenant: spec.tenant.clone(),
            weight: spec.weight,
            deadline: spec.deadline,
            fingerprint: state.job.start.fingerprint.clone(),
            scan: UnitToDo {
                id: scan,
                work: Work::Scan,
                cost_us: bytes * SCAN_NS_PER_BYTE / 1_000,
                memory_bytes: SCAN_MEMORY_BYTES,
                before: state.before.get(&scan).copied().unwrap_or_default(),
            },
            scan_committed: state.committed.contains(&scan),
            verdict,
        };
        if let Some(failure) = unreadable {
            let reason = format!("{}: {}", failure.what, failure.evidence.join("; "));
            state.refused_input = Some((InputFault::Unreadable, reason));
            // The scheduler hears of the run together with the verdict.
            state.held_back = Some(submitted);
            return self.fail_run(run, &failure);
        }
        let cancelled = !state.cancelled_for.is_empty();
        for notice in state.job.notices.clone() {
            state.warn(notice);
        }
        self.enter(run, phase);
        self.apply(Input::RunSubmitted(submitted));
        if cancelled {
            // It was asked for when the scheduler didn't know the run yet.
            self.apply(Input::Cancel { run });
        }
    }

    /// The run entered a phase.
    pub(super) fn enter(&mut self, run: RunId, phase: Phase) {
        let Some(state) = self.runs.get(&run) else {
            return;
        };
        let channels = &state.job.channels;
        let later = channels.progress.borrow().phase < phase;
        if later {
            channels.show(|shown| shown.phase = phase);
            channels.tell(JobEvent::PhaseBegan { phase });
        }
    }
}
