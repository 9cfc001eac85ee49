//! What is wrong is said, all of it at once; what is hostile is refused within bounds.

use super::*;

/// Each on a line of its own with file, line and column, of all files at once.
#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("hipaa");
    write(&root, "scope.yaml", "ephi: {namespaces: [Billing]}\nenvironment: {}\n");
    write(
        &root,
        "answers/a.yaml",
        "question: manual/access-reviw\nstatement: s\nanswered_by: {name: a}\nanswered_on: 2026-13-01\nvalid_until: 2027-01-01\nevidence:\n- {file: evidence/none.pdf}\n- {file: ../out}\n- {file: evidence/there.txt, sha256: abc}\nrefrence: x\n",
    );
    write(&root, "answers/b.yaml", "question: [\n");
    let entry = |on: &str| format!("- {{identity: User a, access: b, decision: keep, by: c, on: {on}}}\n");
    let answered = "statement: s\nanswered_by: {name: a, role: r}\nanswered_on: 2026-01-01\nvalid_until: 2027-01-01\n";
    let review = format!("review:\n{}{}", entry("2026-01-01"), entry("2099-01-01"));
    write(&root, "answers/d.yaml", &format!("question: manual/access-review\n{answered}{review}"));
    write(&root, "answers/e.yaml", &format!("question: manual/audit-log-review\n{answered}review:\n{}", entry("2026-01-01")));
    write(&root, "answers/f.yaml", &format!("question: manual/access-review\ncluster_uid: x\n{answered}"));
    write(&root, "answers/c.txt", "");
    write(&root, "evidence/there.txt", "x");
    write(
        &root,
        "waivers/a.yaml",
        "control: pod/privileged-contaner\nreason: 5\nowner: a\napproved_by: b\nuntil: 2026-01-01\nfrom: 2026-02-01\nobjects: [x]\n",
    );
    write(&root, "waivers/b.yaml", "reason: r\n");
    write(
        &root,
        "waivers/c.yaml",
        "control: pod/privileged-container\nstatement: s\nreason: r\nowner: a\napproved_by: b\nuntil: 2026-01-01\n",
    );
    write(&root, "dispositions/a.yaml", "paragraph: 164.312(a)(1)\ndecision: maybe\nrationale: r\ndecided_by: b\ndecided_on: 2026-01-01\n");
    write(
        &root,
        "dispositions/b.yaml",
        "schema: kube-hipaa/disposition/v2\nparagraph: 164.312(a)(2)(i)\ndecision: implemented\nrationale: r\ndecided_by: b\ndecided_on: 2026-01-01\n",
    );
    write(&root, "waiver/a.yaml", "");
    let snapshot = snapshot_path().display().to_string();
    let output = run_in(folder.path(), &["assess", &snapshot, "-w", "hipaa"]);
    assert_error(&output, 2, "hipaa has ", "nothing was asked of the cluster");
    let text = stderr(&output);
    for part in [
        "hipaa/scope.yaml:1:21: `Billing` cannot be a namespace",
        "hipaa/scope.yaml:2:1: there is no key `environment` here; did you mean `environments`?",
        "hipaa/answers/a.yaml:1:11: there is no question `manual/access-reviw`",
        "hipaa/answers/a.yaml:3:14: `role` is missing",
        "hipaa/answers/a.yaml:4:14: `2026-13-01` is not a date",
        "hipaa/answers/a.yaml:7:10: the file evidence/none.pdf: it cannot be read",
        "hipaa/answers/a.yaml:8:10: `../out`: it leads out of the workspace",
        "hipaa/answers/a.yaml:9:38: `sha256` is not 64 lower-case hex digits",
        "hipaa/answers/a.yaml:10:1: there is no key `refrence` here; did you mean `reference`?",
        "hipaa/answers/b.yaml:",
        "hipaa/answers/c.txt:1: it is not read",
        "hipaa/answers/d.yaml:8:60: `on` 2099-01-01 is after `answered_on` 2026-01-01",
        "hipaa/answers/d.yaml:8:14: User a by b stands twice in `review`",
        "hipaa/answers/e.yaml:1:11: a `review` belongs to `manual/access-review`",
        "hipaa/answers/f.yaml:2:14: `cluster_uid` says of which cluster a `review` is, and there is none",
        "hipaa/waivers/a.yaml:1:10: there is no control `pod/privileged-contaner`; did you mean `pod/privileged-container`?",
        "hipaa/waivers/a.yaml:2:9: `reason` is a number",
        "hipaa/waivers/a.yaml:5:8: `until` 2026-01-01 is before `from` 2026-02-01",
        "hipaa/waivers/a.yaml:7:11: `x` is no object",
        "hipaa/waivers/b.yaml:1:1: `owner` is missing",
        "hipaa/waivers/c.yaml:2:12: `statement` says what one finding, or those of named objects, said",
        "hipaa/waivers/b.yaml:1:1: `control` is missing",
        "hipaa/dispositions/a.yaml:1:12: 164.312(a)(1) is ",
        "hipaa/dispositions/a.yaml:2:11: `maybe` is no decision",
        "hipaa/dispositions/b.yaml:1:9: `schema` is",
        "hipaa/waiver:1: it is not read; did you mean `waivers`?",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
}

