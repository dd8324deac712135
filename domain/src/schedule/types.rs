//! What the scheduler is told and what it wants done.

use alloc::string::String;
use alloc::vec::Vec;

use crate::events::Happened;
use crate::failure::Failure;
use crate::ids::{AttemptNumber, NodeId, PlanRevision, RunId, UnitId, WorkerSlot};
use crate::plan::UnitKind;
use crate::store::records::{Outcome, Verdict};
use crate::time::WallTime;

/// Something that happened outside.
///
/// What the scheduler can't connect to anything it knows (another run, an attempt that ended long ago, a
/// node that is gone) is ignored: every message may be late or doubled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A run is to be done. Known runs are ignored, so telling all open runs again is fine.
    RunSubmitted(Submitted),
    /// A plan revision is decided. It may be a later one than was asked for (after a restart, the
    /// newest in the store).
    Planned(Planned),
    /// A plan revision couldn't be made; `random` is any random number, for the wait before the next try.
    PlanFailed {
        /// The run.
        run: RunId,
        /// Why.
        failure: Failure,
        /// Any random number.
        random: u64,
    },
    /// A node offers its workers, for the first time or again: what it had before and doesn't name now
    /// is lost. Told after the runs and plans that are known, so that their attempts are taken over.
    NodeJoined(Joined),
    /// All attempts that a node has: waiting for a worker, in work, and spooled but not yet committed.
    /// Each second and on change. What it doesn't name is lost, so it must be complete.
    NodeReported {
        /// The node.
        node: NodeId,
        /// The attempts.
        attempts: Vec<AttemptReport>,
    },
    /// A node fell silent or its link closed.
    NodeLost(NodeId),
    /// A node said goodbye.
    NodeLeft(NodeId),
    /// An attempt's bytes lie complete on the node: its worker is free, the commit is under way.
    AttemptSpooled(AttemptId),
    /// A unit is committed, whoever did it. Told for the scan as well.
    CommitSeen {
        /// The run.
        run: RunId,
        /// The unit.
        unit: UnitId,
        /// Whose attempt it was, if that is known.
        by: Option<CommittedBy>,
    },
    /// An attempt ended with a failure.
    AttemptFailed {
        /// Which.
        attempt: AttemptId,
        /// On which worker, if one began it.
        worker: Option<WorkerSlot>,
        /// What is known.
        failure: Failure,
        /// Any random number, for the wait before the next try.
        random: u64,
    },
    /// An attempt ended because the node had no use for it (refused, or revoked); no fault of the unit.
    AttemptReturned(AttemptId),
    /// The borders of a plan revision are judged.
    BordersJudged {
        /// The run.
        run: RunId,
        /// The revision.
        revision: PlanRevision,
        /// How.
        judgement: Judgement,
    },
    /// The user doesn't want the run any more.
    Cancel {
        /// The run.
        run: RunId,
    },
    /// The store holds this verdict, whoever put it.
    VerdictSeen {
        /// The run.
        run: RunId,
        /// Which.
        verdict: Verdict,
    },
    /// The run's outcome stands: nothing is left to be scheduled.
    OutcomeSeen {
        /// The run.
        run: RunId,
        /// Which.
        outcome: Outcome,
    },
    /// Time passed. Each second, and at [`super::Scheduler::wakes_at`].
    Tick,
}

/// A run to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// The run.
    pub run: RunId,
    /// Who submitted it.
    pub tenant: String,
    /// Its share against others; 100 is normal.
    pub weight: u32,
    /// When it should be done.
    pub deadline: Option<WallTime>,
    /// Only nodes of this fingerprint may work on it.
    pub fingerprint: String,
    /// The unit that is done before there is a plan.
    pub scan: UnitToDo,
    /// Whether the scan has a commit in the store: the plan is asked for at once.
    pub scan_committed: bool,
    /// The verdict in the store, if there is one: it is carried out at once.
    pub verdict: Option<Verdict>,
}

/// Whose attempt a commit names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedBy {
    /// The node.
    pub node: NodeId,
    /// Which try.
    pub attempt: AttemptNumber,
}

/// A unit, as far as scheduling is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitToDo {
    /// Its id.
    pub id: UnitId,
    /// What it is.
    pub work: Work,
    /// Estimated core-microseconds.
    pub cost_us: u64,
    /// Estimated peak memory in bytes.
    pub memory_bytes: u64,
    /// What is known of attempts before this process: numbers go on from there.
    pub before: Before,
}

