//! Pictures of any 8-bit format and range into 4:2:0 of limited range, at the same size.

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;
use reelmesh_domain::chroma::ChromaPlace;
use reelmesh_domain::media_types::Color;

use super::frame::{Frame, YUV420P};
use super::{check, out_of_memory};
use crate::error::MediaError;

/// Rounded exactly, and the same on every CPU (design rule 5.6); all chroma samples of an RGB
/// picture count.
const FLAGS: c_int =
    ffi::SWS_BICUBIC | ffi::SWS_ACCURATE_RND | ffi::SWS_BITEXACT | ffi::SWS_FULL_CHR_H_INP;

/// swscale's unit: no change of contrast and saturation.
const UNCHANGED: c_int = 1 << 16;

/// Half the distance of two luma samples in swscale's unit.
const HALF: i64 = 128;

/// A chroma sample of gray in 8 bits.
const NO_COLOUR: u8 = 128;

/// What a converter is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// FFmpeg's number of the pixel format.
    pub format: c_int,
    /// Whether the samples fill the full range.
    pub full_range: bool,
}

impl Shape {
    /// The shape of a picture. FFmpeg's formats with the full range in their name (`yuvj420p`)
    /// become those without.
    pub fn of(frame: &Frame) -> Self {
        use ffi::AVPixelFormat as F;
        const PAIRS: [(F, F); 4] = [
            (F::AV_PIX_FMT_YUVJ420P, F::AV_PIX_FMT_YUV420P),
            (F::AV_PIX_FMT_YUVJ422P, F::AV_PIX_FMT_YUV422P),
            (F::AV_PIX_FMT_YUVJ444P, F::AV_PIX_FMT_YUV444P),
            (F::AV_PIX_FMT_YUVJ440P, F::AV_PIX_FMT_YUV440P),
        ];
        let format = frame.format();
        let named = PAIRS.into_iter().find(|(full, _)| *full as c_int == format);
        Self {
            width: frame.width(),
            height: frame.height(),
            format: named.map_or(format, |(_, plain)| plain as c_int),
            full_range: named.is_some() || frame.is_full_range(),
        }
    }

    /// Whether it has luma alone.
    const fn is_gray(self) -> bool {
        self.format == ffi::AVPixelFormat::AV_PIX_FMT_GRAY8 as c_int
    }

    /// The format by which swscale is told of it. It takes any gray for full range, whatever it is told:
    /// so gray becomes 4:2:0 whose chroma is ours.
    const fn known_format(self) -> c_int {
        if self.is_gray() { YUV420P } else { self.format }
    }

    /// Whether it is 8-bit 4:2:0 of limited range already.
    pub const fn is_plain(self) -> bool {
        self.format == YUV420P && !self.full_range
    }
}

/// Converts pictures of one shape.
#[derive(Debug)]
pub struct Converter {
    raw: NonNull<ffi::SwsContext>,
    from: Shape,
    /// For gray: a picture whose chroma says that there is no colour.
    colourless: Option<Frame>,
}

