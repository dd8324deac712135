use reelmesh_actors::report::{ChunkSummary, FileReport, JobReport, RenditionReport, SourceReport};
use reelmesh_domain::plan::DroppedFrames;

use super::*;

fn rendition(name: &str, kind: &str, samples: &[u32]) -> RenditionReport {
    RenditionReport {
        name: name.to_owned(),
        kind: kind.to_owned(),
        width: None,
        height: None,
        sample_rate_hz: None,
        channels: None,
        language: None,
        frames: samples.iter().copied().map(u64::from).sum(),
        duration_ms: 4000,
        bytes: 1000,
        mean_rate_bps: 1,
        peak_rate_bps: 1,
        codec: "avc1.64001f".to_owned(),
        hash: String::new(),
        fragment_hashes: samples.iter().map(|_| "00".to_owned()).collect(),
        fragment_samples: samples.to_vec(),
    }
}

fn chunk(first_frame: u64, frames: u64, first_cell: u32, overlap: (u64, u64)) -> ChunkSummary {
    ChunkSummary {
        first_frame,
        frames,
        first_cell,
        overlap,
        left_hash: "a".to_owned(),
        right_hash: "a".to_owned(),
    }
}

/// Four seconds at 24/s in two cells, each a chunk.
fn job() -> JobReport {
    let file = |path: &str| FileReport {
        path: path.to_owned(),
        size: 500,
        blake3: "00".to_owned(),
    };
    JobReport {
        media: MediaReport {
            version: 1,
            fingerprint: "f".to_owned(),
            plan_revision: 0,
            source: SourceReport {
                bytes: 1,
                dropped: DroppedFrames::default(),
                damaged_frames: 0,
                damaged_packets: std::collections::BTreeMap::new(),
                left_out: Vec::new(),
            },
            frames: 96,
            duration_ms: 4000,
            renditions: vec![
                rendition("720p", "video", &[48, 48]),
                rendition("audio-1-und", "audio", &[94, 94]),
            ],
            cells: vec![0, 48],
            chunks: vec![chunk(0, 48, 0, (0, 0)), chunk(48, 48, 1, (38, 59))],
            files: vec![file("720p.mp4"), file("hls/multivariant.m3u8")],
        },
        attempts: Vec::new(),
    }
}

/// Shows that a report that agrees with itself gives no finding, and one that doesn't says where.
#[test]
fn reports_must_agree_with_themselves() {
    let check = |change: fn(&mut JobReport), expected: &[&str]| {
        let mut report = job();
        change(&mut report);
        let found: Vec<String> = records::findings(&report).iter().map(line).collect();
        assert_eq!(found, expected);
    };
    check(|_| {}, &[]);
    check(
        |report| report.media.chunks[1].right_hash = "b".to_owned(),
        &[
            "report.json from frame 38 on: the seam in front of chunk 2 doesn't hold: its sides decoded frames 38 to 58 differently",
        ],
    );
    check(
        |report| report.media.chunks[1].overlap = (48, 48),
        &["report.json from frame 48 on: the seam in front of chunk 2 has no proof"],
    );
    check(
        |report| report.media.chunks[1].frames = 47,
        &["report.json from frame 95 on: the chunks end with frame 95, of 96"],
    );
    check(
        |report| report.media.renditions[0].fragment_samples[1] = 47,
        &["report.json: 720p has 96 frames and 95 in its fragments, must have 96"],
    );
    check(
        |report| report.media.cells = vec![0, 0],
        &[
            "report.json from frame 0 on: cell 1 doesn't begin behind cell 0",
            "report.json from frame 48 on: chunk 2 doesn't begin with a cell",
        ],
    );
}

/// Shows what the engine is told: the packages that are listed, each file with video and all audio.
#[test]
fn expectations_come_from_the_files_listed() {
    let expected = records::expected(&job().media);
    assert_eq!(expected.mp4s.len(), 1);
    assert_eq!(expected.mp4s[0].tracks, [0, 1]);
    assert_eq!(expected.hls.as_deref(), Some("hls"));
    let mut report = job();
    report.media.files.truncate(1);
    assert_eq!(records::expected(&report.media).hls, None);
}

/// Shows where reports are looked for, and what is said where there is none or it can't be read.
#[test]
fn reports_are_found_or_missed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let missed = places::found("out", root).unwrap_err();
    assert_eq!(missed.kind(), Kind::NoReport);
    for name in ["b", "a", "open"] {
        std::fs::create_dir(root.join(name)).unwrap();
    }
    let text = serde_json::to_string(&job()).unwrap();
    std::fs::write(root.join("a/report.json"), &text).unwrap();
    std::fs::write(
        root.join("b/report.json"),
        text.replace("\"version\":1", "\"version\":9"),
    )
    .unwrap();
    let found = places::found("out", root).unwrap();
    let shown: Vec<&str> = found.iter().map(|place| &*place.shown).collect();
    assert_eq!(shown, ["out/a", "out/b"]);
    assert_eq!(places::found("out/a", &found[0].path).unwrap(), found[..1]);
    assert_eq!(places::report(&found[0]).unwrap(), job());
    let newer = places::report(&found[1]).unwrap_err();
    assert!(newer.message().contains("version 9"), "{newer:?}");
    std::fs::write(root.join("a/report.json"), "{").unwrap();
    assert_eq!(
        places::report(&found[0]).unwrap_err().kind(),
        Kind::NoReport
    );
}
