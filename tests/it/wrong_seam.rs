//! A seam that is made wrong on purpose is refuted, the chunks are merged, and the output is right; so is
//! that of a source whose packets claim frames that nobody can decode.
//!
//! Nothing is forged: the real engine decodes one chunk from damaged bytes, so that its pictures differ
//! from what its neighbours see.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use reelmesh_actors::api::{JobSummary, NodeConfig, StopMode, Submission};
use reelmesh_actors::engine::{Engine, MediaEngine, Task, TaskReport};
use reelmesh_actors::node::Node;
use reelmesh_actors::report::JobReport;
use reelmesh_domain::fingerprint::Fingerprint;
use reelmesh_domain::ids::NodeId;
use reelmesh_domain::ladder::{AudioSpec, Ladder, LadderSpec, RungSpec};
use reelmesh_domain::spec::{CellLength, ChunkLength, Package, Spec};
use reelmesh_domain::store::records::Scanned;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::{ByteSource, FragmentSink};

use crate::job::Job;
use crate::program::{Place, made_once, tool};
use crate::referee::{assert_clean, compared, entry};

/// Frames of the clip, of a cell and of a chunk; key frames stand at each third cell.
const FRAMES: u64 = 192;
const CHUNK: u64 = 24;
/// The packets that are damaged: those shown at these frames. They are references of all that follows
/// up to the key frame at 144, and lie before the window of a chunk that begins at 120.
const DAMAGED: Range<u64> = 76..100;

/// One chunk decodes other pictures than its neighbours: its left border is refuted, it is merged into
/// the chunk before it, and the merged chunk's own right border holds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_seam_is_merged_away() {
    check(&[120], 1, 96..144).await;
}

/// Two neighbours decode the same wrong pictures, so that the border between them holds: the one in front of them
/// doesn't, and what takes the first one's place refutes the second.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_wrong_seams_are_merged_away() {
    check(&[96, 120], 2, 72..168).await;
}

/// Transcodes the clip twice, undisturbed and with chunks that decode damaged bytes.
async fn check(wrong: &[u64], revision: u32, merged: Range<u64>) {
    let clip = clip();
    let (right, undisturbed) = (Place::new(), WrongEngine::new(&[], &clip));
    transcode(&right, &clip, &undisturbed).await;
    let (place, engine) = (Place::new(), WrongEngine::new(wrong, &clip));
    let summary = transcode(&place, &clip, &engine).await;
    assert!(
        summary
            .warnings
            .iter()
            .any(|warning| warning.contains("border") && warning.contains("merged")),
        "{:?}",
        summary.warnings
    );

    let [expected, found] = [&right, &place].map(report);
    assert_eq!(expected.media.plan_revision, 0);
    assert_eq!(found.media.plan_revision, revision);
    assert_eq!((summary.frames, found.media.frames), (FRAMES, FRAMES));
    let chunks = |report: &JobReport| {
        let chunks = report.media.chunks.iter();
        chunks
            .map(|chunk| (chunk.first_frame, chunk.frames))
            .collect::<Vec<_>>()
    };
    let mut planned = chunks(&expected);
    assert_eq!(planned.len(), 8);
    planned.retain(|(first, _)| !merged.contains(first));
    planned.push((merged.start, merged.end - merged.start));
    planned.sort_unstable();
    assert_eq!(chunks(&found), planned);
    // What no border was refuted of is encoded once.
    let runs = engine.runs();
    let kept = planned.iter().filter(|chunk| chunk.1 == CHUNK);
    assert!(
        kept.clone().count() > 0 && kept.clone().all(|chunk| runs[chunk] == 1),
        "{runs:?}"
    );

    let verified = place.shown(&["verify", "out"]);
    assert!(verified.starts_with("exit code 0"), "{verified}");
    pictures(&clip, [&right, &place], &merged);
}

