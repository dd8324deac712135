//! Builds the timeline: from the packets of a scan (claimed), or from a full decode (exact).
//!
//! Design rules 5.0 and 5.2. What the packets claim isn't always what a decoder delivers (field
//! pairs, edit lists, damage): a chunk that finds out reports it, and the next plan revision is
//! made on [`Timeline::with_exact_frames`].

mod continuous;
mod rate;

use alloc::vec::Vec;

use crate::media_types::{Container, PacketMapping, PlannedFrame, Scan, StartPoint, VideoFacts};
use crate::plan::{AccessPoint, DroppedFrames, OutputClock, Timeline, VARIABLE_TICKS_PER_S};
use crate::rational::{Rational, scale};

use continuous::{Continuous, TimedPacket, continuous};

/// Length of a frame of which nothing else is known, as a rate in hertz (design rule 5.0).
const FALLBACK_RATE_HZ: i64 = 25;

/// Frames in a row that together stand for at most [`STANDING_TICKS_MAX`]: more than any encoder keeps back,
/// so that the way from a frame's decoding to its presentation fits, too.
const STANDING_FRAMES: usize = 24;
/// The longest duration of a sample in MP4, whose field has 32 bits: 13 hours in ticks of 1/90 000 s.
const STANDING_TICKS_MAX: i64 = u32::MAX as i64;

/// The packets make no timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimelineError {
    /// No packet with a time is left.
    #[error("the video stream has no frame with a timestamp")]
    NoFrames,
    /// No packet is marked as one where decoding can begin.
    #[error("the video stream has no key frame from which decoding could begin")]
    NoAccessPoint,
    /// Timestamps leave what 64 bits hold.
    #[error("the video stream's timestamps are out of range")]
    OutOfRange,
    /// Frames stand for longer than files can say.
    #[error(
        "the video stream's timestamps are out of range: pictures stand for more than 13 hours"
    )]
    Standing,
    /// The timestamps jump more often than tasks can list.
    #[error("the video stream's timestamps jump more than {0} times")]
    Jumps(usize),
}

impl Timeline {
    /// The timeline that the packets of `scan` claim.
    ///
    /// # Errors
    /// When there is no frame, no key packet, or timestamps are out of range.
    pub fn from_scan(
        scan: &Scan,
        facts: &VideoFacts,
        container: Container,
    ) -> Result<Self, TimelineError> {
        let fallback = ticks_of_rate(facts.frame_rate, facts.time_base)?;
        let continuous = continuous(scan, container, facts.time_base, fallback)?;
        let Continuous {
            packets,
            mapping,
            first_raw_dts,
            without_time,
        } = continuous;
        let first_key = packets.iter().position(|timed| timed.packet.key);
        let first_key = first_key.ok_or(TimelineError::NoAccessPoint)?;
        let mut dropped = DroppedFrames {
            before_first_access_point: packets[..first_key]
                .iter()
                .filter(|timed| !timed.packet.discard)
                .count() as u64,
            without_time,
            ..DroppedFrames::default()
        };
        let starts = starts(&packets[first_key..]);
        let shown = shown(&packets[first_key..], facts.interlaced, &mut dropped);
        let source = SourceFrames {
            time_base: facts.time_base,
            stated_rate: facts.frame_rate,
            mapping,
            first_raw_dts,
        };
        source.timeline(shown, &starts, dropped)
    }

    /// The same timeline on the frames that a full decode delivered: their continuous source times,
    /// in order. A frame that isn't later than all before it is dropped and counted.
    ///
    /// # Errors
    /// When no frame is left.
    pub fn with_exact_frames(&self, delivered_source_pts: &[i64]) -> Result<Self, TimelineError> {
        let last_duration = self
            .last_duration_s()
            .and_then(|s| s.checked_div(self.source_time_base))
            .map(Rational::round);
        let last_duration = last_duration.ok_or(TimelineError::OutOfRange)?;
        let mut shown: Vec<ShownFrame> = Vec::with_capacity(delivered_source_pts.len());
        for &pts in delivered_source_pts {
            if shown.last().is_none_or(|last| pts > last.pts) {
                shown.push(ShownFrame {
                    pts,
                    duration: last_duration,
                });
            }
        }
        let starts: Vec<_> = self.access_points.iter().map(|point| point.start).collect();
        let starts: Vec<_> = starts.into_iter().map(|start| (start.pts, start)).collect();
        let source = SourceFrames {
            time_base: self.source_time_base,
            stated_rate: match self.clock {
                OutputClock::Constant { rate } => Some(rate),
                OutputClock::Variable => None,
            },
            mapping: self.mapping.clone(),
            first_raw_dts: self.first_raw_dts,
        };
        let dropped = DroppedFrames {
            discarded: self.dropped.discarded,
            equal_times: (delivered_source_pts.len() - shown.len()) as u64,
            ..DroppedFrames::default()
        };
        let mut exact = source.timeline(shown, &starts, dropped)?;
        // Packets before the first access point never reach a decoder: the claim's count stands.
        exact.dropped.before_first_access_point = self.dropped.before_first_access_point;
        exact.exact = true;
        Ok(exact)
    }

