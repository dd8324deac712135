//! An open container.

use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use ffmpeg_next::ffi;
use reelmesh_domain::media_types::Container;

use super::options::Options;
use super::packet::Packet;
use super::reader::Reader;
use super::stream::{Stream, static_text};
use super::{AvError, check, out_of_memory, prepare};
use crate::control::Control;
use crate::error::MediaError;
use crate::io::ByteSource;
use crate::limits::Limits;

/// The demuxers that may open a source: real containers only. A playlist or a script under a
/// media file's name is refused before anything that it names is looked at.
const DEMUXERS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts";

/// Reads in a row that may give no packet and no end: a demuxer answers so where it threw damaged data
/// away, and a stretch of them is at most as long as the probe's bytes (32 MiB) in packets of 188 bytes.
const EMPTY_READS_MAX: u32 = 180_000;

/// Reads in a row that may give broken data, as after each of them FFmpeg may find the next packet that isn't:
/// more than the packets of a second of ten tracks.
const BROKEN_READS_MAX: u32 = 1_000;

/// How a container is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// All that the demuxer wants to know about it first, packets looked into.
    Whole,
    /// An MP4 without looking into packets: what is a key is what its tables say. For sources whose payload
    /// can't be read.
    Unparsed,
    /// An MP4 up to its first fragment, the others as they come.
    Streaming,
}

/// A container that is open for reading. Streams keep their indices; packets come in the order of
/// the file, with timestamps as they are stored: wraps aren't corrected.
pub struct Input<'a> {
    raw: NonNull<ffi::AVFormatContext>,
    reader: Reader<'a>,
    container: Container,
    control: PhantomData<&'a dyn Control>,
}

impl std::fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input ({:?})", self.container)
    }
}

impl<'a> Input<'a> {
    /// Opens a source and reads its header. `control` can stop every later read.
    ///
    /// # Errors
    ///
    /// Unreadable if it is none of the containers in scope, `LimitPassed`, or what the source says.
    pub fn open(
        source: Arc<dyn ByteSource>,
        limits: &Limits,
        control: &'a dyn Control,
    ) -> Result<Self, MediaError> {
        Self::open_as(Opening::Whole, source, limits, control)
    }

