//! Makes the timestamps of packets continuous: undoes wraps, closes jumps.

use alloc::vec::Vec;

use crate::media_types::{Container, PacketMapping, Scan, ScannedPacket, Stretch};
use crate::rational::{Rational, scale};

use super::TimelineError;

/// A gap longer than this between two packets is a jump of the clock, not a long frame
/// (design rule 5.0).
const JUMP_S: i64 = 10;

/// Most jumps of the clock: every task of the plan lists them, about 25 bytes each. A day of recording has
/// some dozen.
const JUMPS_MAX: usize = 2_000;

/// A packet with continuous times.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimedPacket {
    /// Presentation time; the second field of a frame may have none.
    pub(super) pts: Option<i64>,
    /// Decoding time, or presentation time where it has none.
    pub(super) dts: i64,
    /// `dts` as the demuxer gave it.
    pub(super) raw_dts: i64,
    /// What the demuxer said besides.
    pub(super) packet: ScannedPacket,
}

/// All packets that have a time, in the order of the file.
#[derive(Debug)]
pub(super) struct Continuous {
    pub(super) packets: Vec<TimedPacket>,
    pub(super) mapping: PacketMapping,
    pub(super) first_raw_dts: i64,
    pub(super) without_time: u64,
}

/// The packets between two jumps; times are relative to the stretch's own first packet.
struct Run {
    position: u64,
    packets: Vec<TimedPacket>,
}

/// Makes the times of `scan` continuous. `frame_ticks` is the length of a packet that doesn't say.
pub(super) fn continuous(
    scan: &Scan,
    container: Container,
    time_base: Rational,
    frame_ticks: i64,
) -> Result<Continuous, TimelineError> {
    let second = time_base.inverse().ok_or(TimelineError::OutOfRange)?;
    let splitter = Splitter {
        wrap_bits: scan.wrap_bits.filter(|bits| (1..=62).contains(bits)),
        jump_ticks: scale(JUMP_S, second).ok_or(TimelineError::OutOfRange)?,
        // The edit list of an MP4 goes back to the key before an edit: those packets aren't shown,
        // and the container's clock is right as it is.
        back_is_jump: container != Container::Mp4,
    };
    let (runs, without_time) = splitter.split(&scan.packets)?;
    let first = runs.first().and_then(|run| run.packets.first());
    let first_raw_dts = first.ok_or(TimelineError::NoFrames)?.raw_dts;
    join(runs, scan.wrap_bits, frame_ticks).map(|(packets, mapping)| Continuous {
        packets,
        mapping,
        first_raw_dts,
        without_time,
    })
}

struct Splitter {
    wrap_bits: Option<u8>,
    jump_ticks: i64,
    back_is_jump: bool,
}

impl Splitter {
    /// Undoes wraps and cuts at jumps; counts the packets without any time, which are left out.
    fn split(&self, packets: &[ScannedPacket]) -> Result<(Vec<Run>, u64), TimelineError> {
        let mut runs: Vec<Run> = Vec::new();
        let mut without_time = 0;
        let mut last_position = 0;
        for &packet in packets {
            let position = packet.position.unwrap_or(last_position + 1);
            let Some(raw_dts) = packet.dts.or(packet.pts) else {
                without_time += 1;
                continue;
            };
            let goes_on = match runs.last().and_then(|run| run.packets.last()) {
                Some(previous) => self.goes_on(previous, &packet, raw_dts)?,
                None => None,
            };
            let dts = goes_on.unwrap_or(raw_dts);
            let pts = packet
                .pts
                .map(|pts| add(dts, self.nearest(pts, raw_dts)?))
                .transpose()?;
            let timed = TimedPacket {
                pts,
                dts,
                raw_dts,
                packet,
            };
            let many = runs.len() > JUMPS_MAX;
            match runs.last_mut() {
                Some(run) if goes_on.is_some() => run.packets.push(timed),
                Some(_) if many => return Err(TimelineError::Jumps(JUMPS_MAX)),
                Some(_) | None => runs.push(Run {
                    position,
                    packets: alloc::vec![timed],
                }),
            }
            last_position = position;
        }
        Ok((runs, without_time))
    }

