//! The settings of the other components: controller manager, scheduler and etcd by their static pods, kubelets by what their nodes
//! publish, kubelets and kube-proxy by the templates that kubeadm keeps in ConfigMaps.

use serde_json::Value;

use super::arguments;
use super::defaults::{COMPONENTS, Component, ETCD, KUBELET, hidden};
use super::files::{key, origin};
use super::machines::Machine;
use super::mirrors::mirrors;
use super::seen::{Instance, running};
use super::servers::ApiServers;
use super::{contradiction, not_visible, split};
use crate::facts::context::Context;
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{KUBE_PROXY_CONFIG, KUBEADM_CONFIG, KUBELET_CONFIG, LEASES, NODES, PODS};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen};

table! {
    /// One row per setting of a component beside the API server and per place where it was seen. Controller manager, scheduler and
    /// etcd: the command line that a mirror pod reports (grade C; believed as for the API server), one row per instance; k3s
    /// publishes on the Node what was changed of the first two. An instance that should be there and was not seen has a row of its
    /// own in which everything is unknown. Kubelets: what k3s and RKE2 publish of each node's kubelet (grade C), and the template that
    /// kubeadm keeps in a ConfigMap. That is what kubeadm gives to nodes, not what a node runs: a file that was changed by hand, or a
    /// node that came by other means, is not seen, because reading a kubelet's own configuration takes a right (nodes/proxy) that
    /// also starts processes on the node, which this program never asks for. So, for nodes that publish nothing, there is a row in
    /// which everything is unknown. Virtual nodes have no kubelet. kube-proxy: its template. Where there is no pod or ConfigMap, as
    /// on managed control planes, everything is unknown.
    pub struct ComponentSettingRow as "component_settings" counting "settings", always from [PODS, NODES, LEASES, KUBEADM_CONFIG, KUBELET_CONFIG, KUBE_PROXY_CONFIG] {
        /// `kube-controller-manager`, `kube-scheduler`, `etcd`, `kubelet` or `kube-proxy`.
        component: String;
        /// Name of the flag without dashes; for kubelet and kube-proxy the field of the configuration file, with dots.
        setting: String;
        /// Name of the mirror pod, Node or ConfigMap; empty when none was seen.
        instance: String;
        /// The value; empty for an empty text.
        value: Known<String>;
        /// The value split at commas.
        items: Known<Vec<String>>;
        /// Whether it is written out; otherwise it is the default.
        set: Known<bool>;
        /// The default.
        default: String;
        /// `mirror pod`, `node arguments` or `configuration template`.
        from: Known<&'static str>;
        /// Whether kubeadm's record of the flags to set says otherwise; unset where it says nothing.
        contradiction: Known<Option<bool>>;
    }
}

/// A configuration document: who reads it, where it is, and its fields with their defaults.
struct Template {
    component: &'static str,
    source: SourceId,
    key: &'static str,
    fields: &'static [(&'static str, &'static str)],
}

/// Defaults of a configuration file: kubelet.config.k8s.io/v1beta1 (pkg/kubelet/apis/config/v1beta1/defaults.go; they are stricter
/// than those of the flags of the same names) and kubeproxy.config.k8s.io/v1alpha1.
const TEMPLATES: [Template; 2] = [
    Template {
        component: "kubelet",
        source: KUBELET_CONFIG,
        key: "kubelet",
        fields: &[
            ("authentication.anonymous.enabled", "false"),
            ("authentication.webhook.enabled", "true"),
            ("authentication.x509.clientCAFile", ""),
            ("authorization.mode", "Webhook"),
            ("enableDebuggingHandlers", "true"),
            ("eventRecordQPS", "50"),
            ("makeIPTablesUtilChains", "true"),
            ("protectKernelDefaults", "false"),
            ("readOnlyPort", "0"),
            ("rotateCertificates", "false"),
            ("seccompDefault", "false"),
            ("serverTLSBootstrap", "false"),
            ("streamingConnectionIdleTimeout", "4h0m0s"),
            ("tlsMinVersion", ""),
        ],
    },
    Template {
        component: "kube-proxy",
        source: KUBE_PROXY_CONFIG,
        key: "config.conf",
        fields: &[("metricsBindAddress", "127.0.0.1:10249"), ("mode", "")],
    },
];

pub(super) fn rows(context: &Context<'_>, servers: &ApiServers) -> Result<Vec<Row>, FactsError> {
    let mut rows = Vec::new();
    for component in COMPONENTS {
        started(context, servers, component, &mut rows)?;
    }
    kubelets(servers, &mut rows);
    for template in &TEMPLATES {
        configured(context, servers, template, &mut rows)?;
    }
    Ok(rows)
}

