//! Where attempts put their fragments until they are committed: one directory an attempt, one file a
//! track, cut into blobs of whole fragments.
//!
//! Spooled bytes are never trusted: each blob's hash is taken while it is written, and whoever reads
//! it compares. So nothing is synced here: a power cut costs an attempt, a crash of the process none.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use reelmesh_domain::ids::Token;
use reelmesh_domain::media_types::FragmentInfo;
use reelmesh_media::io::FragmentSink;

use crate::store::BLOB_BYTES;

/// The spool of a node.
#[derive(Clone, Debug)]
pub struct Spool {
    root: PathBuf,
    blob_bytes: u64,
}

/// One blob of a track, as it lies in the attempt's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledBlob {
    /// Where in the file.
    pub range: Range<u64>,
    /// The hash of its bytes.
    pub hash: blake3::Hash,
    /// Fragments in it.
    pub fragments: u32,
}

impl Spool {
    /// The spool in this directory; blobs are at most [`BLOB_BYTES`] long.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            blob_bytes: BLOB_BYTES,
        }
    }

    /// Begins an attempt: an empty directory of its own.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn begin(&self, attempt: Token, tracks: usize) -> io::Result<SpoolWriter> {
        let directory = self.directory(attempt);
        remove_all(&directory)?;
        fs::create_dir_all(&directory)?;
        let tracks = (0..tracks)
            .map(|track| TrackFile::create(&track_path(&directory, track), self.blob_bytes))
            .collect::<io::Result<_>>()?;
        Ok(SpoolWriter { tracks })
    }

    /// Reads one blob back.
    ///
    /// # Errors
    ///
    /// What the operating system answers; `InvalidData` if its hash is another.
    pub fn read(&self, attempt: Token, track: usize, blob: &SpooledBlob) -> io::Result<Vec<u8>> {
        let file = File::open(track_path(&self.directory(attempt), track))?;
        let length = usize::try_from(blob.range.end - blob.range.start)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, blob.range.start)?;
        if blake3::hash(&bytes) == blob.hash {
            Ok(bytes)
        } else {
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "spooled bytes aren't those that were written",
            ))
        }
    }

    /// Removes an attempt's files; absent ones are fine.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn remove(&self, attempt: Token) -> io::Result<()> {
        remove_all(&self.directory(attempt))
    }

    /// Removes the files of all attempts that `keep` doesn't want: what crashes left behind.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn sweep(&self, keep: impl Fn(Token) -> bool) -> io::Result<()> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other?,
        };
        for entry in entries {
            let entry = entry?;
            let attempt = entry.file_name().to_string_lossy().parse::<Token>();
            if attempt.is_ok_and(|attempt| !keep(attempt)) {
                remove_all(&entry.path())?;
            }
        }
        Ok(())
    }

    fn directory(&self, attempt: Token) -> PathBuf {
        self.root.join(attempt.to_string())
    }
}

/// Takes the fragments of one attempt.
#[derive(Debug)]
pub struct SpoolWriter {
    tracks: Vec<TrackFile>,
}

impl SpoolWriter {
    /// Ends the attempt: the blobs of each track.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn finish(self) -> io::Result<Vec<Vec<SpooledBlob>>> {
        self.tracks.into_iter().map(TrackFile::finish).collect()
    }
}

impl FragmentSink for SpoolWriter {
    fn put(&mut self, track: usize, _info: &FragmentInfo, bytes: &[u8]) -> io::Result<()> {
        self.tracks
            .get_mut(track)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "no such track"))?
            .put(bytes)
    }
}

#[derive(Debug)]
struct TrackFile {
    file: BufWriter<File>,
    blob_bytes: u64,
    done: Vec<SpooledBlob>,
    start: u64,
    end: u64,
    fragments: u32,
    hasher: blake3::Hasher,
}

