//! Whether chunks, together, decode to the frames of one sequential decode.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use reelmesh_domain::media_types::SourceFacts;
use reelmesh_domain::plan::Timeline;
use reelmesh_media::control::Unattended;
use reelmesh_media::error::MediaError;
use reelmesh_media::ffi::Step;
use reelmesh_media::ffi::decoder::Decoder;
use reelmesh_media::ffi::frame::Frame;
use reelmesh_media::ffi::input::Input;
use reelmesh_media::ffi::packet::Packet;
use reelmesh_media::io::{ByteSource, FileSource};
use reelmesh_media::limits::Limits;
use reelmesh_media::probe::probe;
use reelmesh_media::scan::{exact_frames, scan};
use reelmesh_media::window::decode_window;

use crate::windows::{self, Cut};

/// The hash of a picture: its size, format and planes without padding.
pub(crate) type Hash = blake3::Hash;

/// A source that was probed and scanned.
pub(crate) struct Source {
    pub(crate) bytes: Arc<dyn ByteSource>,
    pub(crate) facts: SourceFacts,
    pub(crate) timeline: Timeline,
}

/// What was found when a source was cut into chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Frames of the timeline on which they held.
    pub(crate) frames: usize,
    /// Chunks that were left when all borders held.
    pub(crate) chunks: usize,
    /// The timeline that packets claim wasn't the one that the decoder delivers.
    pub(crate) claimed_wrong: bool,
    /// Chunks that used another start than the planned one.
    pub(crate) later_starts: usize,
}

pub(crate) fn open(path: &Path) -> Arc<dyn ByteSource> {
    Arc::new(FileSource::open(path).expect("the file is there"))
}

impl Source {
    pub(crate) fn open(path: &Path) -> Result<Self, MediaError> {
        let bytes = open(path);
        let limits = Limits::default();
        let facts = probe(Arc::clone(&bytes), &limits, &Unattended)?;
        let scan = scan(Arc::clone(&bytes), &facts, &limits, &Unattended)?;
        let timeline = Timeline::from_scan(&scan, &facts.video, facts.container);
        let timeline = timeline.map_err(|error| MediaError::Unreadable {
            what: error.to_string(),
        })?;
        limits.admit(&timeline)?;
        Ok(Self {
            bytes,
            facts,
            timeline,
        })
    }

    /// The same with the frames that a full decode delivers.
    pub(crate) fn exact(&self) -> Timeline {
        let delivered = exact_frames(
            Arc::clone(&self.bytes),
            &self.facts,
            &self.timeline,
            &Limits::default(),
            &Unattended,
        )
        .expect("a full decode");
        self.timeline
            .with_exact_frames(&delivered)
            .expect("a timeline")
    }

    /// All frames by an independent decoder that knows nothing of plans: from the first packet on.
    pub(crate) fn sequential(&self) -> Vec<Hash> {
        let limits = Limits::default();
        let stream = self.facts.video.stream;
        let mut input = Input::open(Arc::clone(&self.bytes), &limits, &Unattended).expect("opens");
        input.find_stream_parameters().expect("parameters");
        input.select(stream);
        let video = input.stream(stream).expect("the stream");
        let mut decoder = Decoder::open(video, &limits).expect("a decoder");
        let mut packet = Packet::new().expect("memory");
        let mut hashes = Vec::new();
        let mut more = true;
        while more {
            more = input.read(&mut packet).expect("reads");
            if more && packet.stream() != stream {
                continue;
            }
            let _damaged = decoder.send(more.then_some(&packet));
            let mut frame = Frame::new().expect("memory");
            while decoder.receive(&mut frame) == Ok(Step::Ready) {
                hashes.push(hash(&frame));
            }
        }
        hashes
    }

