//! Packages fragments as progressive MP4 and as HLS. Nothing is encoded again, and memory doesn't grow
//! with the length of the output beyond its sample tables.

pub mod hls;
pub mod init;
mod moov;
pub mod mp4;
mod tables;
#[cfg(test)]
pub(crate) mod testing;

use std::io;

use reelmesh_domain::media_types::{Color, FragmentInfo};
use reelmesh_domain::rational::Rational;

use crate::error::MediaError;
use crate::fragment::Fragment;

/// One whole track, as the commits of its units describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    /// Its name in files and playlists.
    pub name: String,
    /// What kind of track it is.
    pub media: TrackMedia,
    /// Seconds per tick of the *output's* clock: [`crate::fragment::TrackClock`] makes the track's ticks of it
    /// (audio: one over the sample rate).
    pub time_base: Rational,
    /// The `avcC` payload, or the `AudioSpecificConfig`.
    pub codec_config: Vec<u8>,
    /// Where presentation begins in the track's time: `D` of video, priming samples of audio (ticks of the
    /// track); the edit list takes it off.
    pub media_time: i64,
    /// Length of the presentation in ticks of the track, without what the edit list takes off.
    pub duration: i64,
    /// All fragments in order.
    pub fragments: Vec<FragmentInfo>,
}

/// What is particular to video or audio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackMedia {
    /// H.264.
    Video {
        /// Width in pixels; pixels are square.
        width: u32,
        /// Height in pixels.
        height: u32,
        /// The most frames per second.
        frame_rate: Rational,
        /// Colour description.
        color: Color,
    },
    /// AAC-LC.
    Audio {
        /// Samples per second.
        sample_rate_hz: u32,
        /// Channels.
        channels: u8,
        /// Mean rate asked for.
        bitrate_bps: u32,
        /// ISO 639-2 code, if known.
        language: Option<String>,
        /// Title, if known.
        title: Option<String>,
        /// The track that players begin with.
        default: bool,
    },
}

/// Hands out the fragments' bytes. Called in the order in which the bytes are needed; may block.
pub trait FragmentReader {
    /// Replaces what is in `buffer` by the `fragment`-th fragment (from 0) of a track.
    ///
    /// # Errors
    ///
    /// Any error ends the packaging; its kind decides the class.
    fn read(&mut self, track: &Track, fragment: usize, buffer: &mut Vec<u8>) -> io::Result<()>;
}

fn broken(rule: impl Into<String>) -> MediaError {
    MediaError::Bug { rule: rule.into() }
}

/// A fragment must be what its unit's commit says.
fn check_fragment(
    track: &Track,
    info: &FragmentInfo,
    fragment: &Fragment,
) -> Result<(), MediaError> {
    let found = FragmentInfo {
        sequence: fragment.sequence,
        decode_time: fragment.decode_time,
        duration: fragment.duration(),
        samples: u32::try_from(fragment.samples.len()).unwrap_or(u32::MAX),
        bytes: u32::try_from(fragment.bytes()).unwrap_or(u32::MAX),
    };
    if found == *info {
        Ok(())
    } else {
        Err(broken(format!(
            "a fragment of track {} is as recorded, got {found:?} for {info:?}",
            track.name
        )))
    }
}
