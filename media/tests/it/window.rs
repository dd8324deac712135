//! The window on plans that are wrong, sources that fail, and callers that stop it.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_domain::media_types::{ChunkTask, PlannedFrame, StartPoint};
use reelmesh_media::control::{Control, Unattended};
use reelmesh_media::error::MediaError;
use reelmesh_media::io::ByteSource;
use reelmesh_media::limits::Limits;
use reelmesh_media::probe::probe;
use reelmesh_media::scan::scan;
use reelmesh_media::window::{WindowReport, decode_window};

use crate::clips::{X264, X264_OPEN, clip, open};
use crate::identity::Source;
use crate::windows;

fn source(name: &str, options: &str) -> Source {
    let directory = tempfile::tempdir().expect("a directory");
    // The file stays open when its name goes.
    open(&clip(directory.path(), name, options))
}

/// Decodes a task and says which places were delivered.
fn decode(source: &Source, task: &ChunkTask) -> (WindowReport, Vec<u32>) {
    let mut places = Vec::new();
    let report = decode_window(
        task,
        Arc::clone(&source.bytes),
        &Limits::default(),
        &Unattended,
        &mut |place, _frame| {
            places.push(place);
            Ok(())
        },
    );
    (report.expect("the window decodes"), places)
}

fn times(task: &ChunkTask) -> Vec<i64> {
    task.frames.iter().map(|frame| frame.source_pts).collect()
}

/// Where the plan lacks a frame, delivering ends before it, and the report lists all that came out.
#[test]
fn lists_frames_that_the_plan_lacks() {
    let source = source("clip.mp4", X264);
    let planned = windows::task(&source.facts, &source.timeline, &(30..45));
    let all = times(&planned);
    let mut task = planned;
    task.frames.remove(20);
    let (report, places) = decode(&source, &task);
    assert!(!report.as_planned);
    assert_eq!(report.delivered, all);
    assert_eq!(places, (0..20).collect::<Vec<_>>());
}

/// Where the plan claims a frame that isn't there, the report lists those that are.
#[test]
fn lists_frames_where_the_plan_claims_more() {
    let source = source("clip.ts", X264);
    let mut task = windows::task(&source.facts, &source.timeline, &(30..45));
    let all = times(&task);
    let between = all[9] + 1;
    task.frames.insert(
        10,
        PlannedFrame {
            source_pts: between,
            output_pts: 0,
        },
    );
    let (report, places) = decode(&source, &task);
    assert!(!report.as_planned);
    assert_eq!(report.delivered, all);
    assert_eq!(places.len(), 10);
}

/// The last chunk decodes to the end of the source and finds frames behind the planned ones; one that ends
/// before it doesn't look.
#[test]
fn last_chunk_finds_frames_behind_the_plan() {
    let source = source("clip.mkv", X264);
    let mut task = windows::task(&source.facts, &source.timeline, &(60..75));
    let all = times(&task);
    task.frames.pop();
    let (report, places) = decode(&source, &task);
    assert_eq!((report.as_planned, report.delivered), (false, all.clone()));
    assert_eq!(places.len(), all.len() - 1);
    task.at_end = false;
    let (report, _places) = decode(&source, &task);
    assert!(report.as_planned && report.delivered.is_empty());
}

/// A start behind the window's first frame is answered by the next one; if none is right, nothing is
/// delivered and the report says what came.
#[test]
fn begins_further_back() {
    for name in ["clip.mp4", "clip.mkv", "clip.ts"] {
        let source = source(name, X264_OPEN);
        let right = windows::task(&source.facts, &source.timeline, &(42..45));
        let late = source.timeline.access_points.last().expect("some").start;
        let mut task = right.clone();
        task.starts.insert(0, late);
        let (report, places) = decode(&source, &task);
        assert!(report.as_planned, "{name}");
        assert_eq!(report.start_used, 1, "{name}");
        assert_eq!(places.len(), task.frames.len(), "{name}");
        task.starts = vec![late];
        let (report, places) = decode(&source, &task);
        assert!(!report.as_planned && places.is_empty(), "{name}");
    }
}

/// A start point that isn't in the source is an error, not a wrong picture.
#[test]
fn refuses_a_start_that_is_not_there() {
    for name in ["clip.mp4", "clip.mkv", "clip.ts"] {
        let source = source(name, X264);
        let mut task = windows::task(&source.facts, &source.timeline, &(30..45));
        let start = task.starts[0];
        task.starts = vec![StartPoint {
            position: start.position.map(|position| position + 1),
            raw_dts: start.raw_dts + 1,
            ..start
        }];
        let refused = decode_window(
            &task,
            Arc::clone(&source.bytes),
            &Limits::default(),
            &Unattended,
            &mut |_place, _frame| Ok(()),
        );
        assert!(
            matches!(refused, Err(MediaError::Unreadable { .. })),
            "{name}: {refused:?}"
        );
    }
}

