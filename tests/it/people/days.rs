//! No command writes down what cannot have been said yet, or what was never seen.

use super::*;

#[test]
fn nobody_says_anything_on_a_day_that_has_not_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("hipaa")).expect("made");
    let answer = ["answer", "manual/audit-log-review", "-w", "hipaa", "--statement", "s", "--by", "b", "--role", "r"];
    let dispose = ["dispose", "164.312(a)(2)(iv)", "-w", "hipaa", "--decision", "implemented", "--rationale", "r", "--by", "b"];
    let waive = ["waive", PRIVILEGED, "-w", "hipaa", "--object", "Pod/a/b", "--reason", "r", "--owner", "o", "--approved-by", "p"];
    for (arguments, what) in [
        ([&answer[..], &["--on", "2199-01-01", "--until", "2199-12-31"]].concat(), "2199-01-01 is after today"),
        ([&answer[..], &["--on", "yesterday"]].concat(), "`yesterday` is not a date"),
        ([&dispose[..], &["--on", "2199-01-01", "--review-by", "2199-12-31"]].concat(), "2199-01-01 is after today"),
        ([&waive[..], &["--starting", "2026-01-01", "--until", "2027-01-02"]].concat(), "it holds until 2027-01-01 at most"),
        ([&waive[..], &["--starting", "2026-01-01", "--until", "2025-12-31"]].concat(), "is before `from` 2026-01-01"),
    ] {
        let output = run_in(here, &arguments);
        assert_error(&output, 2, "will not write this", "nothing was written");
        assert!(stderr(&output).contains(what), "{arguments:?}: {}", stderr(&output));
    }
    assert!(files(&here.join("hipaa")).is_empty());
}

/// Manifests laid over a snapshot show what would be; nobody answers for that.
#[test]
fn nothing_is_said_about_a_cluster_that_was_never_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("hipaa")).expect("made");
    write(here, "more.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: planned}\n");
    let snapshot = snapshot_path().display().to_string();
    let output = run_in(here, &["assess", &snapshot, "--with", "more.yaml", "-o", "whatif", "--quiet", "--allow-incomplete"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let finding = first_finding(PRIVILEGED);
    for arguments in [
        vec!["questions", "--from", "whatif", "--access-review", "access.csv"],
        vec!["questions", "--from", "whatif"],
        vec!["answer", "manual/audit-log-review", "-w", "hipaa", "--from", "whatif", "--statement", "s"],
        vec!["waive", &finding.fingerprint, "-w", "hipaa", "--from", "whatif/assessment.json"],
    ] {
        assert_error(&run_in(here, &arguments), 2, "is hypothetical: manifests were laid over the snapshot", "as it is");
    }
    assert!(files(&here.join("hipaa")).is_empty() && !here.join("access.csv").exists());
}
