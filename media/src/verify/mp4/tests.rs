//! Writer and reader agree, and hostile bytes do no harm.

use proptest::prelude::*;

use super::*;
use crate::control::Unattended;
use crate::fragment::{FragmentWriter, SampleTiming};
use crate::package::Track;
use crate::package::TrackMedia;
use crate::package::mp4::write_mp4;
use crate::package::testing::{COLOR, Memory, Source, store};
use reelmesh_domain::rational::Rational;

/// Size, duration, composition offset, key.
type Row = (usize, u32, u32, bool);

fn rows() -> impl Strategy<Value = Vec<Vec<Row>>> {
    let row = (1_usize..40, 1_u32..3, 0_u32..3, any::<bool>());
    prop::collection::vec(prop::collection::vec(row, 1..6), 1..6)
}

fn track(name: &str, audio: bool, cells: &[Vec<Row>], memory: &mut Memory) -> Track {
    let media = if audio {
        TrackMedia::Audio {
            sample_rate_hz: 48_000,
            channels: 2,
            bitrate_bps: 1,
            language: None,
            title: None,
            default: true,
        }
    } else {
        TrackMedia::Video {
            width: 64,
            height: 48,
            frame_rate: Rational::ONE,
            color: COLOR,
        }
    };
    let mut decode_time = 0;
    let mut fragments = Vec::new();
    for (sequence, cell) in (1..).zip(cells) {
        let mut fragment = FragmentWriter::new(sequence);
        for &(size, duration, composition_offset, key) in cell {
            let timing = SampleTiming {
                decode_time,
                duration,
                composition_offset,
            };
            fragment
                .push(timing, key, &vec![u8::try_from(size).unwrap(); size])
                .unwrap();
            decode_time += i64::from(duration);
        }
        fragments.push(fragment);
    }
    let track = Track {
        name: name.to_owned(),
        media,
        time_base: Rational::new(1, 50).unwrap(),
        codec_config: vec![1, 2, 3],
        media_time: 1,
        duration: decode_time,
        fragments: Vec::new(),
    };
    store(track, fragments, memory)
}

fn written(tracks: &[Track], memory: &mut Memory) -> Vec<u8> {
    let mut out = Vec::new();
    write_mp4(tracks, memory, &mut out, &Unattended).unwrap();
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever the samples, what is written is read back: sizes, times, keys, and the bytes at the
    /// stated places.
    #[test]
    fn reader_finds_what_was_written(video in rows(), audio in rows()) {
        let mut memory = Memory::default();
        let tracks = [
            track("v", false, &video, &mut memory),
            track("a", true, &audio, &mut memory),
        ];
        let bytes = written(&tracks, &mut memory);
        let contents = read(&Source(bytes.clone())).unwrap();
        prop_assert_eq!(contents.timescale, 50);
        prop_assert_eq!(contents.tracks.len(), 2);
        for ((found, cells), track) in contents.tracks.iter().zip([&video, &audio]).zip(&tracks) {
            let rows: Vec<Row> = cells.iter().flatten().copied().collect();
            let read: Vec<Row> = found
                .samples
                .iter()
                .map(|s| (s.size as usize, s.duration, s.composition_offset, s.key))
                .collect();
            prop_assert_eq!(&read, &rows);
            let ticks = u64::try_from(track.duration).unwrap();
            prop_assert_eq!(found.media_duration, ticks);
            prop_assert_eq!(found.edit, Some((ticks, 1)));
            for sample in &found.samples {
                let start = usize::try_from(sample.offset).unwrap();
                let data = &bytes[start..start + sample.size as usize];
                prop_assert!(data.iter().all(|&byte| u32::from(byte) == sample.size));
            }
        }
    }

    /// Whatever byte of a file is changed, and wherever it is cut, it is read or refused: never a
    /// panic, never a sample outside of it.
    #[test]
    fn damage_is_no_danger(
        changes in prop::collection::vec((0_usize..1500, any::<u8>()), 0..6),
        keep in 0_usize..3000,
    ) {
        let mut memory = Memory::default();
        let cells = vec![vec![(9, 1, 2, true), (7, 2, 0, false)], vec![(8, 1, 1, true)]];
        let tracks = [
            track("v", false, &cells, &mut memory),
            track("a", true, &cells, &mut memory),
        ];
        let mut bytes = written(&tracks, &mut memory);
        for (at, value) in changes {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
        }
        bytes.truncate(keep);
        let length = bytes.len() as u64;
        if let Ok(contents) = read(&Source(bytes)) {
            for sample in contents.tracks.iter().flat_map(|track| &track.samples) {
                prop_assert!(sample.offset + u64::from(sample.size) <= length);
            }
        }
    }
}