    /// The same in another way.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_as(
        opening: Opening,
        source: Arc<dyn ByteSource>,
        limits: &Limits,
        control: &'a dyn Control,
    ) -> Result<Self, MediaError> {
        prepare();
        let mut reader = Reader::new(source, control)?;
        let raw = open_raw(&mut reader, opening, limits)?;
        let mut input = Self {
            raw,
            reader,
            container: Container::Mp4,
            control: PhantomData,
        };
        input.container = input.find_container()?;
        Ok(input)
    }

    fn find_container(&self) -> Result<Container, MediaError> {
        // SAFETY: an open context has a format, which is static.
        let format = unsafe { self.raw().iformat.as_ref() };
        let name = format.map_or_else(String::new, |format| static_text(format.name));
        match name.split(',').next() {
            Some("mov") => Ok(Container::Mp4),
            Some("matroska") => Ok(Container::Matroska),
            Some("mpegts") => Ok(Container::MpegTs),
            _ => Err(MediaError::OutOfScope {
                what: format!("the container {name}; MP4, MOV, MKV and MPEG-TS are in scope"),
            }),
        }
    }

    /// Reads on, and decodes where it must, until the streams' parameters are known.
    ///
    /// # Errors
    ///
    /// Unreadable, or what the source says.
    pub fn find_stream_parameters(&mut self) -> Result<(), MediaError> {
        // SAFETY: the context is open; no options are passed.
        let code = unsafe { ffi::avformat_find_stream_info(self.raw.as_ptr(), ptr::null_mut()) };
        match check(code) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failure(&error, "its streams can't be read")),
        }
    }

    fn raw(&self) -> &ffi::AVFormatContext {
        // SAFETY: open from construction to drop.
        unsafe { self.raw.as_ref() }
    }

    /// The container's kind.
    pub const fn container(&self) -> Container {
        self.container
    }

    /// Length in microseconds, if the container states it.
    pub fn duration_us(&self) -> Option<i64> {
        super::timestamp(self.raw().duration).filter(|duration| *duration > 0)
    }

    /// Number of streams.
    pub fn stream_count(&self) -> u32 {
        self.raw().nb_streams
    }

    /// One stream.
    pub fn stream(&self, index: u32) -> Option<Stream<'_>> {
        if index >= self.raw().nb_streams {
            return None;
        }
        let index = usize::try_from(index).ok()?;
        // SAFETY: the array has `nb_streams` entries.
        let entry = unsafe { self.raw().streams.add(index) };
        // SAFETY: within the array.
        let stream = unsafe { *entry };
        // SAFETY: entries are streams that live as long as the context.
        Stream::new(unsafe { stream.as_ref() }?)
    }

    /// All streams, in the order of the container.
    pub fn streams(&self) -> impl Iterator<Item = Stream<'_>> {
        (0..self.stream_count()).filter_map(|index| self.stream(index))
    }

    /// Leaves out the packets of all streams but one.
    pub fn select(&mut self, stream: u32) {
        for index in 0..self.stream_count() as usize {
            // SAFETY: the array has `nb_streams` entries.
            let entry = unsafe { self.raw().streams.add(index) };
            // SAFETY: within the array.
            let raw = unsafe { *entry };
            // SAFETY: entries are streams of the context, which is borrowed exclusively.
            if let Some(raw) = unsafe { raw.as_mut() } {
                raw.discard = if index == stream as usize {
                    ffi::AVDiscard::AVDISCARD_DEFAULT
                } else {
                    ffi::AVDiscard::AVDISCARD_ALL
                };
            }
        }
    }

    /// Reads the next packet; `false` at the end.
    ///
    /// # Errors
    ///
    /// Cancelled, what the source says, or unreadable.
    pub fn read(&mut self, packet: &mut Packet) -> Result<bool, MediaError> {
        let mut broken = 0;
        for _ in 0..EMPTY_READS_MAX {
            packet.clear();
            // SAFETY: both are valid; the packet is empty.
            let code = unsafe { ffi::av_read_frame(self.raw.as_ptr(), packet.as_mut_ptr()) };
            // The demuxer takes a failed read for the end of the file: a half file isn't a whole one.
            if let Some(failure) = self.reader.take_failure() {
                return Err(failure);
            }
            match check(code) {
                Ok(_) => return Ok(true),
                Err(error) if error.code == ffi::AVERROR(ffi::EAGAIN) => {}
                Err(error) if error.code == ffi::AVERROR_EOF => return Ok(false),
                // Broken data inside isn't the end: what comes behind it is read. (The demuxers of MKV and TS
                // look for the next good place themselves.)
                Err(error) if error.code == ffi::AVERROR_INVALIDDATA => {
                    broken += 1;
                    if broken == BROKEN_READS_MAX {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error.into_unreadable("reading packets")),
            }
        }
        Err(MediaError::Unreadable {
            what: format!("{EMPTY_READS_MAX} reads in a row gave no packet"),
        })
    }

    /// Goes to the last key packet at or before `ticks` of the stream; `false` if there is no way.
    ///
    /// # Errors
    ///
    /// Cancelled, or what the source says.
    pub fn seek_time(&mut self, stream: u32, ticks: i64) -> Result<bool, MediaError> {
        self.seek(stream, ticks, ffi::AVSEEK_FLAG_BACKWARD)
    }

    /// Tells the demuxer of a key packet of the stream: where the part of the container begins that it lies in,
    /// and its time in ticks. So seeking to it needs no index in the source and no search.
    ///
    /// # Errors
    ///
    /// Out of memory.
    pub fn add_access_point(
        &mut self,
        stream: u32,
        position: u64,
        ticks: i64,
    ) -> Result<(), MediaError> {
        let (Ok(position), Some(raw)) = (i64::try_from(position), self.raw_stream(stream)) else {
            return Ok(());
        };
        // The Matroska demuxer reads on from the last entry to look for a better one: so it isn't the last.
        for ticks in [ticks, ticks.saturating_add(1)] {
            // SAFETY: a stream of the open context, which is borrowed exclusively.
            let code = unsafe {
                ffi::av_add_index_entry(raw, position, ticks, 0, 0, ffi::AVINDEX_KEYFRAME)
            };
            check(code).map_err(|_error| out_of_memory("index"))?;
        }
        Ok(())
    }

    fn raw_stream(&mut self, index: u32) -> Option<*mut ffi::AVStream> {
        if index >= self.raw().nb_streams {
            return None;
        }
        let index = usize::try_from(index).ok()?;
        // SAFETY: the array has `nb_streams` entries.
        let entry = unsafe { self.raw().streams.add(index) };
        // SAFETY: within the array.
        Some(unsafe { *entry })
    }

    /// Goes to a byte position: for transport streams, which can be read from anywhere.
    ///
    /// # Errors
    ///
    /// Cancelled, or what the source says.
    pub fn seek_position(&mut self, stream: u32, position: u64) -> Result<bool, MediaError> {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        self.seek(stream, position, ffi::AVSEEK_FLAG_BYTE)
    }

    fn seek(&mut self, stream: u32, target: i64, flags: i32) -> Result<bool, MediaError> {
        let stream = i32::try_from(stream).unwrap_or(-1);
        // SAFETY: the context is open; a stream that isn't there is answered by an error.
        let code = unsafe { ffi::av_seek_frame(self.raw.as_ptr(), stream, target, flags) };
        match self.reader.take_failure() {
            Some(failure) => Err(failure),
            None => Ok(code >= 0),
        }
    }

    fn failure(&mut self, error: &AvError, what: &str) -> MediaError {
        self.reader
            .take_failure()
            .unwrap_or_else(|| error.clone().into_unreadable(what))
    }
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        let mut raw = self.raw.as_ptr();
        // SAFETY: ours, and never used again; custom I/O stays for the reader's own drop.
        unsafe { ffi::avformat_close_input(&raw mut raw) };
    }
}

