//! Reads all packets of the video stream once: what the timeline is made of.

use std::sync::Arc;

use reelmesh_domain::media_types::{Container, Scan, ScannedPacket, SourceFacts};
use reelmesh_domain::plan::Timeline;

use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::input::{Input, Opening};
use crate::ffi::packet::Packet;
use crate::ffi::stream::Stream;
use crate::io::ByteSource;
use crate::layout;
use crate::limits::Limits;
use crate::window::{FrameReader, Reading, VideoStream};

/// Reads all packets of the video stream, in the order of the file. Progress is in bytes of the source.
///
/// An MP4 with a whole index is scanned *hollow* (design rule 5.2): its payload isn't pulled.
///
/// # Errors
///
/// What the source says, a passed limit, cancelled, or out of scope (an encrypted packet).
pub fn scan(
    source: Arc<dyn ByteSource>,
    facts: &SourceFacts,
    limits: &Limits,
    control: &dyn Control,
) -> Result<Scan, MediaError> {
    crate::log::clear();
    let hollow = match facts.container {
        Container::Mp4 => layout::without_payload(&source)?,
        Container::Matroska | Container::MpegTs => None,
    };
    let input = if let Some(hollow) = hollow {
        Input::open_as(Opening::Unparsed, hollow, limits, control)?
    } else {
        let mut input = Input::open(source, limits, control)?;
        input.find_stream_parameters()?;
        input
    };
    scan_packets(input, facts, limits, control)
}

fn scan_packets(
    mut input: Input<'_>,
    facts: &SourceFacts,
    limits: &Limits,
    control: &dyn Control,
) -> Result<Scan, MediaError> {
    let stream = facts.video.stream;
    input.select(stream);
    let bits = input.stream(stream).map(Stream::timestamp_bits);
    let wrap_bits = bits.filter(|bits| facts.container == Container::MpegTs && *bits < 64);
    let mut packet = Packet::new()?;
    let mut packets = Vec::new();
    let mut reached = 0;
    while input.read(&mut packet)? {
        if control.cancelled() {
            return Err(MediaError::Cancelled);
        }
        if packet.stream() != stream {
            continue;
        }
        if packet.is_encrypted() {
            return Err(encrypted(stream));
        }
        let count = packets.len() as u64 + 1;
        if count > limits.packets {
            return Err(MediaError::LimitPassed {
                limit: "the number of the video stream's packets",
                value: count,
                bound: limits.packets,
            });
        }
        packets.push(ScannedPacket {
            pts: packet.pts(),
            dts: packet.dts(),
            duration: packet.duration(),
            position: packet.position(),
            size: u32::try_from(packet.data().len()).unwrap_or(u32::MAX),
            key: packet.is_key(),
            discard: packet.is_discarded(),
        });
        // An MP4's packets may lie in any order: progress never falls.
        reached = reached.max(packet.position().unwrap_or(0));
        control.progress(reached);
    }
    control.progress(facts.bytes);
    Ok(Scan { packets, wrap_bits })
}

/// The refusal of an encrypted stream.
pub(crate) fn encrypted(stream: u32) -> MediaError {
    MediaError::OutOfScope {
        what: format!("stream {stream} is encrypted; only streams in the clear are in scope"),
    }
}

/// Decodes the whole video stream in one go, from its first access point, and lists the frames that come
/// out: their continuous source times, in the order of the decoder (design rule 5.2). Progress is in bytes of the source.
///
/// # Errors
///
/// As [`scan`].
pub fn exact_frames(
    source: Arc<dyn ByteSource>,
    facts: &SourceFacts,
    timeline: &Timeline,
    limits: &Limits,
    control: &dyn Control,
) -> Result<Vec<i64>, MediaError> {
    crate::log::clear();
    let Some(first) = timeline.access_points.first() else {
        return Err(MediaError::Bug {
            rule: "a timeline has an access point".to_owned(),
        });
    };
    let reading = Reading {
        source,
        limits,
        control,
    };
    let video = VideoStream {
        container: facts.container,
        stream: facts.video.stream,
        mapping: &timeline.mapping,
    };
    let mut frames = FrameReader::open_at(&reading, video, &first.start)?;
    let mut delivered = Vec::new();
    let mut reached = 0;
    while let Some((pts, _frame)) = frames.next_of_any_time()? {
        let count = delivered.len() as u64 + 1;
        if count > limits.packets {
            return Err(MediaError::LimitPassed {
                limit: "the number of the video stream's frames",
                value: count,
                bound: limits.packets,
            });
        }
        delivered.push(pts);
        reached = reached.max(frames.position());
        control.progress(reached);
    }
    control.progress(facts.bytes);
    Ok(delivered)
}
