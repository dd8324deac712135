//! Every file of the corpus, in scope or out, with the reason: `corpus.tsv`, whose columns are
//!
//! - the name;
//! - `in`, `out` (it can be read and isn't in scope) or `unreadable`;
//! - of files in scope the frames of the exact timeline, the chunks into which it can be cut (one an access
//!   point, less those whose border is refuted), and whether the frames that its packets claim are `right`
//!   or `wrong`;
//! - what is odd about it, or a part of the error's message.

/// The table.
const TABLE: &str = include_str!("corpus.tsv");

/// One file of the corpus.
pub(crate) enum File {
    /// In scope.
    In(InScope),
    /// Not in scope.
    Out(Out),
}

/// A file in scope.
pub(crate) struct InScope {
    pub(crate) name: &'static str,
    pub(crate) frames: usize,
    pub(crate) chunks: usize,
    pub(crate) claimed_wrong: bool,
    pub(crate) shows: &'static str,
}

/// A file that is refused.
pub(crate) struct Out {
    pub(crate) name: &'static str,
    pub(crate) class: Class,
    pub(crate) message: &'static str,
}

/// Why a file is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// It can be read and isn't in scope.
    Scope,
    /// It can't be read.
    Unreadable,
}

impl File {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::In(file) => file.name,
            Self::Out(file) => file.name,
        }
    }
}

/// All files of the table.
pub(crate) fn files() -> impl Iterator<Item = File> {
    TABLE.lines().skip(1).map(parse)
}

fn parse(line: &'static str) -> File {
    let columns: Vec<&str> = line.split('\t').collect();
    let [name, scope, frames, chunks, claims, why] = columns[..] else {
        panic!("six columns: {line}");
    };
    assert!(!why.is_empty(), "a reason: {line}");
    let class = match scope {
        "in" => {
            assert!(matches!(claims, "right" | "wrong"), "{line}");
            return File::In(InScope {
                name,
                frames: frames.parse().expect("a number of frames"),
                chunks: chunks.parse().expect("a number of chunks"),
                claimed_wrong: claims == "wrong",
                shows: why,
            });
        }
        "out" => Class::Scope,
        "unreadable" => Class::Unreadable,
        other => panic!("{other}: {line}"),
    };
    File::Out(Out {
        name,
        class,
        message: why,
    })
}
