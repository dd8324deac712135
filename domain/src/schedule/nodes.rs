//! Nodes come and go.

use alloc::vec::Vec;

use super::node::NodeState;
use super::{AttemptId, Effect, Joined, PREFETCH_UNITS, Scheduler};
use crate::events::Happened;
use crate::ids::{NodeId, RunId};

impl Scheduler {
    pub(super) fn on_node_joined(&mut self, mut joined: Joined, out: &mut Vec<Effect>) {
        joined.prefetch = joined.prefetch.min(PREFETCH_UNITS);
        let node = joined.node.clone();
        self.on_node_lost(&node, out);
        out.push(Effect::Tell(Happened::NodeJoined {
            node: node.clone(),
            workers: joined.workers,
        }));
        let group = self.group_of(&joined.fingerprint);
        let memory_bytes = joined.memory_bytes;
        let attempts = core::mem::take(&mut joined.attempts);
        let state = NodeState::new(joined, group);
        self.nodes.insert(node.clone(), state);
        self.touch_node(&node);
        for report in attempts {
            let id = AttemptId {
                node: node.clone(),
                run: report.run,
                unit: report.unit,
                attempt: report.attempt,
            };
            if !self.adopts(&id, &report, |last| id.attempt.0 >= last) {
                out.push(Effect::Revoke(id));
            }
        }
        if let Some(group) = self.groups.get_mut(group) {
            *group.memories.entry(memory_bytes).or_insert(0) += 1;
            // The first node of a fingerprint may be too small for runs that wait; a further one may end
            // the wait of others.
            let misfits = group.misfits.keys().copied();
            let ready = group.ready.iter().map(|&(_, run)| run);
            let runs: Vec<RunId> = misfits.chain(ready).collect();
            for run in runs {
                self.check_misfit(run, out);
            }
        }
    }

    pub(super) fn on_node_lost(&mut self, node: &NodeId, out: &mut Vec<Effect>) {
        if self.nodes.contains_key(node) {
            out.push(Effect::Tell(Happened::NodeLost { node: node.clone() }));
            self.remove_node(node, out);
        }
    }

    pub(super) fn on_node_left(&mut self, node: &NodeId, out: &mut Vec<Effect>) {
        if self.nodes.contains_key(node) {
            out.push(Effect::Tell(Happened::NodeLeft { node: node.clone() }));
            self.remove_node(node, out);
        }
    }

    /// Its units return to the head of the queue at once.
    fn remove_node(&mut self, node: &NodeId, out: &mut Vec<Effect>) {
        let Some(state) = self.nodes.get_mut(node) else {
            return;
        };
        // Without workers it gets nothing while its attempts are taken from it.
        state.joined.workers = 0;
        state.joined.prefetch = 0;
        let attempt = |&(run, unit, attempt): &_| AttemptId {
            node: node.clone(),
            run,
            unit,
            attempt,
        };
        let held: Vec<AttemptId> = state.held.keys().map(attempt).collect();
        self.touch_node(node);
        for id in held {
            self.on_attempt_lost(&id, out);
        }
        let Some(state) = self.nodes.remove(node) else {
            return;
        };
        let Some(group) = self.groups.get_mut(state.group) else {
            return;
        };
        let memory_bytes = state.joined.memory_bytes;
        if let Some(count) = group.memories.get_mut(&memory_bytes) {
            *count -= 1;
            if *count == 0 {
                group.memories.remove(&memory_bytes);
            }
        }
        let ready: Vec<RunId> = group.ready.iter().map(|&(_, run)| run).collect();
        for run in ready {
            self.check_misfit(run, out);
        }
    }
}
