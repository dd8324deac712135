//! Where the boxes and clusters of a container lie, found without FFmpeg, so that it needs to read no more
//! than a task's own bytes (design rules 5.2 and 5.3).

mod clusters;
mod fragments;
mod masked;
mod root;

use std::io::ErrorKind;
use std::ops::Range;

use crate::error::MediaError;
use crate::io::ByteSource;

pub(crate) use clusters::cluster_before;
pub(crate) use fragments::only_from_fragment;
pub(crate) use root::without_payload;

/// Bytes read at once where something is looked for backwards.
const SEARCH_BYTES: u64 = 64 << 10;

/// Bytes looked through backwards: five seconds, the longest cluster of common writers, at 100 Mbit/s.
const SEARCH_BYTES_MAX: u64 = 64 << 20;

/// Reads from `offset` on until `buffer` is full or the source ends; says how many bytes.
fn read_full(source: &dyn ByteSource, offset: u64, buffer: &mut [u8]) -> Result<usize, MediaError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match source.read_at(offset.saturating_add(filled as u64), rest) {
            Ok(0) => break,
            Ok(count) => filled += count.min(rest.len()),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(source) => {
                return Err(MediaError::Io {
                    what: "reading the source",
                    source,
                });
            }
        }
    }
    Ok(filled)
}

/// The bytes of a range, fewer where the source ends within.
fn read_range(source: &dyn ByteSource, range: Range<u64>) -> Result<Vec<u8>, MediaError> {
    let length = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(0);
    let mut bytes = vec![0; length];
    let filled = read_full(source, range.start, &mut bytes)?;
    bytes.truncate(filled);
    Ok(bytes)
}

/// The last place before `end` where the four bytes stand and `is_it` says so, if there is one within
/// [`SEARCH_BYTES_MAX`].
fn last_before(
    source: &dyn ByteSource,
    end: u64,
    bytes: [u8; 4],
    mut is_it: impl FnMut(u64) -> Result<bool, MediaError>,
) -> Result<Option<u64>, MediaError> {
    let lowest = end.saturating_sub(SEARCH_BYTES_MAX);
    let mut upper = end;
    while upper > lowest {
        let lower = upper.saturating_sub(SEARCH_BYTES).max(lowest);
        // What begins in this part may reach into the one behind it.
        let part = read_range(source, lower..upper.saturating_add(3).min(end))?;
        for (place, window) in part.windows(bytes.len()).enumerate().rev() {
            let found = lower + place as u64;
            if window == bytes && is_it(found)? {
                return Ok(Some(found));
            }
        }
        upper = lower;
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
