use super::super::{Defaults, How, ModeDefault, ModePolicy, namespace_policy, namespace_policy_with};
use super::*;

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| (format!("pod-security.kubernetes.io/{key}"), (*value).to_owned())).collect()
}

fn plain(mode: &ModePolicy) -> (Level, String) {
    (mode.level, mode.version.to_string())
}

#[test]
fn no_labels_mean_the_defaults() {
    let policy = namespace_policy(&BTreeMap::new(), 36);
    for mode in [policy.enforce, policy.audit, policy.warn] {
        assert_eq!(plain(&mode), (Level::Privileged, "latest".to_owned()));
        assert_eq!((mode.level_how, mode.version_how), (How::DefaultedUnset, How::DefaultedUnset));
        assert_eq!(mode.applied, PolicyVersion::V1(36));
    }
}

#[test]
fn invalid_enforce_closes_and_invalid_audit_and_warn_open() {
    let policy = namespace_policy(&labels(&[("enforce", "Baseline"), ("audit", "strict"), ("warn", ""), ("enforce-version", "1.30")]), 36);
    let invalid = |written: &str| How::InvalidFallsBack { written: written.to_owned() };
    assert_eq!((policy.enforce.level, policy.enforce.level_how), (Level::Restricted, invalid("Baseline")));
    assert_eq!((policy.enforce.version, policy.enforce.version_how), (PolicyVersion::Latest, invalid("1.30")));
    assert_eq!((policy.audit.level, policy.audit.level_how), (Level::Privileged, invalid("strict")));
    assert_eq!((policy.warn.level, policy.warn.level_how), (Level::Privileged, invalid("")));
}

#[test]
fn unset_warn_follows_a_stricter_valid_enforce() {
    let policy = namespace_policy(&labels(&[("enforce", "baseline"), ("enforce-version", "v1.30")]), 36);
    assert_eq!(plain(&policy.warn), (Level::Baseline, "v1.30".to_owned()));
    assert_eq!((policy.warn.level_how, policy.warn.version_how), (How::FollowsEnforce, How::FollowsEnforce));
    assert_eq!(policy.warn.applied, PolicyVersion::V1(30));
    // Audit does not follow.
    assert_eq!(policy.audit.level, Level::Privileged);

    // Its own version label stays, even an invalid one.
    let policy = namespace_policy(&labels(&[("enforce", "baseline"), ("enforce-version", "v1.30"), ("warn-version", "bad")]), 36);
    assert_eq!(plain(&policy.warn), (Level::Baseline, "latest".to_owned()));

    // An invalid enforce label is restricted, but warn does not follow it.
    let policy = namespace_policy(&labels(&[("enforce", "bad")]), 36);
    assert_eq!((policy.warn.level, policy.warn.level_how), (Level::Privileged, How::DefaultedUnset));

    // Set to something weaker: stays.
    let policy = namespace_policy(&labels(&[("enforce", "restricted"), ("warn", "baseline")]), 36);
    assert_eq!((policy.warn.level, policy.warn.level_how), (Level::Baseline, How::Set));
}

#[test]
fn warn_keeps_a_default_that_is_as_strict_as_enforce() {
    let mode = |level| ModeDefault { level, version: PolicyVersion::V1(20) };
    let defaults = Defaults { enforce: mode(Level::Baseline), audit: mode(Level::Restricted), warn: mode(Level::Restricted) };
    let policy = namespace_policy_with(&labels(&[("enforce", "restricted"), ("enforce-version", "v1.30")]), &defaults, 36);
    assert_eq!(plain(&policy.warn), (Level::Restricted, "v1.20".to_owned()));
    assert_eq!(plain(&policy.audit), (Level::Restricted, "v1.20".to_owned()));
    assert_eq!(plain(&policy.enforce), (Level::Restricted, "v1.30".to_owned()));
    assert_eq!(policy.enforce.level_how, How::Set);
}

#[test]
fn versions_are_capped_at_the_server() {
    let policy = namespace_policy(&labels(&[("enforce-version", "v1.99"), ("audit-version", "latest"), ("warn-version", "v1.7")]), 33);
    assert_eq!((policy.enforce.version, policy.enforce.applied), (PolicyVersion::V1(99), PolicyVersion::V1(33)));
    assert_eq!((policy.audit.version, policy.audit.applied), (PolicyVersion::Latest, PolicyVersion::V1(33)));
    assert_eq!((policy.warn.version, policy.warn.applied), (PolicyVersion::V1(7), PolicyVersion::V1(7)));
}

#[test]
fn versions_are_read_as_kubernetes_reads_them() {
    let read = |text: &str| text.parse::<PolicyVersion>().ok();
    assert_eq!(read("latest"), Some(PolicyVersion::Latest));
    assert_eq!(read("v1.0"), Some(PolicyVersion::V1(0)));
    assert_eq!(read("v1.9223372036854775807"), Some(PolicyVersion::V1(9_223_372_036_854_775_807)));
    for bad in
        ["", "v1", "v1.", "v1.01", "v1.00", "v2.0", "1.1", "v1.+1", "v1.-1", "V1.1", "Latest", "v1.1 ", "v1.1\n", "v1.9223372036854775808"]
    {
        assert_eq!(read(bad), None, "{bad:?}");
    }
    assert!(PolicyVersion::V1(37).is_known() && !PolicyVersion::V1(38).is_known() && !PolicyVersion::Latest.is_known());
}
