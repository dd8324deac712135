//! The names of all objects in the store, made and read back in one place.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::fmt;
use core::str::FromStr;

use crate::ids::{JobId, NodeId, PlanRevision, RunId, RunNumber, Token, UnitId};
use crate::time::WallTime;

/// The name of one object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Who the cluster is.
    ClusterId,
    /// Who leads from this epoch on.
    Epoch(u64),
    /// Which job an idempotency key stands for.
    Idempotency(KeyHash),
    /// What the user asked.
    Spec(JobId),
    /// Fingerprint and pin of a run.
    Start(RunId),
    /// A revision of a run's plan.
    Plan(RunId, PlanRevision),
    /// Bytes that an attempt made.
    Blob(RunId, UnitId, Token, BlobName),
    /// Which attempt's bytes are the unit's.
    Commit(RunId, UnitId),
    /// Evidence that an attempt crashed its worker.
    Crash(RunId, UnitId, Token),
    /// What is decided about a run.
    Verdict(RunId),
    /// What has been carried out.
    Outcome(RunId),
    /// A batch of the status log.
    Events(JobId, EventsName),
    /// A run that has work left.
    Open(RunId),
    /// A run that ended then.
    Ended(WallTime, RunId),
}

/// All objects whose names begin alike. Its text ends with a slash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    /// All epochs.
    Epochs,
    /// All open runs, in the order of submission.
    Open,
    /// All ended runs.
    Ended,
    /// All jobs.
    Jobs,
    /// All of one job.
    Job(JobId),
    /// All of one run.
    Run(RunId),
    /// The plan's revisions.
    Plans(RunId),
    /// All blobs.
    Blobs(RunId),
    /// All commits.
    Commits(RunId),
    /// All crashes.
    Crashes(RunId),
    /// The crashes of one unit.
    CrashesOf(RunId, UnitId),
    /// The status log of a job.
    Events(JobId),
}

/// The hash of tenant and idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyHash(pub [u8; 32]);

/// The name of a blob within its attempt: the rendition, and which part of its fragments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlobName {
    rendition: String,
    part: u32,
}

/// The name of a batch of events: who wrote it, and its place in that writer's log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventsName {
    /// The node.
    pub node: NodeId,
    /// One of its starts.
    pub incarnation: Token,
    /// The number of the batch, from 0.
    pub sequence: u64,
}

/// The text names no object of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no object of reelmesh")]
pub struct NotAKey(String);

/// Longest name of a rendition in bytes.
const RENDITION_NAME_BYTES: usize = 64;

impl BlobName {
    /// The `part`-th blob (from 0) of a rendition, an audio track or `scan`.
    ///
    /// # Errors
    ///
    /// If the name has other characters than `A-Z a-z 0-9 _ -`, none, or more than 64.
    pub fn new(rendition: &str, part: u32) -> Result<Self, NotAKey> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if (1..=RENDITION_NAME_BYTES).contains(&rendition.len()) && rendition.bytes().all(plain) {
            let rendition = rendition.into();
            Ok(Self { rendition, part })
        } else {
            Err(NotAKey(rendition.into()))
        }
    }

    /// The rendition.
    pub fn rendition(&self) -> &str {
        &self.rendition
    }

    /// Which part.
    pub const fn part(&self) -> u32 {
        self.part
    }
}

impl fmt::Display for BlobName {
    /// As `1080p` for the first part, `1080p.1` for the second: a dot, since names may hold hyphens
    /// and digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => f.write_str(&self.rendition),
            part => write!(f, "{}.{part}", self.rendition),
        }
    }
}

