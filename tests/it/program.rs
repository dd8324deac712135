//! Runs the program as a user does, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A place of its own for one test: outputs, state, working directory.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    /// A new one, under the build directory so that large files don't fill a small `/tmp`.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { dir }
    }

    /// The path of something in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The program, with nothing of the tester's environment but the way to its libraries.
    pub(crate) fn reelmesh(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelmesh"));
        command
            .args(arguments)
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .stdin(Stdio::null());
        for kept in ["PATH", "LD_LIBRARY_PATH", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }

    /// Runs it and shows all that a user sees, paths of this place as `PLACE`.
    pub(crate) fn shown(&self, arguments: &[&str]) -> String {
        let output = self.reelmesh(arguments).output().unwrap();
        self.show(&output)
    }

    /// What a user saw of a run.
    pub(crate) fn show(&self, output: &Output) -> String {
        let place = self.dir.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(&place, "PLACE");
        let part = |name: &str, text: String| {
            if text.is_empty() {
                String::new()
            } else {
                format!("--- {name}\n{text}")
            }
        };
        let code = output
            .status
            .code()
            .map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!(
            "exit code {code}\n{}{}",
            part("stdout", text(&output.stdout)),
            part("stderr", text(&output.stderr))
        )
    }
}

/// Makes a file once for all tests that share a build directory, whichever comes first; `make` is given
/// a temporary path with the same extension.
pub(crate) fn made_once(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(name);
    if !path.exists() {
        let unfinished = folder.join(format!("{}-{name}", std::process::id()));
        make(&unfinished);
        std::fs::rename(&unfinished, &path).unwrap();
    }
    path
}

/// Runs a tool that must succeed and gives its standard output.
#[track_caller]
pub(crate) fn tool(name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{name}: {error}: scripts/bootstrap.sh installs it"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} {arguments:?}: {stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// 20 s of moving 360p with a beep each second: 480 frames at 24/s, key frames at uneven distances.
pub(crate) fn clip() -> PathBuf {
    made_once("clip-360p-20s.mp4", |path| {
        let video = "testsrc2=size=640x360:rate=24:duration=20";
        let audio = "sine=frequency=440:beep_factor=4:sample_rate=48000:duration=20";
        let keys = "0,1.5,4,5,9.25,12,17";
        let arguments = format!(
            "-v error -nostdin -y -f lavfi -i {video} -f lavfi -i {audio} \
             -c:v libx264 -preset veryfast -crf 20 -pix_fmt yuv420p -g 1000 -sc_threshold 0 \
             -force_key_frames {keys} -c:a aac -b:a 96k -ac 2 -metadata:s:a:0 language=eng"
        );
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        arguments.push(path.to_str().unwrap());
        tool("ffmpeg", &arguments);
    })
}

/// Shows that the clip is what other tests rely on.
#[test]
fn the_clip_is_as_described() {
    let path = clip();
    let path = path.to_str().unwrap();
    let count = |stream: &str, what: &str| {
        let arguments = format!(
            "-v error -count_packets -select_streams {stream} -show_entries {what} -of csv=p=0"
        );
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        arguments.push(path);
        tool("ffprobe", &arguments).trim().to_owned()
    };
    assert_eq!(
        count("v:0", "stream=width,height,r_frame_rate,nb_read_packets"),
        "640,360,24/1,480"
    );
    assert_eq!(count("a:0", "stream=codec_name,channels"), "aac,2");
    let keys = count("v:0", "packet=flags")
        .lines()
        .filter(|flags| flags.starts_with('K'))
        .count();
    assert_eq!(keys, 7);
}

/// The demo's clip, in the long tests only: `make test FULL=1` gives its path.
pub(crate) fn demo_clip() -> Option<PathBuf> {
    let clip = std::env::var_os("REELMESH_DEMO_CLIP").map(PathBuf::from);
    if clip.is_none() {
        eprintln!("not run: a long test, make test FULL=1 runs it");
    }
    clip
}
