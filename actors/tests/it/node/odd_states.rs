//! State directories and output places as crashes and changed sources leave them.

use std::path::PathBuf;

use reelmesh_actors::api::{Admission, JobError, StopMode, Submission};
use reelmesh_domain::ids::JobId;

use super::engine::FakeEngine;
use super::{DEADLINE, Mischief, Rig, ended, transcode};

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
        let handle = node.submit(submission).await.unwrap();
        let mut progress = handle.progress();
        progress
            .wait_for(|shown| !shown.workers.is_empty())
            .await
            .unwrap();
        node.stop(StopMode::Now).await;
        assert_eq!(ended(&handle).await, Err(JobError::Stopped));
        handle.job()
    }

    /// The same, killed between its claim and its start.
    async fn cut_off(&self, submission: Submission) -> JobId {
        let job = self.left_open(submission).await;
        std::fs::remove_file(self.stored(&format!("open/{job}-0"))).unwrap();
        std::fs::remove_dir_all(self.stored(&format!("jobs/{job}/runs"))).unwrap();
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
    let engine = FakeEngine::new(Box::new(|_, _| Some(Mischief::Hang)));
    let node = rig.start(&engine).await;
    let first = node.submit(rig.submission()).await.unwrap();
    let second = tokio::time::timeout(DEADLINE, node.submit(rig.fresh())).await;
    let second = second.expect("the first is cancelled in time").unwrap();
    assert_ne!(second.job(), first.job());
    assert_eq!(ended(&first).await, Err(JobError::Cancelled));
    node.stop(StopMode::Now).await;
}
