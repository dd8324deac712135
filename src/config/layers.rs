//! Layers of values, and the strongest of each.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::environment::Environment;
use super::keys::{KEYS, Key, Takes, VARIABLE_PREFIX, Value, find};
use crate::report::{Kind, Report, nearest};
use crate::toml_text::{self, in_order, line_of};

/// Where a value comes from; a later one is stronger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Built in.
    Default,
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// An environment variable.
    Environment(String),
    /// A flag of the command.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "file {}:{line}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// A value given by a flag of the command.
#[derive(Clone, Debug)]
pub(crate) struct Flag {
    /// The key that it sets.
    pub(crate) key: &'static str,
    /// The flag as it is written.
    pub(crate) written: &'static str,
    /// The value, as text.
    pub(crate) value: String,
}

/// Every key's value in force, with its origin.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
    errors: Vec<Report>,
}

impl Settings {
    /// Reads the file (if there is one) and lays all layers upon one another.
    ///
    /// # Errors
    ///
    /// All that is wrong, at once.
    pub(crate) fn load(
        file: Option<&Path>,
        environment: &Environment,
        flags: &[Flag],
    ) -> Result<Self, Vec<Report>> {
        let mut settings = Self {
            values: KEYS
                .iter()
                .map(|key| (key.name, (key.default(), Origin::Default)))
                .collect(),
            errors: Vec::new(),
        };
        if let Some((path, text)) = read_file(file, environment).map_err(|error| vec![error])? {
            settings.lay_file(&path, &text);
        }
        settings.lay_environment(environment);
        for flag in flags {
            settings.lay_flag(flag);
        }
        if settings.errors.is_empty() {
            Ok(settings)
        } else {
            Err(settings.errors)
        }
    }

    /// The text of a key; empty where it isn't set.
    pub(crate) fn text(&self, key: &str) -> &str {
        match self.values.get(key) {
            Some((Value::Text(text), _)) => text,
            Some((Value::Number(_) | Value::List(_), _)) | None => {
                debug_assert!(false, "{key} is no text");
                ""
            }
        }
    }

    /// The number of a key.
    pub(crate) fn number(&self, key: &str) -> u64 {
        match self.values.get(key) {
            Some((Value::Number(number), _)) => *number,
            Some((Value::Text(_) | Value::List(_), _)) | None => {
                debug_assert!(false, "{key} is no number");
                0
            }
        }
    }

    /// The texts of a key.
    pub(crate) fn list(&self, key: &str) -> &[String] {
        match self.values.get(key) {
            Some((Value::List(items), _)) => items,
            Some((Value::Text(_) | Value::Number(_), _)) | None => {
                debug_assert!(false, "{key} is no list");
                &[]
            }
        }
    }

    /// Where a key's value comes from.
    pub(crate) fn origin(&self, key: &str) -> &Origin {
        self.values
            .get(key)
            .map_or(&Origin::Default, |(_, origin)| origin)
    }

    /// All keys with value and origin, in the order of the documentation.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &Value, &Origin)> {
        KEYS.iter().filter_map(|key| {
            let (value, origin) = self.values.get(key.name)?;
            Some((key.name, value, origin))
        })
    }

    fn set(&mut self, key: &'static Key, value: Result<Value, String>, origin: Origin) {
        match value.and_then(|value| checked(key, value)) {
            Ok(value) => {
                self.values.insert(key.name, (value, origin));
            }
            Err(why) => {
                let report = Report::new(
                    Kind::Configuration,
                    format!("{}: {} {why}", origin, key.name),
                );
                self.errors.push(report);
            }
        }
    }

    fn unknown(&mut self, origin: &Origin, name: &str, meant: Option<String>) {
        let report = Report::new(
            Kind::Configuration,
            format!("{origin}: unknown key `{name}`"),
        );
        self.errors.push(match meant {
            Some(meant) => report.hint(format!("did you mean `{meant}`?")),
            None => report.hint("`reelmesh config` lists all keys"),
        });
    }

    fn lay_file(&mut self, path: &Path, text: &str) {
        let table = match toml_text::parse(text) {
            Ok(table) => table,
            Err((line, what)) => {
                let message = format!("{}:{line}: {what}", path.display());
                self.errors.push(Report::new(Kind::Configuration, message));
                return;
            }
        };
        let origin = |start: usize| Origin::File {
            path: path.to_path_buf(),
            line: line_of(text, start),
        };
        for (section, value) in in_order(table.get_ref()) {
            let at = origin(section.span().start);
            let Some(keys) = value.get_ref().as_table() else {
                self.unknown(&at, section.get_ref(), near_key(section.get_ref()));
                continue;
            };
            for (name, value) in in_order(keys) {
                let at = origin(name.span().start);
                let full = format!("{}.{}", section.get_ref(), name.get_ref());
                match find(&full) {
                    Some(key) => self.set(key, from_toml(value), at),
                    None => self.unknown(&at, &full, near_key(&full)),
                }
            }
        }
    }

    fn lay_environment(&mut self, environment: &Environment) {
        for (variable, value) in environment.settings() {
            let rest = variable.strip_prefix(VARIABLE_PREFIX).unwrap_or_default();
            let name = rest.to_lowercase().replace("__", ".");
            let origin = Origin::Environment(variable.to_owned());
            if let Some(key) = find(&name).filter(|key| key.variable() == variable) {
                self.set(key, from_text(key, value), origin);
            } else {
                let near = near_key(&name).and_then(|name| Some(find(&name)?.variable()));
                self.unknown(&origin, &name, near);
            }
        }
    }

    fn lay_flag(&mut self, flag: &Flag) {
        match find(flag.key) {
            Some(key) => self.set(key, from_text(key, &flag.value), Origin::Flag(flag.written)),
            None => debug_assert!(false, "{} sets no key", flag.written),
        }
    }
}

