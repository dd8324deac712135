//! HLS (RFC 8216): playlists for segments that are whole fragments.
//!
//! Layout below the package's folder: `multivariant.m3u8`; for each track `<name>/media.m3u8`,
//! `<name>/init.mp4`, `<name>/00001.m4s` and so on; for each video track `<name>/iframes.m3u8`.

use crate::error::MediaError;
use crate::package::{FragmentReader, Track};

/// One text or small file of the package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsFile {
    /// Path below the package's folder.
    pub path: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// One segment: whole fragments, one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsSegment {
    /// Path below the package's folder.
    pub path: String,
    /// Place of its track.
    pub track: usize,
    /// Its fragments: places in the track, half open.
    pub fragments: std::ops::Range<usize>,
}

/// All files of an HLS package: segments are to be written first, then `inits`, then `playlists` in order
/// (the multivariant playlist is the last).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HlsPackage {
    /// The segments of all tracks.
    pub segments: Vec<HlsSegment>,
    /// The init segments.
    pub inits: Vec<HlsFile>,
    /// The playlists.
    pub playlists: Vec<HlsFile>,
}

/// Lays out the package of these tracks (video tracks first, largest first; then audio tracks).
/// `cells_per_segment` fragments make a segment. The reader is asked for the heads of video fragments,
/// for the I-frame playlists.
///
/// # Errors
///
/// A bug if the tracks don't fit; `Io` from the reader.
pub fn hls_package(
    _tracks: &[Track],
    _cells_per_segment: u32,
    _reader: &mut dyn FragmentReader,
) -> Result<HlsPackage, MediaError> {
    todo!()
}
