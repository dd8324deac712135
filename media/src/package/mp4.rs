//! Progressive MP4: `moov` first, one cell of each track after the other.

use std::io::Write;

use crate::control::Control;
use crate::error::MediaError;
use crate::package::{FragmentReader, Track};

/// Writes a progressive file with these tracks (the video track first, then audio). Reads every fragment
/// twice: its head for the sample tables, then its samples. Progress is in bytes written.
///
/// # Errors
///
/// `Io` from `reader` or `out`; a bug if a fragment isn't one of ours or the tracks don't fit.
pub fn write_mp4(
    _tracks: &[Track],
    _reader: &mut dyn FragmentReader,
    _out: &mut dyn Write,
    _control: &dyn Control,
) -> Result<(), MediaError> {
    todo!()
}
