//! How a running task is watched and stopped.

/// Watches and stops a task. Called between packets, from the task's thread: must be quick.
pub trait Control: Send + Sync {
    /// Whether the task must stop: it then ends with [`crate::error::MediaError::Cancelled`] soon
    /// (between two packets), without finishing what it began.
    fn cancelled(&self) -> bool;

    /// What is done so far, in own frames (audio: samples; scan: bytes). Never falls within an attempt.
    fn progress(&self, done: u64);
}

/// Never stops a task and doesn't watch it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Control for Unattended {
    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, _done: u64) {}
}
