//! Chunks joined one behind the other, against one encode of the whole.

use std::process::Command;

use reelmesh_domain::media_types::{TrackReport, Vbv};

use super::film::{Film, Kept, rendition};
use crate::fragment::read_fragment;

const START_CODE: [u8; 4] = [0, 0, 0, 1];

/// The first track of some chunks as a byte stream with start codes.
fn byte_stream(chunks: &[(TrackReport, Kept)]) -> Vec<u8> {
    let mut out = Vec::new();
    // `avcC`: five bytes, then each parameter set behind its count and length.
    let config = &chunks[0].0.codec_config;
    let mut rest = &config[6..];
    for _ in 0..2 {
        let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
        out.extend(START_CODE);
        out.extend_from_slice(&rest[2..2 + length]);
        rest = rest.get(3 + length..).unwrap_or_default();
    }
    for (_, kept) in chunks {
        for bytes in &kept.tracks[0] {
            let fragment = read_fragment(bytes).expect("our own fragment");
            let mut payload = &bytes[fragment.payload_offset as usize..];
            while let Some((length, behind)) = payload.split_first_chunk() {
                let (unit, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
                out.extend(START_CODE);
                out.extend_from_slice(unit);
                payload = behind;
            }
        }
    }
    out
}

/// Mean squared error of the luma of each frame against the film, times 1000, by FFmpeg's psnr filter.
fn errors(directory: &tempfile::TempDir, film: &Film, name: &str, stream: &[u8]) -> Vec<f64> {
    let path = directory.path().join(name);
    std::fs::write(&path, stream).expect("written");
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-r", "25", "-i"])
        .arg(&path)
        .args(["-r", "25", "-i"])
        .arg(&film.path)
        .args(["-lavfi", "[0:v][1:v]psnr=stats_file=-", "-f", "null", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    let field = |line: &str| line.split("mse_y:").nth(1)?.split(' ').next()?.parse().ok();
    text.lines().filter_map(field).collect()
}

fn run(film: &Film, cuts: &[usize], vbv: Option<Vbv>) -> Vec<(TrackReport, Kept)> {
    let renditions = [rendition(320, 180, vbv)];
    cuts.windows(2)
        .map(|pair| {
            let task = film.task(pair[0], pair[1], &renditions);
            let (mut report, kept) = film.run(&task).expect("encodes");
            (report.renditions.remove(0), kept)
        })
        .collect()
}

fn mean(errors: &[f64]) -> f64 {
    errors.iter().sum::<f64>() / f64::from(u32::try_from(errors.len()).expect("few"))
}

fn gain_db(ours: &[f64], theirs: &[f64]) -> f64 {
    10.0 * (mean(theirs).max(1e-9) / mean(ours).max(1e-9)).log10()
}

/// Chunks of single cells decode to exactly the planned frames without complaint; near their seams they
/// are as good as one encode of the whole, and not larger: by constant quality and with a cap.
#[test]
fn seams_are_as_good_as_none() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut film = Film::make(
        directory.path(),
        "film.mp4",
        "testsrc2=s=320x180:r=25:d=6,noise=alls=5:allf=t",
        &[
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "12", "-pix_fmt", "yuv420p",
        ],
    );
    film.frames_per_cell = 30;
    let cap = Vbv {
        max_rate_bps: 1_200_000,
        buffer_bits: 2_400_000,
    };
    for vbv in [None, Some(cap)] {
        let whole = run(&film, &[0, 5], vbv);
        let cut = run(&film, &[0, 1, 2, 3, 4, 5], vbv);
        let (whole, cut) = (byte_stream(&whole), byte_stream(&cut));
        let single = errors(&directory, &film, "whole.h264", &whole);
        let joined = errors(&directory, &film, "cut.h264", &cut);
        assert_eq!((single.len(), joined.len()), (150, 150));
        let (mut before, mut behind) = (0.0, 0.0);
        for seam in [30, 60, 90, 120] {
            before += gain_db(&joined[seam - 8..seam], &single[seam - 8..seam]) / 4.0;
            behind += gain_db(&joined[seam..seam + 8], &single[seam..seam + 8]) / 4.0;
        }
        assert!(
            before >= -0.1 && behind >= -0.2,
            "{vbv:?}: {before} {behind} dB"
        );
        assert!(
            cut.len() * 1000 <= whole.len() * 1030,
            "{vbv:?}: {} {}",
            cut.len(),
            whole.len()
        );
    }
}

/// Each cell begins with the only IDR picture in it, scene cuts in the middle included, and every chunk
/// has one fragment a cell.
#[test]
fn scene_cuts_make_no_keys() {
    let directory = tempfile::tempdir().expect("a directory");
    // Other pictures at 0.52 s and 1.56 s: cuts inside of cells.
    let film = Film::make(
        directory.path(),
        "film.mp4",
        "testsrc2=s=320x180:r=25:d=0.52[a];smptehdbars=s=320x180:r=25:d=1.04[b];\
         mandelbrot=s=320x180:r=25,trim=duration=1.44[c];[a][b][c]concat=n=3",
        &[
            "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
        ],
    );
    let chunks = run(&film, &[0, 1, 3], None);
    let stream = byte_stream(&chunks);
    let count = |kind: u8| {
        crate::fragment::h264::nal_units(&stream)
            .filter(|unit| unit[0] & 0x1f == kind)
            .count()
    };
    assert_eq!((count(5), count(1)), (3, 72));
    let path = directory.path().join("cut.h264");
    std::fs::write(&path, &stream).expect("written");
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "frame=pict_type",
            "-of",
            "csv=p=0",
        ])
        .arg(&path)
        .output()
        .expect("ffprobe runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let intra = text.lines().filter(|line| line.starts_with('I')).count();
    assert!(intra > 3, "the scene cuts are seen: {intra} intra frames");
}
