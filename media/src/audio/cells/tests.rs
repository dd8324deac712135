use proptest::prelude::*;

use super::*;
use crate::audio::tests::Kept;

const FRAME: u32 = 1024;
const RATE: u32 = 48_000;

/// Frames in each fragment of a track of so many frames.
fn cut(cell_ends: &[i64], frames: u32) -> Vec<u32> {
    let borders = Borders::new(cell_ends, RATE, FRAME, FRAME).expect("they rise");
    let mut cutter = Cutter::new(borders);
    let mut kept = Kept::default();
    for frame in 0..frames {
        cutter
            .push(&frame.to_be_bytes(), FRAME, &mut kept)
            .expect("kept");
    }
    let (fragments, duration) = cutter.finish(&mut kept).expect("kept");
    assert_eq!(duration, i64::from(frames) * i64::from(FRAME));
    let mut decode_time = 0;
    for (index, info) in fragments.iter().enumerate() {
        assert_eq!(info.sequence as usize, index + 1);
        assert_eq!(info.decode_time, decode_time);
        decode_time += info.duration;
    }
    fragments.iter().map(|info| info.samples).collect()
}

#[track_caller]
fn check(cell_ends: &[i64], count: u32, expected: &[u32]) {
    assert_eq!(
        cut(cell_ends, count),
        expected,
        "{cell_ends:?}, {count} frames"
    );
}

/// A fragment a cell, priming in the first one; a cell shorter than a frame joins the next; sound behind
/// the last cell is cut in its length, a short rest stays with the last fragment.
#[test]
fn fragments_follow_the_cells() {
    let frames = |count: i64| count * i64::from(FRAME);
    check(&[frames(10), frames(20)], 21, &[11, 10]);
    // The nearest frame, halves up.
    check(&[frames(10) + 511, frames(20) + 512], 22, &[11, 11]);
    check(&[frames(10) + 512, frames(20)], 21, &[12, 9]);
    // Sound that ends before the picture.
    check(&[frames(10), frames(20), frames(30)], 15, &[11, 4]);
    check(&[frames(10), frames(20), frames(30)], 11, &[11]);
    // Cells shorter than a frame.
    check(
        &[100, 200, 300, frames(3), frames(3) + 100, frames(6)],
        7,
        &[1, 3, 3],
    );
    // Sound that goes on.
    check(&[frames(10), frames(20)], 25, &[11, 14]);
    check(&[frames(10), frames(20)], 26, &[11, 10, 5]);
    check(&[frames(10), frames(20)], 45, &[11, 10, 10, 14]);
    // The same behind a stub of a cell.
    check(
        &[frames(10), frames(20), frames(21)],
        44,
        &[11, 10, 1, 10, 12],
    );
    // No cells: two seconds.
    check(&[], 200, &[95, 105]);
    check(&[frames(4)], 0, &[]);
}

/// A cell that is longer than any fragment may be is cut in between.
#[test]
fn long_cells_are_cut() {
    let most = u32::try_from(FRAGMENT_FRAMES).expect("small");
    let end = (FRAGMENT_FRAMES * 2 + 9) * i64::from(FRAME);
    let count = most * 2 + 15;
    assert_eq!(cut(&[end, end + 1024 * 5], count), [most, most, 10, 5]);
}

/// Cells that don't rise are the planner's fault.
#[test]
fn refuses_cells_that_do_not_rise() {
    for cells in [&[0_i64][..], &[5, 5], &[-1, 5]] {
        assert!(
            Borders::new(cells, RATE, FRAME, FRAME).is_err(),
            "{cells:?}"
        );
    }
}

proptest! {
    /// Whatever the cells are, no frame is lost, and each border but the last is the frame nearest to
    /// the end of a cell.
    #[test]
    fn borders_are_nearest(
        lengths in prop::collection::vec(1_i64..20_000, 1..20),
        frames in 1_u32..200,
    ) {
        let mut end = 0;
        let cell_ends: Vec<i64> = lengths.iter().map(|length| { end += length; end }).collect();
        let fragments = cut(&cell_ends, frames);
        prop_assert_eq!(fragments.iter().sum::<u32>(), frames);
        let mut border = 0;
        for count in &fragments[..fragments.len() - 1] {
            border += i64::from(*count) * i64::from(FRAME);
            let presented = border - i64::from(FRAME);
            let inside = presented <= end;
            let nearest = cell_ends.iter().map(|end| (end - presented).abs()).min();
            prop_assert!(!inside || nearest <= Some(i64::from(FRAME) / 2), "{:?}", nearest);
        }
    }
}