    /// Continuous source time in seconds of the output's time 0: the first frame's.
    pub fn origin_s(&self) -> Option<Rational> {
        let first = self.frames.first()?;
        Rational::whole(first.source_pts).checked_mul(self.source_time_base)
    }

    /// Length of the output in seconds.
    pub fn duration_s(&self) -> Option<Rational> {
        Rational::whole(self.end_pts).checked_mul(self.clock.time_base())
    }

    /// Output time in ticks at which frame `frame` begins; the end of the timeline for the one
    /// behind the last.
    pub fn output_pts(&self, frame: u64) -> i64 {
        let place = usize::try_from(frame).unwrap_or(usize::MAX);
        self.frames
            .get(place)
            .map_or(self.end_pts, |frame| frame.output_pts)
    }

    fn last_duration_s(&self) -> Option<Rational> {
        let last = self.frames.last()?.output_pts;
        Rational::whole(self.end_pts.checked_sub(last)?).checked_mul(self.clock.time_base())
    }
}

/// A frame as packets or the decoder show it.
#[derive(Clone, Copy)]
struct ShownFrame {
    pts: i64,
    duration: i64,
}

/// Places where decoding can begin, each with the time of the first frame shown from it.
fn starts(packets: &[TimedPacket]) -> Vec<(i64, StartPoint)> {
    let mut starts = Vec::new();
    // From the end: the earliest time that is shown behind the packet.
    let mut shown_behind: Option<i64> = None;
    for timed in packets.iter().rev() {
        let shown = match timed.pts {
            // The key before an edit isn't shown itself: what counts is the first frame behind it, which
            // may be coded behind the next key (leading pictures of an open group).
            Some(pts) if timed.packet.discard => shown_behind.map(|behind| behind.max(pts)),
            shown => shown,
        };
        if let (true, Some(pts), Some(shown)) = (timed.packet.key, timed.pts, shown) {
            let start = StartPoint {
                position: timed.packet.position,
                raw_dts: timed.raw_dts,
                dts: timed.dts,
                pts,
            };
            starts.push((shown, start));
        }
        if let Some(pts) = timed.pts.filter(|_| !timed.packet.discard) {
            shown_behind = Some(shown_behind.map_or(pts, |behind| behind.min(pts)));
        }
    }
    starts.reverse();
    starts
}

/// The frames that packets claim, in the order of the file. The second field of a frame (the same
/// time as the packet before it, or none) isn't a frame of its own.
fn shown(
    packets: &[TimedPacket],
    interlaced: bool,
    dropped: &mut DroppedFrames,
) -> Vec<ShownFrame> {
    let mut frames: Vec<ShownFrame> = Vec::with_capacity(packets.len());
    let mut previous = None;
    for timed in packets {
        if timed.packet.discard {
            dropped.discarded += 1;
            continue;
        }
        let second_field =
            interlaced && previous.is_some() && { timed.pts.is_none() || timed.pts == previous };
        match timed.pts {
            Some(_) | None if second_field => previous = None,
            Some(pts) => {
                previous = Some(pts);
                frames.push(ShownFrame {
                    pts,
                    duration: timed.packet.duration,
                });
            }
            None => dropped.without_time += 1,
        }
    }
    frames
}

/// What frames are laid on.
struct SourceFrames {
    time_base: Rational,
    stated_rate: Option<Rational>,
    mapping: PacketMapping,
    first_raw_dts: i64,
}

impl SourceFrames {
    fn timeline(
        self,
        mut shown: Vec<ShownFrame>,
        starts: &[(i64, StartPoint)],
        mut dropped: DroppedFrames,
    ) -> Result<Timeline, TimelineError> {
        let first_start = starts.iter().map(|(pts, _)| *pts).min();
        let first_start = first_start.ok_or(TimelineError::NoAccessPoint)?;
        shown.sort_by_key(|frame| frame.pts);
        let claimed = shown.len();
        shown.retain(|frame| frame.pts >= first_start);
        dropped.before_first_access_point += (claimed - shown.len()) as u64;
        let claimed = shown.len();
        shown.dedup_by_key(|frame| frame.pts);
        dropped.equal_times += (claimed - shown.len()) as u64;
        let last = *shown.last().ok_or(TimelineError::NoFrames)?;

        let pts: Vec<i64> = shown.iter().map(|frame| frame.pts).collect();
        let (clock, output, end_pts) = self.output_times(&pts, last.duration)?;
        let frames: Vec<PlannedFrame> = pts
            .into_iter()
            .zip(output)
            .map(|(source_pts, output_pts)| PlannedFrame {
                source_pts,
                output_pts,
            })
            .collect();
        let access_points = access_points(starts, &frames);
        Ok(Timeline {
            source_time_base: self.time_base,
            clock,
            frames,
            end_pts,
            access_points,
            mapping: self.mapping,
            first_raw_dts: self.first_raw_dts,
            exact: false,
            dropped,
        })
    }

