//! Names of things: jobs, runs, units, nodes, workers, attempts, tokens.
//!
//! Ids are never drawn in here: the caller passes the random bits.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The text isn't an id of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` isn't a {kind}")]
pub struct NotAnId {
    kind: &'static str,
    text: String,
}

/// Writes an id as its text where people may read it (JSON), and as its bits into records.
macro_rules! text_or_bits {
    ($name:ident, $bits:ty) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    serializer.collect_str(self)
                } else {
                    self.0.serialize(serializer)
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    text.parse().map_err(D::Error::custom)
                } else {
                    <$bits>::deserialize(deserializer).map(Self)
                }
            }
        }
    };
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        text_or_bits!($name, [u8; 16]);

        impl $name {
            /// The id made of these 128 bits.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 128 bits.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                let wrong = || NotAnId { kind: $kind, text: text.into() };
                if text.len() != 32 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    return Err(wrong());
                }
                let bits = u128::from_str_radix(text, 16).map_err(|_not_hex| wrong())?;
                Ok(Self(bits.to_be_bytes()))
            }
        }
    };
}

hex_id! {
    /// Names a unit by the hash of its definition: the same work has the same id in every plan
    /// revision, different work never has.
    UnitId, "unit id"
}
hex_id! {
    /// Random bits that tell one writer's try from another's; drawn once per attempt or decision.
    Token, "token"
}

/// Names a job: a ULID, so that ids sort by the time of submission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(u128);

text_or_bits!(JobId, u128);

/// Crockford's base 32, as the ULID specification uses it.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// 26 characters of 5 bits hold 130 bits; the first character is at most `7`.
const ULID_LENGTH: usize = 26;

impl JobId {
    /// The id with these bits: 48 of milliseconds since 1970, then 80 random ones.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The 128 bits.
    pub const fn bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (0..ULID_LENGTH).rev().try_for_each(|place| {
            let digit = usize::try_from((self.0 >> (place * 5)) & 31).unwrap_or(0);
            write!(f, "{}", char::from(CROCKFORD[digit]))
        })
    }
}

impl fmt::Debug for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobId({self})")
    }
}

impl FromStr for JobId {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = || NotAnId {
            kind: "job id",
            text: text.into(),
        };
        if text.len() != ULID_LENGTH || text.as_bytes()[0] > b'7' {
            return Err(wrong());
        }
        text.bytes()
            .try_fold(0_u128, |bits, letter| {
                let digit = CROCKFORD
                    .iter()
                    .position(|&known| known == letter)
                    .ok_or_else(wrong)?;
                Ok((bits << 5) | u128::try_from(digit).map_err(|_too_large| wrong())?)
            })
            .map(Self)
    }
}

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u32);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

counted! {
    /// Counts the executions of a job, from 0.
    RunNumber
}
counted! {
    /// Counts the revisions of a run's plan, from 0.
    PlanRevision
}
counted! {
    /// Counts the attempts at a unit, from 1.
    AttemptNumber
}
counted! {
    /// A worker's slot on its node, from 0.
    WorkerSlot
}

/// Names one run of one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunId {
    /// The job.
    pub job: JobId,
    /// Which of its runs.
    pub run: RunNumber,
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.job, self.run)
    }
}

/// Names a node: 1 to 63 characters of `a-z`, `0-9` and `-`, as they fit into a certificate's name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(String);

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeId {
    type Error = NotAnId;

    fn try_from(text: String) -> Result<Self, NotAnId> {
        let fits = (1..=63).contains(&text.len())
            && text
                .bytes()
                .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            Ok(Self(text))
        } else {
            Err(NotAnId {
                kind: "node id",
                text,
            })
        }
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use proptest::prelude::*;

    use super::*;
    use crate::codec::{self, Kind};

    proptest! {
        /// Every id is read back from its text.
        #[test]
        fn text_round_trips(bits: u128) {
            let job = JobId::from_bits(bits);
            prop_assert_eq!(job.to_string().parse::<JobId>(), Ok(job));
            let unit = UnitId::from_bytes(bits.to_be_bytes());
            prop_assert_eq!(unit.to_string().parse::<UnitId>(), Ok(unit));
        }

        /// In records an id is its bits and nothing else, so that the hashes of definitions, and with them the
        /// units' ids, don't depend on how ids are shown.
        #[test]
        fn records_hold_the_bits(bits: u128) {
            let (unit, job) = (UnitId::from_bytes(bits.to_be_bytes()), JobId::from_bits(bits));
            let plain = codec::encode(Kind::Checkpoint, &(bits.to_be_bytes(), bits)).unwrap();
            let ids = codec::encode(Kind::Checkpoint, &(unit, job)).unwrap();
            prop_assert_eq!(&ids, &plain);
            prop_assert_eq!(codec::decode(Kind::Checkpoint, &ids), Ok((unit, job)));
        }

        /// Ids sort as their texts do, so listings come in order.
        #[test]
        fn text_keeps_the_order(a: u128, b: u128) {
            let (a, b) = (JobId::from_bits(a), JobId::from_bits(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }

    /// Text that is no id is refused, one reason a row.
    #[test]
    fn refuses_other_text() {
        for text in [
            "",
            "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "0000000000000000000000000I",
            "01ARZ3NDEK",
        ] {
            assert!(text.parse::<JobId>().is_err(), "{text}");
        }
        for text in ["", "0", "ABCDEF00ABCDEF00ABCDEF00ABCDEF00"] {
            assert!(text.parse::<Token>().is_err(), "{text}");
        }
        for text in ["", "Node", "a_b"] {
            assert!(NodeId::try_from(String::from(text)).is_err(), "{text}");
        }
    }
}
