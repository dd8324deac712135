//! Checked-in documents that are made from the sources.

/// Compares a document with what the sources say; with `UPDATE_DOCS` set, writes it.
#[track_caller]
pub(crate) fn check_document(path: &str, expected: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, expected).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "run the tests once with UPDATE_DOCS=1");
}
