//! reelmesh as a library: a node that takes jobs, splits them, has them encoded by its workers and
//! puts the outputs in place, surviving its own death at any moment.
//!
//! Start with [`node::Node::start`]; what it is told and what it answers are the plain types of
//! [`api`]. Beneath, actors are thin shells: they turn messages into inputs of the pure scheduler
//! of `reelmesh-domain`, and its effects into I/O. An actor holds no truth: the store
//! ([`store`]) holds what is decided, checkpoints ([`checkpoints`]) what the node would hate to do
//! again, memory the rest.

pub mod api;
pub mod checkpoints;
pub mod engine;
#[expect(
    dead_code,
    reason = "the node, which calls the rest, is the next piece"
)]
pub mod job_handle;
pub mod node;
mod panics;
pub mod pool;
#[expect(
    dead_code,
    reason = "the node, which calls the rest, is the next piece"
)]
mod random;
pub mod report;
mod restarts;
pub mod spool;
pub mod state_dir;
pub mod store;
pub mod worker;
