//! The program's integration tests, in one binary. Each module is marked `cfg(test)`, by which clippy
//! knows that helpers in it may panic.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod job;
#[cfg(test)]
mod kills;
#[cfg(test)]
mod offset;
#[cfg(test)]
mod other_cpu;
#[cfg(test)]
mod outputs;
#[cfg(test)]
mod program;
#[cfg(test)]
mod referee;
#[cfg(test)]
mod same_bytes;
#[cfg(test)]
mod seams;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod two_at_once;
#[cfg(test)]
mod wrong_seam;
