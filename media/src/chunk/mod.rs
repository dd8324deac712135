//! The chunk task: one decode, all renditions of a group.
//!
//! The way of a frame: decoded by [`crate::window`], hashed if it lies near a border
//! ([`crate::border`]), made upright progressive 4:2:0 (`pictures`), and for each rendition scaled from
//! the one before and encoded (`rendition`).

mod cpu;
mod pictures;
mod rendition;
mod settings;
mod turn;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use reelmesh_domain::media_types::{ChunkReport, ChunkTask};

use crate::border::BorderHashes;
use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::frame::Frame;
use crate::io::{ByteSource, FragmentSink};
use crate::limits::Limits;
use crate::window::{WindowReport, decode_window};
use cpu::thread_cpu_us;
pub(crate) use pictures::DEINTERLACE;
use pictures::Pictures;
use rendition::RenditionEncoder;
pub use settings::X264_PARAMS;

/// Runs a chunk task: fragments of rendition `n` go to track `n` of `sink`. Progress is the done part of
/// the work, frames fed and packets taken, told in own frames.
///
/// If the decoder doesn't deliver the planned frames the report says so (`as_planned` false), its
/// renditions have no fragments, and nothing that the sink was given counts.
///
/// # Errors
///
/// See [`MediaError`].
pub fn run_chunk(
    task: &ChunkTask,
    source: Arc<dyn ByteSource>,
    limits: &Limits,
    sink: &mut dyn FragmentSink,
    control: &dyn Control,
) -> Result<ChunkReport, MediaError> {
    run_with(task, sink, control, |deliver| {
        decode_window(task, source, limits, control, deliver)
    })
}

/// Takes each frame of a window with its place in the task.
type Deliver<'d> = &'d mut dyn FnMut(u32, Frame) -> Result<(), MediaError>;

/// The task with its window decoded by `window`.
fn run_with(
    task: &ChunkTask,
    sink: &mut dyn FragmentSink,
    control: &dyn Control,
    window: impl FnOnce(Deliver<'_>) -> Result<WindowReport, MediaError>,
) -> Result<ChunkReport, MediaError> {
    let began_us = thread_cpu_us();
    check_task(task)?;
    let mut work = Work::new(task, sink, control)?;
    let found = window(&mut |index, frame| work.take(index, frame))?;
    if found.as_planned {
        work.finish()?;
    }
    let BorderHashes { left, right } = work.hashes;
    let renditions = work.renditions.into_iter();
    Ok(ChunkReport {
        as_planned: found.as_planned,
        delivered: found.delivered,
        left,
        right,
        decoded_frames: found.decoded_frames,
        damaged_frames: found.damaged_frames,
        start_used: found.start_used,
        renditions: renditions
            .map(|rendition| rendition.report(found.as_planned))
            .collect::<Result<_, _>>()?,
        cpu_us: thread_cpu_us().saturating_sub(began_us),
    })
}

/// What the engine relies on and the task alone can break.
fn check_task(task: &ChunkTask) -> Result<(), MediaError> {
    let ranges = [
        0,
        task.feed_start,
        task.own_start,
        task.own_end,
        task.feed_end,
        u32::try_from(task.frames.len()).unwrap_or(u32::MAX),
    ];
    let rule = if !ranges.is_sorted() || task.own_start == task.own_end {
        "own frames lie within those fed, and those within the window"
    } else if !task.keys.is_sorted() || task.keys.binary_search(&task.own_start).is_err() {
        "keys rise, and the first own frame is one"
    } else if task.renditions.is_empty() {
        "a task has a rendition"
    } else {
        return Ok(());
    };
    Err(MediaError::Bug {
        rule: format!("{rule}, got {ranges:?}"),
    })
}

/// A task at work.
struct Work<'t> {
    task: &'t ChunkTask,
    sink: &'t mut dyn FragmentSink,
    control: &'t dyn Control,
    hashes: BorderHashes,
    pictures: Pictures<'t>,
    renditions: Vec<RenditionEncoder<'t>>,
    /// Frames that came out of `pictures`.
    fed: u64,
    reported: u64,
}

impl<'t> Work<'t> {
    fn new(
        task: &'t ChunkTask,
        sink: &'t mut dyn FragmentSink,
        control: &'t dyn Control,
    ) -> Result<Self, MediaError> {
        let renditions = task.renditions.iter().enumerate();
        Ok(Self {
            task,
            sink,
            control,
            hashes: BorderHashes::default(),
            pictures: Pictures::new(task),
            renditions: renditions
                .map(|(track, rendition)| RenditionEncoder::new(task, track, rendition))
                .collect::<Result<_, _>>()?,
            fed: 0,
            reported: 0,
        })
    }

    fn take(&mut self, index: u32, frame: Frame) -> Result<(), MediaError> {
        self.hashes.note(self.task, index, &frame);
        self.pictures.push(index, frame)?;
        self.encode_ready()
    }

    fn encode_ready(&mut self) -> Result<(), MediaError> {
        while let Some((index, mut picture)) = self.pictures.next()? {
            if self.control.cancelled() {
                return Err(MediaError::Cancelled);
            }
            // The rest of the tail is of no use once all own packets are out.
            if self.renditions.iter().all(RenditionEncoder::is_done) {
                continue;
            }
            picture.forget_side_data();
            self.encode(index, &mut picture)?;
            self.fed += 1;
            self.say_progress();
        }
        Ok(())
    }

    /// Scales in cascade: each rendition from the one before.
    fn encode(&mut self, index: u32, picture: &mut Frame) -> Result<(), MediaError> {
        let mut scaled_by = None;
        for place in 0..self.renditions.len() {
            let (before, rest) = self.renditions.split_at_mut(place);
            let Some(rendition) = rest.first_mut() else {
                break;
            };
            let source = scaled_by
                .and_then(|place: usize| before.get_mut(place))
                .and_then(RenditionEncoder::scaled_mut);
            let source = source.unwrap_or(picture);
            let scaled = rendition.scale(source)?;
            if scaled {
                scaled_by = Some(place);
                rendition.encode(index, None, self.sink)?;
            } else {
                rendition.encode(index, Some(source), self.sink)?;
            }
        }
        Ok(())
    }

    /// Own packets alone would stand still for as long as lead-in and lookahead are filled, which can be
    /// half of a short chunk: frames fed count as much as packets that came out.
    fn say_progress(&mut self) {
        let task = self.task;
        let length = |from: u32, to: u32| u64::from(to.saturating_sub(from));
        let (to_feed, to_take) = (
            length(task.feed_start, task.feed_end),
            length(task.feed_start, task.own_end),
        );
        let renditions = self.renditions.iter();
        let taken: u64 = renditions.map(RenditionEncoder::taken_packets).sum();
        let taken = taken / (self.renditions.len() as u64).max(1);
        let reached = self.fed.min(to_feed) + taken.min(to_take);
        let own = length(task.own_start, task.own_end);
        let done = own * reached / (to_feed + to_take).max(1);
        if done > self.reported {
            self.reported = done;
            self.control.progress(done);
        }
    }

    fn finish(&mut self) -> Result<(), MediaError> {
        self.pictures.finish()?;
        self.encode_ready()?;
        for rendition in &mut self.renditions {
            rendition.finish(self.sink)?;
        }
        // What of the tail wasn't needed is done, too.
        self.fed = u64::from(u32::MAX);
        self.say_progress();
        Ok(())
    }
}
