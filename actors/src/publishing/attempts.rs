//! The report's part on attempts: commits, crashes, and what ended otherwise.

use std::collections::BTreeMap;

use reelmesh_domain::ids::{AttemptNumber, RunId, UnitId};
use reelmesh_domain::plan::{Plan, UnitKind};
use reelmesh_domain::store::records::{
    AttemptLine, AttemptRecord, AttemptStatus, CommitRecord, CrashRecord,
};

use super::files::Records;
use crate::shared::Settled;

/// All attempts in the order of their start; one that is known twice counts by its record.
pub(super) fn lines(records: &Records) -> Vec<AttemptLine> {
    let mut known: BTreeMap<(UnitId, AttemptNumber), AttemptRecord> = BTreeMap::new();
    let noted = records.verdict.ended_otherwise.iter().cloned();
    let kinds = records.plan.units.iter();
    let made = Made {
        plan: &records.plan,
        kinds: kinds.map(|unit| (unit.id, unit.kind)).collect(),
    };
    let crashed = records.crashes.iter();
    let crashed = crashed.map(|(unit, crash)| of_crash(records.run, &made, *unit, crash));
    let committed = records.commits.iter();
    let committed = committed.map(|(unit, commit)| of_commit(records.run, &made, *unit, commit));
    for attempt in noted.chain(crashed).chain(committed) {
        known.insert((attempt.unit, attempt.attempt), attempt);
    }
    let mut attempts: Vec<_> = known.into_values().collect();
    attempts.sort_by_key(|attempt| (attempt.started, attempt.created, attempt.unit));
    attempts.iter().map(AttemptLine::from).collect()
}

/// What the newest plan's units make.
struct Made<'a> {
    plan: &'a Plan,
    kinds: BTreeMap<UnitId, UnitKind>,
}

impl Made<'_> {
    fn by(&self, unit: UnitId) -> (Option<u32>, Vec<String>) {
        let kind = self.kinds.get(&unit);
        kind.map(|&kind| super::makes(self.plan, kind))
            .unwrap_or_default()
    }
}

fn of_commit(
    run: RunId,
    made: &Made<'_>,
    unit: UnitId,
    commit: &Settled<CommitRecord>,
) -> AttemptRecord {
    let record = &commit.record;
    let mut renditions: Vec<_> = record
        .blobs
        .iter()
        .map(|blob| blob.rendition.clone())
        .collect();
    renditions.dedup();
    AttemptRecord {
        run,
        unit,
        chunk: made.by(unit).0,
        renditions,
        status: AttemptStatus::Committed,
        node: record.node.clone(),
        worker: Some(record.worker),
        started: Some(record.started),
        ended: record.ended,
        attempt: record.attempt,
        speculative: record.speculative,
        output_path: super::blobs_of(run, unit, commit.token),
        created: record.created,
    }
}

fn of_crash(
    run: RunId,
    made: &Made<'_>,
    unit: UnitId,
    crash: &Settled<CrashRecord>,
) -> AttemptRecord {
    let record = &crash.record;
    let (chunk, renditions) = made.by(unit);
    AttemptRecord {
        run,
        unit,
        chunk,
        renditions,
        status: AttemptStatus::Crashed,
        node: record.node.clone(),
        worker: Some(record.worker),
        started: Some(record.started),
        ended: record.ended,
        attempt: record.attempt,
        speculative: false,
        output_path: super::blobs_of(run, unit, crash.token),
        created: record.created,
    }
}
