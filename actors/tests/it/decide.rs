//! Decisions over a store that errs: exactly one body wins, and nobody is told wrong.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use object_store::memory::InMemory;
use reelmesh_actors::store::{Decided, RECORD_LIMIT, Says, Store};
use reelmesh_domain::store::decide::DECIDE_TRIES;

use crate::faulty::{Fault, FaultyStore};

/// Any three faults in a row: the first writer wins all the same, the second is told who won, and
/// the object holds the winner's body. On a paused clock, so that pauses cost nothing.
#[tokio::test(start_paused = true)]
async fn a_fault_never_changes_who_won() {
    let late = Fault::Late(Duration::from_millis(1));
    let faults = [Fault::None, Fault::Before, Fault::AnswerLost, late];
    for (first, second, third) in triples(&faults) {
        let script = [first, second, third];
        let faulty = FaultyStore::new(Arc::new(InMemory::new()), &script);
        let store = Store::over(Arc::new(faulty));
        let mine = Bytes::from_static(b"mine");
        let theirs = Bytes::from_static(b"theirs");
        let decided = store.decide("jobs/a/spec", mine.clone()).await;
        assert_eq!(decided, Decided::Won, "{script:?}");
        let other = store.decide("jobs/a/spec", theirs).await;
        assert_eq!(other, Decided::Lost(mine.clone()), "{script:?}");
        let again = store.decide("jobs/a/spec", mine.clone()).await;
        assert_eq!(again, Decided::Won, "{script:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
        let found = store.get("jobs/a/spec", RECORD_LIMIT).await.unwrap();
        assert_eq!(found, Some(mine), "{script:?}");
    }
}

/// A store that never writes leaves the decision open after as many puts as the domain names: neither won
/// nor lost.
#[tokio::test(start_paused = true)]
async fn silence_is_unknown() {
    let faulty = FaultyStore::new(Arc::new(InMemory::new()), &[Fault::Before; 100]);
    let faulty = Arc::new(faulty);
    let store = Store::over(Arc::clone(&faulty) as _);
    let decided = store.decide("keys/a", Bytes::from_static(b"mine")).await;
    assert!(matches!(decided, Decided::Unknown { .. }), "{decided:?}");
    let puts = 100 - faulty.faults_left();
    assert_eq!(u32::try_from(puts).unwrap(), DECIDE_TRIES);
}

/// A store that refuses for good is asked once, and the decision stays open.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_unknown_at_once() {
    let faulty = FaultyStore::new(Arc::new(InMemory::new()), &[Fault::Refused; 100]);
    let faulty = Arc::new(faulty);
    let store = Store::over(Arc::clone(&faulty) as _);
    let decided = store.decide("keys/a", Bytes::from_static(b"mine")).await;
    assert!(matches!(decided, Decided::Unknown { .. }), "{decided:?}");
    assert_eq!(faulty.faults_left(), 99);
}

/// Sixteen racers on a real directory: one wins, and all others are told its body.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_racers_wins() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(None, dir.path()).unwrap();
    let racers: Vec<_> = (0..16_u8)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { (n, store.decide("race", vec![n; 64].into()).await) })
        })
        .collect();
    let (mut winners, mut heard) = (Vec::new(), Vec::new());
    for racer in racers {
        match racer.await.unwrap() {
            (n, Decided::Won) => winners.push(n),
            (_, Decided::Lost(body)) => heard.push(body[0]),
            (n, Decided::Unknown { answer }) => panic!("racer {n}: {answer}"),
        }
    }
    assert_eq!(winners.len(), 1);
    assert_eq!(heard, vec![winners[0]; 15]);
}

/// Ranges are exact, absent objects are an answer, listings are in order, and other schemes are
/// refused by name.
#[tokio::test]
async fn reads_are_exact() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(None, dir.path()).unwrap();
    store
        .put_blob("blobs/b", "0123456789".into())
        .await
        .unwrap();
    store.put_blob("blobs/a", "x".into()).await.unwrap();
    assert_eq!(store.get_range("blobs/b", 2..5).await.unwrap(), "234");
    let short = store.get_range("blobs/b", 8..12).await.unwrap_err();
    let gone = store.get_range("blobs/c", 8..12).await.unwrap_err();
    assert_eq!((short.says, gone.says), (Says::Misshapen, Says::Absent));
    assert_eq!(store.length("blobs/b").await.unwrap(), Some(10));
    assert_eq!(store.length("blobs/c").await.unwrap(), None);
    assert_eq!(store.get("blobs/c", 10).await.unwrap(), None);
    assert!(store.get("blobs/b", 9).await.is_err());
    let listed = store.list("blobs").await.unwrap();
    assert_eq!(
        listed,
        [("blobs/a".to_owned(), 1), ("blobs/b".to_owned(), 10)]
    );
    assert_eq!(store.list("none").await.unwrap(), []);
    store.delete("blobs/a").await.unwrap();
    store.delete("blobs/a").await.unwrap();
    let refused = Store::open(Some("s3://bucket"), dir.path()).unwrap_err();
    assert!(refused.to_string().contains("`s3`"), "{refused}");
}

fn triples(faults: &[Fault; 4]) -> impl Iterator<Item = (Fault, Fault, Fault)> {
    let faults = *faults;
    (0..64).map(move |n| (faults[n % 4], faults[n / 4 % 4], faults[n / 16]))
}
