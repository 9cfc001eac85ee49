//! Times as DER and lists of signers write them.

use chrono::{DateTime, NaiveDate, SecondsFormat, Timelike, Utc};

/// Digits of a year, a month, …, a second; nothing for what is missing at the end.
fn at(digits: &str) -> Option<DateTime<Utc>> {
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    let or_nothing = |from: usize, to: usize| if digits.len() <= from { Some(0) } else { part(from, to) };
    let day = NaiveDate::from_ymd_opt(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?)?;
    Some(day.and_hms_opt(or_nothing(8, 10)?, or_nothing(10, 12)?, or_nothing(12, 14)?)?.and_utc())
}

/// `20261128160300Z`, with or without a fraction of a second, as RFC 3161 has it.
pub(super) fn generalized(text: &[u8]) -> Option<DateTime<Utc>> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let (whole, fraction) = text.split_once('.').map_or((text, None), |(whole, fraction)| (whole, Some(fraction)));
    let are_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    // DER has no zero at the end of a fraction.
    let good = |fraction: &str| !fraction.is_empty() && fraction.len() <= 9 && are_digits(fraction) && !fraction.ends_with('0');
    if whole.len() != 14 || !are_digits(whole) || fraction.is_some_and(|fraction| !good(fraction)) {
        return None;
    }
    let nanoseconds: u32 = format!("{:0<9}", fraction.unwrap_or_default()).parse().ok()?;
    at(whole)?.with_nanosecond(nanoseconds)
}

/// `261128160300Z`, a time of the years 1950 to 2049, as certificates have it (RFC 5280, section 4.1.2.5.1).
pub(super) fn utc(text: &[u8]) -> Option<DateTime<Utc>> {
    let century: &[u8] = if text.first()? < &b'5' { b"20" } else { b"19" };
    if text.len() == "261128160300Z".len() { generalized(&[century, text].concat()) } else { None }
}

/// `20261128`, `202611281603` or `20261128160300`, followed by `Z`, as `ssh-keygen` has it.
pub(super) fn of_signers(text: &str) -> Result<i64, String> {
    let form = || format!("`{text}` is not a time such as 20261128Z or 20261128160300Z");
    let digits = text.strip_suffix('Z').unwrap_or(text);
    if ![8, 12, 14].contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(form());
    }
    if digits.len() == text.len() {
        return Err(format!("`{text}` means another moment in each time zone: write it in UTC, with a Z at its end"));
    }
    // OpenSSH takes its beginning of time for none at all.
    at(digits).map(|time| time.timestamp()).filter(|second| *second > 0).ok_or_else(form)
}

/// RFC 3339 in UTC.
pub(super) fn written(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(if time.timestamp_subsec_nanos() == 0 { SecondsFormat::Secs } else { SecondsFormat::AutoSi }, true)
}

/// Seconds since 1970 of a time in RFC 3339, without its fraction; `None` where it is no time.
pub fn at_second(text: &str) -> Option<i64> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_one_form() {
        let read = |text: &str| generalized(text.as_bytes()).map(written);
        assert_eq!(read("20261128160300Z").as_deref(), Some("2026-11-28T16:03:00Z"));
        assert_eq!(read("20261128160300.25Z").as_deref(), Some("2026-11-28T16:03:00.250Z"));
        for bad in [
            "",
            "20261128160300",
            "2026112816030Z",
            "20261128160300.Z",
            "20261128160300.50Z",
            "20261328160300Z",
            "20261128160360Z",
            "+0261128160300Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(utc(b"261128160300Z").map(written).as_deref(), Some("2026-11-28T16:03:00Z"));
        assert_eq!(utc(b"500101000000Z").map(written).as_deref(), Some("1950-01-01T00:00:00Z"));
        assert!([&b"20261128160300Z"[..], b"2611281603Z", b"", b"+61128160300Z"].into_iter().all(|bad| utc(bad).is_none()));
        assert_eq!(of_signers("19700102Z"), Ok(86_400));
        assert_eq!(of_signers("197001020100Z"), Ok(90_000));
        assert_eq!(of_signers("19700102010001Z"), Ok(90_001));
        for bad in ["", "Z", "19700102", "1970010201", "19701301Z", "1970-01-02Z", "19700101Z", "19691231Z"] {
            assert!(of_signers(bad).is_err(), "{bad}");
        }
        assert_eq!(at_second("1970-01-02T00:00:00.993Z"), Some(86_400));
        assert_eq!(at_second("yesterday"), None);
    }
}
