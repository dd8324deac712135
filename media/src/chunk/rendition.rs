//! One rendition of a chunk: scales, encodes, keeps the own packets and cuts them into fragments.

use reelmesh_domain::chroma::ChromaPlace;
use reelmesh_domain::media_types::{ChunkTask, FragmentInfo, TrackReport, VideoRendition};

use super::pictures::reused;
use super::settings::open_encoder;
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::encoder::Encoder;
use crate::ffi::frame::{Frame, PictureKind};
use crate::ffi::packet::Packet;
use crate::fragment::{DecodeTimes, FragmentWriter, SampleTiming, TrackClock, h264};
use crate::io::FragmentSink;
use crate::scale::{Picture420View, Picture420ViewMut, Scaler, Size};
use crate::vbv::Bucket;

/// The encoder of one rendition with what comes out of it.
pub(super) struct RenditionEncoder<'t> {
    task: &'t ChunkTask,
    rendition: &'t VideoRendition,
    track: usize,
    encoder: Encoder,
    packet: Packet,
    scaler: Option<(Size, Scaler)>,
    scaled: Option<Frame>,
    times: DecodeTimes,
    clock: TrackClock,
    taken_packets: u64,
    own_packets: usize,
    cell: Option<FragmentWriter>,
    fragments: Vec<FragmentInfo>,
    bucket: Option<Bucket>,
}

fn broken(rule: String) -> MediaError {
    MediaError::Bug { rule }
}

impl<'t> RenditionEncoder<'t> {
    pub(super) fn new(
        task: &'t ChunkTask,
        track: usize,
        rendition: &'t VideoRendition,
    ) -> Result<Self, MediaError> {
        let clock = TrackClock::new(task.output_time_base)?;
        let vbv = rendition.encoder.vbv;
        Ok(Self {
            task,
            rendition,
            track,
            encoder: open_encoder(task, rendition)?,
            packet: Packet::new()?,
            scaler: None,
            scaled: None,
            times: DecodeTimes::for_chunk(task, rendition.encoder.reorder_depth)?,
            clock,
            taken_packets: 0,
            own_packets: 0,
            cell: None,
            fragments: Vec::new(),
            bucket: vbv.map(|vbv| Bucket::new(vbv, clock.timescale())),
        })
    }

    /// Packets that came out so far, those of the lead-in included.
    pub(super) const fn taken_packets(&self) -> u64 {
        self.taken_packets
    }

    /// Whether all own packets came out.
    pub(super) const fn is_done(&self) -> bool {
        self.own_packets == self.times.packets()
    }

    /// Scales `source` to the size of this rendition; `false` if it has it already.
    pub(super) fn scale(&mut self, source: &Frame) -> Result<bool, MediaError> {
        let from = Size::new(source.width(), source.height());
        let to = Size::new(self.rendition.width, self.rendition.height);
        if from == to {
            return Ok(false);
        }
        let scaler = match &mut self.scaler {
            Some((size, scaler)) if *size == from => scaler,
            other => {
                let place = ChromaPlace::of(self.rendition.color.chroma_location);
                let scaler =
                    Scaler::sited(from, to, place).map_err(|error| MediaError::OutOfScope {
                        what: format!("rendition {}: {error}", self.rendition.name),
                    })?;
                &mut other.insert((from, scaler)).1
            }
        };
        let target = reused(&mut self.scaled, (to.width, to.height))?;
        scale_picture(scaler, source, target, to)
            .map_err(|error| broken(format!("a picture is scaled: {error}")))?;
        Ok(true)
    }

    /// The picture that [`Self::scale`] made last.
    pub(super) const fn scaled_mut(&mut self) -> Option<&mut Frame> {
        self.scaled.as_mut()
    }

    /// Feeds the `index`-th frame of the task in the size of this rendition.
    pub(super) fn encode(
        &mut self,
        index: u32,
        picture: Option<&mut Frame>,
        sink: &mut dyn FragmentSink,
    ) -> Result<(), MediaError> {
        let Some(picture) = picture.or(self.scaled.as_mut()) else {
            return Err(broken("a frame is scaled before it is encoded".to_owned()));
        };
        picture.set_pts(Some(planned(self.task, index)?));
        picture.set_kind(if self.task.keys.binary_search(&index).is_ok() {
            PictureKind::Key
        } else {
            PictureKind::Free
        });
        self.encoder
            .send(Some(picture))
            .map_err(|error| error.into_bug("the encoder takes a picture"))?;
        self.receive(sink)
    }

    /// No frame comes any more: flushes the encoder at the end of the timeline, where an uncut encode would
    /// be flushed, too, else forgets what it holds. All own packets must be out then.
    pub(super) fn finish(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        if self.task.at_end || (self.task.feeds_to_end && !self.is_done()) {
            self.encoder
                .send(None)
                .map_err(|error| error.into_bug("the encoder is flushed"))?;
            self.receive(sink)?;
        }
        self.end_cell(sink)?;
        if self.is_done() {
            return Ok(());
        }
        Err(broken(format!(
            "{}: the tail of {} frames brings out all {} own packets, got {}",
            self.rendition.name,
            self.task.feed_end.saturating_sub(self.task.own_end),
            self.times.packets(),
            self.own_packets
        )))
    }

