//! Plain types that the planner and the media engine share: what a source is, what was found in it,
//! what one task is told and what it reports.
//!
//! Everything here is data. A task is *complete*: it holds all that fixes its output bytes besides
//! the source's bytes and the engine's fingerprint, so that the hash of a task names its unit.

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::rational::Rational;

/// The containers in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Container {
    /// MP4, MOV and their fragmented forms (ISO/IEC 14496-12).
    Mp4,
    /// Matroska and `WebM`.
    Matroska,
    /// MPEG-2 transport stream (ISO/IEC 13818-1).
    MpegTs,
}

/// The video codecs in scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum VideoCodec {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
}

/// What probing found out about a source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFacts {
    /// The container's kind.
    pub container: Container,
    /// Length of the source in bytes.
    pub bytes: u64,
    /// Length in seconds as the container states it, if it does; never relied upon.
    pub duration_s: Option<Rational>,
    /// The video stream that is transcoded: the first that isn't an attached picture.
    pub video: VideoFacts,
    /// All AAC tracks, in the order of the file.
    pub audio: Vec<AudioFacts>,
    /// Streams that are left out, each with its reason.
    pub left_out: Vec<LeftOutStream>,
}

/// The video stream as its headers describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Index of the stream in the container.
    pub stream: u32,
    /// The codec.
    pub codec: VideoCodec,
    /// Name of the codec's profile, for people.
    pub profile: String,
    /// Coded width in pixels after cropping, before rotation.
    pub width: u32,
    /// Coded height in pixels after cropping, before rotation.
    pub height: u32,
    /// Name of the pixel format as FFmpeg writes it, such as `yuv420p`.
    pub pixel_format: String,
    /// Bits per component.
    pub bit_depth: u8,
    /// Shape of one pixel, width to height; 1 where unknown.
    pub sample_aspect: Rational,
    /// How the picture must be turned to stand upright.
    pub orientation: Orientation,
    /// Whether the stream may hold interlaced frames: it says, allows or shows it.
    pub interlaced: bool,
    /// What the samples mean.
    pub color: Color,
    /// Seconds per tick of the stream's timestamps.
    pub time_base: Rational,
    /// Frames per second as the container states it, if it does.
    pub frame_rate: Option<Rational>,
    /// Mean rate in bits per second, if stated.
    pub bitrate_bps: Option<u64>,
}

/// Rotation and mirroring of the display matrix: first mirrored (left to right), then turned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Orientation {
    /// Mirrored left to right before turning.
    pub mirrored: bool,
    /// Quarter turns clockwise, 0 to 3.
    pub quarter_turns: u8,
}

/// Colour description by the code points of ITU-T H.273; 2 means unspecified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Color {
    /// Full range (0–255) instead of limited range (16–235).
    pub full_range: bool,
    /// `ColourPrimaries`.
    pub primaries: u8,
    /// `TransferCharacteristics`.
    pub transfer: u8,
    /// `MatrixCoefficients`.
    pub matrix: u8,
    /// `Chroma420SampleLocType` plus one; 0 means unspecified, 1 left, 2 centre, 3 top left.
    pub chroma_location: u8,
}

/// One audio track as its headers describe it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Index of the stream in the container.
    pub stream: u32,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Number of channels.
    pub channels: u8,
    /// Seconds per tick of the stream's timestamps.
    pub time_base: Rational,
    /// ISO 639-2 code, if stated.
    pub language: Option<String>,
    /// Title, if stated.
    pub title: Option<String>,
    /// Whether the container marks it as the default track.
    pub default: bool,
}

/// A stream that no output is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutStream {
    /// Index of the stream in the container.
    pub stream: u32,
    /// `video`, `audio`, `subtitle`, `data`, `attached picture`, ...
    pub kind: String,
    /// Name of the codec, `unknown` if FFmpeg doesn't know it.
    pub codec: String,
    /// Why it is left out, as a sentence for people.
    pub reason: String,
}

