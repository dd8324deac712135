//! The audio task: a whole track, decoded, aligned to the video, resampled and encoded (design rule
//! 5.11).
//!
//! The way of the sound, in bounded memory: packets get continuous times (`clock`) and are decoded;
//! frames are placed (`align`), gaps become silence, what lies before the first picture is cut; the
//! resampler makes rate and channels what the rendition has; the encoder's frames (`coder`) are cut
//! into fragments (`cells`). All positions are whole numbers of samples.

mod align;
mod cells;
mod clock;
mod coder;

use std::sync::Arc;

use reelmesh_domain::media_types::{AudioReport, AudioTask};
use reelmesh_domain::rational::Rational;

use self::align::{Aligner, SoundClock};
use self::clock::{PacketClock, Shift};
use self::coder::Coder;
use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::decoder::Decoder;
use crate::ffi::frame::Frame;
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::ffi::resample::{Resampler, Sound};
use crate::io::{ByteSource, FragmentSink};
use crate::limits::Limits;

/// Samples of silence that go through the task at once: bounds memory where a gap is long.
const SILENCE_BLOCK_SAMPLES: i64 = 1 << 13;

/// Runs an audio task: its fragments go to track 0 of `sink`. Progress is in samples of the output.
///
/// Gaps and packets that don't decode become silence. A track without any sound behind the first
/// picture becomes silence as long as the video; sound that ends before the video isn't lengthened.
///
/// # Errors
///
/// See [`MediaError`]; unreadable if there are packets and none decodes.
pub fn run_audio(
    task: &AudioTask,
    source: Arc<dyn ByteSource>,
    limits: &Limits,
    sink: &mut dyn FragmentSink,
    control: &dyn Control,
) -> Result<AudioReport, MediaError> {
    let mut input = Input::open(source, limits, control)?;
    input.find_stream_parameters()?;
    input.select(task.stream);
    let stream = input
        .stream(task.stream)
        .ok_or_else(|| MediaError::Unreadable {
            what: format!("stream {} isn't there any more", task.stream),
        })?;
    let mut decoder = Decoder::open(stream, limits)?;
    let mut clock = PacketClock::new(task)?;
    let mut output = Output::new(task, sink, control)?;
    let mut packets = Packets::default();
    let mut packet = Packet::new()?;
    let mut frame = Frame::new()?;
    let mut more = true;
    while more {
        if control.cancelled() {
            return Err(MediaError::Cancelled);
        }
        more = input.read(&mut packet)?;
        let ours = packet.stream() == task.stream;
        if more && !(ours && make_continuous(&mut packet, &mut clock)) {
            continue;
        }
        packets.read += u64::from(more);
        let mut damaged = decoder.send(more.then_some(&packet)).is_err();
        loop {
            match decoder.receive(&mut frame) {
                Ok(Step::Ready) => {
                    packets.frames += 1;
                    damaged |= frame.is_damaged();
                    output.push(&frame)?;
                }
                Ok(Step::Hungry | Step::Ended) => break,
                // A decoder that neither gives a frame nor asks for a packet is asked no further.
                Err(_damaged) => {
                    damaged = true;
                    break;
                }
            }
        }
        packets.damaged += u64::from(damaged && more);
    }
    packets.check(task.stream)?;
    output.finish(packets.damaged)
}

#[derive(Debug, Default)]
struct Packets {
    read: u64,
    damaged: u64,
    frames: u64,
}

impl Packets {
    fn check(&self, stream: u32) -> Result<(), MediaError> {
        if self.read == 0 || self.frames > 0 {
            return Ok(());
        }
        Err(MediaError::Unreadable {
            what: crate::log::with_last_lines(&format!(
                "stream {stream}: none of its {} packets of audio decodes",
                self.read
            )),
        })
    }
}

/// Makes a packet's times continuous; `false` if it isn't heard.
fn make_continuous(packet: &mut Packet, clock: &mut PacketClock) -> bool {
    let (pts, dts) = (packet.pts(), packet.dts());
    let shift = match pts.or(dts) {
        Some(raw) => clock.shift(packet.position(), raw, packet.duration()),
        None => Shift::Unknown,
    };
    let shift = match shift {
        Shift::By(shift) => Some(shift),
        // Without a time the sound goes behind what came before.
        Shift::Unknown => None,
        Shift::Closed => return false,
    };
    let moved = |time: Option<i64>| time?.checked_add(shift?);
    packet.set_times(moved(pts), moved(dts));
    true
}

/// From decoded frames to fragments.
struct Output<'t> {
    task: &'t AudioTask,
    aligner: Option<Aligner>,
    resampler: Option<Resampler>,
    sound: Sound,
    /// Samples that came before the present resampler's.
    made_before: i64,
    coder: Coder,
    sink: &'t mut dyn FragmentSink,
    control: &'t dyn Control,
}

impl<'t> Output<'t> {
    fn new(
        task: &'t AudioTask,
        sink: &'t mut dyn FragmentSink,
        control: &'t dyn Control,
    ) -> Result<Self, MediaError> {
        Ok(Self {
            task,
            aligner: None,
            resampler: None,
            sound: Sound::new(task.rendition.channels),
            made_before: 0,
            coder: Coder::new(&task.rendition, &task.cell_ends)?,
            sink,
            control,
        })
    }

