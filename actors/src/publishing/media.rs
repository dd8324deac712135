//! The report's part on media: a function of source, spec and fingerprint alone.

use std::collections::BTreeMap;
use std::ops::Range;

use reelmesh_domain::failure::Failure;
use reelmesh_domain::media_types::{ChunkReport, FrameHash, SourceFacts};
use reelmesh_domain::plan::Plan;
use reelmesh_domain::rational::Rational;
use reelmesh_media::fragment::{TrackClock, h264, read_fragment_head};
use reelmesh_media::package::TrackMedia;

use super::files::Records;
use super::tracks::Joined;
use crate::report::{
    ChunkSummary, FileReport, MediaReport, RenditionReport, SourceReport, VERSION,
};
use crate::shared::bug;
use crate::splitter::chunk_reports;

/// AAC-LC (RFC 6381, ISO/IEC 14496-3 object type 2).
const AAC_LC: &str = "mp4a.40.2";
const MS_PER_S: i64 = 1_000;

/// Gathers what the report says of a rendition while its fragments are read.
pub(super) struct Measure<'a> {
    joined: &'a Joined,
    cells_per_segment: u32,
    hasher: blake3::Hasher,
    fragment_hashes: Vec<String>,
    fragment_samples: Vec<u32>,
    bytes: u64,
    /// Bytes and ticks of the segment at hand.
    segment: (u64, i64),
    segments: Vec<(u64, i64)>,
}

impl<'a> Measure<'a> {
    pub(super) fn new(joined: &'a Joined, cells_per_segment: u32) -> Self {
        Self {
            joined,
            cells_per_segment,
            hasher: blake3::Hasher::new(),
            fragment_hashes: Vec::new(),
            fragment_samples: Vec::new(),
            bytes: 0,
            segment: (0, 0),
            segments: Vec::new(),
        }
    }

