//! The spec of a job: what the user asked for, every default written out.

use alloc::collections::BTreeSet;
use alloc::string::String;

use serde::{Deserialize, Serialize};

use crate::ladder::Ladder;
use crate::time::WallTime;

/// A field whose value can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// The field, as `rungs[2].crf`.
    pub field: String,
    /// What is wrong and what would be right, as a sentence without a full stop.
    pub reason: String,
}

/// What is made of the encoded streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Package {
    /// One progressive file a rendition.
    Mp4,
    /// One stream with all renditions.
    Hls,
}

/// How long a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CellLength {
    /// In milliseconds, at least 1; at constant rate the nearest whole number of frames, at least one.
    Milliseconds(u32),
    /// In frames, at least 1; at variable rate, that many mean frame durations.
    Frames(u32),
}

/// How long chunks may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChunkLength {
    /// As their fixed cost needs (design rule 5.9).
    ByCost,
    /// So many cells, wherever the source can be cut there; at least 1.
    Cells(u32),
}

/// All that the user asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The renditions.
    pub ladder: Ladder,
    /// The packages; never empty.
    pub packages: BTreeSet<Package>,
    /// Length of a cell.
    pub cell: CellLength,
    /// Length of a chunk.
    pub chunk: ChunkLength,
    /// Frames in thousandths that may be damaged before the job fails.
    pub damage_limit_permille: u32,
    /// Who submitted it.
    pub tenant: String,
    /// Its share against others; 100 is normal.
    pub weight: u32,
    /// When it should be done.
    pub deadline: Option<WallTime>,
}
