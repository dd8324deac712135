//! Encoders, on the caller's thread.

use std::ffi::c_int;
use std::ptr::NonNull;

use ffmpeg_next::ffi;
use reelmesh_domain::media_types::{Color, Vbv};
use reelmesh_domain::rational::Rational;

use super::frame::Frame;
use super::options::{Options, c_string};
use super::packet::Packet;
use super::{AvError, Step, check, out_of_memory, raw_rational, step};
use crate::error::MediaError;

/// What a video encoder makes.
#[derive(Clone, Copy, Debug)]
pub struct VideoSettings<'s> {
    /// Name of FFmpeg's encoder.
    pub encoder: &'s str,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Seconds per tick of the frames' times.
    pub time_base: Rational,
    /// Nominal frames per second.
    pub frame_rate: Rational,
    /// Colour description to write.
    pub color: Color,
    /// Cap on the rate.
    pub vbv: Option<Vbv>,
    /// All further options by name; one that isn't taken is an error.
    pub options: &'s [(&'s str, &'s str)],
}

/// What an audio encoder makes, of planar float samples.
#[derive(Clone, Copy, Debug)]
pub struct AudioSettings<'s> {
    /// Name of FFmpeg's encoder.
    pub encoder: &'s str,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels, in their default layout.
    pub channels: u8,
    /// Mean rate.
    pub bitrate_bps: u32,
    /// All further options by name; one that isn't taken is an error.
    pub options: &'s [(&'s str, &'s str)],
}

/// An open encoder. Dropping it forgets what it still holds.
#[derive(Debug)]
pub struct Encoder {
    raw: NonNull<ffi::AVCodecContext>,
}

impl Encoder {
    /// Opens a video encoder of 8-bit 4:2:0 with one thread and its configuration apart.
    ///
    /// # Errors
    ///
    /// `Bug`: an option isn't taken, or the encoder refuses settings that were validated.
    pub fn video(settings: &VideoSettings<'_>) -> Result<Self, MediaError> {
        let (mut encoder, codec) = Self::allocate(settings.encoder)?;
        let raw = encoder.raw_mut();
        raw.width = int(settings.width)?;
        raw.height = int(settings.height)?;
        raw.pix_fmt = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P;
        raw.time_base = raw_rational(settings.time_base)?;
        raw.framerate = raw_rational(settings.frame_rate)?;
        raw.sample_aspect_ratio = ffi::AVRational { num: 1, den: 1 };
        if let Some(vbv) = settings.vbv {
            raw.rc_max_rate = i64::try_from(vbv.max_rate_bps).unwrap_or(i64::MAX);
            raw.rc_buffer_size = int(vbv.buffer_bits)?;
        }
        let color = settings.color;
        let (primaries, transfer, matrix, location) = (
            color.primaries.to_string(),
            color.transfer.to_string(),
            color.matrix.to_string(),
            color.chroma_location.to_string(),
        );
        let range = if color.full_range { "pc" } else { "tv" };
        let mut options = vec![
            ("color_range", range),
            ("color_primaries", primaries.as_str()),
            ("color_trc", transfer.as_str()),
            ("colorspace", matrix.as_str()),
            ("chroma_sample_location", location.as_str()),
        ];
        options.extend_from_slice(settings.options);
        encoder.open(codec, &options, settings.encoder)
    }

    /// Opens an audio encoder.
    ///
    /// # Errors
    ///
    /// `Bug`: an option isn't taken, or the encoder refuses settings that were validated.
    pub fn audio(settings: &AudioSettings<'_>) -> Result<Self, MediaError> {
        let (mut encoder, codec) = Self::allocate(settings.encoder)?;
        let raw = encoder.raw_mut();
        raw.sample_fmt = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP;
        raw.sample_rate = int(settings.sample_rate_hz)?;
        raw.bit_rate = i64::from(settings.bitrate_bps);
        raw.time_base = ffi::AVRational {
            num: 1,
            den: raw.sample_rate,
        };
        let layout = &raw mut raw.ch_layout;
        // SAFETY: writes the default layout of that many channels into the context's own field.
        unsafe { ffi::av_channel_layout_default(layout, c_int::from(settings.channels)) };
        encoder.open(codec, settings.options, settings.encoder)
    }

