//! Reads progressive files and init segments, trusting nothing in them.
//!
//! Strict where a file of ours has no choice, and independent of how it was written: tables are
//! taken apart by the words of ISO/IEC 14496-12, not by the writer's habits.

use crate::fragment::Malformed;
use crate::fragment::boxes::{Bytes, Kind};
use crate::io::ByteSource;

/// Longest `moov`: ten hours at 240 frames a second, with 20 bytes a sample in its tables.
const MAX_MOOV_BYTES: u64 = 192 << 20;
/// Samples of all tracks, as many as a source may have packets (`Limits`).
const MAX_SAMPLES: usize = 8_640_000;
/// Tracks of one file.
const MAX_TRACKS: usize = 256;

/// Why a file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file system answered so.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The bytes aren't what they should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// What a file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mp4Contents {
    /// Ticks of the movie per second.
    pub timescale: u32,
    /// Its tracks in order.
    pub tracks: Vec<Mp4Track>,
}

/// One track.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mp4Track {
    /// Its number.
    pub id: u32,
    /// `vide`, `soun`, ...
    pub handler: [u8; 4],
    /// Ticks of the track per second.
    pub timescale: u32,
    /// Length as the media header states it, in ticks of the track.
    pub media_duration: u64,
    /// The only edit, if there is one: its length in ticks of the movie, and where it begins in ticks
    /// of the track.
    pub edit: Option<(u64, i64)>,
    /// The sample entry's type, such as `avc1`.
    pub sample_entry: [u8; 4],
    /// All samples in decode order.
    pub samples: Vec<Mp4Sample>,
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mp4Sample {
    /// Where it begins in the file.
    pub offset: u64,
    /// Its length in bytes.
    pub size: u32,
    /// Decode time in ticks of the track.
    pub decode_time: u64,
    /// Ticks until the next sample is decoded.
    pub duration: u32,
    /// Ticks from decoding to presentation.
    pub composition_offset: u32,
    /// Decoding can begin here.
    pub key: bool,
}

/// Reads the tables of a file.
///
/// # Errors
///
/// `Io` from the source; `Malformed` with the place if the bytes aren't a file that could be ours.
pub fn read(source: &dyn ByteSource) -> Result<Mp4Contents, ReadError> {
    let (at, moov) = find_moov(source)?;
    // No sample is empty, so there are no more of them than bytes: a small file can't ask for much.
    let most = usize::try_from(source.length()).map_or(MAX_SAMPLES, |bytes| bytes.min(MAX_SAMPLES));
    let contents = read_moov(Bytes::at(&moov, at), most)?;
    for track in &contents.tracks {
        let inside = track.samples.iter().all(|sample| {
            sample
                .offset
                .checked_add(u64::from(sample.size))
                .is_some_and(|end| end <= source.length())
        });
        if !inside {
            return Err(wrong("a sample lies outside of the file").into());
        }
    }
    Ok(contents)
}

fn wrong(what: &'static str) -> Malformed {
    Malformed { what, at: 0 }
}

/// Reads exactly these bytes.
///
/// # Errors
///
/// What the source answers, or an unexpected end.
pub(super) fn read_range(
    source: &dyn ByteSource,
    offset: u64,
    buffer: &mut [u8],
) -> std::io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match source.read_at(offset + done as u64, rest)? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(())
}

/// The content of `moov` and where it begins.
fn find_moov(source: &dyn ByteSource) -> Result<(u64, Vec<u8>), ReadError> {
    let mut at = 0_u64;
    let mut first = true;
    while at < source.length() {
        let misplaced = |what| Malformed { what, at };
        let left = source.length() - at;
        let mut header = [0; 16];
        let known = left.min(16);
        let known = usize::try_from(known).unwrap_or(16);
        read_range(source, at, &mut header[..known])?;
        let mut bytes = Bytes::at(&header[..known], at);
        let narrow = bytes.u32()?;
        let mut kind: Kind = [0; 4];
        kind.copy_from_slice(bytes.take(4)?);
        let (head, size) = match narrow {
            1 => (16, bytes.u64()?),
            _ => (8, u64::from(narrow)),
        };
        if size < head || size > left {
            return Err(misplaced("a box is as long as it says").into());
        }
        if first && kind != *b"ftyp" {
            return Err(misplaced("a file begins with ftyp").into());
        }
        first = false;
        if kind == *b"moov" {
            let content = size - head;
            if content > MAX_MOOV_BYTES {
                return Err(misplaced("the moov is larger than any of ours").into());
            }
            let mut moov = vec![0; usize::try_from(content).unwrap_or(0)];
            read_range(source, at + head, &mut moov)?;
            return Ok((at + head, moov));
        }
        at += size;
    }
    Err(wrong("a file has a moov").into())
}

/// The boxes of a box by type.
struct Children<'a> {
    boxes: Vec<(Kind, Bytes<'a>)>,
    parent: Bytes<'a>,
}

