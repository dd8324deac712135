//! Playlists as text, and packages that FFmpeg's demuxer plays.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use proptest::prelude::*;
use reelmesh_domain::rational::Rational;

use super::layout::{Piece, SECOND_US};
use super::playlists::Rates;
use super::*;
use crate::fragment::{FragmentWriter, SampleTiming};
use crate::package::TrackMedia;
use crate::package::testing::{COLOR, Clip, Memory, store, tone};
use crate::verify::hls::{Playlist, read_playlist};

/// A track whose fragments last so many ticks of 1/1000 s and whose samples have made-up bytes.
fn made_up(name: &str, media: TrackMedia, cells: &[u32], memory: &mut Memory) -> Track {
    let key_only = matches!(media, TrackMedia::Audio { .. });
    let mut fragments = Vec::new();
    let mut decode_time = 0;
    for (sequence, &cell) in (1..).zip(cells) {
        let mut fragment = FragmentWriter::new(sequence);
        for (place, size) in [4000_usize, 500 + 10 * cell as usize]
            .into_iter()
            .enumerate()
        {
            let timing = SampleTiming {
                decode_time,
                duration: cell / 2,
                composition_offset: 0,
            };
            let key = key_only || place == 0;
            fragment.push(timing, key, &vec![1; size]).unwrap();
            decode_time += i64::from(cell / 2);
        }
        fragments.push(fragment);
    }
    let track = Track {
        name: name.to_owned(),
        media,
        time_base: Rational::new(1, 1000).unwrap(),
        codec_config: vec![1, 0x64, 0, 0x1f, 0xff],
        media_time: 0,
        duration: decode_time,
        fragments: Vec::new(),
    };
    store(track, fragments, memory)
}

fn video(width: u32, height: u32) -> TrackMedia {
    TrackMedia::Video {
        width,
        height,
        frame_rate: Rational::new(24_000, 1001).unwrap(),
        color: COLOR,
    }
}

fn audio(language: Option<&str>, title: Option<&str>, default: bool) -> TrackMedia {
    TrackMedia::Audio {
        sample_rate_hz: 48_000,
        channels: 2,
        bitrate_bps: 128_000,
        language: language.map(str::to_owned),
        title: title.map(str::to_owned),
        default,
    }
}

fn text_of(package: &HlsPackage) -> String {
    let mut text = String::new();
    for file in &package.playlists {
        let content = String::from_utf8(file.bytes.clone()).unwrap();
        writeln!(text, "== {}\n{content}", file.path).unwrap();
    }
    for segment in &package.segments {
        let HlsSegment {
            path,
            track,
            fragments,
        } = segment;
        writeln!(text, "{path}: track {track}, fragments {fragments:?}").unwrap();
    }
    text
}

