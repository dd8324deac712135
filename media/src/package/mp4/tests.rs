//! Real fragments become files that FFmpeg's own tools read without a word.

use std::path::Path;
use std::process::Command;

use reelmesh_domain::rational::Rational;

use super::*;
use crate::control::Unattended;
use crate::package::init::init_segment;
use crate::package::testing::{Clip, Memory, tone};

fn rate(num: i64, den: i64) -> Rational {
    Rational::new(num, den).unwrap()
}

/// What a command prints; it must succeed and complain about nothing.
fn run(program: &str, arguments: &[&str], file: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .arg(file)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn probe(stream: &str, entries: &str, file: &Path) -> String {
    let arguments = ["-v", "warning", "-select_streams", stream, "-show_entries"];
    let mut arguments = [&arguments[..], &[entries, "-of", "csv=p=0"]].concat();
    if entries.contains("nb_read_frames") {
        arguments.push("-count_frames");
    }
    run("ffprobe", &arguments, file).trim().to_owned()
}

fn decode(file: &Path) {
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(file)
        .args(["-map", "0", "-fps_mode", "passthrough"])
        .args(["-enc_time_base", "-1", "-f", "null", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
}

fn packaged(tracks: &[Track], memory: &mut Memory) -> Vec<u8> {
    let mut out = Vec::new();
    write_mp4(tracks, memory, &mut out, &Unattended).unwrap();
    out
}

/// A file with video and two audio tracks decodes without a warning, has every frame, begins at 0 in
/// each track, and says its exact lengths, languages and the default track.
#[test]
fn file_is_clean() {
    let mut memory = Memory::default();
    let video = Clip::constant("video", rate(24_000, 1001), 50).encode(&mut memory);
    let samples = 100_100;
    let first = tone("first", samples, 24_024, &mut memory);
    let mut second = tone("second", samples, 24_024, &mut memory);
    if let TrackMedia::Audio {
        language, default, ..
    } = &mut second.media
    {
        *language = Some("deu".to_owned());
        *default = false;
    }
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.mp4");
    std::fs::write(&file, packaged(&[video, first, second], &mut memory)).unwrap();
    decode(&file);
    let of_video = "stream=codec_name,width,height,r_frame_rate,start_pts,duration_ts,nb_read_frames\
        :format=start_time,duration";
    assert_eq!(
        probe("v:0", of_video, &file),
        "h264,64,48,24000/1001,0,50050,50\n0.000000,2.085417"
    );
    let of_audio =
        "stream=codec_name,start_pts,duration_ts:stream_tags=language:stream_disposition=default";
    assert_eq!(
        probe("a", of_audio, &file),
        "aac,0,100100,1,eng\naac,0,100100,0,deu"
    );
}

/// Variable frame times come out of the file as they were planned, from 0 on, in a progressive file
/// and behind an init segment alike.
#[test]
fn variable_times_are_kept() {
    let mut memory = Memory::default();
    let mut times = vec![0];
    for index in 0..40_i64 {
        times.push(times.last().unwrap() + 1500 + 700 * (index * index % 11));
    }
    let clip = Clip {
        name: "video",
        size: (64, 48),
        time_base: rate(1, 90_000),
        times: times.clone(),
        frames_per_cell: 7,
    };
    let track = clip.encode(&mut memory);
    assert!(track.media_time > 0, "the clip has B-frames");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("out.mp4");
    let fragmented = directory.path().join("fragmented.mp4");
    let mut bytes = init_segment(&track).unwrap();
    bytes.extend(memory.0["video"].concat());
    std::fs::write(&fragmented, bytes).unwrap();
    std::fs::write(&file, packaged(&[track], &mut memory)).unwrap();
    let expected: Vec<String> = times[..40].iter().map(i64::to_string).collect();
    for file in [&file, &fragmented] {
        decode(file);
        let found = probe("v:0", "frame=pts", file);
        let found: Vec<&str> = found
            .lines()
            .map(|line| line.split(',').next().unwrap())
            .filter(|time| !time.is_empty())
            .collect();
        assert_eq!(found, expected, "{}", file.display());
    }
}

/// Fragments lie in the order in which they are played, whatever their numbers: the sound of a picture that
/// stands for seven minutes behind it, and not before the pictures that come later.
#[test]
fn fragments_lie_by_time() {
    let mut memory = Memory::default();
    let mut video = Clip::constant("video", rate(25, 1), 13).encode(&mut memory);
    let mut sound = tone("sound", 24_000, 24_000, &mut memory);
    let fragments = |durations: &[i64]| {
        let mut decode_time = 0;
        let mut fragments = Vec::new();
        for (sequence, &duration) in (1..).zip(durations) {
            fragments.push(FragmentInfo {
                sequence,
                decode_time,
                duration,
                samples: 1,
                bytes: 1,
            });
            decode_time += duration;
        }
        fragments
    };
    video.media_time = 0;
    video.fragments = fragments(&[50, 420 * 25, 50, 1, 1, 50]);
    sound.media_time = 1_024;
    sound.fragments = fragments(&[97_280, 16_384 * 1_024, 3_383_000, 98_000, 96_000]);
    let order = interleaved(&[video, sound], &[25, 48_000]);
    let order: Vec<_> = order
        .iter()
        .map(|place| (place.track, place.fragment))
        .collect();
    assert_eq!(
        order,
        [
            (0, 0),
            (1, 0),
            (0, 1),
            (1, 1),
            (1, 2),
            (0, 2),
            (1, 3),
            (0, 3),
            (0, 4),
            (0, 5),
            (1, 4),
        ]
    );
}

/// A fragment that isn't what its record says, or changes between the two readings, is a bug and no file.
#[test]
fn wrong_fragments_are_refused() {
    let mut memory = Memory::default();
    let track = Clip::constant("video", rate(25, 1), 30).encode(&mut memory);
    let refused = |track: &Track, memory: &mut Memory| {
        let result = write_mp4(
            std::slice::from_ref(track),
            memory,
            &mut Vec::new(),
            &Unattended,
        );
        assert!(matches!(result, Err(MediaError::Bug { .. })), "{result:?}");
    };
    let mut swapped = memory.clone();
    swapped.0.get_mut("video").unwrap().swap(0, 1);
    refused(&track, &mut swapped);
    let mut cut = memory.clone();
    cut.0.get_mut("video").unwrap()[1].pop();
    refused(&track, &mut cut);
    let mut gap = track.clone();
    gap.fragments.remove(0);
    refused(&gap, &mut memory);
    let mut negative = track;
    negative.media_time = -1;
    refused(&negative, &mut memory);
}

/// Beyond 4 GiB the header has 64-bit offsets and sizes, and the samples still begin right behind it.
#[test]
fn large_files_have_wide_numbers() {
    let mut memory = Memory::default();
    let track = Clip::constant("video", rate(25, 1), 13).encode(&mut memory);
    let mut tables = SampleTables::default();
    let fragment = read_fragment(&memory.0["video"][0]).unwrap();
    tables.push(&fragment, 0);
    let far = u64::from(u32::MAX);
    for (payload, wide) in [(1000, false), (far + 1000, true)] {
        if wide {
            tables.push(&fragment, far);
        }
        let head = file_head(
            std::slice::from_ref(&track),
            &[25],
            &[tables.clone()],
            payload,
        );
        let position = |kind: &[u8; 4]| head.windows(4).position(|window| window == kind);
        assert_eq!(position(b"co64").is_some(), wide);
        assert_eq!(position(b"stco").is_none(), wide);
        let offsets = position(if wide { b"co64" } else { b"stco" }).unwrap() + 12;
        let width = if wide { 8 } else { 4 };
        let number = |at: usize, width: usize| {
            head[at..at + width]
                .iter()
                .fold(0_u64, |value, &byte| value << 8 | u64::from(byte))
        };
        assert_eq!(number(offsets, width), head.len() as u64);
        if wide {
            assert_eq!(number(offsets + 8, 8), head.len() as u64 + far);
            assert_eq!(number(head.len() - 8, 8), payload + 16);
        } else {
            assert_eq!(number(head.len() - 8, 4), payload + 8);
        }
    }
}

/// Lengths are exact where the tracks' clocks have a common multiple, else rounded up.
#[test]
fn lengths_in_the_movie_are_exact() {
    for (timescales, expected) in [
        (&[24_000, 48_000][..], 48_000),
        (&[25, 44_100], 44_100),
        (&[30_000, 44_100], 4_410_000),
        (&[4_294_967_291, 48_000], FALLBACK_TIMESCALE),
        (&[], 1),
    ] {
        assert_eq!(common_timescale(timescales), expected, "{timescales:?}");
    }
    assert_eq!(movie_ticks(50_050, 24_000, 48_000), 100_100);
    assert_eq!(movie_ticks(1, 7, 10), 2);
}
