use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Arguments of `bundle`.
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// Evidence folder that `scan -o` or `demo` wrote
    pub(in crate::cli) evidence: PathBuf,
    /// Folder of the bundle, or a file that ends in .zip
    #[arg(short, long, value_name = "BUNDLE")]
    pub(in crate::cli) output: PathBuf,
    /// The bundle before this one; it is verified, and named in this one
    #[arg(long, value_name = "BUNDLE")]
    pub(in crate::cli) previous: Option<PathBuf>,
    /// Folder with controls of your own by which it was assessed; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) controls: Vec<PathBuf>,
    /// Replace a bundle that is already there
    #[arg(long)]
    pub(in crate::cli) force: bool,
    /// Let everybody on this machine read the bundle (0755 and 0644) [default: only you]
    #[arg(long)]
    pub(in crate::cli) world_readable: bool,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Folder or .zip of a bundle, or an evidence folder
    pub(in crate::cli) bundle: PathBuf,
    /// The id that was noted when it was sealed
    #[arg(long, value_name = "ID", value_parser = id)]
    pub(in crate::cli) id: Option<String>,
    /// The bundle before this one: it must be whole, and this one must name it
    #[arg(long, value_name = "BUNDLE")]
    pub(in crate::cli) previous: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t = VerifyFormat::Table)]
    pub(in crate::cli) format: VerifyFormat,
}

/// How `verify` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// For reading
    Table,
    /// For programs
    Json,
}

fn id(text: &str) -> Result<String, String> {
    let text = text.to_ascii_lowercase();
    let is_id = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if is_id { Ok(text) } else { Err("an id has 64 hex digits".to_owned()) }
}