/// Frames outside the merged chunk are those of the undisturbed run; those in it are as near to the source.
#[track_caller]
fn pictures(clip: &Path, places: [&Place; 2], merged: &Range<u64>) {
    let merged = index(merged.start)..index(merged.end);
    for name in ["wide.mp4", "small.mp4"] {
        let files = places.map(|place| place.path("out/clip").join(name));
        assert_clean(&files[1]);
        let [expected, found] = [&files[0], &files[1]].map(|path| frame_hashes(path));
        assert_eq!(expected.len(), index(FRAMES));
        assert_eq!(found.len(), index(FRAMES));
        for frame in (0..found.len()).filter(|frame| !merged.contains(frame)) {
            assert_eq!(found[frame], expected[frame], "{name}: frame {frame}");
        }
    }
    let noise = places.map(|place| {
        let stats = compared("psnr", (clip, 0), (&place.path("out/clip/wide.mp4"), 0));
        let frames = stats[merged.clone()].iter().map(|frame| frame["mse_y"]);
        frames.fold(0.0_f64, f64::max)
    });
    // The damaged bytes decode to pictures that are off by fifty and more (measured).
    assert!(
        noise[1] <= noise[0] * 1.2 + 1.0,
        "worst mean squared error {} against {}",
        noise[1],
        noise[0]
    );
}

/// A source with a packet that doesn't decode, cut into chunks of three frames: its frames are counted
/// by decoding, and the output has those that ffprobe counts.
#[test]
fn claimed_frames_that_arent_there_are_counted() {
    let Some(source) = corpus("sample_with_invalid_nalu.mp4") else {
        return;
    };
    let job = Job::new(&source)
        .setting("REELMESH__PLAN__CELL_FRAMES", "3")
        .setting("REELMESH__PLAN__CHUNK_CELLS", "1")
        .arguments(&["--package", "mp4"]);
    job.run();
    let media = job.report().media;
    let counted = entry(&source, "v:0", "nb_read_frames");
    assert_eq!(media.frames.to_string(), counted);
    assert!(media.plan_revision > 0, "{media:?}");
    let made = entry(&job.output("360p.mp4"), "v:0", "nb_read_frames");
    assert_eq!(made, counted);
    let verified = job.place.shown(&["verify", "out"]);
    assert!(verified.starts_with("exit code 0"), "{verified}");
}

/// A file of the corpus, if there is one.
fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("REELMESH_MEDIA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the corpus is missing in {}",
        folder.display()
    );
    eprintln!("not run: corpus missing");
    None
}

/// Eight seconds whose every picture depends on all before it, up to the key frame at each third second.
fn clip() -> PathBuf {
    made_once("keys-3s-180p-8s.mp4", |path| {
        let video = "testsrc2=size=320x180:rate=24:duration=8,noise=alls=6:allf=t:all_seed=3";
        let arguments = format!(
            "-v error -nostdin -y -f lavfi -i {video} -c:v libx264 -preset veryfast -crf 20 \
             -pix_fmt yuv420p -g 72 -keyint_min 72 -sc_threshold 0"
        );
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        arguments.push(path.to_str().unwrap());
        tool("ffmpeg", &arguments);
    })
}

/// Where the packets of some frames lie in the file.
fn places_of(clip: &Path, frames: &Range<u64>) -> Vec<Range<u64>> {
    let entries = "packet=pts_time,size,pos";
    let arguments = "-v error -select_streams v:0 -of csv=p=0 -show_entries";
    let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
    arguments.extend([entries, clip.to_str().unwrap()]);
    let text = tool("ffprobe", &arguments);
    let places = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        let seconds: f64 = fields[0].parse().unwrap();
        let [size, position] = [1, 2].map(|field| fields[field].parse::<u64>().unwrap());
        let shown = frames.clone().any(|frame| {
            let frame = f64::from(u32::try_from(frame).unwrap());
            (seconds * 24.0 - frame).abs() < 0.5
        });
        shown.then_some(position..position + size)
    });
    places.collect()
}

/// The real engine, that sees damaged bytes in some chunks.
struct WrongEngine {
    /// Own frames of the chunks, by the first.
    wrong: BTreeSet<u64>,
    damaged: Vec<Range<u64>>,
    runs: Mutex<BTreeMap<(u64, u64), u32>>,
}

impl std::fmt::Debug for WrongEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WrongEngine")
    }
}

impl WrongEngine {
    fn new(wrong: &[u64], clip: &Path) -> Arc<Self> {
        Arc::new(Self {
            wrong: wrong.iter().copied().collect(),
            damaged: places_of(clip, &DAMAGED),
            runs: Mutex::default(),
        })
    }