/// The file that is read, with its text: the named one must be there, the usual one may be.
fn read_file(
    named: Option<&Path>,
    environment: &Environment,
) -> Result<Option<(PathBuf, String)>, Report> {
    let named = named
        .map(Path::to_path_buf)
        .or_else(|| environment.config_file());
    let must_exist = named.is_some();
    let Some(path) = named.or_else(|| environment.usual_config_file()) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(error) => Err(Report::new(
            Kind::Configuration,
            format!("reading the configuration {}: {error}", path.display()),
        )),
    }
}

/// The full key that was probably meant: by the full name, or by the last part alone.
fn near_key(name: &str) -> Option<String> {
    let last = name.rsplit('.').next().unwrap_or(name);
    let by_last = |key: &&Key| key.parts().1 == last;
    let exact = KEYS.iter().find(by_last).map(|key| key.name);
    exact
        .or_else(|| nearest(name, KEYS.iter().map(|key| key.name)))
        .map(str::to_owned)
}

fn from_toml(value: &Spanned<DeValue<'_>>) -> Result<Value, String> {
    let value = value.get_ref();
    if let Some(text) = value.as_str() {
        return Ok(Value::Text(text.to_owned()));
    }
    if let Some(integer) = value.as_integer() {
        return u64::from_str_radix(integer.as_str(), integer.radix())
            .map(Value::Number)
            .map_err(|_not_a_u64| format!("is {}, must not be negative", integer.as_str()));
    }
    let Some(array) = value.as_array() else {
        return Err(format!("is a {}", value.type_str()));
    };
    let texts = array.iter().map(|item| {
        let text = item.get_ref().as_str().map(str::to_owned);
        text.ok_or_else(|| format!("holds a {}, must hold strings", item.get_ref().type_str()))
    });
    texts
        .collect::<Result<Vec<String>, String>>()
        .map(Value::List)
}

fn from_text(key: &Key, text: &str) -> Result<Value, String> {
    match key.takes {
        Takes::Text | Takes::Choice(_) => Ok(Value::Text(text.to_owned())),
        Takes::Number { .. } => text
            .trim()
            .parse()
            .map(Value::Number)
            .map_err(|_not_a_number| format!("is `{text}`, must be a whole number")),
        Takes::Choices(_) => {
            let items = text.split(',').map(|item| item.trim().to_owned());
            Ok(Value::List(items.filter(|item| !item.is_empty()).collect()))
        }
    }
}

/// Whether a key takes a value; else why not.
fn checked(key: &Key, value: Value) -> Result<Value, String> {
    match (key.takes, &value) {
        (Takes::Text, Value::Text(_)) => Ok(value),
        (Takes::Number { min, max }, Value::Number(number)) => {
            if (min..=max).contains(number) {
                Ok(value)
            } else {
                Err(format!("is {number}, must be {min} to {max}"))
            }
        }
        (Takes::Choice(choices), Value::Text(text)) => {
            one_of(choices, text)?;
            Ok(value)
        }
        (Takes::Choices(choices), Value::List(items)) => {
            if items.is_empty() {
                return Err(format!(
                    "is empty, must hold at least one of {}",
                    choices.join(", ")
                ));
            }
            for (index, item) in items.iter().enumerate() {
                one_of(choices, item)?;
                if items.iter().take(index).any(|before| before == item) {
                    return Err(format!("holds `{item}` twice"));
                }
            }
            Ok(value)
        }
        (Takes::Text | Takes::Choice(_), Value::Number(_) | Value::List(_)) => {
            Err(format!("is {value}, must be a string"))
        }
        (Takes::Number { .. }, Value::Text(_) | Value::List(_)) => {
            Err(format!("is {value}, must be a whole number"))
        }
        (Takes::Choices(_), Value::Text(_) | Value::Number(_)) => {
            Err(format!("is {value}, must be a list of strings"))
        }
    }
}

fn one_of(choices: &[&str], text: &str) -> Result<(), String> {
    if choices.contains(&text) {
        Ok(())
    } else {
        Err(format!(
            "is `{text}`, must be one of {}",
            choices.join(", ")
        ))
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
