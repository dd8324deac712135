//! An object store that errs as real ones do: by a script, so that a failure is replayed exactly.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What happens to one put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing: it is done and acknowledged.
    None,
    /// It is refused before anything is written.
    Before,
    /// It is refused for good.
    Refused,
    /// It is done, and the answer is lost.
    AnswerLost,
    /// It is answered with an error and lands this much later.
    Late(Duration),
}

/// A store around another, which applies one fault a put, in the script's order, then none.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    inner: Arc<dyn ObjectStore>,
    script: Mutex<VecDeque<Fault>>,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, script: &[Fault]) -> Self {
        Self {
            inner,
            script: Mutex::new(script.iter().copied().collect()),
        }
    }

    /// How many puts the script still holds.
    pub(crate) fn faults_left(&self) -> usize {
        let script = self.script.lock();
        script.unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "faulty {}", self.inner)
    }
}

fn broken() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "the connection broke".into(),
    }
}

#[async_trait::async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let fault = self
            .script
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match fault.unwrap_or(Fault::None) {
            Fault::None => self.inner.put_opts(location, payload, opts).await,
            Fault::Before => Err(broken()),
            Fault::Refused => Err(object_store::Error::PermissionDenied {
                path: location.to_string(),
                source: "read only".into(),
            }),
            Fault::AnswerLost => {
                drop(self.inner.put_opts(location, payload, opts).await);
                Err(broken())
            }
            Fault::Late(after) => {
                let (inner, location) = (Arc::clone(&self.inner), location.clone());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    drop(inner.put_opts(&location, payload, opts).await);
                });
                Err(broken())
            }
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
