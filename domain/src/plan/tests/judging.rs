//! Shows when a revision holds, and that revisions end.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::films::{Film, film, films};
use super::laws::check_tiles;
use crate::ids::PlanRevision;
use crate::media_types::{ChunkReport, FrameHash, TrackReport, VbvSummary};
use crate::plan::{BorderReason, Judged, Plan, PlanError, Refutation, Timeline, UnitKind};
use crate::spec::ChunkLength;

/// What a faultless engine reports: each frame's hash is its place.
fn faultless(film: &Film, plan: &Plan) -> Vec<Vec<ChunkReport>> {
    let report = |chunk: u32, group: u32| {
        let task = plan
            .chunk_task(&film.facts, &film.timeline, chunk, group)
            .unwrap();
        let start = plan.chunks[chunk as usize].deliver.start;
        let hashes = |range: core::ops::Range<u32>| -> Vec<FrameHash> {
            let hash = |place: u32| FrameHash {
                frame: start + u64::from(place),
                hash: (start + u64::from(place)).to_be_bytes(),
            };
            range.map(hash).collect()
        };
        let length = u32::try_from(task.frames.len()).unwrap();
        ChunkReport {
            as_planned: true,
            delivered: Vec::new(),
            left: hashes(0..task.hash_left_end),
            right: hashes(task.hash_right_start..length),
            decoded_frames: u64::from(length),
            damaged_frames: 0,
            start_used: 0,
            renditions: task.renditions.iter().map(|_| track(None)).collect(),
            cpu_us: 0,
        }
    };
    let chunks = 0..u32::try_from(plan.chunks.len()).unwrap();
    let groups = 0..u32::try_from(plan.groups.len()).unwrap();
    chunks
        .map(|chunk| groups.clone().map(|group| report(chunk, group)).collect())
        .collect()
}

fn track(vbv: Option<VbvSummary>) -> TrackReport {
    TrackReport {
        codec_config: Vec::new(),
        fragments: Vec::new(),
        vbv,
        priming_samples: 0,
        presentation_delay: 0,
    }
}

fn judge(plan: &Plan, reports: &[Vec<ChunkReport>]) -> Judged {
    let reports: Vec<Vec<&ChunkReport>> = reports.iter().map(|of| of.iter().collect()).collect();
    plan.judge(&reports)
}

/// 20 s in ten chunks of one cell, 48 frames each.
fn ten_chunks(max_rate_bps: Option<u64>) -> Film {
    let mut film = film(20, "veryfast", max_rate_bps);
    film.spec.chunk = ChunkLength::Cells(1);
    film
}

fn border(chunk: u32, frame: u64) -> Judged {
    Judged::Refuted(Refutation::Border { chunk, frame })
}

/// A border holds if both sides hashed all frames of their overlap alike; the leftmost that doesn't
/// is named, with the first frame that differs or is missing.
#[test]
fn borders_are_judged_from_left_to_right() {
    let film = ten_chunks(None);
    let plan = film.plan().unwrap();
    let reports = faultless(&film, &plan);
    assert_eq!(judge(&plan, &reports), Judged::Proven);
    // The overlap around frame 144 is 10 frames of lead-in and 13 of tail.
    assert_eq!(plan.overlap(2), Some(134..157));

    let mut differing = reports.clone();
    differing[7][0].left[3].hash = [0; 8];
    assert_eq!(judge(&plan, &differing), border(6, 326 + 3));
    differing[2][0].right[22].hash = [0; 8];
    assert_eq!(judge(&plan, &differing), border(2, 156));

    let mut missing = reports;
    missing[3][0].left.truncate(20);
    assert_eq!(judge(&plan, &missing), border(2, 154));
    missing[2][0].right.clear();
    assert_eq!(judge(&plan, &missing), border(2, 134));
    let nothing = judge(&plan, &[]);
    assert_eq!(nothing, Judged::Refuted(Refutation::Frames { chunk: 0 }));
}

/// Other frames than planned refute the list of frames; once that was counted by decoding, they
/// refute the border that decoding began at.
#[test]
fn other_frames_refute_the_list_or_the_border() {
    let film = ten_chunks(None);
    let plan = film.plan().unwrap();
    let mut reports = faultless(&film, &plan);
    reports[4][0].as_planned = false;
    let refuted = judge(&plan, &reports);
    assert_eq!(refuted, Judged::Refuted(Refutation::Frames { chunk: 4 }));

    let counted = Plan {
        exact_frames: true,
        ..plan
    };
    assert_eq!(judge(&counted, &reports), border(3, 192));
    reports[0][0].as_planned = false;
    assert_eq!(judge(&counted, &reports), border(0, 48));
}

