//! What x264's presets mean to the planner.
//!
//! From `common/base.c` of x264 164 (`param_apply_preset`); the costs are from measurements on one
//! core of a 2020s server at 1080p and only steer where a film is cut.

/// One preset.
pub(crate) struct Preset {
    /// Its name.
    pub(crate) name: &'static str,
    /// Frames that rate control looks ahead (`rc-lookahead`).
    pub(crate) lookahead: u32,
    /// Consecutive B-frames (`bframes`).
    pub(crate) bframes: u32,
    /// Time to encode one pixel in tenths of a nanosecond.
    pub(crate) encode_tenths_ns_per_pixel: u64,
}

const fn preset(name: &'static str, lookahead: u32, bframes: u32, ns: u64) -> Preset {
    Preset {
        name,
        lookahead,
        bframes,
        encode_tenths_ns_per_pixel: ns * 10,
    }
}

/// The presets from the fastest to the slowest. `placebo` isn't offered: it costs five times
/// `veryslow` for nothing that can be seen.
pub(crate) const PRESETS: [Preset; 9] = [
    preset("ultrafast", 0, 0, 4),
    preset("superfast", 0, 3, 6),
    preset("veryfast", 10, 3, 9),
    preset("faster", 20, 3, 12),
    preset("fast", 30, 3, 16),
    preset("medium", 40, 3, 20),
    preset("slow", 50, 3, 35),
    preset("slower", 60, 3, 80),
    preset("veryslow", 60, 8, 160),
];

/// Where a name isn't known, the costliest is assumed: too long a tail is harmless, too short isn't.
const COSTLIEST: &Preset = &PRESETS[PRESETS.len() - 1];

impl Preset {
    /// The preset of this name; checked ladders have no other.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    /// The preset of this name, or the costliest.
    pub(crate) fn named_or_costliest(name: &str) -> &'static Self {
        Self::named(name).unwrap_or(COSTLIEST)
    }

    /// By how many frames decoding order runs ahead of presentation: x264's `i_bframe_delay`.
    pub(crate) fn reorder_depth(&self, profile: &str) -> u32 {
        // `b-pyramid` is `normal` in all presets, so a second B-frame adds a level.
        match self.bframes {
            _ if profile == BASELINE => 0,
            0 => 0,
            1 => 1,
            _ => 2,
        }
    }
}

/// The profile without B-frames.
pub(crate) const BASELINE: &str = "baseline";
/// The profiles of 8-bit 4:2:0 video.
pub(crate) const PROFILES: [&str; 3] = [BASELINE, "main", "high"];
