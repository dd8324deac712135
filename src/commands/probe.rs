//! `reelmesh probe`: what is in a file, and whether it is in scope.

use reelmesh_domain::media_types::SourceFacts;
use reelmesh_media::control::Unattended;
use serde::Serialize;

use crate::args::ProbeArgs;
use crate::console::Console;
use crate::report::{Exit, Report};
use crate::{describe, sources};

/// The facts as JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    file: &'a str,
    #[serde(flatten)]
    facts: &'a SourceFacts,
}

/// Shows the facts.
pub(crate) fn run(args: &ProbeArgs) -> Result<Exit, Vec<Report>> {
    let shown = args.file.display().to_string();
    let probed = sources::probed(&shown, &args.file, &Unattended);
    let (_, facts) = probed.map_err(|error| vec![error])?;
    if args.json {
        Console::json(&Line {
            file: &shown,
            facts: &facts,
        });
    } else {
        let paint = Console::of_process(false).out;
        Console::data(&describe::source(&shown, &facts, paint));
    }
    Ok(Exit::Done)
}
