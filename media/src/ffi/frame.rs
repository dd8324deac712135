//! Decoded pictures and sound.

use std::ffi::c_int;
use std::ptr::NonNull;

use ffmpeg_next::ffi;
use reelmesh_domain::media_types::Color;

use super::numbers::{self, ColorNumbers, number};
use super::stream::{PixelFormatFacts, pixel_format_facts};
use super::{check, out_of_memory, raw_timestamp, timestamp};
use crate::error::MediaError;

/// FFmpeg's number of 8-bit 4:2:0.
pub const YUV420P: c_int = ffi::AVPixelFormat::AV_PIX_FMT_YUV420P as c_int;
/// The same of 8-bit 4:2:2.
pub const YUV422P: c_int = ffi::AVPixelFormat::AV_PIX_FMT_YUV422P as c_int;
/// The same of 8-bit 4:4:4.
pub const YUV444P: c_int = ffi::AVPixelFormat::AV_PIX_FMT_YUV444P as c_int;
/// The same of 8-bit luma alone.
pub const GRAY8: c_int = ffi::AVPixelFormat::AV_PIX_FMT_GRAY8 as c_int;
/// The same of 8-bit RGB in planes.
pub const GBRP: c_int = ffi::AVPixelFormat::AV_PIX_FMT_GBRP as c_int;

/// One decoded picture or block of samples, or an empty frame to decode into.
#[derive(Debug)]
pub struct Frame {
    raw: NonNull<ffi::AVFrame>,
}

// SAFETY: a frame owns its data by atomic reference counts and isn't tied to a thread.
unsafe impl Send for Frame {}

/// What the encoder does with a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    /// An IDR picture.
    Key,
    /// As the encoder likes.
    Free,
}

