//! Whole jobs on one node with an engine that makes fragments of nothing.

mod engine;
mod lives;
mod odd_states;
mod stops;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reelmesh_actors::api::{
    Admission, InputFault, JobError, JobSummary, NodeConfig, Phase, StopMode, Submission,
};
use reelmesh_actors::job_handle::JobHandle;
use reelmesh_actors::node::Node;
use reelmesh_actors::report::JobReport;
use reelmesh_actors::store::Store;
use reelmesh_domain::ids::NodeId;
use reelmesh_domain::ladder::{AudioSpec, Ladder, LadderSpec, RungSpec};
use reelmesh_domain::spec::{CellLength, ChunkLength, Latency, Package, Spec};
use reelmesh_domain::store::records::AttemptStatus;

use engine::{FakeEngine, Mischief};

/// Ample on a busy machine; passing it fails the test instead of hanging it.
const DEADLINE: Duration = Duration::from_mins(1);

/// A state directory, a source and an output place.
pub(crate) struct Rig {
    dir: tempfile::TempDir,
    pub(crate) workers: u32,
}

impl Rig {
    pub(crate) fn new(workers: u32) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(dir.path().join("clip.mp4"), b"a video, says the engine").expect("written");
        Self { dir, workers }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) async fn start(&self, engine: &Arc<FakeEngine>) -> Node {
        let engine: Arc<FakeEngine> = Arc::clone(engine);
        let started = Node::start(self.config(), engine).await;
        started.expect("the node starts")
    }

    fn config(&self) -> NodeConfig {
        NodeConfig {
            state_dir: self.path("state"),
            store_url: None,
            workers: NonZeroU32::new(self.workers).expect("at least one"),
            node_id: NodeId::try_from("local".to_owned()).expect("a node id"),
        }
    }

    /// A node over any store.
    pub(crate) async fn start_over(&self, engine: &Arc<FakeEngine>, store: Store) -> Node {
        let engine: Arc<FakeEngine> = Arc::clone(engine);
        let started = Node::start_over(self.config(), engine, Some(store)).await;
        started.expect("the node starts")
    }

    pub(crate) fn submission(&self) -> Submission {
        Submission {
            source: self.path("clip.mp4"),
            output: self.path("out/clip"),
            spec: spec(),
            fresh: false,
        }
    }

    /// All files of the output place with their bytes; of the report only the part on media.
    pub(crate) fn outputs(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        read_below(&self.path("out/clip"), "", &mut files);
        files.remove(".reelmesh");
        if files.contains_key("report.json") {
            let media = serde_json::to_vec(&self.report().media).expect("it was read");
            files.insert("report.json".to_owned(), media);
        }
        files
    }

    pub(crate) fn report(&self) -> JobReport {
        let text = std::fs::read(self.path("out/clip/report.json")).expect("there is a report");
        serde_json::from_slice(&text).expect("the report is one")
    }
}

fn read_below(dir: &Path, before: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("an entry");
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            read_below(&entry.path(), &format!("{name}/"), files);
        } else {
            files.insert(name, std::fs::read(entry.path()).expect("readable"));
        }
    }
}

pub(crate) fn spec() -> Spec {
    let rung = |name: &str, width, height| RungSpec {
        name: name.to_owned(),
        width,
        height,
        preset: "veryfast".to_owned(),
        profile: "high".to_owned(),
        crf_hundredths: 2_300,
        max_rate_bps: None,
        buffer_ms: None,
    };
    let ladder = Ladder::try_from(LadderSpec {
        fit_source: false,
        rungs: vec![rung("360p", 640, 360), rung("180p", 320, 180)],
        audio: AudioSpec {
            bitrate_bps: 128_000,
            channels: 2,
        },
    });
    Spec {
        ladder: ladder.expect("a ladder"),
        packages: BTreeSet::from([Package::Mp4, Package::Hls]),
        cell: CellLength::Frames(u32::try_from(engine::RATE).expect("small")),
        chunk: ChunkLength::Cells(1),
        latency: Latency::Normal,
        damage_limit_permille: 50,
        tenant: "local".to_owned(),
        weight: 100,
        deadline: None,
    }
}

pub(crate) async fn ended(handle: &JobHandle) -> Result<JobSummary, JobError> {
    let waited = tokio::time::timeout(DEADLINE, handle.wait()).await;
    waited.expect("the job ends in time")
}

/// Submits and waits.
async fn transcode(node: &Node, submission: Submission) -> Result<JobSummary, JobError> {
    let handle = node.submit(submission).await?;
    ended(&handle).await
}

fn statuses(report: &JobReport) -> BTreeMap<AttemptStatus, usize> {
    let mut counts = BTreeMap::new();
    for line in &report.attempts {
        *counts.entry(line.status).or_insert(0) += 1;
    }
    counts
}

