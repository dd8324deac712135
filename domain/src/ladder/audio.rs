//! Which audio renditions a source gets: one for each track.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::media_types::{AudioFacts, AudioRendition, SourceFacts};

use super::AudioSpec;

/// Kept as it is; every other rate becomes [`USUAL_RATE_HZ`].
const CD_RATE_HZ: u32 = 44_100;
const USUAL_RATE_HZ: u32 = 48_000;
/// Letters of a language tag that may stand in a file's name: `eng`, `de`, no more.
const LANGUAGE_LETTERS: core::ops::RangeInclusive<usize> = 2..=8;
/// ISO 639-2 for a language that nobody stated.
const UNDETERMINED: &str = "und";

/// One rendition a track, in the order of the file; the first that the file marks is the default,
/// else the first of all.
pub(super) fn renditions(spec: &AudioSpec, facts: &SourceFacts) -> Vec<AudioRendition> {
    let default = facts.audio.iter().position(|track| track.default);
    let default = default.unwrap_or(0);
    let rendition = |(place, track): (usize, &AudioFacts)| {
        let language = language(track);
        let channels = track.channels.min(spec.channels).max(1);
        let tag = language.as_deref().unwrap_or(UNDETERMINED);
        AudioRendition {
            name: format!("audio-{}-{tag}", place + 1),
            title: track.title.clone(),
            default: place == default,
            sample_rate_hz: match track.sample_rate_hz {
                CD_RATE_HZ => CD_RATE_HZ,
                _ => USUAL_RATE_HZ,
            },
            channels,
            bitrate_bps: if channels == 1 {
                spec.bitrate_bps / 2
            } else {
                spec.bitrate_bps
            },
            language,
        }
    };
    facts.audio.iter().enumerate().map(rendition).collect()
}

/// The stated language if it can stand in a name: the source isn't trusted.
fn language(track: &AudioFacts) -> Option<String> {
    let stated = track.language.as_deref()?;
    let fits = LANGUAGE_LETTERS.contains(&stated.len())
        && stated.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !stated.eq_ignore_ascii_case(UNDETERMINED);
    fits.then(|| stated.to_ascii_lowercase())
}
