//! Finds out whether frames stand at a constant rate.

use crate::rational::Rational;

/// A rate that the container states is taken for `n` or `n × 1000/1001` if it is nearer than this
/// (1/5000; 24 and 23.976 differ by 1/1000): containers state 2997/125 for 24000/1001.
const SNAP: i64 = 5_000;

/// The largest numerator of a rate: it becomes the timescale of tracks and encoders, signed 32 bits for FFmpeg.
const NUMERATOR_MAX: i64 = i32::MAX as i64;
/// The largest denominator of a rate: ticks of one frame, of which 32 must fit 32 bits, as frames are decoded
/// before they are shown.
const DENOMINATOR_MAX: i64 = NUMERATOR_MAX / 32;

/// The rate at which frames shown at `pts` stand, if it is constant: every one within half a tick of
/// a common start plus `k / rate`, with consecutive `k`. `slack_ticks` allows for that many further
/// roundings (a closed jump rounds to a tick).
pub(super) fn constant_rate(
    pts: &[i64],
    time_base: Rational,
    stated: Option<Rational>,
    slack_ticks: i64,
) -> Option<Rational> {
    let stated = stated.filter(|rate| plausible(*rate));
    let mean = mean_rate(pts, time_base);
    let candidates = [
        stated.and_then(snap),
        stated,
        even_steps(pts, time_base),
        mean.and_then(|mean| whole_rate(mean.round())),
        mean.and_then(|mean| ntsc_rate(mean.checked_mul(Rational::new(1001, 1000)?)?.round())),
    ];
    let fits = |rate: &Rational| {
        plausible(*rate) && is_plain(*rate) && fits(pts, time_base, *rate, slack_ticks)
    };
    candidates.into_iter().flatten().find(fits)
}

/// Seconds per frame on the whole, inverted.
fn mean_rate(pts: &[i64], time_base: Rational) -> Option<Rational> {
    let span = pts.last()?.checked_sub(*pts.first()?)?;
    let steps = i64::try_from(pts.len()).ok()?.checked_sub(1)?;
    Rational::whole(span)
        .checked_mul(time_base)?
        .inverse()?
        .checked_mul(Rational::whole(steps))
}

/// The rate of frames that are all the same number of ticks apart.
fn even_steps(pts: &[i64], time_base: Rational) -> Option<Rational> {
    let step = pts.get(1)?.checked_sub(*pts.first()?)?;
    let even = pts
        .windows(2)
        .all(|pair| pair[1].checked_sub(pair[0]) == Some(step));
    let rate = Rational::whole(step).checked_mul(time_base)?.inverse()?;
    even.then_some(rate)
}

fn whole_rate(rate: i64) -> Option<Rational> {
    (rate > 0).then_some(Rational::whole(rate))
}

fn ntsc_rate(rate: i64) -> Option<Rational> {
    whole_rate(rate).and_then(|_| Rational::new(rate.checked_mul(1000)?, 1001))
}

/// The `n` or `n × 1000/1001` that is meant by a rounded `rate`.
fn snap(rate: Rational) -> Option<Rational> {
    let near = |exact: &Rational| {
        let quotient = rate.checked_div(*exact);
        let bounds = (Rational::new(SNAP - 1, SNAP), Rational::new(SNAP + 1, SNAP));
        quotient > bounds.0 && quotient < bounds.1
    };
    let ntsc = ntsc_rate(rate.checked_mul(Rational::new(1001, 1000)?)?.round());
    [whole_rate(rate.round()), ntsc]
        .into_iter()
        .flatten()
        .find(near)
}

/// Rates outside are mistakes of the container, not of this world.
fn plausible(rate: Rational) -> bool {
    rate > Rational::ZERO && rate <= Rational::whole(1_000)
}

/// Whether files and encoders can say such a rate; frames at others are laid on the variable clock.
pub(super) fn is_plain(rate: Rational) -> bool {
    rate.numerator() <= NUMERATOR_MAX && rate.denominator() <= DENOMINATOR_MAX
}

fn fits(pts: &[i64], time_base: Rational, rate: Rational, slack_ticks: i64) -> bool {
    let Some(first) = pts.first() else {
        return false;
    };
    // All in units of 1 / (time base's denominator × rate's numerator) seconds.
    let tick = wide(time_base.numerator()) * wide(rate.numerator());
    let step = wide(rate.denominator()) * wide(time_base.denominator());
    let mut ideal = 0_i128;
    let (mut least, mut most) = (0_i128, 0_i128);
    for &pts in pts {
        let Some(time) = (wide(pts) - wide(*first)).checked_mul(tick) else {
            return false;
        };
        let error = time - ideal;
        (least, most) = (least.min(error), most.max(error));
        if most - least > tick * (1 + wide(slack_ticks)) {
            return false;
        }
        ideal += step;
    }
    true
}

fn wide(value: i64) -> i128 {
    i128::from(value)
}
