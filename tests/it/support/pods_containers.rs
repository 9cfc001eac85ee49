//! The containers of random pods.

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy};
use proptest::sample::select;
use proptest::strategy::Union;
use serde_json::{Value, json};

use super::{Taste, app_armor, choice, object, rarely, se_linux, seccomp, windows_options};

/// Containers named by their list and position, with container and host ports that no other container of the pod has.
pub(crate) fn containers(taste: Taste, list: char, count: std::ops::RangeInclusive<usize>) -> BoxedStrategy<Value> {
    let container = object(vec![
        ("image", Just(json!("registry.example/app:1")).boxed()),
        ("securityContext", container_context(taste)),
        ("ports", ports(taste)),
        ("livenessProbe", probe(taste)),
        ("readinessProbe", probe(taste)),
        ("startupProbe", probe(taste)),
        (
            "lifecycle",
            Union::new_weighted(vec![
                (4, Just(Value::Null).boxed()),
                (1, object(vec![("postStart", handler(taste, true)), ("preStop", handler(taste, true))])),
            ])
            .boxed(),
        ),
    ]);
    let first_port = if list == 'c' { 8000 } else { 9000 };
    vec(container, count)
        .prop_map(move |mut containers| {
            for (index, container) in containers.iter_mut().enumerate() {
                container["name"] = json!(format!("{list}{index}"));
                for (at, port) in container["ports"].as_array_mut().into_iter().flatten().enumerate() {
                    let number = first_port + 10 * index + at;
                    port["containerPort"] = json!(number);
                    if port["hostPort"] == json!(true) {
                        port["hostPort"] = json!(number + 1000);
                    }
                }
            }
            Value::Array(containers)
        })
        .boxed()
}

fn container_context(taste: Taste) -> BoxedStrategy<Value> {
    let fields = object(vec![
        ("allowPrivilegeEscalation", choice(taste, json!([false]), json!([null, true]), json!([]))),
        ("privileged", choice(taste, json!([null, false]), json!([true]), json!([]))),
        ("capabilities", capabilities(taste)),
        ("runAsNonRoot", choice(taste, json!([null, true]), json!([false]), json!([]))),
        ("runAsUser", choice(taste, json!([null, null, 1]), json!([0]), json!([-1]))),
        ("procMount", choice(taste, json!([null, null, "Default"]), json!(["Unmasked"]), json!(["", "default", "unmasked"]))),
        ("seccompProfile", seccomp(taste, json!([null, null, {"type": "RuntimeDefault"}]))),
        ("appArmorProfile", app_armor(taste)),
        ("seLinuxOptions", se_linux(taste)),
        ("windowsOptions", windows_options(taste)),
    ]);
    rarely(taste, fields, Some(select(vec![Value::Null, json!({})]).boxed()))
}

fn capabilities(taste: Taste) -> BoxedStrategy<Value> {
    let names = vec![
        "ALL",
        "all",
        "CAP_ALL",
        "NET_BIND_SERVICE",
        "net_bind_service",
        "CAP_NET_BIND_SERVICE",
        "AUDIT_WRITE",
        "CHOWN",
        "chown",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
        "CAP_SYS_CHROOT",
        "NET_RAW",
        "SYS_ADMIN",
        "CAP_SYS_ADMIN",
        "SYS_PTRACE",
        " ALL",
        "",
    ];
    let some = |most| vec(select(names.clone()), 0..=most).prop_map(|names| names.into_iter().collect::<Value>()).boxed();
    let stray = object(vec![
        ("add", Union::new(vec![Just(Value::Null).boxed(), some(3)]).boxed()),
        ("drop", Union::new(vec![Just(Value::Null).boxed(), Just(json!(["ALL"])).boxed(), some(2)]).boxed()),
    ]);
    let good = select(vec![
        json!({"drop": ["ALL"]}),
        json!({"drop": ["ALL"], "add": []}),
        json!({"drop": ["KILL", "ALL"], "add": ["NET_BIND_SERVICE"]}),
    ]);
    let bad = Union::new(vec![stray.boxed(), select(vec![Value::Null, json!({})]).boxed()]);
    rarely(taste, good.boxed(), Some(bad.boxed()))
}

/// Ports without numbers; a host port that is wanted is `true`.
fn ports(taste: Taste) -> BoxedStrategy<Value> {
    let port = object(vec![
        ("hostPort", choice(taste, json!([null, 0]), json!([true]), json!([-1, 70000]))),
        ("protocol", select(vec![Value::Null, json!("TCP"), json!("UDP")]).boxed()),
    ]);
    Union::new_weighted(vec![(2, Just(Value::Null).boxed()), (1, vec(port, 0..=2).prop_map(Value::Array).boxed())]).boxed()
}

fn probe(taste: Taste) -> BoxedStrategy<Value> {
    Union::new_weighted(vec![(4, Just(Value::Null).boxed()), (1, handler(taste, false))]).boxed()
}

/// Exactly one way to ask; with wild taste also none or several.
fn handler(taste: Taste, lifecycle: bool) -> BoxedStrategy<Value> {
    let host = || choice(taste, json!([null, null, ""]), json!(["localhost", "127.0.0.1", "10.0.0.1", "a.example"]), json!([" "]));
    let http = || object(vec![("port", Just(json!(80)).boxed()), ("path", Just(json!("/")).boxed()), ("host", host())]);
    let tcp = || object(vec![("port", Just(json!("web")).boxed()), ("host", host())]);
    let other = if lifecycle { json!({"sleep": {"seconds": 1}}) } else { json!({"grpc": {"port": 1}}) };
    let mut ways = vec![
        (2, object(vec![("httpGet", http())])),
        (2, object(vec![("tcpSocket", tcp())])),
        (1, Just(json!({"exec": {"command": ["true"]}})).boxed()),
        (1, Just(other).boxed()),
    ];
    if taste.wild {
        ways.push((1, object(vec![("httpGet", http()), ("tcpSocket", tcp())])));
        ways.push((1, Just(json!({})).boxed()));
    }
    Union::new_weighted(ways).boxed()
}
