//! Shows which ladders are refused, and what a source gets of the others.

use alloc::borrow::ToOwned as _;
use alloc::string::ToString as _;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::media_types::{AudioFacts, Color, Container, Orientation, VideoCodec, VideoFacts};
use crate::rational::Rational;

fn rung(name: &str, width: u32, height: u32) -> RungSpec {
    RungSpec {
        name: name.to_owned(),
        width,
        height,
        preset: "medium".to_owned(),
        profile: "high".to_owned(),
        crf_hundredths: 2_100,
        max_rate_bps: Some(5_500_000),
        buffer_ms: None,
    }
}

fn three_rungs() -> LadderSpec {
    LadderSpec {
        fit_source: false,
        // In no order: a ladder sorts them.
        rungs: vec![
            rung("480p", 854, 480),
            rung("1080p", 1920, 1080),
            rung("720p", 1280, 720),
        ],
        audio: AudioSpec {
            bitrate_bps: 128_000,
            channels: 2,
        },
    }
}

fn facts(width: u32, height: u32) -> SourceFacts {
    SourceFacts {
        container: Container::Mp4,
        bytes: 1,
        duration_s: None,
        video: VideoFacts {
            stream: 0,
            codec: VideoCodec::H264,
            profile: String::new(),
            width,
            height,
            pixel_format: "yuv420p".to_owned(),
            bit_depth: 8,
            sample_aspect: Rational::ONE,
            orientation: Orientation::default(),
            interlaced: false,
            color: Color {
                full_range: true,
                primaries: 2,
                transfer: 2,
                matrix: 2,
                chroma_location: 0,
            },
            time_base: Rational::ONE,
            frame_rate: None,
            bitrate_bps: None,
        },
        audio: Vec::new(),
        left_out: Vec::new(),
    }
}

fn track(sample_rate_hz: u32, channels: u8, language: Option<&str>, default: bool) -> AudioFacts {
    AudioFacts {
        stream: 1,
        sample_rate_hz,
        channels,
        time_base: Rational::ONE,
        language: language.map(String::from),
        title: None,
        default,
    }
}

/// The fields that a ladder is refused for.
fn refused(ladder: LadderSpec) -> Vec<String> {
    match Ladder::try_from(ladder) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.0.into_iter().map(|error| error.field).collect(),
    }
}

/// What is out of range is refused under its field's name, one case a row.
#[test]
fn refuses_what_is_out_of_range() {
    type Change = fn(&mut LadderSpec);
    let cases: [(&str, Change); 21] = [
        ("rungs[0].name", |ladder| {
            ladder.rungs[0].name = String::new();
        }),
        ("rungs[0].name", |ladder| {
            ladder.rungs[0].name = "a/b".into();
        }),
        ("rungs[0].name", |ladder| ladder.rungs[0].name = "ü".into()),
        ("rungs[0].name", |ladder| {
            ladder.rungs[0].name = "x".repeat(33);
        }),
        ("rungs[1].name", |ladder| {
            ladder.rungs[1].name = "480P".into();
        }),
        ("rungs[1].name", |ladder| {
            ladder.rungs[1].name = "Audio-1".into();
        }),
        ("rungs[1].name", |ladder| {
            ladder.rungs[1].name = "hls".into();
        }),
        ("rungs[2].width", |ladder| ladder.rungs[2].width = 15),
        ("rungs[2].height", |ladder| ladder.rungs[2].height = 8_193),
        ("rungs[2].preset", |ladder| {
            ladder.rungs[2].preset = "placebo".into();
        }),
        ("rungs[2].profile", |ladder| {
            ladder.rungs[2].profile = "high10".into();
        }),
        ("rungs[2].crf", |ladder| {
            ladder.rungs[2].crf_hundredths = 5_101;
        }),
        ("rungs[2].max_rate", |ladder| {
            ladder.rungs[2].max_rate_bps = Some(15_999);
        }),
        ("rungs[2].buffer_ms", |ladder| {
            ladder.rungs[2].buffer_ms = Some(99);
        }),
        ("rungs[2].buffer_ms", |ladder| {
            ladder.rungs[2].max_rate_bps = None;
            ladder.rungs[2].buffer_ms = Some(2_000);
        }),
        ("rungs", |ladder| ladder.rungs.clear()),
        ("rungs", |ladder| {
            ladder.rungs = (0..17)
                .map(|place| rung(&alloc::format!("r{place}"), 64, 64))
                .collect();
        }),
        ("rungs[0].name", |ladder| {
            ladder.fit_source = true;
            ladder.rungs[0].name = "source".into();
        }),
        ("audio.bitrate", |ladder| ladder.audio.bitrate_bps = 15_999),
        ("audio.bitrate", |ladder| ladder.audio.bitrate_bps = 512_001),
        ("audio.channels", |ladder| ladder.audio.channels = 3),
    ];
    assert_eq!(refused(three_rungs()), [""; 0]);
    for (field, change) in cases {
        let mut ladder = three_rungs();
        change(&mut ladder);
        assert_eq!(refused(ladder), [field]);
    }
}

