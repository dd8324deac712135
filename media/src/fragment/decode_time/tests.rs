use core::ops::Range;

use proptest::prelude::*;
use reelmesh_domain::media_types::{
    Container, FragmentInfo, PacketMapping, PictureFilter, PlannedFrame, StartPoint, VideoCodec,
};
use reelmesh_domain::rational::Rational;

use super::super::{FragmentWriter, read_fragment};
use super::*;

/// A timeline: frame times, its end, and where cells begin.
#[derive(Clone, Debug)]
struct Film {
    pts: Vec<i64>,
    end: i64,
    cells: Vec<Range<usize>>,
    time_base: Rational,
}

fn task(film: &Film, own: Range<usize>, margin: usize) -> ChunkTask {
    let window = own.start.saturating_sub(margin)..(own.end + margin).min(film.pts.len());
    let relative = |place: usize| u32::try_from(place - window.start).unwrap();
    ChunkTask {
        container: Container::Mp4,
        stream: 0,
        codec: VideoCodec::H264,
        source_time_base: Rational::ONE,
        starts: vec![StartPoint {
            position: None,
            raw_dts: 0,
            dts: 0,
            pts: 0,
        }],
        mapping: PacketMapping::default(),
        frames: film.pts[window.clone()]
            .iter()
            .map(|&output_pts| PlannedFrame {
                source_pts: 0,
                output_pts,
            })
            .collect(),
        feed_start: 0,
        feed_end: relative(window.end),
        own_start: relative(own.start),
        own_end: relative(own.end),
        hash_left_end: 0,
        hash_right_start: relative(window.end),
        keys: Vec::new(),
        first_cell: 0,
        first_frame: own.start as u64,
        at_start: own.start == 0,
        at_end: own.end == film.pts.len(),
        feeds_to_end: window.end == film.pts.len(),
        output_time_base: film.time_base,
        own_end_pts: film.pts.get(own.end).copied().unwrap_or(film.end),
        first_pts: film.pts.iter().copied().take(3).collect(),
        nominal_frame_ticks: 3,
        filter: PictureFilter::default(),
        renditions: Vec::new(),
    }
}

/// The order in which an encoder with this reorder depth emits a cell's frames: mini-GOPs of up to
/// three B-frames, their middle first if the depth is 2.
fn decode_order(cell: Range<usize>, depth: u32, bees: usize) -> Vec<usize> {
    let mut order = vec![cell.start];
    let mut next = cell.start + 1;
    while next < cell.end {
        let anchor = if depth == 0 {
            next
        } else {
            (next + bees).min(cell.end - 1)
        };
        order.push(anchor);
        let mut between: Vec<usize> = (next..anchor).collect();
        if depth == 2 && between.len() > 1 {
            let middle = between.remove(between.len() / 2);
            order.push(middle);
        }
        order.extend(between);
        next = anchor + 1;
    }
    order
}

/// The fragments of all chunks, one behind the other.
fn encode(
    film: &Film,
    depth: u32,
    bees: usize,
    chunks: &[Range<usize>],
) -> Vec<(FragmentInfo, Vec<u8>)> {
    let mut fragments = Vec::new();
    for chunk in chunks {
        let cells = &film.cells[chunk.clone()];
        let own = cells[0].start..cells[cells.len() - 1].end;
        let times = DecodeTimes::for_chunk(&task(film, own.clone(), 4), depth).unwrap();
        assert_eq!(times.packets(), own.len());
        let mut packet = 0;
        for (place, cell) in cells.iter().enumerate() {
            let sequence = u32::try_from(chunk.start + place + 1).unwrap();
            let mut writer = FragmentWriter::new(sequence);
            for frame in decode_order(cell.clone(), depth, bees) {
                let timing = times.sample(packet, film.pts[frame]).unwrap();
                let data = u32::try_from(frame).unwrap().to_be_bytes();
                writer.push(timing, frame == cell.start, &data).unwrap();
                packet += 1;
            }
            fragments.push(writer.finish().unwrap());
        }
    }
    fragments
}

prop_compose! {
    fn films()(
        steps in prop::collection::vec(1_i64..30, 1..60),
        cell_lengths in prop::collection::vec(1_usize..9, 1..60),
        constant in any::<bool>(),
    ) -> Film {
        let mut time = 0;
        let mut pts = Vec::new();
        for step in steps {
            pts.push(time);
            time += if constant { 1 } else { step };
        }
        let mut cells = Vec::new();
        let mut start = 0;
        for length in cell_lengths.into_iter().chain(core::iter::repeat(8)) {
            if start == pts.len() {
                break;
            }
            let end = (start + length).min(pts.len());
            cells.push(start..end);
            start = end;
        }
        let time_base = if constant { (1001, 24_000) } else { (1, 90_000) };
        Film { pts, end: time, cells, time_base: Rational::new(time_base.0, time_base.1).unwrap() }
    }
}

