//! What is in a source, for people.

use reelmesh_domain::media_types::{
    AudioFacts, Color, Container, Orientation, SourceFacts, VideoCodec, VideoFacts,
};
use reelmesh_domain::rational::Rational;

use crate::paint::Paint;
use crate::text::{self, Align, counted, table};

/// The whole description: a line about the file, then its streams, each with a line of facts.
pub(crate) fn source(name: &str, facts: &SourceFacts, paint: Paint) -> String {
    let row = |stream: u32, kind: &str, codec: &str, becomes: String| {
        vec![
            stream.to_string(),
            kind.to_owned(),
            codec.to_owned(),
            becomes,
        ]
    };
    let heading = ["stream", "kind", "codec", "what becomes of it"];
    let mut rows = vec![(
        None,
        heading.map(|heading| paint.bold(heading)).to_vec(),
        String::new(),
    )];
    let video = &facts.video;
    let codec = format!("{} {}", codec_name(video.codec), video.profile);
    let taken = || paint.green("transcoded");
    let entry = row(video.stream, "video", codec.trim_end(), taken());
    rows.push((Some(video.stream), entry, video_facts(video)));
    for audio in &facts.audio {
        let entry = row(audio.stream, "audio", "AAC", taken());
        rows.push((Some(audio.stream), entry, audio_facts(audio)));
    }
    for other in &facts.left_out {
        let why = format!("{} {}", paint.yellow("left out:"), other.reason);
        let entry = row(other.stream, &other.kind, &other.codec, why);
        rows.push((Some(other.stream), entry, String::new()));
    }
    rows.sort_by_key(|(stream, ..)| *stream);
    let columns = [Align::Right, Align::Left, Align::Left, Align::Left];
    let entries: Vec<Vec<String>> = rows.iter().map(|(_, entry, _)| entry.clone()).collect();
    let mut text = format!("{}\n\n", headline(name, facts, paint));
    for (line, (.., facts)) in table("  ", &columns, &entries).lines().zip(&rows) {
        text.push_str(&format!("{line}\n"));
        if !facts.is_empty() {
            // Under the kind, behind the column of stream numbers.
            text.push_str(&format!("          {}\n", paint.dim(facts)));
        }
    }
    text
}

/// The file in a line.
fn headline(name: &str, facts: &SourceFacts, paint: Paint) -> String {
    let mut parts = vec![
        container_name(facts.container).to_owned(),
        text::bytes(facts.bytes),
    ];
    if let Some(duration) = facts
        .duration_s
        .map(Rational::approximate)
        .filter(|s| *s > 0.0)
    {
        parts.push(text::seconds(duration));
        #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
        let mean = facts.bytes as f64 * 8.0 / duration;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a mean rate for people; both factors are positive"
        )]
        let mean = mean as u64;
        parts.push(text::rate(mean));
    }
    format!("{}: {}", paint.bold(name), parts.join(", "))
}

/// A source in a few words, for the beginning of a job.
pub(crate) fn in_short(facts: &SourceFacts) -> String {
    let video = &facts.video;
    let mut parts = vec![format!("{} {}", codec_name(video.codec), size(video))];
    parts.extend(video.frame_rate.map(rate));
    parts.push(match facts.audio.len() {
        0 => "no audio".to_owned(),
        tracks => counted(tracks as u64, "audio track"),
    });
    parts.join(", ")
}

fn container_name(container: Container) -> &'static str {
    match container {
        Container::Mp4 => "MP4/MOV",
        Container::Matroska => "Matroska",
        Container::MpegTs => "MPEG-TS",
    }
}

fn codec_name(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "H.264",
        VideoCodec::Hevc => "HEVC",
    }
}

fn size(video: &VideoFacts) -> String {
    format!("{}×{}", video.width, video.height)
}

/// `24 fps`, `23.976 fps`.
pub(crate) fn rate(rate: Rational) -> String {
    if rate.denominator() == 1 {
        format!("{} fps", rate.numerator())
    } else {
        format!("{:.3} fps", rate.approximate())
    }
}

fn video_facts(video: &VideoFacts) -> String {
    let mut parts = vec![size(video)];
    if video.sample_aspect != Rational::ONE {
        let aspect = video.sample_aspect;
        parts.push(format!(
            "pixels {}:{}",
            aspect.numerator(),
            aspect.denominator()
        ));
    }
    parts.extend(orientation(video.orientation));
    parts.extend(video.frame_rate.map(rate));
    if video.interlaced {
        parts.push("interlaced".to_owned());
    }
    parts.push(format!("{} {}-bit", video.pixel_format, video.bit_depth));
    parts.push(color(video.color));
    parts.extend(video.bitrate_bps.map(text::rate));
    parts.join(", ")
}

