//! Laws of every plan, its tasks and its units.

use alloc::collections::BTreeSet;

use proptest::prelude::*;

use crate::codec::{self, Kind};
use crate::media_types::Container;
use crate::plan::{Plan, UnitKind};
use crate::spec::ChunkLength;

use super::films::{Film, films};

/// Every frame has one owner; cells, chunks, groups and units tile what they divide (invariant 13);
/// windows enclose what they must.
#[track_caller]
pub(super) fn check_tiles(film: &Film, plan: &Plan) {
    let frames = film.timeline.frames.len() as u64;
    assert_eq!(plan.frames, frames);
    let mut next = 0;
    for cell in &plan.cells {
        assert_eq!(cell.frames.start, next);
        assert!(!cell.frames.is_empty(), "a cell without frames");
        assert_eq!(cell.start_pts, film.timeline.output_pts(next));
        next = cell.frames.end;
    }
    assert_eq!(next, frames, "cells end with the source");

    let (mut next_cell, mut next_frame) = (0, 0);
    for chunk in &plan.chunks {
        assert_eq!(
            (chunk.cells.start, chunk.own.start),
            (next_cell, next_frame)
        );
        assert!(!chunk.own.is_empty());
        (next_cell, next_frame) = (chunk.cells.end, chunk.own.end);
        let (feed, deliver) = (&chunk.feed, &chunk.deliver);
        assert!(feed.start <= chunk.own.start && chunk.own.end <= feed.end);
        assert!(deliver.start <= feed.start && feed.end <= deliver.end && deliver.end <= frames);
        let point = film.timeline.access_points[chunk.access_point as usize];
        assert!(
            point.frame <= deliver.start,
            "decoding begins before the first frame"
        );
    }
    assert_eq!((next_cell as usize, next_frame), (plan.cells.len(), frames));
    if film.spec.chunk == ChunkLength::ByCost {
        let borders = plan.chunks.iter().skip(1);
        for before in borders.map(|chunk| &plan.cells[chunk.cells.start as usize - 1]) {
            let frames = before.frames.end - before.frames.start;
            assert!(frames > 1, "two IDR pictures meet at a border");
        }
    }

    check_units(plan);
}

fn check_units(plan: &Plan) {
    let mut next = 0;
    for group in &plan.groups {
        assert_eq!(group.start, next);
        next = group.end;
    }
    assert_eq!(next as usize, plan.renditions.len());

    let chunks = 0..u32::try_from(plan.chunks.len()).unwrap();
    let groups = 0..u32::try_from(plan.groups.len()).unwrap();
    let wanted = chunks.flat_map(|chunk| {
        let of_group = move |group| UnitKind::Chunk { chunk, group };
        groups.clone().map(of_group)
    });
    let tracks = 0..u32::try_from(plan.audio.len()).unwrap();
    let wanted = wanted.chain(tracks.map(|track| UnitKind::Audio { track }));
    assert!(plan.units.iter().map(|unit| unit.kind).eq(wanted));
    let ids: BTreeSet<_> = plan.units.iter().map(|unit| unit.id).collect();
    assert_eq!(
        ids.len(),
        plan.units.len(),
        "different work has different names"
    );
    for unit in &plan.units {
        assert_eq!(plan.unit(unit.kind), Some(unit));
        assert!(unit.cost_us > 0 && unit.memory_bytes > 0);
    }
}

/// Tasks say what their chunk says, in their own numbers.
fn check_tasks(film: &Film, plan: &Plan) {
    for (number, chunk) in plan.chunks.iter().enumerate() {
        let number = u32::try_from(number).unwrap();
        let task = plan
            .chunk_task(&film.facts, &film.timeline, number, 0)
            .unwrap();
        let frame = |relative: u32| chunk.deliver.start + u64::from(relative);
        assert_eq!(frame(task.feed_start)..frame(task.feed_end), chunk.feed);
        assert_eq!(frame(task.own_start)..frame(task.own_end), chunk.own);
        assert_eq!(
            task.frames.len() as u64,
            chunk.deliver.end - chunk.deliver.start
        );
        assert_eq!(task.first_frame, chunk.own.start);
        assert_eq!(task.own_end_pts, film.timeline.output_pts(chunk.own.end));
        let keys = plan.cells.iter().map(|cell| cell.frames.start);
        let keys = keys.filter(|start| chunk.feed.contains(start));
        assert!(task.keys.iter().map(|&key| frame(key)).eq(keys));
        assert!(
            task.keys.contains(&task.own_start),
            "an own frame begins the first cell"
        );
        assert_eq!(task.at_start, number == 0);
        assert_eq!(task.at_end, chunk.own.end == plan.frames);

        // What decode times need: as many frames before the first own one as the encoder reorders.
        let deepest = task
            .renditions
            .iter()
            .map(|one| one.encoder.reorder_depth)
            .max();
        let deepest = deepest.unwrap();
        // Near the source's first frame there are none, and `first_pts` stands for them.
        assert!(chunk.feed.start == 0 || task.own_start - task.feed_start > deepest);
        let first = (deepest as usize + 1).min(film.timeline.frames.len());
        assert_eq!(task.first_pts.len(), first);
        assert!(task.nominal_frame_ticks > 0);

        let starts = &task.starts;
        let point = |place: usize| film.timeline.access_points[place].start;
        assert_eq!(starts.first(), Some(&point(chunk.access_point as usize)));
        assert_eq!(starts.last(), Some(&point(0)));
        assert!(starts.len() <= 64);
        assert!(
            starts.windows(2).all(|pair| pair[0].pts > pair[1].pts),
            "further and further back"
        );
        let length = u32::try_from(task.frames.len()).unwrap();
        assert_eq!(task.hash_left_end == 0, task.at_start);
        assert_eq!(task.hash_right_start == length, task.at_end);
    }
}