fn revised(film: &Film, plan: &Plan, refutation: &Refutation) -> Plan {
    let next = plan.revised(film.inputs(), refutation).unwrap();
    check_tiles(film, &next);
    assert_eq!(next.revision, plan.revision.next());
    next
}

fn cells(plan: &Plan) -> Vec<u32> {
    let length = |chunk: &crate::plan::Chunk| chunk.cells.end - chunk.cells.start;
    plan.chunks.iter().map(length).collect()
}

/// A refuted chunk swallows one neighbour, then two, then four; all other units keep their names.
#[test]
fn refuted_borders_are_merged_and_merging_doubles() {
    let film = ten_chunks(None);
    let first = film.plan().unwrap();
    let refutation = Refutation::Border {
        chunk: 1,
        frame: 96,
    };
    let second = revised(&film, &first, &refutation);
    assert_eq!(cells(&second), [1, 2, 1, 1, 1, 1, 1, 1, 1]);
    assert_eq!(second.chunks[1].border, BorderReason::Merged);
    let ids = |plan: &Plan| -> Vec<_> { plan.units.iter().map(|unit| unit.id).collect() };
    let (before, after) = (ids(&first), ids(&second));
    assert_eq!(after[0], before[0]);
    assert!(!before.contains(&after[1]));
    assert_eq!(after[2..], before[3..]);

    let third = revised(&film, &second, &refutation);
    assert_eq!(cells(&third), [1, 4, 1, 1, 1, 1, 1]);
    let fourth = revised(&film, &third, &refutation);
    assert_eq!(cells(&fourth), [1, 8, 1]);
    let fifth = revised(&film, &fourth, &refutation);
    assert_eq!(cells(&fifth), [1, 9]);
    assert_eq!(fifth.chunks[1].border, BorderReason::End);
}

/// The names that a revision keeps are those that it would have been given anew.
#[test]
fn kept_names_are_right_names() {
    let film = ten_chunks(Some(1_400_000));
    let first = film.plan().unwrap();
    let merge = Refutation::Border {
        chunk: 3,
        frame: 192,
    };
    let lead = Refutation::Bucket {
        chunk: 6,
        rendition: 0,
    };
    let plan = revised(&film, &revised(&film, &first, &merge), &lead);
    for unit in &plan.units {
        if let UnitKind::Chunk { chunk, group } = unit.kind {
            let task = plan.chunk_task(&film.facts, &film.timeline, chunk, group);
            let id = crate::codec::unit_id(crate::codec::Kind::ChunkTask, &task.unwrap());
            assert_eq!(id, Ok(unit.id));
        }
    }
}

/// Frames that weren't planned make a new plan on the counted ones, once.
#[test]
fn exact_frames_are_asked_for_once() {
    let film = ten_chunks(None);
    let plan = film.plan().unwrap();
    let refutation = Refutation::Frames { chunk: 2 };
    let refused = plan.revised(film.inputs(), &refutation);
    assert!(matches!(refused, Err(PlanError::Source(_))));

    let pts: Vec<i64> = film
        .timeline
        .frames
        .iter()
        .map(|one| one.source_pts)
        .collect();
    let timeline = film.timeline.with_exact_frames(&pts[..450]).unwrap();
    let counted = Film { timeline, ..film };
    let next = revised(&counted, &plan, &refutation);
    assert_eq!((next.frames, next.exact_frames), (450, true));
    let refused = next.revised(counted.inputs(), &refutation);
    assert!(matches!(refused, Err(PlanError::Source(_))));
    let other_timeline = Timeline {
        exact: false,
        ..film_of_another_length()
    };
    let other = Film {
        timeline: other_timeline,
        ..counted
    };
    let border = Refutation::Border {
        chunk: 0,
        frame: 48,
    };
    let refused = next.revised(other.inputs(), &border);
    assert!(matches!(refused, Err(PlanError::Bug(_))));
}

fn film_of_another_length() -> Timeline {
    ten_chunks(None).timeline
}