/// Files that nobody wrote in good faith.
#[test]
fn hostile_workspaces_are_refused_within_bounds() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, root) = (folder.path(), folder.path().join("hipaa"));
    let snapshot = snapshot_path().display().to_string();
    let refused = |part: &str| {
        let started = std::time::Instant::now();
        let output = run_in(here, &["assess", &snapshot, "-w", "hipaa"]);
        let text = stderr(&output);
        assert_eq!(code(&output), 2, "{text}");
        assert!(text.contains(part), "{part}: {}", text.chars().take(2000).collect::<String>());
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "a control character of the workspace reached the terminal");
        assert!(started.elapsed().as_secs() < 60, "{part}");
        std::fs::remove_dir_all(&root).expect("removed");
    };
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    (1..10).for_each(|i| bomb.push_str(&format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(","))));
    write(&root, "answers/bomb.yaml", &bomb);
    refused("bomb.yaml:");
    write(&root, "answers/deep.yaml", &"[".repeat(200_000));
    refused("deep.yaml:1:");
    write(&root, "waivers/huge.yaml", &format!("# {}\n", "x".repeat(5 * 1024 * 1024)));
    refused("huge.yaml:1: it is larger than");
    write(&root, "waivers/binary.yaml", "x");
    std::fs::write(root.join("waivers/binary.yaml"), [0xff, 0xfe, 0]).expect("written");
    refused("it is not UTF-8");
    write(&root, "answers/name\u{1b}[31m.yaml", "question: manual/access-review\n");
    refused("name␛[31m.yaml:1: its name has characters that no name in a bundle has");
    write(&root, "scope.yaml", &format!("ephi: {{namespaces: [a]}}\norganisation: {}\n", "x".repeat(30_000)));
    refused("`organisation` has more than 20000 characters");
    #[cfg(unix)]
    {
        write(here, "secret.yaml", "question: manual/access-review\n");
        write(
            &root,
            "answers/a.yaml",
            "question: manual/access-review\nstatement: s\nanswered_by: {name: a, role: r}\nanswered_on: 2026-01-01\nvalid_until: 2027-01-01\nevidence: [{file: evidence/link}]\n",
        );
        write(&root, "evidence/x", "x");
        std::os::unix::fs::symlink(here.join("secret.yaml"), root.join("answers/link.yaml")).expect("linked");
        std::os::unix::fs::symlink(here.join("secret.yaml"), root.join("evidence/link")).expect("linked");
        std::os::unix::fs::symlink("/", root.join("waivers")).expect("linked");
        let output = stderr(&run_in(here, &["assess", &snapshot, "-w", "hipaa"]));
        for part in [
            "answers/link.yaml:1: it is a link that leaves the workspace",
            "evidence/link is not read: it is a link that leaves the workspace",
            "waivers:1: it is a link that leaves the workspace",
        ] {
            assert!(output.contains(part), "{part}: {output}");
        }
        std::fs::remove_dir_all(&root).expect("removed");
        // Links within are followed: so a ConfigMap is mounted.
        write(&root, "..data/scope.yaml", "ephi: {selectors: ['clinic.example/ephi=true']}\n");
        std::os::unix::fs::symlink("..data/scope.yaml", root.join("scope.yaml")).expect("linked");
        assert_eq!(assessed(here, &[])["scope"]["source"], "file");
    }
}

/// Whoever is not asked on a terminal says everything as flags, and is told what is missing.
#[test]
fn what_was_not_said_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::create_dir(here.join("hipaa")).expect("made");
    for (arguments, what, advice) in [
        (vec!["answer", "manual/access-review"], "missing: --statement, --by, --role, --until", "on a terminal"),
        (
            vec!["answer", "manual/acess-review", "--statement", "s"],
            "there is no question `manual/acess-review`",
            "Did you mean `manual/access-review`?",
        ),
        (vec!["answer", "unseen/thing-0123abcd"], "there is no question", "--from EVIDENCE"),
        (
            vec!["answer", "manual/access-review", "--statement", "s", "--by", "n", "--role", "r", "--until", "soon"],
            "will not write this",
            "nothing was written",
        ),
        (vec!["waive", "pod/nope"], "there is no control or fingerprint `pod/nope`", "There are: "),
        (vec!["waive", PRIVILEGED, "--owner", "a"], "missing: --reason, --approved-by, --until", "on a terminal"),
        (
            vec!["dispose", "164.312(a)(1)", "--decision", "implemented", "--rationale", "r", "--by", "b"],
            "will not write this",
            "nothing was written",
        ),
        (vec!["dispose", "164.312(a)(2)(iv)"], "missing: --decision, --rationale, --by", "on a terminal"),
    ] {
        assert_error(&run_in(here, &[&arguments[..], &["-w", "hipaa"]].concat()), 2, what, advice);
    }
    assert!(files(&here.join("hipaa")).is_empty(), "nothing was written");
    assert_error(&run_in(here, &["scan", "-w", "nowhere"]), 2, "cannot read nowhere", "Check the path");
    assert_error(
        &run_in(here, &["assess", "x", "-w", "hipaa", "--allow-missing-evidence"]),
        2,
        "cannot open the snapshot x",
        "check the path",
    );
    write(&here.join("hipaa"), "scope.yaml", "ephi: {namespaces: [a]}\n");
    assert_error(
        &run_in(here, &["scan", "-w", "hipaa", "--ephi-namespace", "b"]),
        2,
        "both hipaa/scope.yaml and the command line",
        "Leave --scope",
    );
}
