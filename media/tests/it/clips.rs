//! Clips made by `ffmpeg`: what the corpus doesn't have, with several access points each.

use std::path::{Path, PathBuf};
use std::process::Command;

use reelmesh_domain::plan::OutputClock;

use crate::identity::{Found, Source};
use crate::windows::Cut;

/// x264 with B-frames and a key every 15 frames.
pub(crate) const X264: &str = "-c:v libx264 -preset veryfast -g 15 -bf 3";
/// The same with groups that lead their key.
pub(crate) const X264_OPEN: &str =
    "-c:v libx264 -preset veryfast -g 15 -bf 3 -x264-params open-gop=1";
/// x265 with CRA pictures that RASL pictures lead.
pub(crate) const X265_OPEN: &str =
    "-c:v libx265 -preset ultrafast -x265-params log-level=none:keyint=15:open-gop=1:bframes=4";

/// Makes a clip of three seconds of moving numbers, 75 frames; `options` say all but the picture.
pub(crate) fn clip(directory: &Path, name: &str, options: &str) -> PathBuf {
    let path = directory.join(name);
    let source = "testsrc2=s=192x108:r=25:d=3";
    let status = Command::new("ffmpeg")
        .args(["-y", "-v", "error", "-f", "lavfi", "-i", source])
        .args(["-threads", "1"])
        .args(options.split_whitespace())
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success(), "{name}");
    path
}

/// Opens what must be in scope.
pub(crate) fn open(path: &Path) -> Source {
    Source::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Cuts a source in all ways; says what as many chunks as can be at access points gave.
pub(crate) fn cut(source: &Source) -> Found {
    let sequential = source.sequential();
    for cut in [Cut::AccessPoints(1), Cut::AccessPoints(2), Cut::Evenly(15)] {
        source.check_chunks(cut, &sequential);
    }
    source.check_chunks(Cut::AccessPoints(usize::MAX), &sequential)
}

/// Makes each clip, and checks its frames and the number of chunks that it can be cut into.
fn check(clips: &[(&str, &str, &str, usize, usize)]) {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, encoder, options, frames, chunks) in clips {
        let path = clip(directory.path(), name, &format!("{encoder} {options}"));
        let source = open(&path);
        assert_eq!(source.timeline.frames.len(), *frames, "{name} {encoder}");
        let found = cut(&source);
        assert_eq!(found.frames, *frames, "{name} {encoder}");
        assert_eq!(found.chunks, *chunks, "{name} {encoder}");
        assert!(!found.claimed_wrong, "{name} {encoder}");
    }
}

/// H.264 in each container, fragmented, without an index, with closed and open groups, is cut exactly.
#[test]
fn h264_is_cut_exactly() {
    check(&[
        ("clip.mp4", X264, "", 75, 5),
        ("clip.mov", X264_OPEN, "", 75, 5),
        (
            "clip.mp4",
            X264_OPEN,
            "-movflags frag_keyframe+empty_moov",
            75,
            5,
        ),
        ("clip.mkv", X264_OPEN, "", 75, 5),
        ("clip.mkv", X264, "-live 1", 75, 5),
        ("clip.ts", X264, "", 75, 5),
        ("clip.ts", X264_OPEN, "", 75, 5),
        ("clip.m2ts", X264_OPEN, "-mpegts_m2ts_mode 1", 75, 5),
    ]);
}

/// HEVC with leading pictures is cut exactly: none of those that refer to before the start is taken.
#[test]
fn hevc_is_cut_exactly() {
    check(&[
        ("clip.mp4", X265_OPEN, "", 75, 5),
        ("clip.mkv", X265_OPEN, "", 75, 5),
        ("clip.ts", X265_OPEN, "", 75, 5),
    ]);
}

/// Interlaced, without reordering, keys only.
#[test]
fn odd_groups_are_cut_exactly() {
    let interlaced = "-vf tinterlace=interleave_top,fieldorder=tff -flags +ildct+ilme";
    check(&[
        ("clip.ts", X264, interlaced, 37, 3),
        ("clip.ts", X264, "-tune zerolatency", 75, 5),
        ("clip.mkv", X264, "-g 1", 75, 75),
    ]);
}

/// With intra refresh the picture after a recovery point isn't whole at once: the decoder then shows
/// nothing, and the window begins at an earlier start.
#[test]
fn intra_refresh_begins_further_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = format!("{X264} -x264-params intra-refresh=1");
    let found = cut(&open(&clip(directory.path(), "clip.ts", &options)));
    assert_eq!((found.frames, found.chunks), (75, 5));
    assert!(found.later_starts > 0);
}

/// Frames that are missing make the rate variable, in each container; they keep their times.
#[test]
fn variable_rate_is_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = format!("{X264} -vf select='not(eq(mod(n\\,7)\\,3))' -vsync vfr");
    for name in ["clip.mp4", "clip.mkv", "clip.ts"] {
        let source = open(&clip(directory.path(), name, &options));
        assert_eq!(source.timeline.clock, OutputClock::Variable, "{name}");
        let found = cut(&source);
        assert_eq!((found.frames, found.chunks), (64, 5), "{name}");
    }
}

/// A clock that wraps within the clip changes nothing.
#[test]
fn wrapped_clocks_are_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    // 2³³ ticks of 1/90 000 s are 95 443.7 s.
    for encoder in [X264_OPEN, X265_OPEN] {
        let options = format!("{encoder} -output_ts_offset 95442.2");
        let source = open(&clip(directory.path(), "clip.ts", &options));
        let times = source.timeline.frames.iter().map(|frame| frame.source_pts);
        let behind = times.filter(|pts| *pts >= 1 << 33).count();
        assert!((1..75).contains(&behind), "{behind} frames behind the wrap");
        let found = cut(&source);
        assert_eq!(
            (found.frames, found.chunks, found.claimed_wrong),
            (75, 5, false)
        );
    }
}

/// A transport stream that is a little shorter than what is read at once is read whole: the demuxer goes back
/// to its beginning after it saw the end, and finds in the buffer what was there.
#[test]
fn short_streams_are_read_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let options = "-f lavfi -i sine=d=3 -c:a aac -c:v libx264 -preset veryfast -g 15 -crf 45";
    let path = clip(directory.path(), "clip.ts", options);
    let mut bytes = std::fs::read(&path).expect("the clip");
    let mut empty = [0xff; 188];
    empty[..4].copy_from_slice(&[0x47, 0x1f, 0xff, 0x10]);
    assert!(bytes.len() < 110_000, "{} bytes", bytes.len());
    while bytes.len() < 110_000 {
        bytes.extend(empty);
    }
    std::fs::write(&path, bytes).expect("written");
    let source = open(&path);
    assert_eq!(
        (source.timeline.frames.len(), source.facts.audio.len()),
        (75, 1)
    );
}
