//! Generated films, tasks on them, and a plain window: decodes from the start of the file.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use reelmesh_domain::media_types::{
    ChunkReport, ChunkTask, Color, Container, FragmentInfo, PacketMapping, PictureFilter,
    PlannedFrame, StartPoint, Vbv, VideoCodec, VideoRendition, X264Settings,
};
use reelmesh_domain::rational::Rational;

use crate::chunk::{Deliver, run_with};
use crate::control::{Control, Unattended};
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::decoder::Decoder;
use crate::ffi::frame::Frame;
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::io::{FileSource, FragmentSink};
use crate::limits::Limits;
use crate::window::WindowReport;

/// Frames before the own ones, behind them (veryfast's lookahead and one), and for filters.
pub(super) const LEAD_IN: usize = 10;
pub(super) const TAIL: usize = 11;
const MARGIN: usize = 1;

pub(super) fn ffmpeg(arguments: &[&str]) {
    let status = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-y"])
        .args(arguments)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success(), "{arguments:?}");
}

/// A film on disk with the times of its frames in order of presentation.
pub(super) struct Film {
    pub(super) path: PathBuf,
    time_base: Rational,
    pub(super) times: Vec<i64>,
    pub(super) frames_per_cell: usize,
    start: StartPoint,
}

impl Film {
    /// Makes `name` in a directory from FFmpeg's source and options.
    pub(super) fn make(directory: &Path, name: &str, lavfi: &str, options: &[&str]) -> Self {
        let path = directory.join(name);
        let mut arguments = vec!["-f", "lavfi", "-i", lavfi];
        arguments.extend_from_slice(options);
        arguments.push(path.to_str().expect("plain name"));
        ffmpeg(&arguments);
        Self::open(&path)
    }

    /// A film that is there already.
    pub(super) fn open(path: &Path) -> Self {
        let mut film = Self {
            path: path.to_owned(),
            time_base: Rational::whole(1),
            times: Vec::new(),
            frames_per_cell: 25,
            start: first_packet(path),
        };
        let mut times = Vec::new();
        film.time_base = film.decode(&Unattended, &mut |frame| {
            times.push(frame.pts().expect("a time"));
            Ok(())
        });
        film.times = times;
        film
    }

    pub(super) fn decode(
        &self,
        control: &dyn Control,
        take: &mut dyn FnMut(Frame) -> Result<(), MediaError>,
    ) -> Rational {
        let source = Arc::new(FileSource::open(&self.path).expect("a file"));
        let mut input = Input::open(source, &Limits::default(), control).expect("a film");
        input.find_stream_parameters().expect("parameters");
        let stream = input.stream(0).expect("a stream");
        let time_base = stream.time_base();
        let mut decoder = Decoder::open(stream, &Limits::default()).expect("a decoder");
        let mut packet = Packet::new().expect("memory");
        loop {
            let more = input.read(&mut packet).expect("packets");
            decoder.send(more.then_some(&packet)).expect("decodes");
            loop {
                let mut frame = Frame::new().expect("memory");
                if decoder.receive(&mut frame).expect("decodes") != Step::Ready {
                    break;
                }
                if take(frame).is_err() {
                    return time_base;
                }
            }
            if !more {
                return time_base;
            }
        }
    }

    pub(super) fn cells(&self) -> usize {
        self.times.len().div_ceil(self.frames_per_cell)
    }

