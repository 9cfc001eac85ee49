//! How a bucket is reached: which variables of the environment say it, and which hosts follow from them.

#![expect(clippy::disallowed_methods, reason = "credentials and endpoints come from the environment, as for every other program")]

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use http::{Extensions, HeaderMap};
use object_store::ObjectStore;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum, S3ConditionalPut};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::client::{ClientConfigKey, HttpClient};
use object_store::gcp::{GcpCredentialProvider, GoogleCloudStorageBuilder, GoogleConfigKey};

use super::address::Kind;
use super::bucket::patience;
use super::error::StoreError;
use super::http::{Guarded, Host};
use super::retention::Retention;

/// The files of certificates that are trusted beside those of the system.
const AUTHORITIES: &str = "AWS_CA_BUNDLE";

/// A bucket with what is needed to ask it more than object_store does.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) store: Arc<dyn ObjectStore>,
    pub(super) own: Own,
    pub(super) client: HttpClient,
    /// What is said of everything in the bucket; asked once.
    pub(super) known_rules: OnceLock<Retention>,
}

/// What differs from protocol to protocol.
#[derive(Debug)]
pub(super) enum Own {
    S3(AmazonS3),
    Gcs { base: String, bucket: String, credentials: GcpCredentialProvider },
    Azure,
}

/// Takes the headers of the answer to a request with these extensions.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<HeaderMap>>);

impl Heard {
    pub(super) fn extensions(&self) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(self.clone());
        extensions
    }
    pub(super) fn take(&self, headers: &HeaderMap) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = headers.clone();
    }
    /// The value of a header, where it is text.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let headers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

impl Reached {
    pub(super) fn new(kind: Kind, bucket: &str, shown: &str) -> Result<Self, StoreError> {
        match kind {
            Kind::S3 => s3(bucket, shown),
            Kind::Gcs => gcs(bucket, shown),
            Kind::Azure => azure(bucket, shown),
        }
    }

    pub(super) fn listening(&self) -> Heard {
        Heard::default()
    }
}

fn settings(shown: &str, why: impl Into<String>, advice: &str) -> StoreError {
    StoreError::Settings { place: shown.to_owned(), why: why.into(), advice: advice.to_owned() }
}

fn guarded(hosts: Vec<Option<Host>>, shown: &str) -> Result<Guarded, StoreError> {
    let authorities = variable(AUTHORITIES)
        .map(|path| {
            let read = std::fs::read(&path);
            read.map_err(|error| {
                settings(shown, format!("the certificates in {path} ({AUTHORITIES}) cannot be read: {error}"), "Check the path.")
            })
        })
        .transpose()?;
    let hosts = hosts.into_iter().flatten().collect();
    Guarded::new(hosts, authorities.as_deref()).map_err(|error| {
        settings(shown, format!("TLS cannot be set up: {error}"), "Check the certificates of the system and those named by AWS_CA_BUNDLE.")
    })
}

fn built<T>(shown: &str, built: object_store::Result<T>, advice: &str) -> Result<T, StoreError> {
    built.map_err(|error| settings(shown, error.to_string(), advice))
}

const OF_S3: &str = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN; \
                     on an instance that has a role AWS_METADATA_ENDPOINT=http://169.254.169.254. Profiles in ~/.aws are not read.";

fn s3(bucket: &str, shown: &str) -> Result<Reached, StoreError> {
    use AmazonS3ConfigKey as Key;
    let builder = AmazonS3Builder::from_env();
    let value = |key: Key| builder.get_config_value(&key).filter(|value| !value.is_empty());
    let region = value(Key::Region).or_else(|| value(Key::DefaultRegion)).unwrap_or_else(|| "us-east-1".to_owned());
    let by_keys = value(Key::AccessKeyId).is_some();
    let by_role = value(Key::WebIdentityTokenFile).is_some() && value(Key::RoleArn).is_some();
    let by_task = value(Key::ContainerCredentialsRelativeUri).is_some() || value(Key::ContainerCredentialsFullUri).is_some();
    let by_instance = value(Key::MetadataEndpoint).is_some();
    let unsigned = value(Key::SkipSignature).is_some_and(|value| value == "true");
    if !(by_keys || by_role || by_task || by_instance || unsigned) {
        return Err(settings(shown, "the environment names no credentials", OF_S3));
    }
    let endpoint = value(Key::S3Endpoint).or_else(|| value(Key::Endpoint));
    let sts = value(Key::StsEndpoint).unwrap_or_else(|| format!("https://sts.{region}.amazonaws.com"));
    let hosts = vec![
        Some(endpoint.as_deref().map_or(Some(Host::Below(".amazonaws.com")), Host::of)).flatten(),
        by_role.then(|| Host::of(&sts)).flatten(),
        value(Key::ContainerCredentialsRelativeUri).and_then(|_| Host::of("169.254.170.2")),
        value(Key::ContainerCredentialsFullUri).as_deref().and_then(Host::of),
        value(Key::MetadataEndpoint).as_deref().and_then(Host::of),
    ];
    let guarded = guarded(hosts, shown)?;
    let plain = value(Key::Client(ClientConfigKey::AllowHttp)).is_some_and(|value| value == "true");
    let mut builder = builder
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(patience())
        .with_http_connector(guarded.clone());
    if builder.get_config_value(&Key::Checksum).is_none() {
        // A bucket with a lock takes nothing without a checksum.
        builder = builder.with_checksum_algorithm(Checksum::SHA256);
    }
    let own = built(shown, builder.build(), OF_S3)?;
    Ok(Reached { store: Arc::new(own.clone()), own: Own::S3(own), client: guarded.client(plain), known_rules: OnceLock::new() })
}

