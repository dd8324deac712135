//! What each rendition costs, for people: the plan itself counts by unit.

use alloc::vec::Vec;

use super::cost::FrameCost;
use super::{Plan, UnitKind};
use crate::media_types::SourceFacts;

const NS_PER_US: u64 = 1_000;

impl Plan {
    /// Estimated core-microseconds to scale and encode each rendition, in their order, lead-ins and tails
    /// included. What is left of a decode group's units is its decoding and what each task costs anyway.
    pub fn rendition_costs_us(&self, facts: &SourceFacts) -> Vec<u64> {
        let (encoded, tail) = (self.encoded_frames(), self.tail_frames());
        let mut costs = Vec::new();
        for group in &self.groups {
            let mut before_ns = 0;
            for end in group.start + 1..=group.end {
                let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
                let members = self.renditions.get(place(group.start)..place(end));
                let cost = FrameCost::of(facts, members.unwrap_or_default());
                let all_ns = encoded
                    .saturating_mul(cost.encode_ns)
                    .saturating_add(tail.saturating_mul(cost.tail_ns()));
                costs.push(all_ns.saturating_sub(before_ns) / NS_PER_US);
                before_ns = all_ns;
            }
        }
        costs
    }

    /// Estimated core-microseconds of all units of a decode group.
    pub fn group_cost_us(&self, group: u32) -> u64 {
        let units = self.units.iter();
        units
            .filter(|unit| matches!(unit.kind, UnitKind::Chunk { group: of, .. } if of == group))
            .map(|unit| unit.cost_us)
            .fold(0, u64::saturating_add)
    }

    /// Frames that each rendition's encoders encode: lead-ins and own ones.
    fn encoded_frames(&self) -> u64 {
        let chunks = self.chunks.iter();
        chunks
            .map(|chunk| chunk.own.end.saturating_sub(chunk.feed.start))
            .sum()
    }

    /// Frames that they are only fed.
    fn tail_frames(&self) -> u64 {
        let chunks = self.chunks.iter();
        chunks
            .map(|chunk| chunk.feed.end.saturating_sub(chunk.own.end))
            .sum()
    }
}
