//! The allow-list language.
//!
//! ```text
//! metadata{name labels}      keep metadata, and of it name and labels with all they hold
//! spec{*{}}                  keep the names of all fields of spec whose value is an object, and nothing in them
//! status{phase}              lists are looked through: a rule speaks about each element
//! env:env                    treat the value specially
//! spec!{...} rules!?         must be there, and not null; must be there, and may be null
//! $podspec                   a named part, see `FRAGMENTS`
//! ```

use std::collections::BTreeMap;

use super::super::inventory::fragment;

/// What is kept of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Everything.
    Whole,
    /// That it is there: `{}` for an object, `[]` for a list; anything else goes.
    Presence,
    /// These fields, and one rule for all others where there is a `*`.
    Fields(BTreeMap<&'static str, Self>, Option<Box<Self>>),
    /// A treatment of its own.
    Special(Special),
    /// A field that the API always writes: an object without it did not come as the server has it.
    Required(Box<Self>, Null),
}

/// Whether a field that must be there may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Null {
    /// A list that is written even when it is empty.
    Allowed,
    /// Anything else.
    Refused,
}

/// Fields that hold free text beside configuration that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Special {
    /// Options of a mount: the words that say how data travels, `"[redacted]"` in place of the others.
    MountOptions,
    /// `"[redacted]"` in place of any value.
    Redacted,
    /// Annotations: only known ones.
    Annotations,
    /// `command`: like arguments, and the first word stays.
    Command,
    /// `args`: names of flags stay; values only of known flags of control plane components.
    Arguments,
    /// `env`: names and references stay, values go.
    Environment,
    /// A map of settings of a storage driver: names stay; values of settings about encryption and protocol stay.
    Parameters,
    /// A map whose names stay and whose values go.
    Names,
    /// A map of flags to values: names stay, values only of known flags.
    Flags,
    /// A URL of which only scheme, host and port stay.
    Url,
    /// A reference to an image, without user and password.
    Image,
    /// An expression of a policy: of the texts in it, only names of namespaces stay.
    Expression,
    /// The path of a route: whether it is everything; any other may name somebody.
    Path,
    /// A list that the server keeps in no fixed order.
    Sorted,
    /// A document of Velero's resource policies: what chooses volumes, and what is done with them.
    VolumePolicies,
    /// Conditions of Kyverno: only what they say about namespaces and operations.
    Preconditions,
}

/// The allow-list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the allow-list cannot be read at `{at}`: {why}")]
pub struct KeepError {
    /// The rest of the text where it went wrong.
    pub at: String,
    /// What is wrong.
    pub why: &'static str,
}

impl Keep {
    /// Reads the fields of an object.
    pub fn parse(text: &'static str) -> Result<Self, KeepError> {
        let mut rest = text;
        let fields = fields(&mut rest, 0)?;
        if rest.is_empty() { Ok(fields) } else { Err(error(rest, "a closing brace too many")) }
    }
}

fn error(at: &str, why: &'static str) -> KeepError {
    KeepError { at: at.chars().take(40).collect(), why }
}

fn fields(rest: &mut &'static str, depth: usize) -> Result<Keep, KeepError> {
    if depth > 24 {
        return Err(error(rest, "too deep, or a part that names itself"));
    }
    let mut named = BTreeMap::new();
    let mut others = None;
    loop {
        *rest = rest.trim_start();
        if rest.is_empty() || rest.starts_with('}') {
            break;
        }
        if let Some(tail) = rest.strip_prefix('$') {
            let (name, tail) = word(tail)?;
            let Some(mut text) = fragment(name) else { return Err(error(name, "no such part")) };
            *rest = tail;
            match fields(&mut text, depth + 1)? {
                Keep::Fields(more, star) => {
                    named.extend(more);
                    others = others.or(star);
                }
                _ => return Err(error(name, "an empty part")),
            }
            continue;
        }
        let (name, tail) = word(rest)?;
        let (required, tail) = match (tail.strip_prefix("!?"), tail.strip_prefix('!')) {
            (Some(tail), _) => (Some(Null::Allowed), tail),
            (None, Some(tail)) => (Some(Null::Refused), tail),
            (None, None) => (None, tail),
        };
        let rule = if let Some(tail) = tail.strip_prefix('{') {
            *rest = tail;
            let rule = fields(rest, depth + 1)?;
            *rest = rest.strip_prefix('}').ok_or_else(|| error(name, "no closing brace"))?;
            rule
        } else if let Some(tail) = tail.strip_prefix(':') {
            let (treatment, tail) = word(tail)?;
            *rest = tail;
            Keep::Special(special(treatment).ok_or_else(|| error(treatment, "no such treatment"))?)
        } else {
            *rest = tail;
            Keep::Whole
        };
        let rule = match required {
            Some(null) => Keep::Required(Box::new(rule), null),
            None => rule,
        };
        if name == "*" {
            others = Some(Box::new(rule));
        } else if named.insert(name, rule).is_some() {
            return Err(error(name, "named twice"));
        }
    }
    if named.is_empty() && others.is_none() { Ok(Keep::Presence) } else { Ok(Keep::Fields(named, others)) }
}

fn word(text: &'static str) -> Result<(&'static str, &'static str), KeepError> {
    let end = text.find(|c: char| c.is_whitespace() || "{}:$!".contains(c)).unwrap_or(text.len());
    if end == 0 { Err(error(text, "a name is missing")) } else { Ok(text.split_at(end)) }
}

fn special(name: &str) -> Option<Special> {
    Some(match name {
        "mountoptions" => Special::MountOptions,
        "redacted" => Special::Redacted,
        "annotations" => Special::Annotations,
        "command" => Special::Command,
        "args" => Special::Arguments,
        "env" => Special::Environment,
        "parameters" => Special::Parameters,
        "names" => Special::Names,
        "flags" => Special::Flags,
        "url" => Special::Url,
        "image" => Special::Image,
        "expression" => Special::Expression,
        "path" => Special::Path,
        "sorted" => Special::Sorted,
        "volumepolicies" => Special::VolumePolicies,
        "preconditions" => Special::Preconditions,
        _ => return None,
    })
}
