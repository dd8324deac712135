//! What displays show of a run.

use std::collections::BTreeSet;

use reelmesh_domain::ids::{RunId, UnitId};
use reelmesh_domain::plan::{Plan, UnitKind};

use super::run::Run;
use super::{Attempt, CoordinatorState};
use crate::api::{JobEvent, WorkerProgress};

/// All of an attempt, in millionths.
pub(super) const WHOLE_PPM: u32 = 1_000_000;

impl Attempt {
    /// Done and total in the task's own measure.
    fn done(&self) -> (u64, u64) {
        let total = self.assignment.task.total();
        let done = self.watch.as_ref().map_or(0, |watch| watch.done());
        (done, total)
    }

    pub(super) fn done_ppm(&self) -> u32 {
        let (done, total) = self.done();
        let ppm = u128::from(done) * u128::from(WHOLE_PPM) / u128::from(total.max(1));
        u32::try_from(ppm).unwrap_or(WHOLE_PPM).min(WHOLE_PPM)
    }
}

/// Own frames of a chunk's unit; none of an audio unit.
fn frames_of(plan: &Plan, kind: UnitKind) -> u64 {
    let UnitKind::Chunk { chunk, .. } = kind else {
        return 0;
    };
    let place = usize::try_from(chunk).unwrap_or(usize::MAX);
    let own = plan.chunks.get(place).map(|chunk| &chunk.own);
    own.map_or(0, |own| own.end - own.start)
}

impl CoordinatorState {
    /// A new plan: totals, and what of it is kept.
    pub(super) fn show_plan(&mut self, run: RunId) {
        let Some(state) = self.runs.get(&run) else {
            return;
        };
        let Some(split) = &state.split else { return };
        let plan = &split.plan;
        let units = u32::try_from(plan.units.len()).unwrap_or(u32::MAX);
        let kept = plan.units.iter();
        let kept = kept.filter(|unit| state.kept.contains(&unit.id)).count();
        let kept = u32::try_from(kept).unwrap_or(u32::MAX);
        let bytes = state.job.start.pin.length;
        state.job.channels.show(|shown| {
            shown.scanned_bytes = bytes;
            shown.frames_total = plan.frames;
            shown.cost_total_us = plan.units.iter().map(|unit| unit.cost_us).sum();
            shown.units_total = units;
            shown.units_kept = kept;
        });
        state.job.channels.tell(JobEvent::Planned {
            revision: plan.revision.0,
            chunks: u32::try_from(plan.chunks.len()).unwrap_or(u32::MAX),
            units,
            kept,
            frames: plan.frames,
            reason: (plan.revision.0 > 0)
                .then(|| state.warnings.last().cloned())
                .flatten(),
        });
    }

    pub(super) fn show_all(&mut self) {
        self.pool_refuses = false;
        for (&run, state) in &self.runs {
            self.show(run, state);
        }
    }

    fn show(&self, run: RunId, state: &Run) {
        let workers: Vec<WorkerProgress> = self
            .attempts_of(run)
            .filter_map(|attempt| {
                let (slot, _) = attempt.began?;
                let (done, total) = attempt.done();
                Some(WorkerProgress {
                    slot,
                    unit: attempt.id.unit,
                    label: attempt.label.clone(),
                    attempt: attempt.id.attempt,
                    done,
                    total,
                })
            })
            .collect();
        let scanned = self
            .attempts_of(run)
            .find(|attempt| Some(attempt.id.unit) == state.scan)
            .map(|attempt| attempt.done().0);
        let counted = state
            .split
            .as_ref()
            .map(|split| self.counted(run, &split.plan, &state.committed));
        state.job.channels.show(|shown| {
            if let Some(bytes) = scanned {
                shown.scanned_bytes = shown.scanned_bytes.max(bytes);
            }
            if let Some(counted) = counted {
                shown.frames_committed = counted.frames_committed;
                shown.frames_done = counted.frames_done;
                shown.cost_done_us = counted.cost_done_us;
                shown.units_committed = counted.units_committed;
            }
            shown.workers = workers;
        });
    }

    fn counted(&self, run: RunId, plan: &Plan, committed: &BTreeSet<UnitId>) -> Counted {
        let mut counted = Counted::default();
        for unit in &plan.units {
            let frames = frames_of(plan, unit.kind);
            if committed.contains(&unit.id) {
                counted.frames_committed += frames;
                counted.cost_done_us += unit.cost_us;
                counted.units_committed += 1;
            } else if let Some(ppm) = self.part_done(run, unit.id) {
                let part = |whole: u64| {
                    let done = u128::from(whole) * u128::from(ppm) / u128::from(WHOLE_PPM);
                    u64::try_from(done).unwrap_or(whole)
                };
                counted.frames_done += part(frames);
                counted.cost_done_us += part(unit.cost_us);
            }
        }
        let groups = u64::try_from(plan.groups.len()).unwrap_or(1).max(1);
        counted.frames_done = (counted.frames_done + counted.frames_committed) / groups;
        counted.frames_committed /= groups;
        counted
    }

    fn part_done(&self, run: RunId, unit: UnitId) -> Option<u32> {
        let in_work = self.attempts_of(run).find(|held| held.id.unit == unit);
        let spooled = || {
            let mut pushed = self.pushing.values();
            let found = pushed.any(|(id, _)| id.run == run && id.unit == unit);
            found.then_some(WHOLE_PPM)
        };
        in_work.map(Attempt::done_ppm).or_else(spooled)
    }
}

#[derive(Default)]
struct Counted {
    frames_committed: u64,
    frames_done: u64,
    cost_done_us: u64,
    units_committed: u32,
}
