//! Whether a stream may hold fields, as its sequence parameter sets say.
//!
//! The first picture doesn't tell: broadcasts change between frames and fields as they like. What is allowed
//! to hold fields is deinterlaced, which leaves progressive pictures as they are.

use reelmesh_domain::media_types::VideoCodec;

use crate::bits::{Bits, content};
use crate::fragment::h264::nal_units;

const H264_SPS: u8 = 7;
const HEVC_SPS: u8 = 33;
/// Most reference frames in a cycle of picture order count type 1 (H.264 section 7.4.2.1.1).
const POC_CYCLE_MAX: u32 = 255;
/// Profiles whose SPS says chroma format and scaling lists (H.264 section 7.3.2.1.1).
const HIGH_PROFILES: [u8; 13] = [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135];
/// Bit of H.265's `general_interlaced_source_flag`: behind the NAL unit's header, the first byte of the SPS,
/// a byte of profile and 32 compatibility flags (and the flag for progressive sources).
const HEVC_INTERLACED_BIT: usize = 16 + 8 + 8 + 32 + 1;

/// How NAL units are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Start codes.
    AnnexB,
    /// Lengths of so many bytes.
    Lengths(usize),
}

impl Form {
    /// The form that goes with a configuration: a record (`avcC`, `hvcC`) begins with its version 1, start
    /// codes with zeros.
    pub(super) fn of(codec: VideoCodec, config: &[u8]) -> Self {
        let size_byte = match codec {
            VideoCodec::H264 => 4,
            VideoCodec::Hevc => 21,
        };
        match (config.first(), config.get(size_byte)) {
            (Some(1), Some(sizes)) => Self::Lengths(usize::from(sizes & 3) + 1),
            _ => Self::AnnexB,
        }
    }
}

/// Whether one of the parameter sets in a stream's configuration allows fields; `None` if there is none.
pub(super) fn in_config(codec: VideoCodec, config: &[u8]) -> Option<bool> {
    match Form::of(codec, config) {
        Form::AnnexB => in_packet(codec, Form::AnnexB, config),
        Form::Lengths(_) => {
            let units = match codec {
                VideoCodec::H264 => avcc_units(config),
                VideoCodec::Hevc => hvcc_units(config),
            };
            allowed(codec, units.into_iter())
        }
    }
}

/// The same for the parameter sets in a packet.
pub(super) fn in_packet(codec: VideoCodec, form: Form, data: &[u8]) -> Option<bool> {
    match form {
        Form::AnnexB => allowed(codec, nal_units(data)),
        Form::Lengths(size) => allowed(codec, prefixed_units(data, size)),
    }
}

fn allowed<'a>(codec: VideoCodec, units: impl Iterator<Item = &'a [u8]>) -> Option<bool> {
    let allows = units.filter_map(|unit| match codec {
        VideoCodec::H264 => h264_allows(unit),
        VideoCodec::Hevc => hevc_allows(unit),
    });
    allows.reduce(|one, other| one || other)
}

/// Takes so many bytes off the front.
fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .fold(0, |value, byte| value << 8 | usize::from(*byte))
}

fn prefixed_units(data: &[u8], size: usize) -> impl Iterator<Item = &[u8]> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let length = big_endian(take(&mut rest, size)?);
        take(&mut rest, length)
    })
}

/// The SPS of an `avcC` (ISO/IEC 14496-15 section 5.3.3.1.2).
fn avcc_units(config: &[u8]) -> Vec<&[u8]> {
    let mut rest = config.get(6..).unwrap_or_default();
    let count = config.get(5).map_or(0, |count| count & 0x1f);
    (0..count)
        .map_while(|_| {
            let length = big_endian(take(&mut rest, 2)?);
            take(&mut rest, length)
        })
        .collect()
}

