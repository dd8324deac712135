//! The golden clip: pictures and sound from whole numbers alone.

use std::ffi::c_int;

use crate::error::MediaError;
use crate::ffi::frame::{Frame, YUV420P};

/// Width and height of the pictures: two rows and columns of macroblocks don't fill up.
pub(super) const SIZE: (u32, u32) = (184, 104);
/// Samples of sound per second.
pub(super) const SAMPLE_RATE_HZ: u32 = 48_000;

/// Noise: a linear congruential generator (Knuth's MMIX constants), its upper bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Noise(u64);

impl Noise {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn byte(&mut self) -> u8 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0.to_be_bytes()[0]
    }
}

/// The `number`-th picture: a moving slope with edges and some noise, so that every mode of an
/// encoder is worth its bits somewhere.
pub(super) fn picture(number: u32) -> Result<Frame, MediaError> {
    picture_in(YUV420P, SIZE, number)
}

/// The same in another format (FFmpeg's number, of bytes in planes) and size.
pub(super) fn picture_in(
    format: c_int,
    size: (u32, u32),
    number: u32,
) -> Result<Frame, MediaError> {
    let mut frame = Frame::picture_in(format, size)?;
    let strides = [0, 1, 2].map(|plane| frame.stride(plane));
    let sizes = [0, 1, 2].map(|plane| frame.plane_size(plane));
    let mut noise = Noise::new(u64::from(number) + 1);
    let step = usize::try_from(number).unwrap_or(0);
    for (plane, bytes) in frame.planes_mut()?.into_iter().enumerate() {
        let (width, height) = sizes[plane];
        for y in 0..height {
            for x in 0..width {
                let (moved, lowered) = (x + 3 * step, y + step);
                let edge = (moved / 16 + lowered / 12) % 3 * 40;
                let slope = (moved * 2 + lowered) % 97;
                let grain = usize::from(noise.byte() % 8) * usize::from(y > height / 2);
                bytes[y * strides[plane] + x] =
                    u8::try_from(16 + edge + slope + grain).unwrap_or(235);
            }
        }
    }
    frame.set_pts(Some(i64::from(number)));
    Ok(frame)
}

/// The `number`-th block of sound: a tone of triangles with noise, in 16 bits.
pub(super) fn sound(number: u32, channels: u8, samples: u32) -> Result<Frame, MediaError> {
    let mut frame = Frame::sound(channels, samples, SAMPLE_RATE_HZ)?;
    for channel in 0..channels {
        let mut noise = Noise::new(u64::from(number) * 16 + u64::from(channel));
        let period = 100 + 17 * i32::from(channel);
        let first = i32::try_from(number * samples).unwrap_or(0);
        for (place, sample) in (first..).zip(frame.channel_mut(channel)?) {
            let tone = ((place % period) * 2 - period).abs() * 160 - period * 80;
            let level = (tone + i32::from(noise.byte()) * 8).clamp(-32_768, 32_767);
            *sample = f32::from(i16::try_from(level).unwrap_or(0)) / 32_768.0;
        }
    }
    frame.set_pts(Some(i64::from(number) * i64::from(samples)));
    Ok(frame)
}
