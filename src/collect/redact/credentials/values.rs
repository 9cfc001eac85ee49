//! Whether a value is written out, and is one of what its name says.

use super::names::{Says, Words, is_in, words};

/// Longer values are judged by their beginning.
const ENOUGH: usize = 4096;

/// Whether a value counts as what its name says. In a line of shell `$name` is a reference.
pub(super) fn counts(says: Says, value: &str, shell: bool) -> bool {
    let value = unquoted(head(value, ENOUGH));
    // A list: its first element tells.
    let value = match value.strip_prefix('[') {
        Some(list) if value.ends_with(']') => list.trim_end_matches(']').trim().split([',', ' ']).next().map_or("", unquoted),
        _ => value,
    };
    // A document is looked into, whatever it is called.
    if value.starts_with('{') && value.contains(':') && value.contains('"') {
        return false;
    }
    if says == Says::Header {
        return is_authorization(value, shell);
    }
    if !is_literal(value, shell) {
        return false;
    }
    match says {
        // `PROXY_PASS=backend:8080`.
        Says::Password => !(value.contains(':') && is_host(value)),
        Says::Token => !is_measure(value) && !is_setting(value),
        // A program runs with `secret` as its secret.
        Says::SharedSecret => !is_in("auto generate generated random env file vault", &value.to_ascii_lowercase()),
        Says::Secret => !is_identifier(value) && !is_setting(value),
        Says::NameOfSecret => !is_dns_name(value) && !is_setting(value),
        Says::Credentials => !is_identifier(value) && !is_setting(value) && !value.bytes().all(|b| b.is_ascii_alphabetic()),
        // A column or a topic has no number in its name.
        Says::Key => (is_mixed(value) || !is_identifier(value) && value.len() >= 8) && !is_setting(value) && !is_public(value),
        Says::AnyKey => {
            value.len() >= 8
                && !is_identifier(value)
                && !is_setting(value)
                && !is_public(value)
                && is_mixed(value)
                && !is_key_of_object(value)
        }
        Says::Auth => is_user_and_password(value, shell),
        Says::PasswordOrAuth => !is_setting(value),
        Says::Pin => value.len() >= 4 && !is_setting(value),
        Says::Cookie => value.len() >= 6 && !is_setting(value),
        Says::Signature => value.len() >= 20 && is_mixed(value),
        Says::About => is_made_up(value),
        Says::Header => false,
    }
}

/// The beginning of a text, cut at a sign.
pub(super) fn head(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let end = (0..=bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    text.get(..end).unwrap_or("")
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches(['"', '\''])
}

/// `Bearer x`, `Basic x`, `x` where it is long.
fn is_authorization(value: &str, shell: bool) -> bool {
    // As headers are written in a variable (W3C Baggage, which OpenTelemetry takes).
    let value = &value.replacen("%20", " ", 1);
    let (scheme, rest) = value.split_once([' ', '+']).unwrap_or(("", value.as_str()));
    let known = is_in("bearer basic token apikey api-key key jwt splunk genie-key glue ssws", &scheme.to_ascii_lowercase());
    let rest = rest.split(|c: char| c.is_whitespace() || "\"',;".contains(c)).next().unwrap_or("");
    if known {
        return is_literal(rest, shell) && !is_setting(rest);
    }
    scheme.is_empty() && rest.len() >= 16 && is_mixed(rest) && is_literal(rest, shell) && !is_setting(rest)
}

/// `user:password`; for Neo4j `user/password`.
pub(super) fn is_user_and_password(value: &str, shell: bool) -> bool {
    let Some((user, password)) = value.split_once(':').or_else(|| value.split_once('/').filter(|(user, _)| *user == "neo4j")) else {
        return false;
    };
    let user = user.trim();
    let named = !user.is_empty() && user.len() <= 80 && user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.@\\+".contains(c));
    // `host:8080` and `1000:1000` are no passwords.
    let port = password.bytes().all(|b| b.is_ascii_digit()) && (user.contains('.') || user.bytes().all(|b| b.is_ascii_digit()));
    named && !port && !password.starts_with("//") && is_literal(password, shell)
}

/// `1h30m`, `3600`, `10s`, `512Mi`.
fn is_measure(value: &str) -> bool {
    value.len() <= 12
        && value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_digit() || "hmsdwyKMGTi.".contains(c))
}

