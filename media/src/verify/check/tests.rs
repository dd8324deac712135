//! A whole output place is right, and each kind of damage is found where it is.

use std::fs;
use std::path::Path;

use reelmesh_domain::rational::Rational;

use crate::control::{Control, Unattended};
use crate::error::MediaError;
use crate::fragment::h264::codec_string;
use crate::fragment::read_fragment;
use crate::package::hls::hls_package;
use crate::package::mp4::write_mp4;
use crate::package::testing::{Clip, Memory, tone};
use crate::package::{Track, TrackMedia};
use crate::verify::{
    Expected, ExpectedFile, ExpectedMp4, ExpectedTrack, Finding, TrackKind, verify_output,
};

struct Place {
    directory: tempfile::TempDir,
    expected: Expected,
}

fn put(directory: &Path, path: &str, bytes: &[u8], expected: &mut Expected) {
    let whole = directory.join(path);
    fs::create_dir_all(whole.parent().unwrap()).unwrap();
    fs::write(whole, bytes).unwrap();
    expected.files.push(ExpectedFile {
        path: path.to_owned(),
        size: bytes.len() as u64,
        blake3: blake3::hash(bytes).to_hex().to_string(),
    });
}

fn expected_track(track: &Track, memory: &Memory) -> ExpectedTrack {
    let payloads = memory.0[&track.name].iter().map(|bytes| {
        let fragment = read_fragment(bytes).unwrap();
        &bytes[fragment.payload_offset as usize..]
    });
    let samples = track.fragments.iter().map(|fragment| fragment.samples);
    let (kind, frames, codec) = match track.media {
        TrackMedia::Video { .. } => (
            TrackKind::Video,
            samples.clone().map(u64::from).sum(),
            codec_string(&track.codec_config).unwrap(),
        ),
        TrackMedia::Audio { .. } => (
            TrackKind::Audio,
            u64::try_from(track.duration).unwrap(),
            "mp4a.40.2".to_owned(),
        ),
    };
    ExpectedTrack {
        name: track.name.clone(),
        kind,
        frames,
        codec,
        fragment_hashes: payloads
            .map(|payload| blake3::hash(payload).to_hex().to_string())
            .collect(),
        fragment_samples: samples.collect(),
    }
}

/// Two renditions with sound, as MP4 and HLS, two cells a segment; variable frame times on demand.
fn place(variable: bool) -> Place {
    let directory = tempfile::tempdir().unwrap();
    let mut memory = Memory::default();
    let mut large = Clip::constant("large", Rational::whole(25), 60);
    if variable {
        large.time_base = Rational::new(1, 90_000).unwrap();
        large.times = (0..=60).map(|n| n * 3600 + n * n % 7 * 400).collect();
    }
    let mut small = large.clone();
    small.name = "small";
    small.size = (32, 32);
    let tracks = [
        large.encode(&mut memory),
        small.encode(&mut memory),
        tone("sound", 2 * 48_000 + 19_200, 23_040, &mut memory),
    ];
    let mut expected = Expected {
        tracks: tracks.iter().map(|t| expected_track(t, &memory)).collect(),
        mp4s: Vec::new(),
        hls: Some("hls".to_owned()),
        files: Vec::new(),
    };
    for (video, track) in tracks[..2].iter().enumerate() {
        let path = format!("{}.mp4", track.name);
        let mut out = Vec::new();
        let both = [track.clone(), tracks[2].clone()];
        write_mp4(&both, &mut memory, &mut out, &Unattended).unwrap();
        put(directory.path(), &path, &out, &mut expected);
        expected.mp4s.push(ExpectedMp4 {
            path,
            tracks: vec![video, 2],
        });
    }
    put_package(directory.path(), &tracks, &mut memory, &mut expected);
    Place {
        directory,
        expected,
    }
}

fn put_package(directory: &Path, tracks: &[Track], memory: &mut Memory, expected: &mut Expected) {
    let package = hls_package(tracks, 2, memory).unwrap();
    for segment in &package.segments {
        let fragments = &memory.0[&tracks[segment.track].name];
        let bytes = fragments[segment.fragments.clone()].concat();
        put(
            directory,
            &format!("hls/{}", segment.path),
            &bytes,
            expected,
        );
    }
    for file in package.inits.iter().chain(&package.playlists) {
        put(
            directory,
            &format!("hls/{}", file.path),
            &file.bytes,
            expected,
        );
    }
}

