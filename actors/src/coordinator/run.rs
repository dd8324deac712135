//! One run, as the coordinator knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ractor::RpcReplyPort;
use reelmesh_domain::ids::{PlanRevision, RunId, UnitId};
use reelmesh_domain::plan::Unit;
use reelmesh_domain::schedule::{Before, SoughtVerdict, Submitted};
use reelmesh_domain::store::records::VerdictRecord;
use reelmesh_media::io::ByteSource;

use super::taking_up::Found;
use crate::api::InputFault;
use crate::jobs::Job;
use crate::splitter::Split;

/// What is asked of the splitter and the pusher and not yet answered.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Plan(PlanRevision),
    Judge(PlanRevision),
    Verdict(Box<SoughtVerdict>),
    Conclude,
}

/// A run that hasn't ended.
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) job: Arc<Job>,
    pub(super) scan: Option<UnitId>,
    /// What the store knew of it, until the scheduler is told.
    pub(super) found: Option<Found>,
    /// All that the scheduler must know is there.
    pub(super) ready: bool,
    /// The source can't be opened: the run is going to fail.
    pub(super) unreadable: Option<reelmesh_domain::failure::Failure>,
    /// What the scheduler will be told together with the verdict.
    pub(super) held_back: Option<Submitted>,
    pub(super) source: Option<Arc<dyn ByteSource>>,
    pub(super) split: Option<Split>,
    /// The newest plan's units by id.
    pub(super) units: BTreeMap<UnitId, Unit>,
    pub(super) committed: BTreeSet<UnitId>,
    /// What was committed before this process took the run up.
    pub(super) kept: BTreeSet<UnitId>,
    pub(super) before: BTreeMap<UnitId, Before>,
    pub(super) asked: Option<Asked>,
    pub(super) verdict: Option<VerdictRecord>,
    /// The scan or the planner refused the source itself.
    pub(super) refused_input: Option<(InputFault, String)>,
    pub(super) warnings: Vec<String>,
    pub(super) cancelled_for: Vec<RpcReplyPort<()>>,
}

impl Run {
    pub(super) fn new(job: Arc<Job>) -> Self {
        Self {
            id: job.run,
            job,
            scan: None,
            found: None,
            ready: false,
            unreadable: None,
            held_back: None,
            source: None,
            split: None,
            units: BTreeMap::new(),
            committed: BTreeSet::new(),
            kept: BTreeSet::new(),
            before: BTreeMap::new(),
            asked: None,
            verdict: None,
            refused_input: None,
            warnings: Vec::new(),
            cancelled_for: Vec::new(),
        }
    }

    /// A unit for people.
    pub(super) fn label(&self, unit: UnitId) -> String {
        if self.scan == Some(unit) {
            return "scan".to_owned();
        }
        match (self.units.get(&unit), &self.split) {
            (Some(unit), Some(split)) => split.plan.label(unit.kind),
            _ => format!("unit {unit}"),
        }
    }

    /// What a unit makes, and the place of its chunk.
    pub(super) fn makes(&self, unit: UnitId) -> (Option<u32>, Vec<String>) {
        let (Some(unit), Some(split)) = (self.units.get(&unit), &self.split) else {
            return (None, Vec::new());
        };
        crate::publishing::makes(&split.plan, unit.kind)
    }
}
