//! Bounds for untrusted input: what a source may ask for before it is refused.

use reelmesh_domain::plan::Timeline;
use reelmesh_domain::rational::Rational;

use crate::error::MediaError;

/// The largest single allocation that FFmpeg may make, in bytes: a 16-bit 4:4:4 picture of
/// [`Limits::pixels`] pixels takes 400 MB.
pub const ALLOCATION_BYTES: usize = 512 << 20;

/// Bounds for one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may be read to find out what the source is.
    pub probe_bytes: u64,
    /// Streams of the container.
    pub streams: u32,
    /// Pixels of one picture.
    pub pixels: u64,
    /// Packets of the video stream: an hour at 240 frames a second, ten times.
    pub packets: u64,
    /// Seconds of output: a picture may stand for years by two numbers in a file, and sound is filled up to
    /// where it ends. The default is two days.
    pub duration_s: u64,
}

impl Limits {
    /// Lets a timeline pass that isn't too long.
    ///
    /// # Errors
    ///
    /// `LimitPassed`.
    pub fn admit(&self, timeline: &Timeline) -> Result<(), MediaError> {
        let seconds = timeline.duration_s().map(Rational::ceil);
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let value = seconds.unwrap_or(u64::MAX);
        if value <= self.duration_s {
            return Ok(());
        }
        Err(MediaError::LimitPassed {
            limit: "the length of the video in seconds",
            value,
            bound: self.duration_s,
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe_bytes: 32 << 20,
            streams: 256,
            pixels: 8192 * 8192,
            packets: 8_640_000,
            duration_s: 48 * 3_600,
        }
    }
}
