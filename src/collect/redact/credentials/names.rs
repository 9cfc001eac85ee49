//! What the name of a variable, of an option or of a field says about its value.
//!
//! The last word of a name says what the value is: `DB_PASSWORD` is a password, and `PASSWORD_FILE` is a file. Behind it may stand which
//! one it is (`API_TOKENS`, `DB_PASSWORD2`, `PASSWORD_OLD`, `TOKEN_GITHUB`).

use std::collections::HashSet;
use std::sync::LazyLock;

/// A list of words, of which every variable and every word of every container asks.
pub(super) type Words = LazyLock<HashSet<&'static str>>;

/// Makes [`Words`] of a text with white space between them.
macro_rules! words {
    ($list:literal) => {
        std::sync::LazyLock::new(|| $list.split_ascii_whitespace().collect())
    };
}
pub(super) use words;

/// What a value is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// A password, in whatever letters.
    Password,
    /// A token; a number is how many or how long.
    Token,
    /// A secret that a program shares with another (`CLIENT_SECRET`).
    SharedSecret,
    /// A secret, or the name of the Secret that holds it (`DB_SECRET`).
    Secret,
    /// Nearly always the name of a Secret (`TLS_SECRET`).
    NameOfSecret,
    /// User and password, or where they are.
    Credentials,
    /// A key that is secret.
    Key,
    /// A key, or by what something is found (`ROUTING_KEY`).
    AnyKey,
    /// How somebody is authenticated, or `user:password`.
    Auth,
    /// What Redis and its kin call a password.
    PasswordOrAuth,
    /// Digits that open something.
    Pin,
    /// A text that all members of a cluster know (Erlang).
    Cookie,
    /// The header `Authorization`.
    Header,
    /// The signature in an address that is valid for whoever has it.
    Signature,
    /// Something with a credential (`PASSWORD_STRENGTH`).
    About,
}

/// The words of a name: `dbPassword`, `DB_PASSWORD` and `db-password` have the same two. Numbers behind them are left out.
pub(super) fn words_of(name: &str) -> Vec<String> {
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
    for word in &mut words {
        let letters = word.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        if letters > 0 {
            word.truncate(letters);
        }
    }
    let all_digits = |word: &String| word.bytes().all(|b| b.is_ascii_digit());
    while words.len() > 1 && words.last().is_some_and(all_digits) {
        words.pop();
    }
    words
}

/// Whether a word is one of a few.
pub(super) fn is_in(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|one| one == word)
}

/// Passwords, in the languages in which they are met.
static PASSWORDS: Words = words!(
    "
    password passwords passwd passwds passphrase passphrases passcode pwd pwds pw pass passe psk psw mdp userpw requirepass masterauth rootpw bindpw
    passwort kennwort motdepasse contrasena contrasenia senha wachtwoord salasana haslo
"
);
/// Ends of words written together (`PGPASSWORD`, `keystorepass`, `DBPASS`).
const ENDS_OF_PASSWORDS: &[&str] = &["password", "passwords", "passwd", "passphrase", "passwort", "pass", "pwd"];
/// Words that end so and say something else.
static NO_PASSWORDS: Words = words!(
    "
    compass bypass trespass surpass encompass underpass overpass cwd fwd bwd singlepass multipass onepass twopass firstpass cpwd
    renderpass askpass
"
);
const TOKENS: &[&str] = &["token", "tokens"];
const SECRETS: &[&str] = &["secret", "secrets"];
const CREDENTIALS: &[&str] = &["credential", "credentials"];
/// What a key is for, where it is a secret.
static SECRET_KEYS: Words = words!(
    "
    api access private secret encryption encrypt signing sign master shared auth hmac aes jwt decryption unseal
    preshared crypto cipher csrf fernet ssh gpg pgp deploy subscription functions
"
);
/// What a key is for, where it may be a secret as well as a name.
static OTHER_KEYS: Words = words!(
    "
    account storage session license licence app service cookie integration ingest ingestion routing sas server host consumer
    primary secondary event instrumentation write sdk
"
);
/// Whose secret is never the name of a Secret.
static SHARED_SECRETS: Words = words!(
    "
    client shared jwt session cookie signing oauth api consumer hmac app application django flask rails nextauth auth token
    csrf otp totp mfa hashing encryption access bot slack stripe github gitlab google facebook aad
"
);
/// Before `secret`: what lies in a Secret of Kubernetes, whose name that is.
static NAMES_A_SECRET: Words = words!(
    "
    tls cert certs certificate pull imagepull ca ssl kubernetes k8s registry cabundle existing issuer tlscert backup
"
);
/// Words behind that of a credential that say which one it is.
static WHICH: Words = words!(
    "
    old new current previous prev next default primary secondary main backup fallback prod production dev development test testing
    staging stage qa uat admin administrator root owner app application db database replication replica repl master slave primary
    read write readonly readwrite ro rw local remote internal external a b one two value values string text plain plaintext raw
    data base b64 encoded postgres postgresql pg mysql mariadb redis mongo mongodb rabbitmq kafka elastic elasticsearch opensearch
    ldap smtp mail email imap ftp sftp ssh github gitlab bitbucket slack aws azure gcp google s minio vault keycloak grafana jenkins
    sonar nexus artifactory docker harbor npm pypi maven sentry datadog stripe twilio sendgrid openai oracle mssql sqlserver
    cassandra clickhouse superuser sa sudo confirm confirmation repeat again verify
"
);
/// Words after which the value is no credential but something about one.
static ABOUT: Words = words!(
    "
    file files filename path paths dir directory folder name names url uri urls endpoint endpoints host hosts hostname port ports ttl
    expiry expiration expires expire lifetime duration seconds minutes hours days interval timeout length len size min max minimum
    maximum enabled enable disabled disable required optional policy policies type types kind id ids count rotation rotate issuer
    audience audiences header headers algorithm algorithms alg mount provider providers ref refs reference method methods mode version
    format prefix suffix field fields claim claims scope scopes engine backend backends store stores manager managers service services
    source class namespace location env var user users username usernames review reviews cache limit limits region encoding strategy
    config configmap configuration volume attempts retries retry hint complexity strength age hash hashes hasher validity digits bits
    rounds iterations separator delimiter server servers address addr controller sync refresh check checks validation validate
    validator exchange webhook template label labels annotation annotations cookie helper profile profiles from to sender subject
    domain domains symbol index encryption encoder scheme schemes page view link route routes handler resolver factory bean request
    response event events topic queue table column schema parameter param attribute property group groups role roles
    realm tenant client status state feature flag switch bucket contract decimals supply limiter rate cost history
    regex pattern rule rules grant grants lookup fingerprint thumbprint sha checksum digest cert certificate allowed requirement
    requirements management propagation binding projection injection reset change changes forgot recovery dialog screen
    form prompt editor icon text_color visibility instructions docs doc description notes comment
"
);

