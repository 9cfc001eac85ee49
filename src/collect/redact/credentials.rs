//! Whether text that is about to be redacted looks like a credential.
//!
//! By name first: the words of a variable, an option or a field say what it holds ([`names`]), and its last word may say that it holds only
//! where to find it (`PASSWORD_FILE`, `--token-ttl`). Then by the value ([`values`]): what the kubelet or a shell replaces (`$(NAME)`), paths
//! of files, switches and what stands for "fill in here" is no credential. Then by shape, whatever the name ([`formats`]): an address with a
//! password in it, the formats in which issuers write their keys so that scanners find them, text that only a generator writes. And a text
//! may hold all that inside: a command line ([`commands`], [`programs`]), a document, a connection string ([`text`]).
//!
//! Only the kind of what was found leaves this module, and the time that it takes grows with the length of a text and no faster.

mod commands;
mod formats;
mod names;
mod programs;
mod text;
mod values;

use crate::model::LooksLikeCredential as Kind;

pub(super) use programs::{Program, of_image};

/// The judgement of one environment variable.
pub(super) fn of_variable(name: &str, value: &str) -> Option<Kind> {
    formats::of_shape(value)
        .or_else(|| commands::by_name(name, value))
        .or_else(|| text::of_pairs(value, false))
        .or_else(|| commands::is_command_line(name, value).then(|| commands::of_script(value, 0)).flatten())
        .or_else(|| text::of_encoded(name, value))
        .or_else(|| formats::random(name, value))
}

/// The judgement of each word of a command line. `program` is what is called, where that is known; behind, what these words call.
pub(super) fn of_words<S: AsRef<str>>(words: &[S], program: &mut Option<&'static Program>) -> Vec<Option<Kind>> {
    commands::of_words(words, program)
}

#[cfg(test)]
mod tests;
