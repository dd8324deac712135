//! Channels, rates, damage, and tracks with nothing in them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_domain::media_types::{AudioReport, AudioTask};
use reelmesh_domain::rational::Rational;

use super::{BEEPS, Kept, clip, decoded, ffmpeg, heard, lag, run, task, text};
use crate::audio::run_audio;
use crate::control::{Control, Unattended};
use crate::error::MediaError;
use crate::io::FileSource;
use crate::limits::Limits;

fn loudest(sound: &[f32], channel: usize, channels: usize) -> f32 {
    let samples = sound.iter().skip(channel).step_by(channels);
    samples.fold(0.0, |most, sample| most.max(sample.abs()))
}

/// Six channels become two by the usual matrix, scaled so that full scale in all of them doesn't clip:
/// the centre goes to both sides, left stays left.
#[test]
fn mixes_down_without_clipping() {
    let directory = tempfile::tempdir().expect("a directory");
    let tone = "0.9*sin(1000*t)";
    let peak = |tones: [&str; 6]| {
        let source = format!("aevalsrc={}:c=5.1:s=48000:d=0.6", tones.join("|"));
        let options = ["-c:a", "aac", "-b:a", "384k"];
        let path = clip(directory.path(), "six.mp4", &source, &options);
        let task = task(0, (1, 48_000), 48_000, 2);
        let (report, kept) = run(&task, &path).expect("it works");
        let sound = heard(&task, &report, &kept);
        // The encoder overshoots where a tone sets in.
        let sound = &sound[2 * 2048..];
        [loudest(sound, 0, 2), loudest(sound, 1, 2)]
    };
    let all = peak([tone; 6]);
    assert!(all.iter().all(|peak| (0.85..1.0).contains(peak)), "{all:?}");
    let [left, right] = peak(["0", "0", tone, "0", "0", "0"]);
    // 1/√2 of 1 + 2/√2.
    assert!(
        (left - 0.264).abs() < 0.02 && (left - right).abs() < 0.01,
        "{left} {right}"
    );
    let [left, right] = peak([tone, "0", "0", "0", "0", "0"]);
    assert!(
        (left - 0.373).abs() < 0.02 && right < 0.01,
        "{left} {right}"
    );
}

/// Another rate is reached without moving the sound.
#[test]
fn converts_rates_in_place() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = format!("aevalsrc={BEEPS}:s=32000:d=0.9");
    let path = clip(directory.path(), "slow.mp4", &source, &["-c:a", "aac"]);
    let mut task = task(0, (1, 32_000), 48_000, 1);
    task.origin_s = Rational::new(-1, 10).expect("a fraction");
    let (report, kept) = run(&task, &path).expect("it works");
    let frames = decoded(&path).len() as u64;
    assert_eq!(report.samples, (frames + 3200) * 3 / 2);
    let options = [
        "-i",
        text(&path),
        "-af",
        "aresample=48000",
        "-f",
        "f32le",
        "-",
    ];
    let mut reference = super::floats(&ffmpeg(&options));
    reference.splice(0..0, std::iter::repeat_n(0.0, 4800));
    let (off, likeness) = lag(&reference, &heard(&task, &report, &kept), 12);
    assert_eq!(off, 0);
    assert!(likeness > 0.98, "{likeness}");
}