/// Names of something: words with a dash, a dot, an underscore or a slash between them, and numbers behind (`records-db-2`).
fn is_identifier(value: &str) -> bool {
    let is_word = |part: &str| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = part.len() - letters.len();
        part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            && letters.bytes().all(|b| b.is_ascii_lowercase())
            && !part.is_empty()
            // `v2`, `2`, `db1`; more digits are no number of something.
            && (digits <= 1 || (letters == "v" && digits <= 3))
    };
    value.len() <= 253 && value.contains(['-', '_', '.', '/']) && value.split(['-', '_', '.', '/']).all(is_word)
}

/// `patients/2024/a1`: where an object lies.
fn is_key_of_object(value: &str) -> bool {
    value.contains('/') && !value.bytes().any(|b| b.is_ascii_uppercase())
}

fn is_dns_name(value: &str) -> bool {
    value.len() <= 253
        && value.starts_with(|c: char| c.is_ascii_lowercase())
        && value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-./".contains(c))
}

/// A word by which programs are set.
fn is_word_of_settings(value: &str) -> bool {
    static WORDS: Words = words!(
        "
        disabled enabled auto automatic default optional required always never env file vault kubernetes serviceaccount store cache
        local memory basic bearer jwt oidc oauth oauth2 ldap saml medium strong weak low high string str text int integer number bool
        boolean object any bytes none plain internal external manual static dynamic ephemeral persistent random generated generate
        header cookie query body strict relaxed lax rotate keychain osxkeychain wincred pass manager opaque rbac webhook node
        anonymous inherit
    "
    );
    value.len() <= 16 && WORDS.contains(value.to_ascii_lowercase().as_str())
}

/// What configuration says: a known word, an address of mail, the name of a host.
fn is_setting(value: &str) -> bool {
    is_word_of_settings(value) || is_mail(value) || is_host(value)
}

fn is_mail(value: &str) -> bool {
    value.split_once('@').is_some_and(|(user, host)| {
        let plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
        plain(user) && plain(host) && host.contains('.') && is_host(host)
    })
}

/// `db.records.svc`, `clinic.example:8080`.
fn is_host(value: &str) -> bool {
    let host = match value.rsplit_once(':') {
        Some((host, port)) if !port.is_empty() && port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) => host,
        Some(_) => return false,
        None => value,
    };
    let label =
        |label: &str| (1..=40).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let top = host.rsplit('.').next().unwrap_or("");
    (host.contains('.') || host.len() < value.len())
        && host.len() <= 253
        && host.split('.').all(label)
        && top.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        && host.matches(|c: char| c.is_ascii_digit()).count() * 3 <= host.len()
}

/// Letters and digits, or other signs with them.
fn is_mixed(value: &str) -> bool {
    value.bytes().any(|b| b.is_ascii_digit()) && value.bytes().any(|b| b.is_ascii_alphabetic())
}

/// As people make up passwords: letters with digits or signs, and none of the forms that configuration has.
fn is_made_up(value: &str) -> bool {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&*+?@^~=".contains(c));
    let version = value.trim_start_matches('v').chars().all(|c| c.is_ascii_digit() || c == '.');
    value.len() >= 7 && plain && is_mixed(value) && !version && !is_setting(value) && !is_measure(value) && !is_name_of_an_algorithm(value)
}

fn is_name_of_an_algorithm(value: &str) -> bool {
    let lower = head(value, 40).to_ascii_lowercase();
    [
        "sha", "md5", "aes", "rsa", "hs2", "hs3", "hs5", "rs2", "rs3", "rs5", "es2", "es3", "es5", "pbkdf", "argon", "bcrypt", "scrypt",
        "oauth", "utf",
    ]
    .iter()
    .any(|known| lower.starts_with(known))
}

