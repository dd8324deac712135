//! Talks to the object store: decisions by put-if-absent, blobs, listings.
//!
//! Every answer is bounded in size and time. What an answer means is told apart: *absent* is an
//! answer, silence isn't.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload};
use reelmesh_domain::failure::backoff;
use reelmesh_domain::store::decide::{self, Decide, PutAnswer, ReadAnswer, Step};

use crate::api::StartError;

pub mod output;

/// A request to the store that takes longer is given up; nothing is concluded from that. Uncontended
/// puts take milliseconds, contended ones up to 19 s (measured against SeaweedFS).
const REQUEST_LIMIT: Duration = Duration::from_secs(30);
/// The same for a blob, which may have to cross a slow link: 64 MiB at half a megabyte a second.
const BLOB_LIMIT: Duration = Duration::from_secs(128);
/// Tries at one request before its caller is told; with the pauses below about half a minute.
const TRIES: u32 = 8;
/// Pause before the second try; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);
/// The largest record that is read: a plan of 100 000 units is about 20 MB.
pub const RECORD_LIMIT: u64 = 64 << 20;
/// The largest blob (design section 2): one put holds it.
pub const BLOB_BYTES: u64 = 64 << 20;
/// The longest listing: ten times the units of a day of video.
const LISTING_LIMIT: usize = 1_000_000;

/// Why the store didn't do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{what} {key}: {answer}")]
pub struct StoreError {
    /// What was tried.
    pub what: &'static str,
    /// The object's key, or the prefix of a listing.
    pub key: String,
    /// The last answer.
    pub answer: String,
    /// What it says of the object.
    pub says: Says,
}

/// What a store's failing answer says of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// That there is none.
    Absent,
    /// That it is there, shorter or longer than it must be.
    Misshapen,
    /// Nothing: the store refused, or didn't answer.
    Nothing,
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// The object holds our body.
    Won,
    /// The object holds this other body.
    Lost(Bytes),
    /// Nothing is known, not even that it isn't written: it may still land. Put the same body again
    /// to settle it.
    Unknown {
        /// The last answer.
        answer: String,
    },
}

/// A handle on the object store; cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    objects: Arc<dyn ObjectStore>,
    /// Where a local one lies.
    directory: Option<PathBuf>,
}

impl Store {
    /// Opens the store at `url`, or at `default_dir` where none is given.
    ///
    /// # Errors
    ///
    /// A scheme other than `file` is refused by name; a directory that can't be made says so.
    pub fn open(url: Option<&str>, default_dir: &FilePath) -> Result<Self, StartError> {
        let dir = match url {
            None => default_dir.to_path_buf(),
            Some(text) => directory_of(text)?,
        };
        std::fs::create_dir_all(&dir).map_err(|source| StartError::Io {
            what: format!("creating {}", dir.display()),
            source,
        })?;
        let objects = LocalFileSystem::new_with_prefix(&dir)
            .map_err(|error| StartError::Store {
                reason: error.to_string(),
            })?
            .with_fsync(true);
        Ok(Self {
            objects: Arc::new(objects),
            directory: Some(dir),
        })
    }

