//! The corpus, file by file, as the table says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use reelmesh_domain::media_types::Orientation;
use reelmesh_media::error::MediaError;

use crate::identity::Source;
use crate::table::{Class, File, InScope, files};
use crate::windows::{Cut, borders};

/// Pixels of all frames above which a file has a test of its own and is cut into the largest number of
/// chunks only: decoding it four times would take longer than all other files together.
const OFTEN_CUT_PIXELS_MAX: u64 = 50_000_000;

/// Pixels of all frames up to which a file is cut evenly, too: its windows reach over several chunks, so
/// that each frame is decoded many times.
const EVENLY_CUT_PIXELS_MAX: u64 = 12_000_000;

/// Chunks of equal length, down to one frame in short files: borders between access points.
const EVEN_CHUNKS: usize = 12;

/// Column of the corpus's list that counts decoded video frames.
const DECODED_FRAMES_COLUMN: &str = "decoded_video_frames";

/// The folder of the corpus; `None` where it isn't there, which is allowed but in continuous integration.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("REELMESH_MEDIA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/media"),
        PathBuf::from,
    );
    if folder.join("MANIFEST.tsv").is_file() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the corpus is missing at {}",
        folder.display()
    );
    #[expect(clippy::print_stdout, reason = "a test that isn't run says so")]
    {
        println!("not run: corpus missing");
    }
    None
}

/// Frames that `ffprobe` decodes of each file, by name.
fn listed(folder: &Path) -> BTreeMap<String, usize> {
    let list = fs::read_to_string(folder.join("MANIFEST.tsv")).expect("the list");
    let mut lines = list.lines().map(|line| line.split('\t'));
    let mut head = lines.next().expect("a head");
    let column = head.position(|name| name == DECODED_FRAMES_COLUMN);
    let column = column.expect("the column");
    lines
        .map(|mut line| {
            let name = line.next().expect("a name").to_owned();
            let frames = line.nth(column - 1).and_then(|frames| frames.parse().ok());
            (name, frames.unwrap_or(0))
        })
        .collect()
}

/// The table, the corpus's list and its folder name the same files, each once.
#[test]
fn table_lists_every_file() {
    let Some(folder) = folder() else { return };
    let names: Vec<_> = files().map(|file| file.name()).collect();
    let table: BTreeSet<_> = names.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), table.len(), "each file stands once");
    let there = fs::read_dir(&folder).expect("the folder");
    let there = there.map(|entry| entry.expect("an entry").file_name());
    let there = there.map(|name| name.into_string().expect("a name"));
    let there: BTreeSet<_> = there.filter(|name| name != "MANIFEST.tsv").collect();
    assert_eq!(table, there);
    let listed: BTreeSet<_> = listed(&folder).into_keys().collect();
    assert_eq!(table, listed);
}

