use alloc::vec;

use proptest::prelude::*;

use super::simulation::*;
use super::*;
use crate::events::Happened;
use crate::failure::FailureClass;
use crate::ids::{AttemptNumber, PlanRevision, UnitId};
use crate::plan::UnitKind;
use crate::store::records::{AttemptStatus, Outcome, Verdict};

/// A world with nodes and runs that saw so many steps.
fn lived(seed: u64, faults: Faults, steps: u32) -> World {
    let mut world = World::new(seed, faults, 12);
    for n in 0..4 {
        world.join(n, 1 + u32::try_from(n).unwrap());
        world.tell(Input::RunSubmitted(submitted(run_id(
            u32::try_from(n).unwrap(),
        ))));
    }
    for _ in 0..steps {
        world.step();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Without faults every unit of the plan and the scan is handed out exactly once, and every run is
    /// done.
    #[test]
    fn without_faults_attempts_are_units(seed: u64) {
        let mut world = lived(seed, Faults::NONE, 0);
        prop_assert!(world.finish(5_000));
        prop_assert!(world.assigned.values().all(|&times| times == 1));
        prop_assert_eq!(world.assigned.len(), 4 * (12 + 1 + 1));
        prop_assert!(world.outcomes.values().all(|&outcome| outcome == Outcome::Done));
        prop_assert_eq!(world.outcomes.len(), 4);
    }

    /// Under all faults at once nothing breaks (the world checks invariants after every input), and
    /// after the last fault every run ends.
    #[test]
    fn after_the_last_fault_every_run_ends(seed: u64) {
        let mut world = lived(seed, Faults::ALL, 300);
        world.heal();
        prop_assert!(world.finish(10_000), "open: {:?}", world.scheduler.progress(run_id(0)));
        prop_assert_eq!(world.outcomes.len(), 4);
    }

    /// Each fault alone, so that none hides behind another.
    #[test]
    fn each_fault_alone_is_survived(seed: u64, which in 0..4_u8) {
        let faults = Faults {
            tasks: which == 0,
            nodes: which == 1,
            messages: which == 2,
            borders: which == 3,
            cancels: false,
        };
        let mut world = lived(seed, faults, 300);
        world.heal();
        prop_assert!(world.finish(10_000));
        if which != 0 {
            prop_assert!(world.outcomes.values().all(|&outcome| outcome == Outcome::Done));
        }
    }

    /// The same seed gives the same effects: nothing in here depends on anything but the inputs.
    #[test]
    fn the_same_inputs_give_the_same_effects(seed: u64) {
        prop_assert_eq!(lived(seed, Faults::ALL, 150).trace, lived(seed, Faults::ALL, 150).trace);
    }
}

/// A scheduler with one node, one run, and its plan told.
struct Bench {
    scheduler: Scheduler,
    now: Time,
}

const RUN: u32 = 7;

impl Bench {
    fn new(workers: u32, units: Vec<UnitToDo>) -> (Self, Vec<Effect>) {
        let mut bench = Self {
            scheduler: Scheduler::new(),
            now: Time(0),
        };
        bench.tell(Input::NodeJoined(Joined {
            prefetch: 0,
            ..joined(0, workers)
        }));
        bench.tell(Input::RunSubmitted(Submitted {
            scan_committed: true,
            ..submitted(run_id(RUN))
        }));
        let effects = bench.tell(Input::Planned(Planned {
            run: run_id(RUN),
            revision: PlanRevision(0),
            units,
            committed: Vec::new(),
        }));
        (bench, effects)
    }

    fn tell(&mut self, input: Input) -> Vec<Effect> {
        let effects = self.scheduler.apply(self.now, input);
        assert_eq!(invariants::check(&self.scheduler), Ok(()));
        effects
    }

    fn after(&mut self, wait: Duration) -> Vec<Effect> {
        self.now = self.now.after(wait);
        self.tell(Input::Tick)
    }

    fn commit(&mut self, unit: UnitId, n: u32) -> Vec<Effect> {
        let AttemptId { node, attempt, .. } = attempt(run_id(RUN), unit, n);
        self.tell(Input::CommitSeen {
            run: run_id(RUN),
            unit,
            by: Some(CommittedBy { node, attempt }),
        })
    }

    fn fail(&mut self, unit: UnitId, n: u32, class: FailureClass) -> Vec<Effect> {
        self.tell(Input::AttemptFailed {
            attempt: attempt(run_id(RUN), unit, n),
            worker: None,
            failure: failure(class),
            random: u64::MAX,
        })
    }
}

fn chunks(n: u32) -> Vec<UnitToDo> {
    (0..n).map(|k| chunk(run_id(RUN), k)).collect()
}

fn assigned(effects: &[Effect]) -> Vec<(UnitId, u32)> {
    let assigned = effects.iter().filter_map(|effect| {
        let Effect::Assign(Assignment { id, .. }) = effect else {
            return None;
        };
        Some((id.unit, id.attempt.0))
    });
    assigned.collect()
}

fn verdict(effects: &[Effect]) -> Option<(Verdict, bool)> {
    effects.iter().find_map(|effect| {
        let Effect::DecideVerdict(sought) = effect else {
            return None;
        };
        Some((sought.verdict, sought.needs_attention))
    })
}

/// The order of a plan: audio first, the longest first, then chunks from left to right; each commit
/// makes room for the next; at the end the borders are judged and the run is published.
#[test]
fn units_go_out_in_order() {
    let run = run_id(RUN);
    let audio = |n: u32, cost_us| UnitToDo {
        work: Work::Planned(UnitKind::Audio { track: n }),
        cost_us,
        ..chunk(run, 100 + n)
    };
    let mut units = chunks(2);
    units.extend([audio(0, 10), audio(1, 20)]);
    let (mut bench, effects) = Bench::new(1, units);
    let expected = [101, 100, 0, 1].map(|n| unit_id(run, n));
    let mut next = assigned(&effects);
    let mut last = Vec::new();
    for unit in expected {
        assert_eq!(next, [(unit, 1)]);
        last = bench.commit(unit, 1);
        next = assigned(&last);
    }
    let revision = PlanRevision(0);
    assert!(last.contains(&Effect::Judge { run, revision }));
    let judged = bench.tell(Input::BordersJudged {
        run,
        revision,
        judgement: Judgement::Proven,
    });
    assert_eq!(verdict(&judged), Some((Verdict::Publish, false)));
    let decided = bench.tell(Input::VerdictSeen {
        run,
        verdict: Verdict::Publish,
    });
    let assemble = Effect::Assemble {
        run,
        revision: Some(revision),
    };
    assert!(decided.contains(&assemble));
    let outcome = Outcome::Done;
    bench.tell(Input::OutcomeSeen { run, outcome });
    assert_eq!(bench.scheduler.progress(run), None);
}

/// A transient failure is waited out; the same unit is tried again by its timer, with the next number.
#[test]
fn transient_failures_are_retried_later() {
    let unit = unit_id(run_id(RUN), 0);
    let (mut bench, _) = Bench::new(1, chunks(1));
    let failed = bench.fail(unit, 1, FailureClass::Transient);
    assert!(assigned(&failed).is_empty());
    let wakes = bench.scheduler.wakes_at().unwrap();
    assert!(wakes > bench.now && wakes <= bench.now.after(Duration::from_secs(1)));
    assert_eq!(assigned(&bench.after(Duration::from_secs(1))), [(unit, 2)]);
}

/// A crash is tried again at once; the third is poison, and somebody must look at it.
#[test]
fn three_crashes_are_poison() {
    let unit = unit_id(run_id(RUN), 0);
    let (mut bench, _) = Bench::new(2, chunks(2));
    for n in 1..3 {
        assert_eq!(
            assigned(&bench.fail(unit, n, FailureClass::Crash)),
            [(unit, n + 1)]
        );
    }
    let poisoned = bench.fail(unit, 3, FailureClass::Crash);
    assert_eq!(verdict(&poisoned), Some((Verdict::Fail, true)));
    let other = attempt(run_id(RUN), unit_id(run_id(RUN), 1), 1);
    assert!(
        poisoned.contains(&Effect::Revoke(other)),
        "the rest of the run stops"
    );
}

/// Crashes on record from an earlier process count: a unit can't kill a node again and again.
#[test]
fn crashes_before_a_restart_count() {
    let mut units = chunks(1);
    units[0].before = Before {
        attempts: 5,
        crashes: 2,
    };
    let unit = units[0].id;
    let (mut bench, effects) = Bench::new(1, units);
    assert_eq!(assigned(&effects), [(unit, 6)]);
    let failed = bench.fail(unit, 6, FailureClass::Crash);
    assert_eq!(verdict(&failed), Some((Verdict::Fail, true)));
}

/// Bad input fails the run at once, with the evidence; a bug of ours needs attention.
#[test]
fn permanent_failures_end_the_run() {
    for (class, attention) in [(FailureClass::Permanent, false), (FailureClass::Bug, true)] {
        let (mut bench, _) = Bench::new(1, chunks(1));
        let failed = bench.fail(unit_id(run_id(RUN), 0), 1, class);
        assert_eq!(verdict(&failed), Some((Verdict::Fail, attention)));
    }
}

/// What a lost node had goes to the next one first, before units that nobody began.
#[test]
fn lost_units_go_first() {
    let run = run_id(RUN);
    let (mut bench, effects) = Bench::new(2, chunks(5));
    let lost: Vec<UnitId> = assigned(&effects)
        .into_iter()
        .map(|(unit, _)| unit)
        .collect();
    bench.tell(Input::NodeLost(node_id(0)));
    let effects = bench.tell(Input::NodeJoined(Joined {
        prefetch: 1,
        ..joined(1, 2)
    }));
    let expected = [(lost[0], 2), (lost[1], 2), (unit_id(run, 2), 1)];
    assert_eq!(assigned(&effects), expected);
}

/// An assignment that got lost on the way is found by the node's report, but only one that is old
/// enough to have arrived.
#[test]
fn lost_assignments_are_found() {
    let unit = unit_id(run_id(RUN), 0);
    let (mut bench, _) = Bench::new(1, chunks(1));
    let nothing = Input::NodeReported {
        node: node_id(0),
        attempts: vec![],
    };
    assert!(assigned(&bench.tell(nothing.clone())).is_empty());
    bench.now = bench.now.after(REPORT_GRACE);
    assert_eq!(assigned(&bench.tell(nothing)), [(unit, 2)]);
}

/// Spooled attempts free their worker; when the store doesn't keep up, encoding waits.
#[test]
fn spooled_attempts_cost_no_credit_up_to_a_bound() {
    let run = run_id(RUN);
    let (mut bench, _) = Bench::new(1, chunks(100));
    for n in 0..SPOOLED_UNITS {
        let spooled = attempt(run, unit_id(run, n), 1);
        let effects = bench.tell(Input::AttemptSpooled(spooled));
        assert_eq!(assigned(&effects), [(unit_id(run, n + 1), 1)]);
    }
    let one_more = attempt(run, unit_id(run, SPOOLED_UNITS), 1);
    assert!(assigned(&bench.tell(Input::AttemptSpooled(one_more))).is_empty());
    assert_eq!(assigned(&bench.commit(unit_id(run, 0), 1)).len(), 1);
}

/// A node whose workers were started again still has what is spooled: more than it has workers, none of it
/// is done again, and its workers are free for other units.
#[test]
fn spooled_attempts_are_adopted_beyond_the_credit() {
    const SPOOLED: u32 = 8;
    let run = run_id(RUN);
    let (mut bench, _) = Bench::new(1, chunks(100));
    let mut given = 1;
    for n in 0..SPOOLED {
        let spooled = attempt(run, unit_id(run, n), 1);
        given += assigned(&bench.tell(Input::AttemptSpooled(spooled))).len();
    }
    assert!(given > 1);
    let has = |n| AttemptReport {
        run,
        unit: unit_id(run, n),
        attempt: AttemptNumber(1),
        done_ppm: 1_000_000,
        spooled: true,
    };
    let effects = bench.tell(Input::NodeJoined(Joined {
        attempts: (0..SPOOLED).map(has).collect(),
        ..joined(0, 1)
    }));
    let revoked = effects
        .iter()
        .any(|effect| matches!(effect, Effect::Revoke(_)));
    assert!(!revoked, "{effects:?}");
    let begun = assigned(&effects);
    assert!(!begun.is_empty());
    let again = (0..SPOOLED).any(|n| begun.iter().any(|(unit, _)| *unit == unit_id(run, n)));
    assert!(!again, "{begun:?}");
}

/// A refuted border leads to another plan: units that both have keep their commits and attempts, units
/// that only the old one has are revoked.
#[test]
fn refuted_borders_lead_to_another_plan() {
    let run = run_id(RUN);
    let (mut bench, _) = Bench::new(2, chunks(3));
    bench.commit(unit_id(run, 0), 1);
    let refuted = bench.tell(Input::BordersJudged {
        run,
        revision: PlanRevision(0),
        judgement: Judgement::Refuted {
            why: "seam 1".into(),
        },
    });
    let asked = refuted.iter().any(|effect| {
        matches!(effect, Effect::Plan { revision: PlanRevision(1), refuted: Some(why), .. } if why == "seam 1")
    });
    assert!(asked);
    let effects = bench.tell(Input::Planned(Planned {
        run,
        revision: PlanRevision(1),
        units: [0, 1, 9].map(|n| chunk(run, n)).into(),
        committed: vec![],
    }));
    assert!(effects.contains(&Effect::Revoke(attempt(run, unit_id(run, 2), 1))));
    assert!(
        assigned(&effects).is_empty(),
        "the revoked one still has its worker"
    );
    let progress = bench.scheduler.progress(run).unwrap();
    assert_eq!((progress.units, progress.units_committed), (3, 1));
    let returned = Input::AttemptReturned(attempt(run, unit_id(run, 2), 1));
    assert_eq!(assigned(&bench.tell(returned)), [(unit_id(run, 9), 1)]);
}

/// A unit that fits no node is named at once; the others go on; after the limit the run fails, unless
/// a large enough node came.
#[test]
fn misfits_are_named_and_end() {
    let mut units = chunks(2);
    units[0].memory_bytes = 5_000;
    let run = run_id(RUN);
    let (mut bench, effects) = Bench::new(1, units.clone());
    assert!(effects.contains(&Effect::Tell(Happened::UnitFitsNowhere {
        run,
        memory_bytes: 5_000
    })));
    assert_eq!(assigned(&effects), [(unit_id(run, 1), 1)]);
    let failed = bench.after(MISFIT_LIMIT);
    assert_eq!(verdict(&failed), Some((Verdict::Fail, false)));

    let (mut bench, _) = Bench::new(1, units);
    let effects = bench.tell(Input::NodeJoined(Joined {
        memory_bytes: 6_000,
        ..joined(1, 1)
    }));
    assert_eq!(assigned(&effects), [(unit_id(run, 0), 1)]);
    assert_eq!(verdict(&bench.after(MISFIT_LIMIT)), None);
}

/// Nodes of another fingerprint get nothing.
#[test]
fn fingerprints_must_match() {
    let (mut bench, _) = Bench::new(1, chunks(3));
    let effects = bench.tell(Input::NodeJoined(Joined {
        fingerprint: "g".into(),
        ..joined(1, 8)
    }));
    assert!(assigned(&effects).is_empty());
}

/// After a restart: known commits aren't done again, a verdict in the store is carried out at once.
#[test]
fn a_restarted_scheduler_goes_on() {
    let run = run_id(RUN);
    let mut scheduler = Scheduler::new();
    scheduler.apply(Time(0), Input::NodeJoined(joined(0, 4)));
    scheduler.apply(
        Time(0),
        Input::RunSubmitted(Submitted {
            scan_committed: true,
            ..submitted(run)
        }),
    );
    let effects = scheduler.apply(
        Time(0),
        Input::Planned(Planned {
            run,
            revision: PlanRevision(3),
            units: chunks(3),
            committed: [0, 2].map(|n| unit_id(run, n)).into(),
        }),
    );
    assert_eq!(assigned(&effects), [(unit_id(run, 1), 1)]);

    let decided = Submitted {
        verdict: Some(Verdict::Cancel),
        ..submitted(run_id(8))
    };
    let effects = scheduler.apply(Time(0), Input::RunSubmitted(decided));
    assert!(effects.contains(&Effect::Conclude {
        run: run_id(8),
        verdict: Verdict::Cancel
    }));
}

/// What a joining node names is taken over instead of handed out again, with its number; what nobody
/// wants is revoked, and so is what a report names for a unit that runs elsewhere.
#[test]
fn running_attempts_are_adopted() {
    let run = run_id(RUN);
    let (mut bench, _) = Bench::new(1, chunks(2));
    bench.commit(unit_id(run, 0), 1);
    bench.tell(Input::NodeLost(node_id(0)));
    let has = |n, attempt| AttemptReport {
        run,
        unit: unit_id(run, n),
        attempt: AttemptNumber(attempt),
        done_ppm: 250_000,
        spooled: false,
    };
    let effects = bench.tell(Input::NodeJoined(Joined {
        attempts: vec![has(1, 4), has(0, 2)],
        ..joined(0, 2)
    }));
    assert!(assigned(&effects).is_empty());
    assert!(effects.contains(&Effect::Revoke(attempt(run, unit_id(run, 0), 2))));
    let progress = bench.scheduler.progress(run).unwrap();
    assert_eq!(progress.attempts_running, 1);
    assert_eq!(progress.cost_running_us, chunk(run, 1).cost_us / 4);
    bench.tell(Input::NodeJoined(joined(1, 2)));
    let effects = bench.tell(Input::NodeReported {
        node: node_id(1),
        attempts: vec![has(1, 5)],
    });
    let elsewhere = AttemptId {
        node: node_id(1),
        ..attempt(run, unit_id(run, 1), 5)
    };
    assert_eq!(effects, [Effect::Revoke(elsewhere)]);
    let last = bench.commit(unit_id(run, 1), 4);
    let revision = PlanRevision(0);
    assert!(last.contains(&Effect::Judge { run, revision }));
}

/// Losing its node again and again ends a run at a named bound.
#[test]
fn attempts_are_bounded() {
    let (mut bench, _) = Bench::new(1, chunks(1));
    let mut losses = 0;
    loop {
        let effects = bench.tell(Input::NodeLost(node_id(0)));
        losses += 1;
        let lost = effects.iter().any(|effect| {
            matches!(
                effect,
                Effect::Tell(Happened::AttemptEnded {
                    status: AttemptStatus::Lost,
                    ..
                })
            )
        });
        assert!(lost);
        if let Some(verdict) = verdict(&effects) {
            assert_eq!(verdict, (Verdict::Fail, true));
            assert_eq!(losses, FRUITLESS_ATTEMPTS);
            return;
        }
        bench.tell(Input::NodeJoined(joined(0, 1)));
    }
}

/// Wanted capacity follows the backlog and doesn't flutter.
#[test]
fn capacity_follows_the_backlog() {
    let mut units = chunks(100);
    for unit in &mut units {
        unit.cost_us = 60_000_000;
    }
    let (mut bench, _) = Bench::new(1, units);
    let wanted = |effects: &[Effect]| {
        effects.iter().find_map(|effect| {
            let Effect::WantedCapacity { workers } = effect else {
                return None;
            };
            Some(*workers)
        })
    };
    assert_eq!(wanted(&bench.after(Duration::from_secs(1))), Some(10));
    for n in 0..10 {
        bench.commit(unit_id(run_id(RUN), n), 1);
    }
    assert_eq!(wanted(&bench.after(Duration::from_secs(1))), None);
    let run = run_id(RUN);
    bench.tell(Input::Cancel { run });
    let (verdict, outcome) = (Verdict::Cancel, Outcome::Cancelled);
    bench.tell(Input::VerdictSeen { run, verdict });
    bench.tell(Input::OutcomeSeen { run, outcome });
    assert_eq!(wanted(&bench.after(Duration::from_secs(1))), Some(0));
}

/// A measurement, not a test: time a transition with 1 000 nodes and 100 000 units. Run it with
/// `cargo test -p reelmesh-domain --release -- --ignored --nocapture transitions`.
#[test]
#[ignore = "a measurement"]
#[expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "measures by the wall clock and says so"
)]
fn transitions_are_quick() {
    let run = run_id(RUN);
    let mut scheduler = Scheduler::new();
    for n in 0..1_000 {
        scheduler.apply(Time(0), Input::NodeJoined(joined(n, 3)));
    }
    let submitted = Submitted {
        scan_committed: true,
        ..submitted(run)
    };
    scheduler.apply(Time(0), Input::RunSubmitted(submitted));
    let mut effects = scheduler.apply(
        Time(0),
        Input::Planned(Planned {
            run,
            revision: PlanRevision(0),
            units: chunks(100_000),
            committed: vec![],
        }),
    );
    let mut transitions = 0_u32;
    let start = std::time::Instant::now();
    while !effects.is_empty() {
        let mut next = Vec::new();
        for effect in effects {
            let Effect::Assign(Assignment { id, .. }) = effect else {
                continue;
            };
            next.extend(scheduler.apply(Time(0), Input::AttemptSpooled(id.clone())));
            next.extend(scheduler.apply(
                Time(0),
                Input::CommitSeen {
                    run,
                    unit: id.unit,
                    by: Some(CommittedBy {
                        node: id.node,
                        attempt: id.attempt,
                    }),
                },
            ));
            transitions += 2;
        }
        effects = next;
    }
    let each = start.elapsed() / transitions;
    std::println!("{transitions} transitions, {each:?} each");
    assert!(transitions >= 200_000);
    assert!(each < Duration::from_micros(10), "{each:?}");
}
