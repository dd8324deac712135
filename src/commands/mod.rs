//! The commands, one a file.

pub(crate) mod config;
pub(crate) mod follow;
