//! Which connections of a pod do not go through its proxy.

use super::judged::Exception;
use super::proxies::{Pod, annotation_at};
use crate::facts::Known;
use crate::model::{Evidence, Unseen};

/// Ports on which Istio's proxy itself answers: health, and its own metrics.
const ISTIO_OWN: [u16; 3] = [15020, 15021, 15090];
/// The same of Linkerd's: control and administration.
const LINKERD_OWN: [u16; 2] = [4190, 4191];
/// What Linkerd's chart leaves out of every pod, for clusters of MySQL (`proxyInit.ignoreInboundPorts`). They count where a container says
/// that it serves there.
const LINKERD_DEFAULT: [u16; 2] = [4567, 4568];

const INCLUDE: &str = "traffic.sidecar.istio.io/includeInboundPorts";
const EXCLUDE: &str = "traffic.sidecar.istio.io/excludeInboundPorts";
const INTERFACES: &str = "traffic.sidecar.istio.io/excludeInterfaces";
const INTERCEPTION: &str = "sidecar.istio.io/interceptionMode";
const SKIP: &str = "config.linkerd.io/skip-inbound-ports";
const BYPASS: &str = "ambient.istio.io/bypass-inbound-capture";

/// A list of ports as the tools of both meshes take it: numbers and ranges, with commas between. None where it is none.
fn ports(text: &str) -> Option<Vec<(u16, u16)>> {
    let one = |text: &str| -> Option<(u16, u16)> {
        let (from, to) = text.split_once('-').unwrap_or((text, text));
        let (from, to) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to).then_some((from, to))
    };
    text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(one).collect()
}

fn text(range: &(u16, u16)) -> String {
    if range.0 == range.1 { format!("port {}", range.0) } else { format!("ports {} to {}", range.0, range.1) }
}

fn unknown(pod: &Pod, why: &str, how: &str) -> Known<Vec<Exception>> {
    Known::Unknown(Unseen::not_visible(format!("which ports of {} go past its proxy", pod.display()), why, how))
}

/// What Istio's init container, or its network plugin, leaves out (istio/istio, `tools/istio-iptables/pkg/capture/run.go`,
/// `handleInboundPortsInclude`; `cni/pkg/plugin/sidecar_redirect.go`, `NewRedirect`). The init container was told in its arguments, whatever
/// annotations say now; the plugin reads the annotations.
pub(super) fn by_istio(pod: &Pod, origin: &Evidence) -> Known<Vec<Exception>> {
    let by_annotation = |name: &str, default: &str| (pod.annotation(name).unwrap_or(default).to_owned(), annotation_at(origin, name));
    let written = pod.init(&["istio-init"]);
    let (include, exclude) = match (&written, pod.init(&["istio-validation"])) {
        (Some((init, pointer)), _) => {
            let told = |name: &str| init.option(name).map(|value| (value.to_owned(), origin.at(format!("{pointer}/args"))));
            let annotated = |name: &str| pod.annotation(name).map(|value| (value.to_owned(), annotation_at(origin, name)));
            let readable = |value: &(String, Evidence)| value.0 == "*" || ports(&value.0).is_some();
            let (include, exclude) = (told("-b").filter(readable), told("-d").filter(readable));
            // Without its arguments, annotations say what the injector wrote into them.
            match (include.or_else(|| annotated(INCLUDE)), exclude.or_else(|| annotated(EXCLUDE))) {
                (Some(include), Some(exclude)) => (include, exclude),
                _ => {
                    return unknown(
                        pod,
                        "the arguments of its container istio-init do not say it",
                        "Look at the options -b and -d of the container istio-init.",
                    );
                }
            }
        }
        (None, Some(_)) => (by_annotation(INCLUDE, "*"), by_annotation(EXCLUDE, "")),
        (None, None) if pod.annotation(INTERCEPTION) == Some("NONE") => {
            let text = "every port: nothing leads connections through the proxy (interceptionMode NONE)".to_owned();
            return Known::Known(vec![Exception { text, at: annotation_at(origin, INTERCEPTION) }]);
        }
        (None, None) => {
            return unknown(
                pod,
                "it has none of the init containers by which connections are led through the proxy",
                "Look at what redirects the connections of the pod.",
            );
        }
    };
    let mut found = match between(pod, include, exclude) {
        Known::Known(found) => found,
        unknown @ Known::Unknown(_) => return unknown,
    };
    let told = written.is_some_and(|(init, _)| init.args.iter().flatten().any(|word| word == "-c"));
    if told || pod.annotation(INTERFACES).is_some_and(|value| !value.trim().is_empty()) {
        let text = format!("interfaces {}: not led through the proxy (excludeInterfaces)", pod.annotation(INTERFACES).unwrap_or("?"));
        found.push(Exception { text, at: annotation_at(origin, INTERFACES) });
    }
    Known::Known(found)
}

