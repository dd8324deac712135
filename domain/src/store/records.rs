//! The records themselves: what stands in the objects of [`super::keys`].
//!
//! Those that decide are wrapped in [`Decision`], whose token tells two writers' bodies apart.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError, Kind};
use crate::failure::Failure;
use crate::ids::{AttemptNumber, JobId, NodeId, RunId, Token, UnitId, WorkerSlot};
use crate::media_types::{AudioReport, ChunkReport, SourceFacts};
use crate::plan::Timeline;
use crate::time::WallTime;

/// A record that decides by being created. The token is random, drawn once, and kept with the whole
/// body before the first put; for a commit it is the attempt's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision<T> {
    /// Tells this body from every other writer's.
    pub token: Token,
    /// What is decided.
    pub record: T,
}

/// A type with a kind of its own.
pub trait Record: Serialize + DeserializeOwned {
    /// The kind.
    const KIND: Kind;

    /// As bytes.
    ///
    /// # Errors
    ///
    /// As [`codec::encode`].
    fn to_bytes(&self) -> Result<Vec<u8>, CodecError> {
        codec::encode(Self::KIND, self)
    }

    /// From bytes.
    ///
    /// # Errors
    ///
    /// As [`codec::decode`].
    fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        codec::decode(Self::KIND, bytes)
    }
}

macro_rules! records {
    ($($name:ident => $kind:ident;)*) => {
        $(impl Record for $name { const KIND: Kind = Kind::$kind; })*
    };
}

records! {
    ClusterRecord => Cluster;
    EpochRecord => Epoch;
    KeyRecord => Key;
    StartRecord => Start;
    CommitRecord => Commit;
    CrashRecord => Crash;
    VerdictRecord => Verdict;
    OutcomeRecord => Outcome;
    OpenRecord => Open;
    EndedRecord => Ended;
    ClaimRecord => Claim;
    Scanned => Scanned;
}

impl<T: Record> Record for Decision<T> {
    const KIND: Kind = T::KIND;
}

impl<S: Serialize + DeserializeOwned> Record for SpecRecord<S> {
    const KIND: Kind = Kind::Spec;
}

impl Record for crate::plan::Plan {
    const KIND: Kind = Kind::Plan;
}

/// `cluster/id`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// The cluster's random id.
    pub id: Token,
    /// Hash of the certificate authority, once there is one.
    pub authority_hash: Option<[u8; 32]>,
    /// Whether the store was seen to let exactly one of several racers win.
    pub store_proven: bool,
}

/// `cluster/epochs/<epoch>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Who leads.
    pub node: NodeId,
    /// Where it is reached; `None` for a node without mesh.
    pub address: Option<String>,
}

/// `keys/<hash>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// The job that the key stands for.
    pub job: JobId,
    /// Hash of the canonical spec: the same key with another spec is refused.
    pub spec_hash: [u8; 32],
}

/// `jobs/<job>/spec`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpecRecord<S> {
    /// The job.
    pub job: JobId,
    /// When it was submitted.
    pub submitted: WallTime,
    /// All that the user asked, every default written out.
    pub spec: S,
}

/// The one version of the source's bytes that a run uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// Length in bytes.
    pub length: u64,
    /// What changes whenever the bytes do: an object's `ETag` or version; a file's modification time and
    /// inode.
    pub version: String,
}

/// `jobs/<job>/runs/<r>/start`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartRecord {
    /// The fingerprint that all of the run's units are made under.
    pub fingerprint: String,
    /// The source's version.
    pub pin: Pin,
    /// When the run began.
    pub started: WallTime,
}

/// `…/commits/<u>`: from now on this attempt's bytes are the unit's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitRecord {
    /// Which attempt.
    pub attempt: AttemptNumber,
    /// Whether another attempt was running.
    pub speculative: bool,
    /// By whom.
    pub node: NodeId,
    /// By which of its workers.
    pub worker: WorkerSlot,
    /// The fingerprint of the node: the run's.
    pub fingerprint: String,
    /// All blobs, each track's in order.
    pub blobs: Vec<BlobRef>,
    /// What was found and made.
    pub report: UnitReport,
    /// When the attempt was handed out.
    pub created: WallTime,
    /// When a worker began.
    pub started: WallTime,
    /// When the worker ended.
    pub ended: WallTime,
}

/// One blob of a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Place of the track in the task.
    pub track: u32,
    /// Which part of the track's fragments, from 0.
    pub part: u32,
    /// The rendition: with the part the [`super::keys::BlobName`].
    pub rendition: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub blake3: [u8; 32],
    /// How many fragments it holds; for a scan 0.
    pub fragments: u32,
}

