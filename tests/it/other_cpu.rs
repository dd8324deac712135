//! The same bytes on another CPU: under an emulated one without AVX-512.

use std::process::Command;

use crate::job::Job;
use crate::program::{made_once, tool};

/// Shows that two seconds of video are the same bytes on this machine and on an emulated Haswell. Of
/// audio it shows that it is the same, or that the fingerprint says that it isn't.
#[test]
fn video_is_the_same_on_an_emulated_cpu() {
    let clip = made_once("clip-180p-2s.mp4", |path| {
        let video = "testsrc2=size=320x180:rate=24:duration=2";
        let audio = "sine=frequency=440:sample_rate=44100:duration=2";
        let mut arguments = vec!["-v", "error", "-nostdin", "-f", "lavfi", "-i", video];
        arguments.extend(["-f", "lavfi", "-i", audio]);
        let codecs = "-c:v libx264 -preset veryfast -g 24 -pix_fmt yuv420p -c:a aac -ac 2";
        arguments.extend(codecs.split_whitespace());
        arguments.push(path.to_str().unwrap());
        tool("ffmpeg", &arguments);
    });
    let here = Job::new(&clip).setting("REELMESH__PLAN__CHUNK_CELLS", "1");
    here.run();
    let there = Job::new(&clip).setting("REELMESH__PLAN__CHUNK_CELLS", "1");
    let native = there.command();
    let mut emulated = Command::new("qemu-x86_64");
    emulated
        .args(["-cpu", "Haswell"])
        .arg(native.get_program())
        .args(native.get_args())
        .current_dir(native.get_current_dir().unwrap())
        .env_clear()
        .envs(
            native
                .get_envs()
                .filter_map(|(key, value)| Some((key, value?))),
        );
    let output = emulated.output().unwrap();
    assert!(output.status.success(), "{}", there.place.show(&output));

    let (ours, theirs) = (here.report().media, there.report().media);
    let mut same_audio = true;
    for (ours, theirs) in ours.renditions.iter().zip(&theirs.renditions) {
        if ours.kind == "video" {
            assert_eq!(ours.hash, theirs.hash, "{}", ours.name);
            assert_eq!(ours.fragment_hashes, theirs.fragment_hashes);
        } else {
            same_audio &= ours.hash == theirs.hash;
        }
    }
    let same_fingerprint = ours.fingerprint == theirs.fingerprint;
    eprintln!("audio the same: {same_audio}; fingerprint the same: {same_fingerprint}");
    assert!(
        same_audio || !same_fingerprint,
        "audio differs under one fingerprint"
    );
}
