//! What went wrong, by class, and what is done about it.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::Time;

/// What kind of failure it is: this alone decides what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// Something outside was busy, slow or gone: the same again, later, may succeed.
    Transient,
    /// The worker died or hung: another worker, then another node.
    Crash,
    /// Bad input or a broken limit: no repetition helps.
    Permanent,
    /// One of our own rules is broken.
    Bug,
}

/// What is known about a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its class.
    pub class: FailureClass,
    /// What failed, as a sentence for people, with file, stream, frame as far as known.
    pub what: String,
    /// The last log lines and answers of the system.
    pub evidence: Vec<String>,
}

/// Tries at one unit that may end in transient failures.
pub const TRANSIENT_TRIES: u32 = 8;
/// From a unit's first transient failure until they count as permanent.
pub const TRANSIENT_WINDOW: Duration = Duration::from_hours(1);
/// Crashes of one unit until it is poison. One node can't tell a poisoned unit from its own fault by
/// asking others; three in a row, each on another worker where there is one, are taken as proof.
pub const POISON_CRASHES: u32 = 3;
/// The longest wait before the second try; it doubles with each further one.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait of all. The seven waits of a unit stay below the window, so that the tries bind
/// where failures come at once, and the window where they come slowly.
const LONGEST_BACKOFF: Duration = Duration::from_mins(5);

const _: () = assert!(
    LONGEST_BACKOFF.as_secs() * (TRANSIENT_TRIES as u64 - 1) < TRANSIENT_WINDOW.as_secs(),
    "the waits alone must not use up the window"
);

/// The failures of one unit so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FailureHistory {
    /// Transient failures.
    pub transients: u32,
    /// When the first of these came.
    pub first_transient: Option<Time>,
    /// Crashes.
    pub crashes: u32,
}

/// What is done next about the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same again after this wait.
    RetryAfter(Duration),
    /// At once, on another worker if there is one.
    OtherWorker,
    /// The run fails.
    Fail {
        /// Somebody must look at it before a retry makes sense.
        needs_attention: bool,
        /// Why trying ended here.
        reason: FailReason,
    },
}

/// Why a failure ends the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailReason {
    /// No repetition helps.
    Permanent,
    /// Transient failures came too often.
    TriesUsedUp,
    /// Transient failures went on for too long.
    WindowOver,
    /// The unit crashed its worker too often.
    Poison,
    /// One of our own rules is broken.
    Bug,
}

/// Counts a failure of `class` and says what comes next; `random` is any random number.
pub fn next(history: &mut FailureHistory, class: FailureClass, now: Time, random: u64) -> Next {
    let fail = |reason, needs_attention| Next::Fail {
        needs_attention,
        reason,
    };
    match class {
        FailureClass::Transient => {
            let first = *history.first_transient.get_or_insert(now);
            history.transients += 1;
            if history.transients >= TRANSIENT_TRIES {
                fail(FailReason::TriesUsedUp, false)
            } else if now.since(first) >= TRANSIENT_WINDOW {
                fail(FailReason::WindowOver, false)
            } else {
                Next::RetryAfter(backoff(history.transients, random))
            }
        }
        FailureClass::Crash => {
            history.crashes += 1;
            if history.crashes >= POISON_CRASHES {
                fail(FailReason::Poison, true)
            } else {
                Next::OtherWorker
            }
        }
        FailureClass::Permanent => fail(FailReason::Permanent, false),
        FailureClass::Bug => fail(FailReason::Bug, true),
    }
}

/// The wait after the `failures`-th failure (from 1): exponential with full jitter, that is, evenly
/// distributed between nothing and the doubled bound, so that many who failed together don't return
/// together.
pub fn backoff(failures: u32, random: u64) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let bound = FIRST_BACKOFF
        .saturating_mul(1 << doublings)
        .min(LONGEST_BACKOFF);
    let bound_ns = u64::try_from(bound.as_nanos()).unwrap_or(u64::MAX);
    let scaled = (u128::from(random) * u128::from(bound_ns)) >> u64::BITS;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(bound_ns))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_class() -> impl Strategy<Value = FailureClass> {
        prop::sample::select(&[
            FailureClass::Transient,
            FailureClass::Crash,
            FailureClass::Permanent,
            FailureClass::Bug,
        ])
    }

    proptest! {
        /// Whatever fails and whenever: after a bounded number of failures the run fails.
        #[test]
        fn trying_ends(failures in prop::collection::vec((any_class(), 0..u64::MAX / 64, any::<u64>()), 10)) {
            let mut history = FailureHistory::default();
            let mut now = Time(0);
            let ended = failures.iter().any(|&(class, pause, random)| {
                now = now.after(Duration::from_nanos(pause));
                matches!(next(&mut history, class, now, random), Next::Fail { .. })
            });
            prop_assert!(ended);
        }

        /// Waits stay below their bound and use all of it.
        #[test]
        fn backoff_is_bounded(failures: u32, random: u64) {
            let bound = FIRST_BACKOFF * 2_u32.pow(failures.saturating_sub(1).min(20));
            let wait = backoff(failures, random);
            prop_assert!(wait < bound.min(LONGEST_BACKOFF));
            prop_assert!(wait <= backoff(failures, u64::MAX));
        }
    }

    /// The bounds by number: the eighth transient failure and the third crash are the last.
    #[test]
    fn bounds_are_as_named() {
        let count = |class, pause| {
            let mut history = FailureHistory::default();
            let mut failures = 1;
            let mut now = Time(0);
            loop {
                now = now.after(pause);
                if let Next::Fail { reason, .. } = next(&mut history, class, now, 0) {
                    return (failures, reason);
                }
                failures += 1;
            }
        };
        let moment = Duration::from_secs(1);
        let tries = count(FailureClass::Transient, moment);
        assert_eq!(tries, (TRANSIENT_TRIES, FailReason::TriesUsedUp));
        let slow = count(FailureClass::Transient, Duration::from_mins(40));
        assert_eq!(slow, (3, FailReason::WindowOver));
        let crashes = count(FailureClass::Crash, moment);
        assert_eq!(crashes, (POISON_CRASHES, FailReason::Poison));
        assert_eq!(count(FailureClass::Bug, moment), (1, FailReason::Bug));
        assert_eq!(
            count(FailureClass::Permanent, moment),
            (1, FailReason::Permanent)
        );
    }

    /// Later waits may be longer, up to the longest.
    #[test]
    fn backoff_doubles() {
        let longest = |failures| {
            backoff(failures, u64::MAX)
                .as_nanos()
                .div_ceil(1_000_000_000)
        };
        assert_eq!([1, 2, 3, 9, 10, 40].map(longest), [1, 2, 4, 256, 300, 300]);
    }
}
