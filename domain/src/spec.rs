//! The spec of a job: what the user asked for, every default written out.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

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

/// How much more work may be spent to be done sooner (design rule 5.9): matters for chunks cut by cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Latency {
    /// Borders cost at most 3 % of the work, 5 % with a rate cap.
    Normal,
    /// Up to 15 %: more and shorter chunks, so that more workers share a short source.
    Fast,
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
    /// How much borders may cost.
    pub latency: Latency,
    /// Frames in thousandths that may be damaged before the job fails.
    pub damage_limit_permille: u32,
    /// Who submitted it.
    pub tenant: String,
    /// Its share against others; 100 is normal.
    pub weight: u32,
    /// When it should be done.
    pub deadline: Option<WallTime>,
}

/// Milliseconds of a cell: from one frame at any rate to what a player may have to wait for a key.
const CELL_MS: RangeInclusive<u32> = 1..=60_000;
/// Frames of a cell: a minute at 60/s.
const CELL_FRAMES: RangeInclusive<u32> = 1..=3_600;
/// Thousandths.
const PERMILLE: RangeInclusive<u32> = 0..=1_000;
/// Shares against others; 100 is normal.
const WEIGHT: RangeInclusive<u32> = 1..=10_000;
/// Bytes of a tenant's name.
const TENANT_BYTES: RangeInclusive<usize> = 1..=64;

impl Spec {
    /// All that can't be used, one entry a field; the ladder was checked when it was made.
    pub fn errors(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut add = |field: &str, reason: String| {
            let field = field.to_owned();
            errors.push(FieldError { field, reason });
        };
        if self.packages.is_empty() {
            add(
                "packages",
                "nothing is asked for; give mp4, hls or both".to_owned(),
            );
        }
        let mut within = |field: &str, value: u32, range: RangeInclusive<u32>| {
            if !range.contains(&value) {
                let (least, most) = range.into_inner();
                let reason = format!("{value} is out of range; give {least} to {most}");
                add(field, reason);
            }
        };
        match self.cell {
            CellLength::Milliseconds(ms) => within("cell", ms, CELL_MS),
            CellLength::Frames(frames) => within("cell", frames, CELL_FRAMES),
        }
        if let ChunkLength::Cells(cells) = self.chunk {
            within("chunk", cells, 1..=u32::MAX);
        }
        within(
            "damage_limit_permille",
            self.damage_limit_permille,
            PERMILLE,
        );
        within("weight", self.weight, WEIGHT);
        if !TENANT_BYTES.contains(&self.tenant.len()) {
            let (least, most) = TENANT_BYTES.into_inner();
            add(
                "tenant",
                format!("a tenant's name has {least} to {most} bytes"),
            );
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::ladder::{AudioSpec, LadderSpec};

    fn usable() -> Spec {
        let ladder = LadderSpec {
            fit_source: true,
            rungs: Vec::new(),
            audio: AudioSpec {
                bitrate_bps: 128_000,
                channels: 2,
            },
        };
        Spec {
            ladder: Ladder::try_from(ladder).unwrap(),
            packages: BTreeSet::from([Package::Mp4]),
            cell: CellLength::Milliseconds(2_000),
            chunk: ChunkLength::ByCost,
            latency: Latency::Normal,
            damage_limit_permille: 50,
            tenant: "default".to_owned(),
            weight: 100,
            deadline: None,
        }
    }

    /// All fields that can't be used are named at once, and a usable spec has none.
    #[test]
    fn all_wrong_fields_come_at_once() {
        assert_eq!(usable().errors(), vec![]);
        let wrong = Spec {
            packages: BTreeSet::new(),
            cell: CellLength::Frames(0),
            chunk: ChunkLength::Cells(0),
            latency: Latency::Normal,
            damage_limit_permille: 1_001,
            tenant: String::new(),
            weight: 0,
            ..usable()
        };
        let fields: Vec<String> = wrong.errors().into_iter().map(|one| one.field).collect();
        let wanted = [
            "packages",
            "cell",
            "chunk",
            "damage_limit_permille",
            "weight",
            "tenant",
        ];
        assert_eq!(fields, wanted);
    }
}
