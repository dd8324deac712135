//! What a node would hate to do again, kept on its own disk: never the truth, which the store holds.
//!
//! Losing checkpoints costs work, so an implementation rather forgets a value than returns a wrong
//! one, and rather begins empty than doesn't begin.

use std::fmt::Debug;

pub mod memory;
pub mod sled_db;
#[cfg(test)]
mod tests;

/// A small ordered map on disk. All functions may block for the time of a disk access.
///
/// Keys are text, segments divided by `/`; values are bytes. What was put before a successful
/// [`flush`](Self::flush) outlives the process; a power cut may take the last seconds.
pub trait Checkpoints: Debug + Send + Sync {
    /// The value of a key. A value that was damaged is forgotten and reads as `None`.
    ///
    /// # Errors
    ///
    /// What the disk answers.
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CheckpointError>;

    /// Puts a value, replacing an old one.
    ///
    /// # Errors
    ///
    /// What the disk answers; the old value then stands or is forgotten.
    fn put(&self, key: &str, value: &[u8]) -> Result<(), CheckpointError>;

    /// Removes a key; an absent one is fine.
    ///
    /// # Errors
    ///
    /// What the disk answers.
    fn delete(&self, key: &str) -> Result<(), CheckpointError>;

    /// All keys that begin with `prefix`, in order, with their values; damaged ones are left out.
    ///
    /// # Errors
    ///
    /// What the disk answers.
    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, CheckpointError>;

    /// Returns when all that was put or deleted before outlives this process.
    ///
    /// # Errors
    ///
    /// What the disk answers.
    fn flush(&self) -> Result<(), CheckpointError>;
}

/// Why checkpoints couldn't be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{what} checkpoints: {answer}")]
pub struct CheckpointError {
    /// `opening`, `reading`, `writing`, ...
    pub what: &'static str,
    /// What the library or the disk answered.
    pub answer: String,
}
