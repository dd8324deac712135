//! Raw flags made into checked options, in this one place: everything behind it may rely on them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use reelmesh_domain::ids::NodeId;
use url::Url;

use crate::args::{NodeArgs, PlanArgs, TranscodeArgs};
use crate::config::{Environment, Flag, Settings};
use crate::report::{Kind, Report};

/// How the node is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeOptions {
    /// Its name.
    pub(crate) id: NodeId,
    /// Tasks at a time.
    pub(crate) workers: NonZeroU32,
    /// Where its state lives.
    pub(crate) state_dir: PathBuf,
    /// The store, if it isn't the embedded one.
    pub(crate) store_url: Option<String>,
}

/// One input with its place for outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Input {
    /// As the user wrote it, for messages.
    pub(crate) shown: String,
    /// Absolute.
    pub(crate) source: PathBuf,
    /// `<out>/<stem>`, absolute.
    pub(crate) output: PathBuf,
}

/// What `transcode` is to do.
#[derive(Clone, Debug)]
pub(crate) struct TranscodeOptions {
    /// The inputs, in their order.
    pub(crate) inputs: Vec<Input>,
    /// Whether to begin anew.
    pub(crate) fresh: bool,
    /// Whether events go to the standard output as JSON.
    pub(crate) json: bool,
    /// The node.
    pub(crate) node: NodeOptions,
    /// The configuration.
    pub(crate) settings: Settings,
}

/// The configuration with the flags of a node.
pub(crate) fn node_settings(
    args: &NodeArgs,
    more: Vec<Flag>,
    environment: &Environment,
) -> Result<Settings, Vec<Report>> {
    let mut flags = more;
    if let Some(workers) = &args.workers {
        flags.push(Flag {
            key: "node.workers",
            written: "--workers",
            value: workers.clone(),
        });
    }
    if let Some(dir) = &args.state_dir {
        let Some(value) = dir.to_str().map(str::to_owned) else {
            return Err(vec![Report::new(
                Kind::Configuration,
                format!("--state-dir {} isn't text", dir.display()),
            )]);
        };
        flags.push(Flag {
            key: "node.state_dir",
            written: "--state-dir",
            value,
        });
    }
    Settings::load(args.config.config.as_deref(), environment, &flags)
}

/// The flags that say what is made.
pub(crate) fn output_flags(
    ladder: Option<&String>,
    package: Option<&String>,
    latency: Option<&String>,
) -> Vec<Flag> {
    let flags = [
        ("transcode.ladder", "--ladder", ladder),
        ("transcode.package", "--package", package),
        ("transcode.latency", "--latency", latency),
    ];
    let given = flags.into_iter().filter_map(|(key, written, value)| {
        let value = value?.clone();
        Some(Flag {
            key,
            written,
            value,
        })
    });
    given.collect()
}

/// The options of `transcode`.
///
/// # Errors
///
/// All that is wrong, at once.
pub(crate) fn transcode(
    args: &TranscodeArgs,
    environment: &Environment,
) -> Result<TranscodeOptions, Vec<Report>> {
    let flags = output_flags(
        args.ladder.as_ref(),
        args.package.as_ref(),
        args.latency.as_ref(),
    );
    let settings = node_settings(&args.node, flags, environment);
    let node = settings
        .as_ref()
        .ok()
        .map(|settings| node(settings, environment));
    let inputs = output_root("--out", &args.out)
        .map_err(|error| vec![error])
        .and_then(|root| inputs(&args.inputs, &root));
    match (settings, node, inputs) {
        (Ok(settings), Some(Ok(node)), Ok(inputs)) => Ok(TranscodeOptions {
            inputs,
            fresh: args.fresh,
            json: args.json,
            node,
            settings,
        }),
        (settings, node, inputs) => {
            let mut errors = settings.err().unwrap_or_default();
            errors.extend(node.and_then(Result::err));
            errors.extend(inputs.err().unwrap_or_default());
            Err(errors)
        }
    }
}

