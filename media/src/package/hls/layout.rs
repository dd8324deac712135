//! Which fragments make which segment, and when each is shown.

use std::ops::Range;

use crate::error::MediaError;
use crate::fragment::read_fragment_head;
use crate::package::moov::checked_clock;
use crate::package::{FragmentReader, Track, TrackMedia, broken, check_fragment};

/// Microseconds of a second: playlists state times to six decimals.
pub(super) const SECOND_US: u64 = 1_000_000;

/// One track cut into segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TrackLayout {
    pub(super) segments: Vec<Segment>,
    /// The first frame of each cell, of video only.
    pub(super) keys: Vec<KeyFrame>,
}

/// One segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Name of its file in the track's folder.
    pub(super) file: String,
    pub(super) fragments: Range<usize>,
    pub(super) piece: Piece,
}

/// One key frame within a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeyFrame {
    /// Place of its segment.
    pub(super) segment: usize,
    /// Where its fragment begins in the segment's file.
    pub(super) offset: u64,
    /// From there to the end of the frame; the duration is that of the cell.
    pub(super) piece: Piece,
}

/// So many bytes for so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: u64,
    pub(super) duration_us: u64,
}

/// Cuts all tracks.
pub(super) fn lay_out(
    tracks: &[Track],
    cells_per_segment: u32,
    reader: &mut dyn FragmentReader,
) -> Result<Vec<TrackLayout>, MediaError> {
    let mut laid_out: Vec<TrackLayout> = Vec::new();
    let mut video_ends_us: Option<Vec<u64>> = None;
    for track in tracks {
        let timing = Timing::of(track, reader)?;
        let groups = match (&track.media, &video_ends_us) {
            (TrackMedia::Audio { .. }, Some(ends_us)) => {
                let mut groups = aligned(&timing, ends_us, cells_per_segment);
                join_rest(&mut groups, ends_us.len(), &timing);
                groups
            }
            (TrackMedia::Video { .. } | TrackMedia::Audio { .. }, _) => {
                groups(track, cells_per_segment)
            }
        };
        if matches!(track.media, TrackMedia::Video { .. }) {
            let ends = groups.iter().map(|group| timing.starts_us[group.end]);
            video_ends_us = Some(ends.collect());
        }
        laid_out.push(timing.lay_out(track, groups));
    }
    Ok(laid_out)
}

/// The least whole number of seconds that no segment of any track is longer than once it is rounded
/// (RFC 8216bis section 4.4.3.1); the same for all tracks (section 6.2.4).
pub(super) fn target_duration_s(tracks: &[TrackLayout]) -> u64 {
    rounded_up_s(
        tracks
            .iter()
            .flat_map(|track| &track.segments)
            .map(|segment| segment.piece),
    )
}

/// The longest piece rounded to whole seconds, at least one.
pub(super) fn rounded_up_s(pieces: impl Iterator<Item = Piece>) -> u64 {
    pieces
        .map(|piece| (piece.duration_us + SECOND_US / 2) / SECOND_US)
        .max()
        .unwrap_or(0)
        .max(1)
}

/// Consecutive fragments whose cells belong to one segment.
fn groups(track: &Track, cells_per_segment: u32) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut current = None;
    for (place, fragment) in track.fragments.iter().enumerate() {
        let number = fragment.sequence.saturating_sub(1) / cells_per_segment;
        match groups.last_mut() {
            Some(group) if current == Some(number) => group.end = place + 1,
            Some(_) | None => groups.push(place..place + 1),
        }
        current = Some(number);
    }
    groups
}

/// Groups of the fragments of sound, each up to the border that is nearest to the end of a segment of video
/// (design rule 5.11). Not by number: there is no fragment of sound for a cell in which no frame of it ends, and
/// several for one of many minutes. Sound behind the last picture has groups of so many fragments.
fn aligned(timing: &Timing, ends_us: &[u64], cells_per_segment: u32) -> Vec<Range<usize>> {
    let fragments = timing.starts_us.len().saturating_sub(1);
    let mut groups: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    for &end_us in ends_us {
        let border = timing.border_near(end_us);
        if border > start {
            groups.push(start..border);
            start = border;
        }
    }
    let step = usize::try_from(cells_per_segment).unwrap_or(usize::MAX);
    while start < fragments {
        let end = start.saturating_add(step).min(fragments);
        groups.push(start..end);
        start = end;
    }
    groups
}

