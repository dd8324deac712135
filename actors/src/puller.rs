//! Gives units their bytes: opens sources and holds them to the version that the run is pinned to.
//!
//! Persists nothing. A crash costs nothing: sources that were handed out go on being read, and the
//! coordinator asks again for those that weren't.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::RunId;
use reelmesh_domain::store::records::Pin;
use reelmesh_media::io::ByteSource;

use crate::coordinator::CoordinatorMessage;
use crate::shared::{Shared, blocking};

/// A local file that answers with an error as soon as it isn't the pinned version any more.
#[derive(Debug)]
pub(crate) struct PinnedFile {
    file: File,
    pin: Pin,
}

impl PinnedFile {
    /// Opens the file and pins what is there now.
    pub(crate) fn pin(path: &Path) -> io::Result<Pin> {
        let metadata = std::fs::metadata(path)?;
        if !metadata.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it isn't a regular file",
            ));
        }
        // It is opened once, so that a file that mustn't be read is refused before any work.
        File::open(path)?;
        Ok(pin_of(&metadata))
    }

    /// Opens the file, which must be the pinned version.
    pub(crate) fn open(path: &Path, pin: &Pin) -> io::Result<Self> {
        let source = Self {
            file: File::open(path)?,
            pin: pin.clone(),
        };
        source.check()?;
        Ok(source)
    }

    fn check(&self) -> io::Result<()> {
        if pin_of(&self.file.metadata()?) == self.pin {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the source was changed while the job was running",
            ))
        }
    }
}

impl ByteSource for PinnedFile {
    fn length(&self) -> u64 {
        self.pin.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        // Asking costs a fraction of a microsecond, a read of some ten kilobytes many times that.
        let read = self.file.read_at(buffer, offset)?;
        self.check()?;
        Ok(read)
    }
}

/// Length, time of the last change of the bytes, and inode: a file has no version of its own.
fn pin_of(metadata: &Metadata) -> Pin {
    Pin {
        length: metadata.len(),
        version: format!(
            "{}.{:09}-{}",
            metadata.mtime(),
            metadata.mtime_nsec(),
            metadata.ino()
        ),
    }
}

/// What the puller is told.
#[derive(Debug)]
pub(crate) enum PullerMessage {
    /// Open a run's source; answered by [`CoordinatorMessage::SourceOpened`].
    Open { run: RunId, path: PathBuf, pin: Pin },
}

/// The actor.
pub(crate) struct Puller;

impl Actor for Puller {
    type Msg = PullerMessage;
    type State = Arc<Shared>;
    type Arguments = Arc<Shared>;

    async fn pre_start(
        &self,
        _myself: ActorRef<PullerMessage>,
        shared: Arc<Shared>,
    ) -> Result<Arc<Shared>, ActorProcessingErr> {
        Ok(shared)
    }

    async fn handle(
        &self,
        _myself: ActorRef<PullerMessage>,
        message: PullerMessage,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let PullerMessage::Open { run, path, pin } = message;
        let opened = blocking(move || {
            let name = path.display().to_string();
            match PinnedFile::open(&path, &pin) {
                Ok(source) => Ok(Arc::new(source) as Arc<dyn ByteSource>),
                Err(error) => Err(Failure {
                    class: crate::shared::of_io(error.kind()),
                    what: format!("opening {name}"),
                    evidence: vec![error.to_string()],
                }),
            }
        })
        .await
        .unwrap_or_else(Err);
        let message = CoordinatorMessage::SourceOpened { run, opened };
        shared.post.coordinator.send(message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is written to, or replaced by one of the same length, isn't the pinned one any more.
    #[test]
    fn a_changed_source_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clip.mp4");
        std::fs::write(&path, b"one").unwrap();
        let pin = PinnedFile::pin(&path).unwrap();
        let source = PinnedFile::open(&path, &pin).unwrap();
        let mut buffer = [0; 3];
        assert_eq!(source.read_at(0, &mut buffer).unwrap(), 3);
        std::fs::write(&path, b"longer").unwrap();
        let error = source.read_at(0, &mut buffer).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let other = dir.path().join("other");
        std::fs::write(&other, b"two").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert!(PinnedFile::open(&path, &pin).is_err());
        assert!(PinnedFile::pin(dir.path()).is_err());
    }
}
