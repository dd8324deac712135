//! Reads a run's records back from the store.

use std::collections::{BTreeMap, BTreeSet};

use reelmesh_domain::codec::{self, Kind};
use reelmesh_domain::failure::Failure;
use reelmesh_domain::ids::{PlanRevision, RunId, UnitId};
use reelmesh_domain::plan::Plan;
use reelmesh_domain::store::keys::{BlobName, Key, Prefix};
use reelmesh_domain::store::records::{
    CommitRecord, CrashRecord, Record as _, SCAN_BLOB, Scanned, StartRecord, scan_unit,
};

use crate::shared::{Settled, Shared, bug, permanent, store};
use crate::store::{BLOB_BYTES, RECORD_LIMIT};

/// Commits by unit.
pub(crate) type Commits = BTreeMap<UnitId, Settled<CommitRecord>>;

impl Shared {
    async fn keys_below(&self, prefix: Prefix) -> Result<Vec<Key>, Failure> {
        let text = prefix.to_string();
        let listed = self.store.list(text.trim_end_matches('/')).await;
        let listed = listed.map_err(store)?;
        // What isn't a key of ours is nobody's business here.
        Ok(listed
            .iter()
            .filter_map(|(key, _)| key.parse().ok())
            .collect())
    }

    /// The units that are committed.
    pub(crate) async fn committed_units(&self, run: RunId) -> Result<BTreeSet<UnitId>, Failure> {
        let keys = self.keys_below(Prefix::Commits(run)).await?;
        let unit = |key| match key {
            Key::Commit(_, unit) => Some(unit),
            _ => None,
        };
        Ok(keys.into_iter().filter_map(unit).collect())
    }

    /// All commits.
    pub(crate) async fn commits(&self, run: RunId) -> Result<Commits, Failure> {
        let mut commits = Commits::new();
        for unit in self.committed_units(run).await? {
            if let Some(commit) = self.decided(&Key::Commit(run, unit)).await? {
                commits.insert(unit, commit);
            }
        }
        Ok(commits)
    }

    /// All crashes on record.
    pub(crate) async fn crashes(
        &self,
        run: RunId,
    ) -> Result<Vec<(UnitId, Settled<CrashRecord>)>, Failure> {
        let mut crashes = Vec::new();
        for key in self.keys_below(Prefix::Crashes(run)).await? {
            let Key::Crash(_, unit, token) = key else {
                continue;
            };
            let found = self.store.get(&key.to_string(), RECORD_LIMIT).await;
            if let Some(bytes) = found.map_err(store)? {
                let record = CrashRecord::from_bytes(&bytes)
                    .map_err(|error| permanent(format!("{key} is damaged"), error.to_string()))?;
                crashes.push((unit, Settled { token, record }));
            }
        }
        Ok(crashes)
    }

    /// The newest revision of the plan, if there is one.
    pub(crate) async fn newest_plan(&self, run: RunId) -> Result<Option<Plan>, Failure> {
        let keys = self.keys_below(Prefix::Plans(run)).await?;
        let revision = |key| match key {
            Key::Plan(_, revision) => Some(revision),
            _ => None,
        };
        match keys.into_iter().filter_map(revision).max() {
            None => Ok(None),
            Some(newest) => self.plan(run, newest).await,
        }
    }

    /// One revision of the plan.
    pub(crate) async fn plan(
        &self,
        run: RunId,
        revision: PlanRevision,
    ) -> Result<Option<Plan>, Failure> {
        let decided = self.decided::<Plan>(&Key::Plan(run, revision)).await?;
        Ok(decided.map(|decided| decided.record))
    }

    /// What the scan found, or what counting by decoding made of it; `None` if that isn't committed.
    pub(crate) async fn scanned(
        &self,
        run: RunId,
        start: &StartRecord,
        exact: bool,
    ) -> Result<Option<Scanned>, Failure> {
        let unit = scan_id(start, exact)?;
        let commit = self
            .decided::<CommitRecord>(&Key::Commit(run, unit))
            .await?;
        let Some(commit) = commit else {
            return Ok(None);
        };
        let name = BlobName::new(SCAN_BLOB, 0).map_err(|error| bug(error.to_string()))?;
        let key = Key::Blob(run, unit, commit.token, name).to_string();
        let found = self.store.get(&key, BLOB_BYTES).await.map_err(store)?;
        let bytes = found.ok_or_else(|| gone(&key))?;
        let expected = commit.record.blobs.first().map(|blob| blob.blake3);
        if expected != Some(*blake3::hash(&bytes).as_bytes()) {
            return Err(permanent(
                format!("{key} is damaged"),
                "its hash isn't the committed one".to_owned(),
            ));
        }
        let scanned = Scanned::from_bytes(&bytes);
        scanned
            .map(Some)
            .map_err(|error| permanent(format!("{key} is damaged"), error.to_string()))
    }

    /// All blobs' keys.
    pub(crate) async fn blob_keys(&self, run: RunId) -> Result<Vec<Key>, Failure> {
        self.keys_below(Prefix::Blobs(run)).await
    }

    /// All open runs.
    pub(crate) async fn open_runs(&self) -> Result<Vec<RunId>, Failure> {
        let keys = self.keys_below(Prefix::Open).await?;
        let run = |key| match key {
            Key::Open(run) => Some(run),
            _ => None,
        };
        Ok(keys.into_iter().filter_map(run).collect())
    }
}

/// A blob that a commit names isn't there.
pub(crate) fn gone(key: &str) -> Failure {
    permanent(
        format!("{key} is gone"),
        "the store says that there is no such object".to_owned(),
    )
}

/// The unit of the scan, or of the exact frame list.
pub(crate) fn scan_id(start: &StartRecord, exact: bool) -> Result<UnitId, Failure> {
    let StartRecord {
        pin, fingerprint, ..
    } = start;
    let id = if exact {
        codec::unit_id(Kind::ScanTask, &("exact frames", pin, fingerprint))
    } else {
        scan_unit(pin, fingerprint)
    };
    id.map_err(|error| bug(format!("naming a scan: {error}")))
}
