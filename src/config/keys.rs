//! Every key of the configuration: its kind, its built-in default and what it means. `config/node.toml`
//! and `docs/config.md` are made from this table.

use std::fmt;

/// A value of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// A text.
    Text(String),
    /// A number without sign.
    Number(u64),
    /// Several texts.
    List(Vec<String>),
}

impl fmt::Display for Value {
    /// As it is written in TOML.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::List(items) => write!(f, "{items:?}"),
        }
    }
}

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Any text.
    Text,
    /// A number within these bounds, both included.
    Number {
        /// The least.
        min: u64,
        /// The greatest.
        max: u64,
    },
    /// One of these.
    Choice(&'static [&'static str]),
    /// At least one of these, each at most once.
    Choices(&'static [&'static str]),
}

/// The built-in default of a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Builtin {
    /// A text.
    Text(&'static str),
    /// A number.
    Number(u64),
    /// Several texts.
    List(&'static [&'static str]),
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    /// Its full name, sections joined by dots.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) takes: Takes,
    /// What holds if nobody says otherwise.
    pub(crate) builtin: Builtin,
    /// What it means, one sentence or two.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "read for the documents, which tests check")
    )]
    pub(crate) about: &'static str,
    /// The flag that sets it, if there is one.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "read for the documents, which tests check")
    )]
    pub(crate) flag: Option<&'static str>,
}

impl Key {
    /// The default as a value.
    pub(crate) fn default(&self) -> Value {
        match self.builtin {
            Builtin::Text(text) => Value::Text(text.to_owned()),
            Builtin::Number(number) => Value::Number(number),
            Builtin::List(items) => {
                Value::List(items.iter().map(|item| (*item).to_owned()).collect())
            }
        }
    }

    /// The environment variable that sets it.
    pub(crate) fn variable(&self) -> String {
        format!(
            "{VARIABLE_PREFIX}{}",
            self.name.to_uppercase().replace('.', "__")
        )
    }

    /// The section and the name in it.
    pub(crate) fn parts(&self) -> (&'static str, &'static str) {
        self.name.split_once('.').unwrap_or(("", self.name))
    }
}

/// What the names of environment variables begin with.
pub(crate) const VARIABLE_PREFIX: &str = "REELMESH__";

/// Packages that can be made.
pub(crate) const PACKAGES: &[&str] = &["mp4", "hls"];

/// More workers than any host has cores: a slip of the finger rather than a wish.
const WORKERS_MAX: u64 = 1024;
/// A cell of a minute would make players wait that long for a switch.
const CELL_MS_MAX: u64 = 60_000;
/// A minute at 240 frames a second.
const CELL_FRAMES_MAX: u64 = 14_400;
/// As many cells as a day has at the default length.
const CHUNK_CELLS_MAX: u64 = 43_200;
/// Ten minutes between two lines are as good as silence.
const LINE_EVERY_S_MAX: u64 = 600;

/// All keys, in the order in which they are shown.
pub(crate) const KEYS: &[Key] = &[
    Key {
        name: "node.id",
        takes: Takes::Text,
        builtin: Builtin::Text(""),
        about: "Name of this node in records and reports: 1 to 63 of a-z, 0-9 and -. Empty: made from the host's name.",
        flag: None,
    },
    Key {
        name: "node.workers",
        takes: Takes::Number {
            min: 0,
            max: WORKERS_MAX,
        },
        builtin: Builtin::Number(0),
        about: "Tasks that run at a time, one core's worth each. 0: as many as the process may use cores. The output's bytes don't depend on it.",
        flag: Some("--workers"),
    },
    Key {
        name: "node.state_dir",
        takes: Takes::Text,
        builtin: Builtin::Text(""),
        about: "Where checkpoints, spooled work and the embedded store live; one process at a time. Empty: $XDG_STATE_HOME/reelmesh, else ~/.local/state/reelmesh.",
        flag: Some("--state-dir"),
    },
    Key {
        name: "store.url",
        takes: Takes::Text,
        builtin: Builtin::Text(""),
        about: "The object store with all decisions and finished units, as a file:// URL. Empty: embedded in the state directory.",
        flag: None,
    },
    Key {
        name: "transcode.ladder",
        takes: Takes::Text,
        builtin: Builtin::Text("default"),
        about: "The ladder: `default`, `fast`, or the path of a file in the same format as config/ladders/*.toml.",
        flag: Some("--ladder"),
    },
    Key {
        name: "transcode.package",
        takes: Takes::Choices(PACKAGES),
        builtin: Builtin::List(PACKAGES),
        about: "What is made of the encoded streams: `mp4` files, an `hls` stream.",
        flag: Some("--package"),
    },
    Key {
        name: "transcode.latency",
        takes: Takes::Choice(&["normal", "fast"]),
        builtin: Builtin::Text("normal"),
        about: "How much more work may be spent to be done sooner. `normal`: borders between chunks cost at most 3 % (5 % with a rate cap), so a short source may be one chunk. `fast`: up to 15 %, so that more workers share it. Part of the spec: other chunks are other bytes.",
        flag: Some("--latency"),
    },
    Key {
        name: "plan.cell_ms",
        takes: Takes::Number {
            min: 1,
            max: CELL_MS_MAX,
        },
        builtin: Builtin::Number(2000),
        about: "Length of a cell (from key frame to key frame) in milliseconds. Part of the spec: other cells are other bytes.",
        flag: None,
    },
    Key {
        name: "plan.cell_frames",
        takes: Takes::Number {
            min: 0,
            max: CELL_FRAMES_MAX,
        },
        builtin: Builtin::Number(0),
        about: "Length of a cell in frames, instead of plan.cell_ms; at variable rate, in frames of the mean rate. 0: by plan.cell_ms. Meant for tests.",
        flag: None,
    },
    Key {
        name: "plan.chunk_cells",
        takes: Takes::Number {
            min: 0,
            max: CHUNK_CELLS_MAX,
        },
        builtin: Builtin::Number(0),
        about: "Length of a chunk in cells, wherever the source can be cut there. 0: by cost. Meant for tests.",
        flag: None,
    },
    Key {
        name: "progress.line_every_s",
        takes: Takes::Number {
            min: 1,
            max: LINE_EVERY_S_MAX,
        },
        builtin: Builtin::Number(5),
        about: "Seconds between two lines of progress where the error stream is no terminal.",
        flag: None,
    },
    Key {
        name: "log.level",
        takes: Takes::Text,
        builtin: Builtin::Text("off"),
        about: "What is logged on the error stream: `off`, `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `warn,reelmesh_actors=debug`. Messages for people come in any case.",
        flag: None,
    },
];

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}
