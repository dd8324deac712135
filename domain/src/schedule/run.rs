//! One run, as the scheduler sees it: its own state, apart from all others'.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use super::group::GroupIndex;
use super::{AttemptId, Submitted, UnitToDo, Work};
use crate::events::Progress;
use crate::failure::FailureHistory;
use crate::ids::{AttemptNumber, NodeId, PlanRevision, RunId, UnitId, WorkerSlot};
use crate::plan::UnitKind;
use crate::store::records::Verdict;

/// A run that hasn't ended.
#[derive(Clone, Debug)]
pub(super) struct RunState {
    /// Its place in the order of submission.
    pub(super) order: u64,
    pub(super) group: GroupIndex,
    pub(super) submitted: Submitted,
    pub(super) stage: Stage,
    /// The newest plan, once there is one.
    pub(super) revision: Option<PlanRevision>,
    /// The plan that is waited for, and what was refuted.
    pub(super) asked: Option<(PlanRevision, Option<String>)>,
    pub(super) plan_failures: FailureHistory,
    pub(super) judging: Judging,
    /// The scan, then the units of the newest plan.
    pub(super) units: BTreeMap<UnitId, UnitState>,
    /// What can be handed out, in this order.
    pub(super) ready: BTreeSet<(Rank, UnitId)>,
    /// Units with an attempt on a node.
    pub(super) running: BTreeSet<UnitId>,
    /// Every commit seen, of all revisions.
    pub(super) committed: BTreeSet<UnitId>,
    /// Units of `units` without commit.
    pub(super) missing: usize,
    pub(super) cost_us: u64,
    pub(super) cost_committed_us: u64,
    /// The largest need of a unit, committed or not.
    pub(super) largest_bytes: u64,
}

/// How far the run's end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Working,
    /// A verdict is sought.
    Deciding(Verdict),
    /// A verdict stands.
    Decided(Verdict),
}

/// What is known of the newest plan's borders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judging {
    NotAsked,
    Asked,
    Proven,
}

/// A unit of the newest plan.
#[derive(Clone, Debug)]
pub(super) struct UnitState {
    pub(super) todo: UnitToDo,
    pub(super) rank: Rank,
    /// The number of the last attempt.
    pub(super) attempts: u32,
    /// Attempts that ended without a result.
    pub(super) fruitless: u32,
    pub(super) history: FailureHistory,
    /// Where it crashed last.
    pub(super) avoid: Option<(NodeId, WorkerSlot)>,
    pub(super) phase: Phase,
}

/// Where a unit stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Ready,
    /// Until its timer.
    Waiting,
    /// Its last attempt is on this node.
    Running(NodeId),
    Committed,
}

/// What goes first: what came back, the scan, audio (longest first), chunks (left to right).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Returned(u32),
    Scan,
    Audio { rest_us: u64 },
    Chunk(u32),
}

impl Rank {
    fn of(todo: &UnitToDo, place: u32) -> Self {
        match todo.work {
            Work::Scan => Self::Scan,
            Work::Planned(UnitKind::Audio { .. }) => Self::Audio {
                rest_us: u64::MAX - todo.cost_us,
            },
            Work::Planned(UnitKind::Chunk { .. }) => Self::Chunk(place),
        }
    }
}

impl UnitState {
    /// A unit at a place of the plan.
    pub(super) fn new(todo: UnitToDo, place: u32) -> Self {
        Self {
            todo,
            rank: Rank::of(&todo, place),
            attempts: todo.before.attempts,
            fruitless: 0,
            history: FailureHistory {
                crashes: todo.before.crashes,
                ..FailureHistory::default()
            },
            avoid: None,
            phase: Phase::Ready,
        }
    }

    /// The same unit at its place in a newer plan.
    pub(super) fn moved(mut self, todo: UnitToDo, place: u32) -> Self {
        self.rank = Rank::of(&todo, place);
        self.todo.work = todo.work;
        self
    }

    pub(super) fn is_attempt(&self, id: &AttemptId) -> bool {
        self.attempts == id.attempt.0
            && matches!(&self.phase, Phase::Running(node) if *node == id.node)
    }
}

impl RunState {
    pub(super) fn new(submitted: Submitted, order: u64, group: GroupIndex) -> Self {
        let mut state = Self {
            order,
            group,
            stage: Stage::Working,
            revision: None,
            asked: None,
            plan_failures: FailureHistory::default(),
            judging: Judging::NotAsked,
            units: BTreeMap::new(),
            ready: BTreeSet::new(),
            running: BTreeSet::new(),
            committed: BTreeSet::new(),
            missing: 0,
            cost_us: 0,
            cost_committed_us: 0,
            largest_bytes: 0,
            submitted,
        };
        if state.submitted.scan_committed {
            state.committed.insert(state.submitted.scan.id);
        } else {
            state.insert(UnitState::new(state.submitted.scan, 0));
        }
        state
    }

