//! FFmpeg in process: probing, scanning, one task's decode, scale and encode, audio, packaging.
//!
//! Knows nothing of jobs, nodes, stores or actors: bytes come from a [`io::ByteSource`], fragments
//! go to a [`io::FragmentSink`], and a task is told everything by plain types of
//! [`reelmesh_domain::media_types`].

pub mod audio;
pub mod border;
pub mod chunk;
pub mod control;
pub mod error;
pub mod ffi;
pub mod fragment;
pub mod golden;
pub mod io;
mod layout;
pub mod limits;
pub mod log;
pub mod package;
pub mod probe;
pub mod scale;
pub mod scan;
pub mod vbv;
pub mod verify;
pub mod window;
