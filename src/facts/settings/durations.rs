//! Durations as Go prints them, so that two spellings of one value compare equal.

/// Units as Go reads them, in nanoseconds (time.ParseDuration takes both signs for micro).
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The text that Go prints for a duration (time.Duration.String); nothing where Go would not read one.
pub(super) fn canonical(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    match nanoseconds(unsigned)? {
        0 => Some("0s".to_owned()),
        nanoseconds => Some(format!("{sign}{}", printed(nanoseconds))),
    }
}

/// The seconds of a duration as Go reads it (time.ParseDuration), a part of one counted as a whole; negative where it is. Nothing where Go
/// would not read one.
pub(in crate::facts) fn seconds(text: &str) -> Option<i64> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    i64::try_from(nanoseconds(unsigned)?.div_ceil(1_000_000_000)).ok().map(|seconds| sign * seconds)
}

fn nanoseconds(text: &str) -> Option<u128> {
    if text == "0" {
        return Some(0);
    }
    let in_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = (!text.is_empty()).then_some(text)?;
    let mut sum = 0_u128;
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !in_number(c))?);
        let (unit, after) = after.split_at(after.find(in_number).unwrap_or(after.len()));
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        // Go holds 63 bits of nanoseconds: nothing longer is a duration, and more digits of a fraction make no difference.
        let digits = |digits: &str| if digits.is_empty() { Some(0) } else { digits.parse::<u64>().ok().map(u128::from) };
        let mut part = unit.checked_mul(digits(whole)?)?;
        let mut place = *unit;
        for digit in fraction.chars() {
            place /= 10;
            part = part.checked_add(place.checked_mul(u128::from(digit.to_digit(10)?))?)?;
        }
        sum = sum.checked_add(part)?;
        rest = after;
    }
    Some(sum)
}

fn printed(nanoseconds: u128) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    match (seconds / 3600, seconds / 60 % 60) {
        _ if nanoseconds < 1_000 => format!("{nanoseconds}ns"),
        _ if nanoseconds < 1_000_000 => decimal(nanoseconds, 3, "µs"),
        _ if nanoseconds < 1_000_000_000 => decimal(nanoseconds, 6, "ms"),
        (0, 0) => decimal(nanoseconds, 9, "s"),
        (0, minutes) => format!("{minutes}m{}", decimal(nanoseconds % 60_000_000_000, 9, "s")),
        (hours, minutes) => format!("{hours}h{minutes}m{}", decimal(nanoseconds % 60_000_000_000, 9, "s")),
    }
}

/// A number whose last `places` digits stand behind the point.
fn decimal(number: u128, places: usize, unit: &str) -> String {
    let digits = format!("{number:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => format!("{whole}{unit}"),
        fraction => format!("{whole}.{fraction}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_becomes_the_one_that_go_prints() {
        let pairs = [
            ("300s", "5m0s"),
            ("5m", "5m0s"),
            ("60s", "1m0s"),
            ("24h", "24h0m0s"),
            ("1.5h", "1h30m0s"),
            ("90m30.25s", "1h30m30.25s"),
            ("0", "0s"),
            ("-0s", "0s"),
            ("-.5s", "-500ms"),
            ("+1500us", "1.5ms"),
            ("1µs1ns", "1.001µs"),
            ("7ns", "7ns"),
        ];
        for (written, printed) in pairs {
            assert_eq!(canonical(written).as_deref(), Some(printed), "{written}");
            assert_eq!(canonical(printed).as_deref(), Some(printed), "{printed}");
        }
    }

    #[test]
    fn a_part_of_a_second_is_not_nothing() {
        for (text, expected) in [("1h0m0s", 3600), ("0s", 0), ("0", 0), ("-1m", -60), ("500ms", 1), ("1.5s", 2), ("24h", 86_400)] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        assert_eq!(seconds("1d"), None);
    }

    #[test]
    fn what_go_does_not_read_is_left_alone() {
        for text in ["", "-", "5", "s", ".s", "1.2.3s", "5 m", "5d", "99999999999999999999h", "[redacted]"] {
            assert_eq!(canonical(text), None, "{text}");
        }
    }
}
