//! Follows one job to its end, or to the user's wish to stop.

use reelmesh_actors::api::{JobError, JobEvent, JobSummary};
use reelmesh_actors::job_handle::JobHandle;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::MissedTickBehavior;

use crate::progress::{Display, REDRAW_EVERY};
use crate::signals::Stops;

/// Why a job isn't followed any longer.
#[derive(Debug)]
pub(crate) enum Followed {
    /// It ended.
    Ended(Result<JobSummary, JobError>),
    /// The user wants to stop.
    StopAsked,
}

/// Shows a job until it ends or the user asks for a stop. Events come before the ending that they belong to.
pub(crate) async fn follow(
    handle: &JobHandle,
    events: &mut Receiver<JobEvent>,
    display: &mut Display,
    stops: &mut Stops,
) -> Followed {
    let progress = handle.progress();
    let mut redraw = tokio::time::interval(REDRAW_EVERY);
    redraw.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let ending = handle.wait();
    tokio::pin!(ending);
    let mut listening = true;
    loop {
        tokio::select! {
            biased;
            event = events.recv(), if listening => match event {
                Ok(event) => display.event(&event),
                Err(RecvError::Lagged(missed)) => {
                    display.message(&format!("{missed} messages were missed: the display is too slow"));
                }
                Err(RecvError::Closed) => listening = false,
            },
            () = stops.next() => return Followed::StopAsked,
            result = &mut ending => {
                while let Ok(event) = events.try_recv() {
                    display.event(&event);
                }
                return Followed::Ended(result);
            }
            _ = redraw.tick() => display.progress(&progress.borrow()),
        }
    }
}
