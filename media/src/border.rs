//! What each side of a border says of the frames that both decode (design rule 5.5).

use reelmesh_domain::media_types::{ChunkTask, FrameHash};

use crate::ffi::frame::Frame;

/// Hashes of the frames near the borders of one chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BorderHashes {
    /// Near the left border.
    pub left: Vec<FrameHash>,
    /// Near the right border.
    pub right: Vec<FrameHash>,
}

impl BorderHashes {
    /// Notes the `index`-th frame of the task, as it was decoded, if it lies near a border.
    pub fn note(&mut self, task: &ChunkTask, index: u32, frame: &Frame) {
        let left = index < task.hash_left_end;
        let right = index >= task.hash_right_start;
        if !left && !right {
            return;
        }
        let window = task.first_frame.saturating_sub(u64::from(task.own_start));
        let mut hasher = blake3::Hasher::new();
        hash_picture(&mut hasher, frame);
        if task.filter.deinterlace {
            // What the filter makes of it depends on what the decoder says of its fields, too.
            hasher.update(&frame.field_flags());
        }
        let hash = FrameHash {
            frame: window + u64::from(index),
            hash: short(&hasher),
        };
        if left {
            self.left.push(hash);
        }
        if right {
            self.right.push(hash);
        }
    }
}

/// The first 8 bytes of a hash.
fn short(hasher: &blake3::Hasher) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    short
}

/// Adds a picture to a hash. The format goes in by its name: FFmpeg's numbers differ from build to
/// build.
pub(crate) fn hash_picture(hasher: &mut blake3::Hasher, frame: &Frame) {
    hasher.update(&frame.width().to_le_bytes());
    hasher.update(&frame.height().to_le_bytes());
    let format = frame.pixel_format().map(|facts| facts.name);
    hasher.update(format.unwrap_or_default().as_bytes());
    hasher.update(&[0]);
    for plane in 0..4 {
        let (row, rows) = frame.plane_size(plane);
        let stride = frame.stride(plane);
        if row == 0 || stride == 0 {
            break;
        }
        let bytes = frame.plane(plane);
        for samples in bytes.chunks(stride).take(rows) {
            hasher.update(&samples[..row]);
        }
    }
}

#[cfg(test)]
mod tests {
    use reelmesh_domain::rational::Rational;

    use super::*;
    use crate::package::testing::Clip;

    /// Frames of equal samples whose fields are said to be others hash alike only where nothing is
    /// deinterlaced.
    #[test]
    fn fields_count_where_they_matter() {
        let hashes = |deinterlace| {
            let mut task = Clip::constant("film", Rational::whole(25), 4).task();
            task.filter.deinterlace = deinterlace;
            task.hash_left_end = 2;
            let mut borders = BorderHashes::default();
            for (index, interlaced) in [(0, false), (1, true)] {
                let mut frame = Frame::picture(32, 16).expect("memory");
                for plane in frame.planes_mut().expect("memory") {
                    plane.fill(7);
                }
                frame.set_interlaced(interlaced);
                borders.note(&task, index, &frame);
            }
            borders
                .left
                .iter()
                .map(|frame| frame.hash)
                .collect::<Vec<_>>()
        };
        let [plain, fields] = [false, true].map(hashes);
        assert_eq!(plain[0], plain[1]);
        assert_ne!(fields[0], fields[1]);
    }
}
