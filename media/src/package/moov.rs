//! The boxes of `moov` that an init segment and a progressive file share (ISO/IEC 14496-12 section 8).
//!
//! Every date is 0: what is packaged is a function of records alone.

use reelmesh_domain::media_types::Color;

use super::{Track, TrackMedia, broken};
use crate::error::MediaError;
use crate::fragment::TrackClock;
use crate::fragment::boxes::{Kind, put_box, put_full_box, put_u16, put_u32, put_u64};

/// Flags of `tkhd`: part of the presentation.
const TRACK_IN_MOVIE: u32 = 2;
/// Flags of `tkhd`: played unless the user chooses otherwise.
const TRACK_ENABLED: u32 = 1;
/// The group of tracks of which one is played: all audio tracks.
const AUDIO_GROUP: u16 = 1;
/// 1 as 16.16 bits.
const ONE: u32 = 0x1_0000;
/// Full volume as 8.8 bits.
const FULL_VOLUME: u16 = 0x100;
/// The transformation that changes nothing.
const UNIT_MATRIX: [u32; 9] = [ONE, 0, 0, 0, ONE, 0, 0, 0, 0x4000_0000];
/// 72 dots per inch, which every writer puts and no reader reads.
const DOTS_PER_INCH: u32 = 72 << 16;
/// "AAC" among the object types of ISO/IEC 14496-1.
const OBJECT_AAC: u8 = 0x40;
/// Audio stream, downstream (ISO/IEC 14496-1 section 7.2.6.6).
const STREAM_AUDIO: u8 = 0x15;
/// Descriptor lengths of one byte end here; ours have some 30 bytes.
const MAX_DESCRIPTOR_BYTES: usize = 127;
/// Beyond it 64 bits are used: `media_time` is signed, and some readers take all numbers for signed.
const MAX_NARROW: u64 = 0x7fff_ffff;
/// `und` in three times five bits.
const LANGUAGE_UNKNOWN: u16 = 0x55c4;

/// How long the movie is, in its own ticks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Movie {
    /// Ticks of the movie per second.
    pub(super) timescale: u32,
    /// Length of the longest track; 0 in an init segment.
    pub(super) duration: u64,
    /// One behind the last track's number.
    pub(super) next_track: u32,
}

/// One track in `moov`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrackHead<'t> {
    /// What it is.
    pub(super) track: &'t Track,
    /// Its number in the file, from 1.
    pub(super) id: u32,
    /// Ticks of the track per second.
    pub(super) timescale: u32,
    /// Length of the presentation in ticks of the movie; 0 in an init segment.
    pub(super) movie_duration: u64,
    /// Sum of the samples' durations in ticks of the track; 0 in an init segment.
    pub(super) media_duration: u64,
}

/// The clock of a track that keeps the rules on which the boxes rely.
pub(super) fn checked_clock(track: &Track) -> Result<TrackClock, MediaError> {
    let clock = TrackClock::new(track.time_base)?;
    let name = &track.name;
    if track.media_time < 0 || track.duration < 0 || track.codec_config.is_empty() {
        return Err(broken(format!(
            "track {name} has times from 0 on and a codec configuration"
        )));
    }
    match &track.media {
        TrackMedia::Video { width, height, .. } => {
            if u16::try_from(*width).is_err() || u16::try_from(*height).is_err() {
                return Err(broken(format!(
                    "track {name} has sides below 65 536 pixels, got {width}×{height}"
                )));
            }
        }
        TrackMedia::Audio { sample_rate_hz, .. } => {
            let too_long = track.codec_config.len() > MAX_DESCRIPTOR_BYTES / 2;
            if u16::try_from(*sample_rate_hz).is_err() || too_long {
                return Err(broken(format!(
                    "track {name} has a rate below 65 536 Hz and a short configuration, got {sample_rate_hz} Hz"
                )));
            }
        }
    }
    let mut next = 0;
    let mut sequence = 0;
    for fragment in &track.fragments {
        let follows = fragment.decode_time == next && fragment.sequence > sequence;
        if !follows || fragment.duration <= 0 {
            return Err(broken(format!(
                "the fragments of track {name} tile its time, got {fragment:?} at {next} behind {sequence}"
            )));
        }
        sequence = fragment.sequence;
        next = next.checked_add(fragment.duration).ok_or_else(|| {
            broken(format!(
                "the times of track {name} fit 64 bits, got {fragment:?}"
            ))
        })?;
    }
    Ok(clock)
}

/// Appends `ftyp` without a minor version.
pub(super) fn put_ftyp(out: &mut Vec<u8>, major: Kind, compatible: &[Kind]) {
    put_box(out, *b"ftyp", |out| {
        out.extend_from_slice(&major);
        put_u32(out, 0);
        for brand in compatible {
            out.extend_from_slice(brand);
        }
    });
}

