//! The text of playlists (RFC 8216bis, version 7).

use reelmesh_domain::rational::Rational;

use super::layout::{Piece, SECOND_US, TrackLayout, rounded_up_s};
use super::names;
use crate::error::MediaError;
use crate::fragment::h264::codec_string;
use crate::package::{Track, TrackMedia, broken};

/// What players must know: `EXT-X-MAP` for media segments needs 6, fragmented MP4 7.
const VERSION: u32 = 7;
/// The group of all audio tracks.
const AUDIO_GROUP: &str = "audio";
/// AAC-LC (RFC 6381; object type 2 of MPEG-4 audio).
const AAC_LC: &str = "mp4a.40.2";

macro_rules! line {
    ($out:expr, $($what:tt)*) => {{
        $out.push_str(&format!($($what)*));
        $out.push('\n');
    }};
}

fn duration(us: u64) -> String {
    format!("{}.{:06}", us / SECOND_US, us % SECOND_US)
}

/// The playlist of a track's segments.
pub(super) fn media(layout: &TrackLayout, target_s: u64) -> String {
    let mut out = head(target_s);
    line!(out, "#EXT-X-INDEPENDENT-SEGMENTS");
    line!(out, "#EXT-X-MAP:URI=\"init.mp4\"");
    for segment in &layout.segments {
        line!(out, "#EXTINF:{},", duration(segment.piece.duration_us));
        line!(out, "{}", segment.file);
    }
    line!(out, "#EXT-X-ENDLIST");
    out
}

/// The playlist of a track's key frames. Each byte range goes from the start of the fragment to the
/// end of its first sample.
pub(super) fn key_frames(layout: &TrackLayout) -> String {
    let mut out = head(rounded_up_s(layout.keys.iter().map(|key| key.piece)));
    line!(out, "#EXT-X-I-FRAMES-ONLY");
    line!(out, "#EXT-X-MAP:URI=\"init.mp4\"");
    for key in &layout.keys {
        line!(out, "#EXTINF:{},", duration(key.piece.duration_us));
        line!(out, "#EXT-X-BYTERANGE:{}@{}", key.piece.bytes, key.offset);
        line!(out, "{}", layout.segments[key.segment].file);
    }
    line!(out, "#EXT-X-ENDLIST");
    out
}

fn head(target_s: u64) -> String {
    let mut out = String::new();
    line!(out, "#EXTM3U");
    line!(out, "#EXT-X-VERSION:{VERSION}");
    line!(out, "#EXT-X-TARGETDURATION:{target_s}");
    // Segments are named by their number.
    line!(out, "#EXT-X-MEDIA-SEQUENCE:1");
    line!(out, "#EXT-X-PLAYLIST-TYPE:VOD");
    out
}

/// The playlist of all tracks.
pub(super) fn multivariant(
    tracks: &[Track],
    laid_out: &[TrackLayout],
    target_s: u64,
) -> Result<String, MediaError> {
    let mut out = String::new();
    line!(out, "#EXTM3U");
    line!(out, "#EXT-X-VERSION:{VERSION}");
    line!(out, "#EXT-X-INDEPENDENT-SEGMENTS");
    put_audio_group(&mut out, tracks);
    let is_audio = |track: &&Track| matches!(track.media, TrackMedia::Audio { .. });
    let rates: Vec<Rates> = laid_out
        .iter()
        .map(|layout| {
            let pieces: Vec<Piece> = layout.segments.iter().map(|s| s.piece).collect();
            Rates::of(&pieces, target_s)
        })
        .collect();
    // A player plays one track of the group: the dearest counts.
    let audio = tracks
        .iter()
        .zip(&rates)
        .filter(|(track, _)| is_audio(track))
        .map(|(_, rates)| *rates)
        .reduce(Rates::max);
    let codecs = tracks.iter().find(is_audio).map(|_| AAC_LC);
    let mut keys = String::new();
    for (place, track) in tracks.iter().enumerate() {
        let TrackMedia::Video {
            width,
            height,
            frame_rate,
            ..
        } = track.media
        else {
            continue;
        };
        let video = codec_string(&track.codec_config)
            .ok_or_else(|| broken(format!("track {} has an avcC", track.name)))?;
        let rates = audio.map_or(rates[place], |audio| rates[place].plus(audio));
        let codecs = [Some(video.as_str()), codecs];
        let codecs: Vec<&str> = codecs.into_iter().flatten().collect();
        let group = audio.map_or_else(String::new, |_| format!(",AUDIO=\"{AUDIO_GROUP}\""));
        line!(
            out,
            "#EXT-X-STREAM-INF:{rates},CODECS=\"{}\",RESOLUTION={width}x{height},FRAME-RATE={}{group}",
            codecs.join(","),
            thousandths(frame_rate)
        );
        line!(out, "{}/media.m3u8", track.name);
        let pieces: Vec<Piece> = laid_out[place].keys.iter().map(|key| key.piece).collect();
        let target_s = rounded_up_s(pieces.iter().copied());
        line!(
            keys,
            "#EXT-X-I-FRAME-STREAM-INF:{},CODECS=\"{video}\",RESOLUTION={width}x{height},URI=\"{}/iframes.m3u8\"",
            Rates::of(&pieces, target_s),
            track.name
        );
    }
    if let Some((audio, default)) = audio.zip(default_audio(tracks))
        && keys.is_empty()
    {
        line!(
            out,
            "#EXT-X-STREAM-INF:{audio},CODECS=\"{AAC_LC}\",AUDIO=\"{AUDIO_GROUP}\""
        );
        line!(out, "{}/media.m3u8", default.name);
    }
    out.push_str(&keys);
    Ok(out)
}

