//! Goes to one fragment of an MP4 without reading those before it.
//!
//! FFmpeg's demuxer reads the head of every fragment when it opens a file without a whole index, and knows no
//! other way to one of them: index entries that it is given are taken for samples, whose other tables
//! then don't fit. So what lies between the header and the fragment is shown to it as one `free` box.

use std::sync::Arc;

use super::masked::{Mask, Masked};
use super::root::{LONG_HEADER_BYTES, RootBox, box_at, root_boxes};
use super::{last_before, read_range};
use crate::error::MediaError;
use crate::io::ByteSource;

/// Boxes between the head of a fragment and the payload that belongs to it, itself included: one payload a
/// track, and some that are skipped.
const FRAGMENT_BOXES_MAX: usize = 16;

/// Bytes of the largest head that is looked into: entries of 16 bytes for 65 536 samples.
const HEAD_BYTES_MAX: u64 = 1 << 20;

/// Flag of `trun`: each entry has a composition offset; and those of fields that stand before it.
const TRUN_OFFSETS: u32 = 0x800;
const TRUN_HEAD_FIELDS: u32 = 0x005;
const TRUN_ENTRY_FIELDS: u32 = 0x700;

/// An MP4 in fragments, of which the demuxer, opened for streaming, sees the header and then the fragment
/// that `position` lies in. `None` if it isn't in fragments, has an index of its own, or if its times may
/// depend on the fragments before.
pub(crate) fn only_from_fragment(
    source: &Arc<dyn ByteSource>,
    position: u64,
) -> Result<Option<Arc<dyn ByteSource>>, MediaError> {
    let Some(boxes) = root_boxes(source.as_ref())? else {
        return Ok(None);
    };
    let Some((first, header)) = boxes.split_last() else {
        return Ok(None);
    };
    let has = |kind: &[u8; 4]| header.iter().any(|found| found.kind == *kind);
    if first.kind != *b"moof" || !has(b"moov") || has(b"sidx") {
        return Ok(None);
    }
    let Some(head) = head_before(source.as_ref(), position)? else {
        return Ok(None);
    };
    if head.start < first.start || has_negative_offsets(source.as_ref(), head)? {
        return Ok(None);
    }
    let mut masks = Vec::new();
    let between = head.start - first.start;
    if between >= LONG_HEADER_BYTES {
        let mut free = vec![0, 0, 0, 1];
        free.extend(b"free");
        free.extend(between.to_be_bytes());
        masks.push(Mask {
            range: first.start..head.start,
            head: free,
        });
    } else if between > 0 {
        return Ok(None);
    }
    Ok(Some(Arc::new(Masked::new(Arc::clone(source), masks))))
}

/// The head of the fragment whose payload a position lies in.
fn head_before(source: &dyn ByteSource, position: u64) -> Result<Option<RootBox>, MediaError> {
    let mut head = None;
    last_before(source, position, *b"moof", |kind| {
        let Some(start) = kind.checked_sub(4) else {
            return Ok(false);
        };
        head = fragment_head(source, start, position)?;
        Ok(head.is_some())
    })?;
    Ok(head)
}

/// The box at `start` if it is followed by boxes up to an `mdat` that `position` lies in.
fn fragment_head(
    source: &dyn ByteSource,
    start: u64,
    position: u64,
) -> Result<Option<RootBox>, MediaError> {
    let head = box_at(source, start)?;
    let Some(head) = head.filter(|head| head.kind == *b"moof") else {
        return Ok(None);
    };
    let mut end = head.end;
    for _ in 0..FRAGMENT_BOXES_MAX {
        match box_at(source, end)? {
            Some(found) if found.content > position => return Ok(None),
            Some(found) if found.kind == *b"mdat" && position < found.end => {
                return Ok(Some(head));
            }
            Some(found) => end = found.end,
            None => return Ok(None),
        }
    }
    Ok(None)
}

/// Whether a fragment shows frames before they are decoded. FFmpeg then shifts all times by the most
/// negative offset that it has seen so far, which depends on what it read before. A head that can't be
/// looked through may.
fn has_negative_offsets(source: &dyn ByteSource, head: RootBox) -> Result<bool, MediaError> {
    if head.end - head.content > HEAD_BYTES_MAX {
        return Ok(true);
    }
    let content = read_range(source, head.content..head.end)?;
    let runs = children(&content)
        .filter(|(kind, _)| kind == b"traf")
        .flat_map(|(_, content)| children(content))
        .filter(|(kind, _)| kind == b"trun");
    for (_, run) in runs {
        if run_has_negative_offsets(run).unwrap_or(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The boxes in a box, as far as they are whole, each with its content.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (header, _) = bytes.split_first_chunk::<8>()?;
        let [a, b, c, d, kind @ ..] = *header;
        let size = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        let content = bytes.get(8..size)?;
        bytes = bytes.get(size..)?;
        Some((kind, content))
    })
}

/// The same for one `trun`; `None` if it isn't whole.
fn run_has_negative_offsets(run: &[u8]) -> Option<bool> {
    let word = |place: usize| {
        let bytes = run.get(place..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    let words = |flags: u32| usize::try_from(flags.count_ones()).unwrap_or(0);
    let flags = word(0)?;
    let entries = usize::try_from(word(4)?).ok()?;
    if flags & TRUN_OFFSETS == 0 {
        return Some(false);
    }
    let first = 8 + 4 * words(flags & TRUN_HEAD_FIELDS);
    let before = words(flags & TRUN_ENTRY_FIELDS);
    // Version 0 has offsets without a sign, which FFmpeg reads as if they had one, too.
    for entry in 0..entries {
        let place = entry.checked_mul(4 * (before + 1))?;
        let offset = word(place.checked_add(first + 4 * before)?)?;
        if offset.cast_signed() < 0 {
            return Some(true);
        }
    }
    Some(false)
}