/// Stops after some questions, and keeps the progress that it was told.
struct StopsAfter(AtomicU64, AtomicU64);

impl Control for StopsAfter {
    fn cancelled(&self) -> bool {
        let left = self.0.load(Ordering::Relaxed);
        self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        left == 0
    }

    fn progress(&self, done: u64) {
        assert!(
            done >= self.1.swap(done, Ordering::Relaxed),
            "progress fell"
        );
    }
}

/// A caller that stops is obeyed between packets; one whose `deliver` fails gets its own error back.
#[test]
fn stops_when_asked() {
    let source = source("clip.mkv", X264);
    let task = windows::task(&source.facts, &source.timeline, &(0..75));
    let control = StopsAfter(AtomicU64::new(40), AtomicU64::new(0));
    let mut delivered = 0;
    let bytes = || Arc::clone(&source.bytes);
    let limits = Limits::default();
    let stopped = decode_window(&task, bytes(), &limits, &control, &mut |_place, _frame| {
        delivered += 1;
        Ok(())
    });
    assert!(matches!(stopped, Err(MediaError::Cancelled)));
    assert!((1..75).contains(&delivered));
    let refused = decode_window(
        &task,
        bytes(),
        &limits,
        &Unattended,
        &mut |place, _frame| match place {
            3 => Err(MediaError::Cancelled),
            _ => Ok(()),
        },
    );
    assert!(matches!(refused, Err(MediaError::Cancelled)));
}

/// A scan's progress never falls and ends with the source's length; its bounds and a caller's wish hold.
#[test]
fn scan_is_watched_and_bounded() {
    let source = source("clip.mp4", X264);
    let bytes = || Arc::clone(&source.bytes);
    let mut limits = Limits::default();
    let control = StopsAfter(AtomicU64::new(u64::MAX), AtomicU64::new(0));
    let found = scan(bytes(), &source.facts, &limits, &control).expect("scans");
    assert_eq!(found.packets.len(), 75);
    assert_eq!(found.packets.iter().filter(|packet| packet.key).count(), 5);
    assert_eq!(control.1.load(Ordering::Relaxed), source.bytes.length());
    let control = StopsAfter(AtomicU64::new(0), AtomicU64::new(0));
    let stopped = scan(bytes(), &source.facts, &limits, &control);
    assert!(matches!(stopped, Err(MediaError::Cancelled)));
    limits.packets = 74;
    let refused = scan(bytes(), &source.facts, &limits, &Unattended);
    assert!(matches!(
        refused,
        Err(MediaError::LimitPassed {
            value: 75,
            bound: 74,
            ..
        })
    ));
    limits.pixels = 1_000;
    let refused = probe(bytes(), &limits, &Unattended);
    assert!(
        matches!(refused, Err(MediaError::LimitPassed { value: 20_736, .. })),
        "{refused:?}"
    );
}

/// Fails to read behind a position.
struct FailsBehind(Arc<dyn ByteSource>, u64);

impl ByteSource for FailsBehind {
    fn length(&self) -> u64 {
        self.0.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        if offset + buffer.len() as u64 > self.1 && offset < self.0.length() {
            return Err(ErrorKind::ConnectionReset.into());
        }
        self.0.read_at(offset, buffer)
    }
}

/// A source that can't be read further doesn't pass for one that ends.
#[test]
fn read_errors_are_errors() {
    // Longer than what is read at once.
    let source = source("clip.ts", "-c:v libx264 -qp 1 -preset ultrafast");
    let length = source.bytes.length();
    let fails = || Arc::new(FailsBehind(Arc::clone(&source.bytes), length - 1));
    let limits = Limits::default();
    let scanned = scan(fails(), &source.facts, &limits, &Unattended);
    assert!(matches!(scanned, Err(MediaError::Io { .. })), "{scanned:?}");
    let task = windows::task(&source.facts, &source.timeline, &(0..75));
    let decoded = decode_window(&task, fails(), &limits, &Unattended, &mut |_, _| Ok(()));
    assert!(matches!(decoded, Err(MediaError::Io { .. })), "{decoded:?}");
}

/// A few frames that claim to stand for years are refused before anything is made of them: sound would be
/// filled up with silence to their end.
#[test]
fn years_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let years = "-t 0.12 -video_track_timescale 1 -bsf:v setts=pts=N*31536000:dts=N*31536000";
    let path = clip(
        directory.path(),
        "years.mp4",
        &format!("-c:v libx264 -bf 0 {years}"),
    );
    let Err(refused) = Source::open(&path) else {
        panic!("years are taken");
    };
    let years = MediaError::LimitPassed {
        limit: "the length of the video in seconds",
        value: 63_072_000,
        bound: 172_800,
    };
    assert_eq!(refused.to_string(), years.to_string());
}
