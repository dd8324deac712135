//! The pure core of reelmesh: words as types, exact time, the spec and its ladder, planning, the
//! scheduler and the decisions of the store protocol.
//!
//! Nothing in here does I/O, reads a clock, draws a random number or spawns a thread: what the core
//! needs of the world is passed in, and what it wants done comes out as plain values. The crate is
//! `no_std`, so that the compiler proves it.
#![no_std]
#![warn(clippy::wildcard_enum_match_arm, clippy::cast_possible_truncation)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod chroma;
pub mod codec;
pub mod events;
pub mod failure;
pub mod fingerprint;
pub mod ids;
pub mod ladder;
pub mod media_types;
pub mod plan;
pub mod rational;
pub mod schedule;
pub mod spec;
pub mod store;
pub mod time;
pub mod timeline;
