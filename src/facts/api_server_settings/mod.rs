//! What the API server was started with, as far as the API shows it.

mod flags;
mod seen;
mod settings;

use self::flags::Flags;
use self::seen::{Instance, api_server, flagz, kubeadm, mirrors, servers};
use self::settings::{SETTINGS, hidden, normalized};
use super::read::Reader;
use super::schema::{Row, TableRow, table};
use super::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NODES, PODS, VERSION};
use super::{FactsError, Family, Known};
use crate::model::{Evidence, Grade, Unseen, UnseenKind};

table! {
    /// One row per setting of kube-apiserver and per API server that was seen. `/flagz` (grade B) shows every effective value of
    /// the one server that answered; a mirror pod (grade C) shows the command line that a kubelet reports, where a flag that is
    /// not written has its default. A mirror pod is believed only when its annotations, its owner and the Node object agree;
    /// still, whoever may create pods in kube-system could fake one, which is why the two are compared. Where neither is
    /// visible, as on most managed control planes, every value is unknown; the same holds, in rows of their own, for API servers
    /// that the Leases of kube-system count and that no source shows.
    pub struct ApiServerSettingRow as "api_server_settings" counting "settings" from [PODS, NODES, FLAGZ, KUBEADM_CONFIG, LEASES, VERSION] {
        /// Name of the flag without dashes.
        setting: String;
        /// Name of the mirror pod, or `/flagz`; empty when none was seen.
        instance: String;
        /// The value; empty for an empty list or text.
        value: Known<String>;
        /// The value as a number, where it is one.
        number: Known<Option<i64>>;
        /// The value split at commas.
        items: Known<Vec<String>>;
        /// Whether it is written on the command line (mirror pod) or differs from the default (`/flagz`).
        set: Known<bool>;
        /// The default of a server that is started without the flag.
        default: String;
        /// `flagz` or `mirror pod`.
        from: Known<&'static str>;
        /// Whether two sources disagree about it.
        contradiction: Known<bool>;
    }
}

fn not_visible(setting: &str, why: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotVisible,
        what: format!("the setting {setting} of kube-apiserver"),
        why: why.to_owned(),
        how_to_see: format!("Ask whoever operates the control plane for the value of --{setting} and for the file it names, if any."),
        source: None,
        missing_rule: None,
    }
}

pub(super) const FAMILY: Family =
    Family { schemas: || vec![ApiServerSettingRow::schema()], rows: |context| Ok(vec![rows(&context.reader)?]) };

/// The rows of the table.
fn rows(reader: &Reader<'_>) -> Result<Vec<Row>, FactsError> {
    let mirrors = mirrors(reader)?;
    let flagz = flagz(reader)?;
    let declared = kubeadm(reader)?;
    let fallback =
        reader.single(&VERSION)?.map(|stored| reader.origin(&VERSION, &Default::default(), &stored, Grade::EffectiveConfiguration));
    let servers = servers(reader)?;
    let seen = mirrors.len().max(usize::from(flagz.is_some()));
    let unseen_servers = match (seen, servers) {
        (0, _) => None,
        (_, 0) => Some("no Lease in kube-system names an API server, so that it is not known how many there are".to_owned()),
        (seen, servers) => {
            (servers > seen).then(|| format!("{seen} of {servers} API servers were seen; the settings of the others may differ"))
        }
    };
    let mut rows = Vec::new();
    for &(setting, default) in SETTINGS {
        if let Some(why) = &unseen_servers {
            rows.push(unseen_row(setting, default, &not_visible(setting, why), fallback.as_ref()));
        }
        let compared = |value: &Known<(String, bool)>, others: &[&Instance]| contradiction(setting, default, value, others, &declared);
        match (mirrors.as_slice(), &flagz) {
            ([], None) => rows.push(unseen_row(setting, default, &flagz_gap(reader, setting), fallback.as_ref())),
            ([], Some(only)) => {
                let value = only.value(setting, default);
                let contradiction = compared(&value, &[]);
                rows.push(seen_row(setting, default, only, value, contradiction, &[]));
            }
            ([mirror], Some(live)) => {
                // One server, seen twice: the effective value decides, the reported copy is compared with it.
                let value = live.value(setting, default);
                let contradiction = compared(&value, &[mirror]);
                let instance = Instance {
                    name: mirror.name.clone(),
                    subject: mirror.subject.clone(),
                    flags: Flags::default(),
                    origin: pointed(live, setting),
                    effective: true,
                };
                rows.push(seen_row(setting, default, &instance, value, contradiction, &[pointed(mirror, setting)]));
            }
            (several, live) => {
                for mirror in several {
                    let value = mirror.value(setting, default);
                    let contradiction = compared(&value, &[]);
                    rows.push(seen_row(setting, default, mirror, value, contradiction, &[]));
                }
                if let Some(live) = live {
                    let value = live.value(setting, default);
                    let contradiction = compared(&value, &several.iter().collect::<Vec<_>>());
                    rows.push(seen_row(setting, default, live, value, contradiction, &[]));
                }
            }
        }
    }
    Ok(rows)
}

