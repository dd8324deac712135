//! How records and checkpoints become bytes and are read back from bytes that nobody vouches for.
//!
//! ```text
//! magic 4 | kind 1 | version 1 | payload length 4, little endian | checksum 16 | payload
//! ```
//!
//! The checksum is the beginning of BLAKE3 over all the rest, so each flipped bit is found; it
//! detects damage, it doesn't authenticate. The payload is bincode, whose own limit guards against
//! lengths that the bytes don't hold. What bincode lets through (bytes behind the value) is refused
//! here. No encoded type may hold a sequence of zero-sized elements: their number costs no bytes.

use alloc::vec::Vec;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::ids::UnitId;

const MAGIC: [u8; 4] = *b"RLMH";
const CHECKSUM_BYTES: usize = 16;
/// What stands before the checksum.
const PREFIX_BYTES: usize = MAGIC.len() + 1 + 1 + 4;
/// What stands before the payload.
pub const HEADER_BYTES: usize = PREFIX_BYTES + CHECKSUM_BYTES;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
/// The largest payload of any kind, one blob: a timeline of ten hours at 60 frames a second has 20 MB.
const LARGEST_BYTES: usize = 64 * MIB;
/// bincode counts sizes in memory: at most 16 bytes (a `u128`) for one encoded byte.
const EXPANSION: usize = 16;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $code:literal, version $version:literal, limit $limit:expr;)*) => {
        /// What an encoding holds. The number is part of the format and never used again for another.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Kind { $($(#[$doc])* $name = $code,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The version of the layout that is written and the only one that is read.
            pub const fn version(self) -> u8 {
                match self { $(Self::$name => $version,)* }
            }

            /// The largest payload in bytes.
            pub const fn limit(self) -> usize {
                match self { $(Self::$name => $limit,)* }
            }

            const fn code(self) -> u8 {
                match self { $(Self::$name => $code,)* }
            }
        }

        const _: () = { $(assert!($limit <= LARGEST_BYTES);)* };
    };
}

kinds! {
    /// `cluster/id`.
    Cluster = 1, version 1, limit 64 * KIB;
    /// `cluster/epochs/…`.
    Epoch = 2, version 1, limit 64 * KIB;
    /// `keys/…`.
    Key = 3, version 1, limit 64 * KIB;
    /// `jobs/…/spec`.
    Spec = 4, version 1, limit MIB;
    /// `jobs/…/runs/…/start`.
    Start = 5, version 1, limit 64 * KIB;
    /// `jobs/…/runs/…/plans/…`: 100 000 units take about 20 MB.
    Plan = 6, version 1, limit LARGEST_BYTES;
    /// `jobs/…/runs/…/commits/…`: frame hashes and fragments of one chunk or a whole audio track.
    Commit = 7, version 1, limit 16 * MIB;
    /// `jobs/…/runs/…/crashes/…`.
    Crash = 8, version 1, limit MIB;
    /// `jobs/…/runs/…/verdict`, with the attempts that ended otherwise.
    Verdict = 9, version 1, limit 16 * MIB;
    /// `jobs/…/runs/…/outcome`, with the list of files.
    Outcome = 10, version 1, limit 16 * MIB;
    /// `jobs/…/events/…`: a batch.
    Events = 11, version 1, limit 16 * MIB;
    /// `open/…`.
    Open = 12, version 1, limit 64 * KIB;
    /// `ended/…`.
    Ended = 13, version 1, limit 64 * KIB;
    /// The claim of an output place.
    Claim = 14, version 1, limit 64 * KIB;
    /// The blob of a scan: facts and timeline.
    Scanned = 15, version 1, limit LARGEST_BYTES;
    /// The definition of a scan, to be hashed.
    ScanTask = 16, version 1, limit 64 * KIB;
    /// The definition of a chunk unit: hashed, and handed to the worker.
    ChunkTask = 17, version 1, limit LARGEST_BYTES;
    /// The definition of an audio unit: hashed, and handed to the worker.
    AudioTask = 18, version 1, limit LARGEST_BYTES;
    /// The parts of a fingerprint, to be hashed.
    Fingerprint = 19, version 1, limit MIB;
    /// What a node keeps in its state directory.
    Checkpoint = 20, version 1, limit LARGEST_BYTES;
}

