//! What a value gives away although its field may be kept: fields that hold configuration are filled in by people, and people put
//! credentials everywhere.

use super::super::inventory::inventory;
use super::arguments::REDACTED;

/// What credentials begin with, as their issuers write them.
const PREFIXES: [&str; 30] = [
    "AKIA",
    "ASIA",
    "AIza",
    "ya29.",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "glrt-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xapp-",
    "sk-",
    "sk_live_",
    "rk_live_",
    "pk_live_",
    "SG.",
    "hvs.",
    "hvb.",
    "s.",
    "dop_v1_",
    "npm_",
    "pypi-",
    "dckr_pat_",
    "eyJ",
    "AGE-SECRET-KEY-",
];

/// Whether a text looks like a credential, or holds one: a URL with a password, a key in PEM, a token of a known form, letters of both cases
/// with digits in one long run.
pub(super) fn looks_secret(text: &str) -> bool {
    if text.contains("-----BEGIN") || has_userinfo(text) {
        return true;
    }
    let assigned = ["password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "api-key", "access_key", "credential"];
    let lower = text.to_ascii_lowercase();
    let assigns = |name: &str| {
        let mut from = 0;
        while let Some(at) = lower.get(from..).and_then(|rest| rest.find(name)) {
            let rest = lower.get(from + at + name.len()..).unwrap_or("").trim_start();
            // A setting of that name with a value behind it; `token:` alone, at the end, says nothing.
            if rest.strip_prefix(['=', ':']).is_some_and(|value| !value.trim().is_empty()) {
                return true;
            }
            from += at + name.len();
        }
        false
    };
    if assigned.iter().any(|name| assigns(name)) {
        return true;
    }
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.+=".contains(c))).any(|run| {
        let known = PREFIXES.iter().any(|prefix| run.strip_prefix(prefix).is_some_and(|rest| rest.len() >= 16));
        known || run.split(['-', '.', '_']).any(is_dense)
    })
}

/// Twenty letters of both cases and digits without anything between them are no name.
fn is_dense(run: &str) -> bool {
    let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
    run.len() >= 20 && count(u8::is_ascii_digit) >= 1 && count(u8::is_ascii_uppercase) >= 3 && count(u8::is_ascii_lowercase) >= 3
}

/// `user:password@` in a URL, or before a host.
fn has_userinfo(text: &str) -> bool {
    text.split_whitespace().any(|word| {
        let Some((before, _)) = word.rsplit_once('@') else { return false };
        word.contains("://") || before.contains(':')
    })
}

/// A short text of letters, digits and few other signs that looks like no credential.
pub(super) fn is_plain_setting(text: &str) -> bool {
    text.len() <= 256 && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./:, ".contains(c)) && !looks_secret(text)
}

