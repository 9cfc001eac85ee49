use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where the record of a cluster is kept.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Record")]
pub struct StoreArgs {
    /// Seal the evidence and add it to the record in this folder or bucket (s3://, gs://, az://)
    #[arg(long, value_name = "STORE")]
    pub(in crate::cli) store: Option<String>,
}

/// Arguments of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Evidence folder that `scan -o` or `demo` wrote; or a bundle, to be signed or stamped
    pub(in crate::cli) evidence: PathBuf,
    /// Folder of the bundle, or a file that ends in .zip
    #[arg(short, long, value_name = "BUNDLE", required_unless_present = "store", conflicts_with = "store")]
    pub(in crate::cli) output: Option<PathBuf>,
    /// The bundle before this one; it is verified, and named in this one
    #[arg(long, value_name = "BUNDLE", conflicts_with = "store")]
    pub(in crate::cli) previous: Option<PathBuf>,
    /// Folder with controls of your own by which it was assessed; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) controls: Vec<PathBuf>,
    /// The snapshot that was assessed, where the evidence holds none because `assess -o` wrote it
    #[arg(long, value_name = "SNAPSHOT")]
    pub(in crate::cli) snapshot: Option<PathBuf>,
    /// Replace a bundle that is already there
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Let everybody on this machine read the bundle (0755 and 0644) [default: only you]
    #[arg(long)]
    pub(in crate::cli) world_readable: bool,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
    #[command(flatten)]
    pub(in crate::cli) marks: MarkArgs,
}

/// How a bundle is signed and stamped.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Signature and time")]
pub struct MarkArgs {
    /// Private key of OpenSSH (ed25519, ECDSA, RSA) that signs
    #[arg(long, value_name = "FILE", conflicts_with = "sign_agent")]
    pub(in crate::cli) sign_key: Option<PathBuf>,
    /// File with the passphrase of that key [default: what KUBE_HIPAA_SIGN_KEY_PASSPHRASE_FILE names, else KUBE_HIPAA_SIGN_KEY_PASSPHRASE, else it is asked for]
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    pub(in crate::cli) sign_key_passphrase: Option<PathBuf>,
    /// Public key whose other half the key agent at SSH_AUTH_SOCK holds, which signs
    #[arg(long, value_name = "PUBLIC_KEY_FILE")]
    pub(in crate::cli) sign_agent: Option<PathBuf>,
    /// Address of a timestamp authority (RFC 3161) that is asked for a timestamp; only it is spoken to
    #[arg(long, value_name = "URL", conflicts_with_all = ["timestamp_reply", "timestamp_request"])]
    pub(in crate::cli) timestamp_url: Option<String>,
    /// Answer of a timestamp authority that was fetched elsewhere
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) timestamp_reply: Option<PathBuf>,
    /// Where to write a request to a timestamp authority, for a machine without network; with --timestamp-reply, the request that it answers
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) timestamp_request: Option<PathBuf>,
}

impl MarkArgs {
    /// The first flag that was given.
    pub(in crate::cli) fn first(&self) -> Option<&'static str> {
        let given = [
            (self.sign_key.is_some(), "--sign-key"),
            (self.sign_agent.is_some(), "--sign-agent"),
            (self.timestamp_url.is_some(), "--timestamp-url"),
        ];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag).or(self.by_hand())
    }

    /// The first flag that needs somebody between.
    pub(in crate::cli) fn by_hand(&self) -> Option<&'static str> {
        let given = [(self.timestamp_reply.is_some(), "--timestamp-reply"), (self.timestamp_request.is_some(), "--timestamp-request")];
        given.into_iter().find(|(is_given, _)| *is_given).map(|(_, flag)| flag)
    }
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder or .zip of a bundle, an evidence folder, or a store
    pub(in crate::cli) bundle: PathBuf,
    /// The id that was noted when it was sealed; in a store, of the newest bundle that is known elsewhere
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(in crate::cli) id: Option<String>,
    /// The bundle before this one: it must be whole, and this one must name it
    #[arg(long, value_name = "BUNDLE")]
    pub(in crate::cli) previous: Option<PathBuf>,
    /// Who may have signed it: a list as `ssh-keygen -Y verify` reads it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) allowed_signers: Option<PathBuf>,
    /// A bundle without a signature is none
    #[arg(long)]
    pub(in crate::cli) require_signature: bool,
    /// Who may have stamped it: root certificates of timestamp authorities in PEM, and those between
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) tsa_ca: Option<PathBuf>,
    /// A bundle without a timestamp is none
    #[arg(long)]
    pub(in crate::cli) require_timestamp: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = VerifyFormat::Table)]
    pub(in crate::cli) format: VerifyFormat,
    /// In a store, only the cluster whose namespace kube-system has this uid
    #[arg(long, value_name = "UID")]
    pub(in crate::cli) cluster: Option<String>,
}

/// How `verify` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// For reading
    Table,
    /// For programs
    Json,
    /// For the textfile collector of Prometheus' node exporter
    Prometheus,
}

fn id(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let is_id = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { Ok(text) } else { Err("an id has 64 hex digits".to_owned()) }
}
