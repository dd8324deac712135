//! Integration tests of the library, one binary.
#![expect(
    clippy::expect_used,
    reason = "the helpers of tests may panic as the tests themselves do"
)]

mod decide;
mod faulty;
mod gate;
mod node;
mod pool;
