//! The output place of a job: a local directory that is claimed, tried, and filled with whole files.
//!
//! A file is written under a temporary name in its directory, synced, and renamed: a reader never
//! sees half of one. What a crash leaves behind has the temporary name's pattern and is swept.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use reelmesh_domain::ids::{JobId, Token};

/// Name of the claim in the output place.
pub const CLAIM_NAME: &str = ".reelmesh";
/// Beginning of the trial object's name.
const TRIAL: &str = ".reelmesh-trial-";
/// Beginning of the names of files that aren't whole yet.
const PARTIAL: &str = ".reelmesh-partial-";
/// Outputs lie at most `hls/<rendition>/<segment>` deep.
const SWEEP_DEPTH: u32 = 3;

/// A job's output place; all its functions block and belong on a blocking thread.
#[derive(Clone, Debug)]
pub struct OutputPlace {
    directory: PathBuf,
}

/// Whose place it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The job's own.
    Own,
    /// Another job's.
    Other {
        /// What the claim holds: the other job's id.
        job: String,
    },
}

impl OutputPlace {
    /// The place at this directory.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
        }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory, and writes, reads back and deletes a trial object.
    ///
    /// # Errors
    ///
    /// What the operating system answers; `InvalidData` if other bytes come back.
    pub fn prove_writable(&self, token: Token) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let path = self.directory.join(format!("{TRIAL}{token}"));
        let body = token.to_string();
        let tried = write_synced(&path, body.as_bytes()).and_then(|()| fs::read(&path));
        let removed = fs::remove_file(&path);
        if tried? != body.as_bytes() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "what was written isn't what is read back",
            ));
        }
        removed
    }

    /// Claims the place for `job` by put-if-absent: a whole file, hard linked under the claim's name.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn claim(&self, job: JobId, token: Token) -> io::Result<Claim> {
        fs::create_dir_all(&self.directory)?;
        let staged = self.directory.join(format!("{PARTIAL}{token}"));
        let claim = self.directory.join(CLAIM_NAME);
        write_synced(&staged, job.to_string().as_bytes())?;
        let linked = fs::hard_link(&staged, &claim);
        fs::remove_file(&staged)?;
        match linked {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        sync_directory(&self.directory)?;
        let holder = fs::read_to_string(&claim)?;
        Ok(if holder == job.to_string() {
            Claim::Own
        } else {
            Claim::Other { job: holder }
        })
    }

    /// Removes the files that an ended job left, then its claim.
    ///
    /// # Errors
    ///
    /// What the operating system answers; absent files are fine.
    pub fn release(&self, files: &[String]) -> io::Result<()> {
        for name in files {
            if let Some(path) = self.inside(name) {
                absent_is_fine(fs::remove_file(path))?;
            }
        }
        absent_is_fine(fs::remove_file(self.directory.join(CLAIM_NAME)))
    }

    /// Writes a file as a whole: `fill` gets the open temporary file. Directories on the way are made.
    ///
    /// # Errors
    ///
    /// What `fill` or the operating system answers; the temporary file is removed then.
    pub fn write<T>(
        &self,
        name: &str,
        token: Token,
        fill: impl FnOnce(&mut File) -> io::Result<T>,
    ) -> io::Result<T> {
        let path = self
            .inside(name)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a relative path"))?;
        let parent = path.parent().unwrap_or(&self.directory).to_path_buf();
        fs::create_dir_all(&parent)?;
        let partial = parent.join(format!("{PARTIAL}{token}"));
        let written = fill_and_rename(&partial, &path, fill);
        if written.is_err() {
            absent_is_fine(fs::remove_file(&partial))?;
        }
        sync_directory(&parent)?;
        written
    }

    /// Length and BLAKE3 of a file; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn digest(&self, name: &str) -> io::Result<Option<(u64, blake3::Hash)>> {
        let Some(path) = self.inside(name) else {
            return Ok(None);
        };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&file)?;
        Ok(Some((file.metadata()?.len(), hasher.finalize())))
    }

    /// Reads a small file; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match self.inside(name).map(fs::read) {
            None => Ok(None),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Some(read) => read.map(Some),
        }
    }

    /// All files of the place by relative path, but the claim.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn list(&self) -> io::Result<Vec<String>> {
        let mut files = Vec::new();
        list_below(&self.directory, "", SWEEP_DEPTH, &mut files)?;
        files.retain(|name| name != CLAIM_NAME);
        Ok(files)
    }

    /// Removes what crashes left behind: files that never became whole, in the place and below it.
    ///
    /// # Errors
    ///
    /// What the operating system answers.
    pub fn sweep(&self) -> io::Result<()> {
        sweep_below(&self.directory, SWEEP_DEPTH)
    }

    fn inside(&self, name: &str) -> Option<PathBuf> {
        let relative = Path::new(name);
        let plain = relative
            .components()
            .all(|part| matches!(part, std::path::Component::Normal(_)));
        (plain && !name.is_empty()).then(|| self.directory.join(relative))
    }
}

