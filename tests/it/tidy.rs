//! House rules as tests: what a reviewer would otherwise look for by eye. Each rule is a function from
//! text to findings, tried on a text that breaks it, and then run over the repository.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a Rust file above which it must be named, with its reason, in [`LONG_FILES`].
const FILE_LINES_MAX: usize = 500;
/// Code lines of a function: as many as a screen shows, and clippy's `too_many_lines` here.
const FUNCTION_LINES_MAX: usize = 70;
/// Crates in `Cargo.lock`: 204 at the first commit, with room for what the first thread still needs.
/// Raising it is a decision: say in the commit what the new crates bring.
const LOCKED_CRATES_MAX: usize = 260;

/// Long files and why they are better whole.
const LONG_FILES: &[(&str, &str)] = &[
    (
        "domain/src/schedule/tests.rs",
        "the scheduler's cases share one set of simulated nodes",
    ),
    (
        "domain/src/store/records.rs",
        "the format of all that the store holds, read as one table",
    ),
];

/// Words that the glossary replaces, and by what. Underscores belong to words, so that other people's
/// option names (`protocol_whitelist`) pass.
const BANNED_WORDS: &[(&str, &str)] = &[
    ("master", "leader, or multivariant playlist"),
    ("slave", "node or worker"),
    ("follower", "node"),
    ("shard", "share or chunk"),
    ("lease", "epoch"),
    ("blacklist", "quarantine, or list of refused ones"),
    ("whitelist", "list of allowed ones"),
    ("sanity", "say what is checked"),
];

/// What would tie the repository to one machine or one workplace.
const FORBIDDEN: &[&str] = &[
    "/work/",
    "/root/",
    "/home/",
    "artifactory",
    "npmjs.org",
    "static.crates.io",
    "index-url",
    "replace-with",
    "deb.debian.org",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the checkout but what is built, fetched or hidden, by path from the root.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // In a second worktree `.git` is a file.
            if ["target", "demo", "node_modules", ".git", ".cache"].contains(&&*name) {
                continue;
            }
            if !path.is_dir() {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            } else if !path.is_symlink() {
                folders.push(path);
            }
        }
    }
    found.sort();
    assert!(found.contains(&PathBuf::from("Cargo.toml")), "{found:?}");
    found
}

/// Path and text of all files with one of these extensions; files that aren't text are left out.
fn texts(extensions: &[&str]) -> Vec<(String, String)> {
    files()
        .into_iter()
        .filter(|path| {
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            extensions.is_empty() || extensions.contains(&&*extension)
        })
        .filter_map(|path| {
            let text = fs::read_to_string(root().join(&path)).ok()?;
            Some((path.to_string_lossy().into_owned(), text))
        })
        .collect()
}

#[track_caller]
fn assert_none(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}

/// Runs a rule over files; a finding is shown as `path:line: what`.
fn check(rule: &str, texts: &[(String, String)], find: impl Fn(&str) -> Vec<(usize, String)>) {
    let findings: Vec<String> = texts
        .iter()
        .flat_map(|(path, text)| {
            let found = find(text).into_iter();
            found.map(move |(line, what)| format!("{path}:{line}: {what}"))
        })
        .collect();
    assert_none(rule, &findings);
}

/// The lines of a text, counted from one.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
}

fn banned_words(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in lines(text) {
        for word in words(&line.to_lowercase()) {
            let singular = word.strip_suffix('s').unwrap_or(word);
            for (banned, instead) in BANNED_WORDS {
                if word == *banned || singular == *banned {
                    found.push((number, format!("'{word}': say {instead}")));
                }
            }
        }
    }
    found
}

#[test]
fn glossary_words_are_used() {
    // Shows that no text uses a word for which the glossary has another.
    assert_eq!(
        banned_words("The Master and its Slaves\nprotocol_whitelist mastering").len(),
        2
    );
    let texts: Vec<_> = texts(&["rs", "md", "toml", "sh", "py", "mjs"])
        .into_iter()
        .filter(|(path, _)| path != "tests/it/tidy.rs")
        .collect();
    check("words of the glossary", &texts, banned_words);
}

/// Marks of unfinished work whose line doesn't say, in at least three words, what is missing.
fn unexplained_marks(text: &str) -> Vec<(usize, String)> {
    let marks = ["TODO", "FIXME", "XXX", "HACK"];
    lines(text)
        .filter(|(_, line)| {
            let mut rest = words(line).skip_while(|word| !marks.contains(word));
            rest.next().is_some() && rest.filter(|word| !word.is_empty()).count() < 3
        })
        .map(|(number, line)| (number, line.trim().to_owned()))
        .collect()
}

