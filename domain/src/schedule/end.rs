//! A run comes to its end: a verdict is sought, stands, and is carried out.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::run::{Phase, Stage, UnitState};
use super::{AttemptId, Effect, Scheduler, SoughtVerdict};
use crate::events::Happened;
use crate::ids::{AttemptNumber, RunId, UnitId};
use crate::store::records::{Outcome, Verdict};

impl Scheduler {
    /// Asks for a verdict; from now on nothing of the run is handed out.
    pub(super) fn seek_verdict(&mut self, sought: SoughtVerdict, out: &mut Vec<Effect>) {
        let (run, verdict) = (sought.run, sought.verdict);
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        state.stage = Stage::Deciding(verdict);
        self.stop_work(run, out);
        out.push(Effect::Tell(Happened::VerdictSought {
            run,
            verdict,
            why: sought.why.clone(),
        }));
        out.push(Effect::DecideVerdict(sought));
    }

    pub(super) fn on_cancel(&mut self, run: RunId, out: &mut Vec<Effect>) {
        // A publication that is being decided may still lose against the user's wish; what stands, stands.
        let stage = self.runs.get(&run).map(|state| state.stage);
        if let Some(Stage::Working | Stage::Deciding(Verdict::Publish)) = stage {
            let sought = SoughtVerdict {
                run,
                verdict: Verdict::Cancel,
                why: "cancelled by command".into(),
                evidence: Vec::new(),
                needs_attention: false,
            };
            self.seek_verdict(sought, out);
        }
    }

    pub(super) fn on_verdict_seen(&mut self, run: RunId, verdict: Verdict, out: &mut Vec<Effect>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        if matches!(state.stage, Stage::Decided(_)) {
            return;
        }
        state.stage = Stage::Decided(verdict);
        let revision = state.revision;
        self.stop_work(run, out);
        out.push(Effect::Tell(Happened::VerdictDecided { run, verdict }));
        out.push(match verdict {
            Verdict::Publish => Effect::Assemble { run, revision },
            Verdict::Cancel | Verdict::Fail | Verdict::Replan => Effect::Conclude { run, verdict },
        });
    }

    pub(super) fn on_outcome_seen(&mut self, run: RunId, outcome: Outcome, out: &mut Vec<Effect>) {
        self.stop_work(run, out);
        let Some(state) = self.runs.remove(&run) else {
            return;
        };
        if let Some(group) = self.groups.get_mut(state.group) {
            group.ready.remove(&(state.order, run));
            group.misfits.remove(&run);
        }
        out.push(Effect::Tell(Happened::RunEnded { run, outcome }));
    }

    /// Revokes all attempts of a run that isn't worked on any more.
    fn stop_work(&mut self, run: RunId, out: &mut Vec<Effect>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let running = state.attempts_running(run);
        for id in &running {
            state.set_phase(id.unit, Phase::Waiting);
        }
        let group = state.group;
        for id in &running {
            self.revoke(id, out);
        }
        if let Some(group) = self.groups.get_mut(group) {
            group.misfits.remove(&run);
        }
        self.touch_run(run);
    }

    /// Revokes the attempts at units that a newer plan doesn't have.
    pub(super) fn revoke_dropped(
        &mut self,
        run: RunId,
        dropped: &BTreeMap<UnitId, UnitState>,
        out: &mut Vec<Effect>,
    ) {
        for (&unit, state) in dropped {
            if let Phase::Running(node) = &state.phase {
                let id = AttemptId {
                    node: node.clone(),
                    run,
                    unit,
                    attempt: AttemptNumber(state.attempts),
                };
                self.revoke(&id, out);
            }
        }
    }

    /// Tells a node to give an attempt up. It keeps its credit until the node says that it did.
    pub(super) fn revoke(&mut self, id: &AttemptId, out: &mut Vec<Effect>) {
        let node = self.nodes.get_mut(&id.node);
        let held = node.and_then(|node| node.held.get_mut(&(id.run, id.unit, id.attempt)));
        if let Some(held) = held {
            held.revoked = true;
            out.push(Effect::Revoke(id.clone()));
        }
    }
}
