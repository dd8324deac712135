//! Interlaced H.264 whose frames are partly coded as two fields, one packet each.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use crate::clips::{cut, open};
use crate::corpus::folder;

/// The frame of each packet of the corpus's raw stream, in the order of decoding, and whether it is the
/// frame's second field.
const PACKETS: [(usize, bool); 14] = [
    (0, false),
    (0, true),
    (1, false),
    (1, true),
    (2, false),
    (2, true),
    (3, false),
    (4, false),
    (5, false),
    (6, false),
    (6, true),
    (7, false),
    (8, false),
    (9, false),
];
/// The place at which each frame is shown.
const SHOWN: [usize; 10] = [0, 3, 1, 2, 6, 4, 5, 9, 7, 8];
/// How often the stream is repeated: each begins with a key.
const REPEATED: usize = 3;
/// Ticks of a frame in the raw stream's time base of 1/1 200 000 s, at 25 frames a second.
const FRAME_TICKS: usize = 48_000;

/// The times of all packets as expressions for `ffmpeg`: `pts` and `dts`.
fn times() -> (String, String) {
    let (mut pts, mut dts) = ("0".to_owned(), format!("-{FRAME_TICKS}"));
    for round in 0..REPEATED {
        for (place, (frame, second)) in PACKETS.iter().enumerate() {
            let packet = round * PACKETS.len() + place;
            let half = usize::from(*second) * FRAME_TICKS / 2;
            let first = round * SHOWN.len();
            let shown = (first + SHOWN[*frame]) * FRAME_TICKS + half;
            let decoded = (first + frame) * FRAME_TICKS + half;
            write!(pts, "+eq(N\\,{packet})*{shown}").expect("text");
            write!(dts, "+eq(N\\,{packet})*{decoded}").expect("text");
        }
    }
    (pts, dts)
}

/// Fields with times of their own make packets claim more frames than there are; the exact frames are those
/// that the decoder joins, and chunks on them are exact.
#[test]
fn field_pairs_are_cut_exactly() {
    let Some(folder) = folder() else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let one = fs::read(folder.join("HCAFF1_HHI.264")).expect("the raw stream");
    let raw = directory.path().join("raw.264");
    fs::write(&raw, one.repeat(REPEATED)).expect("written");
    let (pts, dts) = times();
    for name in ["clip.ts", "clip.mp4"] {
        let path = directory.path().join(name);
        let status = Command::new("ffmpeg")
            .args(["-v", "error", "-i"])
            .arg(&raw)
            .args([
                "-c",
                "copy",
                "-bsf:v",
                &format!("setts=pts={pts}:dts={dts}"),
            ])
            .arg(&path)
            .status()
            .expect("ffmpeg runs");
        assert!(status.success(), "{name}");
        let source = open(&path);
        assert!(source.facts.video.interlaced, "{name}");
        let found = cut(&source);
        assert!(found.claimed_wrong, "{name}");
        assert_eq!((found.frames, found.chunks), (30, 3), "{name}");
    }
}

/// A stream that begins with progressive frames and may go on with fields is deinterlaced: the first frame
/// alone doesn't say so. What may hold frames only isn't.
#[test]
fn fields_behind_frames_are_announced() {
    let directory = tempfile::tempdir().expect("a directory");
    let encode = |name: &str, options: &[&str]| {
        let path = directory.path().join(name);
        let status = Command::new("ffmpeg")
            .args([
                "-v",
                "error",
                "-f",
                "lavfi",
                "-i",
                "testsrc2=s=192x128:r=25:d=1",
            ])
            .args([
                "-pix_fmt", "yuv420p", "-c:v", "libx264", "-preset", "veryfast",
            ])
            .args(options)
            .arg(&path)
            .status()
            .expect("ffmpeg runs");
        assert!(status.success(), "{name}");
        fs::read(path).expect("the clip")
    };
    let whole = encode("whole.264", &["-x264-params", "fake-interlaced=1"]);
    let fields = encode("fields.264", &["-flags", "+ildct+ilme"]);
    let plain = encode("plain.264", &[]);
    for (name, stream, interlaced) in [
        ("mixed", [whole, fields].concat(), true),
        ("plain", plain, false),
    ] {
        let raw = directory.path().join(name).with_extension("264");
        fs::write(&raw, stream).expect("written");
        for container in ["ts", "mp4", "mkv"] {
            let path = directory.path().join(name).with_extension(container);
            let status = Command::new("ffmpeg")
                .args(["-v", "error", "-fflags", "+genpts", "-i"])
                .arg(&raw)
                .args(["-c", "copy", "-bsf:v", "setts=pts=N*48000:dts=N*48000"])
                .arg(&path)
                .status()
                .expect("ffmpeg runs");
            assert!(status.success(), "{name}.{container}");
            let source = open(&path);
            assert_eq!(
                source.facts.video.interlaced, interlaced,
                "{name}.{container}"
            );
        }
    }
}