const OF_GCS: &str =
    "Set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account; on Google Cloud GCE_METADATA_HOST=metadata.google.internal.";

fn gcs(bucket: &str, shown: &str) -> Result<Reached, StoreError> {
    use GoogleConfigKey as Key;
    let builder = GoogleCloudStorageBuilder::from_env();
    let value = |key: Key| builder.get_config_value(&key).filter(|value| !value.is_empty());
    let by_metadata = variable("GCE_METADATA_HOST");
    let by_file = [Key::ServiceAccount, Key::ServiceAccountKey, Key::ApplicationCredentials, Key::BearerToken]
        .into_iter()
        .any(|key| value(key).is_some())
        || variable("SERVICE_ACCOUNT").is_some();
    let unsigned = value(Key::SkipSignature).is_some_and(|value| value == "true");
    if !(by_file || by_metadata.is_some() || unsigned) {
        return Err(settings(shown, "the environment names no credentials", OF_GCS));
    }
    let base = value(Key::BaseUrl).unwrap_or_else(|| "https://storage.googleapis.com".to_owned());
    let hosts = vec![Host::of(&base), Some(Host::Below(".googleapis.com")), by_metadata.as_deref().and_then(Host::of)];
    let guarded = guarded(hosts, shown)?;
    let plain = value(Key::Client(ClientConfigKey::AllowHttp)).is_some_and(|value| value == "true");
    let builder = builder.with_bucket_name(bucket).with_retry(patience()).with_http_connector(guarded.clone());
    let store = built(shown, builder.build(), OF_GCS)?;
    let own = Own::Gcs { base, bucket: bucket.to_owned(), credentials: Arc::clone(store.credentials()) };
    Ok(Reached { store: Arc::new(store), own, client: guarded.client(plain), known_rules: OnceLock::new() })
}

const OF_AZURE: &str = "Set AZURE_STORAGE_ACCOUNT_NAME, and AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID, AZURE_TENANT_ID and \
                        AZURE_FEDERATED_TOKEN_FILE.";

fn azure(bucket: &str, shown: &str) -> Result<Reached, StoreError> {
    use AzureConfigKey as Key;
    let builder = MicrosoftAzureBuilder::from_env();
    let value = |key: Key| builder.get_config_value(&key).filter(|value| !value.is_empty());
    let emulated = value(Key::UseEmulator).is_some_and(|value| value == "true");
    let account = value(Key::AccountName);
    let named = [Key::AccessKey, Key::SasKey, Key::Token, Key::ClientSecret, Key::FederatedTokenFile, Key::MsiEndpoint];
    let unsigned = value(Key::SkipSignature).is_some_and(|value| value == "true");
    if account.is_none() && !emulated {
        return Err(settings(shown, "the environment names no storage account", OF_AZURE));
    }
    if !emulated && !unsigned && !named.into_iter().any(|key| value(key).is_some()) {
        return Err(settings(shown, "the environment names no credentials", OF_AZURE));
    }
    if value(Key::CredentialType).is_some_and(|kind| kind == "azure_cli") {
        return Err(settings(shown, "credentials of the Azure command line are not used: no other program is started", OF_AZURE));
    }
    let emulator = variable("AZURITE_BLOB_STORAGE_URL").unwrap_or_else(|| "http://127.0.0.1:10000".to_owned());
    let service = account.map(|account| format!("https://{account}.blob.core.windows.net"));
    let authority = value(Key::AuthorityHost).unwrap_or_else(|| "https://login.microsoftonline.com".to_owned());
    let hosts = vec![
        if emulated { Host::of(&emulator) } else { value(Key::Endpoint).or(service).as_deref().and_then(Host::of) },
        Host::of(&authority),
        value(Key::MsiEndpoint).as_deref().and_then(Host::of),
    ];
    let guarded = guarded(hosts, shown)?;
    let plain = emulated || value(Key::Client(ClientConfigKey::AllowHttp)).is_some_and(|value| value == "true");
    let builder = builder.with_container_name(bucket).with_use_azure_cli(false).with_retry(patience()).with_http_connector(guarded.clone());
    let store = built(shown, builder.build(), OF_AZURE)?;
    Ok(Reached { store: Arc::new(store), own: Own::Azure, client: guarded.client(plain), known_rules: OnceLock::new() })
}
