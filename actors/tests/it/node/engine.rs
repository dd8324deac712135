//! An engine that makes fragments of nothing: quick, and a function of the task alone, as the real one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use reelmesh_actors::engine::{Engine, Task, TaskReport};
use reelmesh_domain::media_types::{
    AudioFacts, AudioReport, AudioTask, ChunkReport, ChunkTask, Color, Container, FragmentInfo,
    FrameHash, LeftOutStream, Orientation, PacketMapping, PlannedFrame, SourceFacts, StartPoint,
    TrackReport, VideoCodec, VideoFacts,
};
use reelmesh_domain::plan::{AccessPoint, DroppedFrames, OutputClock, Timeline};
use reelmesh_domain::rational::Rational;
use reelmesh_domain::store::records::Scanned;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::fragment::{DecodeTimes, FragmentWriter, SampleTiming};
use reelmesh_media::io::{ByteSource, FragmentSink};

/// Frames of the made-up source: eight seconds, a cell and a chunk each.
pub(crate) const FRAMES: u64 = 200;
/// Frames a second, and frames of a cell.
pub(crate) const RATE: i64 = 25;
/// The name under which counting frames by decoding is known to scripts.
pub(crate) const COUNT: &str = "count";
const SAMPLE_RATE: i64 = 48_000;
const AAC_FRAME: i64 = 1024;
const PRIMING: u32 = 1024;

/// What an attempt does instead of its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Mischief {
    /// It panics.
    Panic,
    /// It says that reading failed for now.
    Busy,
    /// It says that the source can't be read.
    Unreadable,
    /// It works until it is told to stop.
    Hang,
    /// The decoded frames at its left border are others than its neighbour's.
    OtherFrames,
    /// It finds other frames than the packets claim.
    OtherList,
}

/// Decides what the `n`-th attempt (from 1) at a unit does, by the unit's name.
pub(crate) type Script = Box<dyn Fn(&str, u32) -> Option<Mischief> + Send + Sync>;

/// The engine.
pub(crate) struct FakeEngine {
    script: Script,
    runs: Mutex<BTreeMap<String, u32>>,
}

impl std::fmt::Debug for FakeEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeEngine")
    }
}

/// A unit's name: `scan`, `audio`, or a chunk's own frames.
pub(crate) fn name(task: &Task) -> String {
    match task {
        Task::Scan { .. } => "scan".to_owned(),
        Task::Audio(_) => "audio".to_owned(),
        Task::Chunk(chunk) => {
            let frames = chunk.own_end - chunk.own_start;
            format!("{}+{frames}", chunk.first_frame)
        }
    }
}

impl FakeEngine {
    pub(crate) fn new(script: Script) -> Arc<Self> {
        let runs = Mutex::new(BTreeMap::new());
        Arc::new(Self { script, runs })
    }

    pub(crate) fn obedient() -> Arc<Self> {
        Self::new(Box::new(|_, _| None))
    }

    /// How often each unit was begun.
    pub(crate) fn runs(&self) -> BTreeMap<String, u32> {
        self.runs.lock().expect("no test panics here").clone()
    }

    fn begin(&self, name: &str) -> Option<Mischief> {
        let mut runs = self.runs.lock().expect("no test panics here");
        let count = runs.entry(name.to_owned()).or_insert(0);
        *count += 1;
        let count = *count;
        drop(runs);
        (self.script)(name, count)
    }
}

impl Engine for FakeEngine {
    fn run(
        &self,
        task: &Task,
        source: Arc<dyn ByteSource>,
        sink: &mut dyn FragmentSink,
        control: &dyn Control,
    ) -> Result<TaskReport, MediaError> {
        let mischief = self.begin(&name(task));
        match mischief {
            Some(Mischief::Panic) => panic!("as told"),
            Some(Mischief::Busy) => {
                return Err(MediaError::Io {
                    what: "reading",
                    source: std::io::Error::other("busy"),
                });
            }
            Some(Mischief::Unreadable) => {
                return Err(MediaError::Unreadable {
                    what: "as told".to_owned(),
                });
            }
            Some(Mischief::Hang) => {
                return Err(until_cancelled(control));
            }
            Some(Mischief::OtherFrames | Mischief::OtherList) | None => {}
        }
        Ok(match task {
            Task::Scan { .. } => TaskReport::Scan(Box::new(scanned(source.length()))),
            Task::Chunk(task) => TaskReport::Chunk(Box::new(chunk(task, mischief.as_ref(), sink)?)),
            Task::Audio(task) => TaskReport::Audio(Box::new(audio(task, sink)?)),
        })
    }