/// A reference to an image without user and password. The API takes any text there: what stands before the last `@` that is not that of a
/// digest, and behind a `?`, is no part of a reference.
pub(super) fn image(reference: &str) -> String {
    let reference = reference.split(['?', '#']).next().unwrap_or("");
    let (scheme, rest) = match reference.split_once("://") {
        Some((scheme, rest)) => (scheme, rest),
        None => ("", reference),
    };
    let (rest, cut) = without_userinfo(rest);
    let rest = if cut && rest.is_empty() { REDACTED } else { rest };
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

fn without_userinfo(text: &str) -> (&str, bool) {
    let Some((before, after)) = text.rsplit_once('@') else { return (text, false) };
    // Behind the `@` of a digest stands its algorithm, and no path.
    let is_digest = !after.contains('/')
        && after.split_once(':').is_some_and(|(algorithm, hash)| {
            ["sha", "md5", "blake"].iter().any(|known| algorithm.to_ascii_lowercase().starts_with(known)) || hash.len() >= 32
        });
    match is_digest {
        true => match before.rfind('@') {
            // Credentials before a reference that has a digest too.
            Some(at) => (text.get(at + 1..).unwrap_or(""), true),
            None => (text, false),
        },
        // `name:tag@word` is neither a digest nor a host with a path: the name is what is left.
        false if !after.contains('/') && before.contains('/') => (before, true),
        false => (after, true),
    }
}

/// An expression of a policy with what it says about namespaces, and without every other text that somebody wrote: words of the language and of
/// Kubernetes' own fields stay, so that it is seen what it looks at.
pub(super) fn expression(text: &str) -> String {
    const WORDS: [&str; 50] = [
        "object",
        "oldObject",
        "request",
        "namespaceObject",
        "params",
        "authorizer",
        "variables",
        "metadata",
        "namespace",
        "name",
        "labels",
        "annotations",
        "spec",
        "status",
        "kind",
        "resource",
        "subResource",
        "group",
        "version",
        "uid",
        "operation",
        "userInfo",
        "username",
        "groups",
        "dryRun",
        "has",
        "in",
        "true",
        "false",
        "null",
        "size",
        "all",
        "exists",
        "exists_one",
        "filter",
        "map",
        "matches",
        "startsWith",
        "endsWith",
        "contains",
        "containers",
        "initContainers",
        "ephemeralContainers",
        "template",
        "image",
        "securityContext",
        "c",
        "optional",
        "orValue",
        "replicas",
    ];
    const SIGNS: &str = "!=<>&|()[]{}.,?:+-*/% ";
    if text.len() > 64 * 1024 {
        return REDACTED.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    // Whether what was written last compares with the name of a namespace.
    let mut about_namespace = false;
    while let Some(c) = rest.chars().next() {
        if c == '"' || c == '\'' {
            let (literal, tail) = literal(rest, c);
            let is_label =
                (1..=63).contains(&literal.len()) && literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            let about = about_namespace || compares_with_namespace(tail);
            let kept = (about && is_label && !looks_secret(literal)) || is_name_of_kubernetes(literal) || is_system_name(literal);
            let shown = if literal.is_empty() || kept { literal } else { REDACTED };
            out.push_str(&format!("'{shown}'"));
            rest = tail;
        } else if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let is_prefix_of_literal = word.len() <= 2 && tail.starts_with(['"', '\'']);
            if !is_prefix_of_literal {
                out.push_str(if WORDS.contains(&word) { word } else { REDACTED });
            }
            about_namespace = match word {
                "namespace" => out.ends_with("request.namespace") || out.ends_with("metadata.namespace"),
                "name" => out.ends_with("namespaceObject.metadata.name"),
                "in" | "startsWith" | "endsWith" | "contains" => about_namespace,
                _ => false,
            };
            rest = tail;
        } else if c.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (number, tail) = rest.split_at(end);
            out.push_str(if number.len() <= 9 { number } else { REDACTED });
            about_namespace = false;
            rest = tail;
        } else {
            if SIGNS.contains(c) {
                out.push(c);
                about_namespace &= !matches!(c, '&' | '|' | '?' | '+');
            } else if c.is_whitespace() {
                out.push(' ');
            }
            rest = rest.get(c.len_utf8()..).unwrap_or("");
        }
    }
    out
}

/// Whether what follows a literal says that it is compared with a namespace: `'records' == request.namespace`.
fn compares_with_namespace(tail: &str) -> bool {
    let words = tail.trim_start();
    let Some(words) = words.strip_prefix("==").or_else(|| words.strip_prefix("!=")) else { return false };
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let path = words.trim_start().split(|c: char| !is_word(c)).next();
    matches!(path, Some("request.namespace" | "object.metadata.namespace" | "namespaceObject.metadata.name"))
}

/// A user or a group that Kubernetes itself calls so: whether a condition leaves these out decides whom it is about.
fn is_system_name(literal: &str) -> bool {
    literal.starts_with("system:")
        && literal.len() <= 256
        && literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b":-.".contains(&b))
        && !looks_secret(literal)
}

/// A kind, plural or group that Kubernetes or a known add-on has, or what a request does with it: which of them a condition asks for decides
/// what a policy is about.
fn is_name_of_kubernetes(literal: &str) -> bool {
    const OTHERS: [&str; 18] = [
        "CREATE",
        "UPDATE",
        "DELETE",
        "CONNECT",
        "secrets",
        "Secret",
        "configmaps",
        "ConfigMap",
        "events",
        "Event",
        "endpoints",
        "Endpoints",
        "leases",
        "Lease",
        "PodExecOptions",
        "PodAttachOptions",
        "Eviction",
        "v1",
    ];
    OTHERS.contains(&literal)
        || inventory().iter().any(|entry| {
            entry.is_resource() && [entry.kind, entry.source.resource(), entry.source.api_group()].contains(&literal) && literal != "*"
        })
}

