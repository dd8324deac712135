//! A plan drawn for people: a timeline, a table of chunks, what it costs and how soon it can be done.

use std::time::Duration;

use reelmesh_domain::media_types::SourceFacts;
use reelmesh_domain::plan::{BorderReason, OutputClock, Plan, Timeline, UnitKind};

use crate::crew::{chunk_costs, shares};
use crate::options::Crew;
use crate::paint::Paint;
use crate::text::{self, Align, counted, table};

/// The drawing's marks stand in so many columns at most.
const COLUMNS_MAX: usize = 96;
/// Before the marks stands their name.
const NAME_COLUMNS: usize = 10;

/// What is drawn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawn<'a> {
    /// The source, as the user wrote it.
    pub(crate) name: &'a str,
    /// What probing found.
    pub(crate) facts: &'a SourceFacts,
    /// The plan,
    pub(crate) plan: &'a Plan,
    /// and the timeline that it was made on.
    pub(crate) timeline: &'a Timeline,
}

/// The whole drawing.
pub(crate) fn plan(drawn: Drawn<'_>, columns: usize, crew: Option<Crew>, paint: Paint) -> String {
    let Drawn {
        name,
        plan,
        timeline,
        ..
    } = drawn;
    let mut text = format!("{}\n\n", headline(name, plan, timeline, paint));
    text.push_str(&marks(plan, timeline, columns, paint));
    text.push('\n');
    text.push_str(&chunk_table(plan, timeline, paint));
    text.push('\n');
    text.push_str(&costs(plan, drawn.facts, paint));
    if let Some(crew) = crew {
        text.push('\n');
        text.push_str(&crew_table(plan, crew, paint));
    }
    text
}

fn headline(name: &str, plan: &Plan, timeline: &Timeline, paint: Paint) -> String {
    let clock = match plan.clock {
        OutputClock::Constant { rate } => crate::describe::rate(rate),
        OutputClock::Variable => "a variable rate".to_owned(),
    };
    let count = |count: usize, one| counted(count as u64, one);
    let mut text = format!(
        "{}: {} in {} at {clock}: {}, {}, {}",
        paint.bold(name),
        counted(plan.frames, "frame"),
        text::seconds(duration_s(plan)),
        count(plan.cells.len(), "cell"),
        count(plan.chunks.len(), "chunk"),
        count(plan.units.len(), "unit"),
    );
    if plan.chunks.len() == 1 && plan.cells.len() > 1 {
        text.push_str("\n  one chunk: ");
        text.push_str(why_one_chunk(timeline));
    }
    text
}

fn why_one_chunk(timeline: &Timeline) -> &'static str {
    if timeline.access_points.len() < 2 {
        "decoding can begin in one place only"
    } else {
        "too short to cut: lead-in and tail of a second chunk would cost more than a cut may (3 %, capped \
         rates 5 %)"
    }
}

fn duration_s(plan: &Plan) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds are shown")]
    let ticks = plan.end_pts as f64;
    ticks * plan.clock.time_base().approximate()
}

/// The seconds at which a frame is shown.
fn frame_s(plan: &Plan, timeline: &Timeline, frame: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds are shown")]
    let ticks = timeline.output_pts(frame) as f64;
    ticks * plan.clock.time_base().approximate()
}

/// Lines of marks over the same time: seconds, access points, cells, chunks.
fn marks(plan: &Plan, timeline: &Timeline, columns: usize, paint: Paint) -> String {
    let columns = columns.clamp(NAME_COLUMNS + 10, COLUMNS_MAX) - NAME_COLUMNS;
    let column = |frame: u64| column_of(frame, plan.frames, columns);
    let line = |name: &str, marks: &str| format!("  {name:<8}{marks}\n");
    let mut access = vec![' '; columns];
    for point in &timeline.access_points {
        if let Some(mark) = access.get_mut(column(point.frame)) {
            *mark = '▲';
        }
    }
    let mut cells = vec!['─'; columns];
    for cell in &plan.cells {
        if let Some(mark) = cells.get_mut(column(cell.frames.start)) {
            *mark = '┬';
        }
    }
    let mut chunks = String::new();
    for (number, chunk) in plan.chunks.iter().enumerate() {
        let start = column(chunk.own.start);
        let end = if chunk.own.end >= plan.frames {
            columns
        } else {
            column(chunk.own.end)
        };
        chunks.push_str(&block(number, end.saturating_sub(start), paint));
    }
    let mut text = line("time", &ruler(plan, timeline, columns));
    text.push_str(&line(
        "cells",
        &paint.dim(&cells.into_iter().collect::<String>()),
    ));
    text.push_str(&line("chunks", &chunks));
    let access: String = access.into_iter().collect();
    text.push_str(&line("access", access.trim_end()));
    text.push_str(&format!(
        "  {:<8}▲ decoding can begin here: {}\n",
        "",
        counted(timeline.access_points.len() as u64, "place")
    ));
    text
}

