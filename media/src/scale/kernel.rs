//! The two passes over one plane.
//!
//! Rows first: each output row is a weighted sum of input rows. Then, sixteen rows at a time, the
//! sums are turned on their side, so that the pass over columns is a weighted sum of rows as well:
//! both are plain loops over neighbouring samples, which the compiler turns into vector
//! instructions. Every sum is exact; between the passes it is rounded to 1/128 of a sample value,
//! at the end to a whole one.
//!
//! The arithmetic is wrapping only so that debug builds are vectorised too: nothing wraps, since
//! weights are bounded by [`ABSOLUTE_LIMIT`] and add up to one.

use super::filter::{Filter, WEIGHT_BITS};
use super::picture::{PlaneView, PlaneViewMut};

/// Bits behind the point between the passes.
const FRACTION_BITS: u32 = 7;
/// What is taken off between the passes: the middle of the range, so that over- and undershoot fit.
const MIDDLE: i32 = 128 << FRACTION_BITS;
/// Bound of the sum of a filter's absolute weights: 1.5. (The filter itself reaches 1.31; folding at
/// edges only lessens it; rounding adds half a unit per tap, of which there are at most 256.)
#[cfg(test)]
pub(super) const ABSOLUTE_LIMIT: i32 = (3 << WEIGHT_BITS) / 2;
/// Rows that are turned on their side together.
const LANES: usize = 16;
/// Columns whose sums are kept in registers during the pass over rows.
const BLOCK: usize = 32;

/// Samples between the passes; used again for each plane.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    /// `LANES` rows after the first pass.
    rows: Vec<i16>,
    /// The same by columns: `LANES` samples for each.
    columns: Vec<i16>,
    /// Columns after the second pass.
    scaled: Vec<u8>,
}

/// Scales a plane; the filters fit the sizes of both.
pub(super) fn scale_plane(
    vertical: &Filter,
    horizontal: &Filter,
    workspace: &mut Workspace,
    source: &PlaneView<'_>,
    target: &mut PlaneViewMut<'_>,
) {
    let width = source.size().columns();
    let size = target.size();
    workspace.rows.resize(width * LANES, 0);
    workspace.columns.resize(width * LANES, 0);
    workspace.scaled.resize(size.columns() * LANES, 0);
    for top in (0..size.rows()).step_by(LANES) {
        let height = LANES.min(size.rows() - top);
        for (y, row) in (top..top + height).zip(workspace.rows.chunks_exact_mut(width)) {
            let (start, weights) = vertical.at(y);
            sum_rows(source, start, weights, row);
        }
        turn_in(&workspace.rows, width, &mut workspace.columns);
        for (x, column) in workspace
            .scaled
            .as_chunks_mut::<LANES>()
            .0
            .iter_mut()
            .enumerate()
        {
            let (start, weights) = horizontal.at(x);
            *column = sum_columns(&workspace.columns[start * LANES..], weights);
        }
        for (lane, y) in (top..top + height).enumerate() {
            turn_out(&workspace.scaled, lane, target.row_mut(y));
        }
    }
}

/// The pass over rows: `weights` of the source's rows from `start` on.
fn sum_rows(source: &PlaneView<'_>, start: usize, weights: &[i16], sums: &mut [i16]) {
    let width = sums.len();
    let (blocks, rest) = sums.as_chunks_mut::<BLOCK>();
    for (block, sums) in blocks.iter_mut().enumerate() {
        let mut totals = [0_i32; BLOCK];
        for (tap, weight) in weights.iter().enumerate() {
            let samples = &source.row(start + tap)[block * BLOCK..][..BLOCK];
            for (total, sample) in totals.iter_mut().zip(samples) {
                *total = total.wrapping_add(i32::from(*sample).wrapping_mul(i32::from(*weight)));
            }
        }
        *sums = totals.map(between);
    }
    let first = width - rest.len();
    for (x, sum) in (first..width).zip(rest) {
        let mut total = 0_i32;
        for (tap, weight) in weights.iter().enumerate() {
            let sample = i32::from(source.row(start + tap)[x]);
            total = total.wrapping_add(sample.wrapping_mul(i32::from(*weight)));
        }
        *sum = between(total);
    }
}

/// A sum of the first pass as it is kept between the passes.
#[expect(
    clippy::cast_possible_truncation,
    reason = "1.25 × 255 × 128 − 16384 fits in 16 bits, and −0.25 × 255 × 128 − 16384 as well"
)]
const fn between(total: i32) -> i16 {
    const SHIFT: u32 = WEIGHT_BITS - FRACTION_BITS;
    ((total.wrapping_add(1 << (SHIFT - 1)) >> SHIFT).wrapping_sub(MIDDLE)) as i16
}

/// The pass over columns: `weights` of the columns that `columns` begins with.
fn sum_columns(columns: &[i16], weights: &[i16]) -> [u8; LANES] {
    let mut totals = [0_i32; LANES];
    for (samples, weight) in columns.as_chunks::<LANES>().0.iter().zip(weights) {
        for (total, sample) in totals.iter_mut().zip(samples) {
            *total = total.wrapping_add(i32::from(*sample).wrapping_mul(i32::from(*weight)));
        }
    }
    totals.map(finished)
}

/// A sum of the second pass as a sample.
#[expect(clippy::cast_sign_loss, reason = "it is clamped to a byte")]
fn finished(total: i32) -> u8 {
    const SHIFT: u32 = WEIGHT_BITS + FRACTION_BITS;
    const OFFSET: i32 = (MIDDLE << WEIGHT_BITS) + (1 << (SHIFT - 1));
    (total.wrapping_add(OFFSET) >> SHIFT).clamp(0, 255) as u8
}

/// `LANES` rows of `width` samples become `width` columns of `LANES`.
fn turn_in(rows: &[i16], width: usize, columns: &mut [i16]) {
    for (x, column) in columns.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        *column = core::array::from_fn(|lane| rows[lane * width + x]);
    }
}

/// One lane of all columns becomes a row.
fn turn_out(columns: &[u8], lane: usize, row: &mut [u8]) {
    for (sample, column) in row.iter_mut().zip(columns.as_chunks::<LANES>().0) {
        *sample = column[lane];
    }
}
