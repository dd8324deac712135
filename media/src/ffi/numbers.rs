//! Enumerations of FFmpeg as the numbers that they are.
//!
//! A file may put any number into a field of a structure (Matroska's demuxer copies the matrix as it is
//! stored), and a number that no variant of the Rust type has mustn't even be read as one. So such fields
//! are read here, and C functions that take any number are declared with numbers.

use std::ffi::{c_char, c_int, c_uint};
use std::ops::RangeInclusive;

use ffmpeg_next::ffi;
use reelmesh_domain::media_types::Color;

/// Code point of ITU-T H.273 for "unspecified".
const UNSPECIFIED: u8 = 2;
/// The code points of ITU-T H.273 that FFmpeg 5.1 knows; others are reserved.
const PRIMARIES: [RangeInclusive<c_int>; 3] = [1..=2, 4..=12, 22..=22];
const TRANSFERS: [RangeInclusive<c_int>; 2] = [1..=2, 4..=18];
const MATRICES: [RangeInclusive<c_int>; 2] = [0..=2, 4..=14];
/// The highest of FFmpeg's chroma locations.
const LOCATIONS_MAX: u8 = 6;

/// The number in a field whose type is one of FFmpeg's enumerations.
///
/// # Safety
///
/// The field is valid for reads.
pub(super) const unsafe fn number<E>(field: *const E) -> c_int {
    const { assert!(size_of::<E>() == size_of::<c_int>()) };
    // SAFETY: the caller's; the type has the size of an int, and its alignment follows from the field's.
    unsafe { field.cast::<c_int>().read_unaligned() }
}

/// The fields of a stream or frame that say what its samples mean.
#[derive(Clone, Copy)]
pub(super) struct ColorNumbers {
    pub(super) range: c_int,
    pub(super) primaries: c_int,
    pub(super) transfer: c_int,
    pub(super) matrix: c_int,
    pub(super) location: c_int,
}

impl ColorNumbers {
    /// The colours; numbers that are none are as if nothing was said.
    pub(super) fn color(self) -> Color {
        let code = |number: c_int, known: &[RangeInclusive<c_int>]| {
            let known = known.iter().any(|range| range.contains(&number));
            u8::try_from(number)
                .ok()
                .filter(|_| known)
                .unwrap_or(UNSPECIFIED)
        };
        let location = u8::try_from(self.location).ok();
        Color {
            full_range: is_full_range(self.range),
            primaries: code(self.primaries, &PRIMARIES),
            transfer: code(self.transfer, &TRANSFERS),
            matrix: code(self.matrix, &MATRICES),
            chroma_location: location
                .filter(|location| *location <= LOCATIONS_MAX)
                .unwrap_or(0),
        }
    }
}

/// Whether the number says that samples fill the full range.
pub(super) const fn is_full_range(range: c_int) -> bool {
    range == ffi::AVColorRange::AVCOL_RANGE_JPEG as c_int
}

unsafe extern "C" {
    // As FFmpeg declares them, with enumerations as the ints that they are.
    fn avcodec_get_name(codec: c_uint) -> *const c_char;
    fn avcodec_profile_name(codec: c_uint, profile: c_int) -> *const c_char;
    fn avcodec_find_decoder(codec: c_uint) -> *const ffi::AVCodec;
    fn av_image_get_linesize(format: c_int, width: c_int, plane: c_int) -> c_int;
}

/// A codec's name: a static string for any number.
pub(super) fn codec_name(codec: c_int) -> *const c_char {
    // SAFETY: takes any number.
    unsafe { avcodec_get_name(codec.cast_unsigned()) }
}

/// The name of a codec's profile: a static string, or null where it has no such profile.
pub(super) fn profile_name(codec: c_int, profile: c_int) -> *const c_char {
    // SAFETY: takes any numbers.
    unsafe { avcodec_profile_name(codec.cast_unsigned(), profile) }
}

/// The decoder of a codec: a static description or null.
pub(super) fn find_decoder(codec: c_int) -> *const ffi::AVCodec {
    // SAFETY: takes any number.
    unsafe { avcodec_find_decoder(codec.cast_unsigned()) }
}

/// Bytes of pixels in a row of a plane; negative for numbers that are no format.
pub(super) fn row_bytes(format: c_int, width: c_int, plane: c_int) -> c_int {
    // SAFETY: takes any numbers.
    unsafe { av_image_get_linesize(format, width, plane) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that are no code points read as unspecified, known ones as they are.
    #[test]
    fn unknown_numbers_are_unspecified() {
        for (primaries, transfer, matrix, location, expected) in [
            (9, 16, 9, 3, [9, 16, 9, 3]),
            (22, 18, 14, 6, [22, 18, 14, 6]),
            (0, 0, 0, 0, [2, 2, 0, 0]),
            (3, 3, 3, 7, [2, 2, 2, 0]),
            (200, 255, 15, 255, [2, 2, 2, 0]),
            (-1, c_int::MIN, c_int::MAX, -1, [2, 2, 2, 0]),
        ] {
            let numbers = ColorNumbers {
                range: matrix,
                primaries,
                transfer,
                matrix,
                location,
            };
            let color = numbers.color();
            let found = [
                color.primaries,
                color.transfer,
                color.matrix,
                color.chroma_location,
            ];
            assert_eq!(found, expected);
            assert!(!color.full_range);
        }
    }
}
