//! Where bytes come from and where fragments go: traits that the engine's callers implement.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use reelmesh_domain::media_types::FragmentInfo;

/// A source of known length that can be read anywhere, from several threads at once.
///
/// A read may block while the bytes are pulled.
pub trait ByteSource: Send + Sync {
    /// Length of the source in bytes; never changes.
    fn length(&self) -> u64;

    /// Reads bytes from `offset` on into `buffer` and says how many; 0 only at the end or for an
    /// empty buffer.
    ///
    /// # Errors
    ///
    /// Any error ends the task; its kind decides the class.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize>;
}

/// A local file as a source.
#[derive(Debug)]
pub struct FileSource {
    file: File,
    length: u64,
}

impl FileSource {
    /// Opens the file for reading.
    ///
    /// # Errors
    ///
    /// What opening it or asking for its length answers.
    pub fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl ByteSource for FileSource {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.file.read_at(buffer, offset)
    }
}

/// Takes the fragments of a task as they are finished.
pub trait FragmentSink {
    /// Takes one fragment (`moof` and `mdat`) of the `track`-th track of the task. Fragments of one
    /// track come in order; those of different tracks are interleaved.
    ///
    /// # Errors
    ///
    /// Any error ends the task; its kind decides the class.
    fn put(&mut self, track: usize, info: &FragmentInfo, bytes: &[u8]) -> std::io::Result<()>;
}
