//! Shows how films are cut.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write as _;

use proptest::prelude::*;

use super::films::{Film, constant, film, rung, variable};
use super::laws::check_tiles;
use crate::ladder::{Ladder, LadderSpec};
use crate::media_types::Container;
use crate::plan::cost::FrameCost;
use crate::plan::{BorderReason, Chunk, MAX_UNITS, Plan, PlanError, UnitKind};
use crate::spec::{CellLength, ChunkLength, Latency};

/// Lengths of the chunks in cells, runs of equal ones together, with a `/` where the taper begins.
fn shape(plan: &Plan) -> String {
    let mut runs: Vec<(u32, u32, BorderReason)> = Vec::new();
    for chunk in &plan.chunks {
        let length = chunk.cells.end - chunk.cells.start;
        match runs.last_mut() {
            Some((count, of, reason)) if *of == length && *reason == chunk.border => *count += 1,
            _ => runs.push((1, length, chunk.border)),
        }
    }
    let mut text = String::new();
    for (count, length, reason) in runs {
        let mark = match reason {
            BorderReason::Cost => "",
            BorderReason::Taper => "t",
            BorderReason::Merged => "m",
            BorderReason::End => "e",
        };
        write!(text, "{count}x{length}{mark} ").unwrap();
    }
    text.trim_end().into()
}

/// Chunks are as long as the percentage needs, and halve towards the end while it allows.
#[test]
fn chunks_taper() {
    let cases = [
        (30, "veryfast", None, "1x15e"),
        (120, "veryfast", None, "2x20t 1x10t 1x10e"),
        (120, "medium", Some(1_400_000), "2x20 1x10t 1x10e"),
        (600, "veryfast", None, "9x19 3x18 1x19 2x10t 3x9t 1x9e"),
        (
            600,
            "medium",
            Some(1_400_000),
            "5x23 5x22 1x25 1x12t 1x13t 1x7t 2x6t 1x6e",
        ),
    ];
    for (seconds, preset, cap, wanted) in cases {
        let plan = film(seconds, preset, cap).plan().unwrap();
        assert_eq!(shape(&plan), wanted, "{seconds} s with {preset}");
    }
}

/// What the borders cost: frames decoded and encoded beyond the owned ones, in thousandths of all.
fn borders_permille(film: &Film, plan: &Plan) -> u64 {
    let cost = FrameCost::of(&film.facts, &plan.renditions);
    let (mut own, mut all) = (0, 0);
    for chunk in &plan.chunks {
        let length = chunk.own.end - chunk.own.start;
        let begin = film.timeline.access_points[chunk.access_point as usize].frame;
        own += length * (cost.decode_ns + cost.encode_ns);
        all += (chunk.deliver.end - begin) * cost.decode_ns
            + (chunk.own.end - chunk.feed.start) * cost.encode_ns
            + (chunk.feed.end - chunk.own.end) * cost.tail_ns();
    }
    (all - own) * 1_000 / all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Ends and preroll cost no more than the percentage wherever key frames stand in the source; a
    /// film that is cut at all ends with chunks no longer than those at its beginning.
    #[test]
    fn borders_stay_within_the_percentage(
        frames in 1_u64..40_000,
        gop in 1_u64..3_000,
        cell in 1_u32..200,
        preset in prop::sample::select(vec!["ultrafast", "veryfast", "medium"]),
        cap in prop::option::of(Just(3_000_000)),
        container in prop::sample::select(vec![Container::Mp4, Container::MpegTs]),
        latency in prop::sample::select(vec![Latency::Normal, Latency::Fast]),
    ) {
        let mut film = film(1, preset, cap);
        film.spec.latency = latency;
        film.facts.container = container;
        film.timeline = constant((30, 1), frames, gop);
        film.spec.cell = CellLength::Frames(cell);
        let plan = film.plan().unwrap();
        let limit = match latency {
            Latency::Fast => 150,
            Latency::Normal if cap.is_some() => 50,
            Latency::Normal => 30,
        };
        prop_assert!(borders_permille(&film, &plan) <= limit);
        check_tiles(&film, &plan);
    }

    /// Where key frames are regular and close, a long film tapers: its last chunk is at most half as
    /// long as its longest, and chunks of the first half are alike to a cell or two.
    #[test]
    fn long_films_taper(minutes in 5_u64..40, preset in prop::sample::select(vec!["superfast", "veryfast", "fast"])) {
        let plan = film(minutes * 60, preset, None).plan().unwrap();
        let lengths: Vec<u32> = plan.chunks.iter().map(|chunk| chunk.cells.end - chunk.cells.start).collect();
        let longest = lengths.iter().copied().max().unwrap();
        prop_assert!(lengths[lengths.len() - 1] <= longest.div_ceil(2));
        let half = u32::try_from(plan.cells.len() / 2).unwrap();
        for chunk in plan.chunks.iter().filter(|chunk| chunk.cells.end <= half) {
            prop_assert!(longest - (chunk.cells.end - chunk.cells.start) <= longest / 4);
        }
    }
}

/// A film that can be entered at its beginning only is one chunk, unless cells are asked for.
#[test]
fn one_access_point_is_one_chunk() {
    let mut film = film(600, "veryfast", None);
    film.timeline = constant((24, 1), 14_400, 14_400);
    assert_eq!(shape(&film.plan().unwrap()), "1x300e");
    film.spec.chunk = ChunkLength::Cells(100);
    assert_eq!(shape(&film.plan().unwrap()), "2x100 1x100e");
}

