//! Lines of JSON for programs.

use reelmesh_actors::api::{Admission, JobEvent, JobProgress, JobSummary};
use serde::Serialize;

use super::view::JobView;

/// A submission that was taken.
#[derive(Debug, Serialize)]
pub(crate) struct Admitted<'a> {
    event: &'static str,
    input: &'a str,
    admission: &'a Admission,
}

impl<'a> Admitted<'a> {
    /// Of this input.
    pub(crate) const fn new(input: &'a str, admission: &'a Admission) -> Self {
        Self {
            event: "admitted",
            input,
            admission,
        }
    }
}

/// An event of a job.
#[derive(Debug, Serialize)]
pub(crate) struct Event<'a> {
    pub(crate) input: &'a str,
    #[serde(flatten)]
    pub(crate) event: &'a JobEvent,
}

/// The progress of a job.
#[derive(Debug, Serialize)]
pub(crate) struct Progress<'a> {
    event: &'static str,
    input: &'a str,
    speed: Option<f64>,
    left_s: Option<f64>,
    #[serde(flatten)]
    state: &'a JobProgress,
}

impl<'a> Progress<'a> {
    /// Of this job.
    pub(crate) fn new(view: &JobView<'a>, progress: &'a JobProgress) -> Self {
        Self {
            event: "progress",
            input: view.name,
            speed: view.speed,
            left_s: view.left.map(|left| left.as_secs_f64()),
            state: progress,
        }
    }
}

/// A job that is done.
#[derive(Debug, Serialize)]
pub(crate) struct Summary<'a> {
    event: &'static str,
    input: &'a str,
    #[serde(flatten)]
    made: &'a JobSummary,
}

impl<'a> Summary<'a> {
    /// Of this job.
    pub(crate) const fn new(input: &'a str, summary: &'a JobSummary) -> Self {
        Self {
            event: "done",
            input,
            made: summary,
        }
    }
}
