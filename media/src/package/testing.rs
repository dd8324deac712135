//! Tracks for tests: really encoded, cut into fragments as the engine cuts them, kept in memory.

use std::collections::BTreeMap;
use std::io;

use reelmesh_domain::media_types::{
    ChunkTask, Color, Container, PacketMapping, PictureFilter, PlannedFrame, VideoCodec,
};
use reelmesh_domain::rational::Rational;

use super::{FragmentReader, Track, TrackMedia};
use crate::ffi::Step;
use crate::ffi::encoder::{AudioSettings, Encoder, VideoSettings};
use crate::ffi::frame::{Frame, PictureKind};
use crate::ffi::packet::Packet;
use crate::fragment::h264::{avcc_from_annex_b, length_prefixed};
use crate::fragment::{DecodeTimes, FragmentWriter, SampleTiming};

/// BT.709, limited range.
pub(crate) const COLOR: Color = Color {
    full_range: false,
    primaries: 1,
    transfer: 1,
    matrix: 1,
    chroma_location: 1,
};
/// Samples of sound in an AAC frame.
const AAC_FRAME: u32 = 1024;

/// Fragments by name of their track.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory(pub(crate) BTreeMap<String, Vec<Vec<u8>>>);

impl FragmentReader for Memory {
    fn read(&mut self, track: &Track, fragment: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        let bytes = self
            .0
            .get(&track.name)
            .and_then(|fragments| fragments.get(fragment))
            .ok_or(io::ErrorKind::NotFound)?;
        buffer.clear();
        buffer.extend_from_slice(bytes);
        Ok(())
    }
}

/// What a video track of a test is like.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    pub(crate) name: &'static str,
    pub(crate) size: (u32, u32),
    pub(crate) time_base: Rational,
    /// When each frame is shown, and when the last ends.
    pub(crate) times: Vec<i64>,
    pub(crate) frames_per_cell: usize,
}

impl Clip {
    /// Constant rate: frames of one tick.
    pub(crate) fn constant(name: &'static str, rate: Rational, frames: i64) -> Self {
        Self {
            name,
            size: (64, 48),
            time_base: rate.inverse().expect("a rate"),
            times: (0..=frames).collect(),
            frames_per_cell: 12,
        }
    }

    fn frames(&self) -> usize {
        self.times.len() - 1
    }

    /// The task of encoding it whole.
    pub(crate) fn task(&self) -> ChunkTask {
        let frames = u32::try_from(self.frames()).expect("few frames");
        ChunkTask {
            container: Container::Mp4,
            stream: 0,
            codec: VideoCodec::H264,
            source_time_base: self.time_base,
            starts: Vec::new(),
            mapping: PacketMapping::default(),
            frames: self.times[..self.frames()]
                .iter()
                .map(|&time| PlannedFrame {
                    source_pts: time,
                    output_pts: time,
                })
                .collect(),
            feed_start: 0,
            feed_end: frames,
            own_start: 0,
            own_end: frames,
            hash_left_end: 0,
            hash_right_start: frames,
            keys: Vec::new(),
            first_cell: 0,
            first_frame: 0,
            at_start: true,
            at_end: true,
            feeds_to_end: true,
            output_time_base: self.time_base,
            own_end_pts: *self.times.last().expect("an end"),
            first_pts: self.times[..self.frames().min(3)].to_vec(),
            nominal_frame_ticks: 1,
            filter: PictureFilter::default(),
            renditions: Vec::new(),
        }
    }

    /// Encodes it by x264 with B-frames and puts its fragments into `memory`.
    pub(crate) fn encode(&self, memory: &mut Memory) -> Track {
        let span = self.times[self.frames()] - self.times[0];
        let seconds = Rational::whole(span)
            .checked_mul(self.time_base)
            .expect("a length");
        let rate = Rational::whole(i64::try_from(self.frames()).expect("few"))
            .checked_div(seconds)
            .expect("a rate");
        let params = "keyint=infinite:bframes=3:b-pyramid=strict:scenecut=0:rc-lookahead=5";
        let mut encoder = Encoder::video(&VideoSettings {
            encoder: "libx264",
            width: self.size.0,
            height: self.size.1,
            time_base: self.time_base,
            frame_rate: rate,
            color: COLOR,
            vbv: None,
            options: &[
                ("preset", "veryfast"),
                ("x264-params", params),
                ("forced-idr", "1"),
            ],
        })
        .expect("an encoder");
        let times = DecodeTimes::for_chunk(&self.task(), encoder.reorder_depth()).expect("times");
        let mut packets = Vec::new();
        let mut packet = Packet::new().expect("memory");
        for index in 0..=self.frames() {
            let frame = (index < self.frames()).then(|| self.picture(index));
            encoder.send(frame.as_ref()).expect("taken");
            while encoder.receive(&mut packet).expect("a packet") == Step::Ready {
                let pts = packet.pts().expect("a time");
                packets.push((pts, packet.is_key(), length_prefixed(packet.data())));
            }
        }
        let mut fragments: Vec<FragmentWriter> = Vec::new();
        for (place, (pts, key, data)) in packets.iter().enumerate() {
            if *key {
                let sequence = u32::try_from(fragments.len() + 1).expect("few");
                fragments.push(FragmentWriter::new(sequence));
            }
            let timing = times.sample(place, *pts).expect("a time");
            let fragment = fragments.last_mut().expect("begins with a key");
            fragment.push(timing, *key, data).expect("follows");
        }
        let track = Track {
            name: self.name.to_owned(),
            media: TrackMedia::Video {
                width: self.size.0,
                height: self.size.1,
                frame_rate: rate,
                color: COLOR,
            },
            time_base: self.time_base,
            codec_config: avcc_from_annex_b(encoder.extradata()).expect("parameter sets"),
            media_time: times.presentation_delay(),
            duration: span * self.time_base.numerator(),
            fragments: Vec::new(),
        };
        store(track, fragments, memory)
    }

