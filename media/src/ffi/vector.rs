//! The scaler's inner loops by AVX2 instructions that the compiler doesn't find by itself.
//!
//! Not FFmpeg; here because this is the place for `unsafe`. Each function has a twin in plain Rust in
//! [`crate::scale`], which gives the same bytes: tests compare them, and machines without AVX2 use it.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_packus_epi16, _mm_setzero_si128, _mm_storeu_si128,
    _mm_unpackhi_epi8, _mm_unpacklo_epi8, _mm256_add_epi32, _mm256_castsi256_si128,
    _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_packs_epi32,
    _mm256_permute2x128_si256, _mm256_permute4x64_epi64, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_srai_epi32, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_unpackhi_epi8,
    _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi8, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};

/// Samples of a row that are summed at once.
pub(crate) const BLOCK: usize = 32;
/// Rows that are turned on their side together.
const LANES: usize = 16;
/// Samples of one pair of columns.
const PAIR: usize = 2 * LANES;

/// Rounds a sum: half of a unit is added, the fraction shifted out, the middle taken off.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounding<const SHIFT: i32> {
    /// Added before the shift.
    pub(crate) half: i32,
    /// Taken off after it.
    pub(crate) middle: i32,
}

fn load_32(bytes: &[u8; 32]) -> __m256i {
    // SAFETY: 32 bytes are readable, at any alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

fn load_16_samples(samples: &[i16; 16]) -> __m256i {
    // SAFETY: 32 bytes are readable, at any alignment.
    unsafe { _mm256_loadu_si256(samples.as_ptr().cast()) }
}

fn store_16_samples(samples: &mut [i16; 16], value: __m256i) {
    // SAFETY: 32 bytes are writable, at any alignment.
    unsafe { _mm256_storeu_si256(samples.as_mut_ptr().cast(), value) };
}

fn load_16(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes are readable, at any alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

fn store_16(bytes: &mut [u8; 16], value: __m128i) {
    // SAFETY: 16 bytes are writable, at any alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), value) };
}

/// Two weights in one number, the first one low.
const fn pair_of([first, second]: [i16; 2]) -> i32 {
    (first.cast_unsigned() as u32 | (second.cast_unsigned() as u32) << 16).cast_signed()
}

/// Sums one block of pairs of rows: `weights` of the rows in `rows`, two by two.
pub(crate) fn sum_rows<'r, const SHIFT: i32>(
    pairs: impl Iterator<Item = ([&'r [u8; BLOCK]; 2], [i16; 2])>,
    rounding: Rounding<SHIFT>,
    sums: &mut [i16; BLOCK],
) {
    // SAFETY: this module is compiled for machines with AVX2 only.
    unsafe { sum_rows_avx2(pairs, rounding, sums) };
}

#[target_feature(enable = "avx2")]
#[inline]
fn sum_rows_avx2<'r, const SHIFT: i32>(
    pairs: impl Iterator<Item = ([&'r [u8; BLOCK]; 2], [i16; 2])>,
    rounding: Rounding<SHIFT>,
    sums: &mut [i16; BLOCK],
) {
    let zero = _mm256_setzero_si256();
    let mut totals = [_mm256_set1_epi32(rounding.half); 4];
    for ([first, second], weights) in pairs {
        let weights = _mm256_set1_epi32(pair_of(weights));
        let (first, second) = (load_32(first), load_32(second));
        let low = _mm256_unpacklo_epi8(first, second);
        let high = _mm256_unpackhi_epi8(first, second);
        let samples = [
            _mm256_unpacklo_epi8(low, zero),
            _mm256_unpackhi_epi8(low, zero),
            _mm256_unpacklo_epi8(high, zero),
            _mm256_unpackhi_epi8(high, zero),
        ];
        for (total, samples) in totals.iter_mut().zip(samples) {
            *total = _mm256_add_epi32(*total, _mm256_madd_epi16(samples, weights));
        }
    }
    let middle = _mm256_set1_epi32(rounding.middle);
    let [a, b, c, d] =
        totals.map(|total| _mm256_sub_epi32(_mm256_srai_epi32::<SHIFT>(total), middle));
    // Columns 0–7 and 16–23, then 8–15 and 24–31.
    let (even, odd) = (_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
    let (halves, _) = sums.as_chunks_mut::<16>();
    if let [left, right] = halves {
        store_16_samples(left, _mm256_permute2x128_si256::<0x20>(even, odd));
        store_16_samples(right, _mm256_permute2x128_si256::<0x31>(even, odd));
    }
}

/// Eight pairs of columns of all lanes: `rows[lane]` holds 16 samples, `columns[k]` then holds the
/// `k`-th pair of each lane.
pub(crate) fn turn_in(rows: [&[i16; 16]; LANES], columns: &mut [[i16; PAIR]; 8]) {
    // SAFETY: this module is compiled for machines with AVX2 only.
    unsafe { turn_in_avx2(rows, columns) };
}

#[target_feature(enable = "avx2")]
#[inline]
fn turn_in_avx2(rows: [&[i16; 16]; LANES], columns: &mut [[i16; PAIR]; 8]) {
    let (halves, _) = rows.as_chunks::<8>();
    for (half, rows) in halves.iter().enumerate() {
        let turned = turned_8x8(rows.map(load_16_samples));
        for (column, value) in columns.iter_mut().zip(turned) {
            if let Some(place) = column.as_chunks_mut::<16>().0.get_mut(half) {
                store_16_samples(place, value);
            }
        }
    }
}

/// Eight rows of eight 32-bit numbers, turned.
#[target_feature(enable = "avx2")]
#[inline]
fn turned_8x8(r: [__m256i; 8]) -> [__m256i; 8] {
    let twos = [
        _mm256_unpacklo_epi32(r[0], r[1]),
        _mm256_unpackhi_epi32(r[0], r[1]),
        _mm256_unpacklo_epi32(r[2], r[3]),
        _mm256_unpackhi_epi32(r[2], r[3]),
        _mm256_unpacklo_epi32(r[4], r[5]),
        _mm256_unpackhi_epi32(r[4], r[5]),
        _mm256_unpacklo_epi32(r[6], r[7]),
        _mm256_unpackhi_epi32(r[6], r[7]),
    ];
    let fours = [
        _mm256_unpacklo_epi64(twos[0], twos[2]),
        _mm256_unpackhi_epi64(twos[0], twos[2]),
        _mm256_unpacklo_epi64(twos[1], twos[3]),
        _mm256_unpackhi_epi64(twos[1], twos[3]),
        _mm256_unpacklo_epi64(twos[4], twos[6]),
        _mm256_unpackhi_epi64(twos[4], twos[6]),
        _mm256_unpacklo_epi64(twos[5], twos[7]),
        _mm256_unpackhi_epi64(twos[5], twos[7]),
    ];
    let low = |k: usize| _mm256_permute2x128_si256::<0x20>(fours[k], fours[k + 4]);
    let high = |k: usize| _mm256_permute2x128_si256::<0x31>(fours[k], fours[k + 4]);
    [
        low(0),
        low(1),
        low(2),
        low(3),
        high(0),
        high(1),
        high(2),
        high(3),
    ]
}

/// Sums pairs of columns: one sample of each lane.
pub(crate) fn sum_columns<const SHIFT: i32>(
    pairs: &[[i16; PAIR]],
    weights: &[[i16; 2]],
    rounding: Rounding<SHIFT>,
    samples: &mut [u8; LANES],
) {
    // SAFETY: this module is compiled for machines with AVX2 only.
    unsafe { sum_columns_avx2(pairs, weights, rounding, samples) };
}

#[target_feature(enable = "avx2")]
#[inline]
fn sum_columns_avx2<const SHIFT: i32>(
    pairs: &[[i16; PAIR]],
    weights: &[[i16; 2]],
    rounding: Rounding<SHIFT>,
    samples: &mut [u8; LANES],
) {
    let mut totals = [_mm256_set1_epi32(rounding.half); 2];
    for (pair, weights) in pairs.iter().zip(weights) {
        let weights = _mm256_set1_epi32(pair_of(*weights));
        for (total, samples) in totals.iter_mut().zip(pair.as_chunks::<16>().0) {
            let products = _mm256_madd_epi16(load_16_samples(samples), weights);
            *total = _mm256_add_epi32(*total, products);
        }
    }
    let middle = _mm256_set1_epi32(rounding.middle);
    let [low, high] =
        totals.map(|total| _mm256_sub_epi32(_mm256_srai_epi32::<SHIFT>(total), middle));
    // Lanes 0–3, 8–11, 4–7, 12–15, put in order by quarters; the packing clamps.
    let packed = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(low, high));
    let bytes = _mm_packus_epi16(
        _mm256_castsi256_si128(packed),
        _mm256_extracti128_si256::<1>(packed),
    );
    store_16(samples, bytes);
}

/// Sixteen columns of all lanes become sixteen samples of each lane's row.
pub(crate) fn turn_out(columns: &[[u8; LANES]; 16]) -> [[u8; 16]; LANES] {
    // SAFETY: this module is compiled for machines with AVX2 only.
    unsafe { turn_out_avx2(columns) }
}

#[target_feature(enable = "avx2")]
#[inline]
fn turn_out_avx2(columns: &[[u8; LANES]; 16]) -> [[u8; 16]; LANES] {
    let mut rows = [_mm_setzero_si128(); 16];
    for (row, column) in rows.iter_mut().zip(columns) {
        *row = load_16(column);
    }
    // Weaving the upper half into the lower one moves one bit of a sample's place; there are four.
    for _ in 0..4 {
        let woven = rows;
        for (upper, pair) in rows.as_chunks_mut::<2>().0.iter_mut().enumerate() {
            *pair = [
                _mm_unpacklo_epi8(woven[upper], woven[upper + 8]),
                _mm_unpackhi_epi8(woven[upper], woven[upper + 8]),
            ];
        }
    }
    let mut turned = [[0; 16]; LANES];
    for (bytes, row) in turned.iter_mut().zip(rows) {
        store_16(bytes, row);
    }
    turned
}
