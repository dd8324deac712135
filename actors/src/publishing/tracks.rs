//! Whole tracks, joined from the commits of the newest plan's units.

use std::collections::BTreeMap;
use std::ops::Range;

use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{RunId, UnitId};
use reelmesh_domain::media_types::TrackReport;
use reelmesh_domain::plan::{OutputClock, Plan, PlannedAudio, Timeline, UnitKind};
use reelmesh_domain::rational::Rational;
use reelmesh_domain::store::keys::{BlobName, Key};
use reelmesh_domain::store::records::{CommitRecord, UnitReport};
use reelmesh_media::fragment::TrackClock;
use reelmesh_media::package::{Track, TrackMedia};

use crate::archive::Commits;
use crate::shared::{Settled, bug};

/// One blob of a track.
#[derive(Clone, Debug)]
pub(super) struct Piece {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) blake3: [u8; 32],
    /// Places of its fragments in the track.
    fragments: Range<usize>,
}

/// Where a track's fragments lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces {
    blobs: Vec<Piece>,
    /// Where each fragment begins in its blob, and how long it is.
    places: Vec<(u64, u64)>,
}

impl Pieces {
    /// The blob of a fragment with its number, and the fragment's place in it.
    pub(super) fn find(&self, fragment: usize) -> Option<(usize, &Piece, Range<u64>)> {
        let number = self
            .blobs
            .partition_point(|piece| piece.fragments.end <= fragment);
        let piece = self.blobs.get(number)?;
        let &(start, length) = self.places.get(fragment)?;
        Some((number, piece, start..start + length))
    }
}

/// A track and where its fragments lie.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) track: Track,
    pub(super) pieces: Pieces,
    /// Frames of video, samples of audio without priming.
    pub(super) frames: u64,
    /// Audio packets that didn't decode.
    pub(super) damaged_packets: u64,
}

struct Joining<'a> {
    run: RunId,
    plan: &'a Plan,
    timeline: &'a Timeline,
    commits: &'a Commits,
    units: BTreeMap<UnitKind, UnitId>,
}

/// All tracks: video, largest first, then audio.
pub(super) fn join(
    run: RunId,
    plan: &Plan,
    timeline: &Timeline,
    commits: &Commits,
) -> Result<Vec<Joined>, Failure> {
    let units = plan.units.iter().map(|unit| (unit.kind, unit.id)).collect();
    let joining = Joining {
        run,
        plan,
        timeline,
        commits,
        units,
    };
    let mut tracks = Vec::new();
    for (group, renditions) in (0_u32..).zip(&plan.groups) {
        for rendition in renditions.clone() {
            let track = rendition - renditions.start;
            tracks.push(joining.video(group, rendition, track)?);
        }
    }
    for (track, audio) in (0_u32..).zip(&plan.audio) {
        tracks.push(joining.audio(track, audio)?);
    }
    Ok(tracks)
}

impl Joining<'_> {
    fn video(&self, group: u32, rendition: u32, track: u32) -> Result<Joined, Failure> {
        let place = usize::try_from(rendition).unwrap_or(usize::MAX);
        let rendition = self.plan.renditions.get(place);
        let rendition = rendition.ok_or_else(|| bug("a group has no such rendition".to_owned()))?;
        let clock = self.plan.clock.time_base();
        let ticks = TrackClock::new(clock).map_err(|error| bug(error.to_string()))?;
        let duration = ticks.to_track(self.plan.end_pts);
        let mut joined = Joined {
            track: Track {
                name: rendition.name.clone(),
                media: TrackMedia::Video {
                    width: rendition.width,
                    height: rendition.height,
                    frame_rate: greatest_rate(self.timeline),
                    color: rendition.color,
                },
                time_base: clock,
                codec_config: Vec::new(),
                media_time: 0,
                duration: duration.ok_or_else(|| bug("the timeline is too long".to_owned()))?,
                fragments: Vec::new(),
            },
            pieces: Pieces::default(),
            frames: self.plan.frames,
            damaged_packets: 0,
        };
        for chunk in (0_u32..).take(self.plan.chunks.len()) {
            let kind = UnitKind::Chunk { chunk, group };
            let (unit, commit) = self.commit(kind)?;
            let UnitReport::Chunk(report) = &commit.record.report else {
                return Err(bug(format!("unit {unit} isn't a chunk's")));
            };
            let place = usize::try_from(track).unwrap_or(usize::MAX);
            let made = report.renditions.get(place);
            let made = made.ok_or_else(|| bug(format!("unit {unit} lacks a rendition")))?;
            joined.track.media_time = made.presentation_delay;
            self.append(&mut joined, (unit, commit), track, made)?;
        }
        Ok(joined)
    }

    fn audio(&self, track: u32, audio: &PlannedAudio) -> Result<Joined, Failure> {
        let (unit, commit) = self.commit(UnitKind::Audio { track })?;
        let UnitReport::Audio(report) = &commit.record.report else {
            return Err(bug(format!("unit {unit} isn't an audio track's")));
        };
        let settings = &audio.rendition;
        let time_base = Rational::new(1, i64::from(settings.sample_rate_hz));
        let mut joined = Joined {
            track: Track {
                name: settings.name.clone(),
                media: TrackMedia::Audio {
                    sample_rate_hz: settings.sample_rate_hz,
                    channels: settings.channels,
                    bitrate_bps: settings.bitrate_bps,
                    language: settings.language.clone(),
                    title: settings.title.clone(),
                    default: settings.default,
                },
                time_base: time_base.ok_or_else(|| bug("no sample rate".to_owned()))?,
                codec_config: Vec::new(),
                media_time: i64::from(report.track.priming_samples),
                duration: i64::try_from(report.samples).unwrap_or(i64::MAX),
                fragments: Vec::new(),
            },
            pieces: Pieces::default(),
            frames: report.samples,
            damaged_packets: report.damaged_packets,
        };
        self.append(&mut joined, (unit, commit), 0, &report.track)?;
        Ok(joined)
    }

    fn commit(&self, kind: UnitKind) -> Result<(UnitId, &Settled<CommitRecord>), Failure> {
        let unit = self.units.get(&kind);
        let unit = *unit.ok_or_else(|| bug(format!("the plan has no unit {kind:?}")))?;
        let commit = self.commits.get(&unit);
        let commit = commit.ok_or_else(|| bug(format!("unit {unit} has no commit")))?;
        Ok((unit, commit))
    }

    fn append(
        &self,
        joined: &mut Joined,
        (unit, commit): (UnitId, &Settled<CommitRecord>),
        track: u32,
        made: &TrackReport,
    ) -> Result<(), Failure> {
        joined.track.codec_config.clone_from(&made.codec_config);
        let mut fragments = made.fragments.iter();
        let blobs = commit.record.blobs.iter();
        for blob in blobs.filter(|blob| blob.track == track) {
            let name = BlobName::new(&blob.rendition, blob.part);
            let name = name.map_err(|error| bug(error.to_string()))?;
            let first = joined.track.fragments.len();
            let count = usize::try_from(blob.fragments).unwrap_or(usize::MAX);
            let mut offset = 0;
            for info in fragments.by_ref().take(count) {
                joined.pieces.places.push((offset, u64::from(info.bytes)));
                joined.track.fragments.push(*info);
                offset += u64::from(info.bytes);
            }
            if offset != blob.size {
                return Err(bug(format!(
                    "unit {unit}: {} has {} bytes, its fragments {offset}",
                    blob.rendition, blob.size
                )));
            }
            joined.pieces.blobs.push(Piece {
                key: Key::Blob(self.run, unit, commit.token, name).to_string(),
                size: blob.size,
                blake3: blob.blake3,
                fragments: first..joined.track.fragments.len(),
            });
        }
        if fragments.next().is_some() {
            return Err(bug(format!("unit {unit} has fragments without a blob")));
        }
        Ok(())
    }
}