/// Why bytes weren't made or weren't taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Shorter than a header, or another magic.
    #[error("these bytes aren't a reelmesh record")]
    NotOurs,
    /// The bytes hold something else.
    #[error("a record of kind {found} where {expected:?} is expected")]
    OtherKind {
        /// What was asked for.
        expected: Kind,
        /// The code found.
        found: u8,
    },
    /// Written by another version of the layout.
    #[error("version {found} of {kind:?}, version {known} is known")]
    OtherVersion {
        /// What was asked for.
        kind: Kind,
        /// The version found.
        found: u8,
        /// The version that this program reads.
        known: u8,
    },
    /// Larger than its kind may be.
    #[error("{bytes} bytes of {kind:?}, the limit is {limit}")]
    Oversize {
        /// Of which kind.
        kind: Kind,
        /// Bytes of the payload.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Cut short, or something stands behind the record.
    #[error("the record's length doesn't fit its bytes")]
    OtherLength,
    /// The checksum differs.
    #[error("the record is damaged: its checksum differs")]
    Damaged,
    /// The payload isn't a value of the type.
    #[error("the payload isn't a value of its kind")]
    NotAValue,
}

/// Encodes a value.
///
/// # Errors
///
/// If it is larger than its kind may be, or its type has no encoding (a sequence of unknown length).
pub fn encode<T: Serialize + ?Sized>(kind: Kind, value: &T) -> Result<Vec<u8>, CodecError> {
    let payload = bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|_no_encoding| CodecError::NotAValue)?;
    let oversize = || CodecError::Oversize {
        kind,
        bytes: payload.len(),
        limit: kind.limit(),
    };
    if payload.len() > kind.limit() {
        return Err(oversize());
    }
    let length = u32::try_from(payload.len()).map_err(|_too_long| oversize())?;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&[kind.code(), kind.version()]);
    bytes.extend_from_slice(&length.to_le_bytes());
    let checksum = checksum(&bytes, &payload);
    bytes.extend_from_slice(&checksum);
    bytes.extend_from_slice(&payload);
    Ok(bytes)
}

/// Decodes a value of a kind from all of `bytes`.
///
/// # Errors
///
/// Whatever is wrong with them; no bytes make it panic or reserve more than the kind's limit allows.
pub fn decode<T: DeserializeOwned>(kind: Kind, bytes: &[u8]) -> Result<T, CodecError> {
    let payload = checked_payload(kind, bytes)?;
    let config = bincode::config::standard().with_limit::<{ LARGEST_BYTES * EXPANSION }>();
    let small = bincode::config::standard().with_limit::<{ MIB * EXPANSION }>();
    let decoded = if payload.len() <= MIB {
        bincode::serde::decode_from_slice::<T, _>(payload, small)
    } else {
        bincode::serde::decode_from_slice::<T, _>(payload, config)
    };
    let (value, used) = decoded.map_err(|_other_type| CodecError::NotAValue)?;
    if used == payload.len() {
        Ok(value)
    } else {
        Err(CodecError::OtherLength)
    }
}

/// The id of the unit with this definition: the first 16 bytes of BLAKE3 of its encoding.
///
/// # Errors
///
/// As [`encode`].
pub fn unit_id<T: Serialize + ?Sized>(kind: Kind, definition: &T) -> Result<UnitId, CodecError> {
    let hash = blake3::hash(&encode(kind, definition)?);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    Ok(UnitId::from_bytes(id))
}

fn checked_payload(kind: Kind, bytes: &[u8]) -> Result<&[u8], CodecError> {
    let (prefix, rest) = bytes
        .split_first_chunk::<PREFIX_BYTES>()
        .ok_or(CodecError::NotOurs)?;
    let (stored, payload) = rest
        .split_first_chunk::<CHECKSUM_BYTES>()
        .ok_or(CodecError::NotOurs)?;
    let [m0, m1, m2, m3, code, version, l0, l1, l2, l3] = *prefix;
    if [m0, m1, m2, m3] != MAGIC {
        return Err(CodecError::NotOurs);
    }
    if code != kind.code() {
        return Err(CodecError::OtherKind {
            expected: kind,
            found: code,
        });
    }
    if version != kind.version() {
        return Err(CodecError::OtherVersion {
            kind,
            found: version,
            known: kind.version(),
        });
    }
    if payload.len() > kind.limit() {
        return Err(CodecError::Oversize {
            kind,
            bytes: payload.len(),
            limit: kind.limit(),
        });
    }
    if u32::try_from(payload.len()) != Ok(u32::from_le_bytes([l0, l1, l2, l3])) {
        return Err(CodecError::OtherLength);
    }
    if checksum(prefix, payload) == *stored {
        Ok(payload)
    } else {
        Err(CodecError::Damaged)
    }
}

