//! A node: the supervised tree of actors, as one handle.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::{Duration, Instant};

use ractor::{Actor as _, ActorRef};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{NodeId, RunId, Token};
use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::{OutcomeRecord, SpecRecord};
use tokio::sync::{Mutex, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::admission::{Admitted, Done};
use crate::api::{
    Admission, JobError, JobEvent, JobSummary, NodeConfig, Phase, StartError, StopMode, Submission,
};
use crate::checkpoints::Checkpoints;
use crate::checkpoints::sled_db::SledCheckpoints;
use crate::cluster;
use crate::coordinator::CoordinatorMessage;
use crate::engine::Engine;
use crate::job_handle::JobHandle;
use crate::jobs::{Job, JobSpec, Jobs};
use crate::machine;
use crate::post::Post;
use crate::shared::{Shared, blocking};
use crate::spool::Spool;
use crate::state_dir::StateDir;
use crate::status_log::StatusLogMessage;
use crate::store::Store;
use crate::supervisor::{NodeSupervisor, SupervisorMessage};
use crate::turns::Turns;

/// How long a clean stop waits for attempts to give up and for spooled ones to be committed: attempts
/// stop between two packets, commits of what is spooled take as long as the store needs.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);
/// How long actors may take to stop.
const STOP_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks at what still holds the node.
const LET_GO_PAUSE: Duration = Duration::from_millis(5);
/// How long the status log may take to put its last events.
const LOG_LIMIT: Duration = Duration::from_secs(2);

/// A running node.
#[derive(Debug)]
pub struct Node {
    shared: Arc<Shared>,
    supervisor: ActorRef<SupervisorMessage>,
    ended: JoinHandle<()>,
    /// One submission at a time, so that jobs run in the order of their submission.
    admission: Mutex<()>,
}

/// What a node is opened with.
struct Opened {
    state_dir: StateDir,
    checkpoints: Arc<dyn Checkpoints>,
    store: Store,
    fingerprint: String,
}

impl Node {
    /// Starts a node: locks the state directory, opens checkpoints and store, takes up what is due
    /// (sweeps), starts the actors. `engine` runs the tasks; [`crate::engine::MediaEngine`] is the real one.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start(config: NodeConfig, engine: Arc<dyn Engine>) -> Result<Self, StartError> {
        let store = None;
        Self::start_over(config, engine, store).await
    }

    /// The same over any store; tests pass one that errs.
    ///
    /// # Errors
    ///
    /// See [`StartError`].
    pub async fn start_over(
        config: NodeConfig,
        engine: Arc<dyn Engine>,
        store: Option<Store>,
    ) -> Result<Self, StartError> {
        let (node, workers) = (config.node_id.clone(), config.workers);
        let with = Arc::clone(&engine);
        let opened = blocking(move || open(&config, with.as_ref(), store));
        let opened = opened.await.map_err(actors)??;
        cluster::settle(&opened.store).await?;
        let epoch = cluster::claim_epoch(&opened.store, &node).await?;
        tracing::debug!(%node, epoch, "this process leads");
        let shared = Arc::new(share(node, workers, engine, opened));
        take_up_due(&shared)
            .await
            .map_err(|failure| StartError::Store {
                reason: format!("{}: {}", failure.what, failure.evidence.join("; ")),
            })?;
        let spawned = NodeSupervisor::spawn(None, NodeSupervisor, Arc::clone(&shared)).await;
        let (supervisor, ended) = spawned.map_err(|error| StartError::Actors {
            reason: error.to_string(),
        })?;
        Ok(Self {
            shared,
            supervisor,
            ended,
            admission: Mutex::new(()),
        })
    }

    /// Submits a job, or finds the one that the same submission made before. Returns when the
    /// submission is acknowledged: spec, key and open record stand in the store, the output place is tried
    /// and claimed. Jobs run in the order of their submission.
    ///
    /// # Errors
    ///
    /// See [`JobError`].
    pub async fn submit(&self, submission: Submission) -> Result<JobHandle, JobError> {
        let _turn = self.admission.lock().await;
        if self.shared.is_stopping() || self.ended.is_finished() {
            return Err(JobError::Stopped);
        }
        let job = match self.shared.admit(submission).await? {
            Admitted::Done(job, report) => {
                already_done(&job, &report);
                return Ok(handle(&job));
            }
            Admitted::Taken(job) => job,
        };
        if let Err(known) = self.shared.jobs.add(Arc::clone(&job)) {
            return Ok(handle(&known));
        }
        job.channels.tell(JobEvent::Admitted {
            admission: job.admission.clone(),
            run: job.run.run,
        });
        let message = CoordinatorMessage::TakeUp(Arc::clone(&job));
        // If the coordinator is being restarted it finds the job among those that are known.
        self.shared.post.coordinator.send(message);
        Ok(handle(&job))
    }

    /// Kills one of the node's actors (`Coordinator`, `Splitter`, `Puller`, `Pool`, `Pusher`, `StatusLog`) as
    /// a crash would, to show that nothing is lost: it is started again after a pause.
    pub fn crash(&self, actor: &str) {
        let message = SupervisorMessage::Crash(actor.to_owned());
        if self.supervisor.cast(message).is_err() {
            tracing::warn!(actor, "the node has stopped: nothing is left to crash");
        }
    }

    /// Stops the node. Jobs that haven't ended end as [`JobError::Stopped`] for those who wait.
    pub async fn stop(mut self, mode: StopMode) {
        self.shared.stopping.send_replace(true);
        if mode == StopMode::Clean {
            self.drain().await;
        }
        let stopped = self
            .supervisor
            .stop_children_and_wait(None, Some(STOP_LIMIT));
        stopped.await;
        self.supervisor.stop(None);
        if tokio::time::timeout(STOP_LIMIT, &mut self.ended)
            .await
            .is_err()
        {
            self.supervisor.kill();
        }
        self.shared.end_tasks().await;
        self.shared.jobs.end_all(&JobError::Stopped);
        self.let_go().await;
        let shared = Arc::clone(&self.shared);
        let flushed = blocking(move || shared.checkpoints.flush()).await;
        if !matches!(flushed, Ok(Ok(()))) {
            tracing::warn!("the last checkpoints may be lost: some work may be done again");
        }
    }

    /// Waits until nothing else holds the node's locks: work on blocking threads can't be ended, only
    /// waited for.
    async fn let_go(&self) {
        let begun = Instant::now();
        while Arc::strong_count(&self.shared) > 1 && begun.elapsed() < STOP_LIMIT {
            tokio::time::sleep(LET_GO_PAUSE).await;
        }
    }

    async fn drain(&self) {
        let (reply, drained) = oneshot::channel();
        let message = CoordinatorMessage::Drain(reply.into());
        if self.shared.post.coordinator.send(message)
            && tokio::time::timeout(DRAIN_LIMIT, drained).await.is_err()
        {
            tracing::warn!("attempts are still running: what they did is lost");
        }
        let (reply, flushed) = oneshot::channel();
        let message = StatusLogMessage::Flush(reply.into());
        if self.shared.post.status_log.send(message)
            && tokio::time::timeout(LOG_LIMIT, flushed).await.is_err()
        {
            tracing::warn!("the last events of the status log are lost");
        }
    }
}

