//! An object store that doesn't answer some requests before it is opened, to hold a node in the midst of what
//! it does.

use std::fmt;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::watch;

/// What is asked of one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    /// It is read.
    Get,
    /// It is written.
    Put,
}

/// Whether a request isn't answered before the gate is opened.
pub(crate) type Closed = Box<dyn Fn(Request, &str) -> bool + Send + Sync>;

/// A store around another.
pub(crate) struct Gate {
    inner: Arc<dyn ObjectStore>,
    closed: Closed,
    /// How many requests have come to wait.
    waiting: watch::Sender<u32>,
    opened: watch::Sender<bool>,
}

impl Gate {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, closed: Closed) -> Arc<Self> {
        let waiting = watch::Sender::new(0);
        Arc::new(Self {
            inner,
            closed,
            waiting,
            opened: watch::Sender::new(false),
        })
    }

    /// Lets all pass from now on.
    pub(crate) fn open(&self) {
        self.opened.send_replace(true);
    }

    /// Returns when somebody waits.
    pub(crate) async fn reached(&self) {
        let mut waiting = self.waiting.subscribe();
        let reached = waiting.wait_for(|&waiting| waiting > 0).await;
        drop(reached.expect("the gate itself holds the sender"));
    }

    async fn pass(&self, request: Request, location: &Path) {
        if (self.closed)(request, location.as_ref()) {
            self.waiting.send_modify(|waiting| *waiting += 1);
            let mut opened = self.opened.subscribe();
            let opened = opened.wait_for(|&opened| opened).await;
            drop(opened.expect("the gate itself holds the sender"));
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a gate before {}", self.inner)
    }
}

#[async_trait::async_trait]
impl ObjectStore for Gate {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.pass(Request::Put, location).await;
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.pass(Request::Get, location).await;
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
