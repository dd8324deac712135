//! What the bytes of a task depend on besides the task and the source: versions, and what each engine
//! path of a node makes of the golden clip.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString as _};

use serde::{Deserialize, Serialize};

use crate::codec::{self, CodecError, Kind};
use crate::media_types::VideoCodec;
use crate::plan::Plan;

/// A part of the engine whose bytes could depend on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EnginePath {
    /// H.264 into pictures.
    DecodeH264,
    /// HEVC into pictures.
    DecodeHevc,
    /// Any picture into 8-bit 4:2:0, limited range.
    Convert,
    /// Interlaced pictures into whole ones.
    Deinterlace,
    /// Pictures into smaller ones.
    Scale,
    /// Pictures into H.264.
    EncodeX264,
    /// AAC into samples.
    DecodeAac,
    /// Samples into other rates and channels.
    Resample,
    /// Samples into AAC.
    EncodeAac,
}

/// The parts of a node's fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Version or configuration of each part: planner, media crate, each library, by name.
    pub versions: BTreeMap<String, String>,
    /// BLAKE3 of what each path made of the golden clip.
    pub golden: BTreeMap<EnginePath, [u8; 32]>,
}

impl Fingerprint {
    /// The fingerprint of a node as a whole, as 64 hex digits.
    ///
    /// # Errors
    ///
    /// If the parts are larger than a record may be.
    pub fn text(&self) -> Result<String, CodecError> {
        let bytes = codec::encode(Kind::Fingerprint, self)?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// The same for some paths only: what a run that uses no others depends on. A path without golden
    /// bytes is part of it by its absence, so two nodes that never tried a path agree on it only with
    /// each other.
    ///
    /// # Errors
    ///
    /// As [`Self::text`].
    pub fn text_of(&self, used: &BTreeSet<EnginePath>) -> Result<String, CodecError> {
        let golden = self.golden.iter().filter(|(path, _)| used.contains(path));
        let part = Self {
            versions: self.versions.clone(),
            golden: golden.map(|(&path, &hash)| (path, hash)).collect(),
        };
        let bytes = codec::encode(Kind::Fingerprint, &(used, part))?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// Whether two nodes make the same bytes by these paths.
    pub fn agrees(&self, other: &Self, used: &BTreeSet<EnginePath>) -> bool {
        self.versions == other.versions
            && used.iter().all(|path| {
                let golden = self.golden.get(path);
                golden.is_some() && golden == other.golden.get(path)
            })
    }
}

/// The paths that the units of a plan use. Conversion and resampling count always: whether a picture
/// or a sample needs them is known only while it is decoded.
pub fn paths_used(source: VideoCodec, plan: &Plan) -> BTreeSet<EnginePath> {
    let mut used = BTreeSet::from([
        match source {
            VideoCodec::H264 => EnginePath::DecodeH264,
            VideoCodec::Hevc => EnginePath::DecodeHevc,
        },
        EnginePath::Convert,
        EnginePath::Scale,
        EnginePath::EncodeX264,
    ]);
    if plan.filter.deinterlace {
        used.insert(EnginePath::Deinterlace);
    }
    if !plan.audio.is_empty() {
        used.extend([
            EnginePath::DecodeAac,
            EnginePath::Resample,
            EnginePath::EncodeAac,
        ]);
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint(scale: u8) -> Fingerprint {
        Fingerprint {
            versions: BTreeMap::from([("planner".into(), "1".into())]),
            golden: BTreeMap::from([
                (EnginePath::Scale, [scale; 32]),
                (EnginePath::EncodeAac, [9; 32]),
            ]),
        }
    }

    /// Nodes that differ in a path agree on plans that don't use it, and on no others.
    #[test]
    fn only_used_paths_count() {
        let (a, b) = (fingerprint(1), fingerprint(2));
        let audio = BTreeSet::from([EnginePath::EncodeAac]);
        let scale = BTreeSet::from([EnginePath::Scale]);
        assert!(a.agrees(&b, &audio) && !a.agrees(&b, &scale));
        assert_eq!(a.text_of(&audio).unwrap(), b.text_of(&audio).unwrap());
        assert_ne!(a.text_of(&scale).unwrap(), b.text_of(&scale).unwrap());
        assert_ne!(a.text().unwrap(), b.text().unwrap());
        assert_eq!(a.text().unwrap().len(), 64);
    }

    /// A path that nobody tried isn't agreed on; other versions never agree.
    #[test]
    fn what_is_untried_or_newer_differs() {
        let a = fingerprint(1);
        assert!(!a.agrees(&a, &BTreeSet::from([EnginePath::Deinterlace])));
        let mut newer = a.clone();
        newer.versions.insert("planner".into(), "2".into());
        assert!(!a.agrees(&newer, &BTreeSet::new()));
        assert_ne!(a.text().unwrap(), newer.text().unwrap());
    }
}
