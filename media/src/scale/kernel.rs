//! The two passes over one plane.
//!
//! Rows first: each output row is a weighted sum of input rows. Then, sixteen rows at a time, the
//! sums are turned on their side, so that the pass over columns is a weighted sum of rows as well.
//! Both go by pairs of samples, as the instruction that multiplies and adds does. Every sum is exact;
//! between the passes it is rounded to 1/128 of a sample value, at the end to a whole one.

use super::filter::{Filter, WEIGHT_BITS};
use super::picture::{PlaneView, PlaneViewMut};
#[cfg(not(target_feature = "avx2"))]
use super::plain;
#[cfg(target_feature = "avx2")]
use crate::ffi::vector::{self, Rounding};

/// Bits behind the point between the passes.
const FRACTION_BITS: u32 = 7;
/// What is taken off between the passes: the middle of the range, so that over- and undershoot fit.
const MIDDLE: i32 = 128 << FRACTION_BITS;
/// Bound of the sum of a filter's absolute weights: 1.5. (The filter itself reaches 1.31; folding at
/// edges only lessens it; rounding adds half a unit per tap, of which there are at most 256.)
#[cfg(test)]
pub(super) const ABSOLUTE_LIMIT: i32 = (3 << WEIGHT_BITS) / 2;
/// Rows that are turned on their side together.
pub(super) const LANES: usize = 16;
/// Samples of one pair of columns, those of a lane next to each other.
pub(super) const PAIR: usize = 2 * LANES;
/// A pair of columns.
pub(super) type Columns = [i16; PAIR];
/// Samples of a row that are summed at once.
pub(super) const BLOCK: usize = 32;
/// Samples of a row that are turned at once.
const SQUARE: usize = 16;

/// What the first pass takes off the fraction, and the second.
const SHIFTS: [u32; 2] = [WEIGHT_BITS - FRACTION_BITS, WEIGHT_BITS + FRACTION_BITS];
#[cfg(target_feature = "avx2")]
pub(super) const BETWEEN: Rounding<{ SHIFTS[0].cast_signed() }> = Rounding {
    half: 1 << (SHIFTS[0] - 1),
    middle: MIDDLE,
};
#[cfg(target_feature = "avx2")]
pub(super) const FINISHED: Rounding<{ SHIFTS[1].cast_signed() }> = Rounding {
    half: (MIDDLE << WEIGHT_BITS) + (1 << (SHIFTS[1] - 1)),
    middle: 0,
};

/// Samples between the passes; used again for each plane.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    /// `LANES` rows after the first pass, whole squares wide.
    rows: Vec<i16>,
    /// The same by pairs of columns, and some more that only zero weights reach.
    columns: Vec<Columns>,
    /// Columns after the second pass, whole squares of them.
    scaled: Vec<[u8; LANES]>,
    /// Rows that aren't a block wide, made one.
    narrow: Vec<[u8; BLOCK]>,
}

/// Scales a plane; the filters fit the sizes of both.
pub(super) fn scale_plane(
    vertical: &Filter,
    horizontal: &Filter,
    workspace: &mut Workspace,
    source: &PlaneView<'_>,
    target: &mut PlaneViewMut<'_>,
) {
    let stride = source.size().columns().max(BLOCK).next_multiple_of(SQUARE);
    let size = target.size();
    workspace.rows.resize(stride * LANES, 0);
    let pairs = stride / 2 + horizontal.pairs();
    workspace.columns.resize(pairs, [0; PAIR]);
    let columns = size.columns().next_multiple_of(SQUARE);
    workspace.scaled.resize(columns, [0; LANES]);
    for top in (0..size.rows()).step_by(LANES) {
        let height = LANES.min(size.rows() - top);
        for (y, row) in (top..top + height).zip(workspace.rows.chunks_exact_mut(stride)) {
            sum_rows(source, vertical.at(y), &mut workspace.narrow, row);
        }
        turn_in(&workspace.rows, stride, &mut workspace.columns);
        for (x, samples) in workspace.scaled[..size.columns()].iter_mut().enumerate() {
            let (first, weights) = horizontal.pairs_at(x);
            sum_columns(&workspace.columns[first..], weights, samples);
        }
        turn_out(&workspace.scaled, top, target);
    }
}