    fn picture(&self, index: usize) -> Frame {
        let mut frame = Frame::picture(self.size.0, self.size.1).expect("memory");
        let stride = frame.stride(0);
        let [luma, u, v] = frame.planes_mut().expect("memory");
        for (at, pixel) in luma.iter_mut().enumerate() {
            *pixel = level((at % stride * 5 + at / stride * 3 + index * 7) % 200);
        }
        u.fill(128);
        v.fill(level(80 + index % 50));
        frame.set_pts(Some(self.times[index]));
        frame.set_kind(if index.is_multiple_of(self.frames_per_cell) {
            PictureKind::Key
        } else {
            PictureKind::Free
        });
        frame
    }
}

/// A level of a pixel above black.
fn level(value: usize) -> u8 {
    u8::try_from(value + 20).expect("below 236")
}

/// Encodes a tone of this length in samples as AAC at 48 kHz, cells as long as `cell` samples, and puts
/// its fragments into `memory`.
pub(crate) fn tone(name: &str, samples: i64, cell: i64, memory: &mut Memory) -> Track {
    let mut encoder = Encoder::audio(&AudioSettings {
        encoder: "aac",
        sample_rate_hz: 48_000,
        channels: 2,
        bitrate_bps: 96_000,
        options: &[],
    })
    .expect("an encoder");
    assert_eq!(encoder.frame_samples(), AAC_FRAME);
    let priming = i64::from(encoder.priming_samples());
    let blocks = (samples + i64::from(AAC_FRAME) - 1) / i64::from(AAC_FRAME);
    let mut packet = Packet::new().expect("memory");
    let mut packets = Vec::new();
    for block in 0..=blocks {
        let frame = (block < blocks).then(|| {
            let mut frame = Frame::sound(2, AAC_FRAME, 48_000).expect("memory");
            for channel in 0..2 {
                let out = frame.channel_mut(channel).expect("floats");
                // 480 Hz: whole periods fit a block nearly, the rest is what makes it no silence.
                for (at, sample) in (0_u16..).zip(out.iter_mut()) {
                    *sample = (f32::from(at) * 0.0628).sin() * 0.4;
                }
            }
            frame.set_pts(Some(block * i64::from(AAC_FRAME)));
            frame
        });
        encoder.send(frame.as_ref()).expect("taken");
        while encoder.receive(&mut packet).expect("a packet") == Step::Ready {
            packets.push(packet.data().to_vec());
        }
    }
    let mut fragments = vec![FragmentWriter::new(1)];
    let mut cell_end = cell;
    for (place, data) in (0..).zip(&packets) {
        let decode_time = i64::from(AAC_FRAME) * place;
        // Each cell ends at the AAC frame nearest to the video's.
        if decode_time - priming + i64::from(AAC_FRAME) / 2 > cell_end {
            let sequence = u32::try_from(fragments.len() + 1).expect("few");
            fragments.push(FragmentWriter::new(sequence));
            cell_end += cell;
        }
        let timing = SampleTiming {
            decode_time,
            duration: AAC_FRAME,
            composition_offset: 0,
        };
        let fragment = fragments.last_mut().expect("one");
        fragment.push(timing, true, data).expect("follows");
    }
    let track = Track {
        name: name.to_owned(),
        media: TrackMedia::Audio {
            sample_rate_hz: 48_000,
            channels: 2,
            bitrate_bps: 96_000,
            language: Some("eng".to_owned()),
            title: None,
            default: true,
        },
        time_base: Rational::new(1, 48_000).expect("a fraction"),
        codec_config: encoder.extradata().to_vec(),
        media_time: priming,
        duration: samples,
        fragments: Vec::new(),
    };
    store(track, fragments, memory)
}

/// Makes the fragments, puts them into `memory` and notes them in the track.
pub(crate) fn store(
    mut track: Track,
    fragments: Vec<FragmentWriter>,
    memory: &mut Memory,
) -> Track {
    let mut all = Vec::new();
    for fragment in fragments {
        let (info, bytes) = fragment.finish().expect("a fragment");
        track.fragments.push(info);
        all.push(bytes);
    }
    memory.0.insert(track.name.clone(), all);
    track
}

/// Bytes in memory as a source.
#[derive(Clone, Debug)]
pub(crate) struct Source(pub(crate) Vec<u8>);

impl crate::io::ByteSource for Source {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).map_or(self.0.len(), |at| at.min(self.0.len()));
        let rest = &self.0[start..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
