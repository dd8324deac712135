mod film;
mod joined;
mod pictures;
mod task;

use film::{Film, rendition};

use crate::fragment::read_fragment;

const MOVING: &str = "testsrc2=s=320x180:r=25:d=4";
const X264: [&str; 6] = [
    "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
];

fn moving(directory: &tempfile::TempDir) -> Film {
    Film::make(directory.path(), "film.mp4", MOVING, &X264)
}

/// Chunks of one, two and one cells give a fragment a cell and rendition, each with all its frames,
/// numbered through, with decode times that go on over the seams, one key each at its beginning, and
/// the same codec configuration; both sides of a border hash the same frames to the same values.
#[test]
fn chunks_make_a_fragment_a_cell() {
    let directory = tempfile::tempdir().expect("a directory");
    let film = moving(&directory);
    let renditions = [rendition(320, 180, None), rendition(160, 90, None)];
    let mut reports = Vec::new();
    let mut fragments = vec![Vec::new(); 2];
    for (from, to) in [(0, 1), (1, 3), (3, 4)] {
        let (report, kept) = film
            .run(&film.task(from, to, &renditions))
            .expect("encodes");
        assert!(report.as_planned && report.cpu_us > 0);
        for (all, track) in fragments.iter_mut().zip(kept.tracks) {
            all.extend(track);
        }
        reports.push(report);
    }
    for (track, fragments) in fragments.iter().enumerate() {
        assert_eq!(fragments.len(), film.cells());
        let mut end = 0;
        for (cell, bytes) in fragments.iter().enumerate() {
            let fragment = read_fragment(bytes).expect("our own fragment");
            assert_eq!(fragment.sequence as usize, cell + 1);
            assert_eq!(fragment.decode_time, end);
            let keys: Vec<bool> = fragment.samples.iter().map(|sample| sample.key).collect();
            assert_eq!(
                keys.len(),
                film.frames_per_cell,
                "track {track} cell {cell}"
            );
            assert!(keys[0] && keys[1..].iter().all(|key| !key));
            end += fragment
                .samples
                .iter()
                .map(|sample| i64::from(sample.duration))
                .sum::<i64>();
        }
        assert_eq!(end, 100);
        let configs = reports
            .iter()
            .map(|report| &report.renditions[track].codec_config);
        assert!(
            configs
                .clone()
                .all(|config| Some(config) == configs.clone().next())
        );
    }
    for pair in reports.windows(2) {
        assert_eq!(pair[0].right, pair[1].left);
        assert!(pair[0].right.len() > film::TAIL);
    }
}
