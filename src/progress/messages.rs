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
            // What was kept was made in another process: no speed can be told then.
            let speed = media_s
                .filter(|_| summary.units_kept == 0 && seconds > 0.0)
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
