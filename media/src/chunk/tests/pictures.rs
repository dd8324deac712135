//! Pictures made upright, progressive and 4:2:0, against FFmpeg's own tools.

use std::process::Command;

use reelmesh_domain::media_types::Orientation;

use super::film::{Film, rendition};
use crate::chunk::pictures::Pictures;
use crate::error::MediaError;
use crate::ffi::frame::{Frame, YUV420P};

/// Bytes of the planes of a picture, one behind the other, without padding.
fn planes(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    for plane in 0..3 {
        let (row, rows) = frame.plane_size(plane);
        for samples in frame.plane(plane).chunks(frame.stride(plane)).take(rows) {
            bytes.extend_from_slice(&samples[..row]);
        }
    }
    bytes
}

fn psnr_db(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2))
        .sum();
    let mean = f64::from(u32::try_from(sum).unwrap()) / f64::from(u32::try_from(a.len()).unwrap());
    10.0 * (255.0 * 255.0 / mean.max(1e-9)).log10()
}

/// What the filters before scaling make of the middle of a film, and what FFmpeg makes of it by `filter`.
fn both(film: &Film, orientation: Orientation, deinterlace: bool, filter: &str) -> [Vec<u8>; 2] {
    let mut task = film.task(1, 2, &[rendition(64, 64, None)]);
    task.filter.orientation = orientation;
    task.filter.deinterlace = deinterlace;
    let mut pictures = Pictures::new(&task);
    let mut ours = Vec::new();
    let mut take = |pictures: &mut Pictures<'_>| -> Result<(), MediaError> {
        while let Some((index, picture)) = pictures.next()? {
            assert_eq!(picture.format(), YUV420P);
            if (task.own_start..task.own_end).contains(&index) {
                ours.extend(planes(&picture));
            }
        }
        Ok(())
    };
    film.window(&task, &mut |index, frame| {
        pictures.push(index, frame)?;
        take(&mut pictures)
    })
    .expect("decodes");
    pictures.finish().expect("flushes");
    take(&mut pictures).expect("flushes");
    let first = film.frames_per_cell;
    let filter = format!("{filter},trim=start_frame={first}:end_frame={}", 2 * first);
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-noautorotate", "-i"])
        .arg(&film.path)
        .args(["-vf", &filter, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success());
    [ours, output.stdout]
}

/// Full range and other chroma formats come out as swscale makes them in FFmpeg's own command (which
/// sites chroma elsewhere, so that only full range of 4:2:0 is the same to the bit).
#[test]
fn formats_and_ranges_become_limited_420() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, format, range, least_db) in [
        ("full.mp4", "yuv420p", "pc", 60.0),
        ("444.mp4", "yuv444p", "tv", 35.0),
        ("422-full.mp4", "yuv422p", "pc", 35.0),
        ("rgb.mp4", "gbrp", "pc", 33.0),
    ] {
        let encoder = if format == "gbrp" {
            "libx264rgb"
        } else {
            "libx264"
        };
        let coded = if format == "gbrp" { "rgb24" } else { format };
        let scale = format!("scale=out_range={range}:out_color_matrix=bt709,format={coded}");
        let film = Film::make(
            directory.path(),
            name,
            "testsrc2=s=130x98:r=25:d=3",
            &[
                "-vf",
                &scale,
                "-c:v",
                encoder,
                "-crf",
                "10",
                "-color_range",
                range,
                "-colorspace",
                if format == "gbrp" { "rgb" } else { "bt709" },
            ],
        );
        let filter = "scale=in_color_matrix=bt709:out_color_matrix=bt709:out_range=tv:\
                      flags=bicubic+accurate_rnd+bitexact";
        let [ours, theirs] = both(&film, Orientation::default(), false, filter);
        let psnr = psnr_db(&ours, &theirs);
        assert!(psnr >= least_db, "{name}: {psnr} dB");
    }
}

