//! The spec of a job, of the configuration in force.

use reelmesh_domain::spec::{CellLength, ChunkLength, Latency, Package, Spec};

use crate::config::Settings;
use crate::ladder;
use crate::report::Report;

/// Damaged frames in thousandths from which a job fails (design rule 5.12).
const DAMAGE_LIMIT_PERMILLE: u32 = 50;
/// Everybody on one node is the same.
const TENANT: &str = "local";
/// The usual share.
const WEIGHT: u32 = 100;

/// What is to be made.
///
/// # Errors
///
/// All that is wrong with the ladder, at once.
pub(crate) fn of(settings: &Settings) -> Result<Spec, Vec<Report>> {
    let ladder = ladder::load(settings.text("transcode.ladder"))?;
    let packages = settings.list("transcode.package").iter();
    // The bounds of the keys are within 32 bits.
    let number = |key| u32::try_from(settings.number(key)).unwrap_or(u32::MAX);
    Ok(Spec {
        ladder,
        packages: packages
            .map(|name| match &**name {
                "hls" => Package::Hls,
                _ => Package::Mp4,
            })
            .collect(),
        cell: match number("plan.cell_frames") {
            0 => CellLength::Milliseconds(number("plan.cell_ms")),
            frames => CellLength::Frames(frames),
        },
        chunk: match number("plan.chunk_cells") {
            0 => ChunkLength::ByCost,
            cells => ChunkLength::Cells(cells),
        },
        latency: match settings.text("transcode.latency") {
            "fast" => Latency::Fast,
            _ => Latency::Normal,
        },
        damage_limit_permille: DAMAGE_LIMIT_PERMILLE,
        tenant: TENANT.to_owned(),
        weight: WEIGHT,
        deadline: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    /// Shows that each key that fixes the output's bytes reaches the spec.
    #[test]
    fn settings_reach_the_spec() {
        let spec = |variables: &[(&str, &str)]| {
            let settings = Settings::load(None, &Environment::of(variables), &[]).unwrap();
            of(&settings).unwrap()
        };
        let usual = spec(&[]);
        assert_eq!(usual.cell, CellLength::Milliseconds(2000));
        assert_eq!(usual.chunk, ChunkLength::ByCost);
        assert_eq!(usual.latency, Latency::Normal);
        assert_eq!(usual.packages.len(), 2);
        let other = spec(&[
            ("REELMESH__PLAN__CELL_FRAMES", "24"),
            ("REELMESH__PLAN__CHUNK_CELLS", "3"),
            ("REELMESH__TRANSCODE__PACKAGE", "hls"),
            ("REELMESH__TRANSCODE__LATENCY", "fast"),
            ("REELMESH__TRANSCODE__LADDER", "fast"),
        ]);
        assert_eq!(other.cell, CellLength::Frames(24));
        assert_eq!(other.chunk, ChunkLength::Cells(3));
        assert_eq!(other.latency, Latency::Fast);
        assert_eq!(
            other.packages.into_iter().collect::<Vec<_>>(),
            [Package::Hls]
        );
        assert_ne!(other.ladder, usual.ladder);
    }
}
