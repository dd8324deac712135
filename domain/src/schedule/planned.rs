//! Plans are asked for, come, fail to come, and are judged.

use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::run::{Judging, Phase, Stage, UnitState};
use super::tick::Due;
use super::{Effect, Judgement, MISFIT_LIMIT, PLAN_REVISIONS, Planned, Scheduler, SoughtVerdict};
use crate::events::Happened;
use crate::failure::{self, Failure, Next};
use crate::ids::{PlanRevision, RunId, UnitId};
use crate::store::records::Verdict;

impl Scheduler {
    /// Asks for a plan and remembers it, so that failing to make one leads to another try.
    pub(super) fn ask_for_plan(
        &mut self,
        run: RunId,
        revision: PlanRevision,
        refuted: Option<String>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(state) = self.runs.get_mut(&run) {
            state.asked = Some((revision, refuted.clone()));
            out.push(Effect::Plan {
                run,
                revision,
                refuted,
            });
        }
    }

    pub(super) fn on_plan_due(&mut self, run: RunId, out: &mut Vec<Effect>) {
        let working = self
            .runs
            .get(&run)
            .filter(|run| run.stage == Stage::Working);
        if let Some((revision, refuted)) = working.and_then(|state| state.asked.clone()) {
            out.push(Effect::Plan {
                run,
                revision,
                refuted,
            });
        }
    }

    pub(super) fn on_plan_failed(
        &mut self,
        run: RunId,
        failure: Failure,
        random: u64,
        out: &mut Vec<Effect>,
    ) {
        let now = self.now;
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        if state.asked.is_none() || state.stage != Stage::Working {
            return;
        }
        match failure::next(&mut state.plan_failures, failure.class, now, random) {
            Next::RetryAfter(wait) => self.set_timer(wait, Due::Plan(run)),
            Next::OtherWorker => self.on_plan_due(run, out),
            Next::Fail {
                needs_attention, ..
            } => self.seek_verdict(
                SoughtVerdict {
                    run,
                    verdict: Verdict::Fail,
                    why: format!("no plan could be made: {}", failure.what),
                    evidence: failure.evidence,
                    needs_attention,
                },
                out,
            ),
        }
    }

    pub(super) fn on_planned(&mut self, planned: Planned, out: &mut Vec<Effect>) {
        let (run, revision) = (planned.run, planned.revision);
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        if state.stage != Stage::Working || state.revision >= Some(revision) {
            return;
        }
        state.revision = Some(revision);
        state.asked = None;
        state.judging = Judging::NotAsked;
        state.committed.extend(planned.committed);
        let mut old = state.take_units();
        let mut revoked = Vec::new();
        for (place, todo) in (0_u32..).zip(planned.units) {
            if state.units.contains_key(&todo.id) {
                continue;
            }
            let unit = match old.remove(&todo.id) {
                Some(unit) => unit.moved(todo, place),
                None => UnitState::new(todo, place),
            };
            if let (true, Phase::Running(_)) = (state.committed.contains(&todo.id), &unit.phase) {
                revoked.push((todo.id, unit));
                state.insert(UnitState::new(todo, place));
            } else {
                state.insert(unit);
            }
        }
        let counted = state.progress();
        let group = state.group;
        out.push(Effect::Tell(Happened::Planned {
            run,
            revision,
            units: counted.units,
            committed: counted.units_committed,
        }));
        let dropped: BTreeMap<UnitId, UnitState> = old.into_iter().chain(revoked).collect();
        self.revoke_dropped(run, &dropped, out);
        self.touch_run(run);
        self.reconsider(group);
        self.check_misfit(run, out);
        self.check_complete(run, out);
    }

    /// All committed: judge the borders; all proven: publish.
    pub(super) fn check_complete(&mut self, run: RunId, out: &mut Vec<Effect>) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let (Stage::Working, Some(revision), None, 0) =
            (state.stage, state.revision, &state.asked, state.missing)
        else {
            return;
        };
        match state.judging {
            Judging::NotAsked => {
                state.judging = Judging::Asked;
                out.push(Effect::Judge { run, revision });
            }
            Judging::Asked => {}
            Judging::Proven => self.seek_verdict(
                SoughtVerdict {
                    run,
                    verdict: Verdict::Publish,
                    why: "all units are committed and all borders hold".into(),
                    evidence: Vec::new(),
                    needs_attention: false,
                },
                out,
            ),
        }
    }

    pub(super) fn on_borders_judged(
        &mut self,
        run: RunId,
        revision: PlanRevision,
        judgement: Judgement,
        out: &mut Vec<Effect>,
    ) {
        let Some(state) = self.runs.get_mut(&run) else {
            return;
        };
        let newest = state.revision == Some(revision) && state.asked.is_none();
        if !newest || state.stage != Stage::Working || state.judging == Judging::Proven {
            return;
        }
        match judgement {
            Judgement::Proven => {
                state.judging = Judging::Proven;
                self.check_complete(run, out);
            }
            Judgement::Refuted { why } if revision.0 + 1 >= PLAN_REVISIONS => self.seek_verdict(
                SoughtVerdict {
                    run,
                    verdict: Verdict::Fail,
                    why: format!("borders don't hold after {PLAN_REVISIONS} plan revisions: {why}"),
                    evidence: Vec::new(),
                    needs_attention: true,
                },
                out,
            ),
            Judgement::Refuted { why } => {
                let refuted = why.clone();
                out.push(Effect::Tell(Happened::BordersRefuted {
                    run,
                    revision,
                    why,
                }));
                self.ask_for_plan(run, revision.next(), Some(refuted), out);
            }
        }
    }

    /// Says so at once if a unit fits no node of the run's fingerprint, and begins to wait for one.
    pub(super) fn check_misfit(&mut self, run: RunId, out: &mut Vec<Effect>) {
        let Some(state) = self.runs.get(&run) else {
            return;
        };
        let Some(group) = self.groups.get_mut(state.group) else {
            return;
        };
        let memory_bytes = state.largest_bytes;
        let largest_node = group.memories.keys().next_back();
        let misfit = state.stage == Stage::Working
            && state.missing > 0
            && largest_node.is_some_and(|&largest| largest < memory_bytes);
        if !misfit {
            group.misfits.remove(&run);
        } else if let Entry::Vacant(misfit) = group.misfits.entry(run) {
            misfit.insert(self.now);
            out.push(Effect::Tell(Happened::UnitFitsNowhere {
                run,
                memory_bytes,
            }));
            self.set_timer(MISFIT_LIMIT, Due::Misfit(run));
        }
    }

    pub(super) fn on_misfit_due(&mut self, run: RunId, out: &mut Vec<Effect>) {
        let Some(state) = self.runs.get(&run) else {
            return;
        };
        let group = self.groups.get(state.group);
        let since = group.and_then(|group| group.misfits.get(&run));
        if since.is_some_and(|&since| self.now.since(since) >= MISFIT_LIMIT) {
            let sought = SoughtVerdict {
                run,
                verdict: Verdict::Fail,
                why: format!(
                    "a unit needs {} bytes of memory, which no node has",
                    state.largest_bytes
                ),
                evidence: Vec::new(),
                needs_attention: false,
            };
            self.seek_verdict(sought, out);
        }
    }
}
