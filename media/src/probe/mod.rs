//! What is in a source, and whether it is in scope.

mod fields;
mod orientation;
mod scope;

use std::sync::Arc;

use reelmesh_domain::media_types::{Color, SourceFacts, VideoCodec, VideoFacts};
use reelmesh_domain::rational::Rational;

use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::decoder::Decoder;
use crate::ffi::frame::Frame;
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::ffi::stream::Stream;
use crate::io::ByteSource;
use crate::limits::Limits;

use scope::Streams;

/// Microseconds in a second: the unit of a container's duration.
const US_PER_S: i64 = 1_000_000;

/// Code point of ITU-T H.273 for "unspecified".
const UNSPECIFIED: u8 = 2;

/// Packets of the video stream within which a first frame must come out: more than the longest
/// reordering (16 frames of two fields), and room for some that don't decode at the beginning.
const FIRST_FRAME_PACKETS_MAX: u32 = 512;

/// Finds out what a source is. Reads its header and as many packets as its parameters need, and
/// decodes the first key frame.
///
/// # Errors
///
/// Unreadable, out of scope (the first reason found, naming the stream), a passed limit, cancelled.
pub fn probe(
    source: Arc<dyn ByteSource>,
    limits: &Limits,
    control: &dyn Control,
) -> Result<SourceFacts, MediaError> {
    crate::log::clear();
    let bytes = source.length();
    let mut input = Input::open(source, limits, control)?;
    input.find_stream_parameters()?;
    let streams = Streams::sort(&input, limits)?;
    let first = first_frame(&mut input, &streams, limits, control)?;
    let stream = input.stream(streams.video);
    let stream = stream.ok_or_else(|| MediaError::Bug {
        rule: "streams of an open container stay".to_owned(),
    })?;
    let video = video_facts(stream, &first, streams.codec)?;
    let duration_s = input.duration_us();
    Ok(SourceFacts {
        container: input.container(),
        bytes,
        duration_s: duration_s.and_then(|us| Rational::new(us, US_PER_S)),
        video,
        audio: streams.audio,
        left_out: streams.left_out,
    })
}

/// What the first packets of the video stream hold.
struct First {
    /// The first frame that it shows.
    frame: Frame,
    /// Whether a parameter set, of the container or of those packets, allows fields.
    allows_fields: bool,
}

/// Decodes the first frame that the video stream shows.
fn first_frame(
    input: &mut Input<'_>,
    streams: &Streams,
    limits: &Limits,
    control: &dyn Control,
) -> Result<First, MediaError> {
    let (stream, codec) = (streams.video, streams.codec);
    input.select(stream);
    let video = input.stream(stream).ok_or_else(|| MediaError::Bug {
        rule: "streams of an open container stay".to_owned(),
    })?;
    let form = fields::Form::of(codec, video.extradata());
    let mut allows_fields = fields::in_config(codec, video.extradata()).unwrap_or(false);
    let mut decoder = Decoder::open(video, limits)?;
    let mut packet = Packet::new()?;
    let mut frame = Frame::new()?;
    let mut seen = 0;
    while seen < FIRST_FRAME_PACKETS_MAX && input.read(&mut packet)? {
        if control.cancelled() {
            return Err(MediaError::Cancelled);
        }
        if packet.stream() != stream {
            continue;
        }
        if packet.is_encrypted() {
            return Err(crate::scan::encrypted(stream));
        }
        seen += 1;
        allows_fields |= fields::in_packet(codec, form, packet.data()).unwrap_or(false);
        // A packet that doesn't decode is no reason to give up: the next key may.
        if decoder.send(Some(&packet)).is_ok() && decoder.receive(&mut frame) == Ok(Step::Ready) {
            return Ok(First {
                frame,
                allows_fields,
            });
        }
    }
    if decoder.send(None).is_ok() && decoder.receive(&mut frame) == Ok(Step::Ready) {
        return Ok(First {
            frame,
            allows_fields,
        });
    }
    let what = match seen {
        0 => format!("stream {stream}: there is no packet of it in the file"),
        _ => format!("stream {stream}: none of its {seen} first packets can be decoded"),
    };
    Err(MediaError::Unreadable {
        what: crate::log::with_last_lines(&what),
    })
}

fn video_facts(
    stream: Stream<'_>,
    first: &First,
    codec: VideoCodec,
) -> Result<VideoFacts, MediaError> {
    let frame = &first.frame;
    let format = frame.pixel_format().ok_or_else(|| MediaError::Bug {
        rule: "a decoded frame has a pixel format".to_owned(),
    })?;
    scope::require_depth(stream.index(), &format)?;
    Ok(VideoFacts {
        stream: stream.index(),
        codec,
        profile: stream.profile_name(),
        width: frame.width(),
        height: frame.height(),
        pixel_format: format.name,
        bit_depth: format.bit_depth,
        sample_aspect: stream.sample_aspect(),
        orientation: stream
            .display_matrix()
            .and_then(orientation::orientation)
            .unwrap_or_default(),
        interlaced: first.allows_fields || stream.is_interlaced() || frame.is_interlaced(),
        color: color(stream.color(), frame.color()),
        time_base: stream.time_base(),
        frame_rate: stream.frame_rate(),
        bitrate_bps: stream.bitrate_bps(),
    })
}

/// The container's words, and where it has none, the stream's own.
fn color(container: Color, stream: Color) -> Color {
    let stated = |container, stream| {
        if container == UNSPECIFIED {
            stream
        } else {
            container
        }
    };
    Color {
        // What the decoder says is what the samples are: pixel formats such as yuvj420p imply it.
        full_range: container.full_range || stream.full_range,
        primaries: stated(container.primaries, stream.primaries),
        transfer: stated(container.transfer, stream.transfer),
        matrix: stated(container.matrix, stream.matrix),
        chroma_location: if container.chroma_location == 0 {
            stream.chroma_location
        } else {
            container.chroma_location
        },
    }
}