/// Both sides of a border hash all frames that prove it, at least one on each side of the border.
fn check_overlaps(film: &Film, plan: &Plan) {
    for left in 0..plan.chunks.len() - 1 {
        let number = u32::try_from(left).unwrap();
        let overlap = plan.overlap(number).unwrap();
        let border = plan.chunks[left].own.end;
        assert!(overlap.start < border && border < overlap.end);
        let task = |number| {
            plan.chunk_task(&film.facts, &film.timeline, number, 0)
                .unwrap()
        };
        let (before, behind) = (task(number), task(number + 1));
        let right_start = plan.chunks[left].deliver.start + u64::from(before.hash_right_start);
        assert!(right_start <= overlap.start && overlap.end <= plan.chunks[left].deliver.end);
        let right = &plan.chunks[left + 1].deliver;
        assert!(right.start <= overlap.start);
        assert!(overlap.end <= right.start + u64::from(behind.hash_left_end));
        assert!(u64::from(behind.hash_left_end) <= right.end - right.start);
    }
    let last = u32::try_from(plan.chunks.len() - 1).unwrap();
    assert_eq!(plan.overlap(last), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every frame has one owner, chunks cover the source, and units tile cells × renditions.
    #[test]
    fn plans_tile(film in films()) {
        let plan = film.plan().unwrap();
        check_tiles(&film, &plan);
        check_tasks(&film, &plan);
        check_overlaps(&film, &plan);
    }

    /// The same inputs make the same plan, names of units included; its record is read back.
    #[test]
    fn plans_are_stable(film in films()) {
        let plan = film.plan().unwrap();
        let record = codec::encode(Kind::Plan, &plan).unwrap();
        prop_assert_eq!(codec::decode(Kind::Plan, &record), Ok(film.plan().unwrap()));
    }

    /// Audio cells end with the video's, to the nearest sample, and rise.
    #[test]
    fn audio_cells_end_with_the_videos(film in films()) {
        let plan = film.plan().unwrap();
        let task = plan.audio_task(&film.facts, &film.timeline, 0).unwrap();
        prop_assert_eq!(task.cell_ends.len(), plan.cells.len());
        prop_assert!(task.cell_ends.windows(2).all(|pair| pair[0] < pair[1]));
        let rate = i128::from(task.rendition.sample_rate_hz);
        let tick = plan.clock.time_base();
        let (num, den) = (i128::from(tick.numerator()), i128::from(tick.denominator()));
        for (end, next) in task.cell_ends.iter().zip(plan.cells.iter().skip(1)) {
            let off = i128::from(*end) * den - i128::from(next.start_pts) * num * rate;
            // Half a sample, or what cells shorter than a sample push it to.
            let pushed = i128::from(plan.cells.len() as u64) * den;
            prop_assert!(2 * off.abs() <= den || (off > 0 && off <= pushed));
        }
    }

    /// In transport streams decoding begins one access point further back than elsewhere.
    #[test]
    fn transport_streams_begin_further_back(film in films()) {
        let mut film = film;
        film.facts.container = Container::Mp4;
        let usual = film.plan().unwrap();
        film.facts.container = Container::MpegTs;
        if let ChunkLength::Cells(_) = film.spec.chunk {
            let further = film.plan().unwrap();
            for (usual, further) in usual.chunks.iter().zip(&further.chunks) {
                prop_assert_eq!(further.access_point, usual.access_point.saturating_sub(1));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// What renditions cost is part of what the units of their groups cost, which are all but audio.
    #[test]
    fn renditions_share_the_cost_of_their_groups(film in films()) {
        let plan = film.plan().unwrap();
        let costs = plan.rendition_costs_us(&film.facts);
        prop_assert_eq!(costs.len(), plan.renditions.len());
        let mut all = 0;
        for (place, group) in plan.groups.iter().enumerate() {
            let whole = plan.group_cost_us(u32::try_from(place).unwrap());
            let parts: u64 = costs[group.start as usize..group.end as usize].iter().sum();
            prop_assert!(0 < parts && parts <= whole, "{parts} of {whole}");
            all += whole;
        }
        let audio = plan.units.iter().filter(|unit| matches!(unit.kind, UnitKind::Audio { .. }));
        let units: u64 = plan.units.iter().map(|unit| unit.cost_us).sum();
        prop_assert_eq!(all + audio.map(|unit| unit.cost_us).sum::<u64>(), units);
    }
}
