//! Credential plugins (client-go's `exec`), as kubectl runs them, within the time of the run. A plugin that does not end is ended with
//! everything that it started.

use std::process::Stdio;

use kube::config::{ExecConfig, ExecInteractiveMode};
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{Duration, Instant};

use super::super::clock;
use super::{CredentialError, MINUTE};

/// What a plugin prints is a credential: a token, or a certificate and a key.
const MAX_OUTPUT: usize = 1024 * 1024;

/// A field of the cluster that the client library does not know, kept beside the plugin that is told it.
pub(in crate::collect) const UNCOMPRESSED: &str = "disable-compression";

/// A plugin and its name.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    exec: ExecConfig,
    version: String,
}

/// What a plugin gave.
pub(super) struct Found {
    pub(super) token: Option<String>,
    /// Certificate and key, as PEM.
    pub(super) certificate: Option<(String, String)>,
    /// In how many seconds it ends.
    ends_in: Option<i64>,
}

impl Found {
    /// Until when it is used: no longer than to the minute in which it ends.
    pub(super) fn until(&self, now: Instant) -> Option<Instant> {
        let seconds = u64::try_from(self.ends_in?).unwrap_or(0);
        // What ends within the minute is used for what it is good for, and got anew with the next request after that.
        let usable = Duration::from_secs(seconds).saturating_sub(MINUTE).max(Duration::from_secs(5));
        now.checked_add(usable)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecCredential {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    expiration_timestamp: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    client_certificate_data: Option<String>,
    #[serde(default)]
    client_key_data: Option<String>,
}

/// What is kept of an output: the beginning, to be read, or the end, to be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Beginning,
    End,
}

impl Plugin {
    pub(super) fn new(exec: ExecConfig) -> Result<Self, CredentialError> {
        let wrong = |why: &str| Err(CredentialError::Plugin(format!("the credential plugin {why}")));
        if exec.command.as_deref().unwrap_or("").is_empty() {
            return wrong("has no command");
        }
        if exec.provide_cluster_info && exec.cluster.is_none() {
            return wrong("wants to know the cluster, and the kubeconfig does not say it");
        }
        let version = exec.api_version.clone().unwrap_or_default();
        Ok(Self { exec, version })
    }

    /// How it is called in messages: the name of the program without its place; nothing where that is no plain name.
    fn name(&self) -> String {
        let command = self.exec.command.as_deref().unwrap_or("");
        let name = command.rsplit(['/', '\\']).next().unwrap_or("");
        let is_plain = (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if is_plain { format!(" {name}") } else { String::new() }
    }

    /// Runs it to its end, or ends it.
    pub(super) async fn run(&self, deadline: Instant) -> Result<Found, CredentialError> {
        let name = self.name();
        let wrong = |why: String| CredentialError::Plugin(format!("the credential plugin{name} {why}"));
        let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stdin());
        if self.exec.interactive_mode == Some(ExecInteractiveMode::Always) && !is_terminal {
            return Err(wrong("needs a terminal, and there is none".to_owned()));
        }
        let interactive = is_terminal && self.exec.interactive_mode != Some(ExecInteractiveMode::Never);
        let mut child = self.command(interactive).spawn().map_err(|error| {
            let hint = if error.kind() == std::io::ErrorKind::NotFound { ": it is not installed, or not on the PATH" } else { "" };
            wrong(format!("could not be started ({}){hint}", error.kind()))
        })?;
        let mut group = Group { leader: child.id().filter(|_| !interactive) };
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let ended = async {
            let outputs = async { tokio::try_join!(read(out, Part::Beginning), read(err, Part::End)) };
            tokio::pin!(outputs);
            // What it started may keep its output open after it has ended: that is not waited for.
            let (status, read) = tokio::select! {
                read = &mut outputs => (child.wait().await, Some(read)),
                status = child.wait() => (status, tokio::time::timeout(Duration::from_secs(2), &mut outputs).await.ok()),
            };
            (status, read)
        };
        let Ok((status, read)) = tokio::time::timeout_at(deadline, ended).await else {
            end(&mut child, &mut group).await;
            return Err(wrong("did not end within the time of the run (--timeout), and was ended".to_owned()));
        };
        let (out, err) = match read {
            Some(Ok(read)) => read,
            Some(Err(TooMuch)) => {
                end(&mut child, &mut group).await;
                return Err(wrong("printed more than a credential, and was ended".to_owned()));
            }
            None => {
                end(&mut child, &mut group).await;
                return Err(wrong("ended and left its output open".to_owned()));
            }
        };
        let said = || match last_words(&err) {
            Some(words) => format!("; its last line: {words}"),
            None => String::new(),
        };
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                let how = status.code().map_or_else(|| "it was killed".to_owned(), |code| format!("status {code}"));
                return Err(wrong(format!("failed ({how}){}", said())));
            }
            Err(error) => return Err(wrong(format!("failed ({})", error.kind()))),
        }
        group.leader = None;
        self.found(&out).map_err(|why| wrong(format!("failed ({why}){}", said())))
    }

    fn command(&self, interactive: bool) -> Command {
        let exec = &self.exec;
        let mut command = Command::new(exec.command.as_deref().unwrap_or(""));
        command.args(exec.args.iter().flatten());
        let env = exec.env.iter().flatten().filter_map(|pair| Some((pair.get("name")?, pair.get("value")?)));
        command.envs(env);
        let mut spec = json!({"interactive": interactive});
        if exec.provide_cluster_info {
            spec["cluster"] = serde_json::to_value(&exec.cluster).unwrap_or_default();
            // client-go writes it where nothing is configured, too (`RawExtension` is never left out).
            if let Some(cluster) = spec["cluster"].as_object_mut() {
                cluster.entry("config").or_insert_with(|| serde_json::Value::Null);
                cluster.extend(exec.other.get_key_value(UNCOMPRESSED).map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        let info = json!({"apiVersion": self.version, "kind": "ExecCredential", "spec": spec});
        command.env("KUBERNETES_EXEC_INFO", info.to_string());
        command.stdin(if interactive { Stdio::inherit() } else { Stdio::null() });
        // Who is asked for something has to see the question.
        command.stdout(Stdio::piped()).stderr(if interactive { Stdio::inherit() } else { Stdio::piped() });
        command.kill_on_drop(true);
        // A group of its own is ended as a whole. Who is asked at a terminal must stay in the group that owns it.
        #[cfg(unix)]
        if !interactive {
            command.process_group(0);
        }
        command
    }

    fn found(&self, output: &[u8]) -> Result<Found, &'static str> {
        let not_one = "what it printed is not a credential";
        let credential: ExecCredential = serde_saphyr::from_slice(output).map_err(|_| not_one)?;
        if credential.kind != "ExecCredential" {
            return Err(not_one);
        }
        if credential.api_version != self.version {
            return Err("what it printed is of another version than the kubeconfig asks for");
        }
        let status = credential.status.ok_or(not_one)?;
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        let certificate = match (some(status.client_certificate_data), some(status.client_key_data)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("it gave a certificate without its key, or the reverse"),
        };
        let token = some(status.token);
        if token.is_none() && certificate.is_none() {
            return Err("it gave neither a token nor a certificate");
        }
        let ends_in = match status.expiration_timestamp {
            Some(time) => Some(clock::seconds_until(&time).ok_or("the credential's date of expiration cannot be read")?),
            None => None,
        };
        Ok(Found { token, certificate, ends_in })
    }
}

/// More was printed than is read.
struct TooMuch;

async fn read(from: Option<impl AsyncRead + Unpin>, part: Part) -> Result<Vec<u8>, TooMuch> {
    let mut kept = Vec::new();
    let Some(mut from) = from else { return Ok(kept) };
    let mut buffer = vec![0; 16 * 1024];
    // An output that breaks has ended.
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        kept.extend_from_slice(buffer.get(..n).unwrap_or_default());
        match part {
            Part::Beginning if kept.len() > MAX_OUTPUT => return Err(TooMuch),
            Part::End if kept.len() > 64 * 1024 => {
                kept.drain(..kept.len() - 8 * 1024);
            }
            _ => {}
        }
    }
    Ok(kept)
}

