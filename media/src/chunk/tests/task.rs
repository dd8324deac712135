//! How a task begins, is watched, is stopped and fails.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_domain::media_types::Vbv;

use super::film::{Film, Kept, rendition};
use super::moving;
use crate::chunk::{run_chunk, run_with};
use crate::control::{Control, Unattended};
use crate::error::MediaError;
use crate::ffi::frame::Frame;
use crate::io::FileSource;
use crate::limits::Limits;
use crate::window::WindowReport;

/// A task gives the same bytes and the same report, but for its CPU time, alone, again, and while
/// others run beside it.
#[test]
fn gives_the_same_bytes_again_and_in_parallel() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let vbv = Some(Vbv {
        max_rate_bps: 800_000,
        buffer_bits: 1_600_000,
    });
    let renditions = [rendition(256, 144, vbv), rendition(128, 72, vbv)];
    let task = film.task(1, 3, &renditions);
    let run = || {
        let (mut report, kept) = film.run(&task).expect("encodes");
        report.cpu_us = 0;
        (report, kept)
    };
    let first = run();
    assert!(first.0.renditions.iter().all(|track| track.vbv.is_some()));
    assert_eq!(first, run());
    std::thread::scope(|scope| {
        let runs = [scope.spawn(run), scope.spawn(run)];
        for other in runs {
            assert_eq!(first, other.join().expect("no panic"));
        }
    });
}

/// The whole task, with its window decoded as the planner says, makes the same of a film as with frames
/// that are found by decoding from the start and looking at their times.
#[test]
fn real_windows_make_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let task = film.task(1, 3, &[rendition(160, 90, None)]);
    let (expected, fragments) = film.run(&task).expect("encodes");
    let source = Arc::new(FileSource::open(&film.path).expect("a file"));
    let mut kept = Kept::default();
    let report = run_chunk(&task, source, &Limits::default(), &mut kept, &Unattended);
    let report = report.expect("encodes");
    assert!(report.as_planned);
    assert_eq!(report.renditions, expected.renditions);
    assert_eq!((report.left, report.right), (expected.left, expected.right));
    assert_eq!(kept, fragments);
}

/// x264 never uses wider instructions than AVX2, whatever the machine has, and all of that.
#[test]
fn x264_is_held_to_avx2() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    crate::log::clear();
    film.run(&film.task(0, 1, &[rendition(320, 180, None)]))
        .expect("encodes");
    let lines = crate::log::last_lines();
    let line = lines
        .iter()
        .find(|line| line.contains("using cpu capabilities"))
        .expect("x264 says what it uses");
    assert!(line.ends_with("FMA3 BMI2 AVX2"), "{line}");
}

/// Counts progress and stops a task at a number of own frames.
struct Watch {
    stop_at: u64,
    seen: AtomicU64,
    all: Mutex<Vec<u64>>,
}

impl Control for Watch {
    fn cancelled(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.stop_at
    }

    fn progress(&self, done: u64) {
        self.seen.store(done, Ordering::Relaxed);
        self.all.lock().expect("no panic").push(done);
    }
}

/// Progress rises to the number of own frames; a task that is told to stop does so, cancelled, before
/// another fragment comes.
#[test]
fn is_watched_and_stopped() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let renditions = [rendition(320, 180, None), rendition(160, 90, None)];
    let task = film.task(1, 3, &renditions);
    for (stop_at, fragments) in [(u64::MAX, 2), (45, 1)] {
        let watch = Watch {
            stop_at,
            seen: AtomicU64::new(0),
            all: Mutex::default(),
        };
        let mut kept = Kept::default();
        let result = run_with(&task, &mut kept, &watch, |deliver| {
            film.window(&task, deliver)
        });
        let seen = watch.all.into_inner().expect("no panic");
        assert!(seen.is_sorted());
        assert_eq!(kept.tracks[0].len(), fragments);
        if stop_at == u64::MAX {
            assert_eq!(seen.last(), Some(&50));
            assert!(result.is_ok());
        } else {
            assert!(matches!(result, Err(MediaError::Cancelled)), "{result:?}");
        }
    }
}

