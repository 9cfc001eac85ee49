//! A list of allowed signers, as `ssh-keygen -Y verify` reads it (ALLOWED SIGNERS in its manual).

use ssh_key::PublicKey;
use ssh_key::public::KeyData;

use super::time::of_signers;
use super::{NAMESPACE, Signature};

/// Who may sign, for what, and when.
#[derive(Clone, Debug, Default)]
pub struct AllowedSigners(Vec<Allowed>);

/// One line.
#[derive(Clone, Debug)]
struct Allowed {
    principals: String,
    namespaces: Option<String>,
    after: Option<i64>,
    before: Option<i64>,
    /// The key signs certificates, and nothing else.
    authority: bool,
    key: KeyData,
}

/// What is wrong in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignersProblem {
    /// The line, from 1.
    pub line: u64,
    /// What is wrong.
    pub what: String,
}

impl AllowedSigners {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// Every line that is not of the form; and a list that names nobody.
    pub fn read(text: &str) -> Result<Self, Vec<SignersProblem>> {
        let (mut allowed, mut problems) = (Vec::new(), Vec::new());
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_matches([' ', '\t', '\r']);
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match self::line(line) {
                Ok(one) => allowed.push(one),
                Err(what) => problems.push(SignersProblem { line: number, what }),
            }
        }
        if allowed.is_empty() && problems.is_empty() {
            problems.push(SignersProblem { line: 1, what: "it names nobody".to_owned() });
        }
        if problems.is_empty() { Ok(Self(allowed)) } else { Err(problems) }
    }

    /// Who may have made a signature at this second since 1970.
    ///
    /// # Errors
    /// Why nobody, in words.
    pub fn who(&self, signature: &Signature, at: i64) -> Result<Vec<String>, String> {
        let fingerprint = signature.fingerprint();
        let (mut who, mut why) = (Vec::new(), None);
        for one in self.0.iter().filter(|one| one.key == *signature.key()) {
            match one.may_sign(at) {
                Ok(()) => who.push(one.principals.clone()),
                Err(reason) => why = why.or(Some(reason)),
            }
        }
        if !who.is_empty() {
            return Ok(who);
        }
        Err(match why {
            Some(why) => format!("the list of allowed signers names its key, {fingerprint}, but {why}"),
            None => format!("its key, {fingerprint}, is not in the list of allowed signers"),
        })
    }
}

impl Allowed {
    fn may_sign(&self, at: i64) -> Result<(), &'static str> {
        if self.authority {
            Err("only as one that signs certificates")
        } else if self.namespaces.as_ref().is_some_and(|namespaces| !is_in(NAMESPACE, namespaces)) {
            Err("not for the namespace kube-hipaa")
        } else if self.after.is_some_and(|after| at < after) {
            Err("only from a later time on")
        } else if self.before.is_some_and(|before| at > before) {
            Err("only until an earlier time")
        } else {
            Ok(())
        }
    }
}

fn line(line: &str) -> Result<Allowed, String> {
    const FORM: &str = "it is not of the form `WHO [OPTIONS] KEYTYPE KEY`";
    if line.chars().any(|c| c.is_control() && c != '\t') {
        return Err("it holds characters that cannot be seen".to_owned());
    }
    let (principals, mut rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or(FORM)?,
        None => line.split_once(BLANKS).ok_or(FORM)?,
    };
    let principals = self::principals(principals)?;
    rest = rest.trim_start_matches(BLANKS);
    let mut allowed = Allowed {
        principals,
        namespaces: None,
        after: None,
        before: None,
        authority: false,
        // Replaced below; there is no line without a key.
        key: KeyData::Ed25519(ssh_key::public::Ed25519PublicKey([0; 32])),
    };
    let first = rest.split(BLANKS).next().unwrap_or_default();
    let is_key = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|begin| first.starts_with(begin));
    if !is_key {
        let (options, key) = rest.split_at(end_of_options(rest).ok_or(FORM)?);
        self::options(options, &mut allowed)?;
        rest = key.trim_start_matches(BLANKS);
    }
    // What follows behind the two is for people.
    let (kind, rest) = rest.split_once(BLANKS).ok_or(FORM)?;
    let key = rest.trim_start_matches(BLANKS).split(BLANKS).next().unwrap_or_default();
    let key = PublicKey::from_openssh(&format!("{kind} {key}")).map_err(|error| format!("its key cannot be read: {error}"))?;
    allowed.key = key.key_data().clone();
    Ok(allowed)
}

