//! Encodes the aligned sound as AAC-LC and hands the coded frames to the cutter.

use reelmesh_domain::media_types::{AudioRendition, FragmentInfo, TrackReport};

use super::cells::{Borders, Cutter};
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::encoder::{AudioSettings, Encoder};
use crate::ffi::packet::Packet;
use crate::ffi::resample::Sound;
use crate::io::FragmentSink;

/// FFmpeg's own encoder, low complexity, without the text that names its version.
const OPTIONS: &[(&str, &str)] = &[("profile", "aac_low"), ("flags", "+bitexact")];

/// The encoder with what waits before and behind it.
#[derive(Debug)]
pub(super) struct Coder {
    encoder: Encoder,
    packet: Packet,
    rate_hz: u32,
    frame_samples: u32,
    priming: u32,
    /// Samples that the encoder was given.
    sent: i64,
    /// Coded frames that came out.
    coded: i64,
    cutter: Cutter,
}

impl Coder {
    /// An encoder of the rendition whose fragments end with these cells.
    ///
    /// # Errors
    ///
    /// `Bug` if the encoder refuses its settings.
    pub(super) fn new(rendition: &AudioRendition, cell_ends: &[i64]) -> Result<Self, MediaError> {
        let encoder = Encoder::audio(&AudioSettings {
            encoder: "aac",
            sample_rate_hz: rendition.sample_rate_hz,
            channels: rendition.channels,
            bitrate_bps: rendition.bitrate_bps,
            options: OPTIONS,
        })?;
        let (frame_samples, priming) = (encoder.frame_samples(), encoder.priming_samples());
        let rate_hz = rendition.sample_rate_hz;
        let borders = Borders::new(cell_ends, rate_hz, frame_samples, priming)?;
        Ok(Self {
            encoder,
            packet: Packet::new()?,
            rate_hz,
            frame_samples,
            priming,
            sent: 0,
            coded: 0,
            cutter: Cutter::new(borders),
        })
    }

    /// Samples that were encoded so far.
    pub(super) const fn samples(&self) -> i64 {
        self.sent
    }

    /// Encodes all whole frames of `sound` and leaves the rest in it.
    ///
    /// # Errors
    ///
    /// What the sink answers.
    pub(super) fn push(
        &mut self,
        sound: &mut Sound,
        sink: &mut dyn FragmentSink,
    ) -> Result<(), MediaError> {
        while sound.samples() >= self.frame_samples as usize {
            self.send(sound, sink)?;
        }
        Ok(())
    }

    /// Encodes the rest of the sound and ends the track.
    ///
    /// # Errors
    ///
    /// What the sink answers, or `Bug` if the coded frames don't cover the samples.
    pub(super) fn finish(
        mut self,
        sound: &mut Sound,
        sink: &mut dyn FragmentSink,
    ) -> Result<TrackReport, MediaError> {
        self.push(sound, sink)?;
        if sound.samples() > 0 {
            self.send(sound, sink)?;
        }
        let ended = self.encoder.send(None);
        ended.map_err(|error| error.into_bug("the encoder can be ended"))?;
        self.receive(sink)?;
        let codec_config = self.encoder.extradata().to_vec();
        let whole = i64::from(self.priming) + self.sent;
        let (fragments, duration) = self.cutter.finish(sink)?;
        if duration != whole {
            return Err(MediaError::Bug {
                rule: format!("coded sound lasts {whole} samples with priming, got {duration}"),
            });
        }
        Ok(report(codec_config, fragments, self.priming))
    }

    fn send(&mut self, sound: &mut Sound, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let mut frame = sound.take_frame(self.frame_samples as usize, self.rate_hz)?;
        frame.set_pts(Some(self.sent));
        self.sent += i64::from(frame.samples());
        let taken = self.encoder.send(Some(&frame));
        taken.map_err(|error| error.into_bug("the encoder takes any sound"))?;
        self.receive(sink)
    }

    fn receive(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        loop {
            let step = self.encoder.receive(&mut self.packet);
            match step.map_err(|error| error.into_bug("the encoder codes any sound"))? {
                Step::Ready => self.cut(sink)?,
                Step::Hungry | Step::Ended => return Ok(()),
            }
        }
    }

    /// Hands on one coded frame. Only the last is shorter: it ends where the sound does.
    fn cut(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let start = self.coded * i64::from(self.frame_samples);
        let left = i64::from(self.priming) + self.sent - start;
        let duration = left.min(i64::from(self.frame_samples));
        self.coded += 1;
        match u32::try_from(duration) {
            Ok(duration) if duration > 0 => self.cutter.push(self.packet.data(), duration, sink),
            // Behind the end: nothing of it would be heard.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

fn report(codec_config: Vec<u8>, fragments: Vec<FragmentInfo>, priming: u32) -> TrackReport {
    TrackReport {
        codec_config,
        fragments,
        vbv: None,
        priming_samples: priming,
        presentation_delay: i64::from(priming),
    }
}
