//! A unit is committed.

use alloc::vec::Vec;

use super::run::Phase;
use super::{AttemptId, CommittedBy, Effect, Scheduler, Work};
use crate::events::Happened;
use crate::ids::{PlanRevision, RunId, UnitId};
use crate::store::records::AttemptStatus;

impl Scheduler {
    pub(super) fn on_commit_seen(
        &mut self,
        run: RunId,
        unit: UnitId,
        by: Option<CommittedBy>,
        out: &mut Vec<Effect>,
    ) {
        let winner = by.map(|CommittedBy { node, attempt }| AttemptId {
            node,
            run,
            unit,
            attempt,
        });
        if let Some(winner) = &winner
            && self.release(winner).is_some()
        {
            out.push(Effect::Tell(Happened::AttemptEnded {
                run,
                unit,
                attempt: winner.attempt,
                node: winner.node.clone(),
                worker: None,
                status: AttemptStatus::Committed,
                cause: None,
            }));
        }
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let running = state.attempt_running(run, unit).map(|(id, _)| id);
        state.set_phase(unit, Phase::Committed);
        state.committed.insert(unit);
        let first_plan = state.asked.is_none() && state.revision.is_none();
        let scan = state.units.get(&unit).map(|unit| unit.todo.work) == Some(Work::Scan);
        if let Some(loser) = running.filter(|running| winner.as_ref() != Some(running)) {
            self.revoke(&loser, out);
        }
        self.touch_run(run);
        if scan && first_plan {
            self.ask_for_plan(run, PlanRevision(0), None, out);
        }
        self.check_complete(run, out);
    }
}