    fn video_end(&self) -> i64 {
        self.task.cell_ends.last().copied().unwrap_or(0)
    }

    fn seconds(&self, samples: i64) -> Result<Rational, MediaError> {
        let rate = i64::from(self.task.rendition.sample_rate_hz);
        Rational::new(samples, rate).ok_or_else(|| MediaError::Bug {
            rule: "a rendition has a sample rate".to_owned(),
        })
    }

    fn push(&mut self, frame: &Frame) -> Result<(), MediaError> {
        if frame.samples() == 0 || frame.sample_rate_hz() == 0 {
            return Ok(());
        }
        let takes = self.resampler.as_ref().is_some_and(|old| old.takes(frame));
        if !takes {
            self.change_shape(frame)?;
        }
        let Some(aligner) = self.aligner.as_mut() else {
            return Ok(());
        };
        let placement = aligner.place(frame.pts(), frame.samples());
        self.silence(placement.silence)?;
        if let Some(resampler) = self.resampler.as_mut() {
            resampler.push(frame, placement.skip..frame.samples(), &mut self.sound)?;
        }
        self.encode()
    }

    /// Ends the present resampler and begins one for sound like that in `frame`.
    fn change_shape(&mut self, frame: &Frame) -> Result<(), MediaError> {
        self.end_resampler()?;
        let rendition = &self.task.rendition;
        let resampler = Resampler::new(frame, rendition.sample_rate_hz, rendition.channels)?;
        self.resampler = Some(resampler);
        let base_s = self.seconds(self.made_before)?;
        let video_end_s = self.seconds(self.video_end())?;
        let rate_hz = frame.sample_rate_hz();
        if let Some(aligner) = self.aligner.as_mut() {
            aligner.change_rate(rate_hz, base_s);
        } else {
            let clock = SoundClock {
                time_base: self.task.source_time_base,
                origin_s: self.task.origin_s,
                video_end_s,
            };
            self.aligner = Some(Aligner::new(clock, rate_hz));
        }
        Ok(())
    }

    /// Takes out what the resampler holds and makes its output as long as its input was.
    fn end_resampler(&mut self) -> Result<(), MediaError> {
        let (Some(mut resampler), Some(aligner)) = (self.resampler.take(), &self.aligner) else {
            return Ok(());
        };
        let placed_s = Rational::new(aligner.placed(), i64::from(aligner.rate_hz()));
        let rate = Rational::whole(i64::from(self.task.rendition.sample_rate_hz));
        let placed = placed_s.and_then(|placed| placed.checked_mul(rate));
        resampler.flush(&mut self.sound)?;
        let end = self.made_before + placed.map_or(0, Rational::round);
        let length = usize::try_from(end - self.coder.samples()).unwrap_or(0);
        let missing = length.saturating_sub(self.sound.samples());
        self.sound.extend_silence(missing);
        self.sound.truncate(length);
        self.made_before = end;
        self.encode()
    }

    /// Silence of so many samples at the source's rate.
    fn silence(&mut self, samples: i64) -> Result<(), MediaError> {
        let mut left = samples;
        while left > 0 {
            if self.control.cancelled() {
                return Err(MediaError::Cancelled);
            }
            let block = left.min(SILENCE_BLOCK_SAMPLES);
            if let Some(resampler) = self.resampler.as_mut() {
                let block = usize::try_from(block).unwrap_or(0);
                resampler.push_silence(block, &mut self.sound)?;
            }
            self.encode()?;
            left -= block;
        }
        Ok(())
    }

    fn encode(&mut self) -> Result<(), MediaError> {
        self.coder.push(&mut self.sound, &mut *self.sink)?;
        let done = self.coder.samples();
        self.control.progress(u64::try_from(done).unwrap_or(0));
        Ok(())
    }

    /// Silence as long as the video, where the track has no sound.
    fn fill_video(&mut self) -> Result<(), MediaError> {
        let mut left = self.video_end();
        while left > 0 {
            let block = left.min(SILENCE_BLOCK_SAMPLES);
            self.sound
                .extend_silence(usize::try_from(block).unwrap_or(0));
            self.encode()?;
            left -= block;
        }
        Ok(())
    }

    fn finish(mut self, damaged_packets: u64) -> Result<AudioReport, MediaError> {
        self.end_resampler()?;
        if self.made_before == 0 {
            self.fill_video()?;
        }
        let sent = self.coder.samples();
        let rest = i64::try_from(self.sound.samples()).unwrap_or(0);
        let samples = u64::try_from(sent + rest).unwrap_or(0);
        if samples == 0 {
            return Err(MediaError::Unreadable {
                what: format!("stream {} has no sound", self.task.stream),
            });
        }
        let track = self.coder.finish(&mut self.sound, &mut *self.sink)?;
        self.control.progress(samples);
        Ok(AudioReport {
            track,
            samples,
            damaged_packets,
            cpu_us: 0,
        })
    }
}

#[cfg(test)]
mod tests;
