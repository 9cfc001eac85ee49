//! The command line of a container, read as the component reads it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Container;

use super::defaults::{Component, hidden};

/// Flags by name without dashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) values: BTreeMap<String, String>,
    /// Whether there is a word of which it is not known whether it is a flag: then nothing can be said about any flag.
    pub(super) opaque: bool,
    /// Whether words stand before the component that may give it variables, as those of `env` do.
    pub(super) wrapped: bool,
    /// Where a wrapper writes what the component writes to its output.
    pub(super) redirected: Option<Redirected>,
}

/// What a wrapper does with the output of what it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirected {
    /// The file; none where it is not known whether there is one, or which.
    pub(super) file: Option<String>,
    /// Whether the error output goes there, too.
    pub(super) with_errors: bool,
}

/// Programs that start another one and add nothing to its environment.
const WRAPPERS: &[&str] = &["go-runner", "kube-log-runner", "tini", "dumb-init", "exec"];

/// Those of them that can write the output into a file, and then not to their own output unless they are told to (component-base
/// logs/kube-log-runner/kube-log-runner.go: `log-file`, `also-stdout`, `redirect-stderr`). They read flags with Go's own package.
const RUNNERS: &[&str] = &["go-runner", "kube-log-runner"];

/// What the flags of such a wrapper say, in the words before the component.
fn redirected(words: &[&str]) -> Option<Redirected> {
    let at = words.iter().position(|word| RUNNERS.contains(&word.rsplit('/').next().unwrap_or(word)))?;
    let mut rest = words.get(at + 1..)?.iter();
    let (mut file, mut also, mut with_errors) = (Some(String::new()), Some(false), true);
    let switch = |value: Option<&str>| match value {
        None | Some("true" | "1" | "t") => Some(true),
        Some("false" | "0" | "f") => Some(false),
        Some(_) => None,
    };
    while let Some(word) = rest.next() {
        let Some(flag) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else { break };
        let (name, value) = flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
        match name {
            "log-file" => {
                let value = value.or_else(|| rest.next().copied());
                file = value.filter(|path| hidden(path).is_none()).map(str::to_owned);
            }
            "also-stdout" => also = switch(value),
            "redirect-stderr" => with_errors = switch(value) != Some(false),
            _ => {}
        }
    }
    match (file, also) {
        (_, Some(true)) => None,
        (Some(path), _) if path.is_empty() => None,
        (file, Some(false)) => Some(Redirected { file, with_errors }),
        (_, None) => Some(Redirected { file: None, with_errors }),
    }
}

impl Flags {
    /// Adds one flag: lists add up, of everything else the last one wins (pflag). `_` in names is `-` (component-base
    /// WordSepNormalizeFunc).
    pub(super) fn add(&mut self, component: &Component, name: &str, value: &str) {
        let name = name.replace('_', "-");
        let name = component.name_of(&name).to_owned();
        match self.values.get_mut(&name) {
            Some(list) if component.is_list(&name) => {
                list.push(',');
                list.push_str(value);
            }
            Some(old) => *old = value.to_owned(),
            None => {
                self.values.insert(name, value.to_owned());
            }
        }
    }
}

/// The flags with which a container starts a component: `--flag=value`, `--flag value` and `--switch`, in command or args, also
/// behind wrappers such as `/go-runner`. One argument is one word, whatever spaces it holds. Lines of a shell are not read: the
/// collector does not store them. etcd takes its flags with one dash too (Go's own package `flag`).
pub(super) fn flags_of(container: &Container, component: &Component) -> Option<Flags> {
    let binary = component.binary;
    let one_dash = component.environment.is_some();
    let words: Vec<&str> = container.command.iter().flatten().chain(container.args.iter().flatten()).map(String::as_str).collect();
    let is_binary = |word: &&str| !word.starts_with('-') && word.rsplit('/').next() == Some(binary);
    let start = words.iter().position(is_binary);
    let wraps = |word: &&str| !word.starts_with('-') && !WRAPPERS.contains(&word.rsplit('/').next().unwrap_or(word));
    let wrapped = words.iter().take(start.unwrap_or(0)).any(wraps);
    let rest = match start {
        Some(start) => words.get(start + 1..)?,
        // Distributions whose image starts the binary by itself write only flags.
        None if container.name == binary && words.first().is_some_and(|word| word.starts_with("--")) => words.as_slice(),
        None => return None,
    };
    let before = words.get(..start.unwrap_or(0)).unwrap_or(&[]);
    let mut flags = Flags { wrapped, redirected: redirected(before), ..Flags::default() };
    let mut rest = rest.iter().peekable();
    while let Some(word) = rest.next() {
        let bare = word.strip_prefix("--").or_else(|| word.strip_prefix('-').filter(|_| one_dash));
        let Some(flag) = bare.filter(|flag| !flag.is_empty()) else {
            // A short flag such as -v=2 says nothing about a setting; anything else may be more than one flag.
            flags.opaque |= !(word.starts_with('-') && word.len() > 1);
            continue;
        };
        match flag.split_once('=') {
            Some((name, value)) => flags.add(component, name, value),
            None if component.is_switch(&flag.replace('_', "-")) => flags.add(component, flag, "true"),
            None => match rest.next_if(|next| component.takes_a_word(&flag.replace('_', "-")) || !next.starts_with('-') || **next == "-") {
                Some(value) => flags.add(component, flag, value),
                None => flags.add(component, flag, "true"),
            },
        }
    }
    Some(flags)
}