    fn exact_frames(
        &self,
        scanned: &Scanned,
        _source: Arc<dyn ByteSource>,
        control: &dyn Control,
    ) -> Result<Vec<i64>, MediaError> {
        if self.begin(COUNT) == Some(Mischief::Hang) {
            return Err(until_cancelled(control));
        }
        let frames = scanned.timeline.frames.iter();
        Ok(frames
            .map(|frame| frame.source_pts)
            .take(usize::try_from(FRAMES - 1).expect("small"))
            .collect())
    }
}

fn until_cancelled(control: &dyn Control) -> MediaError {
    while !control.cancelled() {
        std::thread::yield_now();
    }
    MediaError::Cancelled
}

fn rational(numerator: i64, denominator: i64) -> Rational {
    Rational::new(numerator, denominator).expect("a fraction")
}

fn scanned(bytes: u64) -> Scanned {
    let time_base = rational(1, RATE);
    let count = i64::try_from(FRAMES).expect("small");
    let point = |frame: i64| AccessPoint {
        frame: u64::try_from(frame).expect("positive"),
        start: StartPoint {
            position: None,
            raw_dts: frame,
            dts: frame,
            pts: frame,
        },
    };
    let points = (0..count).step_by(usize::try_from(RATE).expect("small"));
    Scanned {
        facts: SourceFacts {
            container: Container::Mp4,
            bytes,
            duration_s: None,
            video: video_facts(time_base),
            audio: vec![AudioFacts {
                stream: 1,
                sample_rate_hz: 48_000,
                channels: 2,
                time_base: rational(1, SAMPLE_RATE),
                language: Some("eng".to_owned()),
                title: None,
                default: true,
            }],
            left_out: vec![LeftOutStream {
                stream: 2,
                kind: "subtitle".to_owned(),
                codec: "mov_text".to_owned(),
                reason: "subtitles aren't carried over".to_owned(),
            }],
        },
        timeline: Timeline {
            source_time_base: time_base,
            clock: OutputClock::Constant {
                rate: Rational::whole(RATE),
            },
            frames: (0..count)
                .map(|pts| PlannedFrame {
                    source_pts: pts,
                    output_pts: pts,
                })
                .collect(),
            end_pts: count,
            access_points: points.map(point).collect(),
            mapping: PacketMapping::default(),
            first_raw_dts: 0,
            exact: false,
            dropped: DroppedFrames::default(),
        },
    }
}

fn video_facts(time_base: Rational) -> VideoFacts {
    VideoFacts {
        stream: 0,
        codec: VideoCodec::H264,
        profile: "High".to_owned(),
        width: 640,
        height: 360,
        pixel_format: "yuv420p".to_owned(),
        bit_depth: 8,
        sample_aspect: Rational::ONE,
        orientation: Orientation::default(),
        interlaced: false,
        color: Color {
            full_range: false,
            primaries: 1,
            transfer: 1,
            matrix: 1,
            chroma_location: 1,
        },
        time_base,
        frame_rate: Some(Rational::whole(RATE)),
        bitrate_bps: None,
    }
}

/// A configuration record of High profile, level 3.0, with one parameter set of each kind.
fn avcc() -> Vec<u8> {
    let mut bytes = vec![1, 0x64, 0, 0x1e, 0xff, 0xe1];
    bytes.extend([0, 4, 0x67, 0x64, 0, 0x1e, 1, 0, 2, 0x68, 0xee]);
    bytes.extend([0xfd, 0xf8, 0xf8, 0]);
    bytes
}

