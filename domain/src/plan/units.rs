//! Which units a plan has: names, costs and memory.

use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::codec::{self, Kind};
use crate::ids::UnitId;
use crate::media_types::{SourceFacts, VideoRendition};
use crate::plan::cost::{self, FrameCost};
use crate::plan::tasks::{bug, place, small};
use crate::plan::{Chunk, Inputs, Plan, PlanError, Unit, UnitKind};
use crate::rational::Rational;

/// The units of a plan that has all else. What `before` defines alike keeps its unit.
pub(super) fn units(
    plan: &Plan,
    inputs: Inputs<'_>,
    before: Option<&Plan>,
) -> Result<Vec<Unit>, PlanError> {
    let costs = frame_costs(plan, inputs.facts);
    let mut units = Vec::with_capacity(plan.chunks.len() * plan.groups.len() + plan.audio.len());
    for (number, chunk) in plan.chunks.iter().enumerate() {
        for (group, cost) in costs.iter().enumerate() {
            let (number, group) = (small(number)?, small(group)?);
            let kind = UnitKind::Chunk {
                chunk: number,
                group,
            };
            let kept = before.and_then(|before| kept(before, chunk, group));
            units.push(match kept {
                Some(unit) => Unit { kind, ..unit },
                None => chunk_unit(plan, inputs, kind, *cost)?,
            });
        }
    }
    for track in 0..plan.audio.len() {
        let kind = UnitKind::Audio {
            track: small(track)?,
        };
        units.push(match before.and_then(|before| before.unit(kind)) {
            Some(unit) => *unit,
            None => audio_unit(plan, inputs, kind)?,
        });
    }
    Ok(units)
}

/// The unit of an equal chunk of a plan on the same timeline: cells and windows are all that tells
/// the definitions of its chunks apart.
fn kept(before: &Plan, chunk: &Chunk, group: u32) -> Option<Unit> {
    let at = before
        .chunks
        .partition_point(|other| other.own.start < chunk.own.start);
    let other = before.chunks.get(at)?;
    let same = other.cells == chunk.cells
        && other.own == chunk.own
        && other.feed == chunk.feed
        && other.deliver == chunk.deliver
        && other.access_point == chunk.access_point;
    let kind = UnitKind::Chunk {
        chunk: u32::try_from(at).ok()?,
        group,
    };
    before.unit(kind).filter(|_| same).copied()
}

fn chunk_unit(
    plan: &Plan,
    inputs: Inputs<'_>,
    kind: UnitKind,
    cost: FrameCost,
) -> Result<Unit, PlanError> {
    let UnitKind::Chunk {
        chunk: number,
        group,
    } = kind
    else {
        return Err(bug("chunk units are of chunks"));
    };
    let task = plan.chunk_task(inputs.facts, inputs.timeline, number, group)?;
    let chunk = plan.chunks.get(place(number));
    let chunk = chunk.ok_or_else(|| bug("a unit's chunk is in the plan"))?;
    let points = &inputs.timeline.access_points;
    let begin = points
        .get(place(chunk.access_point))
        .map_or(0, |point| point.frame);
    Ok(Unit {
        id: unit_id(Kind::ChunkTask, &task)?,
        kind,
        cost_us: cost.task_us(
            chunk.deliver.end.saturating_sub(begin),
            chunk.own.end.saturating_sub(chunk.feed.start),
            chunk.feed.end.saturating_sub(chunk.own.end),
        ),
        memory_bytes: cost::memory_bytes(inputs.facts, &task.renditions),
    })
}

fn audio_unit(plan: &Plan, inputs: Inputs<'_>, kind: UnitKind) -> Result<Unit, PlanError> {
    let UnitKind::Audio { track } = kind else {
        return Err(bug("audio units are of tracks"));
    };
    let task = plan.audio_task(inputs.facts, inputs.timeline, track)?;
    let length_s = inputs.timeline.duration_s().unwrap_or(Rational::ZERO);
    let (cost_us, memory_bytes) = cost::audio(length_s, task.rendition.channels);
    Ok(Unit {
        id: unit_id(Kind::AudioTask, &task)?,
        kind,
        cost_us,
        memory_bytes,
    })
}

fn unit_id<T: serde::Serialize>(kind: Kind, task: &T) -> Result<UnitId, PlanError> {
    codec::unit_id(kind, task).map_err(|error| {
        PlanError::Source(format!("a unit's definition can't be recorded: {error}"))
    })
}

/// The costs of one frame in each group.
pub(super) fn frame_costs(plan: &Plan, facts: &SourceFacts) -> Vec<FrameCost> {
    let groups = plan.groups.iter();
    groups
        .map(|group| FrameCost::of(facts, renditions_of(plan, group)))
        .collect()
}

fn renditions_of<'a>(plan: &'a Plan, group: &Range<u32>) -> &'a [VideoRendition] {
    let range = place(group.start)..place(group.end);
    plan.renditions.get(range).unwrap_or_default()
}
