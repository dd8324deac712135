//! reelmesh as a library: a node that takes jobs, splits them, has them encoded by its workers and
//! puts the outputs in place, surviving its own death at any moment.
//!
//! Start with [`node::Node::start`]; what it is told and what it answers are the plain types of
//! [`api`]. Beneath, actors are thin shells: they turn messages into inputs of the pure scheduler
//! of `reelmesh-domain`, and its effects into I/O. An actor holds no truth: the store
//! ([`store`]) holds what is decided, checkpoints ([`checkpoints`]) what the node would hate to do
//! again, memory the rest.

mod admission;
pub mod api;
mod archive;
pub mod checkpoints;
mod cluster;
mod coordinator;
pub mod engine;
pub mod job_handle;
mod jobs;
mod machine;
mod memory;
pub mod node;
mod panics;
pub mod pool;
mod post;
mod publishing;
mod puller;
mod pusher;
mod random;
pub mod report;
mod restarts;
mod shared;
mod splitter;
pub mod spool;
pub mod state_dir;
mod status_log;
pub mod store;
mod supervisor;
mod turns;
pub mod worker;