/// Everything that blocks before the first actor.
fn open(
    config: &NodeConfig,
    engine: &dyn Engine,
    store: Option<Store>,
) -> Result<Opened, StartError> {
    let state_dir = StateDir::lock(&config.state_dir)?;
    let store = match store {
        Some(store) => store,
        None => Store::open(config.store_url.as_deref(), &state_dir.store())?,
    };
    let path = state_dir.checkpoints();
    let checkpoints = SledCheckpoints::open(&path).map_err(|error| StartError::Io {
        what: format!("opening {}", path.display()),
        source: std::io::Error::other(error.to_string()),
    })?;
    let fingerprint = machine::fingerprint(engine, &checkpoints);
    Ok(Opened {
        state_dir,
        checkpoints: Arc::new(checkpoints),
        store,
        fingerprint: fingerprint.map_err(|reason| StartError::Actors { reason })?,
    })
}

fn share(node: NodeId, workers: NonZeroU32, engine: Arc<dyn Engine>, opened: Opened) -> Shared {
    Shared {
        node,
        workers,
        fingerprint: opened.fingerprint,
        engine,
        store: opened.store,
        checkpoints: opened.checkpoints,
        spool: Spool::new(opened.state_dir.spool()),
        _state_dir: opened.state_dir,
        post: Post::default(),
        jobs: Jobs::default(),
        turns: Turns::default(),
        stopping: watch::Sender::new(false),
        tasks: StdMutex::new(JoinSet::new()),
    }
}

/// Sweeps the spool, and ends runs whose outcome stands and whose sweep an earlier process didn't finish.
async fn take_up_due(shared: &Arc<Shared>) -> Result<(), Failure> {
    let with = Arc::clone(shared);
    let swept = blocking(move || match with.leftovers(None) {
        Ok(pending) => {
            let kept: BTreeSet<Token> = pending.iter().map(|pending| pending.token).collect();
            with.spool
                .sweep(|token| kept.contains(&token))
                .map_err(|error| error.to_string())
        }
        // What isn't known to be litter stays.
        Err(error) => Err(error.to_string()),
    });
    if let Err(error) = swept.await? {
        tracing::warn!(error, "the spool isn't swept");
    }
    for run in shared.open_runs().await? {
        // One that can't be read must not keep all others from being worked on.
        if let Err(failure) = finish_ended(shared, run).await {
            tracing::warn!(%run, ?failure, "what an ended run left isn't swept");
        }
    }
    Ok(())
}

/// Does what an outcome leaves to be done; nothing if there is none.
async fn finish_ended(shared: &Arc<Shared>, run: RunId) -> Result<(), Failure> {
    let key = Key::Outcome(run);
    let Some(outcome) = shared.decided::<OutcomeRecord>(&key).await? else {
        return Ok(());
    };
    let key = Key::Spec(run.job);
    match shared.decided::<SpecRecord<JobSpec>>(&key).await? {
        Some(spec) => shared.finish(run, &spec.record.spec, &outcome.record).await,
        None => Ok(()),
    }
}

fn handle(job: &Job) -> JobHandle {
    JobHandle::new(job.run.job, job.admission.clone(), job.channels.clone())
}

fn already_done(job: &Job, done: &Done) {
    let (files, media) = (done.outcome.files.iter(), &done.report.media);
    job.channels.show(|shown| {
        shown.phase = Phase::Ended;
        shown.frames_total = media.frames;
        shown.frames_done = media.frames;
    });
    job.channels.end(Ok(JobSummary {
        job: job.run.job,
        run: job.run.run,
        admission: Admission::AlreadyDone,
        output: job.spec.output(),
        files: files.map(|file| (file.path.clone(), file.size)).collect(),
        frames: media.frames,
        units_total: 0,
        units_kept: 0,
        warnings: Vec::new(),
    }));
}

fn actors(failure: Failure) -> StartError {
    StartError::Actors {
        reason: failure.what,
    }
}
