//! Makes a plan of what a scan found and what was asked for, and the next revision of a refuted one.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::ids::PlanRevision;
use crate::media_types::{AudioTask, ChunkReport, ChunkTask, PictureFilter, SourceFacts};
use crate::plan::chunks::{self, Border, Cut, Cutting, MILLIFRAMES};
use crate::plan::cost::{self, FrameCost};
use crate::plan::tasks::{self, bug, place, small};
use crate::plan::units::{frame_costs, units};
use crate::plan::windows::{Reach, access_point, lead_in_start};
use crate::plan::{
    BorderReason, Cell, Chunk, Plan, PlannedAudio, Timeline, Unit, UnitKind, cells, judge, revise,
};
use crate::rational::Rational;
use crate::spec::{ChunkLength, Latency, Spec};

/// Most units of a plan: its record must stay within its limit, and the scheduler is made for so many.
pub const MAX_UNITS: usize = 100_000;
/// The longest chunk that is wanted, in seconds: what a lost worker may cost. Where nothing shorter is
/// affordable chunks are longer all the same.
const MAX_CHUNK_S: i64 = 240;
/// No border costs more than this in thousandths of a frame: sums of all borders stay within 64 bits.
const MAX_BORDER_COST: u64 = 1 << 40;

/// A plan can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The source is in scope for no rendition, or a bound is passed.
    #[error("{0}")]
    Source(String),
    /// A rule of the planner's own is broken.
    #[error("the planner broke its own rule: {0}")]
    Bug(String),
}

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What probing found.
    pub facts: &'a SourceFacts,
    /// All frames; of a revision that asked for it the exact ones.
    pub timeline: &'a Timeline,
    /// What was asked for.
    pub spec: &'a Spec,
    /// The run's fingerprint.
    pub fingerprint: &'a str,
}

/// Why a revision doesn't hold: a pure function of the plan and its commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refutation {
    /// A chunk didn't deliver the planned frames: the next revision needs the exact ones
    /// ([`Timeline::with_exact_frames`]).
    Frames {
        /// Place of the leftmost such chunk.
        chunk: u32,
    },
    /// The border behind this chunk doesn't hold: merge it with the next.
    Border {
        /// Place of the chunk left of the border.
        chunk: u32,
        /// The first frame of the timeline whose hashes differ or are missing.
        frame: u64,
    },
    /// The rate bucket underflows in this chunk: it needs a longer lead-in.
    Bucket {
        /// Place of the chunk.
        chunk: u32,
        /// Place of the rendition.
        rendition: u32,
    },
}

/// Whether a revision holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// All borders hold.
    Proven,
    /// It doesn't.
    Refuted(Refutation),
}

impl Plan {
    /// Revision 0.
    ///
    /// # Errors
    ///
    /// See [`PlanError`].
    pub fn make(inputs: Inputs<'_>) -> Result<Self, PlanError> {
        let Inputs {
            facts,
            timeline,
            spec,
            fingerprint,
        } = inputs;
        if timeline.frames.is_empty() || timeline.access_points.is_empty() {
            return Err(PlanError::Source(
                "the source has no frame that can be decoded".into(),
            ));
        }
        let out_of_range = || PlanError::Source("the source's times are out of range".into());
        let cells = cells::cells(timeline, spec.cell).ok_or_else(out_of_range)?;
        let renditions = spec.ladder.video(facts);
        if renditions.is_empty() {
            return Err(PlanError::Source(
                "the ladder gives the source no rendition".into(),
            ));
        }
        let audio = facts.audio.iter().zip(spec.ladder.audio(facts));
        let audio = audio.map(|(track, rendition)| PlannedAudio {
            stream: track.stream,
            time_base: track.time_base,
            rendition,
        });
        let mut plan = Self {
            revision: PlanRevision(0),
            fingerprint: fingerprint.into(),
            clock: timeline.clock,
            frames: timeline.frames.len() as u64,
            exact_frames: timeline.exact,
            end_pts: timeline.end_pts,
            cells_per_segment: cells::cells_per_segment(timeline, cells.len()),
            cells,
            filter: PictureFilter {
                deinterlace: facts.video.interlaced,
                orientation: facts.video.orientation,
            },
            groups: cost::groups(facts, &renditions),
            renditions,
            audio: audio.collect(),
            chunks: Vec::new(),
            units: Vec::new(),
        };
        plan.chunks = chunks_of(&plan, inputs)?;
        plan.units = units(&plan, inputs, None)?;
        Ok(plan)
    }

