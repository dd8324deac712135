//! The init segment of a track (ISO/IEC 14496-12, CMAF brand `cmfc`).

use crate::error::MediaError;
use crate::package::Track;

/// The `ftyp` and `moov` that the track's fragments need before them.
///
/// # Errors
///
/// A bug if the track breaks its own rules.
pub fn init_segment(_track: &Track) -> Result<Vec<u8>, MediaError> {
    todo!()
}
