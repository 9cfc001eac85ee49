//! Random pods that are realistic and adversarial at once: most fields are as the restricted level wants them, and some are
//! not, so that every check is decided in both directions.
//!
//! [`valid_pod`] gives pods that the API server's validation accepts, for tests with a real server. The pods of
//! [`pod`] with `wild` need not be valid; `wild_pods.rs` builds on them.

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Map, Value, json};

#[path = "pods_containers.rs"]
mod in_pods;
#[path = "pods_repair.rs"]
mod repair;

pub(crate) use in_pods::containers;

/// How far pods stray from the restricted level.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taste {
    /// Of a thousand fields, how many get a value that some level refuses.
    pub(crate) bad: u32,
    /// Whether values that API validation refuses are used too.
    pub(crate) wild: bool,
}

/// A pod that API validation accepts. Some meet restricted, some fail in one place, some in many.
///
/// It has no ephemeral containers: the server refuses them on creation.
pub(crate) fn valid_pod() -> BoxedStrategy<Value> {
    let pods = |bad| pod(Taste { bad, wild: false });
    Union::new_weighted(vec![(1, pods(0)), (4, pods(20)), (2, pods(80)), (1, pods(300))])
        .prop_map(|mut pod| {
            drop_nulls(&mut pod);
            repair::make_valid(&mut pod);
            pod
        })
        .boxed()
}

/// A pod of this taste. Absent fields are `null`.
pub(crate) fn pod(taste: Taste) -> BoxedStrategy<Value> {
    let spec = object(vec![
        ("securityContext", pod_context(taste)),
        ("containers", containers(taste, 'c', usize::from(!taste.wild)..=2)),
        ("initContainers", containers(taste, 'i', 0..=2)),
        ("volumes", volumes(taste)),
        (
            "os",
            choice(
                taste,
                json!([null, null, null, {"name": "linux"}, {"name": "windows"}]),
                json!([]),
                json!([{"name": "Windows"}, {"name": ""}, {}]),
            ),
        ),
        ("hostUsers", choice(taste, json!([null, null, true, false]), json!([]), json!([]))),
        ("hostNetwork", choice(taste, json!([null, false]), json!([true]), json!([]))),
        ("hostPID", choice(taste, json!([null, false]), json!([true]), json!([]))),
        ("hostIPC", choice(taste, json!([null, false]), json!([true]), json!([]))),
        ("automountServiceAccountToken", Just(json!(false)).boxed()),
    ]);
    (spec, annotations(taste))
        .prop_map(|(spec, annotations)| {
            json!({
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": "generated", "annotations": annotations},
                "spec": spec,
            })
        })
        .boxed()
}

/// One of `good`, rarely one of `bad`, and with wild taste rarely one of `wild`; `null` means absent.
fn choice(taste: Taste, good: Value, bad: Value, wild: Value) -> BoxedStrategy<Value> {
    let list = |value| {
        if let Value::Array(values) = value { values } else { Vec::new() }
    };
    let mut refused = list(bad);
    if taste.wild {
        refused.extend(list(wild));
    }
    rarely(taste, select(list(good)).boxed(), (!refused.is_empty()).then(|| select(refused).boxed()))
}

fn rarely(taste: Taste, good: BoxedStrategy<Value>, bad: Option<BoxedStrategy<Value>>) -> BoxedStrategy<Value> {
    match bad {
        // Shrinks towards the good.
        Some(bad) if taste.bad > 0 => Union::new_weighted(vec![(1000 - taste.bad, good), (taste.bad, bad)]).boxed(),
        _ => good,
    }
}

fn object(fields: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    values.prop_map(move |values| Value::Object(names.iter().map(|name| (*name).to_owned()).zip(values).collect::<Map<_, _>>())).boxed()
}

