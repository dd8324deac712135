//! Sample rates and channels, by libswresample in 32-bit float.
//!
//! Float arithmetic: mixing channels gave the same bits on every CPU tried, converting rates only on
//! those with fused multiply-add (x86-64-v3 has it). So the resampler is an engine path of its own in the
//! golden clip.

use std::ffi::{CStr, c_int};
use std::ops::Range;
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::frame::Frame;
use super::numbers::number;
use super::{check, out_of_memory};
use crate::error::MediaError;

/// Samples of silence that are converted at once.
const SILENCE_BLOCK_SAMPLES: usize = 1024;

const PLANAR_FLOAT: ffi::AVSampleFormat = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP;

/// Planar float samples: what came out of a resampler and wasn't taken yet.
#[derive(Clone, Debug, PartialEq)]
pub struct Sound {
    channels: Vec<Vec<f32>>,
}

impl Sound {
    /// No samples of that many channels.
    pub fn new(channels: u8) -> Self {
        Self {
            channels: vec![Vec::new(); usize::from(channels)],
        }
    }

    /// Samples of each channel.
    pub fn samples(&self) -> usize {
        self.channels.first().map_or(0, Vec::len)
    }

    /// The samples of one channel; empty where there is no such channel.
    pub fn channel(&self, channel: usize) -> &[f32] {
        self.channels.get(channel).map_or(&[], Vec::as_slice)
    }

    /// Appends silence.
    pub fn extend_silence(&mut self, samples: usize) {
        for channel in &mut self.channels {
            channel.resize(channel.len() + samples, 0.0);
        }
    }

    /// Lets go of all but the first samples.
    pub fn truncate(&mut self, samples: usize) {
        for channel in &mut self.channels {
            channel.truncate(samples);
        }
    }

    /// Moves the first samples, at most as many as there are, into a frame.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn take_frame(&mut self, samples: usize, rate_hz: u32) -> Result<Frame, MediaError> {
        let samples = samples.min(self.samples());
        let number = |number: usize| u32::try_from(number).map_err(|_large| out_of_memory("sound"));
        let channels =
            u8::try_from(self.channels.len()).map_err(|_large| out_of_memory("channels"))?;
        let mut frame = Frame::sound(channels, number(samples)?, rate_hz)?;
        for (channel, data) in (0..channels).zip(&mut self.channels) {
            frame
                .channel_mut(channel)?
                .copy_from_slice(&data[..samples]);
            data.drain(..samples);
        }
        Ok(frame)
    }
}

/// What a resampler takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    rate_hz: u32,
    channels: u8,
    /// The speakers as FFmpeg's bits, where the channels are in that order.
    speakers: Option<u64>,
}

impl Shape {
    fn of(frame: &Frame) -> Self {
        let layout = &frame.raw().ch_layout;
        // SAFETY: a field of a frame that lives.
        let order = unsafe { number(&raw const layout.order) };
        let native = order == ffi::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE as c_int;
        Self {
            rate_hz: frame.sample_rate_hz(),
            channels: frame.channels(),
            speakers: if native {
                // SAFETY: in native order the union holds the mask.
                Some(unsafe { layout.u.mask })
            } else {
                None
            },
        }
    }

    fn layout(self) -> ffi::AVChannelLayout {
        let mut layout = ffi::AVChannelLayout {
            order: ffi::AVChannelOrder::AV_CHANNEL_ORDER_UNSPEC,
            nb_channels: c_int::from(self.channels),
            u: ffi::AVChannelLayout__bindgen_ty_1 { mask: 0 },
            opaque: ptr::null_mut(),
        };
        match self.speakers {
            Some(mask) => {
                layout.order = ffi::AVChannelOrder::AV_CHANNEL_ORDER_NATIVE;
                layout.u.mask = mask;
            }
            // SAFETY: writes a layout without allocated parts into our own variable.
            None => unsafe {
                ffi::av_channel_layout_default(&raw mut layout, c_int::from(self.channels));
            },
        }
        layout
    }
}

/// Converts planar float sound of one shape to another rate and number of channels. The first sample
/// that comes out is at the time of the first that went in; filters' delays are made up for.
#[derive(Debug)]
pub struct Resampler {
    raw: NonNull<ffi::SwrContext>,
    from: Shape,
    to_channels: u8,
}

