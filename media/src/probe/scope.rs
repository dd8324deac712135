//! Which streams are transcoded, which are left out, and what is refused.

use reelmesh_domain::media_types::{AudioFacts, LeftOutStream, VideoCodec};

use crate::error::MediaError;
use crate::ffi::input::Input;
use crate::ffi::stream::{Codec, Kind, PixelFormatFacts, Stream, pixel_format_facts};
use crate::limits::Limits;

/// Bits per component that are in scope.
const BIT_DEPTH: u8 = 8;

/// The streams of a source, sorted.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) video: u32,
    pub(super) codec: VideoCodec,
    pub(super) audio: Vec<AudioFacts>,
    pub(super) left_out: Vec<LeftOutStream>,
}

impl Streams {
    /// Takes the first video stream and all audio tracks, and names what is left out.
    pub(super) fn sort(input: &Input<'_>, limits: &Limits) -> Result<Self, MediaError> {
        let moving =
            |stream: &Stream<'_>| stream.kind() == Kind::Video && !stream.is_attached_picture();
        let Some(video) = input.streams().find(moving) else {
            return Err(MediaError::OutOfScope {
                what: format!(
                    "it has no video stream ({}); one of H.264 or HEVC is needed",
                    listed(input)
                ),
            });
        };
        let codec = video_codec(video, limits)?;
        let mut audio = Vec::new();
        let mut left_out = Vec::new();
        for stream in input.streams() {
            if stream.index() == video.index() {
                continue;
            }
            if stream.kind() == Kind::Audio {
                audio.push(audio_facts(stream)?);
            } else {
                left_out.push(left_out_stream(stream, video.index()));
            }
        }
        Ok(Self {
            video: video.index(),
            codec,
            audio,
            left_out,
        })
    }
}

fn listed(input: &Input<'_>) -> String {
    let streams = input.streams().map(|stream| {
        format!(
            "stream {}: {} {}",
            stream.index(),
            kind(stream),
            codec_name(stream)
        )
    });
    let streams: Vec<_> = streams.collect();
    if streams.is_empty() {
        "no stream at all".to_owned()
    } else {
        streams.join(", ")
    }
}

/// The codec of the video stream, if all that its parameters say is in scope.
fn video_codec(video: Stream<'_>, limits: &Limits) -> Result<VideoCodec, MediaError> {
    let index = video.index();
    if video.is_encrypted() {
        return Err(crate::scan::encrypted(index));
    }
    let codec = match video.codec() {
        Codec::H264 => VideoCodec::H264,
        Codec::Hevc => VideoCodec::Hevc,
        _ => {
            return Err(MediaError::OutOfScope {
                what: format!(
                    "stream {index} is {} video; H.264 and HEVC are in scope",
                    codec_name(video)
                ),
            });
        }
    };
    let (width, height) = video.size();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > limits.pixels {
        return Err(MediaError::LimitPassed {
            limit: "the number of a picture's pixels",
            value: pixels,
            bound: limits.pixels,
        });
    }
    if let Some(format) = pixel_format_facts(video.pixel_format()) {
        require_depth(index, &format)?;
    }
    Ok(codec)
}

/// Refuses deeper pictures than those in scope.
pub(super) fn require_depth(stream: u32, format: &PixelFormatFacts) -> Result<(), MediaError> {
    if format.bit_depth == BIT_DEPTH {
        return Ok(());
    }
    Err(MediaError::OutOfScope {
        what: format!(
            "stream {stream} has {} bits per component ({}); {BIT_DEPTH} are in scope",
            format.bit_depth, format.name
        ),
    })
}

fn audio_facts(stream: Stream<'_>) -> Result<AudioFacts, MediaError> {
    let index = stream.index();
    if stream.is_encrypted() {
        return Err(crate::scan::encrypted(index));
    }
    if stream.codec() != Codec::Aac {
        return Err(MediaError::OutOfScope {
            what: format!(
                "stream {index} is {} audio; AAC tracks are in scope, or none",
                codec_name(stream)
            ),
        });
    }
    let (sample_rate_hz, channels) = (stream.sample_rate_hz(), stream.channels());
    if sample_rate_hz == 0 || channels == 0 {
        return Err(MediaError::Unreadable {
            what: format!("stream {index}: the sample rate or channels of its audio are unknown"),
        });
    }
    // `und` is how containers write that no language is stated.
    let language = stream.metadata(c"language").filter(|code| code != "und");
    Ok(AudioFacts {
        stream: index,
        sample_rate_hz,
        channels,
        time_base: stream.time_base(),
        language,
        title: stream.metadata(c"title"),
        default: stream.is_default(),
    })
}

fn left_out_stream(stream: Stream<'_>, video: u32) -> LeftOutStream {
    let reason = if stream.is_attached_picture() {
        "pictures attached to the file aren't carried over".to_owned()
    } else if stream.kind() == Kind::Video {
        format!("only the first video stream, stream {video}, is transcoded")
    } else {
        format!("{} streams aren't carried over", kind(stream))
    };
    LeftOutStream {
        stream: stream.index(),
        kind: kind(stream).to_owned(),
        codec: codec_name(stream),
        reason,
    }
}

fn kind(stream: Stream<'_>) -> &'static str {
    if stream.is_attached_picture() {
        return "attached picture";
    }
    match stream.kind() {
        Kind::Video => "video",
        Kind::Audio => "audio",
        Kind::Subtitle => "subtitle",
        Kind::Data => "data",
        Kind::Attachment => "attachment",
        Kind::Unknown => "unknown",
    }
}

fn codec_name(stream: Stream<'_>) -> String {
    match stream.codec() {
        Codec::Unknown => "unknown".to_owned(),
        _ => stream.codec_name(),
    }
}
