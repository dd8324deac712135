//! Reads all packets of the video stream once: what the timeline is made of.

use std::sync::Arc;

use reelmesh_domain::media_types::{Scan, SourceFacts};
use reelmesh_domain::plan::Timeline;

use crate::control::Control;
use crate::error::MediaError;
use crate::io::ByteSource;
use crate::limits::Limits;

/// Reads all packets of the video stream, in the order of the file. Progress is in bytes of the source.
///
/// # Errors
///
/// What the source says, a passed limit, cancelled, or out of scope (an encrypted packet).
pub fn scan(
    _source: Arc<dyn ByteSource>,
    _facts: &SourceFacts,
    _limits: &Limits,
    _control: &dyn Control,
) -> Result<Scan, MediaError> {
    todo!()
}

/// Decodes the whole video stream in one go, from its first access point, and lists the frames that come
/// out: their continuous source times, in order (design rule 5.2). Progress is in bytes of the source.
///
/// # Errors
///
/// As [`scan`].
pub fn exact_frames(
    _source: Arc<dyn ByteSource>,
    _facts: &SourceFacts,
    _timeline: &Timeline,
    _limits: &Limits,
    _control: &dyn Control,
) -> Result<Vec<i64>, MediaError> {
    todo!()
}