    /// Whether the run has something to hand out.
    pub(super) fn hands_out(&self) -> bool {
        self.stage == Stage::Working && !self.ready.is_empty()
    }

    /// Adds a unit in whatever phase it is.
    pub(super) fn insert(&mut self, mut unit: UnitState) {
        let id = unit.todo.id;
        if self.committed.contains(&id) {
            unit.phase = Phase::Committed;
        }
        self.cost_us += unit.todo.cost_us;
        self.largest_bytes = self.largest_bytes.max(unit.todo.memory_bytes);
        match unit.phase {
            Phase::Committed => self.cost_committed_us += unit.todo.cost_us,
            Phase::Ready => {
                self.ready.insert((unit.rank, id));
                self.missing += 1;
            }
            Phase::Waiting => self.missing += 1,
            Phase::Running(_) => {
                self.running.insert(id);
                self.missing += 1;
            }
        }
        self.units.insert(id, unit);
    }

    /// Takes all units out, for a newer plan.
    pub(super) fn take_units(&mut self) -> BTreeMap<UnitId, UnitState> {
        self.ready.clear();
        self.running.clear();
        self.missing = 0;
        self.cost_us = 0;
        self.cost_committed_us = 0;
        self.largest_bytes = 0;
        core::mem::take(&mut self.units)
    }

    /// Moves a unit that isn't committed into another phase.
    pub(super) fn set_phase(&mut self, unit: UnitId, phase: Phase) {
        let Some(state) = self.units.get_mut(&unit) else {
            return;
        };
        match state.phase {
            Phase::Committed => return,
            Phase::Ready => {
                self.ready.remove(&(state.rank, unit));
            }
            Phase::Running(_) => {
                self.running.remove(&unit);
            }
            Phase::Waiting => {}
        }
        match phase {
            Phase::Committed => {
                self.committed.insert(unit);
                self.missing -= 1;
                self.cost_committed_us += state.todo.cost_us;
            }
            Phase::Ready => {
                self.ready.insert((state.rank, unit));
            }
            Phase::Running(_) => {
                self.running.insert(unit);
            }
            Phase::Waiting => {}
        }
        state.phase = phase;
    }

    /// Puts a unit back at the head of the queue, those of earlier places first.
    pub(super) fn put_back(&mut self, unit: UnitId) {
        let Some(state) = self.units.get_mut(&unit) else {
            return;
        };
        // A ready unit stands under its rank, so it must be taken out under the old one.
        if state.phase == Phase::Ready || state.phase == Phase::Committed {
            return;
        }
        state.rank = match state.rank {
            Rank::Chunk(place) => Rank::Returned(place.saturating_add(1)),
            Rank::Scan | Rank::Audio { .. } => Rank::Returned(0),
            returned @ Rank::Returned(_) => returned,
        };
        self.set_phase(unit, Phase::Ready);
    }

    /// The running attempt at a unit, and the unit's cost.
    pub(super) fn attempt_running(&self, run: RunId, unit: UnitId) -> Option<(AttemptId, u64)> {
        let state = self.units.get(&unit)?;
        let Phase::Running(node) = &state.phase else {
            return None;
        };
        let id = AttemptId {
            node: node.clone(),
            run,
            unit,
            attempt: AttemptNumber(state.attempts),
        };
        Some((id, state.todo.cost_us))
    }

    /// All running attempts.
    pub(super) fn attempts_running(&self, run: RunId) -> Vec<AttemptId> {
        let running = self.running.iter();
        let attempt = |&unit| self.attempt_running(run, unit).map(|(id, _)| id);
        running.filter_map(attempt).collect()
    }

    /// Core-microseconds that aren't committed.
    pub(super) const fn backlog_us(&self) -> u64 {
        self.cost_us.saturating_sub(self.cost_committed_us)
    }

    /// How far it is, running attempts not counted.
    pub(super) fn progress(&self) -> Progress {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let attempts_running = count(self.running.len());
        if self.revision.is_none() {
            return Progress {
                attempts_running,
                ..Progress::default()
            };
        }
        Progress {
            units: count(self.units.len()),
            units_committed: count(self.units.len() - self.missing),
            cost_us: self.cost_us,
            cost_committed_us: self.cost_committed_us,
            cost_running_us: 0,
            attempts_running,
        }
    }
}
