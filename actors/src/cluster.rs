//! What a node settles with the store before it works: whose store it is, whether it can be trusted, and
//! which number this process leads under.

use futures_util::future::join_all;
use reelmesh_domain::ids::NodeId;
use reelmesh_domain::store::keys::{Key, Prefix};
use reelmesh_domain::store::records::{ClusterRecord, Decision, EpochRecord, Record as _};

use crate::api::StartError;
use crate::random;
use crate::store::{Decided, RECORD_LIMIT, Store};

/// Racers for each key of the probe (design section 2).
const PROBE_RACERS: usize = 8;
/// Keys that they race for: a local directory either has atomic links or hasn't, so few are enough.
const PROBE_KEYS: usize = 4;
/// Tries to claim an epoch that others claim as well; under a lock of one's own the first succeeds.
const EPOCH_TRIES: u32 = 16;

/// Finds whose store it is; the first to come proves the store and says so.
pub(crate) async fn settle(store: &Store) -> Result<ClusterRecord, StartError> {
    let key = Key::ClusterId.to_string();
    let found = store.get(&key, RECORD_LIMIT).await.map_err(unusable)?;
    let bytes = if let Some(bytes) = found {
        bytes
    } else {
        prove(store).await?;
        let decision = Decision {
            token: random::token(),
            record: ClusterRecord {
                id: random::token(),
                authority_hash: None,
                store_proven: true,
            },
        };
        let body = decision.to_bytes().map_err(unusable)?;
        match store.decide(&key, body.clone().into()).await {
            Decided::Won => body.into(),
            Decided::Lost(other) => other,
            Decided::Unknown { answer } => return Err(unusable(answer)),
        }
    };
    let cluster = Decision::<ClusterRecord>::from_bytes(&bytes).map_err(unusable)?;
    if cluster.record.store_proven {
        Ok(cluster.record)
    } else {
        Err(unusable("several racers were seen to win one decision"))
    }
}

/// Claims the next epoch: this process leads, messages and records of an earlier one are past.
pub(crate) async fn claim_epoch(store: &Store, node: &NodeId) -> Result<u64, StartError> {
    let prefix = Prefix::Epochs.to_string();
    for _ in 0..EPOCH_TRIES {
        let listed = store.list(prefix.trim_end_matches('/')).await;
        let epochs = listed.map_err(unusable)?;
        let newest = epochs.iter().filter_map(|(key, _)| match key.parse() {
            Ok(Key::Epoch(epoch)) => Some(epoch),
            _ => None,
        });
        let epoch = newest.max().unwrap_or(0) + 1;
        let decision = Decision {
            token: random::token(),
            record: EpochRecord {
                node: node.clone(),
                address: None,
            },
        };
        let body = decision.to_bytes().map_err(unusable)?;
        match store
            .decide(&Key::Epoch(epoch).to_string(), body.into())
            .await
        {
            Decided::Won => return Ok(epoch),
            Decided::Lost(_) => {}
            Decided::Unknown { answer } => return Err(unusable(answer)),
        }
    }
    Err(unusable(format!(
        "others claimed {EPOCH_TRIES} epochs in a row"
    )))
}

/// Racers create the same objects: exactly one may win each, and all are listed afterwards.
async fn prove(store: &Store) -> Result<(), StartError> {
    let prefix = format!("probe/{}", random::token());
    let keys: Vec<String> = (0..PROBE_KEYS).map(|n| format!("{prefix}/{n}")).collect();
    for key in &keys {
        let racers = (0..PROBE_RACERS).map(|_| async {
            let body = random::token().to_string();
            store.decide(key, body.into()).await
        });
        let winners = join_all(racers).await;
        let winners = winners.iter().filter(|decided| **decided == Decided::Won);
        let winners = winners.count();
        if winners != 1 {
            return Err(unusable(format!(
                "{winners} of {PROBE_RACERS} racers won one decision"
            )));
        }
    }
    let listed = store.list(&prefix).await.map_err(unusable)?;
    if !listed.iter().map(|(key, _)| key).eq(&keys) {
        return Err(unusable("what was written isn't listed"));
    }
    for key in &keys {
        store.delete(key).await.map_err(unusable)?;
    }
    Ok(())
}

fn unusable(error: impl std::fmt::Display) -> StartError {
    StartError::Store {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first start settles the cluster's id, later ones find it; each claims a later epoch, and the
    /// probe leaves nothing behind.
    #[tokio::test]
    async fn starts_agree_on_the_cluster() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(None, dir.path()).unwrap();
        let node = NodeId::try_from("local".to_owned()).unwrap();
        let first = settle(&store).await.unwrap();
        assert_eq!(claim_epoch(&store, &node).await.unwrap(), 1);
        assert_eq!(settle(&store).await.unwrap(), first);
        assert_eq!(claim_epoch(&store, &node).await.unwrap(), 2);
        assert_eq!(store.list("probe").await.unwrap(), []);
    }
}
