//! Ladders: those in the binary by name, others by path. What a ladder is to hold is checked by
//! `reelmesh-domain`; here its text is read, and each mistake is told with its line.

mod read;

use reelmesh_domain::ladder::{Ladder, LadderErrors};

use crate::report::{Kind, Report, nearest};

/// The ladders in the binary: name and text.
const BUILT_IN: &[(&str, &str)] = &[
    ("default", include_str!("../../config/ladders/default.toml")),
    ("fast", include_str!("../../config/ladders/fast.toml")),
];
/// Longest text that is read as a ladder, in bytes: 16 rungs with comments take a tenth of it.
const TEXT_BYTES_MAX: u64 = 64 << 10;

/// The ladder of this name or path.
///
/// # Errors
///
/// All that is wrong with it, at once.
pub(crate) fn load(wanted: &str) -> Result<Ladder, Vec<Report>> {
    if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == wanted) {
        return parse(&format!("the built-in ladder {name}"), text);
    }
    let text = read_file(wanted).map_err(|error| vec![error])?;
    parse(wanted, &text)
}

fn read_file(wanted: &str) -> Result<String, Report> {
    let failed = |error: std::io::Error| {
        let names = || BUILT_IN.iter().map(|(name, _)| *name);
        let is_name = !wanted.contains(['/', '.']);
        if error.kind() == std::io::ErrorKind::NotFound && is_name {
            let report = Report::new(Kind::Ladder, format!("there is no ladder `{wanted}`"));
            let known: Vec<&str> = names().collect();
            return report.hint(match nearest(wanted, names()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!(
                    "give the path of a file, or one of the names {}",
                    known.join(", ")
                ),
            });
        }
        Report::new(
            Kind::Ladder,
            format!("reading the ladder {wanted}: {error}"),
        )
        .hint("--ladder takes a name (default, fast) or the path of a file")
    };
    let metadata = std::fs::metadata(wanted).map_err(failed)?;
    if metadata.len() > TEXT_BYTES_MAX {
        let message = format!(
            "the ladder {wanted} has {} bytes, at most {TEXT_BYTES_MAX} are read",
            metadata.len()
        );
        return Err(Report::new(Kind::Ladder, message).hint("this is hardly a ladder"));
    }
    std::fs::read_to_string(wanted).map_err(failed)
}

/// A ladder of its text; `shown` is what its place is called in messages.
fn parse(shown: &str, text: &str) -> Result<Ladder, Vec<Report>> {
    let mut found = read::read(text);
    let checked = Ladder::try_from(found.spec.clone());
    if let Err(LadderErrors(errors)) = &checked {
        for error in errors {
            let (field, reason) = as_written(&error.field, &error.reason);
            found.refused(&field, &reason);
        }
    }
    let errors = found.into_reports(shown);
    match checked {
        Ok(ladder) if errors.is_empty() => Ok(ladder),
        Ok(_) | Err(_) => Err(errors),
    }
}

/// A field of the checked ladder and what is wrong with it, by the key and the unit that the text has.
fn as_written(field: &str, reason: &str) -> (String, String) {
    let in_kbps = field.ends_with(".max_rate") || field.ends_with(".bitrate");
    let suffix = if in_kbps { "_kbps" } else { "" };
    let reason = if let Some(reason) = reason.strip_suffix(" bits per second") {
        format!("{} kb/s", in_thousands(reason))
    } else {
        reason.replace("max_rate ", "max_rate_kbps ")
    };
    (format!("{field}{suffix}"), reason)
}

/// A sentence with its whole numbers divided by a thousand.
fn in_thousands(sentence: &str) -> String {
    let words = sentence.split(' ').map(|word| match word.parse::<u64>() {
        Ok(number) if number % 1000 == 0 => (number / 1000).to_string(),
        Ok(number) => format!("{}.{:03}", number / 1000, number % 1000),
        Err(_) => word.to_owned(),
    });
    words.collect::<Vec<String>>().join(" ")
}

#[cfg(test)]
mod tests;