/// What an attempt found and made besides its blobs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UnitReport {
    /// Of a scan.
    Scan(ScanReport),
    /// Of a chunk.
    Chunk(ChunkReport),
    /// Of an audio track.
    Audio(AudioReport),
}

/// What a scan found, in short; the blob holds [`Scanned`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// Frames of the timeline.
    pub frames: u64,
    /// CPU time in microseconds, as far as it is known.
    pub cpu_us: u64,
}

/// The blob of a scan: all that the plan is made of besides spec and fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scanned {
    /// What probing found.
    pub facts: SourceFacts,
    /// All frames.
    pub timeline: Timeline,
}

/// The id of a run's scan: the same source version and fingerprint, the same scan.
///
/// # Errors
///
/// If pin and fingerprint are larger than a record may be.
pub fn scan_unit(pin: &Pin, fingerprint: &str) -> Result<UnitId, CodecError> {
    codec::unit_id(Kind::ScanTask, &("scan", pin, fingerprint))
}

/// The rendition part of a scan's blob name.
pub const SCAN_BLOB: &str = "scan";

/// `…/crashes/<u>/<token>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashRecord {
    /// Which attempt.
    pub attempt: AttemptNumber,
    /// On which node.
    pub node: NodeId,
    /// In which of its workers.
    pub worker: WorkerSlot,
    /// What is known.
    pub failure: Failure,
    /// When the attempt was handed out.
    pub created: WallTime,
    /// When the worker began.
    pub started: WallTime,
    /// When the crash was seen.
    pub ended: WallTime,
}

/// `…/verdict`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerdictRecord {
    /// What is decided.
    pub verdict: Verdict,
    /// Why, as a sentence.
    pub why: String,
    /// The last log lines and answers.
    pub evidence: Vec<String>,
    /// Somebody must look at it before a retry makes sense.
    pub needs_attention: bool,
    /// Attempts without commit or crash record, as far as they are known.
    pub ended_otherwise: Vec<AttemptRecord>,
    /// When it was decided.
    pub decided: WallTime,
}

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Its outputs are put in place.
    Publish,
    /// The user doesn't want it any more.
    Cancel,
    /// It can't be done.
    Fail,
    /// It ends, and another run of the job begins.
    Replan,
}

/// `…/outcome`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeRecord {
    /// What the run came to.
    pub outcome: Outcome,
    /// Why, as a sentence; empty for a run that is done.
    pub why: String,
    /// The last log lines and answers.
    pub evidence: Vec<String>,
    /// Somebody must look at it before a retry makes sense.
    pub needs_attention: bool,
    /// The files in the output place, `report.json` included; empty unless done.
    pub files: Vec<PublishedFile>,
    /// When it ended.
    pub ended: WallTime,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// All outputs are in place.
    Done,
    /// Nothing was published.
    Cancelled,
    /// Nothing was published, or not all.
    Failed,
    /// The next run goes on.
    Replanned,
}

impl From<Verdict> for Outcome {
    /// The outcome of a verdict that is carried out without failure.
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Publish => Self::Done,
            Verdict::Cancel => Self::Cancelled,
            Verdict::Fail => Self::Failed,
            Verdict::Replan => Self::Replanned,
        }
    }
}

/// A file in the output place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishedFile {
    /// Path relative to the job's output place, with slashes.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// BLAKE3 of the bytes.
    pub blake3: [u8; 32],
}

/// `open/<job>-<r>`: what a new leader must know before it reads the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRecord {
    /// Who submitted it.
    pub tenant: String,
    /// Its share against others; 100 is normal.
    pub weight: u32,
    /// When it should be done.
    pub deadline: Option<WallTime>,
}

/// `ended/<yyyymmdd>/<inverse time>-<job>-<r>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedRecord {
    /// What the run came to.
    pub outcome: Outcome,
    /// Who submitted it.
    pub tenant: String,
}

/// `<out>/<stem>/.reelmesh`: whose output place it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRecord {
    /// The job.
    pub job: JobId,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// Its bytes are the unit's.
    Committed,
    /// It may have done its work, and another's bytes or nobody's count: node lost, or late.
    Lost,
    /// It said why it couldn't.
    Failed,
    /// Its worker died or hung.
    Crashed,
    /// It was told to stop.
    Cancelled,
}

