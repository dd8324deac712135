//! The ladder: which renditions are asked for, and which of them a source gets.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::media_types::{AudioRendition, SourceFacts, VideoRendition};
use crate::spec::FieldError;

/// A ladder as somebody wrote it: nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LadderSpec {
    /// Adds a rung at the source's own size.
    pub fit_source: bool,
    /// The rungs, in any order.
    pub rungs: Vec<RungSpec>,
    /// How audio tracks are encoded.
    pub audio: AudioSpec,
}

/// One rung as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RungSpec {
    /// Its name in files and playlists: 1 to 32 of `a-z A-Z 0-9 _ -`, unique.
    pub name: String,
    /// Width in pixels of the box that the picture fits into (upright pictures: its height).
    pub width: u32,
    /// Height in pixels of that box (upright pictures: its width).
    pub height: u32,
    /// `ultrafast` … `veryslow`.
    pub preset: String,
    /// `baseline`, `main` or `high`.
    pub profile: String,
    /// Constant rate factor in hundredths.
    pub crf_hundredths: u32,
    /// Cap on the rate in bits per second.
    pub max_rate_bps: Option<u64>,
    /// Size of the decoder's buffer in milliseconds of the capped rate; needs the cap, default 2 000.
    pub buffer_ms: Option<u32>,
}

/// How audio is encoded, as somebody wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioSpec {
    /// Mean rate of a stereo track in bits per second; a mono track gets half.
    pub bitrate_bps: u32,
    /// Most channels: 1 or 2. Tracks with more are mixed down.
    pub channels: u8,
}

/// A ladder that can be used: rungs sorted from the largest box to the smallest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "LadderSpec", into = "LadderSpec")]
pub struct Ladder(LadderSpec);

impl TryFrom<LadderSpec> for Ladder {
    type Error = LadderErrors;

    fn try_from(_spec: LadderSpec) -> Result<Self, LadderErrors> {
        todo!()
    }
}

/// All that is wrong with a ladder, one entry a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderErrors(pub Vec<FieldError>);

impl core::fmt::Display for LadderErrors {
    fn fmt(&self, _f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        todo!()
    }
}

impl From<Ladder> for LadderSpec {
    fn from(ladder: Ladder) -> Self {
        ladder.0
    }
}

impl Ladder {
    /// The ladder as it was written.
    pub const fn spec(&self) -> &LadderSpec {
        &self.0
    }

    /// The video renditions that a source gets, largest first.
    pub fn video(&self, _facts: &SourceFacts) -> Vec<VideoRendition> {
        todo!()
    }

    /// The audio renditions, one for each track of the source, in its order.
    pub fn audio(&self, _facts: &SourceFacts) -> Vec<AudioRendition> {
        todo!()
    }
}
