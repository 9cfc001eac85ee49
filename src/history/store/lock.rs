//! Asking a bucket how long it keeps what is in it.

use object_store::client::{HttpRequest, HttpRequestBody};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use serde_json::Value;

use super::http::{Answer, LOCK_MODE, ask};
use super::reach::{Heard, Own, Reached};
use super::retention::{Kept, Retention};

/// How long a signed request is good.
const SIGNED_FOR: std::time::Duration = std::time::Duration::from_secs(60);

fn seen(kept: Kept, legal_hold: bool, said_by: &str) -> Retention {
    Retention { kept, legal_hold, said_by: said_by.to_owned() }
}

impl Reached {
    /// What is said of one bundle: by the answer that brought it, else by asking.
    pub(super) async fn retention(&self, path: &Path, heard: &Heard) -> Retention {
        match &self.own {
            Own::S3(_) => {
                let hold = heard.header("x-amz-object-lock-legal-hold").is_some_and(|value| value.eq_ignore_ascii_case("ON"));
                if let (Some(mode), Some(until)) = (heard.header(LOCK_MODE), heard.header("x-amz-object-lock-retain-until-date")) {
                    return seen(Kept::Until { mode: mode.to_lowercase(), until }, hold, "the headers of the answer to GetObject");
                }
                let rules = self.rules().await;
                // Without a lock of the bucket no bundle in it has one.
                if rules.kept == Kept::Unlocked && rules.said_by.contains("404") {
                    return rules;
                }
                let answer = self.s3(path, "retention").await;
                of_s3(answer, "GetObjectRetention", |text| {
                    let (mode, until) = (element(text, "Mode")?, element(text, "RetainUntilDate")?);
                    Some(Kept::Until { mode: mode.to_lowercase(), until })
                })
            }
            Own::Gcs { base, bucket, .. } => {
                let name = path.as_ref().replace('/', "%2F");
                let url =
                    format!("{base}/storage/v1/b/{bucket}/o/{name}?fields=retention,retentionExpirationTime,temporaryHold,eventBasedHold");
                let said = match self.gcs(&url).await {
                    Ok(said) => said,
                    Err(why) => return Retention::not_seen(why),
                };
                let hold = ["temporaryHold", "eventBasedHold"].iter().any(|key| said[key] == Value::Bool(true));
                let text = |value: &Value| value.as_str().map(str::to_owned);
                let own = text(&said["retention"]["retainUntilTime"])
                    .map(|until| Kept::Until { mode: text(&said["retention"]["mode"]).unwrap_or_default().to_lowercase(), until });
                let by_policy =
                    text(&said["retentionExpirationTime"]).map(|until| Kept::Until { mode: "policy of the bucket".to_owned(), until });
                seen(own.or(by_policy).unwrap_or(Kept::Unlocked), hold, "the object's metadata (objects.get)")
            }
            Own::Azure => {
                let hold = heard.header("x-ms-legal-hold").is_some_and(|value| value == "true");
                let until = heard.header("x-ms-immutability-policy-until-date");
                let until = until.and_then(|until| chrono::DateTime::parse_from_rfc2822(&until).ok());
                match (until, heard.header("x-ms-immutability-policy-mode")) {
                    (Some(until), mode) => {
                        let until = until.to_utc().format("%Y-%m-%dT%H:%M:%SZ").to_string();
                        seen(
                            Kept::Until { mode: mode.unwrap_or_default().to_lowercase(), until },
                            hold,
                            "the headers of the answer to Get Blob",
                        )
                    }
                    (None, _) if hold => seen(Kept::Unlocked, true, "the headers of the answer to Get Blob"),
                    (None, _) => Retention::not_seen(
                        "the answer to Get Blob says nothing of an immutability policy; one of the container is not said there",
                    ),
                }
            }
        }
    }

