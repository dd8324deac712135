//! What runs a task: a trait, so that tasks may run on threads, in processes, or not at all in tests.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reelmesh_domain::media_types::{AudioReport, AudioTask, ChunkReport, ChunkTask};
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::{ByteSource, FragmentSink};

/// What one attempt does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
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
            Self::Audio(_) => 1,
        }
    }

    /// Own frames (audio: samples up to the end of the video) that progress counts to.
    pub fn total(&self) -> u64 {
        match self {
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
}

/// Runs tasks by `reelmesh-media`, in this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct MediaEngine;

impl Engine for MediaEngine {
    fn run(
        &self,
        _task: &Task,
        _source: Arc<dyn ByteSource>,
        _sink: &mut dyn FragmentSink,
        _control: &dyn Control,
    ) -> Result<TaskReport, MediaError> {
        todo!()
    }
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

    /// Own frames (audio: samples) done so far.
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
