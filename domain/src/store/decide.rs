//! Decides by put-if-absent: the one place that judges what a store's answers mean.
//!
//! Only an acknowledged creation says who won. Every other answer to a put says nothing, a refusal
//! because the object exists included: clients repeat requests on their own, so the winner's second
//! request may be refused by its first. So the object is read back and compared. Absent doesn't mean
//! lost or free but unknown, since a request may land long after its sender gave up: the same bytes are
//! put again, which settles the matter and fences the late one.
//!
//! The body must hold a random token, drawn once and kept with the body before the first put, so that
//! no two writers' bodies are equal and every further try, after a restart too, puts the same bytes.

use alloc::string::String;
use alloc::vec::Vec;

/// Puts until the answer is [`Decided::Unknown`]. With pauses of [`crate::failure::backoff`] between
/// them about two minutes, which outlasts a restart of the store.
pub const DECIDE_TRIES: u32 = 8;

/// Where a decision stands. The caller asks [`Self::next`], does what it says, and tells the answer.
#[derive(Clone, Debug)]
pub struct Decide {
    key: String,
    body: Vec<u8>,
    puts: u32,
    waits_for: WaitsFor,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum WaitsFor {
    Put,
    Read,
    Nothing(Decided),
}

/// What is to be done next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Put the object if it is absent, then tell [`Decide::on_put`].
    Put {
        /// Its name.
        key: &'a str,
        /// Its bytes.
        body: &'a [u8],
        /// Puts that failed so far: before the first nothing is waited, before the n-th further one
        /// [`crate::failure::backoff`]`(n, random)`.
        failures: u32,
    },
    /// Read the object, then tell [`Decide::on_read`].
    Read {
        /// Its name.
        key: &'a str,
    },
    /// Nothing: this is the result.
    Done(&'a Decided),
}

/// What a store said to a put-if-absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutAnswer {
    /// This very request created the object.
    Created,
    /// Anything else: it exists, conflict, precondition failed, server error, timeout, broken connection.
    Anything,
}

/// What a store said to a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadAnswer {
    /// The whole object.
    Found(Vec<u8>),
    /// The store answered that there is none.
    Absent,
    /// Anything else: server error, timeout, broken connection.
    Anything,
}

/// Who decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decided {
    /// We did.
    Won,
    /// Another did: this is its body.
    Lost(Vec<u8>),
    /// Not known: our body may be there, may land later, or never. To settle it put it again.
    Unknown,
}

impl Decide {
    /// A decision that `key` shall be `body`.
    pub const fn new(key: String, body: Vec<u8>) -> Self {
        Self {
            key,
            body,
            puts: 0,
            waits_for: WaitsFor::Put,
        }
    }

