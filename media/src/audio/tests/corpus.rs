//! The audio tracks of the corpus, against FFmpeg's own command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use reelmesh_domain::media_types::{
    AudioTask, Color, Orientation, Scan, ScannedPacket, VideoCodec, VideoFacts,
};
use reelmesh_domain::plan::{OutputClock, Timeline};
use reelmesh_domain::rational::{Rational, scale};

use super::{BEEPS, decoded, ffmpeg, floats, heard, lag, moved, run, task, text};
use crate::control::Unattended;
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::ffi::stream::{Codec, Kind, Stream};
use crate::io::FileSource;
use crate::limits::Limits;

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("REELMESH_MEDIA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media"),
        PathBuf::from,
    );
    folder.join("MANIFEST.tsv").is_file().then_some(folder)
}

fn missing() {
    eprintln!("not run: corpus missing");
}

fn open(path: &Path) -> Input<'static> {
    let source = Arc::new(FileSource::open(path).expect("the file is there"));
    let mut input = Input::open(source, &Limits::default(), &Unattended).expect("a container");
    input.find_stream_parameters().expect("streams");
    input
}

fn facts(stream: Stream<'_>) -> VideoFacts {
    VideoFacts {
        stream: stream.index(),
        codec: VideoCodec::H264,
        profile: String::new(),
        width: stream.size().0,
        height: stream.size().1,
        pixel_format: String::new(),
        bit_depth: 8,
        sample_aspect: Rational::ONE,
        orientation: Orientation::default(),
        interlaced: false,
        color: Color {
            full_range: false,
            primaries: 2,
            transfer: 2,
            matrix: 2,
            chroma_location: 0,
        },
        time_base: stream.time_base(),
        frame_rate: stream.frame_rate(),
        bitrate_bps: None,
    }
}

/// The timeline of the video, from its packets.
fn timeline(path: &Path) -> Option<Timeline> {
    let mut input = open(path);
    let video = |stream: &Stream<'_>| stream.kind() == Kind::Video && !stream.is_attached_picture();
    let stream = input.streams().find(video)?;
    let (facts, bits) = (facts(stream), stream.timestamp_bits());
    let container = input.container();
    let mut packets = Vec::new();
    let mut packet = Packet::new().expect("memory");
    while input.read(&mut packet).expect("packets") {
        if packet.stream() == facts.stream {
            packets.push(ScannedPacket {
                pts: packet.pts(),
                dts: packet.dts(),
                duration: packet.duration(),
                position: packet.position(),
                size: u32::try_from(packet.data().len()).expect("small"),
                key: packet.is_key(),
                discard: packet.is_discarded(),
            });
        }
    }
    let scan = Scan {
        packets,
        wrap_bits: (bits < 64).then_some(bits),
    };
    Timeline::from_scan(&scan, &facts, container).ok()
}

/// The task for each AAC track of a file, with the rate of its source.
fn tasks(path: &Path) -> Vec<(AudioTask, u32)> {
    let timeline = timeline(path);
    let input = open(path);
    let tracks = input
        .streams()
        .filter(|stream| stream.codec() == Codec::Aac && !stream.is_encrypted());
    let made = tracks.map(|stream| {
        let base = stream.time_base();
        let rate = if stream.sample_rate_hz() == 48_000 {
            48_000
        } else {
            44_100
        };
        let ticks = (base.numerator(), base.denominator());
        let mut task = task(stream.index(), ticks, rate, stream.channels().min(2));
        task.container = input.container();
        if let Some(timeline) = &timeline {
            task.mapping = timeline.mapping.clone();
            task.mapping_time_base = timeline.source_time_base;
            task.wrap_reference = timeline.first_raw_dts;
            task.origin_s = timeline.origin_s().expect("an origin");
            task.cell_ends = vec![video_end(timeline, rate)];
        }
        (task, stream.sample_rate_hz())
    });
    made.collect()
}

fn video_end(timeline: &Timeline, rate_hz: u32) -> i64 {
    let tick_s = match timeline.clock {
        OutputClock::Constant { rate } => rate.inverse().expect("a rate"),
        OutputClock::Variable => Rational::new(1, 90_000).expect("a fraction"),
    };
    let rate = Rational::whole(i64::from(rate_hz));
    scale(timeline.end_pts, tick_s.checked_mul(rate).expect("fits")).expect("fits")
}

/// FFmpeg's idea of the first picture's time, in samples.
fn first_picture(path: &Path, rate_hz: u32) -> i64 {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "V:0", "-show_entries"])
        .args(["frame=pts_time", "-of", "csv=p=0", text(path)])
        .output()
        .expect("ffprobe runs");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = lines.lines().next().unwrap_or("0").trim_matches(',');
    let (whole, part) = first.split_once('.').unwrap_or((first, "0"));
    let micros: i64 = format!("{part:0<6}").parse().expect("digits");
    let negative = whole.starts_with('-');
    let whole: i64 = whole.parse().expect("digits");
    let micros = whole * 1_000_000 + if negative { -micros } else { micros };
    let factor = Rational::new(i64::from(rate_hz), 1_000_000).expect("a fraction");
    scale(micros, factor).expect("fits")
}

