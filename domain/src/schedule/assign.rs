//! Hands out what can be handed out: the oldest run's first unit to the least loaded node.

use alloc::vec::Vec;

use super::group::GroupIndex;
use super::node::Held;
use super::run::Phase;
use super::{Assignment, AttemptId, Effect, Scheduler};
use crate::events::Happened;
use crate::ids::{AttemptNumber, NodeId, RunId, UnitId};

/// Runs that are looked at for a unit that fits a node's free memory.
const RUNS_LOOKED_AT: usize = 8;
/// Units of each run that are looked at.
const UNITS_LOOKED_AT: usize = 8;

impl Scheduler {
    pub(super) fn hand_out(&mut self, out: &mut Vec<Effect>) {
        for group in 0..self.groups.len() {
            while let Some(node) = self.next_free(group) {
                if let Some((run, unit)) = self.pick(group, &node) {
                    self.assign(&node, run, unit, out);
                } else {
                    self.pass_over(group, &node);
                }
            }
        }
    }

    /// The least loaded node of a group that has work.
    fn next_free(&self, group: GroupIndex) -> Option<NodeId> {
        let group = self.groups.get(group)?;
        let (_, node) = group.free.first()?;
        (!group.ready.is_empty()).then(|| node.clone())
    }

    /// The first unit, in the order of runs and ranks, that fits the node's free memory.
    fn pick(&self, group: GroupIndex, node: &NodeId) -> Option<(RunId, UnitId)> {
        let node = self.nodes.get(node)?;
        let runs = self.groups.get(group)?.ready.iter().take(RUNS_LOOKED_AT);
        runs.filter_map(|&(_, run)| Some((run, self.runs.get(&run)?)))
            .find_map(|(run, state)| {
                let units = state.ready.iter().take(UNITS_LOOKED_AT);
                let mut fitting = units.filter(|(_, unit)| {
                    let unit = state.units.get(unit);
                    unit.is_some_and(|unit| node.fits(unit.todo.memory_bytes))
                });
                fitting.next().map(|&(_, unit)| (run, unit))
            })
    }

    fn pass_over(&mut self, group: GroupIndex, node: &NodeId) {
        let load = self.nodes.get_mut(node).and_then(|n| n.free_under.take());
        if let (Some(group), Some(load)) = (self.groups.get_mut(group), load) {
            group.free.remove(&(load, node.clone()));
            group.passed_over.insert(node.clone());
        }
    }

    fn assign(&mut self, node: &NodeId, run: RunId, unit: UnitId, out: &mut Vec<Effect>) {
        let (Some(state), Some(receiver)) = (self.runs.get_mut(&run), self.nodes.get_mut(node))
        else {
            return;
        };
        let Some(todo) = state.units.get_mut(&unit) else {
            return;
        };
        todo.attempts += 1;
        let id = AttemptId {
            node: node.clone(),
            run,
            unit,
            attempt: AttemptNumber(todo.attempts),
        };
        let avoid = todo.avoid.as_ref().filter(|(crashed, _)| crashed == node);
        let assignment = Assignment {
            id: id.clone(),
            work: todo.todo.work,
            speculative: false,
            avoid: avoid.map(|&(_, worker)| worker),
        };
        let held = Held {
            memory_bytes: todo.todo.memory_bytes,
            assigned_at: self.now,
            done_ppm: 0,
            spooled: false,
            revoked: false,
        };
        receiver.take_on(&id, held);
        state.set_phase(unit, Phase::Running(node.clone()));
        self.touch_node(node);
        self.touch_run(run);
        out.push(Effect::Assign(assignment));
        out.push(Effect::Tell(Happened::AttemptAssigned {
            run,
            unit,
            attempt: id.attempt,
            node: id.node,
        }));
    }
}
