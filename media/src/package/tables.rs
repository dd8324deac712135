//! The sample tables of a track in a progressive file (ISO/IEC 14496-12 section 8.6 and 8.7).

use crate::fragment::Fragment;
use crate::fragment::boxes::{put_full_box, put_u16, put_u32, put_u64};

/// Everything that `stbl` says of a track's samples but their sample entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SampleTables {
    sizes: Vec<u32>,
    /// Runs of equal durations: how many, and which.
    durations: Vec<(u32, u32)>,
    /// Runs of equal composition offsets.
    offsets: Vec<(u32, u32)>,
    /// Numbers, from 1, of the samples from which decoding can begin.
    keys: Vec<u32>,
    /// Samples that lie one behind the other, which the format calls a chunk: those of one fragment.
    pieces: Vec<Piece>,
    duration: u64,
    rolls: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    samples: u32,
    /// Where it begins, from the first sample of the file.
    offset: u64,
}

impl SampleTables {
    /// Tables for AAC: each sample needs the one before it to be right (`roll`, distance −1).
    pub(crate) fn for_aac() -> Self {
        Self {
            rolls: true,
            ..Self::default()
        }
    }

    /// Appends the samples of a fragment whose payload begins at `offset`, counted from the first
    /// sample of the file. `false` if the track then has more samples than can be counted.
    pub(crate) fn push(&mut self, fragment: &Fragment, offset: u64) -> bool {
        let samples = u32::try_from(fragment.samples.len());
        let total = u32::try_from(self.sizes.len() + fragment.samples.len());
        let (Ok(samples), Ok(_)) = (samples, total) else {
            return false;
        };
        for sample in &fragment.samples {
            self.sizes.push(sample.size);
            extend(&mut self.durations, sample.duration);
            extend(&mut self.offsets, sample.composition_offset);
            self.duration += u64::from(sample.duration);
            if sample.key {
                self.keys
                    .push(u32::try_from(self.sizes.len()).unwrap_or(u32::MAX));
            }
        }
        self.pieces.push(Piece { samples, offset });
        true
    }

    /// Sum of all durations in ticks of the track.
    pub(crate) const fn duration(&self) -> u64 {
        self.duration
    }

    /// Appends the boxes. The file's first sample stands at `base`; `wide` writes 64-bit offsets.
    pub(crate) fn put(&self, out: &mut Vec<u8>, wide: bool, base: u64) {
        put_runs(out, *b"stts", &self.durations);
        if self.offsets.iter().any(|&(_, offset)| offset != 0) {
            put_runs(out, *b"ctts", &self.offsets);
        }
        if self.keys.len() < self.sizes.len() {
            put_full_box(out, *b"stss", 0, 0, |out| {
                put_count(out, self.keys.len());
                for &key in &self.keys {
                    put_u32(out, key);
                }
            });
        }
        self.put_stsc(out);
        self.put_stsz(out);
        let kind = if wide { *b"co64" } else { *b"stco" };
        put_full_box(out, kind, 0, 0, |out| {
            put_count(out, self.pieces.len());
            for piece in &self.pieces {
                let offset = base + piece.offset;
                match u32::try_from(offset) {
                    Ok(narrow) if !wide => put_u32(out, narrow),
                    Ok(_) | Err(_) => put_u64(out, offset),
                }
            }
        });
        if self.rolls && !self.sizes.is_empty() {
            self.put_roll(out);
        }
    }

    fn put_stsc(&self, out: &mut Vec<u8>) {
        let mut runs: Vec<(usize, u32)> = Vec::new();
        for (place, piece) in self.pieces.iter().enumerate() {
            if runs.last().is_none_or(|&(_, last)| last != piece.samples) {
                runs.push((place + 1, piece.samples));
            }
        }
        put_full_box(out, *b"stsc", 0, 0, |out| {
            put_count(out, runs.len());
            for (first, samples) in runs {
                put_count(out, first);
                put_u32(out, samples);
                put_u32(out, 1);
            }
        });
    }

    fn put_stsz(&self, out: &mut Vec<u8>) {
        let same = match self.sizes.split_first() {
            Some((first, rest)) if rest.iter().all(|size| size == first) => *first,
            Some(_) | None => 0,
        };
        put_full_box(out, *b"stsz", 0, 0, |out| {
            put_u32(out, same);
            put_count(out, self.sizes.len());
            if same == 0 {
                for &size in &self.sizes {
                    put_u32(out, size);
                }
            }
        });
    }

    fn put_roll(&self, out: &mut Vec<u8>) {
        put_full_box(out, *b"sgpd", 1, 0, |out| {
            out.extend_from_slice(b"roll");
            // Length of the one description: a signed distance of 16 bits, here −1.
            put_u32(out, 2);
            put_u32(out, 1);
            put_u16(out, u16::MAX);
        });
        put_full_box(out, *b"sbgp", 0, 0, |out| {
            out.extend_from_slice(b"roll");
            put_u32(out, 1);
            put_count(out, self.sizes.len());
            put_u32(out, 1);
        });
    }
}

fn extend(runs: &mut Vec<(u32, u32)>, value: u32) {
    match runs.last_mut() {
        Some((count, last)) if *last == value => *count += 1,
        Some(_) | None => runs.push((1, value)),
    }
}

fn put_runs(out: &mut Vec<u8>, kind: [u8; 4], runs: &[(u32, u32)]) {
    put_full_box(out, kind, 0, 0, |out| {
        put_count(out, runs.len());
        for &(count, value) in runs {
            put_u32(out, count);
            put_u32(out, value);
        }
    });
}

/// A number of entries; [`SampleTables::push`] keeps it within 32 bits.
fn put_count(out: &mut Vec<u8>, count: usize) {
    put_u32(out, u32::try_from(count).unwrap_or(u32::MAX));
}
