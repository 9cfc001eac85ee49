//! Command lines: words of a list, and the words into which a shell splits a line.

use super::formats::{of_shape, random};
use super::names::{Says, says, words_of};
use super::programs::{Program, called};
use super::text::{of_encoded, of_pairs};
use super::values::{counts, is_literal, is_user_and_password};
use crate::model::LooksLikeCredential as Kind;

/// Scripts in scripts are looked into so deep.
const DEEPEST: u8 = 3;

/// The judgement of each word of a command line. `program` is the one that is called where the words are its arguments only; what is
/// called by them stands in its place behind.
pub(super) fn of_words<S: AsRef<str>>(words: &[S], program: &mut Option<&'static Program>) -> Vec<Option<Kind>> {
    judge(words, program, false, 0)
}

fn judge<S: AsRef<str>>(words: &[S], program: &mut Option<&'static Program>, shell: bool, depth: u8) -> Vec<Option<Kind>> {
    words
        .iter()
        .enumerate()
        .map(|(at, word)| {
            let word = word.as_ref();
            let before = at.checked_sub(1).and_then(|at| words.get(at)).map(AsRef::as_ref);
            let found = of_word(word, before, *program, shell, depth);
            let found = found.or_else(|| program.filter(|program| program.takes(words, at, shell)).map(|_| Kind::Place));
            *program = called(word).or(*program);
            found
        })
        .collect()
}

/// `before` is the word in front of it: an option takes the word that follows as its value.
fn of_word(word: &str, before: Option<&str>, program: Option<&Program>, shell: bool, depth: u8) -> Option<Kind> {
    // A shell's test begins as a list does.
    let is_test = ["[ -", "[ !", "[ $", "[ \"$", "[[ "].iter().any(|begin| word.starts_with(begin));
    let is_document = word.starts_with(['{', '[']) && !is_test;
    let is_script = depth < DEEPEST && !is_document && word.contains([' ', '\n', '\t', ';', '`']);
    let shape = of_shape(word).or_else(|| of_value(word, before, program, shell));
    // Of a line of shell the names and values were looked at as a whole, where their quotes stand.
    let pairs = || match before {
        _ if shell => of_assignment(word, shell),
        // The file is named, and not what is in it.
        Some(option) if option.starts_with('-') && option.ends_with("file") && !is_script => None,
        // `PASSWORD=x run --option` is no value as a whole.
        _ => (!is_script || word.starts_with('-'))
            .then(|| of_assignment(word, shell))
            .flatten()
            .or_else(|| of_pairs(word, shell || is_script)),
    };
    shape.or_else(pairs).or_else(|| if is_script { of_script(&word.replace("$(", ";"), depth + 1) } else { None })
}

