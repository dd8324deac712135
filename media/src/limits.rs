//! Bounds for untrusted input: what a source may ask for before it is refused.

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
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe_bytes: 32 << 20,
            streams: 256,
            pixels: 8192 * 8192,
            packets: 8_640_000,
        }
    }
}
