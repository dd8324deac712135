//! The lines of a job on a terminal.

use std::time::Duration;

use reelmesh_actors::api::{JobProgress, Phase, WorkerProgress};

use crate::paint::Paint;
use crate::text;

/// All that the lines are made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobView<'a> {
    /// The input, as the user wrote it.
    pub(crate) name: &'a str,
    /// Its place in the row, such as `2 of 5`; empty if it is alone.
    pub(crate) place: &'a str,
    /// The user has asked for a stop.
    pub(crate) stopping: bool,
    /// Chunks of the plan; 0 until it is known.
    pub(crate) chunks: u32,
    /// The newest progress.
    pub(crate) progress: &'a JobProgress,
    /// Seconds of video a second.
    pub(crate) speed: Option<f64>,
    /// Time left.
    pub(crate) left: Option<Duration>,
}

/// Names of inputs take no more than this.
const NAME_COLUMNS: usize = 32;
/// Bars are this long where there is room,
const BAR_COLUMNS: usize = 28;
/// and are left out where there is room for less than this.
const BAR_COLUMNS_MIN: usize = 6;
const WORKER_BAR_COLUMNS: usize = 10;

/// The lines: the job's own, then one for each worker. None is wider than the terminal.
pub(crate) fn lines(view: &JobView<'_>, columns: usize, paint: Paint) -> Vec<String> {
    let mut lines = vec![job_line(view, columns, paint)];
    let progress = view.progress;
    // In the order of their slots: a line that changes its place can't be followed.
    let mut shown: Vec<&WorkerProgress> = progress.workers.iter().collect();
    shown.sort_by_key(|worker| worker.slot);
    let workers: Vec<[String; 3]> = shown
        .iter()
        .map(|worker| {
            let slot = format!("  w{}", worker.slot.0);
            [slot, label(worker, view.chunks), frames(worker)]
        })
        .collect();
    let widest = |column: usize| {
        let cells = workers.iter().filter_map(|cells| cells.get(column));
        cells
            .map(|cell| text::width(cell))
            .max()
            .unwrap_or_default()
    };
    let [slots, labels, counts] = [widest(0), widest(1), widest(2)];
    for (worker, [slot, label, count]) in shown.into_iter().zip(&workers) {
        let head = format!("{slot:slots$}  {label:labels$}");
        let count = format!("{count:>counts$}");
        lines.push(worker_line(worker, head, &count, columns, paint));
    }
    lines
}

