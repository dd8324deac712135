//! Boxes of ISO/IEC 14496-12: put together, and taken apart without trust.

/// The type of a box.
pub(crate) type Kind = [u8; 4];

/// Appends a box whose content `fill` appends.
pub(crate) fn put_box(out: &mut Vec<u8>, kind: Kind, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind);
    fill(out);
    #[expect(
        clippy::expect_used,
        reason = "boxes put together in memory hold tables whose lengths are bounded far below 4 GiB"
    )]
    let size = u32::try_from(out.len() - start).expect("a box in memory is smaller than 4 GiB");
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a box with version and flags.
pub(crate) fn put_full_box(
    out: &mut Vec<u8>,
    kind: Kind,
    version: u8,
    flags: u32,
    fill: impl FnOnce(&mut Vec<u8>),
) {
    put_box(out, kind, |out| {
        out.push(version);
        out.extend_from_slice(&flags.to_be_bytes()[1..]);
        fill(out);
    });
}

/// Appends big-endian numbers.
pub(crate) fn put_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends big-endian numbers.
pub(crate) fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends big-endian numbers.
pub(crate) fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Bytes that aren't what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} (at byte {at})")]
pub struct Malformed {
    /// What is wrong.
    pub what: &'static str,
    /// Where, from the start of what was read.
    pub at: u64,
}

/// Untrusted bytes, read from the front.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bytes<'a> {
    rest: &'a [u8],
    at: u64,
}

impl<'a> Bytes<'a> {
    pub(crate) const fn new(data: &'a [u8]) -> Self {
        Self { rest: data, at: 0 }
    }

    /// Bytes that stand at `at` of something larger.
    pub(crate) const fn at(data: &'a [u8], at: u64) -> Self {
        Self { rest: data, at }
    }

    pub(crate) const fn position(&self) -> u64 {
        self.at
    }

    pub(crate) const fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn wrong(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.at }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.wrong("more bytes are announced than there are"));
        };
        self.rest = rest;
        self.at += length as u64;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    /// A 64-bit number that must fit `i64`, as every time and size of ours does.
    pub(crate) fn time(&mut self) -> Result<i64, Malformed> {
        let wrong = self.wrong("a time is out of range");
        i64::try_from(self.u64()?).map_err(|_too_large| wrong)
    }

    /// Version and flags of a full box.
    pub(crate) fn version_and_flags(&mut self) -> Result<(u8, u32), Malformed> {
        let word = self.u32()?;
        let [version, ..] = word.to_be_bytes();
        Ok((version, word & 0x00ff_ffff))
    }

    /// Takes the next box with a 32-bit size.
    pub(crate) fn next_box(&mut self) -> Result<(Kind, Self), Malformed> {
        let start = *self;
        let size = self.u32()?;
        let kind = self.array::<4>()?;
        let content = usize::try_from(size)
            .ok()
            .and_then(|size| size.checked_sub(8))
            .ok_or_else(|| start.wrong("a box is smaller than its header"))?;
        let at = self.at;
        Ok((kind, Self::at(self.take(content)?, at)))
    }

    /// Takes the next box, which must be of this type.
    pub(crate) fn expect_box(&mut self, kind: Kind, what: &'static str) -> Result<Self, Malformed> {
        let start = *self;
        let (found, content) = self.next_box()?;
        if found == kind {
            Ok(content)
        } else {
            Err(start.wrong(what))
        }
    }

    /// Nothing may be left.
    pub(crate) const fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.wrong("bytes are left over"))
        }
    }
}
