//! Planar 8-bit 4:2:0 pictures: borrowed views with strides, and an owned one that is used again.

use super::ScaleError;

/// Width and height of a picture in pixels of its luma plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl Size {
    /// A size.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Size of the chroma planes: half, rounded up.
    #[must_use]
    pub const fn chroma(self) -> Self {
        Self {
            width: self.width.div_ceil(2),
            height: self.height.div_ceil(2),
        }
    }

    /// Sizes of the planes Y, U and V.
    pub const fn planes(self) -> [Self; 3] {
        [self, self.chroma(), self.chroma()]
    }

    /// Width as an index.
    pub(super) const fn columns(self) -> usize {
        self.width as usize
    }

    /// Height as an index.
    pub(super) const fn rows(self) -> usize {
        self.height as usize
    }
}

/// One plane to read: rows of `stride` bytes, of which the first `size.width` are samples.
#[derive(Clone, Copy, Debug)]
pub struct PlaneView<'a> {
    size: Size,
    bytes: &'a [u8],
    stride: usize,
}

impl<'a> PlaneView<'a> {
    /// A plane in `bytes`; the last row may end with its last sample.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Plane`] if the stride is less than a row or the bytes don't hold all rows.
    pub fn new(size: Size, bytes: &'a [u8], stride: usize) -> Result<Self, ScaleError> {
        check_plane(size, bytes.len(), stride)?;
        Ok(Self {
            size,
            bytes,
            stride,
        })
    }

    /// Size of the plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The samples of row `y`.
    ///
    /// # Panics
    ///
    /// If the plane has no such row.
    pub fn row(&self, y: usize) -> &'a [u8] {
        &self.bytes[y * self.stride..][..self.size.columns()]
    }
}

/// One plane to write.
#[derive(Debug)]
pub struct PlaneViewMut<'a> {
    size: Size,
    bytes: &'a mut [u8],
    stride: usize,
}

impl<'a> PlaneViewMut<'a> {
    /// A plane in `bytes`; the last row may end with its last sample.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Plane`] if the stride is less than a row or the bytes don't hold all rows.
    pub fn new(size: Size, bytes: &'a mut [u8], stride: usize) -> Result<Self, ScaleError> {
        check_plane(size, bytes.len(), stride)?;
        Ok(Self {
            size,
            bytes,
            stride,
        })
    }

    /// Size of the plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The samples of row `y`.
    ///
    /// # Panics
    ///
    /// If the plane has no such row.
    pub fn row_mut(&mut self, y: usize) -> &mut [u8] {
        &mut self.bytes[y * self.stride..][..self.size.columns()]
    }
}

fn check_plane(size: Size, length: usize, stride: usize) -> Result<(), ScaleError> {
    let refused = ScaleError::Plane {
        size,
        length,
        stride,
    };
    if size.width == 0 || size.height == 0 || stride < size.columns() {
        return Err(refused);
    }
    let needed = (size.rows() - 1)
        .checked_mul(stride)
        .and_then(|before| before.checked_add(size.columns()));
    match needed {
        Some(needed) if needed <= length => Ok(()),
        _ => Err(refused),
    }
}

/// A picture to read.
#[derive(Clone, Copy, Debug)]
pub struct Picture420View<'a> {
    size: Size,
    planes: [PlaneView<'a>; 3],
}

impl<'a> Picture420View<'a> {
    /// A picture of three planes Y, U, V, each with its bytes and stride.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Plane`] if a plane's bytes or stride don't fit the size.
    pub fn new(size: Size, planes: [(&'a [u8], usize); 3]) -> Result<Self, ScaleError> {
        let [luma, blue, red] = planes;
        Ok(Self {
            size,
            planes: [
                PlaneView::new(size, luma.0, luma.1)?,
                PlaneView::new(size.chroma(), blue.0, blue.1)?,
                PlaneView::new(size.chroma(), red.0, red.1)?,
            ],
        })
    }

    /// Size of the luma plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The planes Y, U, V.
    pub const fn planes(&self) -> &[PlaneView<'a>; 3] {
        &self.planes
    }
}

/// A picture to write.
#[derive(Debug)]
pub struct Picture420ViewMut<'a> {
    size: Size,
    planes: [PlaneViewMut<'a>; 3],
}

impl<'a> Picture420ViewMut<'a> {
    /// A picture of three planes Y, U, V, each with its bytes and stride.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Plane`] if a plane's bytes or stride don't fit the size.
    pub fn new(size: Size, planes: [(&'a mut [u8], usize); 3]) -> Result<Self, ScaleError> {
        let [luma, blue, red] = planes;
        Ok(Self {
            size,
            planes: [
                PlaneViewMut::new(size, luma.0, luma.1)?,
                PlaneViewMut::new(size.chroma(), blue.0, blue.1)?,
                PlaneViewMut::new(size.chroma(), red.0, red.1)?,
            ],
        })
    }

    /// Size of the luma plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The planes Y, U, V.
    pub fn planes_mut(&mut self) -> &mut [PlaneViewMut<'a>; 3] {
        &mut self.planes
    }
}

/// Rows of owned pictures start at multiples of this: a cache line, and more than any vector.
const ALIGNMENT: usize = 64;

/// A picture that owns its planes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture420 {
    size: Size,
    planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl Picture420 {
    /// A picture of zeros.
    ///
    /// # Errors
    ///
    /// [`ScaleError::Size`] if a side is 0 or more than [`super::SIDE_LIMIT`].
    pub fn new(size: Size) -> Result<Self, ScaleError> {
        super::check_size(size)?;
        let strides = size
            .planes()
            .map(|plane| plane.columns().next_multiple_of(ALIGNMENT));
        let [luma, chroma, _] = size.planes();
        Ok(Self {
            size,
            planes: [
                vec![0; strides[0] * luma.rows()],
                vec![0; strides[1] * chroma.rows()],
                vec![0; strides[2] * chroma.rows()],
            ],
            strides,
        })
    }

    /// Size of the luma plane.
    pub const fn size(&self) -> Size {
        self.size
    }

    /// The picture to read.
    pub fn view(&self) -> Picture420View<'_> {
        let sizes = self.size.planes();
        let plane = |index: usize| PlaneView {
            size: sizes[index],
            bytes: &self.planes[index],
            stride: self.strides[index],
        };
        Picture420View {
            size: self.size,
            planes: [plane(0), plane(1), plane(2)],
        }
    }

    /// The picture to write.
    pub fn view_mut(&mut self) -> Picture420ViewMut<'_> {
        let sizes = self.size.planes();
        let strides = self.strides;
        let [luma, blue, red] = &mut self.planes;
        let plane = |index: usize, bytes| PlaneViewMut {
            size: sizes[index],
            bytes,
            stride: strides[index],
        };
        Picture420ViewMut {
            size: self.size,
            planes: [plane(0, luma), plane(1, blue), plane(2, red)],
        }
    }
}