/// Version 1 where a number needs 64 bits, else 0, which every reader knows.
fn version_for(values: &[u64]) -> u8 {
    u8::from(values.iter().any(|&value| value > MAX_NARROW))
}

/// A number in the width of a version.
fn put_time(out: &mut Vec<u8>, version: u8, value: u64) {
    match u32::try_from(value) {
        Ok(narrow) if version == 0 => put_u32(out, narrow),
        Ok(_) | Err(_) => put_u64(out, value),
    }
}

fn put_zeros(out: &mut Vec<u8>, count: usize) {
    out.resize(out.len() + count, 0);
}

fn put_matrix(out: &mut Vec<u8>) {
    for number in UNIT_MATRIX {
        put_u32(out, number);
    }
}

/// Appends `mvhd`.
pub(super) fn put_mvhd(out: &mut Vec<u8>, movie: Movie) {
    let version = version_for(&[movie.duration]);
    put_full_box(out, *b"mvhd", version, 0, |out| {
        put_time(out, version, 0);
        put_time(out, version, 0);
        put_u32(out, movie.timescale);
        put_time(out, version, movie.duration);
        put_u32(out, ONE);
        put_u16(out, FULL_VOLUME);
        put_zeros(out, 10);
        put_matrix(out);
        put_zeros(out, 24);
        put_u32(out, movie.next_track);
    });
}

impl TrackHead<'_> {
    /// Appends `trak`; `tables` appends what follows `stsd` in `stbl`.
    pub(super) fn put_trak(self, out: &mut Vec<u8>, tables: impl FnOnce(&mut Vec<u8>)) {
        put_box(out, *b"trak", |out| {
            self.put_tkhd(out);
            self.put_edits(out);
            put_box(out, *b"mdia", |out| {
                self.put_mdhd(out);
                self.put_hdlr(out);
                put_box(out, *b"minf", |out| {
                    match self.track.media {
                        TrackMedia::Video { .. } => {
                            put_full_box(out, *b"vmhd", 0, 1, |out| put_zeros(out, 8));
                        }
                        TrackMedia::Audio { .. } => {
                            put_full_box(out, *b"smhd", 0, 0, |out| put_zeros(out, 4));
                        }
                    }
                    put_box(out, *b"dinf", |out| {
                        put_full_box(out, *b"dref", 0, 0, |out| {
                            put_u32(out, 1);
                            // Flag 1: the samples are in this file.
                            put_full_box(out, *b"url ", 0, 1, |_| ());
                        });
                    });
                    put_box(out, *b"stbl", |out| {
                        put_full_box(out, *b"stsd", 0, 0, |out| {
                            put_u32(out, 1);
                            self.put_sample_entry(out);
                        });
                        tables(out);
                    });
                });
            });
        });
    }

    fn put_tkhd(self, out: &mut Vec<u8>) {
        let (enabled, group, volume, sides) = match self.track.media {
            TrackMedia::Video { width, height, .. } => (true, 0, 0, (width << 16, height << 16)),
            TrackMedia::Audio { default, .. } => (default, AUDIO_GROUP, FULL_VOLUME, (0, 0)),
        };
        let flags = TRACK_IN_MOVIE | if enabled { TRACK_ENABLED } else { 0 };
        let version = version_for(&[self.movie_duration]);
        put_full_box(out, *b"tkhd", version, flags, |out| {
            put_time(out, version, 0);
            put_time(out, version, 0);
            put_u32(out, self.id);
            put_u32(out, 0);
            put_time(out, version, self.movie_duration);
            put_zeros(out, 10);
            put_u16(out, group);
            put_u16(out, volume);
            put_u16(out, 0);
            put_matrix(out);
            put_u32(out, sides.0);
            put_u32(out, sides.1);
        });
    }

    /// One edit takes off the presentation delay or the priming.
    fn put_edits(self, out: &mut Vec<u8>) {
        let media_time = self.track.media_time.unsigned_abs();
        let version = version_for(&[self.movie_duration, media_time]);
        put_box(out, *b"edts", |out| {
            put_full_box(out, *b"elst", version, 0, |out| {
                put_u32(out, 1);
                put_time(out, version, self.movie_duration);
                put_time(out, version, media_time);
                put_u32(out, ONE);
            });
        });
    }

    fn put_mdhd(self, out: &mut Vec<u8>) {
        let language = match &self.track.media {
            TrackMedia::Video { .. } => None,
            TrackMedia::Audio { language, .. } => language.as_deref(),
        };
        let version = version_for(&[self.media_duration]);
        put_full_box(out, *b"mdhd", version, 0, |out| {
            put_time(out, version, 0);
            put_time(out, version, 0);
            put_u32(out, self.timescale);
            put_time(out, version, self.media_duration);
            put_u16(out, packed_language(language));
            put_u16(out, 0);
        });
    }

    fn put_hdlr(self, out: &mut Vec<u8>) {
        let (handler, name) = match self.track.media {
            TrackMedia::Video { .. } => (b"vide", &b"video\0"[..]),
            TrackMedia::Audio { .. } => (b"soun", &b"audio\0"[..]),
        };
        put_full_box(out, *b"hdlr", 0, 0, |out| {
            put_u32(out, 0);
            out.extend_from_slice(handler);
            put_zeros(out, 12);
            out.extend_from_slice(name);
        });
    }

    fn put_sample_entry(self, out: &mut Vec<u8>) {
        let config = &self.track.codec_config;
        match self.track.media {
            TrackMedia::Video {
                width,
                height,
                color,
                ..
            } => put_avc1(out, (width, height), color, config),
            TrackMedia::Audio {
                sample_rate_hz,
                channels,
                bitrate_bps,
                ..
            } => put_box(out, *b"mp4a", |out| {
                put_zeros(out, 6);
                // The one entry of `dref`.
                put_u16(out, 1);
                put_zeros(out, 8);
                put_u16(out, u16::from(channels));
                // Bits of a sample once it is decoded.
                put_u16(out, 16);
                put_zeros(out, 4);
                put_u32(out, sample_rate_hz << 16);
                put_esds(out, config, bitrate_bps);
            }),
        }
    }
}

