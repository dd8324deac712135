//! The checks behind [`super::verify_output`], file by file.

mod decode;
mod files;
mod package;
mod progressive;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::{Expected, ExpectedTrack, Finding, is_below};
use crate::control::Control;
use crate::error::MediaError;
use crate::io::FileSource;

/// Findings that are listed: more say nothing new.
const MAX_FINDINGS: usize = 200;

/// One verification under way.
pub(super) struct Checker<'a> {
    place: &'a Path,
    expected: &'a Expected,
    control: &'a dyn Control,
    findings: Vec<Finding>,
    /// Frames decoded so far.
    decoded: u64,
}

impl<'a> Checker<'a> {
    pub(super) const fn new(
        place: &'a Path,
        expected: &'a Expected,
        control: &'a dyn Control,
    ) -> Self {
        Self {
            place,
            expected,
            control,
            findings: Vec::new(),
            decoded: 0,
        }
    }

    /// Checks everything.
    pub(super) fn run(mut self) -> Result<Vec<Finding>, MediaError> {
        self.check_files()?;
        let expected = self.expected;
        for mp4 in &expected.mp4s {
            self.check_mp4(mp4)?;
        }
        if let Some(folder) = &expected.hls {
            self.check_hls(folder)?;
        }
        Ok(self.findings)
    }

    fn found(&mut self, file: &str, frame: Option<u64>, what: impl Into<String>) {
        let what = match self.findings.len() {
            0..MAX_FINDINGS => what.into(),
            MAX_FINDINGS => "more was found than is listed".to_owned(),
            _ => return,
        };
        self.findings.push(Finding {
            file: file.to_owned(),
            what,
            frame,
        });
    }

    fn go_on(&self) -> Result<(), MediaError> {
        if self.control.cancelled() {
            Err(MediaError::Cancelled)
        } else {
            Ok(())
        }
    }

    /// Where a file is, or a finding if its path leads elsewhere.
    fn path(&mut self, file: &str) -> Option<PathBuf> {
        if is_below(file) {
            Some(self.place.join(file))
        } else {
            self.found(
                file,
                None,
                "the report names a file outside of the output place",
            );
            None
        }
    }

    /// Opens a file of the output place, or notes why it can't be read.
    fn open(&mut self, file: &str) -> Option<FileSource> {
        let path = self.path(file)?;
        FileSource::open(&path)
            .map_err(|error| self.found(file, None, format!("can't be opened: {error}")))
            .ok()
    }

    /// Judges a cell's payload. `cell` counts from 0.
    fn compare_cell(&mut self, file: &str, track: &ExpectedTrack, cell: usize, hash: blake3::Hash) {
        let (first, samples) = cell_frames(track, cell);
        let reported = track.fragment_hashes.get(cell);
        if reported.is_none_or(|reported| *reported != hash.to_hex().as_str()) {
            let what = format!(
                "track {}, cell {cell} (frames {first} to {}): the samples differ from the report",
                track.name,
                (first + samples).saturating_sub(1)
            );
            self.found(file, Some(first), what);
        }
    }
}

/// Place of a cell's first frame in decode order, which is that in order of presentation as cells are
/// closed; and how many it has.
fn cell_frames(track: &ExpectedTrack, cell: usize) -> (u64, u64) {
    let samples = &track.fragment_samples;
    let before = samples.iter().take(cell).map(|&count| u64::from(count));
    let own = samples.get(cell).map_or(0, |&count| u64::from(count));
    (before.sum(), own)
}