/// What separates the parts of a line.
const BLANKS: [char; 2] = [' ', '\t'];
/// OpenSSH compares no longer pattern.
const LONGEST_PATTERN: usize = 1000;

/// Whom a line names: a list of patterns, of which those behind a `!` are left out.
fn principals(text: &str) -> Result<String, String> {
    // Two lists that look the same are the same; a mark of byte order at the beginning of a file would be a part of the first name.
    let unseen = |c: char| {
        c == '"'
            || c != ' ' && c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{fffd}')
    };
    if text.chars().any(unseen) {
        return Err("its names hold characters that cannot be seen, or that are not UTF-8".to_owned());
    }
    if text.split(',').any(|pattern| pattern.len() > LONGEST_PATTERN) {
        return Err("a name in it is longer than any".to_owned());
    }
    // Whoever is named and left out by the same list is not named.
    let named = text.split(',').filter(|pattern| !pattern.is_empty() && !pattern.starts_with('!'));
    let mut left = named.filter(|pattern| is_in(pattern, text));
    if left.next().is_none() {
        return Err("it names nobody: everyone is left out again".to_owned());
    }
    Ok(text.to_owned())
}

/// Where the options end: at the first space that is not in quotes.
fn end_of_options(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices()
        .find(|(_, c)| {
            quoted ^= *c == '"';
            !quoted && (*c == ' ' || *c == '\t')
        })
        .map(|(at, _)| at)
}

fn options(text: &str, allowed: &mut Allowed) -> Result<(), String> {
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.find(['=', ',']).map_or((rest, ""), |at| rest.split_at(at));
        let (value, after) = match after.strip_prefix('=') {
            None => (None, after),
            Some(value) => {
                let quoted = value.strip_prefix('"').and_then(|value| value.split_once('"'));
                let (value, after) = quoted.ok_or_else(|| format!("the value of `{name}` is not in quotes"))?;
                (Some(value), after)
            }
        };
        let once = |is_there: bool| if is_there { Err(format!("`{name}` stands twice")) } else { Ok(()) };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("cert-authority", None) => allowed.authority = true,
            ("namespaces", Some(value)) => {
                once(allowed.namespaces.is_some())?;
                allowed.namespaces = Some(value.to_owned());
            }
            ("valid-after", Some(value)) => {
                once(allowed.after.is_some())?;
                allowed.after = Some(of_signers(value)?);
            }
            ("valid-before", Some(value)) => {
                once(allowed.before.is_some())?;
                allowed.before = Some(of_signers(value)?);
            }
            _ => return Err(format!("`{name}` is no option, or has not the value that it needs")),
        }
        rest = match after.strip_prefix(',') {
            Some(rest) if !rest.is_empty() => rest,
            None if after.is_empty() => "",
            _ => return Err("its options are not separated by single commas".to_owned()),
        };
    }
    match (allowed.after, allowed.before) {
        (Some(after), Some(before)) if before <= after => Err("its `valid-before` is not behind its `valid-after`".to_owned()),
        _ => Ok(()),
    }
}

/// Whether a name matches one of a list of patterns with `*` and `?`, and none that begins with `!`.
fn is_in(name: &str, patterns: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(pattern) if matches(name.as_bytes(), pattern.as_bytes()) => return false,
            None if matches(name.as_bytes(), pattern.as_bytes()) => found = true,
            _ => {}
        }
    }
    found
}

