use std::vec;

use proptest::prelude::*;

use crate::media_types::{Color, Orientation, ScannedPacket, Stretch, VideoCodec};

use super::*;

const WRAP_BITS: u8 = 33;
const MPEG_TICK: (i64, i64) = (1, 90_000);

fn facts(time_base: (i64, i64), frame_rate: Option<(i64, i64)>) -> VideoFacts {
    let rational = |(n, d)| Rational::new(n, d).expect("a fraction");
    VideoFacts {
        stream: 0,
        codec: VideoCodec::H264,
        profile: "High".into(),
        width: 1920,
        height: 1080,
        pixel_format: "yuv420p".into(),
        bit_depth: 8,
        sample_aspect: Rational::ONE,
        orientation: Orientation::default(),
        interlaced: false,
        color: Color {
            full_range: false,
            primaries: 1,
            transfer: 1,
            matrix: 1,
            chroma_location: 1,
        },
        time_base: rational(time_base),
        frame_rate: frame_rate.map(rational),
        bitrate_bps: None,
    }
}

/// Packet `place` of a stream without reordering.
fn packet(place: usize, time: i64, duration: i64, key: bool) -> ScannedPacket {
    ScannedPacket {
        pts: Some(time),
        dts: Some(time),
        duration,
        position: Some(place as u64 * 1_000),
        size: 900,
        key,
        discard: false,
    }
}

/// A stream of packets `step` ticks apart, every `gop`-th a key.
fn even(count: usize, start: i64, step: i64, gop: usize) -> Vec<ScannedPacket> {
    (0..count)
        .map(|k| packet(k, start + step * k as i64, step, k % gop == 0))
        .collect()
}

fn scan(packets: Vec<ScannedPacket>) -> Scan {
    Scan {
        packets,
        wrap_bits: Some(WRAP_BITS),
    }
}

fn timeline(packets: Vec<ScannedPacket>) -> Timeline {
    Timeline::from_scan(&scan(packets), &facts(MPEG_TICK, None), Container::MpegTs)
        .expect("a timeline")
}

fn output(timeline: &Timeline) -> Vec<i64> {
    timeline
        .frames
        .iter()
        .map(|frame| frame.output_pts)
        .collect()
}

/// Rates are recognised from stamps as containers write them: exact, rounded to milliseconds,
/// stated inexactly; a missing frame or a long one makes the rate variable.
#[test]
fn recognises_constant_rates() {
    #[track_caller]
    fn check(
        time_base: (i64, i64),
        stated: Option<(i64, i64)>,
        pts: &[i64],
        expected: Option<(i64, i64)>,
    ) {
        let packets = pts
            .iter()
            .enumerate()
            .map(|(k, &pts)| packet(k, pts, 0, k == 0))
            .collect();
        let scan = Scan {
            packets,
            wrap_bits: None,
        };
        let timeline = Timeline::from_scan(&scan, &facts(time_base, stated), Container::Matroska)
            .expect("a timeline");
        let clock = expected.map_or(OutputClock::Variable, |(n, d)| OutputClock::Constant {
            rate: Rational::new(n, d).expect("a rate"),
        });
        assert_eq!(timeline.clock, clock);
        if expected.is_some() {
            let count = pts.len() as i64;
            assert_eq!(output(&timeline), (0..count).collect::<Vec<_>>());
            assert_eq!(timeline.end_pts, count);
        }
    }
    let film_ms: Vec<i64> = (0..200).map(|k| (k * 1_001 * 2 + 48) / 48 + 7).collect();
    check((1, 1_000), None, &film_ms, Some((24_000, 1_001)));
    check(
        (1, 1_000),
        Some((2_997, 125)),
        &film_ms,
        Some((24_000, 1_001)),
    );
    let with_gap: Vec<i64> = film_ms
        .iter()
        .copied()
        .filter(|&pts| pts != film_ms[100])
        .collect();
    check((1, 1_000), None, &with_gap, None);
    check((1, 90_000), None, &[0, 3_600, 7_200, 10_800], Some((25, 1)));
    check((1, 90_000), None, &[0, 7_200, 14_400], Some((25, 2)));
    check((1, 90_000), Some((25, 1)), &[0, 3_600, 7_300, 10_800], None);
    check((1, 12_800), Some((50, 1)), &[512], Some((50, 1)));
}