/// From submission to outcome: each unit is begun once, all files are there, progress is whole, and nothing
/// but records stays in the store.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_runs_from_submission_to_outcome() {
    let rig = Rig::new(2);
    let engine = FakeEngine::obedient();
    let node = rig.start(&engine).await;
    let handle = node.submit(rig.submission()).await.unwrap();
    let summary = ended(&handle).await.unwrap();
    assert_eq!(summary.admission, Admission::New);
    assert_eq!((summary.frames, summary.units_total), (engine::FRAMES, 9));
    let runs = engine.runs();
    assert!(
        runs.len() == 10 && runs.values().all(|&count| count == 1),
        "{runs:?}"
    );
    let outputs = rig.outputs();
    for name in [
        "360p.mp4",
        "180p.mp4",
        "hls/multivariant.m3u8",
        "hls/360p/00002.m4s",
        "report.json",
    ] {
        assert!(outputs.contains_key(name), "{name} in {:?}", outputs.keys());
    }
    assert_eq!(outputs.len(), summary.files.len());
    let report = rig.report();
    assert_eq!(
        statuses(&report),
        BTreeMap::from([(AttemptStatus::Committed, 10)])
    );
    assert!(
        report.media.chunks[1..]
            .iter()
            .all(|chunk| chunk.left_hash == chunk.right_hash && chunk.overlap.1 > chunk.overlap.0)
    );
    let shown = handle.progress().borrow().clone();
    assert_eq!(shown.phase, Phase::Ended);
    let store = rig.path("state/store");
    let left: Vec<_> = walk(&store)
        .into_iter()
        .filter(|name| name.contains("/blobs/") || name.starts_with("open/"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    node.stop(StopMode::Clean).await;
}

fn walk(dir: &Path) -> Vec<String> {
    let mut files = BTreeMap::new();
    read_below(dir, "", &mut files);
    files.into_keys().collect()
}

/// One, two and five workers make the same files.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_dont_change_the_outputs() {
    let mut all = Vec::new();
    for workers in [1, 2, 5] {
        let rig = Rig::new(workers);
        let node = rig.start(&FakeEngine::obedient()).await;
        transcode(&node, rig.submission()).await.unwrap();
        all.push(rig.outputs());
        node.stop(StopMode::Clean).await;
    }
    assert!(all[0] == all[1] && all[1] == all[2]);
}

/// A worker that crashes and a source that is busy cost an attempt each; the report says so and the
/// outputs are the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_for_a_while_is_done_again() {
    let undisturbed = Rig::new(2);
    let node = undisturbed.start(&FakeEngine::obedient()).await;
    transcode(&node, undisturbed.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;

    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, count| match (name, count) {
        ("75+25", 1 | 2) => Some(Mischief::Panic),
        ("audio", 1) => Some(Mischief::Busy),
        _ => None,
    }));
    let node = rig.start(&engine).await;
    transcode(&node, rig.submission()).await.unwrap();
    node.stop(StopMode::Clean).await;
    let counted = statuses(&rig.report());
    let expected = [
        (AttemptStatus::Committed, 10),
        (AttemptStatus::Failed, 1),
        (AttemptStatus::Crashed, 2),
    ];
    assert_eq!(counted, BTreeMap::from(expected));
    assert_eq!(rig.outputs(), undisturbed.outputs());
}

/// A unit that crashes its worker three times fails the run, with what the panic said; nothing is
/// published, and the next command begins a new job.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_fails_the_run() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, count| {
        (name == "50+25" && count <= 3).then_some(Mischief::Panic)
    }));
    let node = rig.start(&engine).await;
    let error = transcode(&node, rig.submission()).await.unwrap_err();
    let JobError::Failed {
        evidence,
        needs_attention,
        ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert!(*needs_attention && evidence == &["as told"], "{error:?}");
    assert_eq!(rig.outputs().len(), 0);
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(summary.admission, Admission::New);
    node.stop(StopMode::Clean).await;
}

/// What the scan refuses is the input's fault, named with its file.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_source_is_an_input_error() {
    let rig = Rig::new(1);
    let engine = FakeEngine::new(Box::new(|_, _| Some(Mischief::Unreadable)));
    let node = rig.start(&engine).await;
    let error = transcode(&node, rig.submission()).await.unwrap_err();
    let expected = JobError::Input {
        file: rig.path("clip.mp4").display().to_string(),
        fault: InputFault::Unreadable,
        reason: "as told".to_owned(),
    };
    assert_eq!(error, expected);
    let missing = Submission {
        source: rig.path("none"),
        ..rig.submission()
    };
    let error = transcode(&node, missing).await.unwrap_err();
    assert!(matches!(error, JobError::Input { .. }), "{error:?}");
    node.stop(StopMode::Clean).await;
}

/// A border whose sides decode other frames is merged away, and a chunk that finds other frames than the
/// packets claim leads to a count by decoding: both end with right outputs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuted_plans_are_revised() {
    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, _| {
        (name == "100+25").then_some(Mischief::OtherFrames)
    }));
    let node = rig.start(&engine).await;
    transcode(&node, rig.submission()).await.unwrap();
    let report = rig.report();
    assert_eq!(
        (report.media.plan_revision, report.media.chunks.len()),
        (1, 7)
    );
    let runs = engine.runs();
    assert_eq!((runs.get("75+50"), runs.get("0+25")), (Some(&1), Some(&1)));
    node.stop(StopMode::Clean).await;

    let rig = Rig::new(2);
    let engine = FakeEngine::new(Box::new(|name, _| {
        (name == "175+25").then_some(Mischief::OtherList)
    }));
    let node = rig.start(&engine).await;
    let summary = transcode(&node, rig.submission()).await.unwrap();
    assert_eq!(summary.frames, engine::FRAMES - 1);
    assert_eq!(rig.report().media.frames, engine::FRAMES - 1);
    node.stop(StopMode::Clean).await;
}