/// All errors come at once, and the text names each.
#[test]
fn all_errors_come_at_once() {
    let mut ladder = three_rungs();
    ladder.rungs[0].crf_hundredths = 9_900;
    ladder.rungs[2].preset = "fastest".into();
    ladder.audio.channels = 0;
    let errors = Ladder::try_from(ladder).unwrap_err();
    insta::assert_snapshot!(errors.to_string(), @"rungs[0].crf: 99.00 is out of range; give 0 to 51; rungs[2].preset: `fastest` isn't known; give one of ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow; audio.channels: 0 is out of range; give 1 to 2");
}

/// The ends of the ranges are allowed, and no rung at all if the source's own is added.
#[test]
fn the_ends_of_ranges_are_allowed() {
    let mut ladder = three_rungs();
    ladder.rungs[0] = RungSpec {
        name: "x".repeat(32),
        width: 16,
        height: 8_192,
        preset: "ultrafast".into(),
        profile: "baseline".into(),
        crf_hundredths: 5_100,
        max_rate_bps: Some(16_000),
        buffer_ms: Some(20_000),
    };
    assert_eq!(refused(ladder.clone()), [""; 0]);
    ladder.fit_source = true;
    ladder.rungs.clear();
    assert_eq!(refused(ladder), [""; 0]);
}

/// Names and sizes of what a source gets.
#[track_caller]
fn check(ladder: &LadderSpec, facts: &SourceFacts, wanted: &[(&str, u32, u32)]) {
    let renditions = Ladder::try_from(ladder.clone()).unwrap().video(facts);
    let got: Vec<_> = renditions
        .iter()
        .map(|one| (one.name.as_str(), one.width, one.height))
        .collect();
    assert_eq!(got, wanted);
}

/// Pictures keep their shape and never grow; sides are the nearest even ones.
#[test]
fn pictures_fit_their_boxes() {
    let ladder = three_rungs();
    let full = [
        ("1080p", 1920, 1080),
        ("720p", 1280, 720),
        ("480p", 854, 480),
    ];
    check(&ladder, &facts(1920, 1080), &full);
    check(&ladder, &facts(3840, 2160), &full);
    check(&ladder, &facts(1280, 720), &full[1..]);
    // Wider and narrower than the box.
    check(
        &ladder,
        &facts(1920, 800),
        &[
            ("1080p", 1920, 800),
            ("720p", 1280, 534),
            ("480p", 854, 356),
        ],
    );
    check(
        &ladder,
        &facts(1440, 1080),
        &[
            ("1080p", 1440, 1080),
            ("720p", 960, 720),
            ("480p", 640, 480),
        ],
    );
    // Rungs above the source are dropped, but the smallest stays, at the source's own size.
    check(&ladder, &facts(854, 480), &full[2..]);
    check(&ladder, &facts(640, 360), &[("480p", 640, 360)]);
    check(&ladder, &facts(321, 241), &[("480p", 322, 242)]);
    check(&ladder, &facts(1, 1), &[("480p", 2, 2)]);
    // A side shrinks to no less than a 64th.
    check(
        &ladder,
        &facts(8_192, 16),
        &[("1080p", 1920, 4), ("720p", 1280, 2), ("480p", 854, 2)],
    );
    check(
        &ladder,
        &facts(16, 8_192),
        &[("1080p", 4, 1920), ("720p", 2, 1280), ("480p", 2, 854)],
    );
}

