//! Credentials by the text alone: formats that issuers gave their keys so that they are found, passwords in addresses, random text.

use super::names::{Words, is_in, words, words_of};
use super::values::{head, is_literal, is_public};
use crate::model::LooksLikeCredential as Kind;

/// By the text itself, whatever it is called.
pub(super) fn of_shape(text: &str) -> Option<Kind> {
    if text.len() < 6 {
        return None;
    }
    // No known key is shorter than that.
    if text.len() >= 20 && has_known_format(text) {
        return Some(Kind::Format);
    }
    has_password_in_address(text).then_some(Kind::Url)
}

/// No part of an address is longer; what follows is not looked at.
const ADDRESS: usize = 2048;

/// `scheme://user:password@host`, `user:password@tcp(host)`, `user/password@host:1521/service` anywhere in the text.
fn has_password_in_address(text: &str) -> bool {
    if !text.contains('@') {
        return false;
    }
    text.split(|c: char| c.is_whitespace() || "\"'`<>".contains(c)).filter(|word| word.contains('@')).any(|word| {
        let mut parts = word.split("://");
        let front = parts.next().unwrap_or("");
        // Behind each scheme stands one address.
        let mut any = false;
        for part in parts {
            any = true;
            if has_userinfo(head(part, ADDRESS)) {
                return true;
            }
        }
        !any && is_bare_address(head(front, ADDRESS))
    })
}

/// `user:password@host`.
fn has_userinfo(rest: &str) -> bool {
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let userinfo = match authority.rsplit_once('@') {
        Some((userinfo, _)) => Some(userinfo),
        // A password may hold a slash that nobody escaped. `host:8080/@x` holds a port.
        None => rest.rsplit_once('@').map(|(userinfo, _)| userinfo).filter(|_| {
            authority.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|b| b.is_ascii_digit()))
                && tail.starts_with(['/', '#', '?'])
        }),
    };
    userinfo
        .and_then(|userinfo| userinfo.split_once(':'))
        .is_some_and(|(user, password)| !user.contains(['/', '?', '#']) && is_written_password(password))
}

