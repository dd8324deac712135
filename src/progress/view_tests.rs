use reelmesh_domain::ids::{AttemptNumber, UnitId, WorkerSlot};

use super::*;

fn worker(slot: u32, label: &str, attempt: u32, done: u64, total: u64) -> WorkerProgress {
    WorkerProgress {
        slot: WorkerSlot(slot),
        unit: UnitId::from_bytes([0; 16]),
        label: label.to_owned(),
        attempt: AttemptNumber(attempt),
        done,
        total,
    }
}

fn encoding() -> JobProgress {
    JobProgress {
        phase: Phase::Encode,
        frames_total: 720,
        frames_done: 412,
        workers: vec![
            worker(0, "chunk 7", 1, 96, 240),
            worker(1, "audio-1-eng", 1, 100_000, 1_440_000),
            worker(2, "chunk 12", 2, 0, 48),
        ],
        ..JobProgress::default()
    }
}

fn view(progress: &JobProgress) -> JobView<'_> {
    JobView {
        name: "holiday.mp4",
        place: "",
        stopping: false,
        chunks: 12,
        progress,
        speed: Some(3.12),
        left: Some(Duration::from_secs(61)),
    }
}

/// Shows the whole display at three widths: what matters less goes first, and no line is too wide.
#[test]
fn lines_fit_the_terminal() {
    let progress = encoding();
    let mut all = String::new();
    for columns in [100, 60, 30] {
        let lines = lines(&view(&progress), columns, Paint::plain());
        for line in &lines {
            assert!(text::width(line) <= columns, "{columns}: {line}");
        }
        all.push_str(&format!("{columns}\n{}\n", lines.join("\n")));
    }
    insta::assert_snapshot!(all, @r"
    100
    holiday.mp4  encoding  ████████████████░░░░░░░░░░░░  412 of 720 frames  57 %  3.12×  1:05 left
      w0  chunk 7 of 12              ████░░░░░░  240 frames   40 %
      w1  audio-1-eng                ░░░░░░░░░░                6 %
      w2  chunk 12 of 12, attempt 2  ░░░░░░░░░░   48 frames    0 %
    60
    holiday.mp4  encoding  ███████░░░░░░  57 %  3.12×  1:05 left
      w0  chunk 7 of 12              240 frames   40 %
      w1  audio-1-eng                              6 %
      w2  chunk 12 of 12, attempt 2   48 frames    0 %
    30
    holiday.m…  encoding  ████░░░░
      w0  chunk 7 of 12          …
      w1  audio-1-eng            …
      w2  chunk 12 of 12, attempt…
    ");
}

/// Shows the one line of each other phase, and of a stop.
#[test]
fn each_phase_has_its_line() {
    let mut all = String::new();
    for phase in [Phase::Queued, Phase::Scan, Phase::Assemble, Phase::Publish] {
        let progress = JobProgress {
            phase,
            scan_bytes: 22_000_000,
            scanned_bytes: 11_000_000,
            assembled_bytes: 1_234_567,
            ..JobProgress::default()
        };
        all.push_str(&lines(&view(&progress), 80, Paint::plain()).join("\n"));
        all.push('\n');
    }
    let progress = encoding();
    let stopping = JobView {
        stopping: true,
        place: "2 of 5",
        left: None,
        ..view(&progress)
    };
    all.push_str(&job_line(&stopping, 80, Paint::plain()));
    insta::assert_snapshot!(all, @r"
    holiday.mp4  waiting
    holiday.mp4  scanning  ██████████████░░░░░░░░░░░░░░  22.0 MB  50 %
    holiday.mp4  assembling  1.2 MB written
    holiday.mp4  publishing  1.2 MB written
    holiday.mp4  2 of 5  stopping  █████████░░░░░░░░  412 of 720 frames  57 %  3.12×
    ");
}

/// Shows that neither per cent nor bar says that all is done before it is.
#[test]
fn all_is_done_only_when_it_is() {
    assert_eq!(percent(999, 1000), 99);
    assert_eq!(percent(1000, 1000), 100);
    assert_eq!(bar(999, 1000, 4, Paint::plain()), "███░");
    assert_eq!(bar(1000, 1000, 4, Paint::plain()), "████");
}

/// Shows that time left is told no finer than it can be known.
#[test]
fn time_left_is_rounded_up() {
    for (seconds, expected) in [
        (7, "0:07"),
        (61, "1:05"),
        (601, "11 min"),
        (3_700, "1 h 05 min"),
    ] {
        assert_eq!(rounded(Duration::from_secs(seconds)), expected);
    }
}
