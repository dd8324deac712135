use proptest::prelude::*;
use reelmesh_domain::media_types::{PacketMapping, Stretch};

use super::*;
use crate::audio::tests::task;

const WRAP: i64 = 1 << 33;
/// Ticks of a frame of 1 024 samples at 48 kHz.
const FRAME: i64 = 1920;
const SECOND: i64 = 90_000;

fn clock(wrap_bits: Option<u8>, reference: i64, stretches: Vec<Stretch>) -> PacketClock {
    let mut task = task(0, (1, SECOND), 48_000, 2);
    task.container = Container::MpegTs;
    task.mapping = PacketMapping {
        wrap_bits,
        stretches,
    };
    task.wrap_reference = reference;
    PacketClock::new(&task).expect("it fits")
}

/// Continuous times of packets at these positions with these stored times.
fn times(clock: &mut PacketClock, packets: &[(u64, i64)]) -> Vec<i64> {
    let time = |(position, raw): &(u64, i64)| match clock.shift(Some(*position), *raw, FRAME) {
        Shift::By(shift) => raw + shift,
        other => panic!("{other:?}"),
    };
    packets.iter().map(time).collect()
}

/// Without wraps or jumps times stay as they are.
#[test]
fn changes_nothing_without_need() {
    let packets = [(0, -500), (10, 1420), (20, 7_000_000)];
    let same = times(&mut clock(None, 0, Vec::new()), &packets);
    assert_eq!(same, [-500, 1420, 7_000_000]);
}

/// Behind a jump of the video's clock sound takes the video's offset, and packets that stand on the
/// wrong side of the jump go with those that they belong to.
#[test]
fn takes_the_offset_of_the_video() {
    let jump = Stretch {
        position: 10_000,
        offset: -50 * SECOND,
        raw_dts: 60 * SECOND,
    };
    let before = 10 * SECOND;
    let behind = 60 * SECOND;
    for (place, far) in [(10_100, 10_500), (9_000, 9_500)] {
        let packets = [
            (8000, before - FRAME),
            // The last of the old clock, behind or before the jump.
            (place, before),
            (far, behind + FRAME),
            (11_000, behind + 2 * FRAME),
        ];
        let continuous = times(&mut clock(Some(33), 0, vec![jump]), &packets);
        let expected = [-1, 0, 1, 2].map(|frame| before + frame * FRAME);
        assert_eq!(continuous, expected, "{place}");
    }
}

/// A packet without a position lies where the last one did; in a file with one stretch a real gap stays.
#[test]
fn keeps_real_gaps() {
    let mut clock = clock(Some(33), 0, Vec::new());
    assert_eq!(clock.shift(Some(5), 0, FRAME), Shift::By(0));
    let later = clock.shift(None, 100 * SECOND, FRAME);
    assert_eq!(later, Shift::By(0));
}

/// In MP4 the position says nothing: the stretch goes by time, and what lies in the closed gap is left out.
#[test]
fn one_clock_goes_by_time() {
    let mut task = task(0, (1, SECOND), 48_000, 2);
    task.container = Container::Mp4;
    task.mapping.stretches = vec![Stretch {
        position: 10,
        offset: -20 * SECOND,
        raw_dts: 30 * SECOND,
    }];
    let mut clock = PacketClock::new(&task).expect("it fits");
    let mut shift = |seconds: i64| clock.shift(Some(99_999), seconds * SECOND, FRAME);
    assert_eq!(shift(9), Shift::By(0));
    assert_eq!(shift(10), Shift::Closed);
    assert_eq!(shift(29), Shift::Closed);
    assert_eq!(shift(30), Shift::By(-20 * SECOND));
}

/// Ticks of the video are made ticks of the sound.
#[test]
fn converts_ticks() {
    let mut task = task(0, (1, 48_000), 48_000, 2);
    task.container = Container::Matroska;
    task.mapping_time_base = Rational::new(1, 1000).expect("a fraction");
    task.mapping.stretches = vec![Stretch {
        position: 100,
        offset: 250,
        raw_dts: 0,
    }];
    let mut clock = PacketClock::new(&task).expect("it fits");
    assert_eq!(clock.shift(Some(200), 0, 1024), Shift::By(12_000));
}

proptest! {
    /// Stored times that wrap, once or several times, become the times that never wrapped.
    #[test]
    fn wraps_are_undone(start in 0..WRAP, lead in -5 * SECOND..5 * SECOND, count in 2_i64..60) {
        // Steps of more than a quarter of the period, so that several wraps lie between.
        let step = WRAP / 3;
        let mut clock = clock(Some(33), start, Vec::new());
        for packet in 0..count {
            let time = start + lead + packet * step;
            let raw = time.rem_euclid(WRAP);
            let shift = clock.shift(Some(packet.unsigned_abs()), raw, FRAME);
            prop_assert_eq!(shift, Shift::By(time - raw));
        }
    }
}