/// Rows of one component that runs as static pods, or within k3s.
fn started(context: &Context<'_>, servers: &ApiServers, component: &'static Component, rows: &mut Vec<Row>) -> Result<(), FactsError> {
    let dark = |node: &str| servers.machines.get(node).is_some_and(|machine| machine.dark);
    let mut instances = mirrors(context, component, dark)?;
    if instances.is_empty() && component.binary != ETCD.binary {
        let k3s = servers.machines.values().filter(|machine| machine.may_be_k3s_server());
        instances.extend(k3s.filter_map(|machine| arguments::instance(machine, component)));
    }
    let all = expected(servers, component, &instances);
    let instances = running(instances, all);
    let unseen = match (instances.len(), all) {
        (0, _) => Some(
            context
                .reader
                .gap(&PODS)
                .or_else(|| context.reader.gap(&NODES))
                .ok_or("no static pod of it is visible, as on managed control planes".to_owned()),
        ),
        (_, None) => Some(Err("no Lease in kube-system names an API server, so that it is not known how many there are".to_owned())),
        (seen, Some(all)) => (all > seen).then(|| Err(format!("{seen} of {all} instances were seen; the others may differ"))),
    };
    for &(setting, default) in component.settings {
        if let Some(why) = &unseen {
            let why = match why {
                Ok(gap) => gap.clone(),
                Err(why) => not_visible(component.binary, setting, why),
            };
            rows.push(unseen_row(component.binary, setting, default.unwrap_or(""), &why, servers.fallback.as_ref()));
        }
        for instance in &instances {
            let value = instance.value(setting, default);
            let declared = servers.declared.value(component, setting);
            let same = |one: &str, other: &str| component.same(setting, one, other);
            let contradiction = contradiction(same, &value, &[], declared.as_ref());
            let from = instance.how.word();
            let row = Seen { component: component.binary, setting, default: default.unwrap_or(""), from, value, contradiction };
            let row = row.row(&instance.name, instance.subject.clone(), instance.pointed(setting));
            rows.push(match servers.declared.origin() {
                Some(declaration) if declared.is_some() => row.evidenced("contradiction", [declaration.clone()]),
                _ => row,
            });
        }
    }
    Ok(())
}

/// How many instances there should be: one of controller manager and scheduler beside each API server, and of etcd as many as the
/// longest `--initial-cluster` names (kubeadm writes the members that were there when each was added).
fn expected(servers: &ApiServers, component: &Component, instances: &[Instance]) -> Option<usize> {
    if component.binary != ETCD.binary {
        return (servers.counted > 0).then_some(servers.counted);
    }
    let members = |instance: &Instance| instance.flags.values.get("initial-cluster").map_or(1, |list| split(list).len().max(1));
    // Beside each API server that speaks to its own machine there is a member: the first that was made names itself alone.
    let beside = |server| {
        let at = servers.value(server, "etcd-servers", None);
        at.known().is_some_and(|(value, _)| ["//127.0.0.1:", "//localhost:", "//[::1]:"].iter().any(|own| value.contains(own)))
    };
    let stacked = if servers.list.iter().any(beside) { servers.counted } else { 0 };
    instances.iter().map(members).max().map(|named| named.max(stacked))
}

/// Fields of the kubelet's configuration file and the flags that outrank them (cmd/kubelet/app/options/options.go).
const KUBELET_FIELDS: [(&str, &str); 14] = [
    ("authentication.anonymous.enabled", "anonymous-auth"),
    ("authentication.webhook.enabled", "authentication-token-webhook"),
    ("authentication.x509.clientCAFile", "client-ca-file"),
    ("authorization.mode", "authorization-mode"),
    ("enableDebuggingHandlers", "enable-debugging-handlers"),
    ("eventRecordQPS", "event-qps"),
    ("makeIPTablesUtilChains", "make-iptables-util-chains"),
    ("protectKernelDefaults", "protect-kernel-defaults"),
    ("readOnlyPort", "read-only-port"),
    ("rotateCertificates", "rotate-certificates"),
    ("seccompDefault", "seccomp-default"),
    ("serverTLSBootstrap", "rotate-server-certificates"),
    ("streamingConnectionIdleTimeout", "streaming-connection-idle-timeout"),
    ("tlsMinVersion", "tls-min-version"),
];

/// Rows of the kubelets of nodes that publish what theirs was given, and of those that do not.
fn kubelets(servers: &ApiServers, rows: &mut Vec<Row>) {
    let real: Vec<&Machine> = servers.machines.values().filter(|machine| machine.has_kubelet).collect();
    let known: Vec<Instance> = real.iter().filter_map(|machine| arguments::instance(machine, &KUBELET)).collect();
    let silent: Vec<&Machine> = real.iter().copied().filter(|machine| machine.words.is_none()).collect();
    let why = match (real.len(), silent.first()) {
        (0, _) => Some("no node with a kubelet was seen".to_owned()),
        (_, None) => None,
        (_, Some(first)) => Some(format!(
            "a kubelet reads a file on its node, which the API does not show, and {}",
            match silent.len() {
                1 => format!("the node {} does not publish what its kubelet was given", first.name),
                many => format!("{many} nodes do not publish what theirs was given: {} and others", first.name),
            }
        )),
    };
    for (field, flag) in KUBELET_FIELDS {
        let default = TEMPLATES[0].fields.iter().find(|(name, _)| *name == field).map_or("", |(_, default)| *default);
        for instance in &known {
            let (from, value) = (instance.how.word(), instance.value(flag, None));
            let row = Seen { component: "kubelet", setting: field, default, from, value, contradiction: Known::Known(None) };
            rows.push(row.row(&instance.name, instance.subject.clone(), instance.pointed(flag)));
        }
        if let Some(why) = &why {
            rows.push(unseen_row("kubelet", field, default, &not_visible("kubelet", field, why), servers.fallback.as_ref()));
        }
    }
}

