//! FFmpeg's last log lines of this thread, to be attached to errors.

use std::cell::RefCell;
use std::collections::VecDeque;

/// Lines kept for each thread: enough for the cause of an error and what led to it.
const LINES_KEPT: usize = 32;

thread_local! {
    static LAST: RefCell<VecDeque<String>> = const { RefCell::new(VecDeque::new()) };
}

/// Forgets the lines of this thread: called where a task begins.
pub fn clear() {
    LAST.with_borrow_mut(VecDeque::clear);
}

/// The last lines of this thread, oldest first.
pub fn last_lines() -> Vec<String> {
    LAST.with_borrow(|lines| lines.iter().cloned().collect())
}

/// `what`, followed by the last lines.
pub fn with_last_lines(what: &str) -> String {
    let lines = last_lines();
    if lines.is_empty() {
        what.to_owned()
    } else {
        format!("{what}\n  {}", lines.join("\n  "))
    }
}

/// Keeps one more line and lets go of the oldest.
pub(crate) fn keep(line: &str) {
    LAST.with(|lines| {
        // A line that is logged while another is kept can't happen on one thread; losing it is
        // better than a panic inside FFmpeg.
        if let Ok(mut lines) = lines.try_borrow_mut() {
            if lines.len() == LINES_KEPT {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the newest lines are kept, and they are appended to an error's text.
    #[test]
    fn keeps_the_newest_lines() {
        clear();
        assert_eq!(with_last_lines("bad"), "bad");
        for line in 0..40 {
            keep(&line.to_string());
        }
        assert_eq!(last_lines().first().map(String::as_str), Some("8"));
        assert!(with_last_lines("bad").ends_with("\n  39"));
    }
}
