//! Attempts on this node: handed to the pool, watched, ended, committed.

use std::sync::Arc;

use ractor::RpcReplyPort;
use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{RunId, Token, WorkerSlot};
use reelmesh_domain::plan::UnitKind;
use reelmesh_domain::schedule::{Assignment as Assigned, AttemptId, CommittedBy, Input, Work};
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{
    AttemptRecord, AttemptStatus, CommitRecord, CrashRecord, Record as _,
};
use reelmesh_domain::time::WallTime;
use reelmesh_media::error::MediaError;

use super::{Attempt, CoordinatorState};
use crate::api::{InputFault, JobEvent};
use crate::engine::Task;
use crate::pool::{PoolEvent, PoolMessage};
use crate::pusher::{CommitError, Pending, PusherMessage, commit_record, with_blobs};
use crate::random;
use crate::shared::{Settled, bug, of_media};
use crate::worker::{Assignment, AttemptResult};

impl CoordinatorState {
    pub(super) fn on_assign(&mut self, assigned: &Assigned) {
        if self.draining.is_some() || self.drained {
            return;
        }
        let id = assigned.id.clone();
        match self.assignment(assigned) {
            Ok(assignment) => {
                let token = assignment.token;
                let label = self.label(&id);
                let attempt = Attempt {
                    id,
                    assignment,
                    label,
                    began: None,
                    watch: None,
                    revoked: false,
                };
                self.attempts.insert(token, attempt);
                self.waiting.push_back(token);
            }
            Err(failure) => self.attempt_failed(id, None, failure),
        }
    }

    fn assignment(&self, assigned: &Assigned) -> Result<Assignment, Failure> {
        let id = &assigned.id;
        let missing = || bug(format!("unit {} was handed out without its run", id.unit));
        let run = self.runs.get(&id.run).ok_or_else(missing)?;
        let source = run.source.clone().ok_or_else(missing)?;
        let task = match assigned.work {
            Work::Scan => Task::Scan {
                bytes: run.job.start.pin.length,
            },
            Work::Planned(kind) => {
                let split = run.split.as_ref().ok_or_else(missing)?;
                // Bytes of another plan's unit must never be committed under this one's name.
                let named = run.units.get(&id.unit).map(|unit| unit.kind);
                if named != Some(kind) {
                    return Err(bug(format!(
                        "unit {} isn't revision {}'s",
                        id.unit, split.plan.revision
                    )));
                }
                let (facts, timeline) = (&split.scanned.facts, &split.scanned.timeline);
                let task = match kind {
                    UnitKind::Chunk { chunk, group } => split
                        .plan
                        .chunk_task(facts, timeline, chunk, group)
                        .map(|task| Task::Chunk(Box::new(task))),
                    UnitKind::Audio { track } => split
                        .plan
                        .audio_task(facts, timeline, track)
                        .map(|task| Task::Audio(Box::new(task))),
                };
                task.map_err(|error| bug(error.to_string()))?
            }
        };
        Ok(Assignment {
            job: id.run.job,
            run: id.run.run,
            unit: id.unit,
            attempt: id.attempt,
            token: random::token(),
            created: random::wall_time(),
            task: Arc::new(task),
            source,
        })
    }

    /// Hands waiting attempts to the pool while it has idle workers.
    pub(super) fn start_waiting(&mut self) {
        while self.in_pool < self.shared.workers.get() && !self.pool_refuses {
            let Some(token) = self.waiting.pop_front() else {
                return;
            };
            if let Some(attempt) = self.attempts.get(&token) {
                let message = PoolMessage::Assign(attempt.assignment.clone());
                self.shared.post.pool.send(message);
                self.in_pool += 1;
            }
        }
    }

