//! An attempt ends without a result: what happens when a task fails or a worker dies.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::run::{Phase, Stage};
use super::tick::Due;
use super::{AttemptId, Effect, FRUITLESS_ATTEMPTS, RETURN_PAUSE, Scheduler, SoughtVerdict};
use crate::events::{Cause, Happened};
use crate::failure::{
    self, FailReason, Failure, FailureClass, Next, POISON_CRASHES, TRANSIENT_TRIES,
};
use crate::ids::{RunId, UnitId, WorkerSlot};
use crate::store::records::{AttemptStatus, Verdict};

/// How an attempt failed.
pub(super) struct Failed {
    pub(super) worker: Option<WorkerSlot>,
    pub(super) failure: Failure,
    pub(super) random: u64,
}

impl Scheduler {
    pub(super) fn on_attempt_failed(
        &mut self,
        id: &AttemptId,
        failed: Failed,
        out: &mut Vec<Effect>,
    ) {
        if self.release(id).is_none() {
            return;
        }
        out.push(Effect::Tell(told(id, &failed)));
        if !self.counts(id) {
            return;
        }
        let now = self.now;
        let Some(state) = self.runs.get_mut(&id.run) else {
            return;
        };
        let Some(unit) = state.units.get_mut(&id.unit) else {
            return;
        };
        unit.fruitless += 1;
        let next = failure::next(&mut unit.history, failed.failure.class, now, failed.random);
        match next {
            Next::RetryAfter(wait) => {
                state.set_phase(id.unit, Phase::Waiting);
                out.push(Effect::Tell(Happened::UnitDelayed {
                    run: id.run,
                    unit: id.unit,
                    wait_ms: u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                }));
                self.set_timer(wait, Due::Unit(id.run, id.unit));
            }
            Next::OtherWorker => {
                unit.avoid = failed.worker.map(|worker| (id.node.clone(), worker));
                state.put_back(id.unit);
                self.touch_run(id.run);
            }
            Next::Fail {
                needs_attention,
                reason,
            } => {
                let sought = SoughtVerdict {
                    run: id.run,
                    verdict: Verdict::Fail,
                    why: explained(id, reason, &failed.failure.what),
                    evidence: failed.failure.evidence,
                    needs_attention,
                };
                state.set_phase(id.unit, Phase::Waiting);
                self.seek_verdict(sought, out);
            }
        }
    }

    pub(super) fn on_attempt_returned(&mut self, id: &AttemptId, out: &mut Vec<Effect>) {
        if self.release(id).is_none() {
            return;
        }
        out.push(ended(id, AttemptStatus::Cancelled));
        if self.counts(id)
            && let Some(state) = self.runs.get_mut(&id.run)
        {
            // Not at once: whoever refused it would be asked again and refuse again.
            state.set_phase(id.unit, Phase::Waiting);
            self.set_timer(RETURN_PAUSE, Due::Unit(id.run, id.unit));
        }
    }

    /// The attempt is gone with its node or on the way to it: the unit goes first.
    pub(super) fn on_attempt_lost(&mut self, id: &AttemptId, out: &mut Vec<Effect>) {
        if self.release(id).is_none() {
            return;
        }
        out.push(ended(id, AttemptStatus::Lost));
        if !self.counts(id) {
            return;
        }
        let Some(state) = self.runs.get_mut(&id.run) else {
            return;
        };
        state.put_back(id.unit);
        let fruitless = state.units.get_mut(&id.unit).map_or(0, |unit| {
            unit.fruitless += 1;
            unit.fruitless
        });
        if fruitless >= FRUITLESS_ATTEMPTS {
            let sought = SoughtVerdict {
                run: id.run,
                verdict: Verdict::Fail,
                why: format!(
                    "unit {}: {fruitless} attempts ended without a result, the last with its node {}",
                    id.unit, id.node
                ),
                evidence: Vec::new(),
                needs_attention: true,
            };
            self.seek_verdict(sought, out);
        }
        self.touch_run(id.run);
    }

    /// A unit's wait is over.
    pub(super) fn on_unit_due(&mut self, run: RunId, unit: UnitId) {
        if let Some(state) = self.runs.get_mut(&run) {
            if state.stage == Stage::Working {
                state.put_back_waiting(unit);
            }
            self.touch_run(run);
        }
    }

    /// Whether the attempt is the one that its unit waits for.
    fn counts(&self, id: &AttemptId) -> bool {
        self.runs.get(&id.run).is_some_and(|state| {
            let unit = state.units.get(&id.unit);
            state.stage == Stage::Working && unit.is_some_and(|unit| unit.is_attempt(id))
        })
    }
}

impl super::run::RunState {
    /// Puts a unit back at the head if it still waits.
    fn put_back_waiting(&mut self, unit: UnitId) {
        let waits = self.units.get(&unit).map(|unit| &unit.phase) == Some(&Phase::Waiting);
        if waits {
            self.put_back(unit);
        }
    }
}

fn ended(id: &AttemptId, status: AttemptStatus) -> Effect {
    Effect::Tell(Happened::AttemptEnded {
        run: id.run,
        unit: id.unit,
        attempt: id.attempt,
        node: id.node.clone(),
        worker: None,
        status,
        cause: None,
    })
}

fn told(id: &AttemptId, failed: &Failed) -> Happened {
    let failure = &failed.failure;
    Happened::AttemptEnded {
        run: id.run,
        unit: id.unit,
        attempt: id.attempt,
        node: id.node.clone(),
        worker: failed.worker,
        status: match failure.class {
            FailureClass::Crash => AttemptStatus::Crashed,
            FailureClass::Transient | FailureClass::Permanent | FailureClass::Bug => {
                AttemptStatus::Failed
            }
        },
        cause: Some(Cause {
            class: failure.class,
            what: failure.what.clone(),
            evidence: failure.evidence.clone(),
        }),
    }
}

fn explained(id: &AttemptId, reason: FailReason, what: &str) -> String {
    let AttemptId {
        unit,
        attempt,
        node,
        ..
    } = id;
    let why = match reason {
        FailReason::Permanent => String::new(),
        FailReason::TriesUsedUp => format!("failed {TRANSIENT_TRIES} times, "),
        FailReason::WindowOver => "has been failing for an hour, ".into(),
        FailReason::Poison => format!("crashed its worker {POISON_CRASHES} times, "),
        FailReason::Bug => "broke a rule of reelmesh's own, ".into(),
    };
    format!("unit {unit} {why}last in attempt {attempt} on {node}: {what}")
}
