//! How the operator's credentials are got, within the time of the run, and what is told of them: nothing. Errors of the client repeat the
//! command of a credential plugin with its environment, and what it printed; URLs can hold a password.
//!
//! Tokens are read and sent by ourselves and not by the client library: it waits for a plugin and for a pipe as long as they like, and it
//! ends the program over a token that no header can hold. What kubectl accepts is accepted (a token file that ends in a newline).

mod plugin;
mod words;

use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use http::Uri;
use http::header::HeaderValue;
use kube::config::AuthInfo;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

use super::clock;
use plugin::Plugin;
pub(super) use plugin::UNCOMPRESSED;
pub(super) use words::words;

/// The URL without `user:password@`: the client does not use them, and the URL is told and stored.
pub(super) fn without_userinfo(url: &Uri) -> Uri {
    let Some(authority) = url.authority() else { return url.clone() };
    let Some((_, host)) = authority.as_str().rsplit_once('@') else { return url.clone() };
    let mut parts = url.clone().into_parts();
    parts.authority = host.parse().ok();
    // Parts of a URL make a URL; if they did not, the one that holds a password is not to be used.
    Uri::from_parts(parts).unwrap_or_default()
}

/// User and password of a URL, as Go sends them (RFC 3986, 3.2.1: they may be percent-encoded).
pub(super) fn user_of_url(url: &Uri) -> Option<(String, String)> {
    let (user, _) = url.authority()?.as_str().rsplit_once('@')?;
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    Some((decoded(name)?, decoded(password)?))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Why there are no credentials. Never a word of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CredentialError {
    /// No header can hold the token.
    #[error("the token has signs that no token has, such as a line break")]
    Unsendable,
    /// The file cannot be used.
    #[error("the token file {} {why}", .path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What is the matter with it.
        why: String,
    },
    /// The plugin gave none.
    #[error("{0}")]
    Plugin(String),
}

/// Where a token comes from.
#[derive(Debug)]
enum Origin {
    /// The kubeconfig; it never changes.
    Given,
    /// A file, which is written anew from time to time. When it cannot be read, the last token stays.
    File(PathBuf),
    /// A plugin.
    Plugin(Box<Plugin>),
}

/// A token and how long it may be used.
struct Token {
    header: Option<HeaderValue>,
    until: Option<Instant>,
    since: Instant,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

/// What is sent with each request.
#[derive(Debug)]
pub struct Credentials {
    origin: Origin,
    token: Mutex<Token>,
}

/// client-go reads a token file again every minute, and a plugin's token is not used in the minute in which it ends.
const MINUTE: Duration = Duration::from_secs(60);

impl Credentials {
    /// Takes the token, the token file or the plugin out of `auth`, and gets the first token before `deadline`. A client certificate that a
    /// plugin gives is put into `auth`. Which of several counts is client-go's order: a password, then a file, then a token, then a plugin.
    pub(super) async fn take(auth: &mut AuthInfo, deadline: Option<Instant>) -> Result<Option<Self>, CredentialError> {
        let now = clock::instant();
        let deadline = deadline.unwrap_or(now + Duration::from_secs(600));
        if auth.auth_provider.is_some() || (auth.username.is_some() && auth.password.is_some()) {
            return Ok(None);
        }
        let given = given_token(auth).filter(|token| !token.is_empty());
        let (file, exec) = (auth.token_file.take().filter(|path| !path.is_empty()), auth.exec.take());
        auth.token = None;
        let token = |header, until| Token { header, until, since: now };
        if let Some(path) = file {
            let path = PathBuf::from(path);
            let header = match (read_token(&path), &given) {
                (Ok(text), _) => bearer(&text)?,
                (Err(_), Some(given)) => bearer(given)?,
                (Err(error), None) => return Err(error),
            };
            return Ok(Some(Self { origin: Origin::File(path), token: Mutex::new(token(Some(header), Some(now + MINUTE))) }));
        }
        if let Some(given) = given {
            return Ok(Some(Self { origin: Origin::Given, token: Mutex::new(token(Some(bearer(&given)?), None)) }));
        }
        let Some(exec) = exec else { return Ok(None) };
        let plugin = Plugin::new(exec)?;
        let found = plugin.run(deadline).await?;
        if let Some((certificate, key)) = &found.certificate {
            // A kubeconfig holds them as base64, a plugin prints them as they are.
            let encoded = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
            auth.client_certificate_data = Some(encoded(certificate));
            auth.client_key_data = Some(encoded(key).into());
        }
        let header = found.token.as_deref().map(bearer).transpose()?;
        let until = found.until(clock::instant());
        Ok(Some(Self { origin: Origin::Plugin(Box::new(plugin)), token: Mutex::new(token(header, until)) }))
    }

