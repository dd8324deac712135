//! Exact bicubic scaling of planar 8-bit 4:2:0 pictures: integers only, so the same bytes on every CPU.

mod filter;
mod kernel;
mod picture;
#[cfg(any(test, not(target_feature = "avx2")))]
mod plain;

#[cfg(test)]
mod tests;

use filter::{Axis, Filter, Phase};
use kernel::{Workspace, scale_plane};
use reelmesh_domain::chroma::ChromaPlace;

pub use picture::{Picture420, Picture420View, Picture420ViewMut, PlaneView, PlaneViewMut, Size};

/// Longest side of a picture in pixels: twice 8K.
pub const SIDE_LIMIT: u32 = 16_384;
/// How many times smaller a side may become: beyond, weights of 14 bits are too coarse.
pub const SHRINK_LIMIT: u32 = 64;

/// Why a picture can't be scaled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScaleError {
    /// A side is 0 or too long.
    #[error("a picture of {}x{} can't be scaled", .0.width, .0.height)]
    Size(Size),
    /// A side shrinks by more than [`SHRINK_LIMIT`].
    #[error("a picture can't shrink from {}x{} to {}x{}", .from.width, .from.height, .to.width, .to.height)]
    Ratio {
        /// Size of the source.
        from: Size,
        /// Size of the target.
        to: Size,
    },
    /// A plane's bytes or stride don't fit its size.
    #[error("a plane of {}x{} isn't in {length} bytes with stride {stride}", .size.width, .size.height)]
    Plane {
        /// Size of the plane.
        size: Size,
        /// Bytes given.
        length: usize,
        /// Bytes from row to row.
        stride: usize,
    },
    /// A picture has another size than the scaler was made for.
    #[error("a picture of {}x{} where {}x{} is expected", .found.width, .found.height, .expected.width, .expected.height)]
    OtherSize {
        /// Size of the picture.
        found: Size,
        /// Size of the scaler.
        expected: Size,
    },
}

/// Scales pictures from one size to another. Chroma stays where it lies among luma samples.
#[derive(Clone, Debug)]
pub struct Scaler {
    from: Size,
    to: Size,
    luma: [Filter; 2],
    chroma: [Filter; 2],
    workspace: Workspace,
}

impl Scaler {
    /// A scaler for pictures of size `from` with chroma sited left (horizontally at every other luma sample,
    /// vertically between two rows).
    ///
    /// # Errors
    ///
    /// [`ScaleError::Size`] and [`ScaleError::Ratio`] for what is out of bounds.
    pub fn new(from: Size, to: Size) -> Result<Self, ScaleError> {
        Self::sited(from, to, ChromaPlace::LEFT)
    }

    /// A scaler for pictures of size `from` with chroma at this place.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn sited(from: Size, to: Size, place: ChromaPlace) -> Result<Self, ScaleError> {
        check_size(from)?;
        check_size(to)?;
        let too_small = |from: u32, to: u32| from > SHRINK_LIMIT * to;
        if too_small(from.width, to.width) || too_small(from.height, to.height) {
            return Err(ScaleError::Ratio { from, to });
        }
        let filters = |inputs: Size, outputs: Size, [down, across]: [Phase; 2]| {
            let vertical = Axis {
                from: from.height,
                to: to.height,
                inputs: inputs.height,
                outputs: outputs.height,
                phase: down,
            };
            let horizontal = Axis {
                from: from.width,
                to: to.width,
                inputs: inputs.width,
                outputs: outputs.width,
                phase: across,
            };
            [Filter::new(vertical), Filter::new(horizontal)]
        };
        let phase = |halves: u8| match halves {
            0 => Phase::First,
            1 => Phase::Centre,
            _ => Phase::Last,
        };
        let chroma = [place.row, place.column].map(phase);
        Ok(Self {
            from,
            to,
            luma: filters(from, to, [Phase::Centre; 2]),
            chroma: filters(from.chroma(), to.chroma(), chroma),
            workspace: Workspace::default(),
        })
    }

    /// Scales `source` into `target`.
    ///
    /// # Errors
    ///
    /// [`ScaleError::OtherSize`] if one has another size than the scaler was made for.
    pub fn scale(
        &mut self,
        source: &Picture420View<'_>,
        target: &mut Picture420,
    ) -> Result<(), ScaleError> {
        self.scale_into(source, &mut target.view_mut())
    }

    /// Scales `source` into borrowed planes.
    ///
    /// # Errors
    ///
    /// [`ScaleError::OtherSize`] if one has another size than the scaler was made for.
    pub fn scale_into(
        &mut self,
        source: &Picture420View<'_>,
        target: &mut Picture420ViewMut<'_>,
    ) -> Result<(), ScaleError> {
        expect_size(source.size(), self.from)?;
        expect_size(target.size(), self.to)?;
        let filters = [&self.luma, &self.chroma, &self.chroma];
        let planes = source.planes().iter().zip(target.planes_mut());
        for ([vertical, horizontal], (source, target)) in filters.into_iter().zip(planes) {
            scale_plane(vertical, horizontal, &mut self.workspace, source, target);
        }
        Ok(())
    }
}

fn expect_size(found: Size, expected: Size) -> Result<(), ScaleError> {
    if found == expected {
        Ok(())
    } else {
        Err(ScaleError::OtherSize { found, expected })
    }
}

fn check_size(size: Size) -> Result<(), ScaleError> {
    let allowed = 1..=SIDE_LIMIT;
    if allowed.contains(&size.width) && allowed.contains(&size.height) {
        Ok(())
    } else {
        Err(ScaleError::Size(size))
    }
}