impl Frame {
    /// An empty frame.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn new() -> Result<Self, MediaError> {
        // SAFETY: allocates or returns null.
        let raw = unsafe { ffi::av_frame_alloc() };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("frame"))?;
        Ok(Self { raw })
    }

    /// A picture of 8-bit 4:2:0 with buffers of its own.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn picture(width: u32, height: u32) -> Result<Self, MediaError> {
        Self::picture_in(YUV420P, (width, height))
    }

    /// A picture of another format, by FFmpeg's number.
    ///
    /// # Errors
    ///
    /// Out of memory, which is also what FFmpeg says of numbers that are no format.
    pub fn picture_in(format: c_int, (width, height): (u32, u32)) -> Result<Self, MediaError> {
        let mut frame = Self::new()?;
        let side = |side: u32| c_int::try_from(side).map_err(|_large| out_of_memory("picture"));
        let raw = frame.raw_mut();
        raw.width = side(width)?;
        raw.height = side(height)?;
        raw.format = format;
        frame.allocate()?;
        Ok(frame)
    }

    /// A block of planar float samples with buffers of its own.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn sound(channels: u8, samples: u32, sample_rate_hz: u32) -> Result<Self, MediaError> {
        let mut frame = Self::new()?;
        let number = |number: u32| c_int::try_from(number).map_err(|_large| out_of_memory("sound"));
        let raw = frame.raw_mut();
        raw.format = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as c_int;
        raw.nb_samples = number(samples)?;
        raw.sample_rate = number(sample_rate_hz)?;
        // SAFETY: writes the default layout of that many channels into the frame's own field.
        unsafe { ffi::av_channel_layout_default(&raw mut raw.ch_layout, c_int::from(channels)) };
        frame.allocate()?;
        Ok(frame)
    }

    fn allocate(&mut self) -> Result<(), MediaError> {
        // SAFETY: size and format are set and no buffer is.
        let code = unsafe { ffi::av_frame_get_buffer(self.raw.as_ptr(), 0) };
        check(code).map_err(|_error| out_of_memory("frame"))?;
        Ok(())
    }

    /// Another frame of the same data.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn share(&self) -> Result<Self, MediaError> {
        // SAFETY: the frame is valid; returns a new one or null.
        let raw = unsafe { ffi::av_frame_clone(self.raw.as_ptr()) };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("frame"))?;
        Ok(Self { raw })
    }

    pub(super) fn raw(&self) -> &ffi::AVFrame {
        // SAFETY: allocated in `new`, freed in `drop` only.
        unsafe { self.raw.as_ref() }
    }

    fn raw_mut(&mut self) -> &mut ffi::AVFrame {
        // SAFETY: allocated in `new`, freed in `drop` only; borrowed exclusively.
        unsafe { self.raw.as_mut() }
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut ffi::AVFrame {
        self.raw.as_ptr()
    }

    pub(super) fn as_ptr(&self) -> *const ffi::AVFrame {
        self.raw.as_ptr()
    }

    /// Presentation time, as the decoder took it from the packet.
    pub fn pts(&self) -> Option<i64> {
        timestamp(self.raw().pts)
    }

    /// Presentation time where the packet had none: what the decoder makes of its neighbours.
    pub fn best_effort_pts(&self) -> Option<i64> {
        timestamp(self.raw().best_effort_timestamp)
    }

    /// Sets the presentation time.
    pub fn set_pts(&mut self, pts: Option<i64>) {
        self.raw_mut().pts = raw_timestamp(pts);
    }

    /// Says what the encoder shall do, whatever the source's encoder did.
    pub fn set_kind(&mut self, kind: PictureKind) {
        let raw = self.raw_mut();
        raw.pict_type = match kind {
            PictureKind::Key => ffi::AVPictureType::AV_PICTURE_TYPE_I,
            PictureKind::Free => ffi::AVPictureType::AV_PICTURE_TYPE_NONE,
        };
        raw.key_frame = c_int::from(kind == PictureKind::Key);
    }

    /// Forgets what the source said besides pixels (captions, stereo layout, regions of interest): an
    /// encoder would take it over.
    pub fn forget_side_data(&mut self) {
        while self.raw().nb_side_data > 0 && !self.raw().side_data.is_null() {
            // SAFETY: the array has at least one entry.
            let entry = unsafe { *self.raw().side_data };
            // SAFETY: entries live as long as the frame holds them.
            let Some(kind) = (unsafe { entry.as_ref() }).map(|entry| entry.type_) else {
                return;
            };
            // SAFETY: the frame is valid; removes at least the entry of that kind.
            unsafe { ffi::av_frame_remove_side_data(self.raw.as_ptr(), kind) };
        }
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        u32::try_from(self.raw().width).unwrap_or(0)
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        u32::try_from(self.raw().height).unwrap_or(0)
    }

    /// FFmpeg's number of the pixel or sample format.
    pub fn format(&self) -> c_int {
        self.raw().format
    }

    /// What the pixel format is.
    pub fn pixel_format(&self) -> Option<PixelFormatFacts> {
        pixel_format_facts(self.format())
    }

    /// Whether the samples fill the full range.
    pub fn is_full_range(&self) -> bool {
        self.color().full_range
    }

    /// Says that the samples fill the full range, or the limited one.
    pub fn set_full_range(&mut self, full: bool) {
        self.raw_mut().color_range = if full {
            ffi::AVColorRange::AVCOL_RANGE_JPEG
        } else {
            ffi::AVColorRange::AVCOL_RANGE_MPEG
        };
    }

    /// What the samples mean, by the words of the stream itself.
    pub fn color(&self) -> Color {
        let raw = self.raw();
        let numbers = ColorNumbers {
            // SAFETY: a field of a frame that lives.
            range: unsafe { number(&raw const raw.color_range) },
            // SAFETY: as before.
            primaries: unsafe { number(&raw const raw.color_primaries) },
            // SAFETY: as before.
            transfer: unsafe { number(&raw const raw.color_trc) },
            // SAFETY: as before.
            matrix: unsafe { number(&raw const raw.colorspace) },
            // SAFETY: as before.
            location: unsafe { number(&raw const raw.chroma_location) },
        };
        numbers.color()
    }

    /// Whether it is made of two fields.
    pub fn is_interlaced(&self) -> bool {
        self.raw().interlaced_frame != 0
    }

    /// Says that it is made of two fields, the upper one first, or of one picture.
    pub fn set_interlaced(&mut self, interlaced: bool) {
        let raw = self.raw_mut();
        raw.interlaced_frame = c_int::from(interlaced);
        raw.top_field_first = raw.interlaced_frame;
    }

    /// What the decoder says of its fields: whether it has two, whether the upper one is the first, and for
    /// how many fields more it is shown.
    pub fn field_flags(&self) -> [u8; 3] {
        let raw = self.raw();
        [raw.interlaced_frame, raw.top_field_first, raw.repeat_pict]
            .map(|flag| u8::try_from(flag).unwrap_or(u8::MAX))
    }

    /// Whether the decoder saw damage in it.
    pub fn is_damaged(&self) -> bool {
        self.raw().decode_error_flags != 0
    }

    /// Samples of sound in each channel.
    pub fn samples(&self) -> u32 {
        u32::try_from(self.raw().nb_samples).unwrap_or(0)
    }

    /// Samples of sound per second.
    pub fn sample_rate_hz(&self) -> u32 {
        u32::try_from(self.raw().sample_rate).unwrap_or(0)
    }

    /// Channels of sound.
    pub fn channels(&self) -> u8 {
        u8::try_from(self.raw().ch_layout.nb_channels).unwrap_or(0)
    }

    /// Bytes from one row of a plane to the next.
    pub fn stride(&self, plane: usize) -> usize {
        let stride = self.raw().linesize.get(plane).copied().unwrap_or(0);
        usize::try_from(stride).unwrap_or(0)
    }

    /// Bytes of pixels in a row of a plane, padding not counted, and its rows; zeros where there
    /// is no such plane.
    pub fn plane_size(&self, plane: usize) -> (usize, usize) {
        let Some(shift) = self.vertical_shift(plane) else {
            return (0, 0);
        };
        let Ok(number) = c_int::try_from(plane) else {
            return (0, 0);
        };
        let row = numbers::row_bytes(self.format(), self.raw().width, number);
        let rows = (self.height() as usize + (1 << shift) - 1) >> shift;
        (usize::try_from(row).unwrap_or(0), rows)
    }

    fn vertical_shift(&self, plane: usize) -> Option<u32> {
        if self.raw().data.get(plane)?.is_null() {
            return None;
        }
        let shift = if matches!(plane, 1 | 2) {
            self.pixel_format()?.chroma_height_shift
        } else {
            0
        };
        Some(shift)
    }

    /// The rows of a plane, `stride` apart, the last one without padding; empty where there is none.
    pub fn plane(&self, plane: usize) -> &[u8] {
        let length = self.plane_bytes(plane);
        if length == 0 {
            return &[];
        }
        // SAFETY: a plane's buffer is readable from its first row to the end of the last; the
        // stride isn't negative, as `stride` says, else the length is 0.
        unsafe { std::slice::from_raw_parts(self.raw().data[plane], length) }
    }

    /// The same to write into. Gives the frame buffers of its own first if they are shared.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn plane_mut(&mut self, plane: usize) -> Result<&mut [u8], MediaError> {
        self.own_data()?;
        let length = self.plane_bytes(plane);
        if length == 0 {
            return Ok(&mut []);
        }
        // SAFETY: as in `plane`, and nobody else refers to the buffer.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.raw().data[plane], length) })
    }

    /// The first three planes to write into at once.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn planes_mut(&mut self) -> Result<[&mut [u8]; 3], MediaError> {
        self.own_data()?;
        let lengths = [0, 1, 2].map(|plane| self.plane_bytes(plane));
        let data = self.raw().data;
        let mut planes: [&mut [u8]; 3] = [&mut [], &mut [], &mut []];
        for (plane, slice) in planes.iter_mut().enumerate() {
            if lengths[plane] > 0 {
                // SAFETY: as in `plane_mut`; the planes of one picture don't overlap.
                *slice = unsafe { std::slice::from_raw_parts_mut(data[plane], lengths[plane]) };
            }
        }
        Ok(planes)
    }

    fn own_data(&mut self) -> Result<(), MediaError> {
        // SAFETY: the frame is valid and has buffers.
        let code = unsafe { ffi::av_frame_make_writable(self.raw.as_ptr()) };
        check(code).map_err(|error| error.into_bug("a frame with data is written to"))?;
        Ok(())
    }

    fn plane_bytes(&self, plane: usize) -> usize {
        let (row, rows) = self.plane_size(plane);
        let stride = self.stride(plane);
        if row == 0 || rows == 0 || stride < row {
            return 0;
        }
        stride * (rows - 1) + row
    }

    /// The samples of one channel, if the frame is planar float.
    pub fn channel(&self, channel: u8) -> Option<&[f32]> {
        let data = self.channel_data(channel)?;
        // SAFETY: a channel's buffer holds that many aligned floats.
        Some(unsafe { std::slice::from_raw_parts(data, self.samples() as usize) })
    }

    /// The same to write into.
    ///
    /// # Errors
    ///
    /// Out of memory, or no planar float.
    pub fn channel_mut(&mut self, channel: u8) -> Result<&mut [f32], MediaError> {
        self.own_data()?;
        let Some(data) = self.channel_data(channel) else {
            return Err(MediaError::Bug {
                rule: format!("channel {channel} is planar float"),
            });
        };
        // SAFETY: as in `channel`, and nobody else refers to the buffer.
        Ok(unsafe { std::slice::from_raw_parts_mut(data, self.samples() as usize) })
    }

    #[expect(
        clippy::cast_ptr_alignment,
        reason = "FFmpeg aligns the buffers of a frame for vectors, and checked is checked"
    )]
    fn channel_data(&self, channel: u8) -> Option<*mut f32> {
        let raw = self.raw();
        let planar = ffi::AVSampleFormat::AV_SAMPLE_FMT_FLTP as c_int;
        if raw.format != planar || channel >= self.channels() || raw.extended_data.is_null() {
            return None;
        }
        // SAFETY: planar sound has one entry a channel.
        let entry = unsafe { raw.extended_data.add(usize::from(channel)) };
        // SAFETY: within the array.
        let data = unsafe { *entry }.cast::<f32>();
        (!data.is_null() && data.is_aligned()).then_some(data)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::av_frame_free(&raw mut raw) };
    }
}
