//! The documents that are made from the table of keys, and whether they are up to date.

use super::keys::{KEYS, Takes};

/// Sections in the order of the keys, with what each is about.
const SECTIONS: &[(&str, &str)] = &[
    ("node", "This node."),
    ("store", "Where truth lives."),
    (
        "transcode",
        "What is made if the command doesn't say otherwise.",
    ),
    ("plan", "How the work is cut."),
    ("progress", "What is shown."),
    ("log", "What is written for those who look for a fault."),
];

/// The text of `config/node.toml`: every key with its meaning and default, commented out.
pub(crate) fn documented_defaults() -> String {
    let mut text = String::from(
        "# The configuration of a node, with every key and its built-in default. Made from the sources\n\
         # (src/config/keys.rs) and checked by a test.\n\
         #\n\
         # A value is taken from the first that has it: the command's flag; the environment, where the key\n\
         # a.b is REELMESH__A__B; a file in this format (--config, else REELMESH_CONFIG, else\n\
         # $XDG_CONFIG_HOME/reelmesh/node.toml); these defaults. `reelmesh config` shows what holds and why.\n",
    );
    for (section, about) in SECTIONS {
        text.push_str(&format!("\n# {about}\n[{section}]\n"));
        for key in KEYS.iter().filter(|key| key.parts().0 == *section) {
            for line in wrapped(key.about, 100) {
                text.push_str(&format!("# {line}\n"));
            }
            text.push_str(&format!("# {} = {}\n", key.parts().1, key.default()));
        }
    }
    text
}

/// The text of `docs/config.md`.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Made from the sources; `reelmesh config` shows what holds on your machine and where it comes from.\n\
         A value is taken from the first that has it: flag, environment, file (`--config`, else\n\
         `REELMESH_CONFIG`, else `$XDG_CONFIG_HOME/reelmesh/node.toml`), default.\n\
         [config/node.toml](../config/node.toml) is a file with all defaults to begin with.\n",
    );
    for key in KEYS {
        text.push_str(&format!("\n## {}\n\n", key.name));
        text.push_str(&wrapped(key.about, 100).join("\n"));
        text.push_str(&format!("\n\n- default: `{}`\n", key.default()));
        match key.takes {
            Takes::Text => {}
            Takes::Number { min, max } => text.push_str(&format!("- {min} to {max}\n")),
            Takes::Choice(choices) => {
                text.push_str(&format!("- one of {}\n", choices.join(", ")));
            }
            Takes::Choices(choices) => {
                text.push_str(&format!("- one or more of {}\n", choices.join(", ")));
            }
        }
        text.push_str(&format!("- environment: `{}`\n", key.variable()));
        if let Some(flag) = key.flag {
            text.push_str(&format!("- flag: `{flag}`\n"));
        }
    }
    text
}

/// A text in lines of at most so many columns.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && line.chars().count() + 1 + word.chars().count() > columns
        });
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::{Value, find};
    use crate::documents::check_document;

    /// Shows that the documents are those of the keys in the sources.
    #[test]
    fn documents_are_up_to_date() {
        check_document("config/node.toml", &documented_defaults());
        check_document("docs/config.md", &reference());
    }

    /// Shows that config/node.toml, its comment marks taken off, gives each key the built-in default.
    #[test]
    fn the_documented_defaults_are_the_built_in_ones() {
        let text = documented_defaults();
        let bare: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with('[') || line.contains(" = "))
            .map(|line| line.trim_start_matches("# "))
            .collect();
        let table: toml::Table = bare.join("\n").parse().unwrap();
        let mut found = 0;
        for (section, keys) in &table {
            for (name, value) in keys.as_table().unwrap() {
                let key = find(&format!("{section}.{name}")).unwrap();
                let same = match key.default() {
                    Value::Text(text) => value.as_str() == Some(&*text),
                    Value::Number(number) => value.as_integer() == i64::try_from(number).ok(),
                    Value::List(items) => {
                        let listed = value.as_array().unwrap().iter();
                        listed.map(|item| item.as_str().unwrap()).eq(items)
                    }
                };
                assert!(same, "{section}.{name} = {value}");
                found += 1;
            }
        }
        assert_eq!(found, KEYS.len());
    }
}
