//! The outermost boxes of an MP4 (ISO/IEC 14496-12, 4.2).

use std::sync::Arc;

use super::masked::{Mask, Masked};
use super::read_full;
use crate::error::MediaError;
use crate::io::ByteSource;

/// Bytes of the header of a box with a size of 64 bits.
pub(super) const LONG_HEADER_BYTES: u64 = 16;

/// Outermost boxes that are walked over: a file of usual shape has a handful; one in fragments is recognized
/// by its first one.
const ROOT_BOXES_MAX: usize = 256;

/// One box: where it begins, where its content does, where it ends (at most at the end of the source).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RootBox {
    pub(super) kind: [u8; 4],
    pub(super) start: u64,
    pub(super) content: u64,
    pub(super) end: u64,
}

/// The box at a position; `None` if none can stand there.
pub(super) fn box_at(source: &dyn ByteSource, start: u64) -> Result<Option<RootBox>, MediaError> {
    let mut header = [0_u8; 16];
    if read_full(source, start, &mut header)? < 8 {
        return Ok(None);
    }
    let ([size, kind, ..], _) = header.as_chunks::<4>() else {
        return Ok(None);
    };
    let (kind, long) = (*kind, header.last_chunk::<8>().copied());
    let (content, size) = match (u32::from_be_bytes(*size), long) {
        (0, _) => (8, source.length().saturating_sub(start)),
        (1, Some(long)) => (LONG_HEADER_BYTES, u64::from_be_bytes(long)),
        (size, _) => (8, u64::from(size)),
    };
    if size < content {
        return Ok(None);
    }
    Ok(Some(RootBox {
        kind,
        start,
        content: start.saturating_add(content).min(source.length()),
        end: start.saturating_add(size).min(source.length()),
    }))
}

/// The outermost boxes in order, up to and with the first `moof`; `None` if the source isn't made of boxes
/// from end to end, or of too many.
pub(super) fn root_boxes(source: &dyn ByteSource) -> Result<Option<Vec<RootBox>>, MediaError> {
    let mut boxes = Vec::new();
    let mut position = 0;
    while position < source.length() {
        let Some(found) = box_at(source, position)? else {
            return Ok(None);
        };
        if boxes.len() == ROOT_BOXES_MAX {
            return Ok(None);
        }
        boxes.push(found);
        if found.kind == *b"moof" {
            break;
        }
        position = found.end;
    }
    Ok(Some(boxes))
}

/// An MP4 whose payload reads as zeros and isn't pulled (design rule 5.2); `None` if it has to be read as
/// it is: in fragments, where the index lies between the payload, or not made of boxes.
pub(crate) fn without_payload(
    source: &Arc<dyn ByteSource>,
) -> Result<Option<Arc<dyn ByteSource>>, MediaError> {
    let Some(boxes) = root_boxes(source.as_ref())? else {
        return Ok(None);
    };
    let has = |kind: &[u8; 4]| boxes.iter().any(|found| found.kind == *kind);
    if has(b"moof") || !has(b"moov") {
        return Ok(None);
    }
    let payload = boxes
        .iter()
        .filter(|found| found.kind == *b"mdat" && found.content < found.end)
        .map(|found| Mask {
            range: found.content..found.end,
            head: Vec::new(),
        });
    let masks = payload.collect();
    Ok(Some(Arc::new(Masked::new(Arc::clone(source), masks))))
}
