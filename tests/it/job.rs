//! One transcoding job in a test: its settings, its command, and what it left behind.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use reelmesh_actors::report::JobReport;

use crate::program::Place;

/// A small ladder that is quick to encode, with the capped and the uncapped kind of rung.
pub(crate) const SMALL_LADDER: &str = r#"
[[rungs]]
name = "360p"
width = 640
height = 360
profile = "high"
preset = "veryfast"
crf = 26

[[rungs]]
name = "180p"
width = 320
height = 180
profile = "main"
preset = "veryfast"
crf = 28
max_rate_kbps = 400
buffer_ms = 2000

[audio]
bitrate_kbps = 96
channels = 2
"#;

/// A job with chunks of two cells of a second each: the clip of 20 s has ten.
pub(crate) struct Job {
    pub(crate) place: Place,
    pub(crate) input: PathBuf,
    settings: BTreeMap<&'static str, String>,
    arguments: Vec<String>,
}

impl Job {
    /// A job that makes the small ladder of `input`.
    pub(crate) fn new(input: &Path) -> Self {
        let place = Place::new();
        std::fs::write(place.path("small.toml"), SMALL_LADDER).unwrap();
        let settings = [
            ("REELMESH__PLAN__CELL_MS", "1000"),
            ("REELMESH__PLAN__CHUNK_CELLS", "2"),
            ("REELMESH__TRANSCODE__LADDER", "small.toml"),
        ];
        Self {
            place,
            input: input.to_path_buf(),
            settings: settings.map(|(key, value)| (key, value.to_owned())).into(),
            arguments: Vec::new(),
        }
    }

    /// Sets an environment variable of the program.
    #[must_use]
    pub(crate) fn setting(mut self, key: &'static str, value: &str) -> Self {
        self.settings.insert(key, value.to_owned());
        self
    }

    /// Adds arguments to the command.
    #[must_use]
    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// The command.
    pub(crate) fn command(&self) -> Command {
        self.with_settings(&["transcode", self.input.to_str().unwrap(), "--out", "out"])
    }

    /// Any other command in the same place with the same settings.
    pub(crate) fn with_settings(&self, arguments: &[&str]) -> Command {
        let mut command = self.place.reelmesh(arguments);
        if arguments[0] == "transcode" {
            command.args(&self.arguments);
        }
        command.envs(&self.settings);
        command
    }

    /// Runs it to its end, which must be a good one.
    #[track_caller]
    pub(crate) fn run(&self) -> Output {
        let output = self.command().output().unwrap();
        assert!(output.status.success(), "{}", self.place.show(&output));
        output
    }

    /// The folder with the outputs.
    pub(crate) fn out(&self) -> PathBuf {
        let stem = self.input.file_stem().unwrap();
        self.place.path("out").join(stem)
    }

    /// One of the outputs.
    pub(crate) fn output(&self, name: &str) -> PathBuf {
        self.out().join(name)
    }

    /// The report.
    #[track_caller]
    pub(crate) fn report(&self) -> JobReport {
        let text = std::fs::read_to_string(self.output("report.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The hash of every output by its path, and of the report the part that is the same for every run.
    #[track_caller]
    pub(crate) fn hashes(&self) -> BTreeMap<String, String> {
        let out = self.out();
        let mut hashes = BTreeMap::new();
        for path in files_below(&out) {
            let name = path
                .strip_prefix(&out)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if name == "report.json" {
                let media = serde_json::to_vec(&self.report().media).unwrap();
                hashes.insert(name, sha256(&media));
            } else if name != ".reelmesh" {
                hashes.insert(name, sha256(&std::fs::read(&path).unwrap()));
            }
        }
        assert!(hashes.contains_key("report.json"), "{hashes:?}");
        hashes
    }
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The SHA-256 of some bytes, by the system's own tool.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    use std::io::Write as _;
    let mut child = Command::new("sha256sum")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}
