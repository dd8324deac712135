//! Where the outputs are, and what their reports say.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use reelmesh_actors::report::JobReport;

use crate::report::{Kind, Report};

/// Written last, when a job is done.
const REPORT: &str = "report.json";
/// Longest report that is read, in bytes: each cell of each rendition takes about 80 of them, so that this
/// is enough for days of video.
const REPORT_BYTES_MAX: u64 = 256 << 20;
/// The format that we read.
const VERSION: u32 = 1;

/// The outputs of one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// As the user would write it.
    pub(super) shown: String,
    /// Its directory.
    pub(super) path: PathBuf,
}

/// The places at `root`: itself, if there is a report, else those right below it.
pub(super) fn found(shown: &str, root: &Path) -> Result<Vec<Place>, Report> {
    if root.join(REPORT).is_file() {
        return Ok(vec![Place {
            shown: shown.to_owned(),
            path: root.to_path_buf(),
        }]);
    }
    let failed =
        |error: std::io::Error| Report::new(Kind::NoReport, format!("{shown}: {error}")).hint(HINT);
    let mut places = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if path.join(REPORT).is_file() {
            let name = entry.file_name();
            let shown = Path::new(shown).join(name).display().to_string();
            places.push(Place { shown, path });
        }
    }
    places.sort_by(|a, b| a.path.cmp(&b.path));
    if places.is_empty() {
        let message = format!("{shown}: there is no {REPORT} in it or right below");
        return Err(Report::new(Kind::NoReport, message).hint(HINT));
    }
    Ok(places)
}

const HINT: &str = "give the outputs of one input, or the place given to --out; a job that isn't done has \
                    no report yet";

/// The report of a place.
pub(super) fn report(place: &Place) -> Result<JobReport, Report> {
    let path = place.path.join(REPORT);
    let failed = |what: String| {
        Report::new(Kind::NoReport, format!("{}/{REPORT}: {what}", place.shown)).about(&place.shown)
    };
    let mut text = String::new();
    let file = fs::File::open(&path).map_err(|error| failed(error.to_string()))?;
    file.take(REPORT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| failed(error.to_string()))?;
    let report: JobReport = serde_json::from_str(&text)
        .map_err(|error| failed(format!("no report of ours: {error}")))?;
    if report.media.version == VERSION {
        Ok(report)
    } else {
        Err(failed(format!(
            "its format is version {}, this reelmesh reads {VERSION}",
            report.media.version
        )))
    }
}
