//! Seams can't be seen: against one encode of the whole with the same settings and keys.

use std::path::Path;

use crate::job::Job;
use crate::program::{demo_clip, made_once, tool};
use crate::referee::{FrameStats, Packet, compared, packets};

/// Frames on each side of a seam that are looked at.
const AROUND: usize = 8;

/// What the two encodes have in common.
struct Case {
    preset: &'static str,
    crf: u32,
    max_rate_kbps: Option<u32>,
    width: u32,
    height: u32,
    cell_frames: usize,
    rate: f64,
}

/// Shows it for constant quality on a generated clip.
#[test]
fn seams_are_invisible() {
    check(&moving_clip(), &small(None));
}

/// Shows it for a capped rate, and that the decoder's buffer underflows no more often.
#[test]
fn seams_are_invisible_under_a_cap() {
    check(&moving_clip(), &small(Some(900)));
}

/// Shows both on the demo's clip with preset medium.
#[test]
fn full_seams_are_invisible() {
    let Some(clip) = demo_clip() else { return };
    for max_rate_kbps in [None, Some(5500)] {
        let case = Case {
            preset: "medium",
            crf: 21,
            max_rate_kbps,
            width: 1920,
            height: 1080,
            cell_frames: 48,
            rate: 24.0,
        };
        check(&clip, &case);
    }
}

const fn small(max_rate_kbps: Option<u32>) -> Case {
    Case {
        preset: "veryfast",
        crf: 23,
        max_rate_kbps,
        width: 640,
        height: 360,
        cell_frames: 24,
        rate: 24.0,
    }
}

/// 20 s with motion, detail and noise, as footage has.
fn moving_clip() -> std::path::PathBuf {
    made_once("moving-360p-20s.mp4", |path| {
        let graph = "testsrc2=size=1280x720:rate=24:duration=20,\
                     crop=640:360:x='320+300*sin(t/2)':y='180+170*cos(t/3)',\
                     noise=alls=4:allf=t:all_seed=7,format=yuv420p";
        let arguments = ["-v", "error", "-nostdin", "-f", "lavfi", "-i", graph];
        let codec = "-c:v libx264 -preset veryfast -crf 10 -g 24";
        let mut arguments = arguments.to_vec();
        arguments.extend(codec.split_whitespace());
        arguments.push(path.to_str().unwrap());
        tool("ffmpeg", &arguments);
    })
}

fn check(clip: &Path, case: &Case) {
    let job = Job::new(clip)
        .setting("REELMESH__PLAN__CELL_FRAMES", &case.cell_frames.to_string())
        .setting(
            "REELMESH__PLAN__CHUNK_CELLS",
            if case.cell_frames > 24 { "1" } else { "2" },
        )
        .arguments(&["--package", "mp4"]);
    std::fs::write(job.place.path("small.toml"), ladder(case)).unwrap();
    job.run();
    let ours = job.output("rung.mp4");
    let single = job.place.path("single.mp4");
    encode_in_one(clip, case, &single);

    let seams: Vec<usize> = job
        .report()
        .media
        .chunks
        .iter()
        .skip(1)
        .map(|chunk| usize::try_from(chunk.first_frame).unwrap())
        .collect();
    assert!(seams.len() >= 8, "{seams:?}");
    let [made, reference] = [&ours, &single].map(|path| compared("psnr", (clip, 0), (path, 0)));
    assert_eq!(made.len(), reference.len());
    around_seams(&seams, &made, &reference);

    let [made, reference] = [&ours, &single].map(|path| {
        let stats = compared("ssim", (clip, 0), (path, 0));
        stats.iter().map(|frame| frame["All"]).sum::<f64>() / count(stats.len())
    });
    eprintln!("SSIM {:+.5}", made - reference);
    assert!(
        made >= reference - 0.0005,
        "SSIM {made} against {reference}"
    );

    let [made, reference] = [&ours, &single].map(|path| packets(path));
    let keys = |packets: &[Packet]| packets.iter().map(|packet| packet.key).collect::<Vec<_>>();
    assert_eq!(keys(&made), keys(&reference), "both have the same keys");
    let bytes = |packets: &[Packet]| packets.iter().map(|packet| packet.bytes).sum::<u64>();
    let ratio = count(usize::try_from(bytes(&made)).unwrap())
        / count(usize::try_from(bytes(&reference)).unwrap());
    eprintln!("bytes {ratio:.4}");
    assert!(ratio <= 1.015, "{ratio} times the bytes");
    if let Some(max_rate_kbps) = case.max_rate_kbps {
        let [ours, theirs] =
            [&ours, &single].map(|path| underflows(path, max_rate_kbps, case.rate));
        assert!(ours <= theirs, "{ours} underflows against {theirs}");
    }
}

