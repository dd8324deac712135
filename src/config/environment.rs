//! What the program takes from its environment: read once, passed on as data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::VARIABLE_PREFIX;

/// The environment variables that concern us.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// That of this process. Variables that aren't text are left out.
    pub(crate) fn of_process() -> Self {
        let ours = [
            "REELMESH_CONFIG",
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "HOME",
        ];
        let all = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self {
            variables: all
                .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX) || ours.contains(&&**name))
                .collect(),
        }
    }

    /// One made up for tests.
    #[cfg(test)]
    pub(crate) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            variables: variables.iter().map(owned).collect(),
        }
    }

    /// Variables that set keys of the configuration.
    pub(crate) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables
            .iter()
            .filter(|(name, _)| name.starts_with(VARIABLE_PREFIX))
            .map(|(name, value)| (&**name, &**value))
    }

    /// The configuration file that `REELMESH_CONFIG` names.
    pub(crate) fn config_file(&self) -> Option<PathBuf> {
        self.not_empty("REELMESH_CONFIG").map(PathBuf::from)
    }

    /// The configuration file that is read if there is one and no other is named.
    pub(crate) fn usual_config_file(&self) -> Option<PathBuf> {
        self.folder("XDG_CONFIG_HOME", ".config")
            .map(|folder| folder.join("node.toml"))
    }

    /// The state directory if no other is named.
    pub(crate) fn usual_state_dir(&self) -> Option<PathBuf> {
        self.folder("XDG_STATE_HOME", ".local/state")
    }

    /// Our folder in the one that the variable names, else in this place of the user's home. Relative
    /// paths in such variables are to be ignored (XDG Base Directory Specification).
    fn folder(&self, variable: &str, in_home: &str) -> Option<PathBuf> {
        let named = self.not_empty(variable).map(PathBuf::from);
        let base = named.filter(|path| path.is_absolute());
        let home = || Some(PathBuf::from(self.not_empty("HOME")?).join(in_home));
        Some(base.or_else(home)?.join("reelmesh"))
    }

    fn not_empty(&self, name: &str) -> Option<&str> {
        let value = self.variables.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Shows the order of places: the variable if it is an absolute path, else the home, else none.
    #[test]
    fn usual_places_follow_xdg() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let found = Environment::of(variables).usual_state_dir();
            assert_eq!(found.as_deref(), expected.map(Path::new), "{variables:?}");
        };
        check(
            &[("XDG_STATE_HOME", "/s"), ("HOME", "/h")],
            Some("/s/reelmesh"),
        );
        check(
            &[("XDG_STATE_HOME", "s"), ("HOME", "/h")],
            Some("/h/.local/state/reelmesh"),
        );
        check(&[("HOME", "/h")], Some("/h/.local/state/reelmesh"));
        check(&[("HOME", "")], None);
    }
}