/// Removes every field that is `null`.
pub(crate) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn pod_context(taste: Taste) -> BoxedStrategy<Value> {
    let fields = object(vec![
        ("runAsNonRoot", choice(taste, json!([true, true, true, null]), json!([false]), json!([]))),
        ("runAsUser", choice(taste, json!([null, 1000]), json!([0]), json!([-1]))),
        (
            "seccompProfile",
            seccomp(
                taste,
                json!([{"type": "RuntimeDefault"}, {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x.json"}, null]),
            ),
        ),
        ("appArmorProfile", app_armor(taste)),
        ("seLinuxOptions", se_linux(taste)),
        ("sysctls", sysctls(taste)),
        ("windowsOptions", windows_options(taste)),
    ]);
    rarely(taste, fields, Some(select(vec![Value::Null, json!({})]).boxed()))
}

fn seccomp(taste: Taste, good: Value) -> BoxedStrategy<Value> {
    choice(
        taste,
        good,
        json!([{"type": "Unconfined"}]),
        json!([{"type": ""}, {"type": "runtime/default"}, {"type": "localhost"}, {"localhostProfile": "x"}, {}]),
    )
}

fn app_armor(taste: Taste) -> BoxedStrategy<Value> {
    choice(
        taste,
        json!([null, null, null, {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "x"}]),
        json!([{"type": "Unconfined"}]),
        json!([{"type": ""}, {"type": "runtimedefault"}, {"type": "runtime/default"}, {}]),
    )
}

fn se_linux(taste: Taste) -> BoxedStrategy<Value> {
    choice(
        taste,
        json!([null, null, null, {}, {"type": "container_t"}, {"type": "container_init_t", "level": "s0:c1"}, {"type": "container_kvm_t", "user": "", "role": ""}]),
        json!([
            {"type": "container_engine_t"}, {"type": "spc_t"}, {"type": "Container_t"}, {"user": "u"}, {"role": "r"},
            {"type": "container_t", "user": "system_u", "role": "system_r"}, {"type": "x", "user": "u"}, {"type": " "},
        ]),
        json!([]),
    )
}

const SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_wmem",
    "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_notsent_lowat",
    "kernel.msgmax",
    "net.ipv4.ip_forward",
    "net/ipv4/tcp_syncookies",
    "kernel/shm_rmid_forced",
];

fn sysctls(taste: Taste) -> BoxedStrategy<Value> {
    let names = |names: Vec<&'static str>, most| {
        vec(select(names), 0..=most)
            .prop_map(|names| names.into_iter().map(|name| json!({"name": name, "value": "1"})).collect::<Value>())
            .boxed()
    };
    let safe = SYSCTLS.iter().copied().take(5).collect();
    let mut others: Vec<&str> = SYSCTLS.to_vec();
    if taste.wild {
        others.extend(["", "NET.IPV4.TCP_SYNCOOKIES", "net.ipv4.*", " net.ipv4.tcp_syncookies"]);
    }
    let good = Union::new_weighted(vec![(3, Just(Value::Null).boxed()), (1, names(safe, 2))]).boxed();
    rarely(taste, good, Some(names(others, 3)))
}

fn windows_options(taste: Taste) -> BoxedStrategy<Value> {
    choice(taste, json!([null, null, null, {}, {"hostProcess": false}]), json!([{"hostProcess": true}]), json!([]))
}

fn volumes(taste: Taste) -> BoxedStrategy<Value> {
    let allowed = json!([
        {"configMap": {"name": "x"}},
        {"csi": {"driver": "x.example"}},
        {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"emptyDir": {}},
        {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}},
        {"image": {"reference": "registry.example/data:1"}},
        {"persistentVolumeClaim": {"claimName": "x"}},
        {"projected": {"sources": [{"configMap": {"name": "x"}}]}},
        {"secret": {"secretName": "x"}},
    ]);
    let refused = json!([
        {"hostPath": {"path": "/dev/null"}},
        {"hostPath": {"path": "/var/run/docker.sock", "type": "Socket"}},
        {"gcePersistentDisk": {"pdName": "x"}},
        {"awsElasticBlockStore": {"volumeID": "x"}},
        {"gitRepo": {"repository": "git.example/x"}},
        {"nfs": {"server": "x", "path": "/x"}},
        {"iscsi": {"targetPortal": "x", "iqn": "iqn.2001-04.com.example:storage.kube.sys1.xyz", "lun": 0}},
        {"glusterfs": {"endpoints": "x", "path": "x"}},
        {"rbd": {"monitors": ["x"], "image": "x"}},
        {"flexVolume": {"driver": "x"}},
        {"cinder": {"volumeID": "x"}},
        {"cephfs": {"monitors": ["x"]}},
        {"flocker": {"datasetName": "x"}},
        {"fc": {"wwids": ["x"]}},
        {"azureFile": {"secretName": "x", "shareName": "x"}},
        {"vsphereVolume": {"volumePath": "x"}},
        {"quobyte": {"registry": "x.example:1", "volume": "x"}},
        {"azureDisk": {"diskName": "x", "diskURI": "https://x.blob.core.windows.net/x/x.vhd"}},
        {"photonPersistentDisk": {"pdID": "x"}},
        {"portworxVolume": {"volumeID": "x", "fsType": "ext4"}},
        {"scaleIO": {"gateway": "x", "system": "x", "volumeName": "x", "secretRef": {"name": "x"}}},
        {"storageos": {"volumeName": "x"}},
    ]);
    let odd = json!([{}, {"emptyDir": {}, "hostPath": {"path": "/"}}, {"hostPath": {"path": "/"}, "nfs": {"server": "x", "path": "/"}}, {"hostPath": {"path": ""}}, {"image": {}}]);
    vec(choice(taste, allowed, refused, odd), 0..=3)
        .prop_map(|mut volumes| {
            for (index, volume) in volumes.iter_mut().enumerate() {
                volume["name"] = json!(format!("v{index}"));
            }
            Value::Array(volumes)
        })
        .boxed()
}

/// Old annotations, of containers that exist and of others; seldom, because the fields have replaced them.
fn annotations(taste: Taste) -> BoxedStrategy<Value> {
    let container = select(vec!["c0", "c1", "i0", "e0", "nobody"]);
    let value = choice(
        taste,
        json!(["runtime/default", "localhost/x", "docker/default"]),
        json!(["unconfined", ""]),
        json!(["Runtime/Default", "localhost", "localhost/", "none"]),
    );
    let key = (any::<u8>(), container).prop_map(|(kind, container)| match kind % 3 {
        0 => "seccomp.security.alpha.kubernetes.io/pod".to_owned(),
        1 => format!("container.seccomp.security.alpha.kubernetes.io/{container}"),
        _ => format!("container.apparmor.security.beta.kubernetes.io/{container}"),
    });
    let pairs = vec((key, value), 0..=2).prop_map(|pairs| Value::Object(pairs.into_iter().collect()));
    Union::new_weighted(vec![(2, Just(json!({})).boxed()), (1, pairs.boxed())]).boxed()
}