fn open_raw(
    reader: &mut Reader<'_>,
    opening: Opening,
    limits: &Limits,
) -> Result<NonNull<ffi::AVFormatContext>, MediaError> {
    // SAFETY: allocates or returns null.
    let mut raw = unsafe { ffi::avformat_alloc_context() };
    // SAFETY: null or a fresh context that nobody else holds.
    let Some(context) = (unsafe { raw.as_mut() }) else {
        return Err(out_of_memory("container"));
    };
    context.pb = reader.as_mut_ptr();
    context.flags |= ffi::AVFMT_FLAG_CUSTOM_IO;
    context.flags |= match opening {
        Opening::Whole => 0,
        Opening::Unparsed => ffi::AVFMT_FLAG_NOPARSE,
        Opening::Streaming => ffi::AVFMT_FLAG_IGNIDX,
    };
    let probe = limits.probe_bytes.to_string();
    let streams = limits.streams.to_string();
    let mut options = Options::new(&[
        ("protocol_whitelist", ""),
        ("format_whitelist", DEMUXERS),
        ("probesize", &probe),
        ("max_streams", &streams),
        // Wraps stay as they are stored: the plan's mapping undoes them, the same for every chunk.
        ("correct_ts_overflow", "0"),
    ])?;
    // SAFETY: the context is ours with our I/O; on failure it is freed and the pointer set to null.
    let code = unsafe {
        ffi::avformat_open_input(
            &raw mut raw,
            c"".as_ptr(),
            ptr::null(),
            options.as_mut_ptr(),
        )
    };
    if let Err(error) = check(code) {
        return Err(reader.take_failure().unwrap_or_else(|| not_opened(&error)));
    }
    options.all_taken("the demuxer")?;
    NonNull::new(raw).ok_or_else(|| out_of_memory("container"))
}

/// A container that FFmpeg knows and may not open is answered by "invalid argument".
fn not_opened(error: &AvError) -> MediaError {
    if error.code == ffi::AVERROR(ffi::EINVAL) {
        return MediaError::OutOfScope {
            what: "the container is none of those in scope: MP4, MOV, MKV and MPEG-TS".to_owned(),
        };
    }
    error
        .clone()
        .into_unreadable("not a media file in MP4, MOV, MKV or MPEG-TS")
}
