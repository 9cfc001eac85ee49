//! How long the store itself says that it keeps what is in it: evidence relevant to 164.316(b)(2)(i), which asks that documentation is
//! kept for six years.
//!
//! What the store reports about its own lock is what it enforces: grade A, live effect. Where it does not say, nothing is concluded.

use chrono::{DateTime, Months};
use serde::Serialize;

/// What a store says of the retention of one bundle, or of everything in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Retention {
    /// What it says.
    #[serde(flatten)]
    pub kept: Kept,
    /// Whether it says that a legal hold keeps it, whatever the time.
    pub legal_hold: bool,
    /// Which answer said it.
    pub said_by: String,
}

/// How long, and who could end it sooner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Kept {
    /// It cannot be removed or replaced before a time.
    Until {
        /// In the store's word: under `compliance` nobody can end it sooner, under `governance` whoever has the right.
        mode: String,
        /// RFC 3339, as the store says it.
        until: String,
    },
    /// What is written is kept for a time from then on.
    For {
        /// In the store's word.
        mode: String,
        /// Such as `6 years`.
        period: String,
    },
    /// The store says that it has no lock. One that keeps by default what it does not say of the object is said beside it.
    Unlocked,
    /// The store does not say.
    NotSeen {
        /// Why not.
        why: String,
    },
}

/// The paragraph for which it is evidence.
pub const PARAGRAPH: &str = "164.316(b)(2)(i)";
/// Years that the paragraph asks for.
const YEARS: u32 = 6;

impl Retention {
    /// Nothing is known.
    pub fn not_seen(why: impl Into<String>) -> Self {
        Self { kept: Kept::NotSeen { why: why.into() }, legal_hold: false, said_by: String::new() }
    }

    /// Whether the store said anything.
    pub fn is_seen(&self) -> bool {
        !matches!(self.kept, Kept::NotSeen { .. })
    }

    /// Whether it reaches six years beyond a time in RFC 3339; `None` when that is not known.
    pub fn reaches_six_years(&self, from: &str) -> Option<bool> {
        let Kept::Until { until, .. } = &self.kept else { return None };
        let six = DateTime::parse_from_rfc3339(from).ok()?.checked_add_months(Months::new(YEARS * 12))?;
        Some(DateTime::parse_from_rfc3339(until).ok()? >= six)
    }

    /// A line for people.
    pub fn words(&self) -> String {
        let hold = if self.legal_hold { ", and under a legal hold" } else { "" };
        match &self.kept {
            Kept::Until { mode, until } => format!("locked until {until} (mode {mode}){hold}"),
            Kept::For { mode, period } => format!("locked for {period} from writing on (mode {mode}){hold}"),
            Kept::Unlocked if self.legal_hold => "under a legal hold, without a time".to_owned(),
            Kept::Unlocked => "the store names no lock of it".to_owned(),
            Kept::NotSeen { why } => format!("not seen: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_years_are_counted_from_the_collection() {
        let until = |until: &str| Retention {
            kept: Kept::Until { mode: "compliance".to_owned(), until: until.to_owned() },
            legal_hold: false,
            said_by: String::new(),
        };
        let from = "2026-11-28T16:03:00Z";
        assert_eq!(until("2032-11-28T16:03:00Z").reaches_six_years(from), Some(true));
        assert_eq!(until("2032-11-28T16:02:59Z").reaches_six_years(from), Some(false));
        assert_eq!(until("soon").reaches_six_years(from), None);
        assert_eq!(Retention::not_seen("x").reaches_six_years(from), None);
    }
}
