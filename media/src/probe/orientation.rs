//! How the display matrix turns the picture.

use reelmesh_domain::media_types::Orientation;

/// The cotangent of one degree: a side of a rotation at least that many times the other is within one
/// degree of a quarter turn.
const COT_ONE_DEGREE: i64 = 57;

/// Mirroring and quarter turns of a display matrix (ISO/IEC 14496-12, 8.2.2: `(x, y) · M`, y pointing
/// down); `None` if it turns by another angle, or not at all by a matrix that is none.
pub(super) fn orientation(matrix: [i32; 9]) -> Option<Orientation> {
    let [a, b, _, c, d, ..] = matrix.map(i64::from);
    let mirrored = a * d - b * c < 0;
    // Mirroring comes first, so the matrix is Mirror · Rotation, and Mirror is its own inverse.
    let (a, b) = if mirrored { (-a, -b) } else { (a, b) };
    // A clockwise rotation by θ is (cos θ, sin θ; -sin θ, cos θ); sides may be scaled differently.
    let along = |long: i64, short: i64| long != 0 && short.abs() * COT_ONE_DEGREE <= long.abs();
    let quarter_turns = if along(a, b) && along(d, c) && (a > 0) == (d > 0) {
        if a > 0 { 0 } else { 2 }
    } else if along(b, a) && along(c, d) && (b > 0) == (c < 0) {
        if b > 0 { 1 } else { 3 }
    } else {
        return None;
    };
    Some(Orientation {
        mirrored,
        quarter_turns,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 in 16.16 bits.
    const ONE: i32 = 1 << 16;

    #[track_caller]
    fn check([a, b, c, d]: [i32; 4], expected: Option<(bool, u8)>) {
        let expected = expected.map(|(mirrored, quarter_turns)| Orientation {
            mirrored,
            quarter_turns,
        });
        let found = orientation([a, b, 0, c, d, 0, 7 * ONE, 9 * ONE, 1 << 30]);
        assert_eq!(found, expected, "{a} {b} {c} {d}");
    }

    /// Each of the eight orientations is recognised, also scaled and up to a degree off; other angles and
    /// matrices that collapse the picture are none.
    #[test]
    fn recognises_orientations() {
        check([ONE, 0, 0, ONE], Some((false, 0)));
        check([0, ONE, -ONE, 0], Some((false, 1)));
        check([-ONE, 0, 0, -ONE], Some((false, 2)));
        check([0, -ONE, ONE, 0], Some((false, 3)));
        check([-ONE, 0, 0, ONE], Some((true, 0)));
        check([0, -ONE, -ONE, 0], Some((true, 1)));
        check([ONE, 0, 0, -ONE], Some((true, 2)));
        check([0, ONE, ONE, 0], Some((true, 3)));
        check([0, 2 * ONE, -ONE, 0], Some((false, 1)));
        check([0, i32::MIN, i32::MAX, 0], Some((false, 3)));
        check([ONE, ONE / 60, -ONE / 60, ONE], Some((false, 0)));
        check([ONE, ONE / 50, -ONE / 50, ONE], None);
        check([ONE, ONE, -ONE, ONE], None);
        check([0, 0, 0, 0], None);
        check([ONE, 0, 0, 0], None);
    }

    /// Mirroring first and then turning, carried out on a point, is what the matrix does to it.
    #[test]
    fn does_to_a_point_what_the_matrix_does() {
        for matrix in [
            [ONE, 0, 0, ONE],
            [0, ONE, -ONE, 0],
            [-ONE, 0, 0, -ONE],
            [0, -ONE, ONE, 0],
            [-ONE, 0, 0, ONE],
            [0, -ONE, -ONE, 0],
            [ONE, 0, 0, -ONE],
            [0, ONE, ONE, 0],
        ] {
            let [a, b, c, d] = matrix;
            let found = orientation([a, b, 0, c, d, 0, 0, 0, 1 << 30]).expect("an orientation");
            let by_matrix = ((3 * a + 5 * c) / ONE, (3 * b + 5 * d) / ONE);
            let mut point = if found.mirrored { (-3, 5) } else { (3, 5) };
            for _ in 0..found.quarter_turns {
                point = (-point.1, point.0);
            }
            assert_eq!(point, by_matrix, "{matrix:?}");
        }
    }
}
