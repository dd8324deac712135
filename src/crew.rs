//! Who would get what: the plan's units laid out over nodes and workers, by cost alone.
//!
//! Only for looking at: the real scheduler hands out work as workers fall free. Both follow the same two
//! levels: contiguous shares of chunks to nodes, then left to right to the workers of a node.

use reelmesh_domain::plan::{Plan, UnitKind};

/// What one node would get.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Share {
    /// Places of its chunks in the plan, half open.
    pub(crate) chunks: (u32, u32),
    /// Its audio tracks.
    pub(crate) audio: u32,
    /// Its work in core-microseconds.
    pub(crate) cost_us: u64,
    /// When its last worker ends, in microseconds.
    pub(crate) end_us: u64,
}

/// Shares of nodes with so many workers each.
pub(crate) fn shares(plan: &Plan, nodes: u32, workers: u32) -> Vec<Share> {
    let chunk_costs = chunk_costs(plan);
    let total: u64 = chunk_costs.iter().sum();
    let mut shares = vec![Share::default(); nodes.max(1) as usize];
    let mut works: Vec<Vec<u64>> = vec![Vec::new(); shares.len()];
    let mut before = 0_u64;
    let count = shares.len() as u64;
    for (chunk, cost) in chunk_costs.iter().enumerate() {
        // A chunk belongs to the node in whose part of the whole its middle lies.
        let middle = u128::from(before) * 2 + u128::from(*cost);
        let node = middle * u128::from(count) / (u128::from(total.max(1)) * 2);
        let node = usize::try_from(node).unwrap_or(0).min(shares.len() - 1);
        if let (Some(share), Some(work)) = (shares.get_mut(node), works.get_mut(node)) {
            let place = u32::try_from(chunk).unwrap_or(u32::MAX);
            if share.cost_us == 0 {
                share.chunks.0 = place;
            }
            share.chunks.1 = place + 1;
            share.cost_us += cost;
            work.extend(unit_costs(plan, place));
        }
        before += cost;
    }
    // The node that reads the whole file makes the audio tracks, too.
    let audio = plan
        .units
        .iter()
        .filter(|unit| matches!(unit.kind, UnitKind::Audio { .. }));
    if let (Some(share), Some(work)) = (shares.first_mut(), works.first_mut()) {
        for unit in audio {
            share.audio += 1;
            share.cost_us += unit.cost_us;
            work.push(unit.cost_us);
        }
    }
    for (share, work) in shares.iter_mut().zip(&works) {
        share.end_us = last_end(work, workers);
    }
    shares
}

/// The cost of each chunk over all decode groups.
pub(crate) fn chunk_costs(plan: &Plan) -> Vec<u64> {
    let mut costs = vec![0; plan.chunks.len()];
    for unit in &plan.units {
        if let UnitKind::Chunk { chunk, .. } = unit.kind
            && let Some(cost) = costs.get_mut(chunk as usize)
        {
            *cost += unit.cost_us;
        }
    }
    costs
}

fn unit_costs(plan: &Plan, wanted: u32) -> impl Iterator<Item = u64> {
    let of_chunk = move |kind| matches!(kind, UnitKind::Chunk { chunk, .. } if chunk == wanted);
    plan.units
        .iter()
        .filter(move |unit| of_chunk(unit.kind))
        .map(|unit| unit.cost_us)
}

/// When the last of so many workers ends that take work, left to right, as they fall free.
fn last_end(work: &[u64], workers: u32) -> u64 {
    let mut ends = vec![0_u64; workers.max(1) as usize];
    for cost in work {
        if let Some(first) = ends.iter_mut().min() {
            *first += cost;
        }
    }
    ends.into_iter().max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawing::tests::plan;

    /// Shows that every chunk has exactly one node, in order, and that no work is lost, for any crew.
    #[test]
    fn every_chunk_has_one_node() {
        let plan = plan();
        let all: u64 = plan.units.iter().map(|unit| unit.cost_us).sum();
        for nodes in 1..=9 {
            for workers in 1..=3 {
                let shares = shares(&plan, nodes, workers);
                let mut next = 0;
                for share in shares.iter().filter(|share| share.chunks.1 > 0) {
                    assert_eq!(share.chunks.0, next);
                    next = share.chunks.1;
                }
                assert_eq!(next as usize, plan.chunks.len());
                assert_eq!(shares.iter().map(|share| share.cost_us).sum::<u64>(), all);
                for share in &shares {
                    assert!(share.end_us * u64::from(workers) >= share.cost_us);
                    assert!(share.end_us <= share.cost_us);
                }
            }
        }
    }
}
