//! The golden clip: what each engine path of this machine makes of a tiny built-in clip.
//!
//! Pictures and sound are made from whole numbers. What is decoded is built in, some kilobytes made
//! by `ffmpeg` 5.1: `testsrc2=s=96x80:r=25:d=0.4` by libx264 (preset slower) and libx265 (medium), and
//! two tones with noise by its AAC encoder.

mod clip;

use std::collections::BTreeMap;
use std::sync::Arc;

use reelmesh_domain::chroma::ChromaPlace;
use reelmesh_domain::fingerprint::{EnginePath, Fingerprint};
use reelmesh_domain::media_types::{Color, Vbv};
use reelmesh_domain::rational::Rational;

use crate::border::hash_picture;
use crate::chunk::{DEINTERLACE, X264_PARAMS};
use crate::control::Unattended;
use crate::error::MediaError;
use crate::ffi::convert::{Converter, Shape};
use crate::ffi::decoder::Decoder;
use crate::ffi::encoder::{AudioSettings, Encoder, VideoSettings};
use crate::ffi::filter::VideoFilter;
use crate::ffi::frame::{Frame, GBRP, GRAY8, PictureKind, YUV420P, YUV422P, YUV444P};
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::ffi::resample::{Resampler, Sound};
use crate::ffi::{Step, library_versions};
use crate::io::ByteSource;
use crate::limits::Limits;
use crate::scale::{Picture420, Picture420View, Scaler, Size};

/// Pictures of the clip: more than the lookahead of the presets that are tried.
const PICTURES: u32 = 24;
/// Size of pictures that are encoded slowly.
const SLOW_SIZE: (u32, u32) = (72, 56);
/// Blocks of sound.
const BLOCKS: u32 = 12;
/// Samples of a block of sound that is resampled.
const BLOCK_SAMPLES: u32 = 1024;
/// Colours of the clip.
const BT709: Color = Color {
    full_range: false,
    primaries: 1,
    transfer: 1,
    matrix: 1,
    chroma_location: 1,
};

const H264: &[u8] = include_bytes!("h264.mp4");
const HEVC: &[u8] = include_bytes!("hevc.mp4");
const AAC: &[u8] = include_bytes!("aac.mp4");

/// Versions of the libraries, and BLAKE3 of what each engine path makes of the golden clip. Takes some
/// hundred milliseconds of CPU.
///
/// # Errors
///
/// A bug if a path that must be there isn't.
pub fn fingerprint() -> Result<Fingerprint, MediaError> {
    let mut golden = BTreeMap::new();
    let paths: [(EnginePath, Maker); 9] = [
        (EnginePath::DecodeH264, |hasher| decode(H264, hasher)),
        (EnginePath::DecodeHevc, |hasher| decode(HEVC, hasher)),
        (EnginePath::Convert, convert),
        (EnginePath::Deinterlace, deinterlace),
        (EnginePath::Scale, scale),
        (EnginePath::EncodeX264, encode_pictures),
        (EnginePath::DecodeAac, |hasher| decode(AAC, hasher)),
        (EnginePath::Resample, resample),
        (EnginePath::EncodeAac, encode_sound),
    ];
    for (path, make) in paths {
        let mut hasher = blake3::Hasher::new();
        make(&mut hasher)?;
        golden.insert(path, *hasher.finalize().as_bytes());
    }
    Ok(Fingerprint {
        versions: versions(),
        golden,
    })
}

/// Adds what a path makes to a hash.
type Maker = fn(&mut blake3::Hasher) -> Result<(), MediaError>;