impl<'a> Children<'a> {
    fn of(mut parent: Bytes<'a>) -> Result<Self, Malformed> {
        let start = parent;
        let mut boxes = Vec::new();
        while !parent.is_empty() {
            boxes.push(parent.next_box()?);
        }
        Ok(Self {
            boxes,
            parent: start,
        })
    }

    fn all(&self, kind: Kind) -> impl Iterator<Item = Bytes<'a>> {
        self.boxes
            .iter()
            .filter(move |(found, _)| *found == kind)
            .map(|(_, content)| *content)
    }

    fn optional(&self, kind: Kind) -> Result<Option<Bytes<'a>>, Malformed> {
        let mut found = self.all(kind);
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(second) => Err(second.wrong("a box stands twice")),
        }
    }

    fn one(&self, kind: Kind, what: &'static str) -> Result<Bytes<'a>, Malformed> {
        self.optional(kind)?.ok_or_else(|| self.parent.wrong(what))
    }
}

fn read_moov(moov: Bytes<'_>, most_samples: usize) -> Result<Mp4Contents, Malformed> {
    let children = Children::of(moov)?;
    let mut mvhd = children.one(*b"mvhd", "moov holds mvhd")?;
    let (timescale, _) = read_times(&mut mvhd)?;
    let mut tracks = Vec::new();
    let mut left = most_samples;
    for trak in children.all(*b"trak") {
        if tracks.len() == MAX_TRACKS {
            return Err(trak.wrong("a file has fewer tracks"));
        }
        let track = read_trak(trak, left)?;
        left -= track.samples.len();
        tracks.push(track);
    }
    Ok(Mp4Contents { timescale, tracks })
}

/// Timescale and duration of `mvhd` and `mdhd`, which begin alike.
fn read_times(header: &mut Bytes<'_>) -> Result<(u32, u64), Malformed> {
    let start = *header;
    let (timescale, duration) = match header.version_and_flags()?.0 {
        0 => {
            header.take(8)?;
            (header.u32()?, u64::from(header.u32()?))
        }
        1 => {
            header.take(16)?;
            (header.u32()?, header.u64()?)
        }
        _ => return Err(start.wrong("a header has version 0 or 1")),
    };
    if timescale == 0 {
        return Err(start.wrong("a timescale isn't 0"));
    }
    Ok((timescale, duration))
}

fn read_trak(trak: Bytes<'_>, most_samples: usize) -> Result<Mp4Track, Malformed> {
    let children = Children::of(trak)?;
    let mut tkhd = children.one(*b"tkhd", "trak holds tkhd")?;
    let dates = if tkhd.version_and_flags()?.0 == 0 {
        8
    } else {
        16
    };
    tkhd.take(dates)?;
    let id = tkhd.u32()?;
    let edit = match children.optional(*b"edts")? {
        None => None,
        Some(edts) => read_edit(Children::of(edts)?.one(*b"elst", "edts holds elst")?)?,
    };
    let mdia = Children::of(children.one(*b"mdia", "trak holds mdia")?)?;
    let (timescale, media_duration) = read_times(&mut mdia.one(*b"mdhd", "mdia holds mdhd")?)?;
    let mut hdlr = mdia.one(*b"hdlr", "mdia holds hdlr")?;
    hdlr.take(8)?;
    let mut handler = [0; 4];
    handler.copy_from_slice(hdlr.take(4)?);
    let minf = Children::of(mdia.one(*b"minf", "mdia holds minf")?)?;
    let stbl = Children::of(minf.one(*b"stbl", "minf holds stbl")?)?;
    let mut stsd = stbl.one(*b"stsd", "stbl holds stsd")?;
    stsd.take(4)?;
    if stsd.u32()? != 1 {
        return Err(stsd.wrong("a track has one sample entry"));
    }
    let (sample_entry, _) = stsd.next_box()?;
    Ok(Mp4Track {
        id,
        handler,
        timescale,
        media_duration,
        edit,
        sample_entry,
        samples: read_samples(&stbl, most_samples)?,
    })
}

fn read_edit(mut elst: Bytes<'_>) -> Result<Option<(u64, i64)>, Malformed> {
    let (version, _) = elst.version_and_flags()?;
    match elst.u32()? {
        0 => return Ok(None),
        1 => {}
        _ => return Err(elst.wrong("a track has one edit")),
    }
    let (duration, media_time) = if version == 0 {
        (u64::from(elst.u32()?), i64::from(elst.u32()?.cast_signed()))
    } else {
        (elst.u64()?, elst.u64()?.cast_signed())
    };
    if media_time < 0 || elst.u32()? != 0x1_0000 {
        return Err(elst.wrong("an edit begins in the track and has normal speed"));
    }
    Ok(Some((duration, media_time)))
}