    /// The header to send; a token that ends is got anew before `deadline`.
    pub(super) async fn header(&self, deadline: Instant) -> Result<Option<HeaderValue>, CredentialError> {
        let mut token = self.token.lock().await;
        let now = clock::instant();
        if token.until.is_some_and(|until| now >= until) {
            match &self.origin {
                Origin::Given => {}
                Origin::File(path) => {
                    if let Ok(text) = read_token(path) {
                        token.header = Some(bearer(&text)?);
                    }
                    token.until = Some(now + MINUTE);
                }
                Origin::Plugin(plugin) => {
                    let found = plugin.run(deadline).await?;
                    // A client certificate stands in the connection; it stays.
                    token.header = found.token.as_deref().map(bearer).transpose()?.or(token.header.take());
                    token.until = found.until(clock::instant());
                }
            }
            token.since = clock::instant();
        }
        Ok(token.header.clone())
    }

    /// After the server refused what was sent: whether there may be something newer, which is then got with the next request.
    pub(super) async fn were_refused(&self) -> bool {
        let mut token = self.token.lock().await;
        let now = clock::instant();
        // What was got just now is as new as it can be.
        let is_old = now.duration_since(token.since) > Duration::from_secs(5);
        let may_change = is_old && !matches!(self.origin, Origin::Given);
        if may_change {
            token.until = Some(now);
        }
        may_change
    }
}

fn bearer(token: &str) -> Result<HeaderValue, CredentialError> {
    let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| CredentialError::Unsendable)?;
    value.set_sensitive(true);
    Ok(value)
}

fn given_token(auth: &AuthInfo) -> Option<String> {
    #[derive(Deserialize)]
    struct Text {
        #[serde(default)]
        token: Option<String>,
    }
    // The one way to the text of the token that does not need the library in which it is wrapped.
    serde_json::to_value(auth).and_then(serde_json::from_value::<Text>).ok()?.token
}

/// The content of a token file, without the white space around it, as client-go reads it.
fn read_token(path: &Path) -> Result<String, CredentialError> {
    /// No token comes near this.
    const LARGEST: u64 = 1024 * 1024;
    let wrong = |why: String| CredentialError::File { path: path.to_owned(), why };
    let file = open_regular(path).map_err(|why| wrong(format!("cannot be read ({why})")))?;
    let mut text = String::new();
    match file.take(LARGEST).read_to_string(&mut text) {
        Ok(_) if text.trim().is_empty() => Err(wrong("is empty".to_owned())),
        Ok(_) => Ok(text.trim().to_owned()),
        Err(error) => Err(wrong(format!("cannot be read ({})", error.kind()))),
    }
}

/// Opens a file; a pipe or a device is not opened, because it may never end.
#[expect(clippy::disallowed_methods, reason = "credentials and kubeconfigs are files")]
pub(super) fn open_regular(path: &Path) -> Result<std::fs::File, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.kind().to_string())?;
    if !metadata.is_file() {
        return Err("it is no regular file".to_owned());
    }
    std::fs::File::open(path).map_err(|error| error.kind().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_of_the_server_is_not_kept() {
        for (url, kept) in [
            ("https://admin:s3cret@127.0.0.1:6443", "https://127.0.0.1:6443/"),
            ("https://admin:s3c@ret@host/base?x=1", "https://host/base?x=1"),
            ("https://host:6443/k8s/c", "https://host:6443/k8s/c"),
        ] {
            let Ok(url) = url.parse::<Uri>() else { continue };
            assert_eq!(without_userinfo(&url).to_string(), kept);
        }
    }
}