/// One packet of the video stream as the scan saw it, in the order of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScannedPacket {
    /// Presentation time in ticks of the stream, as the demuxer gave it.
    pub pts: Option<i64>,
    /// Decoding time in ticks of the stream, as the demuxer gave it.
    pub dts: Option<i64>,
    /// Duration in ticks; 0 where unknown.
    pub duration: i64,
    /// Byte position in the source where the packet begins, if the demuxer knows it.
    pub position: Option<u64>,
    /// Length in bytes.
    pub size: u32,
    /// Decoding can begin here, as the container or parser says.
    pub key: bool,
    /// The container says that this packet isn't shown (edit lists).
    pub discard: bool,
}

/// What the scan of the video stream found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// All packets of the video stream, in the order of the file.
    pub packets: Vec<ScannedPacket>,
    /// Width in bits after which timestamps wrap (33 in transport streams); `None`: never.
    pub wrap_bits: Option<u8>,
}

/// How a task turns the timestamps of packets into *continuous* ones: wraps undone, jumps closed.
///
/// Video: the reader starts from a [`StartPoint`], whose continuous dts is known, undoes wraps from
/// packet to packet by the nearest distance modulo `2^wrap_bits`, and adds the offset of the
/// stretch that the packet's position lies in. The decoder sees continuous timestamps only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketMapping {
    /// Width in bits after which timestamps wrap; `None`: never.
    pub wrap_bits: Option<u8>,
    /// The first stretch starts at position 0 with offset 0 and is left out; each further one
    /// begins with a jump. Sorted by position.
    pub stretches: Vec<Stretch>,
}

/// A part of the source between two jumps of its timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// Byte position of the first packet of the video stream behind the jump.
    pub position: u64,
    /// Ticks of the *video* stream's time base to add to unwrapped timestamps from there on.
    pub offset: i64,
    /// The raw dts of that first packet (before unwrapping): the reference for unwrapping from there on.
    pub raw_dts: i64,
}

/// A packet from which decoding can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartPoint {
    /// Byte position of the packet; `None` if the container doesn't say (then only seeking by time works).
    pub position: Option<u64>,
    /// The packet's dts (or pts where it has none) as the demuxer gave it.
    pub raw_dts: i64,
    /// The same, continuous.
    pub dts: i64,
    /// The packet's presentation time, continuous.
    pub pts: i64,
}

/// One frame of the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFrame {
    /// Presentation time of the source frame in continuous ticks of the source stream.
    pub source_pts: i64,
    /// Presentation time in the output, in ticks of the output's time base, from 0.
    pub output_pts: i64,
}

/// What is done to decoded pictures before they are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFilter {
    /// `bwdif=send_frame:parity=auto:deint=interlaced`; needs one frame of margin on each side.
    pub deinterlace: bool,
    /// How to turn the picture upright.
    pub orientation: Orientation,
}

/// One video stream made from the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VideoRendition {
    /// Its name in files and playlists, such as `720p`.
    pub name: String,
    /// Width in pixels, even.
    pub width: u32,
    /// Height in pixels, even.
    pub height: u32,
    /// Colour description of the output: always limited range.
    pub color: Color,
    /// The encoder's settings.
    pub encoder: X264Settings,
}

/// Settings of the x264 encoder; all else is fixed by the engine (one thread, `asm`, keys).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct X264Settings {
    /// `ultrafast` … `placebo`.
    pub preset: String,
    /// `main`, `high`, ...
    pub profile: String,
    /// Constant rate factor in hundredths: 2150 is CRF 21.5.
    pub crf_hundredths: u32,
    /// Cap on the rate with the size of the decoder's buffer.
    pub vbv: Option<Vbv>,
    /// Frames by which decoding order runs ahead of presentation: 2 with B-pyramid, 1 with plain B-frames, else 0.
    pub reorder_depth: u32,
}

/// The video buffering verifier's rate and size (ITU-T H.264 annex C).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vbv {
    /// Rate at which the buffer fills, in bits per second.
    pub max_rate_bps: u64,
    /// Size of the buffer in bits.
    pub buffer_bits: u64,
}