/// Frames in a row whose time says how fast they follow each other. Of fewer, containers that round times to
/// milliseconds would make rates that nobody filmed, and two frames a tick apart one of 90 000 a second.
const RATED_FRAMES: usize = 8;

/// The most frames per second: what `FRAME-RATE` says (RFC 8216bis section 4.4.6.2).
fn greatest_rate(timeline: &Timeline) -> Rational {
    if let OutputClock::Constant { rate } = timeline.clock {
        return rate;
    }
    let times: Vec<i64> = timeline
        .frames
        .iter()
        .map(|frame| frame.output_pts)
        .chain([timeline.end_pts])
        .collect();
    let steps = RATED_FRAMES.min(times.len().saturating_sub(1)).max(1);
    let spans = times.windows(steps + 1);
    let shortest = spans.filter_map(|span| Some(span.last()? - span.first()?));
    let rate = || {
        let shortest = Rational::whole(shortest.min()?);
        let seconds = shortest.checked_mul(timeline.clock.time_base())?;
        Rational::whole(i64::try_from(steps).ok()?).checked_div(seconds)
    };
    rate().unwrap_or(Rational::ONE)
}

#[cfg(test)]
mod tests {
    use reelmesh_domain::media_types::{PacketMapping, PlannedFrame};
    use reelmesh_domain::plan::DroppedFrames;

    use super::*;

    fn timeline(clock: OutputClock, steps: &[i64]) -> Timeline {
        let mut output_pts = 0;
        let mut frames = Vec::new();
        for step in steps {
            frames.push(PlannedFrame {
                source_pts: output_pts,
                output_pts,
            });
            output_pts += step;
        }
        Timeline {
            source_time_base: clock.time_base(),
            clock,
            frames,
            end_pts: output_pts,
            access_points: Vec::new(),
            mapping: PacketMapping::default(),
            first_raw_dts: 0,
            exact: false,
            dropped: DroppedFrames::default(),
        }
    }

    #[track_caller]
    fn check(clock: OutputClock, steps: &[i64], expected: (i64, i64)) {
        let expected = Rational::new(expected.0, expected.1).expect("a rate");
        assert_eq!(greatest_rate(&timeline(clock, steps)), expected);
    }

    /// A constant rate is itself; of a variable one the fastest stretch counts, not the mean, and no pair
    /// of frames that jitter has brought together.
    #[test]
    fn fastest_stretch_is_the_rate() {
        let rate = Rational::new(24_000, 1001).expect("a rate");
        check(OutputClock::Constant { rate }, &[1; 20], (24_000, 1001));
        let variable = OutputClock::Variable;
        check(variable, &[[9_000; 20], [1_500; 20]].concat(), (60, 1));
        check(variable, &[[3_000; 20], [90_000; 20]].concat(), (30, 1));
        let jitter = [3_000, 3_000, 5_999, 1, 3_000, 3_000, 3_000, 3_000].repeat(4);
        let found = greatest_rate(&timeline(variable, &jitter));
        assert!(found < Rational::whole(35), "{found}");
        check(variable, &[180_000], (1, 2));
        check(variable, &[90_000, 45_000], (4, 3));
    }
}
