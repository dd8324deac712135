//! Events as sentences that stay on the screen.

use std::time::Duration;

use reelmesh_actors::api::{Admission, JobEvent, JobSummary, Phase};

use crate::paint::Paint;
use crate::text;

/// What to say about a submission that was taken; `in_short` says what the source is.
pub(crate) fn of_admission(admission: &Admission, in_short: &str) -> Option<String> {
    match admission {
        Admission::New => Some(in_short.to_owned()),
        Admission::Resumed => Some(format!("{in_short}; goes on where it was stopped")),
        Admission::AlreadyDone => None,
    }
}

/// What to say about an event, if anything; where a screen shows the phase, its beginning needs no words.
pub(crate) fn of_event(event: &JobEvent, on_screen: bool, paint: Paint) -> Option<String> {
    match event {
        JobEvent::PhaseBegan { phase } => {
            let word = match phase {
                Phase::Queued | Phase::Ended => return None,
                Phase::Scan => "scanning",
                Phase::Encode => "encoding",
                Phase::Assemble => "assembling",
                Phase::Publish => "publishing",
            };
            (!on_screen).then(|| word.to_owned())
        }
        JobEvent::Planned {
            revision,
            chunks,
            units,
            kept,
            frames,
            reason,
        } => {
            let cut = format!(
                "{} in {}, {}",
                text::counted(*frames, "frame"),
                text::counted(u64::from(*chunks), "chunk"),
                text::counted(u64::from(*units), "unit")
            );
            let kept = if *kept > 0 {
                format!(
                    "; {}",
                    paint.green(&format!("{kept} of {units} units kept"))
                )
            } else {
                String::new()
            };
            let reason = reason.as_deref().map(|reason| format!(" ({reason})"));
            Some(if *revision == 0 {
                format!("{cut}{kept}")
            } else {
                format!("planned again{}: {cut}{kept}", reason.unwrap_or_default())
            })
        }
        JobEvent::Admitted { .. } | JobEvent::AttemptBegan { .. } | JobEvent::Ended { .. } => None,
        JobEvent::AttemptEnded {
            label,
            attempt,
            status,
            error,
            ..
        } => {
            let failed = matches!(&**status, "failed" | "crashed");
            let why = error
                .as_deref()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            failed.then(|| paint.yellow(&format!("{label}, attempt {}, {status}{why}", attempt.0)))
        }
        JobEvent::Warning { message } => Some(format!("{} {message}", paint.yellow("warning:"))),
    }
}

/// What to say about a job that is done.
pub(crate) fn of_summary(
    name: &str,
    summary: &JobSummary,
    took: Duration,
    media_s: Option<f64>,
    paint: Paint,
) -> Vec<String> {
    let place = summary.output.display();
    let bytes = summary.files.iter().map(|(_, bytes)| bytes).sum();
    // What was made by an earlier command isn't counted again.
    let frames = match summary.frames {
        0 => String::new(),
        frames => format!("{}, ", text::counted(frames, "frame")),
    };
    let made = format!(
        "{frames}{}, {} in {place}",
        text::counted(summary.files.len() as u64, "file"),
        text::bytes(bytes)
    );
    let mut lines: Vec<String> = summary
        .warnings
        .iter()
        .map(|warning| format!("{name}: {} {warning}", paint.yellow("warning:")))
        .collect();
    lines.push(match summary.admission {
        Admission::AlreadyDone => {
            format!(
                "{name}: {}: {made}; add --fresh to make it anew",
                paint.green("already done")
            )
        }
        Admission::New | Admission::Resumed => {
            let seconds = took.as_secs_f64();
            // What was kept was made in another process: no speed can be told then. Where only copying was
            // left, no plan was looked at and nothing counts as kept.
            let all_here = summary.admission == Admission::New && summary.units_kept == 0;
            let speed = media_s
                .filter(|_| all_here && seconds > 0.0)
                .map(|media_s| format!(" ({:.2}×)", media_s / seconds))
                .unwrap_or_default();
            let kept = if summary.units_kept > 0 {
                format!(
                    "; {} of {} units were kept",
                    summary.units_kept, summary.units_total
                )
            } else {
                String::new()
            };
            format!(
                "{name}: {} in {}{speed}: {made}{kept}",
                paint.green("done"),
                text::clock(took)
            )
        }
    });
    lines
}

#[cfg(test)]
mod tests {
    use reelmesh_domain::ids::{JobId, RunNumber};

    use super::*;

    /// Shows that a speed is told of what this process made from the beginning, and of nothing else.
    #[test]
    fn speed_is_told_of_whole_jobs() {
        for (admission, units_kept, expected) in [
            (
                Admission::New,
                0,
                "a.mp4: done in 0:10 (3.00×): 720 frames, 1 file, 2.0 MB in /o/a",
            ),
            (
                Admission::Resumed,
                2,
                "a.mp4: done in 0:10: 720 frames, 1 file, 2.0 MB in /o/a; 2 of 5 units were kept",
            ),
            (
                Admission::Resumed,
                0,
                "a.mp4: done in 0:10: 720 frames, 1 file, 2.0 MB in /o/a",
            ),
        ] {
            let summary = JobSummary {
                job: JobId::from_bits(1),
                run: RunNumber(0),
                admission,
                output: "/o/a".into(),
                files: vec![("1080p.mp4".to_owned(), 2_000_000)],
                frames: 720,
                units_total: 5,
                units_kept,
                warnings: Vec::new(),
            };
            let took = Duration::from_secs(10);
            let lines = of_summary("a.mp4", &summary, took, Some(30.0), Paint::plain());
            assert_eq!(lines, [expected]);
        }
    }
}