/// What everybody may know: a public key or a certificate, as they begin in DER (RFC 5280, RFC 5480, RFC 8410) and in OpenSSH.
pub(super) fn is_public(value: &str) -> bool {
    const BEGINNINGS: [&str; 15] = [
        "MFkwEwYH",
        "MFYwEAYH",
        "MHYwEAYH",
        "MIGbMBAG",
        "MIIBIjAN",
        "MIICIjAN",
        "MIGfMA0G",
        "MCowBQYD",
        "ssh-",
        "ecdsa-sha2",
        "sk-ssh",
        "age1",
        "AAAAB3NzaC1",
        "AAAAC3NzaC1",
        "-----BEGIN PUBLIC",
    ];
    BEGINNINGS.iter().any(|beginning| value.starts_with(beginning)) || value.starts_with("-----BEGIN CERTIFICATE")
}

/// Whether a value is written out, and is not a reference, a path, a switch, or a place to fill in.
pub(super) fn is_literal(value: &str, shell: bool) -> bool {
    let value = unquoted(value);
    if value.len() < 2 || is_placeholder(value) || is_path(value) || is_elsewhere(value) || is_hash(value) {
        return false;
    }
    match without_references(value, shell) {
        None => true,
        // What is left beside a reference is part of a name (`$(RELEASE)-db`), unless it is written as nobody names things.
        Some(left) => {
            let signs: String = left.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
            signs.len() >= 6 && is_mixed(&signs) && !is_path(left.trim()) && !left.contains(['/', ' '])
        }
    }
}

/// A value without its references; nothing where it has none.
fn without_references(value: &str, shell: bool) -> Option<String> {
    const PAIRS: [(&str, &str); 6] = [("$(", ")"), ("${", "}"), ("{{", "}}"), ("#{", "}"), ("<%", "%>"), ("@@", "@@")];
    if !value.contains(['$', '{', '#', '<', '@', '`']) {
        return None;
    }
    let mut left = String::new();
    let mut rest = value;
    let mut any = false;
    while let Some(c) = rest.chars().next() {
        if let Some((begin, end)) = PAIRS.iter().find(|(begin, _)| rest.starts_with(begin)) {
            let inner = rest.get(begin.len()..).unwrap_or("");
            match inner.find(end) {
                Some(at) => rest = inner.get(at + end.len()..).unwrap_or(""),
                // Only what a shell or the kubelet would read on needs no end here.
                None if *begin == "$(" || *begin == "${" || *begin == "{{" => rest = "",
                None => {
                    left.push_str(begin);
                    rest = inner;
                    continue;
                }
            }
            any = true;
            continue;
        }
        let tail = rest.get(c.len_utf8()..).unwrap_or("");
        if c == '`' && shell {
            return Some(left);
        }
        if c == '$' {
            let end = tail.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(tail.len());
            let name = tail.get(..end).unwrap_or("");
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            let special = shell && end == 0 && tail.starts_with(['@', '*', '#', '?', '!', '$', '-']);
            // Outside of a shell few programs replace `$NAME`, and passwords begin with `$`, too.
            let whole = left.is_empty() && end == tail.len() && (is_name_of_variable(name));
            if (shell && (is_name || name.starts_with(|c: char| c.is_ascii_digit()) || special)) || whole {
                rest = tail.get(end..).unwrap_or("");
                any = true;
                continue;
            }
        }
        left.push(c);
        rest = tail;
    }
    any.then_some(left)
}

/// `DB_PASSWORD`, `db_password`; not `ummer2024`.
fn is_name_of_variable(name: &str) -> bool {
    let upper = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    let lower = name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && super::names::says(name).is_some();
    upper || lower
}

