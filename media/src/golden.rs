//! The golden clip: what each engine path of this machine makes of a tiny built-in clip.

use reelmesh_domain::fingerprint::Fingerprint;

use crate::error::MediaError;

/// Versions of the libraries, and BLAKE3 of what each engine path makes of the golden clip. Takes some
/// hundred milliseconds of CPU.
///
/// # Errors
///
/// A bug if a path that must be there isn't.
pub fn fingerprint() -> Result<Fingerprint, MediaError> {
    todo!()
}
