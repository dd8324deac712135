//! Two commands at once with one state directory.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::job::Job;
use crate::program::clip;

/// Shows that the second is told at once which process holds the directory, and what to do; the first isn't
/// disturbed, and when it has gone the same command goes on.
#[test]
fn the_second_is_told_who_holds_the_directory() {
    let job = Job::new(&clip()).arguments(&["--workers", "1", "--json"]);
    let mut first = job
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Its job was taken, so the directory is its own.
    let mut lines = BufReader::new(first.stdout.take().unwrap()).lines();
    let admitted = lines.find(|line| line.as_ref().unwrap().contains("\"admitted\""));
    assert!(admitted.is_some(), "the first ended before it took a job");

    let second = job.command().output().unwrap();
    assert_eq!(second.status.code(), Some(4), "{}", job.place.show(&second));
    let said = String::from_utf8(second.stdout).unwrap();
    let holder = format!("process {}", first.id());
    for part in ["RM0009", holder.as_str(), "--state-dir"] {
        assert!(said.contains(part), "{part} in {said}");
    }

    first.kill().unwrap();
    first.wait().unwrap();
    let third = job.run();
    let said = String::from_utf8(third.stdout).unwrap();
    assert!(said.contains("\"resumed\""), "{said}");
}