/// Two renditions and three audio tracks, one with a hostile title: all playlists as they are. Two
/// cells make a segment, and the sound behind the last picture joins its last segment.
#[test]
fn playlists_of_a_ladder() {
    let mut memory = Memory::default();
    let cells = [2000, 2000, 2000, 2000, 1500, 1000];
    let sound = [2010, 1990, 2000, 2000, 1500, 1000, 40];
    let hostile = "Director's \"cut\"\n#EXT-X-ENDLIST\r\n\u{202e}";
    let tracks = [
        made_up("720p", video(1280, 720), &cells, &mut memory),
        made_up("480p", video(854, 480), &cells, &mut memory),
        made_up(
            "audio-1-eng",
            audio(Some("eng"), None, false),
            &sound,
            &mut memory,
        ),
        made_up(
            "audio-2-eng",
            audio(Some("eng"), None, true),
            &sound,
            &mut memory,
        ),
        made_up(
            "audio-3",
            audio(Some("und"), Some(hostile), false),
            &sound,
            &mut memory,
        ),
    ];
    let package = hls_package(&tracks, 2, &mut memory).unwrap();
    insta::assert_snapshot!(text_of(&package));
    for file in &package.playlists {
        let text = String::from_utf8(file.bytes.clone()).unwrap();
        let read = read_playlist(&text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        if let Playlist::Multivariant(read) = read {
            let names: Vec<&str> = read.renditions.iter().map(|r| r.name.as_str()).collect();
            assert_eq!(names, ["en", "en (2)", "Director's 'cut'#EXT-X-ENDLIST"]);
        }
    }
}

/// Sound alone: the default track is the variant.
#[test]
fn playlists_of_sound_alone() {
    let mut memory = Memory::default();
    let tracks = [
        made_up(
            "audio-1",
            audio(None, None, false),
            &[2000, 900],
            &mut memory,
        ),
        made_up(
            "audio-2",
            audio(Some("gsw"), Some("Züritüütsch"), true),
            &[2000, 900],
            &mut memory,
        ),
    ];
    let package = hls_package(&tracks, 1, &mut memory).unwrap();
    insta::assert_snapshot!(text_of(&package));
}

/// A picture of a slide show stands for seven minutes: the sound of that cell has several fragments, and the cells
/// behind have theirs under other numbers. Segments of both end together all the same.
#[test]
fn sound_keeps_step_with_standing_pictures() {
    let mut memory = Memory::default();
    let tracks = [
        made_up(
            "v",
            video(64, 64),
            &[2_000, 420_000, 2_000, 20, 20, 4_000],
            &mut memory,
        ),
        // None for the two cells of 20 ms.
        made_up(
            "a",
            audio(None, None, true),
            &[2_010, 349_500, 70_490, 2_040, 4_000, 3_000, 3_000],
            &mut memory,
        ),
    ];
    let durations = |cells_per_segment, memory: &mut Memory| {
        let laid_out = layout::lay_out(&tracks, cells_per_segment, memory).unwrap();
        let tracks = laid_out.iter().map(|layout| {
            let segments = layout.segments.iter();
            segments
                .map(|s| s.piece.duration_us / 1_000)
                .collect::<Vec<_>>()
        });
        tracks.collect::<Vec<_>>()
    };
    assert_eq!(
        durations(2, &mut memory),
        [
            [422_000, 2_020, 4_020].to_vec(),
            [422_000, 2_040, 4_000, 6_000].to_vec()
        ]
    );
    assert_eq!(
        durations(1, &mut memory),
        [
            [2_000, 420_000, 2_000, 20, 20, 4_000].to_vec(),
            [2_010, 419_990, 2_040, 4_000, 3_000, 3_000].to_vec(),
        ]
    );
}

/// Names that would leave the folder or stand twice, and packages of nothing, are bugs.
#[test]
fn unfit_tracks_are_refused() {
    let mut memory = Memory::default();
    let good = made_up("480p", video(854, 480), &[2000], &mut memory);
    let refused = |tracks: &[Track], cells: u32, memory: &mut Memory| {
        let result = hls_package(tracks, cells, memory);
        assert!(matches!(result, Err(MediaError::Bug { .. })), "{result:?}");
    };
    refused(&[], 1, &mut memory);
    refused(std::slice::from_ref(&good), 0, &mut memory);
    refused(&[good.clone(), good.clone()], 1, &mut memory);
    for name in ["", "..", "a/b", "a\nb", "a\"b", "a b"] {
        let mut track = good.clone();
        name.clone_into(&mut track.name);
        refused(&[track], 1, &mut memory);
    }
    let mut nothing = good;
    nothing.fragments.clear();
    refused(&[nothing], 1, &mut memory);
}

/// A real package plays through FFmpeg's HLS demuxer without a warning, with every frame of picture.
/// (FFmpeg 5.1 can't play key frames of fragmented MP4: it reads on behind the range.)
#[test]
fn package_plays() {
    let mut memory = Memory::default();
    let rate = Rational::new(25, 1).unwrap();
    let large = Clip::constant("large", rate, 60).encode(&mut memory);
    let mut small = Clip::constant("small", rate, 60);
    small.size = (32, 32);
    let tracks = [
        large,
        small.encode(&mut memory),
        tone("sound", 2 * 48_000 + 19_200, 23_040, &mut memory),
    ];
    let directory = tempfile::tempdir().unwrap();
    let package = hls_package(&tracks, 2, &mut memory).unwrap();
    write(directory.path(), &package, &tracks, &memory);
    let decode = |playlist: &str| {
        let output = Command::new("ffmpeg")
            .args(["-v", "warning", "-xerror", "-i"])
            .arg(directory.path().join(playlist))
            .args(["-map", "0", "-progress", "-", "-f", "null", "-"])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && errors.is_empty(),
            "{playlist}: {errors}"
        );
        let progress = String::from_utf8(output.stdout).unwrap();
        let mut frames = progress
            .lines()
            .filter_map(|line| line.strip_prefix("frame="));
        frames.next_back().unwrap().to_owned()
    };
    assert_eq!(decode("multivariant.m3u8"), "60");
    // The picture begins at 0, sound a priming of 1024 samples before: its first real sample at 0.
    let starts = Command::new("ffprobe")
        .args(["-v", "warning", "-show_entries"])
        .args(["stream=codec_type,start_time", "-of", "csv=p=0"])
        .arg(directory.path().join("multivariant.m3u8"))
        .output()
        .unwrap();
    let starts = String::from_utf8(starts.stdout).unwrap();
    for kind in ["video,0.000000", "audio,-0.021333"] {
        assert!(starts.contains(kind), "{starts}");
    }
    let right = |line: &str| matches!(line, "" | "video,0.000000" | "audio,-0.021333");
    assert!(starts.lines().all(right), "{starts}");
    assert_eq!(decode("small/media.m3u8"), "60");
}