/// What can't be shown is dropped and counted by its reason: packets before the first key, leading
/// pictures of an open group at the start, packets that aren't shown, without time, doubled.
#[test]
fn drops_and_counts() {
    let mut packets = even(12, 0, 3_600, 100);
    packets[0].key = false;
    packets[2].key = true;
    packets[3].pts = Some(3_600); // leads the key, shown before it
    packets[5].discard = true;
    packets[6].pts = None;
    packets[6].dts = None;
    packets[8].pts = packets[7].pts;
    let timeline = timeline(packets);
    assert_eq!(timeline.frames.len(), 6);
    assert_eq!(timeline.frames[0].source_pts, 7_200);
    assert_eq!(timeline.access_points[0].frame, 0);
    assert_eq!(
        timeline.dropped,
        DroppedFrames {
            before_first_access_point: 3,
            equal_times: 1,
            discarded: 1,
            without_time: 1
        }
    );
}

/// The two fields of an interlaced frame are one frame, whether the second repeats the time or has
/// none; nothing is counted as dropped.
#[test]
fn joins_fields() {
    let mut packets = Vec::new();
    for (k, frame) in even(10, 0, 3_600, 5).into_iter().enumerate() {
        let second = ScannedPacket {
            pts: frame.pts.filter(|_| k % 2 == 0),
            key: false,
            ..frame
        };
        packets.extend([frame, second]);
    }
    let interlaced = VideoFacts {
        interlaced: true,
        ..facts(MPEG_TICK, None)
    };
    let timeline =
        Timeline::from_scan(&scan(packets), &interlaced, Container::MpegTs).expect("a timeline");
    assert_eq!(timeline.frames.len(), 10);
    assert_eq!(timeline.dropped, DroppedFrames::default());
}

/// A key that an edit list hides is still where decoding begins: it leads to the first shown frame.
#[test]
fn hidden_keys_are_access_points() {
    let mut packets = even(20, 0, 3_600, 10);
    for hidden in &mut packets[..4] {
        hidden.discard = true;
    }
    let timeline = Timeline::from_scan(&scan(packets), &facts(MPEG_TICK, None), Container::Mp4)
        .expect("a timeline");
    let places: Vec<_> = timeline
        .access_points
        .iter()
        .map(|point| (point.frame, point.start.pts))
        .collect();
    assert_eq!(places, [(0, 0), (6, 36_000)]);
    assert_eq!(timeline.origin_s(), Rational::new(4, 25));
}

/// From a key that an edit list hides, the leading pictures of the next key can be decoded: they are
/// frames (two corpus files lost up to two of them).
#[test]
fn hidden_keys_show_leading_pictures() {
    let coded = |place: usize, pts: i64, key| ScannedPacket {
        pts: Some(pts),
        dts: Some(place as i64 - 3),
        ..packet(place, 0, 1, key)
    };
    let mut packets = vec![
        coded(0, -1, true),
        coded(1, 2, true),
        coded(2, 1, false),
        coded(3, 0, false),
        coded(4, 5, true),
        coded(5, 4, false),
        coded(6, 3, false),
    ];
    packets[0].discard = true;
    let timeline = Timeline::from_scan(&scan(packets), &facts(MPEG_TICK, None), Container::Mp4)
        .expect("a timeline");
    let shown: Vec<_> = timeline
        .frames
        .iter()
        .map(|frame| frame.source_pts)
        .collect();
    assert_eq!(shown, [0, 1, 2, 3, 4, 5]);
    let places: Vec<_> = timeline
        .access_points
        .iter()
        .map(|point| point.frame)
        .collect();
    assert_eq!(places, [0, 2, 5]);
    assert_eq!(timeline.dropped.before_first_access_point, 0);
}

/// Of the frames that a decode delivered, one that isn't later than all before it is dropped and counted;
/// what never reached the decoder stays counted.
#[test]
fn exact_frames_rise() {
    let mut packets = even(8, 0, 3_600, 100);
    packets[0].key = false;
    packets[1].key = true;
    let exact = timeline(packets)
        .with_exact_frames(&[3_600, 7_200, 18_000, 10_800, 18_000, 21_600])
        .expect("a timeline");
    let shown: Vec<_> = exact.frames.iter().map(|frame| frame.source_pts).collect();
    assert_eq!(shown, [3_600, 7_200, 18_000, 21_600]);
    assert_eq!(
        exact.dropped,
        DroppedFrames {
            before_first_access_point: 1,
            equal_times: 2,
            ..DroppedFrames::default()
        }
    );
    assert!(exact.exact);
}

