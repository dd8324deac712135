//! The scheduler's effects become messages; the answers become its inputs.

use std::sync::Arc;

use reelmesh_domain::events::Happened;
use reelmesh_domain::failure::{Failure, FailureClass};
use reelmesh_domain::ids::{PlanRevision, RunId};
use reelmesh_domain::schedule::{Effect, Input, Judgement, Planned, UnitToDo, Work};
use reelmesh_domain::store::records::Verdict;

use super::run::Asked;
use super::{CoordinatorState, Neighbour};
use crate::api::{InputFault, JobEvent, Phase};
use crate::pusher::PusherMessage;
use crate::random;
use crate::splitter::{Split, SplitterMessage};
use crate::status_log::StatusLogMessage;

impl CoordinatorState {
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Assign(assignment) => self.on_assign(&assignment),
            Effect::Revoke(id) => self.revoke(&id),
            Effect::Plan {
                run,
                revision,
                refuted,
            } => {
                if let (Some(reason), Some(state)) = (refuted, self.runs.get_mut(&run)) {
                    state.job.channels.show(|shown| shown.replans += 1);
                    state.warnings_of_plan(&reason);
                }
                self.ask(run, Asked::Plan(revision));
            }
            Effect::Judge { run, revision } => self.ask(run, Asked::Judge(revision)),
            Effect::DecideVerdict(sought) => {
                self.ask(sought.run, Asked::Verdict(Box::new(sought)));
            }
            Effect::Assemble { run, .. } => {
                self.enter(run, Phase::Assemble);
                self.ask(run, Asked::Conclude);
            }
            Effect::Conclude { run, .. } => self.ask(run, Asked::Conclude),
            Effect::WantedCapacity { .. } => {}
            Effect::Tell(happened) => self.tell(happened),
        }
    }

    /// Asks, and remembers it until it is answered.
    pub(super) fn ask(&mut self, run: RunId, asked: Asked) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        state.asked = Some(asked.clone());
        let (job, post) = (Arc::clone(&state.job), &self.shared.post);
        match asked {
            Asked::Plan(revision) => post.splitter.send(SplitterMessage::Plan { job, revision }),
            Asked::Judge(revision) => post.splitter.send(SplitterMessage::Judge { job, revision }),
            Asked::Verdict(sought) => post.pusher.send(PusherMessage::DecideVerdict(sought)),
            // Blobs that are still being put would land behind the sweep.
            Asked::Conclude if self.pushes(run) => false,
            Asked::Conclude => post.pusher.send(PusherMessage::Conclude(run)),
        };
    }

    /// Asks for the end of a run that only waited for its last commit to be answered.
    pub(super) fn conclude_if_quiet(&mut self, run: RunId) {
        let asked = self.runs.get(&run).and_then(|state| state.asked.as_ref());
        if matches!(asked, Some(Asked::Conclude)) && !self.pushes(run) {
            self.ask(run, Asked::Conclude);
        }
    }

    /// Repeats what is still waited for: the one who was asked died.
    pub(super) fn ask_again(&mut self, neighbour: Neighbour) {
        let of = |asked: &Asked| match asked {
            Asked::Plan(_) | Asked::Judge(_) => Neighbour::Splitter,
            Asked::Verdict(_) | Asked::Conclude => Neighbour::Pusher,
        };
        let runs: Vec<RunId> = self.runs.keys().copied().collect();
        for run in runs {
            let asked = self.runs.get(&run).and_then(|state| state.asked.clone());
            if let Some(asked) = asked.filter(|asked| of(asked) == neighbour) {
                self.ask(run, asked);
            }
            if neighbour == Neighbour::Puller {
                self.open_source(run);
            }
        }
        if neighbour == Neighbour::Pusher {
            for (_, pending) in self.pushing.values() {
                let message = PusherMessage::Commit(pending.clone());
                self.shared.post.pusher.send(message);
            }
        }
    }

    pub(super) fn on_planned(
        &mut self,
        run: RunId,
        revision: PlanRevision,
        result: Result<Split, Failure>,
    ) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        // Asked again after a restart, the splitter answers twice; the later answer may come when a newer
        // plan is held, whose units it must not take the place of.
        let answered = result
            .as_ref()
            .map_or(revision, |split| split.plan.revision);
        if state.holds(answered) {
            return;
        }
        let split = match result {
            Ok(split) => split,
            Err(failure) => {
                if failure.class == FailureClass::Permanent {
                    state.refused_input = Some((InputFault::OutOfScope, failure.what.clone()));
                }
                let random = random::number();
                return self.apply(Input::PlanFailed {
                    run,
                    failure,
                    random,
                });
            }
        };
        state.asked = None;
        let plan = Arc::clone(&split.plan);
        state.units = plan.units.iter().map(|unit| (unit.id, *unit)).collect();
        state.warnings_of_scan(&split.scanned);
        state.split = Some(split);
        let todo = |unit: &reelmesh_domain::plan::Unit| UnitToDo {
            id: unit.id,
            work: Work::Planned(unit.kind),
            cost_us: unit.cost_us,
            memory_bytes: unit.memory_bytes,
            before: state.before.get(&unit.id).copied().unwrap_or_default(),
        };
        let planned = Planned {
            run,
            revision: plan.revision,
            units: plan.units.iter().map(todo).collect(),
            committed: state.committed.iter().copied().collect(),
        };
        self.show_plan(run);
        self.enter(run, Phase::Encode);
        self.apply(Input::Planned(planned));
    }

    pub(super) fn on_judged(
        &mut self,
        run: RunId,
        revision: PlanRevision,
        result: Result<Judgement, Failure>,
    ) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        match result {
            Ok(judgement) => {
                state.asked = None;
                self.apply(Input::BordersJudged {
                    run,
                    revision,
                    judgement,
                });
            }
            Err(failure) if failure.class == FailureClass::Transient => self.give_up(run, &failure),
            Err(failure) => self.fail_run(run, &failure),
        }
    }

    fn tell(&mut self, happened: Happened) {
        let run = match &happened {
            Happened::RunSubmitted { run }
            | Happened::Planned { run, .. }
            | Happened::BordersRefuted { run, .. }
            | Happened::AttemptAssigned { run, .. }
            | Happened::AttemptEnded { run, .. }
            | Happened::UnitDelayed { run, .. }
            | Happened::UnitFitsNowhere { run, .. }
            | Happened::VerdictSought { run, .. }
            | Happened::VerdictDecided { run, .. }
            | Happened::RunEnded { run, .. } => *run,
            Happened::NodeJoined { .. }
            | Happened::NodeLost { .. }
            | Happened::NodeLeft { .. }
            | Happened::ActorRestarted { .. } => return,
        };
        if let Happened::UnitFitsNowhere { memory_bytes, .. } = &happened {
            let megabytes = memory_bytes >> 20;
            self.warn(
                run,
                format!("a unit needs {megabytes} MB of memory, more than this machine can spare"),
            );
        }
        let message = StatusLogMessage::Tell(run.job, happened);
        self.shared.post.status_log.send(message);
    }

    /// Something that the user should know.
    pub(super) fn warn(&mut self, run: RunId, message: String) {
        if let Some(state) = self.runs.get_mut(&run) {
            state.warn(message);
        }
    }

    /// Ends a run by a verdict that the scheduler has no reason for.
    pub(super) fn fail_run(&mut self, run: RunId, failure: &Failure) {
        let sought = reelmesh_domain::schedule::SoughtVerdict {
            run,
            verdict: Verdict::Fail,
            why: failure.what.clone(),
            evidence: failure.evidence.clone(),
            needs_attention: failure.class == FailureClass::Bug,
        };
        self.ask(run, Asked::Verdict(Box::new(sought)));
    }
}

impl super::run::Run {
    /// Whether this plan revision or a newer one is held.
    fn holds(&self, revision: PlanRevision) -> bool {
        let held = self.split.as_ref();
        held.is_some_and(|held| held.plan.revision >= revision)
    }

    /// Something that the user should know, once.
    pub(super) fn warn(&mut self, message: String) {
        if !self.warnings.contains(&message) {
            self.warnings.push(message.clone());
            self.job.channels.tell(JobEvent::Warning { message });
        }
    }

    fn warnings_of_plan(&mut self, reason: &str) {
        self.warn(format!("the plan is revised: {reason}"));
    }

    fn warnings_of_scan(&mut self, scanned: &reelmesh_domain::store::records::Scanned) {
        for message in crate::publishing::warnings(scanned) {
            self.warn(message);
        }
    }
}