fn column_of(frame: u64, frames: u64, columns: usize) -> usize {
    let column = u128::from(frame) * columns as u128 / u128::from(frames.max(1));
    usize::try_from(column).unwrap_or(columns)
}

/// One chunk as a block with its number where there is room; neighbours differ without colour, too.
fn block(number: usize, columns: usize, paint: Paint) -> String {
    let label = (number + 1).to_string();
    let fill = if number.is_multiple_of(2) {
        "█"
    } else {
        "▒"
    };
    let text = if columns > label.len() + 1 {
        format!("{label}{}", fill.repeat(columns - label.len()))
    } else {
        fill.repeat(columns)
    };
    if number.is_multiple_of(2) {
        paint.cyan(&text)
    } else {
        text
    }
}

/// Round times at the columns of their frames.
fn ruler(plan: &Plan, timeline: &Timeline, columns: usize) -> String {
    /// Room for a time and a gap.
    const ROOM: usize = 10;
    /// Round steps in seconds.
    const STEPS: &[u32] = &[
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400,
    ];
    let seconds_per_column =
        duration_s(plan) / f64::from(u32::try_from(columns).unwrap_or(u32::MAX));
    let least = seconds_per_column * f64::from(u32::try_from(ROOM).unwrap_or(u32::MAX));
    let step = STEPS.iter().find(|step| f64::from(**step) >= least);
    let step = step.or(STEPS.last()).copied().unwrap_or(1);
    let tick = plan.clock.time_base().approximate();
    let mut text = String::new();
    let mut used = 0;
    for second in (0_u32..).step_by(step as usize) {
        #[expect(clippy::cast_precision_loss, reason = "a column is coarser")]
        let later = |pts: i64| pts as f64 * tick >= f64::from(second);
        let place = timeline
            .frames
            .partition_point(|frame| !later(frame.output_pts));
        if place == timeline.frames.len() {
            break;
        }
        let at = column_of(place as u64, plan.frames, columns);
        let mark = format!("╷{}", text::clock(Duration::from_secs(u64::from(second))));
        let width = text::width(&mark);
        if at < used || at + width > columns {
            continue;
        }
        text.push_str(&" ".repeat(at - used));
        text.push_str(&mark);
        used = at + width;
    }
    text
}

/// Core-seconds of core-microseconds.
fn core_s(cost_us: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a tenth of a second is shown")]
    let seconds = cost_us as f64 / 1e6;
    format!("{seconds:.1}")
}

fn chunk_table(plan: &Plan, timeline: &Timeline, paint: Paint) -> String {
    let heading = [
        "chunk",
        "from s",
        "cells",
        "frames",
        "preroll",
        "lead-in",
        "tail",
        "core-s",
        "ends there because",
    ];
    let mut rows = vec![heading.map(|heading| paint.bold(heading)).to_vec()];
    let costs = chunk_costs(plan);
    for (number, chunk) in plan.chunks.iter().enumerate() {
        let access = timeline.access_points.get(chunk.access_point as usize);
        let preroll = access.map_or(0, |point| chunk.deliver.start.saturating_sub(point.frame));
        rows.push(vec![
            (number + 1).to_string(),
            format!("{:.3}", frame_s(plan, timeline, chunk.own.start)),
            (chunk.cells.end - chunk.cells.start).to_string(),
            (chunk.own.end - chunk.own.start).to_string(),
            preroll.to_string(),
            (chunk.own.start - chunk.feed.start).to_string(),
            (chunk.feed.end - chunk.own.end).to_string(),
            core_s(costs.get(number).copied().unwrap_or_default()),
            reason(chunk.border).to_owned(),
        ]);
    }
    let columns = [
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Left,
    ];
    table("  ", &columns, &rows)
}

fn reason(border: BorderReason) -> &'static str {
    match border {
        BorderReason::Cost => "the cheapest place near the wanted length",
        BorderReason::Taper => "shorter towards the end, so that all workers end together",
        BorderReason::Merged => "a border nearby was refuted and merged away",
        BorderReason::End => "the source ends",
    }
}

