//! A run enters the queue.

use alloc::vec::Vec;

use super::run::RunState;
use super::{Effect, Scheduler, Submitted};
use crate::events::Happened;
use crate::ids::PlanRevision;

impl Scheduler {
    pub(super) fn on_run_submitted(&mut self, submitted: Submitted, out: &mut Vec<Effect>) {
        let run = submitted.run;
        if self.runs.contains_key(&run) {
            return;
        }
        let group = self.group_of(&submitted.fingerprint);
        let (scan_committed, verdict) = (submitted.scan_committed, submitted.verdict);
        let state = RunState::new(submitted, self.runs_taken, group);
        self.runs_taken += 1;
        self.runs.insert(run, state);
        out.push(Effect::Tell(Happened::RunSubmitted { run }));
        if let Some(verdict) = verdict {
            self.on_verdict_seen(run, verdict, out);
        } else if scan_committed {
            self.ask_for_plan(run, PlanRevision(0), None, out);
        } else {
            self.touch_run(run);
            self.check_misfit(run, out);
            self.reconsider(group);
        }
    }
}
