//! Writes one fragment.
//!
//! No `styp` stands before the `moof`: blobs hold bare fragments, and an HLS segment is several of
//! them one behind the other (RFC 8216 section 3.3 asks for an init section, not for brands).

use reelmesh_domain::media_types::FragmentInfo;

use super::boxes::{put_box, put_full_box, put_u32, put_u64};
use super::{MAX_FRAGMENT_SAMPLES, SampleTiming, TRACK_ID};
use crate::error::MediaError;

/// Depends on no other sample (`sample_depends_on` 2): decoding can begin here.
pub(crate) const FLAGS_SYNC: u32 = 0x0200_0000;
/// Depends on others (1), `sample_is_non_sync_sample`.
pub(crate) const FLAGS_NON_SYNC: u32 = 0x0101_0000;

pub(crate) const TFHD_DEFAULT_DURATION: u32 = 0x08;
pub(crate) const TFHD_DEFAULT_FLAGS: u32 = 0x20;
pub(crate) const TFHD_BASE_IS_MOOF: u32 = 0x02_0000;
pub(crate) const TRUN_DATA_OFFSET: u32 = 0x001;
pub(crate) const TRUN_FIRST_FLAGS: u32 = 0x004;
pub(crate) const TRUN_DURATION: u32 = 0x100;
pub(crate) const TRUN_SIZE: u32 = 0x200;
pub(crate) const TRUN_FLAGS: u32 = 0x400;
pub(crate) const TRUN_OFFSET: u32 = 0x800;

/// Collects the samples of one cell and makes its fragment.
#[derive(Clone, Debug)]
pub struct FragmentWriter {
    sequence: u32,
    samples: Vec<Entry>,
    start: i64,
    end: i64,
    payload: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    size: u32,
    duration: u32,
    offset: u32,
    key: bool,
}

impl Entry {
    const fn flags(self) -> u32 {
        if self.key { FLAGS_SYNC } else { FLAGS_NON_SYNC }
    }
}

fn broken(rule: impl Into<String>) -> MediaError {
    MediaError::Bug { rule: rule.into() }
}

impl FragmentWriter {
    /// A fragment without samples; `sequence` is the cell's number plus one.
    pub const fn new(sequence: u32) -> Self {
        Self {
            sequence,
            samples: Vec::new(),
            start: 0,
            end: 0,
            payload: Vec::new(),
        }
    }

    /// How many samples it holds so far.
    pub const fn samples(&self) -> usize {
        self.samples.len()
    }

    /// Appends a sample: for H.264 length-prefixed NAL units
    /// ([`super::h264::length_prefixed`]), for AAC one raw frame.
    ///
    /// # Errors
    ///
    /// [`MediaError::Bug`] if the sample is empty or isn't decoded right behind the one before.
    pub fn push(&mut self, timing: SampleTiming, key: bool, data: &[u8]) -> Result<(), MediaError> {
        if self.samples.is_empty() {
            self.start = timing.decode_time;
        } else if timing.decode_time != self.end {
            return Err(broken(format!(
                "samples follow each other without gap, got {} behind {} in fragment {}",
                timing.decode_time, self.end, self.sequence
            )));
        }
        let size = match u32::try_from(data.len()) {
            Ok(size) if size > 0 => size,
            Ok(_) | Err(_) => {
                return Err(broken(format!(
                    "a sample has 1 byte to 4 GiB, got {} in fragment {}",
                    data.len(),
                    self.sequence
                )));
            }
        };
        self.end = timing.decode_time + i64::from(timing.duration);
        self.samples.push(Entry {
            size,
            duration: timing.duration,
            offset: timing.composition_offset,
            key,
        });
        self.payload.extend_from_slice(data);
        Ok(())
    }