/// All that fixes the bytes of one video unit: a chunk for one decode group.
///
/// Indices into `frames` are relative to its start; ranges are half open.
/// `deliver ⊇ feed ⊇ own`, where `deliver` is all of `frames`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkTask {
    /// Container of the source.
    pub container: Container,
    /// Index of the video stream in the container.
    pub stream: u32,
    /// Codec of the video stream.
    pub codec: VideoCodec,
    /// Seconds per tick of the source's (continuous) timestamps.
    pub source_time_base: Rational,
    /// Where to begin decoding: the planned access point first, then ones further and further back.
    /// Never empty; the last is the first access point of the source.
    pub starts: Vec<StartPoint>,
    /// How packet timestamps become continuous.
    pub mapping: PacketMapping,
    /// The frames that the decoder must deliver, in order of presentation: those fed to the
    /// encoder and one filter margin on each side (cut at the ends of the source).
    pub frames: Vec<PlannedFrame>,
    /// Frames fed to the encoder: `[T_in, T_out)`.
    pub feed_start: u32,
    /// End of the frames fed to the encoder.
    pub feed_end: u32,
    /// Frames whose packets are kept: `[T_a, T_b)`.
    pub own_start: u32,
    /// End of the frames whose packets are kept.
    pub own_end: u32,
    /// Frames `[0, hash_left_end)` are hashed into [`ChunkReport::left`]: those that the chunk before
    /// delivers too. 0 where nothing lies before.
    pub hash_left_end: u32,
    /// Frames from here to the end of `frames` are hashed into [`ChunkReport::right`]: those that the
    /// chunk behind delivers too. The length of `frames` where nothing lies behind.
    pub hash_right_start: u32,
    /// The frames in `frames` that begin a cell, those of lead-in and tail included: IDR in every rendition.
    pub keys: Vec<u32>,
    /// Number of the first own cell: the sequence number of its fragment is one more.
    /// Cells without frames are skipped in numbering.
    pub first_cell: u32,
    /// Place of the first own frame in the whole timeline.
    pub first_frame: u64,
    /// The chunk begins with the source's first frame: nothing lies before.
    pub at_start: bool,
    /// The chunk ends with the source's last frame: the encoder is flushed.
    pub at_end: bool,
    /// The source's last frame is fed, as an own one or in the tail, which is then cut short: the encoder is
    /// flushed if it still holds own frames.
    pub feeds_to_end: bool,
    /// Seconds per tick of the output's timestamps.
    pub output_time_base: Rational,
    /// Output time at which the first frame behind `own_end` is shown, or the end of the timeline.
    pub own_end_pts: i64,
    /// Output times of the timeline's first frames, as many as the deepest reorder depth plus one
    /// (fewer if the timeline is shorter): decode times at the start come from them.
    pub first_pts: Vec<i64>,
    /// Ticks of one frame, used only where a timeline has fewer frames than the reorder depth needs.
    pub nominal_frame_ticks: i64,
    /// What is done to pictures before scaling.
    pub filter: PictureFilter,
    /// The renditions of the group, largest first: each is scaled from the one before it.
    pub renditions: Vec<VideoRendition>,
}

/// What a task on a chunk found and made, besides the fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkReport {
    /// Whether the decoder delivered exactly the planned frames.
    pub as_planned: bool,
    /// Where they differ, what it delivered within the window: continuous source pts, in order. At most 4 096 are kept.
    pub delivered: Vec<i64>,
    /// Hashes of the decoded frames that the chunk before delivers too, in order.
    pub left: Vec<FrameHash>,
    /// Hashes of the decoded frames that the chunk behind delivers too, in order.
    pub right: Vec<FrameHash>,
    /// Frames decoded in all, preroll included.
    pub decoded_frames: u64,
    /// Own frames whose decoder reported damage.
    pub damaged_frames: u64,
    /// Number of the start point that was used, 0 for the planned one.
    pub start_used: u32,
    /// One entry a rendition of the task, in its order.
    pub renditions: Vec<TrackReport>,
    /// CPU time of the task in microseconds, as far as it is known.
    pub cpu_us: u64,
}