/// What a list of ports that are led through the proxy and one of those that are not leave out. Beside a list of the first kind the second is
/// not looked at.
fn between(pod: &Pod, include: (String, Evidence), exclude: (String, Evidence)) -> Known<Vec<Exception>> {
    let strange =
        |list: &str| unknown(pod, &format!("the list of ports {list} is none"), "Look at what redirects the connections of the pod.");
    let only = |text: String, at: Evidence| Known::Known(vec![Exception { text, at }]);
    match include.0.trim() {
        "*" => {}
        "" => return only("every port: the list of ports that are led through the proxy is empty".to_owned(), include.1),
        list if ports(list).is_some() => {
            return only(format!("every port but {list}: not led through the proxy"), include.1);
        }
        list => return strange(list),
    }
    if exclude.0.trim() == "*" {
        return only("every port: left out of what is led through the proxy".to_owned(), exclude.1);
    }
    let Some(left_out) = ports(&exclude.0) else { return strange(&exclude.0) };
    let own = |range: &(u16, u16)| range.0 == range.1 && ISTIO_OWN.contains(&range.0);
    let found = left_out.iter().filter(|range| !own(range));
    Known::Known(
        found.map(|range| Exception { text: format!("{}: not led through the proxy", text(range)), at: exclude.1.clone() }).collect(),
    )
}

/// What a pod of the ambient mode leaves out: nothing, or everything that comes in (istio/istio, `cni/pkg/nodeagent/net.go`,
/// `getPodLevelTrafficOverrides`; Go's `strconv.ParseBool`).
pub(super) fn by_ambient(pod: &Pod, origin: &Evidence) -> Known<Vec<Exception>> {
    let bypasses = matches!(pod.annotation(BYPASS), Some("1" | "t" | "T" | "TRUE" | "true" | "True"));
    let text = || format!("every port: what comes in is not led through the node's proxy ({BYPASS})");
    Known::Known(bypasses.then(|| Exception { text: text(), at: annotation_at(origin, BYPASS) }).into_iter().collect())
}

/// What Linkerd's init container leaves out (linkerd/linkerd2, `charts/partials/templates/_proxy-init.tpl`), or what its network plugin
/// is told by an annotation; what that is told by its own settings is not read.
pub(super) fn by_linkerd(pod: &Pod, origin: &Evidence) -> Known<Vec<Exception>> {
    const OPTION: &str = "--inbound-ports-to-ignore";
    let (list, at) = match (pod.init(&["linkerd-init"]), pod.init(&["linkerd-network-validator"])) {
        (Some((init, pointer)), _) => {
            let words = || init.args.iter().flatten();
            let joined = words().find_map(|word| word.strip_prefix(OPTION)?.strip_prefix('='));
            if words().any(|word| word.starts_with("--subnets-to-ignore")) {
                let why = "its container linkerd-init leaves out networks (--subnets-to-ignore), and which is not stored";
                return unknown(pod, why, "Look at the arguments of the container linkerd-init.");
            }
            match joined.or_else(|| init.option(OPTION)) {
                Some(list) => (list.to_owned(), origin.at(format!("{pointer}/args"))),
                None => {
                    let why = "the arguments of its container linkerd-init do not say it";
                    return unknown(pod, why, "Look at the option --inbound-ports-to-ignore of the container linkerd-init.");
                }
            }
        }
        (None, Some(_)) => match pod.annotation(SKIP) {
            Some(list) => (list.to_owned(), annotation_at(origin, SKIP)),
            None => {
                let why =
                    "Linkerd's network plugin leads its connections, and what that leaves out of every pod stands in its own settings";
                return unknown(pod, why, "Look at inbound-ports-to-ignore in the ConfigMap linkerd-cni-config.");
            }
        },
        (None, None) => {
            return unknown(
                pod,
                "it has none of the init containers by which connections are led through the proxy",
                "Look at what redirects the connections of the pod.",
            );
        }
    };
    let Some(left_out) = ports(&list) else {
        return unknown(pod, "the list of ports is none that is understood", "Look at the arguments of the container linkerd-init.");
    };
    let counts = |range: &&(u16, u16)| {
        let single = (range.0 == range.1).then_some(range.0);
        !single.is_some_and(|port| LINKERD_OWN.contains(&port) || (LINKERD_DEFAULT.contains(&port) && !pod.declares(i64::from(port))))
    };
    let exception = |range: &(u16, u16)| Exception { text: format!("{}: not led through the proxy", text(range)), at: at.clone() };
    Known::Known(left_out.iter().filter(counts).map(exception).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ports_is_read_as_the_tools_read_it() {
        assert_eq!(ports(""), Some(Vec::new()));
        assert_eq!(ports("80, 443,"), Some(vec![(80, 80), (443, 443)]));
        assert_eq!(ports("1-3"), Some(vec![(1, 3)]));
        for wrong in ["*", "3-1", "http", "70000", "[redacted]", "1-"] {
            assert_eq!(ports(wrong), None, "{wrong}");
        }
    }
}
