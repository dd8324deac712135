//! HLS plays in a browser: hls.js in headless Chromium.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::job::Job;
use crate::offset::flash_and_beep;
use crate::program::clip;

/// Sound may be heard this much away from its flash: a frame of the clip, and a block of samples.
const NEAR_S: f64 = 0.06;

/// Shows that the stream is loaded, played, sought and switched through all its levels.
#[test]
fn hls_plays_in_a_browser() {
    let Some(play) = player() else { return };
    let job = Job::new(&clip());
    job.run();
    let result = play(&job.output("hls"), &[]);
    assert_eq!(result["levels"].as_array().unwrap().len(), 2, "{result}");
    let mut switched: Vec<u64> = result["switched"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_u64)
        .collect();
    switched.sort_unstable();
    assert_eq!(switched, [180, 360], "{result}");
    let duration = result["duration"].as_f64().unwrap();
    assert!((duration - 20.0).abs() < 0.1, "{result}");
    assert_eq!(result["errors"].as_array().unwrap().len(), 0, "{result}");
}

/// Shows that beeps are heard with their flashes.
#[test]
fn hls_keeps_sound_and_picture_together() {
    let Some(play) = player() else { return };
    let job = Job::new(&flash_and_beep("mp4", 0));
    job.run();
    let result = play(&job.output("hls"), &["--flash-beep"]);
    let found = &result["flashBeep"];
    assert!(found["flashes"].as_array().unwrap().len() >= 3, "{result}");
    let offset = found["medianOffset"].as_f64().unwrap();
    assert!(offset < NEAR_S, "{result}");
}

/// The player, if this machine has Chromium and the packages of `tests/browser`; with `CI` set it must.
fn player() -> Option<impl Fn(&Path, &[&str]) -> Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let installed = folder.join("node_modules/hls.js").exists() && chromium().is_some();
    if !installed {
        assert!(
            std::env::var_os("CI").is_none(),
            "scripts/bootstrap.sh browser installs what this test needs"
        );
        eprintln!("not run: no browser, scripts/bootstrap.sh browser installs it");
        return None;
    }
    Some(move |hls: &Path, options: &[&str]| {
        let output = Command::new("node")
            .arg(folder.join("play.mjs"))
            .arg(hls)
            .args(options)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        serde_json::from_slice(&output.stdout).unwrap()
    })
}

fn chromium() -> Option<PathBuf> {
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let path = named.unwrap_or_else(|| PathBuf::from("/usr/bin/chromium"));
    path.exists().then_some(path)
}