/// The picture is laid on the ladder as it is shown: square pixels, upright.
#[test]
fn shape_and_rotation_count() {
    let ladder = three_rungs();
    let mut pal = facts(720, 576);
    pal.video.sample_aspect = Rational::new(64, 45).unwrap();
    check(&ladder, &pal, &[("480p", 854, 480)]);
    let mut ntsc = facts(720, 480);
    ntsc.video.sample_aspect = Rational::new(32, 27).unwrap();
    check(&ladder, &ntsc, &[("480p", 854, 480)]);
    let upright = [
        ("1080p", 1080, 1920),
        ("720p", 720, 1280),
        ("480p", 480, 854),
    ];
    check(&ladder, &facts(1080, 1920), &upright);
    for quarter_turns in [1, 3] {
        let mut phone = facts(1920, 1080);
        phone.video.orientation.quarter_turns = quarter_turns;
        check(&ladder, &phone, &upright);
        ntsc.video.orientation.quarter_turns = quarter_turns;
        check(&ladder, &ntsc, &[("480p", 480, 854)]);
    }
}

/// The source's own size is added where no rung has it, with the largest rung's settings.
#[test]
fn the_sources_own_size_is_added_once() {
    let mut ladder = three_rungs();
    ladder.fit_source = true;
    let full = [
        ("1080p", 1920, 1080),
        ("720p", 1280, 720),
        ("480p", 854, 480),
    ];
    check(&ladder, &facts(1920, 1080), &full);
    let mut with_source = vec![("source", 2560, 1440)];
    with_source.extend(full);
    check(&ladder, &facts(2560, 1440), &with_source);
    check(&ladder, &facts(640, 360), &[("source", 640, 360)]);
    ladder.rungs[1].crf_hundredths = 1_700;
    let made = Ladder::try_from(ladder.clone())
        .unwrap()
        .video(&facts(640, 360));
    assert_eq!(made[0].encoder.crf_hundredths, 1_700);
    ladder.rungs.clear();
    check(&ladder, &facts(641, 360), &[("source", 642, 360)]);
    // Larger than the encoder can.
    check(&ladder, &facts(16_384, 1_024), &[("source", 8_192, 512)]);
}

/// Of rungs that come out with the same size the one with the larger box stays, of equal boxes the
/// first.
#[test]
fn each_size_is_made_once() {
    let mut ladder = three_rungs();
    ladder.rungs.push(rung("wide", 2_000, 1_080));
    ladder.rungs.push(rung("again", 1_280, 720));
    check(
        &ladder,
        &facts(1920, 1080),
        &[
            ("wide", 1920, 1080),
            ("720p", 1280, 720),
            ("480p", 854, 480),
        ],
    );
}

/// Settings follow the rung: bucket from the cap, reorder depth from preset and profile.
#[test]
fn settings_follow_the_rung() {
    let cases = [
        ("ultrafast", "high", 0),
        ("superfast", "high", 2),
        ("medium", "main", 2),
        ("veryslow", "high", 2),
        ("medium", "baseline", 0),
    ];
    for (preset, profile, depth) in cases {
        let mut ladder = three_rungs();
        ladder.rungs.truncate(1);
        ladder.rungs[0].preset = preset.into();
        ladder.rungs[0].profile = profile.into();
        ladder.rungs[0].buffer_ms = Some(1_500);
        let made = Ladder::try_from(ladder).unwrap().video(&facts(1920, 1080));
        assert_eq!(made[0].encoder.reorder_depth, depth, "{preset} {profile}");
        let vbv = made[0].encoder.vbv.unwrap();
        assert_eq!((vbv.max_rate_bps, vbv.buffer_bits), (5_500_000, 8_250_000));
    }
    let made = Ladder::try_from(three_rungs())
        .unwrap()
        .video(&facts(1920, 1080));
    assert_eq!(made[0].encoder.vbv.unwrap().buffer_bits, 11_000_000);
}

/// What the output says of its colours: the source's own words, else a guess by its size.
#[test]
fn colours_are_the_sources_or_guessed() {
    let cases = [
        ((1920, 1080), (2, 2, 2), (1, 1, 1)),
        ((720, 1280), (2, 2, 2), (1, 1, 1)),
        ((720, 576), (2, 2, 2), (6, 6, 6)),
        ((720, 576), (5, 6, 5), (5, 6, 5)),
        ((1920, 1080), (9, 16, 9), (9, 16, 9)),
        ((720, 576), (1, 13, 0), (1, 13, 1)),
        ((1920, 1080), (0, 3, 6), (1, 1, 6)),
    ];
    for ((width, height), (primaries, transfer, matrix), wanted) in cases {
        let mut facts = facts(width, height);
        facts.video.color = Color {
            full_range: true,
            primaries,
            transfer,
            matrix,
            chroma_location: 3,
        };
        let color = Ladder::try_from(three_rungs()).unwrap().video(&facts)[0].color;
        assert_eq!((color.primaries, color.transfer, color.matrix), wanted);
        assert!(!color.full_range, "the output is of limited range");
        assert_eq!(color.chroma_location, 3);
    }
}

