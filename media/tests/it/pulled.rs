//! How many bytes of a source are pulled: a scan needs the index alone, a window its own bytes.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_domain::media_types::{Container, ScannedPacket, SourceFacts};
use reelmesh_media::control::Unattended;
use reelmesh_media::ffi::input::Input;
use reelmesh_media::ffi::packet::Packet;
use reelmesh_media::io::ByteSource;
use reelmesh_media::limits::Limits;
use reelmesh_media::probe::probe;
use reelmesh_media::scan::scan;
use reelmesh_media::window::decode_window;

use crate::clips::{X264, X264_OPEN, X265_OPEN, clip, open};
use crate::corpus::folder;
use crate::identity::{self, Source};
use crate::table::{File, files};
use crate::windows;

/// Noise that is hard to code: 75 frames of some 60 kB, five groups.
pub(crate) const LARGE: &str =
    "-vf scale=480:270,noise=alls=80:allf=t -c:v libx264 -preset ultrafast -bf 2 -g 15 -qp 12";

/// Where FFmpeg's parser takes frames for fields and halves their durations, against the file's own table,
/// which the hollow scan goes by.
const FIELDS_MISTAKEN: &str = "mixed-nal-coding.mp4";

/// Counts the bytes that are read of a source.
struct Counting {
    source: Arc<dyn ByteSource>,
    bytes: AtomicU64,
}

impl Counting {
    fn new(source: &Arc<dyn ByteSource>) -> Arc<Self> {
        Arc::new(Self {
            source: Arc::clone(source),
            bytes: AtomicU64::new(0),
        })
    }

    fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl ByteSource for Counting {
    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.source.read_at(offset, buffer)?;
        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// All packets of the video stream with their data, by a demuxer that reads all.
fn demuxed(bytes: &Arc<dyn ByteSource>, facts: &SourceFacts) -> Vec<ScannedPacket> {
    let limits = Limits::default();
    let mut input = Input::open(Arc::clone(bytes), &limits, &Unattended).expect("opens");
    input.find_stream_parameters().expect("parameters");
    input.select(facts.video.stream);
    let mut packet = Packet::new().expect("memory");
    let mut packets = Vec::new();
    while input.read(&mut packet).expect("reads") {
        if packet.stream() == facts.video.stream {
            packets.push(ScannedPacket {
                pts: packet.pts(),
                dts: packet.dts(),
                duration: packet.duration(),
                position: packet.position(),
                size: u32::try_from(packet.data().len()).expect("small"),
                key: packet.is_key(),
                discard: packet.is_discarded(),
            });
        }
    }
    packets
}

/// Scans a source and compares with the demuxer; says how much was pulled.
fn check_scan(name: &str, bytes: &Arc<dyn ByteSource>) -> u64 {
    let limits = Limits::default();
    let facts = probe(Arc::clone(bytes), &limits, &Unattended).expect(name);
    let counting = Counting::new(bytes);
    let found = scan(Arc::clone(&counting) as _, &facts, &limits, &Unattended);
    let found = found
        .unwrap_or_else(|error| panic!("{name}: {error}"))
        .packets;
    let expected = demuxed(bytes, &facts);
    for (place, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let mut expected = *expected;
        if name == FIELDS_MISTAKEN {
            expected.duration = found.duration;
        }
        assert_eq!(found, &expected, "{name}, packet {place}");
    }
    assert_eq!(found.len(), expected.len(), "{name}");
    counting.bytes()
}

/// Without their payload, MP4 files of the corpus give the packets that a demuxer finds who reads all.
#[test]
fn hollow_scans_are_scans() {
    let Some(folder) = folder() else { return };
    let mut scanned = 0;
    for file in files() {
        let File::In(file) = file else { continue };
        let bytes = identity::open(&folder.join(file.name));
        let facts = probe(Arc::clone(&bytes), &Limits::default(), &Unattended);
        if facts.expect(file.name).container == Container::Mp4 {
            check_scan(file.name, &bytes);
            scanned += 1;
        }
    }
    assert!(scanned > 20, "{scanned} files");
}

/// The same for clips of each codec with closed and open groups; cut off, too.
#[test]
fn hollow_scans_of_clips_are_scans() {
    let directory = tempfile::tempdir().expect("a directory");
    let variable = format!("{X264} -vf select='not(eq(mod(n\\,7)\\,3))' -vsync vfr");
    for options in [X264, X264_OPEN, X265_OPEN, &variable] {
        let options = format!("{options} -movflags faststart");
        let path = clip(directory.path(), "clip.mov", &options);
        check_scan(&options, &identity::open(&path));
        let bytes = std::fs::read(&path).expect("the clip");
        std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).expect("written");
        check_scan(&options, &identity::open(&path));
    }
}

/// A scan of an MP4 pulls its boxes and its index, wherever that stands, and nothing else.
#[test]
fn hollow_scans_pull_the_index_only() {
    /// Of an index of 75 packets, and of boxes before and behind it.
    const INDEX_BYTES_MAX: u64 = 16 << 10;
    let directory = tempfile::tempdir().expect("a directory");
    for movflags in ["", "-movflags faststart"] {
        let path = clip(directory.path(), "clip.mp4", &format!("{LARGE} {movflags}"));
        let bytes = identity::open(&path);
        assert!(bytes.length() > 2 << 20, "{} bytes", bytes.length());
        let pulled = check_scan(movflags, &bytes);
        assert!(pulled < INDEX_BYTES_MAX, "{pulled} bytes, {movflags}");
    }
}

/// What is pulled for a window late in a clip, and how much lies behind its start.
fn pulled(directory: &Path, name: &str, options: &str) -> (u64, u64) {
    let source: Source = open(&clip(directory, name, &format!("{LARGE} {options}")));
    let mut task = windows::task(&source.facts, &source.timeline, &(72..75));
    task.starts.truncate(1);
    let start = task.starts[0].position.expect("a position");
    assert!(start > source.bytes.length() / 2, "{name} {options}");
    let counting = Counting::new(&source.bytes);
    let mut delivered = 0;
    let report = decode_window(
        &task,
        Arc::clone(&counting) as _,
        &Limits::default(),
        &Unattended,
        &mut |_place, _frame| {
            delivered += 1;
            Ok(())
        },
    );
    assert!(report.expect(name).as_planned, "{name} {options}");
    assert_eq!(delivered, task.frames.len(), "{name} {options}");
    (counting.bytes(), source.bytes.length() - start)
}

/// A window late in a file pulls what lies between its start and the end, and of the rest the header and what
/// FFmpeg looks at first to know the stream: with or without an index in the file.
#[test]
fn windows_pull_their_own_bytes() {
    /// FFmpeg looks at the rate of up to 20 frames, if tables don't say that it is constant.
    const HEAD_BYTES_MAX: u64 = 4 << 20;
    /// A few frames, what is read ahead, and what is looked through to find the start.
    const NEAR_BYTES_MAX: u64 = 1 << 20;
    let directory = tempfile::tempdir().expect("a directory");
    for (name, options, bound) in [
        ("clip.mp4", "", HEAD_BYTES_MAX),
        (
            "clip.mp4",
            "-movflags frag_keyframe+empty_moov",
            NEAR_BYTES_MAX,
        ),
        ("clip.mkv", "-cluster_time_limit 500", NEAR_BYTES_MAX),
        (
            "clip.mkv",
            "-live 1 -cluster_time_limit 500",
            NEAR_BYTES_MAX,
        ),
    ] {
        let (pulled, own) = pulled(directory.path(), name, options);
        assert!(pulled < own + bound, "{name} {options}: {pulled}, {own}");
    }
}
