//! Cuts a timeline into the windows of chunks, as the planner does: only what the decoder is told.

use std::ops::Range;

use reelmesh_domain::media_types::{ChunkTask, PictureFilter, SourceFacts, StartPoint};
use reelmesh_domain::plan::Timeline;

/// Frames before and after the own ones (design rule 5.9), and one more on each side for filters.
const LEAD_IN: u64 = 10;
const TAIL: u64 = 12;
const MARGIN: u64 = 1;

/// Where borders are put.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// That many chunks, or as many as can be, each beginning at an access point.
    AccessPoints(usize),
    /// That many chunks, or as many as there are frames, of equal length.
    Evenly(usize),
}

/// The first frames of all chunks but the first.
pub(crate) fn borders(timeline: &Timeline, cut: Cut) -> Vec<u64> {
    match cut {
        Cut::AccessPoints(count) => at_access_points(timeline, count),
        Cut::Evenly(count) => {
            let frames = timeline.frames.len() as u64;
            let count = frames.min(count as u64);
            (1..count).map(|k| k * frames / count).collect()
        }
    }
}

fn at_access_points(timeline: &Timeline, count: usize) -> Vec<u64> {
    let frames = timeline.frames.len() as u64;
    let mut possible: Vec<u64> = timeline
        .access_points
        .iter()
        .map(|point| point.frame)
        .filter(|frame| (1..frames).contains(frame))
        .collect();
    possible.dedup();
    let wanted = count - 1;
    if possible.len() <= wanted {
        return possible;
    }
    (1..=wanted)
        .map(|k| possible[k * possible.len() / (wanted + 1)])
        .collect()
}

/// The frames that each chunk owns.
pub(crate) fn owned(timeline: &Timeline, borders: &[u64]) -> Vec<Range<u64>> {
    let mut starts = vec![0];
    starts.extend(borders);
    let ends = borders
        .iter()
        .copied()
        .chain([timeline.frames.len() as u64]);
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| start..end)
        .collect()
}

/// The frames that the decoder delivers for a chunk.
pub(crate) fn delivered(timeline: &Timeline, own: &Range<u64>) -> Range<u64> {
    let frames = timeline.frames.len() as u64;
    own.start.saturating_sub(LEAD_IN + MARGIN)..(own.end + TAIL + MARGIN).min(frames)
}

/// What the decoder is told of a chunk.
pub(crate) fn task(facts: &SourceFacts, timeline: &Timeline, own: &Range<u64>) -> ChunkTask {
    let deliver = delivered(timeline, own);
    let place = |frame: u64| usize::try_from(frame).expect("a small place");
    let within = |frame: u64| u32::try_from(frame - deliver.start).expect("a small place");
    ChunkTask {
        container: facts.container,
        stream: facts.video.stream,
        codec: facts.video.codec,
        source_time_base: timeline.source_time_base,
        starts: starts(timeline, deliver.start),
        mapping: timeline.mapping.clone(),
        frames: timeline.frames[place(deliver.start)..place(deliver.end)].to_vec(),
        feed_start: 0,
        feed_end: within(deliver.end),
        own_start: within(own.start),
        own_end: within(own.end),
        hash_left_end: 0,
        hash_right_start: within(deliver.end),
        keys: Vec::new(),
        first_cell: 0,
        first_frame: own.start,
        at_start: own.start == 0,
        at_end: own.end == timeline.frames.len() as u64,
        feeds_to_end: deliver.end == timeline.frames.len() as u64,
        output_time_base: timeline.clock.time_base(),
        own_end_pts: timeline.output_pts(own.end),
        first_pts: Vec::new(),
        nominal_frame_ticks: 1,
        filter: PictureFilter::default(),
        renditions: Vec::new(),
    }
}

/// The access point at or before the window, then each one before it.
fn starts(timeline: &Timeline, first: u64) -> Vec<StartPoint> {
    let points = &timeline.access_points;
    let behind = points.partition_point(|point| point.frame <= first).max(1);
    points[..behind]
        .iter()
        .rev()
        .map(|point| point.start)
        .collect()
}
