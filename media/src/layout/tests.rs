use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::masked::{Mask, Masked};
use super::*;

/// Bytes in memory, and how many of them were read.
struct Memory(Vec<u8>, AtomicU64);

impl ByteSource for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let rest = usize::try_from(offset).ok();
        let rest = rest.and_then(|offset| self.0.get(offset..)).unwrap_or(&[]);
        // Less than was asked for, as sources may give.
        let count = rest.len().min(buffer.len()).min(1_000);
        buffer[..count].copy_from_slice(&rest[..count]);
        self.1.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

fn memory(bytes: &[u8]) -> Arc<dyn ByteSource> {
    Arc::new(Memory(bytes.to_vec(), AtomicU64::new(0)))
}

fn all(source: &dyn ByteSource) -> Vec<u8> {
    read_range(source, 0..source.length()).unwrap()
}

fn mp4(boxes: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, content) in boxes {
        let size = u32::try_from(content.len() + 8).unwrap();
        bytes.extend(size.to_be_bytes());
        bytes.extend(*kind);
        bytes.extend(*content);
    }
    bytes
}

proptest! {
    /// What is masked reads as its head and zeros and is asked of nobody; all else is as it is.
    #[test]
    fn masks_cover_their_ranges(start in 0_u64..3_000, length in 1_u64..2_000, head in 0_usize..40) {
        let bytes: Vec<u8> = (1..=250).cycle().take(5_000).collect();
        let source = Arc::new(Memory(bytes.clone(), AtomicU64::new(0)));
        let head = vec![7; head];
        let mask = Mask { range: start..start + length, head: head.clone() };
        let masked = Masked::new(Arc::clone(&source) as _, vec![mask]);
        let mut expected = bytes;
        let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
        for (place, byte) in expected[range].iter_mut().enumerate() {
            *byte = head.get(place).copied().unwrap_or(0);
        }
        prop_assert_eq!(all(&masked), expected);
        prop_assert_eq!(source.1.load(Ordering::Relaxed), 5_000 - length);
    }
}

/// The payload of a whole MP4 is masked, wherever it stands; others are left as they are.
#[test]
fn payload_is_masked() {
    let (payload, empty) = ([9; 50], [0; 50]);
    for (boxes, masked) in [
        (vec![("ftyp", 4), ("mdat", 50), ("moov", 9)], true),
        (
            vec![("moov", 9), ("free", 0), ("mdat", 50), ("mdat", 50)],
            true,
        ),
        (vec![("moov", 9), ("moof", 9), ("mdat", 50)], false),
        (vec![("ftyp", 9), ("mdat", 50)], false),
    ] {
        let build = |payload: &[u8]| {
            let boxes: Vec<_> = boxes
                .iter()
                .map(|(kind, length)| {
                    let kind: &[u8; 4] = kind.as_bytes().try_into().unwrap();
                    let content = if kind == b"mdat" {
                        payload
                    } else {
                        &[3; 50][..]
                    };
                    (kind, &content[..*length])
                })
                .collect();
            mp4(&boxes)
        };
        let found = without_payload(&memory(&build(&payload))).unwrap();
        assert_eq!(found.is_some(), masked, "{boxes:?}");
        if let Some(found) = found {
            assert_eq!(all(&*found), build(&empty), "{boxes:?}");
        }
    }
    let mut torn = mp4(&[(b"moov", &[3; 9]), (b"mdat", &payload)]);
    torn.extend([0, 0, 0, 3, 0, 0, 0, 0]);
    assert!(without_payload(&memory(&torn)).unwrap().is_none());
}

fn head(version: u8, offset: i32) -> Vec<u8> {
    let mut run = vec![version, 0, 0x08, 0x01];
    for word in [1, 0, offset] {
        run.extend(word.to_be_bytes());
    }
    mp4(&[
        (b"mfhd", &[0; 8]),
        (b"traf", &mp4(&[(b"tfhd", &[0; 8]), (b"trun", &run)])),
    ])
}

/// From a fragment on, an MP4 is its header, one free box, and what comes from there on. The word `moof` in the
/// payload doesn't make a fragment.
#[test]
fn fragments_before_are_masked() {
    let good = head(0, 1);
    let payload = *b"....moof....moof....";
    let file = |last: &[u8]| {
        mp4(&[
            (b"moov", &[3; 9]),
            (b"moof", &good),
            (b"mdat", &payload),
            (b"moof", last),
            (b"mdat", &payload),
        ])
    };
    let bytes = file(&good);
    let fragment = 16 + good.len() + payload.len();
    for (position, skipped) in [(17 + fragment - 3, 0), (17 + 2 * fragment - 1, fragment)] {
        let found = only_from_fragment(&memory(&bytes), position as u64).unwrap();
        let found = all(&*found.expect("a fragment"));
        assert_eq!(found[..17], bytes[..17]);
        assert_eq!(found[17 + skipped..], bytes[17 + skipped..]);
        if skipped > 0 {
            assert_eq!(found[17..25], *b"\0\0\0\x01free");
            assert_eq!(found[25..33], (fragment as u64).to_be_bytes());
        }
    }
    let behind = (17 + 2 * fragment) as u64;
    assert!(
        only_from_fragment(&memory(&bytes), behind)
            .unwrap()
            .is_none()
    );
    // Its times depend on what was read before.
    let negative = file(&head(1, -1));
    assert!(
        only_from_fragment(&memory(&negative), behind - 1)
            .unwrap()
            .is_none()
    );
    let indexed = [mp4(&[(b"moov", &[]), (b"sidx", &[])]), bytes[17..].to_vec()].concat();
    assert!(
        only_from_fragment(&memory(&indexed), behind - 2)
            .unwrap()
            .is_none()
    );
}

/// The nearest cluster before a block is found that reaches up to it: with a known size and without, over more
/// than what is read at once.
#[test]
fn clusters_are_found() {
    let large = vec![0x55; 200_000];
    let cluster =
        |size: &[u8], content: &[u8]| [&[0x1f, 0x43, 0xb6, 0x75], size, &[0xe7], content].concat();
    // 200 001 is 0x30d41.
    let known = cluster(&[0x10, 0x03, 0x0d, 0x41], &large);
    let unknown = cluster(&[0x01, 255, 255, 255, 255, 255, 255, 255], &large);
    let short = cluster(&[0x83], &[1, 2]);
    let first = known.len() as u64;
    for (bytes, position, found) in [
        (known.clone(), first - 1, Some(0)),
        (unknown.clone(), first + 3, Some(0)),
        (
            [known.clone(), unknown.clone()].concat(),
            first - 1,
            Some(0),
        ),
        (
            [known.clone(), unknown.clone()].concat(),
            first + 99_999,
            Some(first),
        ),
        ([known, large.clone()].concat(), first + 9, None),
        ([unknown, short, large].concat(), first + 99_999, Some(0)),
        (vec![], 7, None),
    ] {
        let place = cluster_before(&*memory(&bytes), position).unwrap();
        assert_eq!(place, found, "{} bytes, {position}", bytes.len());
    }
}
