//! Checkpoints that live as long as the process: for tests, and for nodes that keep nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{CheckpointError, Checkpoints};

/// Checkpoints in memory. Share one (`Arc`) between two lives of a node to test what it resumes.
#[derive(Debug, Default)]
pub struct MemoryCheckpoints {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl MemoryCheckpoints {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
        // Each change is one call on the map: a panic elsewhere can't leave half of one.
        act(&mut self.values.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Checkpoints for MemoryCheckpoints {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, CheckpointError> {
        Ok(self.with(|values| values.get(key).cloned()))
    }

    fn put(&self, key: &str, value: &[u8]) -> Result<(), CheckpointError> {
        self.with(|values| values.insert(key.to_owned(), value.to_vec()));
        Ok(())
    }

    fn delete(&self, key: &str) -> Result<(), CheckpointError> {
        self.with(|values| values.remove(key));
        Ok(())
    }

    fn scan(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, CheckpointError> {
        Ok(self.with(|values| {
            values
                .range(prefix.to_owned()..)
                .take_while(|(key, _)| key.starts_with(prefix))
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        }))
    }

    fn flush(&self) -> Result<(), CheckpointError> {
        Ok(())
    }
}
