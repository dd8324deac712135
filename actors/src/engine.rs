//! What runs a task: a trait, so that tasks may run on threads, in processes, or not at all in tests.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reelmesh_domain::fingerprint::Fingerprint;
use reelmesh_domain::media_types::{AudioReport, AudioTask, ChunkReport, ChunkTask};
use reelmesh_domain::plan::Timeline;
use reelmesh_domain::store::records::Scanned;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::{ByteSource, FragmentSink};
use reelmesh_media::limits::Limits;

/// What one attempt does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Probe and scan: what the plan is made of. `bytes` is the source's length.
    Scan {
        /// What progress counts to.
        bytes: u64,
    },
    /// A chunk for one decode group.
    Chunk(Box<ChunkTask>),
    /// A whole audio track.
    Audio(Box<AudioTask>),
}

impl Task {
    /// Tracks that the task makes.
    pub fn tracks(&self) -> usize {
        match self {
            Self::Chunk(chunk) => chunk.renditions.len(),
            Self::Scan { .. } | Self::Audio(_) => 1,
        }
    }

    /// Own frames (audio: samples up to the end of the video; scan: bytes) that progress counts to.
    pub fn total(&self) -> u64 {
        match self {
            Self::Scan { bytes } => *bytes,
            Self::Chunk(chunk) => u64::from(chunk.own_end.saturating_sub(chunk.own_start)),
            Self::Audio(audio) => audio
                .cell_ends
                .last()
                .map_or(0, |&end| u64::try_from(end).unwrap_or(0)),
        }
    }
}

/// What an attempt found and made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskReport {
    /// Of a scan. The worker spools it as the only fragment of the attempt.
    Scan(Box<Scanned>),
    /// Of a chunk.
    Chunk(Box<ChunkReport>),
    /// Of an audio track.
    Audio(Box<AudioReport>),
}

/// Runs tasks. Called on a thread of its own for each worker, never on an asynchronous one.
pub trait Engine: Debug + Send + Sync {
    /// Runs one task to its end. A panic is caught by the caller and counts as a crash.
    ///
    /// # Errors
    ///
    /// Why it ended without a report; what the sink was given is then worthless.
    fn run(
        &self,
        task: &Task,
        source: Arc<dyn ByteSource>,
        sink: &mut dyn FragmentSink,
        control: &dyn Control,
    ) -> Result<TaskReport, MediaError>;

    /// Decodes the whole video and lists the frames that come out: their continuous source times. Blocks
    /// for as long as that takes.
    ///
    /// # Errors
    ///
    /// Why it ended without a list. An engine that never refutes a frame list needn't have this.
    fn exact_frames(
        &self,
        _scanned: &Scanned,
        _source: Arc<dyn ByteSource>,
        _control: &dyn Control,
    ) -> Result<Vec<i64>, MediaError> {
        Err(MediaError::Bug {
            rule: "this engine counts no frames by decoding".to_owned(),
        })
    }

    /// What the bytes that this engine makes depend on. Blocks for some hundred milliseconds.
    ///
    /// # Errors
    ///
    /// A bug if a path that must be there isn't.
    fn fingerprint(&self) -> Result<Fingerprint, MediaError> {
        Ok(Fingerprint::default())
    }

    /// A text that is another one whenever [`Self::fingerprint`] could be; under it the node remembers the
    /// fingerprint, so that a start costs nothing. `None`: it is made at each start.
    fn fingerprint_depends_on(&self) -> Option<String> {
        None
    }
}

/// Runs tasks by `reelmesh-media`, in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaEngine;

impl Engine for MediaEngine {
    fn run(
        &self,
        task: &Task,
        source: Arc<dyn ByteSource>,
        sink: &mut dyn FragmentSink,
        control: &dyn Control,
    ) -> Result<TaskReport, MediaError> {
        let limits = Limits::default();
        match task {
            Task::Scan { .. } => scan(&source, &limits, control),
            Task::Chunk(chunk) => {
                reelmesh_media::chunk::run_chunk(chunk, source, &limits, sink, control)
                    .map(|report| TaskReport::Chunk(Box::new(report)))
            }
            Task::Audio(audio) => {
                reelmesh_media::audio::run_audio(audio, source, &limits, sink, control)
                    .map(|report| TaskReport::Audio(Box::new(report)))
            }
        }
    }

    fn exact_frames(
        &self,
        scanned: &Scanned,
        source: Arc<dyn ByteSource>,
        control: &dyn Control,
    ) -> Result<Vec<i64>, MediaError> {
        let Scanned { facts, timeline } = scanned;
        let limits = Limits::default();
        reelmesh_media::scan::exact_frames(source, facts, timeline, &limits, control)
    }

    fn fingerprint(&self) -> Result<Fingerprint, MediaError> {
        reelmesh_media::golden::fingerprint()
    }

    fn fingerprint_depends_on(&self) -> Option<String> {
        crate::machine::identity()
    }
}

fn scan(
    source: &Arc<dyn ByteSource>,
    limits: &Limits,
    control: &dyn Control,
) -> Result<TaskReport, MediaError> {
    let facts = reelmesh_media::probe::probe(Arc::clone(source), limits, control)?;
    let scan = reelmesh_media::scan::scan(Arc::clone(source), &facts, limits, control)?;
    let timeline = Timeline::from_scan(&scan, &facts.video, facts.container).map_err(|error| {
        MediaError::Unreadable {
            what: error.to_string(),
        }
    })?;
    limits.admit(&timeline)?;
    Ok(TaskReport::Scan(Box::new(Scanned { facts, timeline })))
}

/// How far a running attempt is, and whether it shall stop; shared between its thread and the actors.
#[derive(Debug, Default)]
pub struct Watch {
    cancelled: AtomicBool,
    done: AtomicU64,
}

impl Watch {
    /// Asks the attempt to stop between two packets.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Own frames (audio: samples; scan: bytes) done so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }
}

impl Control for Watch {
    fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn progress(&self, done: u64) {
        self.done.fetch_max(done, Ordering::Relaxed);
    }
}
