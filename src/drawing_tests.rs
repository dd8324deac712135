use reelmesh_domain::ids::{PlanRevision, UnitId};
use reelmesh_domain::media_types::{
    Color, PacketMapping, PictureFilter, PlannedFrame, StartPoint, VideoRendition, X264Settings,
};
use reelmesh_domain::plan::{AccessPoint, Cell, Chunk, DroppedFrames, Unit};
use reelmesh_domain::rational::Rational;

use super::*;

const RATE: i64 = 24;
const FRAMES: u64 = 480;

fn clock() -> OutputClock {
    OutputClock::Constant {
        rate: Rational::whole(RATE),
    }
}

/// 20 s at 24/s with access points each 4 s.
fn timeline() -> Timeline {
    let frame = |place: i64| PlannedFrame {
        source_pts: place,
        output_pts: place,
    };
    Timeline {
        source_time_base: Rational::new(1, RATE).unwrap(),
        clock: clock(),
        frames: (0..480).map(frame).collect(),
        end_pts: 480,
        access_points: (0..5)
            .map(|place: i64| AccessPoint {
                frame: place.unsigned_abs() * 96,
                start: StartPoint {
                    position: None,
                    raw_dts: place,
                    dts: place,
                    pts: place,
                },
            })
            .collect(),
        mapping: PacketMapping::default(),
        first_raw_dts: 0,
        exact: false,
        dropped: DroppedFrames::default(),
    }
}

/// A rendition of the fixture.
fn rendition(name: &str, width: u32, height: u32) -> VideoRendition {
    VideoRendition {
        name: name.to_owned(),
        width,
        height,
        color: Color {
            full_range: false,
            primaries: 1,
            transfer: 1,
            matrix: 1,
            chroma_location: 1,
        },
        encoder: X264Settings {
            preset: "veryfast".to_owned(),
            profile: "high".to_owned(),
            crf_hundredths: 2300,
            vbv: None,
            reorder_depth: 2,
        },
    }
}

/// Cells of two seconds in chunks of four, three, two and one of them.
pub(crate) fn plan() -> Plan {
    let borders: [u64; 5] = [0, 192, 336, 432, FRAMES];
    let chunk = |place: usize| {
        let (start, end) = (borders[place], borders[place + 1]);
        let feed = start.saturating_sub(10)..(end + 11).min(FRAMES);
        Chunk {
            cells: u32::try_from(start / 48).unwrap()..u32::try_from(end / 48).unwrap(),
            own: start..end,
            deliver: feed.clone(),
            access_point: u32::try_from(feed.start / 96).unwrap(),
            refutations: 0,
            lead_in_cells: 0,
            feed,
            border: [
                BorderReason::Cost,
                BorderReason::Cost,
                BorderReason::Taper,
                BorderReason::End,
            ][place],
        }
    };
    let unit = |place: u32| Unit {
        id: UnitId::from_bytes([0; 16]),
        kind: UnitKind::Chunk {
            chunk: place / 2,
            group: place % 2,
        },
        cost_us: [
            3_000_000, 1_000_000, 2_400_000, 700_000, 1_800_000, 400_000, 900_000, 250_000,
        ][place as usize],
        memory_bytes: 0,
    };
    let cell = |place: u64| Cell {
        frames: place * 48..(place + 1) * 48,
        start_pts: i64::try_from(place * 48).unwrap(),
    };
    Plan {
        revision: PlanRevision(0),
        fingerprint: "f".to_owned(),
        clock: clock(),
        frames: FRAMES,
        exact_frames: false,
        end_pts: 480,
        cells: (0..10).map(cell).collect(),
        filter: PictureFilter::default(),
        renditions: vec![rendition("360p", 640, 360), rendition("180p", 320, 180)],
        audio: Vec::new(),
        groups: vec![0..1, 1..2],
        chunks: (0..4).map(chunk).collect(),
        units: (0..8).map(unit).collect(),
        cells_per_segment: 1,
    }
}

/// Shows a whole drawing with a crew.
#[test]
fn draws_a_plan() {
    let crew = Some(Crew {
        nodes: 2,
        workers: 2,
    });
    let drawn = Drawn {
        name: "clip.mp4",
        facts: &crate::describe::tests::facts(),
        plan: &plan(),
        timeline: &timeline(),
    };
    let text = super::plan(drawn, 80, crew, Paint::plain());
    for line in text.lines().take(7) {
        assert!(text::width(line) <= 80, "{line}");
    }
    insta::assert_snapshot!(text, @r"
    clip.mp4: 480 frames in 20.000 s at 24 fps: 10 cells, 4 chunks, 8 units

      time    ╷0:00            ╷0:05             ╷0:10            ╷0:15
      cells   ┬──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────┬──────
      chunks  1███████████████████████████2▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒3█████████████4▒▒▒▒▒▒
      access  ▲             ▲             ▲             ▲             ▲
              ▲ decoding can begin here: 5 places

      chunk  from s  cells  frames  preroll  lead-in  tail  core-s  ends there because
          1   0.000      4     192        0        0    11     4.0  the cheapest place near the wanted length
          2   8.000      3     144       86       10    11     3.1  the cheapest place near the wanted length
          3  14.000      2      96       38       10    11     2.2  shorter towards the end, so that all workers end together
          4  18.000      1      48       38       10     0     1.1  the source ends

      all         10.4 core-seconds
        360p      2.9 core-seconds: 640×360
        decoding  5.2 core-seconds: preroll and what a task costs anyway, for 360p
        180p      1.9 core-seconds: 320×180
        decoding  0.4 core-seconds: preroll and what a task costs anyway, for 180p
      warm ends   11.6 % of the frames encoded: lead-ins and tails
      floor       3.0 s: the longest unit (chunk 1), however many workers; scan and assembly come on top

      2 nodes with 2 workers each: done after 3.4 s on idle cores of the model's speed, 76 % of them busy

      node  chunks  audio  core-s  done after s
         1  1           0     4.0           3.0
         2  2–4         0     6.5           3.4
    ");
}