/// The track that players begin with: the first that is marked, else the first.
fn default_audio(tracks: &[Track]) -> Option<&Track> {
    let marked = |track: &&Track| matches!(track.media, TrackMedia::Audio { default: true, .. });
    let any = |track: &&Track| matches!(track.media, TrackMedia::Audio { .. });
    tracks
        .iter()
        .find(marked)
        .or_else(|| tracks.iter().find(any))
}

fn put_audio_group(out: &mut String, tracks: &[Track]) {
    let first = default_audio(tracks).map(|track| track.name.as_str());
    let mut used = Vec::new();
    for track in tracks {
        let TrackMedia::Audio {
            channels,
            language,
            title,
            ..
        } = &track.media
        else {
            continue;
        };
        let language = language.as_deref().and_then(names::language_tag);
        let name = names::unique(
            &[title.as_deref(), language.as_deref(), Some(&track.name)],
            &used,
        );
        let tag = language.map_or_else(String::new, |tag| format!(",LANGUAGE=\"{tag}\""));
        let default = if first == Some(&track.name) {
            "YES"
        } else {
            "NO"
        };
        line!(
            out,
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"{AUDIO_GROUP}\",NAME=\"{name}\"{tag},DEFAULT={default},AUTOSELECT=YES,CHANNELS=\"{channels}\",URI=\"{}/media.m3u8\"",
            track.name
        );
        used.push(name);
    }
}

/// A rate with three decimals.
fn thousandths(rate: Rational) -> String {
    let rounded = Rational::whole(1000)
        .checked_mul(rate)
        .map_or(0, Rational::round);
    format!("{}.{:03}", rounded / 1000, rounded % 1000)
}

/// What a track asks of the network, container included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rates {
    pub(super) peak_bps: u64,
    pub(super) mean_bps: u64,
}

impl Rates {
    /// Measured. The peak is the highest rate of any consecutive segments that are between half and one
    /// and a half of the target duration long (RFC 8216bis section 4.4.6.2).
    pub(super) fn of(pieces: &[Piece], target_s: u64) -> Self {
        let rate = |bytes: u64, us: u64| {
            let bits = u128::from(bytes) * 8 * u128::from(SECOND_US);
            u64::try_from(bits.div_ceil(u128::from(us.max(1)))).unwrap_or(u64::MAX)
        };
        let bytes = pieces.iter().map(|piece| piece.bytes).sum();
        let us = pieces.iter().map(|piece| piece.duration_us).sum();
        let mean_bps = rate(bytes, us);
        let target_us = target_s * SECOND_US;
        let mut peak_bps = mean_bps;
        for start in 0..pieces.len() {
            let (mut bytes, mut us) = (0, 0);
            for piece in &pieces[start..] {
                bytes += piece.bytes;
                us += piece.duration_us;
                if us * 2 > target_us * 3 {
                    break;
                }
                if us * 2 >= target_us {
                    peak_bps = peak_bps.max(rate(bytes, us));
                }
            }
        }
        Self { peak_bps, mean_bps }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            peak_bps: self.peak_bps + other.peak_bps,
            mean_bps: self.mean_bps + other.mean_bps,
        }
    }

    fn max(self, other: Self) -> Self {
        Self {
            peak_bps: self.peak_bps.max(other.peak_bps),
            mean_bps: self.mean_bps.max(other.mean_bps),
        }
    }
}

impl std::fmt::Display for Rates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { peak_bps, mean_bps } = self;
        write!(f, "BANDWIDTH={peak_bps},AVERAGE-BANDWIDTH={mean_bps}")
    }
}