/// Sound alone plays, too.
#[test]
fn sound_alone_plays() {
    let mut memory = Memory::default();
    let tracks = [tone("sound", 96_000, 24_000, &mut memory)];
    let directory = tempfile::tempdir().unwrap();
    let package = hls_package(&tracks, 2, &mut memory).unwrap();
    write(directory.path(), &package, &tracks, &memory);
    let output = Command::new("ffmpeg")
        .args(["-v", "warning", "-xerror", "-i"])
        .arg(directory.path().join("multivariant.m3u8"))
        .args(["-map", "0:a:0", "-f", "null", "-"])
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{errors}");
}

fn write(directory: &Path, package: &HlsPackage, tracks: &[Track], memory: &Memory) {
    let put = |path: &str, bytes: &[u8]| {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    for segment in &package.segments {
        let fragments = &memory.0[&tracks[segment.track].name];
        put(
            &segment.path,
            &fragments[segment.fragments.clone()].concat(),
        );
    }
    for file in package.inits.iter().chain(&package.playlists) {
        put(&file.path, &file.bytes);
    }
}

/// The peak is that of whole windows: a short piece at the end counts only with its neighbours.
#[test]
fn peak_is_measured_over_windows() {
    let piece = |bytes, ms: u64| Piece {
        bytes,
        duration_us: ms * 1000,
    };
    let rates = Rates::of(&[piece(1000, 2000), piece(2000, 2000), piece(500, 100)], 2);
    assert_eq!(rates.peak_bps, 9524, "2 500 bytes in 2.1 s");
    assert_eq!(rates.mean_bps, 6830, "3 500 bytes in 4.1 s");
    let short = Rates::of(&[piece(100, 100)], 1);
    assert_eq!((short.peak_bps, short.mean_bps), (8000, 8000));
}

/// Titles become names that can stand in a quoted string and stand once; codes become tags.
#[test]
fn names_are_harmless_and_unique() {
    let used = vec!["a'b".to_owned(), "a'b (2)".to_owned()];
    assert_eq!(
        names::unique(&[Some("\r\n\t"), Some(" a\"b\n")], &used),
        "a'b (3)"
    );
    assert_eq!(names::unique(&[None], &[]), "audio");
    let long = names::unique(&[Some(&"é".repeat(1000))], &[]);
    assert_eq!(long.chars().count(), 80);
    for (code, tag) in [
        ("eng", Some("en")),
        ("ger", Some("de")),
        ("deu", Some("de")),
        ("zul", Some("zu")),
        ("gsw", Some("gsw")),
        ("und", None),
        ("\"\"\"", None),
        ("english", None),
    ] {
        assert_eq!(names::language_tag(code).as_deref(), tag, "{code}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the cells, the stated durations of each track add up to its length to the microsecond,
    /// none is longer than the target once rounded, every fragment is in one segment, and audio
    /// segments hold the same cells as video segments.
    #[test]
    fn durations_add_up(
        cells in prop::collection::vec(1_u32..3000, 1..20),
        cells_per_segment in 1_u32..4,
        timescale in 1000_i64..90_000,
    ) {
        let mut memory = Memory::default();
        let cells: Vec<u32> = cells.into_iter().map(|cell| cell * 2).collect();
        let mut tracks = [
            made_up("v", video(64, 64), &cells, &mut memory),
            made_up("a", audio(None, None, true), &cells, &mut memory),
        ];
        for track in &mut tracks {
            track.time_base = Rational::new(1, timescale).unwrap();
        }
        let laid_out = layout::lay_out(&tracks, cells_per_segment, &mut memory).unwrap();
        let target = layout::target_duration_s(&laid_out);
        prop_assert_eq!(laid_out[0].segments.len(), laid_out[1].segments.len());
        for (track, layout) in tracks.iter().zip(&laid_out) {
            let total: u64 = layout.segments.iter().map(|s| s.piece.duration_us).sum();
            let ticks = u64::try_from(track.duration).unwrap();
            let scale = u64::try_from(timescale).unwrap();
            prop_assert_eq!(total, (ticks * SECOND_US + scale / 2) / scale);
            let mut next = 0;
            for segment in &layout.segments {
                prop_assert_eq!(segment.fragments.start, next);
                next = segment.fragments.end;
                prop_assert!((segment.piece.duration_us + SECOND_US / 2) / SECOND_US <= target);
            }
            prop_assert_eq!(next, track.fragments.len());
        }
        let keys: u64 = laid_out[0].keys.iter().map(|key| key.piece.duration_us).sum();
        let segments: u64 = laid_out[0].segments.iter().map(|s| s.piece.duration_us).sum();
        prop_assert_eq!(keys, segments);
    }
}