/// The bucket begins nine tenths full and is followed through all chunks; the leftmost chunk that
/// overdraws it gets a cell of lead-in more, up to four. Its neighbours keep their definitions.
#[test]
fn overdrawn_buckets_lengthen_the_lead_in() {
    let film = ten_chunks(Some(1_000_000));
    let plan = film.plan().unwrap();
    // 2 000 000 bits of buffer: 1 800 000 at the start.
    let summary = |need_bits, change_bits| {
        let ceiling_bits = 2_000_000;
        Some(VbvSummary {
            need_bits,
            change_bits,
            ceiling_bits,
        })
    };
    let mut reports = faultless(&film, &plan);
    for report in &mut reports {
        for track in &mut report[0].renditions {
            track.vbv = summary(900_000, -100_000);
        }
    }
    // 1 800 000 less 900 000 is just what the last chunk needs.
    assert_eq!(judge(&plan, &reports), Judged::Proven);
    reports[9][0].renditions[2].vbv = summary(900_001, 0);
    let refutation = |chunk, rendition| Refutation::Bucket { chunk, rendition };
    assert_eq!(judge(&plan, &reports), Judged::Refuted(refutation(9, 2)));
    reports[4][0].renditions[1].vbv = summary(1_400_001, 0);
    assert_eq!(judge(&plan, &reports), Judged::Refuted(refutation(4, 1)));
    // What overflows doesn't help later frames.
    reports[4][0].renditions[1].vbv = summary(0, 5_000_000);
    reports[5][0].renditions[1].vbv = summary(2_000_001, 0);
    assert_eq!(judge(&plan, &reports), Judged::Refuted(refutation(5, 1)));
    // Nothing lies before the first chunk.
    reports[0][0].renditions[0].vbv = summary(1_900_000, 0);
    assert_eq!(judge(&plan, &reports), Judged::Refuted(refutation(5, 1)));

    let mut longer = plan.clone();
    for cells in 1..=4 {
        longer = revised(&film, &longer, &refutation(5, 1));
        assert_eq!(longer.chunks[5].lead_in_cells, cells);
        assert_eq!(longer.chunks[5].feed.start, 240 - 48 * u64::from(cells));
    }
    for (unit, before) in longer.units.iter().zip(&plan.units) {
        let changed = unit.kind == UnitKind::Chunk { chunk: 5, group: 0 };
        assert_eq!(unit.id != before.id, changed, "{:?}", unit.kind);
    }
    // Four cells didn't help: the encoder itself overdraws, and no other plan would do better.
    let mut reports = faultless(&film, &longer);
    reports[5][0].renditions[1].vbv = summary(2_000_001, 0);
    assert_eq!(judge(&longer, &reports), Judged::Proven);
}

/// Which fault an adversary puts into the reports of one revision.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Border(usize),
    Frames(usize),
    Bucket(usize, usize),
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => any::<usize>().prop_map(Fault::Border),
        1 => any::<usize>().prop_map(Fault::Frames),
        2 => any::<(usize, usize)>().prop_map(|(chunk, track)| Fault::Bucket(chunk, track)),
    ]
}

fn spoil(reports: &mut [Vec<ChunkReport>], fault: Fault) {
    let count = reports.len();
    match fault {
        Fault::Border(at) => reports[at % count]
            .iter_mut()
            .for_each(|report| report.left.clear()),
        Fault::Frames(at) => reports[at % count][0].as_planned = false,
        Fault::Bucket(at, track) => {
            let tracks = &mut reports[at % count][0].renditions;
            let count = tracks.len();
            tracks[track % count].vbv = Some(VbvSummary {
                need_bits: i64::MAX,
                change_bits: i64::MIN,
                ceiling_bits: 0,
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever the reports say, revisions end: within one for the frames, one for each border, and
    /// four for each chunk's bucket. Each of them tiles.
    #[test]
    fn revisions_end(film in films(), faults in prop::collection::vec(faults(), 1..8)) {
        let mut film = film;
        let mut plan = film.plan().unwrap();
        let bound = 1 + 5 * plan.chunks.len() * 2;
        let pts: Vec<i64> = film.timeline.frames.iter().map(|one| one.source_pts).collect();
        for round in 0.. {
            prop_assert!(round <= bound, "{round} revisions");
            let mut reports = faultless(&film, &plan);
            // The adversary repeats itself for ever.
            for fault in &faults {
                spoil(&mut reports, *fault);
            }
            let refutation = match judge(&plan, &reports) {
                Judged::Proven => break,
                Judged::Refuted(refutation) => refutation,
            };
            if matches!(refutation, Refutation::Frames { .. }) {
                film.timeline = film.timeline.with_exact_frames(&pts).unwrap();
            }
            match plan.revised(film.inputs(), &refutation) {
                Ok(next) => plan = next,
                // The only way out that isn't a proof: one chunk that never decodes as counted.
                Err(PlanError::Source(_)) => break,
                Err(PlanError::Bug(bug)) => prop_assert!(false, "{bug}"),
            }
            check_tiles(&film, &plan);
        }
    }
}

/// A plan that was never refuted is revision 0.
#[test]
fn plans_begin_at_revision_0() {
    let plan = ten_chunks(None).plan().unwrap();
    assert_eq!(plan.revision, PlanRevision(0));
    assert_eq!(
        vec![0; plan.chunks.len()],
        plan.chunks
            .iter()
            .map(|one| one.refutations)
            .collect::<Vec<_>>()
    );
}