/// The node that a configuration asks for.
pub(crate) fn node(settings: &Settings, environment: &Environment) -> Result<NodeOptions, Report> {
    let workers = u32::try_from(settings.number("node.workers")).unwrap_or(u32::MAX);
    let workers = NonZeroU32::new(workers).unwrap_or_else(cores);
    let state_dir = match settings.text("node.state_dir") {
        "" => environment.usual_state_dir().ok_or_else(|| {
            Report::new(
                Kind::Configuration,
                "there is no place for the state: neither XDG_STATE_HOME nor HOME is set",
            )
            .hint("give one with --state-dir")
        })?,
        dir => PathBuf::from(dir),
    };
    let id = match settings.text("node.id") {
        "" => host_id(),
        id => NodeId::try_from(id.to_owned()).map_err(|error| {
            let origin = settings.origin("node.id");
            Report::new(Kind::Configuration, format!("{origin}: node.id: {error}"))
                .hint("1 to 63 characters of a-z, 0-9 and -")
        })?,
    };
    let url = settings.text("store.url");
    Ok(NodeOptions {
        id,
        workers,
        state_dir: absolute(&state_dir)?,
        store_url: (!url.is_empty()).then(|| url.to_owned()),
    })
}

/// The cores that this process may use.
pub(crate) fn cores() -> NonZeroU32 {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    NonZeroU32::new(u32::try_from(cores).unwrap_or(u32::MAX)).unwrap_or(NonZeroU32::MIN)
}

/// A name made of the host's, as far as that has letters for it.
fn host_id() -> NodeId {
    /// Longest name of a node.
    const LETTERS_MAX: usize = 63;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let letters = host.trim().to_lowercase();
    let letters = letters
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    let name: String = letters.take(LETTERS_MAX).collect();
    NodeId::try_from(name)
        .or_else(|_no_host_name| NodeId::try_from("node".to_owned()))
        .unwrap_or_else(|_| unreachable!("`node` is a node's name"))
}

/// The directory that the value of an argument (`--out`) means.
pub(crate) fn output_root(argument: &str, out: &str) -> Result<PathBuf, Report> {
    // A scheme has at least two letters, so that nobody's `c:` is taken for one.
    let scheme = out.split_once("://").map(|(scheme, _)| scheme);
    match scheme {
        None if out.is_empty() => Err(Report::new(
            Kind::CommandLine,
            format!("{argument} is empty"),
        )),
        None => absolute(Path::new(out)),
        Some("file") => {
            let path = Url::parse(out).ok().and_then(|url| url.to_file_path().ok());
            path.ok_or_else(|| {
                Report::new(
                    Kind::CommandLine,
                    format!("{argument} {out}: no path of this host"),
                )
                .hint("write file:///absolute/path, or the path alone")
            })
        }
        Some(scheme) => Err(Report::new(
            Kind::Scheme,
            format!("{argument} {out}: the scheme `{scheme}` isn't supported yet"),
        )
        .hint("give a directory or a file:// URL")),
    }
}

