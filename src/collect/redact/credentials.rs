//! Whether text that is about to be redacted looks like a credential.
//!
//! By name first: the words of a variable or an option say what it holds, and its last word may say that it holds only where to find
//! it (`PASSWORD_FILE`, `--token-ttl`). Then by shape, whatever the name: an address with a password in it, the formats in which
//! issuers write their keys so that scanners find them, text that only a generator writes. What the kubelet or a shell replaces
//! (`$(NAME)`), paths of files, switches and what stands for "fill in here" is no credential.

use crate::model::LooksLikeCredential as Kind;

/// The judgement of one environment variable.
pub(super) fn of_variable(name: &str, value: &str) -> Option<Kind> {
    of_shape(value).or_else(|| by_name(name, value)).or_else(|| random(name, value))
}

/// The judgement of each word of a command line.
pub(super) fn of_words<S: AsRef<str>>(words: &[S]) -> Vec<Option<Kind>> {
    let mut before: Option<&str> = None;
    words
        .iter()
        .map(|word| {
            let word = word.as_ref();
            let judged = of_word(word, before);
            before = Some(word);
            judged
        })
        .collect()
}

/// `before` is the word in front of it: an option takes the word that follows as its value.
fn of_word(word: &str, before: Option<&str>) -> Option<Kind> {
    if word.contains([' ', '\n', '\t', ';']) && !is_pair_with_text(word) {
        return of_shape(word).or_else(|| of_script(word));
    }
    of_shape(word).or_else(|| of_pair(word)).or_else(|| of_value(word, before))
}

/// `--header=Authorization: Bearer x`: spaces stand in the value.
fn is_pair_with_text(word: &str) -> bool {
    let name = word.split(['=', ':']).next().unwrap_or("");
    let name = name.trim_start_matches('-');
    !name.is_empty() && name.len() < word.len() && name.chars().all(is_of_name) && !is_shell(word)
}

fn is_shell(text: &str) -> bool {
    text.contains([';', '|', '\n', '&', '>'])
}

/// `--name=value`, `-name=value`, `NAME=value`, `name: value`.
fn of_pair(word: &str) -> Option<Kind> {
    // `-Dname=value` sets a property of a Java program.
    let bare = word.strip_prefix("-D").unwrap_or(word).trim_start_matches('-');
    let (name, value) = bare.split_once('=').or_else(|| bare.split_once(": "))?;
    if name.is_empty() || !name.chars().all(is_of_name) {
        return None;
    }
    by_name(name, value).or_else(|| in_header(word)).or_else(|| random(name, value)).or_else(|| user_and_password(name, value))
}

/// The value of the option in front of it.
fn of_value(word: &str, before: Option<&str>) -> Option<Kind> {
    let option = before?;
    if !option.starts_with('-') || option.contains('=') || word.starts_with('-') {
        return None;
    }
    let name = option.trim_start_matches('-');
    if name.is_empty() || !name.chars().all(is_of_name) {
        return None;
    }
    by_name(name, word).or_else(|| random(name, word)).or_else(|| user_and_password(name, word))
}

/// `curl -u name:password` and its like.
fn user_and_password(option: &str, value: &str) -> Option<Kind> {
    let (user, password) = value.split_once(':')?;
    let asks = matches!(option, "u" | "user" | "basic-auth" | "userpass" | "auth" | "creds");
    // `--user 1000:1000` names ids.
    let ids = user.bytes().all(|b| b.is_ascii_digit()) && password.bytes().all(|b| b.is_ascii_digit());
    (asks && !ids && !user.is_empty() && is_literal(password)).then_some(Kind::Name)
}

/// `Authorization: Bearer x`, `X-Api-Key: x`.
fn in_header(text: &str) -> Option<Kind> {
    let lower = text.to_ascii_lowercase();
    ["authorization: bearer ", "authorization: basic ", "authorization: token ", "x-api-key: ", "x-vault-token: ", "private-token: "]
        .into_iter()
        .filter_map(|header| Some(lower.find(header)? + header.len()))
        .any(|at| text.get(at..).is_some_and(|rest| is_literal(first_word(rest))))
        .then_some(Kind::Name)
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| c.is_whitespace() || "\"',;".contains(c)).next().unwrap_or("")
}