    /// What is said of everything in the bucket; asked once.
    pub(super) async fn rules(&self) -> Retention {
        if let Some(known) = self.known_rules.get() {
            return known.clone();
        }
        let rules = match &self.own {
            Own::S3(_) => {
                let answer = self.s3(&Path::default(), "object-lock").await;
                of_s3(answer, "GetObjectLockConfiguration", |text| {
                    match (element(text, "Mode"), element(text, "Days").filter(|days| days != "0"), element(text, "Years")) {
                        (Some(mode), Some(days), _) => Some(Kept::For { mode: mode.to_lowercase(), period: format!("{days} days") }),
                        (Some(mode), None, Some(years)) => Some(Kept::For { mode: mode.to_lowercase(), period: format!("{years} years") }),
                        // The lock is there, and nothing is locked by default.
                        _ => element(text, "ObjectLockEnabled").map(|_| Kept::Unlocked),
                    }
                })
            }
            Own::Gcs { base, bucket, .. } => match self.gcs(&format!("{base}/storage/v1/b/{bucket}?fields=retentionPolicy")).await {
                Err(why) => Retention::not_seen(why),
                Ok(said) => {
                    let policy = &said["retentionPolicy"];
                    let kept = match policy["retentionPeriod"].as_str() {
                        Some(seconds) => {
                            let mode = if policy["isLocked"] == Value::Bool(true) { "locked policy" } else { "policy that is not locked" };
                            Kept::For { mode: mode.to_owned(), period: format!("{seconds} seconds") }
                        }
                        None => Kept::Unlocked,
                    };
                    seen(kept, false, "the bucket's metadata (buckets.get)")
                }
            },
            Own::Azure => Retention::not_seen("a container says its policy to managers of the storage account only"),
        };
        self.known_rules.get_or_init(|| rules).clone()
    }

    /// A request of S3 that object_store does not make.
    async fn s3(&self, path: &Path, what: &str) -> Result<Answer, String> {
        let Own::S3(s3) = &self.own else { return Err("it is no bucket of S3".to_owned()) };
        let options = SignedUrlOptions::default().with_query([(what, "")]);
        let url = s3.signed_url_opts(http::Method::GET, path, SIGNED_FOR, &options).await.map_err(|error| error.to_string())?;
        self.get(url.as_str(), None).await
    }

    async fn gcs(&self, url: &str) -> Result<Value, String> {
        let Own::Gcs { credentials, .. } = &self.own else { return Err("it is no bucket of Google Cloud".to_owned()) };
        let credential = credentials.get_credential().await.map_err(|error| error.to_string())?;
        let answer = self.get(url, Some(&credential.bearer)).await?;
        if !answer.status.is_success() {
            return Err(format!("the store answered {}", answer.status));
        }
        serde_json::from_slice(&answer.body).map_err(|_| "the store's answer cannot be read".to_owned())
    }

    /// Nothing of the URL is told: it can be signed.
    async fn get(&self, url: &str, bearer: Option<&str>) -> Result<Answer, String> {
        let mut request = http::Request::get(url);
        if let Some(bearer) = bearer.filter(|bearer| !bearer.is_empty()) {
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {bearer}"));
        }
        let request: HttpRequest = request.body(HttpRequestBody::empty()).map_err(|_| "it cannot be asked for".to_owned())?;
        ask(&self.client, request).await.map_err(|error| error.to_string())
    }
}

/// 200 says something, 404 says that there is nothing, and everything else does not say.
fn of_s3(answer: Result<Answer, String>, question: &str, read: impl FnOnce(&str) -> Option<Kept>) -> Retention {
    match answer {
        Err(why) => Retention::not_seen(format!("{question} was not answered: {why}")),
        Ok(answer) => {
            let text = String::from_utf8_lossy(&answer.body);
            let none = ["ObjectLockConfigurationNotFoundError", "NoSuchObjectLockConfiguration"].iter().any(|code| text.contains(code));
            match read(&text).filter(|_| answer.status.is_success()) {
                Some(kept) => seen(kept, false, question),
                None if none => seen(Kept::Unlocked, false, &format!("{question} ({})", answer.status.as_u16())),
                None => Retention::not_seen(format!("{question} was answered with {}", answer.status.as_u16())),
            }
        }
    }
}

/// The text of the first element of this name. Answers of this kind have no attributes there and no such names inside of others.
fn element(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (inside, _) = rest.split_once(&format!("</{name}>"))?;
    let good = !inside.is_empty() && inside.len() <= 64 && inside.chars().all(|c| c.is_ascii_graphic() && c != '<');
    good.then(|| inside.to_owned())
}
