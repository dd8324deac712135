//! What is shown while jobs run: on a terminal a display that is redrawn, else plain lines, and for
//! programs lines of JSON. All text is made by pure functions of what is known.

mod estimate;
mod json;
mod messages;
mod plain;
mod screen;
mod single;
mod target;
mod view;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use reelmesh_actors::api::{Admission, JobEvent, JobProgress, JobSummary, Phase};

use crate::console::Console;
use crate::progress::estimate::Estimate;
use crate::progress::plain::Lines;
use crate::progress::screen::Screen;
use crate::progress::view::JobView;
use crate::report::Report;

use json::Summary;
pub(crate) use screen::Terminal;
pub(crate) use single::SingleLine;

/// How often a terminal is redrawn: often enough to look alive, too seldom to cost anything.
pub(crate) const REDRAW_EVERY: Duration = Duration::from_millis(200);

/// Shows one job after another.
#[derive(Debug)]
pub(crate) struct Display {
    console: Console,
    terminal: Terminal,
    screen: Option<Screen>,
    lines: Lines,
    job: Option<Shown>,
}

/// The job that is shown.
#[derive(Debug)]
struct Shown {
    name: String,
    place: String,
    began: Instant,
    media_s: Option<f64>,
    chunks: u32,
    estimate: Estimate,
    last: JobProgress,
    stopping: bool,
}

impl Display {
    /// A display on these streams; `line_every` is the time between plain lines.
    pub(crate) fn new(console: Console, terminal: Terminal, line_every: Duration) -> Self {
        let screen = terminal.screen();
        Self {
            console,
            terminal,
            screen,
            lines: Lines::new(line_every),
            job: None,
        }
    }

    /// Begins to show a job; `place` is its place in the row, such as `2 of 5`, or empty.
    pub(crate) fn begin(&mut self, name: &str, place: &str, media_s: Option<f64>) {
        self.lines.begin();
        self.job = Some(Shown {
            name: name.to_owned(),
            place: place.to_owned(),
            began: Instant::now(),
            media_s,
            chunks: 0,
            estimate: Estimate::default(),
            last: JobProgress::default(),
            stopping: false,
        });
    }

    /// Says what the node did with the submission, and what the source is.
    pub(crate) fn admitted(&self, admission: &Admission, in_short: &str) {
        let Some(job) = &self.job else { return };
        if self.console.is_json() {
            Console::json(&json::Admitted::new(&job.name, admission));
        }
        if let Some(message) = messages::of_admission(admission, in_short) {
            self.message(&format!("{}: {message}", job.name));
        }
    }

    /// Takes the newest progress and redraws or, when its time has come, writes a line.
    pub(crate) fn progress(&mut self, progress: &JobProgress) {
        let Some(job) = &mut self.job else { return };
        let elapsed = job.began.elapsed();
        job.estimate.observe(elapsed, progress);
        job.last = progress.clone();
        self.draw();
        let Some(job) = &self.job else { return };
        if self.lines.is_due(elapsed) {
            if self.console.is_json() {
                Console::json(&json::Progress::new(&job.view(), progress));
            }
            if self.screen.is_none()
                && let Some(line) = plain::line(&job.view())
            {
                Console::note(&line);
            }
        }
    }

    /// Tells an event.
    pub(crate) fn event(&mut self, event: &JobEvent) {
        let Some(job) = &mut self.job else { return };
        if let JobEvent::Planned { chunks, .. } = event {
            job.chunks = *chunks;
        }
        // It may come before anybody listens; the handle knows.
        let admitted = matches!(event, JobEvent::Admitted { .. });
        if self.console.is_json() && !admitted {
            Console::json(&json::Event {
                input: &job.name,
                event,
            });
        }
        let on_screen = self.screen.is_some();
        let message = messages::of_event(event, on_screen, self.console.err);
        let line = message.map(|message| format!("{}: {message}", job.name));
        if let JobEvent::PhaseBegan { .. } = event {
            self.lines.postpone(job.began.elapsed());
        }
        if let Some(line) = line {
            self.message(&line);
        }
    }

    /// Writes a line that stays, above what is redrawn.
    pub(crate) fn message(&self, line: &str) {
        self.terminal.print(line);
    }

    /// Tells an error, above what is redrawn.
    pub(crate) fn error(&self, report: &Report) {
        if self.console.is_json() {
            Console::data(&format!("{}\n", report.json()));
        }
        self.message(report.render(self.console.err).trim_end());
    }

    /// Shows from now on that the job is being stopped.
    pub(crate) fn stopping(&mut self) {
        if let Some(job) = &mut self.job {
            job.stopping = true;
        }
        self.draw();
    }

    /// Ends the display of a job: the lines that were redrawn go.
    pub(crate) fn end(&mut self) {
        if let Some(screen) = &mut self.screen {
            screen.show(&[]);
        }
        self.job = None;
    }

    /// Says what a job that is done has made.
    pub(crate) fn done(
        &self,
        name: &str,
        summary: &JobSummary,
        took: Duration,
        media_s: Option<f64>,
    ) {
        if self.console.is_json() {
            Console::json(&Summary::new(name, summary));
        }
        let summary = &JobSummary {
            output: from_here(&summary.output),
            ..summary.clone()
        };
        for line in messages::of_summary(name, summary, took, media_s, self.console.err) {
            self.message(&line);
        }
    }

    fn draw(&mut self) {
        if let (Some(screen), Some(job)) = (&mut self.screen, &self.job) {
            let lines = view::lines(&job.view(), Terminal::columns(), self.console.err);
            screen.show(&lines);
        }
    }
}

/// A path as short as people would write it: relative where it lies below the current directory.
fn from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok());
    let below = below.filter(|below| !below.as_os_str().is_empty());
    below.unwrap_or(path).to_owned()
}

impl Shown {
    fn view(&self) -> JobView<'_> {
        let encoding = self.last.phase == Phase::Encode;
        JobView {
            name: &self.name,
            place: &self.place,
            stopping: self.stopping,
            chunks: self.chunks,
            progress: &self.last,
            speed: self
                .media_s
                .and_then(|media_s| self.estimate.speed(media_s)),
            left: self.estimate.left().filter(|_| encoding && !self.stopping),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows that only what lies below the current directory is shortened.
    #[test]
    fn paths_are_shown_from_here() {
        let here = std::env::current_dir().unwrap();
        for (path, expected) in [
            (here.join("out/a"), PathBuf::from("out/a")),
            (here.clone(), here.clone()),
            ("/elsewhere/a".into(), "/elsewhere/a".into()),
        ] {
            assert_eq!(from_here(&path), expected);
        }
    }
}