/// A line of shell: assignments, options and headers in it.
fn of_script(script: &str) -> Option<Kind> {
    let split = |c: char| c.is_whitespace() || ";|&()`<>{}".contains(c);
    // A reference such as `${NAME}` falls apart here, and what is left of it is no literal.
    let words: Vec<&str> = script.split(split).filter(|word| !word.is_empty()).collect();
    let unquoted = |word: &'_ str| -> String { word.chars().filter(|c| !matches!(c, '"' | '\'')).collect() };
    let mut before: Option<String> = None;
    for word in words {
        let word = unquoted(word);
        let found = of_pair(&word).or_else(|| of_value(&word, before.as_deref()));
        if found.is_some() {
            return found;
        }
        before = Some(word);
    }
    in_header(script)
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_.".contains(c)
}

/// The words of a name: `dbPassword`, `DB_PASSWORD` and `db-password` have the same two.
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in name.chars() {
        if !c.is_ascii_alphanumeric() {
            last = ' ';
            continue;
        }
        let begins = last == ' ' || (c.is_ascii_uppercase() && (last.is_ascii_lowercase() || last.is_ascii_digit()));
        match words.last_mut() {
            Some(word) if !begins => word.push(c.to_ascii_lowercase()),
            _ => words.push(c.to_ascii_lowercase().to_string()),
        }
        last = c;
    }
    words
}

/// Whether a word is one of a list.
fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Words that say that the value is a credential, wherever they stand.
const CREDENTIAL: &str = "
    password passwd passphrase passcode secret token apikey apitoken accesskey secretkey privatekey credential credentials
    pgpassword authtoken mysqlpwd userpassword dbpassword rootpassword accesstoken clientsecret bearer requirepass masterauth
";
/// Words that say so as the last one.
const CREDENTIAL_AT_END: &str = "
    pass pwd pw creds cred
";
/// What a key is for, where it is a secret.
const SECRET_KEYS: &str = "
    api access private secret encryption signing master account storage shared auth session license app service hmac aes jwt
    cookie deploy integration ingest routing sas decryption unseal
";
/// Words after which the value is no credential but something about one.
const ABOUT: &str = "
    file files path paths dir directory folder name names url uri urls endpoint host port ttl expiry expiration expires lifetime
    duration seconds minutes hours days interval timeout length len size min max minimum maximum enabled enable disabled required
    optional policy type kind id ids count rotation rotate issuer audience audiences header headers algorithm alg mount provider
    providers ref reference method mode version format prefix suffix field claim scope scopes engine backend store manager service
    source class namespace location env var user username review cache limit limits region encoding strategy config configmap
    volume attempts retries hint complexity age hash validity digits bits rounds separator server address addr controller
    sync refresh check validation exchange webhook template label annotation cookie
";
/// Words before `secret` after which the value is the name of a Secret.
const NAMES_A_SECRET: &str = "
    tls cert certs certificate pull imagepull ca ssl kubernetes k8s registry webhook cabundle existing issuer tlscert
";

/// By what the variable or option is called.
fn by_name(name: &str, value: &str) -> Option<Kind> {
    if matches!(name, "PWD" | "OLDPWD") || !is_literal(value) {
        return None;
    }
    let words = words_of(name);
    let last = words.last()?.as_str();
    let before = words.len().checked_sub(2).and_then(|at| words.get(at)).map_or("", String::as_str);
    let is_key = (last == "key" || last == "keys") && is_in(SECRET_KEYS, before);
    if is_key {
        // Keys are long; a short word is the name of a column, a topic or a field.
        return (value.len() >= 8 && !is_identifier(value)).then_some(Kind::Name);
    }
    if is_in(ABOUT, last) || (last == "key" && !words.iter().any(|word| word == "secret")) || words.iter().any(|word| word == "public") {
        return None;
    }
    if last == "secret" && is_in(NAMES_A_SECRET, before) {
        return None;
    }
    let says = words.iter().any(|word| is_in(CREDENTIAL, word)) || is_in(CREDENTIAL_AT_END, last);
    // `TOKEN=3600` counts something.
    let counts = is_measure(value) && !words.iter().any(|word| word.starts_with("pass") || word == "pwd");
    (says && !counts).then_some(Kind::Name)
}

/// `1h30m`, `3600`, `10s`, `512Mi`.
fn is_measure(value: &str) -> bool {
    value.len() <= 12
        && value.starts_with(|c: char| c.is_ascii_digit())
        && value.chars().all(|c| c.is_ascii_digit() || "hmsdwyKMGTi.".contains(c))
}

/// Words in small letters with a dash, a dot or an underscore between them: a name of something.
fn is_identifier(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_lowercase() || "-_.".contains(c)) && value.contains(['-', '_', '.'])
}