    pub(super) fn on_pool(&mut self, event: PoolEvent) {
        match event {
            PoolEvent::Began {
                slot,
                assignment,
                watch,
            } => self.on_began(slot, &assignment, watch),
            PoolEvent::Ended {
                slot,
                assignment,
                result,
            } => self.on_ended(slot, &assignment, result),
            PoolEvent::Refused(assignment) => {
                // A worker is being replaced: the next tick asks again.
                self.in_pool = self.in_pool.saturating_sub(1);
                self.pool_refuses = true;
                if self.attempts.contains_key(&assignment.token) {
                    self.waiting.push_front(assignment.token);
                }
            }
        }
    }

    fn on_began(
        &mut self,
        slot: WorkerSlot,
        assignment: &Assignment,
        watch: Arc<crate::engine::Watch>,
    ) {
        let Some(attempt) = self.attempts.get_mut(&assignment.token) else {
            // From before this coordinator was started.
            return watch.cancel();
        };
        if attempt.revoked {
            watch.cancel();
        }
        attempt.began = Some((slot, random::wall_time()));
        attempt.watch = Some(watch);
        let (id, label) = (attempt.id.clone(), attempt.label.clone());
        self.note(&assignment.token, AttemptStatus::Lost);
        if let Some(run) = self.runs.get(&id.run) {
            run.job.channels.tell(JobEvent::AttemptBegan {
                unit: id.unit,
                label,
                attempt: id.attempt,
                worker: slot,
            });
        }
    }

    fn on_ended(&mut self, slot: WorkerSlot, assignment: &Assignment, result: AttemptResult) {
        let token = assignment.token;
        if !self.attempts.contains_key(&token) {
            // From before this coordinator, or this pool, was started.
            return self.drop_spooled(token);
        }
        self.in_pool = self.in_pool.saturating_sub(1);
        let status = match &result {
            AttemptResult::Spooled { .. } => AttemptStatus::Lost,
            AttemptResult::Failed(MediaError::Cancelled) => AttemptStatus::Cancelled,
            AttemptResult::Failed(_) => AttemptStatus::Failed,
            AttemptResult::Crashed { .. } => AttemptStatus::Crashed,
        };
        self.note(&token, status);
        let Some(attempt) = self.attempts.remove(&token) else {
            return;
        };
        match result {
            AttemptResult::Spooled { report, blobs } => {
                // Only a node that stops has use for what was finished although it was revoked, and a run
                // whose end is decided for nothing more at all: its blobs are being swept.
                let run = self.runs.get(&attempt.id.run);
                let decided = run.is_none_or(|run| run.verdict.is_some());
                if decided || (attempt.revoked && self.draining.is_none()) {
                    self.drop_spooled(token);
                    return self.attempt_returned(attempt.id, &attempt.label);
                }
                let (_, renditions) = self.makes(&attempt.id);
                let record = commit_record(&self.shared, &attempt.assignment, report);
                let started = attempt.began.map_or(record.created, |(_, began)| began);
                let record = CommitRecord {
                    worker: slot,
                    started,
                    ..record
                };
                let record = with_blobs(record, &blobs, &renditions);
                self.push(attempt.id, token, record);
            }
            AttemptResult::Failed(error) => match of_media(&error) {
                None => self.attempt_returned(attempt.id, &attempt.label),
                Some(failure) => {
                    self.remember_refusal(&attempt, &error);
                    self.attempt_failed(attempt.id, Some(slot), failure);
                }
            },
            AttemptResult::Crashed { evidence } => {
                let failure = Failure {
                    class: FailureClass::Crash,
                    what: format!("{} crashed worker {slot}", attempt.label),
                    evidence: vec![evidence],
                };
                self.put_crash(&attempt, slot, &failure);
                self.attempt_failed(attempt.id, Some(slot), failure);
            }
        }
    }

    fn push(&mut self, id: AttemptId, token: Token, record: CommitRecord) {
        let pending = Box::new(Pending {
            run: id.run,
            unit: id.unit,
            token,
            record,
        });
        let message = PusherMessage::Commit(pending.clone());
        self.pushing.insert(token, (id.clone(), pending));
        self.shared.post.pusher.send(message);
        self.apply(Input::AttemptSpooled(id));
    }

