//! Ctrl-C and its like: the first asks for a clean stop, the second ends the process at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::{Kind, Report};

/// Waits for SIGINT and SIGTERM.
#[derive(Debug)]
pub(crate) struct Stops {
    interrupt: Signal,
    terminate: Signal,
}

impl Stops {
    /// From now on neither signal ends the process by itself.
    pub(crate) fn new() -> Result<Self, Report> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Report::new(Kind::Bug, format!("listening for signals: {error}")))
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Waits for the next one. Nothing is lost if this is dropped at its await.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
