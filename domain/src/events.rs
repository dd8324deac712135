//! The status log: what happened, in the past tense, and how far a run is.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::failure::FailureClass;
use crate::ids::{AttemptNumber, NodeId, PlanRevision, RunId, UnitId, WorkerSlot};
use crate::store::records::{AttemptStatus, Outcome, Verdict};
use crate::time::WallTime;

/// One entry of the status log, stamped by the shell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was written.
    pub at: WallTime,
    /// What happened.
    pub happened: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// A run entered the queue.
    RunSubmitted {
        /// Which.
        run: RunId,
    },
    /// A plan revision was taken up.
    Planned {
        /// The run.
        run: RunId,
        /// Which revision.
        revision: PlanRevision,
        /// Its units.
        units: u32,
        /// Of these, committed already.
        committed: u32,
    },
    /// A plan revision was asked for because the one before doesn't hold.
    BordersRefuted {
        /// The run.
        run: RunId,
        /// The revision that doesn't hold.
        revision: PlanRevision,
        /// Why, as a sentence.
        why: String,
    },
    /// A unit was handed to a node.
    AttemptAssigned {
        /// The run.
        run: RunId,
        /// The unit.
        unit: UnitId,
        /// Which try.
        attempt: AttemptNumber,
        /// To whom.
        node: NodeId,
    },
    /// An attempt ended in any way.
    AttemptEnded {
        /// The run.
        run: RunId,
        /// The unit.
        unit: UnitId,
        /// Which try.
        attempt: AttemptNumber,
        /// On which node.
        node: NodeId,
        /// In which of its workers, where known.
        worker: Option<WorkerSlot>,
        /// How.
        status: AttemptStatus,
        /// What went wrong, if something did.
        cause: Option<Cause>,
    },
    /// A unit waits until it is tried again.
    UnitDelayed {
        /// The run.
        run: RunId,
        /// The unit.
        unit: UnitId,
        /// For how long.
        wait_ms: u64,
    },
    /// A unit needs more memory than any node of the run's fingerprint has.
    UnitFitsNowhere {
        /// The run.
        run: RunId,
        /// The largest such unit's need in bytes.
        memory_bytes: u64,
    },
    /// A verdict was asked for.
    VerdictSought {
        /// The run.
        run: RunId,
        /// Which.
        verdict: Verdict,
        /// Why, as a sentence.
        why: String,
    },
    /// A verdict stands.
    VerdictDecided {
        /// The run.
        run: RunId,
        /// Which.
        verdict: Verdict,
    },
    /// A verdict has been carried out.
    RunEnded {
        /// The run.
        run: RunId,
        /// With what outcome.
        outcome: Outcome,
    },
    /// A node offered its workers.
    NodeJoined {
        /// Which.
        node: NodeId,
        /// How many workers.
        workers: u32,
    },
    /// A node fell silent.
    NodeLost {
        /// Which.
        node: NodeId,
    },
    /// A node said goodbye.
    NodeLeft {
        /// Which.
        node: NodeId,
    },
    /// An actor was started again by its supervisor.
    ActorRestarted {
        /// On which node.
        node: NodeId,
        /// Which actor.
        actor: String,
        /// Why it ended, as a sentence.
        why: String,
    },
}

/// Why an attempt ended without a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The class of the failure.
    pub class: FailureClass,
    /// What failed, as a sentence.
    pub what: String,
    /// The last log lines and answers.
    pub evidence: Vec<String>,
}

/// How far a run is. Committed figures of one plan never fall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Units of the newest plan; 0 until there is one.
    pub units: u32,
    /// Of these, committed.
    pub units_committed: u32,
    /// Estimated core-microseconds of all units of the newest plan.
    pub cost_us: u64,
    /// Of these, committed.
    pub cost_committed_us: u64,
    /// Of these, done by attempts that run.
    pub cost_running_us: u64,
    /// Attempts that run or wait on a node.
    pub attempts_running: u32,
}
