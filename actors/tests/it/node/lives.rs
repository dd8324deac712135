//! Jobs that outlive their node, and commands that are repeated.

use std::sync::Arc;
use std::time::Duration;

use object_store::memory::InMemory;
use reelmesh_actors::api::{Admission, JobError, JobEvent, StopMode, Submission};
use reelmesh_actors::store::Store;
use reelmesh_domain::store::records::AttemptStatus;

use super::engine::FakeEngine;
use super::{Mischief, Rig, ended, statuses, transcode};
use crate::faulty::{Fault, FaultyStore};

/// A node that stops at any event, without warning: the next one goes on, ends with the same bytes, and
/// begins no committed unit again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_outlives_its_node_at_each_event() {
    let undisturbed = Rig::new(2);
    let node = undisturbed.start(&FakeEngine::obedient()).await;
    transcode(&node, undisturbed.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;
    let expected = undisturbed.outputs();

    // Scan, plan, first and last attempts, assembly, publishing, end.
    for cut in [0, 1, 3, 5, 8, 12, 17, 21, 23, 24, 25, 26] {
        let rig = Rig::new(2);
        let engine = FakeEngine::obedient();
        let node = rig.start(&engine).await;
        let handle = node.submit(rig.submission()).await.unwrap();
        let mut events = handle.events();
        for _ in 0..cut {
            if let Ok(JobEvent::Ended { .. }) | Err(_) = events.recv().await {
                break;
            }
        }
        node.stop(StopMode::Now).await;
        let node = rig.start(&engine).await;
        let before = engine.runs();
        let committed = rig.committed();
        let summary = transcode(&node, rig.submission()).await.unwrap();
        assert_ne!(summary.admission, Admission::New, "cut {cut}");
        assert_eq!(rig.outputs(), expected, "cut {cut}");
        if summary.admission == Admission::Resumed {
            let report = rig.report();
            let made = statuses(&report)[&AttemptStatus::Committed];
            assert_eq!(made, 10, "cut {cut}");
            let again: u32 = engine.runs().values().sum::<u32>() - before.values().sum::<u32>();
            let again = usize::try_from(again).unwrap();
            assert!(
                again <= 10 - committed,
                "cut {cut}: {again} begun, {committed} kept"
            );
        }
        node.stop(StopMode::Clean).await;
    }
}

impl Rig {
    /// How many units are committed.
    fn committed(&self) -> usize {
        let store = super::walk(&self.path("state/store"));
        store
            .iter()
            .filter(|name| name.contains("/commits/"))
            .count()
    }
}

/// A clean stop gives attempts up and says so to those who wait; the same command goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_gives_attempts_up() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, count| {
        (name == "100+25" && count == 1).then_some(Mischief::Hang)
    }));
    let node = rig.start(&engine).await;
    let handle = node.submit(rig.submission()).await.unwrap();
    let mut progress = handle.progress();
    progress
        .wait_for(|shown| shown.units_committed == 8)
        .await
        .unwrap();
    node.stop(StopMode::Clean).await;
    assert_eq!(ended(&handle).await, Err(JobError::Stopped));
    let node = rig.start(&engine).await;
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!((summary.units_kept, summary.units_total), (8, 9));
    let counted = statuses(&rig.report());
    assert_eq!(
        counted.get(&AttemptStatus::Cancelled),
        Some(&1),
        "{counted:?}"
    );
    node.stop(StopMode::Clean).await;
}

