//! Random bits and wall-clock time: the one place where the node draws or reads them.

use std::time::{SystemTime, UNIX_EPOCH};

use reelmesh_domain::ids::{JobId, Token};
use reelmesh_domain::time::WallTime;

/// Random bytes from the operating system.
///
/// # Panics
///
/// If the operating system has none, which Linux excludes once it is up.
fn bytes<const N: usize>() -> [u8; N] {
    let mut drawn = [0; N];
    #[expect(
        clippy::expect_used,
        reason = "a token that isn't random would break every decision: better to end"
    )]
    getrandom::fill(&mut drawn).expect("the operating system gives random bytes");
    drawn
}

/// One random byte, for jitter.
pub(crate) fn byte() -> u8 {
    bytes::<1>()[0]
}

/// A new token.
pub(crate) fn token() -> Token {
    Token::from_bytes(bytes())
}

/// A new job id: a ULID of now.
pub(crate) fn job_id() -> JobId {
    let millis = u128::try_from(unix_us() / 1000).unwrap_or(0) & ((1 << 48) - 1);
    let random = u128::from_be_bytes(bytes()) >> 48;
    JobId::from_bits((millis << 80) | random)
}

/// Any number, for jittered waits.
pub(crate) fn number() -> u64 {
    u64::from_le_bytes(bytes())
}

/// Now, by the wall clock, for records.
pub(crate) fn wall_time() -> WallTime {
    WallTime(u64::try_from(unix_us() / 1000).unwrap_or(0))
}

/// Microseconds since 1970 by the wall clock; for records that people read, never compared.
pub(crate) fn unix_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids of one process differ and tell their millisecond.
    #[test]
    fn job_ids_differ_and_hold_the_time() {
        let before = unix_us() / 1000;
        let (a, b) = (job_id(), job_id());
        let after = unix_us() / 1000;
        assert_ne!(a, b);
        let millis = i64::try_from(a.bits() >> 80).unwrap();
        assert!((before..=after).contains(&millis));
    }
}
