//! Which video renditions a source gets, and how large they are. Exact throughout (design rule 5.7).

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::{Ordering, Reverse};

use crate::chroma::ChromaPlace;
use crate::media_types::{Color, SourceFacts, Vbv, VideoFacts, VideoRendition, X264Settings};
use crate::rational::Rational;

use super::presets::{PROFILES, Preset};
use super::{LadderSpec, RungSpec, SOURCE_RUNG};

/// The scaler's limit: a side becomes at most so many times smaller.
const MAX_SHRINK: u32 = 64;
/// The encoder's limit on a side in pixels (level 6.2).
const MAX_SIDE_PX: u32 = 8_192;
/// Buffer of a capped rung that states none, in milliseconds of the capped rate.
const DEFAULT_BUFFER_MS: u64 = 2_000;
const MS_PER_S: u64 = 1_000;
/// Of a ladder that is nothing but the source's own size: quality that few eyes tell from the source.
const FIT_SOURCE_CRF_HUNDREDTHS: u32 = 2_100;
const FIT_SOURCE_PRESET: &str = "medium";

/// Largest first, each size once: of rungs that come out alike the one with the larger box stays,
/// of equal boxes the first.
pub(super) fn renditions(ladder: &LadderSpec, facts: &SourceFacts) -> Vec<VideoRendition> {
    let source = Picture::of(&facts.video);
    let color = color(&facts.video);
    let made = |name: &str, size: Size, rung: &RungSpec| VideoRendition {
        name: name.to_owned(),
        width: size.width,
        height: size.height,
        color,
        encoder: settings(rung),
    };
    let mut renditions: Vec<VideoRendition> = ladder
        .rungs
        .iter()
        .filter_map(|rung| {
            Some(made(
                &rung.name,
                source.fitted(rung.width, rung.height)?,
                rung,
            ))
        })
        .collect();
    if ladder.fit_source {
        let largest = ladder.rungs.first();
        let rung = largest.cloned().unwrap_or_else(fit_source_rung);
        renditions.push(made(SOURCE_RUNG, source.own(), &rung));
    } else if let (true, Some(smallest)) = (renditions.is_empty(), ladder.rungs.last()) {
        renditions.push(made(&smallest.name, source.own(), smallest));
    }
    // Stable: of equal sizes the first stays first, and the source's own rung is the last.
    renditions.sort_by_key(|one| Reverse(u64::from(one.width) * u64::from(one.height)));
    let mut sizes = Vec::with_capacity(renditions.len());
    renditions.retain(|one| {
        let size = (one.width, one.height);
        let new = !sizes.contains(&size);
        sizes.push(size);
        new
    });
    renditions
}

fn fit_source_rung() -> RungSpec {
    RungSpec {
        name: SOURCE_RUNG.to_owned(),
        width: MAX_SIDE_PX,
        height: MAX_SIDE_PX,
        preset: FIT_SOURCE_PRESET.to_owned(),
        profile: String::from(PROFILES[PROFILES.len() - 1]),
        crf_hundredths: FIT_SOURCE_CRF_HUNDREDTHS,
        max_rate_bps: None,
        buffer_ms: None,
    }
}

fn settings(rung: &RungSpec) -> X264Settings {
    let vbv = |max_rate_bps: u64| Vbv {
        max_rate_bps,
        buffer_bits: max_rate_bps
            .saturating_mul(rung.buffer_ms.map_or(DEFAULT_BUFFER_MS, u64::from))
            / MS_PER_S,
    };
    X264Settings {
        preset: rung.preset.clone(),
        profile: rung.profile.clone(),
        crf_hundredths: rung.crf_hundredths,
        vbv: rung.max_rate_bps.map(vbv),
        reorder_depth: Preset::named_or_costliest(&rung.preset).reorder_depth(&rung.profile),
    }
}

/// An even size in pixels.
#[derive(Clone, Copy)]
struct Size {
    width: u32,
    height: u32,
}

/// The source's picture as it is shown: upright, with square pixels.
struct Picture {
    /// Shown size, exact.
    width: Rational,
    height: Rational,
    /// Least output size that the scaler can make.
    least: Size,
}