    /// What is to be done now. Asking twice gives the same.
    pub fn next(&self) -> Step<'_> {
        match &self.waits_for {
            WaitsFor::Put => Step::Put {
                key: &self.key,
                body: &self.body,
                failures: self.puts,
            },
            WaitsFor::Read => Step::Read { key: &self.key },
            WaitsFor::Nothing(decided) => Step::Done(decided),
        }
    }

    /// The put was answered. Ignored when no put was asked for.
    pub fn on_put(&mut self, answer: PutAnswer) {
        if self.waits_for != WaitsFor::Put {
            return;
        }
        self.puts += 1;
        self.waits_for = match answer {
            PutAnswer::Created => WaitsFor::Nothing(Decided::Won),
            PutAnswer::Anything => WaitsFor::Read,
        };
    }

    /// The read was answered. Ignored when no read was asked for.
    pub fn on_read(&mut self, answer: ReadAnswer) {
        if self.waits_for != WaitsFor::Read {
            return;
        }
        self.waits_for = match answer {
            ReadAnswer::Found(found) if found == self.body => WaitsFor::Nothing(Decided::Won),
            ReadAnswer::Found(other) => WaitsFor::Nothing(Decided::Lost(other)),
            ReadAnswer::Absent | ReadAnswer::Anything if self.puts >= DECIDE_TRIES => {
                WaitsFor::Nothing(Decided::Unknown)
            }
            ReadAnswer::Absent | ReadAnswer::Anything => WaitsFor::Put,
        };
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    /// What the model store does with one put.
    #[derive(Clone, Copy, Debug)]
    enum PutFault {
        None,
        AppliedThenError,
        ErrorBefore,
        LandsLater,
        Doubled,
    }

    fn any_fault() -> impl Strategy<Value = PutFault> {
        prop::sample::select(&[
            PutFault::None,
            PutFault::AppliedThenError,
            PutFault::ErrorBefore,
            PutFault::LandsLater,
            PutFault::Doubled,
        ])
    }

    /// One object, created atomically, with requests still on their way.
    #[derive(Default)]
    struct ModelStore {
        object: Option<Vec<u8>>,
        late: Vec<Vec<u8>>,
    }

    impl ModelStore {
        fn create(&mut self, body: &[u8]) -> PutAnswer {
            if self.object.is_some() {
                return PutAnswer::Anything;
            }
            self.object = Some(body.to_vec());
            PutAnswer::Created
        }

        fn put(&mut self, body: &[u8], fault: PutFault) -> PutAnswer {
            match fault {
                PutFault::None => self.create(body),
                PutFault::AppliedThenError => {
                    self.create(body);
                    PutAnswer::Anything
                }
                PutFault::ErrorBefore => PutAnswer::Anything,
                PutFault::LandsLater => {
                    self.late.push(body.to_vec());
                    PutAnswer::Anything
                }
                // A client's own repetition: the second answer is the one that is seen.
                PutFault::Doubled => {
                    self.create(body);
                    self.create(body)
                }
            }
        }

        fn land(&mut self) {
            if let Some(body) = self.late.pop() {
                self.create(&body);
            }
        }
    }

    fn step(writer: &mut Decide, store: &mut ModelStore, fault: PutFault, read_fails: bool) {
        match writer.next() {
            Step::Put { body, .. } => {
                let answer = store.put(body, fault);
                writer.on_put(answer);
            }
            Step::Read { .. } => writer.on_read(match &store.object {
                _ if read_fails => ReadAnswer::Anything,
                Some(found) => ReadAnswer::Found(found.clone()),
                None => ReadAnswer::Absent,
            }),
            Step::Done(_) => {}
        }
    }

    fn result(writer: &Decide) -> Option<Decided> {
        match writer.next() {
            Step::Done(decided) => Some(decided.clone()),
            Step::Put { .. } | Step::Read { .. } => None,
        }
    }

    proptest! {
        /// Four writers against a store with faults, in any order, one of them restarting with its kept
        /// body at some point: never two winners, whoever's body is there was never told Lost, losers
        /// get the winner's body, and all end within the bound.
        #[test]
        fn one_winner_who_is_never_told_lost(
            steps in prop::collection::vec((0..4_usize, any_fault(), any::<bool>(), 0..4_u8), 0..200),
            restart_at in 0..200_usize,
        ) {
            let mut store = ModelStore::default();
            let fresh = |n: usize| Decide::new("key".into(), format!("body {n}").into_bytes());
            let mut writers: Vec<_> = (0..4).map(fresh).collect();
            let mut told: Vec<(usize, Decided)> = Vec::new();
            for (at, (n, fault, read_fails, land)) in steps.into_iter().enumerate() {
                if at == restart_at {
                    writers[0] = fresh(0);
                }
                step(&mut writers[n], &mut store, fault, read_fails);
                if land == 0 {
                    store.land();
                }
                told.extend(result(&writers[n]).map(|decided| (n, decided)));
            }
            // The faults end; what was on its way lands.
            for (n, writer) in writers.iter_mut().enumerate() {
                for _ in 0..2 * DECIDE_TRIES {
                    step(writer, &mut store, PutFault::None, false);
                    store.land();
                }
                let decided = result(writer);
                prop_assert!(decided.is_some(), "bounded");
                told.extend(decided.map(|decided| (n, decided)));
            }
            let object = store.object.expect("somebody's put was applied");
            for (n, decided) in told {
                let own = format!("body {n}").into_bytes();
                match decided {
                    Decided::Won => prop_assert_eq!(&own, &object),
                    Decided::Lost(other) => {
                        prop_assert_ne!(&own, &object);
                        prop_assert_eq!(&other, &object);
                    }
                    Decided::Unknown => {}
                }
            }
        }
    }

    /// A store that never answers leads to `Unknown` after the named number of puts.
    #[test]
    fn silence_is_unknown() {
        let mut writer = Decide::new("key".into(), b"body".to_vec());
        for failures in 0..DECIDE_TRIES {
            assert!(matches!(writer.next(), Step::Put { failures: f, .. } if f == failures));
            writer.on_put(PutAnswer::Anything);
            writer.on_read(ReadAnswer::Anything);
        }
        assert_eq!(writer.next(), Step::Done(&Decided::Unknown));
    }

    /// Answers to questions that weren't asked change nothing.
    #[test]
    fn stray_answers_are_ignored() {
        let mut writer = Decide::new("key".into(), b"body".to_vec());
        writer.on_read(ReadAnswer::Found(b"other".to_vec()));
        assert!(matches!(writer.next(), Step::Put { .. }));
        writer.on_put(PutAnswer::Anything);
        writer.on_put(PutAnswer::Created);
        assert!(matches!(writer.next(), Step::Read { .. }));
    }
}
