//! Errors as people see them: a stable code, a message that names what it is about, and apart from it
//! what to do.
//!
//! Each kind has a page in `docs/errors/`. Libraries have error types of their own; they become
//! reports here and nowhere else.

use std::fmt::Write as _;

use reelmesh_actors::api::{InputFault, JobError, StartError};
use reelmesh_media::error::MediaError;
use serde::Serialize;

use crate::paint::Paint;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// All that was asked for is there.
    Done,
    /// The command or the configuration is wrong; nothing was begun.
    Usage,
    /// No input could be read or was in scope.
    NoInput,
    /// A job failed, or `verify` found something that isn't so.
    Failed,
    /// Interrupted; the same command goes on.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 2,
            Self::NoInput => 3,
            Self::Failed => 4,
            // As shells report a process that SIGINT (2) ended.
            Self::Interrupted => 128 + 2,
        }
    }
}

/// What kind of error it is. Codes are never given anew: a kind that goes takes its code along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command line can't be understood.
    CommandLine,
    /// A value of the configuration is wrong or unknown.
    Configuration,
    /// A ladder can't be used.
    Ladder,
    /// An input can't be read.
    Unreadable,
    /// An input can be read and isn't in scope.
    OutOfScope,
    /// Two inputs would have the same outputs.
    SameStem,
    /// A URL has a scheme that isn't supported.
    Scheme,
    /// The output place can't be used.
    OutputPlace,
    /// Another process uses the state directory.
    StateDirInUse,
    /// The state directory or the store can't be used.
    Storage,
    /// A job failed.
    JobFailed,
    /// A job was cancelled.
    Cancelled,
    /// The node was stopped.
    Interrupted,
    /// There is no report to verify against, or it can't be read.
    NoReport,
    /// The outputs aren't what the report says.
    NotAsReported,
    /// reelmesh broke one of its own rules.
    Bug,
}

impl Kind {
    /// The code, by which the kind is looked up in `docs/errors/`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::CommandLine => "RM0001",
            Self::Configuration => "RM0002",
            Self::Ladder => "RM0003",
            Self::Unreadable => "RM0004",
            Self::OutOfScope => "RM0005",
            Self::SameStem => "RM0006",
            Self::Scheme => "RM0007",
            Self::OutputPlace => "RM0008",
            Self::StateDirInUse => "RM0009",
            Self::Storage => "RM0010",
            Self::JobFailed => "RM0011",
            Self::Cancelled => "RM0012",
            Self::Interrupted => "RM0013",
            Self::NoReport => "RM0014",
            Self::NotAsReported => "RM0015",
            Self::Bug => "RM0016",
        }
    }

    /// How the program ends if this is all that happened.
    pub(crate) const fn exit(self) -> Exit {
        match self {
            Self::CommandLine
            | Self::Configuration
            | Self::Ladder
            | Self::SameStem
            | Self::Scheme => Exit::Usage,
            Self::Unreadable | Self::OutOfScope | Self::NoReport => Exit::NoInput,
            Self::OutputPlace
            | Self::StateDirInUse
            | Self::Storage
            | Self::JobFailed
            | Self::Cancelled
            | Self::NotAsReported
            | Self::Bug => Exit::Failed,
            Self::Interrupted => Exit::Interrupted,
        }
    }
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    kind: Kind,
    input: Option<String>,
    message: String,
    details: Vec<String>,
    hint: Option<String>,
}

/// A report as a line of JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    event: &'static str,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<&'a str>,
    message: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    details: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
}