/// One attempt at one unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// The run.
    pub run: RunId,
    /// The unit.
    pub unit: UnitId,
    /// Place of its chunk in the plan; none for scan and audio.
    pub chunk: Option<u32>,
    /// What it makes.
    pub renditions: Vec<String>,
    /// How it ended.
    pub status: AttemptStatus,
    /// On which node.
    pub node: NodeId,
    /// In which of its workers; none if no worker took it up.
    pub worker: Option<WorkerSlot>,
    /// When a worker began; none if none did.
    pub started: Option<WallTime>,
    /// When it ended.
    pub ended: WallTime,
    /// Which try.
    pub attempt: AttemptNumber,
    /// Whether another attempt was running.
    pub speculative: bool,
    /// Where its bytes were put, in the store.
    pub output_path: String,
    /// When it was handed out.
    pub created: WallTime,
}

/// An [`AttemptRecord`] as `report.json` has it: ids and times as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptLine {
    /// The job.
    pub job_id: String,
    /// The unit.
    pub unit_id: String,
    /// Place of its chunk in the plan; null for scan and audio.
    pub chunk_id: Option<u32>,
    /// What it makes.
    pub renditions: Vec<String>,
    /// How it ended.
    pub status: AttemptStatus,
    /// On which node.
    pub node_id: String,
    /// In which of its workers.
    pub worker_id: Option<u32>,
    /// When a worker began (RFC 3339).
    pub start_time: Option<String>,
    /// When it ended (RFC 3339).
    pub end_time: String,
    /// Between the two; 0 if no worker began.
    pub duration_ms: u64,
    /// Which try, from 1.
    pub attempt: u32,
    /// Whether another attempt was running.
    pub speculative: bool,
    /// Where its bytes were put, in the store.
    pub output_path: String,
    /// When it was handed out (RFC 3339).
    pub created_at: String,
}

impl From<&AttemptRecord> for AttemptLine {
    fn from(record: &AttemptRecord) -> Self {
        let duration = record.started.map(|start| record.ended.ms_since(start));
        Self {
            job_id: record.run.job.to_string(),
            unit_id: record.unit.to_string(),
            chunk_id: record.chunk,
            renditions: record.renditions.clone(),
            status: record.status,
            node_id: record.node.to_string(),
            worker_id: record.worker.map(|slot| slot.0),
            start_time: record.started.map(|time| time.to_string()),
            end_time: record.ended.to_string(),
            duration_ms: duration.unwrap_or(0),
            attempt: record.attempt.0,
            speculative: record.speculative,
            output_path: record.output_path.clone(),
            created_at: record.created.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::failure::FailureClass;

    fn pin() -> Pin {
        Pin {
            length: 22_000_000,
            version: "1763800000.5-77".into(),
        }
    }

    /// A decision is read back with its token, and isn't taken for another kind.
    #[test]
    fn decisions_round_trip() {
        let verdict = VerdictRecord {
            verdict: Verdict::Fail,
            why: "the source ends early".into(),
            evidence: vec!["moov atom not found".into()],
            needs_attention: false,
            ended_otherwise: Vec::new(),
            decided: WallTime(5),
        };
        let decision = Decision {
            token: Token::from_bytes([7; 16]),
            record: verdict,
        };
        let bytes = decision.to_bytes().unwrap();
        assert_eq!(Decision::from_bytes(&bytes), Ok(decision));
        assert!(Decision::<StartRecord>::from_bytes(&bytes).is_err());
    }

    /// Crashes hold their evidence.
    #[test]
    fn crashes_round_trip() {
        let crash = CrashRecord {
            attempt: AttemptNumber(2),
            node: NodeId::try_from(String::from("local")).unwrap(),
            worker: WorkerSlot(1),
            failure: Failure {
                class: FailureClass::Crash,
                what: "killed by signal 11".into(),
                evidence: Vec::new(),
            },
            created: WallTime(1),
            started: WallTime(2),
            ended: WallTime(3),
        };
        assert_eq!(
            CrashRecord::from_bytes(&crash.to_bytes().unwrap()),
            Ok(crash)
        );
    }

    /// A scan's id changes with the source's version, its length and the fingerprint, and with nothing
    /// else.
    #[test]
    fn scans_are_named_by_what_they_depend_on() {
        let id = scan_unit(&pin(), "a").unwrap();
        assert_eq!(id, scan_unit(&pin(), "a").unwrap());
        assert_ne!(id, scan_unit(&pin(), "b").unwrap());
        let longer = Pin { length: 1, ..pin() };
        assert_ne!(id, scan_unit(&longer, "a").unwrap());
        let newer = Pin {
            version: "2".into(),
            ..pin()
        };
        assert_ne!(id, scan_unit(&newer, "a").unwrap());
    }
}
