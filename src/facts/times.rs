//! Times that objects carry. They are compared with the time of collection, never with a clock.

use chrono::{DateTime, FixedOffset};

/// Whole seconds from one time to a later one; negative when it is earlier. `None` when one is no time (RFC 3339).
pub(super) fn seconds_between(from: &str, to: &str) -> Option<i64> {
    Some(time(to)?.timestamp() - time(from)?.timestamp())
}

fn time(text: &str) -> Option<DateTime<FixedOffset>> {
    DateTime::parse_from_rfc3339(text).ok()
}

/// Whole hours from one time to a later one, rounded down; negative when it is earlier. `None` when one is no time (RFC 3339).
pub(super) fn hours_between(from: &str, to: &str) -> Option<i64> {
    seconds_between(from, to).map(|seconds| seconds.div_euclid(3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_rounded_down() {
        for (from, to, hours) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:59:59Z", 0),
            ("2026-01-01T00:00:00Z", "2026-01-02T00:00:00.250Z", 24),
            ("2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z", -1),
            ("2026-01-01T01:00:00+01:00", "2026-01-01T01:00:00Z", 1),
        ] {
            assert_eq!(hours_between(from, to), Some(hours), "{from} {to}");
        }
        assert_eq!(hours_between("yesterday", "2026-01-01T00:00:00Z"), None);
    }
}