/// Where something has to be filled in, or nothing is meant. What a program could run with is none: `example` and `changeme` are
/// passwords where somebody sets them.
fn is_placeholder(value: &str) -> bool {
    let inside = |begin: char, end: char| value.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end));
    let words = |text: &str| text.chars().all(|c| c.is_ascii_alphabetic() || "-_ .:/".contains(c));
    if inside('<', '>').is_some()
        || inside('[', ']').is_some_and(words)
        || inside('%', '%').is_some_and(words)
        || inside('@', '@').is_some_and(words)
    {
        return true;
    }
    if value.starts_with("__") && value.ends_with("__") && words(value) {
        return true;
    }
    // What programs fill in: `%(password)s`, `%s`, `{password}`, `:password`.
    let filled = inside('{', '}').is_some_and(|name| words(name) && name.len() > 1) || value.strip_prefix(':').is_some_and(words);
    if filled || value.starts_with("%(") || matches!(value, "%s" | "%v" | "%q" | "%d") {
        return true;
    }
    let mut signs = value.bytes();
    let first = signs.next().unwrap_or(b' ');
    if !first.is_ascii_digit() && signs.all(|b| b == first) {
        return true;
    }
    if value.len() > 80 {
        return false;
    }
    let word: String = value.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect();
    static NOTHING: Words = words!(
        "
        true false yes no on off none null nil undefined unset unused notused notset na empty redacted placeholder todo tbd fixme
        replaceme fillme fillmein insertme insert prompt stdin omitted masked
    "
    );
    if word.is_empty() || NOTHING.contains(word.as_str()) {
        return true;
    }
    // `your-password-here`, `YOUR_API_KEY`, `insert-token-here`, `replace-with-real-password`.
    let begins = ["your", "my", "insert", "enter", "put", "replace", "replacewith", "add", "fillin", "the"]
        .iter()
        .any(|begin| word.starts_with(begin));
    let asks = word.ends_with("here")
        || (["your", "insertyour", "enteryour", "putyour", "replacewith"].iter().any(|begin| word.starts_with(begin))
            && names_a_credential(&word));
    begins && asks && !word.bytes().any(|b| b.is_ascii_digit())
}

fn names_a_credential(word: &str) -> bool {
    ["password", "passwd", "secret", "token", "key", "credential", "credentials", "passphrase"].iter().any(|end| word.ends_with(end))
}

/// An absolute or relative path of a file. Random text in base64 can begin with a slash, too.
fn is_path(value: &str) -> bool {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./*".contains(c));
    let rest = ["./", "../", "~/", "@/", "@./", "@~/"].iter().find_map(|root| value.strip_prefix(root));
    let long = value.split('/').any(|part| part.len() > 60);
    let rooted = value.strip_prefix('/').is_some_and(|rest| {
        // `/Sommer2024` is a password that begins so.
        rest.contains(['/', '.']) || !(is_mixed(rest) && rest.bytes().any(|b| b.is_ascii_uppercase()))
    });
    let windows = matches!(value.as_bytes(), [drive, b':', b'\\' | b'/', ..] if drive.is_ascii_alphabetic());
    (windows || rest.is_some() || (rooted && plain)) && !long && value.len() > 2
}

/// An address, or a store that is asked for the value at start (injectors replace it).
fn is_elsewhere(value: &str) -> bool {
    const STORES: [&str; 24] = [
        "vault:",
        "arn:",
        "awssm:",
        "awsps:",
        "gcp:secretmanager:",
        "gcpsm:",
        "sm://",
        "ref+",
        "op://",
        "azurekeyvault@",
        "@microsoft.keyvault(",
        "secretref:",
        "file:",
        "env:",
        "enc(",
        "{cipher}",
        "{vault}",
        "akv:",
        "keyvault:",
        "bao:",
        "k8s:",
        "secretsmanager:",
        "ssm:",
        "sops:",
    ];
    let lower = head(value, 24).to_ascii_lowercase();
    let in_google = value.starts_with("projects/") && value.contains("/secrets/");
    STORES.iter().any(|store| lower.starts_with(store)) || in_google || is_address(value)
}

/// `scheme://…`: what is secret in it is found by its shape.
fn is_address(value: &str) -> bool {
    value.split_once("://").is_some_and(|(scheme, _)| {
        (2..=24).contains(&scheme.len()) && scheme.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+.-:".contains(c))
    })
}

/// What `crypt(3)` and LDAP make of a password (`$6$…`, `{SSHA}…`): it opens nothing by itself.
fn is_hash(value: &str) -> bool {
    const OF_LDAP: [&str; 6] = ["{SSHA", "{SHA", "{CRYPT}", "{MD5}", "{SMD5}", "{bcrypt}"];
    let of_crypt = value.strip_prefix('$').and_then(|rest| rest.split_once('$')).is_some_and(|(id, rest)| {
        rest.len() >= 16 && (is_in("1 5 6 y gy 7 2a 2b 2x 2y apr1 argon2id argon2i argon2d scrypt pbkdf2-sha256 pbkdf2-sha512", id))
    });
    of_crypt || OF_LDAP.iter().any(|scheme| value.starts_with(scheme)) || value.starts_with("SCRAM-SHA-256$")
}
