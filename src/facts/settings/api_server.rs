//! The settings of the API server.

use super::defaults::API_SERVER;
use super::seen::api_server;
use super::servers::{ApiServers, Server};
use super::{not_visible, split};
use crate::facts::Known;
use crate::facts::table::schema::{Row, table};
use crate::model::Unseen;
use crate::model::sources::{FLAGZ, KUBEADM_CONFIG, LEASES, NODES, PODS, VERSION};

table! {
    /// One row per setting of kube-apiserver and per API server that was seen. `/flagz` (grade B) shows every effective value of
    /// the one server that answered; a mirror pod (grade C; made from a file or a URL) shows the command line that a kubelet reports, where a flag that is
    /// not written has its default. A mirror pod is believed only when its annotations, its owner and the Node object agree;
    /// still, whoever may create pods in kube-system could fake one, which is why the two are compared. k3s runs the API server
    /// in its own process and publishes on the Node what was changed of it (grade C); what is not written there is unknown. Where
    /// nothing of this is visible, as on most managed control planes, every value is unknown; the same holds, in rows of their
    /// own, for API servers that the Leases of kube-system count and that no source shows, and for those that are started by words
    /// that are not stored or whose node is not ready.
    pub struct ApiServerSettingRow as "api_server_settings" counting "settings", always from [PODS, NODES, FLAGZ, KUBEADM_CONFIG, LEASES, VERSION] {
        /// Name of the flag without dashes.
        setting: String;
        /// Name of the mirror pod or of the k3s node, or `/flagz`; empty when none was seen.
        instance: String;
        /// The value; empty for an empty list or text.
        value: Known<String>;
        /// The value as a number, where it is one.
        number: Known<Option<i64>>;
        /// The value split at commas; of `etcd-servers-overrides` the addresses alone.
        items: Known<Vec<String>>;
        /// Whether it is written on the command line (mirror pod, node arguments) or differs from the default (`/flagz`).
        set: Known<bool>;
        /// The default of a server that is started without the flag; empty where it depends on a version that is not known.
        default: String;
        /// `flagz`, `mirror pod` or `node arguments`.
        from: Known<&'static str>;
        /// Whether two sources disagree about it; unset where only one says anything.
        contradiction: Known<Option<bool>>;
    }
}

/// The rows of the table.
pub(super) fn rows(servers: &ApiServers) -> Vec<Row> {
    let unseen = servers.unseen();
    let mut rows = Vec::new();
    for &(setting, _) in API_SERVER.settings {
        let default = servers.default_of(setting);
        if let Some(why) = &unseen {
            rows.push(unseen_row(servers, setting, default, &not_visible(API_SERVER.binary, setting, why)));
        }
        if servers.list.is_empty() {
            rows.push(unseen_row(servers, setting, default, &servers.gap(setting)));
        }
        rows.extend(servers.list.iter().map(|server| seen_row(servers, server, setting, default)));
    }
    rows
}

fn seen_row(servers: &ApiServers, server: &Server, setting: &str, default: Option<&str>) -> Row {
    let value = servers.value(server, setting, default);
    let typed = ApiServerSettingRow {
        setting: setting.to_owned(),
        instance: server.name.clone(),
        number: value.clone().map(|(value, _)| value.parse().ok()),
        items: value.clone().map(|(value, _)| items(setting, &value)),
        set: value.clone().map(|(_, set)| set),
        value: value.map(|(value, _)| value),
        default: default.unwrap_or("").to_owned(),
        from: Known::Known(servers.from(server)),
        contradiction: servers.contradiction(server, setting, default),
    };
    // About the cluster, not about the namespace that its pod is in.
    Row::new(format!("{setting}@{}", server.name), server.subject.clone(), servers.evidence(server, setting), typed).in_namespace(None)
}

/// Overrides are written as group/resource#url;url (apiserver pkg/server/options/etcd.go, ParseEtcdServersOverrides).
fn items(setting: &str, value: &str) -> Vec<String> {
    let items = split(value);
    if setting != "etcd-servers-overrides" {
        return items;
    }
    let addresses = |item: &String| -> Vec<String> {
        item.split_once('#').map_or(item.as_str(), |(_, addresses)| addresses).split(';').map(|address| address.trim().to_owned()).collect()
    };
    items.iter().flat_map(addresses).collect()
}

fn unseen_row(servers: &ApiServers, setting: &str, default: Option<&str>, why: &Unseen) -> Row {
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
    Row::new(format!("{setting}@"), api_server(API_SERVER.binary), servers.fallback.iter().cloned().collect(), typed)
}
