//! Fragments: one cell of one rendition as `moof` and `mdat` (design rule 5.10).
//!
//! Written here and not by libavformat, because only the plan knows decode times that fit over
//! seams. *Ticks of the track* are ticks of the media timescale, as they stand in the file; ticks of
//! the output's time base become ticks of the track by [`TrackClock`].
//!
//! The way of the engine: [`DecodeTimes::for_chunk`] once per rendition, then for each own packet in
//! decode order [`DecodeTimes::sample`], and per cell one [`FragmentWriter`].

pub(crate) mod boxes;
pub mod clock;
pub mod decode_time;
pub mod h264;
pub mod read;
pub mod write;

pub use clock::TrackClock;
pub use decode_time::{DecodeTimes, SampleTiming};
pub use read::{Fragment, FragmentSample, Malformed, read_fragment, read_fragment_head};
pub use write::FragmentWriter;

/// The one track of every fragment and init segment; a progressive file numbers its tracks anew.
pub const TRACK_ID: u32 = 1;

/// Most samples that one fragment may hold: two seconds at 1/90 000 s are fewer. Bounds the memory
/// that untrusted bytes can ask for.
pub const MAX_FRAGMENT_SAMPLES: u32 = 1 << 18;