impl Resampler {
    /// A resampler of sound like that in `frame`. Channels are mixed by FFmpeg's default matrix, scaled
    /// down where the sum could exceed full scale.
    ///
    /// # Errors
    ///
    /// Out of scope if the sound isn't planar float or its channels can't be mixed.
    pub fn new(frame: &Frame, to_rate_hz: u32, to_channels: u8) -> Result<Self, MediaError> {
        let from = Shape::of(frame);
        let refused = |why: &str| MediaError::OutOfScope {
            what: format!(
                "sound of {} channels at {} Hz: {why}",
                from.channels, from.rate_hz
            ),
        };
        if frame.format() != PLANAR_FLOAT as c_int {
            return Err(refused("it isn't decoded to planar float as AAC is"));
        }
        let to = Shape {
            rate_hz: to_rate_hz,
            channels: to_channels,
            speakers: None,
        };
        let rate = |rate: u32| c_int::try_from(rate).map_err(|_large| refused("rate too high"));
        let (mut to_layout, mut from_layout) = (to.layout(), from.layout());
        let mut raw = ptr::null_mut();
        // SAFETY: both layouts are valid and are copied; the context is allocated, or null on failure.
        let code = unsafe {
            ffi::swr_alloc_set_opts2(
                &raw mut raw,
                &raw mut to_layout,
                PLANAR_FLOAT,
                rate(to.rate_hz)?,
                &raw mut from_layout,
                PLANAR_FLOAT,
                rate(from.rate_hz)?,
                0,
                ptr::null_mut(),
            )
        };
        check(code).map_err(|_error| refused("its channels can't be converted"))?;
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("resampler"))?;
        let resampler = Self {
            raw,
            from,
            to_channels,
        };
        resampler.set(c"internal_sample_fmt", c"fltp")?;
        resampler.set(c"dither_method", c"0")?;
        // Float sound isn't scaled down by default; a mix of six channels would clip when it is played.
        resampler.set(c"rematrix_maxval", c"1")?;
        // SAFETY: the context is ours and has its options.
        let code = unsafe { ffi::swr_init(raw.as_ptr()) };
        check(code).map_err(|_error| refused("its channels can't be mixed"))?;
        Ok(resampler)
    }

    fn set(&self, name: &CStr, value: &CStr) -> Result<(), MediaError> {
        // SAFETY: the context begins with its class; both strings are terminated.
        let code =
            unsafe { ffi::av_opt_set(self.raw.as_ptr().cast(), name.as_ptr(), value.as_ptr(), 0) };
        check(code)
            .map(|_| ())
            .map_err(|error| error.into_bug("the resampler takes its options"))
    }

    /// Whether the sound in `frame` has the shape that this one was made for.
    pub fn takes(&self, frame: &Frame) -> bool {
        frame.format() == PLANAR_FLOAT as c_int && Shape::of(frame) == self.from
    }

    /// Converts these samples of a frame and appends to `into` what is ready.
    ///
    /// # Errors
    ///
    /// `Bug` if the frame has another shape, or what FFmpeg says.
    pub fn push(
        &mut self,
        frame: &Frame,
        range: Range<u32>,
        into: &mut Sound,
    ) -> Result<(), MediaError> {
        let range = range.start as usize..range.end as usize;
        let channels: Option<Vec<&[f32]>> = (0..self.from.channels)
            .map(|channel| frame.channel(channel)?.get(range.clone()))
            .collect();
        match channels {
            Some(channels) if self.takes(frame) => self.convert(&channels, into),
            Some(_) | None => Err(MediaError::Bug {
                rule: "a resampler gets sound of its own shape".to_owned(),
            }),
        }
    }

    /// Converts silence of that many samples, counted at the rate that goes in.
    ///
    /// # Errors
    ///
    /// What FFmpeg says.
    pub fn push_silence(&mut self, samples: usize, into: &mut Sound) -> Result<(), MediaError> {
        let block = [0.0; SILENCE_BLOCK_SAMPLES];
        let mut left = samples;
        while left > 0 {
            let count = left.min(block.len());
            let channels = vec![&block[..count]; usize::from(self.from.channels)];
            self.convert(&channels, into)?;
            left -= count;
        }
        Ok(())
    }

    /// Appends what the filter still holds. Nothing may be pushed any more.
    ///
    /// # Errors
    ///
    /// What FFmpeg says.
    pub fn flush(&mut self, into: &mut Sound) -> Result<(), MediaError> {
        self.convert(&[], into)
    }

    /// Converts one slice of equal length for each channel; none at all is the end.
    fn convert(&mut self, channels: &[&[f32]], into: &mut Sound) -> Result<(), MediaError> {
        let broken = |error: super::AvError| error.into_bug("the resampler takes any sound");
        let count = channels.first().map_or(0, |channel| channel.len());
        let count = c_int::try_from(count).map_err(|_large| out_of_memory("sound"))?;
        let mut input: Vec<*const u8> = channels
            .iter()
            .map(|channel| channel.as_ptr().cast())
            .collect();
        // SAFETY: the context is initialised.
        let room = unsafe { ffi::swr_get_out_samples(self.raw.as_ptr(), count) };
        let room = check(room).map_err(broken)?;
        let before = into.samples();
        if into.channels.len() != usize::from(self.to_channels) {
            return Err(MediaError::Bug {
                rule: "sound has the channels that its resampler makes".to_owned(),
            });
        }
        into.extend_silence(usize::try_from(room).unwrap_or(0));
        let mut output: Vec<*mut u8> = into
            .channels
            .iter_mut()
            .map(|channel| channel[before..].as_mut_ptr().cast())
            .collect();
        let data = if channels.is_empty() {
            ptr::null_mut()
        } else {
            input.as_mut_ptr()
        };
        // SAFETY: one pointer a channel on both sides, each good for the samples that are stated.
        let made =
            unsafe { ffi::swr_convert(self.raw.as_ptr(), output.as_mut_ptr(), room, data, count) };
        let made = check(made).map_err(broken)?;
        into.truncate(before + usize::try_from(made).unwrap_or(0));
        Ok(())
    }
}

impl Drop for Resampler {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::swr_free(&raw mut raw) };
    }
}

#[cfg(test)]
mod tests;