fn is_written_password(password: &str) -> bool {
    is_literal(password, false)
        // What a shell replaces; a password may begin so, too, and has more than letters.
        && !(password.starts_with('$') && password.bytes().skip(1).all(|b| b.is_ascii_alphabetic() || b == b'_'))
        || (password.len() == 1 && password.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// An address without a scheme, as drivers of databases and proxies take it.
fn is_bare_address(word: &str) -> bool {
    // Behind an option, or a name.
    let Some((front, host)) = word.rsplit_once('@') else { return false };
    let front = front.rsplit(['=', ',']).next().unwrap_or("");
    let front = front.strip_prefix("jdbc:oracle:thin:").unwrap_or(front);
    let in_brackets = ["tcp(", "tcp4(", "tcp6(", "unix(", "udp("].iter().any(|net| host.starts_with(net));
    let named = |user: &str| !user.is_empty() && user.len() <= 80 && user.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+".contains(c));
    if let Some((user, password)) = front.split_once(':') {
        let no_user = is_in("mailto sip sips xmpp acct npm pkg workspace git ssh tel urn jdbc from to cc bcc mail email", user);
        return named(user)
            && !no_user
            && !password.contains(':')
            && (in_brackets || is_host_with_end(host))
            && is_written_password(password);
    }
    // Oracle's: `user/password@host:1521/service`, `user/password@//host/service`.
    let Some((user, password)) = front.split_once('/') else { return false };
    let service = host.starts_with("//")
        || host
            .split_once(':')
            .is_some_and(|(name, port)| named(name) && port.starts_with(|c: char| c.is_ascii_digit()) && port.contains(['/', ':']));
    named(user) && service && !password.contains('/') && is_written_password(password)
}

/// `db`, `db.records:5432/x`; not `17.0.2` or `sha256:…`.
fn is_host_with_end(host: &str) -> bool {
    let end = host.find([':', '/', ',', '?', ';']).unwrap_or(host.len());
    let (name, rest) = host.split_at(end);
    let plain = !name.is_empty() && name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let numbers = name.split('.').filter(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())).count();
    let is_ip = numbers == 4 && name.split('.').count() == 4;
    let digest = rest.strip_prefix(':').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    plain
        && !digest
        && !name.starts_with("sha256")
        && !name.starts_with("sha512")
        && (is_ip || name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// A beginning that an issuer gives its keys, how many signs follow it at least, and which besides letters and digits.
type Format = (&'static str, usize, &'static str);

/// From the documentation of the issuers, who chose these beginnings so that they are found.
const FORMATS: &[Format] = &[
    ("AKIA", 16, ""),
    ("ASIA", 16, ""),
    ("ABSK", 60, "+/="),
    ("ghp_", 30, ""),
    ("gho_", 30, ""),
    ("ghu_", 30, ""),
    ("ghs_", 30, ""),
    ("ghr_", 30, ""),
    ("github_pat_", 40, "_"),
    ("glpat-", 20, "-_."),
    ("gldt-", 20, "-_"),
    ("glrt-", 20, "-_."),
    ("glcbt-", 20, "-_"),
    ("glptt-", 20, "-_"),
    ("glft-", 20, "-_"),
    ("gloas-", 20, "-_"),
    ("glsoat-", 20, "-_"),
    ("glagent-", 20, "-_"),
    ("ATATT3", 60, "-_="),
    ("ATBB", 28, ""),
    ("xoxb-", 20, "-"),
    ("xoxp-", 20, "-"),
    ("xoxa-", 20, "-"),
    ("xoxs-", 20, "-"),
    ("xoxe-", 20, "-"),
    ("xoxr-", 20, "-"),
    ("xapp-", 20, "-"),
    ("sk_live_", 16, ""),
    ("sk_test_", 16, ""),
    ("rk_live_", 16, ""),
    ("rk_test_", 16, ""),
    ("whsec_", 24, "+/="),
    ("sk-ant-", 24, "-_"),
    ("sk-proj-", 24, "-_"),
    ("sk-svcacct-", 24, "-_"),
    ("sk-or-v1-", 40, ""),
    ("AIza", 35, "-_"),
    ("ya29.", 30, "-_"),
    ("GOCSPX-", 20, "-_"),
    ("npm_", 36, ""),
    ("pypi-", 60, "-_"),
    ("rubygems_", 40, ""),
    ("dckr_pat_", 20, "-_"),
    ("dckr_oat_", 20, "-_"),
    ("hvs.", 20, "-_"),
    ("hvb.", 20, "-_"),
    ("hvr.", 20, "-_"),
    ("SG.", 40, "-_."),
    ("dop_v1_", 60, ""),
    ("doo_v1_", 60, ""),
    ("dor_v1_", 60, ""),
    ("hf_", 30, ""),
    ("dapi", 32, "-"),
    ("shpat_", 32, ""),
    ("shpss_", 32, ""),
    ("shpca_", 32, ""),
    ("glsa_", 32, "_"),
    ("glc_", 32, "+/="),
    ("lin_api_", 30, ""),
    ("NRAK-", 20, ""),
    ("NRII-", 20, "-_"),
    ("key-", 32, ""),
    ("dt0c01.", 40, "."),
    ("dp.pt.", 40, ""),
    ("dp.st.", 40, "._-"),
    ("pscale_tkn_", 30, "-_"),
    ("pscale_pw_", 30, "-_"),
    ("tskey-", 20, "-"),
    ("sntrys_", 40, "+/=_"),
    ("sntryu_", 40, ""),
    ("PMAK-", 40, "-"),
    ("figd_", 30, "-_"),
    ("sbp_", 40, ""),
    ("ntn_", 40, ""),
    ("AKCp", 60, ""),
    ("secret_", 40, ""),
    ("CFPAT-", 40, "-_"),
    ("PRIVATE-KEY-1", 20, ""),
    ("AGE-SECRET-KEY-1", 50, ""),
];

/// Addresses that are valid for whoever has them.
const HOOKS: &[&str] =
    &["hooks.slack.com/services/T", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/", "webhook.office.com/webhookb2/"];

fn has_known_format(text: &str) -> bool {
    if text.contains("PRIVATE KEY-----") || text.contains("PuTTY-User-Key-File") || text.contains("BEGIN PGP PRIVATE") {
        return true;
    }
    if HOOKS.iter().any(|hook| text.find(hook).and_then(|at| text.get(at + hook.len()..)).is_some_and(|rest| signs(rest, "/-_@", 30) >= 20))
    {
        return true;
    }
    // A key begins where a run of its signs begins.
    let mut start = None;
    let bytes = text.as_bytes();
    for (at, b) in bytes.iter().enumerate() {
        if b.is_ascii_alphanumeric() || b"-_.".contains(b) {
            start = start.or(Some(at));
        } else if let Some(from) = start.take()
            && begins_key(text, from, at)
        {
            return true;
        }
    }
    start.is_some_and(|from| begins_key(text, from, bytes.len()))
}

fn begins_key(text: &str, from: usize, to: usize) -> bool {
    let run = text.get(from..to).unwrap_or("").trim_start_matches(['-', '.']);
    let rest = text.get(to - run.len()..).unwrap_or("");
    if is_azure_secret(rest) || is_telegram(rest) {
        return true;
    }
    // The shortest: `AKIA` and sixteen more.
    if run.len() < 16 {
        return false;
    }
    let known = FORMATS.iter().any(|(prefix, more, extra)| {
        rest.strip_prefix(prefix).is_some_and(|key| {
            let key = head(key, more + 40);
            signs(key, extra, *more) >= *more && key.bytes().take(more + 40).any(|b| b.is_ascii_digit())
        })
    });
    known || is_jwt(run)
}

/// How many signs of a key stand in front; counting ends at `enough`.
fn signs(text: &str, extra: &str, enough: usize) -> usize {
    text.chars().take(enough).take_while(|&c| c.is_ascii_alphanumeric() || extra.contains(c)).count()
}

/// A signed token: three parts in base64, of which the first two are JSON objects (RFC 7519).
fn is_jwt(run: &str) -> bool {
    let mut parts = run.split('.').peekable();
    while let Some(part) = parts.next() {
        let begins = part.starts_with("eyJ") && part.len() > 10 && parts.peek().is_some_and(|claims| claims.starts_with("eyJ"));
        if begins && parts.nth(1).is_some_and(|signature| signature.len() > 10) {
            return true;
        }
    }
    false
}

/// A secret of an application in Entra: three signs, a digit, `Q~`, and 31 or more.
fn is_azure_secret(rest: &str) -> bool {
    rest.get(4..6) == Some("Q~")
        && rest.as_bytes().get(3).is_some_and(u8::is_ascii_digit)
        && rest.get(6..).is_some_and(|more| signs(more, "_~.-", 31) >= 31)
}

/// The token of a bot: its number, a colon, and 35 signs of which the first are `AA`.
fn is_telegram(rest: &str) -> bool {
    let digits = rest.bytes().take(12).take_while(u8::is_ascii_digit).count();
    (8..=10).contains(&digits)
        && rest.get(digits..).and_then(|rest| rest.strip_prefix(":AA")).is_some_and(|rest| signs(rest, "-_", 33) >= 33)
}

/// Names of values that look random and are known to everybody: what was built, and from what.
static IDENTITIES: Words = words!(
    "
    sha commit revision digest checksum hash build version release uid uuid id ids image tag ref etag fingerprint
    public pub certificate cert ca host url uri endpoint class classpath opts path name topic queue bucket pubkey thumbprint arn
    cluster sum crc md trace span
"
);
/// Names under which a row of hex digits is no digest.
static KEYS: Words = words!(
    "
    key salt seed signature auth bearer session cookie nonce pepper hmac iv
"
);

/// Text that only a generator writes: long, of all kinds of signs, and without any order.
pub(super) fn random(name: &str, value: &str) -> Option<Kind> {
    let value = value.trim().trim_matches(['"', '\'']);
    if !(20..=512).contains(&value.len()) || is_public(value) || !is_literal(value, false) {
        return None;
    }
    let signs = value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
    if !signs {
        return None;
    }
    let words = words_of(name);
    let called = |list: &Words| words.iter().any(|word| list.contains(word.as_str()));
    let names_public = words.iter().any(|word| is_in("public pub pubkey", word));
    if names_public || (called(&IDENTITIES) && !called(&KEYS)) {
        return None;
    }
    if value.bytes().all(|b| b.is_ascii_hexdigit()) {
        let long = value.len() >= 32 && entropy(value) > 3.0;
        return (long && called(&KEYS) && !called(&IDENTITIES)).then_some(Kind::Random);
    }
    let count = |test: fn(&u8) -> bool| value.bytes().filter(test).count();
    let (small, capital, digits) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase), count(u8::is_ascii_digit));
    // Names and paths are made of words: between two separators stand letters of one kind.
    let mixed = value.split(['-', '_', '/']).any(|part| {
        let has = |test: fn(&u8) -> bool| part.bytes().any(|b| test(&b));
        part.len() >= 12 && has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)
    });
    let even = small >= 3 && capital >= 3 && digits >= 2;
    (mixed && even && entropy(value) >= 4.0).then_some(Kind::Random)
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
