//! The state of a command while it runs: display, signals, jobs, and what became of each input.

use std::collections::VecDeque;
use std::time::Duration;

use reelmesh_actors::api::{JobError, JobEvent, JobSummary, StopMode};
use reelmesh_actors::job_handle::JobHandle;
use reelmesh_actors::node::Node;
use reelmesh_domain::media_types::SourceFacts;
use tokio::sync::broadcast::Receiver;
use tokio::time::MissedTickBehavior;

use super::endings::Ending;
use super::stopwatch::Stopwatch;
use crate::commands::follow::{Followed, follow};
use crate::options::Input;
use crate::progress::{Display, REDRAW_EVERY};
use crate::report::Report;
use crate::signals::Stops;
use crate::text::counted;
use crate::{describe, sources};

/// How long the ending of a job is waited for once its node has stopped: it is there already, and a node
/// that breaks this promise mustn't keep the process.
const ENDING_WAIT: Duration = Duration::from_secs(1);

/// The user wants to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// As soon as that loses nothing.
    Asked,
    /// Now.
    AtOnce,
}

/// An input that can be used.
#[derive(Debug)]
pub(super) struct Job {
    /// Its place among the inputs.
    pub(super) place: usize,
    name: String,
    in_short: String,
    media_s: Option<f64>,
}

impl Job {
    /// The job of an input with these facts.
    pub(super) fn of(place: usize, input: &Input, facts: &SourceFacts) -> Self {
        Self {
            place,
            name: input.shown.clone(),
            in_short: describe::in_short(facts),
            media_s: sources::stated_s(facts),
        }
    }
}

/// A job that the node has taken.
#[derive(Debug)]
struct Submitted {
    job: Job,
    handle: JobHandle,
    events: Receiver<JobEvent>,
    stopwatch: Stopwatch,
}

/// A command that runs.
#[derive(Debug)]
pub(super) struct Session {
    display: Display,
    stops: Stops,
    endings: Vec<Ending>,
    /// Jobs that haven't ended, the one that is shown first.
    open: VecDeque<Submitted>,
}

impl Session {
    /// A command with so many inputs.
    pub(super) fn new(display: Display, stops: Stops, inputs: usize) -> Self {
        Self {
            display,
            stops,
            endings: vec![Ending::Open; inputs],
            open: VecDeque::new(),
        }
    }

    /// Where messages go.
    pub(super) const fn display(&self) -> &Display {
        &self.display
    }

    /// What became of each input.
    pub(super) fn endings(&self) -> &[Ending] {
        &self.endings
    }

    /// Awaits something unless the user wants to stop first.
    pub(super) async fn unless_stopped<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        tokio::select! {
            biased;
            () = self.stops.next() => Err(Stopped::Asked),
            value = future => Ok(value),
        }
    }

    /// Tells why an input has no outputs.
    pub(super) fn fail(&mut self, place: usize, report: Report) {
        self.display.error(&report);
        self.set(place, Ending::Failed(report));
    }

    /// Takes a job that the node has taken. Its events are heard from now on.
    pub(super) fn submitted(&mut self, job: Job, handle: JobHandle) {
        let events = handle.events();
        let stopwatch = Stopwatch::start(handle.progress());
        self.open.push_back(Submitted {
            job,
            handle,
            events,
            stopwatch,
        });
    }

    /// Follows one job after another to its end.
    pub(super) async fn follow_all(&mut self) -> Result<(), Stopped> {
        while let Some(mut shown) = self.open.pop_front() {
            let row = match self.endings.len() {
                0 | 1 => String::new(),
                inputs => format!("{} of {inputs}", shown.job.place + 1),
            };
            let job = &shown.job;
            self.display.begin(&job.name, &row, job.media_s);
            self.display
                .admitted(shown.handle.admission(), &job.in_short);
            let followed = follow(
                &shown.handle,
                &mut shown.events,
                &mut self.display,
                &mut self.stops,
            );
            match followed.await {
                Followed::Ended(result) => self.ended(&shown.job, result, shown.stopwatch.took()),
                Followed::StopAsked => {
                    self.display.stopping();
                    self.display.message(&format!(
                        "{}: stopping (Ctrl-C again: at once); the same command goes on",
                        shown.job.name
                    ));
                    self.open.push_front(shown);
                    return Err(Stopped::Asked);
                }
            }
        }
        Ok(())
    }

    /// Stops the node cleanly, unless the user can't wait for that. Jobs that are still open end with it.
    pub(super) async fn close(&mut self, node: Node) -> Result<(), Stopped> {
        let stop = node.stop(StopMode::Clean);
        tokio::pin!(stop);
        let mut redraw = tokio::time::interval(REDRAW_EVERY);
        redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let progress = self.open.front().map(|shown| shown.handle.progress());
        loop {
            tokio::select! {
                biased;
                () = &mut stop => break,
                () = self.stops.next() => {
                    self.display.end();
                    return Err(Stopped::AtOnce);
                }
                _ = redraw.tick() => {
                    if let Some(progress) = &progress {
                        self.display.progress(&progress.borrow());
                    }
                }
            }
        }
        self.display.end();
        while let Some(shown) = self.open.pop_front() {
            let ending = tokio::time::timeout(ENDING_WAIT, shown.handle.wait());
            match ending.await.unwrap_or(Err(JobError::Stopped)) {
                Err(JobError::Stopped) => self.kept(&shown),
                result => self.ended(&shown.job, result, shown.stopwatch.took()),
            }
        }
        Ok(())
    }

    /// Says what is kept of a job that was stopped.
    fn kept(&self, shown: &Submitted) {
        let progress = shown.handle.progress();
        let progress = progress.borrow();
        if progress.units_total > 0 {
            self.display.message(&format!(
                "{}: stopped: {} of {} kept",
                shown.job.name,
                progress.units_committed,
                counted(u64::from(progress.units_total), "unit"),
            ));
        }
    }

    fn ended(&mut self, job: &Job, result: Result<JobSummary, JobError>, took: Duration) {
        self.display.end();
        match result {
            Ok(summary) => {
                self.display.done(&job.name, &summary, took, job.media_s);
                self.set(job.place, Ending::Done);
            }
            Err(error) => self.fail(job.place, Report::of_job(&job.name, &error)),
        }
    }

    fn set(&mut self, place: usize, ending: Ending) {
        if let Some(place) = self.endings.get_mut(place) {
            *place = ending;
        }
    }
}
