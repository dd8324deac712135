//! What a ladder may say: all errors at once, one a field.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::spec::FieldError;

use super::presets::{PRESETS, PROFILES, Preset};
use super::{AudioSpec, LadderSpec, RungSpec, SOURCE_RUNG};

/// Most rungs: a player has no use for more, and each costs an encoder's memory in every worker.
const MAX_RUNGS: usize = 16;
/// Sides of the box in pixels: a macroblock, and what level 6.2 allows (ITU-T H.264 table A-1).
const SIDE_PX: RangeInclusive<u32> = 16..=8_192;
/// x264's range for 8 bits, in hundredths.
const CRF_HUNDREDTHS: RangeInclusive<u32> = 0..=5_100;
/// Caps in bits per second: x264 counts in kb/s and needs some of them; level 6.2 ends below the other.
const MAX_RATE_BPS: RangeInclusive<u64> = 16_000..=1_000_000_000;
/// Buffer in milliseconds of the capped rate: shorter ones hold no key frame, longer ones no player.
const BUFFER_MS: RangeInclusive<u32> = 100..=20_000;
/// Rate of a stereo track: below AAC-LC is noise, above 6 144 bits a channel and frame forbid it
/// (ISO/IEC 14496-3, 4.5.3.2).
const AUDIO_BPS: RangeInclusive<u32> = 16_000..=512_000;
/// Channels that are encoded.
const CHANNELS: RangeInclusive<u8> = 1..=2;
/// Characters of a name: it becomes part of a file's name.
const NAME_CHARACTERS: RangeInclusive<usize> = 1..=32;
/// Audio tracks and the stream's folder are named so.
const RESERVED_START: &str = "audio";
const RESERVED: &str = "hls";

/// All that is wrong with a ladder.
pub(super) fn errors(ladder: &LadderSpec) -> Vec<FieldError> {
    let mut errors = Errors(Vec::new());
    let needed = usize::from(!ladder.fit_source);
    if !(needed..=MAX_RUNGS).contains(&ladder.rungs.len()) {
        let why = format!(
            "there are {}; give {needed} to {MAX_RUNGS}",
            ladder.rungs.len()
        );
        errors.add("rungs".to_owned(), why);
    }
    let mut names = BTreeSet::new();
    for (place, rung) in ladder.rungs.iter().enumerate() {
        let field = |name: &str| format!("rungs[{place}].{name}");
        let name = rung.name.to_ascii_lowercase();
        if let Some(why) = wrong_name(&name, ladder.fit_source) {
            errors.add(field("name"), why);
        } else if !names.insert(name) {
            errors.add(
                field("name"),
                format!("another rung is named `{}` too", rung.name),
            );
        }
        errors.rung(rung, field);
    }
    errors.audio(&ladder.audio);
    errors.0
}

/// Names are told apart without case, since file systems may do so.
fn wrong_name(name: &str, fit_source: bool) -> Option<String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !NAME_CHARACTERS.contains(&name.len()) || !name.bytes().all(known) {
        return Some(format!(
            "a name has {} to {} of a-z, A-Z, 0-9, _ and -",
            NAME_CHARACTERS.start(),
            NAME_CHARACTERS.end()
        ));
    }
    if name.starts_with(RESERVED_START) || name == RESERVED {
        return Some(format!(
            "`{RESERVED}` and names that begin with `{RESERVED_START}` are kept for other files"
        ));
    }
    let taken = fit_source && name == SOURCE_RUNG;
    taken.then(|| format!("`{SOURCE_RUNG}` is the rung that fit_source adds"))
}

struct Errors(Vec<FieldError>);

impl Errors {
    fn add(&mut self, field: String, reason: String) {
        self.0.push(FieldError { field, reason });
    }

    fn within<T: PartialOrd + core::fmt::Display>(
        &mut self,
        field: String,
        value: &T,
        range: &RangeInclusive<T>,
        unit: &str,
    ) {
        if !range.contains(value) {
            let why = format!(
                "{value} is out of range; give {} to {}{unit}",
                range.start(),
                range.end()
            );
            self.add(field, why);
        }
    }

    fn one_of(&mut self, field: String, value: &str, known: &[&str]) {
        if !known.contains(&value) {
            self.add(
                field,
                format!("`{value}` isn't known; give one of {}", known.join(", ")),
            );
        }
    }

    fn rung(&mut self, rung: &RungSpec, field: impl Fn(&str) -> String) {
        self.within(field("width"), &rung.width, &SIDE_PX, " pixels");
        self.within(field("height"), &rung.height, &SIDE_PX, " pixels");
        if Preset::named(&rung.preset).is_none() {
            let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
            self.one_of(field("preset"), &rung.preset, &names);
        }
        self.one_of(field("profile"), &rung.profile, &PROFILES);
        if !CRF_HUNDREDTHS.contains(&rung.crf_hundredths) {
            let (whole, rest) = (rung.crf_hundredths / 100, rung.crf_hundredths % 100);
            let why = format!(
                "{whole}.{rest:02} is out of range; give {} to {}",
                CRF_HUNDREDTHS.start() / 100,
                CRF_HUNDREDTHS.end() / 100
            );
            self.add(field("crf"), why);
        }
        if let Some(rate) = rung.max_rate_bps {
            self.within(field("max_rate"), &rate, &MAX_RATE_BPS, " bits per second");
        }
        match (rung.buffer_ms, rung.max_rate_bps) {
            (None, _) => {}
            (Some(_), None) => self.add(
                field("buffer_ms"),
                "a buffer needs a cap: give max_rate too".to_owned(),
            ),
            (Some(ms), Some(_)) => {
                self.within(field("buffer_ms"), &ms, &BUFFER_MS, " milliseconds");
            }
        }
    }

    fn audio(&mut self, audio: &AudioSpec) {
        let field = "audio.bitrate".to_owned();
        self.within(field, &audio.bitrate_bps, &AUDIO_BPS, " bits per second");
        self.within("audio.channels".to_owned(), &audio.channels, &CHANNELS, "");
    }
}
