//! Inputs: opened and probed, with errors that name the file as the user wrote it.

use std::path::Path;
use std::sync::Arc;

use reelmesh_domain::media_types::SourceFacts;
use reelmesh_domain::rational::Rational;
use reelmesh_media::control::Control;
use reelmesh_media::error::MediaError;
use reelmesh_media::io::FileSource;
use reelmesh_media::limits::Limits;
use reelmesh_media::probe::probe;

use crate::report::{Kind, Report};

/// Opens an input. What isn't a plain file is refused at once: a pipe would wait for its writer.
///
/// # Errors
///
/// What the operating system says.
pub(crate) fn open(shown: &str, path: &Path) -> Result<Arc<FileSource>, Report> {
    let failed = |source| {
        let error = MediaError::Io {
            what: "opening the input",
            source,
        };
        Report::of_media(shown, &error)
    };
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "is a directory"
        } else {
            "is no plain file"
        };
        return Err(Report::new(
            Kind::Unreadable,
            format!("{shown}: {what}, must be a video file"),
        )
        .about(shown));
    }
    FileSource::open(path).map(Arc::new).map_err(failed)
}

/// Opens and probes an input.
///
/// # Errors
///
/// It can't be read or isn't in scope.
pub(crate) fn probed(
    shown: &str,
    path: &Path,
    control: &dyn Control,
) -> Result<(Arc<FileSource>, SourceFacts), Report> {
    let source = open(shown, path)?;
    let facts = probe(
        Arc::<FileSource>::clone(&source),
        &Limits::default(),
        control,
    )
    .map_err(|error| Report::of_media(shown, &error))?;
    Ok((source, facts))
}

/// The length that the container states, in seconds.
pub(crate) fn stated_s(facts: &SourceFacts) -> Option<f64> {
    let seconds = facts.duration_s.map(Rational::approximate);
    seconds.filter(|seconds| *seconds > 0.0)
}