/// Chroma of 4:2:0 stays where it is, and turning moves it; that of other formats is laid to the left.
#[test]
fn chroma_is_said_where_it_lies() {
    for (format, location, quarter_turns, expected) in [
        ("yuv420p", 0, 0, 1),
        ("yuv420p", 2, 0, 2),
        ("yuvj420p", 2, 1, 2),
        ("yuv420p", 3, 0, 3),
        ("yuv420p", 1, 1, 4),
        ("yuv420p", 0, 3, 6),
        ("yuv444p", 3, 1, 1),
        ("yuv422p", 0, 1, 1),
        ("gray", 2, 0, 1),
    ] {
        let mut facts = facts(640, 480);
        facts.video.pixel_format = format.to_owned();
        facts.video.color.chroma_location = location;
        facts.video.orientation.quarter_turns = quarter_turns;
        let color = Ladder::try_from(three_rungs()).unwrap().video(&facts)[0].color;
        assert_eq!(
            color.chroma_location, expected,
            "{format} {location} {quarter_turns}"
        );
    }
}

/// Each track becomes one rendition; rate, channels and names as the ladder and the file say.
#[test]
fn each_audio_track_is_kept() {
    let mut source = facts(64, 64);
    source.audio = vec![
        track(44_100, 1, Some("ENG"), false),
        track(96_000, 6, None, true),
        track(8_000, 2, Some("../x"), true),
    ];
    let ladder = Ladder::try_from(three_rungs()).unwrap();
    let row = |one: &AudioRendition| {
        (
            one.name.clone(),
            one.sample_rate_hz,
            one.channels,
            one.bitrate_bps,
            one.default,
        )
    };
    let got: Vec<_> = ladder.audio(&source).iter().map(row).collect();
    let wanted = [
        ("audio-1-eng".to_owned(), 44_100, 1, 64_000, false),
        ("audio-2-und".to_owned(), 48_000, 2, 128_000, true),
        ("audio-3-und".to_owned(), 48_000, 2, 128_000, false),
    ];
    assert_eq!(got, wanted);

    source.audio[1].default = false;
    source.audio[2].default = false;
    let defaults: Vec<_> = ladder
        .audio(&source)
        .iter()
        .map(|one| one.default)
        .collect();
    assert_eq!(defaults, [true, false, false]);
}

proptest! {
    /// Whatever the source, there is a rendition; all have even sides, none grows beyond its box or
    /// the source, none has another's size, and they come largest first.
    #[test]
    fn every_source_gets_usable_renditions(
        width in 1_u32..20_000, height in 1_u32..20_000,
        aspect in (1_i64..100, 1_i64..100),
        quarter_turns in 0_u8..4,
        fit_source in any::<bool>(),
    ) {
        let mut facts = facts(width, height);
        facts.video.sample_aspect = Rational::new(aspect.0, aspect.1).unwrap();
        facts.video.orientation.quarter_turns = quarter_turns;
        let ladder = Ladder::try_from(LadderSpec { fit_source, ..three_rungs() }).unwrap();
        let made = ladder.video(&facts);
        prop_assert!(!made.is_empty());
        let shown = (i64::from(width) * aspect.0, i64::from(height) * aspect.1);
        let shown = (shown.0 / aspect.1, shown.1 / aspect.1);
        let (wide, high) = if quarter_turns % 2 == 1 { (shown.1, shown.0) } else { shown };
        let least = |side: i64| side / 64 + 2;
        for one in &made {
            prop_assert!(one.width % 2 == 0 && one.height % 2 == 0);
            prop_assert!((2..=8_192).contains(&one.width) && (2..=8_192).contains(&one.height));
            // A pixel more to be even, and never so little that the scaler couldn't.
            let coded = i64::from(width.max(height));
            prop_assert!(i64::from(one.width) <= (wide + 2).max(least(coded)));
            prop_assert!(i64::from(one.height) <= (high + 2).max(least(coded)));
        }
        for pair in made.windows(2) {
            let pixels = |one: &VideoRendition| u64::from(one.width) * u64::from(one.height);
            prop_assert!(pixels(&pair[0]) >= pixels(&pair[1]));
            prop_assert!((pair[0].width, pair[0].height) != (pair[1].width, pair[1].height));
        }
    }
}
