//! The inner loops in plain Rust: what the vector instructions in [`crate::ffi`] do, for machines
//! without them and for the tests that compare both.
//!
//! The arithmetic is wrapping only so that debug builds are vectorised too: nothing wraps, since
//! weights are bounded and add up to one.

use super::kernel::{BLOCK, Columns, LANES, PAIR, between, finished};

/// Sums one block of pairs of rows.
pub(super) fn sum_rows<'r>(
    pairs: impl Iterator<Item = ([&'r [u8; BLOCK]; 2], [i16; 2])>,
    sums: &mut [i16; BLOCK],
) {
    let mut totals = [0_i32; BLOCK];
    for ([first, second], weights) in pairs {
        for (total, samples) in totals.iter_mut().zip(first.iter().zip(second)) {
            *total = total
                .wrapping_add(i32::from(*samples.0).wrapping_mul(i32::from(weights[0])))
                .wrapping_add(i32::from(*samples.1).wrapping_mul(i32::from(weights[1])));
        }
    }
    *sums = totals.map(between);
}

/// Eight pairs of columns of all lanes.
pub(super) fn turn_in(rows: [&[i16; 16]; LANES], columns: &mut [Columns; 8]) {
    for (k, column) in columns.iter_mut().enumerate() {
        for (place, row) in column.as_chunks_mut::<2>().0.iter_mut().zip(rows) {
            *place = [row[2 * k], row[2 * k + 1]];
        }
    }
}

/// Sums pairs of columns: one sample of each lane.
pub(super) fn sum_columns(pairs: &[Columns], weights: &[[i16; 2]], samples: &mut [u8; LANES]) {
    let mut totals = [0_i32; LANES];
    for (pair, weights) in pairs.iter().zip(weights) {
        let pair: &[i16; PAIR] = pair;
        for (total, samples) in totals.iter_mut().zip(pair.as_chunks::<2>().0) {
            *total = total
                .wrapping_add(i32::from(samples[0]).wrapping_mul(i32::from(weights[0])))
                .wrapping_add(i32::from(samples[1]).wrapping_mul(i32::from(weights[1])));
        }
    }
    *samples = totals.map(finished);
}

/// Sixteen columns of all lanes become sixteen samples of each lane's row.
pub(super) fn turn_out(columns: &[[u8; LANES]; 16]) -> [[u8; 16]; LANES] {
    core::array::from_fn(|lane| core::array::from_fn(|x| columns[x][lane]))
}

#[cfg(test)]
#[cfg(target_feature = "avx2")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ffi::vector;
    use crate::scale::kernel::{BETWEEN, FINISHED};

    /// Weights as filters have them: they add up to one, with little more in absolute values.
    fn weights() -> impl Strategy<Value = Vec<[i16; 2]>> {
        prop::collection::vec((-2000_i16..2000, -2000_i16..2000), 1..5).prop_map(|pairs| {
            let mut weights: Vec<[i16; 2]> = pairs.into_iter().map(|(a, b)| [a, b]).collect();
            let sum: i32 = weights.as_flattened().iter().copied().map(i32::from).sum();
            let left = (1 << crate::scale::filter::WEIGHT_BITS) - sum;
            weights[0][0] = i16::try_from(i32::from(weights[0][0]) + left).unwrap_or(i16::MAX);
            weights
        })
    }

    fn bytes<const N: usize>() -> impl Strategy<Value = [u8; N]> {
        prop::collection::vec(any::<u8>(), N)
            .prop_map(|bytes| bytes.try_into().expect("of that length"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        /// The pass over rows gives the same sums by vector instructions and without.
        #[test]
        fn rows_agree(
            weights in weights(),
            rows in prop::collection::vec((bytes::<BLOCK>(), bytes::<BLOCK>()), 5),
        ) {
            let pairs = || rows.iter().map(|(a, b)| [a, b]).zip(weights.iter().copied());
            let (mut plain, mut vectors) = ([0; BLOCK], [1; BLOCK]);
            sum_rows(pairs(), &mut plain);
            vector::sum_rows(pairs(), BETWEEN, &mut vectors);
            prop_assert_eq!(plain, vectors);
        }

        /// So does the pass over columns with the turns before and after it.
        #[test]
        fn columns_agree(
            weights in weights(),
            rows in prop::collection::vec(prop::collection::vec(-16_384_i16..20_000, 16), LANES),
        ) {
            let square: [&[i16; 16]; LANES] =
                core::array::from_fn(|lane| rows[lane].first_chunk().expect("16 samples"));
            let (mut plain, mut vectors) = ([[0; PAIR]; 8], [[1; PAIR]; 8]);
            turn_in(square, &mut plain);
            vector::turn_in(square, &mut vectors);
            prop_assert_eq!(plain, vectors);
            let mut columns = [[[0; LANES]; 16], [[1; LANES]; 16]];
            for x in 0..16 {
                let pairs = &plain[x % 4..];
                sum_columns(pairs, &weights, &mut columns[0][x]);
                vector::sum_columns(pairs, &weights, FINISHED, &mut columns[1][x]);
            }
            prop_assert_eq!(columns[0], columns[1]);
            prop_assert_eq!(turn_out(&columns[0]), vector::turn_out(&columns[0]));
        }
    }
}
