//! The clock: the only place of the collector that reads it.

#![expect(clippy::disallowed_methods, reason = "the one place of the collector that reads the clock")]

use jiff::Timestamp;
use tokio::time::Instant;

pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// RFC 3339 UTC with milliseconds.
pub(super) fn now_millis() -> String {
    format!("{:.3}", now())
}

pub(super) fn instant() -> Instant {
    Instant::now()
}

/// Seconds from now to a time in RFC 3339; negative when it is over.
pub(super) fn seconds_until(time: &str) -> Option<i64> {
    Some(time.parse::<Timestamp>().ok()?.as_second() - now().as_second())
}