/// All NAL units of an `hvcC` (ISO/IEC 14496-15 section 8.3.3.1.2).
fn hvcc_units(config: &[u8]) -> Vec<&[u8]> {
    let mut rest = config.get(23..).unwrap_or_default();
    let mut units = Vec::new();
    let arrays = config.get(22).copied().unwrap_or(0);
    for _ in 0..arrays {
        let Some(head) = take(&mut rest, 3) else {
            break;
        };
        for _ in 0..big_endian(&head[1..]) {
            let length = take(&mut rest, 2).map(big_endian);
            let Some(unit) = length.and_then(|length| take(&mut rest, length)) else {
                return units;
            };
            units.push(unit);
        }
    }
    units
}

/// `frame_mbs_only_flag` of an SPS, negated (H.264 section 7.3.2.1.1); `None` if it is no whole SPS.
fn h264_allows(unit: &[u8]) -> Option<bool> {
    if unit.first()? & 0x1f != H264_SPS {
        return None;
    }
    let sps = content(unit);
    let profile = *sps.get(1)?;
    let mut bits = Bits::new(&sps, 32);
    bits.exp_golomb()?;
    if HIGH_PROFILES.contains(&profile) {
        skip_high(&mut bits)?;
    }
    bits.exp_golomb()?;
    match bits.exp_golomb()? {
        0 => {
            bits.exp_golomb()?;
        }
        1 => {
            bits.bit()?;
            bits.exp_golomb()?;
            bits.exp_golomb()?;
            let cycle = bits.exp_golomb().filter(|cycle| *cycle <= POC_CYCLE_MAX)?;
            for _ in 0..cycle {
                bits.exp_golomb()?;
            }
        }
        _ => {}
    }
    bits.exp_golomb()?;
    bits.bit()?;
    // Width and height in macroblocks.
    bits.exp_golomb()?;
    bits.exp_golomb()?;
    bits.bit().map(|frames_only| frames_only == 0)
}

/// Chroma format, depths and scaling lists.
fn skip_high(bits: &mut Bits<'_>) -> Option<()> {
    let chroma = bits.exp_golomb().filter(|chroma| *chroma <= 3)?;
    if chroma == 3 {
        bits.bit()?;
    }
    bits.exp_golomb()?;
    bits.exp_golomb()?;
    bits.bit()?;
    if bits.bit()? == 1 {
        for list in 0..if chroma == 3 { 12 } else { 8 } {
            if bits.bit()? == 1 {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

/// H.264 section 7.3.2.1.1.1.
fn skip_scaling_list(bits: &mut Bits<'_>, entries: u32) -> Option<()> {
    let (mut last, mut next) = (8_i64, 8_i64);
    for _ in 0..entries {
        if next != 0 {
            next = (last + bits.signed_exp_golomb()?).rem_euclid(256);
        }
        if next != 0 {
            last = next;
        }
    }
    Some(())
}

/// `general_interlaced_source_flag` of an SPS (H.265 section 7.3.3); `None` if it is no whole one.
fn hevc_allows(unit: &[u8]) -> Option<bool> {
    if unit.first()? >> 1 & 0x3f != HEVC_SPS {
        return None;
    }
    let sps = content(unit);
    let flag = Bits::new(&sps, HEVC_INTERLACED_BIT).bit();
    flag.map(|interlaced| interlaced == 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CODECS: [VideoCodec; 2] = [VideoCodec::H264, VideoCodec::Hevc];

    proptest! {
        /// Whatever the bytes, they are read to an end.
        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            for codec in CODECS {
                let first = match codec { VideoCodec::H264 => 0x67, VideoCodec::Hevc => 0x42 };
                let unit = [&[first][..], &bytes].concat();
                for config in [&bytes, &[&[1][..], &bytes].concat(), &[&[0, 0, 1][..], &unit].concat()] {
                    let _any = in_config(codec, config);
                }
                for form in [Form::AnnexB, Form::Lengths(1), Form::Lengths(4)] {
                    let _any = in_packet(codec, form, &bytes);
                }
            }
        }
    }
}
