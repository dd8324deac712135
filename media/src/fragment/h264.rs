//! H.264 from the encoder's form (Annex B start codes) to the file's: length-prefixed NAL units and
//! `avcC` (ISO/IEC 14496-15).

use super::boxes::{Malformed, put_u16};
use crate::bits::{Bits, content};

const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;

/// The NAL units of an Annex B byte stream, without start codes and trailing zeros.
pub fn nal_units(annex_b: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = after_start_code(annex_b);
    core::iter::from_fn(move || {
        let current = rest?;
        let end = current
            .windows(3)
            .position(|window| window == [0, 0, 1] || window == [0, 0, 0])
            .unwrap_or(current.len());
        let (unit, behind) = current.split_at(end);
        rest = after_start_code(behind);
        Some(unit)
    })
    .filter(|unit| !unit.is_empty())
}

fn after_start_code(bytes: &[u8]) -> Option<&[u8]> {
    let at = bytes.windows(3).position(|window| window == [0, 0, 1])?;
    bytes.get(at + 3..)
}

/// An access unit in Annex B form as a sample: each NAL unit behind its length in 4 bytes. All NAL
/// units are kept, access unit delimiters and parameter sets too.
pub fn length_prefixed(annex_b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(annex_b.len() + 8);
    for unit in nal_units(annex_b) {
        let length = u32::try_from(unit.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(unit);
    }
    out
}

/// The content of `avcC` for parameter sets in Annex B form, as the encoder's extradata has them.
/// Other NAL units in it (x264's version message) are left out.
///
/// # Errors
///
/// [`Malformed`] without exactly one SPS and at least one PPS, or if the SPS can't be read.
pub fn avcc_from_annex_b(extradata: &[u8]) -> Result<Vec<u8>, Malformed> {
    let wrong = |what| Malformed { what, at: 0 };
    let of_kind =
        |kind| move |unit: &&[u8]| unit.first().is_some_and(|header| header & 0x1f == kind);
    let sequence: Vec<&[u8]> = nal_units(extradata).filter(of_kind(NAL_SPS)).collect();
    let pictures: Vec<&[u8]> = nal_units(extradata).filter(of_kind(NAL_PPS)).collect();
    let ([sps], 1..=31) = (sequence.as_slice(), pictures.len()) else {
        return Err(wrong("extradata holds one SPS and 1 to 31 PPS"));
    };
    let [_, profile, constraints, level, ..] = **sps else {
        return Err(wrong("the SPS is cut off"));
    };
    let mut out = vec![1, profile, constraints, level, 0xff, 0xe1];
    let put_unit = |out: &mut Vec<u8>, unit: &[u8]| {
        let length = u16::try_from(unit.len())
            .map_err(|_too_large| wrong("a parameter set is larger than 64 KiB"))?;
        put_u16(out, length);
        out.extend_from_slice(unit);
        Ok(())
    };
    put_unit(&mut out, sps)?;
    out.push(u8::try_from(pictures.len()).unwrap_or(u8::MAX));
    for unit in pictures {
        put_unit(&mut out, unit)?;
    }
    // ISO/IEC 14496-15 section 5.3.3.1.2: these profiles say chroma and depth, too.
    if matches!(profile, 100 | 110 | 122 | 144) {
        let format = ChromaFormat::read(sps).ok_or_else(|| wrong("the SPS can't be read"))?;
        out.extend_from_slice(&[
            0xfc | format.chroma,
            0xf8 | format.luma_depth_minus_8,
            0xf8 | format.chroma_depth_minus_8,
            0,
        ]);
    }
    Ok(out)
}

/// The codec string of RFC 6381 for the content of an `avcC`, such as `avc1.640028`.
pub fn codec_string(avcc: &[u8]) -> Option<String> {
    match avcc {
        [1, profile, constraints, level, ..] => {
            Some(format!("avc1.{profile:02x}{constraints:02x}{level:02x}"))
        }
        _ => None,
    }
}

struct ChromaFormat {
    chroma: u8,
    luma_depth_minus_8: u8,
    chroma_depth_minus_8: u8,
}

impl ChromaFormat {
    /// Reads them from an SPS of a high profile (ITU-T H.264 section 7.3.2.1.1).
    fn read(sps: &[u8]) -> Option<Self> {
        let raw = content(sps);
        let mut bits = Bits::new(&raw, 32);
        let _sps_id = bits.exp_golomb()?;
        let chroma = bits.exp_golomb().filter(|&chroma| chroma <= 3)?;
        if chroma == 3 {
            bits.bit()?;
        }
        let luma = bits.exp_golomb().filter(|&depth| depth <= 6)?;
        let chroma_depth = bits.exp_golomb().filter(|&depth| depth <= 6)?;
        Some(Self {
            chroma: u8::try_from(chroma).ok()?,
            luma_depth_minus_8: u8::try_from(luma).ok()?,
            chroma_depth_minus_8: u8::try_from(chroma_depth).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Access units come out with lengths instead of start codes of either length, trailing zeros dropped.
    #[test]
    fn start_codes_become_lengths() {
        let annex_b = [0, 0, 0, 1, 9, 0xf0, 0, 0, 1, 0x65, 1, 2, 3, 0, 0, 0];
        assert_eq!(
            length_prefixed(&annex_b),
            [0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 4, 0x65, 1, 2, 3]
        );
    }

    /// The avcC of High profile parameter sets, as x264 writes them, has the chroma fields at its end.
    #[test]
    fn high_profile_has_chroma_fields() {
        let sps = [0x67, 0x64, 0, 0x28, 0xac, 0xd9, 0x40];
        let pps = [0x68, 0xeb, 0xe3, 0xcb];
        let extradata = [&[0, 0, 0, 1][..], &sps, &[0, 0, 0, 1], &pps].concat();
        let avcc = avcc_from_annex_b(&extradata).unwrap();
        let mut expected = vec![1, 0x64, 0, 0x28, 0xff, 0xe1, 0, 7];
        expected.extend(sps);
        expected.extend([1, 0, 4]);
        expected.extend(pps);
        expected.extend([0xfd, 0xf8, 0xf8, 0]);
        assert_eq!(avcc, expected);
        assert_eq!(codec_string(&avcc).unwrap(), "avc1.640028");
    }

    proptest! {
        /// Whatever the bytes, nothing panics, and no sample holds more than was given, four bytes for
        /// each start code of three put apart.
        #[test]
        fn any_bytes_are_bounded(bytes in prop::collection::vec(0_u8..4, 0..300)) {
            prop_assert!(length_prefixed(&bytes).len() <= bytes.len() + bytes.len() / 3 + 4);
            let _refused_or_not = avcc_from_annex_b(&bytes).is_ok();
        }
    }
}
