//! Nodes that are stopped in the midst of each phase, and what the next one finds.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use object_store::memory::InMemory;
use reelmesh_actors::api::{Admission, JobError, JobEvent, StopMode};
use reelmesh_actors::store::Store;
use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::events::{Event, Happened};

use super::engine::FakeEngine;
use super::{Mischief, Rig, ended, engine, transcode, walk};
use crate::gate::{Closed, Gate, Request};

/// What a user who pressed Ctrl-C waits for without pressing it again.
const PROMPT: Duration = Duration::from_secs(2);

/// A clean stop in the midst of a scan, of encoding, of assembling and of publishing ends promptly, says so to
/// those who wait, and the same command goes on to the same outputs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_is_prompt_in_each_phase() {
    let undisturbed = Rig::new(2);
    let node = undisturbed.start(&FakeEngine::obedient()).await;
    transcode(&node, undisturbed.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;
    for (phase, hangs, closed) in phases() {
        let rig = Rig::new(2);
        let objects = Arc::new(InMemory::new());
        let began = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&began);
        let engine = FakeEngine::new(Box::new(move |name, _| {
            (name == hangs).then(|| {
                count.fetch_add(1, Ordering::Relaxed);
                Mischief::Hang
            })
        }));
        let gate = Gate::new(Arc::clone(&objects) as _, closed);
        let node = rig.start_over(&engine, Store::over(Arc::clone(&gate) as _));
        let node = node.await;
        let handle = node.submit(rig.submission()).await.unwrap();
        if hangs.is_empty() {
            gate.reached().await;
        } else {
            let mut progress = handle.progress();
            let waited = progress.wait_for(|_| began.load(Ordering::Relaxed) > 0);
            waited.await.unwrap();
        }
        let stopping = Instant::now();
        node.stop(StopMode::Clean).await;
        assert!(
            stopping.elapsed() < PROMPT,
            "{phase}: {:?}",
            stopping.elapsed()
        );
        assert_eq!(ended(&handle).await, Err(JobError::Stopped), "{phase}");

        let store = Store::over(objects);
        let node = rig.start_over(&FakeEngine::obedient(), store).await;
        let summary = transcode(&node, rig.submission()).await.unwrap();
        assert_eq!(summary.admission, Admission::Resumed, "{phase}");
        assert_eq!(rig.outputs(), undisturbed.outputs(), "{phase}");
        node.stop(StopMode::Clean).await;
    }
}

/// Each phase with the unit that never ends in it, or the request that is never answered.
fn phases() -> [(&'static str, &'static str, Closed); 5] {
    let open = || -> Closed { Box::new(|_, _| false) };
    [
        ("scan", "scan", open()),
        ("encode", "100+25", open()),
        ("audio", "audio", open()),
        (
            "assemble",
            "",
            Box::new(|request, key| request == Request::Get && key.ends_with("/360p")),
        ),
        ("publish", "", Box::new(outcome)),
    ]
}

fn outcome(request: Request, key: &str) -> bool {
    request == Request::Put && key.ends_with("/outcome")
}

/// A clean stop while frames are counted by decoding ends promptly, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clean_stop_ends_a_count() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, count| match (name, count) {
        ("175+25", _) => Some(Mischief::OtherList),
        (engine::COUNT, 1) => Some(Mischief::Hang),
        _ => None,
    }));
    let node = rig.start(&engine).await;
    let handle = node.submit(rig.submission()).await.unwrap();
    let mut progress = handle.progress();
    let counting = progress.wait_for(|_| engine.runs().contains_key(engine::COUNT));
    counting.await.unwrap();
    let stopping = Instant::now();
    node.stop(StopMode::Clean).await;
    assert!(stopping.elapsed() < PROMPT, "{:?}", stopping.elapsed());
    assert_eq!(ended(&handle).await, Err(JobError::Stopped));
    let node = rig.start(&engine).await;
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(summary.frames, engine::FRAMES - 1);
    node.stop(StopMode::Clean).await;
}

/// Frames that were counted by decoding aren't counted again because the process ended before the count was
/// committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_count_outlives_its_node() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, _| {
        (name == "175+25").then_some(Mischief::OtherList)
    }));
    let objects = Arc::new(InMemory::new());
    let scans = AtomicU32::new(0);
    // The second blob of a scan is the count's.
    let closed: Closed = Box::new(move |request, key| {
        let scan = request == Request::Put && key.contains("/blobs/") && key.ends_with("/scan");
        scan && scans.fetch_add(1, Ordering::Relaxed) > 0
    });
    let gate = Gate::new(Arc::clone(&objects) as _, closed);
    let node = rig.start_over(&engine, Store::over(Arc::clone(&gate) as _));
    let node = node.await;
    node.submit(rig.submission()).await.unwrap();
    gate.reached().await;
    node.stop(StopMode::Now).await;
    let node = rig.start_over(&engine, Store::over(objects)).await;
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(summary.frames, engine::FRAMES - 1);
    assert_eq!(engine.runs()[engine::COUNT], 1);
    node.stop(StopMode::Clean).await;
}

/// Files that an ended process has put in place whole stay; one that was changed since is written again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_files_are_kept() {
    let rig = Rig::new(2);
    let objects = Arc::new(InMemory::new());
    let gate = Gate::new(Arc::clone(&objects) as _, Box::new(outcome));
    let store = Store::over(Arc::clone(&gate) as _);
    let node = rig.start_over(&FakeEngine::obedient(), store).await;
    node.submit(rig.submission()).await.unwrap();
    gate.reached().await;
    node.stop(StopMode::Now).await;
    let expected = rig.outputs();
    let before = inodes(&rig);
    let changed = "hls/180p/00002.m4s";
    let mut bytes = expected[changed].clone();
    bytes[9] ^= 1;
    std::fs::write(rig.path("out/clip").join(changed), bytes).unwrap();

    let store = Store::over(objects);
    let node = rig.start_over(&FakeEngine::obedient(), store).await;
    transcode(&node, rig.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;
    assert_eq!(rig.outputs(), expected);
    let after = inodes(&rig);
    let written: Vec<&String> = after
        .iter()
        .filter(|(name, inode)| before[*name] != **inode)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(written, [changed, "report.json"]);
}

/// The file behind each output: another one once it was written again.
fn inodes(rig: &Rig) -> BTreeMap<String, u64> {
    let inode = |name: String| {
        let path = rig.path("out/clip").join(&name);
        let inode = std::fs::metadata(path).expect("an output").ino();
        (name, inode)
    };
    rig.outputs().into_keys().map(inode).collect()
}

/// What happened before a node died without warning stands in the status log of the job once another node
/// has gone on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_outlive_their_node() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, _| {
        (name == "100+25").then_some(Mischief::Hang)
    }));
    let node = rig.start(&engine).await;
    let handle = node.submit(rig.submission()).await.unwrap();
    let mut events = handle.events();
    while !matches!(events.recv().await.unwrap(), JobEvent::AttemptEnded { .. }) {}
    node.stop(StopMode::Now).await;
    let node = rig.start(&FakeEngine::obedient()).await;
    transcode(&node, rig.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;

    let store = rig.path("state/store");
    let batches = walk(&store)
        .into_iter()
        .filter(|name| name.contains("/events/"));
    let events = batches.flat_map(|name| {
        let bytes = std::fs::read(store.join(name)).unwrap();
        codec::decode::<Vec<Event>>(Kind::Events, &bytes).unwrap()
    });
    let submitted = |event: &Event| matches!(event.happened, Happened::RunSubmitted { .. });
    assert_eq!(events.filter(submitted).count(), 2, "one in each life");
}
