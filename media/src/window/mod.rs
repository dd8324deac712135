//! Decodes the frames of a task's window, exactly those of the plan (design rules 5.3 and 5.4).

mod clock;
mod frames;
mod packets;

use std::sync::Arc;

use reelmesh_domain::media_types::{ChunkTask, StartPoint};

use crate::control::Control;
use crate::error::MediaError;
use crate::ffi::frame::Frame;
use crate::io::ByteSource;
use crate::limits::Limits;

pub(crate) use frames::FrameReader;
pub(crate) use packets::{Reading, VideoStream};

/// Frames that a report lists where they aren't the planned ones.
const LISTED_MAX: usize = 4_096;

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

/// Takes the planned frames as they come, each with its place in the task's frames.
type Deliver<'d> = dyn FnMut(u32, Frame) -> Result<(), MediaError> + 'd;

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
    task: &ChunkTask,
    source: Arc<dyn ByteSource>,
    limits: &Limits,
    control: &dyn Control,
    deliver: &mut dyn FnMut(u32, Frame) -> Result<(), MediaError>,
) -> Result<WindowReport, MediaError> {
    let (Some(first), Some(last)) = (task.frames.first(), task.frames.last()) else {
        return Err(MediaError::Bug {
            rule: "a task has frames".to_owned(),
        });
    };
    let reading = Reading {
        source,
        limits,
        control,
    };
    let mut window = Window {
        task,
        first_pts: first.source_pts,
        last_pts: last.source_pts,
        placed: 0,
        report: WindowReport {
            as_planned: true,
            delivered: Vec::new(),
            decoded_frames: 0,
            damaged_frames: 0,
            start_used: 0,
        },
    };
    let (mut frames, first) = window.begin(&reading)?;
    let mut next = first;
    while let Some((pts, frame)) = next {
        // The last chunk decodes to the end of the source: more frames than planned may come there.
        if pts > window.last_pts && !task.at_end {
            break;
        }
        window.take(pts, frame, deliver)?;
        next = frames.next()?;
    }
    Ok(window.end(frames.decoded()))
}

/// The state of one window.
struct Window<'t> {
    task: &'t ChunkTask,
    first_pts: i64,
    last_pts: i64,
    /// Planned frames that came so far.
    placed: usize,
    report: WindowReport,
}

type FirstFrame = Option<(i64, Frame)>;

impl<'t> Window<'t> {
    /// Finds the first start point from which the window's first frame is the planned one; the last one if
    /// there is none such.
    fn begin<'c>(
        &mut self,
        reading: &Reading<'c>,
    ) -> Result<(FrameReader<'c, 't>, FirstFrame), MediaError> {
        let Some((furthest, nearer)) = self.task.starts.split_last() else {
            return Err(MediaError::Bug {
                rule: "a task has a start point".to_owned(),
            });
        };
        for start in nearer {
            let (frames, first) = self.begin_at(reading, start)?;
            if first
                .as_ref()
                .is_some_and(|(pts, _)| *pts == self.first_pts)
            {
                return Ok((frames, first));
            }
            self.report.decoded_frames += frames.decoded();
            self.report.start_used += 1;
        }
        self.begin_at(reading, furthest)
    }

    /// Decodes from `start` to the first frame at or behind the window's start.
    fn begin_at<'c>(
        &self,
        reading: &Reading<'c>,
        start: &StartPoint,
    ) -> Result<(FrameReader<'c, 't>, FirstFrame), MediaError> {
        let video = VideoStream {
            container: self.task.container,
            stream: self.task.stream,
            mapping: &self.task.mapping,
        };
        let mut frames = FrameReader::open_at(reading, video, start)?;
        let first = loop {
            match frames.next()? {
                Some((pts, _frame)) if pts < self.first_pts => {}
                other => break other,
            }
        };
        Ok((frames, first))
    }

    /// Takes the next frame of the window: delivers it if it is the planned one and all before it were.
    fn take(
        &mut self,
        pts: i64,
        frame: Frame,
        deliver: &mut Deliver<'_>,
    ) -> Result<(), MediaError> {
        let planned = self.task.frames.get(self.placed);
        let planned = planned.is_some_and(|planned| planned.source_pts == pts);
        if self.report.as_planned && planned {
            let place = u32::try_from(self.placed).map_err(|_too_large| MediaError::Bug {
                rule: "places in a task fit 32 bits".to_owned(),
            })?;
            let own = (self.task.own_start..self.task.own_end).contains(&place);
            self.report.damaged_frames += u64::from(own && frame.is_damaged());
            self.placed += 1;
            return deliver(place, frame);
        }
        self.differ();
        self.list(pts);
        Ok(())
    }

    /// From here on it isn't as planned: begins the list with what was delivered.
    fn differ(&mut self) {
        if std::mem::replace(&mut self.report.as_planned, false) {
            let delivered = self.task.frames.iter().take(self.placed.min(LISTED_MAX));
            self.report.delivered = delivered.map(|frame| frame.source_pts).collect();
        }
    }

    fn list(&mut self, pts: i64) {
        if self.report.delivered.len() < LISTED_MAX {
            self.report.delivered.push(pts);
        }
    }

    fn end(mut self, decoded: u64) -> WindowReport {
        if self.placed < self.task.frames.len() {
            self.differ();
        }
        self.report.decoded_frames += decoded;
        self.report
    }
}
