//! What is in a source, and whether it is in scope.

use std::sync::Arc;

use reelmesh_domain::media_types::SourceFacts;

use crate::control::Control;
use crate::error::MediaError;
use crate::io::ByteSource;
use crate::limits::Limits;

/// Finds out what a source is. Reads its header and as many packets as its parameters need, and
/// decodes the first key frame.
///
/// # Errors
///
/// Unreadable, out of scope (the first reason found, naming the stream), a passed limit, cancelled.
pub fn probe(
    _source: Arc<dyn ByteSource>,
    _limits: &Limits,
    _control: &dyn Control,
) -> Result<SourceFacts, MediaError> {
    todo!()
}
