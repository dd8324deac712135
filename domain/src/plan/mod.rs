//! The plan: all that fixes the output bytes of a run.
//!
//! A pure function of the source's facts and timeline, the completed spec and the fingerprint. The
//! number of nodes and workers has no place in it.

mod cells;
mod chunks;
mod cost;
mod judge;
mod make;
mod rendition_costs;
mod revise;
mod tasks;
mod units;
mod windows;

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use serde::{Deserialize, Serialize};

use crate::ids::{PlanRevision, UnitId};
use crate::media_types::{
    AudioRendition, PacketMapping, PictureFilter, PlannedFrame, StartPoint, VideoRendition,
};
use crate::rational::Rational;

pub use make::{Inputs, Judged, MAX_UNITS, PlanError, Refutation};

/// The source's frames on one rising timeline, and where decoding can begin (design rule 5.0).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// Seconds per tick of `source_pts`.
    pub source_time_base: Rational,
    /// Whether the output runs at a constant rate.
    pub clock: OutputClock,
    /// All frames in order of presentation; never empty, both times strictly rising, the first at output time 0.
    pub frames: Vec<PlannedFrame>,
    /// Output time at which the last frame ends.
    pub end_pts: i64,
    /// Access points in order of presentation; never empty.
    pub access_points: Vec<AccessPoint>,
    /// How packet timestamps become continuous.
    pub mapping: PacketMapping,
    /// Raw dts of the first packet of the stream: the reference for unwrapping other streams.
    pub first_raw_dts: i64,
    /// Whether the frames were counted by decoding (else they are claimed by the packets).
    pub exact: bool,
    /// What was dropped, by reason.
    pub dropped: DroppedFrames,
}

/// Frames that the source has and the timeline hasn't.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedFrames {
    /// Before the first access point: they can't be decoded.
    pub before_first_access_point: u64,
    /// The later of two frames with the same presentation time; of exact frames also one that comes out of
    /// the decoder behind a later one (damage).
    pub equal_times: u64,
    /// Not shown, says the container.
    pub discarded: u64,
    /// Packets without any timestamp.
    pub without_time: u64,
}

/// The output's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputClock {
    /// Every frame lasts one tick of `1 / rate` seconds.
    Constant {
        /// Frames per second.
        rate: Rational,
    },
    /// Frames stand at ticks of 1/90 000 s.
    Variable,
}

/// Ticks per second of the output's timestamps at variable rate.
pub const VARIABLE_TICKS_PER_S: i64 = 90_000;

impl OutputClock {
    /// Seconds per tick.
    pub fn time_base(self) -> Rational {
        match self {
            Self::Constant { rate } => rate.inverse().unwrap_or(Rational::ONE),
            Self::Variable => Rational::new(1, VARIABLE_TICKS_PER_S).unwrap_or(Rational::ONE),
        }
    }
}

/// A packet from which decoding can begin, and the frame it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessPoint {
    /// Place of the first frame of the timeline that is shown at or after it.
    pub frame: u64,
    /// Where to find it.
    pub start: StartPoint,
}

/// The plan of a run, one revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Which revision this is.
    pub revision: PlanRevision,
    /// Hash of all versions and engine paths that the bytes depend on.
    pub fingerprint: String,
    /// The output's clock.
    pub clock: OutputClock,
    /// Frames of the timeline.
    pub frames: u64,
    /// Whether the timeline was counted by decoding: then a chunk that delivers other frames refutes
    /// its border, not the timeline.
    pub exact_frames: bool,
    /// Output time at which the last frame ends.
    pub end_pts: i64,
    /// The cells, in order; they tile the frames. Cells without frames don't exist.
    pub cells: Vec<Cell>,
    /// What is done to pictures before scaling.
    pub filter: PictureFilter,
    /// The video renditions, largest first.
    pub renditions: Vec<VideoRendition>,
    /// The audio renditions, each with its source stream.
    pub audio: Vec<PlannedAudio>,
    /// Which renditions share a decode: half-open ranges into `renditions` that tile them.
    pub groups: Vec<Range<u32>>,
    /// The chunks, in order; they tile the cells.
    pub chunks: Vec<Chunk>,
    /// The units, chunks first, each chunk's groups together, then audio.
    pub units: Vec<Unit>,
    /// How many consecutive cells one HLS segment holds.
    pub cells_per_segment: u32,
}

/// A key-frame interval of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    /// Places of its frames in the timeline; never empty.
    pub frames: Range<u64>,
    /// Output time of its first frame.
    pub start_pts: i64,
}

/// Contiguous whole cells, decoded and encoded by one task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its cells.
    pub cells: Range<u32>,
    /// Frames that it owns: `[T_a, T_b)`.
    pub own: Range<u64>,
    /// Frames fed to the encoder: lead-in, own, tail.
    pub feed: Range<u64>,
    /// Frames that the decoder delivers: a filter margin more on each side.
    pub deliver: Range<u64>,
    /// Place in the timeline's access points of the one where decoding begins.
    pub access_point: u32,
    /// How many borders inside it were refuted: it has swallowed that many times its neighbour.
    pub refutations: u32,
    /// Whole cells of lead-in; 0 is the usual number of frames.
    pub lead_in_cells: u32,
    /// Why the chunk ends where it does, for `plan`.
    pub border: BorderReason,
}

/// Why a chunk ends where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BorderReason {
    /// The cheapest place for a chunk of the wanted length.
    Cost,
    /// In the taper at the end, so that all workers end together.
    Taper,
    /// A border nearby was refuted and merged away.
    Merged,
    /// The source ends here.
    End,
}

/// An audio rendition and the stream it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedAudio {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Seconds per tick of the stream.
    pub time_base: Rational,
    /// The settings.
    pub rendition: AudioRendition,
}

/// Work that is committed as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// The hash of its definition.
    pub id: UnitId,
    /// What it is.
    pub kind: UnitKind,
    /// Estimated core-microseconds.
    pub cost_us: u64,
    /// Estimated peak memory in bytes.
    pub memory_bytes: u64,
}

/// What a unit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum UnitKind {
    /// A chunk for one decode group.
    Chunk {
        /// Place in the plan's chunks.
        chunk: u32,
        /// Place in the plan's groups.
        group: u32,
    },
    /// A whole audio track.
    Audio {
        /// Place in the plan's audio.
        track: u32,
    },
}

#[cfg(test)]
mod tests;