/// A cut within a group of reordered frames doesn't let the next stretch begin before the last frame
/// of the one before.
#[test]
fn stretches_do_not_overlap() {
    let frame = 3_600;
    let coded = |dts: i64, pts: i64, key, place: usize| ScannedPacket {
        pts: Some(pts * frame),
        dts: Some(dts * frame),
        ..packet(place, 0, frame, key)
    };
    let packets = vec![
        coded(0, 1, true, 0),
        coded(1, 4, false, 1), // its B-frames are lost in the cut
        coded(9_000, 9_001, true, 2),
        coded(9_001, 9_002, false, 3),
    ];
    let timeline = timeline(packets);
    let pts: Vec<_> = timeline
        .frames
        .iter()
        .map(|shown| shown.source_pts / frame)
        .collect();
    assert_eq!(pts, [1, 4, 5, 6]);
    let stretch = timeline.mapping.stretches[0];
    assert_eq!(
        (stretch.position, stretch.raw_dts + stretch.offset),
        (2_000, 4 * frame)
    );
}

/// Streams without frames, keys or sane times are refused.
#[test]
fn refuses_what_has_no_timeline() {
    let refused = |packets| {
        Timeline::from_scan(&scan(packets), &facts(MPEG_TICK, None), Container::MpegTs)
            .expect_err("refused")
    };
    assert_eq!(refused(vec![]), TimelineError::NoFrames);
    let mut keyless = even(3, 0, 1, 9);
    keyless[0].key = false;
    assert_eq!(refused(keyless), TimelineError::NoAccessPoint);
    let no_wrap = Scan {
        packets: even(2, i64::MAX - 2, 1, 1)
            .into_iter()
            .chain(even(1, i64::MIN, 1, 1))
            .collect(),
        wrap_bits: None,
    };
    let error = Timeline::from_scan(&no_wrap, &facts(MPEG_TICK, None), Container::Matroska);
    assert_eq!(error.expect_err("refused"), TimelineError::OutOfRange);
}

/// Packets with B-frames at uneven times, sometimes doubled: `(step, doubled)` a frame.
/// Rates that no file or encoder can say are laid on the variable clock; pictures that stand for longer than a
/// sample's duration can say are refused, at the end, too, and so are more jumps than tasks can list.
#[test]
fn refuses_what_files_cannot_say() {
    let made = |packets, time_base| {
        let scan = Scan {
            packets,
            wrap_bits: None,
        };
        Timeline::from_scan(&scan, &facts(time_base, None), Container::MpegTs)
    };
    for (time_base, step, clock) in [
        // 30.0000008 frames a second, whose fraction can't be reduced.
        ((1, 4_000_000_007), 133_333_333, OutputClock::Variable),
        // A frame of 2³¹ ticks.
        ((1, 2_147_483_647), 2_147_483_646, OutputClock::Variable),
        (
            (1, 1),
            3_600,
            OutputClock::Constant {
                rate: Rational::new(1, 3_600).expect("a rate"),
            },
        ),
    ] {
        let found = made(even(20, 0, step, 5), time_base).expect("a timeline");
        assert_eq!(found.clock, clock, "{time_base:?} {step}");
    }
    let hour = 3_600 * MPEG_TICK.1;
    for (standing, place, refused) in [
        (12 * hour, 1, false),
        (14 * hour, 1, true),
        (12 * hour, 3, false),
        (14 * hour, 3, true),
    ] {
        let mut packets = Vec::new();
        let mut time = 0;
        for (at, length) in [3_600, 3_000, 3_600, 3_000].into_iter().enumerate() {
            let length = if at == place { standing } else { length };
            packets.push(packet(at, time, length, at == 0));
            time += length;
        }
        let found = made(packets, MPEG_TICK);
        assert_eq!(found.is_err(), refused, "{standing} {place}: {found:?}");
        if refused {
            assert_eq!(found.err(), Some(TimelineError::Standing));
        }
    }
    for (jumps, refused) in [(2_000, false), (2_001, true)] {
        let packets: Vec<_> = (0..=jumps)
            .map(|at| {
                packet(
                    at,
                    i64::try_from(jumps - at).expect("few") * 90_000,
                    3_600,
                    true,
                )
            })
            .collect();
        let found = made(packets, MPEG_TICK);
        assert_eq!(
            found.err(),
            refused.then_some(TimelineError::Jumps(2_000)),
            "{jumps}"
        );
    }
}

fn uneven() -> impl Strategy<Value = Vec<(i64, bool)>> {
    prop::collection::vec((1_i64..20_000, prop::bool::weighted(0.1)), 1..60)
}