/// What the job is doing, in a word.
pub(crate) fn activity(view: &JobView<'_>) -> &'static str {
    if view.stopping {
        return "stopping";
    }
    match view.progress.phase {
        Phase::Queued => "waiting",
        Phase::Scan => "scanning",
        Phase::Encode => "encoding",
        Phase::Assemble => "assembling",
        Phase::Publish => "publishing",
        Phase::Ended => "ending",
    }
}

/// How much is done, of how much.
pub(crate) fn share(progress: &JobProgress) -> Option<(u64, u64)> {
    let (done, total) = match progress.phase {
        Phase::Scan => (progress.scanned_bytes, progress.scan_bytes),
        Phase::Encode => (progress.frames_done, progress.frames_total),
        Phase::Queued | Phase::Assemble | Phase::Publish | Phase::Ended => (0, 0),
    };
    (total > 0).then_some((done.min(total), total))
}

/// Whole per cent; 100 only when all is done.
pub(crate) fn percent(done: u64, total: u64) -> u64 {
    let share = u128::from(done) * 100 / u128::from(total.max(1));
    u64::try_from(share).unwrap_or(100)
}

/// What there is to say besides the activity.
pub(crate) fn facts(view: &JobView<'_>) -> Vec<String> {
    let progress = view.progress;
    let mut facts = Vec::new();
    match progress.phase {
        Phase::Scan if progress.scan_bytes > 0 => {
            facts.push(text::bytes(progress.scan_bytes));
        }
        Phase::Queued | Phase::Scan | Phase::Ended => {}
        Phase::Encode => {
            facts.push(format!(
                "{} of {}",
                progress.frames_done,
                text::counted(progress.frames_total, "frame")
            ));
        }
        Phase::Assemble | Phase::Publish => {
            facts.push(format!("{} written", text::bytes(progress.assembled_bytes)));
        }
    }
    if let Some((done, total)) = share(progress) {
        facts.push(format!("{} %", percent(done, total)));
    }
    if progress.phase == Phase::Encode {
        facts.extend(view.speed.map(|speed| format!("{speed:.2}×")));
        facts.extend(view.left.map(|left| format!("{} left", rounded(left))));
    }
    facts
}

/// No finer than it can be known.
fn rounded(left: Duration) -> String {
    let seconds = left.as_secs();
    let step = match seconds {
        0..30 => 1,
        30..300 => 5,
        300..3600 => 60,
        _ => 300,
    };
    let seconds = seconds.div_ceil(step) * step;
    match seconds {
        0..300 => text::clock(Duration::from_secs(seconds)),
        300..3600 => format!("{} min", seconds / 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

fn job_line(view: &JobView<'_>, columns: usize, paint: Paint) -> String {
    let name = text::cut(view.name, NAME_COLUMNS.min(columns / 3));
    let place = if view.place.is_empty() {
        String::new()
    } else {
        format!("  {}", view.place)
    };
    let activity = activity(view);
    let mut facts = facts(view);
    let head = name.chars().count() + place.chars().count() + 2 + activity.chars().count();
    // Facts are dropped from the left until they fit: time left matters most.
    let facts_width = |facts: &[String]| {
        facts
            .iter()
            .map(|fact| fact.chars().count() + 2)
            .sum::<usize>()
    };
    while head + facts_width(&facts) > columns && !facts.is_empty() {
        facts.remove(0);
    }
    let room = columns
        .saturating_sub(head + facts_width(&facts) + 2)
        .min(BAR_COLUMNS);
    let bar = share(view.progress)
        .filter(|_| room >= BAR_COLUMNS_MIN)
        .map(|(done, total)| format!("  {}", bar(done, total, room, paint)))
        .unwrap_or_default();
    let activity = if view.stopping {
        paint.yellow(activity)
    } else {
        paint.cyan(activity)
    };
    let facts = joined(&facts);
    format!(
        "{}{}  {activity}{bar}{facts}",
        paint.bold(&name),
        paint.dim(&place)
    )
}

fn joined(facts: &[String]) -> String {
    let mut text = String::new();
    for fact in facts {
        text.push_str("  ");
        text.push_str(fact);
    }
    text
}

/// The unit of a worker, for people.
fn label(worker: &WorkerProgress, chunks: u32) -> String {
    let mut label = worker.label.clone();
    if label.starts_with("chunk ") && chunks > 0 {
        label.push_str(&format!(" of {chunks}"));
    }
    if worker.attempt.0 > 1 {
        label.push_str(&format!(", attempt {}", worker.attempt.0));
    }
    label
}

/// How many frames a worker has to make. An audio track is counted in samples, which tell people nothing.
fn frames(worker: &WorkerProgress) -> String {
    if worker.total > 0 && worker.label.starts_with("chunk ") {
        text::counted(worker.total, "frame")
    } else {
        String::new()
    }
}

fn worker_line(
    worker: &WorkerProgress,
    head: String,
    count: &str,
    columns: usize,
    paint: Paint,
) -> String {
    let mut line = head;
    if worker.total == 0 {
        return text::cut(&line, columns);
    }
    let percent = format!(
        "  {:>3} %",
        percent(worker.done.min(worker.total), worker.total)
    );
    let room = |line: &str| columns.saturating_sub(text::width(line) + text::width(&percent));
    let count = format!("  {count}");
    let bar_columns = WORKER_BAR_COLUMNS + 2;
    let fits_all = room(&line) >= bar_columns + text::width(&count);
    if fits_all {
        let bar = bar(worker.done, worker.total, WORKER_BAR_COLUMNS, paint);
        line.push_str(&format!("  {bar}"));
    }
    if fits_all || room(&line) >= text::width(&count) {
        line.push_str(&count);
    }
    if text::width(&line) + text::width(&percent) > columns {
        return text::cut(&line, columns);
    }
    line + &percent
}

/// A bar of so many columns; full only when all is done.
fn bar(done: u64, total: u64, columns: usize, paint: Paint) -> String {
    let columns_u128 = columns as u128;
    let filled = u128::from(done.min(total)) * columns_u128 / u128::from(total.max(1));
    let filled = usize::try_from(filled).unwrap_or(columns);
    let (full, empty) = ("█".repeat(filled), "░".repeat(columns - filled));
    format!("{}{}", paint.cyan(&full), paint.dim(&empty))
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
