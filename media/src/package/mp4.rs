//! Progressive MP4: `moov` first, then fragments of all tracks by their time.

use std::io::Write;

use reelmesh_domain::media_types::FragmentInfo;

use super::moov::{Movie, TrackHead, checked_clock, put_ftyp, put_mvhd};
use super::tables::SampleTables;
use super::{broken, check_fragment};
use crate::control::Control;
use crate::error::MediaError;
use crate::fragment::boxes::{put_box, put_u32, put_u64};
use crate::fragment::{Fragment, read_fragment};
use crate::package::{FragmentReader, Track, TrackMedia};

/// Ticks of the movie per second where the tracks' own have no common multiple in 32 bits.
const FALLBACK_TIMESCALE: u32 = 90_000;
/// Length of the header of `mdat`, and of the one with a 64-bit size.
const MDAT_HEADER_BYTES: u64 = 8;
const WIDE_MDAT_HEADER_BYTES: u64 = 16;

/// Writes a progressive file with these tracks (the video track first, then audio). Reads every fragment
/// twice: its head for the sample tables, then its samples. Progress is in bytes written.
///
/// # Errors
///
/// `Io` from `reader` or `out`; a bug if a fragment isn't one of ours or the tracks don't fit.
pub fn write_mp4(
    tracks: &[Track],
    reader: &mut dyn FragmentReader,
    out: &mut dyn Write,
    control: &dyn Control,
) -> Result<(), MediaError> {
    let timescales = tracks
        .iter()
        .map(|track| Ok(checked_clock(track)?.timescale()))
        .collect::<Result<Vec<u32>, MediaError>>()?;
    let order = interleaved(tracks, &timescales);
    let mut fragments = Fragments {
        tracks,
        reader,
        control,
        buffer: Vec::new(),
    };
    let mut tables: Vec<SampleTables> = tracks.iter().map(empty_tables).collect();
    let mut payload = 0;
    for &place in &order {
        let fragment = fragments.read(place)?;
        if !tables[place.track].push(&fragment, payload) {
            return Err(broken("a track has at most 2³² samples"));
        }
        payload += u64::from(fragment.payload_bytes);
    }
    let head = file_head(tracks, &timescales, &tables, payload);
    let mut written = Written { out, bytes: 0 };
    written.put(&head)?;
    control.progress(written.bytes);
    for &place in &order {
        let fragment = fragments.read(place)?;
        let start = usize::try_from(fragment.payload_offset).unwrap_or(usize::MAX);
        written.put(fragments.buffer.get(start..).unwrap_or(&[]))?;
        control.progress(written.bytes);
    }
    if written.bytes == head.len() as u64 + payload {
        written.out.flush().map_err(writing)
    } else {
        Err(broken("a fragment is the same when it is read again"))
    }
}

/// A fragment of a track.
#[derive(Clone, Copy, Debug)]
struct Place {
    track: usize,
    fragment: usize,
}

/// A fragment and its time: half of `doubled` ticks of so many to a second.
#[derive(Clone, Copy, Debug)]
struct Timed {
    doubled: i128,
    timescale: i128,
    place: Place,
}

/// All fragments by time: what is played together lies together. Video counts from the beginning of its
/// fragments, sound from their middle, so that the sound of a cell lies behind its pictures although its frames
/// don't end with them. Numbers of fragments say nothing of it: a cell may have none of sound, or several.
fn interleaved(tracks: &[Track], timescales: &[u32]) -> Vec<Place> {
    let mut order = Vec::new();
    for (track, (of, timescale)) in tracks.iter().zip(timescales).enumerate() {
        for (fragment, info) in of.fragments.iter().enumerate() {
            let begin = i128::from(info.decode_time) - i128::from(of.media_time);
            let length = match of.media {
                TrackMedia::Video { .. } => 0,
                TrackMedia::Audio { .. } => i128::from(info.duration),
            };
            order.push(Timed {
                doubled: 2 * begin + length,
                timescale: i128::from(*timescale),
                place: Place { track, fragment },
            });
        }
    }
    order.sort_by(|one, other| {
        let times = (one.doubled * other.timescale).cmp(&(other.doubled * one.timescale));
        times.then(one.place.track.cmp(&other.place.track))
    });
    order.into_iter().map(|timed| timed.place).collect()
}