fn checksum(prefix: &[u8], payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(prefix);
    hasher.update(payload);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    type Sample = (u64, String, Vec<(i64, Option<u8>)>, [u8; 16]);

    /// Bytes with a right header around any payload: what a hostile writer would send.
    fn wrapped(kind: Kind, payload: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&[kind.code(), kind.version()]);
        bytes.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_le_bytes());
        let checksum = checksum(&bytes, payload);
        bytes.extend_from_slice(&checksum);
        bytes.extend_from_slice(payload);
        bytes
    }

    proptest! {
        /// Every value is read back.
        #[test]
        fn values_round_trip(sample: Sample) {
            let bytes = encode(Kind::Commit, &sample).unwrap();
            prop_assert_eq!(decode::<Sample>(Kind::Commit, &bytes), Ok(sample));
        }

        /// Each flipped bit is found, wherever it is.
        #[test]
        fn flipped_bits_are_found(sample: Sample, place: prop::sample::Index, bit in 0..8_u32) {
            let mut bytes = encode(Kind::Commit, &sample).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            prop_assert!(decode::<Sample>(Kind::Commit, &bytes).is_err());
        }

        /// Each cut and each tail is found.
        #[test]
        fn other_lengths_are_found(sample: Sample, cut: prop::sample::Index, tail in 1..9_usize) {
            let mut bytes = encode(Kind::Commit, &sample).unwrap();
            prop_assert!(decode::<Sample>(Kind::Commit, &bytes[..cut.index(bytes.len())]).is_err());
            bytes.extend(vec![0; tail]);
            prop_assert!(decode::<Sample>(Kind::Commit, &bytes).is_err());
        }

        /// Random bytes never panic, bare or in a right header, and a right header doesn't hide a tail.
        #[test]
        fn random_bytes_are_harmless(bytes: Vec<u8>) {
            prop_assert!(decode::<Sample>(Kind::Commit, &bytes).is_err());
            let wrapped = wrapped(Kind::Commit, &bytes);
            if let Ok(value) = decode::<Sample>(Kind::Commit, &wrapped) {
                // Numbers may have several encodings, so only the values are compared.
                let again = encode(Kind::Commit, &value).unwrap();
                prop_assert_eq!(decode::<Sample>(Kind::Commit, &again), Ok(value));
            }
        }
    }

    /// A tail inside the payload is refused although length and checksum are right.
    #[test]
    fn a_tail_in_the_payload_is_refused() {
        let bytes = wrapped(Kind::Open, &[1, 0]);
        assert_eq!(
            decode::<u8>(Kind::Open, &bytes),
            Err(CodecError::OtherLength)
        );
    }

    /// Lengths that the bytes don't hold are refused before anything of that size is reserved.
    #[test]
    fn hostile_lengths_are_refused() {
        for payload in [
            &[252, 255, 255, 255, 255][..],
            &[253, 255, 255, 255, 255, 255, 255, 255, 127],
        ] {
            let bytes = wrapped(Kind::Open, payload);
            let text = decode::<String>(Kind::Open, &bytes);
            assert_eq!(text, Err(CodecError::NotAValue));
            let numbers = decode::<Vec<u64>>(Kind::Open, &bytes);
            assert_eq!(numbers, Err(CodecError::NotAValue));
        }
    }

    /// Another kind, another version and too large a value are named as such.
    #[test]
    fn says_what_is_wrong() {
        let bytes = encode(Kind::Open, &7_u8).unwrap();
        let kind = decode::<u8>(Kind::Key, &bytes);
        assert!(matches!(kind, Err(CodecError::OtherKind { found: 12, .. })));
        let mut newer = bytes;
        newer[5] += 1;
        let version = decode::<u8>(Kind::Open, &newer);
        assert!(matches!(
            version,
            Err(CodecError::OtherVersion {
                found: 2,
                known: 1,
                ..
            })
        ));
        let large = encode(Kind::Open, &vec![0_u8; Kind::Open.limit()]);
        assert!(matches!(large, Err(CodecError::Oversize { .. })));
        let large = wrapped(Kind::Open, &vec![0; Kind::Open.limit() + 1]);
        let large = decode::<Vec<u8>>(Kind::Open, &large);
        assert!(matches!(large, Err(CodecError::Oversize { .. })));
    }

    /// Codes of kinds differ: a record can't be taken for another.
    #[test]
    fn codes_differ() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert!(codes.is_sorted());
    }
}