#[cfg(test)]
mod tests {
    use super::super::defaults::API_SERVER;
    use super::*;

    fn flags(words: &[&str]) -> Flags {
        let container = Container {
            name: "kube-apiserver".to_owned(),
            command: Some(words.iter().map(|word| (*word).to_owned()).collect()),
            ..Container::default()
        };
        flags_of(&container, &API_SERVER).unwrap_or_else(|| panic!("{words:?} starts kube-apiserver"))
    }

    fn value(words: &[&str], name: &str) -> Option<String> {
        flags(words).values.get(name).cloned()
    }

    #[test]
    fn underscores_are_dashes() {
        assert_eq!(value(&["kube-apiserver", "--tls_min_version=VersionTLS10"], "tls-min-version").as_deref(), Some("VersionTLS10"));
    }

    #[test]
    fn repeated_lists_add_up_and_the_last_of_everything_else_wins() {
        let words = [
            "kube-apiserver",
            "--authorization-mode=AlwaysAllow",
            "--authorization-mode=Node,RBAC",
            "--profiling=true",
            "--profiling=false",
        ];
        assert_eq!(value(&words, "authorization-mode").as_deref(), Some("AlwaysAllow,Node,RBAC"));
        assert_eq!(value(&words, "profiling").as_deref(), Some("false"));
    }

    #[test]
    fn a_word_that_may_be_a_flag_makes_everything_uncertain() {
        assert!(flags(&["kube-apiserver", "--anonymous-auth=false", "[redacted]"]).opaque);
        assert!(flags(&["kube-apiserver", "--profiling", "false"]).opaque, "a switch takes no word");
        assert!(!flags(&["kube-apiserver", "--v=2", "-v=[redacted]", "--secure-port", "6443"]).opaque);
    }

    #[test]
    fn one_argument_is_one_flag() {
        let words = ["kube-apiserver", "--external-hostname=x --anonymous-auth=false"];
        assert_eq!(value(&words, "anonymous-auth"), None);
    }

    #[test]
    fn a_value_that_begins_with_a_dash_is_a_value() {
        let words = ["kube-apiserver", "--audit-log-path", "-", "--profiling=false"];
        assert_eq!(value(&words, "audit-log-path").as_deref(), Some("-"));
        assert!(!flags(&words).opaque);
    }

    #[test]
    fn a_flag_is_known_under_its_older_name() {
        let words = ["kube-apiserver", "--experimental-encryption-provider-config=/e.yaml"];
        assert_eq!(value(&words, "encryption-provider-config").as_deref(), Some("/e.yaml"));
    }

    #[test]
    fn wrappers_and_paths_are_looked_through() {
        let words = ["/go-runner", "--log-file=/var/log/x", "/usr/local/bin/kube-apiserver", "--profiling=false"];
        assert_eq!(value(&words, "profiling").as_deref(), Some("false"));
        assert_eq!(value(&words, "log-file"), None, "a flag of the wrapper");
        assert!(!flags(&words).wrapped);
        let to = |words: &[&str]| flags(words).redirected;
        let file = |path: &str, with_errors| Some(Redirected { file: Some(path.to_owned()), with_errors });
        assert_eq!(to(&words), file("/var/log/x", true));
        assert_eq!(to(&["kube-log-runner", "-log-file", "/x", "-redirect-stderr=false", "kube-apiserver"]), file("/x", false));
        assert_eq!(to(&["go-runner", "--log-file=/x", "--also-stdout=true", "kube-apiserver"]), None);
        assert_eq!(to(&["go-runner", "--log-file=/x", "--also-stdout=[redacted]", "kube-apiserver"]).and_then(|to| to.file), None);
        assert_eq!(to(&["go-runner", "--log-file=[redacted]", "kube-apiserver"]), Some(Redirected { file: None, with_errors: true }));
        assert_eq!(to(&["go-runner", "kube-apiserver", "--log-file=/x"]), None);
        assert!(flags(&["/usr/bin/env", "[redacted]", "kube-apiserver", "--profiling=false"]).wrapped, "a variable may stand there");
    }
}
