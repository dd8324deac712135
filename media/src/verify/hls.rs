//! Reads playlists of ours, strictly: a tag or attribute that we don't write is an error with its line.

/// Lines of a playlist: ten hours of one-second segments with three lines each.
const MAX_LINES: usize = 120_000;
/// A segment is shorter, so that sums of durations stay far within 64 bits.
const MAX_DURATION_S: u64 = 1_000_000;

/// What is wrong with a playlist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct PlaylistError {
    /// Number of the line, from 1; one behind the last where something is missing.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

/// A playlist of either kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Playlist {
    /// Of segments.
    Media(MediaPlaylist),
    /// Of playlists.
    Multivariant(MultivariantPlaylist),
}

/// The segments of a track.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MediaPlaylist {
    /// Longest segment, rounded to seconds.
    pub target_duration_s: u64,
    /// Number of the first segment.
    pub media_sequence: u64,
    /// Where the init segment is.
    pub init: Option<String>,
    /// Whether it lists key frames alone.
    pub key_frames_only: bool,
    /// Whether it is whole.
    pub ended: bool,
    /// The segments, or key frames.
    pub segments: Vec<SegmentEntry>,
}

/// One segment of a playlist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentEntry {
    /// Where it is.
    pub uri: String,
    /// How long it is shown, in microseconds.
    pub duration_us: u64,
    /// Which bytes of it are meant: length and offset.
    pub range: Option<(u64, u64)>,
}

/// The playlists of a presentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MultivariantPlaylist {
    /// What a player chooses from.
    pub variants: Vec<Variant>,
    /// The same for playlists of key frames.
    pub key_frame_variants: Vec<Variant>,
    /// Tracks that are played beside a variant.
    pub renditions: Vec<RenditionEntry>,
}

/// One variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variant {
    /// Its playlist.
    pub uri: String,
    /// Peak rate in bits per second.
    pub bandwidth_bps: u64,
    /// Mean rate in bits per second.
    pub average_bandwidth_bps: u64,
    /// Codec strings, separated by commas.
    pub codecs: String,
    /// Width and height in pixels.
    pub resolution: Option<(u32, u32)>,
    /// Frames per second, as written.
    pub frame_rate: Option<String>,
    /// Group of its audio tracks.
    pub audio: Option<String>,
}

/// One track of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RenditionEntry {
    /// Its playlist.
    pub uri: String,
    /// Its group.
    pub group: String,
    /// Its name in the group.
    pub name: String,
    /// Its language.
    pub language: Option<String>,
    /// Whether players begin with it.
    pub default: bool,
    /// Channels, as written.
    pub channels: Option<String>,
}

/// Reads a playlist.
///
/// # Errors
///
/// The first line that isn't as it should be.
pub fn read_playlist(text: &str) -> Result<Playlist, PlaylistError> {
    let mut reader = Reader::default();
    for (place, line) in text.lines().enumerate() {
        let fails = |what: String| PlaylistError {
            line: place + 1,
            what,
        };
        if place >= MAX_LINES {
            return Err(fails("the playlist is longer than any of ours".to_owned()));
        }
        if place == 0 && line != "#EXTM3U" {
            return Err(fails("a playlist begins with #EXTM3U".to_owned()));
        }
        reader.line(line).map_err(fails)?;
    }
    let end = PlaylistError {
        line: text.lines().count() + 1,
        what: String::new(),
    };
    reader.finish().map_err(|what| PlaylistError {
        what: what.to_owned(),
        ..end
    })
}

