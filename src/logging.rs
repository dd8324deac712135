//! Log lines for those who look for a fault: on the error stream, above what is redrawn there.

use std::io::{self, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::config::Settings;
use crate::progress::Terminal;
use crate::report::{Kind, Report};

/// Begins to log as `log.level` asks for.
///
/// # Errors
///
/// The level or filter can't be understood.
pub(crate) fn start(settings: &Settings, terminal: &Terminal) -> Result<(), Report> {
    let wanted = settings.text("log.level");
    if wanted == "off" {
        return Ok(());
    }
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        let origin = settings.origin("log.level");
        Report::new(
            Kind::Configuration,
            format!("{origin}: log.level is `{wanted}`: {error}"),
        )
        .hint(
            "off, error, warn, info, debug, trace, or a filter such as warn,reelmesh_actors=debug",
        )
    })?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(Above(terminal.clone()))
        .finish();
    // An error says that a subscriber is set already, in tests: then that one stays.
    drop(tracing::subscriber::set_global_default(subscriber));
    Ok(())
}

/// Makes writers of one line each.
#[derive(Debug)]
struct Above(Terminal);

impl MakeWriter<'_> for Above {
    type Writer = Line;

    fn make_writer(&self) -> Line {
        Line {
            terminal: self.0.clone(),
            text: Vec::new(),
        }
    }
}

/// Gathers a line and writes it as a whole when it is dropped.
#[derive(Debug)]
struct Line {
    terminal: Terminal,
    text: Vec<u8>,
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let text = text.trim_end();
        if !text.is_empty() {
            self.terminal.print(text);
        }
    }
}
