//! Reads fragments of ours, trusting nothing in them.
//!
//! Strict: what [`super::FragmentWriter`] would not write is refused, so that whatever passes can be
//! repackaged without looking again.

use super::boxes::Bytes;
pub use super::boxes::Malformed;
use super::write::{
    FLAGS_NON_SYNC, FLAGS_SYNC, TFHD_BASE_IS_MOOF, TFHD_DEFAULT_DURATION, TFHD_DEFAULT_FLAGS,
    TRUN_DATA_OFFSET, TRUN_DURATION, TRUN_FIRST_FLAGS, TRUN_FLAGS, TRUN_OFFSET, TRUN_SIZE,
};
use super::{MAX_FRAGMENT_SAMPLES, TRACK_ID};

/// What a fragment holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Its sequence number: cell number plus one.
    pub sequence: u32,
    /// Decode time of its first sample in ticks of the track.
    pub decode_time: i64,
    /// Its samples in decode order; never empty.
    pub samples: Vec<FragmentSample>,
    /// Where the payload begins, which is all samples one behind the other.
    pub payload_offset: u32,
    /// Length of the payload.
    pub payload_bytes: u32,
}

/// One sample of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FragmentSample {
    /// Where it begins, from the fragment's first byte.
    pub offset: u32,
    /// Its length in bytes.
    pub size: u32,
    /// Ticks until the next sample is decoded.
    pub duration: u32,
    /// Ticks from decoding to presentation.
    pub composition_offset: u32,
    /// Decoding can begin here.
    pub key: bool,
}

impl Fragment {
    /// Length of the fragment in bytes.
    pub const fn bytes(&self) -> u64 {
        self.payload_offset as u64 + self.payload_bytes as u64
    }

    /// Sum of the samples' durations in ticks of the track.
    pub fn duration(&self) -> i64 {
        self.samples
            .iter()
            .map(|sample| i64::from(sample.duration))
            .sum()
    }
}

/// How many bytes from the start of a fragment of so many samples hold all but the payload.
pub fn head_bytes(samples: u32) -> usize {
    /// All boxes but the entries of `trun`, with every optional field, and the header of `mdat`.
    const FIXED: usize = 8 + 16 + 8 + 24 + 20 + 24 + 8;
    /// Duration, size, flags and composition offset of each sample.
    const ENTRY: usize = 16;
    usize::try_from(samples.min(MAX_FRAGMENT_SAMPLES))
        .map_or(FIXED, |samples| FIXED + samples * ENTRY)
}

/// Reads a fragment that `bytes` hold entirely and alone.
///
/// # Errors
///
/// [`Malformed`] if it isn't a fragment of ours.
pub fn read_fragment(bytes: &[u8]) -> Result<Fragment, Malformed> {
    let fragment = read_fragment_head(bytes)?;
    if fragment.bytes() == bytes.len() as u64 {
        Ok(fragment)
    } else {
        Err(Malformed {
            what: "the fragment isn't as long as it says",
            at: bytes.len() as u64,
        })
    }
}

/// Reads a fragment of which `bytes` hold the beginning, at least all before its payload
/// ([`head_bytes`] are enough).
///
/// # Errors
///
/// [`Malformed`] if it isn't a fragment of ours or too little of it.
pub fn read_fragment_head(bytes: &[u8]) -> Result<Fragment, Malformed> {
    let mut all = Bytes::new(bytes);
    let mut moof = all.expect_box(*b"moof", "a fragment begins with moof")?;
    let mdat_at = all.position();
    let mdat_size = all.u32()?;
    if all.take(4)? != b"mdat" {
        return Err(all.wrong("mdat follows moof"));
    }
    let payload_bytes = mdat_size
        .checked_sub(8)
        .ok_or_else(|| all.wrong("mdat is smaller than its header"))?;
    let payload_offset = u32::try_from(mdat_at + 8)
        .map_err(|_too_large| all.wrong("the moof is larger than any of ours"))?;

    let mut mfhd = moof.expect_box(*b"mfhd", "moof begins with mfhd")?;
    plain(&mut mfhd)?;
    let sequence = mfhd.u32()?;
    mfhd.end()?;
    let mut traf = moof.expect_box(*b"traf", "traf follows mfhd")?;
    moof.end()?;
    let defaults = Defaults::read(&mut traf)?;
    let mut tfdt = traf.expect_box(*b"tfdt", "tfdt follows tfhd")?;
    if tfdt.version_and_flags()? != (1, 0) {
        return Err(tfdt.wrong("tfdt has version 1"));
    }
    let decode_time = tfdt.time()?;
    tfdt.end()?;
    let trun = traf.expect_box(*b"trun", "trun follows tfdt")?;
    traf.end()?;
    let samples = defaults.read_trun(trun, payload_offset, payload_bytes)?;
    let end = samples.iter().try_fold(decode_time, |time, sample| {
        time.checked_add(i64::from(sample.duration))
    });
    if end.is_none() {
        return Err(tfdt.wrong("a time is out of range"));
    }
    Ok(Fragment {
        sequence,
        decode_time,
        samples,
        payload_offset,
        payload_bytes,
    })
}