fn empty_tables(track: &Track) -> SampleTables {
    match track.media {
        TrackMedia::Video { .. } => SampleTables::default(),
        TrackMedia::Audio { .. } => SampleTables::for_aac(),
    }
}

struct Fragments<'a> {
    tracks: &'a [Track],
    reader: &'a mut dyn FragmentReader,
    control: &'a dyn Control,
    buffer: Vec<u8>,
}

impl Fragments<'_> {
    fn read(&mut self, place: Place) -> Result<Fragment, MediaError> {
        if self.control.cancelled() {
            return Err(MediaError::Cancelled);
        }
        let track = &self.tracks[place.track];
        self.reader
            .read(track, place.fragment, &mut self.buffer)
            .map_err(|source| MediaError::Io {
                what: "reading a fragment",
                source,
            })?;
        let info: &FragmentInfo = &track.fragments[place.fragment];
        let fragment = read_fragment(&self.buffer).map_err(|error| {
            broken(format!(
                "fragment {} of track {} is ours: {error}",
                info.sequence, track.name
            ))
        })?;
        check_fragment(track, info, &fragment)?;
        Ok(fragment)
    }
}

struct Written<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
}

impl Written<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.out.write_all(bytes).map_err(writing)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

fn writing(source: std::io::Error) -> MediaError {
    MediaError::Io {
        what: "writing an MP4 file",
        source,
    }
}

/// All before the first sample.
fn file_head(
    tracks: &[Track],
    timescales: &[u32],
    tables: &[SampleTables],
    payload: u64,
) -> Vec<u8> {
    let movie_timescale = common_timescale(timescales);
    let heads: Vec<TrackHead<'_>> = (1..)
        .zip(tracks)
        .zip(timescales.iter().zip(tables))
        .map(|((id, track), (&timescale, tables))| TrackHead {
            track,
            id,
            timescale,
            movie_duration: movie_ticks(track.duration, timescale, movie_timescale),
            media_duration: tables.duration(),
        })
        .collect();
    let movie = Movie {
        timescale: movie_timescale,
        duration: heads
            .iter()
            .map(|head| head.movie_duration)
            .max()
            .unwrap_or(0),
        next_track: heads.last().map_or(1, |head| head.id + 1),
    };
    let build = |wide: bool, base: u64| {
        let mut out = Vec::new();
        put_ftyp(
            &mut out,
            *b"isom",
            &[*b"isom", *b"iso2", *b"avc1", *b"mp41"],
        );
        put_box(&mut out, *b"moov", |out| {
            put_mvhd(out, movie);
            for (head, tables) in heads.iter().zip(tables) {
                head.put_trak(out, |out| tables.put(out, wide, base));
            }
        });
        out
    };
    // Where samples stand depends on how long `moov` is, which depends on the width of that number
    // alone.
    let narrow = build(false, 0).len() as u64 + MDAT_HEADER_BYTES;
    if u32::try_from(narrow + payload).is_ok() {
        let mut out = build(false, narrow);
        put_u32(
            &mut out,
            u32::try_from(payload + MDAT_HEADER_BYTES).unwrap_or(u32::MAX),
        );
        out.extend_from_slice(b"mdat");
        out
    } else {
        let wide = build(true, 0).len() as u64 + WIDE_MDAT_HEADER_BYTES;
        let mut out = build(true, wide);
        put_u32(&mut out, 1);
        out.extend_from_slice(b"mdat");
        put_u64(&mut out, payload + WIDE_MDAT_HEADER_BYTES);
        out
    }
}

/// The least timescale in which every track's length is exact.
fn common_timescale(timescales: &[u32]) -> u32 {
    let common = timescales.iter().try_fold(1_u64, |common, &timescale| {
        let timescale = u64::from(timescale);
        let multiple = common / greatest_divisor(common, timescale) * timescale;
        u32::try_from(multiple).is_ok().then_some(multiple)
    });
    common
        .and_then(|common| u32::try_from(common).ok())
        .unwrap_or(FALLBACK_TIMESCALE)
}

const fn greatest_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A length in ticks of the movie, rounded up where it must be, so that no sample is cut off.
fn movie_ticks(duration: i64, timescale: u32, movie_timescale: u32) -> u64 {
    let ticks = i128::from(duration) * i128::from(movie_timescale);
    let whole = (ticks + i128::from(timescale) - 1) / i128::from(timescale.max(1));
    u64::try_from(whole).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
