//! A ladder's text made into the domain's unchecked ladder. Reading goes on behind a mistake, with a value
//! that can't be wrong in its place, so that all mistakes are told at once.

use std::collections::{BTreeMap, BTreeSet};

use reelmesh_domain::ladder::{AudioSpec, LadderSpec, RungSpec};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::report::{Kind, Report, nearest};
use crate::toml_text::{in_order, line_of, parse};

/// Keys of the whole text,
const KEYS: &[&str] = &["fit_source", "audio", "rungs"];
/// of `[audio]`,
const AUDIO_KEYS: &[&str] = &["bitrate_kbps", "channels"];
/// and of each of `[[rungs]]`.
const RUNG_KEYS: &[&str] = &[
    "name",
    "width",
    "height",
    "preset",
    "profile",
    "crf",
    "max_rate_kbps",
    "buffer_ms",
];

/// What holds where the text says nothing.
const PRESET: &str = "medium";
const PROFILE: &str = "high";
const AUDIO_KBPS: u32 = 128;
const AUDIO_CHANNELS: u8 = 2;
/// Stands where a number can't be read: within all bounds.
const UNREAD_SIZE: u32 = 1280;
const UNREAD_CRF: u32 = 2300;

/// A ladder as it was read, with its mistakes.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) spec: LadderSpec,
    /// The line of each field, tables included.
    lines: BTreeMap<String, usize>,
    /// Fields that have been told as wrong.
    wrong: BTreeSet<String>,
    /// Line, what is wrong, what may be done.
    mistakes: Vec<(usize, String, Option<String>)>,
}

impl Found {
    /// Adds a mistake in the value of a field, unless the field couldn't even be read.
    pub(super) fn refused(&mut self, field: &str, reason: &str) {
        if self.wrong.insert(field.to_owned()) {
            let line = self.line_near(field);
            self.mistakes
                .push((line, format!("{field}: {reason}"), None));
        }
    }

    /// The mistakes in the order of their lines.
    pub(super) fn into_reports(mut self, shown: &str) -> Vec<Report> {
        self.mistakes.sort();
        let report = |(line, what, hint)| {
            Report::new(Kind::Ladder, format!("{shown}:{line}: {what}")).maybe_hint(hint)
        };
        self.mistakes.into_iter().map(report).collect()
    }

    /// The line of a field or, where it isn't written, of the table that it would stand in.
    fn line_near(&self, field: &str) -> usize {
        let mut name = field;
        loop {
            if let Some(line) = self.lines.get(name) {
                return *line;
            }
            match name.rsplit_once('.') {
                Some((table, _)) => name = table,
                None => return 1,
            }
        }
    }

    fn mistake(&mut self, field: &str, what: String, hint: Option<String>) {
        let line = self.line_near(field);
        self.wrong.insert(field.to_owned());
        self.mistakes.push((line, what, hint));
    }
}

/// Reads a text.
pub(super) fn read(text: &str) -> Found {
    let mut found = Found {
        spec: LadderSpec {
            fit_source: false,
            rungs: Vec::new(),
            audio: AudioSpec {
                bitrate_bps: AUDIO_KBPS * 1000,
                channels: AUDIO_CHANNELS,
            },
        },
        lines: BTreeMap::new(),
        wrong: BTreeSet::new(),
        mistakes: Vec::new(),
    };
    match parse(text) {
        Ok(table) => {
            let mut root = Fields::open(&mut found, text, "", table.get_ref(), KEYS);
            if let Some(fit_source) = root.value("fit_source", flag) {
                root.found.spec.fit_source = fit_source;
            }
            read_audio(&mut found, text, table.get_ref());
            read_rungs(&mut found, text, table.get_ref());
        }
        Err((line, what)) => {
            // Nothing else can be said about a text that isn't TOML.
            found.wrong.insert("rungs".to_owned());
            found.mistakes.push((line, what, None));
        }
    }
    found
}

fn read_audio(found: &mut Found, text: &str, root: &DeTable<'_>) {
    let Some(value) = get(root, "audio") else {
        return;
    };
    let Some(table) = value.get_ref().as_table() else {
        let what = format!(
            "audio is {}, must be a table [audio]",
            kind(value.get_ref())
        );
        found.mistake("audio", what, None);
        return;
    };
    let mut fields = Fields::open(found, text, "audio", table, AUDIO_KEYS);
    let kbps = fields.value("bitrate_kbps", number);
    let channels = fields.value("channels", number);
    let audio = &mut found.spec.audio;
    if let Some(kbps) = kbps {
        audio.bitrate_bps = narrow(kbps.saturating_mul(1000));
    }
    if let Some(channels) = channels {
        audio.channels = u8::try_from(channels).unwrap_or(u8::MAX);
    }
}

fn read_rungs(found: &mut Found, text: &str, root: &DeTable<'_>) {
    let Some(value) = get(root, "rungs") else {
        return;
    };
    let Some(items) = value.get_ref().as_array() else {
        let what = format!(
            "rungs is {}, must be tables [[rungs]]",
            kind(value.get_ref())
        );
        found.mistake("rungs", what, None);
        return;
    };
    for (place, item) in items.iter().enumerate() {
        let path = format!("rungs[{place}]");
        found
            .lines
            .insert(path.clone(), line_of(text, item.span().start));
        let Some(table) = item.get_ref().as_table() else {
            let what = format!("{path} is {}, must be a table", kind(item.get_ref()));
            found.mistake(&path, what, None);
            continue;
        };
        let fields = Fields::open(found, text, &path, table, RUNG_KEYS);
        let rung = read_rung(fields, place);
        found.spec.rungs.push(rung);
    }
}

