//! Which program on which machine this is, and the fingerprint that it was found to have.
//!
//! The golden clip takes some hundred milliseconds, so what came of it is kept in the checkpoints for as long
//! as neither program, libraries nor CPU change.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

use reelmesh_domain::codec::{self, Kind};

use crate::checkpoints::Checkpoints;
use crate::engine::Engine;

/// Where the fingerprint lies: one, since one program uses a state directory.
const KEPT: &str = "fingerprint";
/// Instruction sets that libraries choose their code by: what the processor says of itself, since under an
/// emulator `/proc/cpuinfo` shows another.
macro_rules! instruction_sets {
    ($($name:tt)*) => {
        [$(($name, std::arch::is_x86_feature_detected!($name))),*]
    };
}

/// The fingerprint of the engine, remembered or made. Blocks.
pub(crate) fn fingerprint(
    engine: &dyn Engine,
    checkpoints: &dyn Checkpoints,
) -> Result<String, String> {
    let depends_on = engine.fingerprint_depends_on();
    let depends_on = depends_on.map(|text| *blake3::hash(text.as_bytes()).as_bytes());
    if let Some(depends_on) = &depends_on
        && let Some(known) = kept(checkpoints, depends_on)
    {
        return Ok(known);
    }
    let made = engine.fingerprint().map_err(|error| error.to_string())?;
    let text = made.text().map_err(|error| error.to_string())?;
    if let Some(depends_on) = depends_on
        && let Ok(bytes) = codec::encode(Kind::Checkpoint, &(depends_on, &text))
        && let Err(error) = checkpoints.put(KEPT, &bytes)
    {
        tracing::warn!(%error, "the golden clip will be made again at the next start");
    }
    Ok(text)
}

fn kept(checkpoints: &dyn Checkpoints, depends_on: &[u8; 32]) -> Option<String> {
    let bytes = checkpoints.get(KEPT).ok()??;
    let kept: ([u8; 32], String) = codec::decode(Kind::Checkpoint, &bytes).ok()?;
    (kept.0 == *depends_on).then_some(kept.1)
}

/// All that the engine's bytes could depend on here: every file that is mapped into this process (the program
/// and its libraries) by path, device, inode, length and time of change, versions, and the processor.
/// `None` where the system doesn't say.
pub(crate) fn identity() -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let mut text = String::new();
    for path in mapped_files(&maps) {
        let file = fs::metadata(path).ok()?;
        let _infallible = writeln!(
            text,
            "{path} {}:{} {} {}.{:09} {}.{:09}",
            file.dev(),
            file.ino(),
            file.len(),
            file.mtime(),
            file.mtime_nsec(),
            file.ctime(),
            file.ctime_nsec()
        );
    }
    let cpu = fs::read_to_string("/proc/cpuinfo").ok()?;
    text.push_str(&first_processor(&cpu));
    for version in reelmesh_media::ffi::library_versions() {
        text.push_str(&version);
        text.push('\n');
    }
    let _infallible = writeln!(text, "{:?}", instruction_sets());
    Some(text)
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> [(&'static str, bool); 14] {
    instruction_sets![
        "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "avx" "fma" "bmi1" "bmi2" "avx2"
        "avx512f" "avx512bw" "avx512vl" "avx512vnni"
    ]
}

#[cfg(not(target_arch = "x86_64"))]
fn instruction_sets() -> [(&'static str, bool); 0] {
    []
}

/// The executable mappings of `/proc/self/maps` that are files.
fn mapped_files(maps: &str) -> BTreeSet<&str> {
    let files = maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let access = fields.nth(1)?;
        let place = line.find('/')?;
        access.contains('x').then(|| &line[place..])
    });
    files.collect()
}

/// What `/proc/cpuinfo` says of the first processor, without what changes while it runs.
fn first_processor(cpu: &str) -> String {
    const SHOWN: [&str; 8] = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "microcode",
        "flags",
        "Features",
    ];
    let lines = cpu.lines().take_while(|line| !line.trim().is_empty());
    let lines = lines.filter(|line| {
        let name = line.split(':').next().unwrap_or_default().trim();
        SHOWN.contains(&name)
    });
    lines.fold(String::new(), |text, line| text + line + "\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use reelmesh_domain::fingerprint::Fingerprint;
    use reelmesh_media::control::Control;
    use reelmesh_media::error::MediaError;
    use reelmesh_media::io::{ByteSource, FragmentSink};

    use super::*;
    use crate::checkpoints::memory::MemoryCheckpoints;
    use crate::engine::{Task, TaskReport};

    /// Counts how often its fingerprint is made.
    #[derive(Debug)]
    struct Counting {
        depends_on: Option<&'static str>,
        made: AtomicU32,
    }

    impl Engine for Counting {
        fn run(
            &self,
            _task: &Task,
            _source: Arc<dyn ByteSource>,
            _sink: &mut dyn FragmentSink,
            _control: &dyn Control,
        ) -> Result<TaskReport, MediaError> {
            Err(MediaError::Cancelled)
        }

        fn fingerprint(&self) -> Result<Fingerprint, MediaError> {
            self.made.fetch_add(1, Ordering::Relaxed);
            let mut fingerprint = Fingerprint::default();
            let version = self.depends_on.unwrap_or_default().to_owned();
            fingerprint.versions.insert("engine".to_owned(), version);
            Ok(fingerprint)
        }

        fn fingerprint_depends_on(&self) -> Option<String> {
            self.depends_on.map(str::to_owned)
        }
    }

    /// It is made once for a program on a machine, again for another, and each time where nobody can tell;
    /// a damaged memory of it is none.
    #[test]
    fn a_fingerprint_is_made_once() {
        let checkpoints = MemoryCheckpoints::default();
        let mut texts = Vec::new();
        for (depends_on, made) in [(Some("a"), 1), (Some("b"), 1), (None, 2)] {
            let engine = Counting {
                depends_on,
                made: AtomicU32::new(0),
            };
            let first = fingerprint(&engine, &checkpoints).unwrap();
            assert_eq!(fingerprint(&engine, &checkpoints).unwrap(), first);
            assert_eq!(engine.made.load(Ordering::Relaxed), made, "{depends_on:?}");
            texts.push(first);
        }
        assert_ne!(texts[0], texts[1]);
        checkpoints.put(KEPT, b"damaged").unwrap();
        let engine = Counting {
            depends_on: Some("a"),
            made: AtomicU32::new(0),
        };
        assert_eq!(fingerprint(&engine, &checkpoints).unwrap(), texts[0]);
    }

    /// This process knows what it is made of, twice the same: the program itself, FFmpeg, the processor.
    #[test]
    fn this_machine_has_an_identity() {
        let text = identity().unwrap();
        let program = std::env::current_exe().unwrap();
        for part in [program.to_str().unwrap(), "libavcodec", "flags"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(identity().unwrap(), text);
    }

    /// Of the mappings those count that are files with code, each once.
    #[test]
    fn mapped_files_are_those_with_code() {
        let maps = "5581-5582 r--p 00000000 fe:00 12   /usr/bin/a program\n\
                    5582-5583 r-xp 00001000 fe:00 12   /usr/bin/a program\n\
                    7f00-7f01 rw-p 00000000 00:00 0\n\
                    7f01-7f02 rw-s 00000000 fe:00 15   /state/db\n\
                    7ffd-7ffe r-xp 00000000 00:00 0    [vdso]\n";
        let files: Vec<&str> = mapped_files(maps).into_iter().collect();
        assert_eq!(files, ["/usr/bin/a program"]);
    }
}
