use super::*;

fn built_in() -> Benchmarks {
    serde_saphyr::from_str(include_str!("../../../controls/frameworks/cis.yaml")).unwrap_or_else(|error| panic!("{error}"))
}

/// What the lint says of a changed file; the controls are those that the file names, which other tests compare with the catalog.
fn lint(text: &str) -> Vec<String> {
    let changed: Benchmarks = serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    let named = built_in();
    let mapped = named.items.iter().flat_map(|item| &item.controls).map(|mapping| mapping.control.value.as_str());
    let mut controls: Vec<&str> = mapped.chain(named.unmapped.iter().map(|unmapped| unmapped.control.value.as_str())).collect();
    controls.sort_unstable();
    controls.dedup();
    let mut problems = Problems::default();
    changed.lint("cis.yaml", &controls, &mut problems);
    problems.into_sorted().into_iter().map(|problem| problem.message).collect()
}

fn numbers(server: Option<&str>, distribution: Option<&str>, control: &str) -> Vec<String> {
    let all = built_in();
    let fitting = all.fitting(server, distribution).unwrap_or_else(|| panic!("there is always one"));
    fitting.items_of(control).into_iter().map(|item| format!("{} {} {}", item.framework, item.version, item.id)).collect()
}

/// The numbers of one item in every version, as published.
#[test]
fn numbers_follow_the_version_of_the_server() {
    for (server, expected) in [
        ("v1.26.15", "1.8 1.2.16"),
        ("v1.27.1", "1.9 1.2.15"),
        ("v1.28.0+k3s1", "1.10 1.2.15"),
        ("v1.29.0", "1.11 1.2.15"),
        ("v1.31.9", "1.11 1.2.15"),
        ("v1.33.0", "1.12 1.2.15"),
        ("v1.35.2", "2.0.1 1.2.15"),
        // Its own numbers could not be verified.
        ("v1.36.3", "2.0.1 1.2.15"),
    ] {
        assert_eq!(numbers(Some(server), None, "api-server/profiling"), [format!("cis-kubernetes {expected}")], "{server}");
    }
    // An item that later versions no longer have has no number there.
    assert_eq!(numbers(Some("v1.31.0"), None, "pod/added-capabilities"), ["cis-kubernetes 1.11 5.2.9"]);
    assert!(numbers(Some("v1.33.0"), None, "pod/added-capabilities").is_empty());
}

#[test]
fn a_managed_platform_has_its_own_numbers() {
    assert_eq!(numbers(Some("v1.33.1-eks-1"), Some("EKS"), "pod/run-as-root"), Vec::<String>::new());
    assert_eq!(numbers(Some("v1.33.1-eks-1"), Some("EKS"), "pod/privilege-escalation"), ["cis-eks 1.8.0 4.2.5"]);
    assert_eq!(numbers(Some("v1.33.1-gke.5"), Some("GKE"), "service-account/token-automounted"), ["cis-gke 1.9.0 4.1.5"]);
    assert_eq!(numbers(Some("v1.33.1"), Some("kubeadm"), "pod/seccomp"), ["cis-kubernetes 1.12 5.6.2"]);
    let all = built_in();
    for item in all.fitting(None, Some("EKS")).unwrap_or_else(|| panic!("there is one")).items_of("pod/privilege-escalation") {
        assert_eq!(item.level, None, "no source gave levels of managed platforms");
    }
}

/// What is not the server's own version is said in words.
#[test]
fn a_version_that_stands_in_is_named() {
    let all = built_in();
    let why = |server, distribution| match all.fitting(server, distribution) {
        Some(fitting) => (fitting.described.version, fitting.described.why),
        None => panic!("there is always one"),
    };
    assert_eq!(why(Some("v1.33.0"), None), ("1.12".into(), "CIS Kubernetes Benchmark 1.12 is the version for Kubernetes 1.33.".into()));
    let (version, words) = why(Some("v1.36.3"), Some("kubeadm"));
    assert_eq!(version, "2.1.0");
    assert!(words.contains("those of version 2.0.1"), "{words}");
    let (version, words) = why(Some("v1.19.0"), None);
    assert_eq!(version, "1.8");
    assert!(words.contains("No benchmark for Kubernetes 1.19 is known"), "{words}");
    let (version, words) = why(Some("v1.40.0"), None);
    assert_eq!(version, "2.1.0");
    assert!(words.contains("1.40") && words.contains("those of version 2.0.1"), "{words}");
    for server in [None, Some("v2.0.0"), Some("custom"), Some("v1."), Some("")] {
        let (_, words) = why(server, None);
        assert!(words.contains("version was not read"), "{server:?}: {words}");
    }
    let (version, words) = why(None, Some("OpenShift"));
    assert_eq!(version, "1.8");
    assert!(words.contains("recognised as OpenShift"), "{words}");
}

#[test]
fn the_built_in_file_has_no_problem() {
    assert_eq!(lint(include_str!("../../../controls/frameworks/cis.yaml")), Vec::<String>::new());
}

/// Each of these was a way to cite a number that means something else.
#[test]
fn wrong_numbers_are_refused() {
    let text = include_str!("../../../controls/frameworks/cis.yaml");
    for (from, to, expected) in [
        ("cis-2.0.1: 1.2.15}", "cis-2.0.1: 1.2.51}", "cis-2.0.1 has no number 1.2.51"),
        ("cis-2.0.1: 1.2.15}", "cis-2.0.1: 1.2.16}", "cis-2.0.1: number 1.2.16 stands twice"),
        ("cis-2.0.1: 1.2.15}", "cis-2.0.1: 1.2.16}", "cis-2.0.1: no item has the number 1.2.15"),
        ("cis-2.0.1: 1.2.15}", "cis-2.2: 1.2.15}", "there is no version cis-2.2"),
        ("ocp-1.8: 4.2.13", "ocp-1.8: 4.2.12", "ocp-1.8 has no number 4.2.12"),
        ("minors: [27]", "minors: [26]", "two versions are for Kubernetes 1.26"),
        ("otherwise: cis-2.0.1", "otherwise: cis-3", "`otherwise` names cis-3"),
        ("level: 2\n", "level: 3\n", "`level` is 1 or 2"),
        ("{control: pod/seccomp,", "{control: pod/secomp,", "there is no control `pod/secomp`"),
        ("{control: pod/seccomp,", "{control: pod/secomp,", "control `pod/seccomp` is mapped to no item"),
        ("{control: image/latest-tag,", "{control: pod/seccomp,", "`pod/seccomp` is mapped and also listed under `unmapped`"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = lint(&text.replacen(from, to, 1));
        assert!(found.iter().any(|message| message.contains(expected)), "{to}: {found:?}");
    }
}