/// The hash of one decoded frame, before any filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameHash {
    /// Place of the frame in the whole timeline.
    pub frame: u64,
    /// First 8 bytes of the BLAKE3 hash of its planes without padding, with size and format before them.
    pub hash: [u8; 8],
}

/// What was made of one track of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackReport {
    /// The codec's configuration for the sample entry: the `avcC` payload, or the `AudioSpecificConfig`.
    pub codec_config: Vec<u8>,
    /// The fragments in order, one a cell (audio: one a cell of the video).
    pub fragments: Vec<FragmentInfo>,
    /// Coded sizes in bits and durations for the rate bucket (video with a cap only).
    pub vbv: Option<VbvSummary>,
    /// Audio: samples of priming before the first real one.
    pub priming_samples: u32,
    /// Ticks by which presentation times in the file run ahead of the timeline's
    /// (`D` of design rule 5.10); the edit list takes it off again.
    pub presentation_delay: i64,
}

/// One fragment of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FragmentInfo {
    /// Its sequence number: cell number plus one.
    pub sequence: u32,
    /// Decode time of its first sample in ticks of the track, as in its `tfdt`.
    pub decode_time: i64,
    /// Sum of its samples' durations in ticks of the track.
    pub duration: i64,
    /// Number of samples.
    pub samples: u32,
    /// Length of `moof` and `mdat` together.
    pub bytes: u32,
}

/// What a chunk does to the rate bucket, as a function of its fullness at the chunk's start.
///
/// The bucket fills at the capped rate up to its size and each frame takes its bits out at once. Over
/// the chunk that is `out = min(ceiling, in + change)`, without underflow if `in ≥ need`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the unit stands last in a name")]
pub struct VbvSummary {
    /// Least fullness in bits at the start for which nothing underflows.
    pub need_bits: i64,
    /// Change of the fullness in bits while the bucket never overflows.
    pub change_bits: i64,
    /// Fullness at the end in bits if the bucket overflowed on the way (or was full at the start).
    pub ceiling_bits: i64,
}

/// All that fixes the bytes of one audio unit: a whole track.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioTask {
    /// Container of the source.
    pub container: Container,
    /// Index of the audio stream in the container.
    pub stream: u32,
    /// Seconds per tick of the audio stream.
    pub source_time_base: Rational,
    /// How *video* timestamps become continuous: audio takes the same offsets, by position.
    pub mapping: PacketMapping,
    /// Seconds per tick of the mapping's offsets.
    pub mapping_time_base: Rational,
    /// The first video packet's raw dts in the mapping's ticks: audio timestamps unwrap to the nearest.
    pub wrap_reference: i64,
    /// Source time in seconds (continuous) of the output's time 0: the first video frame.
    pub origin_s: Rational,
    /// Samples of the output, counted from its time 0, at which each cell of the video ends, rising.
    /// Audio that goes on behind the last gets further fragments of a whole cell's length.
    pub cell_ends: Vec<i64>,
    /// The settings.
    pub rendition: AudioRendition,
}

/// One audio stream made from the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioRendition {
    /// Its name in files and playlists, such as `audio-1-eng`.
    pub name: String,
    /// ISO 639-2 code, if known.
    pub language: Option<String>,
    /// Title, if known.
    pub title: Option<String>,
    /// The track that players should begin with; exactly one of a job's.
    pub default: bool,
    /// Samples per second: 44 100 or 48 000.
    pub sample_rate_hz: u32,
    /// 1 or 2.
    pub channels: u8,
    /// Mean rate in bits per second.
    pub bitrate_bps: u32,
}

/// What a task on an audio track found and made, besides the fragments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioReport {
    /// The track.
    pub track: TrackReport,
    /// Samples of the output, priming not counted.
    pub samples: u64,
    /// Packets that didn't decode.
    pub damaged_packets: u64,
    /// CPU time of the task in microseconds, as far as it is known.
    pub cpu_us: u64,
}