impl FromStr for BlobName {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let (rendition, part) = match text.split_once('.') {
            None => (text, 0),
            Some((rendition, part)) => {
                let part = number(part).filter(|&part| part > 0);
                (rendition, part.ok_or_else(|| NotAKey(text.into()))?)
            }
        };
        Self::new(rendition, part)
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for EventsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}-{:020}",
            self.node, self.incarnation, self.sequence
        )
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = |f: &mut fmt::Formatter<'_>, RunId { job, run }: &RunId, what: &str| {
            write!(f, "jobs/{job}/runs/{run}/{what}")
        };
        match self {
            Self::Epochs => f.write_str("cluster/epochs/"),
            Self::Open => f.write_str("open/"),
            Self::Ended => f.write_str("ended/"),
            Self::Jobs => f.write_str("jobs/"),
            Self::Job(job) => write!(f, "jobs/{job}/"),
            Self::Run(id) => run(f, id, ""),
            Self::Plans(id) => run(f, id, "plans/"),
            Self::Blobs(id) => run(f, id, "blobs/"),
            Self::Commits(id) => run(f, id, "commits/"),
            Self::Crashes(id) => run(f, id, "crashes/"),
            Self::CrashesOf(id, unit) => run(f, id, "crashes/").and_then(|()| write!(f, "{unit}/")),
            Self::Events(job) => write!(f, "jobs/{job}/events/"),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterId => f.write_str("cluster/id"),
            Self::Epoch(epoch) => write!(f, "{}{epoch:020}", Prefix::Epochs),
            Self::Idempotency(hash) => write!(f, "keys/{hash}"),
            Self::Spec(job) => write!(f, "{}spec", Prefix::Job(*job)),
            Self::Start(run) => write!(f, "{}start", Prefix::Run(*run)),
            Self::Plan(run, revision) => write!(f, "{}{revision}", Prefix::Plans(*run)),
            Self::Blob(run, unit, token, name) => {
                write!(f, "{}{unit}/{token}/{name}", Prefix::Blobs(*run))
            }
            Self::Commit(run, unit) => write!(f, "{}{unit}", Prefix::Commits(*run)),
            Self::Crash(run, unit, token) => {
                write!(f, "{}{token}", Prefix::CrashesOf(*run, *unit))
            }
            Self::Verdict(run) => write!(f, "{}verdict", Prefix::Run(*run)),
            Self::Outcome(run) => write!(f, "{}outcome", Prefix::Run(*run)),
            Self::Events(job, name) => write!(f, "{}{name}", Prefix::Events(*job)),
            Self::Open(run) => write!(f, "{}{run}", Prefix::Open),
            Self::Ended(at, run) => {
                let inverse = u64::MAX - at.0;
                write!(f, "{}{}/{inverse:020}-{run}", Prefix::Ended, at.date())
            }
        }
    }
}

impl FromStr for Key {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        parse(text)
            .filter(|key| key.to_string() == text)
            .ok_or_else(|| NotAKey(text.into()))
    }
}

fn parse(text: &str) -> Option<Key> {
    let (top, rest) = text.split_once('/')?;
    match top {
        "cluster" if rest == "id" => Some(Key::ClusterId),
        "cluster" => padded(rest.strip_prefix("epochs/")?).map(Key::Epoch),
        "keys" => key_hash(rest).map(Key::Idempotency),
        "open" => run_id(rest).map(Key::Open),
        "ended" => {
            let (inverse, run) = rest.split_once('/')?.1.split_once('-')?;
            let at = WallTime(u64::MAX - padded(inverse)?);
            Some(Key::Ended(at, run_id(run)?))
        }
        "jobs" => {
            let (job, rest) = rest.split_once('/')?;
            parse_job(job.parse().ok()?, rest)
        }
        _ => None,
    }
}