fn read_samples(stbl: &Children<'_>, most: usize) -> Result<Vec<Mp4Sample>, Malformed> {
    let mut samples = read_sizes(stbl.one(*b"stsz", "stbl holds stsz")?, most)?;
    place_samples(stbl, &mut samples)?;
    let mut time = 0_u64;
    let durations = stbl.one(*b"stts", "stbl holds stts")?;
    each_run(durations, &mut samples, |sample, duration| {
        sample.decode_time = time;
        sample.duration = duration;
        time += u64::from(duration);
    })?;
    if let Some(offsets) = stbl.optional(*b"ctts")? {
        each_run(offsets, &mut samples, |sample, offset| {
            sample.composition_offset = offset;
        })?;
    }
    match stbl.optional(*b"stss")? {
        None => samples.iter_mut().for_each(|sample| sample.key = true),
        Some(mut stss) => {
            stss.take(4)?;
            let mut before = 0;
            for _ in 0..stss.u32()? {
                let number = stss.u32()?;
                let place = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
                let sample = place.and_then(|place| samples.get_mut(place));
                match sample.filter(|_| number > before) {
                    Some(sample) => sample.key = true,
                    None => return Err(stss.wrong("key samples rise and are there")),
                }
                before = number;
            }
        }
    }
    Ok(samples)
}

fn read_sizes(mut stsz: Bytes<'_>, most: usize) -> Result<Vec<Mp4Sample>, Malformed> {
    stsz.take(4)?;
    let same = stsz.u32()?;
    let count = usize::try_from(stsz.u32()?).unwrap_or(usize::MAX);
    if count > most || same == 0 && count > stsz.left() / 4 {
        return Err(stsz.wrong("the number of samples is out of bounds"));
    }
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let size = if same == 0 { stsz.u32()? } else { same };
        if size == 0 {
            return Err(stsz.wrong("a sample isn't empty"));
        }
        samples.push(Mp4Sample {
            offset: 0,
            size,
            decode_time: 0,
            duration: 0,
            composition_offset: 0,
            key: false,
        });
    }
    stsz.end()?;
    Ok(samples)
}

/// Calls `set` for each sample with the value of its run; the runs must cover all samples exactly.
fn each_run(
    mut table: Bytes<'_>,
    samples: &mut [Mp4Sample],
    mut set: impl FnMut(&mut Mp4Sample, u32),
) -> Result<(), Malformed> {
    table.take(4)?;
    let mut rest = samples.iter_mut();
    for _ in 0..table.u32()? {
        let count = table.u32()?;
        let value = table.u32()?;
        for _ in 0..count {
            match rest.next() {
                Some(sample) => set(sample, value),
                None => return Err(table.wrong("runs cover as many samples as there are")),
            }
        }
    }
    if rest.next().is_some() {
        return Err(table.wrong("runs cover all samples"));
    }
    table.end()
}

/// Finds out where each sample lies, from `stsc` and `stco` or `co64`.
fn place_samples(stbl: &Children<'_>, samples: &mut [Mp4Sample]) -> Result<(), Malformed> {
    let mut stsc = stbl.one(*b"stsc", "stbl holds stsc")?;
    stsc.take(4)?;
    let mut runs_left = stsc.u32()?;
    let wide = stbl.optional(*b"co64")?;
    let mut offsets = match wide {
        Some(offsets) => offsets,
        None => stbl.one(*b"stco", "stbl holds stco or co64")?,
    };
    offsets.take(4)?;
    let count = offsets.u32()?;
    let mut rest = samples.iter_mut();
    let mut in_each = 0;
    // The number, from 1, of the piece at which the next run of `stsc` begins.
    let mut next_run = if runs_left == 0 {
        None
    } else {
        Some(stsc.u32()?)
    };
    for number in 1..=count {
        if next_run == Some(number) {
            in_each = stsc.u32()?;
            if stsc.u32()? != 1 || in_each == 0 {
                return Err(stsc.wrong("pieces have samples of the one sample entry"));
            }
            runs_left -= 1;
            next_run = if runs_left == 0 {
                None
            } else {
                Some(stsc.u32()?)
            };
        }
        let mut offset = if wide.is_some() {
            offsets.u64()?
        } else {
            u64::from(offsets.u32()?)
        };
        if in_each == 0 {
            return Err(stsc.wrong("the first run begins with the first piece"));
        }
        for _ in 0..in_each {
            let Some(sample) = rest.next() else {
                return Err(stsc.wrong("pieces hold as many samples as there are"));
            };
            sample.offset = offset;
            offset = offset
                .checked_add(u64::from(sample.size))
                .ok_or_else(|| offsets.wrong("a sample lies outside of the file"))?;
        }
    }
    if rest.next().is_some() || next_run.is_some() {
        return Err(stsc.wrong("pieces hold all samples"));
    }
    stsc.end()?;
    offsets.end()
}

#[cfg(test)]
mod tests;
