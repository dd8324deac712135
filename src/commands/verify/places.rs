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

/// The places at `root`: itself, if there is a report, else those right below it.
pub(super) fn found(shown: &str, root: &Path) -> Result<Vec<PathBuf>, Report> {
    if root.join(REPORT).is_file() {
        return Ok(vec![root.to_path_buf()]);
    }
    let failed =
        |error: std::io::Error| Report::new(Kind::NoReport, format!("{shown}: {error}")).hint(HINT);
    let mut places = Vec::new();
    for entry in fs::read_dir(root).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.join(REPORT).is_file() {
            places.push(path);
        }
    }
    places.sort();
    if places.is_empty() {
        let message = format!("{shown}: there is no {REPORT} in it or right below");
        return Err(Report::new(Kind::NoReport, message).hint(HINT));
    }
    Ok(places)
}

const HINT: &str = "give the outputs of one input, or the place given to --out; a job that isn't done has \
                    no report yet";

/// The report of a place.
pub(super) fn report(place: &Path) -> Result<JobReport, Report> {
    let path = place.join(REPORT);
    let failed = |what: String| {
        Report::new(Kind::NoReport, format!("{}: {what}", path.display()))
            .about(&place.display().to_string())
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
