//! Decodes the frames of a task's window, exactly those of the plan (design rules 5.3 and 5.4).

use std::sync::Arc;

use reelmesh_domain::media_types::ChunkTask;

use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::frame::Frame;
use crate::io::ByteSource;
use crate::limits::Limits;

/// What was decoded of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowReport {
    /// Whether exactly the planned frames were delivered.
    pub as_planned: bool,
    /// Where they weren't: what came out within the window, continuous source times in order, at most
    /// 4 096. Empty where `as_planned`.
    pub delivered: Vec<i64>,
    /// Frames decoded in all, preroll included.
    pub decoded_frames: u64,
    /// Own frames whose decoder reported damage.
    pub damaged_frames: u64,
    /// Which of the task's start points was used.
    pub start_used: u32,
}

/// Decodes the window of a task and hands each planned frame (all of `task.frames`, in order) to
/// `deliver`, with its place in `task.frames`; the frame's pts is its continuous source time.
///
/// The decoder begins at the first start point; if the first frame at or behind the window's start isn't
/// the planned one, at the next start point, and so on; nothing is delivered before that is settled. At
/// the first frame that differs from the plan delivering ends for good, decoding goes on to list what
/// comes out. `deliver` may end it with an error.
///
/// # Errors
///
/// What the source or `deliver` says, cancelled, unreadable.
pub fn decode_window(
    _task: &ChunkTask,
    _source: Arc<dyn ByteSource>,
    _limits: &Limits,
    _control: &dyn Control,
    _deliver: &mut dyn FnMut(u32, Frame) -> Result<(), MediaError>,
) -> Result<WindowReport, MediaError> {
    todo!()
}
