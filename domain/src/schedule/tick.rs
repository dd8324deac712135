//! Time passes: waits end.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Effect, Scheduler};
use crate::ids::{RunId, UnitId};
use crate::time::Time;

/// What falls due. A timer isn't taken back when its reason goes: firing checks whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// A unit's wait is over.
    Unit(RunId, UnitId),
    /// The wait before the next try at a plan is over.
    Plan(RunId),
    /// A run has waited for a large enough node for too long.
    Misfit(RunId),
}

/// Timers in order; the number keeps equal moments apart.
pub(super) type Timers = BTreeMap<(Time, u64), Due>;

impl Scheduler {
    pub(super) fn fire_timers(&mut self, out: &mut Vec<Effect>) {
        while let Some(first) = self.timers.first_entry() {
            if first.key().0 > self.now {
                return;
            }
            match first.remove() {
                Due::Unit(run, unit) => self.on_unit_due(run, unit),
                Due::Plan(run) => self.on_plan_due(run, out),
                Due::Misfit(run) => self.on_misfit_due(run, out),
            }
        }
    }

    pub(super) fn on_tick(&mut self, out: &mut Vec<Effect>) {
        for group in 0..self.groups.len() {
            self.reconsider(group);
        }
        self.update_wanted_capacity(out);
    }
}
