//! The only place that calls FFmpeg: a small safe layer over its C interface.
//!
//! What leaves this module is owned, typed and bounded: no pointer, no borrowed C memory that could
//! outlive its owner. Everything runs on the caller's thread; FFmpeg starts none of its own.
#![expect(
    unsafe_code,
    reason = "this module is the boundary to FFmpeg's C interface"
)]

pub mod convert;
pub mod decoder;
pub mod encoder;
pub mod filter;
pub mod frame;
pub mod input;
mod log;
mod numbers;
pub mod options;
pub mod packet;
pub mod reader;
pub mod resample;
pub mod stream;
#[cfg(target_feature = "avx2")]
pub(crate) mod vector;

#[cfg(test)]
mod tests;

use std::ffi::{CStr, c_int};
use std::sync::Once;

use ffmpeg_next::ffi;
use reelmesh_domain::rational::Rational;

use crate::error::MediaError;
use crate::limits;

/// FFmpeg's error code with its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct AvError {
    /// The negative code.
    pub code: c_int,
    /// What `av_strerror` says of it; where it knows nothing, that holds the number.
    pub text: String,
}

impl AvError {
    fn new(code: c_int) -> Self {
        let mut buffer = [0_u8; 128];
        // SAFETY: the buffer is writable for the length that is passed, and always terminated.
        unsafe { ffi::av_strerror(code, buffer.as_mut_ptr().cast(), buffer.len()) };
        let text = CStr::from_bytes_until_nul(&buffer)
            .map(|text| text.to_string_lossy().into_owned())
            .unwrap_or_default();
        Self { code, text }
    }

    /// Whether FFmpeg couldn't allocate, or wasn't allowed to.
    pub fn is_out_of_memory(&self) -> bool {
        self.code == ffi::AVERROR(ffi::ENOMEM)
    }

    /// The error as a broken rule of the engine: FFmpeg refused what can't be refused.
    pub fn into_bug(self, what: &str) -> MediaError {
        MediaError::Bug {
            rule: crate::log::with_last_lines(&format!("{what}: {self}")),
        }
    }

    /// The error as a fault of the source.
    pub fn into_unreadable(self, what: &str) -> MediaError {
        MediaError::Unreadable {
            what: crate::log::with_last_lines(&format!("{what}: {self}")),
        }
    }
}

/// What a step of a codec answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A frame or packet came out.
    Ready,
    /// More input is needed first.
    Hungry,
    /// Everything is out.
    Ended,
}

fn check(code: c_int) -> Result<c_int, AvError> {
    if code < 0 {
        Err(AvError::new(code))
    } else {
        Ok(code)
    }
}

fn step(code: c_int) -> Result<Step, AvError> {
    match code {
        ffi::AVERROR_EOF => Ok(Step::Ended),
        again if again == ffi::AVERROR(ffi::EAGAIN) => Ok(Step::Hungry),
        other => check(other).map(|_| Step::Ready),
    }
}

/// Prepares FFmpeg once a process: its log lines become events, single allocations are bounded.
pub fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: sets a number under which later allocations stay; valid at any time.
        unsafe { ffi::av_max_alloc(limits::ALLOCATION_BYTES) };
        log::install();
    });
}

/// FFmpeg's "no timestamp" as an option.
fn timestamp(value: i64) -> Option<i64> {
    (value != ffi::AV_NOPTS_VALUE).then_some(value)
}

fn raw_timestamp(value: Option<i64>) -> i64 {
    value.unwrap_or(ffi::AV_NOPTS_VALUE)
}

/// FFmpeg's fraction; `None` where it is undefined (a zero below).
fn rational(value: ffi::AVRational) -> Option<Rational> {
    Rational::new(i64::from(value.num), i64::from(value.den))
}

fn raw_rational(value: Rational) -> Result<ffi::AVRational, MediaError> {
    let number = |number: i64| {
        c_int::try_from(number).map_err(|_too_large| MediaError::Bug {
            rule: format!("{value} doesn't fit FFmpeg's fractions"),
        })
    };
    Ok(ffi::AVRational {
        num: number(value.numerator())?,
        den: number(value.denominator())?,
    })
}

/// An object that FFmpeg couldn't allocate.
fn out_of_memory(what: &'static str) -> MediaError {
    MediaError::Io {
        what,
        source: std::io::ErrorKind::OutOfMemory.into(),
    }
}

/// Versions and build settings of the libraries: part of the fingerprint.
pub fn library_versions() -> Vec<String> {
    let configuration = |text: *const std::ffi::c_char| {
        // SAFETY: FFmpeg's configuration strings are static and terminated.
        unsafe { CStr::from_ptr(text) }
            .to_string_lossy()
            .into_owned()
    };
    // SAFETY: returns a constant.
    let util = unsafe { ffi::avutil_version() };
    // SAFETY: returns a constant.
    let codec = unsafe { ffi::avcodec_version() };
    // SAFETY: returns a constant.
    let format = unsafe { ffi::avformat_version() };
    // SAFETY: returns a constant.
    let filter = unsafe { ffi::avfilter_version() };
    // SAFETY: returns a constant.
    let scale = unsafe { ffi::swscale_version() };
    // SAFETY: returns a constant.
    let resample = unsafe { ffi::swresample_version() };
    // SAFETY: returns a static string.
    let util_built = configuration(unsafe { ffi::avutil_configuration() });
    // SAFETY: returns a static string.
    let codec_built = configuration(unsafe { ffi::avcodec_configuration() });
    let version = |name: &str, bits: u32| {
        let (major, minor, micro) = (bits >> 16, bits >> 8 & 0xff, bits & 0xff);
        format!("{name} {major}.{minor}.{micro}")
    };
    vec![
        version("libavutil", util),
        version("libavcodec", codec),
        version("libavformat", format),
        version("libavfilter", filter),
        version("libswscale", scale),
        version("libswresample", resample),
        format!("libavutil built with {util_built}"),
        format!("libavcodec built with {codec_built}"),
    ]
}