    pub(super) fn on_committed(
        &mut self,
        pending: &Pending,
        result: Result<Settled<CommitRecord>, CommitError>,
    ) {
        let asked = self.pushing.remove(&pending.token).map(|(id, _)| id);
        let waited_for = asked.is_some();
        match (result, asked) {
            (Ok(standing), asked) => self.on_commit(pending, standing, asked),
            (Err(CommitError::Spool(failure)), Some(id)) => self.attempt_failed(id, None, failure),
            // What is spooled stays: the next process commits it.
            (Err(CommitError::Store(failure)), Some(id)) => self.give_up(id.run, &failure),
            // Answered already, or asked by a coordinator that died: then it is among the leftovers.
            (Err(_), None) => {}
        }
        if waited_for {
            self.conclude_if_quiet(pending.run);
        }
    }

    /// A commit stands: that is so whoever asked for it, and whatever was heard before.
    fn on_commit(
        &mut self,
        pending: &Pending,
        standing: Settled<CommitRecord>,
        asked: Option<AttemptId>,
    ) {
        let (run, unit) = (pending.run, pending.unit);
        let ours = standing.token == pending.token;
        if ours {
            // One that stays is counted twice in the report, no more.
            drop(
                self.shared
                    .forget_attempt(run, unit, pending.record.attempt),
            );
        }
        if let Some(id) = asked {
            let label = self.label(&id);
            let status = if ours { "committed" } else { "lost" };
            self.tell_ended(&id, label, status, None);
        }
        if let Some(run) = self.runs.get_mut(&run) {
            run.committed.insert(unit);
        }
        let by = Some(CommittedBy {
            node: standing.record.node,
            attempt: standing.record.attempt,
        });
        self.apply(Input::CommitSeen { run, unit, by });
    }

    /// Whether commits of the run are under way.
    pub(super) fn pushes(&self, run: RunId) -> bool {
        self.pushing.values().any(|(id, _)| id.run == run)
    }

    pub(super) fn revoke(&mut self, id: &AttemptId) {
        let known = self.attempts.iter_mut().find(|(_, held)| held.id == *id);
        if let Some((&token, attempt)) = known {
            if let Some(place) = self.waiting.iter().position(|&other| other == token) {
                self.waiting.remove(place);
                self.attempts.remove(&token);
                return self.apply(Input::AttemptReturned(id.clone()));
            }
            attempt.revoked = true;
            attempt.cancel();
            self.shared.post.pool.send(PoolMessage::Revoke(token));
        } else if !self.pushing.values().any(|(pushed, _)| pushed == id) {
            self.apply(Input::AttemptReturned(id.clone()));
        }
    }

    fn attempt_returned(&mut self, id: AttemptId, label: &str) {
        self.tell_ended(&id, label.to_owned(), "cancelled", None);
        self.apply(Input::AttemptReturned(id));
    }

    fn attempt_failed(&mut self, attempt: AttemptId, worker: Option<WorkerSlot>, failure: Failure) {
        let label = self.label(&attempt);
        let status = if failure.class == FailureClass::Crash {
            "crashed"
        } else {
            "failed"
        };
        self.tell_ended(&attempt, label, status, Some(failure.what.clone()));
        self.apply(Input::AttemptFailed {
            attempt,
            worker,
            failure,
            random: random::number(),
        });
    }

    fn tell_ended(&self, id: &AttemptId, label: String, status: &str, error: Option<String>) {
        if let Some(run) = self.runs.get(&id.run) {
            run.job.channels.tell(JobEvent::AttemptEnded {
                unit: id.unit,
                label,
                attempt: id.attempt,
                status: status.to_owned(),
                error,
            });
        }
    }

    fn label(&self, id: &AttemptId) -> String {
        let run = self.runs.get(&id.run);
        run.map_or_else(|| format!("unit {}", id.unit), |run| run.label(id.unit))
    }

    fn makes(&self, id: &AttemptId) -> (Option<u32>, Vec<String>) {
        let run = self.runs.get(&id.run);
        run.map(|run| run.makes(id.unit)).unwrap_or_default()
    }