    /// The unwrapped time of a packet that goes on where `previous` was; `None` behind a jump.
    fn goes_on(
        &self,
        previous: &TimedPacket,
        packet: &ScannedPacket,
        raw_dts: i64,
    ) -> Result<Option<i64>, TimelineError> {
        let step = self.nearest(raw_dts, previous.raw_dts)?;
        let gap = step
            .checked_sub(previous.packet.duration.max(0))
            .ok_or(TimelineError::OutOfRange)?;
        let both_decoding = previous.packet.dts.is_some() && packet.dts.is_some();
        let back = self.back_is_jump && ((both_decoding && step < 0) || step < -self.jump_ticks);
        if back || gap > self.jump_ticks {
            return Ok(None);
        }
        add(previous.dts, step).map(Some)
    }

    /// `raw - reference`, by the nearest distance where the clock wraps.
    fn nearest(&self, raw: i64, reference: i64) -> Result<i64, TimelineError> {
        let distance = i128::from(raw) - i128::from(reference);
        let nearest = match self.wrap_bits {
            Some(bits) => {
                let (period, half) = (1_i128 << bits, 1_i128 << (bits - 1));
                (distance + half).rem_euclid(period) - half
            }
            None => distance,
        };
        i64::try_from(nearest).map_err(|_too_far| TimelineError::OutOfRange)
    }
}

/// Puts the runs one behind the other.
///
/// A run's first packet is decoded where the run before it ends, later if a frame would otherwise be
/// shown before the last one of the run before (a cut inside a group of reordered frames).
fn join(
    runs: Vec<Run>,
    wrap_bits: Option<u8>,
    frame_ticks: i64,
) -> Result<(Vec<TimedPacket>, PacketMapping), TimelineError> {
    let mut joined: Vec<TimedPacket> = Vec::new();
    let mut stretches = Vec::new();
    let mut shown_until: Option<i64> = None;
    for run in runs {
        let mut offset = 0;
        if let (Some(last), Some(first)) = (joined.last(), run.packets.first()) {
            let decoded_until = add(last.dts, length(last, frame_ticks))?;
            offset = subtract(decoded_until, first.dts)?;
            if let (Some(until), Some(earliest)) = (shown_until, earliest_pts(&run.packets)) {
                offset = offset.max(subtract(until, earliest)?);
            }
            stretches.push(Stretch {
                position: run.position,
                offset,
                raw_dts: first.raw_dts,
            });
        }
        for timed in run.packets {
            let pts = timed.pts.map(|pts| add(pts, offset)).transpose()?;
            if let Some(pts) = pts.filter(|_| !timed.packet.discard) {
                let end = add(pts, length(&timed, frame_ticks))?;
                shown_until = Some(shown_until.map_or(end, |until| until.max(end)));
            }
            joined.push(TimedPacket {
                pts,
                dts: add(timed.dts, offset)?,
                ..timed
            });
        }
    }
    Ok((
        joined,
        PacketMapping {
            wrap_bits,
            stretches,
        },
    ))
}

fn earliest_pts(packets: &[TimedPacket]) -> Option<i64> {
    let shown = packets.iter().filter(|timed| !timed.packet.discard);
    shown.filter_map(|timed| timed.pts).min()
}

fn length(timed: &TimedPacket, frame_ticks: i64) -> i64 {
    if timed.packet.duration > 0 {
        timed.packet.duration
    } else {
        frame_ticks
    }
}

pub(super) fn add(a: i64, b: i64) -> Result<i64, TimelineError> {
    a.checked_add(b).ok_or(TimelineError::OutOfRange)
}

fn subtract(a: i64, b: i64) -> Result<i64, TimelineError> {
    a.checked_sub(b).ok_or(TimelineError::OutOfRange)
}
