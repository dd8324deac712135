//! Weights of the bicubic filter, from exact integers.

/// Bits of a weight: the weights of one output sample add up to exactly `1 << WEIGHT_BITS`.
pub(super) const WEIGHT_BITS: u32 = 14;

/// Where the samples of a plane lie along one axis, in quarters of the plane's sample distance from
/// the picture's edge: luma and centred chroma half a sample in; chroma at the place of every other
/// luma sample a quarter, or three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the middle between two luma samples (and luma itself).
    Centre = 2,
    /// At the place of the first of two luma samples.
    First = 1,
    /// At the place of the second.
    Last = 3,
}

/// For each output sample of one axis, which input samples it is made of and by what weights.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// Weights of one output sample.
    taps: usize,
    /// First input sample of each output sample; all `taps` of them lie inside the input.
    starts: Vec<u32>,
    /// `taps` weights for each output sample.
    weights: Vec<i16>,
    /// The same by pairs of input samples, the first of which is even: `pairs` for each output sample.
    paired: Vec<[i16; 2]>,
    pairs: usize,
}

/// The ratio of one axis, with all that the weights depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    /// Luma samples of the source.
    pub(super) from: u32,
    /// Luma samples of the target.
    pub(super) to: u32,
    /// Samples that the source's plane has.
    pub(super) inputs: u32,
    /// Samples that the target's plane has.
    pub(super) outputs: u32,
    /// Where the samples lie.
    pub(super) phase: Phase,
}

impl Filter {
    /// The weights for an axis.
    pub(super) fn new(axis: Axis) -> Self {
        let rows: Vec<(i64, Vec<i64>)> = (0..axis.outputs)
            .map(|output| folded(weights_of(axis, output), axis.inputs))
            .collect();
        let taps = rows.iter().map(|row| row.1.len()).max().unwrap_or(1);
        let mut filter = Self {
            taps,
            starts: Vec::with_capacity(rows.len()),
            weights: Vec::with_capacity(rows.len() * taps),
            paired: Vec::new(),
            pairs: (taps + 1).div_ceil(2),
        };
        for (first, weights) in rows {
            filter.push(first, &weights, axis.inputs);
        }
        filter.paired = vec![[0; 2]; filter.starts.len() * filter.pairs];
        for (output, pairs) in filter.paired.chunks_exact_mut(filter.pairs).enumerate() {
            let odd = filter.starts[output] as usize % 2;
            let weights = &filter.weights[output * taps..][..taps];
            let places = pairs.as_flattened_mut()[odd..].iter_mut();
            for (place, weight) in places.zip(weights) {
                *place = *weight;
            }
        }
        filter
    }

    /// Number of weights of each output sample.
    #[cfg(test)]
    const fn taps(&self) -> usize {
        self.taps
    }

    /// First input sample and weights of an output sample.
    pub(super) fn at(&self, output: usize) -> (usize, &[i16]) {
        let weights = &self.weights[output * self.taps..][..self.taps];
        (self.starts[output] as usize, weights)
    }

    /// Pairs of input samples for each output sample.
    pub(super) const fn pairs(&self) -> usize {
        self.pairs
    }

    /// The first pair of input samples of an output sample, and weights for that and the following.
    pub(super) fn pairs_at(&self, output: usize) -> (usize, &[[i16; 2]]) {
        let weights = &self.paired[output * self.pairs..][..self.pairs];
        (self.starts[output] as usize / 2, weights)
    }

    /// Adds an output sample, padded with zeros to `taps` so that none lies outside the input.
    fn push(&mut self, first: i64, weights: &[i64], inputs: u32) {
        let taps = i64::try_from(self.taps).unwrap_or(i64::MAX);
        let start = first.min(i64::from(inputs) - taps).max(0);
        let before = usize::try_from(first - start).unwrap_or(0);
        let from = self.weights.len();
        self.weights.resize(from + self.taps, 0);
        for (place, weight) in self.weights[from + before..].iter_mut().zip(weights) {
            *place = i16::try_from(*weight).unwrap_or(i16::MAX);
        }
        self.starts.push(u32::try_from(start).unwrap_or(0));
    }
}

/// The first input sample (perhaps outside) and the integer weights of one output sample.
///
/// In units of `1 / (4 to)` of an input sample, input `i` lies `4 to i − 4 from output + phase (to − from)`
/// away from the output sample: luma and chroma share the picture's edges, whatever their phase.
/// When the picture shrinks the filter is stretched by the ratio, which takes the place of a
/// low-pass filter.
fn weights_of(axis: Axis, output: u32) -> (i64, Vec<i64>) {
    let (from, to) = (i64::from(axis.from), i64::from(axis.to));
    let unit = 4 * from.max(to);
    let distance_of_zero = axis.phase as i64 * (to - from) - 4 * from * i64::from(output);
    // Inputs with |distance| < 2 units of the stretched filter.
    let first = (-2 * unit - distance_of_zero).div_euclid(4 * to) + 1;
    let last = (2 * unit - distance_of_zero - 1).div_euclid(4 * to);
    let kernel: Vec<i128> = (first..=last)
        .map(|input| bicubic(4 * to * input + distance_of_zero, unit))
        .collect();
    (first, normalised(&kernel))
}