#[test]
fn unfinished_work_is_explained() {
    // Shows that what is marked as unfinished says what is missing.
    let text = "// TODO\n// FIXME: later\n// TODO: drop when FFmpeg 7 is the oldest\nstodo";
    assert_eq!(unexplained_marks(text).len(), 2);
    let texts: Vec<_> = texts(&["rs", "toml", "sh", "py", "mjs", "md"])
        .into_iter()
        .filter(|(path, _)| path != "tests/it/tidy.rs")
        .collect();
    check("marks without an explanation", &texts, unexplained_marks);
}

#[test]
fn files_are_short() {
    // Shows that a file above the limit is named with a reason, and that no name has become needless.
    let long: Vec<(String, usize)> = texts(&["rs"])
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, count)| *count > FILE_LINES_MAX)
        .collect();
    let unnamed: Vec<String> = long
        .iter()
        .filter(|(path, _)| LONG_FILES.iter().all(|(named, _)| named != path))
        .map(|(path, count)| format!("{path}: {count} lines"))
        .collect();
    assert_none("files above 500 lines: split by subject", &unnamed);
    let needless: Vec<String> = LONG_FILES
        .iter()
        .filter(|(named, _)| long.iter().all(|(path, _)| path != named))
        .map(|(named, _)| (*named).to_owned())
        .collect();
    assert_none("no longer long: take the name out of LONG_FILES", &needless);
}

/// Functions with more code lines than the limit. Relies on rustfmt: a body ends with a brace at the
/// indentation of its `fn`.
fn long_functions(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let all: Vec<(usize, &str)> = lines(text).collect();
    for (index, (number, line)) in all.iter().enumerate() {
        let start = line.trim_start();
        let head = start.split_once("fn ").map(|(before, _)| before);
        let keywords = [
            "pub", "const", "async", "unsafe", "extern", "crate", "super", "C", "in",
        ];
        let is_function = head.is_some_and(|before| {
            words(before).all(|word| word.is_empty() || keywords.contains(&word))
        });
        if !is_function || start.starts_with("//") || line.ends_with(['}', ';']) {
            continue;
        }
        let end = format!("{}}}", &line[..line.len() - start.len()]);
        let body = all[index..].iter().take_while(|(_, line)| *line != end);
        let count = body
            .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with("//"))
            .count();
        if count > FUNCTION_LINES_MAX {
            found.push((*number, format!("{count} lines: {start}")));
        }
    }
    found
}

#[test]
fn functions_are_short() {
    // Shows that every function fits a screen.
    let body = "    work();\n\n    // why\n".repeat(FUNCTION_LINES_MAX);
    let text = format!("pub(crate) fn long() {{\n{body}}}\n\nfn short() {{\n    work();\n}}\n");
    assert_eq!(long_functions(&text).len(), 1);
    assert_eq!(long_functions(&text)[0].0, 1);
    check("functions above 70 lines", &texts(&["rs"]), long_functions);
}

#[test]
fn locked_crates_are_within_budget() {
    // Shows that the number of crates that we trust hasn't grown unnoticed.
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let count = lock.lines().filter(|line| *line == "[[package]]").count();
    assert!(count > 10, "Cargo.lock isn't read rightly: {count} crates");
    assert!(
        count <= LOCKED_CRATES_MAX,
        "{count} crates are locked, the budget is {LOCKED_CRATES_MAX}"
    );
}

