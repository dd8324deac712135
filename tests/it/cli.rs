//! Whole command output, as a user sees it.

use insta::assert_snapshot;

use crate::program::Place;

/// Shows the help of the program; that of each command stands in docs/cli.md, which a test compares.
#[test]
fn help() {
    assert_snapshot!(Place::new().shown(&["--help"]), @r"
    exit code 0
    --- stdout
    Turns videos into ladders of renditions, cut into chunks that are encoded side by side.

    One source becomes a ladder of renditions as MP4 files and an HLS stream. Work that is finished
    stays finished: after an interruption, of whatever kind, the same command goes on.

    Usage: reelmesh <COMMAND>

    Commands:
      transcode  Make the renditions of one or more videos, as MP4 files and an HLS stream
      probe      Show what is in a file, and whether it can be transcoded
      plan       Show what would be cut where and why, and what it costs, without doing it
      verify     Check outputs against their report: files, frames, playlists, seams, a full decode
      config     Show every value of the configuration and where it comes from
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help
              Print help (see a summary with '-h')

      -V, --version
              Print version

    Exit codes: 0 done; 2 the command or the configuration is wrong; 3 no input could be read or was in
    scope; 4 a job failed; 130 interrupted.
    ");
}

/// Shows the short help of the command that people begin with, and of a program without a command.
#[test]
fn short_help() {
    let place = Place::new();
    let all = [&["transcode", "-h"][..], &[]].map(|arguments| place.shown(arguments));
    assert_snapshot!(all.join("\n"), @r"
    exit code 0
    --- stdout
    Make the renditions of one or more videos, as MP4 files and an HLS stream

    Usage: reelmesh transcode [OPTIONS] --out <DIR|URL> <INPUT>...

    Arguments:
      <INPUT>...  Videos: H.264 or HEVC in MP4, MOV, MKV or MPEG-TS

    Options:
          --out <DIR|URL>          Where the outputs go: a directory, or a file:// URL
          --ladder <NAME|FILE>     Which renditions: `default`, `fast`, or the path of a file
          --package <mp4,hls>      What to make of them: mp4, hls, or both
          --latency <normal|fast>  `fast` spends up to 15 % more work to be done sooner: more and
                                   shorter chunks [default: normal]
          --fresh                  Begin anew, whatever was done before
          --workers <N>            Tasks that run at a time, one core's worth each [default: one per
                                   core]
          --state-dir <DIR>        Where finished work is kept until the job is done [default:
                                   `$XDG_STATE_HOME/reelmesh`]
          --config <FILE>          Configuration file [default: `$XDG_CONFIG_HOME/reelmesh/node.toml`]
          --json                   Report events as lines of JSON on the standard output
      -h, --help                   Print help (see more with '--help')

    exit code 2
    --- stderr
    Turns videos into ladders of renditions, cut into chunks that are encoded side by side

    Usage: reelmesh <COMMAND>

    Commands:
      transcode  Make the renditions of one or more videos, as MP4 files and an HLS stream
      probe      Show what is in a file, and whether it can be transcoded
      plan       Show what would be cut where and why, and what it costs, without doing it
      verify     Check outputs against their report: files, frames, playlists, seams, a full decode
      config     Show every value of the configuration and where it comes from
      help       Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

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
    transcode.latency      "normal"   default
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

/// Shows that what is wrong with a command is told before anything is begun: exit code 2.
#[test]
fn wrong_commands_begin_nothing() {
    let place = Place::new();
    std::fs::write(
        place.path("my.toml"),
        "[[rungs]]\nname = \"a\"\nwidht = 640\n",
    )
    .unwrap();
    let all = [
        &["transcode", "--out", "out"][..],
        &["transcode", "a.mp4", "--out", "s3://bucket/out"],
        &[
            "transcode",
            "a.mp4",
            "b/a.mkv",
            "--out",
            "out",
            "--package",
            "dash",
        ],
        &["transcode", "a.mp4", "--out", "out", "--ladder", "my.toml"],
        &["plan", "a.mp4", "--ladder", "fats"],
        &["plan", "a.mp4", "--workers", "0"],
    ]
    .map(|arguments| place.shown(arguments));
    assert_snapshot!(all.join("\n"), @r"
    exit code 2
    --- stderr
    error[RM0001]: the following required arguments were not provided:
        <INPUT>...
      | usage: reelmesh transcode --out <DIR|URL> <INPUT>...
      hint: `--help` shows all

    exit code 2
    --- stderr
    error[RM0007]: --out s3://bucket/out: the scheme `s3` isn't supported yet
      hint: give a directory or a file:// URL

    exit code 2
    --- stderr
    error[RM0002]: flag --package: transcode.package is `dash`, must be one of mp4, hls
    error[RM0006]: a.mp4 and b/a.mkv would both be put into PLACE/out/a
      hint: rename one, or use two commands with different --out

    exit code 2
    --- stderr
    error[RM0003]: my.toml:1: rungs[0].crf is missing
    error[RM0003]: my.toml:1: rungs[0].height is missing
    error[RM0003]: my.toml:3: unknown key `rungs[0].widht`
      hint: did you mean `width`?

    exit code 2
    --- stderr
    error[RM0003]: there is no ladder `fats`
      hint: did you mean `fast`?

    exit code 2
    --- stderr
    error[RM0001]: invalid value '0' for '--workers <N>': 0 is not in 1..=1024
      hint: `--help` shows all
    ");
    assert!(!place.path("out").exists() && !place.path(".local").exists());
}

/// Shows that inputs that can't be read are told with what to do, with several of them in a table, too:
/// exit code 3.
#[test]
fn inputs_that_cannot_be_read() {
    let place = Place::new();
    std::fs::create_dir(place.path("folder.mp4")).unwrap();
    let all = [
        &["transcode", "no.mp4", "--out", "out"][..],
        &["transcode", "no.mp4", "folder.mp4", "--out", "out"],
        &["transcode", "no.mp4", "--out", "out", "--json"],
        &["probe", "no.mp4"],
        &["plan", "folder.mp4"],
    ]
    .map(|arguments| place.shown(arguments));
    assert_snapshot!(all.join("\n"), @r#"
    exit code 3
    --- stderr
    error[RM0004]: no.mp4: opening the input: No such file or directory (os error 2)
      hint: see that the file exists, is complete and may be read by you

    exit code 3
    --- stderr
    error[RM0004]: no.mp4: opening the input: No such file or directory (os error 2)
      hint: see that the file exists, is complete and may be read by you
    error[RM0004]: folder.mp4: is a directory, must be a video file
      no.mp4      failed  RM0004: opening the input: No such file or directory (os error 2)
      folder.mp4  failed  RM0004: is a directory, must be a video file

    exit code 3
    --- stdout
    {"event":"error","code":"RM0004","input":"no.mp4","message":"no.mp4: opening the input: No such file or directory (os error 2)","hint":"see that the file exists, is complete and may be read by you"}
    --- stderr
    error[RM0004]: no.mp4: opening the input: No such file or directory (os error 2)
      hint: see that the file exists, is complete and may be read by you

    exit code 3
    --- stderr
    error[RM0004]: no.mp4: opening the input: No such file or directory (os error 2)
      hint: see that the file exists, is complete and may be read by you

    exit code 3
    --- stderr
    error[RM0004]: folder.mp4: is a directory, must be a video file
    "#);
    assert!(!place.path("out").exists());
}

/// Shows what is said where there is nothing to verify: exit code 3.
#[test]
fn nothing_to_verify() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("bad/a")).unwrap();
    std::fs::write(place.path("bad/a/report.json"), "{}").unwrap();
    let all = [&["verify", "no"][..], &["verify", "."], &["verify", "bad"]]
        .map(|arguments| place.shown(arguments));
    assert_snapshot!(all.join("\n"), @r"
    exit code 3
    --- stderr
    error[RM0014]: no: No such file or directory (os error 2)
      hint: give the outputs of one input, or the place given to --out; a job that isn't done has no report yet

    exit code 3
    --- stderr
    error[RM0014]: .: there is no report.json in it or right below
      hint: give the outputs of one input, or the place given to --out; a job that isn't done has no report yet

    exit code 3
    --- stderr
    error[RM0014]: bad/a/report.json: no report of ours: missing field `media` at line 1 column 2
    ");
}

/// Shows that a reader that goes away is no error.
#[test]
fn a_reader_may_go_away() {
    let place = Place::new();
    let mut command = place.reelmesh(&["config"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let shown = place.show(&output);
    assert!(output.status.success(), "{shown}");
    assert!(!shown.contains("panicked"), "{shown}");
}

/// Shows that a log level that isn't one is told with its origin.
#[test]
fn log_levels_are_checked() {
    let place = Place::new();
    let mut command = place.reelmesh(&["plan", "a.mp4"]);
    command.env("REELMESH__LOG__LEVEL", "a=b=c");
    assert_snapshot!(place.show(&command.output().unwrap()), @r#"
    exit code 2
    --- stderr
    error[RM0002]: environment REELMESH__LOG__LEVEL: log.level is `a=b=c`: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
      hint: off, error, warn, info, debug, trace, or a filter such as warn,reelmesh_actors=debug
    "#);
}