/// A stream whose rate and channels change on the way goes on at the right place.
#[test]
fn follows_a_change_of_format() {
    let directory = tempfile::tempdir().expect("a directory");
    let part = |name: &str, rate: u32, layout: &str, start: &str| {
        let source = format!("aevalsrc={BEEPS}:s={rate}:d=1");
        let mut options = vec!["-ac", layout, "-c:a", "aac", "-output_ts_offset", start];
        options.extend(["-muxdelay", "0", "-muxpreload", "0"]);
        let path = clip(directory.path(), name, &source, &options);
        std::fs::read(path).expect("a file")
    };
    let mut joined = part("first.ts", 48_000, "2", "0");
    joined.extend(part("second.ts", 44_100, "1", "2"));
    let path = directory.path().join("joined.ts");
    std::fs::write(&path, joined).expect("written");
    let task = task(0, (1, 90_000), 48_000, 2);
    let (report, kept) = run(&task, &path).expect("it works");
    // The second part begins at 2 s and has 44 or 45 frames with its priming.
    let whole = 96_000 + 45 * 1024 * 480 / 441;
    assert!(report.samples.abs_diff(whole) <= 1200, "{report:?}");
    let sound: Vec<f32> = heard(&task, &report, &kept)
        .into_iter()
        .step_by(2)
        .collect();
    let second = decoded(&directory.path().join("second.ts"));
    let energy = |sound: &[f32]| sound.iter().map(|sample| sample * sample).sum::<f32>();
    assert!(energy(&sound[52_000..95_000]) < 0.01, "silence between");
    let ratio = energy(&sound[96_000..]) / energy(&second);
    // Mono is 3 dB down on each side; 48 samples for 44.1.
    assert!((0.45..0.65).contains(&ratio), "{ratio}");
}

/// Packets that don't decode are counted and become silence; the rest is heard in place.
#[test]
fn damage_becomes_silence() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = format!("aevalsrc={BEEPS}:s=48000:d=2");
    let path = clip(directory.path(), "whole.mp4", &source, &["-c:a", "aac"]);
    let reference = decoded(&path);
    let mut bytes = std::fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle - 1000..middle].fill(0xff);
    let broken = directory.path().join("broken.mp4");
    std::fs::write(&broken, bytes).expect("written");
    let task = task(0, (1, 48_000), 48_000, 1);
    let (report, kept) = run(&task, &broken).expect("it works");
    assert!((1..25).contains(&report.damaged_packets), "{report:?}");
    assert_eq!(report.samples, reference.len() as u64);
    let sound = heard(&task, &report, &kept);
    let (off, likeness) = lag(&reference[70_000..], &sound[70_000..], 8);
    assert_eq!(off, 0);
    assert!(likeness > 0.98, "{likeness}");
}

/// A track of which nothing decodes is an error that names the stream.
#[test]
fn refuses_a_track_that_does_not_decode() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = "anoisesrc=a=0.5:r=48000:d=1";
    let path = clip(directory.path(), "noise.mp4", source, &["-c:a", "aac"]);
    let mut bytes = std::fs::read(&path).expect("a file");
    let payload = bytes
        .windows(4)
        .position(|word| word == b"mdat")
        .expect("a box")
        + 4;
    let end = bytes
        .windows(4)
        .position(|word| word == b"moov")
        .expect("a box")
        - 4;
    bytes[payload..end].fill(0xff);
    std::fs::write(&path, bytes).expect("written");
    let error = run(&task(0, (1, 48_000), 48_000, 1), &path).expect_err("nothing decodes");
    assert!(matches!(error, MediaError::Unreadable { .. }), "{error}");
    assert!(error.to_string().contains("stream 0"), "{error}");
}

/// A track that ends before the first picture becomes silence as long as the video.
#[test]
fn no_sound_in_the_video_is_silence() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = format!("aevalsrc={BEEPS}:s=48000:d=0.5");
    let path = clip(directory.path(), "early.mp4", &source, &["-c:a", "aac"]);
    let mut task = task(0, (1, 48_000), 48_000, 2);
    task.origin_s = Rational::whole(5);
    let (report, kept) = run(&task, &path).expect("it works");
    assert_eq!(report.samples, 3 * 48_000);
    assert_eq!(kept.0.len(), 3);
    assert!(
        heard(&task, &report, &kept)
            .iter()
            .all(|sample| *sample == 0.0)
    );
}

