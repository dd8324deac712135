//! The command line as it is written: raw flags. What they mean together is decided in
//! [`crate::options`], nowhere else.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Turns videos into ladders of renditions, cut into chunks that are encoded side by side.
///
/// One source becomes a ladder of renditions as MP4 files and an HLS stream. Work that is finished stays
/// finished: after an interruption, of whatever kind, the same command goes on.
#[derive(Debug, Parser)]
#[command(name = "reelmesh", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 2 the command or the configuration is wrong; 3 no input \
could be read or was in scope; 4 a job failed; 130 interrupted.";

const TRANSCODE_HELP: &str = "Examples:
  reelmesh transcode talk.mp4 --out published
  reelmesh transcode *.mkv --out published --ladder fast --package hls

Outputs are <out>/<input's name>/<rendition>.mp4, …/hls/multivariant.m3u8 and, last, …/report.json.
Ctrl-C stops cleanly, a second one at once. The same command goes on from what is finished.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make the renditions of one or more videos, as MP4 files and an HLS stream
    #[command(after_long_help = TRANSCODE_HELP)]
    Transcode(TranscodeArgs),
    /// Show what is in a file, and whether it can be transcoded
    Probe(ProbeArgs),
    /// Show what would be cut where and why, and what it costs, without doing it
    Plan(PlanArgs),
    /// Check outputs against their report: files, frames, playlists, seams, a full decode
    Verify(VerifyArgs),
    /// Show every value of the configuration and where it comes from
    Config(ConfigArgs),
}

/// Flags of `transcode`.
#[derive(Debug, Args)]
pub(crate) struct TranscodeArgs {
    /// Videos: H.264 or HEVC in MP4, MOV, MKV or MPEG-TS
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Where the outputs go: a directory, or a file:// URL
    #[arg(long, value_name = "DIR|URL")]
    pub(crate) out: String,
    /// Which renditions: `default`, `fast`, or the path of a file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) ladder: Option<String>,
    /// What to make of them: mp4, hls, or both
    #[arg(long, value_name = "mp4,hls")]
    pub(crate) package: Option<String>,
    /// `fast` spends up to 15 % more work to be done sooner: more and shorter chunks [default: normal]
    #[arg(long, value_name = "normal|fast")]
    pub(crate) latency: Option<String>,
    /// Begin anew, whatever was done before
    #[arg(long)]
    pub(crate) fresh: bool,
    /// Flags of the node.
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Report events as lines of JSON on the standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags that set up a node.
#[derive(Debug, Args)]
pub(crate) struct NodeArgs {
    /// Tasks that run at a time, one core's worth each [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<String>,
    /// Where finished work is kept until the job is done [default: `$XDG_STATE_HOME/reelmesh`]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,
    /// Flags of the configuration.
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
}

/// Flags of the configuration.
#[derive(Debug, Args)]
pub(crate) struct ConfigFileArgs {
    /// Configuration file [default: `$XDG_CONFIG_HOME/reelmesh/node.toml`]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// Flags of `probe`.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Show it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `plan`.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Which renditions: `default`, `fast`, or the path of a file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) ladder: Option<String>,
    /// `fast` spends up to 15 % more work to be done sooner: more and shorter chunks [default: normal]
    #[arg(long, value_name = "normal|fast")]
    pub(crate) latency: Option<String>,
    /// Show who would get what among so many nodes
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) nodes: Option<u32>,
    /// Workers of each node
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) workers: Option<u32>,
    /// Flags of the configuration.
    #[command(flatten)]
    pub(crate) config: ConfigFileArgs,
    /// Show it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Outputs of one input, or the place given to --out with several
    #[arg(value_name = "OUT")]
    pub(crate) out: String,
    /// Report findings as lines of JSON on the standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// Flags of `config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Flags of the node.
    #[command(flatten)]
    pub(crate) node: NodeArgs,
    /// Show it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The reference of all commands, as `--help` shows them.
    fn reference() -> String {
        let mut text = String::from(
            "# Command line\n\n\
             Made from the sources: what `reelmesh help` shows.\n",
        );
        // Lines are wrapped here, not as wide as the terminal that runs the tests.
        let mut root = Cli::command().term_width(100);
        root.build();
        let names: Vec<String> = root
            .get_subcommands()
            .map(|command| command.get_name().to_owned())
            .filter(|name| name != "help")
            .collect();
        let mut section = |title: &str, help: String| {
            let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
            text.push_str(&format!(
                "\n## {title}\n\n```text\n{}\n```\n",
                lines.join("\n")
            ));
        };
        section("reelmesh", root.render_long_help().to_string());
        for name in names {
            if let Some(command) = root.find_subcommand_mut(&name) {
                let mut command = command.clone().term_width(100);
                section(
                    &format!("reelmesh {name}"),
                    command.render_long_help().to_string(),
                );
            }
        }
        text
    }

    /// Shows that the definition holds together and that docs/cli.md is what it says.
    #[test]
    fn the_reference_is_up_to_date() {
        Cli::command().debug_assert();
        crate::documents::check_document("docs/cli.md", &reference());
    }
}