/// Each `*` is tried against as little as possible first; a name is short and has no more than one part that fits.
fn matches(name: &[u8], pattern: &[u8]) -> bool {
    let (mut at, mut in_pattern, mut star) = (0, 0, None);
    while at < name.len() {
        match pattern.get(in_pattern) {
            Some(b'*') => {
                star = Some((in_pattern, at));
                in_pattern += 1;
            }
            Some(sign) if *sign == b'?' || name.get(at) == Some(sign) => {
                at += 1;
                in_pattern += 1;
            }
            _ => {
                // The last star takes one more.
                let Some((place, from)) = star else { return false };
                star = Some((place, from + 1));
                at = from + 1;
                in_pattern = place + 1;
            }
        }
    }
    pattern.get(in_pattern..).is_some_and(|rest| rest.iter().all(|sign| *sign == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::Key;

    fn signature(seed: u8) -> Signature {
        Signature::read(Key::for_tests(seed).sign(b"list").unwrap().as_bytes()).unwrap()
    }

    fn who(options: &str, at: i64) -> Result<Vec<String>, String> {
        let line = format!("# who may\n\nops@clinic.example{options} {} a comment\n", Key::for_tests(1).public());
        AllowedSigners::read(&line).unwrap().who(&signature(1), at)
    }

    #[test]
    fn a_key_of_the_list_may_sign_what_and_when_the_list_says() {
        let ops = Ok(vec!["ops@clinic.example".to_owned()]);
        let times = " valid-after=\"19700102Z\",valid-before=\"19700103Z\"";
        for (options, at) in [
            ("", 0),
            (" namespaces=\"kube-hipaa\"", 0),
            (" namespaces=\"file,kube-*\"", 0),
            (" Namespaces=\"k?be-hipaa\"", 0),
            ("\tnamespaces=\"*\"", 0),
            (times, 86_400),
            (times, 172_800),
        ] {
            assert_eq!(who(options, at), ops, "{options}");
        }
        for (options, at, why) in [
            (" namespaces=\"file\"", 0, "not for the namespace"),
            (" namespaces=\"*,!kube-hipaa\"", 0, "not for the namespace"),
            (" cert-authority", 0, "signs certificates"),
            (times, 86_399, "from a later time on"),
            (times, 172_801, "until an earlier time"),
        ] {
            assert!(who(options, at).unwrap_err().contains(why), "{options}: {:?}", who(options, at));
        }
        let key = Key::for_tests(1).public().replacen(' ', "\t \t", 1);
        for line in
            [format!("ops@clinic.example \t{key}"), format!("\tops@clinic.example {key}  \r"), format!("\"ops@clinic.example\"{key}")]
        {
            assert_eq!(AllowedSigners::read(&line).unwrap().who(&signature(1), 0), ops, "{line:?}");
        }
        let list = AllowedSigners::read(&format!("\"a b\" {}\n", Key::for_tests(2).public())).unwrap();
        assert!(list.who(&signature(1), 0).unwrap_err().contains("is not in the list"));
        assert_eq!(list.who(&signature(2), 0), Ok(vec!["a b".to_owned()]));
    }

    #[test]
    fn every_line_that_is_wrong_is_named() {
        let key = Key::for_tests(1).public();
        let lines = [
            "alone".to_owned(),
            format!("a {}", key.replace("AAAA", "AAAB")),
            format!("a valid-after=\"20261128\" {key}"),
            format!("a valid-after=20261128Z {key}"),
            format!("a no-such-option {key}"),
            format!("a namespaces=\"x\"namespaces=\"y\" {key}"),
            format!("a namespaces=\"x {key}"),
            format!("\"a {key}"),
            // As ssh-keygen has it, each of the first would be good for somebody.
            format!("a namespaces=\"file\",namespaces=\"kube-hipaa\" {key}"),
            format!("a valid-before=\"20200101Z\",valid-before=\"20300101Z\" {key}"),
            format!("a valid-after=\"20300101Z\",VALID-AFTER=\"20200101Z\" {key}"),
            format!("a valid-after=\"20300101Z\",valid-before=\"20300101Z\" {key}"),
            format!("a valid-after=\"19700101Z\" {key}"),
            format!("!a {key}"),
            format!("!* {key}"),
            format!("a,!* {key}"),
            format!("*,!* {key}"),
            format!(", {key}"),
            format!("\"\" {key}"),
            format!("a\0 {key}"),
            format!("\u{a0}a {key}"),
            format!("\u{feff}a {key}"),
            format!("a\u{b}{key}"),
            format!("a\"b\" {key}"),
            format!("fine {key}"),
        ];
        let problems = AllowedSigners::read(&lines.join("\n")).unwrap_err();
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), (1..=24).collect::<Vec<_>>(), "{problems:?}");
        assert!(problems[2].what.contains("with a Z"), "{problems:?}");
        assert_eq!(AllowedSigners::read("# nobody\n").unwrap_err()[0].what, "it names nobody");
    }

    #[test]
    fn patterns_are_those_of_openssh() {
        for (pattern, is_match) in [
            ("", false),
            ("*", true),
            ("**", true),
            ("a*c", true),
            ("a?c", true),
            ("a?", false),
            ("abc?", false),
            ("*b*", true),
            ("abd", false),
        ] {
            assert_eq!(matches(b"abc", pattern.as_bytes()), is_match, "{pattern}");
        }
        assert!(!matches(&[b'a'; 300], "a*".repeat(100).as_bytes()[..199].iter().chain(b"b").copied().collect::<Vec<_>>().as_slice()));
    }
}
