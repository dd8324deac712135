//! What is made: whole, in step with its source, clean for other tools, and checked by `verify`.

use std::fs;
use std::path::Path;

use crate::job::{Job, files_below};
use crate::program::{Place, clip, tool};
use crate::referee::{assert_clean, compared, entry, packets};

/// Shows that every file is read and decoded by ffmpeg without a word, has every frame of the source and
/// begins at 0, and that keys stand where cells begin and nowhere else.
#[test]
fn outputs_are_whole_and_clean() {
    let job = Job::new(&clip());
    job.run();
    let report = job.report();
    assert_eq!(report.media.frames, 480);
    assert_eq!(report.media.cells.len(), 20);
    for name in ["360p", "180p"] {
        let path = job.output(&format!("{name}.mp4"));
        assert_clean(&path);
        assert_eq!(entry(&path, "v:0", "nb_read_frames"), "480", "{name}");
        assert_eq!(entry(&path, "v:0", "start_time"), "0.000000", "{name}");
        assert_eq!(entry(&path, "a:0", "start_time"), "0.000000", "{name}");
        let packets = packets(&path);
        let keys: Vec<u64> = (0..)
            .zip(&packets)
            .filter(|(_, packet)| packet.key)
            .map(|(place, _)| place)
            .collect();
        assert_eq!(keys, report.media.cells, "{name}");
        for (place, packet) in (0_u32..).zip(&packets) {
            let wanted = f64::from(place) / 24.0;
            assert!(
                (packet.pts_s - wanted).abs() < 1e-4,
                "{name}: frame {place}"
            );
        }
    }
    assert_clean(&job.output("hls/multivariant.m3u8"));
    for folder in ["hls/360p", "hls/180p"] {
        let segments = files_below(&job.output(folder))
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "m4s"));
        // Six cells of a second make a segment.
        assert_eq!(segments.count(), 4, "{folder}");
    }
}

/// Shows that each frame of the output is nearer to the same frame of the source than to its neighbours.
#[test]
fn no_frame_is_shifted() {
    let job = Job::new(&clip());
    job.run();
    let (source, made) = (clip(), job.output("360p.mp4"));
    let same = compared("ssim", (&source, 0), (&made, 0));
    let later = compared("ssim", (&source, 1), (&made, 0));
    let earlier = compared("ssim", (&source, 0), (&made, 1));
    assert_eq!(same.len(), 480);
    for (frame, stats) in same.iter().enumerate() {
        let ours = stats["Y"];
        assert!(ours > 0.9, "frame {frame}: {ours}");
        for (name, neighbours, place) in [
            ("next", &later, Some(frame)),
            ("previous", &earlier, frame.checked_sub(1)),
        ] {
            let neighbour = place.and_then(|place| neighbours.get(place));
            let theirs = neighbour.map_or(0.0, |stats| stats["Y"]);
            assert!(
                ours > theirs,
                "frame {frame} is nearer to the {name}: {ours} < {theirs}"
            );
        }
    }
}

/// Shows that `verify` finds nothing wrong with what was made, and names file and frame of any damage.
#[test]
fn verify_finds_damage() {
    let job = Job::new(&clip());
    job.run();
    let verify = || job.with_settings(&["verify", "out"]).output().unwrap();
    let whole = verify();
    assert!(whole.status.success(), "{}", job.place.show(&whole));

    let segment = job.output("hls/360p/00002.m4s");
    let mp4 = job.output("180p.mp4");
    for (path, part) in [(&segment, "00002.m4s"), (&mp4, "180p.mp4")] {
        let bytes = fs::read(path).unwrap();
        let mut damaged = bytes.clone();
        let place = damaged.len() * 2 / 3;
        damaged[place] ^= 0x10;
        fs::write(path, &damaged).unwrap();
        let found = verify();
        let shown = job.place.show(&found);
        assert_eq!(found.status.code(), Some(4), "{shown}");
        assert!(shown.contains(part) && shown.contains("frame"), "{shown}");
        fs::write(path, &bytes).unwrap();
    }
    let playlist = job.output("hls/180p/media.m3u8");
    let text = fs::read_to_string(&playlist).unwrap();
    let first = text
        .lines()
        .find(|line| line.starts_with("#EXTINF"))
        .unwrap();
    fs::write(&playlist, text.replacen(first, "#EXTINF:1.500000,", 1)).unwrap();
    let found = verify();
    let shown = job.place.show(&found);
    assert_eq!(found.status.code(), Some(4), "{shown}");
    assert!(shown.contains("hls/180p/media.m3u8"), "{shown}");
    fs::write(&playlist, &text).unwrap();

    fs::remove_file(job.output("hls/360p/00003.m4s")).unwrap();
    let found = verify();
    let shown = job.place.show(&found);
    assert_eq!(found.status.code(), Some(4), "{shown}");
    assert!(shown.contains("00003.m4s"), "{shown}");
}

