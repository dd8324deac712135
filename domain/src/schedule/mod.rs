//! Decides who does what next: a pure state machine, owned by the leader's coordinator.
//!
//! Every input is one transition, and each has its file: what happens when a worker dies stands in
//! `failure`, when a node falls silent in `nodes`, when a unit is committed in `commit`. After each
//! transition `assign` hands out what can be handed out. A run passes through these stages:
//!
//! ```text
//! submitted → scan → plan → units → borders judged → verdict sought → verdict stands → outcome
//!                      ↑______________refuted_____|
//! ```
//!
//! Runs are served first in, first out. What comes later (fair share, speculation, quarantine, speeds)
//! has its place in the types already.
//!
//! Nothing here walks over all units or nodes but a new plan, a lost node and a tick over open runs.

mod assign;
mod capacity;
mod commit;
mod end;
mod failure;
mod group;
pub mod invariants;
mod node;
mod nodes;
mod planned;
mod report;
mod run;
mod submit;
mod tick;
mod types;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub use types::*;

use crate::events::Progress;
use crate::ids::{NodeId, RunId};
use crate::time::Time;
use group::{Group, GroupIndex};
use node::NodeState;
use run::RunState;
use tick::{Due, Timers};

/// Units that a node may have waiting for a worker: enough that a worker never waits for the leader's
/// answer, few enough that they don't wait while others are idle.
pub const PREFETCH_UNITS: u32 = 2;
/// Spooled attempts of a node whose commit is under way and which cost no credit. More mean that the
/// store doesn't keep up: encoding must wait, or the spool fills the disk.
pub const SPOOLED_UNITS: u32 = 16;
/// Attempts at a unit that may end without a result (failed, crashed, lost); then the run fails. Transient
/// failures and crashes have narrower bounds of their own, so this one is about lost nodes.
pub const FRUITLESS_ATTEMPTS: u32 = 64;
/// Revisions of one plan. Each refutation removes a border or lengthens a lead-in, so a plan that
/// needs so many is a bug.
pub const PLAN_REVISIONS: u32 = 1_000;
/// From an assignment until a report that doesn't name it means that it was lost: longer than a report
/// and an assignment can pass each other.
pub const REPORT_GRACE: Duration = Duration::from_secs(3);
/// The wait before a unit that a node returned unbegun is handed out again: a worker that is being
/// replaced takes about as long.
pub const RETURN_PAUSE: Duration = Duration::from_secs(1);
/// How long a run waits for a node that its largest unit fits.
pub const MISFIT_LIMIT: Duration = Duration::from_hours(1);

/// The scheduler's state.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    now: Time,
    runs: BTreeMap<RunId, RunState>,
    nodes: BTreeMap<NodeId, NodeState>,
    groups: Vec<Group>,
    groups_by_fingerprint: BTreeMap<String, GroupIndex>,
    timers: Timers,
    timers_made: u64,
    runs_taken: u64,
    wanted_workers: u32,
}

impl Scheduler {
    /// A scheduler that knows no runs and no nodes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one input at the moment `now` and says what is to be done, in order. The same inputs at the
    /// same moments give the same effects. A moment earlier than the last counts as the last.
    pub fn apply(&mut self, now: Time, input: Input) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        let out = &mut effects;
        self.fire_timers(out);
        match input {
            Input::RunSubmitted(submitted) => self.on_run_submitted(submitted, out),
            Input::Planned(planned) => self.on_planned(planned, out),
            Input::PlanFailed {
                run,
                failure,
                random,
            } => self.on_plan_failed(run, failure, random, out),
            Input::NodeJoined(joined) => self.on_node_joined(joined, out),
            Input::NodeReported { node, attempts } => self.on_node_reported(&node, &attempts, out),
            Input::NodeLost(node) => self.on_node_lost(&node, out),
            Input::NodeLeft(node) => self.on_node_left(&node, out),
            Input::AttemptSpooled(attempt) => self.on_attempt_spooled(&attempt),
            Input::CommitSeen { run, unit, by } => self.on_commit_seen(run, unit, by, out),
            Input::AttemptFailed {
                attempt,
                worker,
                failure,
                random,
            } => {
                let failed = failure::Failed {
                    worker,
                    failure,
                    random,
                };
                self.on_attempt_failed(&attempt, failed, out);
            }
            Input::AttemptReturned(attempt) => self.on_attempt_returned(&attempt, out),
            Input::BordersJudged {
                run,
                revision,
                judgement,
            } => self.on_borders_judged(run, revision, judgement, out),
            Input::Cancel { run } => self.on_cancel(run, out),
            Input::VerdictSeen { run, verdict } => self.on_verdict_seen(run, verdict, out),
            Input::OutcomeSeen { run, outcome } => self.on_outcome_seen(run, outcome, out),
            Input::Tick => self.on_tick(out),
        }
        self.hand_out(out);
        debug_assert_eq!(invariants::check_small(self), Ok(()));
        effects
    }

    /// When the next [`Input::Tick`] is due besides the regular ones.
    pub fn wakes_at(&self) -> Option<Time> {
        self.timers.keys().next().map(|&(at, _)| at)
    }

    /// How far a run is; `None` once it ended.
    pub fn progress(&self, run: RunId) -> Option<Progress> {
        let state = self.runs.get(&run)?;
        let done = |unit| {
            let (id, cost_us) = state.attempt_running(run, unit)?;
            let held = self.nodes.get(&id.node)?.held(&id)?;
            let done = u128::from(cost_us) * u128::from(held.done_ppm.min(1_000_000)) / 1_000_000;
            u64::try_from(done).ok()
        };
        let cost_running_us = state.running.iter().filter_map(|&unit| done(unit)).sum();
        Some(Progress {
            cost_running_us,
            ..state.progress()
        })
    }

    /// The runs that haven't ended, in no particular order.
    pub fn open_runs(&self) -> impl Iterator<Item = RunId> + '_ {
        self.runs.keys().copied()
    }

    fn set_timer(&mut self, wait: Duration, due: Due) {
        let at = self.now.after(wait);
        self.timers.insert((at, self.timers_made), due);
        self.timers_made += 1;
    }
}
