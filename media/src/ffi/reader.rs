//! FFmpeg's input over a [`ByteSource`]: the only way in which a source is ever read.

use std::ffi::{c_int, c_void};
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use ffmpeg_next::ffi;

use super::out_of_memory;
use crate::control::Control;
use crate::error::MediaError;
use crate::io::ByteSource;

/// Bytes asked of the source at once: a few packets of HD video.
const BUFFER_BYTES: c_int = 128 << 10;

struct State<'a> {
    source: Arc<dyn ByteSource>,
    control: &'a dyn Control,
    position: u64,
    /// Where bytes are read to first: FFmpeg's own buffer may hold, where it asks for more, what it goes
    /// back to when there is no more, so it must stay as it is until there are bytes.
    bytes: Vec<u8>,
    failure: Option<MediaError>,
}

/// The I/O context and its state, which don't move while FFmpeg holds their addresses.
pub(super) struct Reader<'a> {
    context: NonNull<ffi::AVIOContext>,
    state: NonNull<State<'a>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        source: Arc<dyn ByteSource>,
        control: &'a dyn Control,
    ) -> Result<Self, MediaError> {
        // SAFETY: allocates or returns null.
        let buffer = unsafe { ffi::av_malloc(BUFFER_BYTES.unsigned_abs() as usize) };
        if buffer.is_null() {
            return Err(out_of_memory("input buffer"));
        }
        let state = NonNull::from(Box::leak(Box::new(State {
            source,
            control,
            position: 0,
            bytes: Vec::new(),
            failure: None,
        })));
        // SAFETY: the buffer is FFmpeg's own and of the length given; the state lives until this
        // reader is dropped, and the context is freed before it.
        let context = unsafe {
            ffi::avio_alloc_context(
                buffer.cast(),
                BUFFER_BYTES,
                0,
                state.as_ptr().cast(),
                Some(on_read),
                None,
                Some(on_seek),
            )
        };
        if let Some(context) = NonNull::new(context) {
            return Ok(Self { context, state });
        }
        // SAFETY: the buffer wasn't taken over.
        unsafe { ffi::av_free(buffer) };
        // SAFETY: the state came out of a box and nobody else holds it.
        drop(unsafe { Box::from_raw(state.as_ptr()) });
        Err(out_of_memory("input context"))
    }

    pub(super) fn as_mut_ptr(&self) -> *mut ffi::AVIOContext {
        self.context.as_ptr()
    }

    /// What went wrong in the source since the last call.
    pub(super) fn take_failure(&mut self) -> Option<MediaError> {
        // SAFETY: no callback runs while we are here: FFmpeg is single threaded and we aren't in it.
        unsafe { self.state.as_mut() }.failure.take()
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // SAFETY: the context is ours; its buffer may have been replaced, so it is asked for it.
        let buffer = unsafe { &raw mut self.context.as_mut().buffer };
        // SAFETY: the buffer was allocated by FFmpeg; the field is set to null.
        unsafe { ffi::av_freep(buffer.cast()) };
        let mut context = self.context.as_ptr();
        // SAFETY: ours, and never used again.
        unsafe { ffi::avio_context_free(&raw mut context) };
        // SAFETY: came out of a box in `new`; the context that knew it is gone.
        drop(unsafe { Box::from_raw(self.state.as_ptr()) });
    }
}

unsafe extern "C" fn on_read(opaque: *mut c_void, buffer: *mut u8, size: c_int) -> c_int {
    let length = usize::try_from(size).unwrap_or(0);
    // SAFETY: `opaque` is the state that `new` passed; FFmpeg calls back on one thread only.
    let state = unsafe { &mut *opaque.cast::<State<'_>>() };
    let code = guard(state, |state| state.read(length));
    let count = usize::try_from(code).unwrap_or(0);
    if let Some(bytes) = state.bytes.get(..count) {
        // SAFETY: FFmpeg's buffer is plain bytes, allocated for `length` of them; `count` isn't more, and
        // our own buffer is another one.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, count) };
    }
    code
}

unsafe extern "C" fn on_seek(opaque: *mut c_void, offset: i64, whence: c_int) -> i64 {
    // SAFETY: `opaque` is the state that `new` passed; FFmpeg calls back on one thread only.
    let state = unsafe { &mut *opaque.cast::<State<'_>>() };
    state
        .seek(offset, whence)
        .unwrap_or_else(|| i64::from(ffi::AVERROR(ffi::EINVAL)))
}

/// Keeps a panic of the source from unwinding through FFmpeg.
fn guard(state: &mut State<'_>, read: impl FnOnce(&mut State<'_>) -> c_int) -> c_int {
    if let Ok(code) = catch_unwind(AssertUnwindSafe(|| read(state))) {
        return code;
    }
    state.failure = Some(MediaError::Bug {
        rule: "a source doesn't panic while it is read".to_owned(),
    });
    ffi::AVERROR_EXTERNAL
}

impl State<'_> {
    /// Reads at most `length` bytes into our own buffer.
    fn read(&mut self, length: usize) -> c_int {
        if self.control.cancelled() {
            self.failure = Some(MediaError::Cancelled);
            return ffi::AVERROR_EXIT;
        }
        self.bytes.resize(length, 0);
        loop {
            match self.source.read_at(self.position, &mut self.bytes) {
                Ok(0) => return ffi::AVERROR_EOF,
                Ok(count) => {
                    // A source that claims more than was asked for isn't believed.
                    let count = count.min(length);
                    self.position += count as u64;
                    return c_int::try_from(count).unwrap_or(ffi::AVERROR_EXTERNAL);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(source) => {
                    self.failure = Some(MediaError::Io {
                        what: "reading the source",
                        source,
                    });
                    return ffi::AVERROR(ffi::EIO);
                }
            }
        }
    }

    fn seek(&mut self, offset: i64, whence: c_int) -> Option<i64> {
        let length = i64::try_from(self.source.length()).ok()?;
        let whence = whence & !ffi::AVSEEK_FORCE;
        if whence == ffi::AVSEEK_SIZE {
            return Some(length);
        }
        let target = match whence {
            0 => offset,
            1 => offset.checked_add_unsigned(self.position)?,
            2 => length.checked_add(offset)?,
            _ => return None,
        };
        self.position = u64::try_from(target).ok()?;
        Some(target)
    }
}
