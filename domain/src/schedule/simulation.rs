//! A world for the scheduler: nodes, a store and a network that fail by seed. Used by tests alone.

use alloc::collections::BTreeSet;

use super::*;
use crate::failure::{Failure, FailureClass};
use crate::ids::{AttemptNumber, JobId, PlanRevision, RunNumber, UnitId};
use crate::plan::UnitKind;
use crate::store::records::{Outcome, Verdict};

/// What may go wrong.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each fault alone or with any others"
)]
pub(super) struct Faults {
    /// Tasks fail, workers crash.
    pub(super) tasks: bool,
    /// Nodes are lost and come back.
    pub(super) nodes: bool,
    /// Messages are lost and doubled.
    pub(super) messages: bool,
    /// Borders are refuted.
    pub(super) borders: bool,
    /// The user cancels.
    pub(super) cancels: bool,
}

impl Faults {
    pub(super) const NONE: Self = Self {
        tasks: false,
        nodes: false,
        messages: false,
        borders: false,
        cancels: false,
    };
    pub(super) const ALL: Self = Self {
        tasks: true,
        nodes: true,
        messages: true,
        borders: true,
        cancels: true,
    };
}

/// What a simulated node has: attempt and whether it is spooled.
type Tasks = BTreeMap<AttemptId, bool>;

pub(super) struct World {
    pub(super) scheduler: Scheduler,
    pub(super) faults: Faults,
    pub(super) now: Time,
    pub(super) trace: Vec<Effect>,
    pub(super) nodes: BTreeMap<NodeId, (Joined, Option<Tasks>)>,
    /// What the store holds.
    pub(super) commits: BTreeSet<(RunId, UnitId)>,
    /// Of these, what the scheduler was told.
    seen: BTreeSet<(RunId, UnitId)>,
    pub(super) verdicts: BTreeMap<RunId, Verdict>,
    pub(super) outcomes: BTreeMap<RunId, Outcome>,
    /// Units handed out, by how often.
    pub(super) assigned: BTreeMap<(RunId, UnitId), u32>,
    /// The newest plan's units.
    pub(super) plans: BTreeMap<RunId, Vec<UnitId>>,
    committed_before: BTreeMap<RunId, (PlanRevision, u64)>,
    units_a_plan: u32,
    seed: u64,
    /// Neither nodes nor messages ever fail, so no node ever has what the scheduler doesn't know of.
    strict: bool,
}

pub(super) fn node_id(n: u64) -> NodeId {
    NodeId::try_from(alloc::format!("node-{n}")).unwrap()
}

pub(super) fn run_id(n: u32) -> RunId {
    RunId {
        job: JobId::from_bits(u128::from(n)),
        run: RunNumber(0),
    }
}

pub(super) fn unit_id(run: RunId, n: u32) -> UnitId {
    let hash = blake3::hash(&[&run.job.bits().to_le_bytes()[..], &n.to_le_bytes()].concat());
    UnitId::from_bytes(*hash.as_bytes().first_chunk().unwrap())
}

pub(super) fn chunk(run: RunId, n: u32) -> UnitToDo {
    UnitToDo {
        id: unit_id(run, n),
        work: Work::Planned(UnitKind::Chunk { chunk: n, group: 0 }),
        cost_us: 1_000_000 + u64::from(n),
        memory_bytes: 300,
        before: Before::default(),
    }
}

pub(super) fn submitted(run: RunId) -> Submitted {
    Submitted {
        run,
        tenant: "someone".into(),
        weight: 100,
        deadline: None,
        fingerprint: "f".into(),
        scan: UnitToDo {
            work: Work::Scan,
            ..chunk(run, u32::MAX)
        },
        scan_committed: false,
        verdict: None,
    }
}

pub(super) fn joined(n: u64, workers: u32) -> Joined {
    Joined {
        node: node_id(n),
        workers,
        prefetch: 1,
        memory_bytes: 1_000,
        fingerprint: "f".into(),
        speed_permille: 1_000,
        attempts: Vec::new(),
    }
}

pub(super) fn failure(class: FailureClass) -> Failure {
    Failure {
        class,
        what: "it broke".into(),
        evidence: Vec::new(),
    }
}

impl World {
    pub(super) fn new(seed: u64, faults: Faults, units_a_plan: u32) -> Self {
        Self {
            scheduler: Scheduler::new(),
            faults,
            now: Time(0),
            trace: Vec::new(),
            nodes: BTreeMap::new(),
            commits: BTreeSet::new(),
            seen: BTreeSet::new(),
            verdicts: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            assigned: BTreeMap::new(),
            plans: BTreeMap::new(),
            committed_before: BTreeMap::new(),
            units_a_plan,
            seed,
            strict: !(faults.messages || faults.nodes),
        }
    }

    /// A number below `bound` (splitmix64).
    pub(super) fn random(&mut self, bound: u64) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn happens(&mut self, possible: bool, one_in: u64) -> bool {
        possible && self.random(one_in) == 0
    }