/// The same command finds its job done; a missing file makes it a new job, `fresh` too; another command at
/// the same place takes it over, but not from a job that hasn't ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_commands_find_their_job() {
    let rig = Rig::new(2);
    let engine = FakeEngine::obedient();
    let node = rig.start(&engine).await;
    let first = transcode(&node, rig.submission()).await.unwrap();
    let again = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(
        (again.job, again.admission),
        (first.job, Admission::AlreadyDone)
    );
    std::fs::remove_file(rig.path("out/clip/180p.mp4")).unwrap();
    let second = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(second.admission, Admission::New);
    let fresh = Submission {
        fresh: true,
        ..rig.submission()
    };
    let third = transcode(&node, fresh).await.unwrap();
    assert!(third.job != second.job && third.admission == Admission::New);
    let again = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(
        (again.job, again.admission),
        (third.job, Admission::AlreadyDone)
    );

    let mut other = rig.submission();
    other.spec.packages.pop_last();
    let taken = transcode(&node, other.clone()).await.unwrap();
    assert_eq!(taken.admission, Admission::New);
    assert!(rig.outputs().keys().all(|name| !name.starts_with("hls/")));
    node.stop(StopMode::Clean).await;

    let engine = FakeEngine::new(Box::new(|_, _| Some(Mischief::Hang)));
    let node = rig.start(&engine).await;
    let open = node.submit(rig.submission()).await.unwrap();
    let error = node
        .submit(other)
        .await
        .map(|handle| handle.job())
        .unwrap_err();
    let holder = open.job().to_string();
    assert!(
        matches!(&error, JobError::OutputPlace { reason, .. } if reason.contains(&holder)),
        "{error:?}"
    );
    node.stop(StopMode::Now).await;

    let engine = FakeEngine::obedient();
    let node = rig.start(&engine).await;
    let fresh = Submission {
        fresh: true,
        ..rig.submission()
    };
    let begun = transcode(&node, fresh).await.unwrap();
    assert_ne!(begun.job, open.job());
    node.stop(StopMode::Clean).await;
}

/// A store that refuses, loses answers and writes late: the same outputs, and no attempt is wasted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_errs_costs_nothing_but_time() {
    let undisturbed = Rig::new(2);
    let node = undisturbed.start(&FakeEngine::obedient()).await;
    transcode(&node, undisturbed.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;

    let late = Fault::Late(Duration::from_millis(1));
    let turns = [
        Fault::None,
        Fault::AnswerLost,
        Fault::None,
        Fault::Before,
        late,
    ];
    let script: Vec<Fault> = turns.into_iter().cycle().take(200).collect();
    // The probe of the store would take the lost answers for its own.
    let store = Arc::new(InMemory::new());
    let rig = Rig::new(2);
    let engine = FakeEngine::obedient();
    let first = rig.start_over(&engine, Store::over(Arc::clone(&store) as _));
    first.await.stop(StopMode::Clean).await;
    let store = Store::over(Arc::new(FaultyStore::new(store, &script)));
    let node = rig.start_over(&FakeEngine::obedient(), store).await;
    transcode(&node, rig.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;
    assert_eq!(rig.outputs(), undisturbed.outputs());
    let counted = statuses(&rig.report());
    assert_eq!(counted.get(&AttemptStatus::Committed), Some(&10));
    assert_eq!(counted.len(), 1, "{counted:?}");
}

/// Each actor dies at each stage of a job: it is started again, and the outputs are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn actors_die_and_nothing_is_lost() {
    let undisturbed = Rig::new(2);
    let node = undisturbed.start(&FakeEngine::obedient()).await;
    transcode(&node, undisturbed.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;

    for actor in [
        "Coordinator",
        "Splitter",
        "Puller",
        "Pool",
        "Pusher",
        "StatusLog",
    ] {
        let rig = Rig::new(2);
        let node = rig.start(&FakeEngine::obedient()).await;
        let handle = node.submit(rig.submission()).await.unwrap();
        let mut events = handle.events();
        node.crash(actor);
        for at in 0_u32.. {
            match events.recv().await {
                Ok(JobEvent::Ended { .. }) | Err(_) => break,
                Ok(_) if at % 7 == 6 && at < 28 => node.crash(actor),
                Ok(_) => {}
            }
        }
        let summary = ended(&handle).await;
        assert!(summary.is_ok(), "{actor}: {summary:?}");
        assert_eq!(rig.outputs(), undisturbed.outputs(), "{actor}");
        node.stop(StopMode::Clean).await;
    }
}
