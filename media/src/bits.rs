//! Reads the bits of parameter sets (ITU-T H.264 section 7.2, H.265 section 7.2).

/// Bytes of a parameter set that are read for the numbers in it; real ones have some dozen.
const MAX_PARAMETER_SET_BYTES: usize = 4096;

/// The content of a NAL unit, header included, without the bytes that prevent start codes.
pub(crate) fn content(unit: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (place, &byte) in unit.iter().enumerate().take(MAX_PARAMETER_SET_BYTES) {
        let emulated = byte == 3 && place >= 2 && unit[place - 2..place] == [0, 0];
        if !emulated {
            raw.push(byte);
        }
    }
    raw
}

/// Bits from the highest of the first byte on. Every answer is `None` behind the end.
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// Begins at this bit.
    pub(crate) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next bit.
    pub(crate) fn bit(&mut self) -> Option<u32> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = (byte >> (7 - self.at % 8)) & 1;
        self.at += 1;
        Some(u32::from(bit))
    }

    /// `ue(v)`.
    pub(crate) fn exp_golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while self.bit()? == 0 {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        (0..zeros)
            .try_fold(1_u32, |value, _| Some(value << 1 | self.bit()?))?
            .checked_sub(1)
    }

    /// `se(v)`.
    pub(crate) fn signed_exp_golomb(&mut self) -> Option<i64> {
        let code = i64::from(self.exp_golomb()?);
        Some(if code % 2 == 1 {
            (code + 1) / 2
        } else {
            -(code / 2)
        })
    }
}