    /// The fragment's bytes and what to note of it.
    ///
    /// # Errors
    ///
    /// [`MediaError::Bug`] without samples, with a negative decode time, or beyond the bounds of a
    /// fragment (its samples and 4 GiB).
    pub fn finish(self) -> Result<(FragmentInfo, Vec<u8>), MediaError> {
        let samples = u32::try_from(self.samples.len()).unwrap_or(u32::MAX);
        let start = u64::try_from(self.start);
        let (1..=MAX_FRAGMENT_SAMPLES, Ok(start)) = (samples, start) else {
            return Err(broken(format!(
                "fragment {} has 1 to {MAX_FRAGMENT_SAMPLES} samples from time 0 on, got {samples} from {}",
                self.sequence, self.start
            )));
        };
        // The offset of the samples from the moof is known once its length is.
        let head = self.head(start, samples, 0).len() + 8;
        let bytes = head
            .checked_add(self.payload.len())
            .and_then(|bytes| u32::try_from(bytes).ok());
        let (Some(bytes), Ok(data_offset)) = (bytes, u32::try_from(head)) else {
            return Err(broken(format!(
                "fragment {} has at most 4 GiB",
                self.sequence
            )));
        };
        let mut out = self.head(start, samples, data_offset);
        out.reserve_exact(self.payload.len() + 8);
        put_box(&mut out, *b"mdat", |out| {
            out.extend_from_slice(&self.payload);
        });
        let info = FragmentInfo {
            sequence: self.sequence,
            decode_time: self.start,
            duration: self.end - self.start,
            samples,
            bytes,
        };
        Ok((info, out))
    }

    fn head(&self, start: u64, samples: u32, data_offset: u32) -> Vec<u8> {
        let mut out = Vec::new();
        put_box(&mut out, *b"moof", |out| {
            put_full_box(out, *b"mfhd", 0, 0, |out| put_u32(out, self.sequence));
            put_box(out, *b"traf", |out| {
                let shape = Shape::of(&self.samples);
                shape.put_tfhd(out);
                put_full_box(out, *b"tfdt", 1, 0, |out| put_u64(out, start));
                put_full_box(out, *b"trun", 0, shape.trun, |out| {
                    put_u32(out, samples);
                    put_u32(out, data_offset);
                    if shape.trun & TRUN_FIRST_FLAGS != 0 {
                        put_u32(out, FLAGS_SYNC);
                    }
                    for &sample in &self.samples {
                        shape.put_sample(out, sample);
                    }
                });
            });
        });
        out
    }
}

/// Which fields the samples share and which stand with each.
struct Shape {
    duration: Option<u32>,
    flags: u32,
    trun: u32,
}

impl Shape {
    fn of(samples: &[Entry]) -> Self {
        let first = samples[0];
        let duration = samples
            .iter()
            .all(|sample| sample.duration == first.duration)
            .then_some(first.duration);
        let mut trun = TRUN_DATA_OFFSET | TRUN_SIZE;
        if duration.is_none() {
            trun |= TRUN_DURATION;
        }
        if samples.iter().any(|sample| sample.offset != 0) {
            trun |= TRUN_OFFSET;
        }
        let mut flags = first.flags();
        if samples[1..].iter().any(|sample| sample.key != first.key) {
            flags = FLAGS_NON_SYNC;
            trun |= if first.key && samples[1..].iter().all(|sample| !sample.key) {
                TRUN_FIRST_FLAGS
            } else {
                TRUN_FLAGS
            };
        }
        Self {
            duration,
            flags,
            trun,
        }
    }

    fn put_tfhd(&self, out: &mut Vec<u8>) {
        let mut flags = TFHD_BASE_IS_MOOF | TFHD_DEFAULT_FLAGS;
        if self.duration.is_some() {
            flags |= TFHD_DEFAULT_DURATION;
        }
        put_full_box(out, *b"tfhd", 0, flags, |out| {
            put_u32(out, TRACK_ID);
            if let Some(duration) = self.duration {
                put_u32(out, duration);
            }
            put_u32(out, self.flags);
        });
    }

    fn put_sample(&self, out: &mut Vec<u8>, sample: Entry) {
        if self.trun & TRUN_DURATION != 0 {
            put_u32(out, sample.duration);
        }
        put_u32(out, sample.size);
        if self.trun & TRUN_FLAGS != 0 {
            put_u32(out, sample.flags());
        }
        if self.trun & TRUN_OFFSET != 0 {
            put_u32(out, sample.offset);
        }
    }
}

#[cfg(test)]
mod tests;