/// Attempts at a unit that an earlier process made, as far as the store or its checkpoints tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Before {
    /// The highest number that an attempt had.
    pub attempts: u32,
    /// Crashes on record.
    pub crashes: u32,
}

/// What kind of work a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// Probe and scan: what the plan is made of.
    Scan,
    /// Of the plan.
    Planned(UnitKind),
}

/// A plan revision, as far as scheduling is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The run.
    pub run: RunId,
    /// Which revision; older ones than the newest known are ignored.
    pub revision: PlanRevision,
    /// All its units, in the plan's order.
    pub units: Vec<UnitToDo>,
    /// Units with a commit in the store.
    pub committed: Vec<UnitId>,
}

/// A node that offers its workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Its name.
    pub node: NodeId,
    /// How many tasks it runs at a time.
    pub workers: u32,
    /// How many more it lets wait for a worker, at most [`super::PREFETCH_UNITS`].
    pub prefetch: u32,
    /// Memory for tasks in bytes.
    pub memory_bytes: u64,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its speed in thousandths of the reference machine's.
    pub speed_permille: u32,
    /// What it has already, from another leader or from before its link broke. Runs and plans that are
    /// known by now take it over; the rest is revoked. Empty for a node that has just started.
    pub attempts: Vec<AttemptReport>,
}

/// One attempt at one unit on one node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId {
    /// The node.
    pub node: NodeId,
    /// The run.
    pub run: RunId,
    /// The unit.
    pub unit: UnitId,
    /// Which try.
    pub attempt: AttemptNumber,
}

/// How far an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttemptReport {
    /// The run.
    pub run: RunId,
    /// The unit.
    pub unit: UnitId,
    /// Which try.
    pub attempt: AttemptNumber,
    /// Done so far, in millionths.
    pub done_ppm: u32,
    /// Whether it is spooled and only its commit is under way.
    pub spooled: bool,
}

/// Whether the borders of a plan revision hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// All hold.
    Proven,
    /// One doesn't: another revision is needed. May be said before all units are committed.
    Refuted {
        /// Which and why, as a sentence.
        why: String,
    },
}

/// Something that the shell shall do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Hand a unit to a node. The shell draws the attempt's token: the scheduler names attempts by number
    /// and needs no randomness for it.
    Assign(Assignment),
    /// Tell a node to give an attempt up. It answers with [`Input::AttemptReturned`], also if it doesn't
    /// have it any more, or with what became of it.
    Revoke(AttemptId),
    /// Make a plan revision; answered by [`Input::Planned`] or [`Input::PlanFailed`].
    Plan {
        /// The run.
        run: RunId,
        /// Which revision.
        revision: PlanRevision,
        /// Why it isn't the first: what was refuted.
        refuted: Option<String>,
    },
    /// All units of the revision are committed: judge its borders; answered by
    /// [`Input::BordersJudged`].
    Judge {
        /// The run.
        run: RunId,
        /// The revision.
        revision: PlanRevision,
    },
    /// Put a verdict, if there is none; answered by [`Input::VerdictSeen`] with the one that stands.
    DecideVerdict(SoughtVerdict),
    /// Publish: assemble, copy, outcome; answered by [`Input::OutcomeSeen`].
    Assemble {
        /// The run.
        run: RunId,
        /// The revision whose units are published.
        revision: Option<PlanRevision>,
    },
    /// Carry out another verdict than publish: outcome, sweep; answered by [`Input::OutcomeSeen`].
    Conclude {
        /// The run.
        run: RunId,
        /// The verdict that stands.
        verdict: Verdict,
    },
    /// So many workers would end the backlog in time.
    WantedCapacity {
        /// Workers.
        workers: u32,
    },
    /// For the status log.
    Tell(Happened),
}

/// A unit for a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Who does what for the how manieth time.
    pub id: AttemptId,
    /// What it is.
    pub work: Work,
    /// Whether another attempt runs elsewhere.
    pub speculative: bool,
    /// A worker of this node that crashed with it: another one is better.
    pub avoid: Option<WorkerSlot>,
}

/// A verdict that the scheduler wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoughtVerdict {
    /// The run.
    pub run: RunId,
    /// Which.
    pub verdict: Verdict,
    /// Why, as a sentence.
    pub why: String,
    /// The last log lines and answers.
    pub evidence: Vec<String>,
    /// Somebody must look at it before a retry makes sense.
    pub needs_attention: bool,
}