    /// A store over any implementation; tests pass one that errs.
    pub fn over(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            directory: None,
        }
    }

    /// Removes the directory of a prefix that holds no object any more. A put that a `kill -9` cut off left
    /// a partial file there, which no listing shows. Does nothing where the store isn't a directory. Blocks.
    ///
    /// # Errors
    ///
    /// What the operating system answers; an absent directory is fine.
    pub fn remove_directory(&self, prefix: &str) -> std::io::Result<()> {
        let Some(directory) = &self.directory else {
            return Ok(());
        };
        let mut place = directory.clone();
        place.extend(prefix.split('/').filter(|part| !part.is_empty()));
        match std::fs::remove_dir_all(place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    /// Decides: creates the object if it is absent. `body` must hold a random token, so that two
    /// writers' bodies are never equal. Cancel safe: calling it again with the same body settles it.
    ///
    /// What answers mean, and how often is asked, [`Decide`] says. Only one thing is added: a store that
    /// refuses for good isn't asked again, which leaves the decision as open as it is.
    pub async fn decide(&self, key: &str, body: Bytes) -> Decided {
        let mut decision = Decide::new(key.to_owned(), body.to_vec());
        let (mut answer, mut refused) = (String::new(), false);
        loop {
            match decision.next() {
                Step::Put { failures, .. } => {
                    if failures > 0 {
                        tokio::time::sleep(backoff(failures, crate::random::number())).await;
                    }
                    let put = self.put_if_absent(key, body.clone()).await;
                    refused = matches!(put, Err(Answer::Final(_)));
                    decision.on_put(match put {
                        Ok(()) => PutAnswer::Created,
                        Err(said) => {
                            answer = said.to_string();
                            PutAnswer::Anything
                        }
                    });
                }
                Step::Read { key } => {
                    let read = match self.read_once(key, RECORD_LIMIT).await {
                        Ok(Some(found)) => ReadAnswer::Found(found.into()),
                        Ok(None) => ReadAnswer::Absent,
                        Err(said) => {
                            answer = said.to_string();
                            ReadAnswer::Anything
                        }
                    };
                    if refused && !matches!(read, ReadAnswer::Found(_)) {
                        return Decided::Unknown { answer };
                    }
                    decision.on_read(read);
                }
                Step::Done(decided) => {
                    return match decided {
                        decide::Decided::Won => Decided::Won,
                        decide::Decided::Lost(other) => Decided::Lost(other.clone().into()),
                        decide::Decided::Unknown => Decided::Unknown { answer },
                    };
                }
            }
        }
    }

    async fn put_if_absent(&self, key: &str, body: Bytes) -> Result<(), Answer> {
        let (path, payload) = (Path::from(key), PutPayload::from_bytes(body));
        let put = self
            .objects
            .put_opts(&path, payload, PutMode::Create.into());
        bounded(REQUEST_LIMIT, put).await.map(drop)
    }

    /// Reads a whole object; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// If no try is answered, or the object is larger than `limit`.
    pub async fn get(&self, key: &str, limit: u64) -> Result<Option<Bytes>, StoreError> {
        self.repeated("reading", key, || self.read_once(key, limit))
            .await
    }

    /// Reads a part of an object: exactly `range`.
    ///
    /// # Errors
    ///
    /// If no try is answered, or the object is absent or shorter.
    pub async fn get_range(
        &self,
        key: &str,
        range: std::ops::Range<u64>,
    ) -> Result<Bytes, StoreError> {
        let range = &range;
        self.repeated("reading", key, || async move {
            let path = Path::from(key);
            let request = self.objects.get_range(&path, range.clone());
            let bytes = bounded(BLOB_LIMIT, request).await?;
            if u64::try_from(bytes.len()) == Ok(range.end - range.start) {
                Ok(bytes)
            } else {
                Err(Answer::Misshapen(format!("only {} bytes", bytes.len())))
            }
        })
        .await
    }

    /// An object's length; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// If no try is answered.
    pub async fn length(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.repeated("measuring", key, || async {
            let path = Path::from(key);
            match bounded(REQUEST_LIMIT, self.objects.head(&path)).await {
                Ok(meta) => Ok(Some(meta.size)),
                Err(Answer::Absent) => Ok(None),
                Err(answer) => Err(answer),
            }
        })
        .await
    }

    /// Puts a blob under a name that nobody else writes. When it returns, the object is whole.
    ///
    /// # Errors
    ///
    /// If no try is acknowledged.
    pub async fn put_blob(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let bytes = &bytes;
        self.repeated("writing", key, || async move {
            let path = Path::from(key);
            let payload = PutPayload::from_bytes(bytes.clone());
            bounded(BLOB_LIMIT, self.objects.put(&path, payload))
                .await
                .map(drop)
        })
        .await
    }

    /// Removes an object; an absent one is fine.
    ///
    /// # Errors
    ///
    /// If no try is acknowledged.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.repeated("removing", key, || async {
            let path = Path::from(key);
            match bounded(REQUEST_LIMIT, self.objects.delete(&path)).await {
                Ok(()) | Err(Answer::Absent) => Ok(()),
                Err(answer) => Err(answer),
            }
        })
        .await
    }

    /// All keys below a prefix (whole path segments), in order, with their lengths.
    ///
    /// # Errors
    ///
    /// If no try is answered, or the listing is longer than any that the design allows.
    pub async fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.repeated("listing", prefix, || async {
            let path = Path::from(prefix);
            let listing = self
                .objects
                .list(Some(&path))
                .map_ok(|meta| (meta.location.to_string(), meta.size))
                .take(LISTING_LIMIT + 1)
                .try_collect::<Vec<_>>();
            let mut found = match bounded(REQUEST_LIMIT, listing).await {
                Err(Answer::Absent) => Vec::new(),
                other => other?,
            };
            if found.len() > LISTING_LIMIT {
                return Err(Answer::Final(format!("more than {LISTING_LIMIT} objects")));
            }
            found.sort_unstable();
            Ok(found)
        })
        .await
    }

    async fn read_once(&self, key: &str, limit: u64) -> Result<Option<Bytes>, Answer> {
        let path = Path::from(key);
        let read = async {
            let found = self.objects.get(&path).await?;
            if found.meta.size > limit {
                return Ok(Err(found.meta.size));
            }
            found.bytes().await.map(Ok)
        };
        match bounded(BLOB_LIMIT, read).await {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => Err(Answer::Misshapen(format!(
                "it has {size} bytes, the limit is {limit}"
            ))),
            Err(Answer::Absent) => Ok(None),
            Err(answer) => Err(answer),
        }
    }

    async fn repeated<T, F>(
        &self,
        what: &'static str,
        key: &str,
        mut request: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, Answer>>,
    {
        let mut pause = FIRST_PAUSE;
        let mut round = 1;
        loop {
            match request().await {
                Ok(value) => return Ok(value),
                Err(answer) if round == TRIES || !matches!(answer, Answer::Again(_)) => {
                    return Err(StoreError {
                        what,
                        key: key.to_owned(),
                        says: match answer {
                            Answer::Absent => Says::Absent,
                            Answer::Misshapen(_) => Says::Misshapen,
                            Answer::Final(_) | Answer::Again(_) => Says::Nothing,
                        },
                        answer: answer.to_string(),
                    });
                }
                Err(_try_again) => pause = wait(pause).await,
            }
            round += 1;
        }
    }
}

