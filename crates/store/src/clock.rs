//! The one clock, and keys that sort by it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, UTC.
#[must_use]
pub fn now_ms() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}

/// A new key: a ULID, so that keys sort by the time at which they were made.
#[must_use]
pub fn new_id() -> String {
    ulid::Ulid::generate().to_string()
}
