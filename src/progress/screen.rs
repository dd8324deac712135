//! The lines at the bottom of a terminal that are redrawn, by indicatif.

use std::io::IsTerminal as _;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::target::Unfilled;
use crate::console::Console;

/// Redraws of the terminal a second at most.
const REDRAWS_PER_S: u8 = 10;
/// Columns taken where the terminal doesn't say how wide it is.
const COLUMNS_UNKNOWN: u16 = 80;

/// The error stream: a terminal with lines that are redrawn at its bottom, or anything else.
#[derive(Clone, Debug)]
pub(crate) struct Terminal {
    redrawn: Option<MultiProgress>,
}

impl Terminal {
    /// The error stream of this process. Nothing is redrawn where `json` goes to the same terminal.
    pub(crate) fn of_process(json: bool) -> Self {
        let mixed = json && std::io::stdout().is_terminal();
        let redrawn = (Console::is_watched() && !mixed).then(|| {
            let terminal = Box::new(Unfilled::stderr());
            let target = ProgressDrawTarget::term_like_with_hz(terminal, REDRAWS_PER_S);
            MultiProgress::with_draw_target(target)
        });
        Self { redrawn }
    }

    /// Its columns.
    pub(crate) fn columns() -> usize {
        let (_, columns) = console::Term::stderr()
            .size_checked()
            .unwrap_or((0, COLUMNS_UNKNOWN));
        // The last column stays free: a line that fills it makes some terminals wrap.
        usize::from(columns).saturating_sub(1)
    }

    /// Writes lines that stay, above the ones that are redrawn.
    pub(crate) fn print(&self, text: &str) {
        match &self.redrawn {
            Some(all) => all.suspend(|| Console::note(text)),
            None => Console::note(text),
        }
    }

    /// Lines that are redrawn, if somebody watches.
    pub(crate) fn screen(&self) -> Option<Screen> {
        let all = self.redrawn.clone()?;
        Some(Screen { all, block: None })
    }
}

/// The lines that are redrawn: one indicatif bar that consists of a message, since bars that come and go
/// leave lines behind. What stands in it is decided in [`super::view`].
#[derive(Debug)]
pub(crate) struct Screen {
    all: MultiProgress,
    block: Option<ProgressBar>,
}

impl Screen {
    /// Shows these lines instead of the ones before.
    pub(crate) fn show(&mut self, lines: &[String]) {
        if lines.is_empty() {
            if let Some(block) = self.block.take() {
                block.finish_and_clear();
                self.all.remove(&block);
            }
            return;
        }
        let all = &self.all;
        let block = self.block.get_or_insert_with(|| {
            let style = ProgressStyle::with_template("{msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            let block = all.add(ProgressBar::no_length());
            block.set_style(style);
            block
        });
        block.set_message(lines.join("\n"));
    }
}
