mod corpus;
mod shapes;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use reelmesh_domain::media_types::{
    AudioRendition, AudioReport, AudioTask, Container, FragmentInfo, PacketMapping,
};
use reelmesh_domain::rational::Rational;

use super::run_audio;
use crate::control::Unattended;
use crate::error::MediaError;
use crate::fragment::read_fragment;
use crate::io::{FileSource, FragmentSink};
use crate::limits::Limits;

/// Keeps fragments in memory.
#[derive(Default, PartialEq, Eq, Debug)]
pub(super) struct Kept(Vec<(FragmentInfo, Vec<u8>)>);

impl FragmentSink for Kept {
    fn put(&mut self, track: usize, info: &FragmentInfo, bytes: &[u8]) -> std::io::Result<()> {
        assert_eq!(track, 0);
        self.0.push((*info, bytes.to_vec()));
        Ok(())
    }
}

/// Runs FFmpeg and gives what it wrote to its standard output.
#[track_caller]
fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .output()
        .expect("ffmpeg runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    output.stdout
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let (numbers, _rest) = bytes.as_chunks::<4>();
    numbers.iter().copied().map(f32::from_le_bytes).collect()
}

pub(super) fn task(stream: u32, time_base: (i64, i64), rate_hz: u32, channels: u8) -> AudioTask {
    AudioTask {
        container: Container::Mp4,
        stream,
        source_time_base: Rational::new(time_base.0, time_base.1).expect("a fraction"),
        mapping: PacketMapping::default(),
        mapping_time_base: Rational::new(1, 90_000).expect("a fraction"),
        wrap_reference: 0,
        origin_s: Rational::ZERO,
        cell_ends: (1..=3).map(|cell| cell * i64::from(rate_hz)).collect(),
        rendition: AudioRendition {
            name: "audio-1".to_owned(),
            language: None,
            title: None,
            default: true,
            sample_rate_hz: rate_hz,
            channels,
            bitrate_bps: 96_000 * u32::from(channels),
        },
    }
}

fn run(task: &AudioTask, path: &Path) -> Result<(AudioReport, Kept), MediaError> {
    let source = Arc::new(FileSource::open(path).expect("the clip is there"));
    let mut kept = Kept::default();
    let report = run_audio(task, source, &Limits::default(), &mut kept, &Unattended)?;
    let infos: Vec<_> = kept.0.iter().map(|(info, _)| *info).collect();
    assert_eq!(report.track.fragments, infos);
    Ok((report, kept))
}

/// The header of an ADTS frame (ISO/IEC 13818-7): MPEG-4, low complexity, no checksum.
fn adts(rate_hz: u32, channels: u8, bytes: usize) -> [u8; 7] {
    let rates = [
        96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050,
    ];
    let rate = rates
        .iter()
        .position(|rate| *rate == rate_hz)
        .expect("a rate");
    let rate = u8::try_from(rate).expect("small");
    let length = u32::try_from(bytes + 7).expect("small");
    let byte = |bits: u32| u8::try_from(bits & 0xff).expect("masked");
    [
        0xff,
        0xf1,
        0x40 | rate << 2 | channels >> 2,
        (channels & 3) << 6 | byte(length >> 11),
        byte(length >> 3),
        byte(length << 5) | 0x1f,
        0xfc,
    ]
}

/// What a player hears: all coded frames decoded by FFmpeg's tool, less priming and padding.
fn heard(task: &AudioTask, report: &AudioReport, kept: &Kept) -> Vec<f32> {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("coded.aac");
    let (rate, channels) = (task.rendition.sample_rate_hz, task.rendition.channels);
    let mut coded = Vec::new();
    for (_, bytes) in &kept.0 {
        for sample in read_fragment(bytes).expect("one of ours").samples {
            let (start, size) = (sample.offset as usize, sample.size as usize);
            coded.extend_from_slice(&adts(rate, channels, size));
            coded.extend_from_slice(&bytes[start..start + size]);
        }
    }
    std::fs::write(&path, coded).expect("written");
    let decoded = floats(&ffmpeg(&["-i", text(&path), "-f", "f32le", "-"]));
    let channels = usize::from(channels);
    let start = report.track.priming_samples as usize * channels;
    let length = usize::try_from(report.samples).expect("small") * channels;
    decoded[start..start + length].to_vec()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of letters")
}

