//! `kill -9` at any moment: the same command goes on, ends with the same bytes, and encodes no committed
//! unit again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use reelmesh_domain::store::keys::Key;
use reelmesh_domain::store::records::AttemptStatus;

use crate::job::{Job, files_below};
use crate::program::{clip, demo_clip};

/// Kills in one test, spread over the job.
const KILLS: u64 = 10;
/// No job of a test takes this long; a command that does hangs.
const LONGEST: Duration = Duration::from_mins(10);

/// Shows it at ten moments of a small job.
#[test]
fn killed_jobs_go_on() {
    check(|| Job::new(&clip()));
}

/// Shows it at ten moments of the demo's job.
#[test]
fn full_killed_jobs_go_on() {
    let Some(clip) = demo_clip() else { return };
    check(|| {
        Job::new(&clip)
            .setting("REELMESH__TRANSCODE__LADDER", "default")
            .setting("REELMESH__PLAN__CELL_MS", "2000")
            .setting("REELMESH__PLAN__CHUNK_CELLS", "1")
    });
}

fn check(job: impl Fn() -> Job) {
    let seed = seed();
    eprintln!("seed {seed}: set REELMESH_TEST_SEED={seed} to kill at the same moments");
    let job = || job().arguments(&["--workers", "2"]);

    let undisturbed = job();
    let began = Instant::now();
    undisturbed.run();
    let whole = began.elapsed();

    let disturbed = job();
    let mut random = seed;
    let mut ended_by_itself = 0;
    for kill in 0..KILLS {
        // Each life gets its share of the job: a later one goes on where the one before was killed.
        random = next(random);
        let share = whole / u32::try_from(KILLS).unwrap();
        let jitter = share * u32::try_from(random % 1000).unwrap() / 1000;
        let moment = share / 2 + jitter;
        if !kill_after(&disturbed, moment) {
            ended_by_itself += 1;
            eprintln!("kill {kill}: the job ended within {moment:?}");
        }
    }
    assert!(
        ended_by_itself < KILLS,
        "no kill hit the job: nothing is shown"
    );
    disturbed.run();
    assert_eq!(undisturbed.hashes(), disturbed.hashes());
    no_unit_was_committed_twice(&disturbed);
    nothing_is_left_behind(&disturbed);
}

/// Shows the same at chosen moments: as soon as the job has reached each of its stages.
#[test]
fn killed_at_each_stage_jobs_go_on() {
    let undisturbed = Job::new(&clip());
    undisturbed.run();
    let job = Job::new(&clip()).arguments(&["--workers", "2"]);
    let store = job.place.path(".local/state/reelmesh/store");
    let out = job.out();
    let keys = |wanted: fn(&Key) -> bool| {
        let store = store.clone();
        move || stored(&store).iter().filter(|key| wanted(key)).count()
    };
    let specs = keys(|key| matches!(key, Key::Spec(_)));
    let plans = keys(|key| matches!(key, Key::Plan(..)));
    let commits = keys(|key| matches!(key, Key::Commit(..)));
    let verdicts = keys(|key| matches!(key, Key::Verdict(_)));
    let published = || {
        let media = ["mp4", "m4s", "m3u8"];
        let exists = out.exists();
        let files = if exists {
            files_below(&out)
        } else {
            Vec::new()
        };
        let whole = files.iter().filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            !name.starts_with('.') && media.contains(&&*extension)
        });
        whole.count()
    };
    let stages: [(&str, &dyn Fn() -> bool); 6] = [
        ("submitted", &|| specs() > 0),
        ("planned", &|| plans() > 0),
        ("two units committed", &|| commits() > 2),
        ("nearly all units committed", &|| commits() > 9),
        ("to be published", &|| verdicts() > 0),
        ("one file published", &|| published() > 0),
    ];
    for (stage, reached) in stages {
        let mut child = start(&job);
        let began = Instant::now();
        while !reached() && child.try_wait().unwrap().is_none() {
            assert!(began.elapsed() < LONGEST, "{stage} isn't reached");
            std::thread::yield_now();
        }
        kill(&mut child);
        assert!(
            !job.output("report.json").exists(),
            "killed too late: the report is there when {stage}"
        );
    }
    job.run();
    assert_eq!(undisturbed.hashes(), job.hashes());
    no_unit_was_committed_twice(&job);
    nothing_is_left_behind(&job);
}

