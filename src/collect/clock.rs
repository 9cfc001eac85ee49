//! The clock: the only place of the collector that reads it.

#![expect(clippy::disallowed_methods, reason = "the one place of the collector that reads the clock")]

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::Instant;

pub(super) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// RFC 3339 UTC with milliseconds.
pub(super) fn now_millis() -> String {
    now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

pub(super) fn instant() -> Instant {
    Instant::now()
}

/// Seconds from now to a time in RFC 3339; negative when it is over.
pub(super) fn seconds_until(time: &str) -> Option<i64> {
    Some(DateTime::parse_from_rfc3339(time).ok()?.timestamp() - now().timestamp())
}