fn ready(directory: &Path) -> (AudioTask, Arc<FileSource>, PathBuf) {
    let source = format!("aevalsrc={BEEPS}|{BEEPS}:s=44100:d=3.5");
    let path = clip(directory, "stereo.mkv", &source, &["-c:a", "aac"]);
    let source = Arc::new(FileSource::open(&path).expect("a file"));
    (task(0, (1, 1000), 44_100, 2), source, path)
}

/// The same task makes the same bytes twice, with a fragment a cell, whose durations are the sound and
/// its priming, and the configuration of AAC-LC.
#[test]
fn same_bytes_twice() {
    let directory = tempfile::tempdir().expect("a directory");
    let (task, _, path) = ready(directory.path());
    let (report, kept): (AudioReport, Kept) = run(&task, &path).expect("it works");
    let again = run(&task, &path).expect("it works");
    assert_eq!((&report, &kept), (&again.0, &again.1));
    let track = &report.track;
    assert_eq!(
        track.codec_config[..2],
        [0x12, 0x10],
        "AAC-LC, 44 100 Hz, 2 channels"
    );
    assert_eq!(
        (track.priming_samples, track.presentation_delay),
        (1024, 1024)
    );
    assert_eq!(track.fragments.len(), 4);
    let mut decode_time = 0;
    for fragment in &track.fragments {
        assert_eq!(fragment.decode_time, decode_time);
        decode_time += fragment.duration;
        let cell_end = i64::from(fragment.sequence) * 44_100;
        let presented = decode_time - 1024;
        assert!(fragment.sequence == 4 || (presented - cell_end).abs() <= 512);
    }
    assert_eq!(decode_time.unsigned_abs(), report.samples + 1024);
    let text = kept
        .0
        .iter()
        .any(|(_, bytes)| bytes.windows(4).any(|word| word == b"Lavc"));
    assert!(!text, "no version of the encoder in the stream");
}

/// Stops after some looks, and keeps what it is told.
struct Impatient {
    looks: AtomicU64,
    done: AtomicU64,
}

impl Control for Impatient {
    fn cancelled(&self) -> bool {
        self.looks.fetch_sub(1, Ordering::Relaxed) <= 1
    }

    fn progress(&self, done: u64) {
        assert!(
            self.done.swap(done, Ordering::Relaxed) <= done,
            "never falls"
        );
    }
}

/// A task stops where it is told to, between packets, and its progress ends with all samples.
#[test]
fn stops_and_counts() {
    let directory = tempfile::tempdir().expect("a directory");
    let (task, source, _) = ready(directory.path());
    let with = |looks: u64| {
        let control = Impatient {
            looks: AtomicU64::new(looks),
            done: AtomicU64::new(0),
        };
        let limits = Limits::default();
        let source = Arc::clone(&source) as Arc<dyn crate::io::ByteSource>;
        let done = run_audio(&task, source, &limits, &mut Kept::default(), &control);
        (done, control.done.into_inner())
    };
    for looks in [1, 2, 50] {
        let (ended, _) = with(looks);
        assert!(matches!(ended, Err(MediaError::Cancelled)), "{looks}");
    }
    let (ended, done) = with(u64::MAX);
    assert_eq!(ended.expect("it works").samples, done);
}

/// A stream that isn't there, and a sink that fails, are errors of their own kind.
#[test]
fn tells_failures_apart() {
    struct Full;
    impl crate::io::FragmentSink for Full {
        fn put(
            &mut self,
            _track: usize,
            _info: &reelmesh_domain::media_types::FragmentInfo,
            _bytes: &[u8],
        ) -> std::io::Result<()> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (mut task, source, path) = ready(directory.path());
    let full = run_audio(&task, source, &Limits::default(), &mut Full, &Unattended);
    assert!(matches!(full, Err(MediaError::Io { .. })));
    task.stream = 7;
    assert!(matches!(
        run(&task, &path),
        Err(MediaError::Unreadable { .. })
    ));
}