impl Report {
    /// A report without details and hint. The message begins in lower case, has no full stop, and names
    /// the file, the stream or the key.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            input: None,
            message: message.into(),
            details: Vec::new(),
            hint: None,
        }
    }

    /// Says which input it is about, for programs: the message names it in any case.
    #[must_use]
    pub(crate) fn about(mut self, input: &str) -> Self {
        self.input = Some(input.to_owned());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds what to do, if it is known.
    #[must_use]
    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    /// Adds lines of evidence.
    #[must_use]
    pub(crate) fn details(mut self, details: impl IntoIterator<Item = String>) -> Self {
        self.details.extend(details);
        self
    }

    /// What kind it is.
    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// The message alone.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// As text for people, with a line break at the end.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut text = format!(
            "{} {}\n",
            paint.red(&format!("error[{}]:", self.kind.code())),
            indented(&self.message, "  ")
        );
        for detail in &self.details {
            let _infallible = writeln!(text, "  {} {}", paint.dim("|"), indented(detail, "  | "));
        }
        if let Some(hint) = &self.hint {
            let _infallible = writeln!(
                text,
                "  {} {}",
                paint.bold("hint:"),
                indented(hint, "        ")
            );
        }
        text
    }

    /// As one line of JSON without a line break.
    pub(crate) fn json(&self) -> String {
        let line = Line {
            event: "error",
            code: self.kind.code(),
            input: self.input.as_deref(),
            message: &self.message,
            details: &self.details,
            hint: self.hint.as_deref(),
        };
        serde_json::to_string(&line).unwrap_or_default()
    }

    /// What the engine answered about a file.
    pub(crate) fn of_media(file: &str, error: &MediaError) -> Self {
        let (head, rest) = first_line_and_rest(&error.to_string());
        let message = format!("{file}: {head}");
        let report = match error {
            MediaError::Io { .. } => Self::new(Kind::Unreadable, message)
                .hint("see that the file exists, is complete and may be read by you"),
            MediaError::Unreadable { .. } => Self::new(Kind::Unreadable, message).hint(UNREADABLE),
            MediaError::OutOfScope { .. } => Self::new(Kind::OutOfScope, message).hint(SCOPE),
            MediaError::LimitPassed { .. } => Self::new(Kind::OutOfScope, message)
                .hint("bounds for untrusted files can't be raised yet"),
            MediaError::Cancelled => Self::new(Kind::Interrupted, format!("{file}: interrupted")),
            MediaError::Bug { .. } => Self::new(Kind::Bug, message).hint(BUG),
        };
        report.details(rest).about(file)
    }

    /// Why a job of this file didn't deliver.
    pub(crate) fn of_job(file: &str, error: &JobError) -> Self {
        let report = match error {
            JobError::Input { fault, reason, .. } => {
                let (head, rest) = first_line_and_rest(reason);
                let (kind, hint) = match fault {
                    InputFault::Unreadable => (Kind::Unreadable, UNREADABLE),
                    InputFault::OutOfScope => (Kind::OutOfScope, SCOPE),
                };
                Self::new(kind, format!("{file}: {head}"))
                    .details(rest)
                    .hint(hint)
            }
            JobError::OutputPlace { .. } => Self::new(Kind::OutputPlace, error.to_string())
                .hint("give another place with --out, or make this one writable and free"),
            JobError::Failed {
                what,
                evidence,
                needs_attention,
            } => {
                let hint = if *needs_attention {
                    "the same failed again and again: look at the lines above before you try again"
                } else {
                    "the same command tries again and keeps what is committed"
                };
                Self::new(Kind::JobFailed, format!("{file}: {what}"))
                    .details(evidence.iter().cloned())
                    .hint(hint)
            }
            JobError::Storage { what } => Self::new(Kind::Storage, format!("{file}: {what}"))
                .hint("see that the state directory's disk has room and can be written"),
            JobError::Cancelled => Self::new(Kind::Cancelled, format!("{file}: {error}"))
                .hint("add --fresh to begin anew"),
            JobError::Stopped => Self::new(
                Kind::Interrupted,
                format!("{file}: stopped before it was done"),
            )
            .hint(GO_ON),
        };
        report.about(file)
    }

    /// Why the node didn't start.
    pub(crate) fn of_start(error: &StartError) -> Self {
        match error {
            StartError::InUse { .. } => Self::new(Kind::StateDirInUse, error.to_string()).hint(
                "wait for that process, or give this one a place of its own with --state-dir",
            ),
            StartError::Scheme { .. } => Self::new(Kind::Scheme, error.to_string()),
            StartError::Io { .. } | StartError::Store { .. } => {
                Self::new(Kind::Storage, error.to_string()).hint(
                    "see that the state directory can be written, or give another with --state-dir",
                )
            }
            StartError::Actors { .. } => Self::new(Kind::Bug, error.to_string()).hint(BUG),
        }
    }
}

