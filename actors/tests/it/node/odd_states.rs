//! State directories and output places as crashes and changed sources leave them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use object_store::memory::InMemory;
use reelmesh_actors::api::{Admission, JobError, StopMode, Submission};
use reelmesh_actors::store::Store;
use reelmesh_domain::ids::JobId;

use super::engine::FakeEngine;
use super::{DEADLINE, Mischief, Rig, ended, transcode};
use crate::gate::{Gate, Request};

/// How long is watched that something doesn't happen: many times what it would take.
const HELD: Duration = Duration::from_millis(500);

impl Rig {
    fn stored(&self, key: &str) -> PathBuf {
        self.path("state/store").join(key)
    }

    fn fresh(&self) -> Submission {
        Submission {
            fresh: true,
            ..self.submission()
        }
    }

    /// A job that is submitted, begun, and left open by a node that is gone.
    async fn left_open(&self, submission: Submission) -> JobId {
        let engine = FakeEngine::new(Box::new(|_, _| Some(Mischief::Hang)));
        let node = self.start(&engine).await;
        let handle = node.submit(submission).await.expect("taken");
        let mut progress = handle.progress();
        progress
            .wait_for(|shown| !shown.workers.is_empty())
            .await
            .expect("the job goes on");
        node.stop(StopMode::Now).await;
        assert_eq!(ended(&handle).await, Err(JobError::Stopped));
        handle.job()
    }

    /// The same, killed between its claim and its start.
    async fn cut_off(&self, submission: Submission) -> JobId {
        let job = self.left_open(submission).await;
        std::fs::remove_file(self.stored(&format!("open/{job}-0"))).expect("it was open");
        std::fs::remove_dir_all(self.stored(&format!("jobs/{job}/runs"))).expect("it was begun");
        job
    }
}

/// A `--fresh` submission that was cut off between claim and start, which only the claim leads to: the
/// same command goes on with it, and a fresh one ends it and begins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_off_submission_doesnt_block_its_place() {
    for fresh in [false, true] {
        let rig = Rig::new(1);
        let job = rig.cut_off(rig.fresh()).await;
        let node = rig.start(&FakeEngine::obedient()).await;
        let submission = Submission {
            fresh,
            ..rig.submission()
        };
        let summary = transcode(&node, submission).await.unwrap();
        assert_eq!(summary.job != job, fresh);
        let admission = if fresh {
            Admission::New
        } else {
            Admission::Resumed
        };
        assert_eq!(summary.admission, admission);
        node.stop(StopMode::Clean).await;
    }
}

/// A source that is changed while its job is open: with `--fresh` or without, the old job is cancelled,
/// another is made, and the submitter is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_source_is_a_new_job() {
    for fresh in [false, true] {
        let rig = Rig::new(1);
        let old = rig.left_open(rig.submission()).await;
        std::fs::write(rig.path("clip.mp4"), b"another video, says the engine").unwrap();
        let node = rig.start(&FakeEngine::obedient()).await;
        let submission = Submission {
            fresh,
            ..rig.submission()
        };
        let summary = transcode(&node, submission).await.unwrap();
        assert_ne!(summary.job, old);
        assert_eq!(summary.admission, Admission::New);
        let told = summary.warnings.iter();
        let told = told.filter(|told| told.contains("changed") && told.contains(&old.to_string()));
        assert_eq!(told.count(), 1, "{:?}", summary.warnings);
        assert!(rig.stored(&format!("jobs/{old}/runs/0/outcome")).exists());
        assert!(!rig.stored(&format!("open/{old}-0")).exists());
        node.stop(StopMode::Clean).await;
    }
}

/// A record of one job that can't be read doesn't keep others from being worked on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_harms_its_own_job_only() {
    let rig = Rig::new(1);
    let job = rig.left_open(rig.submission()).await;
    std::fs::write(rig.stored(&format!("jobs/{job}/spec")), b"dust").unwrap();
    std::fs::write(rig.stored(&format!("jobs/{job}/runs/0/outcome")), b"dust").unwrap();
    let node = rig.start(&FakeEngine::obedient()).await;
    let elsewhere = Submission {
        output: rig.path("out/other"),
        ..rig.submission()
    };
    transcode(&node, elsewhere).await.unwrap();
    node.stop(StopMode::Clean).await;
}