impl Place {
    fn verify(&self) -> Vec<Finding> {
        verify_output(self.directory.path(), &self.expected, &Unattended).unwrap()
    }

    /// Changes a file and forgets its hash, so that only what is in it can tell.
    fn change(&mut self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        self.expected.files.retain(|known| known.path != file);
        let path = self.directory.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    #[track_caller]
    fn finds(&self, file: &str, what: &str, frame: Option<u64>) {
        let findings = self.verify();
        let found = findings.iter().any(|finding| {
            finding.file == file && finding.what.contains(what) && finding.frame == frame
        });
        assert!(found, "{findings:#?}");
    }
}

fn replace(from: &'static str, to: &'static str) -> impl FnOnce(&mut Vec<u8>) {
    move |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        *bytes = text.replacen(from, to, 1).into_bytes();
    }
}

/// What was packaged is as reported, with constant and variable frame times.
#[test]
fn packages_are_as_reported() {
    for variable in [false, true] {
        assert_eq!(place(variable).verify(), [], "variable: {variable}");
    }
}

/// A changed, shortened or missing file is found by size and hash, and so is a path that leads away.
#[test]
fn files_are_compared() {
    let mut place = place(false);
    let file = |name: &str| place.directory.path().join(name);
    fs::write(file("small.mp4"), b"short").unwrap();
    fs::remove_file(file("hls/small/00001.m4s")).unwrap();
    let mut playlist = fs::read(file("hls/multivariant.m3u8")).unwrap();
    playlist.pop();
    playlist.push(b' ');
    fs::write(file("hls/multivariant.m3u8"), playlist).unwrap();
    place.finds("small.mp4", "has 5 bytes", None);
    place.finds("hls/small/00001.m4s", "can't be opened", None);
    place.finds("hls/multivariant.m3u8", "its bytes differ", None);
    place.expected.files[0].path = "../large.mp4".to_owned();
    place.finds("../large.mp4", "outside of the output place", None);
}

/// A flipped bit in a sample is found in its cell, in a progressive file and in a segment.
#[test]
fn damaged_samples_are_found() {
    let mut place = place(false);
    let last = |bytes: &mut Vec<u8>| *bytes.last_mut().unwrap() ^= 1;
    place.change("large.mp4", last);
    place.change("hls/small/00002.m4s", last);
    // The last sample of the file is sound of the last cell; 60 frames are five cells of twelve.
    let sound = &place.expected.tracks[2].fragment_samples;
    let first = sound[..sound.len() - 1].iter().map(|&n| u64::from(n)).sum();
    place.finds("large.mp4", "track sound, cell", Some(first));
    place.finds(
        "hls/small/00002.m4s",
        "track small, cell 3 (frames 36 to 47)",
        Some(36),
    );
}

/// A segment of another track, a missing one, and one that is cut off are found.
#[test]
fn wrong_segments_are_found() {
    let mut place = place(false);
    let other = fs::read(place.directory.path().join("hls/large/00001.m4s")).unwrap();
    place.change("hls/small/00001.m4s", |bytes| *bytes = other);
    place.finds("hls/small/00001.m4s", "track small, cell 0", Some(0));
    place.change("hls/large/00003.m4s", |bytes| {
        bytes.truncate(bytes.len() - 9);
    });
    place.finds("hls/large/00003.m4s", "ends within a fragment", Some(48));
    place.finds("hls/large/media.m3u8", "its segments have 4 cells", None);
    let sound = "#EXTINF:0.960000,\n00002.m4s\n";
    let media = place.directory.path().join("hls/sound/media.m3u8");
    let text = fs::read_to_string(media).unwrap();
    let entry = text
        .lines()
        .skip_while(|line| !line.starts_with("#EXTINF"))
        .skip(2);
    let entry: Vec<&str> = entry.take(2).collect();
    let entry = entry.join("\n") + "\n";
    assert_eq!(entry.len(), sound.len(), "{text}");
    place.change("hls/sound/media.m3u8", |bytes| {
        *bytes = text.replacen(&entry, "", 1).into_bytes();
    });
    place.finds("hls/sound/media.m3u8", "cells, the report says", None);
}