    fn receive(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        loop {
            let step = self
                .encoder
                .receive(&mut self.packet)
                .map_err(|error| error.into_bug("the encoder gives a packet"))?;
            if step != Step::Ready {
                return Ok(());
            }
            self.take_packet(sink)?;
        }
    }

    /// Keeps the packet if it is an own one.
    fn take_packet(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let Some(pts) = self.packet.pts() else {
            return Err(broken("a packet has the time of its frame".to_owned()));
        };
        self.taken_packets += 1;
        let frames = &self.task.frames;
        let place = frames
            .binary_search_by_key(&pts, |frame| frame.output_pts)
            .map_err(|_between| broken(format!("a frame stands at {pts}")))?;
        let index = u32::try_from(place).unwrap_or(u32::MAX);
        let key = self.packet.is_key();
        let planned_key = self.task.keys.binary_search(&index).is_ok();
        // The first frame that an encoder sees is a key whatever it is told.
        if key != (planned_key || index == self.task.feed_start) {
            return Err(broken(format!(
                "{}: keys stand where the plan says, frame {index} of the task: key {key}, planned {planned_key}",
                self.rendition.name
            )));
        }
        if !(self.task.own_start..self.task.own_end).contains(&index) {
            return Ok(());
        }
        let timing = self.times.sample(self.own_packets, pts)?;
        self.check_decode_time(timing)?;
        if key {
            self.end_cell(sink)?;
        }
        self.keep(timing, key)
    }

    fn keep(&mut self, timing: SampleTiming, key: bool) -> Result<(), MediaError> {
        let data = h264::length_prefixed(self.packet.data());
        if let Some(bucket) = &mut self.bucket {
            let next = timing.decode_time + i64::from(timing.duration);
            bucket.push(self.packet.data().len(), timing.decode_time, next);
        }
        let cell = match &mut self.cell {
            Some(cell) => cell,
            none @ None => {
                let number = u32::try_from(self.fragments.len()).unwrap_or(u32::MAX);
                let sequence = self
                    .task
                    .first_cell
                    .saturating_add(number)
                    .saturating_add(1);
                none.insert(FragmentWriter::new(sequence))
            }
        };
        self.own_packets += 1;
        cell.push(timing, key, &data)
    }

    /// The encoder's own decode times are those of the rule wherever it saw frames enough to know
    /// them: at the timeline's start, or behind a lead-in (design rule 5.10).
    fn check_decode_time(&self, timing: SampleTiming) -> Result<(), MediaError> {
        let depth = self.rendition.encoder.reorder_depth;
        let fed = |from: u32, to: u32| to.saturating_sub(from) > depth;
        let task = self.task;
        let known = fed(task.feed_start, task.feed_end)
            && (task.at_start || fed(task.feed_start, task.own_start));
        let Some(dts) = self.packet.dts().filter(|_| known) else {
            return Ok(());
        };
        let expected = timing.decode_time - self.times.presentation_delay();
        if self.clock.to_track(dts) == Some(expected) {
            return Ok(());
        }
        Err(broken(format!(
            "{}: own packet {} is decoded at {expected} of the track, the encoder says {dts} ticks",
            self.rendition.name, self.own_packets
        )))
    }

    fn end_cell(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let Some(cell) = self.cell.take() else {
            return Ok(());
        };
        let (info, bytes) = cell.finish()?;
        sink.put(self.track, &info, &bytes)
            .map_err(|source| MediaError::Io {
                what: "handing over a fragment",
                source,
            })?;
        self.fragments.push(info);
        Ok(())
    }

    /// What was made; without fragments if the frames weren't those of the plan.
    pub(super) fn report(self, as_planned: bool) -> Result<TrackReport, MediaError> {
        let codec_config = h264::avcc_from_annex_b(self.encoder.extradata())
            .map_err(|error| broken(format!("x264's parameter sets can be read: {error}")))?;
        Ok(TrackReport {
            codec_config,
            fragments: if as_planned {
                self.fragments
            } else {
                Vec::new()
            },
            vbv: self
                .bucket
                .filter(|_| as_planned)
                .map(|bucket| bucket.summary()),
            priming_samples: 0,
            presentation_delay: self.times.presentation_delay(),
        })
    }
}

fn planned(task: &ChunkTask, index: u32) -> Result<i64, MediaError> {
    usize::try_from(index)
        .ok()
        .and_then(|index| task.frames.get(index))
        .map(|frame| frame.output_pts)
        .ok_or_else(|| broken(format!("frame {index} is one of the task")))
}

fn scale_picture(
    scaler: &mut Scaler,
    source: &Frame,
    target: &mut Frame,
    to: Size,
) -> Result<(), MediaError> {
    let from = Size::new(source.width(), source.height());
    let bug = |error: crate::scale::ScaleError| broken(error.to_string());
    let planes = [0, 1, 2].map(|plane| (source.plane(plane), source.stride(plane)));
    let view = Picture420View::new(from, planes).map_err(bug)?;
    let strides = [0, 1, 2].map(|plane| target.stride(plane));
    let [luma, blue, red] = target.planes_mut()?;
    let planes = [(luma, strides[0]), (blue, strides[1]), (red, strides[2])];
    let mut target = Picture420ViewMut::new(to, planes).map_err(bug)?;
    scaler.scale_into(&view, &mut target).map_err(bug)
}
