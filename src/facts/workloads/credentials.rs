//! Credentials that are written out in a manifest, as the collector judged them while it left the values out.

use super::containers::{Common, sorted_owned};
use crate::facts::table::placed::Placed;
use crate::model::LooksLikeCredential;

/// Where a container has some and why they look like that; `place` is the container's.
pub(super) fn of(container: &Common<'_>, place: &str) -> Placed<Vec<String>> {
    let mut found = Vec::new();
    let mut at = Vec::new();
    for (i, variable) in container.env.iter().enumerate() {
        if let Some(kind) = variable.value.as_deref().and_then(LooksLikeCredential::in_stored) {
            found.push(format!("variable {} ({})", variable.name, kind.words()));
            at.push(format!("{place}/env/{i}/value"));
        }
    }
    for (field, words) in [("command", container.command), ("args", container.args)] {
        for (i, word) in words.iter().enumerate() {
            let Some(kind) = LooksLikeCredential::in_stored(word) else { continue };
            // `--name=value` says which option; of `--name value` the word in front does.
            let own = word.split_once('=').map(|(name, _)| name).filter(|name| name.starts_with('-'));
            let before = i.checked_sub(1).and_then(|before| words.get(before)).map(String::as_str);
            let option = own.or(before.filter(|word| word.starts_with('-') && !word.contains("[redacted]")));
            found.push(match option {
                Some(option) => format!("option {option} ({})", kind.words()),
                None => format!("word {} of {field} ({})", i + 1, kind.words()),
            });
            at.push(format!("{place}/{field}/{i}"));
        }
    }
    Placed { value: sorted_owned(found), at }
}
