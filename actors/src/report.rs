//! `report.json`: what was made (the same for every run of the same plan), and who made it.

use std::collections::BTreeMap;

use reelmesh_domain::plan::DroppedFrames;
use reelmesh_domain::store::records::AttemptLine;
use serde::{Deserialize, Serialize};

/// The report's name in the output place.
pub const REPORT_NAME: &str = "report.json";
/// Version of the report's format.
pub const VERSION: u32 = 1;

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobReport {
    /// What was made: a function of source, spec and fingerprint alone.
    pub media: MediaReport,
    /// Who made it: the scan's, all units' and all other attempts, in the order of their start.
    pub attempts: Vec<AttemptLine>,
}

/// What was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MediaReport {
    /// Version of this format: [`VERSION`].
    pub version: u32,
    /// Fingerprint of the run.
    pub fingerprint: String,
    /// Revision of the plan that was published.
    pub plan_revision: u32,
    /// The source.
    pub source: SourceReport,
    /// Frames of each video rendition.
    pub frames: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Video renditions, largest first, then audio renditions.
    pub renditions: Vec<RenditionReport>,
    /// First frame of each cell.
    pub cells: Vec<u64>,
    /// The chunks, with the proof of the border in front of each.
    pub chunks: Vec<ChunkSummary>,
    /// All files of the output place but this one, in order of path.
    pub files: Vec<FileReport>,
}

/// The source, as far as it matters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// Length in bytes.
    pub bytes: u64,
    /// Frames that aren't in the timeline, by reason.
    pub dropped: DroppedFrames,
    /// Frames that the decoder saw damage in.
    pub damaged_frames: u64,
    /// Audio packets that didn't decode, by rendition.
    pub damaged_packets: BTreeMap<String, u64>,
    /// Streams that were left out, as `#2 subtitle (mov_text): why`.
    pub left_out: Vec<String>,
}

/// One rendition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenditionReport {
    /// Its name.
    pub name: String,
    /// `video` or `audio`.
    pub kind: String,
    /// Video: width in pixels.
    pub width: Option<u32>,
    /// Video: height in pixels.
    pub height: Option<u32>,
    /// Audio: samples per second.
    pub sample_rate_hz: Option<u32>,
    /// Audio: channels.
    pub channels: Option<u8>,
    /// Audio: language.
    pub language: Option<String>,
    /// Frames of video, samples of audio without priming.
    pub frames: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Bytes of all samples.
    pub bytes: u64,
    /// Mean rate in bits per second.
    pub mean_rate_bps: u64,
    /// Rate of the segment with the highest.
    pub peak_rate_bps: u64,
    /// RFC 6381.
    pub codec: String,
    /// BLAKE3 of the payloads (all samples) of all fragments, one behind the other.
    pub hash: String,
    /// BLAKE3 of the payload of each fragment, in order: `verify` names the cell in which a file differs.
    pub fragment_hashes: Vec<String>,
    /// Samples in each fragment.
    pub fragment_samples: Vec<u32>,
}

/// One chunk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChunkSummary {
    /// Its first own frame.
    pub first_frame: u64,
    /// Its own frames.
    pub frames: u64,
    /// Its first cell.
    pub first_cell: u32,
    /// The frames that both sides of the border in front of it decoded, half open; empty for the first.
    pub overlap: (u64, u64),
    /// BLAKE3 over the hashes of these frames by decode group, from the left and from the right: equal
    /// where the border holds.
    pub left_hash: String,
    /// From the right.
    pub right_hash: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileReport {
    /// Path below the output place.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3.
    pub blake3: String,
}
