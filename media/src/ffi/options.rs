//! Options by name, as FFmpeg takes them.

use std::ffi::{CStr, CString};
use std::ptr;

use ffmpeg_next::ffi;

use super::{check, out_of_memory};
use crate::error::MediaError;

/// A dictionary of options. What FFmpeg doesn't take is left in it, so that a wrong spelling is
/// found out.
#[derive(Debug)]
pub(super) struct Options {
    raw: *mut ffi::AVDictionary,
}

impl Options {
    pub(super) fn new(pairs: &[(&str, &str)]) -> Result<Self, MediaError> {
        let mut options = Self {
            raw: ptr::null_mut(),
        };
        for (name, value) in pairs {
            let name = c_string(name)?;
            let value = c_string(value)?;
            // SAFETY: the dictionary is ours, both strings are terminated and are copied.
            let code =
                unsafe { ffi::av_dict_set(&raw mut options.raw, name.as_ptr(), value.as_ptr(), 0) };
            check(code).map_err(|_error| out_of_memory("options"))?;
        }
        Ok(options)
    }

    /// For the call that takes the options and leaves what it doesn't know.
    pub(super) fn as_mut_ptr(&mut self) -> *mut *mut ffi::AVDictionary {
        &raw mut self.raw
    }

    /// Hands the dictionary out, for a list of them.
    pub(super) const fn take(&mut self) -> *mut ffi::AVDictionary {
        std::mem::replace(&mut self.raw, ptr::null_mut())
    }

    /// Takes back what a call left of it.
    pub(super) const fn give_back(&mut self, raw: *mut ffi::AVDictionary) {
        self.raw = raw;
    }

    /// An error if anything is left.
    pub(super) fn all_taken(&self, what: &str) -> Result<(), MediaError> {
        // SAFETY: the dictionary is ours or null; an empty key with this flag matches any entry.
        let entry = unsafe {
            ffi::av_dict_get(
                self.raw,
                c"".as_ptr(),
                ptr::null(),
                ffi::AV_DICT_IGNORE_SUFFIX,
            )
        };
        // SAFETY: null or an entry that lives as long as the dictionary.
        let Some(entry) = (unsafe { entry.as_ref() }) else {
            return Ok(());
        };
        // SAFETY: an entry's key is a terminated string.
        let key = unsafe { CStr::from_ptr(entry.key) };
        Err(MediaError::Bug {
            rule: format!("{what} takes every option: {}", key.to_string_lossy()),
        })
    }
}

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: the dictionary is ours or null.
        unsafe { ffi::av_dict_free(&raw mut self.raw) };
    }
}

pub(super) fn c_string(text: &str) -> Result<CString, MediaError> {
    CString::new(text).map_err(|_zero| MediaError::Bug {
        rule: format!("no zero byte in {text:?}"),
    })
}