/// The content of the literal with which `text` begins, and what follows it.
fn literal(text: &str, quote: char) -> (&str, &str) {
    let inner = text.get(1..).unwrap_or("");
    let mut escaped = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return (inner.get(..at).unwrap_or(""), inner.get(at + 1..).unwrap_or("")),
            _ => {}
        }
    }
    (inner, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_credential_is_one() {
        for secret in [
            "postgres://app:hunter2@db/x",
            "app:hunter2@db",
            "-----BEGIN PRIVATE KEY-----",
            "AKIAABCDEFGHIJKLMNOP",
            "x=1,password=hunter2",
            "Token: abc",
            "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
            "eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ.e30.c2ln",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for plain in [
            "",
            "aws:kms",
            "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
            "/subscriptions/1234abcd-12ab-34cd-56ef-1234567890ab/resourceGroups/Records/providers/Microsoft.Compute/diskEncryptionSets/des",
            "projects/clinic/locations/europe-west3/keyRings/ring/cryptoKeys/key",
            "fs-0123456789abcdef0",
            "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "quay.io/cilium/cilium@sha256:0a1b2c",
            "--bootstrap-token=",
        ] {
            assert!(!looks_secret(plain), "{plain}");
        }
    }

    #[test]
    fn user_and_password_are_cut_from_image_references() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        for (written, kept) in [
            ("registry.example/app:1.2", "registry.example/app:1.2".to_owned()),
            ("user:p4ss@registry.example/app:1.2", "registry.example/app:1.2".to_owned()),
            ("https://user:p@ss@registry.example:5000/app", "https://registry.example:5000/app".to_owned()),
            ("user:p/ss@registry.example/app", "registry.example/app".to_owned()),
            (&format!("registry.example/app@{digest}"), format!("registry.example/app@{digest}")),
            (&format!("u:p@registry.example/app:1@{digest}"), format!("registry.example/app:1@{digest}")),
            ("registry.example/app@sha256:short", "registry.example/app@sha256:short".to_owned()),
            ("registry.example/app?token=x", "registry.example/app".to_owned()),
            ("registry.example/app:1@p4ss", "registry.example/app:1".to_owned()),
            ("u:p@", REDACTED.to_owned()),
        ] {
            assert_eq!(image(written), kept, "{written}");
        }
    }

    #[test]
    fn of_an_expression_stays_what_it_says_about_namespaces() {
        for (written, kept) in [
            ("true", "true"),
            ("request.namespace != 'records'", "request.namespace != 'records'"),
            ("!(object.metadata.namespace in ['records', \"kube-system\"])", "!(object.metadata.namespace in ['records', 'kube-system'])"),
            ("!request.namespace.startsWith('rec')", "!request.namespace.startsWith('rec')"),
            (
                "request.kind.kind == 'Pod' && request.operation in ['CREATE', 'x']",
                "request.kind.kind == 'Pod' && request.operation in ['CREATE', '[redacted]']",
            ),
            ("request.userInfo.username == 'dr-house'", "request.userInfo.username == '[redacted]'"),
            ("'records' != request.namespace", "'records' != request.namespace"),
            (
                "'hunter2' != object.spec.x && 'a'==object.metadata.namespaces",
                "'[redacted]' != object.spec.[redacted] && '[redacted]'==object.metadata.[redacted]",
            ),
            ("!('system:nodes' in request.userInfo.groups)", "!('system:nodes' in request.userInfo.groups)"),
            ("'system:Hunter2' in request.userInfo.groups", "'[redacted]' in request.userInfo.groups"),
            ("request.namespace == 'a' && object.metadata.name == 'b'", "request.namespace == 'a' && object.metadata.name == '[redacted]'"),
            ("object.spec.hunter2 == r'x\\'y' // s3cret", "object.spec.[redacted] == '[redacted]' // [redacted]"),
            ("variables.x == 'unclosed", "variables.[redacted] == '[redacted]'"),
        ] {
            assert_eq!(expression(written), kept, "{written}");
        }
    }
}