fn read_rung(mut fields: Fields<'_, '_>, place: usize) -> RungSpec {
    let max_rate_bps = fields
        .value("max_rate_kbps", number)
        .map(|kbps| kbps.saturating_mul(1000));
    // Whether a buffer may stand there can't be said where the cap can't be read.
    if fields.is_wrong("max_rate_kbps") {
        let buffer = fields.full("buffer_ms");
        fields.found.wrong.insert(buffer);
    }
    RungSpec {
        name: fields
            .needed("name", string)
            .unwrap_or_else(|| format!("unread-{place}")),
        width: fields.needed("width", number).map_or(UNREAD_SIZE, narrow),
        height: fields.needed("height", number).map_or(UNREAD_SIZE, narrow),
        preset: fields
            .value("preset", string)
            .unwrap_or_else(|| PRESET.to_owned()),
        profile: fields
            .value("profile", string)
            .unwrap_or_else(|| PROFILE.to_owned()),
        crf_hundredths: fields.needed("crf", hundredths).unwrap_or(UNREAD_CRF),
        max_rate_bps,
        buffer_ms: fields.value("buffer_ms", number).map(narrow),
    }
}

/// The fields of one table.
struct Fields<'f, 't> {
    found: &'f mut Found,
    path: &'t str,
    table: &'t DeTable<'t>,
}

impl<'f, 't> Fields<'f, 't> {
    /// Takes note of the lines of all fields and tells those that nobody knows.
    fn open(
        found: &'f mut Found,
        text: &str,
        path: &'t str,
        table: &'t DeTable<'t>,
        known: &[&str],
    ) -> Self {
        let fields = Self { found, path, table };
        for (key, _) in in_order(table) {
            let name: &str = key.get_ref();
            let full = fields.full(name);
            let line = line_of(text, key.span().start);
            fields.found.lines.insert(full.clone(), line);
            if !known.contains(&name) {
                let meant = nearest(name, known.iter().copied());
                let hint = meant.map_or_else(
                    || format!("known here: {}", known.join(", ")),
                    |meant| format!("did you mean `{meant}`?"),
                );
                let what = format!("unknown key `{full}`");
                fields.found.mistake(&full, what, Some(hint));
                // What was probably meant needn't be told as missing, too.
                if let Some(meant) = meant {
                    let meant = fields.full(meant);
                    fields.found.wrong.insert(meant);
                }
            }
        }
        fields
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn is_wrong(&self, key: &str) -> bool {
        self.found.wrong.contains(&self.full(key))
    }

    /// The value of a field, if it is written and can be read.
    fn value<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let value = get(self.table, key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(why) => {
                let full = self.full(key);
                self.found.mistake(&full, format!("{full} {why}"), None);
                None
            }
        }
    }

    /// The same of a field that must be written.
    fn needed<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        if get(self.table, key).is_none() && !self.is_wrong(key) {
            let full = self.full(key);
            self.found
                .mistake(&full, format!("{full} is missing"), None);
        }
        self.value(key, read)
    }
}

fn get<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
    let mut entries = table.iter();
    let found = entries.find(|(name, _)| {
        let name: &str = name.get_ref();
        name == key
    });
    found.map(|(_, value)| value)
}

/// Numbers beyond the type are beyond every bound, too.
fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// What a value is, with its article.
fn kind(value: &DeValue<'_>) -> String {
    let name = value.type_str();
    let article = if name.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {name}")
}

fn flag(value: &DeValue<'_>) -> Result<bool, String> {
    value
        .as_bool()
        .ok_or_else(|| format!("is {}, must be true or false", kind(value)))
}

fn string(value: &DeValue<'_>) -> Result<String, String> {
    let text = value.as_str().map(str::to_owned);
    text.ok_or_else(|| format!("is {}, must be a string", kind(value)))
}

fn number(value: &DeValue<'_>) -> Result<u64, String> {
    let integer = value
        .as_integer()
        .ok_or_else(|| format!("is {}, must be a whole number", kind(value)))?;
    u64::from_str_radix(integer.as_str(), integer.radix())
        .map_err(|_not_a_u64| format!("is {}, must be a whole number", integer.as_str()))
}

/// `21`, `21.5` or `21.55` in hundredths, exactly: no floating point lies between the text and the bytes.
fn hundredths(value: &DeValue<'_>) -> Result<u32, String> {
    let text = match (value.as_integer(), value.as_float()) {
        (Some(integer), _) if integer.radix() == 10 => integer.as_str(),
        (_, Some(float)) => float.as_str(),
        (_, None) => {
            return Err(format!(
                "is {}, must be a number such as 21 or 21.5",
                kind(value)
            ));
        }
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let part = part.trim_end_matches('0');
    if !digits(whole) || !digits(part) || part.len() > 2 {
        return Err(format!(
            "is {text}, must be a number such as 21 or 21.5, with at most two decimals"
        ));
    }
    let joined = format!("{whole}{part:0<2}");
    joined
        .parse()
        .map_err(|_beyond_u32| format!("is {text}, which is too much"))
}