/// Rows of one component whose template is in a ConfigMap.
fn configured(context: &Context<'_>, servers: &ApiServers, template: &Template, rows: &mut Vec<Row>) -> Result<(), FactsError> {
    let reader = &context.reader;
    let stored = reader.single(&template.source)?;
    let document = match &stored {
        None => Err("there is no such ConfigMap: the nodes were set up by other means than kubeadm".to_owned()),
        Some(stored) => match key(stored, template.key).and_then(|text| match text {
            Some(text) if hidden(&text).is_none() => serde_json::from_str::<Value>(&text).map_err(|error| error.to_string()),
            Some(_) => Err("the collector could not read the document in it".to_owned()),
            None => Err(format!("it has no key {}", template.key)),
        }) {
            Ok(document) => Ok(document),
            Err(error) => {
                reader.not_understood(&template.source, stored, &error);
                Err(error)
            }
        },
    };
    for &(setting, default) in template.fields {
        let unseen = |why: &str| reader.gap(&template.source).unwrap_or_else(|| not_visible(template.component, setting, why));
        match (&document, &stored) {
            (Ok(document), Some(stored)) => {
                let pointer = format!("/data/{}", template.key);
                let evidence = origin(reader, &template.source, stored, &pointer);
                let subject = evidence.object().cloned().unwrap_or_else(|| component(template.component));
                let value = match field(document, setting) {
                    None => Known::Known((default.to_owned(), false)),
                    Some(text) => match hidden(&text) {
                        None if text.is_empty() => Known::Known((default.to_owned(), false)),
                        None => Known::Known((text, true)),
                        Some(why) => Known::Unknown(unseen(why)),
                    },
                };
                let from = "configuration template";
                let contradiction = Known::Known(None);
                let row = Seen { component: template.component, setting, default, from, value, contradiction };
                rows.push(row.row(&subject.name.clone(), subject, evidence));
            }
            // Of kubelets without a template, what the nodes publish is all that can be known.
            (Err(_), None) if template.component == "kubelet" && reader.gap(&template.source).is_none() => {}
            (Err(why), _) => rows.push(unseen_row(template.component, setting, default, &unseen(why), servers.fallback.as_ref())),
            (Ok(_), None) => {}
        }
    }
    Ok(())
}

/// A field of a document by its path with dots, as text.
fn field(document: &Value, path: &str) -> Option<String> {
    match document.pointer(&format!("/{}", path.replace('.', "/")))? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

struct Seen<'a> {
    component: &'a str,
    setting: &'a str,
    default: &'a str,
    from: &'static str,
    value: Known<(String, bool)>,
    contradiction: Known<Option<bool>>,
}

impl Seen<'_> {
    fn row(self, instance: &str, subject: ObjectRef, origin: Evidence) -> Row {
        let typed = ComponentSettingRow {
            component: self.component.to_owned(),
            setting: self.setting.to_owned(),
            instance: instance.to_owned(),
            items: self.value.clone().map(|(value, _)| split(&value)),
            set: self.value.clone().map(|(_, set)| set),
            value: self.value.map(|(value, _)| value),
            default: self.default.to_owned(),
            from: Known::Known(self.from),
            contradiction: self.contradiction,
        };
        // About the cluster, not about the namespace that the pod or ConfigMap is in.
        Row::new(format!("{}/{}@{instance}", self.component, self.setting), subject, vec![origin], typed).in_namespace(None)
    }
}

fn component(name: &str) -> ObjectRef {
    ObjectRef { kind: "Component".to_owned(), group: String::new(), namespace: None, name: name.to_owned(), uid: None }
}

fn unseen_row(name: &str, setting: &str, default: &str, why: &Unseen, origin: Option<&Evidence>) -> Row {
    let typed = ComponentSettingRow {
        component: name.to_owned(),
        setting: setting.to_owned(),
        instance: String::new(),
        value: Known::Unknown(why.clone()),
        items: Known::Unknown(why.clone()),
        set: Known::Unknown(why.clone()),
        default: default.to_owned(),
        from: Known::Unknown(why.clone()),
        contradiction: Known::Unknown(why.clone()),
    };
    Row::new(format!("{name}/{setting}@"), component(name), origin.into_iter().cloned().collect(), typed)
}