    /// Cuts the source into chunks; merges chunks whose border doesn't hold
    /// until all do; then compares all owned frames with the sequential decode.
    pub(crate) fn check_chunks(&self, cut: Cut, sequential: &[Hash]) -> Found {
        let mut found = Found {
            frames: 0,
            chunks: 0,
            claimed_wrong: false,
            later_starts: 0,
        };
        let mut timeline = self.timeline.clone();
        let mut borders = windows::borders(&timeline, cut);
        let chunks = loop {
            let owned = windows::owned(&timeline, &borders);
            let chunks: Vec<_> = owned
                .iter()
                .map(|own| self.decode(&timeline, own))
                .collect();
            if chunks.iter().any(|chunk| !chunk.as_planned) && !timeline.exact {
                found.claimed_wrong = true;
                timeline = self.exact();
                borders = windows::borders(&timeline, cut);
                continue;
            }
            let Some(refuted) = chunks
                .windows(2)
                .position(|pair| !holds(&pair[0], &pair[1]))
            else {
                break chunks;
            };
            borders.remove(refuted);
        };
        for chunk in &chunks {
            assert!(chunk.as_planned, "the exact frames are delivered");
            found.later_starts += usize::from(chunk.start_used > 0);
        }
        found.chunks = chunks.len();
        found.frames = timeline.frames.len();
        let owned: Vec<_> = chunks.iter().flat_map(Chunk::owned_hashes).collect();
        compare(&timeline, &owned, sequential);
        found
    }

    fn decode(&self, timeline: &Timeline, own: &Range<u64>) -> Chunk {
        let task = windows::task(&self.facts, timeline, own);
        let deliver = windows::delivered(timeline, own);
        let mut hashes = Vec::new();
        let report = decode_window(
            &task,
            Arc::clone(&self.bytes),
            &Limits::default(),
            &Unattended,
            &mut |place, frame| {
                let place = place as usize;
                assert_eq!(place, hashes.len(), "frames come in order");
                assert_eq!(frame.pts(), Some(task.frames[place].source_pts));
                hashes.push(hash(&frame));
                Ok(())
            },
        )
        .expect("the window decodes");
        assert_eq!(
            report.as_planned,
            hashes.len() == task.frames.len() && report.delivered.is_empty()
        );
        Chunk {
            own: own.clone(),
            first: deliver.start,
            as_planned: report.as_planned,
            start_used: report.start_used,
            hashes,
        }
    }
}

/// What one chunk decoded to.
struct Chunk {
    own: Range<u64>,
    first: u64,
    as_planned: bool,
    start_used: u32,
    hashes: Vec<Hash>,
}

impl Chunk {
    fn hash(&self, frame: u64) -> Option<&Hash> {
        let place = usize::try_from(frame.checked_sub(self.first)?).ok()?;
        self.hashes.get(place)
    }

    fn owned_hashes(&self) -> impl Iterator<Item = Hash> {
        self.own
            .clone()
            .filter_map(|frame| self.hash(frame).copied())
    }
}

/// A border holds if both sides decoded the frames of their overlap alike (design rule 5.5).
fn holds(left: &Chunk, right: &Chunk) -> bool {
    let end = left.first + left.hashes.len() as u64;
    (right.first..end).all(|frame| left.hash(frame) == right.hash(frame))
}

/// The frames of all chunks are those of the sequential decode, but for those that rule 0 drops.
fn compare(timeline: &Timeline, owned: &[Hash], sequential: &[Hash]) {
    assert_eq!(owned.len(), timeline.frames.len());
    let mut left = count(sequential);
    for (place, hash) in owned.iter().enumerate() {
        let count = left.get_mut(hash.as_bytes()).filter(|count| **count > 0);
        *count.unwrap_or_else(|| panic!("frame {place} isn't a decoded one")) -= 1;
    }
    let missing: usize = left.values().sum();
    let dropped = timeline.dropped.before_first_access_point + timeline.dropped.equal_times;
    // Frames before the first access point may or may not come out of a decoder that begins with them.
    let least = dropped - timeline.dropped.before_first_access_point;
    assert!(
        (least..=dropped).contains(&(missing as u64)),
        "{missing} decoded frames are in no chunk, {:?}",
        timeline.dropped
    );
}

fn count(hashes: &[Hash]) -> BTreeMap<[u8; 32], usize> {
    let mut counts = BTreeMap::new();
    for hash in hashes {
        *counts.entry(*hash.as_bytes()).or_default() += 1;
    }
    counts
}

fn hash(frame: &Frame) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&frame.width().to_le_bytes());
    hasher.update(&frame.height().to_le_bytes());
    hasher.update(&frame.format().to_le_bytes());
    for plane in 0..3 {
        let (row, _rows) = frame.plane_size(plane);
        let stride = frame.stride(plane).max(1);
        for line in frame.plane(plane).chunks(stride) {
            hasher.update(&line[..row]);
        }
    }
    hasher.finalize()
}