    /// The task that owns the cells `[from, to)`.
    pub(super) fn task(&self, from: usize, to: usize, renditions: &[VideoRendition]) -> ChunkTask {
        let count = self.times.len();
        let (own_start, own_end) = (
            from * self.frames_per_cell,
            (to * self.frames_per_cell).min(count),
        );
        let feed = own_start.saturating_sub(LEAD_IN)..(own_end + TAIL).min(count);
        let window = feed.start.saturating_sub(MARGIN)..(feed.end + MARGIN).min(count);
        let place = |frame: usize| u32::try_from(frame - window.start).expect("small");
        let step = self.times[1] - self.times[0];
        let output = |frame: usize| (self.times[frame] - self.times[0]) / step;
        let frames = window.clone().map(|frame| PlannedFrame {
            source_pts: self.times[frame],
            output_pts: output(frame),
        });
        ChunkTask {
            container: Container::Mp4,
            stream: 0,
            codec: VideoCodec::H264,
            source_time_base: self.time_base,
            starts: vec![self.start],
            mapping: PacketMapping::default(),
            frames: frames.collect(),
            feed_start: place(feed.start),
            feed_end: place(feed.end),
            own_start: place(own_start),
            own_end: place(own_end),
            keys: window
                .clone()
                .filter(|frame| frame % self.frames_per_cell == 0)
                .map(place)
                .collect(),
            first_cell: u32::try_from(from).expect("small"),
            first_frame: own_start as u64,
            at_start: own_start == 0,
            at_end: own_end == count,
            feeds_to_end: feed.end == count,
            output_time_base: Rational::new(1, 25).expect("a fraction"),
            own_end_pts: output(own_end - 1) + 1,
            first_pts: (0..count.min(4)).map(output).collect(),
            nominal_frame_ticks: 1,
            filter: PictureFilter::default(),
            renditions: renditions.to_vec(),
            // All frames that the chunk on the other side decodes as well.
            hash_left_end: if own_start == 0 {
                0
            } else {
                place((own_start + TAIL + MARGIN).min(count))
            },
            hash_right_start: place(if own_end == count {
                count
            } else {
                own_end - LEAD_IN - MARGIN
            }),
        }
    }

    /// Runs a task with its frames found by time.
    pub(super) fn run(&self, task: &ChunkTask) -> Result<(ChunkReport, Kept), MediaError> {
        let mut kept = Kept::default();
        let report = run_with(task, &mut kept, &Unattended, |deliver| {
            self.window(task, deliver)
        })?;
        Ok((report, kept))
    }

    pub(super) fn window(
        &self,
        task: &ChunkTask,
        deliver: Deliver<'_>,
    ) -> Result<WindowReport, MediaError> {
        let mut report = WindowReport {
            as_planned: true,
            delivered: Vec::new(),
            decoded_frames: 0,
            damaged_frames: 0,
            start_used: 0,
        };
        let mut failure = None;
        self.decode(&Unattended, &mut |frame| {
            report.decoded_frames += 1;
            let pts = frame.pts().expect("a time");
            let place = task
                .frames
                .binary_search_by_key(&pts, |frame| frame.source_pts);
            let Ok(place) = place else { return Ok(()) };
            let place = u32::try_from(place).expect("small");
            if let Err(error) = deliver(place, frame) {
                failure = Some(error);
                return Err(MediaError::Cancelled);
            }
            Ok(())
        });
        failure.map_or(Ok(report), Err)
    }
}

fn first_packet(path: &Path) -> StartPoint {
    let source = Arc::new(FileSource::open(path).expect("a file"));
    let mut input = Input::open(source, &Limits::default(), &Unattended).expect("a film");
    let mut packet = Packet::new().expect("memory");
    assert!(input.read(&mut packet).expect("packets"));
    let dts = packet.dts().expect("a time");
    StartPoint {
        position: packet.position(),
        raw_dts: dts,
        dts,
        pts: packet.pts().expect("a time"),
    }
}

/// Fragments by track.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) tracks: Vec<Vec<Vec<u8>>>,
}

impl FragmentSink for Kept {
    fn put(&mut self, track: usize, _info: &FragmentInfo, bytes: &[u8]) -> std::io::Result<()> {
        if self.tracks.len() <= track {
            self.tracks.resize(track + 1, Vec::new());
        }
        self.tracks[track].push(bytes.to_vec());
        Ok(())
    }
}

pub(super) const BT709: Color = Color {
    full_range: false,
    primaries: 1,
    transfer: 1,
    matrix: 1,
    chroma_location: 1,
};

/// A rendition by veryfast at CRF 23.
pub(super) fn rendition(width: u32, height: u32, vbv: Option<Vbv>) -> VideoRendition {
    VideoRendition {
        name: format!("{height}p"),
        width,
        height,
        color: BT709,
        encoder: X264Settings {
            preset: "veryfast".to_owned(),
            profile: "high".to_owned(),
            crf_hundredths: 2300,
            vbv,
            reorder_depth: 2,
        },
    }
}
