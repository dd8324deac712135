//! Does a revision hold? Judged on commit records alone, strictly from left to right
//! (design section 2 and rule 5.5).

use alloc::vec::Vec;

use crate::media_types::{ChunkReport, FrameHash, Vbv, VbvSummary};
use crate::plan::revise::MAX_LEAD_IN_CELLS;
use crate::plan::tasks::place;
use crate::plan::{Judged, Plan, Refutation};

/// Fullness of the bucket at the start in percent of its size: x264's `vbv-init`.
const BUCKET_START_PERCENT: u64 = 90;

/// See [`Plan::judge`].
pub(super) fn judge(plan: &Plan, reports: &[Vec<&ChunkReport>]) -> Judged {
    let mut buckets = Buckets::full(plan);
    for chunk in 0..plan.chunks.len() {
        let of_chunk = reports.get(chunk).map_or(&[][..], Vec::as_slice);
        let refuted = frames(plan, chunk, of_chunk)
            .or_else(|| border(plan, chunk, reports))
            .or_else(|| buckets.refuted(plan, chunk, of_chunk));
        if let Some(refuted) = refuted {
            return Judged::Refuted(refuted);
        }
    }
    Judged::Proven
}

fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The chunk delivered other frames than the planned ones.
fn frames(plan: &Plan, chunk: usize, reports: &[&ChunkReport]) -> Option<Refutation> {
    let as_planned = reports.len() == plan.groups.len() && reports.iter().all(|one| one.as_planned);
    if as_planned {
        return None;
    }
    // Frames that were counted by decoding from the start come out differently when decoding begins
    // at this chunk: its left border is at fault. Without a border no other plan can do better.
    let left = chunk.saturating_sub(1);
    match plan.chunks.get(left) {
        Some(left_chunk) if plan.exact_frames && plan.chunks.len() > 1 => {
            Some(Refutation::Border {
                chunk: number(left),
                frame: left_chunk.own.end,
            })
        }
        Some(_) | None => Some(Refutation::Frames {
            chunk: number(chunk),
        }),
    }
}

/// The border on the chunk's left doesn't hold in some decode group.
fn border(plan: &Plan, chunk: usize, reports: &[Vec<&ChunkReport>]) -> Option<Refutation> {
    let left = chunk.checked_sub(1)?;
    let overlap = plan.overlap(number(left))?;
    let (before, behind) = (reports.get(left)?, reports.get(chunk)?);
    let differing = |(before, behind): (&&ChunkReport, &&ChunkReport)| {
        overlap.clone().find(|&frame| {
            let hash = hash_of(&before.right, frame);
            hash.is_none() || hash != hash_of(&behind.left, frame)
        })
    };
    let frame = before.iter().zip(behind).filter_map(differing).min()?;
    Some(Refutation::Border {
        chunk: number(left),
        frame,
    })
}

/// Hashes are in order of frames; a report that breaks that misses some.
fn hash_of(hashes: &[FrameHash], frame: u64) -> Option<[u8; 8]> {
    let place = hashes
        .binary_search_by_key(&frame, |hash| hash.frame)
        .ok()?;
    hashes.get(place).map(|hash| hash.hash)
}

/// The rate buckets of all renditions at the start of the next chunk, in bits; `None` without a cap.
struct Buckets(Vec<Option<i64>>);

impl Buckets {
    fn full(plan: &Plan) -> Self {
        let fullness = |vbv: Vbv| {
            let bits = u128::from(vbv.buffer_bits) * u128::from(BUCKET_START_PERCENT) / 100;
            i64::try_from(bits).unwrap_or(i64::MAX)
        };
        let buckets = plan
            .renditions
            .iter()
            .map(|one| one.encoder.vbv.map(fullness));
        Self(buckets.collect())
    }

    /// Lets the chunk's frames through. The first rendition whose bucket underflows refutes the
    /// chunk, unless a longer lead-in can't help any more: then the encoder itself overdraws.
    fn refuted(
        &mut self,
        plan: &Plan,
        chunk: usize,
        reports: &[&ChunkReport],
    ) -> Option<Refutation> {
        let planned = plan.chunks.get(chunk)?;
        let can_lead = planned.feed.start > 0 && planned.lead_in_cells < MAX_LEAD_IN_CELLS;
        let mut refuted = None;
        for (group, report) in plan.groups.iter().zip(reports) {
            for (rendition, track) in group.clone().zip(&report.renditions) {
                let bucket = self.0.get_mut(place(rendition)).and_then(Option::as_mut);
                let (Some(fullness), Some(summary)) = (bucket, track.vbv) else {
                    continue;
                };
                if *fullness < summary.need_bits && can_lead && refuted.is_none() {
                    refuted = Some(Refutation::Bucket {
                        chunk: number(chunk),
                        rendition,
                    });
                }
                *fullness = behind(*fullness, summary);
            }
        }
        refuted
    }
}

/// Fullness behind a chunk; an overdrawn bucket is empty.
fn behind(fullness: i64, summary: VbvSummary) -> i64 {
    let changed = fullness.saturating_add(summary.change_bits);
    changed.min(summary.ceiling_bits).max(0)
}