#[derive(Default)]
struct Reader {
    media: MediaPlaylist,
    multivariant: MultivariantPlaylist,
    /// Tags of media playlists, of multivariant playlists: only one kind may stand.
    kinds: (bool, bool),
    target: Option<u64>,
    duration: Option<u64>,
    range: Option<(u64, u64)>,
    variant: Option<Variant>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), String> {
        if self.media.ended {
            return Err("nothing follows #EXT-X-ENDLIST".to_owned());
        }
        let Some(tag) = line.strip_prefix('#') else {
            return self.uri(line);
        };
        if self.variant.is_some() {
            return Err("a URI follows #EXT-X-STREAM-INF".to_owned());
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXTM3U" | "EXT-X-INDEPENDENT-SEGMENTS" if value.is_empty() => {}
            "EXT-X-VERSION" if value == "7" => {}
            "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" | "EXT-X-MEDIA" => {
                self.kinds.1 = true;
                self.multivariant_tag(name, value)?;
            }
            _ => {
                self.kinds.0 = true;
                self.media_tag(name, value)?;
            }
        }
        if self.kinds == (true, true) {
            return Err("a playlist is of segments or of playlists".to_owned());
        }
        Ok(())
    }

    fn uri(&mut self, line: &str) -> Result<(), String> {
        let uri = local(line)?;
        if let Some(variant) = self.variant.take() {
            self.multivariant.variants.push(Variant { uri, ..variant });
            return Ok(());
        }
        let Some(duration_us) = self.duration.take() else {
            return Err("a duration stands before each URI".to_owned());
        };
        self.media.segments.push(SegmentEntry {
            uri,
            duration_us,
            range: self.range.take(),
        });
        Ok(())
    }

    fn media_tag(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "EXTINF" => {
                let seconds = value
                    .strip_suffix(',')
                    .ok_or("a duration ends in a comma")?;
                if self.duration.replace(microseconds(seconds)?).is_some() {
                    return Err("a segment has one duration".to_owned());
                }
            }
            "EXT-X-BYTERANGE" => {
                let (length, offset) = value.split_once('@').ok_or("a range has an offset")?;
                self.range = Some((number(length)?, number(offset)?));
            }
            "EXT-X-TARGETDURATION" => self.target = Some(number(value)?),
            "EXT-X-MEDIA-SEQUENCE" => self.media.media_sequence = number(value)?,
            "EXT-X-PLAYLIST-TYPE" if value == "VOD" => {}
            "EXT-X-I-FRAMES-ONLY" if value.is_empty() => self.media.key_frames_only = true,
            "EXT-X-ENDLIST" if value.is_empty() => self.media.ended = true,
            "EXT-X-MAP" => {
                let mut attributes = Attributes::read(value)?;
                self.media.init = Some(local(&attributes.quoted("URI")?)?);
                attributes.end()?;
            }
            _ => return Err(format!("{name} with this value is none of ours")),
        }
        Ok(())
    }

    fn multivariant_tag(&mut self, name: &str, value: &str) -> Result<(), String> {
        let mut attributes = Attributes::read(value)?;
        if name == "EXT-X-MEDIA" {
            self.multivariant.renditions.push(rendition(attributes)?);
            return Ok(());
        }
        let mut variant = Variant {
            uri: String::new(),
            bandwidth_bps: number(&attributes.plain("BANDWIDTH")?)?,
            average_bandwidth_bps: number(&attributes.plain("AVERAGE-BANDWIDTH")?)?,
            codecs: attributes.quoted("CODECS")?,
            resolution: None,
            frame_rate: attributes.plain("FRAME-RATE").ok(),
            audio: attributes.quoted("AUDIO").ok(),
        };
        if let Ok(size) = attributes.plain("RESOLUTION") {
            let (width, height) = size.split_once('x').ok_or("a resolution is WxH")?;
            let side = |side: &str| {
                u32::try_from(number(side)?).map_err(|_large| "a side is too long".to_owned())
            };
            variant.resolution = Some((side(width)?, side(height)?));
        }
        if name == "EXT-X-I-FRAME-STREAM-INF" {
            variant.uri = local(&attributes.quoted("URI")?)?;
            self.multivariant.key_frame_variants.push(variant);
        } else {
            self.variant = Some(variant);
        }
        attributes.end()
    }

    fn finish(self) -> Result<Playlist, &'static str> {
        if self.variant.is_some() || self.duration.is_some() || self.range.is_some() {
            return Err("a URI is missing at the end");
        }
        match (self.kinds, self.target) {
            ((true, false), Some(target_duration_s)) => Ok(Playlist::Media(MediaPlaylist {
                target_duration_s,
                ..self.media
            })),
            ((true, false), None) => Err("#EXT-X-TARGETDURATION is missing"),
            ((false, true), _) => Ok(Playlist::Multivariant(self.multivariant)),
            ((false, false) | (true, true), _) => Err("the playlist lists nothing"),
        }
    }
}