fn put(
    sink: &mut dyn FragmentSink,
    track: usize,
    writer: FragmentWriter,
) -> Result<FragmentInfo, MediaError> {
    let (info, bytes) = writer.finish()?;
    sink.put(track, &info, &bytes)
        .map_err(|source| MediaError::Io {
            what: "spooling",
            source,
        })?;
    Ok(info)
}

fn chunk(
    task: &ChunkTask,
    mischief: Option<&Mischief>,
    sink: &mut dyn FragmentSink,
) -> Result<ChunkReport, MediaError> {
    let wrong_list = mischief == Some(&Mischief::OtherList);
    let first = task.first_frame - u64::from(task.own_start);
    let hashes = |range: std::ops::Range<u32>, salt: u8| {
        let hash = |n: u32| {
            let frame = first + u64::from(n);
            let mut hash = frame.to_le_bytes();
            hash[7] = salt;
            FrameHash { frame, hash }
        };
        range.map(hash).collect::<Vec<_>>()
    };
    let salt = u8::from(mischief == Some(&Mischief::OtherFrames));
    let all = u32::try_from(task.frames.len()).expect("small");
    let renditions = if wrong_list {
        Vec::new()
    } else {
        tracks(task, sink)?
    };
    Ok(ChunkReport {
        as_planned: !wrong_list,
        delivered: Vec::new(),
        left: hashes(0..task.hash_left_end, salt),
        right: hashes(task.hash_right_start..all, 0),
        decoded_frames: u64::from(all),
        damaged_frames: 0,
        start_used: 0,
        renditions,
        cpu_us: 0,
    })
}

fn tracks(task: &ChunkTask, sink: &mut dyn FragmentSink) -> Result<Vec<TrackReport>, MediaError> {
    let mut reports = Vec::new();
    for (track, rendition) in task.renditions.iter().enumerate() {
        let times = DecodeTimes::for_chunk(task, rendition.encoder.reorder_depth)?;
        let mut fragments = Vec::new();
        let mut writer: Option<FragmentWriter> = None;
        for (packet, frame) in (task.own_start..task.own_end).enumerate() {
            let key = task.keys.contains(&frame);
            if key {
                if let Some(done) = writer.take() {
                    fragments.push(put(sink, track, done)?);
                }
                let cell = u32::try_from(fragments.len()).expect("small");
                writer = Some(FragmentWriter::new(task.first_cell + cell + 1));
            }
            let place = usize::try_from(frame).expect("small");
            let timing = times.sample(packet, task.frames[place].output_pts)?;
            let bytes = format!("{}:{}", rendition.name, task.frames[place].source_pts);
            writer.as_mut().expect("a chunk begins with a cell").push(
                timing,
                key,
                bytes.as_bytes(),
            )?;
        }
        if let Some(done) = writer.take() {
            fragments.push(put(sink, track, done)?);
        }
        reports.push(TrackReport {
            codec_config: avcc(),
            fragments,
            vbv: None,
            priming_samples: 0,
            presentation_delay: times.presentation_delay(),
        });
    }
    Ok(reports)
}

fn audio(task: &AudioTask, sink: &mut dyn FragmentSink) -> Result<AudioReport, MediaError> {
    let mut fragments = Vec::new();
    let mut time = 0;
    for (sequence, &end) in (1_u32..).zip(&task.cell_ends) {
        let mut writer = FragmentWriter::new(sequence);
        while time < end + i64::from(PRIMING) {
            let timing = SampleTiming {
                decode_time: time,
                duration: u32::try_from(AAC_FRAME).expect("small"),
                composition_offset: 0,
            };
            writer.push(timing, true, time.to_string().as_bytes())?;
            time += AAC_FRAME;
        }
        fragments.push(put(sink, 0, writer)?);
    }
    let samples = u64::try_from(time).expect("positive") - u64::from(PRIMING);
    Ok(AudioReport {
        track: TrackReport {
            codec_config: vec![0x11, 0x90],
            fragments,
            vbv: None,
            priming_samples: PRIMING,
            presentation_delay: 0,
        },
        samples,
        damaged_packets: 0,
        cpu_us: 0,
    })
}