fn plain(full_box: &mut Bytes<'_>) -> Result<(), Malformed> {
    if full_box.version_and_flags()? == (0, 0) {
        Ok(())
    } else {
        Err(full_box.wrong("version and flags are 0"))
    }
}

fn is_key(flags: u32, at: Bytes<'_>) -> Result<bool, Malformed> {
    match flags {
        FLAGS_SYNC => Ok(true),
        FLAGS_NON_SYNC => Ok(false),
        _ => Err(at.wrong("sample flags are none of ours")),
    }
}

/// What `tfhd` says of all samples.
struct Defaults {
    duration: Option<u32>,
    key: bool,
}

impl Defaults {
    fn read(traf: &mut Bytes<'_>) -> Result<Self, Malformed> {
        let mut tfhd = traf.expect_box(*b"tfhd", "traf begins with tfhd")?;
        let (version, flags) = tfhd.version_and_flags()?;
        let wanted = TFHD_BASE_IS_MOOF | TFHD_DEFAULT_FLAGS;
        if version != 0 || flags & !TFHD_DEFAULT_DURATION != wanted {
            return Err(tfhd.wrong("tfhd has other flags than ours"));
        }
        if tfhd.u32()? != TRACK_ID {
            return Err(tfhd.wrong("the fragment is of another track"));
        }
        let duration = if flags & TFHD_DEFAULT_DURATION == 0 {
            None
        } else {
            Some(tfhd.u32()?)
        };
        let key = is_key(tfhd.u32()?, tfhd)?;
        tfhd.end()?;
        Ok(Self { duration, key })
    }

    fn read_trun(
        &self,
        mut trun: Bytes<'_>,
        payload_offset: u32,
        payload_bytes: u32,
    ) -> Result<Vec<FragmentSample>, Malformed> {
        let (version, flags) = trun.version_and_flags()?;
        let optional = TRUN_FIRST_FLAGS | TRUN_DURATION | TRUN_FLAGS | TRUN_OFFSET;
        let doubled = self.duration.is_some() == (flags & TRUN_DURATION != 0)
            || flags & (TRUN_FIRST_FLAGS | TRUN_FLAGS) == TRUN_FIRST_FLAGS | TRUN_FLAGS;
        if version != 0 || flags & !optional != TRUN_DATA_OFFSET | TRUN_SIZE || doubled {
            return Err(trun.wrong("trun has other flags than ours"));
        }
        let count = trun.u32()?;
        if trun.u32()? != payload_offset {
            return Err(trun.wrong("the samples begin with the payload"));
        }
        let first_key = if flags & TRUN_FIRST_FLAGS == 0 {
            None
        } else {
            Some(is_key(trun.u32()?, trun)?)
        };
        // Each entry has at least a size of 4 bytes: memory is bounded by the bytes at hand, too.
        let bounded = usize::try_from(count).is_ok_and(|count| count <= trun.left() / 4);
        if count == 0 || count > MAX_FRAGMENT_SAMPLES || !bounded {
            return Err(trun.wrong("the number of samples is out of bounds"));
        }
        let mut samples = Vec::with_capacity(trun.left() / 4);
        let mut offset = payload_offset;
        for place in 0..count {
            let sample = self.read_sample(&mut trun, flags, offset)?;
            let key = first_key.filter(|_| place == 0).unwrap_or(sample.key);
            samples.push(FragmentSample { key, ..sample });
            offset = offset
                .checked_add(sample.size)
                .ok_or_else(|| trun.wrong("the samples are larger than their payload"))?;
        }
        trun.end()?;
        if offset - payload_offset != payload_bytes {
            return Err(trun.wrong("the samples fill the payload exactly"));
        }
        Ok(samples)
    }

    fn read_sample(
        &self,
        trun: &mut Bytes<'_>,
        flags: u32,
        offset: u32,
    ) -> Result<FragmentSample, Malformed> {
        let start = *trun;
        let duration = match self.duration {
            Some(duration) => duration,
            None => trun.u32()?,
        };
        let size = trun.u32()?;
        let key = if flags & TRUN_FLAGS == 0 {
            self.key
        } else {
            is_key(trun.u32()?, *trun)?
        };
        let composition_offset = if flags & TRUN_OFFSET == 0 {
            0
        } else {
            trun.u32()?
        };
        if duration == 0 || size == 0 {
            return Err(start.wrong("a sample has neither length nor duration 0"));
        }
        Ok(FragmentSample {
            offset,
            size,
            duration,
            composition_offset,
            key,
        })
    }
}

#[cfg(test)]
mod tests;