proptest! {
    /// Over any timeline, reorder depth and split into chunks: fragments tile decode time from 0
    /// without gap or overlap, every frame is shown at its planned time plus the delay, all durations
    /// add up to the timeline's length, and the bytes are those of a single chunk.
    #[test]
    fn fragments_tile_decode_time(
        film in films(),
        (depth, bees) in prop_oneof![Just((0_u32, 0_usize)), Just((1, 1)), Just((1, 3)), Just((2, 2)), Just((2, 3))],
        splits in prop::collection::vec(any::<bool>(), 60),
    ) {
        let cells = film.cells.len();
        let mut borders = vec![0];
        borders.extend((1..cells).filter(|&place| splits[place]));
        borders.push(cells);
        let chunks: Vec<_> = borders.windows(2).map(|pair| pair[0]..pair[1]).collect();
        let fragments = encode(&film, depth, bees, &chunks);
        let whole = 0..cells;
        prop_assert_eq!(&fragments, &encode(&film, depth, bees, core::slice::from_ref(&whole)));

        let tick = film.time_base.numerator();
        let all = task(&film, 0..film.pts.len(), 0);
        let delay = DecodeTimes::for_chunk(&all, depth).unwrap().presentation_delay();
        let mut time = 0;
        for (info, bytes) in &fragments {
            prop_assert_eq!(info.decode_time, time);
            let fragment = read_fragment(bytes).unwrap();
            let mut decoded = time;
            for sample in &fragment.samples {
                let at = sample.offset as usize;
                let frame = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
                let shown = decoded + i64::from(sample.composition_offset) - delay;
                prop_assert_eq!(shown, film.pts[frame] * tick);
                decoded += i64::from(sample.duration);
            }
            time += info.duration;
            prop_assert_eq!(decoded, time);
        }
        if film.pts.len() > depth as usize {
            let last = fragments.last().unwrap();
            let samples = read_fragment(&last.1).unwrap().samples;
            let tail = i64::from(samples[samples.len() - 1].duration);
            prop_assert!(time == film.end * tick || (time > film.end * tick && tail == tick));
        }
    }
}

/// Decode times of a few frames at constant rate, by hand: depth 2 and a timeline shorter than that.
#[test]
fn times_by_hand() {
    let film = |frames: i64| Film {
        pts: (0..frames).map(|place| place * 3).collect(),
        end: frames * 3,
        cells: Vec::new(),
        time_base: Rational::new(1, 90_000).unwrap(),
    };
    let times = |frames: i64| {
        let film = film(frames);
        let task = task(&film, 0..film.pts.len(), 0);
        let times = DecodeTimes::for_chunk(&task, 2).unwrap();
        (times.delay, times.times)
    };
    assert_eq!(times(4), (6, vec![0, 3, 6, 9, 12]));
    assert_eq!(times(1), (6, vec![0, 3]));
}

/// Chunks of a timeline that is shorter than the reorder depth have the decode times of the whole: they
/// were refused, since each knows fewer first times than the depth needs.
#[test]
fn short_timelines_are_cut() {
    for frames in 1..=3_i64 {
        let film = Film {
            pts: (0..frames).map(|place| place * 3).collect(),
            end: frames * 3,
            cells: Vec::new(),
            time_base: Rational::new(1, 90_000).unwrap(),
        };
        let times = |own| DecodeTimes::for_chunk(&task(&film, own, 4), 2).unwrap();
        let whole = times(0..film.pts.len());
        for place in 0..film.pts.len() {
            let chunk = times(place..place + 1);
            assert_eq!(chunk.delay, whole.delay);
            assert_eq!(chunk.times, whole.times[place..place + 2]);
        }
        let last = film.pts.len();
        let mut unknown = task(&film, last - 1..last, 4);
        unknown.first_pts.pop();
        assert!(DecodeTimes::for_chunk(&unknown, 2).is_err());
    }
}

/// A task whose encoder reorders deeper than planned, or whose window lacks a frame, is a bug.
#[test]
fn refuses_broken_tasks() {
    let film = Film {
        pts: (0..20).collect(),
        end: 20,
        cells: Vec::new(),
        time_base: Rational::ONE,
    };
    let good = task(&film, 8..12, 4);
    let times = DecodeTimes::for_chunk(&good, 1).unwrap();
    assert!(times.sample(3, 8).is_err());
    assert!(times.sample(4, 12).is_err());
    assert!(DecodeTimes::for_chunk(&good, 3).is_err());
    assert!(DecodeTimes::for_chunk(&task(&film, 8..12, 0), 2).is_err());
}