fn put_avc1(out: &mut Vec<u8>, size: (u32, u32), color: Color, config: &[u8]) {
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    put_box(out, *b"avc1", |out| {
        put_zeros(out, 6);
        // The one entry of `dref`.
        put_u16(out, 1);
        put_zeros(out, 16);
        put_u16(out, side(size.0));
        put_u16(out, side(size.1));
        put_u32(out, DOTS_PER_INCH);
        put_u32(out, DOTS_PER_INCH);
        put_u32(out, 0);
        // Frames in a sample.
        put_u16(out, 1);
        // No name of a compressor.
        put_zeros(out, 32);
        // Colour without alpha; no colour table.
        put_u16(out, 0x18);
        put_u16(out, u16::MAX);
        put_box(out, *b"avcC", |out| out.extend_from_slice(config));
        put_box(out, *b"colr", |out| {
            out.extend_from_slice(b"nclx");
            put_u16(out, u16::from(color.primaries));
            put_u16(out, u16::from(color.transfer));
            put_u16(out, u16::from(color.matrix));
            out.push(u8::from(color.full_range) << 7);
        });
        put_box(out, *b"pasp", |out| {
            put_u32(out, 1);
            put_u32(out, 1);
        });
    });
}

/// The elementary stream descriptor (ISO/IEC 14496-1 section 7.2.6).
fn put_esds(out: &mut Vec<u8>, config: &[u8], bitrate_bps: u32) {
    let descriptor = |tag: u8, content: &[u8]| {
        let mut whole = vec![
            tag,
            u8::try_from(content.len().min(MAX_DESCRIPTOR_BYTES)).unwrap_or(u8::MAX),
        ];
        whole.extend_from_slice(content);
        whole
    };
    let mut decoder = vec![OBJECT_AAC, STREAM_AUDIO, 0, 0, 0];
    // Highest and mean rate: AAC's own reservoir keeps both close.
    put_u32(&mut decoder, bitrate_bps);
    put_u32(&mut decoder, bitrate_bps);
    decoder.extend_from_slice(&descriptor(5, config));
    // Stream number 0, no flags; then the decoder, then "as MP4 has it" about the sync layer.
    let mut stream = vec![0, 0, 0];
    stream.extend_from_slice(&descriptor(4, &decoder));
    stream.extend_from_slice(&descriptor(6, &[2]));
    put_full_box(out, *b"esds", 0, 0, |out| {
        out.extend_from_slice(&descriptor(3, &stream));
    });
}

/// An ISO 639-2 code in three times five bits.
fn packed_language(code: Option<&str>) -> u16 {
    match code.map(str::as_bytes) {
        Some(&[a, b, c]) if [a, b, c].iter().all(u8::is_ascii_lowercase) => [a, b, c]
            .into_iter()
            .fold(0, |packed, letter| packed << 5 | u16::from(letter - 0x60)),
        Some(_) | None => LANGUAGE_UNKNOWN,
    }
}
