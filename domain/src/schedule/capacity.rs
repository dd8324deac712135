//! How many workers would end the backlog in time.

use alloc::vec::Vec;

use super::{Effect, Scheduler};

/// The backlog should be done within ten minutes: a cloud machine takes one or two to start, and is
/// paid by the minute or more.
const TARGET_US: u64 = 600_000_000;
/// Less change than a fifth isn't worth a new machine, nor the end of one.
const HYSTERESIS_PERCENT: u64 = 20;

impl Scheduler {
    pub(super) fn update_wanted_capacity(&mut self, out: &mut Vec<Effect>) {
        let backlog_us: u64 = self
            .runs
            .values()
            .map(super::run::RunState::backlog_us)
            .sum();
        let units: usize = self.runs.values().map(|run| run.missing).sum();
        let units = u64::try_from(units).unwrap_or(u64::MAX);
        let wanted = backlog_us.div_ceil(TARGET_US).min(units);
        let told = u64::from(self.wanted_workers);
        let same = wanted.abs_diff(told) * 100 <= told * HYSTERESIS_PERCENT;
        if (same && (wanted == 0) == (told == 0)) || wanted == told {
            return;
        }
        self.wanted_workers = u32::try_from(wanted).unwrap_or(u32::MAX);
        out.push(Effect::WantedCapacity {
            workers: self.wanted_workers,
        });
    }
}