/// What a put that was cut off left behind, and no listing shows, goes with its run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partial_blobs_go_with_their_run() {
    let rig = Rig::new(1);
    let job = rig.left_open(rig.submission()).await;
    let blobs = rig.stored(&format!("jobs/{job}/runs/0/blobs"));
    std::fs::create_dir_all(blobs.join("unit/token")).unwrap();
    std::fs::write(blobs.join("unit/token/360p#1"), b"half a blob").unwrap();
    let node = rig.start(&FakeEngine::obedient()).await;
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(summary.job, job);
    assert!(!blobs.exists());
    node.stop(StopMode::Clean).await;
}

/// A cancellation that comes before the coordinator knows anything of the run isn't lost: a fresh command
/// right behind the first ends it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_early_cancellation_is_remembered() {
    let rig = Rig::new(1);
    let reads = AtomicU32::new(0);
    let first_look = move |request, key: &str| {
        let looks = request == Request::Get && key.ends_with("/verdict");
        looks && reads.fetch_add(1, Ordering::Relaxed) == 0
    };
    let gate = Gate::new(Arc::new(InMemory::new()), Box::new(first_look));
    let engine = FakeEngine::new(Box::new(|_, _| Some(Mischief::Hang)));
    let over = Store::over(Arc::clone(&gate) as _);
    let node = Arc::new(rig.start_over(&engine, over).await);
    let first = node.submit(rig.submission()).await.unwrap();
    gate.reached().await;
    let (again, fresh) = (Arc::clone(&node), rig.fresh());
    let second = tokio::spawn(async move { again.submit(fresh).await });
    let early = tokio::time::timeout(HELD, first.wait()).await;
    assert!(early.is_err(), "{early:?} before anything is known of it");
    gate.open();
    let second = tokio::time::timeout(DEADLINE, second).await;
    let second = second.expect("the first is cancelled in time").unwrap();
    assert_ne!(second.unwrap().job(), first.job());
    assert_eq!(ended(&first).await, Err(JobError::Cancelled));
}

/// The end of a run waits for commits that are under way: their blobs would land behind the sweep.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_run_is_swept_behind_its_last_put() {
    let rig = Rig::new(1);
    let objects = Arc::new(InMemory::new());
    let blob = |request, key: &str| request == Request::Put && key.ends_with("/360p");
    let gate = Gate::new(Arc::clone(&objects) as _, Box::new(blob));
    let over = Store::over(Arc::clone(&gate) as _);
    let node = Arc::new(rig.start_over(&FakeEngine::obedient(), over).await);
    let first = node.submit(rig.submission()).await.unwrap();
    gate.reached().await;
    let (again, fresh) = (Arc::clone(&node), rig.fresh());
    let second = tokio::spawn(async move { transcode(&again, fresh).await });
    let early = tokio::time::timeout(HELD, first.wait()).await;
    assert!(early.is_err(), "{early:?} before its blobs are put");
    gate.open();
    assert_eq!(ended(&first).await, Err(JobError::Cancelled));
    second.await.unwrap().unwrap();
    let blobs = format!("jobs/{}/runs/0/blobs", first.job());
    let left = Store::over(objects).list(&blobs).await.unwrap();
    assert_eq!(left, []);
}

/// A pusher that dies while its task publishes is asked again, and doesn't publish beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_task_at_a_time_publishes() {
    let rig = Rig::new(1);
    let reads = AtomicU32::new(0);
    let first_read = move |request, key: &str| {
        let blob = request == Request::Get && key.ends_with("/360p");
        blob && reads.fetch_add(1, Ordering::Relaxed) == 0
    };
    let gate = Gate::new(Arc::new(InMemory::new()), Box::new(first_read));
    let over = Store::over(Arc::clone(&gate) as _);
    let node = rig.start_over(&FakeEngine::obedient(), over).await;
    let job = node.submit(rig.submission()).await.unwrap();
    gate.reached().await;
    node.crash("Pusher");
    let early = tokio::time::timeout(HELD, job.wait()).await;
    assert!(early.is_err(), "{early:?} beside the first");
    gate.open();
    ended(&job).await.unwrap();
    node.stop(StopMode::Clean).await;
}
