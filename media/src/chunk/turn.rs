//! Turns pictures upright: whole samples change their place, nothing is computed.

use reelmesh_domain::media_types::Orientation;

use crate::error::MediaError;
use crate::ffi::frame::Frame;

/// Rows and columns of the squares that are turned at once, so that both sides stay in the cache.
const SQUARE: usize = 32;

/// Width and height of a picture once it is turned.
pub(super) const fn turned_size(
    orientation: Orientation,
    (width, height): (u32, u32),
) -> (u32, u32) {
    if orientation.quarter_turns % 2 == 1 {
        (height, width)
    } else {
        (width, height)
    }
}

/// Mirrors and turns an 8-bit 4:2:0 picture into `target`, which has the turned size.
pub(super) fn turn(
    orientation: Orientation,
    source: &Frame,
    target: &mut Frame,
) -> Result<(), MediaError> {
    let strides = [0, 1, 2].map(|plane| target.stride(plane));
    let sizes = [0, 1, 2].map(|plane| target.plane_size(plane));
    for (plane, bytes) in target.planes_mut()?.into_iter().enumerate() {
        let (width, height) = source.plane_size(plane);
        let from = Plane {
            bytes: source.plane(plane),
            stride: source.stride(plane),
            width,
            height,
        };
        let expected = match orientation.quarter_turns % 2 {
            1 => (height, width),
            _ => (width, height),
        };
        if sizes[plane] != expected {
            return Err(MediaError::Bug {
                rule: "a turned picture has the turned size".to_owned(),
            });
        }
        turn_plane(orientation, from, bytes, strides[plane]);
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Plane<'a> {
    bytes: &'a [u8],
    stride: usize,
    width: usize,
    height: usize,
}

fn turn_plane(orientation: Orientation, from: Plane<'_>, bytes: &mut [u8], stride: usize) {
    let (last_x, last_y) = (from.width.saturating_sub(1), from.height.saturating_sub(1));
    for top in (0..from.height).step_by(SQUARE) {
        for left in (0..from.width).step_by(SQUARE) {
            for y in top..from.height.min(top + SQUARE) {
                for x in left..from.width.min(left + SQUARE) {
                    let mirrored = if orientation.mirrored { last_x - x } else { x };
                    let (column, row) = match orientation.quarter_turns % 4 {
                        0 => (mirrored, y),
                        1 => (last_y - y, mirrored),
                        2 => (last_x - mirrored, last_y - y),
                        _ => (y, last_x - mirrored),
                    };
                    bytes[row * stride + column] = from.bytes[y * from.stride + x];
                }
            }
        }
    }
}