/// Five times the bicubic filter with B = 0 and C = 3/5 (swscale's default) at the distance
/// `distance / unit`, times `unit³`.
fn bicubic(distance: i64, unit: i64) -> i128 {
    let d = i128::from(distance.abs());
    let u = i128::from(unit);
    if d < u {
        7 * d * d * d - 12 * d * d * u + 5 * u * u * u
    } else if d < 2 * u {
        -3 * d * d * d + 15 * d * d * u - 24 * d * u * u + 12 * u * u * u
    } else {
        0
    }
}

/// Weights that add up to exactly one, each the nearest; what is left goes to the largest, or in
/// halves to two equal ones, so that mirrored filters stay mirrored.
fn normalised(kernel: &[i128]) -> Vec<i64> {
    let sum: i128 = kernel.iter().sum();
    let one = 1_i128 << WEIGHT_BITS;
    let mut weights: Vec<i64> = kernel
        .iter()
        .map(|value| {
            let rounded = (2 * value * one + sum).div_euclid(2 * sum);
            i64::try_from(rounded).unwrap_or(0)
        })
        .collect();
    let left = (1_i64 << WEIGHT_BITS) - weights.iter().sum::<i64>();
    let largest = kernel.iter().copied().max().unwrap_or(0);
    let is_largest = |place: &usize| kernel[*place] == largest;
    let first = (0..kernel.len()).find(is_largest).unwrap_or(0);
    let last = (0..kernel.len()).rev().find(is_largest).unwrap_or(0);
    weights[first] += left - left / 2;
    weights[last] += left / 2;
    weights
}

/// The same with the weights of samples outside the input added to those of its edges, without zeros at the ends.
fn folded((first, weights): (i64, Vec<i64>), inputs: u32) -> (i64, Vec<i64>) {
    let end = i64::from(inputs) - 1;
    let low = first.clamp(0, end);
    let mut inside: Vec<i64> = Vec::with_capacity(weights.len());
    for (input, weight) in (first..).zip(&weights) {
        let place = usize::try_from(input.clamp(0, end) - low).unwrap_or(0);
        if inside.len() <= place {
            inside.resize(place + 1, 0);
        }
        inside[place] += weight;
    }
    let zeros = inside.iter().take_while(|weight| **weight == 0).count();
    inside.drain(..zeros.min(inside.len() - 1));
    while inside.len() > 1 && inside.last() == Some(&0) {
        inside.pop();
    }
    (low + i64::try_from(zeros).unwrap_or(0), inside)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn axis(from: u32, to: u32) -> Axis {
        Axis {
            from,
            to,
            inputs: from,
            outputs: to,
            phase: Phase::Centre,
        }
    }

    fn any_axis() -> impl Strategy<Value = Axis> {
        let side = prop_oneof![1_u32..70, 1_u32..4096];
        let phase = prop::option::of(prop_oneof![
            Just(Phase::First),
            Just(Phase::Centre),
            Just(Phase::Last)
        ]);
        (side.clone(), side, phase).prop_map(|(from, to, chroma)| {
            let to = to.max(from.div_ceil(super::super::SHRINK_LIMIT));
            let halve = |samples: u32| {
                if chroma.is_some() {
                    samples.div_ceil(2)
                } else {
                    samples
                }
            };
            Axis {
                inputs: halve(from),
                outputs: halve(to),
                phase: chroma.unwrap_or(Phase::Centre),
                ..axis(from, to)
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Every output sample's weights add up to one, lie inside the input, and their absolute
        /// values add up to so little that the passes' sums fit (see `kernel`).
        #[test]
        fn weights_add_up_to_one_and_stay_small(axis in any_axis()) {
            let filter = Filter::new(axis);
            for output in 0..axis.outputs as usize {
                let (start, weights) = filter.at(output);
                prop_assert!(start + weights.len() <= axis.inputs as usize);
                let sum: i32 = weights.iter().map(|weight| i32::from(*weight)).sum();
                prop_assert_eq!(sum, 1 << WEIGHT_BITS);
                let absolute: i32 = weights.iter().map(|weight| i32::from(*weight).abs()).sum();
                prop_assert!(absolute <= super::super::kernel::ABSOLUTE_LIMIT, "{}", absolute);
            }
        }

        /// Centred filters are their own mirror image.
        #[test]
        fn centred_filters_are_mirrored(from in 1_u32..600, to in 10_u32..600) {
            let filter = Filter::new(axis(from, to));
            for output in 0..to as usize {
                let (start, weights) = filter.at(output);
                let (mirrored, reversed) = filter.at(to as usize - 1 - output);
                let dense = |start: usize, weights: &[i16]| {
                    let mut row = vec![0; from as usize];
                    row[start..start + weights.len()].copy_from_slice(weights);
                    row
                };
                let mut expected = dense(mirrored, reversed);
                expected.reverse();
                prop_assert_eq!(dense(start, weights), expected);
            }
        }
    }

    /// The ratios that matter have as many taps as the stretched filter is wide; equal sizes have one.
    #[test]
    fn has_the_expected_taps() {
        for (from, to, taps) in [
            (1080, 720, 6),
            (720, 480, 6),
            (1080, 480, 9),
            (2160, 1080, 8),
            (480, 480, 1),
            (480, 960, 4),
        ] {
            assert_eq!(Filter::new(axis(from, to)).taps(), taps, "{from} to {to}");
        }
    }
}
