//! Lists of digests, in the form of `sha256sum`: one line a file, sorted by name.

use std::collections::BTreeMap;

use super::bag::MOST_FILES;
use super::names::odd;

/// The list of these digests by name.
pub fn list<'a>(digests: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let digests: BTreeMap<&String, &String> = digests.into_iter().collect();
    digests.iter().map(|(name, digest)| format!("{digest}  {name}\n")).collect()
}

/// Whether a text begins as a list does.
pub fn is_list(beginning: &str) -> bool {
    beginning.lines().next().is_some_and(|line| entry(line).is_ok())
}

/// A list that was read.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Name to digest. Of a name that stands twice, the first.
    pub(super) digests: BTreeMap<String, String>,
    /// What is wrong with its form. Without such, the bytes of the list follow from the digests.
    pub(super) problems: Vec<String>,
}

/// Problems of one list that are told.
const MOST_PROBLEMS: usize = 20;

/// Reads a list. There is one way to write it, so that nobody can hide anything in another.
pub(super) fn read(bytes: &[u8]) -> Listed {
    let mut listed = Listed::default();
    let Ok(text) = std::str::from_utf8(bytes) else {
        listed.problems.push("it is not text".to_owned());
        return listed;
    };
    if !text.is_empty() && !text.ends_with('\n') {
        listed.problems.push("its last line is cut off".to_owned());
    }
    let mut before = "";
    for (number, line) in text.split_terminator('\n').enumerate() {
        let mut problem = |what: &str| listed.problems.push(format!("line {}: {what}", number + 1));
        match entry(line) {
            Err(why) => problem(why),
            Ok((_, name)) if listed.digests.contains_key(name) => problem(&format!("{name} stands twice")),
            Ok((digest, name)) => {
                if name <= before {
                    problem("the lines are not sorted");
                }
                before = name;
                listed.digests.insert(name.to_owned(), digest.to_owned());
            }
        }
        if listed.digests.len() > MOST_FILES {
            listed.problems.push(format!("it names more than {MOST_FILES} files"));
            break;
        }
        if listed.problems.len() >= MOST_PROBLEMS {
            listed.problems.push("and what follows was not read".to_owned());
            break;
        }
    }
    listed
}

fn entry(line: &str) -> Result<(&str, &str), &'static str> {
    const FORM: &str = "it is not of the form `DIGEST  NAME`";
    let (digest, name) = line.split_at_checked(64).ok_or(FORM)?;
    let name = name.strip_prefix("  ").ok_or(FORM)?;
    if !is_digest(digest) {
        return Err(FORM);
    }
    odd(name).map_or(Ok((digest, name)), Err)
}

/// 64 lower-case hex digits.
pub(super) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_form() {
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        let digests = BTreeMap::from([("data/b".to_owned(), b.clone()), ("data/a".to_owned(), a.clone())]);
        let text = list(&digests);
        assert_eq!(text, format!("{a}  data/a\n{b}  data/b\n"));
        let read_back = read(text.as_bytes());
        assert!(read_back.problems.is_empty() && read_back.digests == digests, "{read_back:?}");
        for bad in [
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace("  ", " *"),
            text.replace("  ", " "),
            text.replace('\n', "\r\n"),
            text.to_uppercase(),
            format!("{b}  data/b\n{a}  data/a\n"),
            format!("{text}{b}  data/b\n"),
            format!("{a}  ../a\n"),
            format!("{a}  data/\u{212a}\n"),
            format!("\u{feff}{text}"),
        ] {
            assert!(!read(bad.as_bytes()).problems.is_empty(), "{bad:?}");
        }
        assert!(!read(&[0xff]).problems.is_empty());
        assert!(read(b"").problems.is_empty(), "a bag may be empty");
    }
}
