//! Sizes and hashes of whole files.

use super::Checker;
use crate::error::MediaError;
use crate::io::ByteSource;
use crate::verify::mp4::read_range;

/// Bytes that are hashed at a time; between them the task can be stopped.
const BLOCK_BYTES: u64 = 1 << 20;

impl Checker<'_> {
    /// Every file of the report is there with its size and hash.
    pub(super) fn check_files(&mut self) -> Result<(), MediaError> {
        let expected = self.expected;
        for file in &expected.files {
            let Some(source) = self.open(&file.path) else {
                continue;
            };
            if source.length() != file.size {
                let what = format!(
                    "has {} bytes, the report says {}",
                    source.length(),
                    file.size
                );
                self.found(&file.path, None, what);
                continue;
            }
            let mut hasher = blake3::Hasher::new();
            match self.hash_range(&source, 0, file.size, &mut hasher)? {
                Ok(()) if hasher.finalize().to_hex().as_str() == file.blake3 => {}
                Ok(()) => self.found(&file.path, None, "its bytes differ from the report"),
                Err(error) => self.found(&file.path, None, format!("can't be read: {error}")),
            }
        }
        Ok(())
    }

    /// Adds bytes of a source to a hash. The outer error is a cancelled task.
    pub(super) fn hash_range(
        &self,
        source: &dyn ByteSource,
        mut offset: u64,
        mut length: u64,
        hasher: &mut blake3::Hasher,
    ) -> Result<std::io::Result<()>, MediaError> {
        let mut buffer = Vec::new();
        while length > 0 {
            self.go_on()?;
            let block = length.min(BLOCK_BYTES);
            buffer.resize(usize::try_from(block).unwrap_or(0), 0);
            if let Err(error) = read_range(source, offset, &mut buffer) {
                return Ok(Err(error));
            }
            hasher.update(&buffer);
            offset += block;
            length -= block;
        }
        Ok(Ok(()))
    }
}
