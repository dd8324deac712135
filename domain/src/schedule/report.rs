//! A node says which attempts it has: what was lost on the way is found, what nobody wants is revoked.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::node::Held;
use super::run::{Phase, Stage};
use super::{AttemptId, AttemptReport, Effect, REPORT_GRACE, Scheduler};
use crate::ids::NodeId;

impl Scheduler {
    pub(super) fn on_node_reported(
        &mut self,
        node: &NodeId,
        reports: &[AttemptReport],
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let Some(state) = self.nodes.get_mut(node) else {
            return;
        };
        let named: BTreeSet<_> = reports
            .iter()
            .map(|report| (report.run, report.unit, report.attempt))
            .collect();
        let missing: Vec<AttemptId> = state
            .held
            .iter()
            .filter(|(key, held)| {
                !named.contains(key) && now.since(held.assigned_at) >= REPORT_GRACE
            })
            .map(|(&(run, unit, attempt), _)| AttemptId {
                node: node.clone(),
                run,
                unit,
                attempt,
            })
            .collect();
        for report in reports {
            self.on_attempt_reported(node, report, out);
        }
        for id in missing {
            // Should the assignment still come in, it must not be begun.
            self.revoke(&id, out);
            self.on_attempt_lost(&id, out);
        }
    }

    fn on_attempt_reported(
        &mut self,
        node: &NodeId,
        report: &AttemptReport,
        out: &mut Vec<Effect>,
    ) {
        let id = AttemptId {
            node: node.clone(),
            run: report.run,
            unit: report.unit,
            attempt: report.attempt,
        };
        if report.spooled {
            // In case the message that said so is lost.
            self.on_attempt_spooled(&id);
        }
        let held = self.nodes.get_mut(node).and_then(|state| {
            let key = (id.run, id.unit, id.attempt);
            state.held.get_mut(&key)
        });
        let wanted = if let Some(held) = held {
            held.done_ppm = held.done_ppm.max(report.done_ppm);
            !held.revoked
        } else {
            // An older number is an attempt that ended here already: its report was overtaken.
            self.adopts(&id, report, |last| id.attempt.0 > last)
        };
        if !wanted {
            out.push(Effect::Revoke(id));
        }
    }

    /// Takes over an attempt that this scheduler doesn't count, if its unit waits for somebody and the
    /// number of its last attempt allows. One that is spooled needs neither worker nor memory.
    pub(super) fn adopts(
        &mut self,
        id: &AttemptId,
        report: &AttemptReport,
        follows: impl Fn(u32) -> bool,
    ) -> bool {
        let (Some(run), Some(node)) = (self.runs.get_mut(&id.run), self.nodes.get_mut(&id.node))
        else {
            return false;
        };
        if run.stage != Stage::Working || run.group != node.group || !node.has_room(report.spooled)
        {
            return false;
        }
        let Some(unit) = run.units.get_mut(&id.unit) else {
            return false;
        };
        let wanted = matches!(unit.phase, Phase::Ready | Phase::Waiting);
        let memory_bytes = unit.todo.memory_bytes;
        let fits = report.spooled || node.fits(memory_bytes);
        if !wanted || !follows(unit.attempts) || !fits {
            return false;
        }
        unit.attempts = id.attempt.0;
        run.set_phase(id.unit, Phase::Running(id.node.clone()));
        let held = Held {
            memory_bytes,
            assigned_at: self.now,
            done_ppm: report.done_ppm,
            spooled: false,
            revoked: false,
        };
        node.take_on(id, held);
        if report.spooled {
            node.spooled(id);
        }
        self.touch_node(&id.node);
        self.touch_run(id.run);
        true
    }
}
