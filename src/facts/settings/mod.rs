//! What the components of the control plane were started with, as far as the API shows it.

mod api_server;
mod arguments;
mod audit;
mod audit_files;
mod components;
mod defaults;
mod durations;
mod encryption;
mod files;
mod flags;
pub(super) mod gates;
mod keys;
mod kubeadm;
mod machines;
mod mirrors;
mod openshift;
mod places;
mod plugins;
mod seen;
mod servers;
mod stored;

pub(super) use audit_files::{AuditFile, AuditFiles, Written};
pub(super) use durations::seconds;
pub(super) use places::cleaned;
pub(super) use stored::{Stored, stored};

use super::{FactsError, Family, Known};
use crate::facts::table::read::Reader;
use crate::facts::table::schema::TableRow;
use crate::model::Unseen;
use crate::model::sources::METRICS;

/// The tables of settings and of what the API server's own counters show of them, computed together: they compare the same sources.
pub(super) const FAMILY: Family = Family {
    schemas: || {
        vec![
            api_server::ApiServerSettingRow::schema(),
            components::ComponentSettingRow::schema(),
            encryption::EncryptionRow::schema(),
            audit::AuditRow::schema(),
        ]
    },
    rows: |context, _| {
        let servers = servers::ApiServers::read(context)?;
        Ok(vec![
            api_server::rows(&servers),
            components::rows(context, &servers)?,
            encryption::rows(context, &servers)?,
            audit::rows(context, &servers)?,
        ])
    },
};

/// How many API servers the Leases of kube-system count; none counts as not known.
pub(super) fn counted_servers(reader: &Reader<'_>) -> Result<usize, FactsError> {
    seen::servers(reader)
}

/// Whether an API server reads an AdmissionConfiguration, whose defaults and exemptions no API shows.
pub(super) fn admission_file(context: &crate::facts::context::Context<'_>) -> Result<Known<bool>, FactsError> {
    Ok(servers::Seen::read(context)?.given("admission-control-config-file"))
}

/// Whether an API server takes bootstrap tokens: Secrets of kube-system by which somebody becomes a member of groups that these name. That none
/// does is known only where all were seen.
pub(super) fn takes_bootstrap_tokens(context: &crate::facts::context::Context<'_>) -> Result<Known<bool>, FactsError> {
    const SETTING: &str = "enable-bootstrap-token-auth";
    let servers = servers::Seen::read(context)?;
    let mut doubt = servers.unknown(SETTING);
    for server in &servers.list {
        match servers.value(server, SETTING, Some("false")) {
            // As `strconv.ParseBool` reads it.
            Known::Known((value, _)) if matches!(value.as_str(), "true" | "True" | "TRUE" | "t" | "T" | "1") => {
                return Ok(Known::Known(true));
            }
            Known::Known(_) => {}
            Known::Unknown(unseen) => doubt = Some(unseen),
        }
    }
    Ok(doubt.map_or(Known::Known(false), Known::Unknown))
}

/// Which of the admission plugins that are on by default run.
pub(super) struct Plugins {
    /// By server: those that are switched off.
    off: Vec<Known<Vec<String>>>,
    /// Why there may be servers whose flags are not seen.
    others: Option<Unseen>,
    /// Those that the server that answered counts requests of (`apiserver_admission_controller_admission_duration_seconds`).
    counted: std::collections::BTreeSet<String>,
    /// Why that server may not be the only one.
    not_alone: Option<Unseen>,
    /// Why nothing was counted, where that was not read.
    uncounted: Option<Unseen>,
}

impl Plugins {
    pub(super) fn read(context: &crate::facts::context::Context<'_>) -> Result<Self, FactsError> {
        const SETTING: &str = "disable-admission-plugins";
        let servers = servers::Seen::read(context)?;
        let off = |server| servers.value(server, SETTING, Some("")).map(|(value, _)| split(&value));
        let metrics = crate::facts::metrics::Metrics::read(&context.reader)?;
        let series = metrics.family("apiserver_admission_controller_admission_duration_seconds_count");
        Ok(Self {
            off: servers.list.iter().map(off).collect(),
            counted: series.iter().map(|sample| sample.label("name").to_owned()).collect(),
            others: servers.unknown(SETTING),
            not_alone: servers.unknown_of_others(1, SETTING),
            uncounted: context.reader.gap(&METRICS),
        })
    }

    /// Whether all API servers run a plugin; one that has it switched off speaks for all, one that has it on for itself.
    pub(super) fn runs(&self, plugin: &str) -> Known<bool> {
        if self.off.iter().filter_map(Known::known).flatten().any(|name| name == plugin) {
            return Known::Known(false);
        }
        let counted = self.counted.contains(plugin);
        let Some(unseen) = self.off.iter().find_map(Known::unseen).or(self.others.as_ref()) else { return Known::Known(true) };
        match (&self.not_alone, &self.uncounted) {
            (None, _) if counted => Known::Known(true),
            // Reading it would have told.
            (None, Some(gap)) => Known::Unknown(gap.clone()),
            (Some(not_alone), _) if counted => Known::Unknown(not_alone.clone()),
            _ => Known::Unknown(unseen.clone()),
        }
    }
}

fn not_visible(component: &str, setting: &str, why: &str) -> Unseen {
    Unseen::not_visible(
        format!("the setting {setting} of {component}"),
        why.to_owned(),
        match component {
            // A file of their own, and not the command line, holds what these are named for here.
            "kubelet" => format!("Ask whoever operates the nodes for {setting} in the file of the kubelet (KubeletConfiguration)."),
            "kube-proxy" => format!("Ask whoever operates the nodes for {setting} in the file of kube-proxy (KubeProxyConfiguration)."),
            _ => format!("Ask whoever operates the control plane for the value of --{setting} and for the file it names, if any."),
        },
    )
}

/// The items of a list that is written with commas.
fn split(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Whether what other sources say about a setting disagrees with its value: nothing where none says anything, since sameness takes
/// two; unknown when one of them speaks and cannot be read. A source that says nothing does not disagree.
fn contradiction(
    same: impl Fn(&str, &str) -> bool,
    value: &Known<(String, bool)>,
    others: &[Known<(String, bool)>],
    declared: Option<&Known<(String, bool)>>,
) -> Known<Option<bool>> {
    if others.is_empty() && declared.is_none() {
        return Known::Known(None);
    }
    let value = match value {
        Known::Known((value, _)) => value,
        Known::Unknown(unseen) => return Known::Unknown(unseen.clone()),
    };
    let mut unseen: Option<Unseen> = None;
    let mut agrees = others.is_empty();
    for other in others {
        match other {
            Known::Known((said, _)) => agrees |= same(said, value),
            Known::Unknown(why) => unseen = Some(why.clone()),
        }
    }
    let declared_otherwise = match declared {
        Some(Known::Known((said, _))) => !same(said, value),
        Some(Known::Unknown(why)) => {
            unseen = Some(why.clone());
            false
        }
        None => false,
    };
    match (declared_otherwise || (!agrees && unseen.is_none()), unseen) {
        (true, _) => Known::Known(Some(true)),
        (false, Some(unseen)) => Known::Unknown(unseen),
        (false, None) => Known::Known(Some(false)),
    }
}
