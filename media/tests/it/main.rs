//! The media engine on whole files: a corpus of odd ones, and clips made by `ffmpeg`.
#![expect(
    clippy::expect_used,
    reason = "a test that can't go on fails with a message"
)]

mod broken;
mod clips;
mod corpus;
mod fields;
mod identity;
mod pulled;
mod table;
mod window;
mod windows;