/// The pass over rows: `weights` of the source's rows from `start` on.
fn sum_rows(
    source: &PlaneView<'_>,
    (start, weights): (usize, &[i16]),
    narrow: &mut Vec<[u8; BLOCK]>,
    sums: &mut [i16],
) {
    let width = source.size().columns();
    // An odd last row is paired with itself, without weight.
    let pairs = weights.chunks(2).enumerate().map(|(pair, weights)| {
        let second = weights.get(1).copied();
        let row = start + 2 * pair;
        let rows = [row, row + usize::from(second.is_some())];
        (rows, [weights[0], second.unwrap_or(0)])
    });
    if width < BLOCK {
        narrow.clear();
        narrow.extend((start..start + weights.len()).map(|y| {
            let row = source.row(y);
            core::array::from_fn(|x| row.get(x).copied().unwrap_or(0))
        }));
        if let Some(sums) = sums.first_chunk_mut() {
            let blocks = pairs.map(|(rows, weights)| (rows.map(|y| &narrow[y - start]), weights));
            sum_block(blocks, sums);
        }
        return;
    }
    // The last block ends with the row and may overlap the one before.
    let lefts = (0..width / BLOCK).map(|block| block * BLOCK);
    let last = (!width.is_multiple_of(BLOCK)).then(|| width - BLOCK);
    for left in lefts.chain(last) {
        let block = |y: usize| source.row(y)[left..].first_chunk::<BLOCK>();
        let blocks = pairs.clone().filter_map(|(rows, weights)| {
            let rows = [block(rows[0])?, block(rows[1])?];
            Some((rows, weights))
        });
        if let Some(sums) = sums[left..].first_chunk_mut() {
            sum_block(blocks, sums);
        }
    }
}

#[inline]
fn sum_block<'r>(
    pairs: impl Iterator<Item = ([&'r [u8; BLOCK]; 2], [i16; 2])>,
    sums: &mut [i16; BLOCK],
) {
    #[cfg(target_feature = "avx2")]
    vector::sum_rows(pairs, BETWEEN, sums);
    #[cfg(not(target_feature = "avx2"))]
    plain::sum_rows(pairs, sums);
}

/// A sum of the first pass as it is kept between the passes.
#[cfg(any(test, not(target_feature = "avx2")))]
#[expect(
    clippy::cast_possible_truncation,
    reason = "1.25 × 255 × 128 − 16384 fits in 16 bits, and −0.25 × 255 × 128 − 16384 as well"
)]
pub(super) const fn between(total: i32) -> i16 {
    const SHIFT: u32 = SHIFTS[0];
    ((total.wrapping_add(1 << (SHIFT - 1)) >> SHIFT).wrapping_sub(MIDDLE)) as i16
}

/// A sum of the second pass as a sample.
#[cfg(any(test, not(target_feature = "avx2")))]
#[expect(clippy::cast_sign_loss, reason = "it is clamped to a byte")]
pub(super) fn finished(total: i32) -> u8 {
    const SHIFT: u32 = SHIFTS[1];
    const OFFSET: i32 = (MIDDLE << WEIGHT_BITS) + (1 << (SHIFT - 1));
    (total.wrapping_add(OFFSET) >> SHIFT).clamp(0, 255) as u8
}

/// `LANES` rows of `stride` samples become pairs of columns.
fn turn_in(rows: &[i16], stride: usize, columns: &mut [Columns]) {
    let (squares, _) = columns.as_chunks_mut::<{ SQUARE / 2 }>();
    for (square, columns) in squares.iter_mut().take(stride / SQUARE).enumerate() {
        let square: [&[i16; SQUARE]; LANES] = core::array::from_fn(|lane| {
            let row = &rows[lane * stride..][..stride];
            &row.as_chunks::<SQUARE>().0[square]
        });
        #[cfg(target_feature = "avx2")]
        vector::turn_in(square, columns);
        #[cfg(not(target_feature = "avx2"))]
        plain::turn_in(square, columns);
    }
}

/// The pass over columns: `weights` of the pairs that `pairs` begins with.
#[inline]
fn sum_columns(pairs: &[Columns], weights: &[[i16; 2]], samples: &mut [u8; LANES]) {
    #[cfg(target_feature = "avx2")]
    vector::sum_columns(pairs, weights, FINISHED, samples);
    #[cfg(not(target_feature = "avx2"))]
    plain::sum_columns(pairs, weights, samples);
}

/// The lanes of all columns become the rows from `top` on.
fn turn_out(columns: &[[u8; LANES]], top: usize, target: &mut PlaneViewMut<'_>) {
    let size = target.size();
    let height = LANES.min(size.rows() - top);
    for (square, columns) in columns.as_chunks::<SQUARE>().0.iter().enumerate() {
        #[cfg(target_feature = "avx2")]
        let rows = vector::turn_out(columns);
        #[cfg(not(target_feature = "avx2"))]
        let rows = plain::turn_out(columns);
        let left = square * SQUARE;
        let width = SQUARE.min(size.columns().saturating_sub(left));
        for (lane, row) in rows.iter().enumerate().take(height) {
            target.row_mut(top + lane)[left..left + width].copy_from_slice(&row[..width]);
        }
    }
}
