//! The next revision of a refuted plan (design rule 5.5).
//!
//! Revisions end: a border that is refuted is gone for good, a chunk's lead-in grows at most
//! [`MAX_LEAD_IN_CELLS`] times, and the exact frames are asked for once.

use alloc::vec::Vec;

use crate::plan::make::chunk_of;
use crate::plan::tasks::{bug, place};
use crate::plan::units::units;
use crate::plan::{BorderReason, Chunk, Inputs, Plan, PlanError, Refutation};

/// Cells of lead-in at most: what rate control did four key frames ago has no weight left.
pub(super) const MAX_LEAD_IN_CELLS: u32 = 4;
/// A chunk swallows at most two to the power of so many neighbours at once: more than a plan has.
const MAX_DOUBLINGS: u32 = 20;

/// See [`Plan::revised`].
pub(super) fn revised(
    plan: &Plan,
    inputs: Inputs<'_>,
    refutation: &Refutation,
) -> Result<Plan, PlanError> {
    let revision = plan.revision.next();
    let chunks = match *refutation {
        Refutation::Frames { chunk } => {
            if plan.exact_frames || !inputs.timeline.exact {
                return Err(PlanError::Source(alloc::format!(
                    "chunk {chunk} doesn't decode to the frames that were counted by decoding"
                )));
            }
            let made = Plan::make(inputs)?;
            return Ok(Plan { revision, ..made });
        }
        Refutation::Border { chunk, .. } => merged(plan, inputs, place(chunk))?,
        Refutation::Bucket { chunk, .. } => led_longer(plan, inputs, place(chunk))?,
    };
    if plan.frames != inputs.timeline.frames.len() as u64 {
        return Err(bug("a revision is made on its plan's own timeline"));
    }
    let mut next = Plan {
        revision,
        chunks,
        units: Vec::new(),
        ..plan.clone()
    };
    next.units = units(&next, inputs, Some(plan))?;
    Ok(next)
}

/// The chunk swallows its right neighbour; if it had to before, twice as many as the last time.
fn merged(plan: &Plan, inputs: Inputs<'_>, left: usize) -> Result<Vec<Chunk>, PlanError> {
    let no_border = || bug("a refuted border has a chunk on each side");
    let (Some(first), Some(neighbour)) = (plan.chunks.get(left), plan.chunks.get(left + 1)) else {
        return Err(no_border());
    };
    let refutations = first.refutations.max(neighbour.refutations);
    let swallowed = 1_usize << refutations.min(MAX_DOUBLINGS);
    let last = left.saturating_add(swallowed).min(plan.chunks.len() - 1);
    let end = plan.chunks.get(last).ok_or_else(no_border)?;
    let cells = first.cells.start..end.cells.end;
    let border = match end.border {
        BorderReason::End => BorderReason::End,
        BorderReason::Cost | BorderReason::Taper | BorderReason::Merged => BorderReason::Merged,
    };
    let merged = Chunk {
        refutations: refutations + 1,
        ..chunk_of(plan, inputs, cells, first.lead_in_cells, border)?
    };
    let mut chunks = plan.chunks.clone();
    chunks.splice(left..=last, [merged]);
    Ok(chunks)
}

fn led_longer(plan: &Plan, inputs: Inputs<'_>, chunk: usize) -> Result<Vec<Chunk>, PlanError> {
    let mut chunks = plan.chunks.clone();
    let planned = chunks
        .get_mut(chunk)
        .ok_or_else(|| bug("a refuted chunk is in the plan"))?;
    let lead_in_cells = planned.lead_in_cells + 1;
    let longer = chunk_of(
        plan,
        inputs,
        planned.cells.clone(),
        lead_in_cells,
        planned.border,
    )?;
    *planned = Chunk {
        refutations: planned.refutations,
        ..longer
    };
    Ok(chunks)
}
