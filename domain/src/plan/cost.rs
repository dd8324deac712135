//! What work costs: core time and memory, from the source's facts and the settings alone.
//!
//! The figures are rough ones of one core of a 2020s server. They decide where a film is cut, so they
//! are whole numbers and part of the planner's version: another figure is another plan. Scheduling
//! refines the estimate by what units really took; the plan never does.

use core::ops::Range;

use crate::ladder::presets::Preset;
use crate::media_types::{SourceFacts, VideoCodec, VideoRendition};
use crate::rational::Rational;

/// Tenths of a nanosecond to decode one pixel.
const DECODE_H264_TENTHS_NS: u64 = 25;
const DECODE_HEVC_TENTHS_NS: u64 = 40;
/// Tenths of a nanosecond to scale, for each pixel read or written.
const SCALE_TENTHS_NS: u64 = 15;
const TENTHS: u64 = 10;
/// What a frame of the tail costs of one that is encoded, in thousandths: it is scaled and looked ahead
/// to, and forgotten. Measured: 14 seams of `veryfast` cost 18 frames each, of which 10 are lead-in.
const TAIL_PERMILLE: u64 = 450;
/// To open the source, seek, set up decoder and encoders, and commit: microseconds a chunk.
const CHUNK_FIXED_US: u64 = 50_000;
/// To decode and encode one second of one channel: microseconds.
const AUDIO_CHANNEL_S_US: u64 = 6_000;
/// To open an audio track and commit it.
const AUDIO_FIXED_US: u64 = 20_000;
const NS_PER_US: u64 = 1_000;

/// A worker with nothing to do, its code and its libraries.
const BASE_BYTES: u64 = 40_000_000;
/// Bytes a pixel of the source: the decoder's reference pictures and those on their way, 1.5 bytes each.
const SOURCE_BYTES_PER_PX: u64 = 12;
/// Bytes a pixel of a rendition: references, half-pixel planes and what waits for its fragment.
const RENDITION_BYTES_PER_PX: u64 = 45;
/// Hundredths of a byte a pixel for each frame looked ahead: its luma at half size and its costs.
/// Fitted to the design's 332 MB for three rungs from 1080p with `medium`, and 250 MB with `veryfast`.
const LOOKAHEAD_HUNDREDTHS_PER_PX: u64 = 85;
/// A whole audio track: packets are streamed, so this is decoder, resampler and encoder.
const AUDIO_BYTES: u64 = 64_000_000;

/// The memory that a task may need before its renditions are divided among several decodes.
const GROUP_BYTES: u64 = 2_000_000_000;

/// What the frames of one decode group cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameCost {
    /// Nanoseconds to decode one frame.
    pub(super) decode_ns: u64,
    /// Nanoseconds to scale it and to encode all its renditions.
    pub(super) encode_ns: u64,
}

impl FrameCost {
    /// Of a group with these renditions, each scaled from the one before it.
    pub(super) fn of(facts: &SourceFacts, renditions: &[VideoRendition]) -> Self {
        let source = source_pixels(facts);
        let decode = match facts.video.codec {
            VideoCodec::H264 => DECODE_H264_TENTHS_NS,
            VideoCodec::Hevc => DECODE_HEVC_TENTHS_NS,
        };
        let mut from = source;
        let mut encode_ns = 0;
        for rendition in renditions {
            let pixels = pixels(rendition);
            let preset = Preset::named_or_costliest(&rendition.encoder.preset);
            let scale = if pixels == from {
                0
            } else {
                (from + pixels) * SCALE_TENTHS_NS
            };
            encode_ns += (pixels * preset.encode_tenths_ns_per_pixel + scale) / TENTHS;
            from = pixels;
        }
        Self {
            decode_ns: source * decode / TENTHS,
            encode_ns,
        }
    }

    /// Nanoseconds of a frame that is fed to the encoders and not encoded out.
    pub(super) const fn tail_ns(self) -> u64 {
        self.encode_ns * TAIL_PERMILLE / 1_000
    }

    /// Microseconds of a task that decodes, encodes and, in its tail, only feeds so many frames.
    pub(super) const fn task_us(self, decoded: u64, encoded: u64, tail: u64) -> u64 {
        let ns = decoded
            .saturating_mul(self.decode_ns)
            .saturating_add(encoded.saturating_mul(self.encode_ns))
            .saturating_add(tail.saturating_mul(self.tail_ns()));
        CHUNK_FIXED_US.saturating_add(ns / NS_PER_US)
    }

    /// Nanoseconds that each chunk costs whatever its length.
    pub(super) const FIXED_NS: u64 = CHUNK_FIXED_US * NS_PER_US;
}

/// Memory of a task that makes these renditions.
pub(super) fn memory_bytes(facts: &SourceFacts, renditions: &[VideoRendition]) -> u64 {
    let of = |rendition: &VideoRendition| {
        let lookahead = Preset::named_or_costliest(&rendition.encoder.preset).lookahead;
        let hundredths =
            RENDITION_BYTES_PER_PX * 100 + u64::from(lookahead) * LOOKAHEAD_HUNDREDTHS_PER_PX;
        pixels(rendition) * hundredths / 100
    };
    let encoders: u64 = renditions.iter().map(of).sum();
    BASE_BYTES + source_pixels(facts) * SOURCE_BYTES_PER_PX + encoders
}

/// Microseconds and bytes of a whole audio track.
pub(super) fn audio(length_s: Rational, channels: u8) -> (u64, u64) {
    let seconds = u64::try_from(length_s.ceil()).unwrap_or(0);
    let work = seconds
        .saturating_mul(AUDIO_CHANNEL_S_US)
        .saturating_mul(u64::from(channels.max(1)));
    (AUDIO_FIXED_US.saturating_add(work), AUDIO_BYTES)
}

/// Which renditions share a decode: as many as one task's memory allows, at least one.
pub(super) fn groups(
    facts: &SourceFacts,
    renditions: &[VideoRendition],
) -> alloc::vec::Vec<Range<u32>> {
    let mut groups = alloc::vec::Vec::new();
    let mut start = 0;
    for end in 1..=renditions.len() {
        let next_fits = renditions
            .get(start..=end)
            .is_some_and(|group| memory_bytes(facts, group) <= GROUP_BYTES);
        if !next_fits {
            let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
            groups.push(place(start)..place(end));
            start = end;
        }
    }
    groups
}

fn source_pixels(facts: &SourceFacts) -> u64 {
    // Bounds keep the arithmetic in 64 bits whatever a header claims.
    let side = |pixels: u32| u64::from(pixels.clamp(1, 1 << 16));
    side(facts.video.width) * side(facts.video.height)
}

fn pixels(rendition: &VideoRendition) -> u64 {
    u64::from(rendition.width) * u64::from(rendition.height)
}
