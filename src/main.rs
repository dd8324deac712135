//! The `reelmesh` program: command line, configuration, progress and errors around a node.

#![expect(
    clippy::format_push_string,
    reason = "texts for people are built piece by piece, and reading well counts more there"
)]
mod args;
mod commands;
mod config;
mod console;
mod crew;
mod describe;
#[cfg(test)]
mod documents;
mod drawing;
mod ladder;
mod logging;
mod options;
mod paint;
mod progress;
mod report;
mod signals;
mod sources;
mod spec;
mod text;
mod toml_text;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Cli, Command};
use crate::config::Environment;
use crate::console::Console;
use crate::report::{Exit, Kind, Report};

fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => run(&cli.command),
        Err(error) => command_line_error(&error),
    };
    ExitCode::from(exit.code())
}

fn run(command: &Command) -> Exit {
    let environment = Environment::of_process();
    let (json, result) = match command {
        Command::Transcode(args) => (args.json, commands::transcode::run(args, &environment)),
        Command::Probe(args) => (args.json, commands::probe::run(args)),
        Command::Plan(args) => (args.json, commands::plan::run(args, &environment)),
        Command::Verify(args) => (args.json, commands::verify::run(args)),
        Command::Config(args) => (args.json, commands::config::run(args, &environment)),
    };
    result.unwrap_or_else(|errors| {
        let console = Console::of_process(json);
        for error in &errors {
            console.error(error);
        }
        errors
            .iter()
            .map(|error| error.kind().exit())
            .max()
            .unwrap_or(Exit::Failed)
    })
}

/// What clap says, with our code; help and version are no errors.
fn command_line_error(error: &clap::Error) -> Exit {
    let console = Console::of_process(false);
    let text = error.to_string();
    if !error.use_stderr() {
        Console::data(&text);
        return Exit::Done;
    }
    match text.strip_prefix("error: ") {
        Some(message) => console.error(&usage_report(message)),
        // A command without arguments shows its help.
        None => Console::note(&text),
    }
    Exit::Usage
}

/// Clap's paragraphs in our form: what is wrong, how it is used, what may have been meant.
fn usage_report(text: &str) -> Report {
    let mut paragraphs = text.trim_end().split("\n\n").map(str::trim);
    let message = paragraphs.next().unwrap_or_default();
    let mut report = Report::new(Kind::CommandLine, message).hint("`--help` shows all");
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            report = report.hint(tip.replace("tip: ", ""));
        } else if let Some(usage) = paragraph.strip_prefix("Usage: ") {
            report = report.details([format!("usage: {usage}")]);
        }
    }
    report
}
