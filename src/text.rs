//! Numbers and tables for people.

use std::time::Duration;

/// The width of a text in columns, colours not counted.
pub(crate) fn width(text: &str) -> usize {
    let mut columns = 0;
    let mut escaped = false;
    for c in text.chars() {
        match (escaped, c) {
            (false, '\u{1b}') => escaped = true,
            (false, _) => columns += 1,
            (true, 'm') => escaped = false,
            (true, _) => {}
        }
    }
    columns
}

/// A text cut to so many columns, with an ellipsis where something is missing. Only for text without
/// colours.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if text.chars().count() <= columns {
        return text.to_owned();
    }
    let kept: String = text.chars().take(columns.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// `1:02:03`, `2:03`, `0:03`.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// `30.033 s`, or with minutes and hours where there are some.
pub(crate) fn seconds(value: f64) -> String {
    if value < 60.0 {
        return format!("{value:.3} s");
    }
    let whole = Duration::try_from_secs_f64(value).unwrap_or_default();
    format!("{} ({value:.3} s)", clock(whole))
}

/// `22.1 MB`, by powers of ten.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn bytes(count: u64) -> String {
    scaled(count as f64, "B")
}

/// `5.5 Mb/s`, by powers of ten.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn rate(bits_per_second: u64) -> String {
    scaled(bits_per_second as f64, "b/s")
}

fn scaled(value: f64, unit: &str) -> String {
    let mut value = value;
    for prefix in ["", "k", "M", "G"] {
        // What would be rounded to 1000 goes on to the next prefix.
        if value < 999.5 {
            let decimals = usize::from(!prefix.is_empty() && value < 99.95);
            return format!("{value:.decimals$} {prefix}{unit}");
        }
        value /= 1000.0;
    }
    format!("{value:.1} T{unit}")
}

/// `12 chunks`, `1 chunk`.
pub(crate) fn counted(count: u64, one: &str) -> String {
    if count == 1 {
        format!("1 {one}")
    } else {
        format!("{count} {one}s")
    }
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Rows set in columns two blanks apart, each line indented and ended. The first row may be a heading.
pub(crate) fn table(indent: &str, columns: &[Align], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..columns.len())
        .map(|column| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| width(cell)).max().unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for ((cell, align), wanted) in row.iter().zip(columns).zip(&widths) {
            let blanks = " ".repeat(wanted - width(cell));
            let (before, after) = match align {
                Align::Left => ("", &*blanks),
                Align::Right => (&*blanks, ""),
            };
            line.push_str(&format!("{before}{cell}{after}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shows how numbers of all sizes read, the ones about to be rounded up included.
    #[test]
    fn numbers_read_well() {
        for (count, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (99_960, "100 kB"),
            (999_600, "1.0 MB"),
            (22_100_000, "22.1 MB"),
            (3_000_000_000_000, "3.0 TB"),
        ] {
            assert_eq!(bytes(count), expected);
        }
        assert_eq!(rate(5_500_000), "5.5 Mb/s");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_secs(59)), "0:59");
        assert_eq!(seconds(30.0333), "30.033 s");
        assert_eq!(counted(1, "unit"), "1 unit");
        assert_eq!(counted(0, "unit"), "0 units");
    }

    /// Shows that columns line up whatever their colours, and that lines don't end in blanks.
    #[test]
    fn tables_line_up() {
        let rows = vec![
            vec!["name".to_owned(), "bytes".to_owned(), "note".to_owned()],
            vec![
                "\u{1b}[1ma\u{1b}[0m".to_owned(),
                "7".to_owned(),
                String::new(),
            ],
        ];
        let text = table("  ", &[Align::Left, Align::Right, Align::Left], &rows);
        assert_eq!(
            text,
            "  name  bytes  note\n  \u{1b}[1ma\u{1b}[0m         7\n"
        );
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("abcd", 4), "abcd");
    }
}
