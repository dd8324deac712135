//! A node: the supervised tree of actors, as one handle.

use std::sync::Arc;

use crate::api::{JobError, NodeConfig, StartError, StopMode, Submission};
use crate::engine::Engine;
use crate::job_handle::JobHandle;

/// A running node.
#[derive(Debug)]
pub struct Node {}

impl Node {
    /// Starts a node: locks the state directory, opens checkpoints and store, takes up what is due
    /// (sweeps), starts the actors. `engine` runs the tasks; [`crate::engine::MediaEngine`] is the real one.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(_config: NodeConfig, _engine: Arc<dyn Engine>) -> Result<Self, StartError> {
        todo!()
    }

    /// Submits a job, or finds the one that the same submission made before. Returns when the
    /// submission is acknowledged: spec, key and open record stand in the store, the output place is tried
    /// and claimed. Jobs run in the order of their submission.
    ///
    /// # Errors
    ///
    /// See [`JobError`].
    pub async fn submit(&self, _submission: Submission) -> Result<JobHandle, JobError> {
        todo!()
    }

    /// Stops the node. Jobs that haven't ended end as [`JobError::Stopped`] for those who wait.
    pub async fn stop(self, _mode: StopMode) {
        todo!()
    }
}
