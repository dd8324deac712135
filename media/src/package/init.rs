//! The init segment of a track (ISO/IEC 14496-12, CMAF brand `cmfc`).

use super::moov::{Movie, TrackHead, checked_clock, put_ftyp, put_mvhd};
use crate::error::MediaError;
use crate::fragment::TRACK_ID;
use crate::fragment::boxes::{put_box, put_full_box, put_u32};
use crate::package::Track;
use crate::package::tables::SampleTables;

/// The `ftyp` and `moov` that the track's fragments need before them.
///
/// # Errors
///
/// A bug if the track breaks its own rules.
pub fn init_segment(track: &Track) -> Result<Vec<u8>, MediaError> {
    let clock = checked_clock(track)?;
    let timescale = clock.timescale();
    let head = TrackHead {
        track,
        id: TRACK_ID,
        timescale,
        movie_duration: 0,
        media_duration: 0,
    };
    let mut out = Vec::new();
    // `iso6` knows what our fragments use: offsets from the moof and 64-bit decode times.
    put_ftyp(&mut out, *b"iso6", &[*b"iso6", *b"cmfc", *b"mp41"]);
    put_box(&mut out, *b"moov", |out| {
        put_mvhd(
            out,
            Movie {
                timescale,
                duration: 0,
                next_track: TRACK_ID + 1,
            },
        );
        head.put_trak(out, |out| SampleTables::default().put(out, false, 0));
        put_box(out, *b"mvex", |out| {
            put_full_box(out, *b"trex", 0, 0, |out| {
                put_u32(out, TRACK_ID);
                // The one sample entry; duration, size and flags stand in each fragment.
                put_u32(out, 1);
                put_u32(out, 0);
                put_u32(out, 0);
                put_u32(out, 0);
            });
        });
    });
    Ok(out)
}