    /// The source itself was refused: the submitter is told so, not that a unit failed.
    fn remember_refusal(&mut self, attempt: &Attempt, error: &MediaError) {
        let Some(run) = self.runs.get_mut(&attempt.id.run) else {
            return;
        };
        let fault = match error {
            MediaError::Unreadable { .. } => InputFault::Unreadable,
            MediaError::OutOfScope { .. } | MediaError::LimitPassed { .. } => {
                InputFault::OutOfScope
            }
            MediaError::Io { .. } | MediaError::Cancelled | MediaError::Bug { .. } => return,
        };
        if run.scan == Some(attempt.id.unit) {
            run.refused_input = Some((fault, error.to_string()));
        }
    }

    fn note(&self, token: &Token, status: AttemptStatus) {
        let Some(attempt) = self.attempts.get(token) else {
            return;
        };
        let record = self.record(attempt, status);
        if let Err(error) = self.shared.note_attempt(&record) {
            tracing::warn!(%error, "an attempt may be missing in the report");
        }
    }

    fn record(&self, attempt: &Attempt, status: AttemptStatus) -> AttemptRecord {
        let id = &attempt.id;
        let (chunk, renditions) = self.makes(id);
        AttemptRecord {
            run: id.run,
            unit: id.unit,
            chunk,
            renditions,
            status,
            node: id.node.clone(),
            worker: attempt.began.map(|(slot, _)| slot),
            started: attempt.began.map(|(_, began)| began),
            ended: random::wall_time(),
            attempt: id.attempt,
            speculative: false,
            output_path: crate::publishing::blobs_of(id.run, id.unit, attempt.assignment.token),
            created: attempt.assignment.created,
        }
    }

    fn put_crash(&self, attempt: &Attempt, worker: WorkerSlot, failure: &Failure) {
        let (id, token) = (attempt.id.clone(), attempt.assignment.token);
        let now = random::wall_time();
        let crash = CrashRecord {
            attempt: id.attempt,
            node: id.node.clone(),
            worker,
            failure: failure.clone(),
            created: attempt.assignment.created,
            started: attempt.began.map_or(now, |(_, began): (_, WallTime)| began),
            ended: now,
        };
        let key = Key::Crash(id.run, id.unit, token).to_string();
        let shared = Arc::clone(&self.shared);
        self.shared.spawn(async move {
            let Ok(bytes) = crash.to_bytes() else { return };
            // What fails here stays noted in the checkpoints.
            if shared.store.put_blob(&key, bytes.into()).await.is_ok() {
                drop(shared.forget_attempt(id.run, id.unit, id.attempt));
            }
        });
    }

    fn drop_spooled(&self, token: Token) {
        let spool = self.shared.spool.clone();
        self.shared.spawn(async move {
            let removed = crate::shared::blocking(move || spool.remove(token)).await;
            if !matches!(removed, Ok(Ok(()))) {
                tracing::warn!(%token, "a spooled attempt stays behind until the next start");
            }
        });
    }

    /// Gives all attempts up; the answer comes when none is left and all that is spooled is committed.
    pub(super) fn drain(&mut self, reply: RpcReplyPort<()>) {
        self.draining = Some(reply);
        for token in std::mem::take(&mut self.waiting) {
            self.attempts.remove(&token);
        }
        for (&token, attempt) in &mut self.attempts {
            attempt.revoked = true;
            self.shared.post.pool.send(PoolMessage::Revoke(token));
        }
    }

    pub(super) fn answer_drain(&mut self) {
        if self.attempts.is_empty()
            && self.pushing.is_empty()
            && let Some(reply) = self.draining.take()
        {
            self.drained = true;
            // Who asked may have gone.
            drop(reply.send(()));
        }
    }

    /// The runs with attempts in work, for the display.
    pub(super) fn attempts_of(&self, run: RunId) -> impl Iterator<Item = &Attempt> {
        self.attempts
            .values()
            .filter(move |attempt| attempt.id.run == run)
    }
}
