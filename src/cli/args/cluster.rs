//! Which cluster is asked, and how.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Which cluster, as whom.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ConnectArgs {
    /// Path of the kubeconfig file [default: KUBECONFIG, ~/.kube/config, or the identity of the pod it runs in]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig to use [default: its current one]
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// User to impersonate
    #[arg(long = "as", value_name = "USER")]
    pub impersonate: Option<String>,
    /// Group to impersonate; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", requires = "impersonate")]
    pub impersonate_groups: Vec<String>,
}

/// How the cluster is called where it is reported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct NameArgs {
    /// Name of the cluster in reports [default: the context's name]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,
}

/// How much is asked, and for how long.
#[derive(Debug, Args)]
#[command(next_help_heading = "Collecting")]
pub struct PaceArgs {
    /// Time after which whatever is not read yet is reported as not read
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub timeout: Duration,
    /// Requests at the same time
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub concurrency: u8,
}

/// How to collect.
#[derive(Debug, Args)]
#[command(next_help_heading = "Collecting")]
pub struct CollectOptionsArgs {
    #[command(flatten)]
    pub(in crate::cli) pace: PaceArgs,
    /// Objects per page of a list
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub page_size: u32,
    /// Do not send the one request without credentials that establishes whether anonymous access is on
    #[arg(long)]
    pub no_anonymous_request: bool,
    /// Do not show progress, even on a terminal
    #[arg(long)]
    pub no_progress: bool,
}

/// Go's duration form, as kubectl's --request-timeout has it: `90s`, `5m`, `1h30m`.
fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is not a time such as 90s, 5m or 1h");
    let mut seconds: u64 = 0;
    let mut number = String::new();
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(wrong()),
        };
        let value: u64 = number.parse().map_err(|_| wrong())?;
        seconds = value.checked_mul(unit).and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        number.clear();
    }
    if !number.is_empty() || seconds == 0 { Err(wrong()) } else { Ok(Duration::from_secs(seconds)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_for_kubectl() {
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1h30m"), Ok(Duration::from_secs(5400)));
        for wrong in ["", "5", "m", "0s", "1d", "-1s", "99999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
