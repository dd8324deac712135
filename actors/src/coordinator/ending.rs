//! A run ends: its verdict stands, its outcome stands, or this node can't go on with it.

use ractor::RpcReplyPort;
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::RunId;
use reelmesh_domain::schedule::{Input, Submitted};
use reelmesh_domain::store::records::{Outcome, OutcomeRecord, VerdictRecord};

use super::CoordinatorState;
use super::run::Run;
use crate::api::{JobError, JobEvent, JobSummary, Phase};
use crate::publishing::Unconcluded;

impl CoordinatorState {
    pub(super) fn on_verdict(&mut self, run: RunId, result: Result<VerdictRecord, Failure>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        match result {
            Ok(record) => {
                let verdict = record.verdict;
                state.asked = None;
                state.verdict = Some(record);
                let held_back = state.held_back.take();
                self.apply(match held_back {
                    Some(submitted) => Input::RunSubmitted(Submitted {
                        verdict: Some(verdict),
                        ..submitted
                    }),
                    None => Input::VerdictSeen { run, verdict },
                });
            }
            Err(failure) => self.give_up(run, &failure),
        }
    }

    pub(super) fn on_concluded(&mut self, run: RunId, result: Result<OutcomeRecord, Unconcluded>) {
        match result {
            Ok(record) => {
                let Some(state) = self.runs.get(&run) else {
                    return;
                };
                let result = state.result(&record);
                let said = match record.outcome {
                    Outcome::Done => "done",
                    Outcome::Cancelled => "cancelled",
                    Outcome::Failed => "failed",
                    Outcome::Replanned => "replanned",
                };
                self.enter(run, Phase::Ended);
                self.end(run, said, result);
                self.apply(Input::OutcomeSeen {
                    run,
                    outcome: record.outcome,
                });
            }
            Err(Unconcluded::Stopped) => {
                self.end(run, "stopped", Err(JobError::Stopped));
            }
            Err(Unconcluded::Store(failure)) => self.give_up(run, &failure),
            Err(Unconcluded::Place { place, reason }) => {
                let error = JobError::OutputPlace { place, reason };
                self.end(run, "failed", Err(error));
                self.forget(run);
            }
        }
    }

    pub(super) fn on_cancel(&mut self, run: RunId, reply: RpcReplyPort<()>) {
        match self.runs.get_mut(&run) {
            Some(state) => {
                state.cancelled_for.push(reply);
                self.apply(Input::Cancel { run });
            }
            // Who asked may have gone.
            None => drop(reply.send(())),
        }
    }

    /// The store doesn't answer: this process can't bring the run to an end, the next one may.
    pub(super) fn give_up(&mut self, run: RunId, failure: &Failure) {
        let answers = failure.evidence.join("; ");
        let what = if answers.is_empty() {
            failure.what.clone()
        } else {
            format!("{}: {answers}", failure.what)
        };
        self.end(run, "failed", Err(JobError::Storage { what }));
        self.forget(run);
    }

    /// Takes a run without outcome from the scheduler.
    fn forget(&mut self, run: RunId) {
        self.apply(Input::OutcomeSeen {
            run,
            outcome: Outcome::Failed,
        });
    }

    fn end(&mut self, run: RunId, said: &str, result: Result<JobSummary, JobError>) {
        self.shared.jobs.remove(run);
        let Some(state) = self.runs.remove(&run) else {
            return;
        };
        state.job.channels.tell(JobEvent::Ended {
            outcome: said.to_owned(),
        });
        state.job.channels.end(result);
        for reply in state.cancelled_for {
            // Who asked may have gone.
            drop(reply.send(()));
        }
    }
}

impl Run {
    /// What the submitter is told.
    fn result(&self, record: &OutcomeRecord) -> Result<JobSummary, JobError> {
        match record.outcome {
            Outcome::Done => Ok(self.summary(record)),
            Outcome::Cancelled => Err(JobError::Cancelled),
            Outcome::Failed | Outcome::Replanned => Err(self.failed(record)),
        }
    }

    fn failed(&self, record: &OutcomeRecord) -> JobError {
        if let Some((fault, reason)) = &self.refused_input {
            return JobError::Input {
                file: self.job.spec.source().display().to_string(),
                fault: *fault,
                reason: reason.clone(),
            };
        }
        JobError::Failed {
            what: record.why.clone(),
            evidence: record.evidence.clone(),
            needs_attention: record.needs_attention,
        }
    }

    fn summary(&self, record: &OutcomeRecord) -> JobSummary {
        let progress = self.job.channels.progress.borrow().clone();
        let files = record.files.iter();
        JobSummary {
            job: self.id.job,
            run: self.id.run,
            admission: self.job.admission.clone(),
            output: self.job.spec.output(),
            files: files.map(|file| (file.path.clone(), file.size)).collect(),
            frames: progress.frames_total,
            units_total: progress.units_total,
            units_kept: progress.units_kept,
            warnings: self.warnings.clone(),
        }
    }
}