fn rendition(mut attributes: Attributes) -> Result<RenditionEntry, String> {
    if attributes.plain("TYPE")? != "AUDIO" || attributes.plain("AUTOSELECT")? != "YES" {
        return Err("a track is AUDIO and selected automatically".to_owned());
    }
    let entry = RenditionEntry {
        uri: local(&attributes.quoted("URI")?)?,
        group: attributes.quoted("GROUP-ID")?,
        name: attributes.quoted("NAME")?,
        language: attributes.quoted("LANGUAGE").ok(),
        default: match attributes.plain("DEFAULT")?.as_str() {
            "YES" => true,
            "NO" => false,
            _ => return Err("DEFAULT is YES or NO".to_owned()),
        },
        channels: attributes.quoted("CHANNELS").ok(),
    };
    attributes.end()?;
    Ok(entry)
}

/// Attributes that haven't been asked for yet: name, value, whether it was quoted.
struct Attributes(Vec<(String, String, bool)>);

impl Attributes {
    fn read(text: &str) -> Result<Self, String> {
        let mut list: Vec<(String, String, bool)> = Vec::new();
        let mut rest = text;
        loop {
            let (name, behind) = rest.split_once('=').ok_or("an attribute has a value")?;
            if list.iter().any(|(other, ..)| other == name) {
                return Err(format!("{name} stands twice"));
            }
            let (value, quoted, behind) = if let Some(behind) = behind.strip_prefix('"') {
                let (value, behind) = behind.split_once('"').ok_or("a quote is closed")?;
                (value, true, behind)
            } else {
                let end = behind.find(',').unwrap_or(behind.len());
                (&behind[..end], false, &behind[end..])
            };
            list.push((name.to_owned(), value.to_owned(), quoted));
            match behind.strip_prefix(',') {
                Some(behind) => rest = behind,
                None if behind.is_empty() => return Ok(Self(list)),
                None => return Err("a comma stands between attributes".to_owned()),
            }
        }
    }

    fn take(&mut self, name: &str, quoted: bool) -> Result<String, String> {
        let place = self
            .0
            .iter()
            .position(|(found, _, has_quotes)| found == name && *has_quotes == quoted)
            .ok_or_else(|| format!("{name} is missing"))?;
        Ok(self.0.remove(place).1)
    }

    fn quoted(&mut self, name: &str) -> Result<String, String> {
        self.take(name, true)
    }

    fn plain(&mut self, name: &str) -> Result<String, String> {
        self.take(name, false)
    }

    fn end(self) -> Result<(), String> {
        match self.0.first() {
            None => Ok(()),
            Some((name, ..)) => Err(format!("{name} with this value is none of ours")),
        }
    }
}

/// A path below the playlist's folder: nothing else may be opened in the name of a playlist.
fn local(uri: &str) -> Result<String, String> {
    if super::is_below(uri) {
        Ok(uri.to_owned())
    } else {
        Err(format!("{uri:?} is no path below the playlist's folder"))
    }
}

fn number(text: &str) -> Result<u64, String> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let wrong = || format!("{text:?} is no number");
    let value = text.parse().ok().filter(|_| digits);
    value.ok_or_else(wrong)
}

/// Seconds with six decimals.
fn microseconds(text: &str) -> Result<u64, String> {
    let (whole, decimals) = text.split_once('.').ok_or("a duration has decimals")?;
    if decimals.len() != 6 {
        return Err("a duration has six decimals".to_owned());
    }
    let whole = number(whole)?;
    if whole > MAX_DURATION_S {
        return Err(format!("{text} s is longer than any segment"));
    }
    Ok(whole * 1_000_000 + number(decimals)?)
}

#[cfg(test)]
mod tests;
