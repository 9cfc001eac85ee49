//! Command lines, word by word.

use std::borrow::Cow;

use super::credentials::Program;
use super::head::Head;
use super::special::flag_value;
use super::{captures, credentials, flags, secret};
use crate::model::LooksLikeCredential;

/// What stands in place of a value that is not stored.
pub const REDACTED: &str = "[redacted]";

/// The words of a command line as they may be stored. In `system` pods (control plane, network plugin) values of known flags stay,
/// and their names are written as Kubernetes reads them, with `-` for `_`.
pub(super) fn argument_list<S: AsRef<str>>(words: &[S], first_is_program: bool, system: bool) -> Vec<String> {
    kept(words, first_is_program, system, &mut None)
}

/// The same of a container's `command` or `args`: those are the arguments of the command in front of them, or, where the image leaves it to
/// them, the program and its arguments.
pub(super) fn of_container<S: AsRef<str>>(words: &[S], first_is_program: bool, head: &Head<'_>) -> Vec<String> {
    let mut program = head.program();
    let kept = kept(words, true, head.is_system(), &mut program);
    head.set_program(program.filter(|_| first_is_program));
    kept
}

fn kept<S: AsRef<str>>(words: &[S], first_is_program: bool, system: bool, program: &mut Option<&'static Program>) -> Vec<String> {
    let mut known_value_next = false;
    let judged = credentials::of_words(words, program);
    let stays = captures::kept(words);
    words
        .iter()
        .zip(judged)
        .enumerate()
        .map(|(i, (word, judged))| {
            let word = word.as_ref();
            // What stands in place of a value says whether it looked like a credential.
            let instead = judged.map_or(REDACTED, LooksLikeCredential::marker);
            let is_value_of_known = std::mem::take(&mut known_value_next);
            if stays.contains(&i) {
                return word.to_owned();
            }
            if let Some((dashes, name, value)) = flag(word).or_else(|| single_dash(word, system)) {
                let known = system && flags::is_known_flag(name);
                let name = if known { flags::normalized(name) } else { Cow::Borrowed(name) };
                return match value {
                    None => {
                        // The word after a switch is not its value, and could be anything.
                        known_value_next = known && flags::takes_a_value(&name);
                        format!("{dashes}{name}")
                    }
                    Some(value) if known => format!("{dashes}{name}={}", flag_value(&name, value)),
                    Some(_) => format!("{dashes}{name}={instead}"),
                };
            }
            if is_value_of_known
                && !flags::may_carry_credentials(word)
                && !secret::looks_secret(word)
                && (word == "-" || !word.starts_with('-'))
            {
                return word.to_owned();
            }
            if (first_is_program && i == 0 && judged.is_none() && flags::is_program(word)) || (system && flags::is_component(word)) {
                return word.to_owned();
            }
            // `-p` says which option; `-pSECRET` would say more.
            match word.as_bytes() {
                [b'-', letter] if letter.is_ascii_alphanumeric() => word.to_owned(),
                // So that it is seen that the word is an option and none of those that matter.
                [b'-', letter, b'=', ..] if system && letter.is_ascii_alphanumeric() => format!("-{}={REDACTED}", char::from(*letter)),
                b"--" => word.to_owned(),
                _ => instead.to_owned(),
            }
        })
        .collect()
}

/// `--name` or `--name=value`.
fn flag(word: &str) -> Option<(&str, &str, Option<&str>)> {
    let rest = word.strip_prefix("--")?;
    let (name, value) = match rest.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (rest, None),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.len() <= 80
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    is_name.then_some(("--", name, value))
}

/// `-name` and `-name=value`, which mean the same as with two dashes to programs that read their command line with Go's own package
/// (etcd: `flag.FlagSet` in server/etcdmain/config.go). Only names that are known: `-pSECRET` is a value. Outside of the control plane, those of
/// agents alone, without their values.
fn single_dash(word: &str, system: bool) -> Option<(&str, &str, Option<&str>)> {
    let rest = word.strip_prefix('-').filter(|rest| !rest.starts_with('-'))?;
    let (name, value) = match rest.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (rest, None),
    };
    let known = system && name.len() > 1 && flags::is_known_flag(name);
    (known || flags::is_one_dash_flag(name)).then_some(("-", name, value))
}
