//! FFmpeg's log lines become `tracing` events on the thread that caused them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use ffmpeg_next::ffi;

/// Longest line; FFmpeg cuts what is longer.
const LINE_BYTES: u16 = 1024;

pub(super) fn install() {
    // SAFETY: the callback is a function that lives as long as the process and may be called from
    // any thread.
    unsafe { ffi::av_log_set_callback(Some(on_line)) };
    // SAFETY: sets a number.
    unsafe { ffi::av_log_set_level(ffi::AV_LOG_INFO) };
}

unsafe extern "C" fn on_line(
    context: *mut c_void,
    level: c_int,
    format: *const c_char,
    arguments: *mut ffi::__va_list_tag,
) {
    if level > ffi::AV_LOG_INFO {
        return;
    }
    let mut line = [0_u8; LINE_BYTES as usize];
    let mut print_prefix: c_int = 1;
    // SAFETY: all four come from FFmpeg and are passed on unchanged and once; the buffer is
    // writable for the length given.
    unsafe {
        ffi::av_log_format_line2(
            context,
            level,
            format,
            arguments,
            line.as_mut_ptr().cast(),
            c_int::from(LINE_BYTES),
            &raw mut print_prefix,
        )
    };
    // A subscriber that panics must not unwind through FFmpeg's frames.
    drop(catch_unwind(AssertUnwindSafe(|| emit(level, &line))));
}

fn emit(level: c_int, line: &[u8]) {
    let Ok(text) = CStr::from_bytes_until_nul(line) else {
        return;
    };
    let text = text.to_string_lossy();
    let text = text.trim_end();
    if text.is_empty() {
        return;
    }
    crate::log::keep(text);
    if level <= ffi::AV_LOG_ERROR {
        // A damaged source is no fault of this process: what counts is the task's own error.
        tracing::warn!(target: "ffmpeg", "{text}");
    } else if level <= ffi::AV_LOG_WARNING {
        tracing::info!(target: "ffmpeg", "{text}");
    } else {
        tracing::debug!(target: "ffmpeg", "{text}");
    }
}
