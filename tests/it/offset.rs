//! Sound stays where it was beside the picture.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::job::Job;
use crate::program::{made_once, tool};

/// Samples per second in which beeps are looked for.
const RATE_HZ: u32 = 48_000;
/// A beep is found to a fraction of its period, and AAC smears it a little.
const NEAR_S: f64 = 0.004;

/// 8 s, dark, with a white frame and a beep at 1, 3, 5 and 7 s; sound shifted by so many milliseconds.
pub(crate) fn flash_and_beep(container: &str, shift_ms: i32) -> PathBuf {
    made_once(&format!("flash-beep{shift_ms}.{container}"), |path| {
        let video = "color=c=black:size=320x180:rate=25:duration=8,\
                     drawbox=c=white:t=fill:enable='eq(mod(n,50),25)'";
        let audio = "aevalsrc='0.6*sin(2*PI*1000*t)*between(mod(t,2),1,1.04)':s=48000:d=8";
        let shift = format!("{}", f64::from(shift_ms) / 1000.0);
        let mut arguments = vec!["-v", "error", "-nostdin", "-f", "lavfi", "-i", video];
        arguments.extend(["-itsoffset", &shift, "-f", "lavfi", "-i", audio]);
        let codecs =
            "-c:v libx264 -preset veryfast -g 25 -pix_fmt yuv420p -c:a aac -b:a 128k -ac 2";
        arguments.extend(codecs.split_whitespace());
        arguments.push(path.to_str().unwrap());
        tool("ffmpeg", &arguments);
    })
}

/// Shows that beeps are as far from their flashes as in the source, in MP4 and in HLS, for sound that
/// begins with the picture, later, and earlier, in all three kinds of containers.
#[test]
fn beeps_stay_at_their_flashes() {
    for (container, shift_ms) in [
        ("mp4", 0),
        ("mp4", 240),
        ("mp4", -360),
        ("mkv", 115),
        ("ts", 240),
        ("ts", -120),
    ] {
        let source = flash_and_beep(container, shift_ms);
        let job = Job::new(&source);
        job.run();
        let wanted = offsets(&source);
        assert!(wanted.len() >= 3, "{container} {shift_ms}: {wanted:?}");
        for name in ["180p.mp4", "hls/multivariant.m3u8"] {
            let found = offsets(&job.output(name));
            let same = found.len() == wanted.len()
                && found
                    .iter()
                    .zip(&wanted)
                    .all(|(found, wanted)| (found - wanted).abs() < NEAR_S);
            assert!(
                same,
                "{container} {shift_ms} ms, {name}: {found:?}, source: {wanted:?}"
            );
        }
    }
}

/// For each flash but those at the very ends, how many seconds later its beep comes.
#[track_caller]
fn offsets(path: &Path) -> Vec<f64> {
    let start = video_start_s(path);
    let flashes: Vec<f64> = flashes(path).iter().map(|time| time - start).collect();
    let beeps: Vec<f64> = beeps(path).iter().map(|time| time - start).collect();
    let inner = flashes.iter().filter(|flash| (0.9..6.9).contains(*flash));
    inner
        .filter_map(|flash| {
            let offset = |beep: &&f64| (**beep - flash).abs();
            let nearest = beeps
                .iter()
                .min_by(|a, b| offset(a).total_cmp(&offset(b)))?;
            Some(nearest - flash)
        })
        .collect()
}

fn times(path: &Path) -> Vec<f64> {
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "frame=best_effort_timestamp_time",
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ];
    let text = tool("ffprobe", &arguments);
    let fields = text.lines().map(|line| line.split(',').next().unwrap());
    let mut seen: Vec<f64> = fields.filter_map(|field| field.parse().ok()).collect();
    seen.dedup();
    seen
}

fn video_start_s(path: &Path) -> f64 {
    times(path).into_iter().next().unwrap()
}

/// Presentation times of white frames.
fn flashes(path: &Path) -> Vec<f64> {
    let grey = raw(
        path,
        "-map 0:v:0 -vf scale=1:1,format=gray -fps_mode passthrough -f rawvideo",
    );
    let times = times(path);
    assert_eq!(grey.len(), times.len(), "{}", path.display());
    let white = grey.iter().zip(times).filter(|(grey, _)| **grey > 128);
    white.map(|(_, time)| time).collect()
}

/// Times at which beeps begin, on the clock of the video's times: the file's own, from 0.
fn beeps(path: &Path) -> Vec<f64> {
    // `-copyts` keeps the file's clock; the filter puts silence in front, so that sample 0 is time 0 of it.
    let samples = raw(
        path,
        "-map 0:a:0 -af aresample=48000:async=1:first_pts=0 -ac 1 -f f32le",
    );
    let (samples, _) = samples.as_chunks::<4>();
    let mut found = Vec::new();
    let mut quiet_until = 0;
    for (place, sample) in (0_u32..).zip(samples) {
        if f32::from_le_bytes(*sample).abs() > 0.2 {
            if place >= quiet_until {
                found.push(f64::from(place) / f64::from(RATE_HZ));
            }
            quiet_until = place + RATE_HZ / 2;
        }
    }
    found
}

fn raw(path: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-copyts", "-i"])
        .arg(path)
        .args(arguments.split_whitespace())
        .arg("-")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout
}