/// Borders stand where preroll is short: just behind access points that are far apart.
#[test]
fn borders_stand_behind_access_points() {
    let mut film = film(600, "veryfast", None);
    film.timeline = constant((24, 1), 14_400, 250);
    let plan = film.plan().unwrap();
    let preroll = |chunk: &Chunk| {
        let point = film.timeline.access_points[chunk.access_point as usize].frame;
        chunk.deliver.start - point
    };
    let prerolls: Vec<u64> = plan.chunks.iter().map(preroll).collect();
    let mean = prerolls.iter().sum::<u64>() / prerolls.len() as u64;
    assert!(plan.chunks.len() > 4);
    assert!(mean < 60, "cut anywhere the mean is 125: {prerolls:?}");
}

/// Cells that are asked for are cut exactly so, and too many units are refused.
#[test]
fn cells_are_cut_as_asked() {
    let mut film = film(20, "ultrafast", None);
    film.spec.chunk = ChunkLength::Cells(3);
    assert_eq!(shape(&film.plan().unwrap()), "3x3 1x1e");

    film.timeline = constant((24, 1), MAX_UNITS as u64 + 1, 1);
    film.spec.cell = CellLength::Frames(1);
    film.spec.chunk = ChunkLength::Cells(1);
    let refused = film.plan().unwrap_err();
    assert!(matches!(refused, PlanError::Source(_)), "{refused}");
}

/// Cells hold the nearest whole number of frames at a constant rate; at a variable one they are
/// slices of time, and those without frames don't exist.
#[test]
fn cells_are_whole_frames_or_slices_of_time() {
    let lengths = |film: &Film| -> Vec<u64> {
        let plan = film.plan().unwrap();
        plan.cells
            .iter()
            .map(|cell| cell.frames.end - cell.frames.start)
            .collect()
    };
    let mut film = film(1, "veryfast", None);
    film.timeline = constant((24_000, 1_001), 100, 1);
    assert_eq!(lengths(&film), [48, 48, 4]);
    film.spec.cell = CellLength::Milliseconds(1);
    assert_eq!(lengths(&film).len(), 100);

    // Frames at 0, 1, 2, 7 and 7.5 s, in slices of 2 s: [0, 2), [2, 4), [6, 8).
    film.timeline = variable(&[90_000, 90_000, 450_000, 45_000, 45_000], &[0]);
    film.spec.cell = CellLength::Milliseconds(2_000);
    assert_eq!(lengths(&film), [2, 1, 2]);
    // Two mean frame durations of 1.6 s: the borders are 3.2 and 6.4 s.
    film.spec.cell = CellLength::Frames(2);
    assert_eq!(lengths(&film), [3, 2]);
}

/// Windows follow the deepest encoder: lead-in, tail and the deinterlacer's margin.
#[test]
fn windows_follow_the_encoders() {
    let cases = [
        ("ultrafast", None, false, (10, 1, 0)),
        ("superfast", None, false, (10, 6, 0)),
        ("veryfast", None, false, (10, 13, 0)),
        ("medium", Some(1_400_000), true, (24, 43, 1)),
    ];
    for (preset, cap, interlaced, (lead_in, tail, margin)) in cases {
        let mut film = film(20, preset, cap);
        film.facts.video.interlaced = interlaced;
        film.spec.chunk = ChunkLength::Cells(4);
        let chunk = film.plan().unwrap().chunks[1].clone();
        assert_eq!(chunk.own, 192..384);
        assert_eq!(chunk.feed, 192 - lead_in..384 + tail, "{preset}");
        assert_eq!(
            chunk.deliver,
            chunk.feed.start - margin..chunk.feed.end + margin
        );
    }
}

/// Units cost what their windows cost, and memory stands near what was measured at 1080p.
#[test]
fn costs_follow_the_windows() {
    for (preset, megabytes) in [("veryfast", 240..255), ("medium", 325..340)] {
        let plan = film(60, preset, None).plan().unwrap();
        assert!(
            megabytes.contains(&(plan.units[0].memory_bytes / 1_000_000)),
            "{preset}"
        );
    }
    let mut film = film(60, "veryfast", None);
    let whole = film.plan().unwrap().units[0].cost_us;
    film.spec.chunk = ChunkLength::Cells(3);
    let plan = film.plan().unwrap();
    let parts = plan
        .units
        .iter()
        .filter(|unit| matches!(unit.kind, UnitKind::Chunk { .. }));
    let parts: u64 = parts.map(|unit| unit.cost_us).sum();
    assert!(
        parts > whole + whole / 20,
        "ends aren't free: {parts} against {whole}"
    );
}

/// A ladder that one worker's memory can't hold is made by several decodes.
#[test]
fn heavy_ladders_are_divided() {
    let mut film = film(4, "slower", None);
    film.facts.video.width = 8_192;
    film.facts.video.height = 4_320;
    let rungs = (0..4).map(|place| {
        rung(
            &alloc::format!("r{place}"),
            (7_680 - place * 64, 4_320),
            "slower",
        )
    });
    let ladder = LadderSpec {
        rungs: rungs.collect(),
        ..film.spec.ladder.spec().clone()
    };
    film.spec.ladder = Ladder::try_from(ladder).unwrap();
    let plan = film.plan().unwrap();
    assert_eq!(plan.groups.len(), plan.renditions.len());
    check_tiles(&film, &plan);
    assert_eq!(
        plan.label(UnitKind::Chunk { chunk: 0, group: 1 }),
        "chunk 1, group 2"
    );
    assert_eq!(plan.label(UnitKind::Audio { track: 0 }), "audio-1-eng");
    assert_eq!(plan.duration_ms(), 4_000);
}