/// The length of the track in samples by FFmpeg's own command, and its first half second.
fn reference(path: &Path, task: &AudioTask, source_rate_hz: u32) -> (usize, Vec<f32>) {
    let rate = task.rendition.sample_rate_hz;
    // In samples of what goes into the filter, whatever its documentation says.
    let first = first_picture(path, source_rate_hz);
    let align = format!("aresample=async=1:first_pts={first},aresample={rate}");
    let map = format!("0:{}", task.stream);
    let channels = task.rendition.channels.to_string();
    let mut arguments = vec!["-copyts", "-i", text(path), "-map", &map, "-af", &align];
    arguments.extend(["-ac", &channels, "-f", "f32le", "-"]);
    let sound = floats(&ffmpeg(&arguments));
    let channels = usize::from(task.rendition.channels);
    (sound.len() / channels, start(&sound, channels))
}

fn start(sound: &[f32], channels: usize) -> Vec<f32> {
    let left = sound.iter().step_by(channels).copied();
    left.take(22_050).collect()
}

/// Files whose length FFmpeg's command can't tell, and why.
const WITHOUT_REFERENCE: &[&str] = &[
    // Its fragments lie in other files; FFmpeg's tool stops at the missing picture.
    "bipbop_nonfragment_header.mp4",
    // No picture to align to: the sound begins at 546 s.
    "id3-metadata.ts",
    // FFmpeg fills 97 minutes between the two clocks.
    "ts_discontinuity_pts_jump_back.ts",
];

/// Each AAC track in scope is decoded whole: as long as FFmpeg's `aresample=async=1:first_pts=` at the
/// first picture makes it, within one frame, and not shifted by a single sample.
#[test]
fn corpus_tracks_are_as_long_as_by_ffmpeg() {
    let Some(folder) = corpus() else {
        assert!(std::env::var_os("CI").is_none(), "corpus missing");
        return missing();
    };
    let manifest = fs::read_to_string(folder.join("MANIFEST.tsv")).expect("a text");
    let mut seen = 0;
    for line in manifest.lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        let name = columns[0];
        let in_scope = ["mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "mpegts"].contains(&columns[4]);
        if !in_scope || !columns[7].contains(":aac/") || WITHOUT_REFERENCE.contains(&name) {
            continue;
        }
        let path = folder.join(name);
        for (task, source_rate_hz) in tasks(&path) {
            let (report, kept) = run(&task, &path).expect(name);
            let (length, expected) = reference(&path, &task, source_rate_hz);
            let samples = usize::try_from(report.samples).expect("small");
            assert!(
                samples.abs_diff(length) <= 1024,
                "{name}: {samples} not {length}"
            );
            assert_eq!(report.damaged_packets, 0, "{name}");
            let sound = start(
                &heard(&task, &report, &kept),
                usize::from(task.rendition.channels),
            );
            if expected.iter().any(|sample| sample.abs() > 1e-3) {
                let (off, likeness) = lag(&expected, &sound, 12);
                assert_eq!(off, 0, "{name}: {likeness}");
                assert!(likeness > 0.95, "{name}: {likeness}");
            }
            seen += 1;
        }
    }
    assert!(seen >= 17, "{seen} tracks");
}

/// Picture and sound that were shifted against each other when they were muxed keep that offset in each
/// container: to the sample, or to the millisecond in which Matroska and FFmpeg's edit lists count.
#[test]
fn offset_of_muxed_sound_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let beeps = format!("aevalsrc={BEEPS}:s=48000:d=0.9");
    let video = "testsrc2=s=64x48:r=25:d=1";
    let wave = directory.path().join("beeps.wav");
    ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        &beeps,
        "-c:a",
        "pcm_f32le",
        text(&wave),
    ]);
    let beeps = decoded(&wave);
    for (name, slack) in [("muxed.mp4", 48), ("muxed.ts", 1), ("muxed.mkv", 48)] {
        for (offset, samples) in [("0.5", 24_000), ("-0.3", -14_400)] {
            let path = directory.path().join(name);
            let mut arguments = vec!["-f", "lavfi", "-i", video, "-itsoffset", offset];
            arguments.extend(["-i", text(&wave), "-c:v", "libx264", "-c:a", "aac"]);
            arguments.push(text(&path));
            ffmpeg(&arguments);
            let (task, _) = tasks(&path).remove(0);
            let (report, kept) = run(&task, &path).expect(name);
            let sound = heard(&task, &report, &kept);
            let expected = moved(beeps.clone(), samples);
            let (off, likeness) = lag(&expected, &sound, slack + 4);
            assert!(off.abs() <= slack, "{name} {offset}: {off} {likeness}");
            assert!(likeness > 0.97, "{name} {offset}: {likeness}");
        }
    }
}

/// Where the picture's clock jumps back the sound goes on with it: all of it is there, and no silence
/// but what the cut itself leaves.
#[test]
fn sound_goes_on_behind_a_jump() {
    let Some(folder) = corpus() else {
        assert!(std::env::var_os("CI").is_none(), "corpus missing");
        return missing();
    };
    let path = folder.join("ts_discontinuity_pts_jump_back.ts");
    let (task, _) = tasks(&path).remove(0);
    assert_eq!(task.mapping.stretches.len(), 1);
    let (report, _) = run(&task, &path).expect("it works");
    let sound = 114 * 1024;
    assert!(
        (sound..sound + 9600).contains(&report.samples),
        "{report:?}"
    );
}
