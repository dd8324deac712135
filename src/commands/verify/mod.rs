//! `reelmesh verify`: whether outputs are what their report says, file by file and frame by frame.

mod places;
mod records;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_actors::report::MediaReport;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::verify::{Finding, verify_output};
use serde::Serialize;

use crate::args::VerifyArgs;
use crate::console::Console;
use crate::options;
use crate::progress::{SingleLine, Terminal};
use crate::report::{Exit, Kind, Report};
use crate::text::{self, counted};

use places::Place;

/// Findings of one place that are shown to people: behind the first few the rest follows from them.
const FINDINGS_SHOWN: usize = 20;

/// A finding as JSON.
#[derive(Debug, Serialize)]
struct FindingLine<'a> {
    event: &'static str,
    place: &'a str,
    file: &'a str,
    what: &'a str,
    frame: Option<u64>,
}

/// A place that was checked, as JSON.
#[derive(Debug, Serialize)]
struct PlaceLine<'a> {
    event: &'static str,
    place: &'a str,
    as_reported: bool,
    findings: usize,
}

/// Checks one place or several.
pub(crate) fn run(args: &VerifyArgs) -> Result<Exit, Vec<Report>> {
    let one = |error| vec![error];
    let root = options::output_root("OUT", &args.out).map_err(one)?;
    let places = places::found(&args.out, &root).map_err(one)?;
    let console = Console::of_process(args.json);
    let mut exit = Exit::Done;
    for place in &places {
        match check(place, args.json) {
            Ok(findings) if findings.is_empty() => {}
            Ok(findings) => {
                tell(console, place, &findings);
                exit = exit.max(Exit::Failed);
            }
            Err(report) => {
                console.error(&report);
                exit = exit.max(report.kind().exit());
            }
        }
    }
    Ok(exit)
}

/// Checks one place and says so where all is as reported.
fn check(place: &Place, json: bool) -> Result<Vec<Finding>, Report> {
    let shown = &place.shown;
    let report = places::report(place)?;
    let media = &report.media;
    let expected = records::expected(media);
    let control = Checking::new(shown, json);
    let found = verify_output(&place.path, &expected, &control);
    control.end();
    let mut findings = found.map_err(|error| of_engine(shown, &error))?;
    findings.extend(records::findings(&report));
    if json {
        Console::json(&PlaceLine {
            event: "verified",
            place: shown,
            as_reported: findings.is_empty(),
            findings: findings.len(),
        });
    } else if findings.is_empty() {
        Console::data(&format!("{shown}: as reported: {}\n", in_short(media)));
    }
    Ok(findings)
}

fn of_engine(shown: &str, error: &MediaError) -> Report {
    Report::new(Kind::Bug, format!("{shown}: checking it: {error}")).about(shown)
}

/// What was checked.
fn in_short(media: &MediaReport) -> String {
    let bytes = media.files.iter().map(|file| file.size).sum();
    [
        counted(media.frames, "frame"),
        counted(media.renditions.len() as u64, "rendition"),
        counted(media.chunks.len() as u64, "chunk"),
        counted(media.files.len() as u64, "file"),
        text::bytes(bytes),
    ]
    .join(", ")
}

/// Tells what isn't as reported: one error for the place, to programs each finding.
fn tell(console: Console, place: &Place, findings: &[Finding]) {
    let shown = &place.shown;
    if console.is_json() {
        for finding in findings {
            Console::json(&FindingLine {
                event: "finding",
                place: shown,
                file: &finding.file,
                what: &finding.what,
                frame: finding.frame,
            });
        }
    }
    let message = format!(
        "{shown}: {} not as reported",
        match findings.len() {
            1 => "1 thing is".to_owned(),
            count => format!("{count} things are"),
        }
    );
    let mut lines: Vec<String> = findings.iter().take(FINDINGS_SHOWN).map(line).collect();
    if findings.len() > FINDINGS_SHOWN {
        lines.push(format!("and {} more", findings.len() - FINDINGS_SHOWN));
    }
    let report = Report::new(Kind::NotAsReported, message)
        .about(shown)
        .details(lines)
        .hint("the same transcode command makes missing and differing files again");
    console.error(&report);
}

fn line(finding: &Finding) -> String {
    let frame = finding
        .frame
        .map(|frame| format!(" from frame {frame} on"))
        .unwrap_or_default();
    format!("{}{frame}: {}", finding.file, finding.what)
}

/// Shows how far the full decode is.
#[derive(Debug)]
struct Checking {
    line: SingleLine,
    done: AtomicU64,
}

impl Checking {
    fn new(name: &str, json: bool) -> Self {
        Self {
            line: SingleLine::new(name, &Terminal::of_process(json)),
            done: AtomicU64::new(0),
        }
    }

    fn end(&self) {
        self.line.end();
    }
}

impl Control for Checking {
    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, done: u64) {
        let done = self.done.fetch_max(done, Ordering::Relaxed).max(done);
        self.line
            .show(|| format!("checking  {} decoded", counted(done, "frame")));
    }
}
