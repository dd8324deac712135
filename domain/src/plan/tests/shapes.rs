//! Shows how films are cut.
