//! Who is at work for a run beside the actors: one at a time ends it, and not before its commits are put.
//!
//! Such work outlives the actor that began it. An actor that is started again is asked again, so the same
//! work would be done twice at once, and a sweep would pass what is still being written.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use reelmesh_domain::ids::RunId;
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, watch};

/// Of all runs.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    ending: Mutex<BTreeMap<RunId, Weak<Turn<()>>>>,
    /// How many commits are under way for each run that has any.
    commits: Arc<watch::Sender<BTreeMap<RunId, u32>>>,
}

/// A commit is under way for as long as this lives.
#[derive(Debug)]
pub(crate) struct Committing {
    run: RunId,
    commits: Arc<watch::Sender<BTreeMap<RunId, u32>>>,
}

impl Turns {
    /// Waits until nobody else ends the run.
    pub(crate) async fn to_end(&self, run: RunId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner);
            ending.retain(|_, turn| turn.strong_count() > 0);
            let known = ending.get(&run).and_then(Weak::upgrade);
            let turn = known.unwrap_or_default();
            ending.insert(run, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }

    /// Begins a commit.
    pub(crate) fn commit(&self, run: RunId) -> Committing {
        let commits = Arc::clone(&self.commits);
        commits.send_modify(|commits| *commits.entry(run).or_insert(0) += 1);
        Committing { run, commits }
    }

    /// Returns when no commit is under way for the run.
    pub(crate) async fn committed(&self, run: RunId) {
        let mut commits = self.commits.subscribe();
        // The sender lives as long as this does.
        drop(
            commits
                .wait_for(|commits| !commits.contains_key(&run))
                .await,
        );
    }
}

impl Drop for Committing {
    fn drop(&mut self) {
        let run = self.run;
        self.commits.send_modify(|commits| {
            if let Some(count) = commits.get_mut(&run) {
                *count -= 1;
                if *count == 0 {
                    commits.remove(&run);
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use reelmesh_domain::ids::{JobId, RunNumber};

    use super::*;

    fn run(number: u32) -> RunId {
        RunId {
            job: JobId::from_bits(1),
            run: RunNumber(number),
        }
    }

    /// The second waits for the first, another run for nobody; nothing is remembered of runs that ended.
    #[tokio::test]
    async fn one_at_a_time_ends_a_run() {
        let turns = Turns::default();
        let first = turns.to_end(run(1)).await;
        assert!(turns.to_end(run(1)).now_or_never().is_none());
        assert!(turns.to_end(run(2)).now_or_never().is_some());
        drop(first);
        assert!(turns.to_end(run(1)).now_or_never().is_some());
        assert!(turns.to_end(run(3)).now_or_never().is_some());
        assert_eq!(turns.ending.lock().unwrap().len(), 1);
    }

    /// A run is quiet when the last of its commits has ended, whatever others do.
    #[tokio::test]
    async fn a_run_is_quiet_after_its_last_commit() {
        let turns = Turns::default();
        assert!(turns.committed(run(1)).now_or_never().is_some());
        let (one, two, _other) = (
            turns.commit(run(1)),
            turns.commit(run(1)),
            turns.commit(run(2)),
        );
        drop(one);
        assert!(turns.committed(run(1)).now_or_never().is_none());
        drop(two);
        assert!(turns.committed(run(1)).now_or_never().is_some());
        assert!(turns.committed(run(2)).now_or_never().is_none());
    }
}