    pub(super) fn join(&mut self, n: u64, workers: u32) {
        let joined = joined(n, workers);
        let tasks = Some(Tasks::new());
        self.nodes
            .insert(joined.node.clone(), (joined.clone(), tasks));
        self.tell(Input::NodeJoined(joined));
    }

    /// Applies an input, checks all invariants, and carries the effects out.
    pub(super) fn tell(&mut self, input: Input) {
        let mut inputs = alloc::collections::VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            if self.happens(self.faults.messages, 20) {
                inputs.push_back(input.clone());
            }
            self.notice_commits(&input);
            let effects = self.scheduler.apply(self.now, input);
            assert_eq!(invariants::check(&self.scheduler), Ok(()));
            self.progress_never_falls();
            for effect in effects {
                self.trace.push(effect.clone());
                let answer = self.carry_out(effect);
                inputs.extend(answer);
            }
        }
    }

    /// Invariant 9: within one plan, committed cost only grows.
    fn progress_never_falls(&mut self) {
        for (&run, state) in &self.scheduler.runs {
            let Some(revision) = state.revision else {
                continue;
            };
            let committed = state.progress().cost_committed_us;
            let before = self.committed_before.insert(run, (revision, committed));
            let before = before.filter(|(known, _)| *known == revision);
            assert!(
                before.is_none_or(|(_, cost)| cost <= committed),
                "invariant 9"
            );
        }
    }

    fn notice_commits(&mut self, input: &Input) {
        if let Input::CommitSeen { run, unit, .. } = input {
            self.seen.insert((*run, *unit));
        }
        if let Input::Planned(planned) = input {
            let committed = planned.committed.iter();
            self.seen.extend(committed.map(|&unit| (planned.run, unit)));
        }
    }

    fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Assign(assignment) => self.take_assignment(assignment.id),
            Effect::Revoke(id) => {
                let node = self.nodes.get_mut(&id.node)?;
                node.1.as_mut()?.remove(&id);
                Some(Input::AttemptReturned(id))
            }
            Effect::Plan { run, revision, .. } => Some(self.plan(run, revision)),
            Effect::Judge { run, revision } => {
                let units = self.plans[&run].clone();
                for unit in units {
                    assert!(self.commits.contains(&(run, unit)), "judged on records");
                }
                let refuted = revision.0 < 3 && self.happens(self.faults.borders, 2);
                let why = "seam".into();
                let judgement = if refuted {
                    Judgement::Refuted { why }
                } else {
                    Judgement::Proven
                };
                Some(Input::BordersJudged {
                    run,
                    revision,
                    judgement,
                })
            }
            Effect::DecideVerdict(SoughtVerdict { run, verdict, .. }) => {
                let verdict = *self.verdicts.entry(run).or_insert(verdict);
                Some(Input::VerdictSeen { run, verdict })
            }
            Effect::Assemble { run, .. } => {
                for unit in &self.plans[&run] {
                    assert!(self.commits.contains(&(run, *unit)), "published whole");
                }
                Some(self.end(run, Outcome::Done))
            }
            Effect::Conclude { run, verdict } => Some(self.end(run, verdict.into())),
            Effect::WantedCapacity { .. } | Effect::Tell(_) => None,
        }
    }

    fn end(&mut self, run: RunId, outcome: Outcome) -> Input {
        let before = self.outcomes.insert(run, outcome);
        assert!(before.is_none(), "invariant 1: one outcome a run");
        Input::OutcomeSeen { run, outcome }
    }

    fn take_assignment(&mut self, id: AttemptId) -> Option<Input> {
        *self.assigned.entry((id.run, id.unit)).or_insert(0) += 1;
        assert!(!self.seen.contains(&(id.run, id.unit)), "invariant 7");
        if self.happens(self.faults.messages, 20) {
            return None;
        }
        let elsewhere = self.nodes.values().filter_map(|(_, tasks)| tasks.as_ref());
        let twice = elsewhere
            .flat_map(|tasks| tasks.keys())
            .any(|other| (other.run, other.unit) == (id.run, id.unit));
        assert!(!(self.strict && twice), "assigned twice at once");
        let (joined, tasks) = self.nodes.get_mut(&id.node).unwrap();
        let tasks = tasks.as_mut()?;
        let in_work = tasks.values().filter(|spooled| !**spooled).count();
        if u32::try_from(in_work).unwrap() < joined.workers + joined.prefetch {
            tasks.insert(id, false);
            return None;
        }
        // A leader that was misled (by a doubled `NodeJoined`, say) is refused by the node itself.
        assert!(!self.strict, "invariant 8");
        Some(Input::AttemptReturned(id))
    }

    /// Every further revision replaces the first unit that is left by two new ones.
    fn plan(&mut self, run: RunId, revision: PlanRevision) -> Input {
        let n = self.units_a_plan;
        let kept = revision.0.min(n)..n;
        let fresh = (0..revision.0 * 2).map(|k| 1_000 + k);
        let mut units: Vec<_> = kept.chain(fresh).map(|k| chunk(run, k)).collect();
        units.push(UnitToDo {
            work: Work::Planned(UnitKind::Audio { track: 0 }),
            ..chunk(run, 500)
        });
        self.plans
            .insert(run, units.iter().map(|unit| unit.id).collect());
        let commits = self.commits.iter().filter(|(of, _)| *of == run);
        Input::Planned(Planned {
            run,
            revision,
            units,
            committed: commits.map(|&(_, unit)| unit).collect(),
        })
    }

    /// Something happens.
    pub(super) fn step(&mut self) {
        let pause = self.random(2_000);
        self.now = self.now.after(Duration::from_millis(pause));
        let ids: Vec<NodeId> = self.nodes.keys().cloned().collect();
        let chosen = self.random(ids.len().max(1) as u64);
        let Some(node) = ids.get(usize::try_from(chosen).unwrap()).cloned() else {
            return self.tell(Input::Tick);
        };
        match self.random(12) {
            0 => self.tell(Input::Tick),
            1 | 2 => self.report(&node),
            3 if self.faults.nodes => self.lose_or_revive(&node),
            4 if self.faults.cancels && self.random(30) == 0 => {
                let run = self.scheduler.open_runs().next();
                if let Some(run) = run {
                    self.tell(Input::Cancel { run });
                }
            }
            _ => self.work(&node),
        }
    }

    pub(super) fn report(&mut self, node: &NodeId) {
        let Some((_, Some(tasks))) = self.nodes.get(node) else {
            return;
        };
        let attempts = tasks.iter().map(|(id, &spooled)| AttemptReport {
            run: id.run,
            unit: id.unit,
            attempt: id.attempt,
            done_ppm: 500_000,
            spooled,
        });
        let attempts = attempts.collect();
        let node = node.clone();
        self.tell(Input::NodeReported { node, attempts });
    }

    pub(super) fn lose_or_revive(&mut self, node: &NodeId) {
        let (joined, tasks) = self.nodes.get_mut(node).unwrap();
        if tasks.take().is_some() {
            // A node that returns before anybody saw it go tells so by joining again.
            if self.random(2) == 0 {
                self.tell(Input::NodeLost(node.clone()));
            }
        } else {
            let joined = joined.clone();
            *tasks = Some(Tasks::new());
            self.tell(Input::NodeJoined(joined));
        }
    }

    /// The node goes on with one of its attempts.
    fn work(&mut self, node: &NodeId) {
        let Some((_, Some(tasks))) = self.nodes.get(node) else {
            return;
        };
        let tasks: Vec<_> = tasks
            .iter()
            .map(|(id, &spooled)| (id.clone(), spooled))
            .collect();
        let chosen = self.random(tasks.len().max(1) as u64);
        let Some((id, spooled)) = tasks.into_iter().nth(usize::try_from(chosen).unwrap()) else {
            return;
        };
        if self.happens(self.faults.tasks, 15) {
            self.fail(id);
        } else if spooled {
            self.remove(&id);
            self.commits.insert((id.run, id.unit));
            if self.happens(self.faults.messages, 20) {
                return;
            }
            self.tell(Input::CommitSeen {
                run: id.run,
                unit: id.unit,
                by: Some(CommittedBy {
                    node: id.node,
                    attempt: id.attempt,
                }),
            });
        } else {
            let (_, tasks) = self.nodes.get_mut(node).unwrap();
            tasks.as_mut().unwrap().insert(id.clone(), true);
            self.tell(Input::AttemptSpooled(id));
        }
    }

    fn remove(&mut self, id: &AttemptId) {
        if let Some((_, Some(tasks))) = self.nodes.get_mut(&id.node) {
            tasks.remove(id);
        }
    }

    fn fail(&mut self, id: AttemptId) {
        self.remove(&id);
        let class = match self.random(40) {
            0 => FailureClass::Permanent,
            1..10 => FailureClass::Crash,
            _ => FailureClass::Transient,
        };
        let random = self.random(u64::MAX);
        self.tell(Input::AttemptFailed {
            attempt: id,
            worker: None,
            failure: failure(class),
            random,
        });
    }

    /// The last fault is over: every node lives and reports, and the store tells what it holds.
    pub(super) fn heal(&mut self) {
        self.faults = Faults::NONE;
        let ids: Vec<NodeId> = self.nodes.keys().cloned().collect();
        for node in &ids {
            if self.nodes[node].1.is_none() {
                self.lose_or_revive(node);
            }
        }
        for (run, unit) in self.commits.clone() {
            self.tell(Input::CommitSeen {
                run,
                unit,
                by: None,
            });
        }
    }

    /// Runs until all runs have ended, at most so many steps.
    pub(super) fn finish(&mut self, steps: u32) -> bool {
        for _ in 0..steps {
            if self.scheduler.open_runs().next().is_none() {
                return true;
            }
            self.step();
            self.now = self.now.after(Duration::from_secs(1));
        }
        false
    }
}

/// The attempt of that number at a unit.
pub(super) fn attempt(run: RunId, unit: UnitId, n: u32) -> AttemptId {
    AttemptId {
        node: node_id(0),
        run,
        unit,
        attempt: AttemptNumber(n),
    }
}
