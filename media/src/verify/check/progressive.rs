//! Progressive files: their samples cell by cell, key frames, edits, and a decode.

use std::sync::Arc;

use super::Checker;
use crate::error::MediaError;
use crate::io::ByteSource;
use crate::verify::mp4::{Mp4Contents, Mp4Sample, Mp4Track, read};
use crate::verify::{ExpectedMp4, ExpectedTrack, TrackKind};

impl Checker<'_> {
    pub(super) fn check_mp4(&mut self, mp4: &ExpectedMp4) -> Result<(), MediaError> {
        let file = mp4.path.as_str();
        let Some(source) = self.open(file) else {
            return Ok(());
        };
        let contents = match read(&source) {
            Ok(contents) => contents,
            Err(error) => {
                self.found(
                    file,
                    None,
                    format!("isn't a file that could be ours: {error}"),
                );
                return Ok(());
            }
        };
        if contents.tracks.len() != mp4.tracks.len() {
            let what = format!(
                "has {} tracks, the report says {}",
                contents.tracks.len(),
                mp4.tracks.len()
            );
            self.found(file, None, what);
            return Ok(());
        }
        let expected = self.expected;
        for (found, &place) in contents.tracks.iter().zip(&mp4.tracks) {
            let Some(track) = expected.tracks.get(place) else {
                self.found(file, None, "the report names a track that it doesn't have");
                return Ok(());
            };
            self.check_track(file, &contents, found, track);
            self.check_cells(file, &source, found, track)?;
        }
        let source: Arc<dyn ByteSource> = Arc::new(source);
        self.decode(&source, file, &mp4.tracks)
    }

    /// Kind, number of samples, and where presentation begins and ends.
    fn check_track(
        &mut self,
        file: &str,
        contents: &Mp4Contents,
        found: &Mp4Track,
        track: &ExpectedTrack,
    ) {
        let name = &track.name;
        let (handler, entry) = match track.kind {
            TrackKind::Video => (b"vide", b"avc1"),
            TrackKind::Audio => (b"soun", b"mp4a"),
        };
        if (&found.handler, &found.sample_entry) != (handler, entry) {
            let what = format!("track {} isn't {name}: its kind is another", found.id);
            self.found(file, None, what);
        }
        let reported: u64 = track.fragment_samples.iter().map(|&n| u64::from(n)).sum();
        if found.samples.len() as u64 != reported {
            let what = format!(
                "track {name} has {} samples, the report says {reported}",
                found.samples.len()
            );
            self.found(file, None, what);
        }
        let coded: u64 = found.samples.iter().map(|s| u64::from(s.duration)).sum();
        if coded != found.media_duration {
            let what = format!("track {name} states another length than its samples have");
            self.found(file, None, what);
        }
        let shown = |sample: &Mp4Sample| {
            i128::from(sample.decode_time) + i128::from(sample.composition_offset)
        };
        let first = found.samples.iter().map(shown).min().unwrap_or(0);
        let Some((length, begin)) = found.edit else {
            self.found(file, None, format!("track {name} has no edit list"));
            return;
        };
        if track.kind == TrackKind::Video && first != i128::from(begin) {
            let what =
                format!("track {name} begins at {begin}, its first frame is shown at {first}");
            self.found(file, Some(0), what);
        }
        // In seconds times both timescales; rounding up to a tick of the movie is right.
        let length = i128::from(length) * i128::from(found.timescale);
        let samples = i128::from(track.frames) * i128::from(contents.timescale);
        if track.kind == TrackKind::Audio && length.abs_diff(samples) > u128::from(found.timescale)
        {
            let what = format!(
                "track {name} isn't as long as the {} samples of the report",
                track.frames
            );
            self.found(file, None, what);
        }
    }

    /// The samples of each cell are those of the fragment, and key frames stand where cells begin.
    fn check_cells(
        &mut self,
        file: &str,
        source: &dyn ByteSource,
        found: &Mp4Track,
        track: &ExpectedTrack,
    ) -> Result<(), MediaError> {
        let mut rest = found.samples.as_slice();
        let mut frame = 0;
        for (cell, &count) in track.fragment_samples.iter().enumerate() {
            let count = usize::try_from(count).unwrap_or(usize::MAX);
            let Some((samples, behind)) = rest.split_at_checked(count) else {
                let what = format!("track {}: cell {cell} is missing", track.name);
                self.found(file, Some(frame), what);
                return Ok(());
            };
            rest = behind;
            let mut hasher = blake3::Hasher::new();
            for (start, length) in joined(samples) {
                if let Err(error) = self.hash_range(source, start, length, &mut hasher)? {
                    self.found(file, Some(frame), format!("can't be read: {error}"));
                    return Ok(());
                }
            }
            self.compare_cell(file, track, cell, hasher.finalize());
            let keys = samples.iter().map(|sample| sample.key);
            let as_cells = keys.enumerate().all(|(place, key)| key == (place == 0));
            if track.kind == TrackKind::Video && !as_cells {
                let what = format!(
                    "track {}: cell {cell} has not one key frame, its first",
                    track.name
                );
                self.found(file, Some(frame), what);
            }
            frame += samples.len() as u64;
        }
        Ok(())
    }
}

/// Ranges of the file that hold these samples one behind the other: start and length.
fn joined(samples: &[Mp4Sample]) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for sample in samples {
        let size = u64::from(sample.size);
        match ranges.last_mut() {
            Some((start, length)) if *start + *length == sample.offset => *length += size,
            Some(_) | None => ranges.push((sample.offset, size)),
        }
    }
    ranges
}