/// The codes of the form `RM0000` in a text.
fn error_codes(text: &str) -> BTreeSet<String> {
    words(text)
        .filter(|word| word.len() == 6 && word.starts_with("RM"))
        .filter(|word| word[2..].bytes().all(|byte| byte.is_ascii_digit()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn error_codes_have_pages() {
    // Shows that every code that the sources can print has its page in docs/errors, linked from the
    // index there, and that no page is left over.
    assert_eq!(error_codes("[RM0001]: RM12 ARM0002 RM0003x").len(), 1);
    let all = texts(&["rs", "md"]);
    let used: BTreeSet<String> = all
        .iter()
        .filter(|(path, _)| path.contains("src/"))
        .flat_map(|(_, text)| error_codes(text))
        .collect();
    let pages: BTreeSet<String> = all
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("docs/errors/")?.strip_suffix(".md"))
        .filter(|name| *name != "README")
        .map(str::to_owned)
        .collect();
    assert_eq!(
        used, pages,
        "left: codes in the sources, right: pages in docs/errors"
    );
    let index = fs::read_to_string(root().join("docs/errors/README.md")).unwrap();
    assert_eq!(
        error_codes(&index),
        pages,
        "left: codes in the index, right: pages"
    );
}

/// Keys (also those that are commented out, as defaults are) without a comment above them.
fn undocumented_keys(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut documented = false;
    for (number, line) in lines(text) {
        let bare = line.trim_start_matches(['#', ' ']);
        let key = bare.split_once(" = ").map(|(key, _)| key);
        let is_key = key.is_some_and(|key| {
            key.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        });
        if is_key && !documented {
            found.push((
                number,
                format!("'{}' isn't explained", key.unwrap_or_default()),
            ));
        }
        documented = line.starts_with('#') && !is_key;
    }
    found
}

#[test]
fn configuration_keys_are_explained() {
    // Shows that each key of the documented defaults has a comment right above it.
    assert_eq!(
        undocumented_keys("# Why.\na = 1\nb = 2\n\n# More.\n# c = 3\n#d = 4").len(),
        2
    );
    let texts: Vec<_> = texts(&["toml"])
        .into_iter()
        .filter(|(path, _)| path == "config/node.toml")
        .collect();
    check("keys without an explanation", &texts, undocumented_keys);
}

#[test]
fn nothing_ties_us_to_one_machine() {
    // Shows that no file names this machine's paths or a package registry's host.
    let find = |text: &str| -> Vec<(usize, String)> {
        lines(text)
            .filter(|(_, line)| FORBIDDEN.iter().any(|forbidden| line.contains(forbidden)))
            .map(|(number, line)| (number, line.trim().to_owned()))
            .collect()
    };
    assert_eq!(find("a\ncp /root/x y").len(), 1);
    let texts: Vec<_> = texts(&[])
        .into_iter()
        .filter(|(path, _)| path != "tests/it/tidy.rs")
        .collect();
    check("names of machines or registries", &texts, find);
}

/// The targets of a document's links to other files, with the line.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in lines(text) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        for piece in line.split("](").skip(1) {
            let target = piece.split(')').next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push((number, target.to_owned()));
            }
        }
    }
    found
}

/// The anchors of a document's headings, as they are made by the usual hosts.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| {
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.collect::<String>().replace(' ', "-")
        })
        .collect()
}

#[test]
fn links_of_documents_resolve() {
    // Shows that each link from a document to a file, or to a heading in one, leads somewhere.
    assert_eq!(links("[a](b.md) [c](https://d) [e](#f)").len(), 2);
    assert!(anchors("## The way of a job\n").contains("the-way-of-a-job"));
    let mut findings = Vec::new();
    for (path, text) in texts(&["md"]) {
        let folder = root().join(Path::new(&path).parent().unwrap());
        for (number, link) in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                root().join(&path)
            } else {
                folder.join(file)
            };
            let resolves = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !resolves {
                findings.push(format!("{path}:{number}: {link}"));
            }
        }
    }
    assert_none("links that lead nowhere", &findings);
}

#[test]
fn imports_go_down_only() {
    // Shows the layers: domain knows none of us and no I/O, media knows no actor, and FFmpeg's crate is
    // named in one folder.
    let manifest = |member: &str| {
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        text.split("[dev-dependencies]").next().unwrap().to_owned()
    };
    for forbidden in [
        "reelmesh-media",
        "reelmesh-actors",
        "tokio",
        "ffmpeg-next",
        "object_store",
    ] {
        assert!(
            !manifest("domain").contains(forbidden),
            "domain depends on {forbidden}"
        );
    }
    for forbidden in ["reelmesh-actors", "ractor", "object_store", "tokio"] {
        assert!(
            !manifest("media").contains(forbidden),
            "media depends on {forbidden}"
        );
    }
    for forbidden in ["ffmpeg-next", "clap"] {
        assert!(
            !manifest("actors").contains(forbidden),
            "actors depends on {forbidden}"
        );
    }
    let lib = fs::read_to_string(root().join("domain/src/lib.rs")).unwrap();
    assert!(lib.contains("#![no_std]"), "domain isn't no_std");
    let findings: Vec<String> = texts(&["rs"])
        .into_iter()
        .filter(|(path, _)| !path.starts_with("media/src/ffi/") && path != "tests/it/tidy.rs")
        .filter(|(_, text)| text.contains("ffmpeg_next::") || text.contains("unsafe {"))
        .map(|(path, _)| path)
        .collect();
    assert_none(
        "FFmpeg's crate and unsafe code belong in media/src/ffi",
        &findings,
    );
}

#[test]
fn scripts_stop_at_the_first_error() {
    // Shows that every shell script says so, since the default is to go on.
    let findings: Vec<String> = texts(&["sh"])
        .into_iter()
        .chain(
            texts(&[""])
                .into_iter()
                .filter(|(path, _)| path == ".ci/run"),
        )
        .filter(|(_, text)| !text.contains("\nset -euo pipefail\n"))
        .map(|(path, _)| path)
        .collect();
    assert_none("scripts without 'set -euo pipefail'", &findings);
}
