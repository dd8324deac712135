//! Which frames a chunk decodes, feeds and keeps (design rules 5.3, 5.4 and 5.9).

use core::ops::Range;

use crate::ladder::presets::Preset;
use crate::media_types::{Container, PictureFilter, VideoRendition};
use crate::plan::{AccessPoint, Cell};

/// Frames of lead-in: the first frames behind a cold start lose 0.9 dB, behind ten 0.06 dB (design 5.9).
const LEAD_IN_FRAMES: u64 = 10;
/// With a rate cap: the cold bucket underflows.
const LEAD_IN_VBV_FRAMES: u64 = 24;
/// Frames on each side that the deinterlacer looks at (design rule 5.4).
const FILTER_MARGIN_FRAMES: u64 = 1;

/// How far a chunk's windows reach beyond the frames that it owns: that of the deepest rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reach {
    /// Frames encoded before and dropped.
    pub(super) lead_in: u64,
    /// Frames fed after.
    pub(super) tail: u64,
    /// Frames delivered around both.
    pub(super) margin: u64,
}

/// The windows of a chunk, in frames of the timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) feed: Range<u64>,
    pub(super) deliver: Range<u64>,
}

impl Reach {
    /// Of a plan with these renditions.
    pub(super) fn of(renditions: &[VideoRendition], filter: PictureFilter) -> Self {
        let mut reach = Self {
            lead_in: LEAD_IN_FRAMES,
            tail: 0,
            margin: if filter.deinterlace {
                FILTER_MARGIN_FRAMES
            } else {
                0
            },
        };
        for rendition in renditions {
            let encoder = &rendition.encoder;
            let preset = Preset::named_or_costliest(&encoder.preset);
            let depth = u64::from(encoder.reorder_depth);
            if encoder.vbv.is_some() {
                reach.lead_in = reach.lead_in.max(LEAD_IN_VBV_FRAMES);
            }
            reach.lead_in = reach.lead_in.max(depth + 1);
            // x264 holds back as many frames as it looks ahead or lays B-frames; the reorder depth
            // more is a reserve, and costs nothing where the last own packet comes sooner.
            let held = u64::from(preset.lookahead.max(preset.bframes));
            reach.tail = reach.tail.max(held + 1 + depth);
        }
        reach
    }

    /// The windows of a chunk that owns `own` of `frames` and whose lead-in begins at the latest at
    /// `lead_in_start`.
    pub(super) fn windows(self, own: &Range<u64>, frames: u64, lead_in_start: u64) -> Windows {
        let start = own.start.saturating_sub(self.lead_in).min(lead_in_start);
        let end = own.end.saturating_add(self.tail).min(frames);
        let deliver =
            start.saturating_sub(self.margin)..end.saturating_add(self.margin).min(frames);
        Windows {
            feed: start..end,
            deliver,
        }
    }

    /// The frames around a border that both sides hash. It depends on nothing but the border's place:
    /// so a chunk keeps its definition when its neighbour gets a longer lead-in or is merged away.
    pub(super) fn overlap(self, border: u64, frames: u64) -> Range<u64> {
        border.saturating_sub(self.lead_in + self.margin)
            ..border.saturating_add(self.tail + self.margin).min(frames)
    }
}

/// First frame of the cell that begins `lead_in_cells` before the chunk's first.
pub(super) fn lead_in_start(cells: &[Cell], first_cell: u32, lead_in_cells: u32) -> u64 {
    let place = usize::try_from(first_cell.saturating_sub(lead_in_cells)).unwrap_or(usize::MAX);
    cells.get(place).map_or(0, |cell| cell.frames.start)
}

/// Place of the access point where decoding begins so that all from frame `delivered` on comes out.
///
/// The last at or before it; in transport streams one further back at once: their access points are
/// guessed by a parser, and plain seeking there lost up to half of the frames (design rule 5.3).
pub(super) fn access_point(points: &[AccessPoint], container: Container, delivered: u64) -> usize {
    let behind = points.partition_point(|point| point.frame <= delivered);
    let back = match container {
        Container::Mp4 | Container::Matroska => 1,
        Container::MpegTs => 2,
    };
    behind.saturating_sub(back)
}
