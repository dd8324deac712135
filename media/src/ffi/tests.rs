use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use reelmesh_domain::media_types::{Color, Container};
use reelmesh_domain::rational::Rational;

use super::Step;
use super::decoder::Decoder;
use super::encoder::{Encoder, VideoSettings};
use super::frame::{Frame, PictureKind};
use super::input::Input;
use super::packet::Packet;
use super::stream::Kind;
use crate::control::{Control, Unattended};
use crate::error::MediaError;
use crate::io::{ByteSource, FileSource};
use crate::limits::Limits;

/// Bytes in memory, or an error or a panic in the place of a read.
struct Memory(Vec<u8>, Fault);

#[derive(Clone, Copy)]
enum Fault {
    None,
    Error,
    Panic,
}

impl ByteSource for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.1 {
            Fault::None => {}
            Fault::Error => return Err(std::io::ErrorKind::ConnectionReset.into()),
            Fault::Panic => panic!("a source that panics"),
        }
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..))
            .unwrap_or(&[]);
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

struct Stopped;

impl Control for Stopped {
    fn cancelled(&self) -> bool {
        true
    }

    fn progress(&self, _done: u64) {}
}

fn clip(directory: &Path, name: &str) -> Arc<dyn ByteSource> {
    let path = directory.join(name);
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i"])
        .arg("testsrc2=s=320x180:r=25:d=1")
        .args(["-c:v", "libx264", "-preset", "veryfast"])
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success());
    Arc::new(FileSource::open(&path).expect("the clip is there"))
}

/// Each container in scope is opened, and every frame of it is decoded, with rising times.
#[test]
fn decodes_each_container() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, container) in [
        ("clip.mp4", Container::Mp4),
        ("clip.mkv", Container::Matroska),
        ("clip.ts", Container::MpegTs),
    ] {
        let source = clip(directory.path(), name);
        let mut input = Input::open(source, &Limits::default(), &Unattended).expect(name);
        assert_eq!(input.container(), container, "{name}");
        input.find_stream_parameters().expect(name);
        let stream = input.stream(0).expect("a stream");
        assert_eq!((stream.kind(), stream.size()), (Kind::Video, (320, 180)));
        let mut decoder = Decoder::open(stream, &Limits::default()).expect(name);
        let (mut packet, mut frame) = (
            Packet::new().expect("memory"),
            Frame::new().expect("memory"),
        );
        let mut times = Vec::new();
        let mut more = true;
        while more {
            more = input.read(&mut packet).expect(name);
            decoder.send(more.then_some(&packet)).expect(name);
            while decoder.receive(&mut frame).expect(name) == Step::Ready {
                assert_eq!(
                    (frame.plane_size(0), frame.plane_size(1)),
                    ((320, 180), (160, 90))
                );
                assert!(frame.plane(2).len() >= 160 * 90);
                times.push(frame.pts());
            }
        }
        assert_eq!(times.len(), 25, "{name}");
        assert!(times.is_sorted() && times[0].is_some(), "{name}: {times:?}");
    }
}

/// What isn't a container in scope is refused, an HLS playlist that names a local file included.
#[test]
fn refuses_what_is_no_container() {
    let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/hostname\n#EXT-X-ENDLIST\n";
    for text in [
        "",
        "just a text\n",
        playlist,
        "ffconcat version 1.0\nfile /etc/hostname\n",
    ] {
        let source = Arc::new(Memory(text.as_bytes().to_vec(), Fault::None));
        let refused = Input::open(source, &Limits::default(), &Unattended);
        assert!(
            matches!(
                refused,
                Err(MediaError::Unreadable { .. } | MediaError::OutOfScope { .. })
            ),
            "{text}"
        );
    }
}

/// An error of the source, a panic in it and a cancelled task are told apart, and none of them
/// passes for the end of the file.
#[test]
fn tells_failures_of_the_source_apart() {
    let open = |fault, control: &dyn Control| {
        Input::open(
            Arc::new(Memory(vec![0; 9], fault)),
            &Limits::default(),
            control,
        )
        .expect_err("no media file")
    };
    assert!(matches!(
        open(Fault::Error, &Unattended),
        MediaError::Io { .. }
    ));
    assert!(matches!(
        open(Fault::Panic, &Unattended),
        MediaError::Bug { .. }
    ));
    assert!(matches!(open(Fault::None, &Stopped), MediaError::Cancelled));
}

