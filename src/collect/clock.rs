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