/// The processes that a plugin started, with itself. They end when this goes, unless it ended well.
struct Group {
    leader: Option<u32>,
}

impl Group {
    fn end(&mut self) {
        let Some(leader) = self.leader.take() else { return };
        #[cfg(unix)]
        if let Some(leader) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw) {
            // Best effort: it may have ended by itself.
            let _ended = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = leader;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}

async fn end(child: &mut Child, group: &mut Group) {
    group.end();
    // Best effort, as above; a child that is not waited for stays in the list of processes.
    let _killed = child.start_kill();
    let _status = tokio::time::timeout(Duration::from_secs(1), child.wait()).await;
}

/// The last line of what a plugin complained about, word by word: what could be a credential, a name or a number of something is left out.
fn last_words(output: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(output.get(output.len().saturating_sub(8 * 1024)..).unwrap_or_default());
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let mut told: Vec<&str> = Vec::new();
    let mut after_secret = false;
    for word in line.split_whitespace().take(40) {
        let bare = word.trim_matches(|c: char| "\"'`()[]<>,.;:!?".contains(c));
        let is_word = (1..=24).contains(&bare.len()) && bare.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '\'');
        // Upper and lower case in the middle of a word are no language.
        let is_language = is_word
            && (bare.chars().all(|c| !c.is_ascii_uppercase()) || bare.chars().skip(1).all(|c| !c.is_ascii_uppercase()) || bare.len() <= 5);
        let kept = is_language && !after_secret && !word.contains('=');
        const SECRETS: [&str; 8] = ["password", "passwd", "secret", "token", "key", "credential", "pin", "code"];
        after_secret = (word.ends_with(':') || word.ends_with('=')) && SECRETS.contains(&bare.to_ascii_lowercase().as_str());
        match (kept, told.last()) {
            (true, _) => told.push(word.trim_matches(|c: char| !c.is_ascii_alphabetic() && !",.;:!?".contains(c))),
            (false, Some(&"[redacted]")) => {}
            (false, _) => told.push("[redacted]"),
        }
    }
    let told = told.join(" ");
    (told.chars().any(|c| c.is_ascii_lowercase()) && told != "[redacted]").then_some(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_a_plugin_is_told_without_what_could_be_secret() {
        let told = |text: &str| last_words(text.as_bytes());
        let expired = "debug: x\nError: your session has expired, run aws sso login\n\n";
        assert_eq!(told(expired).as_deref(), Some("Error: your session has expired, run aws sso login"));
        for (line, expected) in [
            ("could not use token: hunter", Some("could not use token: [redacted]")),
            ("login failed for PASSWORD=hunter2 at https://u:p@host/x", Some("login failed for [redacted] at [redacted]")),
            ("refused eyJhbGciOiJSUzI1NiJ9.e30.x", Some("refused [redacted]")),
            ("AbCdEfGhIj", None),
            ("", None),
        ] {
            assert_eq!(told(line).as_deref(), expected, "{line}");
        }
    }
}
