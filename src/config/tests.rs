use std::io::Write as _;

use super::*;

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn flag(value: &str) -> Flag {
    Flag {
        key: "node.workers",
        written: "--workers",
        value: value.to_owned(),
    }
}

/// Shows that each layer wins over those beneath it and that the origin of each value is kept.
#[test]
fn the_strongest_layer_wins() {
    let file = file("\n[node]\nworkers = 0x3\n[plan]\ncell_ms = 500\n");
    let path = file.path().to_path_buf();
    let variable = ("REELMESH__NODE__WORKERS", "4");
    let check =
        |with_file: bool, environment: &[(&str, &str)], flags: &[Flag], expected: (u64, Origin)| {
            let file = with_file.then_some(&*path);
            let settings = Settings::load(file, &Environment::of(environment), flags).unwrap();
            let found = (
                settings.number("node.workers"),
                settings.origin("node.workers").clone(),
            );
            assert_eq!(found, expected);
        };
    let of_file = || Origin::File {
        path: path.clone(),
        line: 3,
    };
    let of_environment = || Origin::Environment(variable.0.to_owned());
    check(false, &[], &[], (0, Origin::Default));
    check(true, &[], &[], (3, of_file()));
    check(true, &[variable], &[], (4, of_environment()));
    check(
        true,
        &[variable],
        &[flag("5")],
        (5, Origin::Flag("--workers")),
    );
}

/// Shows that a named file must exist, by flag or by variable, and that the usual one needn't.
#[test]
fn a_named_file_must_be_there() {
    let missing = ("REELMESH_CONFIG", "/nowhere/node.toml");
    let refused = Settings::load(None, &Environment::of(&[missing]), &[]).unwrap_err();
    assert!(
        refused[0].message().contains("/nowhere/node.toml"),
        "{refused:?}"
    );
    let usual = ("XDG_CONFIG_HOME", "/nowhere");
    assert!(Settings::load(None, &Environment::of(&[usual]), &[]).is_ok());
}

/// Shows that all that is wrong is told at once, with line, reason, and the key that was meant.
#[test]
fn every_mistake_is_told() {
    let file = file(
        "[node]\nwrkers = 3\nstate_dir = 7\n[transcode]\npackage = [\"mp4\", \"mp4\"]\n[plan]\ncell_ms = 0\n[quux]\na = 1\n",
    );
    let environment = Environment::of(&[
        ("REELMESH__PLAN__CELL_FRAME", "3"),
        ("REELMESH__PLAN__CHUNK_CELLS", "-1"),
        ("REELMESH__TRANSCODE__PACKAGE", "mp4,dash"),
    ]);
    let errors = Settings::load(Some(file.path()), &environment, &[flag("many")]).unwrap_err();
    let path = file.path().display().to_string();
    let found: Vec<String> = errors
        .iter()
        .map(|error| {
            error
                .render(crate::paint::Paint::plain())
                .replace(&path, "F")
        })
        .collect();
    insta::assert_snapshot!(found.concat(), @r"
    error[RM0002]: file F:2: unknown key `node.wrkers`
      hint: did you mean `node.workers`?
    error[RM0002]: file F:3: node.state_dir is 7, must be a string
    error[RM0002]: file F:5: transcode.package holds `mp4` twice
    error[RM0002]: file F:7: plan.cell_ms is 0, must be 1 to 60000
    error[RM0002]: file F:9: unknown key `quux.a`
      hint: `reelmesh config` lists all keys
    error[RM0002]: environment REELMESH__PLAN__CELL_FRAME: unknown key `plan.cell_frame`
      hint: did you mean `REELMESH__PLAN__CELL_FRAMES`?
    error[RM0002]: environment REELMESH__PLAN__CHUNK_CELLS: plan.chunk_cells is `-1`, must be a whole number
    error[RM0002]: environment REELMESH__TRANSCODE__PACKAGE: transcode.package is `dash`, must be one of mp4, hls
    error[RM0002]: flag --workers: node.workers is `many`, must be a whole number
    ");
}

/// Shows that broken TOML is told with its line.
#[test]
fn broken_files_are_told_with_their_line() {
    let file = file("[node]\nworkers = = 3\n");
    let errors = Settings::load(Some(file.path()), &Environment::default(), &[]).unwrap_err();
    assert!(errors[0].message().contains(":2: "), "{errors:?}");
}