fn versions() -> BTreeMap<String, String> {
    // All crates of the workspace have one version.
    let own =
        ["planner", "media"].map(|part| (part.to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
    let mut versions = BTreeMap::from(own);
    for line in library_versions() {
        let (name, version) = line.split_once(' ').unwrap_or((&line, ""));
        // A library has a version and says how it was built: two lines of one name.
        let entry = versions.entry(name.to_owned()).or_default();
        if !entry.is_empty() {
            entry.push_str("; ");
        }
        entry.push_str(version);
    }
    versions
}

/// A built-in file.
struct Built(&'static [u8]);

impl ByteSource for Built {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| self.0.get(offset..))
            .unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

fn decode(file: &'static [u8], hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    let limits = Limits::default();
    let mut input = Input::open(Arc::new(Built(file)), &limits, &Unattended)?;
    let Some(stream) = input.stream(0) else {
        return Err(broken("a built-in file has a stream"));
    };
    let mut decoder = Decoder::open(stream, &limits)?;
    let (mut packet, mut frame) = (Packet::new()?, Frame::new()?);
    let bug = |error: crate::ffi::AvError| error.into_bug("a built-in file decodes");
    let mut frames = 0;
    let mut more = true;
    while more {
        more = input.read(&mut packet)?;
        decoder.send(more.then_some(&packet)).map_err(bug)?;
        while decoder.receive(&mut frame).map_err(bug)? == Step::Ready {
            hash_frame(hasher, &frame);
            frames += 1;
        }
    }
    if frames == 0 {
        return Err(broken("a built-in file has frames"));
    }
    Ok(())
}

fn hash_frame(hasher: &mut blake3::Hasher, frame: &Frame) {
    if frame.samples() == 0 {
        hash_picture(hasher, frame);
        return;
    }
    for channel in 0..frame.channels() {
        for sample in frame.channel(channel).unwrap_or_default() {
            hasher.update(&sample.to_bits().to_le_bytes());
        }
    }
}

/// Every kind of format becomes 4:2:0 of limited range, from the full range in every step of the conversion.
fn convert(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    for (format, full_range) in [
        (YUV420P, true),
        (YUV422P, false),
        (YUV422P, true),
        (YUV444P, false),
        (GRAY8, true),
        (GBRP, true),
    ] {
        let first = clip::picture_in(format, clip::SIZE, 0)?;
        let mut shape = Shape::of(&first);
        shape.full_range = full_range;
        let mut converter = Converter::new(shape, BT709, ChromaPlace::LEFT)?;
        for number in 0..2 {
            let mut source = clip::picture_in(format, clip::SIZE, number)?;
            source.set_full_range(full_range);
            let mut target = Frame::picture(source.width(), source.height())?;
            converter.convert(&source, &mut target)?;
            hash_picture(hasher, &target);
        }
    }
    Ok(())
}

fn deinterlace(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    let first = clip::picture(0)?;
    let size = (first.width(), first.height());
    let mut filter = VideoFilter::new(DEINTERLACE, size, first.format())?;
    for number in 0..=6 {
        let mut source = clip::picture(number)?;
        source.set_interlaced(true);
        filter.send((number < 6).then_some(source))?;
        let mut frame = Frame::new()?;
        while filter.receive(&mut frame)? == Step::Ready {
            hash_picture(hasher, &frame);
            frame = Frame::new()?;
        }
    }
    Ok(())
}

fn scale(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    let bug = |error: crate::scale::ScaleError| broken(&error.to_string());
    let from = Size::new(clip::SIZE.0, clip::SIZE.1);
    for (width, height) in [(122, 70), (64, 36), (250, 140)] {
        let mut scaler = Scaler::new(from, Size::new(width, height)).map_err(bug)?;
        let mut target = Picture420::new(Size::new(width, height)).map_err(bug)?;
        let source = clip::picture(1)?;
        let planes = [0, 1, 2].map(|plane| (source.plane(plane), source.stride(plane)));
        let view = Picture420View::new(from, planes).map_err(bug)?;
        scaler.scale(&view, &mut target).map_err(bug)?;
        for plane in target.view().planes() {
            for y in 0..plane.size().height as usize {
                hasher.update(plane.row(y));
            }
        }
    }
    Ok(())
}

/// By constant quality and by a capped rate, with the presets of the ladders; and with one that tries what the
/// quicker ones don't, on small pictures as it takes its time.
fn encode_pictures(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    let cap = Vbv {
        max_rate_bps: 200_000,
        buffer_bits: 400_000,
    };
    for (preset, vbv, size) in [
        ("veryfast", None, clip::SIZE),
        ("medium", Some(cap), clip::SIZE),
        ("slower", None, SLOW_SIZE),
    ] {
        let mut encoder = Encoder::video(&VideoSettings {
            encoder: "libx264",
            width: size.0,
            height: size.1,
            time_base: Rational::whole(1),
            frame_rate: Rational::whole(25),
            color: BT709,
            vbv,
            options: &[
                ("preset", preset),
                ("crf", "23"),
                ("forced-idr", "1"),
                ("x264-params", X264_PARAMS),
            ],
        })?;
        hasher.update(encoder.extradata());
        for number in 0..=PICTURES {
            let mut picture = clip::picture_in(YUV420P, size, number)?;
            picture.set_kind(PictureKind::Free);
            let picture = (number < PICTURES).then_some(picture);
            push(&mut encoder, picture.as_ref(), hasher)?;
        }
    }
    Ok(())
}

/// Other rates, and six channels mixed to two.
fn resample(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    for (channels, rate_hz) in [(6, clip::SAMPLE_RATE_HZ), (2, 44_100), (1, 44_100)] {
        let first = clip::sound(0, channels, BLOCK_SAMPLES)?;
        let mut resampler = Resampler::new(&first, rate_hz, 2)?;
        let mut out = Sound::new(2);
        for number in 0..4 {
            let block = clip::sound(number, channels, BLOCK_SAMPLES)?;
            resampler.push(&block, 0..BLOCK_SAMPLES, &mut out)?;
        }
        resampler.flush(&mut out)?;
        for channel in 0..2 {
            for sample in out.channel(channel) {
                hasher.update(&sample.to_bits().to_le_bytes());
            }
        }
    }
    Ok(())
}

fn encode_sound(hasher: &mut blake3::Hasher) -> Result<(), MediaError> {
    let mut encoder = Encoder::audio(&AudioSettings {
        encoder: "aac",
        sample_rate_hz: clip::SAMPLE_RATE_HZ,
        channels: 2,
        bitrate_bps: 128_000,
        options: &[],
    })?;
    hasher.update(encoder.extradata());
    for number in 0..BLOCKS {
        let sound = clip::sound(number, 2, encoder.frame_samples())?;
        push(&mut encoder, Some(&sound), hasher)?;
    }
    push(&mut encoder, None, hasher)
}

fn push(
    encoder: &mut Encoder,
    frame: Option<&Frame>,
    hasher: &mut blake3::Hasher,
) -> Result<(), MediaError> {
    let bug = |error: crate::ffi::AvError| error.into_bug("the golden clip is encoded");
    let mut packet = Packet::new()?;
    encoder.send(frame).map_err(bug)?;
    while encoder.receive(&mut packet).map_err(bug)? == Step::Ready {
        hasher.update(packet.data());
    }
    Ok(())
}

fn broken(rule: &str) -> MediaError {
    MediaError::Bug {
        rule: rule.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Two runs agree, each path made bytes of its own, and every library is named.
    #[test]
    fn is_the_same_twice() {
        let first = fingerprint().expect("every path is there");
        assert_eq!(first, fingerprint().expect("every path is there"));
        let hashes: BTreeSet<_> = first.golden.values().collect();
        assert_eq!(hashes.len(), first.golden.len());
        assert!(!hashes.contains(blake3::hash(b"").as_bytes()));
        let names: Vec<&str> = first.versions.keys().map(String::as_str).collect();
        assert!(
            ["libavcodec", "libswscale", "media", "planner"]
                .iter()
                .all(|name| names.contains(name)),
            "{names:?}"
        );
    }
}