/// Each of the eight ways to turn and mirror gives what FFmpeg's filters give, odd sizes too.
#[test]
fn pictures_are_turned_upright() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = Film::make(
        directory.path(),
        "film.mp4",
        "testsrc2=s=100x68:r=25:d=3",
        &["-c:v", "libx264", "-pix_fmt", "yuv420p"],
    );
    for (mirrored, quarter_turns, filter) in [
        (false, 0, "null"),
        (false, 1, "transpose=clock"),
        (false, 2, "hflip,vflip"),
        (false, 3, "transpose=cclock"),
        (true, 0, "hflip"),
        (true, 1, "hflip,transpose=clock"),
        (true, 2, "vflip"),
        (true, 3, "hflip,transpose=cclock"),
    ] {
        let orientation = Orientation {
            mirrored,
            quarter_turns,
        };
        let [ours, theirs] = both(&film, orientation, false, filter);
        assert!(ours == theirs, "{orientation:?}");
    }
}

/// Interlaced frames are made whole as by bwdif over the whole film: the frame of margin on each side
/// makes the seams exact.
#[test]
fn interlaced_frames_are_made_whole() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = Film::make(
        directory.path(),
        "film.mp4",
        "testsrc2=s=128x96:r=50:d=3,interlace=lowpass=off,setfield=tff",
        &[
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
            "-flags",
            "+ilme+ildct",
            "-crf",
            "15",
        ],
    );
    let filter = "bwdif=mode=send_frame:parity=auto:deint=interlaced";
    let [ours, theirs] = both(&film, Orientation::default(), true, filter);
    assert!(ours == theirs);
    let [untouched, _] = both(&film, Orientation::default(), false, filter);
    assert!(ours != untouched);
}

/// Pictures without chroma keep their luma if it is of limited range, and are made limited if it is of the
/// full one; their chroma says that there is no colour. (swscale alone takes any of them for full range.)
#[test]
fn gray_keeps_its_luma() {
    let directory = tempfile::tempdir().expect("a directory");
    for (name, encoder, range) in [
        ("hevc.mp4", "libx265", "tv"),
        ("hevc-full.mp4", "libx265", "pc"),
        ("h264.mp4", "libx264", "tv"),
        ("h264-full.mp4", "libx264", "pc"),
    ] {
        let scale = format!("format=gray,setrange={range}");
        let film = Film::make(
            directory.path(),
            name,
            "testsrc2=s=130x98:r=25:d=3",
            &[
                "-vf",
                &scale,
                "-c:v",
                encoder,
                "-color_range",
                range,
                "-v",
                "error",
            ],
        );
        let task = film.task(1, 2, &[rendition(64, 64, None)]);
        let mut pictures = Pictures::new(&task);
        let mut compared = 0;
        film.window(&task, &mut |index, frame| {
            let source = frame.share()?;
            assert_eq!(source.color().full_range, range == "pc", "{name}");
            pictures.push(index, frame)?;
            while let Some((_, picture)) = pictures.next()? {
                check_gray(name, range == "pc", [&source, &picture]);
                compared += 1;
            }
            Ok(())
        })
        .expect("decodes");
        assert!(compared > 0, "{name}");
    }
}

#[track_caller]
fn check_gray(name: &str, full: bool, [source, picture]: [&Frame; 2]) {
    let (width, height) = picture.plane_size(0);
    for y in 0..height {
        let row = |frame: &Frame| frame.plane(0)[y * frame.stride(0)..][..width].to_vec();
        for (theirs, ours) in row(source).into_iter().zip(row(picture)) {
            let expected = if full {
                16.0 + f64::from(theirs) * 219.0 / 255.0
            } else {
                f64::from(theirs)
            };
            assert!(
                (f64::from(ours) - expected).abs() <= if full { 1.0 } else { 0.0 },
                "{name}: {ours} of {theirs}"
            );
        }
    }
    let bytes = planes(picture);
    let chroma = &bytes[width * height..];
    assert!(chroma.iter().all(|sample| *sample == 128), "{name}");
}
