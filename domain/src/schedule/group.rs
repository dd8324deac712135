//! Runs and nodes of one fingerprint: only these come together.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use super::Scheduler;
use crate::ids::{NodeId, RunId};
use crate::time::Time;

/// Place of a group. Groups stay: a cluster sees few fingerprints in a process's life.
pub(super) type GroupIndex = usize;

/// What can be handed out, and to whom.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// Runs with ready units, in the order of submission.
    pub(super) ready: BTreeSet<(u64, RunId)>,
    /// Nodes with credit, the least loaded first.
    pub(super) free: BTreeSet<(u64, NodeId)>,
    /// Nodes with credit that no ready unit fitted; asked again when they or the units change, and at
    /// each tick.
    pub(super) passed_over: BTreeSet<NodeId>,
    /// How many nodes have so much memory.
    pub(super) memories: BTreeMap<u64, u32>,
    /// Runs with a unit that no node is large enough for, and since when.
    pub(super) misfits: BTreeMap<RunId, Time>,
}

impl Scheduler {
    pub(super) fn group_of(&mut self, fingerprint: &str) -> GroupIndex {
        if let Some(&index) = self.groups_by_fingerprint.get(fingerprint) {
            return index;
        }
        let index = self.groups.len();
        self.groups.push(Group::default());
        let fingerprint = String::from(fingerprint);
        self.groups_by_fingerprint.insert(fingerprint, index);
        index
    }

    /// Brings the group's index of ready runs in line with the run.
    pub(super) fn touch_run(&mut self, run: RunId) {
        let Some(state) = self.runs.get(&run) else {
            return;
        };
        let Some(group) = self.groups.get_mut(state.group) else {
            return;
        };
        if state.hands_out() {
            group.ready.insert((state.order, run));
        } else {
            group.ready.remove(&(state.order, run));
        }
    }

    /// Brings the group's index of free nodes in line with the node.
    pub(super) fn touch_node(&mut self, node: &NodeId) {
        let Some(state) = self.nodes.get_mut(node) else {
            return;
        };
        let Some(group) = self.groups.get_mut(state.group) else {
            return;
        };
        if let Some(load) = state.free_under.take() {
            group.free.remove(&(load, node.clone()));
        }
        group.passed_over.remove(node);
        if state.credit() > 0 {
            let load = state.load_permille();
            state.free_under = Some(load);
            group.free.insert((load, node.clone()));
        }
    }

    /// Asks the nodes again that nothing fitted.
    pub(super) fn reconsider(&mut self, group: GroupIndex) {
        let passed_over = self
            .groups
            .get_mut(group)
            .map(|group| core::mem::take(&mut group.passed_over));
        for node in passed_over.unwrap_or_default() {
            self.touch_node(&node);
        }
    }
}
