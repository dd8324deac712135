//! What always holds between two inputs, by the numbers of the design's section 8.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;

use super::node::NodeState;
use super::run::{Judging, Phase, RunState, Stage};
use super::tick::Due;
use super::{FRUITLESS_ATTEMPTS, PLAN_REVISIONS, Scheduler};
use crate::failure::{POISON_CRASHES, TRANSIENT_TRIES};
use crate::ids::{NodeId, RunId, UnitId};

/// Units up to which a debug build checks after every input; the check looks at each of them.
const UNITS_CHECKED: usize = 2_000;

/// An invariant that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {number}: {what}")]
pub struct Broken {
    /// Its number in the design.
    pub number: u8,
    /// What was seen.
    pub what: String,
}

fn holds(number: u8, condition: bool, what: impl FnOnce() -> String) -> Result<(), Broken> {
    if condition {
        Ok(())
    } else {
        let what = what();
        Err(Broken { number, what })
    }
}

/// As [`check`], unless there is too much to look at after every input.
pub(super) fn check_small(scheduler: &Scheduler) -> Result<(), Broken> {
    let units: usize = scheduler.runs.values().map(|run| run.units.len()).sum();
    if units <= UNITS_CHECKED && scheduler.nodes.len() <= UNITS_CHECKED {
        check(scheduler)
    } else {
        Ok(())
    }
}

/// Checks all that concerns the scheduler.
///
/// # Errors
///
/// The first invariant that doesn't hold.
pub fn check(scheduler: &Scheduler) -> Result<(), Broken> {
    for (id, node) in &scheduler.nodes {
        credits_are_kept(id, node)?;
        free_nodes_are_known(scheduler, id, node)?;
    }
    for (&id, run) in &scheduler.runs {
        counts_are_right(id, run)?;
        attempts_are_bounded(id, run)?;
        ready_runs_are_known(scheduler, id, run)?;
        no_unit_is_forgotten(scheduler, id, run)?;
        no_run_is_stuck(scheduler, id, run)?;
    }
    no_attempt_is_orphaned(scheduler)
}

/// Invariant 8: never more tasks than credit, nor more memory.
fn credits_are_kept(id: &NodeId, node: &NodeState) -> Result<(), Broken> {
    let in_work = node.held.values().filter(|held| !held.spooled);
    let memory: u64 = in_work.clone().map(|held| held.memory_bytes).sum();
    let in_work = u32::try_from(in_work.count()).unwrap_or(u32::MAX);
    holds(
        8,
        in_work == node.in_work && in_work <= node.slots(),
        || format!("{id} has {in_work} in work, counted {}", node.in_work),
    )?;
    holds(
        8,
        memory == node.memory_used && memory <= node.joined.memory_bytes,
        || format!("{id} uses {memory} bytes, counted {}", node.memory_used),
    )?;
    holds(10, node.held.len() as u64 <= node.most_held(), || {
        format!("{id} holds {} attempts", node.held.len())
    })
}

/// The group knows exactly the nodes with credit, under their load.
fn free_nodes_are_known(s: &Scheduler, id: &NodeId, node: &NodeState) -> Result<(), Broken> {
    let group = s.groups.get(node.group);
    let free = node
        .free_under
        .is_some_and(|load| group.is_some_and(|group| group.free.contains(&(load, id.clone()))));
    let passed = group.is_some_and(|group| group.passed_over.contains(id));
    let credit = node.credit() > 0;
    let load = node
        .free_under
        .is_none_or(|load| load == node.load_permille());
    holds(4, (free || passed) == credit && load, || {
        format!(
            "{id} with credit {} stands wrong among the free",
            node.credit()
        )
    })
}

