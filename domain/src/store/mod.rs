//! What the cluster keeps in its object store: names, records, and how a record decides.

pub mod decide;
pub mod keys;
pub mod records;