    /// The revision after this. `inputs.timeline` is the exact one if this or an earlier revision was
    /// refuted by [`Refutation::Frames`].
    ///
    /// # Errors
    ///
    /// See [`PlanError`].
    pub fn revised(&self, inputs: Inputs<'_>, refutation: &Refutation) -> Result<Self, PlanError> {
        revise::revised(self, inputs, refutation)
    }

    /// The definition of a chunk's unit.
    ///
    /// # Errors
    ///
    /// A bug if the plan has no such chunk or group, or doesn't fit the timeline.
    pub fn chunk_task(
        &self,
        facts: &SourceFacts,
        timeline: &Timeline,
        chunk: u32,
        group: u32,
    ) -> Result<ChunkTask, PlanError> {
        let found = self
            .chunks
            .get(place(chunk))
            .zip(self.groups.get(place(group)));
        let missing =
            || PlanError::Bug(format!("the plan has a chunk {chunk} and a group {group}"));
        let (chunk, group) = found.ok_or_else(missing)?;
        tasks::chunk(self, facts, timeline, chunk, group)
    }

    /// The definition of an audio track's unit.
    ///
    /// # Errors
    ///
    /// A bug if the plan has no such track, or doesn't fit the timeline.
    pub fn audio_task(
        &self,
        facts: &SourceFacts,
        timeline: &Timeline,
        track: u32,
    ) -> Result<AudioTask, PlanError> {
        tasks::audio(self, facts, timeline, track)
    }

    /// Judges the borders from left to right, in all decode groups; `reports[chunk][group]`.
    pub fn judge(&self, reports: &[Vec<&ChunkReport>]) -> Judged {
        judge::judge(self, reports)
    }

    /// The frames around the border behind `chunk` that both sides hash; `None` if none is behind it.
    pub fn overlap(&self, chunk: u32) -> Option<Range<u64>> {
        let border = self.chunks.get(place(chunk))?.own.end;
        let reach = Reach::of(&self.renditions, self.filter);
        (border < self.frames).then(|| reach.overlap(border, self.frames))
    }

    /// Length of the output in milliseconds, to the nearest.
    pub fn duration_ms(&self) -> u64 {
        let ms = Rational::whole(self.end_pts)
            .checked_mul(self.clock.time_base())
            .and_then(|seconds| seconds.checked_mul(Rational::whole(1_000)));
        ms.and_then(|ms| u64::try_from(ms.round()).ok())
            .unwrap_or(0)
    }

    /// The unit of this kind.
    pub fn unit(&self, kind: UnitKind) -> Option<&Unit> {
        let at = match kind {
            UnitKind::Chunk { chunk, group } => place(chunk)
                .checked_mul(self.groups.len())?
                .checked_add(place(group))?,
            UnitKind::Audio { track } => {
                (self.chunks.len() * self.groups.len()).checked_add(place(track))?
            }
        };
        self.units.get(at).filter(|unit| unit.kind == kind)
    }

    /// What people call the unit: `chunk 12` (counted from 1, as in drawings), `chunk 12, group 2`
    /// where there are several groups, or the audio rendition's name.
    pub fn label(&self, kind: UnitKind) -> String {
        match kind {
            UnitKind::Chunk { chunk, group } if self.groups.len() > 1 => {
                format!(
                    "chunk {}, group {}",
                    u64::from(chunk) + 1,
                    u64::from(group) + 1
                )
            }
            UnitKind::Chunk { chunk, .. } => format!("chunk {}", u64::from(chunk) + 1),
            UnitKind::Audio { track } => match self.audio.get(place(track)) {
                Some(audio) => audio.rendition.name.clone(),
                None => format!("audio {}", u64::from(track) + 1),
            },
        }
    }
}

/// Cuts the cells of a plan that has all but chunks and units.
fn chunks_of(plan: &Plan, inputs: Inputs<'_>) -> Result<Vec<Chunk>, PlanError> {
    let cuts = match inputs.spec.chunk {
        ChunkLength::Cells(length) => chunks::by_cells(&plan.cells, length),
        ChunkLength::ByCost => cutting(plan, inputs)?.by_cost(),
    };
    let end = Cut {
        cell: small(plan.cells.len())?,
        reason: BorderReason::End,
    };
    let mut chunks = Vec::with_capacity(cuts.len() + 1);
    let mut start = 0;
    for cut in cuts.into_iter().chain([end]) {
        // What one record can't list is cut whatever it costs.
        while cut.cell - start > chunks::MAX_CHUNK_CELLS {
            let next = start + chunks::MAX_CHUNK_CELLS;
            chunks.push(chunk_of(plan, inputs, start..next, 0, BorderReason::Cost)?);
            start = next;
        }
        chunks.push(chunk_of(plan, inputs, start..cut.cell, 0, cut.reason)?);
        start = cut.cell;
    }
    let units = chunks.len().saturating_mul(plan.groups.len()) + plan.audio.len();
    if units > MAX_UNITS {
        return Err(PlanError::Source(format!(
            "the source would be cut into {units} units, the limit is {MAX_UNITS}: longer cells or chunks are needed"
        )));
    }
    Ok(chunks)
}

