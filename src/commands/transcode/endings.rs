//! What became of each input, and what that makes of the command.

use crate::report::{Exit, Kind, Report};
use crate::text::{Align, table};

/// What became of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// The command ended before its job did.
    Open,
    /// Its outputs are there.
    Done,
    /// They aren't, and why.
    Failed(Report),
}

/// How the program ends: done if all are, 3 if no input could even be tried, else 4.
pub(super) fn exit_of(endings: &[Ending], interrupted: bool) -> Exit {
    let all_done = endings.iter().all(|ending| *ending == Ending::Done);
    let untried = |ending: &Ending| match ending {
        Ending::Failed(report) => report.kind().exit() == Exit::NoInput,
        Ending::Open | Ending::Done => false,
    };
    if all_done {
        Exit::Done
    } else if interrupted {
        Exit::Interrupted
    } else if endings.iter().all(untried) {
        Exit::NoInput
    } else {
        Exit::Failed
    }
}

/// With several inputs not all of which are done: which are, and what the others' matter is.
pub(super) fn table_of(names: &[&str], endings: &[Ending]) -> Option<String> {
    if endings.len() < 2 || endings.iter().all(|ending| *ending == Ending::Done) {
        return None;
    }
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(endings)
        .map(|(name, ending)| {
            let (state, why) = match ending {
                Ending::Done => ("done", String::new()),
                Ending::Open => ("not done", "the same command goes on".to_owned()),
                Ending::Failed(report) if report.kind() == Kind::Interrupted => {
                    ("stopped", "the same command goes on".to_owned())
                }
                Ending::Failed(report) => ("failed", in_short(name, report)),
            };
            vec![(*name).to_owned(), state.to_owned(), why]
        })
        .collect();
    Some(table("  ", &[Align::Left, Align::Left, Align::Left], &rows))
}

/// The code and the message, without the name that stands before it anyway.
fn in_short(name: &str, report: &Report) -> String {
    let message = report.message();
    let message = message.strip_prefix(name).unwrap_or(message);
    let message = message.trim_start_matches(": ");
    format!("{}: {message}", report.kind().code())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(kind: Kind) -> Ending {
        Ending::Failed(Report::new(kind, "b.mp4: no moov atom"))
    }

    /// Shows which exit code each mixture of endings has.
    #[test]
    fn exit_codes_follow_the_endings() {
        let (unreadable, broken) = (failed(Kind::Unreadable), failed(Kind::JobFailed));
        for (endings, interrupted, expected) in [
            (vec![Ending::Done, Ending::Done], false, Exit::Done),
            // The stop came when all was done.
            (vec![Ending::Done], true, Exit::Done),
            (vec![unreadable.clone()], false, Exit::NoInput),
            (
                vec![unreadable.clone(), failed(Kind::OutOfScope)],
                false,
                Exit::NoInput,
            ),
            (vec![Ending::Done, unreadable.clone()], false, Exit::Failed),
            (vec![broken.clone(), unreadable], false, Exit::Failed),
            (vec![Ending::Done, Ending::Open], true, Exit::Interrupted),
            (vec![broken, Ending::Open], true, Exit::Interrupted),
        ] {
            assert_eq!(exit_of(&endings, interrupted), expected, "{endings:?}");
        }
    }

    /// Shows the table, and that there is none where there is nothing to compare.
    #[test]
    fn a_table_says_which_failed() {
        let names = ["a.mp4", "b.mp4", "longer.mkv", "c.ts"];
        let endings = [
            Ending::Done,
            failed(Kind::Unreadable),
            failed(Kind::Interrupted),
            Ending::Open,
        ];
        let text = table_of(&names, &endings).unwrap();
        insta::assert_snapshot!(text, @r"
        a.mp4       done
        b.mp4       failed    RM0004: no moov atom
        longer.mkv  stopped   the same command goes on
        c.ts        not done  the same command goes on
        ");
        assert_eq!(table_of(&names[..1], &endings[1..2]), None);
        assert_eq!(table_of(&names[..2], &[Ending::Done, Ending::Done]), None);
    }
}
