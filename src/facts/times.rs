//! Times that objects carry. They are compared with the time of collection, never with a clock.

use chrono::{DateTime, FixedOffset};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};

/// When an object was last written to, as far as it says so itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    At {
        last: Time,
        /// When it was made.
        made: Option<Time>,
    },
    /// It says when it was made, and not whether it was changed since: no server has noted its changes (`managedFields`, which are not kept for
    /// an object that was made before they were; apiserver, skipnonapplied.go).
    Untold,
    /// It carries no time at all, which no server gives.
    Timeless,
}

/// Seconds between two times that the API gives.
pub(super) fn apart(from: &Time, to: &Time) -> Option<i64> {
    seconds_between(&from.0.to_string(), &to.0.to_string())
}

impl Change {
    /// The API server notes the time of each change in `managedFields`, by whoever made it.
    pub(super) fn last(metadata: &ObjectMeta) -> Self {
        let noted = metadata.managed_fields.iter().flatten().map(|entry| entry.time.clone());
        let noted: Option<Vec<Time>> = noted.collect();
        match (noted, &metadata.creation_timestamp) {
            (Some(noted), made) if !noted.is_empty() => {
                let last = noted.into_iter().chain(made.clone()).max_by(|a, b| a.0.cmp(&b.0));
                last.map_or(Self::Timeless, |last| Self::At { last, made: made.clone() })
            }
            (_, Some(_)) => Self::Untold,
            (None, None) => Self::Untold,
            (Some(_), None) => Self::Timeless,
        }
    }
}

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
