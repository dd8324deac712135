//! Makes a plan of what a scan found and what was asked for, and the next revision of a refuted one.

use alloc::string::String;
use alloc::vec::Vec;

use crate::media_types::{AudioTask, ChunkReport, ChunkTask, SourceFacts};
use crate::plan::{Plan, Timeline};
use crate::spec::Spec;

/// A plan can't be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The source is in scope for no rendition, or a bound is passed.
    #[error("{0}")]
    Source(String),
    /// A rule of the planner's own is broken.
    #[error("the planner broke its own rule: {0}")]
    Bug(String),
}

/// What a plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What probing found.
    pub facts: &'a SourceFacts,
    /// All frames; of a revision that asked for it the exact ones.
    pub timeline: &'a Timeline,
    /// What was asked for.
    pub spec: &'a Spec,
    /// The run's fingerprint.
    pub fingerprint: &'a str,
}

/// Why a revision doesn't hold: a pure function of the plan and its commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refutation {
    /// A chunk didn't deliver the planned frames: the next revision needs the exact ones
    /// ([`Timeline::with_exact_frames`]).
    Frames {
        /// Place of the leftmost such chunk.
        chunk: u32,
    },
    /// The border behind this chunk doesn't hold: merge it with the next.
    Border {
        /// Place of the chunk left of the border.
        chunk: u32,
        /// The first frame of the timeline whose hashes differ or are missing.
        frame: u64,
    },
    /// The rate bucket underflows in this chunk: it needs a longer lead-in.
    Bucket {
        /// Place of the chunk.
        chunk: u32,
        /// Place of the rendition.
        rendition: u32,
    },
}

/// Whether a revision holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judged {
    /// All borders hold.
    Proven,
    /// It doesn't.
    Refuted(Refutation),
}

impl Plan {
    /// Revision 0.
    ///
    /// # Errors
    ///
    /// See [`PlanError`].
    pub fn make(_inputs: Inputs<'_>) -> Result<Self, PlanError> {
        todo!()
    }

    /// The revision after this. `inputs.timeline` is the exact one if this or an earlier revision was
    /// refuted by [`Refutation::Frames`].
    ///
    /// # Errors
    ///
    /// See [`PlanError`].
    pub fn revised(
        &self,
        _inputs: Inputs<'_>,
        _refutation: &Refutation,
    ) -> Result<Self, PlanError> {
        todo!()
    }

    /// The definition of a chunk's unit.
    ///
    /// # Errors
    ///
    /// A bug if the plan has no such chunk or group, or doesn't fit the timeline.
    pub fn chunk_task(
        &self,
        _facts: &SourceFacts,
        _timeline: &Timeline,
        _chunk: u32,
        _group: u32,
    ) -> Result<ChunkTask, PlanError> {
        todo!()
    }

    /// The definition of an audio track's unit.
    ///
    /// # Errors
    ///
    /// A bug if the plan has no such track, or doesn't fit the timeline.
    pub fn audio_task(
        &self,
        _facts: &SourceFacts,
        _timeline: &Timeline,
        _track: u32,
    ) -> Result<AudioTask, PlanError> {
        todo!()
    }

    /// Judges the borders from left to right, in all decode groups; `reports[chunk][group]`.
    pub fn judge(&self, _reports: &[Vec<&ChunkReport>]) -> Judged {
        todo!()
    }
}
