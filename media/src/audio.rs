//! The audio task: a whole track, decoded, aligned to the video, resampled and encoded.

use std::sync::Arc;

use reelmesh_domain::media_types::{AudioReport, AudioTask};

use crate::control::Control;
use crate::error::MediaError;
use crate::io::{ByteSource, FragmentSink};
use crate::limits::Limits;

/// Runs an audio task: its fragments go to track 0 of `sink`. Progress is in samples of the output.
///
/// # Errors
///
/// See [`MediaError`].
pub fn run_audio(
    _task: &AudioTask,
    _source: Arc<dyn ByteSource>,
    _limits: &Limits,
    _sink: &mut dyn FragmentSink,
    _control: &dyn Control,
) -> Result<AudioReport, MediaError> {
    todo!()
}
