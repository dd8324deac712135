//! Made-up sources for the tests of the planner.

use alloc::borrow::ToOwned as _;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use crate::ladder::{AudioSpec, Ladder, LadderSpec, RungSpec};
use crate::media_types::{
    AudioFacts, Color, Container, Orientation, PacketMapping, PlannedFrame, SourceFacts,
    StartPoint, VideoCodec, VideoFacts,
};
use crate::plan::{
    AccessPoint, DroppedFrames, Inputs, OutputClock, Plan, PlanError, Timeline,
    VARIABLE_TICKS_PER_S,
};
use crate::rational::Rational;
use crate::spec::{CellLength, ChunkLength, Latency, Package, Spec};

/// All that a plan is made of.
#[derive(Clone, Debug)]
pub(super) struct Film {
    pub(super) facts: SourceFacts,
    pub(super) timeline: Timeline,
    pub(super) spec: Spec,
}

impl Film {
    pub(super) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            facts: &self.facts,
            timeline: &self.timeline,
            spec: &self.spec,
            fingerprint: "f",
        }
    }

    pub(super) fn plan(&self) -> Result<Plan, PlanError> {
        Plan::make(self.inputs())
    }
}

pub(super) fn rung(name: &str, (width, height): (u32, u32), preset: &str) -> RungSpec {
    RungSpec {
        name: name.to_owned(),
        width,
        height,
        preset: preset.to_owned(),
        profile: "high".to_owned(),
        crf_hundredths: 2_300,
        max_rate_bps: None,
        buffer_ms: None,
    }
}

/// 1080p, 720p and 480p.
pub(super) fn ladder(preset: &str, max_rate_bps: Option<u64>) -> Ladder {
    let sizes = [
        ("1080p", (1920, 1080)),
        ("720p", (1280, 720)),
        ("480p", (854, 480)),
    ];
    let rungs = sizes.map(|(name, size)| RungSpec {
        max_rate_bps,
        ..rung(name, size, preset)
    });
    Ladder::try_from(LadderSpec {
        fit_source: false,
        rungs: rungs.to_vec(),
        audio: AudioSpec {
            bitrate_bps: 128_000,
            channels: 2,
        },
    })
    .unwrap()
}

pub(super) fn spec(ladder: Ladder) -> Spec {
    Spec {
        ladder,
        packages: BTreeSet::from([Package::Mp4]),
        cell: CellLength::Milliseconds(2_000),
        chunk: ChunkLength::ByCost,
        latency: Latency::Normal,
        damage_limit_permille: 50,
        tenant: String::new(),
        weight: 100,
        deadline: None,
    }
}

pub(super) fn facts(container: Container) -> SourceFacts {
    SourceFacts {
        container,
        bytes: 1,
        duration_s: None,
        video: VideoFacts {
            stream: 0,
            codec: VideoCodec::H264,
            profile: "High".to_owned(),
            width: 1920,
            height: 1080,
            pixel_format: "yuv420p".to_owned(),
            bit_depth: 8,
            sample_aspect: Rational::ONE,
            orientation: Orientation::default(),
            interlaced: false,
            color: Color {
                full_range: false,
                primaries: 1,
                transfer: 1,
                matrix: 1,
                chroma_location: 1,
            },
            time_base: Rational::new(1, 90_000).unwrap(),
            frame_rate: None,
            bitrate_bps: None,
        },
        audio: vec![AudioFacts {
            stream: 1,
            sample_rate_hz: 48_000,
            channels: 6,
            time_base: Rational::new(1, 48_000).unwrap(),
            language: Some("eng".to_owned()),
            title: None,
            default: true,
        }],
        left_out: Vec::new(),
    }
}

fn point(frame: u64) -> AccessPoint {
    let pts = i64::try_from(frame).unwrap();
    AccessPoint {
        frame,
        start: StartPoint {
            position: Some(frame * 100),
            raw_dts: pts,
            dts: pts,
            pts,
        },
    }
}

fn timeline(clock: OutputClock, pts: &[i64], end_pts: i64, points: &[u64]) -> Timeline {
    let frame = |&output_pts: &i64| PlannedFrame {
        source_pts: output_pts,
        output_pts,
    };
    Timeline {
        source_time_base: clock.time_base(),
        clock,
        frames: pts.iter().map(frame).collect(),
        end_pts,
        access_points: points.iter().copied().map(point).collect(),
        mapping: PacketMapping::default(),
        first_raw_dts: 0,
        exact: false,
        dropped: DroppedFrames::default(),
    }
}

/// So many frames at a constant rate, with an access point each `gop` frames.
pub(super) fn constant(rate: (i64, i64), frames: u64, gop: u64) -> Timeline {
    let clock = OutputClock::Constant {
        rate: Rational::new(rate.0, rate.1).unwrap(),
    };
    let count = i64::try_from(frames).unwrap();
    let pts: Vec<i64> = (0..count).collect();
    let points: Vec<u64> = (0..frames).step_by(usize::try_from(gop).unwrap()).collect();
    timeline(clock, &pts, count, &points)
}

/// Frames at a variable rate with these steps between them.
pub(super) fn variable(steps: &[i64], points: &[u64]) -> Timeline {
    let mut pts = Vec::with_capacity(steps.len());
    let mut time = 0;
    for step in steps {
        pts.push(time);
        time += step;
    }
    timeline(OutputClock::Variable, &pts, time, points)
}

/// A film with an access point each 2 s at 24/s.
pub(super) fn film(seconds: u64, preset: &str, max_rate_bps: Option<u64>) -> Film {
    Film {
        facts: facts(Container::Mp4),
        timeline: constant((24, 1), seconds * 24, 48),
        spec: spec(ladder(preset, max_rate_bps)),
    }
}

prop_compose! {
    fn timelines()(
        steps in prop::collection::vec(1_i64..20_000, 1..700),
        gaps in prop::collection::vec(1_u64..120, 1..60),
        long_step in 0..3 * VARIABLE_TICKS_PER_S,
        constant_rate in any::<bool>(),
    ) -> Timeline {
        let mut steps = steps;
        let middle = steps.len() / 2;
        steps[middle] += long_step;
        let frames = steps.len() as u64;
        let mut points = vec![0];
        for gap in gaps {
            let next = points[points.len() - 1] + gap;
            if next < frames {
                points.push(next);
            }
        }
        if constant_rate {
            let regular = constant((24_000, 1_001), frames, 1);
            let kept = |at: &AccessPoint| points.contains(&at.frame);
            let access_points = regular.access_points.iter().copied().filter(kept).collect();
            Timeline { access_points, ..regular }
        } else {
            variable(&steps, &points)
        }
    }
}

prop_compose! {
    /// Any film of a few hundred frames with any cells and chunks.
    pub(super) fn films()(
        timeline in timelines(),
        preset in prop::sample::select(vec!["ultrafast", "superfast", "veryfast", "medium", "veryslow"]),
        cap in prop::option::of(Just(1_400_000)),
        cell in prop_oneof![
            (1_u32..60).prop_map(CellLength::Frames),
            (1_u32..4_000).prop_map(CellLength::Milliseconds),
        ],
        chunk in prop_oneof![
            Just(ChunkLength::ByCost),
            (1_u32..9).prop_map(ChunkLength::Cells),
        ],
        container in prop::sample::select(vec![Container::Mp4, Container::Matroska, Container::MpegTs]),
        interlaced in any::<bool>(),
    ) -> Film {
        let mut facts = facts(container);
        facts.video.interlaced = interlaced;
        let spec = Spec { cell, chunk, ..spec(ladder(preset, cap)) };
        Film { facts, timeline, spec }
    }
}