/// Whether a value is written out, and is not a reference, a path, a switch, or a place to fill in.
fn is_literal(value: &str) -> bool {
    let value = value.trim().trim_matches(['"', '\'']);
    if value.len() < 2 || value.contains("$(") || value.starts_with('$') || value.contains("${") || value.contains("{{") {
        return false;
    }
    if value.starts_with(['<', '%', '@', '[']) || is_path(value) || value.starts_with("file:") {
        return false;
    }
    let lower = value.to_ascii_lowercase();
    // Stores that are asked for the value at start (their injectors replace it).
    if [
        "vault:",
        "arn:aws:secretsmanager:",
        "arn:aws:ssm:",
        "awssm:",
        "gcp:secretmanager:",
        "ref+",
        "op://",
        "azurekeyvault@",
        "secretref:",
    ]
    .iter()
    .any(|store| lower.starts_with(store))
    {
        return false;
    }
    let word: String = lower.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    const NOTHING: &str = "
        true false yes no on off none null nil undefined unset unused notused disabled enabled auto default optional required
        redacted hidden placeholder todo tbd example dummy na empty replace replaceme fillme insert env file vault kubernetes
        serviceaccount prompt stdin
    ";
    let first = word.chars().next();
    let one_sign = first.is_none_or(|first| word.chars().all(|c| c == first && !c.is_ascii_digit()));
    !one_sign && !is_in(NOTHING, &word) && !word.starts_with("your") && !word.starts_with("replacewith")
}

/// An absolute or relative path of a file. Random text in base64 can begin with a slash, too.
fn is_path(value: &str) -> bool {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
    let rooted = value.starts_with('/') || value.starts_with("./") || value.starts_with("../") || value.starts_with("~/");
    let long = value.split('/').any(|part| part.len() > 60);
    rooted && plain && !long && value.len() > 2
}

/// By the text itself.
fn of_shape(text: &str) -> Option<Kind> {
    if text.len() < 8 {
        return None;
    }
    // No known key is shorter than that.
    if text.len() >= 20 && has_known_format(text) {
        return Some(Kind::Format);
    }
    (has_password_in_url(text) || is_connection_string(text)).then_some(Kind::Url)
}

/// `scheme://user:password@host` anywhere in the text.
fn has_password_in_url(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let Some(rest) = text.get(at + 3..) else { return false };
        let end = rest.find(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).unwrap_or(rest.len());
        // The last sign: a password may hold one.
        let Some((userinfo, _)) = rest.get(..end).and_then(|url| url.rsplit_once('@')) else { return false };
        userinfo
            .split_once(':')
            .is_some_and(|(user, password)| !user.contains(['/', '?', '#']) && !password.is_empty() && is_written_password(password))
    })
}