/// What each border costs.
fn cutting(plan: &Plan, inputs: Inputs<'_>) -> Result<Cutting, PlanError> {
    let costs = frame_costs(plan, inputs.facts);
    let decode_ns: u64 = costs.iter().map(|cost| cost.decode_ns).sum();
    let encode_ns: u64 = costs.iter().map(|cost| cost.encode_ns).sum();
    let tail_ns: u64 = costs.iter().map(|cost| cost.tail_ns()).sum();
    let fixed_ns = FrameCost::FIXED_NS * costs.len() as u64;
    let reach = Reach::of(&plan.renditions, plan.filter);
    let border = |(cell, first): (usize, &Cell)| {
        let frame = first.frames.start;
        let overlap = reach.overlap(frame, plan.frames);
        let points = &inputs.timeline.access_points;
        let point = access_point(points, inputs.facts.container, overlap.start);
        let begin = points.get(point).map_or(0, |point| point.frame);
        let decoded = u128::from(overlap.end.saturating_sub(begin.min(overlap.start)));
        let encoded_ns = u128::from(reach.lead_in) * u128::from(encode_ns)
            + u128::from(reach.tail) * u128::from(tail_ns);
        let ns = decoded * u128::from(decode_ns) + encoded_ns;
        let cost = (ns + u128::from(fixed_ns)) * u128::from(MILLIFRAMES)
            / u128::from((decode_ns + encode_ns).max(1));
        Ok(Border {
            cell: small(cell)?,
            frame,
            cost: u64::try_from(cost).unwrap_or(u64::MAX).min(MAX_BORDER_COST),
        })
    };
    // H.264 wants the idr_pic_id of two IDR pictures in a row to differ (section 7.4.3), and x264 counts anew in
    // each chunk: behind a cell of one frame, which is an IDR picture alone, both may be equal.
    let pairs = plan.cells.windows(2).enumerate();
    let borders = pairs
        .filter(|(_, pair)| pair[0].frames.end - pair[0].frames.start > 1)
        .map(|(before, pair)| border((before + 1, &pair[1])));
    let max_frames = || {
        let frames = Rational::whole(i64::try_from(plan.frames).ok()?);
        let mean_rate = frames.checked_div(inputs.timeline.duration_s()?)?;
        u64::try_from(mean_rate.checked_mul(Rational::whole(MAX_CHUNK_S))?.ceil()).ok()
    };
    let capped = plan.renditions.iter().any(|one| one.encoder.vbv.is_some());
    Ok(Cutting {
        borders: borders.collect::<Result<_, PlanError>>()?,
        frames: plan.frames,
        max_frames: max_frames().unwrap_or(u64::MAX),
        permille: match (inputs.spec.latency, capped) {
            (Latency::Fast, _) => chunks::BORDERS_FAST_PERMILLE,
            (Latency::Normal, true) => chunks::BORDERS_VBV_PERMILLE,
            (Latency::Normal, false) => chunks::BORDERS_PERMILLE,
        },
    })
}

/// The chunk of these cells.
pub(super) fn chunk_of(
    plan: &Plan,
    inputs: Inputs<'_>,
    cells: Range<u32>,
    lead_in_cells: u32,
    border: BorderReason,
) -> Result<Chunk, PlanError> {
    let own = plan
        .cells
        .get(place(cells.start)..place(cells.end))
        .and_then(|owned| Some(owned.first()?.frames.start..owned.last()?.frames.end));
    let own = own.ok_or_else(|| bug("a chunk has cells of its plan"))?;
    let lead_in_start = lead_in_start(&plan.cells, cells.start, lead_in_cells);
    let reach = Reach::of(&plan.renditions, plan.filter);
    let windows = reach.windows(&own, plan.frames, lead_in_start);
    let points = &inputs.timeline.access_points;
    let point = access_point(points, inputs.facts.container, windows.deliver.start);
    Ok(Chunk {
        cells,
        own,
        feed: windows.feed,
        deliver: windows.deliver,
        access_point: small(point)?,
        refutations: 0,
        lead_in_cells,
        border,
    })
}
