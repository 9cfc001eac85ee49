//! A cluster in which nothing runs yet: an API server and the namespaces that it makes by itself.

use std::error::Error;
use std::path::PathBuf;

use kube_hipaa::model::{ControlResult, OutcomeWord};

use crate::support::control_plane::{ControlPlane, Options, StaticApiServer};
use crate::support::program;

/// etcd, the API server as kubeadm starts it, and the controllers, which make the default service accounts. No node.
fn empty(usual_ports: bool) -> ControlPlane {
    let of_the_team = |line: &&str| line.contains("--audit-") || line.contains("--encryption-");
    let clinic = crate::support::clinic::static_pod("kube-apiserver");
    let manifest = clinic.lines().filter(|line| !of_the_team(line)).collect::<Vec<_>>().join("\n");
    let plane = ControlPlane::start(&Options {
        with_controller_manager: true,
        static_api_server: Some(StaticApiServer { manifest, node: "cp-1".to_owned(), usual_ports }),
        ..Options::default()
    });
    plane.wait_until("the namespaces of a new cluster", std::time::Duration::from_secs(60), || {
        let accounts = plane.api("GET", "/api/v1/serviceaccounts", None).1;
        let namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];
        let has = |name: &&str| {
            accounts["items"].as_array().is_some_and(|items| {
                items.iter().any(|account| account["metadata"]["namespace"] == **name && account["metadata"]["name"] == "default")
            })
        };
        namespaces.iter().all(has).then_some(())
    });
    plane
}

#[test]
#[ignore = "needs the control plane: make test"]
fn a_cluster_without_workloads_is_read_completely_and_says_so() -> Result<(), Box<dyn Error>> {
    let plane = empty(false);
    let scratch = tempfile::tempdir()?;
    let (code, assessment) = program::scan(&program::scanner(&plane), &scratch.path().join("evidence"), &[]);
    assert_eq!(code, Some(0));
    let unread: Vec<_> = assessment.coverage.iter().filter(|source| !source.state.is_complete()).collect();
    assert!(unread.is_empty(), "{unread:?}");
    // Without workloads there is nothing that could meet or miss a check over pods.
    let over_pods = |table: &str| table == "pods" || table == "containers";
    let mut checks = assessment.controls.iter().filter(|control| over_pods(&control.table)).peekable();
    assert!(checks.peek().is_some());
    for control in checks {
        assert_eq!(control.word(), OutcomeWord::NotApplicable, "{}", control.id);
    }
    // Whatever fails is about how the API server was started, how old it is, or the namespace `default` without labels and policies:
    // nothing else is there that could, least of all roles that Kubernetes ships.
    let true_findings = [
        "api_server_settings",
        "component_settings",
        "audit",
        "encryption_at_rest",
        "anonymous_access",
        "api_server_effects",
        "server",
        "namespaces",
        "namespace_isolation",
    ];
    let elsewhere = |control: &&ControlResult| control.word() == OutcomeWord::Fail && !true_findings.contains(&control.table.as_str());
    let false_findings: Vec<_> = assessment.controls.iter().filter(elsewhere).map(|control| (&control.id, control.findings())).collect();
    assert!(false_findings.is_empty(), "{false_findings:#?}");
    // The one API server answered for itself, where it is new enough to show its flags.
    let profiling = assessment.controls.iter().find(|control| control.id == "api-server/profiling");
    let expected = if plane.minor() >= 36 { OutcomeWord::Fail } else { OutcomeWord::NotAssessed };
    assert_eq!(profiling.map(|control| control.word()), Some(expected));
    Ok(())
}

/// Not a test: records the snapshot of the golden test.
/// `KUBE_HIPAA_RECORD=tests/golden/empty-cluster.zip cargo test --test it live_empty_cluster::record_empty_snapshot -- --ignored --exact`.
#[test]
#[ignore = "records tests/golden/empty-cluster.zip"]
#[expect(clippy::print_stderr, reason = "who records wants to know what came of it")]
fn record_empty_snapshot() -> Result<(), Box<dyn Error>> {
    let path = std::env::var_os("KUBE_HIPAA_RECORD").map(PathBuf::from).ok_or("set KUBE_HIPAA_RECORD to the file to record")?;
    let plane = empty(true);
    program::record(&program::scanner(&plane), "empty", &path)?;
    program::nothing_of_this_machine(&path)?;
    eprintln!("{}: {} bytes", path.display(), std::fs::metadata(&path)?.len());
    Ok(())
}