/// Playlists that state what isn't so are found: durations, rates, ranges, tracks, codecs.
#[test]
fn wrong_playlists_are_found() {
    let cases = [
        (
            "large/media.m3u8",
            "#EXTINF:0.960000",
            "#EXTINF:0.960100",
            "states 960100 µs",
        ),
        (
            "large/media.m3u8",
            "#EXT-X-ENDLIST\n",
            "",
            "isn't the whole list",
        ),
        (
            "large/media.m3u8",
            "URI=\"init.mp4\"",
            "URI=\"../init.mp4\"",
            "line 7",
        ),
        ("large/iframes.m3u8", "@0\n", "@1\n", "its ranges"),
        (
            "large/iframes.m3u8",
            "#EXTINF:0.480000",
            "#EXTINF:0.490000",
            "isn't as long",
        ),
        ("multivariant.m3u8", "BANDWIDTH=", "BANDWIDTH=1,X=", "line"),
        (
            "multivariant.m3u8",
            "large/media",
            "other/media",
            "doesn't list track large",
        ),
        (
            "multivariant.m3u8",
            "avc1.",
            "avc2.",
            "doesn't name the codec",
        ),
    ];
    let mut place = place(false);
    for (file, from, to, what) in cases {
        let file = format!("hls/{file}");
        let before = fs::read(place.directory.path().join(&file)).unwrap();
        place.change(&file, replace(from, to));
        place.finds(&file, what, None);
        place.change(&file, |bytes| *bytes = before);
    }
    let file = "hls/multivariant.m3u8";
    place.change(file, |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        let at = text.find("STREAM-INF:BANDWIDTH=").unwrap() + "STREAM-INF:BANDWIDTH=".len();
        let digits = text[at..].find(',').unwrap();
        bytes.splice(at..at + digits, "1000".bytes());
    });
    place.finds(file, "states 1000 b/s for large/media.m3u8", None);
}

/// A report that claims other frames than there are is refuted by the decode, too.
#[test]
fn frames_are_counted() {
    let mut place = place(false);
    place.expected.tracks[0].frames += 1;
    place.expected.tracks[2].frames += 10_000;
    place.finds(
        "large.mp4",
        "track large: 60 frames decode, the report says 61",
        Some(60),
    );
    place.finds(
        "hls/large/media.m3u8",
        "track large: 60 frames decode",
        Some(60),
    );
    place.finds("large.mp4", "track sound isn't as long", None);
}

/// Sound alone is as reported, too.
#[test]
fn sound_alone_is_as_reported() {
    let directory = tempfile::tempdir().unwrap();
    let mut memory = Memory::default();
    let tracks = [tone("sound", 100_000, 24_000, &mut memory)];
    let mut expected = Expected {
        tracks: vec![expected_track(&tracks[0], &memory)],
        mp4s: vec![ExpectedMp4 {
            path: "sound.mp4".to_owned(),
            tracks: vec![0],
        }],
        hls: Some("hls".to_owned()),
        files: Vec::new(),
    };
    let mut out = Vec::new();
    write_mp4(&tracks, &mut memory, &mut out, &Unattended).unwrap();
    put(directory.path(), "sound.mp4", &out, &mut expected);
    put_package(directory.path(), &tracks, &mut memory, &mut expected);
    let place = Place {
        directory,
        expected,
    };
    assert_eq!(place.verify(), []);
}

/// Wherever a byte of whichever file is changed, the file is named, and nothing panics on what follows
/// from it.
#[test]
fn any_changed_byte_is_found() {
    let place = place(false);
    let mut random = 7_u64;
    for known in &place.expected.files {
        let path = place.directory.path().join(&known.path);
        let before = fs::read(&path).unwrap();
        let mut bytes = before.clone();
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        // Near the start, where the structure is.
        let at = usize::try_from(random >> 33).unwrap() % bytes.len().min(400);
        bytes[at] ^= 1 << (random >> 61);
        fs::write(&path, bytes).unwrap();
        place.finds(&known.path, "its bytes differ", None);
        fs::write(&path, before).unwrap();
    }
}

/// A cancelled verification ends as cancelled.
#[test]
fn cancelled() {
    struct Stopped;
    impl Control for Stopped {
        fn cancelled(&self) -> bool {
            true
        }
        fn progress(&self, _done: u64) {}
    }
    let place = place(false);
    let result = verify_output(place.directory.path(), &place.expected, &Stopped);
    assert!(matches!(result, Err(MediaError::Cancelled)), "{result:?}");
}