    fn allocate(name: &str) -> Result<(Self, *const ffi::AVCodec), MediaError> {
        super::prepare();
        let c_name = c_string(name)?;
        // SAFETY: the name is terminated; a static description or null.
        let codec = unsafe { ffi::avcodec_find_encoder_by_name(c_name.as_ptr()) };
        if codec.is_null() {
            return Err(MediaError::Bug {
                rule: format!("FFmpeg is built with the encoder {name}"),
            });
        }
        // SAFETY: allocates for that codec or returns null.
        let raw = unsafe { ffi::avcodec_alloc_context3(codec) };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("encoder"))?;
        Ok((Self { raw }, codec))
    }

    fn open(
        mut self,
        codec: *const ffi::AVCodec,
        options: &[(&str, &str)],
        name: &str,
    ) -> Result<Self, MediaError> {
        let raw = self.raw_mut();
        raw.thread_count = 1;
        raw.flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER.cast_signed();
        let mut options = Options::new(options)?;
        crate::log::clear();
        // SAFETY: the context was made for this codec and isn't open yet; options are ours.
        let code = unsafe { ffi::avcodec_open2(self.raw.as_ptr(), codec, options.as_mut_ptr()) };
        check(code).map_err(|error| error.into_bug(&format!("{name} takes its settings")))?;
        options.all_taken(name)?;
        // libx264's wrapper only logs what its `x264-params` doesn't know.
        let refused = crate::log::last_lines()
            .into_iter()
            .find(|line| line.contains("rror parsing option") || line.contains("nknown option"));
        match refused {
            None => Ok(self),
            Some(line) => Err(MediaError::Bug {
                rule: format!("{name} takes every option: {line}"),
            }),
        }
    }

    fn raw(&self) -> &ffi::AVCodecContext {
        // SAFETY: allocated in `allocate`, freed in `drop` only.
        unsafe { self.raw.as_ref() }
    }

    fn raw_mut(&mut self) -> &mut ffi::AVCodecContext {
        // SAFETY: allocated in `allocate`, freed in `drop` only; borrowed exclusively.
        unsafe { self.raw.as_mut() }
    }

    /// The configuration: for H.264 its parameter sets with start codes, for AAC the
    /// `AudioSpecificConfig`.
    pub fn extradata(&self) -> &[u8] {
        let raw = self.raw();
        let length = usize::try_from(raw.extradata_size).unwrap_or(0);
        if raw.extradata.is_null() {
            return &[];
        }
        // SAFETY: readable for its size, and lives as long as the context.
        unsafe { std::slice::from_raw_parts(raw.extradata, length) }
    }

    /// Frames by which decoding order runs ahead of presentation.
    pub fn reorder_depth(&self) -> u32 {
        u32::try_from(self.raw().has_b_frames).unwrap_or(0)
    }

    /// Samples in each frame of an audio encoder.
    pub fn frame_samples(&self) -> u32 {
        u32::try_from(self.raw().frame_size).unwrap_or(0)
    }

    /// Samples that an audio encoder puts before the first real one.
    pub fn priming_samples(&self) -> u32 {
        u32::try_from(self.raw().initial_padding).unwrap_or(0)
    }

    /// Gives the encoder one frame, or `None` to say that no more come. All packets must have been
    /// received before.
    ///
    /// # Errors
    ///
    /// What FFmpeg says of it.
    pub fn send(&mut self, frame: Option<&Frame>) -> Result<(), AvError> {
        let frame = frame.map_or(std::ptr::null(), Frame::as_ptr);
        // SAFETY: the encoder is open; a frame is valid or null.
        let code = unsafe { ffi::avcodec_send_frame(self.raw.as_ptr(), frame) };
        check(code).map(|_| ())
    }

    /// Takes the next packet, in decoding order.
    ///
    /// # Errors
    ///
    /// What FFmpeg says of it.
    pub fn receive(&mut self, packet: &mut Packet) -> Result<Step, AvError> {
        // SAFETY: the encoder is open; the packet is valid and is emptied first.
        let code = unsafe { ffi::avcodec_receive_packet(self.raw.as_ptr(), packet.as_mut_ptr()) };
        step(code)
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::avcodec_free_context(&raw mut raw) };
    }
}

fn int(value: impl TryInto<c_int>) -> Result<c_int, MediaError> {
    value.try_into().map_err(|_too_large| MediaError::Bug {
        rule: "sizes and rates fit an int".to_owned(),
    })
}
