//! From decoded frames to upright progressive pictures in 8-bit 4:2:0 of limited range.

use std::collections::VecDeque;

use reelmesh_domain::chroma::ChromaPlace;
use reelmesh_domain::media_types::{ChunkTask, Orientation};

use super::turn::{turn, turned_size};
use crate::error::MediaError;
use crate::ffi::Step;
use crate::ffi::convert::{Converter, Shape};
use crate::ffi::filter::VideoFilter;
use crate::ffi::frame::Frame;

/// One picture for one frame; only the pictures of interlaced frames change. A field needs its
/// neighbours, so frames come out one later.
pub(crate) const DEINTERLACE: (&std::ffi::CStr, &str) =
    (c"bwdif", "mode=send_frame:parity=auto:deint=interlaced");
/// bwdif counts time in halves, for those who want a picture of each field.
const DEINTERLACED_TICKS: i64 = 2;

/// The filters before scaling. A change of size or format inside the stream rebuilds them.
pub(super) struct Pictures<'t> {
    task: &'t ChunkTask,
    deinterlacer: Option<(Shape, VideoFilter)>,
    converter: Option<(Converter, Frame)>,
    turned: Option<Frame>,
    ready: VecDeque<(u32, Frame)>,
}

impl<'t> Pictures<'t> {
    pub(super) const fn new(task: &'t ChunkTask) -> Self {
        Self {
            task,
            deinterlacer: None,
            converter: None,
            turned: None,
            ready: VecDeque::new(),
        }
    }

    /// Takes the `index`-th frame of the task.
    pub(super) fn push(&mut self, index: u32, mut frame: Frame) -> Result<(), MediaError> {
        if !self.task.filter.deinterlace {
            self.ready.push_back((index, frame));
            return Ok(());
        }
        let shape = Shape::of(&frame);
        if self.deinterlacer.as_ref().is_some_and(|old| old.0 != shape) {
            self.finish()?;
        }
        let filter = match &mut self.deinterlacer {
            Some((_, filter)) => filter,
            none @ None => {
                let size = (frame.width(), frame.height());
                let filter = VideoFilter::new(DEINTERLACE, size, frame.format())?;
                &mut none.insert((shape, filter)).1
            }
        };
        frame.set_pts(Some(i64::from(index)));
        filter.send(Some(frame))?;
        drain(filter, &mut self.ready).map(|_| ())
    }

    /// No frame comes any more: what the filter holds is ready, too.
    pub(super) fn finish(&mut self) -> Result<(), MediaError> {
        let Some((_, mut filter)) = self.deinterlacer.take() else {
            return Ok(());
        };
        filter.send(None)?;
        drain(&mut filter, &mut self.ready).map(|_| ())
    }

    /// The next picture that is fed to the encoders, with its place in the task.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Frame)>, MediaError> {
        while let Some((index, frame)) = self.ready.pop_front() {
            if (self.task.feed_start..self.task.feed_end).contains(&index) {
                let picture = self.upright(frame)?;
                return Ok(Some((index, picture)));
            }
        }
        Ok(None)
    }

    fn upright(&mut self, frame: Frame) -> Result<Frame, MediaError> {
        let plain = self.plain(frame)?;
        let orientation = self.task.filter.orientation;
        if orientation == Orientation::default() {
            return Ok(plain);
        }
        let size = turned_size(orientation, (plain.width(), plain.height()));
        let target = reused(&mut self.turned, size)?;
        turn(orientation, &plain, target)?;
        target.share()
    }

    fn plain(&mut self, frame: Frame) -> Result<Frame, MediaError> {
        let shape = Shape::of(&frame);
        if shape.is_plain() {
            return Ok(frame);
        }
        let (converter, target) = match &mut self.converter {
            Some(kept) if kept.0.shape() == shape => kept,
            other => {
                let Some(rendition) = self.task.renditions.first() else {
                    return Err(MediaError::Bug {
                        rule: "a task has a rendition".to_owned(),
                    });
                };
                // The picture is turned behind the converter.
                let place = ChromaPlace::of(rendition.color.chroma_location);
                let place = place.before(self.task.filter.orientation);
                let converter = Converter::new(shape, rendition.color, place)?;
                other.insert((converter, Frame::picture(shape.width, shape.height)?))
            }
        };
        converter.convert(&frame, target)?;
        target.share()
    }
}

/// A picture of that size, the one that was used before if it has it.
pub(super) fn reused(
    kept: &mut Option<Frame>,
    (width, height): (u32, u32),
) -> Result<&mut Frame, MediaError> {
    match kept {
        Some(frame) if (frame.width(), frame.height()) == (width, height) => {}
        _ => *kept = Some(Frame::picture(width, height)?),
    }
    kept.as_mut().ok_or_else(|| MediaError::Bug {
        rule: "a picture that was made is there".to_owned(),
    })
}

fn drain(filter: &mut VideoFilter, ready: &mut VecDeque<(u32, Frame)>) -> Result<Step, MediaError> {
    loop {
        let mut frame = Frame::new()?;
        match filter.receive(&mut frame)? {
            Step::Ready => {
                let index = frame
                    .pts()
                    .and_then(|pts| u32::try_from(pts / DEINTERLACED_TICKS).ok());
                let Some(index) = index else {
                    return Err(MediaError::Bug {
                        rule: "a deinterlaced frame keeps its time".to_owned(),
                    });
                };
                ready.push_back((index, frame));
            }
            other => return Ok(other),
        }
    }
}
