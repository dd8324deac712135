//! How are chunks cut? At cell borders, as long as their fixed cost needs, shorter towards the end
//! (design rule 5.9).
//!
//! A border costs what would not be done without it: the lead-in behind it, the tail before it, the
//! way from the last access point (preroll), and a chunk's fixed cost. All borders together may cost
//! a small part of the plan. Within that, the wanted length of a chunk is `L`, and towards the end
//! `L / 2`, `L / 4`, …; dynamic programming over the cheapest borders of each stretch weighs their
//! cost against how far chunks are from the wanted length. How often the length halves is chosen by
//! laying the chunks over 2, 3, 4, 6, … workers: *possible* ones, never those of a cluster.

use alloc::vec;
use alloc::vec::Vec;

use crate::plan::{BorderReason, Cell};

/// Part of the plan that borders may cost, in thousandths (design rule 5.9).
pub(super) const BORDERS_PERMILLE: u64 = 30;
/// The same with a rate cap, whose lead-ins are longer.
pub(super) const BORDERS_VBV_PERMILLE: u64 = 50;
/// The same where the spec asks for low latency.
pub(super) const BORDERS_FAST_PERMILLE: u64 = 150;
const PERMILLE: u64 = 1_000;

/// How often chunks halve at most: 64 to 1 is 120 s to 2 s.
const MAX_HALVINGS: u32 = 6;
/// The last part of the timeline that tapers: one in so many, or two chunks where that is more.
const TAPER_PART: u64 = 4;
/// Candidates for one chunk's end: borders are kept one to each such part of the wanted length.
const PARTS_OF_LENGTH: u64 = 32;
/// Wanted lengths are tried each so many parts longer than the one before.
const LENGTH_STEP_PARTS: u64 = 8;
/// Equal chunks must be faster by more than one in so many parts to be preferred to a taper.
const UNIFORM_HANDICAP_PARTS: u64 = 10;
/// Numbers of workers for which a cut is tried, as far as there are two chunks for each: with fewer
/// the longest chunk decides alone. More find the same taper good.
const CREWS: [usize; 11] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
/// Most cells of a chunk: its commit lists one fragment a cell and rendition, about 14 bytes each,
/// for up to 17 renditions in 16 MiB.
pub(super) const MAX_CHUNK_CELLS: u32 = 65_536;

/// Costs are counted in thousandths of a frame that is decoded and encoded.
pub(super) const MILLIFRAMES: u64 = 1_000;

/// A place where the timeline may be cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Border {
    /// The cell behind it.
    pub(super) cell: u32,
    /// The first frame behind it.
    pub(super) frame: u64,
    /// What it costs in [`MILLIFRAMES`].
    pub(super) cost: u64,
}

/// Where a chunk ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    /// The cell behind it.
    pub(super) cell: u32,
    /// Why there.
    pub(super) reason: BorderReason,
}

/// All that matters for cutting by cost.
pub(super) struct Cutting {
    /// All borders between cells, from left to right.
    pub(super) borders: Vec<Border>,
    /// Frames of the timeline.
    pub(super) frames: u64,
    /// The longest chunk in frames that is wanted where the percentage allows shorter ones.
    pub(super) max_frames: u64,
    /// What borders may cost, in thousandths of all.
    pub(super) permille: u64,
}

/// Ends of the chunks that have `length` cells each, the last one's left out. The downside of asking for exact
/// lengths: a border behind a cell of one frame may join two IDR pictures with one `idr_pic_id`, which decoders
/// that look for lost pictures by it may take for one. By cost none is put there.
pub(super) fn by_cells(cells: &[Cell], length: u32) -> Vec<Cut> {
    let step = usize::try_from(length.clamp(1, MAX_CHUNK_CELLS)).unwrap_or(usize::MAX);
    let places = (0..cells.len()).step_by(step).skip(1);
    places
        .filter_map(|place| u32::try_from(place).ok())
        .map(|cell| Cut {
            cell,
            reason: BorderReason::Cost,
        })
        .collect()
}

/// The wanted length of chunks along the timeline.
#[derive(Clone, Copy)]
struct Lengths {
    frames: u64,
    longest: u64,
    halvings: u32,
}

impl Lengths {
    /// Frames wanted of a chunk that begins at `frame`.
    fn at(self, frame: u64) -> u64 {
        let stretch = (self.frames / TAPER_PART).max(self.longest.saturating_mul(2));
        let left = self.frames.saturating_sub(frame).max(1);
        let mut halvings = 0;
        while halvings < self.halvings && left.saturating_mul(1 << halvings) < stretch {
            halvings += 1;
        }
        (self.longest >> halvings).max(1)
    }
}

/// A way to cut.
struct Candidate {
    /// Borders, from left to right.
    borders: Vec<Border>,
    lengths: Lengths,
    /// Sum of the times that crews of several sizes take.
    wall: u64,
}

impl Cutting {
    /// Ends of the chunks, the last one's left out.
    pub(super) fn by_cost(&self) -> Vec<Cut> {
        let Some(uniform) = self.affordable(0, u64::MAX) else {
            return Vec::new();
        };
        let workers = uniform.borders.len().div_ceil(2);
        let mut best = self.judged(uniform, workers);
        // The model knows of no slow worker and no wrong estimate, which is what the taper is for.
        best.wall = best.wall.saturating_add(best.wall / UNIFORM_HANDICAP_PARTS);
        for halvings in 1..=MAX_HALVINGS {
            // Of equally good ones the more tapered stays: its last chunks are shorter.
            if let Some(candidate) = self.affordable(halvings, self.max_frames) {
                let candidate = self.judged(candidate, workers);
                if candidate.wall <= best.wall {
                    best = candidate;
                }
            }
        }
        let mut start = 0;
        let cut = |border: &Border| {
            let shorter = best.lengths.at(start) < best.lengths.longest;
            start = border.frame;
            Cut {
                cell: border.cell,
                reason: if shorter {
                    BorderReason::Taper
                } else {
                    BorderReason::Cost
                },
            }
        };
        best.borders.iter().map(cut).collect()
    }