    /// The next fragment, whole.
    pub(super) fn add(&mut self, place: usize, bytes: &[u8]) -> Result<(), Failure> {
        let name = &self.joined.track.name;
        let broken = |why: String| bug(format!("fragment {place} of {name}: {why}"));
        let head = read_fragment_head(bytes).map_err(|error| broken(error.to_string()))?;
        let info = self.joined.track.fragments.get(place);
        let info = info.ok_or_else(|| broken("it isn't listed".to_owned()))?;
        let start = usize::try_from(head.payload_offset).unwrap_or(usize::MAX);
        let payload = bytes.get(start..);
        let payload = payload.ok_or_else(|| broken("it is cut short".to_owned()))?;
        self.hasher.update(payload);
        self.fragment_hashes
            .push(blake3::hash(payload).to_hex().to_string());
        self.fragment_samples.push(info.samples);
        self.bytes += payload.len() as u64;
        self.segment.0 += payload.len() as u64;
        self.segment.1 += info.duration;
        let whole = u32::try_from(place + 1).unwrap_or(u32::MAX);
        if whole.is_multiple_of(self.cells_per_segment.max(1)) {
            self.segments.push(std::mem::take(&mut self.segment));
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<RenditionReport, Failure> {
        self.segments.push(self.segment);
        let track = &self.joined.track;
        let clock = TrackClock::new(track.time_base).map_err(|error| bug(error.to_string()))?;
        let rate = |bytes: u64, ticks: i64| rate_bps(bytes, ticks, clock.timescale());
        let peak = self.segments.iter();
        let peak = peak.map(|&(bytes, ticks)| rate(bytes, ticks)).max();
        let (video, audio) = match &track.media {
            TrackMedia::Video { width, height, .. } => (Some((*width, *height)), None),
            TrackMedia::Audio {
                sample_rate_hz,
                channels,
                language,
                ..
            } => (None, Some((*sample_rate_hz, *channels, language.clone()))),
        };
        let codec = if video.is_some() {
            h264::codec_string(&track.codec_config)
                .ok_or_else(|| bug(format!("{} has no codec string", track.name)))?
        } else {
            AAC_LC.to_owned()
        };
        let duration_s = Rational::new(track.duration, i64::from(clock.timescale()));
        Ok(RenditionReport {
            name: track.name.clone(),
            kind: if video.is_some() { "video" } else { "audio" }.to_owned(),
            width: video.map(|(width, _)| width),
            height: video.map(|(_, height)| height),
            sample_rate_hz: audio.as_ref().map(|(rate, ..)| *rate),
            channels: audio.as_ref().map(|(_, channels, _)| *channels),
            language: audio.and_then(|(.., language)| language),
            frames: self.joined.frames,
            duration_ms: milliseconds(duration_s),
            bytes: self.bytes,
            mean_rate_bps: rate(self.bytes, track.duration),
            peak_rate_bps: peak.unwrap_or(0),
            codec,
            hash: self.hasher.finalize().to_hex().to_string(),
            fragment_hashes: self.fragment_hashes,
            fragment_samples: self.fragment_samples,
        })
    }
}

/// Bits a second, rounded up; 0 without a duration.
fn rate_bps(bytes: u64, ticks: i64, timescale: u32) -> u64 {
    let Ok(ticks @ 1..) = u128::try_from(ticks) else {
        return 0;
    };
    let bits = u128::from(bytes) * 8 * u128::from(timescale);
    u64::try_from(bits.div_ceil(ticks)).unwrap_or(u64::MAX)
}

fn milliseconds(seconds: Option<Rational>) -> u64 {
    seconds
        .and_then(|seconds| seconds.checked_mul(Rational::whole(MS_PER_S)))
        .and_then(|milliseconds| u64::try_from(milliseconds.round()).ok())
        .unwrap_or(0)
}

pub(super) fn report(
    records: &Records,
    joined: &[Joined],
    renditions: Vec<RenditionReport>,
    files: Vec<FileReport>,
) -> Result<MediaReport, Failure> {
    let plan = &records.plan;
    let reports = chunk_reports(plan, &records.commits)?;
    let damaged_packets: BTreeMap<String, u64> = joined
        .iter()
        .filter(|joined| matches!(joined.track.media, TrackMedia::Audio { .. }))
        .map(|joined| (joined.track.name.clone(), joined.damaged_packets))
        .collect();
    Ok(MediaReport {
        version: VERSION,
        fingerprint: plan.fingerprint.clone(),
        plan_revision: plan.revision.0,
        source: SourceReport {
            bytes: records.scanned.facts.bytes,
            dropped: records.scanned.timeline.dropped,
            damaged_frames: reports
                .iter()
                .filter_map(|groups| groups.first())
                .map(|report| report.damaged_frames)
                .sum(),
            damaged_packets,
            left_out: left_out(&records.scanned.facts),
        },
        frames: plan.frames,
        duration_ms: plan.duration_ms(),
        renditions,
        cells: plan.cells.iter().map(|cell| cell.frames.start).collect(),
        chunks: chunks(plan, &reports),
        files,
    })
}

/// Streams that no output is made of, for people.
pub(super) fn left_out(facts: &SourceFacts) -> Vec<String> {
    let streams = facts.left_out.iter();
    streams
        .map(|stream| {
            format!(
                "#{} {} ({}): {}",
                stream.stream, stream.kind, stream.codec, stream.reason
            )
        })
        .collect()
}

fn chunks(plan: &Plan, reports: &[Vec<&ChunkReport>]) -> Vec<ChunkSummary> {
    let mut summaries = Vec::new();
    let mut left: Option<&Vec<&ChunkReport>> = None;
    for ((number, chunk), right) in (0_u32..).zip(&plan.chunks).zip(reports) {
        let overlap = number.checked_sub(1).and_then(|left| plan.overlap(left));
        let overlap = overlap.unwrap_or(0..0);
        let from_left = left.map_or(&[][..], Vec::as_slice);
        let from_left = from_left.iter().map(|report| &report.right);
        let from_right = right.iter().map(|report| &report.left);
        summaries.push(ChunkSummary {
            first_frame: chunk.own.start,
            frames: chunk.own.end - chunk.own.start,
            first_cell: chunk.cells.start,
            overlap: (overlap.start, overlap.end),
            left_hash: border_hash(from_left, &overlap),
            right_hash: border_hash(from_right, &overlap),
        });
        left = Some(right);
    }
    summaries
}

/// Over the hashes that one side of a border has of the frames of the overlap.
fn border_hash<'a>(
    groups: impl Iterator<Item = &'a Vec<FrameHash>>,
    overlap: &Range<u64>,
) -> String {
    let mut hasher = blake3::Hasher::new();
    for hash in groups.flatten() {
        if overlap.contains(&hash.frame) {
            hasher.update(&hash.frame.to_le_bytes());
            hasher.update(&hash.hash);
        }
    }
    hasher.finalize().to_hex().to_string()
}