/// What one request said.
#[derive(Debug, thiserror::Error)]
enum Answer {
    #[error("there is no such object")]
    Absent,
    #[error("{0}")]
    Misshapen(String),
    #[error("{0}")]
    Final(String),
    #[error("{0}")]
    Again(String),
}

async fn bounded<T>(
    limit: Duration,
    request: impl Future<Output = object_store::Result<T>>,
) -> Result<T, Answer> {
    match tokio::time::timeout(limit, request).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(object_store::Error::NotFound { .. })) => Err(Answer::Absent),
        Ok(Err(
            refused @ (object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::InvalidPath { .. }
            | object_store::Error::NotSupported { .. }),
        )) => Err(Answer::Final(refused.to_string())),
        Ok(Err(error)) => Err(Answer::Again(error.to_string())),
        Err(_elapsed) => Err(Answer::Again(format!("no answer within {limit:?}"))),
    }
}

/// Waits a random part of `pause` and returns the next pause.
async fn wait(pause: Duration) -> Duration {
    let part = u32::from(crate::random::byte()) + 1;
    tokio::time::sleep(pause * part / 256).await;
    (pause * 2).min(LONGEST_PAUSE)
}

/// The directory that a `file://` URL names.
pub(crate) fn directory_of(text: &str) -> Result<PathBuf, StartError> {
    let unusable = |reason: String| StartError::Store { reason };
    let url = url::Url::parse(text).map_err(|error| unusable(format!("{text}: {error}")))?;
    if url.scheme() != "file" {
        return Err(StartError::Scheme {
            scheme: url.scheme().to_owned(),
        });
    }
    url.to_file_path()
        .map_err(|()| unusable(format!("{text} names no local directory")))
}