/// `--name=value`, `-name=value`, `NAME=value`: a name by which everything behind it is judged.
fn of_assignment(word: &str, shell: bool) -> Option<Kind> {
    // `-Dname=value` sets a property of a Java program.
    let bare = word.strip_prefix("-D").unwrap_or(word).trim_start_matches('-');
    let (name, value) = bare.split_once('=')?;
    if !is_name(name) || value.is_empty() {
        return None;
    }
    let by_name = says(name).filter(|said| !shell && counts(*said, value, shell)).map(|_| Kind::Name);
    by_name
        .or_else(|| (!shell || is_literal(value, true)).then(|| random(name, value)).flatten())
        .or_else(|| of_encoded(name, value))
        .or_else(|| user_and_password(name, value, None, shell))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= super::names::MAX_NAME && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The value of the option in front of it.
fn of_value(word: &str, before: Option<&str>, program: Option<&Program>, shell: bool) -> Option<Kind> {
    let option = before?;
    if !option.starts_with('-') || option.contains('=') || word.starts_with("--") {
        return None;
    }
    let name = option.trim_start_matches('-');
    // `-verbose` and `-name=x` are the next options; a password may begin so, too.
    let is_option = word.starts_with('-') && (word.len() < 6 || word.contains('=') || !word.bytes().any(|b| b.is_ascii_digit()));
    if !is_name(name) || is_option {
        return None;
    }
    let by_name = says(name).filter(|said| counts(*said, word, shell)).map(|_| Kind::Name);
    by_name
        .or_else(|| (!word.starts_with('-')).then(|| random(name, word)).flatten())
        .or_else(|| of_encoded(name, word))
        .or_else(|| user_and_password(name, word, program, shell))
}

/// `-u name:password` and its like.
fn user_and_password(option: &str, value: &str, program: Option<&Program>, shell: bool) -> Option<Kind> {
    if !matches!(option, "u" | "user" | "basic-auth" | "userpass" | "auth" | "creds" | "credentials" | "proxy-user" | "http-user" | "login")
    {
        return None;
    }
    let (user, password) = value.split_once(':')?;
    // `--user nginx:nginx` names a group.
    let groups = ["root", "users", "staff", "nogroup", "nobody", "www-data", "adm", "wheel", "daemon", user];
    let is_group = matches!(option, "u" | "user") && !program.is_some_and(Program::takes_users) && groups.contains(&password);
    (!is_group && is_user_and_password(value, shell)).then_some(Kind::Name)
}

/// A line of shell: the commands in it.
pub(super) fn of_script(script: &str, depth: u8) -> Option<Kind> {
    let (commands, closed) = commands(script, true);
    let found = of_commands(&commands, script, depth);
    // An apostrophe of prose swallows what follows it.
    found.or_else(|| if closed { None } else { of_commands(&self::commands(script, false).0, script, depth) })
}

fn of_commands(commands: &[Vec<String>], script: &str, depth: u8) -> Option<Kind> {
    let changes_passwords = script.contains("chpasswd");
    commands.iter().find_map(|words| {
        let mut program = None;
        let piped = || words.iter().skip(1).find(|word| changes_passwords && is_user_and_password(word, true)).map(|_| Kind::Within);
        judge(words, &mut program, true, depth).into_iter().flatten().next().or_else(piped).map(in_script)
    })
}

/// What names and places say is said of words in the script, and not of the script.
fn in_script(kind: Kind) -> Kind {
    match kind {
        Kind::Name | Kind::Place => Kind::Within,
        kind => kind,
    }
}

/// The commands of a script with their words, without quotes; and whether every quote was closed.
fn commands(script: &str, quotes: bool) -> (Vec<Vec<String>>, bool) {
    let mut all: Vec<Vec<String>> = Vec::new();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut quote: Option<char> = None;
    // Within `$(…)` and `${…}`.
    let mut inside = 0_u32;
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        if let Some(open) = quote {
            match c {
                '\\' if open == '"' => word.extend(chars.next()),
                c if c == open => quote = None,
                c => word.push(c),
            }
            continue;
        }
        match c {
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(next) => word.push(next),
            },
            '"' | '\'' if quotes => quote = Some(c),
            '"' | '\'' => {}
            '$' if matches!(chars.peek(), Some('(' | '{')) => {
                inside += 1;
                word.push(c);
                word.extend(chars.next());
            }
            ')' | '}' if inside > 0 => {
                inside -= 1;
                word.push(c);
            }
            c if inside > 0 => word.push(c),
            ';' | '|' | '&' | '\n' | '(' | ')' | '`' => {
                end_word(&mut word, &mut words);
                if !words.is_empty() {
                    all.push(std::mem::take(&mut words));
                }
            }
            c if c.is_whitespace() || matches!(c, '<' | '>') => end_word(&mut word, &mut words),
            c => word.push(c),
        }
    }
    end_word(&mut word, &mut words);
    if !words.is_empty() {
        all.push(words);
    }
    (all, quote.is_none() && inside == 0)
}

fn end_word(word: &mut String, words: &mut Vec<String>) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Whether a variable holds a command line, or a part of one (`JAVA_OPTS`, `EXTRA_ARGS`).
pub(super) fn is_command_line(name: &str, value: &str) -> bool {
    let called = || {
        words_of(name)
            .iter()
            .any(|word| matches!(word.as_str(), "args" | "arguments" | "opts" | "options" | "flags" | "cmd" | "command" | "script"))
    };
    value.contains([' ', '\n']) && (value.starts_with('-') || value.contains(" -") || called())
}

/// What a name says, with its value.
pub(super) fn by_name(name: &str, value: &str) -> Option<Kind> {
    let said = says(name)?;
    let encoded = matches!(said, Says::Auth) && of_encoded(name, value).is_some();
    (encoded || counts(said, value, false)).then_some(Kind::Name)
}
