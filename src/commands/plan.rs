//! `reelmesh plan`: what would be cut where and why, and what it costs. Scans the source, encodes nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use reelmesh_domain::media_types::SourceFacts;
use reelmesh_domain::plan::{Inputs, Plan, PlanError, Timeline};
use reelmesh_domain::spec::Spec;
use reelmesh_media::control::Control;
use reelmesh_media::golden::fingerprint;
use reelmesh_media::limits::Limits;
use reelmesh_media::scan::scan;
use serde::Serialize;

use crate::args::PlanArgs;
use crate::config::{Environment, Settings};
use crate::console::Console;
use crate::crew::{Share, shares};
use crate::drawing::{self, Drawn};
use crate::progress::{SingleLine, Terminal};
use crate::report::{Exit, Kind, Report};
use crate::{logging, options, sources, spec, text};

/// The plan as JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    facts: &'a SourceFacts,
    plan: &'a Plan,
    /// Core-microseconds to scale and encode each rendition.
    rendition_costs_us: Vec<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shares: Option<Vec<Share>>,
}

/// Shows the plan.
pub(crate) fn run(args: &PlanArgs, environment: &Environment) -> Result<Exit, Vec<Report>> {
    let one = |error| vec![error];
    let flags = options::output_flags(args.ladder.as_ref(), None, args.latency.as_ref());
    let settings = Settings::load(args.config.config.as_deref(), environment, &flags)?;
    let spec = spec::of(&settings)?;
    let terminal = Terminal::of_process(args.json);
    logging::start(&settings, &terminal).map_err(one)?;
    let shown = args.file.display().to_string();
    let control = Scanning {
        line: SingleLine::new(&shown, &terminal),
        total: AtomicU64::new(0),
    };
    let made = made(args, &shown, &spec, &control);
    control.line.end();
    let (facts, timeline, plan) = made.map_err(one)?;
    let crew = options::crew(args);
    if args.json {
        Console::json(&Line {
            file: &shown,
            facts: &facts,
            plan: &plan,
            rendition_costs_us: plan.rendition_costs_us(&facts),
            shares: crew.map(|crew| shares(&plan, crew.nodes, crew.workers)),
        });
    } else {
        let paint = Console::of_process(false).out;
        let columns = Terminal::columns();
        let drawn = Drawn {
            name: &shown,
            facts: &facts,
            plan: &plan,
            timeline: &timeline,
        };
        let drawing = drawing::plan(drawn, columns, crew, paint);
        Console::data(&drawing);
    }
    Ok(Exit::Done)
}

/// Scans the source and plans.
fn made(
    args: &PlanArgs,
    shown: &str,
    spec: &Spec,
    control: &Scanning,
) -> Result<(SourceFacts, Timeline, Plan), Report> {
    let media = |error| Report::of_media(shown, &error);
    let (source, facts) = sources::probed(shown, &args.file, control)?;
    control.total.store(facts.bytes, Ordering::Relaxed);
    let limits = Limits::default();
    let scan = scan(source, &facts, &limits, control).map_err(media)?;
    let timeline = Timeline::from_scan(&scan, &facts.video, facts.container)
        .map_err(|error| Report::new(Kind::OutOfScope, format!("{shown}: {error}")).about(shown))?;
    limits.admit(&timeline).map_err(media)?;
    let fingerprint = fingerprint().map_err(media)?;
    let fingerprint = fingerprint
        .text()
        .map_err(|error| Report::new(Kind::Bug, format!("the engine's fingerprint: {error}")))?;
    let plan = Plan::make(Inputs {
        facts: &facts,
        timeline: &timeline,
        spec,
        fingerprint: &fingerprint,
    });
    let plan = plan.map_err(|error| {
        let kind = match error {
            PlanError::Source(_) => Kind::OutOfScope,
            PlanError::Bug(_) => Kind::Bug,
        };
        Report::new(kind, format!("{shown}: {error}")).about(shown)
    })?;
    Ok((facts, timeline, plan))
}

/// Shows how far a scan is.
#[derive(Debug)]
struct Scanning {
    line: SingleLine,
    /// Bytes of the source; 0 until it is open.
    total: AtomicU64,
}

impl Control for Scanning {
    fn cancelled(&self) -> bool {
        false
    }

    fn progress(&self, done: u64) {
        let total = self.total.load(Ordering::Relaxed);
        if total > 0 {
            self.line.show(|| {
                let percent = u128::from(done.min(total)) * 100 / u128::from(total);
                format!("scanning  {}  {percent} %", text::bytes(total))
            });
        }
    }
}