    /// The shortest chunks with so many halvings that the percentage allows, unless they are longer
    /// than `limit` frames.
    fn affordable(&self, halvings: u32, limit: u64) -> Option<Candidate> {
        let cheapest = self.borders.iter().map(|border| border.cost).min()?.max(1);
        let own = self.frames.saturating_mul(MILLIFRAMES);
        // No more borders than the cheapest one is affordable for.
        let most = own.saturating_mul(self.permille) / (PERMILLE - self.permille) / cheapest;
        let mut longest = self.frames.div_ceil(most.saturating_add(1)).max(1);
        while longest <= limit && longest < self.frames.saturating_mul(2) {
            let lengths = Lengths {
                frames: self.frames,
                longest,
                halvings,
            };
            let borders = self.cheapest(lengths);
            if self.affords(&borders) {
                return Some(Candidate {
                    borders,
                    lengths,
                    wall: 0,
                });
            }
            longest += (longest / LENGTH_STEP_PARTS).max(1);
        }
        None
    }

    fn affords(&self, borders: &[Border]) -> bool {
        let own = u128::from(self.frames) * u128::from(MILLIFRAMES);
        let cost: u128 = borders.iter().map(|border| u128::from(border.cost)).sum();
        cost * u128::from(PERMILLE - self.permille) <= own * u128::from(self.permille)
    }

    /// The borders with the least sum of costs and of the squared distance of chunks from the wanted
    /// length (in parts of it).
    fn cheapest(&self, lengths: Lengths) -> Vec<Border> {
        let mut nodes = vec![Border {
            cell: 0,
            frame: 0,
            cost: 0,
        }];
        nodes.extend(self.candidates(lengths));
        nodes.push(Border {
            cell: 0,
            frame: self.frames,
            cost: 0,
        });
        let wanted: Vec<u64> = nodes.iter().map(|node| lengths.at(node.frame)).collect();
        // For each node the least sum up to it, and the node before it on the way there.
        let mut ways: Vec<(u64, usize)> = vec![(0, 0)];
        for (place, node) in nodes.iter().enumerate().skip(1) {
            let mut best = (u64::MAX, place - 1);
            for before in (0..place).rev() {
                let length = node.frame - nodes[before].frame;
                let next_to = before + 1 == place;
                if !next_to && length > lengths.longest.saturating_mul(2) {
                    break;
                }
                if next_to || length <= wanted[before].saturating_mul(2) {
                    let sum = ways[before]
                        .0
                        .saturating_add(node.cost)
                        .saturating_add(distance(length, wanted[before]));
                    if sum < best.0 {
                        best = (sum, before);
                    }
                }
            }
            ways.push(best);
        }
        let mut borders = Vec::new();
        let mut place = ways.last().map_or(0, |way| way.1);
        while place > 0 {
            borders.push(nodes[place]);
            place = ways[place].1;
        }
        borders.reverse();
        borders
    }

    /// The cheapest border of each part of the wanted length.
    fn candidates(&self, lengths: Lengths) -> Vec<Border> {
        let mut kept: Vec<Border> = Vec::new();
        let mut part_end = 0;
        for &border in &self.borders {
            match kept.last_mut() {
                Some(last) if border.frame < part_end => {
                    if border.cost < last.cost {
                        *last = border;
                    }
                }
                Some(_) | None => {
                    part_end = border.frame + (lengths.at(border.frame) / PARTS_OF_LENGTH).max(1);
                    kept.push(border);
                }
            }
        }
        kept
    }

    /// With the sum of times that crews of up to so many workers (at least two) need, each worker
    /// taking the next chunk as it falls free.
    fn judged(&self, candidate: Candidate, workers: usize) -> Candidate {
        let mut costs = Vec::with_capacity(candidate.borders.len() + 1);
        let mut from = Border {
            cell: 0,
            frame: 0,
            cost: 0,
        };
        for &border in &candidate.borders {
            costs.push((border.frame - from.frame) * MILLIFRAMES + from.cost);
            from = border;
        }
        costs.push((self.frames - from.frame) * MILLIFRAMES + from.cost);
        let crews = CREWS.iter().filter(|&&crew| crew <= workers.max(2));
        let times = crews.map(|&crew| time_of(&costs, crew));
        let wall = times.fold(0, u64::saturating_add);
        Candidate { wall, ..candidate }
    }
}

/// What it costs in milliframes that a chunk isn't as long as wanted: nothing near it, as much as a
/// fourth of the chunk where it is half as long again.
fn distance(length: u64, wanted: u64) -> u64 {
    let off = u128::from(length.abs_diff(wanted));
    let distance = off * off * u128::from(MILLIFRAMES) / u128::from(wanted.max(1));
    u64::try_from(distance).unwrap_or(u64::MAX)
}

fn time_of(costs: &[u64], workers: usize) -> u64 {
    let mut busy = vec![0_u64; workers];
    for cost in costs {
        if let Some(first) = busy.iter_mut().min() {
            *first = first.saturating_add(*cost);
        }
    }
    busy.into_iter().max().unwrap_or(0)
}