fn costs(plan: &Plan, facts: &SourceFacts, paint: Paint) -> String {
    let total: u64 = plan.units.iter().map(|unit| unit.cost_us).sum();
    let longest = plan.units.iter().max_by_key(|unit| unit.cost_us);
    let own: u64 = plan
        .chunks
        .iter()
        .map(|chunk| chunk.own.end - chunk.own.start)
        .sum();
    let fed: u64 = plan
        .chunks
        .iter()
        .map(|chunk| chunk.feed.end - chunk.feed.start)
        .sum();
    // In thousandths, exact: frames are few enough.
    let ends = fed.saturating_sub(own) * 1000 / fed.max(1);
    let in_core_s = |cost_us| format!("{} core-seconds", core_s(cost_us));
    let mut rows = vec![vec![paint.bold("all"), in_core_s(total)]];
    for (name, cost_us, what) in cost_parts(plan, facts) {
        let cost = in_core_s(cost_us);
        let separator = if what.is_empty() { "" } else { ": " };
        rows.push(vec![
            format!("  {name}"),
            format!("{cost}{separator}{what}"),
        ]);
    }
    rows.push(vec![
        paint.bold("warm ends"),
        format!(
            "{}.{} % of the frames encoded: lead-ins and tails",
            ends / 10,
            ends % 10
        ),
    ]);
    if let Some(unit) = longest {
        rows.push(vec![
            paint.bold("floor"),
            format!(
                "{} s: the longest unit ({}), however many workers; scan and assembly come on top",
                core_s(unit.cost_us),
                unit_name(plan, unit.kind)
            ),
        ]);
    }
    table("  ", &[Align::Left, Align::Left], &rows)
}

/// What the whole is made of: each rendition, the decoding that some share, each audio track. Name, cost
/// and a word about it.
fn cost_parts(plan: &Plan, facts: &SourceFacts) -> Vec<(String, u64, String)> {
    let costs = plan.rendition_costs_us(facts);
    let mut parts = Vec::new();
    for (group, range) in (0_u32..).zip(&plan.groups) {
        let mut rest = plan.group_cost_us(group);
        let mut names = Vec::new();
        for place in range.clone() {
            let rendition = plan.renditions.get(place as usize);
            let cost = costs.get(place as usize).copied().unwrap_or_default();
            if let Some(rendition) = rendition {
                let size = format!("{}×{}", rendition.width, rendition.height);
                parts.push((rendition.name.clone(), cost, size));
                names.push(&*rendition.name);
            }
            rest = rest.saturating_sub(cost);
        }
        let what = format!(
            "preroll and what a task costs anyway, for {}",
            names.join(", ")
        );
        parts.push(("decoding".to_owned(), rest, what));
    }
    for unit in &plan.units {
        if let UnitKind::Audio { track } = unit.kind
            && let Some(audio) = plan.audio.get(track as usize)
        {
            parts.push((audio.rendition.name.clone(), unit.cost_us, String::new()));
        }
    }
    parts
}

fn unit_name(plan: &Plan, kind: UnitKind) -> String {
    match kind {
        UnitKind::Chunk { chunk, .. } => format!("chunk {}", chunk + 1),
        UnitKind::Audio { track } => plan.audio.get(track as usize).map_or_else(
            || format!("audio {track}"),
            |audio| audio.rendition.name.clone(),
        ),
    }
}

fn crew_table(plan: &Plan, crew: Crew, paint: Paint) -> String {
    let shares = shares(plan, crew.nodes, crew.workers);
    let mut rows = vec![
        ["node", "chunks", "audio", "core-s", "done after s"]
            .map(|heading| paint.bold(heading))
            .to_vec(),
    ];
    for (number, share) in shares.iter().enumerate() {
        let (start, end) = share.chunks;
        let chunks = match end.saturating_sub(start) {
            0 => "none".to_owned(),
            1 => end.to_string(),
            _ => format!("{}–{end}", start + 1),
        };
        rows.push(vec![
            (number + 1).to_string(),
            chunks,
            share.audio.to_string(),
            core_s(share.cost_us),
            core_s(share.end_us),
        ]);
    }
    let total: u64 = shares.iter().map(|share| share.cost_us).sum();
    let end = shares
        .iter()
        .map(|share| share.end_us)
        .max()
        .unwrap_or_default();
    let offered = u128::from(end) * u128::from(crew.nodes) * u128::from(crew.workers);
    let busy = u128::from(total) * 100 / offered.max(1);
    let columns = [
        Align::Right,
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
    ];
    format!(
        "  {} with {} each: done after {} s on idle cores of the model's speed, {busy} % of them busy\n\n{}",
        counted(u64::from(crew.nodes), "node"),
        counted(u64::from(crew.workers), "worker"),
        core_s(end),
        table("  ", &columns, &rows)
    )
}

#[cfg(test)]
#[path = "drawing_tests.rs"]
pub(crate) mod tests;
