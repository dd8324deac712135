//! Finds the cluster of a Matroska block (RFC 9559, 5.1.3).

use super::{last_before, read_range};
use crate::error::MediaError;
use crate::io::ByteSource;

/// Identifies a cluster.
const CLUSTER: [u8; 4] = [0x1f, 0x43, 0xb6, 0x75];

/// What a cluster begins with: its time, or before it a checksum, its position, the size of the cluster
/// before, or nothing that means something.
const FIRST_CHILDREN: [u8; 5] = [0xe7, 0xbf, 0xa7, 0xab, 0xec];

/// Bytes of the longest size that EBML has.
const SIZE_BYTES_MAX: u64 = 8;

/// Where the cluster begins that a block at `position` lies in: the only place in a Matroska file to which
/// the demuxer can be sent. `None` if there is none such near.
pub(crate) fn cluster_before(
    source: &dyn ByteSource,
    position: u64,
) -> Result<Option<u64>, MediaError> {
    last_before(source, position, CLUSTER, |start| {
        reaches(source, start, position)
    })
}

/// Whether a cluster begins at `start` that reaches up to `position`.
fn reaches(source: &dyn ByteSource, start: u64, position: u64) -> Result<bool, MediaError> {
    let after = start.saturating_add(CLUSTER.len() as u64);
    let header = read_range(source, after..after.saturating_add(SIZE_BYTES_MAX + 1))?;
    let Some((&first, _)) = header.split_first() else {
        return Ok(false);
    };
    // The number of leading zeros is that of further bytes.
    let further = first.leading_zeros() as usize;
    let Some(bytes) = header.get(..=further) else {
        return Ok(false);
    };
    let size = bytes.iter().fold(0_u64, |size, byte| {
        size.checked_shl(8).unwrap_or(0) | u64::from(*byte)
    });
    let bits = 7 * bytes.len();
    let unknown = (1_u64 << bits) - 1;
    let size = size & unknown;
    let content = after.saturating_add(bytes.len() as u64);
    let begins = header
        .get(bytes.len())
        .is_some_and(|child| FIRST_CHILDREN.contains(child));
    Ok(begins && (size == unknown || position < content.saturating_add(size)))
}