/// Every file out of scope is refused for the reason that the table says.
#[test]
fn out_of_scope_is_refused() {
    let Some(folder) = folder() else { return };
    for file in files() {
        let File::Out(file) = file else { continue };
        let name = file.name;
        let Err(error) = Source::open(&folder.join(name)) else {
            panic!("{name} is taken");
        };
        let found = match &error {
            MediaError::OutOfScope { .. } => Class::Scope,
            MediaError::Unreadable { .. } => Class::Unreadable,
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(found, file.class, "{name}: {error}");
        assert!(error.to_string().contains(file.message), "{name}: {error}");
    }
}

/// The ways to cut a source, as its size allows, each of which gives other borders.
fn cuts(source: &Source) -> Vec<Cut> {
    let pixels = pixels(source);
    let mut cuts = vec![Cut::AccessPoints(usize::MAX)];
    if pixels <= OFTEN_CUT_PIXELS_MAX {
        cuts.extend([Cut::AccessPoints(1), Cut::AccessPoints(2)]);
    }
    if pixels <= EVENLY_CUT_PIXELS_MAX {
        cuts.push(Cut::Evenly(EVEN_CHUNKS));
    }
    let mut seen = BTreeSet::new();
    cuts.retain(|cut| seen.insert(borders(&source.timeline, *cut)));
    cuts
}

fn pixels(source: &Source) -> u64 {
    let video = &source.facts.video;
    u64::from(video.width) * u64::from(video.height) * source.timeline.frames.len() as u64
}

/// Cuts one file in all ways, and compares frames with a sequential decode; their number is that of
/// `ffprobe`.
fn check(folder: &Path, file: &InScope, source: &Source) {
    let what = format!("{} ({})", file.name, file.shows);
    let sequential = source.sequential();
    let listed = listed(folder);
    assert_eq!(Some(&sequential.len()), listed.get(file.name), "{what}");
    for cut in cuts(source) {
        let found = source.check_chunks(cut, &sequential);
        assert_eq!(found.frames, file.frames, "{what}, {cut:?}");
        assert_eq!(found.claimed_wrong, file.claimed_wrong, "{what}, {cut:?}");
        if let Cut::AccessPoints(usize::MAX) = cut {
            assert_eq!(found.chunks, file.chunks, "{what}");
        }
    }
}

/// All files in scope that are long, or all that aren't.
fn in_scope(folder: &Path, long: bool) -> Vec<(InScope, Source)> {
    let mut found = Vec::new();
    for file in files() {
        let File::In(file) = file else { continue };
        let source = Source::open(&folder.join(file.name));
        let source = source.unwrap_or_else(|error| panic!("{}: {error}", file.name));
        if (pixels(&source) > OFTEN_CUT_PIXELS_MAX) == long {
            found.push((file, source));
        }
    }
    found
}

/// Frame identity of the files whose place leaves `rest` when divided by `parts`.
fn check_part(long: bool, rest: usize, parts: usize) {
    let Some(folder) = folder() else { return };
    let files = in_scope(&folder, long);
    for (file, source) in files.iter().skip(rest).step_by(parts) {
        check(&folder, file, source);
    }
}

/// Chunks of every file in scope decode to the frames of a sequential decode; the first part of the files,
/// so that parts run at once.
#[test]
fn chunks_are_exact_part_1() {
    check_part(false, 0, 3);
}

/// The second part.
#[test]
fn chunks_are_exact_part_2() {
    check_part(false, 1, 3);
}

/// The third part.
#[test]
fn chunks_are_exact_part_3() {
    check_part(false, 2, 3);
}

/// The first part of the long files.
#[test]
fn chunks_of_long_files_are_exact_part_1() {
    check_part(true, 0, 2);
}

/// The second part of the long files.
#[test]
fn chunks_of_long_files_are_exact_part_2() {
    check_part(true, 1, 2);
}

/// What probing says of files whose pictures are turned, in full range, of another shape, or that have
/// streams that are left out.
#[test]
fn facts_are_found() {
    let Some(folder) = folder() else { return };
    let facts = |name: &str| {
        let source = Source::open(&folder.join(name));
        source
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .facts
    };
    let turned = facts("rotation_180.mp4").video.orientation;
    assert_eq!((turned.mirrored, turned.quarter_turns), (false, 2));
    let mirrored = facts("sample_rotate_and_reflect.mp4").video.orientation;
    assert_eq!((mirrored.mirrored, mirrored.quarter_turns), (true, 3));
    let upright = facts("ts_pts_wrap.ts");
    assert_eq!(upright.video.orientation, Orientation::default());
    assert_eq!(upright.audio.len(), 1);
    assert!(facts("h264_mbaff_open_gop_cropped.mp4").video.interlaced);
    assert!(
        facts("sample_android_slow_motion.mp4")
            .video
            .color
            .full_range
    );
    let aspect = facts("video_only_qcif_sar.mp4").video.sample_aspect;
    assert_eq!((aspect.numerator(), aspect.denominator()), (128, 117));
    let left_out = facts("attached_pic_1frame.mp4").left_out;
    assert_eq!(left_out.len(), 1);
    assert_eq!(
        (left_out[0].stream, left_out[0].kind.as_str()),
        (2, "attached picture")
    );
}
