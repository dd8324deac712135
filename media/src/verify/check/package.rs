//! HLS packages: playlists against segments, segments against the report, key frame ranges, a decode.

use std::path::PathBuf;
use std::sync::Arc;

use super::decode::Joined;
use super::{Checker, cell_frames};
use crate::error::MediaError;
use crate::fragment::{Fragment, read_fragment_head};
use crate::io::ByteSource;
use crate::verify::hls::{
    MediaPlaylist, MultivariantPlaylist, Playlist, SegmentEntry, Variant, read_playlist,
};
use crate::verify::mp4::{read, read_range};
use crate::verify::{ExpectedTrack, TrackKind};

/// Longest playlist: ten hours of one-second segments with their tags.
const MAX_PLAYLIST_BYTES: u64 = 8 << 20;
/// Longest segment: two seconds at 500 Mb/s, four times.
const MAX_SEGMENT_BYTES: u64 = 512 << 20;
/// Sound may be coded so many samples beyond its end: the encoder fills its last frames.
const MAX_PADDING_SAMPLES: i64 = 4096;
/// By how much a stated duration may differ from the fragments' own, in microseconds: both ends are
/// rounded.
const ROUNDING_US: u64 = 1;
/// Microseconds of a second.
const SECOND_US: u64 = 1_000_000;

/// What is known of a fragment once it is read.
struct Seen {
    /// Place of its segment.
    segment: usize,
    /// Where it begins in it.
    offset: u64,
    /// From there to the end of its first sample, if that is a key frame.
    key_bytes: Option<u64>,
    /// When its first sample is shown, in ticks of the track from the start of presentation.
    shown: i64,
    /// When the sample behind its last is decoded.
    end: i64,
}

/// What is known of a track once its segments are read.
struct Read {
    fragments: Vec<Seen>,
    /// The init segment and all segments with their lengths.
    files: Vec<(PathBuf, u64)>,
    timescale: u32,
    media_time: i64,
}

