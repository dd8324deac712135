//! `reelmesh transcode`: each input a job of its own, first in first out, shown until the last has ended.
//!
//! Inputs are probed and output places tried before any work. The first Ctrl-C asks the node for a clean
//! stop, the second ends the process at once; after both the same command goes on.

mod endings;
mod session;
mod stopwatch;

use std::sync::Arc;
use std::time::Duration;

use reelmesh_actors::api::{NodeConfig, Submission};
use reelmesh_actors::engine::MediaEngine;
use reelmesh_actors::node::Node;
use reelmesh_domain::spec::Spec;

use crate::args::TranscodeArgs;
use crate::commands::runtime;
use crate::config::Environment;
use crate::console::Console;
use crate::options::{self, Input, TranscodeOptions};
use crate::progress::{Display, Terminal};
use crate::report::{Exit, GO_ON, Kind, Report};
use crate::signals::Stops;
use crate::{logging, sources, spec};

use endings::{exit_of, table_of};
use session::{Job, Session, Stopped};

/// Transcodes all inputs.
pub(crate) fn run(args: &TranscodeArgs, environment: &Environment) -> Result<Exit, Vec<Report>> {
    let options = options::transcode(args, environment)?;
    let spec = spec::of(&options.settings)?;
    let console = Console::of_process(options.json);
    let terminal = Terminal::of_process(options.json);
    let one = |error| vec![error];
    logging::start(&options.settings, &terminal).map_err(one)?;
    let runtime = runtime().map_err(one)?;
    let line_every = Duration::from_secs(options.settings.number("progress.line_every_s"));
    let display = Display::new(console, terminal, line_every);
    let exit = runtime.block_on(async {
        let stops = Stops::new().map_err(one)?;
        let mut session = Session::new(display, stops, options.inputs.len());
        let stopped = Box::pin(all_jobs(&options, &spec, &mut session)).await;
        finish(&session, &options.inputs, stopped)
    });
    // Whatever still runs isn't waited for: after a clean stop nothing does, and a second Ctrl-C means now.
    runtime.shutdown_background();
    exit
}

/// Why a command ends before all jobs have.
#[derive(Debug)]
enum Cut {
    /// The user wants to stop.
    Stopped(Stopped),
    /// The node can't do any job.
    Failed(Report),
}

impl From<Stopped> for Cut {
    fn from(stopped: Stopped) -> Self {
        Self::Stopped(stopped)
    }
}

/// Runs all jobs; what became of each is then in the session.
async fn all_jobs(
    options: &TranscodeOptions,
    spec: &Spec,
    session: &mut Session,
) -> Result<(), Cut> {
    let mut jobs = Vec::new();
    for (place, input) in options.inputs.iter().enumerate() {
        if let Some(job) = check(session, place, input).await? {
            jobs.push(job);
        }
    }
    if jobs.is_empty() {
        return Ok(());
    }
    let config = NodeConfig {
        state_dir: options.node.state_dir.clone(),
        store_url: options.node.store_url.clone(),
        workers: options.node.workers,
        node_id: options.node.id.clone(),
    };
    let node = session
        .unless_stopped(Node::start(config, Arc::new(MediaEngine)))
        .await?
        .map_err(|error| Cut::Failed(Report::of_start(&error)))?;
    let followed = jobs_on(&node, options, spec, (session, jobs)).await;
    let closed = session.close(node).await;
    followed.and(closed).map_err(Cut::Stopped)
}

/// Reads an input's headers and says in a line what it is, or why it can't be used.
async fn check(session: &mut Session, place: usize, input: &Input) -> Result<Option<Job>, Stopped> {
    let (shown, path) = (input.shown.clone(), input.source.clone());
    let probing = tokio::task::spawn_blocking(move || {
        let unattended = reelmesh_media::control::Unattended;
        sources::probed(&shown, &path, &unattended).map(|(_, facts)| facts)
    });
    let probed = session.unless_stopped(probing).await?;
    let probed = probed.unwrap_or_else(|panic| {
        let message = format!("{}: probing it failed: {panic}", input.shown);
        Err(Report::new(Kind::Bug, message).about(&input.shown))
    });
    match probed {
        Ok(facts) => Ok(Some(Job::of(place, input, &facts))),
        Err(report) => {
            session.fail(place, report);
            Ok(None)
        }
    }
}

/// Submits all jobs, so that a place that can't be used is told before any work, then follows one after
/// another.
async fn jobs_on(
    node: &Node,
    options: &TranscodeOptions,
    spec: &Spec,
    (session, jobs): (&mut Session, Vec<Job>),
) -> Result<(), Stopped> {
    for job in jobs {
        let Some(input) = options.inputs.get(job.place) else {
            continue;
        };
        let submission = Submission {
            source: input.source.clone(),
            output: input.output.clone(),
            spec: spec.clone(),
            fresh: options.fresh,
        };
        match session.unless_stopped(node.submit(submission)).await? {
            Ok(handle) => session.submitted(job, handle),
            Err(error) => session.fail(job.place, Report::of_job(&input.shown, &error)),
        }
    }
    session.follow_all().await
}

/// Tells how it all ended.
fn finish(
    session: &Session,
    inputs: &[Input],
    stopped: Result<(), Cut>,
) -> Result<Exit, Vec<Report>> {
    let interrupted = match stopped {
        Err(Cut::Failed(report)) => return Err(vec![report]),
        Err(Cut::Stopped(how)) => Some(how),
        Ok(()) => None,
    };
    if let Some(how) = interrupted {
        let message = match how {
            Stopped::Asked => "interrupted before all was done",
            Stopped::AtOnce => "interrupted at once, before all was closed",
        };
        let report = Report::new(Kind::Interrupted, message);
        session.display().error(&report.hint(GO_ON));
    }
    let names: Vec<&str> = inputs.iter().map(|input| &*input.shown).collect();
    if let Some(table) = table_of(&names, session.endings()) {
        session.display().message(table.trim_end());
    }
    Ok(exit_of(session.endings(), interrupted.is_some()))
}
