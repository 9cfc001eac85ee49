//! How often a schedule runs: `spec.schedule` is a line of cron as github.com/robfig/cron/v3 reads it (parser.go, ParseStandard: five fields,
//! names, `?`, descriptors, a time zone before it; spec.go, dayMatches).
//!
//! It is read here and by no library, because those for Rust read other lines: `croner` takes what Velero refuses (`7` for Sunday, `L`, `W`,
//! `#`, ranges that go round the end) and knows neither `@midnight` nor `@every`; `cron` wants a field for seconds and both days to fit;
//! `saffron` counts the days of the week from one. A schedule that the server refuses has to be one here too.

/// The most days from one run to the next; none where the line is not understood.
pub(super) fn longest_gap(line: &str) -> Option<u32> {
    let line = match line.split_once(' ') {
        Some((zone, rest)) if zone.starts_with("TZ=") || zone.starts_with("CRON_TZ=") => rest.trim(),
        _ => line,
    };
    match line {
        "@yearly" | "@annually" => return Some(366),
        "@monthly" => return Some(31),
        "@weekly" => return Some(7),
        "@daily" | "@midnight" | "@hourly" => return Some(1),
        _ => {}
    }
    if let Some(every) = line.strip_prefix("@every ") {
        return every_days(every);
    }
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [minute, hour, day, month, weekday] = fields.as_slice() else { return None };
    let ((minutes, _), (hours, _)) = (set(minute, 0, 59, &[])?, set(hour, 0, 23, &[])?);
    if minutes.is_empty() || hours.is_empty() {
        return None;
    }
    let ((days, any_day), (months, _)) = (set(day, 1, 31, &[])?, set(month, 1, 12, MONTHS)?);
    let (weekdays, any_weekday) = set(weekday, 0, 6, WEEKDAYS)?;
    let runs = |day: u32, month: u32, weekday: u32| {
        let (by_day, by_weekday) = (days.contains(&day), weekdays.contains(&weekday));
        // Where neither is a star, one is enough.
        let fits = if any_day || any_weekday { by_day && by_weekday } else { by_day || by_weekday };
        (fits && months.contains(&month)).then_some(())
    };
    let (mut longest, mut last) = (0, None);
    for (number, (day, month)) in days_of_years().enumerate() {
        let number = u32::try_from(number).ok()?;
        // The first day of 2024 was a Monday.
        if runs(day, month, (number + 1) % 7).is_some() {
            longest = longest.max(number - last.unwrap_or(number));
            last = Some(number);
        }
    }
    last.map(|_| longest.max(1))
}

const MONTHS: &[&str] = &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: &[&str] = &["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Day and month of every day of eight years, of which the first is a leap year.
fn days_of_years() -> impl Iterator<Item = (u32, u32)> {
    let length = |year: u32, month: u32| match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    (0..8).flat_map(move |year| (1..=12).flat_map(move |month| (1..=length(year, month)).map(move |day| (day, month))))
}

/// The numbers of a field, and whether it is a star: a list of `*`, `a`, `a-b`, each with `/step`. Empty parts are passed over, what stands
/// behind a star and a hyphen too, and a star with a step of more than one is none (getField, getRange).
fn set(field: &str, low: u32, high: u32, names: &[&str]) -> Option<(Vec<u32>, bool)> {
    let number = |text: &str| {
        let named = names.iter().position(|name| text.eq_ignore_ascii_case(name)).and_then(|at| u32::try_from(at).ok());
        named.map(|at| at + low).or_else(|| text.parse().ok())
    };
    let (mut all, mut star) = (Vec::new(), false);
    for part in field.split(',').filter(|part| !part.is_empty()) {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(step.parse::<usize>().ok().filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let bounds: Vec<&str> = range.split('-').collect();
        let (from, to) = match bounds.as_slice() {
            ["*" | "?", ..] => {
                star |= step.unwrap_or(1) == 1;
                (low, high)
            }
            // One number with a step goes to the end.
            [one] => (number(one)?, if step.is_some() { high } else { number(one)? }),
            [from, to] => (number(from)?, number(to)?),
            _ => return None,
        };
        if from < low || to > high || from > to {
            return None;
        }
        all.extend((from..=to).step_by(step.unwrap_or(1)));
    }
    Some((all, star))
}

/// Days, rounded up, of a duration as Go writes it (time.ParseDuration); one that is not positive runs each second.
fn every_days(text: &str) -> Option<u32> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if text == "0" {
        return Some(1);
    }
    let mut seconds = 0.0;
    let mut rest = Some(text).filter(|text| !text.is_empty())?;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let unit_end = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_end);
        seconds += number.parse::<f64>().ok()?
            * match unit {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" | "us" | "\u{b5}s" | "\u{3bc}s" | "ns" => 0.0,
                _ => return None,
            };
        rest = after;
    }
    if negative {
        return Some(1);
    }
    // A run of seconds is one of each day.
    (1..=4000).find(|days| f64::from(*days) * 86400.0 >= seconds)
}

#[cfg(test)]
mod tests {
    use super::longest_gap;

    #[test]
    fn how_far_runs_lie_apart() {
        for (line, days) in [
            ("0 2 * * *", Some(1)),
            ("*/15 * * * *", Some(1)),
            ("0 2 * * 0", Some(7)),
            ("0 2 * * SUN", Some(7)),
            ("0 2 * * 1-5", Some(3)),
            ("0 2 */2 * *", Some(2)),
            ("0 2 1 * *", Some(31)),
            ("0 2 1,15 * MON", Some(7)),
            ("0 2 */10 * MON", Some(7)),
            ("0 2 */1 * MON", Some(7)),
            ("0 2 1,* * MON", Some(7)),
            ("0 2 31 * 1-5/2", Some(3)),
            ("0 2 ? * ?", Some(1)),
            ("0 2 *-5 * *", Some(1)),
            ("0 2 ,1,,15, * *", Some(17)),
            ("0 2 5/10 * *", Some(11)),
            ("0 2 * JAN-mar *", Some(276)),
            ("0 2 * * 7", None),
            ("0 2 * * SAT-SUN", None),
            ("0 2 L * *", None),
            ("0 2 1-2-3 * *", None),
            ("0 2 1/0 * *", None),
            ("0 2 , * *", None),
            (", 2 * * *", None),
            (" @daily", None),
            ("@midnight", Some(1)),
            ("0 2 1 1 *", Some(366)),
            ("0 2 30 2 *", None),
            ("@daily", Some(1)),
            ("@weekly", Some(7)),
            ("@yearly", Some(366)),
            ("@every 24h", Some(1)),
            ("@every 240h30m", Some(11)),
            ("@every 0", Some(1)),
            ("@every -5h", Some(1)),
            ("@every 1\u{b5}s", Some(1)),
            ("@every 1h 30m", None),
            ("@every ", None),
            ("CRON_TZ=Europe/Berlin 0 2 * * *", Some(1)),
            ("0 0 2 * * *", None),
            ("daily", None),
            ("", None),
        ] {
            assert_eq!(longest_gap(line), days, "{line}");
        }
    }
}
