//! What can go wrong in the engine, by class.

/// Why a task, a probe or a scan ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Reading the source or handing over a fragment failed; trying again may help.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the source or sink answered.
        source: std::io::Error,
    },
    /// The source is no media file that can be read; trying again won't help.
    #[error("{what}")]
    Unreadable {
        /// What is wrong with it, with FFmpeg's last log lines.
        what: String,
    },
    /// The source can be read and is out of scope; trying again won't help.
    #[error("{what}")]
    OutOfScope {
        /// Which stream has what property, and what would be in scope.
        what: String,
    },
    /// One of the bounds for untrusted input is passed; trying again won't help.
    #[error("{limit} is {value}, the limit is {bound}")]
    LimitPassed {
        /// Name of the limit.
        limit: &'static str,
        /// What the source asks for.
        value: u64,
        /// What is allowed.
        bound: u64,
    },
    /// The caller asked the task to stop.
    #[error("cancelled")]
    Cancelled,
    /// The engine broke one of its own rules: a bug in reelmesh or a library.
    #[error("the media engine broke its own rule: {rule}")]
    Bug {
        /// Which rule, with the values seen.
        rule: String,
    },
}