/// A last segment of sound alone, shorter than half of the one before, isn't worth a request.
fn join_rest(groups: &mut Vec<Range<usize>>, video_segments: usize, timing: &Timing) {
    let alone = groups.len() > video_segments;
    if let [.., before, last] = groups.as_mut_slice()
        && alone
        && timing.length_us(last) * 2 < timing.length_us(before)
    {
        before.end = last.end;
        groups.pop();
    }
}

/// When the fragments of a track are shown.
struct Timing {
    /// Microseconds from the start of presentation to each fragment's first sample, and to the end.
    /// Rounded here, so that the durations between them add up.
    starts_us: Vec<u64>,
    /// Bytes of each fragment up to the end of its first sample.
    key_bytes: Vec<u64>,
}

impl Timing {
    fn of(track: &Track, reader: &mut dyn FragmentReader) -> Result<Self, MediaError> {
        let timescale = u64::from(checked_clock(track)?.timescale());
        let video = matches!(track.media, TrackMedia::Video { .. });
        let mut timing = Self {
            starts_us: Vec::new(),
            key_bytes: Vec::new(),
        };
        let mut buffer = Vec::new();
        for (place, info) in track.fragments.iter().enumerate() {
            let mut shown = info.decode_time;
            if video {
                let first = first_sample(track, place, reader, &mut buffer)?;
                shown = shown.saturating_add(first.0);
                timing.key_bytes.push(first.1);
            }
            timing.push(shown.saturating_sub(track.media_time), timescale);
        }
        // What is encoded behind the end of the presentation isn't played.
        timing.push(track.duration, timescale);
        Ok(timing)
    }

    /// The rest of priming, which lies before the presentation, takes no time.
    fn push(&mut self, ticks: i64, timescale: u64) {
        let ticks = u128::from(u64::try_from(ticks).unwrap_or(0));
        let scaled = ticks * u128::from(SECOND_US) + u128::from(timescale) / 2;
        let us = u64::try_from(scaled / u128::from(timescale.max(1))).unwrap_or(u64::MAX);
        let before = self.starts_us.last().copied().unwrap_or(0);
        self.starts_us.push(us.max(before));
    }

    /// The place of the fragment that begins nearest to this time; of the end, the number of fragments.
    fn border_near(&self, time_us: u64) -> usize {
        let behind = self.starts_us.partition_point(|start| *start < time_us);
        let behind = behind.min(self.starts_us.len().saturating_sub(1));
        let off = |place: usize| self.starts_us[place].abs_diff(time_us);
        match behind.checked_sub(1) {
            Some(before) if off(before) < off(behind) => before,
            _ => behind,
        }
    }

    fn length_us(&self, fragments: &Range<usize>) -> u64 {
        self.starts_us[fragments.end] - self.starts_us[fragments.start]
    }

    fn lay_out(&self, track: &Track, groups: Vec<Range<usize>>) -> TrackLayout {
        let mut layout = TrackLayout {
            segments: Vec::new(),
            keys: Vec::new(),
        };
        for (segment, fragments) in groups.into_iter().enumerate() {
            let mut offset = 0;
            for place in fragments.clone() {
                if let Some(&bytes) = self.key_bytes.get(place) {
                    layout.keys.push(KeyFrame {
                        segment,
                        offset,
                        piece: Piece {
                            bytes,
                            duration_us: self.length_us(&(place..place + 1)),
                        },
                    });
                }
                offset += u64::from(track.fragments[place].bytes);
            }
            layout.segments.push(Segment {
                file: format!("{:05}.m4s", segment + 1),
                piece: Piece {
                    bytes: offset,
                    duration_us: self.length_us(&fragments),
                },
                fragments,
            });
        }
        layout
    }
}

/// Ticks from decoding to showing of a fragment's first sample, and where in the fragment it ends.
fn first_sample(
    track: &Track,
    place: usize,
    reader: &mut dyn FragmentReader,
    buffer: &mut Vec<u8>,
) -> Result<(i64, u64), MediaError> {
    reader
        .read(track, place, buffer)
        .map_err(|source| MediaError::Io {
            what: "reading a fragment",
            source,
        })?;
    let info = &track.fragments[place];
    let wrong = |what: &str| {
        broken(format!(
            "fragment {} of track {} is ours: {what}",
            info.sequence, track.name
        ))
    };
    let fragment = read_fragment_head(buffer).map_err(|error| wrong(&error.to_string()))?;
    check_fragment(track, info, &fragment)?;
    match fragment.samples.first() {
        Some(sample) if sample.key => Ok((
            i64::from(sample.composition_offset),
            u64::from(sample.offset) + u64::from(sample.size),
        )),
        Some(_) | None => Err(wrong("it begins with a key frame")),
    }
}