/// Progress comes with the frames that are fed, not only once packets come out behind lead-in and
/// lookahead: after half of the frames at least a quarter of the work is said to be done.
#[test]
fn progress_comes_before_packets() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let task = film.task(1, 3, &[rendition(320, 180, None)]);
    let watch = Watch {
        stop_at: u64::MAX,
        seen: AtomicU64::new(0),
        all: Mutex::default(),
    };
    let half = u32::midpoint(task.feed_start, task.feed_end);
    let mut at_half = 0;
    run_with(&task, &mut Kept::default(), &watch, |deliver| {
        film.window(&task, &mut |index, frame| {
            deliver(index, frame)?;
            if index == half {
                at_half = watch.seen.load(Ordering::Relaxed);
            }
            Ok(())
        })
    })
    .expect("encodes");
    let own = u64::from(task.own_end - task.own_start);
    assert!((own / 4..own).contains(&at_half), "{at_half} of {own}");
    let all = watch.all.into_inner().expect("no panic");
    assert_eq!(all.first(), Some(&1), "{all:?}");
    // Few steps are skipped: where renditions agree, a packet and a frame are at most two steps.
    assert!(
        all.windows(2).all(|pair| pair[1] - pair[0] <= 10),
        "{all:?}"
    );
}

/// A window that isn't the planned one is reported, with what the borders say and without fragments.
#[test]
fn reports_other_frames_than_planned() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let task = film.task(1, 2, &[rendition(320, 180, None)]);
    let report = run_with(&task, &mut Kept::default(), &Unattended, |deliver| {
        film.window(&task, deliver)?;
        Ok(WindowReport {
            as_planned: false,
            delivered: vec![7, 8],
            decoded_frames: 2,
            damaged_frames: 1,
            start_used: 1,
        })
    })
    .expect("reports");
    assert!(!report.as_planned && report.renditions[0].fragments.is_empty());
    assert_eq!((report.delivered, report.start_used), (vec![7, 8], 1));
}

/// Tasks that break their own rules are bugs, and said to be: a tail that is too short to bring out all
/// own packets, a first own frame that is no key, a wrong reorder depth.
#[test]
fn broken_tasks_are_bugs() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let good = film.task(1, 2, &[rendition(320, 180, None)]);
    let mut short = good.clone();
    short.feed_end = short.own_end + 5;
    let mut keyless = good.clone();
    keyless.keys.retain(|key| *key != good.own_start);
    let mut flat = good;
    flat.renditions[0].encoder.reorder_depth = 0;
    for (task, says) in [
        (short, "tail of 5"),
        (keyless, "keys rise"),
        (flat, "reorders"),
    ] {
        let error = film.run(&task).expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
        assert!(matches!(error, MediaError::Bug { .. }));
    }
}

/// A single frame at the end of a film is a chunk, too, and a tail for the chunk in front of it, which then
/// keeps all its packets although the encoder would look further ahead.
#[test]
fn a_single_frame_is_a_chunk() {
    let directory = tempfile::tempdir().expect("a directory");
    let single = Film::make(
        directory.path(),
        "single.mp4",
        "testsrc2=s=320x180:r=25:d=1.04",
        &["-c:v", "libx264", "-pix_fmt", "yuv420p"],
    );
    assert_eq!(single.times.len(), 26);
    let (report, _) = single
        .run(&single.task(1, 2, &[rendition(160, 90, None)]))
        .expect("encodes");
    assert_eq!(report.renditions[0].fragments[0].samples, 1);
    let (report, _) = single
        .run(&single.task(0, 1, &[rendition(160, 90, None)]))
        .expect("encodes");
    assert_eq!(report.renditions[0].fragments[0].samples, 25);
}

/// A change of size and range inside the stream rebuilds the filters and keeps the shape of the output.
#[test]
fn a_change_of_size_keeps_the_shape() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let renditions = [rendition(160, 90, None), rendition(80, 44, None)];
    let mut task = film.task(1, 2, &renditions);
    task.filter.deinterlace = true;
    let mut kept = Kept::default();
    let report = run_with(&task, &mut kept, &Unattended, |deliver| {
        for index in 0..u32::try_from(task.frames.len()).expect("few") {
            let (width, height) = if index % 20 < 10 { (160, 90) } else { (96, 70) };
            let mut frame = Frame::picture(width, height)?;
            for plane in frame.planes_mut()? {
                plane.fill(u8::try_from(100 + index).expect("few"));
            }
            frame.set_full_range(index % 7 == 0);
            frame.set_interlaced(index % 3 == 0);
            deliver(index, frame)?;
        }
        Ok(WindowReport {
            as_planned: true,
            delivered: Vec::new(),
            decoded_frames: 0,
            damaged_frames: 0,
            start_used: 0,
        })
    })
    .expect("encodes");
    for track in report.renditions {
        assert_eq!(track.fragments.len(), 1);
        assert_eq!(track.fragments[0].samples, 25);
    }
}
