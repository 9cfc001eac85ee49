use super::super::{NEWEST_KNOWN_MINOR, level_of};
use super::*;

#[test]
fn a_pod_has_the_most_restrictive_level_it_meets() -> Outcome {
    let level = |spec: Value, minor| -> Result<Level, serde_json::Error> {
        Ok(level_of(&BTreeMap::new(), &serde_json::from_value(spec)?, PolicyVersion::V1(minor)))
    };
    for minor in 0..=NEWEST_KNOWN_MINOR {
        assert_eq!(level(hardened(), minor)?, Level::Restricted);
        assert_eq!(level(json!({"containers": [{"name": "c"}]}), minor)?, Level::Baseline);
        assert_eq!(level(json!({"containers": [{"name": "c"}], "hostPID": true}), minor)?, Level::Privileged);
    }
    Ok(())
}

#[test]
fn privileged_refuses_nothing() -> Outcome {
    let worst = json!({"containers": [{"name": "c", "securityContext": {"privileged": true}}], "hostPID": true});
    assert!(violations(worst, Level::Privileged, 36)?.is_empty());
    Ok(())
}

#[test]
fn windows_pods_can_meet_restricted_and_fail_baseline() -> Outcome {
    let mut spec = hardened();
    spec["os"] = json!({"name": "windows"});
    spec["containers"][0]["securityContext"]["capabilities"] = json!({"add": ["SYS_ADMIN"]});
    assert!(violations(spec.clone(), Level::Restricted, 36)?.is_empty());
    assert!(!violations(spec, Level::Baseline, 36)?.is_empty());
    Ok(())
}

#[test]
fn violations_come_in_kubernetes_order() -> Outcome {
    let spec = json!({"hostPID": true, "containers": [{"name": "c", "securityContext": {"privileged": true}}]});
    let ids: Vec<&str> = violations(spec, Level::Restricted, 36)?.into_iter().map(|found| found.check).collect();
    assert_eq!(
        ids,
        [
            "hostNamespaces",
            "privileged",
            "allowPrivilegeEscalation",
            "capabilities_restricted",
            "runAsNonRoot",
            "seccompProfile_restricted",
        ]
    );
    Ok(())
}

#[test]
fn messages_escape_and_shorten_what_the_cluster_wrote() -> Outcome {
    let names: Vec<String> = (0..9).map(|n| format!("{n}\u{1b}[31m\u{202e}")).collect();
    let spec = json!({"containers": [{"name": "c", "securityContext": {"capabilities": {"add": names}}}]});
    let found = violations(spec, Level::Baseline, 36)?;
    assert_eq!(found.len(), 1);
    for violation in found {
        assert!(!violation.message.contains(['\u{1b}', '\u{202e}']), "{}", violation.message);
        assert!(violation.message.ends_with("and 4 more"), "{}", violation.message);
        assert_eq!(violation.pointers.len(), 9);
    }
    Ok(())
}
