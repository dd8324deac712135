//! The program's integration tests, in one binary. Each module is marked `cfg(test)`, by which clippy
//! knows that helpers in it may panic.

#[cfg(test)]
mod cli;
#[cfg(test)]
mod program;
#[cfg(test)]
mod tidy;