impl TrackFile {
    fn create(path: &Path, blob_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            file: BufWriter::new(File::create_new(path)?),
            blob_bytes,
            done: Vec::new(),
            start: 0,
            end: 0,
            fragments: 0,
            hasher: blake3::Hasher::new(),
        })
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if length > self.blob_bytes {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!(
                    "one cell has {length} bytes, a blob holds {}",
                    self.blob_bytes
                ),
            ));
        }
        if self.end - self.start + length > self.blob_bytes {
            self.close_blob();
        }
        self.file.write_all(bytes)?;
        self.hasher.update(bytes);
        self.end += length;
        self.fragments += 1;
        Ok(())
    }

    fn close_blob(&mut self) {
        if self.fragments > 0 {
            self.done.push(SpooledBlob {
                range: self.start..self.end,
                hash: self.hasher.finalize(),
                fragments: self.fragments,
            });
        }
        self.hasher.reset();
        self.start = self.end;
        self.fragments = 0;
    }

    fn finish(mut self) -> io::Result<Vec<SpooledBlob>> {
        self.close_blob();
        self.file.flush()?;
        Ok(self.done)
    }
}

fn track_path(directory: &Path, track: usize) -> PathBuf {
    directory.join(track.to_string())
}

fn remove_all(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INFO: FragmentInfo = FragmentInfo {
        sequence: 1,
        decode_time: 0,
        duration: 1,
        samples: 1,
        bytes: 0,
    };

    proptest! {
        /// Blobs tile the track, hold whole fragments, keep the limit, and can't be joined further;
        /// read back they are what was written.
        #[test]
        fn blobs_hold_whole_fragments(sizes in prop::collection::vec(1_usize..=50, 0..40)) {
            let dir = tempfile::tempdir().unwrap();
            let spool = Spool { root: dir.path().to_path_buf(), blob_bytes: 50 };
            let attempt = Token::from_bytes([7; 16]);
            let mut writer = spool.begin(attempt, 2).unwrap();
            let mut written = Vec::new();
            for (n, &size) in sizes.iter().enumerate() {
                let bytes = vec![u8::try_from(n).unwrap(); size];
                writer.put(1, &INFO, &bytes).unwrap();
                written.extend(bytes);
            }
            let tracks = writer.finish().unwrap();
            prop_assert!(tracks[0].is_empty());
            let mut read = Vec::new();
            let mut fragments = 0;
            for blob in &tracks[1] {
                prop_assert_eq!(blob.range.start, read.len() as u64);
                let bytes = spool.read(attempt, 1, blob).unwrap();
                prop_assert!(bytes.len() <= 50);
                fragments += blob.fragments;
                read.extend(bytes);
            }
            prop_assert_eq!(read, written);
            prop_assert_eq!(fragments as usize, sizes.len());
            let lengths = tracks[1].iter().map(|blob| blob.range.end - blob.range.start);
            let starts = tracks[1].iter().scan(0, |fragment, blob| {
                let first = *fragment;
                *fragment += blob.fragments as usize;
                Some(sizes[first] as u64)
            });
            for (length, next) in lengths.zip(starts.skip(1)) {
                prop_assert!(length + next > 50);
            }
        }
    }

    /// Changed bytes aren't read back; a sweep keeps what is wanted and removes the rest.
    #[test]
    fn damage_is_seen_and_leftovers_go() {
        let dir = tempfile::tempdir().unwrap();
        let spool = Spool::new(dir.path());
        let (kept, left) = (Token::from_bytes([1; 16]), Token::from_bytes([2; 16]));
        let mut blobs = Vec::new();
        for attempt in [kept, left] {
            let mut writer = spool.begin(attempt, 1).unwrap();
            writer.put(0, &INFO, b"fragment").unwrap();
            blobs = writer.finish().unwrap().remove(0);
        }
        spool.sweep(|attempt| attempt == kept).unwrap();
        assert!(spool.read(left, 0, &blobs[0]).is_err());
        assert_eq!(spool.read(kept, 0, &blobs[0]).unwrap(), b"fragment");
        let path = dir.path().join(kept.to_string()).join("0");
        fs::write(path, b"fragmint").unwrap();
        let error = spool.read(kept, 0, &blobs[0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