/// What a name says.
pub(super) fn says(name: &str) -> Option<Says> {
    if name.len() > MAX_NAME || matches!(name, "PWD" | "OLDPWD") {
        return None;
    }
    let words = words_of(name);
    if words.iter().any(|word| is_in("public pub pubkey publickey", word)) {
        return None;
    }
    let mut words = words.as_slice();
    let mut found = last_word(words);
    let mut qualified = false;
    // Which one it is stands behind it.
    while found.is_none() {
        let Some((last, front)) = words.split_last().filter(|(last, front)| !front.is_empty() && WHICH.contains(last.as_str())) else {
            break;
        };
        let _ = last;
        words = front;
        qualified = true;
        found = last_word(words);
    }
    match found {
        // `KEY_PROD` and `AUTH_ADMIN` say less than the words alone.
        Some(Says::Auth | Says::Pin | Says::Cookie | Says::Header | Says::Signature) if qualified => None,
        Some(_) => found,
        None if words.last().is_some_and(|last| ABOUT.contains(last.as_str())) => None,
        None => words.iter().any(|word| is_strong(word)).then_some(Says::About),
    }
}

/// Names are no longer: what is longer is text.
pub(super) const MAX_NAME: usize = 120;

fn is_strong(word: &str) -> bool {
    is_password(word) || ends_with(word, TOKENS) || ends_with(word, SECRETS) || ends_with(word, CREDENTIALS)
}

fn is_password(word: &str) -> bool {
    PASSWORDS.contains(word) || (ENDS_OF_PASSWORDS.iter().any(|end| word.ends_with(end)) && !NO_PASSWORDS.contains(word))
}

fn ends_with(word: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| word.ends_with(end))
}

fn last_word(words: &[String]) -> Option<Says> {
    let (last, front) = words.split_last()?;
    let before = front.last().map_or("", String::as_str);
    if is_password(last) {
        return Some(Says::Password);
    }
    if ends_with(last, TOKENS) {
        return Some(Says::Token);
    }
    if let Some(joined) = SECRETS.iter().find_map(|end| last.strip_suffix(end)) {
        let whose = if joined.is_empty() { before } else { joined };
        return Some(match whose {
            whose if NAMES_A_SECRET.contains(whose) => Says::NameOfSecret,
            whose if SHARED_SECRETS.contains(whose) => Says::SharedSecret,
            _ => Says::Secret,
        });
    }
    if ends_with(last, CREDENTIALS) || is_in("creds cred", last) {
        return Some(Says::Credentials);
    }
    if let Some(joined) = last.strip_suffix("keys").or_else(|| last.strip_suffix("key")) {
        let whose = if joined.is_empty() { before } else { joined };
        return match whose {
            whose if SECRET_KEYS.contains(whose) => Some(Says::Key),
            whose if OTHER_KEYS.contains(whose) => Some(Says::AnyKey),
            // `AWS_SECRETACCESSKEY`.
            _ => ends_with(joined, &["secret", "access", "private", "encryption", "api", "signing"]).then_some(Says::Key),
        };
    }
    match last.as_str() {
        "salt" | "pepper" => Some(Says::AnyKey),
        "bearer" => Some(Says::Token),
        "auth" if is_in("redis valkey sentinel registry npm keydb", before) => Some(Says::PasswordOrAuth),
        "auth" | "authn" | "userpass" | "basicauth" | "login" | "logins" | "userpwd" | "userpw" => Some(Says::Auth),
        "pin" if is_in("admin user security access card hsm token sim so smartcard keystore pkcs unlock slot", before) => Some(Says::Pin),
        "cookie" if is_in("erlang rabbitmq magic xauth ejabberd", before) => Some(Says::Cookie),
        "authorization" => Some(Says::Header),
        "sig" if front.is_empty() => Some(Says::Signature),
        "signature" if before == "amz" || before == "goog" => Some(Says::Signature),
        "sharedaccesssignature" => Some(Says::Key),
        _ => None,
    }
}
