use proptest::prelude::*;

use super::*;

const RATE: i64 = 48_000;

/// Ticks are samples, the video lasts a minute.
fn aligner(origin: i64) -> Aligner {
    let seconds = |samples| Rational::new(samples, RATE).expect("a fraction");
    let clock = SoundClock {
        time_base: seconds(1),
        origin_s: seconds(origin),
        video_end_s: Rational::whole(60),
    };
    Aligner::new(clock, 48_000)
}

const fn placed(silence: i64, skip: u32) -> Placement {
    Placement { silence, skip }
}

/// Frames of 1 024 samples at these times get this silence and these cuts.
#[track_caller]
fn check(origin: i64, frames: &[(Option<i64>, Placement)]) {
    let mut aligner = aligner(origin);
    for (index, (pts, expected)) in frames.iter().enumerate() {
        assert_eq!(aligner.place(*pts, 1024), *expected, "frame {index}");
    }
}

/// The start is exact, jitter changes nothing, lost frames become silence, what overlaps is cut.
#[test]
fn places_frames() {
    check(0, &[(Some(0), placed(0, 0)), (Some(1024), placed(0, 0))]);
    // Later than the picture by a single sample, and by an hour less a bit.
    check(0, &[(Some(1), placed(1, 0))]);
    check(0, &[(Some(59 * RATE), placed(59 * RATE, 0))]);
    // Earlier than the picture: whole frames and a part of one.
    let early = [
        (Some(0), placed(0, 1024)),
        (Some(1024), placed(0, 976)),
        (Some(2048), placed(0, 0)),
    ];
    check(2000, &early);
    // Jitter of a millisecond to both sides, and frames without a time.
    let jitter = [
        (Some(0), placed(0, 0)),
        (Some(1072), placed(0, 0)),
        (None, placed(0, 0)),
        (Some(3020), placed(0, 0)),
    ];
    check(0, &jitter);
    // One lost frame, then everything as before.
    let lost = [
        (Some(0), placed(0, 0)),
        (Some(2048), placed(1024, 0)),
        (Some(3072), placed(0, 0)),
    ];
    check(0, &lost);
    // A frame that comes twice.
    let twice = [
        (Some(0), placed(0, 0)),
        (Some(0), placed(0, 1024)),
        (Some(1024), placed(0, 0)),
    ];
    check(0, &twice);
}

/// A clock that jumps by more than ten seconds, back or behind the video's end, is no gap; a gap of any
/// length within the video is.
#[test]
fn tells_jumps_from_gaps() {
    let back = [
        (Some(20 * RATE), placed(20 * RATE, 0)),
        (Some(0), placed(0, 0)),
        (Some(1024), placed(0, 0)),
    ];
    check(0, &back);
    let behind = [
        (Some(0), placed(0, 0)),
        (Some(80 * RATE), placed(0, 0)),
        (Some(i64::MAX), placed(0, 0)),
    ];
    check(0, &behind);
    let within = [
        (Some(0), placed(0, 0)),
        (Some(50 * RATE), placed(50 * RATE - 1024, 0)),
    ];
    check(0, &within);
}

/// A clock that is off by one part in a thousand is followed: sound is never further away from its time
/// than a lost frame would be.
#[test]
fn follows_a_drifting_clock() {
    for step in [1023_i64, 1025] {
        let mut aligner = aligner(0);
        for frame in 0..5000_i64 {
            let _placement = aligner.place(Some(frame * step), 1024);
            let off = aligner.placed() - (frame * step + 1024);
            assert!(off.abs() < 768, "{step}: {off} at frame {frame}");
        }
    }
}

/// After a change of the source's rate times go on from where the output is.
#[test]
fn goes_on_at_another_rate() {
    let mut aligner = aligner(0);
    assert_eq!(aligner.place(Some(0), 48_000), placed(0, 0));
    aligner.change_rate(24_000, Rational::ONE);
    assert_eq!(aligner.place(Some(48_000), 512), placed(0, 0));
    assert_eq!(aligner.place(Some(72_000), 512), placed(12_000 - 512, 0));
    assert_eq!(aligner.placed(), 12_512);
}

proptest! {
    /// Whatever the times are: cuts stay within the frame, silence isn't negative, the sum of all is what
    /// is placed, and within the video kept sound is at its time but for jitter.
    #[test]
    fn placements_add_up(
        origin in -50_000_i64..50_000,
        frames in prop::collection::vec((-30_000_i64..300_000, 1_u32..2048), 1..40),
    ) {
        let mut aligner = aligner(origin);
        let mut sum = 0;
        let mut longest = 0;
        for (pts, samples) in frames {
            longest = longest.max(samples);
            let placement = aligner.place(Some(pts), samples);
            prop_assert!(placement.silence >= 0 && placement.skip <= samples);
            let kept = i64::from(samples - placement.skip);
            sum += placement.silence + kept;
            prop_assert_eq!(aligner.placed(), sum);
            if kept > 0 {
                let start = sum - kept - i64::from(placement.skip);
                let off = start - (pts - origin);
                prop_assert!(off.abs() < i64::from(longest) * 3 / 4 + 1, "off by {}", off);
            }
        }
    }
}
