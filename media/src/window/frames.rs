//! Decodes a video stream from a planned start point on.

use reelmesh_domain::media_types::StartPoint;

use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::decoder::Decoder;
use crate::ffi::frame::Frame;

use super::packets::{PacketReader, Reading, VideoStream};

/// Errors in a row after which a decoder that was told that no more packets come has nothing more to
/// give: its reorder buffer holds at most 16 frames, of two fields each.
const DRAIN_ERRORS_MAX: u32 = 32;

/// The decoded frames from a start point on, in rising order of presentation.
pub(crate) struct FrameReader<'c, 't> {
    packets: PacketReader<'c, 't>,
    decoder: Decoder,
    draining: bool,
    drain_errors: u32,
    last_pts: Option<i64>,
    decoded: u64,
    position: u64,
}

impl<'c, 't> FrameReader<'c, 't> {
    pub(crate) fn open_at(
        reading: &Reading<'c>,
        video: VideoStream<'t>,
        start: &StartPoint,
    ) -> Result<Self, MediaError> {
        let packets = PacketReader::open_at(reading, video, start)?;
        let stream = packets.input().stream(video.stream);
        let stream = stream.ok_or_else(|| MediaError::Unreadable {
            what: format!("stream {} isn't in the source any more", video.stream),
        })?;
        let decoder = Decoder::open(stream, reading.limits)?;
        Ok(Self {
            packets,
            decoder,
            draining: false,
            drain_errors: 0,
            last_pts: None,
            decoded: 0,
            position: start.position.unwrap_or(0),
        })
    }

    /// Frames that came out of the decoder so far.
    pub(crate) const fn decoded(&self) -> u64 {
        self.decoded
    }

    /// Position in the source of the last packet that was read.
    pub(crate) const fn position(&self) -> u64 {
        self.position
    }

    /// The next frame and its continuous time; `None` at the end. One that isn't later than all before it is
    /// left out: the timeline has none such (design rule 5.0).
    pub(crate) fn next(&mut self) -> Result<Option<(i64, Frame)>, MediaError> {
        while let Some((pts, frame)) = self.next_of_any_time()? {
            if self.last_pts.is_none_or(|last| pts > last) {
                self.last_pts = Some(pts);
                return Ok(Some((pts, frame)));
            }
        }
        Ok(None)
    }

    /// The same, whatever its time is. A frame without a time is left out.
    pub(crate) fn next_of_any_time(&mut self) -> Result<Option<(i64, Frame)>, MediaError> {
        while let Some(mut frame) = self.decode()? {
            self.decoded += 1;
            if let Some(pts) = frame.pts().or_else(|| frame.best_effort_pts()) {
                frame.set_pts(Some(pts));
                return Ok(Some((pts, frame)));
            }
        }
        Ok(None)
    }

    fn decode(&mut self) -> Result<Option<Frame>, MediaError> {
        let mut frame = Frame::new()?;
        loop {
            match self.decoder.receive(&mut frame) {
                Ok(Step::Ready) => return Ok(Some(frame)),
                // A damaged frame is left out and decoding goes on: the frame list shows that it is missing.
                Ok(Step::Hungry) | Err(_) if !self.draining => self.feed()?,
                Ok(Step::Ended | Step::Hungry) => return Ok(None),
                Err(_) => {
                    self.drain_errors += 1;
                    if self.drain_errors > DRAIN_ERRORS_MAX {
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Gives the decoder the next packet. One that it refuses is left out, as above.
    fn feed(&mut self) -> Result<(), MediaError> {
        let packet = self.packets.next()?;
        self.draining = packet.is_none();
        if let Some(position) = packet.and_then(crate::ffi::packet::Packet::position) {
            self.position = position;
        }
        match self.decoder.send(packet) {
            Err(error) if error.is_out_of_memory() => Err(error.into_unreadable("decoding")),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
