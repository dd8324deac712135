//! How much memory tasks may take on this machine.

/// Left to the operating system's cache and to the node itself.
const RESERVE_BYTES: u64 = 512 << 20;
/// Taken where the system doesn't say: what one task needs at 1080p.
const FALLBACK_BYTES: u64 = 1 << 30;

/// Memory for tasks in bytes: what is available now, within the limit of the control group, less a
/// reserve; never less than half of it, since the estimates are for the largest pictures.
pub(crate) fn for_tasks() -> u64 {
    let read = |path| std::fs::read_to_string(path).ok();
    let available = read("/proc/meminfo").and_then(|text| available_bytes(&text));
    let limit = read("/sys/fs/cgroup/memory.max").and_then(|text| text.trim().parse().ok());
    let bytes = available.unwrap_or(FALLBACK_BYTES);
    let bytes = limit.map_or(bytes, |limit: u64| bytes.min(limit));
    bytes.saturating_sub(RESERVE_BYTES).max(bytes / 2)
}

fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line is found and counted in KiB; a text without it says nothing.
    #[test]
    fn available_memory_is_read() {
        let text = "MemTotal:  16 kB\nMemAvailable:    8 kB\n";
        assert_eq!(available_bytes(text), Some(8192));
        assert_eq!(available_bytes("MemTotal: 16 kB\n"), None);
    }
}
