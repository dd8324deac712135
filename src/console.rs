//! Where text goes: data to the standard output, all else to the error stream.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::paint::Paint;
use crate::report::Report;

/// Both streams and how they are coloured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    /// Colours of the standard output.
    pub(crate) out: Paint,
    /// Colours of the error stream.
    pub(crate) err: Paint,
    json: bool,
}

impl Console {
    /// The streams of this process; with `json`, errors are told on the standard output too, for programs.
    pub(crate) fn of_process(json: bool) -> Self {
        Self {
            out: Paint::of(&std::io::stdout()),
            err: Paint::of(&std::io::stderr()),
            json,
        }
    }

    /// Whether events go to the standard output as JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether somebody may look at the error stream while it is written, and lines there can be redrawn.
    pub(crate) fn is_watched() -> bool {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        std::io::stderr().is_terminal() && !dumb
    }

    /// Writes data. A reader that has gone wants no more of it.
    pub(crate) fn data(text: &str) {
        let mut out = std::io::stdout().lock();
        let _reader_gone = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Writes one line of JSON as data.
    pub(crate) fn json(value: &impl Serialize) {
        if let Ok(line) = serde_json::to_string(value) {
            Self::data(&format!("{line}\n"));
        }
    }

    /// Writes a line for people.
    pub(crate) fn note(line: &str) {
        let _reader_gone = writeln!(std::io::stderr().lock(), "{line}");
    }

    /// Tells an error, to people and, where they asked for it, to programs.
    pub(crate) fn error(self, report: &Report) {
        if self.json {
            Self::data(&format!("{}\n", report.json()));
        }
        let _reader_gone = std::io::stderr()
            .lock()
            .write_all(report.render(self.err).as_bytes());
    }
}
