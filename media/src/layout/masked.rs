//! A source of which parts aren't pulled.

use std::ops::Range;
use std::sync::Arc;

use crate::io::ByteSource;

/// Bytes that read as something else: `head`, then zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mask {
    pub(super) range: Range<u64>,
    pub(super) head: Vec<u8>,
}

/// A source as it is but for some masks, which are read without asking it. All positions stay as they are.
pub(super) struct Masked {
    source: Arc<dyn ByteSource>,
    /// In order, none empty, none overlapping.
    masks: Vec<Mask>,
}

impl Masked {
    pub(super) fn new(source: Arc<dyn ByteSource>, masks: Vec<Mask>) -> Self {
        debug_assert!(masks.iter().all(|mask| mask.range.start < mask.range.end));
        debug_assert!(
            masks
                .windows(2)
                .all(|pair| pair[0].range.end <= pair[1].range.start)
        );
        Self { source, masks }
    }
}

impl ByteSource for Masked {
    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let next = self.masks.partition_point(|mask| mask.range.end <= offset);
        let within = |end: u64, buffer: &mut [u8]| {
            usize::try_from(end - offset).map_or(buffer.len(), |bytes| bytes.min(buffer.len()))
        };
        let Some(mask) = self.masks.get(next) else {
            return self.source.read_at(offset, buffer);
        };
        if offset < mask.range.start {
            let count = within(mask.range.start, buffer);
            return self.source.read_at(offset, &mut buffer[..count]);
        }
        let count = within(mask.range.end, buffer);
        let head = usize::try_from(offset - mask.range.start)
            .ok()
            .and_then(|from| mask.head.get(from..))
            .unwrap_or(&[]);
        let (copied, zeros) = buffer[..count].split_at_mut(head.len().min(count));
        copied.copy_from_slice(&head[..copied.len()]);
        zeros.fill(0);
        Ok(count)
    }
}
