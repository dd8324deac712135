//! The conformance suite of [`Checkpoints`], run over each implementation, and what only a disk shows.

use std::os::unix::fs::FileExt as _;

use super::Checkpoints;
use super::memory::MemoryCheckpoints;
use super::sled_db::SledCheckpoints;

/// All that callers rely upon, on an empty map.
#[track_caller]
fn conforms(checkpoints: &dyn Checkpoints) {
    assert_eq!(checkpoints.get("a").unwrap(), None);
    checkpoints.put("a/2", b"two").unwrap();
    checkpoints.put("a/1", b"").unwrap();
    checkpoints.put("a0", b"not below a/").unwrap();
    checkpoints.put("b/1", b"other").unwrap();
    checkpoints.put("a/2", b"two again").unwrap();
    assert_eq!(checkpoints.get("a/2").unwrap().unwrap(), b"two again");
    let expected = vec![
        ("a/1".to_owned(), b"".to_vec()),
        ("a/2".to_owned(), b"two again".to_vec()),
    ];
    assert_eq!(checkpoints.scan("a/").unwrap(), expected);
    assert_eq!(checkpoints.scan("").unwrap().len(), 4);
    checkpoints.delete("a/2").unwrap();
    checkpoints.delete("never there").unwrap();
    assert_eq!(checkpoints.get("a/2").unwrap(), None);
    assert_eq!(checkpoints.scan("a/").unwrap().len(), 1);
    let large = vec![7; 1 << 20];
    checkpoints.put("large", &large).unwrap();
    checkpoints.flush().unwrap();
    assert_eq!(checkpoints.get("large").unwrap().unwrap(), large);
}

/// Memory does what the trait says.
#[test]
fn memory_conforms() {
    conforms(&MemoryCheckpoints::default());
}

/// Sled does, and keeps it over a reopening; a second opener is refused while the first lives.
#[test]
fn sled_conforms_and_keeps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoints");
    let first = SledCheckpoints::open(&path).unwrap();
    conforms(&first);
    assert!(SledCheckpoints::open(&path).is_err());
    drop(first);
    let again = SledCheckpoints::open(&path).unwrap();
    assert_eq!(again.get("b/1").unwrap().unwrap(), b"other");
    assert_eq!(again.moved_aside(), None);
}

/// Whichever byte of the log is flipped, the database opens, and no read gives a value that was
/// never put; nor where its configuration is damaged, which it refuses to open with.
#[test]
fn damage_never_gives_a_wrong_value() {
    let in_the_log = (0..12).map(|n| ("db", n * 703));
    for (name, place) in in_the_log.chain([("conf", 5)]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoints");
        let checkpoints = SledCheckpoints::open(&path).unwrap();
        for n in 0..200 {
            let key = format!("unit/{n}");
            checkpoints.put(&key, key.repeat(3).as_bytes()).unwrap();
        }
        checkpoints.flush().unwrap();
        drop(checkpoints);
        flip(&path.join(name), place);
        let damaged = SledCheckpoints::open(&path).unwrap();
        let found = damaged.scan("unit/").unwrap_or_default();
        for (key, value) in &found {
            assert_eq!(value, key.repeat(3).as_bytes(), "{name} at {place}");
        }
        if name == "conf" {
            assert!(damaged.moved_aside().is_some_and(std::path::Path::exists));
            damaged.put("unit/0", b"new").unwrap();
            assert_eq!(damaged.get("unit/0").unwrap().unwrap(), b"new");
        }
    }
}

/// A value whose bytes were changed under sled's feet reads as absent.
#[test]
fn a_wrong_checksum_is_absent() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoints = SledCheckpoints::open(dir.path()).unwrap();
    checkpoints.put("a", b"right").unwrap();
    drop(checkpoints);
    let raw = sled::open(dir.path()).unwrap();
    let mut bytes = raw.get("a").unwrap().unwrap().to_vec();
    raw.insert("moved", bytes.clone()).unwrap();
    bytes[9] ^= 1;
    raw.insert("a", bytes).unwrap();
    raw.insert("short", b"x").unwrap();
    drop(raw);
    let checkpoints = SledCheckpoints::open(dir.path()).unwrap();
    for key in ["a", "moved", "short"] {
        assert_eq!(checkpoints.get(key).unwrap(), None, "{key}");
    }
    assert_eq!(checkpoints.scan("").unwrap(), []);
}

fn flip(path: &std::path::Path, place: u64) {
    let file = std::fs::File::options()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[byte[0] ^ 0x10], place).unwrap();
}
