//! What callers of a node say and hear: configuration, submissions, progress, events, results.

use std::num::NonZeroU32;
use std::path::PathBuf;

use reelmesh_domain::ids::{AttemptNumber, JobId, NodeId, RunNumber, UnitId, WorkerSlot};
use reelmesh_domain::spec::Spec;
use serde::Serialize;

/// How a node is started.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Where checkpoints and spooled work live; created if absent. One process at a time uses it.
    pub state_dir: PathBuf,
    /// The object store as a URL; `None` is `file://<state_dir>/store`. Other schemes are refused by name.
    pub store_url: Option<String>,
    /// How many tasks run at a time, one core's worth each.
    pub workers: NonZeroU32,
    /// The node's name in records and reports.
    pub node_id: NodeId,
}

/// One job to be done.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The source: an absolute path of a local file.
    pub source: PathBuf,
    /// The output place of this job (`<out>/<stem>`): an absolute path of a directory, created if absent.
    pub output: PathBuf,
    /// What to make of it.
    pub spec: Spec,
    /// Begin anew: an open job of the same submission is cancelled, an ended one isn't taken for this.
    pub fresh: bool,
}

/// What the node did with a submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// A new job.
    New,
    /// An open job of the same submission goes on.
    Resumed,
    /// All outputs of the same submission are there, with their hashes: nothing is to be done.
    AlreadyDone,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Waits for its turn.
    #[default]
    Queued,
    /// The source is probed and scanned, the plan is made.
    Scan,
    /// Units are encoded and committed.
    Encode,
    /// Files are assembled from committed units.
    Assemble,
    /// Manifests and the report are put in place.
    Publish,
    /// Ended; the outcome is known.
    Ended,
}

/// All that a progress display shows of one job; a later one replaces an earlier one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct JobProgress {
    /// Where the job stands.
    pub phase: Phase,
    /// Bytes scanned so far, of `scan_bytes`.
    pub scanned_bytes: u64,
    /// Length of the source in bytes; 0 until known.
    pub scan_bytes: u64,
    /// Frames of the timeline; 0 until the plan is known.
    pub frames_total: u64,
    /// Frames of committed chunks and of what workers have done of theirs, averaged over decode groups.
    pub frames_done: u64,
    /// The same of committed chunks only.
    pub frames_committed: u64,
    /// Estimated core-microseconds of all units; 0 until the plan is known.
    pub cost_total_us: u64,
    /// The same of what is committed or, in part, done by workers.
    pub cost_done_us: u64,
    /// Units of the newest plan.
    pub units_total: u32,
    /// Units committed.
    pub units_committed: u32,
    /// Units that were committed before this node took the job up: "212 of 340 units kept".
    pub units_kept: u32,
    /// Plan revisions after the first.
    pub replans: u32,
    /// Bytes of output files written so far.
    pub assembled_bytes: u64,
    /// What each worker does for this job, by slot.
    pub workers: Vec<WorkerProgress>,
}

/// What one worker does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkerProgress {
    /// The worker.
    pub slot: WorkerSlot,
    /// The unit it works on.
    pub unit: UnitId,
    /// The unit for people, such as `chunk 12` or `audio-1-eng`.
    pub label: String,
    /// Which try this is.
    pub attempt: AttemptNumber,
    /// Frames (audio: samples) done.
    pub done: u64,
    /// Frames (audio: samples, 0 if unknown) in all.
    pub total: u64,
}

