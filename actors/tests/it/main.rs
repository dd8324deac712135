//! Integration tests of the library, one binary.

mod decide;
mod faulty;