/// Where `sound` must be moved to lie over `reference` best, in samples, and how like they are then.
fn lag(reference: &[f32], sound: &[f32], most: i64) -> (i64, f64) {
    let at = |sound: &[f32], place: i64| {
        let sample = usize::try_from(place)
            .ok()
            .and_then(|place| sound.get(place));
        f64::from(sample.copied().unwrap_or(0.0))
    };
    let length = i64::try_from(reference.len()).expect("short");
    let energy = |sound: &[f32]| sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let whole = (energy(reference) * energy(sound)).sqrt().max(1e-9);
    (-most..=most)
        .map(|lag| {
            let sum: f64 = (0..length)
                .map(|place| at(reference, place) * at(sound, place + lag))
                .sum();
            (lag, sum / whole)
        })
        .max_by(|a, b| a.1.total_cmp(&b.1))
        .expect("at least one")
}

/// Beeps of changing pitch with silence between, so that only the right place fits.
const BEEPS: &str = "0.4*sin(2*PI*(300+160*t)*t)*lt(mod(t\\,0.37)\\,0.11)";

fn clip(directory: &Path, name: &str, source: &str, options: &[&str]) -> PathBuf {
    let path = directory.join(name);
    let mut arguments = vec!["-f", "lavfi", "-i", source];
    arguments.extend_from_slice(options);
    arguments.push(text(&path));
    ffmpeg(&arguments);
    path
}

fn decoded(path: &Path) -> Vec<f32> {
    floats(&ffmpeg(&["-i", text(path), "-f", "f32le", "-"]))
}

/// Sound that begins `shift` samples later (earlier: cut).
fn moved(mut sound: Vec<f32>, shift: i64) -> Vec<f32> {
    if let Ok(later) = usize::try_from(shift) {
        sound.splice(0..0, std::iter::repeat_n(0.0, later));
        sound
    } else {
        sound.split_off(usize::try_from(-shift).expect("positive"))
    }
}

/// Sound stays where it is against the picture, to the sample, wherever it begins: before the first
/// picture (cut), with it, or later (silence).
#[test]
fn offset_is_kept_to_the_sample() {
    let directory = tempfile::tempdir().expect("a directory");
    for rate in [48_000_u32, 44_100] {
        let source = format!("aevalsrc={BEEPS}:s={rate}:d=0.9");
        let path = clip(directory.path(), "beeps.mp4", &source, &["-c:a", "aac"]);
        let source = decoded(&path);
        for origin in [-24_001_i64, 0, 20_030] {
            let mut task = task(0, (1, i64::from(rate)), rate, 1);
            task.origin_s = Rational::new(origin, i64::from(rate)).expect("a fraction");
            let (report, kept) = run(&task, &path).expect("it works");
            let reference = moved(source.clone(), -origin);
            assert_eq!(report.samples, reference.len() as u64, "{rate} {origin}");
            let sound = heard(&task, &report, &kept);
            let (off, likeness) = lag(&reference, &sound, 12);
            assert_eq!(off, 0, "{rate} {origin} {likeness}");
            assert!(likeness > 0.98, "{rate} {origin} {likeness}");
            // The last origin cuts within a beep: what is left of that frame is its end.
            let pairs = reference.iter().zip(&sound).take(400);
            let apart: f32 = pairs.map(|(a, b)| (a - b).abs()).sum::<f32>() / 400.0;
            assert!(apart < 0.05, "{rate} {origin}: {apart}");
        }
    }
}

/// The sound in a transport stream, whose ticks are finer than samples, with some frames lost.
fn with_gap(whole: &Path, lost: &str) -> PathBuf {
    let path = whole.with_extension("ts");
    let noise = format!("noise=drop={lost}");
    let mut arguments = vec!["-i", text(whole), "-c", "copy", "-bsf:a", &noise];
    arguments.extend(["-muxdelay", "0", "-muxpreload", "0", text(&path)]);
    ffmpeg(&arguments);
    path
}

/// What was lost in the middle is silence of exactly its length, so that all behind it is in place.
#[test]
fn gaps_become_silence() {
    let directory = tempfile::tempdir().expect("a directory");
    let task = task(0, (1, 90_000), 48_000, 1);
    let source = format!("aevalsrc={BEEPS}:s=48000:d=3");
    let whole = clip(directory.path(), "whole.mp4", &source, &["-c:a", "aac"]);
    let reference = decoded(&with_gap(&whole, "0"));
    for lost in ["eq(n\\,40)", "between(n\\,50\\,79)"] {
        let path = with_gap(&whole, lost);
        let (report, kept) = run(&task, &path).expect("it works");
        assert_eq!(report.samples, reference.len() as u64, "{lost}");
        let behind = 100_000..125_000;
        let sound = heard(&task, &report, &kept);
        let (off, likeness) = lag(&reference[behind.clone()], &sound[behind], 8);
        assert_eq!(off, 0, "{lost}: {likeness}");
        assert!(likeness > 0.98, "{lost}: {likeness}");
        let silent = sound[54_000..80_000]
            .iter()
            .all(|sample| sample.abs() < 0.01);
        assert_eq!(silent, lost.ends_with("79)"), "{lost}");
    }
}
