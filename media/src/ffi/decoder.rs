//! Decoders, on the caller's thread.

use std::ptr::{self, NonNull};

use ffmpeg_next::ffi;

use super::frame::Frame;
use super::numbers::find_decoder;
use super::packet::Packet;
use super::stream::Stream;
use super::{AvError, Step, check, out_of_memory, raw_rational, step};
use crate::error::MediaError;
use crate::limits::Limits;

/// A decoder of one stream.
#[derive(Debug)]
pub struct Decoder {
    raw: NonNull<ffi::AVCodecContext>,
}

impl Decoder {
    /// Opens a decoder with one thread, so that its log lines and errors stay with the task, and
    /// without any flag that trades exactness for speed.
    ///
    /// # Errors
    ///
    /// `OutOfScope` if there is no decoder, unreadable if it refuses the stream's parameters.
    pub fn open(stream: Stream<'_>, limits: &Limits) -> Result<Self, MediaError> {
        let codec = find_decoder(stream.codec_number());
        if codec.is_null() {
            return Err(MediaError::OutOfScope {
                what: format!(
                    "stream {}: no decoder for {}",
                    stream.index(),
                    stream.codec_name()
                ),
            });
        }
        // SAFETY: allocates for that codec or returns null.
        let raw = unsafe { ffi::avcodec_alloc_context3(codec) };
        let raw = NonNull::new(raw).ok_or_else(|| out_of_memory("decoder"))?;
        let mut decoder = Self { raw };
        // SAFETY: both are valid; the parameters are copied.
        let code = unsafe { ffi::avcodec_parameters_to_context(raw.as_ptr(), stream.parameters()) };
        check(code).map_err(|error| error.into_unreadable("the stream's parameters"))?;
        let context = decoder.raw_mut();
        context.thread_count = 1;
        context.pkt_timebase = raw_rational(stream.time_base())?;
        context.max_pixels = i64::try_from(limits.pixels).unwrap_or(i64::MAX);
        // SAFETY: the context was made for this codec and isn't open yet.
        let code = unsafe { ffi::avcodec_open2(raw.as_ptr(), codec, ptr::null_mut()) };
        check(code).map_err(|error| error.into_unreadable("the decoder refuses the stream"))?;
        Ok(decoder)
    }

    fn raw_mut(&mut self) -> &mut ffi::AVCodecContext {
        // SAFETY: allocated in `open`, freed in `drop` only; borrowed exclusively.
        unsafe { self.raw.as_mut() }
    }

    /// Gives the decoder one packet, or `None` to say that no more come. All frames must have been
    /// received before. An error means that this packet didn't decode; later ones may.
    ///
    /// # Errors
    ///
    /// What FFmpeg says of the packet.
    pub fn send(&mut self, packet: Option<&Packet>) -> Result<(), AvError> {
        let packet = packet.map_or(ptr::null(), |packet| ptr::from_ref(packet.raw()));
        // SAFETY: the decoder is open; a packet is valid or null.
        let code = unsafe { ffi::avcodec_send_packet(self.raw.as_ptr(), packet) };
        if code == ffi::AVERROR_EOF {
            return Ok(());
        }
        check(code).map(|_| ())
    }

    /// Takes the next frame, in order of presentation.
    ///
    /// # Errors
    ///
    /// What FFmpeg says of the frame; later ones may be well.
    pub fn receive(&mut self, frame: &mut Frame) -> Result<Step, AvError> {
        // SAFETY: the decoder is open; the frame is valid and is emptied first.
        let code = unsafe { ffi::avcodec_receive_frame(self.raw.as_ptr(), frame.as_mut_ptr()) };
        step(code)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::avcodec_free_context(&raw mut raw) };
    }
}
