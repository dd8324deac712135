//! The commands, one a file.

pub(crate) mod config;
pub(crate) mod follow;
pub(crate) mod plan;
pub(crate) mod probe;
pub(crate) mod transcode;
pub(crate) mod verify;

use tokio::runtime::Runtime;

use crate::report::{Kind, Report};

/// What runs a node's actors.
pub(crate) fn runtime() -> Result<Runtime, Report> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Report::new(Kind::Bug, format!("starting threads: {error}")))
}