    /// The clock, the output time of each frame and the end of the last one.
    fn output_times(
        &self,
        pts: &[i64],
        last_duration: i64,
    ) -> Result<(OutputClock, Vec<i64>, i64), TimelineError> {
        let out_of_range = TimelineError::OutOfRange;
        let slack = i64::try_from(self.mapping.stretches.len()).unwrap_or(i64::MAX);
        let rate = match pts {
            [_] => Some(self.single_frame_rate(last_duration)).filter(|rate| rate::is_plain(*rate)),
            _ => rate::constant_rate(pts, self.time_base, self.stated_rate, slack.min(1_000)),
        };
        if let Some(rate) = rate {
            let count = i64::try_from(pts.len()).map_err(|_too_many| out_of_range)?;
            return Ok((OutputClock::Constant { rate }, (0..count).collect(), count));
        }
        let factor = self
            .time_base
            .checked_mul(Rational::whole(VARIABLE_TICKS_PER_S));
        let factor = factor.ok_or(out_of_range)?;
        let first = pts.first().copied().unwrap_or_default();
        let mut output: Vec<i64> = Vec::with_capacity(pts.len());
        for &pts in pts {
            let elapsed = pts.checked_sub(first).ok_or(out_of_range)?;
            let exact = scale(elapsed, factor).ok_or(out_of_range)?;
            output.push(output.last().map_or(exact, |last| exact.max(last + 1)));
        }
        let last = output.last().copied().unwrap_or_default();
        let duration = self.last_duration(pts, last_duration)?;
        let duration = scale(duration, factor).ok_or(out_of_range)?.max(1);
        let end = continuous::add(last, duration)?;
        check_standing(&output, end)?;
        Ok((OutputClock::Variable, output, end))
    }

    /// Ticks of the last frame: its packet's, else the stream's mean, else 1/25 s.
    fn last_duration(&self, pts: &[i64], packet: i64) -> Result<i64, TimelineError> {
        if packet > 0 {
            return Ok(packet);
        }
        match pts {
            [first, .., last] => {
                let steps = i64::try_from(pts.len() - 1).unwrap_or(i64::MAX);
                Ok(((last - first) / steps).max(1))
            }
            _ => ticks_of_rate(None, self.time_base),
        }
    }

    fn single_frame_rate(&self, duration: i64) -> Rational {
        let by_packet = || {
            let duration = Rational::whole(duration).checked_mul(self.time_base)?;
            duration.inverse().filter(|_| duration > Rational::ZERO)
        };
        let rate = self.stated_rate.filter(|rate| *rate > Rational::ZERO);
        let rate = by_packet().or(rate);
        rate.unwrap_or(Rational::whole(FALLBACK_RATE_HZ))
    }
}

/// Refuses frames that stand for longer than fragments and files can say.
fn check_standing(output: &[i64], end: i64) -> Result<(), TimelineError> {
    for (place, first) in output.iter().enumerate() {
        let behind = place.saturating_add(STANDING_FRAMES);
        let last = output.get(behind).copied().unwrap_or(end);
        if last.saturating_sub(*first) > STANDING_TICKS_MAX {
            return Err(TimelineError::Standing);
        }
    }
    Ok(())
}

/// Ticks of one frame at `rate`, at 25 Hz if there is none; at least one.
fn ticks_of_rate(rate: Option<Rational>, time_base: Rational) -> Result<i64, TimelineError> {
    let rate = rate.filter(|rate| *rate > Rational::ZERO);
    rate.unwrap_or(Rational::whole(FALLBACK_RATE_HZ))
        .checked_mul(time_base)
        .and_then(Rational::inverse)
        .map(|ticks| ticks.round().max(1))
        .ok_or(TimelineError::OutOfRange)
}

/// The places of the frames that are shown first from each start. Of several with one frame the last
/// in the file is kept: it needs the least decoding.
fn access_points(starts: &[(i64, StartPoint)], frames: &[PlannedFrame]) -> Vec<AccessPoint> {
    let mut points: Vec<AccessPoint> = Vec::with_capacity(starts.len());
    for &(pts, start) in starts {
        let frame = frames.partition_point(|frame| frame.source_pts < pts);
        if frame < frames.len() {
            points.push(AccessPoint {
                frame: frame as u64,
                start,
            });
        }
    }
    points.sort_by_key(|point| point.frame);
    points.reverse();
    // Sorting is stable, so the reversed list holds the last of equal ones first.
    points.dedup_by_key(|point| point.frame);
    points.reverse();
    points
}

#[cfg(test)]
#[expect(clippy::cast_possible_wrap, reason = "counts in tests are small")]
mod tests;