/// Shows that the same command makes a job whose files are gone or changed anew.
#[test]
fn changed_outputs_are_made_again() {
    let job = Job::new(&clip()).arguments(&["--package", "mp4"]);
    job.run();
    let hashes = job.hashes();
    fs::write(job.output("180p.mp4"), b"changed").unwrap();
    job.run();
    assert_eq!(job.hashes(), hashes);
}

/// Shows that several inputs are jobs of their own, that one that can't be read fails alone, and what the
/// exit codes are.
#[test]
fn several_inputs() {
    let job = Job::new(&clip());
    fs::write(job.place.path("broken.mp4"), b"this is no video").unwrap();
    let output = job
        .with_settings(&[
            "transcode",
            "broken.mp4",
            job.input.to_str().unwrap(),
            "--out",
            "out",
            "--package",
            "mp4",
        ])
        .output()
        .unwrap();
    let shown = job.place.show(&output);
    assert_eq!(output.status.code(), Some(4), "{shown}");
    assert!(
        shown.contains("broken.mp4") && shown.contains("RM0004"),
        "{shown}"
    );
    assert!(job.output("report.json").exists(), "{shown}");
    let output = job
        .with_settings(&["transcode", "broken.mp4", "--out", "other"])
        .output()
        .unwrap();
    let shown = job.place.show(&output);
    assert_eq!(output.status.code(), Some(3), "{shown}");
}

/// Name, how it is encoded from the pictures of [`made`], and the size of the rendition made of it.
const KINDS: [(&str, &str, &str); 7] = [
    (
        "a.ts",
        "-c:v libx264 -preset ultrafast -g 30 -bf 2 -c:a aac",
        "640,360",
    ),
    (
        "b.mkv",
        "-c:v libx264 -preset ultrafast -g 30 -bf 2 -an",
        "640,360",
    ),
    (
        "c.mp4",
        "-vf select='not(eq(mod(n,5),2))' -fps_mode vfr -c:v libx264 -preset veryfast -g 25 -an",
        "640,360",
    ),
    ("d.mp4", "-c:v libx264 -preset ultrafast -an", "360,640"),
    (
        "e.mp4",
        "-vf tinterlace=interleave_top -flags +ilme+ildct -c:v libx264 -preset ultrafast -x264-params tff=1 -an",
        "640,360",
    ),
    (
        "f.mkv",
        "-vf scale=out_range=pc,format=yuvj444p -c:v libx264 -preset ultrafast -g 30 -c:a aac",
        "640,360",
    ),
    (
        "g.mp4",
        "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=30 -an",
        "640,360",
    ),
];

/// Four seconds of a source of some kind.
fn source(path: &Path, encoding: &str) {
    let video = "testsrc2=size=640x360:rate=30:duration=4";
    let audio = "sine=frequency=440:sample_rate=44100:duration=4";
    let mut arguments = vec!["-v", "error", "-nostdin", "-f", "lavfi", "-i", video];
    arguments.extend(["-f", "lavfi", "-i", audio]);
    arguments.extend(encoding.split_whitespace());
    if !encoding.contains("format=") {
        arguments.extend(["-pix_fmt", "yuv420p"]);
    }
    arguments.push(path.to_str().unwrap());
    tool("ffmpeg", &arguments);
}

/// The same file with a display matrix that turns it by a quarter.
fn turned(path: &Path) {
    let flat = path.with_extension("flat.mp4");
    fs::rename(path, &flat).unwrap();
    let arguments = ["-v", "error", "-nostdin", "-i", flat.to_str().unwrap()];
    let mut arguments = arguments.to_vec();
    arguments.extend(["-c", "copy", "-metadata:s:v", "rotate=90"]);
    arguments.push(path.to_str().unwrap());
    tool("ffmpeg", &arguments);
}

/// Shows that other kinds of sources in scope come out whole: transport stream, Matroska, variable rate,
/// rotated, interlaced, full range 4:4:4, without audio.
#[test]
fn sources_of_all_kinds() {
    for (name, encoding, size) in KINDS {
        let place = Place::new();
        let path = place.path(name);
        source(&path, encoding);
        if name == "d.mp4" {
            turned(&path);
        }
        let frames = entry(&path, "v:0", "nb_read_frames");
        let frames: u64 = frames.lines().next().unwrap().parse().unwrap();
        let job = Job::new(&path).setting("REELMESH__PLAN__CHUNK_CELLS", "1");
        let output = job.command().output().unwrap();
        let shown = job.place.show(&output);
        assert!(output.status.success(), "{name}: {shown}");
        let made = job.output("360p.mp4");
        assert_clean(&made);
        assert_eq!(job.report().media.frames, frames, "{name}");
        let found = entry(&made, "v:0", "nb_read_frames");
        assert_eq!(found, frames.to_string(), "{name}");
        assert_eq!(entry(&made, "v:0", "width,height"), size, "{name}");
        let verified = job.with_settings(&["verify", "out"]).output().unwrap();
        let shown = job.place.show(&verified);
        assert!(verified.status.success(), "{name}: {shown}");
    }
}
