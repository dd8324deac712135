//! Clips made by `ffmpeg`: what the corpus doesn't have.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::identity::Source;

/// Makes a clip of three seconds with moving numbers, a key at least every `gop` frames.
fn clip(directory: &Path, name: &str, options: &[&str]) -> PathBuf {
    let path = directory.join(name);
    let status = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=192x108:r=25:d=3",
        ])
        .args([
            "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-g", "15",
        ])
        .args(options)
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success());
    path
}

/// Chunks of each container decode to the frames of a sequential decode, from one chunk to as many as
/// there are access points, and every frame that was made is there.
#[test]
fn each_container_is_cut_exactly() {
    let directory = tempfile::tempdir().expect("a directory");
    for name in ["clip.mp4", "clip.mov", "clip.mkv", "clip.ts"] {
        let path = clip(directory.path(), name, &["-bf", "3"]);
        let source = Source::open(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(source.timeline.frames.len(), 75, "{name}");
        let sequential = source.sequential();
        for (count, chunks) in [(1, 1), (2, 2), (usize::MAX, 5)] {
            let found = source.check_chunks(count, &sequential);
            assert_eq!(
                (found.chunks, found.claimed_wrong),
                (chunks, false),
                "{name}"
            );
        }
    }
}