impl Picture {
    fn of(video: &VideoFacts) -> Self {
        let side = |pixels: u32| Rational::whole(i64::from(pixels.clamp(1, 1 << 20)));
        let aspect = video.sample_aspect;
        // What isn't a shape is no statement: square.
        let wide = Some(aspect)
            .filter(|aspect| *aspect > Rational::ZERO)
            .and_then(|aspect| side(video.width).checked_mul(aspect))
            .unwrap_or_else(|| side(video.width));
        let (wide, high) = (wide, side(video.height));
        let least = |pixels: u32| even_up(pixels.div_ceil(MAX_SHRINK));
        let (least_wide, least_high) = (least(video.width), least(video.height));
        if video.orientation.quarter_turns % 2 == 1 {
            Self {
                width: high,
                height: wide,
                least: Size {
                    width: least_high,
                    height: least_wide,
                },
            }
        } else {
            Self {
                width: wide,
                height: high,
                least: Size {
                    width: least_wide,
                    height: least_high,
                },
            }
        }
    }

    /// The size in a box, `None` if the picture would have to grow. Upright pictures turn the box.
    fn fitted(&self, width: u32, height: u32) -> Option<Size> {
        let (long, short) = (width.max(height), width.min(height));
        let (width, height) = match self.height.cmp(&self.width) {
            Ordering::Greater => (short, long),
            Ordering::Less => (long, short),
            Ordering::Equal => (width, height),
        };
        let factor = |side: u32, of: Rational| Rational::whole(i64::from(side)).checked_div(of);
        let factor = factor(width, self.width)?.min(factor(height, self.height)?);
        (factor <= Rational::ONE).then(|| self.scaled(factor))
    }

    /// The size without scaling, as near as even sides and the encoder's limit allow.
    fn own(&self) -> Size {
        self.fitted(MAX_SIDE_PX, MAX_SIDE_PX)
            .unwrap_or_else(|| self.scaled(Rational::ONE))
    }

    fn scaled(&self, factor: Rational) -> Size {
        let side = |shown: Rational, least: u32| {
            let exact = shown.checked_mul(factor).unwrap_or(Rational::ONE);
            nearest_even(exact).clamp(least, MAX_SIDE_PX)
        };
        Size {
            width: side(self.width, self.least.width),
            height: side(self.height, self.least.height),
        }
    }
}

/// The nearest even number, halves up; at least 2. Not the even number below: 480 rows of 16:9 are
/// 853.33 wide, and 852 would be a visible crop or squeeze.
fn nearest_even(exact: Rational) -> u32 {
    let half = Rational::new(1, 2).unwrap_or(Rational::ONE);
    let pairs = exact.checked_mul(half).map_or(1, Rational::round).max(1);
    u32::try_from(pairs.saturating_mul(2)).unwrap_or(MAX_SIDE_PX)
}

fn even_up(pixels: u32) -> u32 {
    pixels.max(2).next_multiple_of(2)
}

/// From so many rows on an undescribed picture is taken for BT.709, as players do.
const HD_ROWS: u32 = 720;
/// BT.709 in all three tables of ITU-T H.273.
const BT709: u8 = 1;
/// SMPTE 170M, the same.
const SMPTE170M: u8 = 6;

/// FFmpeg's pixel formats of 4:2:0 in 8 bits.
const HALVED_BOTH_WAYS: [&str; 4] = ["yuv420p", "yuvj420p", "nv12", "nv21"];

/// What the output says of its colours (design rule 5.12).
///
/// Only the range is converted, so the code points are the source's own. Chroma samples of 4:2:0 stay where
/// they are in the picture, which turning moves; those of other formats are laid to the left.
/// Where it says nothing (2, or the reserved 0 and 3): BT.709 if the shorter side has at least 720
/// pixels, else SMPTE 170M. RGB (matrix 0) is made BT.709.
fn color(video: &VideoFacts) -> Color {
    let guess = if video.width.min(video.height) >= HD_ROWS {
        BT709
    } else {
        SMPTE170M
    };
    let known = |code: u8| match code {
        0 | 2 | 3 => guess,
        code => code,
    };
    let source = video.color;
    let chroma = if HALVED_BOTH_WAYS.contains(&video.pixel_format.as_str()) {
        ChromaPlace::of(source.chroma_location).turned(video.orientation)
    } else {
        ChromaPlace::LEFT
    };
    Color {
        full_range: false,
        primaries: known(source.primaries),
        transfer: known(source.transfer),
        matrix: match source.matrix {
            0 => BT709,
            code => known(code),
        },
        chroma_location: chroma.location(),
    }
}
