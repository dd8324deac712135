//! The same bytes, whatever the number of workers (design section 1).

use crate::job::Job;
use crate::program::{clip, demo_clip};

/// Shows that one worker, two and five make identical files.
#[test]
fn any_number_of_workers_makes_the_same_bytes() {
    check(|| Job::new(&clip()), 8);
}

/// Shows the same for the default ladder on the demo's clip.
#[test]
fn full_any_number_of_workers_makes_the_same_bytes() {
    let Some(clip) = demo_clip() else { return };
    let job = || {
        Job::new(&clip)
            .setting("REELMESH__TRANSCODE__LADDER", "default")
            .setting("REELMESH__PLAN__CELL_MS", "2000")
            .setting("REELMESH__PLAN__CHUNK_CELLS", "1")
    };
    check(job, 8);
}

fn check(job: impl Fn() -> Job, chunks_at_least: usize) {
    let [one, two, five] = ["1", "2", "5"].map(|workers| {
        let job = job().arguments(&["--workers", workers]);
        job.run();
        let report = job.report();
        assert!(report.media.chunks.len() >= chunks_at_least);
        (job.hashes(), report)
    });
    assert_eq!(one.0, two.0);
    assert_eq!(one.0, five.0);
    // The two and the five did take part: the test would show nothing if one worker did everything.
    let workers = |report: &reelmesh_actors::report::JobReport| {
        let mut ids: Vec<_> = report
            .attempts
            .iter()
            .filter_map(|attempt| attempt.worker_id)
            .collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    };
    assert_eq!(workers(&one.1), 1);
    assert_eq!(workers(&two.1), 2);
    assert!(workers(&five.1) > 2);
}