/// Something that happened to a job. State is read from [`JobProgress`]; events are for lines and logs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum JobEvent {
    /// The submission was taken.
    Admitted {
        /// How.
        admission: Admission,
        /// The run that is worked on.
        run: RunNumber,
    },
    /// The job entered a phase.
    PhaseBegan {
        /// Which.
        phase: Phase,
    },
    /// A plan revision is decided.
    Planned {
        /// Which revision.
        revision: u32,
        /// Its chunks.
        chunks: u32,
        /// Its units.
        units: u32,
        /// Of these, committed already.
        kept: u32,
        /// Frames of the timeline.
        frames: u64,
        /// Why, if it isn't the first.
        reason: Option<String>,
    },
    /// A worker began an attempt.
    AttemptBegan {
        /// The unit.
        unit: UnitId,
        /// For people.
        label: String,
        /// Which try.
        attempt: AttemptNumber,
        /// By whom.
        worker: WorkerSlot,
    },
    /// An attempt ended.
    AttemptEnded {
        /// The unit.
        unit: UnitId,
        /// For people.
        label: String,
        /// Which try.
        attempt: AttemptNumber,
        /// `committed`, `lost`, `failed`, `crashed` or `cancelled`.
        status: String,
        /// What went wrong, if something did.
        error: Option<String>,
    },
    /// Something that the user should know and that doesn't end the job.
    Warning {
        /// As a sentence.
        message: String,
    },
    /// The job ended.
    Ended {
        /// `done`, `failed`, `cancelled`.
        outcome: String,
    },
}

/// A job that is done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobSummary {
    /// The job.
    pub job: JobId,
    /// The run that delivered.
    pub run: RunNumber,
    /// Whether it was new, resumed or already done.
    pub admission: Admission,
    /// Where the outputs are.
    pub output: PathBuf,
    /// The files in it, by relative path, with length in bytes.
    pub files: Vec<(String, u64)>,
    /// Frames of each rendition.
    pub frames: u64,
    /// Units of the last plan.
    pub units_total: u32,
    /// Of these, committed before this node took the job up.
    pub units_kept: u32,
    /// Things that the user should know.
    pub warnings: Vec<String>,
}

/// Why a submission was refused or a job didn't deliver, by what the caller can do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The input can't be read or is out of scope; another input is needed (exit code 3).
    #[error("{file}: {reason}")]
    Input {
        /// The source.
        file: String,
        /// What is the matter with it.
        fault: InputFault,
        /// Why.
        reason: String,
    },
    /// The output place can't be used: not writable, or claimed by another job.
    #[error("output place {place}: {reason}")]
    OutputPlace {
        /// The directory.
        place: String,
        /// Why.
        reason: String,
    },
    /// The run failed; the evidence is what FFmpeg, the operating system or the store said.
    #[error("{what}")]
    Failed {
        /// What failed, with unit, attempt, worker and file.
        what: String,
        /// The last log lines and answers.
        evidence: Vec<String>,
        /// Whether somebody must look at it before a retry makes sense.
        needs_attention: bool,
    },
    /// The store or the state directory can't be used.
    #[error("{what}")]
    Storage {
        /// What was tried and what it answered.
        what: String,
    },
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The node stopped before the job ended; the same submission goes on from what is committed.
    #[error("the node stopped; the same command goes on")]
    Stopped,
}

/// What is the matter with an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputFault {
    /// It isn't there, may not be read, or its bytes are no video.
    Unreadable,
    /// It can be read, but isn't what reelmesh takes, or passes a bound.
    OutOfScope,
}

/// How a node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopMode {
    /// Running attempts are given up between two packets, what is spooled is committed, all is closed.
    Clean,
    /// Nothing is awaited; what isn't committed is lost, as after `kill -9`.
    Now,
}

/// Why a node doesn't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process uses the state directory.
    #[error("the state directory {dir} is in use by {holder}")]
    InUse {
        /// The directory.
        dir: String,
        /// `process 1234`, or `another process`.
        holder: String,
    },
    /// The URL's scheme isn't supported yet.
    #[error("the store's scheme `{scheme}` isn't supported yet: use a file:// URL")]
    Scheme {
        /// As given.
        scheme: String,
    },
    /// A directory or file can't be made or opened.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// The store answers in a way that it can't be trusted with decisions.
    #[error("the store can't be used: {reason}")]
    Store {
        /// Why.
        reason: String,
    },
    /// An actor didn't start.
    #[error("the node's actors didn't start: {reason}")]
    Actors {
        /// Why.
        reason: String,
    },
}