fn parse_job(job: JobId, rest: &str) -> Option<Key> {
    if rest == "spec" {
        return Some(Key::Spec(job));
    }
    if let Some(name) = rest.strip_prefix("events/") {
        return events_name(name).map(|name| Key::Events(job, name));
    }
    let (run, rest) = rest.strip_prefix("runs/")?.split_once('/')?;
    let run = RunId {
        job,
        run: number(run).map(RunNumber)?,
    };
    let mut parts = rest.split('/');
    let mut part = || parts.next();
    let key = match part()? {
        "start" => Key::Start(run),
        "verdict" => Key::Verdict(run),
        "outcome" => Key::Outcome(run),
        "plans" => Key::Plan(run, PlanRevision(number(part()?)?)),
        "commits" => Key::Commit(run, part()?.parse().ok()?),
        "crashes" => Key::Crash(run, part()?.parse().ok()?, part()?.parse().ok()?),
        "blobs" => {
            let (unit, token) = (part()?.parse().ok()?, part()?.parse().ok()?);
            Key::Blob(run, unit, token, part()?.parse().ok()?)
        }
        _ => return None,
    };
    parts.next().is_none().then_some(key)
}

fn run_id(text: &str) -> Option<RunId> {
    let (job, run) = text.split_once('-')?;
    Some(RunId {
        job: job.parse().ok()?,
        run: number(run).map(RunNumber)?,
    })
}

fn events_name(text: &str) -> Option<EventsName> {
    let (node, rest) = text.split_once('.')?;
    let (incarnation, sequence) = rest.split_once('-')?;
    Some(EventsName {
        node: NodeId::try_from(String::from(node)).ok()?,
        incarnation: incarnation.parse().ok()?,
        sequence: padded(sequence)?,
    })
}

fn key_hash(text: &str) -> Option<KeyHash> {
    let (high, low) = text.split_at_checked(32)?;
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(high.parse::<Token>().ok()?.as_bytes());
    hash[16..].copy_from_slice(low.parse::<Token>().ok()?.as_bytes());
    Some(KeyHash(hash))
}

/// A number as it is written: without sign and leading zeros.
fn number(text: &str) -> Option<u32> {
    let value = text.parse::<u32>().ok()?;
    (value.to_string() == text).then_some(value)
}