fn x264(options: &[(&str, &str)]) -> Result<Encoder, MediaError> {
    Encoder::video(&VideoSettings {
        encoder: "libx264",
        width: 64,
        height: 48,
        time_base: Rational::new(1, 25).expect("a fraction"),
        frame_rate: Rational::whole(25),
        color: Color {
            full_range: false,
            primaries: 1,
            transfer: 1,
            matrix: 1,
            chroma_location: 1,
        },
        vbv: None,
        options,
    })
}

/// The encoder makes a key where it is told and a packet of every frame.
#[test]
fn encodes_pictures() {
    let params = [("x264-params", "keyint=infinite"), ("forced-idr", "1")];
    let mut encoder = x264(&params).expect("an encoder");
    assert!(!encoder.extradata().is_empty());
    let mut packet = Packet::new().expect("memory");
    let mut keys = Vec::new();
    for index in 0..=10_i64 {
        let mut frame = Frame::picture(64, 48).expect("memory");
        for plane in frame.planes_mut().expect("memory") {
            plane.fill(u8::try_from(index * 20).expect("small"));
        }
        frame.set_pts(Some(index));
        frame.set_kind(if index % 5 == 0 {
            PictureKind::Key
        } else {
            PictureKind::Free
        });
        encoder.send((index < 10).then_some(&frame)).expect("taken");
        while encoder.receive(&mut packet).expect("a packet") == Step::Ready {
            keys.push((packet.pts(), packet.is_key()));
        }
    }
    keys.sort_unstable();
    let expected = (0..10).map(|index| (Some(index), index % 5 == 0));
    assert_eq!(keys, expected.collect::<Vec<_>>());
}

/// Misspelt options are errors, both of libavcodec and inside `x264-params`.
#[test]
fn refuses_unknown_options() {
    for options in [[("nonsense", "1")], [("x264-params", "nonsense=1")]] {
        assert!(
            matches!(x264(&options), Err(MediaError::Bug { .. })),
            "{options:?}"
        );
    }
}

/// Pictures of more pixels than allowed aren't decoded to find out what they are.
#[test]
fn large_pictures_are_not_tried() {
    let directory = tempfile::tempdir().expect("a directory");
    let source = clip(directory.path(), "clip.ts");
    for (pixels, refused) in [(320 * 180 - 1, true), (384 * 192, false)] {
        let limits = Limits {
            pixels,
            ..Limits::default()
        };
        crate::log::clear();
        let mut input = Input::open(Arc::clone(&source), &limits, &Unattended).expect("opens");
        input.find_stream_parameters().expect("reads on");
        let lines = crate::log::last_lines();
        let found = lines.iter().any(|line| line.contains("max pixel count"));
        assert_eq!(found, refused, "{pixels}: {lines:?}");
    }
}

/// What is no code point in a file is read as "unspecified", not as a variant that doesn't exist: Matroska's
/// demuxer copies the number as it is stored.
#[test]
fn unknown_matrix_is_unspecified() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("clip.mkv");
    let status = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2"])
        .args([
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-colorspace",
            "bt709",
        ])
        .args(["-bsf:v", "h264_metadata=matrix_coefficients=2"])
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success());
    let mut bytes = std::fs::read(&path).expect("the clip");
    // The element of the matrix with its length, and its value.
    let place = bytes
        .windows(4)
        .position(|bytes| bytes == [0x55, 0xb1, 0x81, 1]);
    bytes[place.expect("a matrix") + 3] = 200;
    let source = Arc::new(Memory(bytes, Fault::None));
    let mut input = Input::open(source, &Limits::default(), &Unattended).expect("opens");
    input.find_stream_parameters().expect("reads on");
    assert_eq!(input.stream(0).expect("a stream").color().matrix, 2);
}
