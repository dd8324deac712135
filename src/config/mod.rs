//! The configuration: defaults, file, environment and flags in layers, each value with its origin.
//!
//! All that is wrong is reported at once, one error a key, and unknown keys are refused.

#[cfg(test)]
mod documents;
mod environment;
mod keys;
mod layers;

pub(crate) use environment::Environment;
pub(crate) use keys::{VARIABLE_PREFIX, Value};
pub(crate) use layers::{Flag, Settings};
