//! The corpus, as the table says.