    /// How often each chunk was begun, by first frame and number of frames.
    fn runs(&self) -> BTreeMap<(u64, u64), u32> {
        self.runs.lock().unwrap().clone()
    }
}

impl Engine for WrongEngine {
    fn run(
        &self,
        task: &Task,
        source: Arc<dyn ByteSource>,
        sink: &mut dyn FragmentSink,
        control: &dyn Control,
    ) -> Result<TaskReport, MediaError> {
        let Task::Chunk(chunk) = task else {
            return MediaEngine.run(task, source, sink, control);
        };
        let name = (chunk.first_frame, task.total());
        *self.runs.lock().unwrap().entry(name).or_insert(0) += 1;
        let wrong = task.total() == CHUNK && self.wrong.contains(&chunk.first_frame);
        let source: Arc<dyn ByteSource> = if wrong {
            let damaged = self.damaged.clone();
            Arc::new(Damaged { source, damaged })
        } else {
            source
        };
        MediaEngine.run(task, source, sink, control)
    }

    fn exact_frames(
        &self,
        scanned: &Scanned,
        source: Arc<dyn ByteSource>,
        control: &dyn Control,
    ) -> Result<Vec<i64>, MediaError> {
        MediaEngine.exact_frames(scanned, source, control)
    }

    fn fingerprint(&self) -> Result<Fingerprint, MediaError> {
        MediaEngine.fingerprint()
    }
}

/// A source in which the second half of some packets is changed: their slices begin well and then say
/// something else.
struct Damaged {
    source: Arc<dyn ByteSource>,
    damaged: Vec<Range<u64>>,
}

impl ByteSource for Damaged {
    fn length(&self) -> u64 {
        self.source.length()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(offset, buffer)?;
        for (place, byte) in (offset..).zip(&mut buffer[..count]) {
            let second_half = |packet: &Range<u64>| {
                packet.start.midpoint(packet.end) <= place && place < packet.end
            };
            if self.damaged.iter().any(second_half) {
                *byte ^= 0x5a;
            }
        }
        Ok(count)
    }
}

async fn transcode(place: &Place, clip: &Path, engine: &Arc<WrongEngine>) -> JobSummary {
    let config = NodeConfig {
        state_dir: place.path("state"),
        store_url: None,
        workers: NonZeroU32::new(2).unwrap(),
        node_id: NodeId::try_from("local".to_owned()).unwrap(),
    };
    let node = Node::start(config, Arc::<WrongEngine>::clone(engine))
        .await
        .unwrap();
    let submission = Submission {
        source: clip.to_path_buf(),
        output: place.path("out/clip"),
        spec: spec(),
        fresh: false,
    };
    let handle = node.submit(submission).await.unwrap();
    let summary = handle.wait().await.unwrap();
    node.stop(StopMode::Clean).await;
    summary
}

/// Without a cap on the rate, so that the lead-in is ten frames and a chunk's window begins behind the
/// damage.
fn spec() -> Spec {
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
    let ladder = LadderSpec {
        fit_source: false,
        rungs: vec![rung("wide", 320, 180), rung("small", 160, 90)],
        audio: AudioSpec {
            bitrate_bps: 96_000,
            channels: 2,
        },
    };
    Spec {
        ladder: Ladder::try_from(ladder).unwrap(),
        packages: BTreeSet::from([Package::Mp4, Package::Hls]),
        cell: CellLength::Frames(u32::try_from(CHUNK).unwrap()),
        chunk: ChunkLength::Cells(1),
        damage_limit_permille: 50,
        tenant: "local".to_owned(),
        weight: 100,
        deadline: None,
    }
}

fn report(place: &Place) -> JobReport {
    let text = std::fs::read(place.path("out/clip/report.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// The hash of each decoded frame.
fn frame_hashes(path: &Path) -> Vec<String> {
    let mut arguments = vec!["-v", "error", "-nostdin", "-i", path.to_str().unwrap()];
    arguments.extend(["-map", "0:v", "-f", "framemd5", "-"]);
    let text = tool("ffmpeg", &arguments);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let hash = |line: &str| {
        line.rsplit(',')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    lines.map(hash).collect()
}

fn index(frame: u64) -> usize {
    usize::try_from(frame).unwrap()
}
