//! The definitions of units: all that a worker is told.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::media_types::{AudioTask, ChunkTask, PlannedFrame, SourceFacts, StartPoint};
use crate::plan::windows::Reach;
use crate::plan::{Chunk, OutputClock, Plan, PlanError, Timeline};
use crate::rational::{Rational, scale};

/// Most start points of a task: each is a whole group of pictures further back, and the last is the
/// first of the source, so whatever has a usable beginning is decoded.
const MAX_STARTS: usize = 64;

/// A rule of the planner's own is broken.
pub(super) fn bug(rule: &str) -> PlanError {
    PlanError::Bug(rule.into())
}

/// A place in a slice.
pub(super) fn place(number: impl TryInto<usize>) -> usize {
    number.try_into().unwrap_or(usize::MAX)
}

/// A count or place as tasks hold it.
pub(super) fn small(number: impl TryInto<u32>) -> Result<u32, PlanError> {
    number
        .try_into()
        .map_err(|_too_large| bug("all places within a chunk fit 32 bits"))
}

/// See [`Plan::chunk_task`].
pub(super) fn chunk(
    plan: &Plan,
    facts: &SourceFacts,
    timeline: &Timeline,
    chunk: &Chunk,
    group: &Range<u32>,
) -> Result<ChunkTask, PlanError> {
    let outside = || bug("a chunk's windows lie in the timeline, and its group in the renditions");
    let frames = frames(timeline, &chunk.deliver).ok_or_else(outside)?;
    let relative = |frame: u64| small(frame.saturating_sub(chunk.deliver.start));
    let renditions = plan
        .renditions
        .get(place(group.start)..place(group.end))
        .ok_or_else(outside)?;
    let deepest = plan
        .renditions
        .iter()
        .map(|one| one.encoder.reorder_depth)
        .max();
    let first = timeline.frames.iter().take(place(deepest.unwrap_or(0)) + 1);
    let reach = Reach::of(&plan.renditions, plan.filter);
    let at_start = chunk.own.start == 0;
    let at_end = chunk.own.end == plan.frames;
    let left_end = reach.overlap(chunk.own.start, plan.frames).end;
    let right_start = reach.overlap(chunk.own.end, plan.frames).start;
    Ok(ChunkTask {
        container: facts.container,
        stream: facts.video.stream,
        codec: facts.video.codec,
        source_time_base: timeline.source_time_base,
        starts: starts(timeline, chunk.access_point),
        mapping: timeline.mapping.clone(),
        frames: frames.to_vec(),
        feed_start: relative(chunk.feed.start)?,
        feed_end: relative(chunk.feed.end)?,
        own_start: relative(chunk.own.start)?,
        own_end: relative(chunk.own.end)?,
        hash_left_end: if at_start {
            0
        } else {
            relative(left_end.min(chunk.deliver.end))?
        },
        hash_right_start: if at_end {
            small(frames.len())?
        } else {
            relative(right_start)?
        },
        keys: keys(plan, chunk)?,
        first_cell: chunk.cells.start,
        first_frame: chunk.own.start,
        at_start,
        at_end,
        feeds_to_end: chunk.feed.end == plan.frames,
        output_time_base: plan.clock.time_base(),
        own_end_pts: timeline.output_pts(chunk.own.end),
        first_pts: first.map(|frame| frame.output_pts).collect(),
        nominal_frame_ticks: nominal_frame_ticks(plan),
        filter: plan.filter,
        renditions: renditions.to_vec(),
    })
}

fn frames<'a>(timeline: &'a Timeline, range: &Range<u64>) -> Option<&'a [PlannedFrame]> {
    timeline.frames.get(place(range.start)..place(range.end))
}

/// The planned access point first, then further and further back; the last is the source's first.
fn starts(timeline: &Timeline, planned: u32) -> Vec<StartPoint> {
    let points = timeline.access_points.iter().take(place(planned) + 1).rev();
    let mut starts: Vec<StartPoint> = points.map(|point| point.start).take(MAX_STARTS).collect();
    if let (true, Some(first)) = (place(planned) >= MAX_STARTS, timeline.access_points.first()) {
        starts.truncate(MAX_STARTS - 1);
        starts.push(first.start);
    }
    starts
}

/// First frames of cells within the windows, relative to the first delivered frame. Frames outside
/// of the fed ones are never encoded.
fn keys(plan: &Plan, chunk: &Chunk) -> Result<Vec<u32>, PlanError> {
    let first = plan
        .cells
        .partition_point(|cell| cell.frames.start < chunk.feed.start);
    plan.cells
        .iter()
        .skip(first)
        .take_while(|cell| cell.frames.start < chunk.feed.end)
        .map(|cell| small(cell.frames.start - chunk.deliver.start))
        .collect()
}

fn nominal_frame_ticks(plan: &Plan) -> i64 {
    match plan.clock {
        OutputClock::Constant { .. } => 1,
        OutputClock::Variable => {
            let frames = i64::try_from(plan.frames).unwrap_or(i64::MAX).max(1);
            (plan.end_pts / frames).max(1)
        }
    }
}

/// See [`Plan::audio_task`].
pub(super) fn audio(
    plan: &Plan,
    facts: &SourceFacts,
    timeline: &Timeline,
    track: u32,
) -> Result<AudioTask, PlanError> {
    let audio = plan
        .audio
        .get(place(track))
        .ok_or_else(|| PlanError::Bug(format!("the plan has an audio track {track}")))?;
    let out_of_range = || bug("audio times fit 64 bits");
    let rate = Rational::whole(i64::from(audio.rendition.sample_rate_hz));
    let samples_per_tick = plan.clock.time_base().checked_mul(rate);
    let samples_per_tick = samples_per_tick.ok_or_else(out_of_range)?;
    let starts = plan.cells.iter().skip(1).map(|cell| cell.start_pts);
    let mut cell_ends: Vec<i64> = Vec::with_capacity(plan.cells.len());
    for end_pts in starts.chain([plan.end_pts]) {
        let end = scale(end_pts, samples_per_tick).ok_or_else(out_of_range)?;
        // Cells shorter than a sample still end one behind the other.
        cell_ends.push(cell_ends.last().map_or(end, |last| end.max(last + 1)));
    }
    Ok(AudioTask {
        container: facts.container,
        stream: audio.stream,
        source_time_base: audio.time_base,
        mapping: timeline.mapping.clone(),
        mapping_time_base: timeline.source_time_base,
        wrap_reference: timeline.first_raw_dts,
        origin_s: timeline.origin_s().ok_or_else(out_of_range)?,
        cell_ends,
        rendition: audio.rendition.clone(),
    })
}
