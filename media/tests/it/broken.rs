//! Clips that were cut, joined or damaged byte by byte.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use reelmesh_domain::plan::Timeline;
use reelmesh_media::control::Unattended;
use reelmesh_media::limits::Limits;
use reelmesh_media::window::decode_window;

use crate::clips::{X264, X264_OPEN, X265_OPEN, clip, cut, open};
use crate::identity::Found;
use crate::pulled::LARGE;
use crate::windows;

/// Bytes of a packet of a transport stream.
const TS_PACKET: usize = 188;

fn made(directory: &Path, name: &str, options: &str) -> Vec<u8> {
    fs::read(clip(directory, name, options)).expect("the clip")
}

/// Writes a source and cuts it in all ways.
fn check(directory: &Path, name: &str, bytes: &[u8]) -> Found {
    let path = directory.join(format!("broken-{name}"));
    fs::write(&path, bytes).expect("written");
    cut(&open(&path))
}

/// A transport stream from packet `first` on.
fn from(bytes: &[u8], first: usize) -> &[u8] {
    &bytes[first * TS_PACKET..]
}

/// Recordings one behind the other, whose clock jumps back or far ahead, are one timeline with all their
/// frames, cut exactly.
#[test]
fn joined_recordings_are_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    let closed = made(directory, "closed.ts", X264);
    let leading = made(directory, "open.ts", X264_OPEN);
    let late = made(
        directory,
        "late.ts",
        &format!("{X264} -output_ts_offset 1000"),
    );
    for parts in [[&leading, &leading, &closed], [&closed, &late, &closed]] {
        let found = check(directory, "joined.ts", &parts.map(Vec::as_slice).concat());
        assert_eq!(
            (found.frames, found.chunks, found.claimed_wrong),
            (225, 15, false)
        );
    }
}

/// A recording that begins anywhere begins at its first key; nothing before it is taken.
#[test]
fn headless_recordings_begin_at_the_first_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for options in [X264, X264_OPEN, X265_OPEN] {
        let whole = made(directory, "whole.ts", options);
        // Not even at a packet's beginning.
        let found = check(directory, "headless.ts", &from(&whole, 30)[77..]);
        assert_eq!((found.frames, found.chunks), (60, 4), "{options}");
    }
}

/// A hole makes the claims of packets wrong; on the exact frames what can be decoded from both sides of a
/// border alike is cut, the rest is merged.
#[test]
fn recordings_with_a_hole_are_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for options in [X264, X264_OPEN] {
        let whole = made(directory, "whole.ts", options);
        let packets = whole.len() / TS_PACKET;
        let hole = [
            &whole[..packets / 2 * TS_PACKET],
            from(&whole, packets * 2 / 3),
        ];
        let found = check(directory, "hole.ts", &hole.concat());
        assert!(found.frames >= 60 && found.chunks >= 3, "{found:?}");
        let again = [&whole[..packets / 2 * TS_PACKET], from(&whole, packets / 3)];
        let found = check(directory, "rewound.ts", &again.concat());
        assert!(found.frames >= 60 && found.chunks >= 3, "{found:?}");
    }
}

/// Damaged payload: what decodes is kept, and chunks still make the frames of one sequential decode.
#[test]
fn damaged_files_are_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for (name, options) in [
        ("clip.ts", X264_OPEN),
        ("clip.ts", X265_OPEN),
        ("clip.mkv", X264),
        (
            "clip.mp4",
            "-movflags faststart -c:v libx264 -preset veryfast -g 15",
        ),
    ] {
        let mut bytes = made(directory, name, options);
        for place in 0..6 {
            let at = 9_000 + place * bytes.len() / 9;
            for byte in &mut bytes[at..at + 40] {
                *byte ^= 0x5a;
            }
        }
        let found = check(directory, name, &bytes);
        assert!(found.frames >= 70 && found.chunks >= 2, "{name}: {found:?}");
    }
}

/// The first part of a file is as good as it is long.
#[test]
fn truncated_files_are_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for (name, options) in [
        ("clip.ts", X264),
        ("clip.mkv", X264),
        (
            "clip.mp4",
            "-movflags faststart -c:v libx264 -preset veryfast -g 15",
        ),
    ] {
        let bytes = made(directory, name, options);
        let found = check(directory, name, &bytes[..bytes.len() * 2 / 3]);
        assert!(found.frames >= 40 && found.chunks >= 3, "{name}: {found:?}");
    }
}

/// Bytes in the middle that are no packets at all, more than a demuxer looks through at once: what lies
/// behind them is there, and the damage is counted.
#[test]
fn damaged_middles_are_passed() {
    /// The frames of about two: what is damaged itself, and what refers to it.
    const DAMAGED_BYTES: usize = 300_000;
    let directory = tempfile::tempdir().expect("a directory");
    let directory = directory.path();
    for (name, options, lost) in [
        ("clip.ts", "", 2),
        // Its next cluster is where it goes on.
        ("clip.mkv", "-cluster_time_limit 400", 10),
        ("clip.mkv", "-cluster_time_limit 400 -live 1", 10),
        ("clip.mp4", "", 2),
        ("clip.mp4", "-movflags frag_keyframe+empty_moov", 2),
    ] {
        let mut bytes = made(directory, name, &format!("{LARGE} {options}"));
        let path = directory.join(format!("broken-{name}"));
        fs::write(&path, &bytes).expect("written");
        let whole = open(&path).timeline;
        let middle = bytes.len() / 2;
        for (place, byte) in bytes[middle..middle + DAMAGED_BYTES].iter_mut().enumerate() {
            *byte = u8::try_from(place % 61 * 4).expect("small");
        }
        fs::write(&path, bytes).expect("written");
        let source = open(&path);
        let exact = source.exact();
        let found = exact.frames.len();
        assert!(
            found < 75 && found >= 75 - lost,
            "{name} {options}: {found}"
        );
        let last = |timeline: &Timeline| timeline.frames.last().map(|frame| frame.source_pts);
        assert_eq!(last(&exact), last(&whole), "{name} {options}");
        let task = windows::task(&source.facts, &exact, &(0..found as u64));
        let report = decode_window(
            &task,
            Arc::clone(&source.bytes),
            &Limits::default(),
            &Unattended,
            &mut |_place, _frame| Ok(()),
        );
        let report = report.expect("the window decodes");
        assert!(report.as_planned, "{name} {options}");
        assert!(report.damaged_frames > 0, "{name} {options}");
    }
}