/// A number of 20 digits, so that names sort as numbers do.
fn padded(text: &str) -> Option<u64> {
    let value = text.parse::<u64>().ok()?;
    (format!("{value:020}") == text).then_some(value)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_run() -> impl Strategy<Value = RunId> {
        (any::<u128>(), any::<u32>()).prop_map(|(job, run)| RunId {
            job: JobId::from_bits(job),
            run: RunNumber(run),
        })
    }

    fn any_key() -> impl Strategy<Value = Key> {
        let unit = any::<[u8; 16]>().prop_map(UnitId::from_bytes);
        let token = any::<[u8; 16]>().prop_map(Token::from_bytes);
        let blob = ("[A-Za-z0-9_-]{1,64}", any::<u32>())
            .prop_map(|(name, part)| BlobName::new(&name, part).unwrap());
        let events = ("[a-z0-9-]{1,63}", any::<u64>());
        (any_run(), unit, token, blob, events, 0..14_u8).prop_map(
            |(run, unit, token, blob, (node, n), kind)| match kind {
                0 => Key::ClusterId,
                1 => Key::Epoch(n),
                2 => Key::Idempotency(KeyHash(*blake3::hash(unit.as_bytes()).as_bytes())),
                3 => Key::Spec(run.job),
                4 => Key::Start(run),
                5 => Key::Plan(run, PlanRevision(blob.part())),
                6 => Key::Blob(run, unit, token, blob),
                7 => Key::Commit(run, unit),
                8 => Key::Crash(run, unit, token),
                9 => Key::Verdict(run),
                10 => Key::Outcome(run),
                11 => {
                    let name = EventsName {
                        node: NodeId::try_from(node).unwrap(),
                        incarnation: token,
                        sequence: n,
                    };
                    Key::Events(run.job, name)
                }
                12 => Key::Open(run),
                _ => Key::Ended(WallTime(n), run),
            },
        )
    }

    proptest! {
        /// Every name is read back as the key it was made of, and its prefix is the listed one.
        #[test]
        fn names_round_trip(key in any_key()) {
            let text = key.to_string();
            prop_assert_eq!(text.parse::<Key>(), Ok(key));
        }

        /// Two keys never share a name.
        #[test]
        fn names_are_unique(a in any_key(), b in any_key()) {
            prop_assert_eq!(a == b, a.to_string() == b.to_string());
        }

        /// Other text is refused without panic, as are names with something changed.
        #[test]
        fn other_text_is_refused(text: String, key in any_key()) {
            prop_assert!(text.parse::<Key>().is_err());
            let name = key.to_string();
            let (behind, before) = (format!("{name}/"), format!("/{name}"));
            prop_assert!(behind.parse::<Key>().is_err());
            prop_assert!(before.parse::<Key>().is_err());
            let upper = name.to_uppercase();
            prop_assert!(upper == name || upper.parse::<Key>().is_err());
        }

        /// Listings of epochs come oldest first, of ended runs newest first.
        #[test]
        fn listings_come_in_order(a: u64, b: u64, run in any_run()) {
            let epochs = [a, b].map(|n| Key::Epoch(n).to_string());
            prop_assert_eq!(a.cmp(&b), epochs[0].cmp(&epochs[1]));
            let day = WallTime(a % 4_000_000_000_000).0 / 86_400_000 * 86_400_000;
            let at = [a, b].map(|n| day + n % 86_400_000);
            let ended = at.map(|ms| Key::Ended(WallTime(ms), run).to_string());
            prop_assert_eq!(at[1].cmp(&at[0]), ended[0].cmp(&ended[1]));
        }
    }

    /// The layout as the design writes it: names are part of the format.
    #[test]
    fn the_layout_is_the_designs() {
        let job = JobId::from_bits(1);
        let run = RunId {
            job,
            run: RunNumber(2),
        };
        let unit = UnitId::from_bytes([0xab; 16]);
        let token = Token::from_bytes([0xcd; 16]);
        let (j, u, t) = (job.to_string(), unit.to_string(), token.to_string());
        let blob = |part| BlobName::new("audio-1-eng", part).unwrap();
        let events = EventsName {
            node: NodeId::try_from(String::from("n-1")).unwrap(),
            incarnation: token,
            sequence: 7,
        };
        for (key, name) in [
            (Key::ClusterId, "cluster/id".into()),
            (Key::Epoch(3), "cluster/epochs/00000000000000000003".into()),
            (Key::Spec(job), format!("jobs/{j}/spec")),
            (Key::Start(run), format!("jobs/{j}/runs/2/start")),
            (
                Key::Plan(run, PlanRevision(1)),
                format!("jobs/{j}/runs/2/plans/1"),
            ),
            (
                Key::Blob(run, unit, token, blob(0)),
                format!("jobs/{j}/runs/2/blobs/{u}/{t}/audio-1-eng"),
            ),
            (
                Key::Blob(run, unit, token, blob(1)),
                format!("jobs/{j}/runs/2/blobs/{u}/{t}/audio-1-eng.1"),
            ),
            (
                Key::Commit(run, unit),
                format!("jobs/{j}/runs/2/commits/{u}"),
            ),
            (
                Key::Crash(run, unit, token),
                format!("jobs/{j}/runs/2/crashes/{u}/{t}"),
            ),
            (Key::Verdict(run), format!("jobs/{j}/runs/2/verdict")),
            (Key::Outcome(run), format!("jobs/{j}/runs/2/outcome")),
            (
                Key::Events(job, events),
                format!("jobs/{j}/events/n-1.{t}-00000000000000000007"),
            ),
            (Key::Open(run), format!("open/{j}-2")),
            (
                Key::Ended(WallTime(1_795_396_709_123), run),
                format!("ended/20261123/18446742278312842492-{j}-2"),
            ),
        ] {
            assert_eq!(key.to_string(), name);
        }
    }

    /// Names that would break the layout are no blob names.
    #[test]
    fn blob_names_are_plain() {
        for name in ["", ".", "a/b", "a.b", "ä", &"a".repeat(65)] {
            assert!(BlobName::new(name, 0).is_err(), "{name}");
        }
        assert!("1080p.0".parse::<BlobName>().is_err());
    }
}
