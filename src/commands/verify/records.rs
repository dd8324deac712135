//! What a report says, as expectations for the engine, and whether it agrees with itself: cells and chunks
//! tile the frames, the seams are proven, each unit was committed once.

use std::collections::{BTreeMap, BTreeSet};

use reelmesh_actors::report::{JobReport, MediaReport, RenditionReport};
use reelmesh_domain::store::records::AttemptStatus;
use reelmesh_media::verify::{
    Expected, ExpectedFile, ExpectedMp4, ExpectedTrack, Finding, TrackKind,
};

/// Findings about the report itself name it.
const REPORT: &str = "report.json";

/// What the output place must hold.
pub(super) fn expected(media: &MediaReport) -> Expected {
    let audio: Vec<usize> = places(media, TrackKind::Audio).collect();
    let mp4 = |place: usize| {
        let path = format!("{}.mp4", media.renditions.get(place)?.name);
        let listed = media.files.iter().any(|file| file.path == path);
        let tracks = [place].into_iter().chain(audio.iter().copied()).collect();
        listed.then_some(ExpectedMp4 { path, tracks })
    };
    let hls = media.files.iter().any(|file| file.path.starts_with("hls/"));
    Expected {
        tracks: media.renditions.iter().map(track).collect(),
        mp4s: places(media, TrackKind::Video).filter_map(mp4).collect(),
        hls: hls.then(|| "hls".to_owned()),
        files: media
            .files
            .iter()
            .map(|file| ExpectedFile {
                path: file.path.clone(),
                size: file.size,
                blake3: file.blake3.clone(),
            })
            .collect(),
    }
}

fn kind(rendition: &RenditionReport) -> TrackKind {
    match &*rendition.kind {
        "audio" => TrackKind::Audio,
        _ => TrackKind::Video,
    }
}

fn places(media: &MediaReport, wanted: TrackKind) -> impl Iterator<Item = usize> {
    let renditions = media.renditions.iter().enumerate();
    renditions
        .filter(move |(_, rendition)| kind(rendition) == wanted)
        .map(|(place, _)| place)
}

fn track(rendition: &RenditionReport) -> ExpectedTrack {
    ExpectedTrack {
        name: rendition.name.clone(),
        kind: kind(rendition),
        frames: rendition.frames,
        codec: rendition.codec.clone(),
        fragment_hashes: rendition.fragment_hashes.clone(),
        fragment_samples: rendition.fragment_samples.clone(),
    }
}

/// Where the report doesn't agree with itself.
pub(super) fn findings(report: &JobReport) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    cells(&report.media, &mut found);
    chunks(&report.media, &mut found);
    renditions(&report.media, &mut found);
    commits(report, &mut found);
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, frame: Option<u64>, what: String) {
        let file = REPORT.to_owned();
        self.0.push(Finding { file, what, frame });
    }
}

fn cells(media: &MediaReport, found: &mut Findings) {
    if media.cells.first() != Some(&0) {
        found.add(
            Some(0),
            "the first cell doesn't begin with frame 0".to_owned(),
        );
    }
    for (place, pair) in media.cells.windows(2).enumerate() {
        if let [before, start] = pair
            && start <= before
        {
            let what = format!("cell {} doesn't begin behind cell {place}", place + 1);
            found.add(Some(*start), what);
        }
    }
    if media
        .cells
        .last()
        .is_some_and(|start| *start >= media.frames)
    {
        found.add(None, "the last cell has no frame".to_owned());
    }
}

fn chunks(media: &MediaReport, found: &mut Findings) {
    let mut next = 0;
    for (place, chunk) in media.chunks.iter().enumerate() {
        let number = place + 1;
        if chunk.first_frame != next {
            let what = format!("chunk {number} begins there, must begin with frame {next}");
            found.add(Some(chunk.first_frame), what);
        }
        next = chunk.first_frame + chunk.frames;
        let cell = usize::try_from(chunk.first_cell).ok();
        let start = cell.and_then(|cell| media.cells.get(cell));
        if start != Some(&chunk.first_frame) {
            let what = format!("chunk {number} doesn't begin with a cell");
            found.add(Some(chunk.first_frame), what);
        }
        if place == 0 {
            continue;
        }
        let (start, end) = chunk.overlap;
        if start >= end {
            let what = format!("the seam in front of chunk {number} has no proof");
            found.add(Some(chunk.first_frame), what);
        } else if chunk.left_hash != chunk.right_hash {
            let what = format!(
                "the seam in front of chunk {number} doesn't hold: its sides decoded frames {start} to {} \
                 differently",
                end - 1
            );
            found.add(Some(start), what);
        }
    }
    if next != media.frames {
        let what = format!("the chunks end with frame {next}, of {}", media.frames);
        found.add(Some(next.min(media.frames)), what);
    }
}

fn renditions(media: &MediaReport, found: &mut Findings) {
    for rendition in &media.renditions {
        let name = &rendition.name;
        if rendition.fragment_hashes.len() != rendition.fragment_samples.len() {
            found.add(None, format!("{name}: not as many hashes as fragments"));
        }
        if kind(rendition) == TrackKind::Audio {
            continue;
        }
        let samples: u64 = rendition
            .fragment_samples
            .iter()
            .copied()
            .map(u64::from)
            .sum();
        if rendition.frames != media.frames || samples != media.frames {
            let what = format!(
                "{name} has {} frames and {samples} in its fragments, must have {}",
                rendition.frames, media.frames
            );
            found.add(None, what);
        }
        if rendition.fragment_samples.len() != media.cells.len() {
            let what = format!(
                "{name} has {} fragments, must have one for each of {} cells",
                rendition.fragment_samples.len(),
                media.cells.len()
            );
            found.add(None, what);
        }
    }
}

fn commits(report: &JobReport, found: &mut Findings) {
    let mut commits: BTreeMap<&str, u32> = BTreeMap::new();
    let mut units = BTreeSet::new();
    for attempt in &report.attempts {
        units.insert(&*attempt.unit_id);
        if attempt.status == AttemptStatus::Committed {
            *commits.entry(&attempt.unit_id).or_default() += 1;
        }
    }
    for (unit, count) in commits.iter().filter(|(_, count)| **count > 1) {
        found.add(None, format!("unit {unit} was committed {count} times"));
    }
    // A revision that was refuted may leave units behind that nobody needs any more.
    let needless = report.media.plan_revision > 0;
    for unit in units.iter().filter(|unit| !commits.contains_key(**unit)) {
        if !needless {
            found.add(None, format!("unit {unit} was never committed"));
        }
    }
}