/// Mean PSNR of the frames before and behind each seam, against the single encode's.
fn around_seams(seams: &[usize], made: &FrameStats, reference: &FrameStats) {
    for (side, limit) in [("before", -0.1), ("behind", -0.2)] {
        let differences: Vec<f64> = seams
            .iter()
            .map(|&seam| {
                let range = if side == "before" {
                    seam - AROUND..seam
                } else {
                    seam..seam + AROUND
                };
                let psnr = |stats: &FrameStats| {
                    let frames = stats.iter().take(range.end).skip(range.start);
                    let mse = frames.map(|frame| frame["mse_y"]).sum::<f64>() / count(AROUND);
                    10.0 * (255.0 * 255.0 / mse).log10()
                };
                psnr(made) - psnr(reference)
            })
            .collect();
        let mean = differences.iter().sum::<f64>() / count(differences.len());
        let worst = differences.iter().copied().fold(f64::INFINITY, f64::min);
        eprintln!("{side} seams: mean {mean:+.3} dB, worst {worst:+.3} dB");
        assert!(mean >= limit, "{side}: mean {mean} dB: {differences:?}");
        assert!(worst >= -1.0, "{side}: worst {worst} dB: {differences:?}");
    }
}

fn ladder(case: &Case) -> String {
    let cap = case.max_rate_kbps.map_or_else(String::new, |cap| {
        format!("max_rate_kbps = {cap}\nbuffer_ms = 2000\n")
    });
    format!(
        "[[rungs]]\nname = \"rung\"\nwidth = {}\nheight = {}\nprofile = \"high\"\npreset = \"{}\"\ncrf = {}\n{cap}\n\
         [audio]\nbitrate_kbps = 96\nchannels = 2\n",
        case.width, case.height, case.preset, case.crf
    )
}

/// One ffmpeg command with the same settings and the same keys.
fn encode_in_one(clip: &Path, case: &Case, target: &Path) {
    let keys = format!("expr:eq(mod(n,{}),0)", case.cell_frames);
    let crf = case.crf.to_string();
    let (rate, buffer) = case
        .max_rate_kbps
        .map(|cap| (format!("{cap}k"), format!("{}k", cap * 2)))
        .unwrap_or_default();
    let mut arguments = vec![
        "-v",
        "error",
        "-nostdin",
        "-i",
        clip.to_str().unwrap(),
        "-an",
    ];
    arguments.extend(["-c:v", "libx264", "-preset", case.preset, "-crf", &crf]);
    arguments.extend([
        "-profile:v",
        "high",
        "-pix_fmt",
        "yuv420p",
        "-force_key_frames",
        &keys,
    ]);
    arguments.extend(["-threads", "1", "-forced-idr", "1"]);
    arguments.extend(["-x264-params", "keyint=infinite:min-keyint=1000000"]);
    if !rate.is_empty() {
        arguments.extend(["-maxrate", &rate, "-bufsize", &buffer]);
    }
    arguments.push(target.to_str().unwrap());
    tool("ffmpeg", &arguments);
}

/// How often the decoder's buffer is empty too early: filled at the capped rate, begun at 90 %.
fn underflows(path: &Path, max_rate_kbps: u32, rate: f64) -> usize {
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=size",
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ];
    let sizes = tool("ffprobe", &arguments);
    let size = f64::from(max_rate_kbps) * 2000.0;
    let mut fullness = size * 0.9;
    let mut found = 0;
    for bytes in sizes.lines() {
        let bytes: f64 = bytes.trim_end_matches(',').parse().unwrap();
        fullness -= bytes * 8.0;
        if fullness < 0.0 {
            found += 1;
            fullness = 0.0;
        }
        fullness = (fullness + f64::from(max_rate_kbps) * 1000.0 / rate).min(size);
    }
    found
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