/// Shows that a stop by Ctrl-C says how to go on, and that the same command then says what was kept.
#[test]
fn an_interrupted_job_says_what_was_kept() {
    let job = Job::new(&clip()).arguments(&["--workers", "1"]);
    let store = job.place.path(".local/state/reelmesh/store");
    let mut child = start(&job);
    let began = Instant::now();
    while committed(&store) < 4 && child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < LONGEST, "no units are committed");
        std::thread::yield_now();
    }
    signal("INT", &child);
    let output = child.wait_with_output().unwrap();
    let shown = job.place.show(&output);
    assert_eq!(output.status.code(), Some(130), "{shown}");
    assert!(shown.contains("the same command goes on"), "{shown}");
    let again = job.run();
    let shown = job.place.show(&again);
    assert!(shown.contains("units kept"), "{shown}");
    let third = job.run();
    let shown = job.place.show(&third);
    assert!(shown.contains("already done"), "{shown}");
}

/// Starts the command in the background.
fn start(job: &Job) -> Child {
    job.command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Kills a process that this test started; its output is thrown away.
fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn signal(name: &str, child: &Child) {
    let status = std::process::Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status()
        .unwrap();
    assert!(status.success());
}

/// Starts the command and kills it after some time; `false` if it ended before.
fn kill_after(job: &Job, moment: Duration) -> bool {
    let mut child = start(job);
    let began = Instant::now();
    while began.elapsed() < moment {
        if let Some(status) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            assert!(status.success(), "{}", job.place.show(&output));
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    kill(&mut child);
    true
}

/// The seed of this run: drawn from the time, or given to repeat one.
fn seed() -> u64 {
    match std::env::var("REELMESH_TEST_SEED") {
        Ok(seed) => seed.parse().unwrap(),
        Err(_) => std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |since| u64::from(since.subsec_nanos()) | 1),
    }
}

/// Xorshift: enough to spread moments.
const fn next(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

/// The keys of all objects in the store at this moment.
fn stored(store: &Path) -> Vec<Key> {
    if !store.exists() {
        return Vec::new();
    }
    let mut folders = vec![store.to_path_buf()];
    let mut keys = Vec::new();
    while let Some(folder) = folders.pop() {
        // Objects come and go while the job runs.
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(name) = path.strip_prefix(store) {
                keys.extend(name.to_string_lossy().parse::<Key>());
            }
        }
    }
    keys
}

fn committed(store: &Path) -> usize {
    let keys = stored(store);
    let commits = keys.iter().filter(|key| matches!(key, Key::Commit(..)));
    commits.count()
}

/// From the records: each unit has one committed attempt, and no attempt began after another's commit.
fn no_unit_was_committed_twice(job: &Job) {
    let mut committed: BTreeMap<String, String> = BTreeMap::new();
    let report = job.report();
    for attempt in &report.attempts {
        if attempt.status == AttemptStatus::Committed {
            let end = attempt.end_time.clone();
            let before = committed.insert(attempt.unit_id.clone(), end);
            assert_eq!(before, None, "{} was committed twice", attempt.unit_id);
        }
    }
    assert!(!committed.is_empty());
    for attempt in &report.attempts {
        let end = committed.get(&attempt.unit_id);
        let began_later = attempt
            .start_time
            .as_ref()
            .zip(end)
            .is_some_and(|(start, end)| start > end && attempt.status != AttemptStatus::Committed);
        assert!(!began_later, "begun again after its commit: {attempt:?}");
    }
}

/// After the sweep: no blobs, no open runs, no spool, and nothing half in the output place.
fn nothing_is_left_behind(job: &Job) {
    let state = job.place.path(".local/state/reelmesh");
    let left: BTreeSet<String> = stored(&state.join("store"))
        .into_iter()
        .filter(|key| matches!(key, Key::Blob(..) | Key::Open(_)))
        .map(|key| key.to_string())
        .collect();
    assert_eq!(left, BTreeSet::new());
    let spool = state.join("spool");
    let spooled = if spool.exists() {
        files_below(&spool)
    } else {
        Vec::new()
    };
    assert_eq!(spooled, Vec::<std::path::PathBuf>::new());
    let hidden: Vec<_> = files_below(&job.out())
        .into_iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.') && name != ".reelmesh")
        .collect();
    assert_eq!(hidden, Vec::<String>::new());
}
