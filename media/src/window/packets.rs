//! Reads the packets of a video stream from a planned start point on, with continuous times.

use std::sync::Arc;

use reelmesh_domain::media_types::{Container, PacketMapping, StartPoint};

use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::input::{Input, Opening};
use crate::ffi::packet::Packet;
use crate::io::ByteSource;
use crate::layout;
use crate::limits::Limits;

use super::clock::ContinuousClock;

/// A source and what bounds and watches its reading.
#[derive(Clone)]
pub(crate) struct Reading<'c> {
    pub(crate) source: Arc<dyn ByteSource>,
    pub(crate) limits: &'c Limits,
    pub(crate) control: &'c dyn Control,
}

/// The stream that is read, and how its times become continuous.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VideoStream<'t> {
    pub(crate) container: Container,
    pub(crate) stream: u32,
    pub(crate) mapping: &'t PacketMapping,
}

/// The packets from a start point on.
pub(crate) struct PacketReader<'c, 't> {
    input: Input<'c>,
    control: &'c dyn Control,
    video: VideoStream<'t>,
    clock: ContinuousClock<'t>,
    packet: Packet,
    /// The start packet has been read and not yet been handed out.
    pending: bool,
}

impl<'c, 't> PacketReader<'c, 't> {
    /// Opens the source and goes to `start`: by what the plan knows of it, and where that doesn't lead there (a
    /// wrong index, none at all), by reading from the beginning.
    pub(crate) fn open_at(
        reading: &Reading<'c>,
        video: VideoStream<'t>,
        start: &StartPoint,
    ) -> Result<Self, MediaError> {
        if let Some(reader) = Self::open_at_fragment(reading, video, start)? {
            return Ok(reader);
        }
        let mut reader = Self::open(reading, video, start)?;
        reader.add_access_point(&*reading.source, start)?;
        if reader.seek(start)? && reader.find(start, true)? {
            return Ok(reader);
        }
        reader = Self::open(reading, video, start)?;
        if reader.find(start, false)? {
            return Ok(reader);
        }
        Err(MediaError::Unreadable {
            what: format!(
                "stream {}: the access point at time {} isn't in the source any more",
                video.stream, start.raw_dts
            ),
        })
    }

    /// Opens an MP4 in fragments at the one that holds `start`.
    fn open_at_fragment(
        reading: &Reading<'c>,
        video: VideoStream<'t>,
        start: &StartPoint,
    ) -> Result<Option<Self>, MediaError> {
        let (Container::Mp4, Some(position)) = (video.container, start.position) else {
            return Ok(None);
        };
        let Some(source) = layout::only_from_fragment(&reading.source, position)? else {
            return Ok(None);
        };
        let (limits, control) = (reading.limits, reading.control);
        let input = Input::open_as(Opening::Streaming, source, limits, control)?;
        let mut reader = Self::new(input, control, video, start)?;
        let found = reader.find(start, true)?;
        // Without times of its own a fragment begins where those before it ended, which weren't read.
        let same = found && reader.packet.pts() == Some(raw_pts(start));
        Ok(same.then_some(reader))
    }

    fn open(
        reading: &Reading<'c>,
        video: VideoStream<'t>,
        start: &StartPoint,
    ) -> Result<Self, MediaError> {
        let source = Arc::clone(&reading.source);
        let input = Input::open(source, reading.limits, reading.control)?;
        Self::new(input, reading.control, video, start)
    }

    fn new(
        mut input: Input<'c>,
        control: &'c dyn Control,
        video: VideoStream<'t>,
        start: &StartPoint,
    ) -> Result<Self, MediaError> {
        input.find_stream_parameters()?;
        input.select(video.stream);
        Ok(Self {
            input,
            control,
            video,
            clock: ContinuousClock::new(video.mapping, start),
            packet: Packet::new()?,
            pending: false,
        })
    }

    pub(crate) const fn input(&self) -> &Input<'c> {
        &self.input
    }

    fn seek(&mut self, start: &StartPoint) -> Result<bool, MediaError> {
        let stream = self.video.stream;
        match (self.video.container, start.position) {
            (Container::MpegTs, Some(position)) => self.input.seek_position(stream, position),
            (Container::MpegTs, None) => Ok(false),
            // The index of an MP4 is by decoding time, that of an MKV by presentation time.
            (Container::Mp4, _) => self.input.seek_time(stream, start.raw_dts),
            (Container::Matroska, _) => self.input.seek_time(stream, raw_pts(start)),
        }
    }

    /// Tells the demuxer of a Matroska file where the start point is, so that it needs no index, reads nothing
    /// linearly and bisects nothing. An MP4 has its own index; a transport stream is read from anywhere.
    fn add_access_point(
        &mut self,
        source: &dyn ByteSource,
        start: &StartPoint,
    ) -> Result<(), MediaError> {
        let (Container::Matroska, Some(position)) = (self.video.container, start.position) else {
            return Ok(());
        };
        match layout::cluster_before(source, position)? {
            Some(cluster) => {
                let stream = self.video.stream;
                self.input.add_access_point(stream, cluster, raw_pts(start))
            }
            None => Ok(()),
        }
    }

    /// Reads up to the start packet; `false` if it doesn't come.
    fn find(&mut self, start: &StartPoint, sought: bool) -> Result<bool, MediaError> {
        while self.read()? {
            if self.is_start(start) {
                self.pending = true;
                return Ok(true);
            }
            if sought && self.is_beyond(start) {
                return Ok(false);
            }
        }
        Ok(false)
    }

    fn is_start(&self, start: &StartPoint) -> bool {
        let same_time = self.raw_time() == Some(start.raw_dts);
        match (self.video.container, start.position) {
            // Edit lists show one packet several times, at different times.
            (Container::Mp4, Some(position)) => {
                same_time && self.packet.position() == Some(position)
            }
            // Their decoding times are guessed from what was read before, so after seeking they differ.
            (Container::Matroska | Container::MpegTs, Some(position)) => {
                self.packet.position() == Some(position)
            }
            (_, None) => same_time,
        }
    }

    fn is_beyond(&self, start: &StartPoint) -> bool {
        match (self.video.container, start.position) {
            (Container::Matroska | Container::MpegTs, Some(position)) => {
                self.packet.position().is_some_and(|here| here > position)
            }
            _ => self.raw_time().is_some_and(|here| here > start.raw_dts),
        }
    }

    fn raw_time(&self) -> Option<i64> {
        self.packet.dts().or_else(|| self.packet.pts())
    }

    /// Reads the next packet of the stream.
    fn read(&mut self) -> Result<bool, MediaError> {
        loop {
            if self.control.cancelled() {
                return Err(MediaError::Cancelled);
            }
            if !self.input.read(&mut self.packet)? {
                return Ok(false);
            }
            if self.packet.stream() == self.video.stream {
                return Ok(true);
            }
        }
    }

    /// The next packet with continuous times; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<&Packet>, MediaError> {
        if !std::mem::take(&mut self.pending) && !self.read()? {
            return Ok(None);
        }
        let packet = &mut self.packet;
        let (pts, dts) = self
            .clock
            .times(packet.position(), packet.pts(), packet.dts());
        packet.set_times(pts, dts);
        Ok(Some(packet))
    }
}

/// The start packet's presentation time as the demuxer gives it.
const fn raw_pts(start: &StartPoint) -> i64 {
    start
        .pts
        .saturating_sub(start.dts.saturating_sub(start.raw_dts))
}
