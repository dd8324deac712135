//! The terminal as indicatif draws on it, with one difference: lines aren't filled up with blanks.
//!
//! indicatif fills each line up to the terminal's edge, where the next one begins by wrapping. The `^C` that
//! a terminal echoes would wrap as well, and the redraw leave our first line behind. Here lines are parted
//! by line breaks, and the cursor stays behind the last line's text.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::TermLike;

/// The error stream.
#[derive(Debug)]
pub(super) struct Unfilled {
    term: Term,
    /// A line has ended, and whether another follows isn't known yet.
    ended: AtomicBool,
}

impl Unfilled {
    /// The error stream, written as a whole with each redraw.
    pub(super) fn stderr() -> Self {
        Self {
            term: Term::buffered_stderr(),
            ended: AtomicBool::new(false),
        }
    }
}

impl TermLike for Unfilled {
    fn width(&self) -> u16 {
        self.term.size().1
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.term.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.term.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.term.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        if text.bytes().all(|byte| byte == b' ') {
            self.ended.store(true, Ordering::Relaxed);
            return Ok(());
        }
        if self.ended.swap(false, Ordering::Relaxed) {
            self.term.write_str("\n")?;
        }
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.ended.store(false, Ordering::Relaxed);
        self.term.flush()
    }
}
