//! Checks a finished output place against what its report says: file hashes, samples cell by cell,
//! playlists against segments, and a full decode.
//!
//! What is read here is untrusted: damage is a [`Finding`], never a panic, and no length in a file
//! makes us allocate more than a named bound.

mod check;
pub mod hls;
pub mod mp4;

use std::path::Path;

use crate::control::Control;
use crate::error::MediaError;

/// What an output place must hold, as its report says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// All renditions: video first, largest first, then audio.
    pub tracks: Vec<ExpectedTrack>,
    /// The progressive files.
    pub mp4s: Vec<ExpectedMp4>,
    /// Folder of the HLS package below the output place, which holds all tracks.
    pub hls: Option<String>,
    /// Every file with its size and hash.
    pub files: Vec<ExpectedFile>,
}

/// Video or audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrackKind {
    /// H.264 pictures.
    Video,
    /// AAC sound.
    Audio,
}

/// One rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedTrack {
    /// Its name in files and playlists.
    pub name: String,
    /// Video or audio.
    pub kind: TrackKind,
    /// Frames of video, samples of audio without priming.
    pub frames: u64,
    /// RFC 6381 codec string.
    pub codec: String,
    /// BLAKE3 (hex) of each fragment's payload, in order.
    pub fragment_hashes: Vec<String>,
    /// Coded samples (pictures, AAC frames) in each fragment.
    pub fragment_samples: Vec<u32>,
}

/// One progressive file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedMp4 {
    /// Path below the output place.
    pub path: String,
    /// Its tracks in order: places in [`Expected::tracks`].
    pub tracks: Vec<usize>,
}

/// One file as the report lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Path below the output place.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 (hex) of its bytes.
    pub blake3: String,
}

/// Something that isn't as the report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path below the output place.
    pub file: String,
    /// What isn't so, as a sentence for people, naming track and cell where there is one.
    pub what: String,
    /// The first frame of the rendition (audio: AAC frame) that is touched, if known.
    pub frame: Option<u64>,
}

/// Checks everything: sizes and hashes of all files; samples of MP4 and HLS against the fragments'
/// hashes; playlists against segments; a full decode of every rendition in every package. Progress is
/// in frames (audio: AAC frames) decoded. An empty answer means that all is as reported.
///
/// # Errors
///
/// Cancelled, or FFmpeg out of memory. What is wrong with the files is in the findings.
pub fn verify_output(
    place: &Path,
    expected: &Expected,
    control: &dyn Control,
) -> Result<Vec<Finding>, MediaError> {
    check::Checker::new(place, expected, control).run()
}

/// Whether a path from a report or playlist names something below its folder, and nothing else.
fn is_below(path: &str) -> bool {
    let plain = |part: &str| {
        !matches!(part, "" | "." | "..")
            && part
                .chars()
                .all(|c| !c.is_control() && !matches!(c, '\\' | ':' | '?' | '#' | '%' | '"'))
    };
    path.split('/').all(plain)
}
