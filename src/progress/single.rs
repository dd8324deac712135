//! One line that is redrawn, for commands that do one thing.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::REDRAW_EVERY;
use super::screen::{Screen, Terminal};
use crate::text;

/// What ends sooner shows no progress.
const QUIET: Duration = Duration::from_secs(1);

/// The line. Ctrl-C ends the process as ever: nothing is begun that could be lost.
#[derive(Debug)]
pub(crate) struct SingleLine {
    name: String,
    began: Instant,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
struct Shown {
    screen: Option<Screen>,
    next: Duration,
}

impl SingleLine {
    /// A line about this file or place, if somebody watches.
    pub(crate) fn new(name: &str, terminal: &Terminal) -> Self {
        Self {
            name: name.to_owned(),
            began: Instant::now(),
            shown: Mutex::new(Shown {
                screen: terminal.screen(),
                next: QUIET,
            }),
        }
    }

    /// Shows what is done, unless that was shown just now.
    pub(crate) fn show(&self, done: impl FnOnce() -> String) {
        let Ok(mut shown) = self.shown.lock() else {
            return;
        };
        let now = self.began.elapsed();
        let due = now >= shown.next;
        if due && let Some(screen) = &mut shown.screen {
            let line = format!("{}  {}", self.name, done());
            screen.show(&[text::cut(&line, Terminal::columns())]);
            shown.next = now + REDRAW_EVERY;
        }
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        if let Ok(mut shown) = self.shown.lock()
            && let Some(mut screen) = shown.screen.take()
        {
            screen.show(&[]);
        }
    }
}