impl Converter {
    /// A converter of pictures into what `to` says: its matrix is taken for both sides (RGB has
    /// none). `place` is where the chroma samples shall lie; those of 4:2:0 stay where they are.
    ///
    /// # Errors
    ///
    /// `OutOfScope` for a format that swscale doesn't read.
    pub fn new(from: Shape, to: Color, place: ChromaPlace) -> Result<Self, MediaError> {
        super::prepare();
        // SAFETY: allocates or returns null.
        let raw = unsafe { ffi::sws_alloc_context() };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("converter"))?;
        let mut converter = Self {
            raw,
            from,
            colourless: None,
        };
        if from.is_gray() {
            converter.colourless = Some(colourless(from.width, from.height)?);
        }
        let (width, height) = (i64::from(from.width), i64::from(from.height));
        let [column, row] = [place.column, place.row].map(|halves| i64::from(halves) * HALF);
        for (name, value) in [
            (c"sws_flags", i64::from(FLAGS)),
            (c"srcw", width),
            (c"srch", height),
            (c"src_format", i64::from(from.known_format())),
            (c"dstw", width),
            (c"dsth", height),
            (c"dst_format", i64::from(YUV420P)),
            (c"dst_h_chr_pos", column),
            (c"dst_v_chr_pos", row),
        ] {
            converter.set(name, value)?;
        }
        let (from_column, from_row) = match chroma_shifts(from.known_format()) {
            (true, true) => (Some(column), Some(row)),
            // 4:2:2 lies at the left, 4:4:0 between the rows.
            (true, false) => (Some(0), None),
            (false, true) => (None, Some(HALF)),
            (false, false) => (None, None),
        };
        if let Some(column) = from_column {
            converter.set(c"src_h_chr_pos", column)?;
        }
        if let Some(row) = from_row {
            converter.set(c"src_v_chr_pos", row)?;
        }
        converter.set_colors(from, to);
        // SAFETY: the context is ours and isn't initialised yet; no extra filters.
        let code = unsafe { ffi::sws_init_context(raw.as_ptr(), ptr::null_mut(), ptr::null_mut()) };
        check(code).map_err(|error| MediaError::OutOfScope {
            what: crate::log::with_last_lines(&format!(
                "pictures of FFmpeg's pixel format {} can't be converted: {error}",
                from.format
            )),
        })?;
        Ok(converter)
    }

    fn set(&mut self, name: &CStr, value: i64) -> Result<(), MediaError> {
        // SAFETY: the context begins with its class, as options need; the name is terminated.
        let code =
            unsafe { ffi::av_opt_set_int(self.raw.as_ptr().cast(), name.as_ptr(), value, 0) };
        check(code).map_err(|error| error.into_bug(&format!("swscale takes {name:?}")))?;
        Ok(())
    }

    fn set_colors(&mut self, from: Shape, to: Color) {
        // SAFETY: a static table; numbers that swscale doesn't know give that of BT.601.
        let table = unsafe { ffi::sws_getCoefficients(c_int::from(to.matrix)) };
        // SAFETY: the context is ours, both tables are static. A refusal (of formats without any
        // matrix) changes nothing.
        unsafe {
            ffi::sws_setColorspaceDetails(
                self.raw.as_ptr(),
                table,
                c_int::from(from.full_range),
                table,
                0,
                0,
                UNCHANGED,
                UNCHANGED,
            )
        };
    }

    /// What it was made for.
    pub const fn shape(&self) -> Shape {
        self.from
    }

    /// Converts a picture into another of the same size in 8-bit 4:2:0.
    ///
    /// # Errors
    ///
    /// `Bug` if the pictures aren't what the converter was made for.
    pub fn convert(&mut self, source: &Frame, target: &mut Frame) -> Result<(), MediaError> {
        let size = (self.from.width, self.from.height);
        if Shape::of(source) != self.from
            || (target.width(), target.height(), target.format()) != (size.0, size.1, YUV420P)
        {
            return Err(MediaError::Bug {
                rule: format!("a converter of {:?} gets such pictures", self.from),
            });
        }
        // Buffers of its own before they are written to.
        target.planes_mut()?;
        let (from, to) = (source.raw(), target.raw());
        let (mut planes, mut strides) = (from.data, from.linesize);
        if let Some(colourless) = &self.colourless {
            let chroma = colourless.raw();
            planes[1..3].copy_from_slice(&chroma.data[1..3]);
            strides[1..3].copy_from_slice(&chroma.linesize[1..3]);
        }
        // SAFETY: the planes have the size and format that the context was made for, gray with our chroma;
        // the target's buffers are its own.
        let rows = unsafe {
            ffi::sws_scale(
                self.raw.as_ptr(),
                planes.as_ptr().cast(),
                strides.as_ptr(),
                0,
                from.height,
                to.data.as_ptr(),
                to.linesize.as_ptr(),
            )
        };
        if rows == to.height {
            Ok(())
        } else {
            Err(MediaError::Bug {
                rule: format!("swscale writes {} rows, got {rows}", to.height),
            })
        }
    }
}

impl Drop for Converter {
    fn drop(&mut self) {
        // SAFETY: ours, and never used again.
        unsafe { ffi::sws_freeContext(self.raw.as_ptr()) };
    }
}

/// A picture without colour; its luma isn't looked at.
fn colourless(width: u32, height: u32) -> Result<Frame, MediaError> {
    let mut frame = Frame::picture(width, height)?;
    for plane in [1, 2] {
        frame.plane_mut(plane)?.fill(NO_COLOUR);
    }
    Ok(frame)
}

/// Whether the format halves chroma columns and rows.
fn chroma_shifts(format: c_int) -> (bool, bool) {
    use ffi::AVPixelFormat as F;
    const HALF_WIDTH: [F; 2] = [F::AV_PIX_FMT_YUV420P, F::AV_PIX_FMT_YUV422P];
    const HALF_HEIGHT: [F; 2] = [F::AV_PIX_FMT_YUV420P, F::AV_PIX_FMT_YUV440P];
    let among = |formats: [F; 2]| formats.into_iter().any(|known| known as c_int == format);
    (among(HALF_WIDTH), among(HALF_HEIGHT))
}