/// What to do after an interruption.
pub(crate) const GO_ON: &str = "the same command goes on from what is committed";
const UNREADABLE: &str =
    "see whether ffprobe can read it: the file may be cut off, encrypted, or no video";
const SCOPE: &str = "in scope so far: 8-bit H.264 or HEVC, with AAC or without audio, not encrypted, \
                     in MP4, MOV, MKV or MPEG-TS";
const BUG: &str =
    "this is a bug in reelmesh: please report it with these lines; the same command tries again";

/// Further lines of a text, set under the first.
fn indented(text: &str, by: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let text = lines.join(&format!("\n{by}"));
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// FFmpeg's log lines come behind the first line of a message.
fn first_line_and_rest(text: &str) -> (String, Vec<String>) {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default().to_owned();
    let rest = lines.map(|line| without_addresses(line.trim()));
    (without_addresses(&head), rest.collect())
}

/// FFmpeg names its contexts by where they lie in memory, ` @ 0x5604a47bbfc0`, which tells nobody anything.
fn without_addresses(line: &str) -> String {
    let mut parts = line.split(" @ 0x");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.trim_start_matches(|c: char| c.is_ascii_hexdigit()));
    }
    text
}

/// The name among `known` that is nearest to what was written, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    /// Jaro-Winkler similarity from which people recognise their slip: `cell_frame` for `cell_frames`
    /// is 0.98, `wrkers` for `workers` 0.96, unrelated keys stay below 0.7.
    const NEAR: f64 = 0.75;
    known
        .into_iter()
        .map(|name| (strsim::jaro_winkler(written, name), name))
        .filter(|(similarity, _)| *similarity >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows how a report with everything reads, without colour and as JSON.
    #[test]
    fn renders_for_people_and_programs() {
        let report = Report::new(Kind::Unreadable, "a.mp4: no moov atom")
            .details(["[mov] moov atom not found".to_owned()])
            .hint("see whether it is complete\nand yours");
        assert_eq!(
            report.render(Paint::plain()),
            "error[RM0004]: a.mp4: no moov atom\n  | [mov] moov atom not found\n  \
             hint: see whether it is complete\n        and yours\n"
        );
        assert_eq!(
            report.json(),
            r#"{"event":"error","code":"RM0004","message":"a.mp4: no moov atom","details":["[mov] moov atom not found"],"hint":"see whether it is complete\nand yours"}"#
        );
    }

    /// Shows that FFmpeg's log lines stand below the message, without addresses in memory.
    #[test]
    fn log_lines_stand_below() {
        let error = MediaError::Unreadable {
            what: "no media file\n  [mov,mp4 @ 0x5604a4fbfc0] moov atom not found\n  a @ b"
                .to_owned(),
        };
        let report = Report::of_media("a.mp4", &error);
        assert_eq!(report.message(), "a.mp4: no media file");
        assert_eq!(report.details, ["[mov,mp4] moov atom not found", "a @ b"]);
    }

    /// Shows that a job's error about its input has the code of what is the matter with it.
    #[test]
    fn inputs_have_their_codes() {
        for (fault, kind) in [
            (InputFault::Unreadable, Kind::Unreadable),
            (InputFault::OutOfScope, Kind::OutOfScope),
        ] {
            let error = JobError::Input {
                file: "/in/a.mp4".to_owned(),
                fault,
                reason: "no\n  [mov] why".to_owned(),
            };
            let report = Report::of_job("a.mp4", &error);
            assert_eq!((report.kind(), report.message()), (kind, "a.mp4: no"));
            assert_eq!(report.details, ["[mov] why"]);
        }
    }

    /// Shows that a slip finds its key and that something else finds none.
    #[test]
    fn the_nearest_key_is_found() {
        let known = ["workers", "state_dir", "cell_frames"];
        for (written, expected) in [
            ("wrkers", Some("workers")),
            ("cell_frame", Some("cell_frames")),
            ("statedir", Some("state_dir")),
            ("quux", None),
        ] {
            assert_eq!(nearest(written, known), expected, "{written}");
        }
    }
}
