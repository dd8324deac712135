//! A full decode of every track, counting.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::Checker;
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::decoder::Decoder;
use crate::ffi::frame::Frame;
use crate::ffi::input::Input;
use crate::ffi::packet::Packet;
use crate::io::ByteSource;
use crate::limits::Limits;
use crate::verify::TrackKind;

/// Damaged frames that are named of one track.
const MAX_NAMED: u32 = 10;

/// What a decode came to.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    /// Pictures, or AAC frames.
    frames: u64,
    /// Samples of sound.
    samples: u64,
    /// Frames with damage, and packets that didn't decode.
    damaged: u32,
}

impl Checker<'_> {
    /// Decodes a container whose streams are these tracks, in this order.
    pub(super) fn decode(
        &mut self,
        source: &Arc<dyn ByteSource>,
        file: &str,
        tracks: &[usize],
    ) -> Result<(), MediaError> {
        let expected = self.expected;
        for (stream, &place) in (0..).zip(tracks) {
            let Some(track) = expected.tracks.get(place) else {
                continue;
            };
            let name = &track.name;
            let count = match self.decode_stream(Arc::clone(source), file, stream, name) {
                Ok(count) => count,
                Err(MediaError::Cancelled) => return Err(MediaError::Cancelled),
                Err(error) => {
                    self.found(file, None, format!("track {name} doesn't decode: {error}"));
                    continue;
                }
            };
            if count.damaged > MAX_NAMED {
                let what = format!("track {name}: {} frames are damaged in all", count.damaged);
                self.found(file, None, what);
            }
            let (decoded, whole) = match track.kind {
                TrackKind::Video => (count.frames, count.frames == track.frames),
                // The last AAC frame is filled up with silence.
                TrackKind::Audio => (count.samples, count.samples >= track.frames),
            };
            if !whole {
                let what = format!(
                    "track {name}: {decoded} frames decode, the report says {}",
                    track.frames
                );
                self.found(file, Some(decoded.min(track.frames)), what);
            }
        }
        Ok(())
    }

    fn decode_stream(
        &mut self,
        source: Arc<dyn ByteSource>,
        file: &str,
        stream: u32,
        name: &str,
    ) -> Result<Count, MediaError> {
        let limits = Limits::default();
        let control = self.control;
        let mut input = Input::open(source, &limits, control)?;
        input.select(stream);
        let unreadable = |what: &str| MediaError::Unreadable {
            what: what.to_owned(),
        };
        let found = input.stream(stream);
        let found = found.ok_or_else(|| unreadable("FFmpeg doesn't find the track"))?;
        let mut decoder = Decoder::open(found, &limits)?;
        let (mut packet, mut frame) = (Packet::new()?, Frame::new()?);
        let mut count = Count::default();
        let before = self.decoded;
        let mut more = true;
        while more {
            self.go_on()?;
            more = input.read(&mut packet)?;
            if more && packet.stream() != stream {
                continue;
            }
            if let Err(error) = decoder.send(more.then_some(&packet)) {
                self.damaged(file, name, &mut count, &format!("doesn't decode: {error}"));
            }
            loop {
                match decoder.receive(&mut frame) {
                    Ok(Step::Ready) => {
                        if frame.is_damaged() {
                            self.damaged(file, name, &mut count, "is damaged");
                        }
                        count.frames += 1;
                        count.samples += u64::from(frame.samples());
                    }
                    Ok(Step::Hungry | Step::Ended) => break,
                    Err(error) => {
                        self.damaged(file, name, &mut count, &format!("doesn't decode: {error}"));
                        break;
                    }
                }
            }
            self.decoded = before + count.frames;
            control.progress(self.decoded);
        }
        Ok(count)
    }

    /// Notes damage at (or, as decoders run ahead, shortly behind) the frame that comes next.
    fn damaged(&mut self, file: &str, name: &str, count: &mut Count, what: &str) {
        count.damaged = count.damaged.saturating_add(1);
        if count.damaged <= MAX_NAMED {
            let at = count.frames;
            self.found(
                file,
                Some(at),
                format!("track {name}, about frame {at}: {what}"),
            );
        }
    }
}

/// Files that are read as if they were one: an init segment and the segments behind it. One of them is
/// open at a time.
pub(super) struct Joined {
    /// Each file and where it ends.
    parts: Vec<(PathBuf, u64)>,
    open: Mutex<Option<(usize, File)>>,
}

impl Joined {
    /// Files with their lengths.
    pub(super) fn new(files: Vec<(PathBuf, u64)>) -> Self {
        let mut end = 0;
        let parts = files
            .into_iter()
            .map(|(path, length)| {
                end += length;
                (path, end)
            })
            .collect();
        Self {
            parts,
            open: Mutex::new(None),
        }
    }
}

impl ByteSource for Joined {
    fn length(&self) -> u64 {
        self.parts.last().map_or(0, |(_, end)| *end)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        let place = self.parts.partition_point(|(_, end)| *end <= offset);
        let Some((path, end)) = self.parts.get(place) else {
            return Ok(0);
        };
        let start = place
            .checked_sub(1)
            .map_or(0, |before| self.parts[before].1);
        let left = usize::try_from(end - offset).unwrap_or(usize::MAX);
        let length = buffer.len().min(left);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, file) = match open.take() {
            Some((of, file)) if of == place => open.insert((of, file)),
            Some(_) | None => open.insert((place, File::open(path)?)),
        };
        let count = file.read_at(&mut buffer[..length], offset - start)?;
        if count == 0 && length > 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}
