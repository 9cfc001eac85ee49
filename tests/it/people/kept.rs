//! What people wrote is theirs: commands add to it, and write nowhere else.

use super::*;

#[test]
fn an_answer_leaves_what_people_wrote_in_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let place = here.join("hipaa/answers/manual-audit-log-review.yaml");
    write(
        &here.join("hipaa"),
        "answers/manual-audit-log-review.yaml",
        "# ours\nquestion: manual/audit-log-review\nasked: In our own words, agreed with the auditor?\n# DRAFT: weekly, says Dana\nstatement: \"\"\nanswered_by:\n  name: \"\" # Dana?\n  role: \"\"\nevidence: []\n# legal: no names of vendors\n",
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o664)).expect("set");
    }
    let answer = |more: &[&str]| {
        let said = ["answer", "manual/audit-log-review", "-w", "hipaa", "--statement", "Weekly.\nBy two.", "--by", "D. Ana", "--role", "r"];
        run_in(here, &[&said[..], &["--on", &day(), "--until", &in_years(1)], more].concat())
    };
    let output = answer(&[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let text = std::fs::read_to_string(&place).expect("there");
    for part in
        ["# ours\n", "asked: In our own words", "# DRAFT: weekly", "# Dana?", "# legal: no names", "statement: \"Weekly.\\nBy two.\""]
    {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert_eq!(text.matches("statement:").count(), 1, "{text}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&place).expect("there").permissions().mode() & 0o777, 0o664, "who may read it stays");
    }
    // A file that is not written line by line is written anew, with its question and its comments.
    write(
        &here.join("hipaa"),
        "answers/manual-audit-log-review.yaml",
        "# ours\n{question: manual/audit-log-review, asked: 'Ours, too?'} # why\n",
    );
    assert_eq!(code(&answer(&[])), 0);
    let text = std::fs::read_to_string(&place).expect("there");
    assert!(text.starts_with("# ours\n# why\n") && text.contains("asked: \"Ours, too?\"") && text.contains("D. Ana"), "{text}");
    assert_eq!(assessed(here, &["--ephi-selector", "clinic.example/ephi=true"])["people"]["questions"]["answered"], 1);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_out_of_the_workspace() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for name in ["hipaa", "outside"] {
        std::fs::create_dir(here.join(name)).expect("made");
    }
    write(here, "review.pdf", "signed");
    std::os::unix::fs::symlink(here.join("outside"), here.join("hipaa/evidence")).expect("linked");
    let said = ["--statement", "s", "--by", "b", "--role", "r", "--until", "2099-12-31", "--evidence", "review.pdf"];
    let output = run_in(here, &[&["answer", "manual/audit-log-review", "-w", "hipaa"][..], &said].concat());
    assert_error(&output, 2, "hipaa has 1 problem", "Correct the lines above");
    assert!(stderr(&output).contains("hipaa/evidence:1: it is a link that leaves the workspace"), "{}", stderr(&output));
    assert!(files(&here.join("outside")).is_empty() && !here.join("hipaa/answers").exists());
}

/// Controls of people's own that cannot be read hide nothing else.
#[test]
fn broken_controls_are_told_of_together_with_the_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("hipaa");
    write(&root, "controls/own/thing.yaml", "nonsense: 1\n");
    write(&root, "scope.yaml", "ephi: {namespaces: [X]}\n");
    write(&root, "answers/own.yaml", "question: own/thing\n");
    write(&root, "answers/twice.yaml", "question: manual/access-review\nquestion: manual/access-review\n");
    write(&root, "answers/two.yaml", "question: manual/access-review\n---\nquestion: manual/access-review\n");
    let snapshot = snapshot_path().display().to_string();
    for arguments in [vec!["assess", &snapshot, "-w", "hipaa"], vec!["questions", "-w", "hipaa"]] {
        let output = run_in(folder.path(), &arguments);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
        let text = stderr(&output);
        for part in ["controls/own/thing.yaml:", "scope.yaml:1:21: `X` cannot be a namespace", "answers/twice.yaml:2"] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        assert!(text.contains("answers/two.yaml:"), "{text}");
        // Words for people, and not of a library.
        for part in ["answers/own.yaml", "DuplicateKeyPolicy", "from_str_multiple", "error: line"] {
            assert!(!text.contains(part), "{part} in\n{text}");
        }
    }
}
