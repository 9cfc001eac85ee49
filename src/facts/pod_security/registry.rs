//! Which revision of which check runs at a level and version (`policy/registry.go`).

use super::containers::Pod;
use super::describe::Found;
use super::version::{Level, PolicyVersion};
use super::{baseline, restricted};

/// A check: `None` when the pod passes.
pub(super) type Run = fn(&Pod<'_>) -> Option<Found>;

/// One revision of a check.
struct Revision {
    /// The first minor with this revision.
    from: u64,
    run: Run,
}

const fn from(minor: u64, run: Run) -> Revision {
    Revision { from: minor, run }
}

/// A check with its revisions in ascending order.
struct Check {
    id: &'static str,
    revisions: &'static [Revision],
    /// The baseline check that does not run where a revision of this restricted check runs.
    replaces: Option<&'static str>,
}

/// Sorted by identifier, byte by byte: Kubernetes reports in this order.
static BASELINE: &[Check] = &[
    Check { id: "appArmorProfile", revisions: &[from(0, baseline::app_armor_profile)], replaces: None },
    Check { id: "capabilities_baseline", revisions: &[from(0, baseline::capabilities)], replaces: None },
    Check { id: "hostNamespaces", revisions: &[from(0, baseline::host_namespaces)], replaces: None },
    Check { id: "hostPathVolumes", revisions: &[from(0, baseline::host_path_volumes)], replaces: None },
    Check { id: "hostPorts", revisions: &[from(0, baseline::host_ports)], replaces: None },
    Check { id: "hostProbesAndHostLifecycle", revisions: &[from(34, baseline::host_probes_and_lifecycle)], replaces: None },
    Check { id: "privileged", revisions: &[from(0, baseline::privileged)], replaces: None },
    Check {
        id: "procMount",
        revisions: &[from(0, baseline::proc_mount), from(35, baseline::proc_mount_with_user_namespaces)],
        replaces: None,
    },
    Check {
        id: "seLinuxOptions",
        revisions: &[from(0, baseline::se_linux_options), from(31, baseline::se_linux_options_31)],
        replaces: None,
    },
    Check {
        id: "seccompProfile_baseline",
        revisions: &[from(0, baseline::seccomp_annotations), from(19, baseline::seccomp_profile)],
        replaces: None,
    },
    Check {
        id: "sysctls",
        revisions: &[
            from(0, baseline::sysctls),
            from(27, baseline::sysctls_27),
            from(29, baseline::sysctls_29),
            from(32, baseline::sysctls_32),
            from(37, baseline::sysctls_37),
        ],
        replaces: None,
    },
    Check { id: "windowsHostProcess", revisions: &[from(0, baseline::windows_host_process)], replaces: None },
];

/// Sorted by identifier, as [`BASELINE`].
static RESTRICTED: &[Check] = &[
    Check {
        id: "allowPrivilegeEscalation",
        revisions: &[from(8, restricted::allow_privilege_escalation), from(25, restricted::allow_privilege_escalation_not_windows)],
        replaces: None,
    },
    Check {
        id: "capabilities_restricted",
        revisions: &[from(22, restricted::capabilities), from(25, restricted::capabilities_not_windows)],
        replaces: Some("capabilities_baseline"),
    },
    Check { id: "procMount_restricted", revisions: &[from(35, baseline::proc_mount)], replaces: Some("procMount") },
    Check { id: "restrictedVolumes", revisions: &[from(0, restricted::volumes)], replaces: Some("hostPathVolumes") },
    Check {
        id: "runAsNonRoot",
        revisions: &[from(0, restricted::run_as_non_root), from(35, restricted::run_as_non_root_unless_user_namespace)],
        replaces: None,
    },
    Check {
        id: "runAsUser",
        revisions: &[from(23, restricted::run_as_user), from(35, restricted::run_as_user_unless_user_namespace)],
        replaces: None,
    },
    Check {
        id: "seccompProfile_restricted",
        revisions: &[from(19, restricted::seccomp_profile), from(25, restricted::seccomp_profile_not_windows)],
        replaces: Some("seccompProfile_baseline"),
    },
];

impl Check {
    /// The newest revision that `minor` has, if the check exists there.
    fn at(&self, minor: u64) -> Option<Run> {
        self.revisions.iter().rev().find(|revision| revision.from <= minor).map(|revision| revision.run)
    }
}

/// The checks that run, in Kubernetes' order.
pub(super) fn checks(level: Level, version: PolicyVersion) -> Vec<(&'static str, Run)> {
    let minor = version.rule_minor();
    let restricted: Vec<(&Check, Run)> = match level {
        Level::Privileged => return Vec::new(),
        Level::Baseline => Vec::new(),
        Level::Restricted => RESTRICTED.iter().filter_map(|check| check.at(minor).map(|run| (check, run))).collect(),
    };
    let replaced = |id: &str| restricted.iter().any(|(check, _)| check.replaces == Some(id));
    BASELINE
        .iter()
        .filter(|check| !replaced(check.id))
        .filter_map(|check| check.at(minor).map(|run| (check.id, run)))
        .chain(restricted.iter().map(|(check, run)| (check.id, *run)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_sorted_and_revisions_ascend() {
        for list in [BASELINE, RESTRICTED] {
            assert!(list.is_sorted_by(|a, b| a.id < b.id));
            for check in list {
                assert!(check.revisions.is_sorted_by(|a, b| a.from < b.from), "{}", check.id);
            }
        }
    }

    #[test]
    fn replaced_checks_are_baseline_checks() {
        for check in RESTRICTED {
            if let Some(id) = check.replaces {
                assert!(BASELINE.iter().any(|other| other.id == id), "{id}");
            }
        }
        assert!(BASELINE.iter().all(|check| check.replaces.is_none()));
    }

    #[test]
    fn a_replaced_check_runs_until_its_replacement_begins() {
        let ids = |minor| -> Vec<&str> { checks(Level::Restricted, PolicyVersion::V1(minor)).into_iter().map(|(id, _)| id).collect() };
        assert!(ids(18).contains(&"seccompProfile_baseline"));
        assert!(!ids(19).contains(&"seccompProfile_baseline"));
        assert!(ids(19).contains(&"seccompProfile_restricted"));
        assert!(ids(34).contains(&"procMount"));
        assert!(!ids(35).contains(&"procMount"));
    }
}
