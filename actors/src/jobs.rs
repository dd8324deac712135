//! The jobs that this process was given: what their submitters hold on to, and what the coordinator
//! rebuilds its state from when it is started again.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use reelmesh_domain::ids::RunId;
use reelmesh_domain::spec::Spec;
use reelmesh_domain::store::records::StartRecord;
use serde::{Deserialize, Serialize};

use crate::api::{Admission, JobError};
use crate::job_handle::Channels;

/// All that the user asked, as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct JobSpec {
    /// What to make.
    pub(crate) spec: Spec,
    /// The source's absolute path, as the bytes that the operating system knows it by.
    pub(crate) source: Vec<u8>,
    /// The output place's absolute path, likewise.
    pub(crate) output: Vec<u8>,
}

impl JobSpec {
    pub(crate) fn source(&self) -> PathBuf {
        path(&self.source)
    }

    pub(crate) fn output(&self) -> PathBuf {
        path(&self.output)
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

/// A job that was acknowledged.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) run: RunId,
    pub(crate) admission: Admission,
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) start: Arc<StartRecord>,
    pub(crate) channels: Channels,
    /// What the submitter should know from the beginning.
    pub(crate) notices: Vec<String>,
}

/// All of them that haven't ended, in the order of submission.
#[derive(Debug, Default)]
pub(crate) struct Jobs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    open: Vec<Arc<Job>>,
    /// Why no job will be worked on any more.
    closed: Option<JobError>,
}

impl Jobs {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a job up; the one that is worked on already, if there is one. When all were ended this one is,
    /// too: nobody would work on it.
    pub(crate) fn add(&self, job: Arc<Job>) -> Result<(), Arc<Job>> {
        let mut known = self.known();
        if let Some(same) = known.open.iter().find(|known| known.run == job.run) {
            return Err(Arc::clone(same));
        }
        if let Some(error) = &known.closed {
            job.channels.end(Err(error.clone()));
            return Ok(());
        }
        known.open.push(job);
        drop(known);
        Ok(())
    }

    /// Lets a job go that ended.
    pub(crate) fn remove(&self, run: RunId) {
        self.known().open.retain(|job| job.run != run);
    }

    /// All, in the order of submission.
    pub(crate) fn all(&self) -> Vec<Arc<Job>> {
        self.known().open.clone()
    }

    /// One of them.
    pub(crate) fn get(&self, run: RunId) -> Option<Arc<Job>> {
        self.all().into_iter().find(|job| job.run == run)
    }

    /// Ends all for those who wait, and each that is added from now on.
    pub(crate) fn end_all(&self, error: &JobError) {
        let mut known = self.known();
        known.closed.get_or_insert_with(|| error.clone());
        for job in &known.open {
            job.channels.end(Err(error.clone()));
        }
        drop(known);
    }
}

/// Jobs by run, for those who look them up often.
pub(crate) type ByRun<T> = BTreeMap<RunId, T>;
