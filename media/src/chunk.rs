//! The chunk task: one decode, all renditions of a group.

use std::sync::Arc;

use reelmesh_domain::media_types::{ChunkReport, ChunkTask};

use crate::control::Control;
use crate::error::MediaError;
use crate::io::{ByteSource, FragmentSink};
use crate::limits::Limits;

/// Runs a chunk task: fragments of rendition `n` go to track `n` of `sink`. Progress is in own frames
/// (the mean over the renditions).
///
/// If the decoder doesn't deliver the planned frames the report says so (`as_planned` false), its
/// renditions have no fragments, and nothing that the sink was given counts.
///
/// # Errors
///
/// See [`MediaError`].
pub fn run_chunk(
    _task: &ChunkTask,
    _source: Arc<dyn ByteSource>,
    _limits: &Limits,
    _sink: &mut dyn FragmentSink,
    _control: &dyn Control,
) -> Result<ChunkReport, MediaError> {
    todo!()
}
