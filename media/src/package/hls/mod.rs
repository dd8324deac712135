//! HLS (RFC 8216): playlists for segments that are whole fragments.
//!
//! Layout below the package's folder: `multivariant.m3u8`; for each track `<name>/media.m3u8`,
//! `<name>/init.mp4`, `<name>/00001.m4s` and so on; for each video track `<name>/iframes.m3u8`.

mod layout;
mod names;
mod playlists;
#[cfg(test)]
mod tests;

use crate::error::MediaError;
use crate::package::{FragmentReader, Track, broken, init};

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
/// Segments of different tracks end with the same cells. Sound that goes on a little behind the last
/// picture joins its last segment.
///
/// # Errors
///
/// A bug if the tracks don't fit; `Io` from the reader.
pub fn hls_package(
    tracks: &[Track],
    cells_per_segment: u32,
    reader: &mut dyn FragmentReader,
) -> Result<HlsPackage, MediaError> {
    check(tracks, cells_per_segment)?;
    let laid_out = layout::lay_out(tracks, cells_per_segment, reader)?;
    let target_s = layout::target_duration_s(&laid_out);
    let file = |path: String, text: String| HlsFile {
        path,
        bytes: text.into_bytes(),
    };
    let mut package = HlsPackage {
        segments: Vec::new(),
        inits: Vec::new(),
        playlists: Vec::new(),
    };
    for (place, (track, layout)) in tracks.iter().zip(&laid_out).enumerate() {
        let name = &track.name;
        package.inits.push(HlsFile {
            path: format!("{name}/init.mp4"),
            bytes: init::init_segment(track)?,
        });
        for segment in &layout.segments {
            package.segments.push(HlsSegment {
                path: format!("{name}/{}", segment.file),
                track: place,
                fragments: segment.fragments.clone(),
            });
        }
        let media = playlists::media(layout, target_s);
        package
            .playlists
            .push(file(format!("{name}/media.m3u8"), media));
        if !layout.keys.is_empty() {
            let keys = playlists::key_frames(layout);
            package
                .playlists
                .push(file(format!("{name}/iframes.m3u8"), keys));
        }
    }
    let multivariant = playlists::multivariant(tracks, &laid_out, target_s)?;
    package
        .playlists
        .push(file("multivariant.m3u8".to_owned(), multivariant));
    Ok(package)
}

fn check(tracks: &[Track], cells_per_segment: u32) -> Result<(), MediaError> {
    if cells_per_segment == 0 || tracks.is_empty() {
        return Err(broken("an HLS package has tracks, and cells in segments"));
    }
    for (place, track) in tracks.iter().enumerate() {
        let name = &track.name;
        let plain = !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain || tracks[..place].iter().any(|other| other.name == *name) {
            return Err(broken(format!(
                "names of tracks are plain and stand once, got {name:?}"
            )));
        }
        if track.fragments.is_empty() {
            return Err(broken(format!("track {name} has fragments")));
        }
    }
    Ok(())
}
