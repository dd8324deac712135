//! The ladder: which renditions are asked for, and which of them a source gets.

mod audio;
mod check;
pub(crate) mod presets;
mod video;

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::media_types::{AudioRendition, SourceFacts, VideoRendition};
use crate::spec::FieldError;

/// Name of the rung that [`LadderSpec::fit_source`] adds, where no other has the source's size.
pub const SOURCE_RUNG: &str = "source";

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

    fn try_from(mut spec: LadderSpec) -> Result<Self, LadderErrors> {
        let errors = check::errors(&spec);
        if !errors.is_empty() {
            return Err(LadderErrors(errors));
        }
        // Stable: rungs with equal boxes stay as they were written.
        spec.rungs
            .sort_by_key(|rung| core::cmp::Reverse(u64::from(rung.width) * u64::from(rung.height)));
        Ok(Self(spec))
    }
}

/// All that is wrong with a ladder, one entry a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LadderErrors(pub Vec<FieldError>);

impl core::fmt::Display for LadderErrors {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}{}: {}", error.field, error.reason)?;
        }
        Ok(())
    }
}

impl core::error::Error for LadderErrors {}

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
    pub fn video(&self, facts: &SourceFacts) -> Vec<VideoRendition> {
        video::renditions(&self.0, facts)
    }

    /// The audio renditions, one for each track of the source, in its order.
    pub fn audio(&self, facts: &SourceFacts) -> Vec<AudioRendition> {
        audio::renditions(&self.0.audio, facts)
    }
}

#[cfg(test)]
mod tests;
