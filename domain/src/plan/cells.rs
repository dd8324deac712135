//! Where the output's key frames stand (design rule 5.0).

use alloc::vec::Vec;
use core::ops::Range;

use crate::plan::{Cell, OutputClock, Timeline, VARIABLE_TICKS_PER_S};
use crate::rational::Rational;
use crate::spec::CellLength;

const MS_PER_S: i64 = 1_000;

/// Length of an HLS segment that is aimed at, in milliseconds: the six seconds of Apple's authoring
/// specification (7.5). Shorter ones cost requests, longer ones the time to switch.
const SEGMENT_MS: i64 = 6_000;

/// The cells of a timeline; `None` if its times are out of range.
pub(super) fn cells(timeline: &Timeline, length: CellLength) -> Option<Vec<Cell>> {
    match timeline.clock {
        OutputClock::Constant { rate } => Some(by_count(timeline, frames_of(length, rate)?)),
        OutputClock::Variable => by_clock(timeline, ticks_of(length, timeline)?),
    }
}

/// How many consecutive cells make a segment of about six seconds.
pub(super) fn cells_per_segment(timeline: &Timeline, cells: usize) -> u32 {
    let wanted = || {
        let length = timeline.duration_s()?;
        let wanted = Rational::new(SEGMENT_MS, MS_PER_S)?
            .checked_mul(Rational::whole(i64::try_from(cells).ok()?))?
            .checked_div(length)?;
        u32::try_from(wanted.round()).ok()
    };
    wanted().unwrap_or(1).max(1)
}

/// Frames of a cell at a constant rate: the nearest whole number. Cells by clock would have 47 or 48
/// frames at 24000/1001.
fn frames_of(length: CellLength, rate: Rational) -> Option<u64> {
    match length {
        CellLength::Frames(frames) => Some(u64::from(frames.max(1))),
        CellLength::Milliseconds(ms) => {
            let frames = Rational::new(i64::from(ms), MS_PER_S)?.checked_mul(rate)?;
            u64::try_from(frames.round().max(1)).ok()
        }
    }
}

/// Ticks of a cell at a variable rate; a fraction where it is counted in mean frames.
fn ticks_of(length: CellLength, timeline: &Timeline) -> Option<Rational> {
    let ticks = match length {
        CellLength::Milliseconds(ms) => Rational::new(i64::from(ms), MS_PER_S)?
            .checked_mul(Rational::whole(VARIABLE_TICKS_PER_S)),
        CellLength::Frames(frames) => {
            let count = i64::try_from(timeline.frames.len()).ok()?;
            Rational::new(timeline.end_pts, count)?
                .checked_mul(Rational::whole(i64::from(frames.max(1))))
        }
    };
    ticks.map(|ticks| ticks.max(Rational::ONE))
}

fn by_count(timeline: &Timeline, length: u64) -> Vec<Cell> {
    let frames = timeline.frames.len() as u64;
    let mut cells = Vec::new();
    let mut start = 0;
    while start < frames {
        let end = start.saturating_add(length).min(frames);
        cells.push(cell(timeline, start..end));
        start = end;
    }
    cells
}

/// Slices of equal time; those without frames don't exist.
fn by_clock(timeline: &Timeline, length: Rational) -> Option<Vec<Cell>> {
    let slice = |pts: i64| {
        let scaled = i128::from(pts) * i128::from(length.denominator());
        scaled.div_euclid(i128::from(length.numerator()))
    };
    let mut cells = Vec::new();
    let mut start = 0;
    let mut current = slice(timeline.frames.first()?.output_pts);
    for (place, frame) in timeline.frames.iter().enumerate().skip(1) {
        let of_frame = slice(frame.output_pts);
        if of_frame != current {
            cells.push(cell(timeline, start..place as u64));
            (start, current) = (place as u64, of_frame);
        }
    }
    cells.push(cell(timeline, start..timeline.frames.len() as u64));
    Some(cells)
}

fn cell(timeline: &Timeline, frames: Range<u64>) -> Cell {
    Cell {
        start_pts: timeline.output_pts(frames.start),
        frames,
    }
}
