//! The report's part on attempts: commits, crashes, and what ended otherwise.

use std::collections::BTreeMap;

use reelmesh_domain::ids::{AttemptNumber, RunId, UnitId};
use reelmesh_domain::plan::Plan;
use reelmesh_domain::store::records::{
    AttemptLine, AttemptRecord, AttemptStatus, CommitRecord, CrashRecord,
};

use super::files::Records;
use crate::shared::Settled;

/// All attempts in the order of their start; one that is known twice counts by its record.
pub(super) fn lines(records: &Records) -> Vec<AttemptLine> {
    let mut known: BTreeMap<(UnitId, AttemptNumber), AttemptRecord> = BTreeMap::new();
    let noted = records.verdict.ended_otherwise.iter().cloned();
    let crashed = records.crashes.iter();
    let crashed = crashed.map(|(unit, crash)| of_crash(records.run, &records.plan, *unit, crash));
    let committed = records.commits.iter();
    let committed =
        committed.map(|(unit, commit)| of_commit(records.run, &records.plan, *unit, commit));
    for attempt in noted.chain(crashed).chain(committed) {
        known.insert((attempt.unit, attempt.attempt), attempt);
    }
    let mut attempts: Vec<_> = known.into_values().collect();
    attempts.sort_by_key(|attempt| (attempt.started, attempt.created, attempt.unit));
    attempts.iter().map(AttemptLine::from).collect()
}

fn of_commit(
    run: RunId,
    plan: &Plan,
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
        chunk: place(plan, unit).0,
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

fn of_crash(run: RunId, plan: &Plan, unit: UnitId, crash: &Settled<CrashRecord>) -> AttemptRecord {
    let record = &crash.record;
    let (chunk, renditions) = place(plan, unit);
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

fn place(plan: &Plan, unit: UnitId) -> (Option<u32>, Vec<String>) {
    let found = plan.units.iter().find(|known| known.id == unit);
    found
        .map(|unit| super::makes(plan, unit.kind))
        .unwrap_or_default()
}
