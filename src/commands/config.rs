//! `reelmesh config`: every value in force, with its origin.

use serde::Serialize;

use crate::args::ConfigArgs;
use crate::config::{Environment, Settings, Value};
use crate::console::Console;
use crate::options;
use crate::report::{Exit, Report};
use crate::text::{self, Align, table};

/// One key as JSON.
#[derive(Debug, Serialize)]
struct Line<'a> {
    key: &'a str,
    value: serde_json::Value,
    origin: String,
}

/// Shows the configuration.
pub(crate) fn run(args: &ConfigArgs, environment: &Environment) -> Result<Exit, Vec<Report>> {
    let settings = options::node_settings(&args.node, Vec::new(), environment)?;
    let node = options::node(&settings, environment).map_err(|error| vec![error])?;
    if args.json {
        for (key, value, origin) in settings.all() {
            let origin = origin.to_string();
            let value = as_json(value);
            Console::json(&Line { key, value, origin });
        }
        return Ok(Exit::Done);
    }
    Console::data(&listing(&settings));
    Console::note(&format!(
        "in effect: node {}, {}, state in {}",
        node.id,
        text::counted(u64::from(node.workers.get()), "worker"),
        node.state_dir.display()
    ));
    Ok(Exit::Done)
}

fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Text(text) => text.clone().into(),
        Value::Number(number) => (*number).into(),
        Value::List(items) => items.clone().into(),
    }
}

fn listing(settings: &Settings) -> String {
    let rows: Vec<Vec<String>> = settings
        .all()
        .map(|(key, value, origin)| vec![key.to_owned(), value.to_string(), origin.to_string()])
        .collect();
    table("", &[Align::Left, Align::Left, Align::Left], &rows)
}
