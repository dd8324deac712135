use proptest::prelude::*;

use super::*;

/// A picture of pseudo-random samples.
fn noise(size: Size, seed: u32) -> Picture420 {
    let mut picture = Picture420::new(size).expect("the size is allowed");
    let mut state = seed | 1;
    fill(&mut picture, |_, _, _| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    });
    picture
}

fn fill(picture: &mut Picture420, mut sample: impl FnMut(usize, usize, usize) -> u8) {
    for (index, plane) in picture.view_mut().planes_mut().iter_mut().enumerate() {
        for y in 0..plane.size().rows() {
            for (x, place) in plane.row_mut(y).iter_mut().enumerate() {
                *place = sample(index, x, y);
            }
        }
    }
}

fn scaled(source: &Picture420, to: Size) -> Picture420 {
    let mut target = Picture420::new(to).expect("the size is allowed");
    let mut scaler = Scaler::new(source.size(), to).expect("the ratio is allowed");
    scaler
        .scale(&source.view(), &mut target)
        .expect("the sizes are the scaler's");
    target
}

/// The documented arithmetic sample by sample in 64 bits.
fn naive(source: &PlaneView<'_>, [vertical, horizontal]: &[Filter; 2], x: usize, y: usize) -> u8 {
    let (left, across) = horizontal.at(x);
    let (top, down) = vertical.at(y);
    let mut total = 0_i64;
    for (i, weight) in across.iter().enumerate() {
        let mut sum = 0_i64;
        for (j, weight) in down.iter().enumerate() {
            sum += i64::from(*weight) * i64::from(source.row(top + j)[left + i]);
        }
        total += i64::from(*weight) * ((sum + 64) >> 7);
    }
    u8::try_from(((total + (1 << 20)) >> 21).clamp(0, 255)).expect("it is clamped")
}

fn any_size() -> impl Strategy<Value = Size> {
    (1_u32..=64, 1_u32..=64).prop_map(|(width, height)| Size::new(width, height))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Any small size scales to any other, and each sample is the naive reference's.
    #[test]
    fn equals_the_naive_reference(from in any_size(), to in any_size(), seed: u32) {
        let source = noise(from, seed);
        let mut target = Picture420::new(to).expect("the size is allowed");
        let mut scaler = Scaler::new(from, to).expect("the ratio is allowed");
        scaler.scale(&source.view(), &mut target).expect("the sizes are the scaler's");
        for index in 0..3 {
            let filters = if index == 0 { &scaler.luma } else { &scaler.chroma };
            let made = target.view().planes()[index];
            for y in 0..made.size().rows() {
                for x in 0..made.size().columns() {
                    let expected = naive(&source.view().planes()[index], filters, x, y);
                    prop_assert_eq!(made.row(y)[x], expected, "plane {} at {}, {}", index, x, y);
                }
            }
        }
    }

    /// A picture of one colour keeps it.
    #[test]
    fn constants_stay_constant(from in any_size(), to in any_size(), colour: [u8; 3]) {
        let mut source = Picture420::new(from).expect("the size is allowed");
        fill(&mut source, |plane, _, _| colour[plane]);
        let mut expected = Picture420::new(to).expect("the size is allowed");
        fill(&mut expected, |plane, _, _| colour[plane]);
        prop_assert_eq!(scaled(&source, to), expected);
    }

    /// Equal sizes change nothing.
    #[test]
    fn equal_sizes_change_nothing(size in any_size(), seed: u32) {
        let source = noise(size, seed);
        prop_assert_eq!(scaled(&source, size), source);
    }
}

/// A ramp over left-sited chroma keeps its phase: in the middle the sample at luma place 2k of the
/// target has the value that the source's ramp has there.
#[test]
fn left_sited_chroma_keeps_its_phase() {
    let mut source = Picture420::new(Size::new(192, 8)).expect("the size is allowed");
    fill(&mut source, |_, x, _| {
        u8::try_from(2 * x % 256).expect("it is a byte")
    });
    let target = scaled(&source, Size::new(96, 4));
    // Place of chroma k in the source: 2k + 1/4 samples, so the value 4k + 1/2, rounded up.
    for k in 5..40 {
        assert_eq!(usize::from(target.view().planes()[1].row(1)[k]), 4 * k + 1);
    }
}

/// Sizes out of bounds and pictures of another size are refused.
#[test]
fn refuses_what_does_not_fit() {
    let small = Size::new(2, 2);
    let none = Size::new(0, 2);
    assert_eq!(Scaler::new(none, small).err(), Some(ScaleError::Size(none)));
    let wide = Size::new(1000, 2);
    assert_eq!(
        Scaler::new(wide, small).err(),
        Some(ScaleError::Ratio {
            from: wide,
            to: small
        })
    );
    let mut scaler = Scaler::new(small, small).expect("the sizes are allowed");
    let mut other = Picture420::new(wide).expect("the size is allowed");
    let source = noise(small, 1);
    assert!(scaler.scale(&source.view(), &mut other).is_err());
    assert!(PlaneView::new(small, &[0; 5], 4).is_err());
    assert!(PlaneView::new(small, &[0; 6], 4).is_ok());
}

/// A slope of chroma stays at its place in the picture, wherever the samples lie among those of luma.
#[test]
fn chroma_stays_in_place() {
    let (from, to) = (Size::new(96, 96), Size::new(72, 144));
    // What a sample's middle is worth, per quarter of the distance of two chroma samples from the edge.
    let value = |at: usize, halves: u8, samples: u32| {
        let quarters = u32::try_from(4 * at).expect("small") + u32::from(halves) + 1;
        f64::from(quarters) / f64::from(4 * samples)
    };
    for (column, row) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 1)] {
        let place = ChromaPlace { column, row };
        let level = |x: usize, y: usize, size: Size| {
            let (across, down) = (
                value(x, column, size.width / 2),
                value(y, row, size.height / 2),
            );
            20.0 + 120.0 * across + 80.0 * down
        };
        let mut source = Picture420::new(from).expect("the size is allowed");
        fill(&mut source, |plane, x, y| {
            if plane == 0 {
                return 0;
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between 20 and 220"
            )]
            let sample = level(x, y, from).round() as u8;
            sample
        });
        let mut target = Picture420::new(to).expect("the size is allowed");
        let mut scaler = Scaler::sited(from, to, place).expect("the ratio is allowed");
        scaler
            .scale(&source.view(), &mut target)
            .expect("the sizes are the scaler's");
        let made = target.view().planes()[1];
        // Away from the edges, where the slope ends.
        for y in 6..made.size().rows() - 6 {
            for x in 6..made.size().columns() - 6 {
                let off = f64::from(made.row(y)[x]) - level(x, y, to);
                assert!(off.abs() <= 1.2, "{place:?} at {x}, {y}: {off}");
            }
        }
    }
}
