//! Days and hours of a record.

use std::collections::BTreeSet;

use chrono::{DateTime, Days as Step, Months, NaiveDate, SecondsFormat, Utc};

use crate::model::history::{Days, LookBack};

/// RFC 3339 in UTC, to the second.
pub(super) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Hours in words.
pub(super) fn long(hours: u64) -> String {
    match hours {
        0..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

/// So many years before.
pub(super) fn years_before(time: DateTime<Utc>, years: u64) -> Option<DateTime<Utc>> {
    time.checked_sub_months(Months::new(u32::try_from(years).ok()?.checked_mul(12)?))
}

/// Twelve months that end with a day, day by day.
pub(super) fn look_back<'a>(times: impl Iterator<Item = &'a DateTime<Utc>>, as_of: DateTime<Utc>) -> LookBack {
    let last = as_of.date_naive();
    let first = last.checked_sub_months(Months::new(12)).and_then(|day| day.checked_add_days(Step::new(1))).unwrap_or(last);
    let with: BTreeSet<NaiveDate> = times.map(|time| time.date_naive()).collect();
    let begin = with.first().copied();
    let before = |day: NaiveDate| begin.is_none_or(|begin| day < begin);
    let (mut all, mut covered, mut uncovered) = (0, 0, Vec::<(NaiveDate, Days)>::new());
    for day in first.iter_days().take_while(|day| *day <= last) {
        all += 1;
        if with.contains(&day) {
            covered += 1;
            continue;
        }
        match uncovered.last_mut() {
            Some((end, range)) if end.succ_opt() == Some(day) && range.before_the_record == before(day) => {
                *end = day;
                range.to = day.to_string();
                range.days += 1;
            }
            _ => uncovered.push((day, Days { from: day.to_string(), to: day.to_string(), days: 1, before_the_record: before(day) })),
        }
    }
    LookBack {
        from: first.to_string(),
        to: last.to_string(),
        days: all,
        covered,
        uncovered: uncovered.into_iter().map(|(_, range)| range).collect(),
    }
}