fn packets_of(steps: &[(i64, bool)]) -> Vec<ScannedPacket> {
    let mut time = 0;
    let mut packets = Vec::new();
    for &(step, doubled) in steps {
        for _ in 0..=usize::from(doubled) {
            packets.push(packet(
                packets.len(),
                time,
                step,
                packets.len().is_multiple_of(7),
            ));
        }
        time += step;
    }
    packets
}

proptest! {
    /// Output times begin at 0 and strictly rise, so do source times; every packet is a frame or
    /// counted; every access point shows a frame of its time.
    #[test]
    fn times_rise(steps in uneven()) {
        let packets = packets_of(&steps);
        let timeline = timeline(packets.clone());
        prop_assert_eq!(timeline.frames[0].output_pts, 0);
        for pair in timeline.frames.windows(2) {
            prop_assert!(pair[0].output_pts < pair[1].output_pts);
            prop_assert!(pair[0].source_pts < pair[1].source_pts);
        }
        prop_assert!(timeline.end_pts > timeline.frames.last().unwrap().output_pts);
        let doubled = steps.iter().filter(|(_, doubled)| *doubled).count();
        prop_assert_eq!(timeline.dropped.equal_times, doubled as u64);
        prop_assert_eq!(timeline.frames.len() + doubled, packets.len());
        for point in &timeline.access_points {
            let place = usize::try_from(point.frame).unwrap();
            prop_assert_eq!(timeline.frames[place].source_pts, point.start.pts);
        }
    }

    /// A clock that wraps anywhere makes the same output as one that doesn't.
    #[test]
    fn wraps_change_nothing(steps in uneven(), start in 0_i64..1 << WRAP_BITS) {
        let plain = timeline(packets_of(&steps));
        let wrapped = packets_of(&steps).into_iter().map(|packet| {
            let wrap = |time: i64| (time + start).rem_euclid(1 << WRAP_BITS);
            ScannedPacket { pts: packet.pts.map(wrap), dts: packet.dts.map(wrap), ..packet }
        });
        let wrapped = timeline(wrapped.collect());
        prop_assert_eq!(output(&plain), output(&wrapped));
        prop_assert_eq!(plain.end_pts, wrapped.end_pts);
        prop_assert!(wrapped.mapping.stretches.is_empty());
    }

    /// A jump anywhere, ahead or back, is closed: the output is that of the stream without it, and
    /// the stretch says where it was and what to add.
    #[test]
    fn jumps_are_closed(
        count in 2_usize..80,
        cut in 1_usize..79,
        jump in prop_oneof![-900_000_000_i64..-4_000_000, 1_000_000_i64..900_000_000],
    ) {
        let cut = cut.min(count - 1);
        let start = 1_000_000_000;
        let mut packets = even(count, start, 3_600, 12);
        for packet in &mut packets[cut..] {
            packet.pts = packet.pts.map(|pts| pts + jump);
            packet.dts = packet.dts.map(|dts| dts + jump);
        }
        let timeline = timeline(packets.clone());
        prop_assert_eq!(timeline.clock, OutputClock::Constant { rate: Rational::whole(25) });
        prop_assert_eq!(timeline.end_pts, count as i64);
        let stretch = Stretch { position: cut as u64 * 1_000, offset: -jump, raw_dts: packets[cut].dts.unwrap() };
        prop_assert_eq!(&timeline.mapping.stretches, &vec![stretch]);
    }

    /// An exact list equal to the claimed one changes nothing but the flag; one that lacks frames
    /// drops exactly those, and access points still lead to frames at or after their time.
    #[test]
    fn exact_lists_replace_claims(steps in uneven(), lost in prop::collection::vec(any::<bool>(), 60)) {
        let claimed = timeline(packets_of(&steps));
        let all: Vec<i64> = claimed.frames.iter().map(|frame| frame.source_pts).collect();
        let exact = claimed.with_exact_frames(&all).unwrap();
        prop_assert!(exact.exact);
        prop_assert_eq!(&exact.frames, &claimed.frames);
        prop_assert_eq!(&exact.access_points, &claimed.access_points);
        let kept: Vec<i64> = all.iter().zip(&lost).filter(|(_, lost)| !**lost).map(|(pts, _)| *pts).collect();
        prop_assume!(!kept.is_empty());
        let fewer = claimed.with_exact_frames(&kept).unwrap();
        let source: Vec<i64> = fewer.frames.iter().map(|frame| frame.source_pts).collect();
        prop_assert_eq!(source, kept);
        for point in &fewer.access_points {
            let place = usize::try_from(point.frame).unwrap();
            prop_assert!(fewer.frames[place].source_pts >= point.start.pts);
        }
    }
}
