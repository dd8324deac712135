//! Cuts the coded track into fragments, one a cell of the video.
//!
//! A fragment ends at the audio frame that is nearest to its cell's end, as it is presented: priming
//! counts. A cell in which no frame ends has no fragment of its own, its sound lies in the next one; a cell
//! of many minutes has several.
//! Sound behind the last cell gets fragments as long as the longer of the last two cells, as the very last
//! may be a stub; a rest shorter than half of that stays with the fragment before it, as a segment of its
//! own would be a pointless request for players.

use std::collections::VecDeque;

use reelmesh_domain::media_types::FragmentInfo;

use crate::error::MediaError;
use crate::fragment::{FragmentWriter, SampleTiming};
use crate::io::FragmentSink;

/// Length of fragments where the video has no cell to go by, in seconds: the default cell.
const FALLBACK_CELL_S: i64 = 2;

/// Most coded frames in a fragment: where pictures stand for longer, as in a show of slides, the sound is
/// cut in between, so that it isn't collected in memory. Five minutes at 48 kHz, and some megabytes.
const FRAGMENT_FRAMES: i64 = 1 << 14;

/// One coded frame with its duration in samples.
#[derive(Debug)]
struct Coded {
    data: Vec<u8>,
    duration: u32,
}

/// Where fragments end, in whole frames from the start of decode time.
#[derive(Clone, Debug)]
pub(super) struct Borders {
    cell_ends: Vec<i64>,
    /// Length of cells behind the last.
    length: i64,
    frame_samples: i64,
    priming: i64,
}

impl Borders {
    /// The borders for cells that end at these samples of the output.
    ///
    /// # Errors
    ///
    /// `Bug` if they don't rise.
    pub(super) fn new(
        cell_ends: &[i64],
        rate_hz: u32,
        frame_samples: u32,
        priming: u32,
    ) -> Result<Self, MediaError> {
        let before = std::iter::once(&0).chain(cell_ends);
        let rise = before.zip(cell_ends).all(|(before, end)| before < end);
        if !rise || frame_samples == 0 {
            return Err(MediaError::Bug {
                rule: "the ends of cells rise from 0 on, and frames have samples".to_owned(),
            });
        }
        let length = match cell_ends {
            [] => i64::from(rate_hz) * FALLBACK_CELL_S,
            [only] => *only,
            [previous, last] => (last - previous).max(*previous),
            [.., start, previous, last] => (last - previous).max(previous - start),
        };
        Ok(Self {
            cell_ends: cell_ends.to_vec(),
            length: length.max(1),
            frame_samples: i64::from(frame_samples),
            priming: i64::from(priming),
        })
    }

    /// Frames before the end of the `cell`-th cell.
    fn frames_before_end(&self, cell: usize) -> i64 {
        let end = self.cell_ends.get(cell).copied().unwrap_or_else(|| {
            let beyond = (cell + 1).saturating_sub(self.cell_ends.len());
            let last = self.cell_ends.last().copied().unwrap_or(0);
            let beyond = i64::try_from(beyond).unwrap_or(i64::MAX);
            last.saturating_add(beyond.saturating_mul(self.length))
        });
        let end = end.saturating_add(self.priming + self.frame_samples / 2);
        end.div_euclid(self.frame_samples)
    }

    /// Frames that must follow the end of a cell before it is cut there.
    fn frames_to_follow(&self, cell: usize) -> i64 {
        if cell + 1 < self.cell_ends.len() {
            return 0;
        }
        let half = self.length + self.frame_samples;
        half.div_euclid(self.frame_samples * 2).max(1)
    }
}

/// Collects coded frames and puts fragments into track 0 of the sink.
#[derive(Debug)]
pub(super) struct Cutter {
    borders: Borders,
    pending: VecDeque<Coded>,
    /// Frames in the fragments so far.
    cut: i64,
    decode_time: i64,
    cell: usize,
    fragments: Vec<FragmentInfo>,
}

impl Cutter {
    /// Nothing is cut yet.
    pub(super) const fn new(borders: Borders) -> Self {
        Self {
            borders,
            pending: VecDeque::new(),
            cut: 0,
            decode_time: 0,
            cell: 0,
            fragments: Vec::new(),
        }
    }

    /// Appends one coded frame.
    ///
    /// # Errors
    ///
    /// What the sink answers.
    pub(super) fn push(
        &mut self,
        data: &[u8],
        duration: u32,
        sink: &mut dyn FragmentSink,
    ) -> Result<(), MediaError> {
        self.pending.push_back(Coded {
            data: data.to_vec(),
            duration,
        });
        loop {
            let count = self.borders.frames_before_end(self.cell) - self.cut;
            if count > FRAGMENT_FRAMES {
                return self.put_full(sink);
            }
            let needed = count + self.borders.frames_to_follow(self.cell);
            if count <= 0 {
                self.cell += 1;
            } else if usize::try_from(needed).is_ok_and(|needed| self.pending.len() >= needed) {
                self.cell += 1;
                self.put(count, sink)?;
            } else {
                return Ok(());
            }
        }
    }

    /// Puts a fragment once it is as long as any may be.
    fn put_full(&mut self, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let full = usize::try_from(FRAGMENT_FRAMES).is_ok_and(|full| self.pending.len() >= full);
        if full {
            self.put(FRAGMENT_FRAMES, sink)?;
        }
        Ok(())
    }

    /// Puts what is left and gives all fragments, and the sum of their durations.
    ///
    /// # Errors
    ///
    /// What the sink answers.
    pub(super) fn finish(
        mut self,
        sink: &mut dyn FragmentSink,
    ) -> Result<(Vec<FragmentInfo>, i64), MediaError> {
        if !self.pending.is_empty() {
            self.put(i64::MAX, sink)?;
        }
        Ok((self.fragments, self.decode_time))
    }

    fn put(&mut self, count: i64, sink: &mut dyn FragmentSink) -> Result<(), MediaError> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let sequence = u32::try_from(self.fragments.len() + 1).unwrap_or(u32::MAX);
        let mut writer = FragmentWriter::new(sequence);
        for coded in self.pending.drain(..count.min(self.pending.len())) {
            let timing = SampleTiming {
                decode_time: self.decode_time,
                duration: coded.duration,
                composition_offset: 0,
            };
            writer.push(timing, true, &coded.data)?;
            self.decode_time += i64::from(coded.duration);
            self.cut += 1;
        }
        let (info, bytes) = writer.finish()?;
        sink.put(0, &info, &bytes)
            .map_err(|source| MediaError::Io {
                what: "handing over a fragment",
                source,
            })?;
        self.fragments.push(info);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
