//! What ffmpeg and ffprobe, as referees, say of a file.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::tool;

/// The lines that a filter writes for each frame: `key:value` pairs.
pub(crate) type FrameStats = Vec<BTreeMap<String, f64>>;

/// One coded packet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Packet {
    pub(crate) pts_s: f64,
    pub(crate) bytes: u64,
    pub(crate) key: bool,
}

/// Fails unless ffprobe reads the file and ffmpeg decodes all of it without a word.
#[track_caller]
pub(crate) fn assert_clean(path: &Path) {
    let file = path.to_str().unwrap();
    for (program, arguments) in [
        (
            "ffprobe",
            vec!["-v", "warning", "-show_packets", "-of", "csv"],
        ),
        ("ffmpeg", vec!["-v", "warning", "-nostdin", "-xerror"]),
    ] {
        let mut command = Command::new(program);
        command.args(&arguments).args(["-i", file]);
        if program == "ffmpeg" {
            command.args(["-map", "0", "-f", "null", "-"]);
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.trim().is_empty(),
            "{program} on {file}: {said}"
        );
    }
}

/// One entry of a stream, as `width` or `nb_read_frames`.
#[track_caller]
pub(crate) fn entry(path: &Path, stream: &str, name: &str) -> String {
    let entries = format!("stream={name}");
    let arguments = [
        "-v",
        "error",
        "-count_frames",
        "-select_streams",
        stream,
        "-show_entries",
        &entries,
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ];
    tool("ffprobe", &arguments)
        .trim()
        .trim_end_matches(',')
        .to_owned()
}

/// The packets of the video stream in order of presentation.
#[track_caller]
pub(crate) fn packets(path: &Path) -> Vec<Packet> {
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts_time,size,flags",
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ];
    let text = tool("ffprobe", &arguments);
    let mut packets: Vec<Packet> = text
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            Packet {
                pts_s: fields[0].parse().unwrap(),
                bytes: fields[1].parse().unwrap(),
                key: fields[2].starts_with('K'),
            }
        })
        .collect();
    packets.sort_by(|a, b| a.pts_s.total_cmp(&b.pts_s));
    packets
}

/// Compares two videos frame by frame, from frame `skip` of each on, by the filter `psnr` or `ssim`.
#[track_caller]
pub(crate) fn compared(filter: &str, one: (&Path, u64), other: (&Path, u64)) -> FrameStats {
    let folder = tempfile::tempdir().unwrap();
    let stats = folder.path().join("stats");
    let side = |input: u8, skip: u64, name: &str| {
        format!("[{input}:v]trim=start_frame={skip},settb=1/1000,setpts=N,format=yuv420p[{name}]")
    };
    let graph = format!(
        "{};{};[a][b]{filter}=stats_file={}:shortest=1",
        side(0, one.1, "a"),
        side(1, other.1, "b"),
        stats.display()
    );
    let arguments = [
        "-v",
        "error",
        "-nostdin",
        "-i",
        one.0.to_str().unwrap(),
        "-i",
        other.0.to_str().unwrap(),
        "-filter_complex",
        &graph,
        "-f",
        "null",
        "-",
    ];
    tool("ffmpeg", &arguments);
    let text = std::fs::read_to_string(&stats).unwrap();
    text.lines().map(stats_of).collect()
}

fn stats_of(line: &str) -> BTreeMap<String, f64> {
    let pairs = line.split_whitespace().filter_map(|pair| {
        let (key, value) = pair.split_once(':')?;
        Some((key.to_owned(), value.parse().unwrap_or(f64::INFINITY)))
    });
    pairs.collect()
}
