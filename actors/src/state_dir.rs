//! The node's state directory: one process at a time, and the places of things in it.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use crate::api::StartError;

/// A locked state directory. The lock is the operating system's: it ends with the process.
#[derive(Debug)]
pub struct StateDir {
    root: PathBuf,
    _lock: File,
}

impl StateDir {
    /// Makes the directory if need be and locks it; the process's number is written into the lock
    /// file for whoever comes second.
    ///
    /// # Errors
    ///
    /// [`StartError::InUse`] names the process that holds it.
    pub fn lock(root: &Path) -> Result<Self, StartError> {
        let failed = |what: &str, path: &Path| {
            let what = format!("{what} {}", path.display());
            move |source| StartError::Io { what, source }
        };
        std::fs::create_dir_all(root).map_err(failed("creating", root))?;
        let path = root.join("lock");
        let mut lock = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("opening", &path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(StartError::InUse {
                    dir: root.display().to_string(),
                    holder: holder(&mut lock),
                });
            }
            Err(std::fs::TryLockError::Error(source)) => {
                return Err(failed("locking", &path)(source));
            }
        }
        let written = lock
            .set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()));
        written.map_err(failed("writing", &path))?;
        Ok(Self {
            root: root.to_path_buf(),
            _lock: lock,
        })
    }

    /// Where checkpoints lie.
    pub fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    /// Where attempts spool their fragments.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Where the store lies unless a URL says otherwise.
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }
}

fn holder(lock: &mut File) -> String {
    /// A process number has at most seven digits on Linux.
    const LONGEST_PID: u64 = 16;
    let mut text = String::new();
    let read = lock.take(LONGEST_PID).read_to_string(&mut text);
    match text.trim().parse::<u32>() {
        Ok(pid) if read.is_ok() => format!("process {pid}"),
        Ok(_) | Err(_) => "another process".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second is told who holds the directory; when the first has gone, it may have it.
    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = StateDir::lock(dir.path()).unwrap();
        let refused = StateDir::lock(dir.path()).unwrap_err().to_string();
        let pid = std::process::id().to_string();
        assert!(refused.contains(&pid), "{refused}");
        drop(first);
        StateDir::lock(dir.path()).unwrap();
    }
}