/// Each input with its place; places must differ.
fn inputs(files: &[PathBuf], root: &Path) -> Result<Vec<Input>, Vec<Report>> {
    let mut found: Vec<Input> = Vec::new();
    let mut by_stem: BTreeMap<String, String> = BTreeMap::new();
    let mut errors = Vec::new();
    for file in files {
        let shown = file.display().to_string();
        if shown
            .split_once("://")
            .is_some_and(|(scheme, _)| scheme.chars().all(char::is_alphanumeric))
        {
            let scheme = shown.split("://").next().unwrap_or_default();
            let report = Report::new(
                Kind::Scheme,
                format!("{shown}: the scheme `{scheme}` isn't supported yet for inputs"),
            );
            errors.push(report.hint("give a local file"));
            continue;
        }
        let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else {
            let report = Report::new(
                Kind::CommandLine,
                format!("{shown}: outputs can't be named after this"),
            );
            errors.push(report.hint("rename the file: its name must be text"));
            continue;
        };
        if let Some(other) = by_stem.insert(stem.to_owned(), shown.clone()) {
            let report = Report::new(
                Kind::SameStem,
                format!(
                    "{other} and {shown} would both be put into {}",
                    root.join(stem).display()
                ),
            );
            errors.push(report.hint("rename one, or use two commands with different --out"));
            continue;
        }
        match absolute(file) {
            Ok(source) => found.push(Input {
                shown,
                source,
                output: root.join(stem),
            }),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() {
        Ok(found)
    } else {
        Err(errors)
    }
}

/// An absolute path, without resolving links: the user's own names stay.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf, Report> {
    std::path::absolute(path)
        .map_err(|error| Report::new(Kind::CommandLine, format!("{}: {error}", path.display())))
}

/// Workers and nodes that `plan` shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Crew {
    /// Nodes.
    pub(crate) nodes: u32,
    /// Workers of each.
    pub(crate) workers: u32,
}

/// The crew that `plan` is asked to show, if it is.
pub(crate) fn crew(args: &PlanArgs) -> Option<Crew> {
    (args.nodes.is_some() || args.workers.is_some()).then(|| Crew {
        nodes: args.nodes.unwrap_or(1),
        workers: args.workers.unwrap_or_else(|| cores().get()),
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::paint::Paint;

    fn parse(line: &str) -> Result<TranscodeOptions, String> {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            args: TranscodeArgs,
        }
        let args = Only::try_parse_from(line.split_whitespace()).unwrap().args;
        let environment = Environment::of(&[("HOME", "/h")]);
        transcode(&args, &environment).map_err(|errors| {
            errors
                .iter()
                .map(|error| error.render(Paint::plain()))
                .collect()
        })
    }

    /// Shows the options of a plain command: defaults filled in, all paths absolute.
    #[test]
    fn a_plain_command_is_completed() {
        let options =
            parse("reelmesh /v/a.mp4 /w/b.c.mkv --out file:///o%20o --workers 3").unwrap();
        let places: Vec<String> = options
            .inputs
            .iter()
            .map(|input| input.output.display().to_string())
            .collect();
        assert_eq!(places, ["/o o/a", "/o o/b.c"]);
        assert_eq!(options.node.workers.get(), 3);
        assert_eq!(
            options.node.state_dir,
            Path::new("/h/.local/state/reelmesh")
        );
        assert_eq!(options.node.store_url, None);
        assert!(!options.fresh && !options.json);
    }

    /// Shows that several mistakes of different kinds are told at once.
    #[test]
    fn every_mistake_is_told() {
        let errors = parse(
            "reelmesh /a/x.mp4 /b/x.mkv http://h/y.mp4 --out /o --workers 9999 --package dash",
        )
        .unwrap_err();
        insta::assert_snapshot!(errors, @r"
        error[RM0002]: flag --package: transcode.package is `dash`, must be one of mp4, hls
        error[RM0002]: flag --workers: node.workers is 9999, must be 0 to 1024
        error[RM0006]: /a/x.mp4 and /b/x.mkv would both be put into /o/x
          hint: rename one, or use two commands with different --out
        error[RM0007]: http://h/y.mp4: the scheme `http` isn't supported yet for inputs
          hint: give a local file
        ");
    }

    /// Shows that places other than directories are refused by the name of their scheme.
    #[test]
    fn other_schemes_are_refused_by_name() {
        for (out, part) in [
            ("s3://b/p", "`s3`"),
            ("gs://b", "`gs`"),
            ("file://host/p", "no path"),
            ("", "empty"),
        ] {
            let error = output_root("--out", out).unwrap_err();
            assert!(error.message().contains(part), "{error:?}");
        }
    }
}
