//! Command lines of the init containers by which meshes lead a pod's traffic through their proxies: which ports they leave out is what
//! was done, where annotations say what was asked for.

use std::collections::BTreeSet;

/// Begins the arguments of Istio's init container (istio/istio, `manifests/charts/istio-control/istio-discovery/files/injection-template.yaml`).
const ISTIO: &str = "istio-iptables";

/// Its options whose values are ports: those that are led through the proxy, those that are not, and the same for what goes out
/// (istio/istio, `tools/istio-iptables/pkg/cmd/root.go`).
const ISTIO_PORTS: [&str; 4] = ["-b", "-d", "-q", "-o"];

/// The same of Linkerd's (linkerd/linkerd2, `charts/partials/templates/_proxy-init.tpl`).
const LINKERD_PORTS: [&str; 2] = ["--inbound-ports-to-ignore", "--outbound-ports-to-ignore"];

/// The places of words that are stored as they are.
pub(super) fn kept<S: AsRef<str>>(words: &[S]) -> BTreeSet<usize> {
    let of_istio = words.first().is_some_and(|word| word.as_ref() == ISTIO);
    let names: &[&str] = if of_istio { &ISTIO_PORTS } else { &LINKERD_PORTS };
    let mut stay = BTreeSet::new();
    if of_istio {
        stay.insert(0);
    }
    for (at, word) in words.iter().enumerate() {
        let word = word.as_ref();
        if names.contains(&word) && words.get(at + 1).is_some_and(|next| is_ports(next.as_ref())) {
            stay.insert(at + 1);
        }
        if let Some((name, value)) = word.split_once('=')
            && LINKERD_PORTS.contains(&name)
            && is_ports(value)
        {
            stay.insert(at);
        }
    }
    stay
}

/// Numbers of ports and ranges of them, with commas between; or a star for all. An empty text says that there are none.
fn is_ports(text: &str) -> bool {
    let number = |text: &str| text.len() <= 5 && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let one = |text: &str| match text.trim().split_once('-') {
        Some((from, to)) => number(from) && number(to),
        None => number(text.trim()),
    };
    matches!(text, "" | "*") || text.split(',').filter(|text| !text.is_empty()).all(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_stay_and_nothing_else_does() {
        let of = |words: &[&str]| kept(words).into_iter().collect::<Vec<_>>();
        assert_eq!(of(&["istio-iptables", "-u", "1337", "-b", "*", "-d", "15090,15021"]), [0, 4, 6]);
        assert_eq!(of(&["istio-iptables", "-b", "", "-d", "hunter2"]), [0, 2]);
        assert_eq!(of(&["mysql", "-b", "1234"]), Vec::<usize>::new(), "another program's option may be a password");
        assert_eq!(of(&["--inbound-ports-to-ignore", "4190,4191,4567-4568", "--proxy-uid", "2102"]), [1]);
        assert_eq!(of(&["--inbound-ports-to-ignore=4190", "--inbound-ports-to-ignore", "some text"]), [0]);
        assert_eq!(of(&["--inbound-ports-to-ignore", "1234567890123456"]), Vec::<usize>::new());
    }
}
