//! Where the chroma samples of 4:2:0 lie among luma samples, and what turning a picture does to that.

use crate::media_types::Orientation;

/// The place of a chroma sample among its four luma samples, in halves of their distance: 0 is at the first
/// column or row, 1 between both, 2 at the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChromaPlace {
    /// From left to right.
    pub column: u8,
    /// From the top down.
    pub row: u8,
}

impl ChromaPlace {
    /// As MPEG-2 and H.264 lay them if nothing is said.
    pub const LEFT: Self = Self { column: 0, row: 1 };

    /// The place that a [`chroma_location`](crate::media_types::Color::chroma_location) says.
    pub const fn of(location: u8) -> Self {
        let (column, row) = match location {
            2 => (1, 1),
            3 => (0, 0),
            4 => (1, 0),
            5 => (0, 2),
            6 => (1, 2),
            _ => return Self::LEFT,
        };
        Self { column, row }
    }

    /// What is said of it. H.264 has no word for the right: the middle is half a luma sample off, which is the
    /// nearest.
    pub const fn location(self) -> u8 {
        match (self.column, self.row) {
            (0, 0) => 3,
            (0, 1) => 1,
            (0, _) => 5,
            (_, 0) => 4,
            (_, 1) => 2,
            (_, _) => 6,
        }
    }

    /// Where it is in a picture of even sides once that is mirrored and turned.
    #[must_use]
    pub const fn turned(self, orientation: Orientation) -> Self {
        let column = if orientation.mirrored {
            2 - self.column
        } else {
            self.column
        };
        let (column, row) = match orientation.quarter_turns % 4 {
            0 => (column, self.row),
            1 => (2 - self.row, column),
            2 => (2 - column, 2 - self.row),
            _ => (self.row, 2 - column),
        };
        Self { column, row }
    }

    /// Where it was before.
    #[must_use]
    pub const fn before(self, orientation: Orientation) -> Self {
        let (column, row) = match orientation.quarter_turns % 4 {
            0 => (self.column, self.row),
            1 => (self.row, 2 - self.column),
            2 => (2 - self.column, 2 - self.row),
            _ => (2 - self.row, self.column),
        };
        let column = if orientation.mirrored {
            2 - column
        } else {
            column
        };
        Self { column, row }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn orientation(mirrored: bool, quarter_turns: u8) -> Orientation {
        Orientation {
            mirrored,
            quarter_turns,
        }
    }

    /// The left is where turning brings it, and said by the code points of H.273.
    #[test]
    fn left_is_turned() {
        for (mirrored, quarter_turns, column, row, location) in [
            (false, 0, 0, 1, 1),
            (false, 1, 1, 0, 4),
            (false, 2, 2, 1, 2),
            (false, 3, 1, 2, 6),
            (true, 0, 2, 1, 2),
            (true, 1, 1, 2, 6),
            (true, 2, 0, 1, 1),
            (true, 3, 1, 0, 4),
        ] {
            let found = ChromaPlace::LEFT.turned(orientation(mirrored, quarter_turns));
            assert_eq!(
                found,
                ChromaPlace { column, row },
                "{mirrored} {quarter_turns}"
            );
            assert_eq!(found.location(), location, "{mirrored} {quarter_turns}");
        }
    }

    /// Turning and turning back changes no place, and each code point says itself.
    #[test]
    fn turning_back_gives_the_place() {
        for location in 1..=6 {
            let place = ChromaPlace::of(location);
            assert_eq!(place.location(), location);
            for turns in 0..8 {
                let orientation = orientation(turns >= 4, turns % 4);
                assert_eq!(place.turned(orientation).before(orientation), place);
                assert_eq!(place.before(orientation).turned(orientation), place);
            }
        }
        assert_eq!(ChromaPlace::of(0), ChromaPlace::LEFT);
    }
}