/// Whether what other sources say about a setting disagrees with its value: unknown when one of them speaks and cannot be read. A
/// source that says nothing does not disagree.
fn contradiction(
    setting: &str,
    default: Option<&str>,
    value: &Known<(String, bool)>,
    others: &[&Instance],
    declared: &Flags,
) -> Known<bool> {
    let speaking: Vec<&&Instance> = others.iter().filter(|other| other.speaks(setting, default)).collect();
    let declaration = declared.values.get(setting);
    if speaking.is_empty() && declaration.is_none() {
        return Known::Known(false);
    }
    let value = match value {
        Known::Known((value, _)) => value,
        Known::Unknown(unseen) => return Known::Unknown(unseen.clone()),
    };
    let mut unseen: Option<Unseen> = None;
    let mut same = speaking.is_empty();
    for other in speaking {
        match other.value(setting, default) {
            Known::Known((said, _)) => same |= said == *value,
            Known::Unknown(why) => unseen = Some(why),
        }
    }
    let declared_otherwise = match declaration {
        Some(text) if hidden(text).is_none() => normalized(setting, text) != *value,
        Some(_) => {
            unseen = Some(not_visible(setting, "kubeadm-config says something about it that cannot be read"));
            false
        }
        None => false,
    };
    match (declared_otherwise || (!same && unseen.is_none()), unseen) {
        (true, _) => Known::Known(true),
        (false, Some(unseen)) => Known::Unknown(unseen),
        (false, None) => Known::Known(false),
    }
}

fn flagz_gap(reader: &Reader<'_>, setting: &str) -> Unseen {
    match reader.gap(&FLAGZ).or_else(|| reader.gap(&PODS)).or_else(|| reader.gap(&NODES)) {
        Some(gap) => gap,
        None => {
            not_visible(setting, "no API server pod is visible and the server offers no /flagz as JSON, as on most managed control planes")
        }
    }
}

fn pointed(instance: &Instance, setting: &str) -> Evidence {
    let mut origin = instance.origin.clone();
    if instance.effective {
        origin.pointer = format!("/flags/{setting}");
    }
    origin
}

fn seen_row(
    setting: &str,
    default: Option<&str>,
    instance: &Instance,
    value: Known<(String, bool)>,
    contradiction: Known<bool>,
    also: &[Evidence],
) -> Row {
    let from = if instance.effective { "flagz" } else { "mirror pod" };
    let typed = ApiServerSettingRow {
        setting: setting.to_owned(),
        instance: instance.name.clone(),
        number: value.clone().map(|(value, _)| value.parse().ok()),
        items: value.clone().map(|(value, _)| split(&value)),
        set: value.clone().map(|(_, set)| set),
        value: value.map(|(value, _)| value),
        default: default.unwrap_or("").to_owned(),
        from: Known::Known(from),
        contradiction,
    };
    let mut origins = vec![pointed(instance, setting)];
    origins.extend_from_slice(also);
    Row::new(format!("{setting}@{}", instance.name), instance.subject.clone(), origins, typed)
}

fn split(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn unseen_row(setting: &str, default: Option<&str>, why: &Unseen, origin: Option<&Evidence>) -> Row {
    let typed = ApiServerSettingRow {
        setting: setting.to_owned(),
        instance: String::new(),
        value: Known::Unknown(why.clone()),
        number: Known::Unknown(why.clone()),
        items: Known::Unknown(why.clone()),
        set: Known::Unknown(why.clone()),
        default: default.unwrap_or("").to_owned(),
        from: Known::Unknown(why.clone()),
        contradiction: Known::Unknown(why.clone()),
    };
    Row::new(format!("{setting}@"), api_server("kube-apiserver"), origin.cloned().into_iter().collect(), typed)
}
