//! Fragments read back from the store's blobs, checked against the commits' hashes.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use reelmesh_domain::failure::Failure;
use reelmesh_media::package::{FragmentReader, Track};
use tokio::runtime::Handle;

use super::tracks::{Piece, Pieces};
use crate::shared::{Shared, permanent, store, transient};
use crate::store::StoreError;

/// Blobs up to this length are held as a whole, one a track: a chunk of ten seconds at 5 Mb/s has 6 MB.
/// Of longer ones, single fragments are read, after the whole was hashed once.
const HELD_BYTES: u64 = 8 << 20;
/// How much of a long blob is read at once to be hashed.
const HASHED_BYTES: u64 = 1 << 20;

/// Why nothing is read any more.
const STOPS: &str = "the node stops";

/// Reads fragments of any of the run's tracks. Blocks; belongs on a blocking thread.
pub(super) struct BlobReader<'a> {
    shared: &'a Arc<Shared>,
    handle: &'a Handle,
    tracks: BTreeMap<&'a str, &'a Pieces>,
    held: BTreeMap<&'a str, (usize, Option<Bytes>)>,
    /// What the store said when a read failed.
    pub(super) failure: Option<Failure>,
}

impl<'a> BlobReader<'a> {
    pub(super) fn new(
        shared: &'a Arc<Shared>,
        handle: &'a Handle,
        tracks: impl Iterator<Item = (&'a str, &'a Pieces)>,
    ) -> Self {
        Self {
            shared,
            handle,
            tracks: tracks.collect(),
            held: BTreeMap::new(),
            failure: None,
        }
    }

    fn fragment(&mut self, name: &str, fragment: usize) -> Result<Bytes, Failure> {
        let known = self.tracks.get_key_value(name);
        let (&name, &pieces) =
            known.ok_or_else(|| crate::shared::bug(format!("there is no track {name}")))?;
        let (number, piece, range) = pieces
            .find(fragment)
            .ok_or_else(|| crate::shared::bug(format!("{name} has no fragment {fragment}")))?;
        let held = self.held.get(name);
        if held.is_none_or(|(held, _)| *held != number) {
            let bytes = self.load(piece)?;
            self.held.insert(name, (number, bytes));
        }
        if let Some((_, Some(bytes))) = self.held.get(name) {
            let start = usize::try_from(range.start).unwrap_or(usize::MAX);
            let end = usize::try_from(range.end).unwrap_or(usize::MAX);
            let inside = start <= end && end <= bytes.len();
            return inside
                .then(|| bytes.slice(start..end))
                .ok_or_else(|| short(piece));
        }
        let read = self.shared.store.get_range(&piece.key, range);
        self.wait_for(read)
    }

    /// Waits for the store's answer, but not when the node stops.
    fn wait_for<T>(
        &self,
        request: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Failure> {
        self.handle.block_on(async {
            tokio::select! {
                biased;
                () = self.shared.stopped() => {
                    Err(transient("reading blobs".to_owned(), STOPS.to_owned()))
                }
                answer = request => answer.map_err(store),
            }
        })
    }

    /// Checks a blob's hash and holds it if it is short.
    fn load(&self, piece: &Piece) -> Result<Option<Bytes>, Failure> {
        let mut hasher = blake3::Hasher::new();
        let mut whole = None;
        if piece.size <= HELD_BYTES {
            let read = self.shared.store.get(&piece.key, HELD_BYTES);
            let found = self.wait_for(read)?;
            let bytes = found.ok_or_else(|| crate::archive::gone(&piece.key))?;
            hasher.update(&bytes);
            whole = Some(bytes);
        } else {
            match self.wait_for(self.shared.store.length(&piece.key))? {
                None => return Err(crate::archive::gone(&piece.key)),
                Some(length) if length < piece.size => return Err(short(piece)),
                Some(_) => {}
            }
            let mut start = 0;
            while start < piece.size {
                let end = piece.size.min(start + HASHED_BYTES);
                let read = self.shared.store.get_range(&piece.key, start..end);
                hasher.update(&self.wait_for(read)?);
                start = end;
            }
        }
        if hasher.finalize().as_bytes() == &piece.blake3 {
            Ok(whole)
        } else {
            Err(permanent(
                format!("{} is damaged", piece.key),
                "its hash isn't the committed one".to_owned(),
            ))
        }
    }
}

fn short(piece: &Piece) -> Failure {
    permanent(
        format!("{} is damaged", piece.key),
        "it is shorter than what was committed".to_owned(),
    )
}

impl FragmentReader for BlobReader<'_> {
    fn read(&mut self, track: &Track, fragment: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        if self.shared.is_stopping() {
            return Err(io::Error::other(STOPS));
        }
        match self.fragment(&track.name, fragment) {
            Ok(bytes) => {
                buffer.clear();
                buffer.extend_from_slice(&bytes);
                Ok(())
            }
            Err(failure) => {
                let error = io::Error::other(failure.what.clone());
                self.failure = Some(failure);
                Err(error)
            }
        }
    }
}
