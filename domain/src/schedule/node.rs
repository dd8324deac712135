//! One node, as the scheduler sees it.

use alloc::collections::BTreeMap;

use super::group::GroupIndex;
use super::{AttemptId, Joined, SPOOLED_UNITS, Scheduler};
use crate::ids::{AttemptNumber, RunId, UnitId};
use crate::time::Time;

/// A node that joined.
#[derive(Clone, Debug)]
pub(super) struct NodeState {
    pub(super) joined: Joined,
    pub(super) group: GroupIndex,
    /// All attempts that it was given and that haven't come to an end.
    pub(super) held: BTreeMap<(RunId, UnitId, AttemptNumber), Held>,
    /// Of these, not yet spooled.
    pub(super) in_work: u32,
    /// Estimated memory of these.
    pub(super) memory_used: u64,
    /// The load under which it stands among the free ones.
    pub(super) free_under: Option<u64>,
}

/// An attempt that a node has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) memory_bytes: u64,
    pub(super) assigned_at: Time,
    pub(super) done_ppm: u32,
    pub(super) spooled: bool,
    pub(super) revoked: bool,
}

impl NodeState {
    pub(super) const fn new(joined: Joined, group: GroupIndex) -> Self {
        Self {
            joined,
            group,
            held: BTreeMap::new(),
            in_work: 0,
            memory_used: 0,
            free_under: None,
        }
    }

    /// How many units it may be given.
    pub(super) fn credit(&self) -> u32 {
        let held = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        let spooled = held.saturating_sub(self.in_work);
        let used = self
            .in_work
            .saturating_add(spooled.saturating_sub(SPOOLED_UNITS));
        self.slots().saturating_sub(used)
    }

    /// Whether it may be found to have one more attempt than is known: one in work within its credit, a
    /// spooled one within the most that it can ever have spooled.
    pub(super) fn has_room(&self, spooled: bool) -> bool {
        if spooled {
            (self.held.len() as u64) < self.most_held()
        } else {
            self.credit() > 0
        }
    }

    /// The most that it can hold: what may lie spooled, what waited for the store beyond that, what is in
    /// work.
    pub(super) fn most_held(&self) -> u64 {
        u64::from(SPOOLED_UNITS) + u64::from(self.slots()) * 2
    }

    /// Workers and places to wait.
    pub(super) const fn slots(&self) -> u32 {
        self.joined.workers.saturating_add(self.joined.prefetch)
    }

    /// Units in work per thousand workers.
    pub(super) fn load_permille(&self) -> u64 {
        u64::from(self.in_work) * 1_000 / u64::from(self.joined.workers.max(1))
    }

    pub(super) const fn fits(&self, memory_bytes: u64) -> bool {
        self.memory_used.saturating_add(memory_bytes) <= self.joined.memory_bytes
    }

    pub(super) fn held(&self, id: &AttemptId) -> Option<&Held> {
        self.held.get(&key(id))
    }

    pub(super) fn take_on(&mut self, id: &AttemptId, held: Held) {
        self.in_work += 1;
        self.memory_used += held.memory_bytes;
        self.held.insert(key(id), held);
    }

    /// The worker is free, the commit is under way.
    pub(super) fn spooled(&mut self, id: &AttemptId) {
        let Some(held) = self.held.get_mut(&key(id)) else {
            return;
        };
        if !held.spooled {
            held.spooled = true;
            self.in_work -= 1;
            self.memory_used -= held.memory_bytes;
        }
    }

    fn let_go(&mut self, id: &AttemptId) -> Option<Held> {
        self.spooled(id);
        self.held.remove(&key(id))
    }
}

impl Scheduler {
    /// The node doesn't have the attempt any more. `None` if it didn't have it.
    pub(super) fn release(&mut self, id: &AttemptId) -> Option<Held> {
        let held = self.nodes.get_mut(&id.node)?.let_go(id);
        self.touch_node(&id.node);
        held
    }

    pub(super) fn on_attempt_spooled(&mut self, id: &AttemptId) {
        if let Some(node) = self.nodes.get_mut(&id.node) {
            node.spooled(id);
            self.touch_node(&id.node);
        }
    }
}

const fn key(id: &AttemptId) -> (RunId, UnitId, AttemptNumber) {
    (id.run, id.unit, id.attempt)
}