fn is_written_password(password: &str) -> bool {
    is_literal(password) || (password.len() == 1 && password.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// `Server=…;Password=…`, `host=… password=…`, `AccountKey=…`, `SharedAccessKey=…`.
fn is_connection_string(text: &str) -> bool {
    if !text.contains('=') {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    ["password=", "pwd=", "accountkey=", "sharedaccesskey=", "sharedsecret="].into_iter().any(|field| {
        lower.match_indices(field).any(|(at, _)| {
            let begins = at > 0 && lower.get(..at).is_some_and(|front| front.ends_with([';', ' ', '&', '?', ',']));
            // Beside another field: a lone `password=x` is an option with a name.
            let beside = begins && lower.get(..at).is_some_and(|front| front.contains('='));
            let value = text.get(at + field.len()..).map(|rest| rest.split([';', ' ', '&', ',', '"', '\'']).next().unwrap_or(""));
            beside && !is_shell_option(&lower, at) && value.is_some_and(is_literal)
        })
    })
}

/// `--x=y password=…` is a command line, which is judged word by word.
fn is_shell_option(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|front| front.contains("--"))
}

/// A beginning that an issuer gives its keys, the signs that follow it, and how many there are at least.
struct Format {
    prefix: &'static str,
    more: usize,
    extra: &'static str,
}

const fn format(prefix: &'static str, more: usize, extra: &'static str) -> Format {
    Format { prefix, more, extra }
}

/// From the documentation of the issuers, who chose these beginnings so that they are found.
const FORMATS: &[Format] = &[
    format("AKIA", 16, ""),
    format("ASIA", 16, ""),
    format("ghp_", 30, ""),
    format("gho_", 30, ""),
    format("ghu_", 30, ""),
    format("ghs_", 30, ""),
    format("ghr_", 30, ""),
    format("github_pat_", 40, "_"),
    format("glpat-", 20, "-_."),
    format("gldt-", 20, "-_"),
    format("glrt-", 20, "-_."),
    format("xoxb-", 20, "-"),
    format("xoxp-", 20, "-"),
    format("xoxa-", 20, "-"),
    format("xoxs-", 20, "-"),
    format("xapp-", 20, "-"),
    format("sk_live_", 16, ""),
    format("rk_live_", 16, ""),
    format("whsec_", 24, ""),
    format("sk-ant-", 24, "-_"),
    format("sk-proj-", 24, "-_"),
    format("AIza", 35, "-_"),
    format("ya29.", 30, "-_"),
    format("GOCSPX-", 20, "-_"),
    format("npm_", 36, ""),
    format("pypi-", 60, "-_"),
    format("dckr_pat_", 20, "-_"),
    format("hvs.", 20, "-_"),
    format("hvb.", 20, "-_"),
    format("SG.", 40, "-_."),
    format("dop_v1_", 60, ""),
    format("hf_", 30, ""),
    format("dapi", 32, ""),
    format("shpat_", 32, ""),
    format("glsa_", 32, "_"),
    format("glc_", 32, "+/="),
    format("lin_api_", 30, ""),
    format("NRAK-", 20, ""),
    format("key-", 32, ""),
    format("AGE-SECRET-KEY-1", 50, ""),
    format("hooks.slack.com/services/T", 30, "/"),
];

fn has_known_format(text: &str) -> bool {
    if text.contains("PRIVATE KEY-----") || has_jwt(text) {
        return true;
    }
    FORMATS.iter().any(|format| {
        text.match_indices(format.prefix).any(|(at, _)| {
            let front = text.get(..at).and_then(|front| front.chars().next_back());
            let free = front.is_none_or(|c| !c.is_ascii_alphanumeric() && !"-_.".contains(c)) || format.prefix.starts_with("hooks");
            let rest = text.get(at + format.prefix.len()..).unwrap_or("");
            let signs = rest.chars().take_while(|&c| c.is_ascii_alphanumeric() || format.extra.contains(c));
            let key: String = signs.collect();
            free && key.len() >= format.more && key.bytes().any(|b| b.is_ascii_digit())
        })
    })
}

/// A signed token: three parts in base64, of which the first two are JSON objects (RFC 7519).
fn has_jwt(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let rest = text.get(at..).unwrap_or("");
        let token: String = rest.chars().take_while(|&c| c.is_ascii_alphanumeric() || "-_.".contains(c)).collect();
        let parts: Vec<&str> = token.split('.').collect();
        matches!(parts.as_slice(), [head, claims, signature, ..] if head.len() > 10 && claims.starts_with("eyJ") && signature.len() > 10)
    })
}

/// Names of values that look random and are known to everybody: what was built, and from what.
const IDENTITIES: &str = "
    sha sha1 sha256 commit revision digest checksum hash build version release uid uuid id ids image tag ref etag fingerprint
    public pub certificate cert ca host url uri endpoint class classpath opts path name topic queue bucket pubkey thumbprint arn
";
/// Names under which a row of hex digits is no digest.
const KEYS: &str = "
    key salt seed signature auth bearer session cookie nonce pepper hmac iv
";

/// Text that only a generator writes: long, of all kinds of signs, and without any order.
fn random(name: &str, value: &str) -> Option<Kind> {
    let value = value.trim().trim_matches(['"', '\'']);
    if !(20..=512).contains(&value.len()) || !is_literal(value) {
        return None;
    }
    let words = words_of(name);
    let called = |list: &str| words.iter().any(|word| is_in(list, word));
    if called(IDENTITIES) && !called(KEYS) {
        return None;
    }
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        let long = value.len() >= 32 && entropy(value) > 3.0;
        return (long && called(KEYS) && !called(IDENTITIES)).then_some(Kind::Random);
    }
    let signs = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
    let count = |test: fn(&u8) -> bool| value.bytes().filter(test).count();
    let (small, capital, digits) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    // Names and paths are made of words: between two separators stand letters of one kind.
    let mixed = value.split(['-', '_', '/']).any(|part| {
        let has = |test: fn(&u8) -> bool| part.bytes().any(|b| test(&b));
        part.len() >= 12 && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
    });
    let even = small >= 3 && capital >= 3 && digits >= 2;
    (signs && mixed && even && entropy(value) >= 4.0).then_some(Kind::Random)
}

/// Shannon's entropy of the signs of a text, in bits for each.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for b in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(b)) {
            *count += 1;
        }
    }
    let total = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    counts.iter().filter(|&&count| count > 0).map(|&count| f64::from(count) / total).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests;
