//! When two commands are the same: canonical spec, absolute input, its version, output place.

use std::os::unix::ffi::OsStrExt as _;

use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::ids::{JobId, Token};
use reelmesh_domain::store::keys::KeyHash;
use reelmesh_domain::store::records::Pin;

use crate::api::{JobError, Submission};
use crate::jobs::JobSpec;
use crate::random;

/// What makes a command itself.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) spec: JobSpec,
    pub(super) pin: Pin,
    pub(super) spec_hash: [u8; 32],
    key: KeyHash,
}

impl Identity {
    /// The identity of a submission whose source has this version.
    pub(super) fn of(submission: &Submission, pin: Pin) -> Result<Self, JobError> {
        let spec = JobSpec {
            spec: submission.spec.clone(),
            source: submission.source.as_os_str().as_bytes().to_vec(),
            output: submission.output.as_os_str().as_bytes().to_vec(),
        };
        Self::new(spec, pin)
    }

    pub(super) fn new(spec: JobSpec, pin: Pin) -> Result<Self, JobError> {
        let encoded = codec::encode(Kind::Spec, &spec.spec);
        let canonical = encoded.map_err(|error| JobError::Failed {
            what: format!("the spec is too large: {error}"),
            evidence: Vec::new(),
            needs_attention: false,
        })?;
        let spec_hash = *blake3::hash(&canonical).as_bytes();
        let key = hash(&[
            spec.spec.tenant.as_bytes(),
            &spec_hash,
            &spec.source,
            &pin.length.to_le_bytes(),
            pin.version.as_bytes(),
            &spec.output,
        ]);
        Ok(Self {
            spec,
            pin,
            spec_hash,
            key,
        })
    }

    /// The key of the command's first job.
    pub(super) const fn key(&self) -> KeyHash {
        self.key
    }

    /// The key of the job that follows one that has ended.
    pub(super) fn key_after(&self, job: JobId) -> KeyHash {
        hash(&[&self.key.0, b"after", job.to_string().as_bytes()])
    }

    /// A key that nothing was ever stored under.
    pub(super) fn fresh_key(&self) -> KeyHash {
        let suffix: Token = random::token();
        hash(&[&self.key.0, b"fresh", suffix.as_bytes()])
    }
}

/// Each part with its length, so that no two lists of parts hash alike.
fn hash(parts: &[&[u8]]) -> KeyHash {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    KeyHash(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parts aren't mixed up, and keys of jobs that follow differ from each other.
    #[test]
    fn keys_tell_parts_apart() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"ab"]), hash(&[b"ab", b""]));
    }
}
