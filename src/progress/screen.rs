//! The lines at the bottom of a terminal that are redrawn, by indicatif.

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Redraws of the terminal a second at most.
const REDRAWS_PER_S: u8 = 10;
/// Columns taken where the terminal doesn't say how wide it is.
const COLUMNS_UNKNOWN: u16 = 80;

/// The lines that are redrawn. Each is an indicatif bar that consists of a message: what stands in it is
/// decided in [`super::view`].
#[derive(Debug)]
pub(crate) struct Screen {
    all: MultiProgress,
    lines: Vec<ProgressBar>,
}

impl Screen {
    /// An empty one on the error stream.
    pub(crate) fn new() -> Self {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_S);
        Self {
            all: MultiProgress::with_draw_target(target),
            lines: Vec::new(),
        }
    }

    /// The columns of the terminal.
    pub(crate) fn columns() -> usize {
        let (_, columns) = console::Term::stderr()
            .size_checked()
            .unwrap_or((0, COLUMNS_UNKNOWN));
        // The last column stays free: a line that fills it makes some terminals wrap.
        usize::from(columns).saturating_sub(1)
    }

    /// Shows these lines instead of the ones before.
    pub(crate) fn show(&mut self, lines: &[String]) {
        while self.lines.len() > lines.len() {
            if let Some(line) = self.lines.pop() {
                line.finish_and_clear();
                self.all.remove(&line);
            }
        }
        while self.lines.len() < lines.len() {
            let style = ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let line = self.all.add(ProgressBar::no_length());
            line.set_style(style);
            self.lines.push(line);
        }
        for (line, text) in self.lines.iter().zip(lines) {
            line.set_message(text.clone());
        }
    }

    /// Writes a line above them that stays.
    pub(crate) fn print(&self, line: &str) {
        let _terminal_gone = self.all.println(line);
    }
}