fn fill_and_rename<T>(
    partial: &Path,
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<T>,
) -> io::Result<T> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(partial)?;
    let value = fill(&mut file)?;
    file.sync_all()?;
    fs::rename(partial, path)?;
    Ok(value)
}

fn sweep_below(directory: &Path, depth: u32) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            if depth > 0 {
                sweep_below(&entry.path(), depth - 1)?;
            }
        } else if name.starts_with(PARTIAL) || name.starts_with(TRIAL) {
            absent_is_fine(fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

fn list_below(
    directory: &Path,
    before: &str,
    depth: u32,
    files: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if !entry.file_type()?.is_dir() {
            files.push(name);
        } else if depth > 0 {
            list_below(&entry.path(), &format!("{name}/"), depth - 1, files)?;
        }
    }
    Ok(())
}

fn write_synced(path: &Path, body: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(body)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> Token {
        Token::from_bytes([n; 16])
    }

    /// Two jobs claim one place: the first keeps it, however often both ask; released, it is free.
    #[test]
    fn a_place_has_one_owner() {
        let dir = tempfile::tempdir().unwrap();
        let place = OutputPlace::new(dir.path().join("clip"));
        let (a, b) = (JobId::from_bits(1), JobId::from_bits(2));
        assert_eq!(place.claim(a, token(1)).unwrap(), Claim::Own);
        let other = Claim::Other { job: a.to_string() };
        assert_eq!(place.claim(b, token(2)).unwrap(), other);
        assert_eq!(place.claim(a, token(3)).unwrap(), Claim::Own);
        place.release(&["none.mp4".to_owned()]).unwrap();
        assert_eq!(place.claim(b, token(4)).unwrap(), Claim::Own);
    }

    /// A write that fails leaves the old file and no partial one; one that a crash cut is swept.
    #[test]
    fn files_are_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let place = OutputPlace::new(dir.path());
        place
            .write("hls/a/1.m4s", token(1), |file| file.write_all(b"old"))
            .unwrap();
        let failed = place.write("hls/a/1.m4s", token(1), |file| {
            file.write_all(b"new")?;
            Err::<(), _>(io::Error::other("disk full"))
        });
        assert!(failed.is_err());
        let kept = place.read("hls/a/1.m4s").unwrap();
        assert_eq!(kept.as_deref(), Some(&b"old"[..]));
        let left = dir.path().join("hls/a").join(format!("{PARTIAL}x"));
        fs::write(&left, b"half").unwrap();
        place.sweep().unwrap();
        assert!(!left.exists());
        assert_eq!(fs::read_dir(dir.path().join("hls/a")).unwrap().count(), 1);
    }

    /// Names that would leave the place are refused.
    #[test]
    fn names_stay_inside() {
        let dir = tempfile::tempdir().unwrap();
        let place = OutputPlace::new(dir.path());
        for name in ["", "../a", "/etc/a", "a/../../b"] {
            assert!(place.write(name, token(1), |_| Ok(())).is_err(), "{name}");
            assert_eq!(place.digest(name).unwrap(), None, "{name}");
        }
    }

    /// The trial object is gone afterwards; a place below a file is refused.
    #[test]
    fn a_place_is_tried() {
        let dir = tempfile::tempdir().unwrap();
        let place = OutputPlace::new(dir.path().join("out"));
        place.prove_writable(token(1)).unwrap();
        assert_eq!(fs::read_dir(place.directory()).unwrap().count(), 0);
        fs::write(dir.path().join("file"), b"").unwrap();
        let below_a_file = OutputPlace::new(dir.path().join("file/out"));
        assert!(below_a_file.prove_writable(token(2)).is_err());
    }
}
