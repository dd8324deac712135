use proptest::prelude::*;
use reelmesh_domain::media_types::{
    Color, Container, Orientation, Scan, ScannedPacket, Stretch, VideoCodec, VideoFacts,
};
use reelmesh_domain::plan::Timeline;
use reelmesh_domain::rational::Rational;

use super::*;

const WRAP_BITS: u8 = 33;

/// A wrap is undone in both directions, and a stretch's offset holds from its position on, also for
/// packets that have no position of their own.
#[test]
fn undoes_wraps_and_closes_jumps() {
    let top = 1_i64 << 33;
    let mapping = PacketMapping {
        wrap_bits: Some(33),
        stretches: vec![Stretch {
            position: 1_000,
            offset: -400,
            raw_dts: 700,
        }],
    };
    let start = StartPoint {
        position: Some(100),
        raw_dts: top - 10,
        dts: top - 10,
        pts: top - 5,
    };
    let mut clock = ContinuousClock::new(&mapping, &start);
    let mut times = |position, pts, dts| clock.times(position, pts, dts);
    assert_eq!(
        times(Some(100), Some(5), Some(top - 10)),
        (Some(top + 5), Some(top - 10))
    );
    assert_eq!(
        times(None, Some(top - 1), Some(3)),
        (Some(top - 1), Some(top + 3))
    );
    assert_eq!(times(None, None, None), (None, None));
    assert_eq!(
        times(Some(1_000), Some(720), Some(700)),
        (Some(320), Some(300))
    );
    assert_eq!(times(None, Some(730), None), (Some(330), None));
}

/// A reader that starts behind a jump begins in its stretch.
#[test]
fn starts_within_a_stretch() {
    let mapping = PacketMapping {
        wrap_bits: None,
        stretches: vec![Stretch {
            position: 1_000,
            offset: 50,
            raw_dts: 0,
        }],
    };
    let start = StartPoint {
        position: Some(2_000),
        raw_dts: 10,
        dts: 60,
        pts: 60,
    };
    let mut clock = ContinuousClock::new(&mapping, &start);
    assert_eq!(
        clock.times(Some(2_000), Some(12), Some(10)),
        (Some(62), Some(60))
    );
}

fn facts() -> VideoFacts {
    VideoFacts {
        stream: 0,
        codec: VideoCodec::H264,
        profile: String::new(),
        width: 16,
        height: 16,
        pixel_format: "yuv420p".to_owned(),
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
        time_base: Rational::new(1, 90_000).expect("a fraction"),
        frame_rate: None,
        bitrate_bps: None,
    }
}

/// Packets one frame apart, some with a jump of the clock before them (seconds, ahead or back), some
/// without a position or a dts; every fifth is a key.
fn packets(start: i64, steps: &[(i64, Option<i64>, bool, bool)]) -> Vec<ScannedPacket> {
    let mut time = start;
    let packet =
        |(place, (step, jump, placed, with_dts)): (usize, &(i64, Option<i64>, bool, bool))| {
            time += step + jump.unwrap_or(0) * 90_000;
            let raw = time.rem_euclid(1 << WRAP_BITS);
            let key = place % 5 == 0;
            ScannedPacket {
                pts: Some(raw),
                dts: Some(raw).filter(|_| *with_dts || key),
                duration: *step,
                position: Some(place as u64 * 188).filter(|_| *placed || key),
                size: 188,
                key,
                discard: false,
            }
        };
    steps.iter().enumerate().map(packet).collect()
}

proptest! {
    /// From whichever access point a reader starts, it gives the packets the times of the timeline,
    /// whatever wraps and jumps are before and behind it.
    #[test]
    fn agrees_with_the_timeline(
        start in 0_i64..1 << WRAP_BITS,
        steps in prop::collection::vec(
            (
                1_500_i64..8_000,
                prop::option::weighted(0.1, prop_oneof![20_i64..5_000, -5_000_i64..-20]),
                prop::bool::weighted(0.8),
                prop::bool::weighted(0.8),
            ),
            1..60,
        ),
    ) {
        let packets = packets(start, &steps);
        let scan = Scan { packets: packets.clone(), wrap_bits: Some(WRAP_BITS) };
        let timeline = Timeline::from_scan(&scan, &facts(), Container::MpegTs).expect("a timeline");
        prop_assert_eq!(timeline.frames.len(), packets.len());
        for point in &timeline.access_points {
            let first = usize::try_from(point.frame).expect("a small place");
            let mut clock = ContinuousClock::new(&timeline.mapping, &point.start);
            for (packet, frame) in packets[first..].iter().zip(&timeline.frames[first..]) {
                let (pts, _dts) = clock.times(packet.position, packet.pts, packet.dts);
                prop_assert_eq!(pts, Some(frame.source_pts));
            }
        }
    }
}