fn orientation(orientation: Orientation) -> Option<String> {
    let turned = match orientation.quarter_turns % 4 {
        1 => Some("turned 90° clockwise"),
        2 => Some("turned 180°"),
        3 => Some("turned 90° counterclockwise"),
        _ => None,
    };
    match (orientation.mirrored, turned) {
        (false, None) => None,
        (false, Some(turned)) => Some(format!("to be {turned}")),
        (true, None) => Some("to be mirrored".to_owned()),
        (true, Some(turned)) => Some(format!("to be mirrored and {turned}")),
    }
}

/// The code points of ITU-T H.273 that have a name people know.
fn color(color: Color) -> String {
    let range = if color.full_range {
        "full range"
    } else {
        "limited range"
    };
    let primaries = match color.primaries {
        1 => "BT.709",
        5 => "BT.601 (625)",
        6 | 7 => "BT.601 (525)",
        9 => "BT.2020",
        12 => "P3",
        _ => "",
    };
    let transfer = match color.transfer {
        16 => " PQ",
        18 => " HLG",
        _ => "",
    };
    match (color.primaries, color.transfer, color.matrix) {
        (2, 2, 2) => range.to_owned(),
        (primaries_code, transfer_code, matrix) if primaries.is_empty() => {
            format!("colours {primaries_code}/{transfer_code}/{matrix}, {range}")
        }
        _ => format!("{primaries}{transfer}, {range}"),
    }
}

fn audio_facts(audio: &AudioFacts) -> String {
    let channels = match audio.channels {
        1 => "mono".to_owned(),
        2 => "stereo".to_owned(),
        channels => format!("{channels} channels"),
    };
    let mut parts = vec![format!("{} Hz", audio.sample_rate_hz), channels];
    parts.extend(audio.language.clone());
    parts.extend(audio.title.as_ref().map(|title| format!("\"{title}\"")));
    if audio.default {
        parts.push("default".to_owned());
    }
    parts.join(", ")
}

#[cfg(test)]
pub(crate) mod tests {
    use reelmesh_domain::media_types::LeftOutStream;

    use super::*;

    pub(crate) fn facts() -> SourceFacts {
        let ratio = |a, b| Rational::new(a, b).unwrap();
        SourceFacts {
            container: Container::Mp4,
            bytes: 22_119_306,
            duration_s: Some(ratio(30_033, 1000)),
            video: VideoFacts {
                stream: 0,
                codec: VideoCodec::H264,
                profile: "High".to_owned(),
                width: 1920,
                height: 1080,
                pixel_format: "yuv420p".to_owned(),
                bit_depth: 8,
                sample_aspect: ratio(4, 3),
                orientation: Orientation {
                    mirrored: false,
                    quarter_turns: 1,
                },
                interlaced: true,
                color: Color {
                    full_range: false,
                    primaries: 1,
                    transfer: 1,
                    matrix: 1,
                    chroma_location: 0,
                },
                time_base: ratio(1, 12_800),
                frame_rate: Some(ratio(24_000, 1001)),
                bitrate_bps: Some(5_456_789),
            },
            audio: vec![AudioFacts {
                stream: 2,
                sample_rate_hz: 48_000,
                channels: 6,
                time_base: ratio(1, 48_000),
                language: Some("eng".to_owned()),
                title: Some("Surround".to_owned()),
                default: true,
            }],
            left_out: vec![LeftOutStream {
                stream: 1,
                kind: "subtitle".to_owned(),
                codec: "mov_text".to_owned(),
                reason: "subtitles aren't carried over".to_owned(),
            }],
        }
    }

    /// Shows a whole description: streams in the order of the file, what is left out with its reason.
    #[test]
    fn describes_everything() {
        let mut text = source("talk.mp4", &facts(), Paint::plain());
        text.push_str(&in_short(&facts()));
        insta::assert_snapshot!(text, @r#"
        talk.mp4: MP4/MOV, 22.1 MB, 30.033 s, 5.9 Mb/s

          stream  kind      codec       what becomes of it
               0  video     H.264 High  transcoded
                  1920×1080, pixels 4:3, to be turned 90° clockwise, 23.976 fps, interlaced, yuv420p 8-bit, BT.709, limited range, 5.5 Mb/s
               1  subtitle  mov_text    left out: subtitles aren't carried over
               2  audio     AAC         transcoded
                  48000 Hz, 6 channels, eng, "Surround", default
        H.264 1920×1080, 23.976 fps, 1 audio track
        "#);
    }

    /// Shows the names of colours: those known, those that aren't, and nothing where nothing is said.
    #[test]
    fn colours_have_names() {
        let check = |codes: [u8; 3], full_range, expected: &str| {
            let [primaries, transfer, matrix] = codes;
            let found = Color {
                full_range,
                primaries,
                transfer,
                matrix,
                chroma_location: 0,
            };
            assert_eq!(color(found), expected);
        };
        check([2, 2, 2], true, "full range");
        check([9, 16, 9], false, "BT.2020 PQ, limited range");
        check([4, 4, 4], false, "colours 4/4/4, limited range");
    }
}