impl Checker<'_> {
    pub(super) fn check_hls(&mut self, folder: &str) -> Result<(), MediaError> {
        let file = format!("{folder}/multivariant.m3u8");
        let listed = match self.playlist(&file) {
            Some(Playlist::Multivariant(listed)) => listed,
            Some(Playlist::Media(_)) => {
                self.found(&file, None, "lists segments, not tracks");
                return Ok(());
            }
            None => return Ok(()),
        };
        let expected = self.expected;
        self.check_lists(&file, &listed);
        // Peaks of single segments: of each video track, and the highest of all audio tracks.
        let mut peaks = Vec::new();
        let mut audio_peak = 0;
        for (place, track) in expected.tracks.iter().enumerate() {
            let peak = self.check_package_track(folder, place, track)?;
            match track.kind {
                TrackKind::Video => peaks.push((format!("{}/media.m3u8", track.name), peak)),
                TrackKind::Audio => audio_peak = audio_peak.max(peak),
            }
        }
        for Variant {
            uri, bandwidth_bps, ..
        } in &listed.variants
        {
            let video = peaks.iter().find(|(of, _)| of == uri);
            let needed = video.map_or(0, |(_, peak)| *peak) + audio_peak;
            if *bandwidth_bps < needed {
                let what = format!("states {bandwidth_bps} b/s for {uri}, which needs {needed}");
                self.found(&file, None, what);
            }
        }
        Ok(())
    }

    /// The multivariant playlist lists exactly the report's tracks, with their codecs.
    fn check_lists(&mut self, file: &str, listed: &MultivariantPlaylist) {
        let expected = self.expected;
        let of_kind = |kind| expected.tracks.iter().filter(move |t| t.kind == kind);
        let uri = |track: &ExpectedTrack| format!("{}/media.m3u8", track.name);
        for track in of_kind(TrackKind::Video) {
            let variant = listed.variants.iter().find(|v| v.uri == uri(track));
            let codecs = variant.map(|v| v.codecs.split(',').any(|codec| codec == track.codec));
            match codecs {
                Some(true) => {}
                Some(false) => {
                    let what = format!("doesn't name the codec {} for {}", track.codec, track.name);
                    self.found(file, None, what);
                }
                None => self.found(file, None, format!("doesn't list track {}", track.name)),
            }
        }
        for track in of_kind(TrackKind::Audio) {
            if listed.renditions.iter().all(|r| r.uri != uri(track)) {
                self.found(file, None, format!("doesn't list track {}", track.name));
            }
        }
        let videos = of_kind(TrackKind::Video).count();
        let counts = (listed.variants.len(), listed.renditions.len());
        if counts != (videos.max(1), of_kind(TrackKind::Audio).count()) {
            self.found(file, None, "lists other tracks than the report");
        }
    }

    /// Checks a track and answers the highest rate of a segment, in bits per second.
    fn check_package_track(
        &mut self,
        folder: &str,
        place: usize,
        track: &ExpectedTrack,
    ) -> Result<u64, MediaError> {
        let folder = format!("{folder}/{}", track.name);
        let file = format!("{folder}/media.m3u8");
        let listed = match self.playlist(&file) {
            Some(Playlist::Media(listed)) if listed.ended && !listed.key_frames_only => listed,
            Some(Playlist::Media(_) | Playlist::Multivariant(_)) => {
                self.found(&file, None, "isn't the whole list of the track's segments");
                return Ok(0);
            }
            None => return Ok(0),
        };
        let Some(mut read) = self.read_init(&folder, &file, &listed) else {
            return Ok(0);
        };
        for (segment, entry) in listed.segments.iter().enumerate() {
            self.read_segment(&folder, track, (segment, entry), &mut read)?;
        }
        if read.fragments.len() != track.fragment_hashes.len() {
            let what = format!(
                "its segments have {} cells, the report says {}",
                read.fragments.len(),
                track.fragment_hashes.len()
            );
            self.found(&file, None, what);
        } else if read.files.len() == listed.segments.len() + 1 {
            self.check_durations(&file, &listed, track, &read);
        }
        if track.kind == TrackKind::Video {
            self.check_key_frames(&folder, &listed, &read);
        }
        let peak = peak_bps(&listed, &read.files);
        let joined: Arc<dyn ByteSource> = Arc::new(Joined::new(read.files));
        self.decode(&joined, &file, &[place])?;
        Ok(peak)
    }

    fn read_init(&mut self, folder: &str, file: &str, listed: &MediaPlaylist) -> Option<Read> {
        let Some(init) = &listed.init else {
            self.found(file, None, "names no init segment");
            return None;
        };
        let init = format!("{folder}/{init}");
        let source = self.open(&init)?;
        let contents = match read(&source) {
            Ok(contents) => contents,
            Err(error) => {
                self.found(&init, None, format!("isn't an init segment: {error}"));
                return None;
            }
        };
        let [track] = contents.tracks.as_slice() else {
            self.found(&init, None, "doesn't describe one track");
            return None;
        };
        Some(Read {
            fragments: Vec::new(),
            files: vec![(self.path(&init)?, source.length())],
            timescale: track.timescale,
            media_time: track.edit.map_or(0, |(_, media_time)| media_time),
        })
    }

    /// A segment is whole fragments whose payloads are those of the report, each decoded right behind the
    /// one before.
    fn read_segment(
        &mut self,
        folder: &str,
        track: &ExpectedTrack,
        (segment, entry): (usize, &SegmentEntry),
        read: &mut Read,
    ) -> Result<(), MediaError> {
        self.go_on()?;
        let file = format!("{folder}/{}", entry.uri);
        let Some(bytes) = self.read_whole(&file, MAX_SEGMENT_BYTES) else {
            return Ok(());
        };
        if let Some(path) = self.path(&file) {
            read.files.push((path, bytes.len() as u64));
        }
        let mut offset = 0;
        while let Some(rest) = bytes.get(offset..).filter(|rest| !rest.is_empty()) {
            let cell = read.fragments.len();
            let fragment = match read_fragment_head(rest) {
                Ok(fragment) => fragment,
                Err(error) => {
                    let frame = cell_frames(track, cell).0;
                    let what = format!("at byte {offset} isn't a fragment of ours: {error}");
                    self.found(&file, Some(frame), what);
                    return Ok(());
                }
            };
            let length = usize::try_from(fragment.bytes()).unwrap_or(usize::MAX);
            let start = usize::try_from(fragment.payload_offset).unwrap_or(usize::MAX);
            let Some(payload) = rest.get(start..length) else {
                let frame = cell_frames(track, cell).0;
                self.found(&file, Some(frame), "ends within a fragment");
                return Ok(());
            };
            self.compare_cell(&file, track, cell, blake3::hash(payload));
            self.note_fragment(&file, track, &fragment, (segment, offset as u64), read);
            offset += length;
        }
        Ok(())
    }

    fn note_fragment(
        &mut self,
        file: &str,
        track: &ExpectedTrack,
        fragment: &Fragment,
        (segment, offset): (usize, u64),
        read: &mut Read,
    ) {
        let cell = read.fragments.len();
        let (frame, samples) = cell_frames(track, cell);
        let expected_time = read.fragments.last().map_or(0, |before| before.end);
        if fragment.decode_time != expected_time || fragment.samples.len() as u64 != samples {
            let what = format!(
                "track {}, cell {cell} has {} samples from {} on, expected were {samples} from {expected_time} on",
                track.name,
                fragment.samples.len(),
                fragment.decode_time
            );
            self.found(file, Some(frame), what);
        }
        let first = fragment.samples.first();
        let delay = first.map_or(0, |sample| i64::from(sample.composition_offset));
        let key_bytes = first
            .filter(|sample| sample.key)
            .map(|sample| u64::from(sample.offset) + u64::from(sample.size));
        if key_bytes.is_none() {
            self.found(
                file,
                Some(frame),
                "a fragment doesn't begin with a key frame",
            );
        }
        // Times were checked by the reader to stay within 64 bits.
        let shown = fragment.decode_time.saturating_add(delay);
        read.fragments.push(Seen {
            segment,
            offset,
            key_bytes,
            shown: shown.saturating_sub(read.media_time).max(0),
            end: fragment.decode_time.saturating_add(fragment.duration()),
        });
    }

    /// Stated durations are those between the segments' first frames; the last ends with the track.
    fn check_durations(
        &mut self,
        file: &str,
        listed: &MediaPlaylist,
        track: &ExpectedTrack,
        read: &Read,
    ) {
        let us = |ticks: i64| {
            let ticks = u128::from(ticks.max(0).unsigned_abs()) * u128::from(SECOND_US);
            u64::try_from(ticks / u128::from(read.timescale)).unwrap_or(u64::MAX)
        };
        let coded_end = read.fragments.last().map_or(0, |last| last.end);
        let (end, slack) = match track.kind {
            // Decode times end with the presentation, or one tick later.
            TrackKind::Video => (coded_end, 1),
            TrackKind::Audio => (coded_end - read.media_time, MAX_PADDING_SAMPLES),
        };
        for (segment, entry) in listed.segments.iter().enumerate() {
            if (entry.duration_us + SECOND_US / 2) / SECOND_US > listed.target_duration_s {
                let what = format!("{} is longer than the target duration", entry.uri);
                self.found(file, None, what);
            }
            let first = |of: usize| read.fragments.iter().find(|seen| seen.segment == of);
            let Some(this) = first(segment) else {
                self.found(file, None, format!("{} is empty", entry.uri));
                continue;
            };
            let (end, slack) = match first(segment + 1) {
                Some(next) => (next.shown, 0),
                None => (end, slack),
            };
            let length = us(end).saturating_sub(us(this.shown));
            let slack = us(slack) + 2 * ROUNDING_US;
            if entry.duration_us.abs_diff(length) > slack {
                let what = format!(
                    "states {} µs for {}, which lasts {length} µs",
                    entry.duration_us, entry.uri
                );
                self.found(file, None, what);
            }
        }
    }

    /// The key frame playlist names every cell's first frame by its exact range.
    fn check_key_frames(&mut self, folder: &str, media: &MediaPlaylist, read: &Read) {
        let file = format!("{folder}/iframes.m3u8");
        let listed = match self.playlist(&file) {
            Some(Playlist::Media(listed)) if listed.ended && listed.key_frames_only => listed,
            Some(Playlist::Media(_) | Playlist::Multivariant(_)) => {
                self.found(&file, None, "isn't a whole list of key frames");
                return;
            }
            None => return,
        };
        let expected = read.fragments.iter().map(|seen| {
            let uri = media.segments.get(seen.segment).map(|entry| &entry.uri);
            (uri, seen.key_bytes.map(|bytes| (bytes, seen.offset)))
        });
        let found = listed
            .segments
            .iter()
            .map(|key| (Some(&key.uri), key.range));
        if !found.eq(expected) || listed.init != media.init {
            self.found(&file, None, "its ranges aren't those of the key frames");
        }
        let total = |list: &MediaPlaylist| -> u64 {
            list.segments.iter().map(|entry| entry.duration_us).sum()
        };
        if total(&listed) != total(media) {
            self.found(&file, None, "isn't as long as the list of segments");
        }
    }

    fn playlist(&mut self, file: &str) -> Option<Playlist> {
        let bytes = self.read_whole(file, MAX_PLAYLIST_BYTES)?;
        let read = match String::from_utf8(bytes) {
            Ok(text) => read_playlist(&text).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        read.map_err(|error| self.found(file, None, error)).ok()
    }

    fn read_whole(&mut self, file: &str, most: u64) -> Option<Vec<u8>> {
        let source = self.open(file)?;
        if source.length() > most {
            self.found(file, None, format!("is longer than {most} bytes"));
            return None;
        }
        let mut bytes = vec![0; usize::try_from(source.length()).unwrap_or(0)];
        match read_range(&source, 0, &mut bytes) {
            Ok(()) => Some(bytes),
            Err(error) => {
                self.found(file, None, format!("can't be read: {error}"));
                None
            }
        }
    }
}

/// The highest rate of a segment that is at least half as long as the target.
fn peak_bps(listed: &MediaPlaylist, files: &[(PathBuf, u64)]) -> u64 {
    let target_us = listed.target_duration_s.saturating_mul(SECOND_US);
    let segments = files.iter().skip(1).zip(&listed.segments);
    segments
        .filter(|(_, entry)| entry.duration_us > 0 && entry.duration_us >= target_us / 2)
        .map(|((_, bytes), entry)| {
            let bits = u128::from(*bytes) * 8 * u128::from(SECOND_US);
            u64::try_from(bits / u128::from(entry.duration_us)).unwrap_or(u64::MAX)
        })
        .max()
        .unwrap_or(0)
}
