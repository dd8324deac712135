//! Checkpoints in a sled database, tamed.
//!
//! Measured with sled 0.34.7: `flush` survives `kill -9`; a flipped bit makes it *panic* when it is
//! opened, or silently loses a key. So every value carries a checksum over its key and itself,
//! everything runs under `catch_unwind`, opening on a thread of its own, and a directory that
//! can't be opened is moved aside and begun anew.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{CheckpointError, Checkpoints};

/// Bytes of the checksum before each value: enough against damage, which isn't an adversary.
const CHECKSUM_BYTES: usize = 8;
/// Pages kept in memory; the node's checkpoints are a few thousand small values.
const CACHE_BYTES: u64 = 8 << 20;
/// How long a database that is still open is waited for: sled lets go of its lock on a thread of its
/// own, some milliseconds after the database is dropped.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// Pause between two looks at the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A sled database. One process at a time; the state directory's lock sees to that.
#[derive(Debug)]
pub struct SledCheckpoints {
    db: sled::Db,
    moved_aside: Option<PathBuf>,
}

impl SledCheckpoints {
    /// Opens the database in `directory`, which is created if absent. A damaged one is renamed to
    /// `<directory>.damaged` (the one damaged before is removed) and an empty one takes its place.
    ///
    /// # Errors
    ///
    /// If the disk is full or refuses, or it stays open elsewhere. Blocks for up to a second where it
    /// is on its way to be closed.
    pub fn open(directory: &Path) -> Result<Self, CheckpointError> {
        let begun = Instant::now();
        let opened = loop {
            match open_apart(directory) {
                Err(Refusal::Locked(_)) if begun.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(LOCK_PAUSE);
                }
                other => break other,
            }
        };
        match opened {
            Ok(db) => Ok(Self {
                db,
                moved_aside: None,
            }),
            Err(Refusal::Locked(answer) | Refusal::Refused(answer)) => {
                Err(failed("opening")(answer))
            }
            Err(Refusal::Damaged(answer)) => {
                let aside = directory.with_extension("damaged");
                tracing::warn!(
                    directory = %directory.display(),
                    aside = %aside.display(),
                    answer,
                    "checkpoints are damaged: moved aside, work that isn't committed is done again"
                );
                move_aside(directory, &aside)
                    .map_err(|error| failed("moving aside")(error.to_string()))?;
                open_apart(directory)
                    .map(|db| Self {
                        db,
                        moved_aside: Some(aside),
                    })
                    .map_err(|refusal| failed("opening")(refusal.into_answer()))
            }
        }
    }

    /// Where a damaged database was moved to when this one was opened.
    pub fn moved_aside(&self) -> Option<&Path> {
        self.moved_aside.as_deref()
    }

    fn guarded<T>(
        &self,
        what: &'static str,
        act: impl FnOnce(&sled::Db) -> sled::Result<T>,
    ) -> Result<T, CheckpointError> {
        match catch_unwind(AssertUnwindSafe(|| act(&self.db))) {
            Ok(result) => result.map_err(|error| failed(what)(error.to_string())),
            Err(panic) => Err(failed(what)(crate::panics::text(panic.as_ref()))),
        }
    }
}

impl Checkpoints for SledCheckpoints {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        let found = self.guarded("reading", |db| db.get(key))?;
        Ok(found.and_then(|bytes| whole(key, &bytes)))
    }

    fn put(&self, key: &str, value: &[u8]) -> Result<(), CheckpointError> {
        let mut bytes = Vec::with_capacity(CHECKSUM_BYTES + value.len());
        bytes.extend_from_slice(&checksum(key, value));
        bytes.extend_from_slice(value);
        self.guarded("writing", |db| db.insert(key, bytes).map(drop))
    }

    fn delete(&self, key: &str) -> Result<(), CheckpointError> {
        self.guarded("writing", |db| db.remove(key).map(drop))
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, CheckpointError> {
        let pairs = self.guarded("reading", |db| {
            db.scan_prefix(prefix).collect::<sled::Result<Vec<_>>>()
        })?;
        Ok(pairs
            .into_iter()
            .filter_map(|(key, bytes)| {
                let key = String::from_utf8(key.to_vec()).ok()?;
                let value = whole(&key, &bytes)?;
                Some((key, value))
            })
            .collect())
    }

    fn flush(&self) -> Result<(), CheckpointError> {
        self.guarded("flushing", |db| db.flush().map(drop))
    }
}

/// Why a database wasn't opened.
enum Refusal {
    /// Its bytes are wrong: it won't open the next time either.
    Damaged(String),
    /// It is open, elsewhere or on its way to be closed.
    Locked(String),
    /// The disk is in the way.
    Refused(String),
}

impl Refusal {
    fn into_answer(self) -> String {
        match self {
            Self::Damaged(answer) | Self::Locked(answer) | Self::Refused(answer) => answer,
        }
    }
}

/// Opens on a thread of its own, so that a panic ends that thread and nothing else.
fn open_apart(directory: &Path) -> Result<sled::Db, Refusal> {
    let config = sled::Config::new()
        .path(directory)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(500));
    let opening = std::thread::Builder::new()
        .name("open checkpoints".to_owned())
        .spawn(move || config.open())
        .map_err(|error| Refusal::Refused(error.to_string()))?;
    match opening.join() {
        Ok(Ok(db)) => Ok(db),
        // A database of another version or with a damaged header is "unsupported".
        Ok(Err(error @ (sled::Error::Corruption { .. } | sled::Error::Unsupported(_)))) => {
            Err(Refusal::Damaged(error.to_string()))
        }
        Ok(Err(sled::Error::Io(error)))
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Err(Refusal::Damaged(error.to_string()))
        }
        // sled wraps what the lock said into an error of kind `Other`; only its text tells.
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("acquire lock") => {
            Err(Refusal::Locked(error.to_string()))
        }
        Ok(Err(error)) => Err(Refusal::Refused(error.to_string())),
        Err(panic) => Err(Refusal::Damaged(crate::panics::text(panic.as_ref()))),
    }
}

fn move_aside(directory: &Path, aside: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::rename(directory, aside)
}

fn checksum(key: &str, value: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&key.len().to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(value);
    let mut first = [0; CHECKSUM_BYTES];
    hasher.finalize_xof().fill(&mut first);
    first
}

/// The value, if its checksum is right.
fn whole(key: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let right = bytes
        .split_first_chunk::<CHECKSUM_BYTES>()
        .filter(|(sum, value)| **sum == checksum(key, value));
    if right.is_none() {
        tracing::warn!(key, "a checkpoint is damaged and forgotten");
    }
    right.map(|(_, value)| value.to_vec())
}

fn failed(what: &'static str) -> impl Fn(String) -> CheckpointError {
    move |answer| CheckpointError { what, answer }
}