/// Invariants 7 and 9: committed units are neither ready nor running, and sums are what they sum.
fn counts_are_right(id: RunId, run: &RunState) -> Result<(), Broken> {
    let units_in = |wanted: fn(&Phase) -> bool| -> BTreeSet<UnitId> {
        let found = run.units.iter().filter(|(_, unit)| wanted(&unit.phase));
        found.map(|(&unit, _)| unit).collect()
    };
    let committed = units_in(|phase| *phase == Phase::Committed);
    let ready: BTreeSet<_> = run.ready.iter().map(|&(_, unit)| unit).collect();
    let ranks = run
        .ready
        .iter()
        .all(|(rank, unit)| run.units.get(unit).is_some_and(|state| state.rank == *rank));
    holds(
        7,
        ready == units_in(|phase| *phase == Phase::Ready) && ranks,
        || format!("{id}: the ready units are others"),
    )?;
    let running = units_in(|phase| matches!(phase, Phase::Running(_)));
    holds(7, run.running == running, || {
        format!("{id}: the running units are others")
    })?;
    let seen: BTreeSet<_> = run
        .units
        .keys()
        .filter(|unit| run.committed.contains(unit))
        .copied()
        .collect();
    holds(7, committed == seen, || {
        format!("{id}: the committed units are others")
    })?;
    let cost = |wanted: &dyn Fn(UnitId) -> bool| -> u64 {
        let units = run.units.values().filter(|unit| wanted(unit.todo.id));
        units.map(|unit| unit.todo.cost_us).sum()
    };
    let sums = run.missing == run.units.len() - committed.len()
        && run.cost_us == cost(&|_| true)
        && run.cost_committed_us == cost(&|unit| committed.contains(&unit));
    holds(9, sums, || format!("{id}: sums are wrong"))
}

/// Invariant 15.
fn attempts_are_bounded(id: RunId, run: &RunState) -> Result<(), Broken> {
    for unit in run.units.values() {
        let bounded = unit.fruitless <= FRUITLESS_ATTEMPTS
            && unit.history.transients <= TRANSIENT_TRIES
            && (unit.history.crashes <= POISON_CRASHES.max(unit.todo.before.crashes + 1));
        holds(15, bounded, || {
            format!("{id}: unit {} goes on failing", unit.todo.id)
        })?;
    }
    holds(
        15,
        run.revision
            .is_none_or(|revision| revision.0 < PLAN_REVISIONS),
        || format!("{id}: too many plan revisions"),
    )
}

fn ready_runs_are_known(s: &Scheduler, id: RunId, run: &RunState) -> Result<(), Broken> {
    let group = s.groups.get(run.group);
    let known = group.is_some_and(|group| group.ready.contains(&(run.order, id)));
    holds(4, known == run.hands_out(), || {
        format!("{id} stands wrong among the ready")
    })
}

/// Invariant 4: a unit without commit is ready, or a timer or a node will move it.
fn no_unit_is_forgotten(s: &Scheduler, id: RunId, run: &RunState) -> Result<(), Broken> {
    if run.stage != Stage::Working {
        return Ok(());
    }
    for (&unit, state) in &run.units {
        let cared_for = match &state.phase {
            Phase::Ready | Phase::Committed => true,
            Phase::Waiting => s.timers.values().any(|due| *due == Due::Unit(id, unit)),
            Phase::Running(node) => {
                let held = run.attempt_running(id, unit);
                let held = held.and_then(|(id, _)| s.nodes.get(node)?.held(&id).copied());
                held.is_some_and(|held| !held.revoked)
            }
        };
        holds(4, cared_for, || {
            format!("{id}: unit {unit} is forgotten in {:?}", state.phase)
        })?;
    }
    Ok(())
}

/// Invariant 4: a run that is worked on waits for a unit, a plan or a judgement.
fn no_run_is_stuck(_: &Scheduler, id: RunId, run: &RunState) -> Result<(), Broken> {
    let waits = run.missing > 0 || run.asked.is_some() || run.judging == Judging::Asked;
    holds(4, run.stage != Stage::Working || waits, || {
        format!("{id} waits for nothing")
    })
}

/// Invariants 7 and 8: what a node has is what a unit runs as, or it is revoked; so no unit has two
/// attempts that count.
fn no_attempt_is_orphaned(s: &Scheduler) -> Result<(), Broken> {
    for (node, state) in &s.nodes {
        for (&(run, unit, attempt), held) in &state.held {
            let running = s
                .runs
                .get(&run)
                .and_then(|state| state.attempt_running(run, unit));
            let counts = running.is_some_and(|(id, _)| id.node == *node && id.attempt == attempt);
            holds(7, counts != held.revoked, || {
                format!(
                    "{node}: attempt {attempt} at {unit} of {run}, revoked: {}",
                    held.revoked
                )
            })?;
        }
    }
    Ok(())
}
