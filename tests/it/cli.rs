//! Whole command output, as a user sees it.

use insta::assert_snapshot;

use crate::program::Place;

/// Shows the help of the program.
#[test]
fn help() {
    assert_snapshot!(Place::new().shown(&["--help"]), @r"
    exit code 0
    --- stdout
    Turns any number of machines into one video transcoder.

    One source becomes a ladder of renditions as MP4 files and an HLS stream. Work that is finished
    stays finished: after an interruption, of whatever kind, the same command goes on.

    Usage: reelmesh <COMMAND>

    Commands:
      config  Show every value of the configuration and where it comes from
      help    Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes: 0 done; 2 the command or the configuration is wrong; 3 no input could be read or was in
    scope; 4 a job failed; 130 interrupted.
    ");
}

/// Shows that a slip in a command or a flag is told with what was meant, code and exit code.
#[test]
fn usage_errors() {
    let place = Place::new();
    let all = [
        &["konfig"][..],
        &["config", "--worker", "3"],
        &["config", "--workers", "many", "--state-dir", "x"],
    ]
    .map(|arguments| place.shown(arguments));
    assert_snapshot!(all.join("\n"), @r"
    exit code 2
    --- stderr
    error[RM0001]: unrecognized subcommand 'konfig'
      | usage: reelmesh <COMMAND>
      hint: a similar subcommand exists: 'config'

    exit code 2
    --- stderr
    error[RM0001]: unexpected argument '--worker' found
      | usage: reelmesh config --workers <N>
      hint: a similar argument exists: '--workers'

    exit code 2
    --- stderr
    error[RM0002]: flag --workers: node.workers is `many`, must be a whole number
    ");
}

/// Shows all values with their origins, from a file, the environment and a flag.
#[test]
fn config_shows_origins() {
    let place = Place::new();
    std::fs::write(
        place.path("my.toml"),
        "[plan]\ncell_ms = 1000\n\n[node]\nworkers = 2\nid = \"me\"\n",
    )
    .unwrap();
    let mut command = place.reelmesh(&["config", "--config", "my.toml", "--workers", "7"]);
    command.env("REELMESH__TRANSCODE__PACKAGE", "hls");
    let output = command.output().unwrap();
    assert_snapshot!(place.show(&output), @r#"
    exit code 0
    --- stdout
    node.id                "me"       file my.toml:6
    node.workers           7          flag --workers
    node.state_dir         ""         default
    store.url              ""         default
    transcode.ladder       "default"  default
    transcode.package      ["hls"]    environment REELMESH__TRANSCODE__PACKAGE
    plan.cell_ms           1000       file my.toml:2
    plan.cell_frames       0          default
    plan.chunk_cells       0          default
    progress.line_every_s  5          default
    log.level              "off"      default
    --- stderr
    in effect: node me, 7 workers, state in PLACE/.local/state/reelmesh
    "#);
}

/// Shows the same for programs.
#[test]
fn config_as_json() {
    let place = Place::new();
    let output = place
        .reelmesh(&["config", "--json", "--workers", "7"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.contains("node.workers"))
        .unwrap();
    assert_eq!(
        line,
        r#"{"key":"node.workers","value":7,"origin":"flag --workers"}"#
    );
}
