//! Every way to tamper with a bundle is seen, with the name of the file, by the program and by the script with standard tools.

use std::path::Path;

use kube_hipaa::bundle::{Bag, Expected, Previous, verify};

use crate::cli::{code, run, stdout};
use crate::support::bundles::{
    self, Files, by_shell, problems, sealed, small, verified, verified_zip, with_lists_rewritten, with_tags_rewritten, write, zipped,
};

/// Says what both verifiers say of these files, in the form of a folder and of an archive.
fn both(name: &str, files: &Files, expected: &[&str]) {
    let verdict = verified(files);
    assert!(!verdict.whole, "{name}");
    let found = problems(&verdict);
    for problem in expected {
        assert!(found.iter().any(|found| found == problem), "{name}: {problem} is not among {found:?}");
    }
    let packed = verified_zip(zipped(files));
    assert!(!packed.whole, "{name} as an archive");
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("bag"), files);
    std::fs::write(folder.path().join("bag.zip"), zipped(files)).unwrap();
    for place in ["bag", "bag.zip"] {
        let shell = by_shell(&folder.path().join(place), &[]);
        let said = stdout(&shell);
        assert_eq!(code(&shell), 5, "{name}, {place}: {said}");
        for problem in expected {
            let file = problem.rsplit(' ').next().unwrap();
            assert!(said.contains(file), "{name}, {place}: {file} is not in\n{said}");
        }
    }
}

fn changed(change: impl FnOnce(&mut Files)) -> Files {
    let mut files = small(None);
    change(&mut files);
    files
}

fn text(files: &Files, name: &str) -> String {
    String::from_utf8(files[name].clone()).unwrap()
}

#[test]
fn a_whole_bundle_passes_both() {
    let folder = tempfile::tempdir().unwrap();
    for (name, files) in
        [("small", small(None)), ("before", small(Some(Previous::new("a b.zip", &"a".repeat(64))))), ("empty", sealed("empty"))]
    {
        assert!(verified(&files).whole && verified_zip(zipped(&files)).whole, "{name}: {:?}", verified(&files).problems);
        write(&folder.path().join(name), &files);
        let zip = folder.path().join(format!("{name}.zip"));
        std::fs::write(&zip, zipped(&files)).unwrap();
        for place in [folder.path().join(name), zip] {
            let shell = by_shell(&place, &[]);
            assert_eq!(code(&shell), 0, "{name}: {}{}", stdout(&shell), String::from_utf8_lossy(&shell.stderr));
        }
    }
}

#[test]
fn files_that_were_changed_removed_added_or_renamed() {
    both("changed", &changed(|files| files.get_mut("data/report.md").unwrap()[2] ^= 1), &["altered data/report.md"]);
    both(
        "longer",
        &changed(|files| files.get_mut("data/report.md").unwrap().push(b'\n')),
        &["altered data/report.md", "list bag-info.txt"],
    );
    both("empty", &changed(|files| files.get_mut("data/report.md").unwrap().clear()), &["altered data/report.md"]);
    both("removed", &changed(|files| drop(files.remove("data/report.md"))), &["missing data/report.md"]);
    both("added", &changed(|files| drop(files.insert("data/more.txt".into(), b"x".to_vec()))), &["added data/more.txt"]);
    both("added beside", &changed(|files| drop(files.insert("more.txt".into(), b"x".to_vec()))), &["added more.txt"]);
    both("a desktop", &changed(|files| drop(files.insert(".DS_Store".into(), b"x".to_vec()))), &["added .DS_Store"]);
    let renamed = changed(|files| {
        let report = files.remove("data/report.md").unwrap();
        files.insert("data/Report.md".into(), report);
    });
    both("renamed", &renamed, &["missing data/report.md", "added data/Report.md"]);
    assert!(verified(&renamed).problems.iter().any(|problem| problem.what.contains("it has the content of data/report.md")));
    let exchanged = changed(|files| {
        let (one, other) = (files["data/report.md"].clone(), files["data/previous.json"].clone());
        files.insert("data/report.md".into(), other);
        files.insert("data/previous.json".into(), one);
    });
    both("exchanged", &exchanged, &["altered data/report.md", "altered data/previous.json"]);
    for name in ["bagit.txt", "bag-info.txt", "README.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"] {
        both("removed", &changed(|files| drop(files.remove(name))), &[&format!("missing {name}")]);
    }
    for name in ["bagit.txt", "bag-info.txt", "README.txt"] {
        both("changed", &changed(|files| files.get_mut(name).unwrap()[3] ^= 1), &[&format!("altered {name}")]);
    }
}

#[test]
fn any_file_of_the_evidence_that_was_replaced() {
    let files = sealed("empty");
    for name in files.keys().filter(|name| name.starts_with("data/")) {
        let mut replaced = files.clone();
        replaced.insert(name.clone(), b"null\n ".to_vec());
        let verdict = verified(&replaced);
        assert!(problems(&verdict).contains(&format!("altered {name}")), "{name}: {:?}", verdict.problems);
    }
}

#[test]
fn lists_that_were_written_again() {
    // The list of files, and not the list that names it.
    let altered = changed(|files| {
        files.get_mut("data/report.md").unwrap()[2] ^= 1;
        let again = with_lists_rewritten(files.clone());
        files.insert("manifest-sha256.txt".into(), again["manifest-sha256.txt"].clone());
    });
    both("manifest", &altered, &["altered manifest-sha256.txt"]);
    // The other way round.
    let other = with_lists_rewritten(changed(|files| files.get_mut("data/report.md").unwrap()[2] ^= 1));
    let tags = changed(|files| drop(files.insert("tagmanifest-sha256.txt".into(), other["tagmanifest-sha256.txt"].clone())));
    both("tags", &tags, &["altered manifest-sha256.txt"]);
    // Each in another form, which would be another id for the same files.
    for (form, change) in [
        ("two spaces", (|text: &str| text.replacen("  ", " *", 1)) as fn(&str) -> String),
        ("line ends", |text| text.replace('\n', "\r\n")),
        ("upper case", |text| text.to_uppercase().replace(".TXT", ".txt")),
        ("twice", |text| format!("{text}{}\n", text.lines().last().unwrap())),
        ("order", |text| text.lines().rev().map(|line| format!("{line}\n")).collect()),
        ("cut", |text| text.trim_end().to_owned()),
        ("a line more", |text| format!("{text}\n")),
        ("elsewhere", |text| format!("{text}{}  ../../etc/passwd\n", "0".repeat(64))),
    ] {
        let list = changed(|files| {
            drop(files.insert("tagmanifest-sha256.txt".into(), change(&text(files, "tagmanifest-sha256.txt")).into_bytes()))
        });
        both(form, &list, &["list tagmanifest-sha256.txt"]);
        let list =
            changed(|files| drop(files.insert("manifest-sha256.txt".into(), change(&text(files, "manifest-sha256.txt")).into_bytes())));
        both(form, &with_tags_rewritten(list), &["list manifest-sha256.txt"]);
    }
    // What it counts.
    let oxum = changed(|files| {
        let info = text(files, "bag-info.txt");
        let last = info.lines().last().unwrap().to_owned();
        files.insert("bag-info.txt".into(), info.replace(&last, "Payload-Oxum: 1.1").into_bytes());
    });
    both("oxum", &with_tags_rewritten(oxum), &["list bag-info.txt"]);
}

/// Everything that is in the bundle can be made anew by whoever can write it; then it is another bundle.
#[test]
fn both_lists_written_again_make_another_id() {
    let honest = small(None);
    let forged = with_lists_rewritten(changed(|files| files.get_mut("data/report.md").unwrap()[2] ^= 1));
    let verdict = verified(&forged);
    let id = verified(&honest).id.unwrap();
    assert!(verdict.whole && verdict.id.as_deref() != Some(id.as_str()), "it is whole, and another one");
    // Who noted the id sees it.
    let with_id = verify(&Bag::in_memory(forged.clone()), Expected { id: Some(&id), ..Expected::default() }).unwrap();
    assert_eq!(problems(&with_id), ["chain tagmanifest-sha256.txt"]);
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("forged"), &forged);
    assert_eq!(code(&by_shell(&folder.path().join("forged"), &[&id])), 5);
    // So does who has the next one.
    write(&folder.path().join("next"), &small(Some(Previous::new("honest.zip", &id))));
    write(&folder.path().join("honest"), &honest);
    let at = |name: &str| folder.path().join(name).display().to_string();
    assert_eq!(code(&run(&["verify", &at("next"), "--previous", &at("honest")])), 0);
    let output = run(&["verify", &at("next"), "--previous", &at("forged")]);
    assert_eq!(code(&output), 5);
    assert!(stdout(&output).contains("data/previous.json"), "{}", stdout(&output));
}

/// With new lists, too: the assessment names its snapshot, and that its files.
#[test]
fn files_that_were_swapped_between_bundles() {
    let (one, other) = (sealed("empty"), sealed("clinic"));
    let swap = |name: &str| {
        let mut files = one.clone();
        files.insert(name.to_owned(), other[name].clone());
        files
    };
    for name in [
        "data/snapshot/index.json",
        "data/assessment.json",
        "data/report.html",
        "data/snapshot/core.namespaces.jsonl.gz",
        "data/summary.json",
    ] {
        let found = problems(&verified(&swap(name)));
        assert!(found.contains(&format!("altered {name}")), "{name}: {found:?}");
    }
    both("index", &with_lists_rewritten(swap("data/snapshot/index.json")), &["mixed data/snapshot/index.json"]);
    both(
        "namespaces",
        &with_lists_rewritten(swap("data/snapshot/core.namespaces.jsonl.gz")),
        &["mixed data/snapshot/core.namespaces.jsonl.gz"],
    );
    let found = problems(&verified(&with_lists_rewritten(swap("data/assessment.json"))));
    for problem in ["mixed data/snapshot/index.json", "mixed data/summary.json", "mixed bag-info.txt"] {
        assert!(found.iter().any(|found| found == problem), "{problem}: {found:?}");
    }
    assert_eq!(problems(&verified(&with_lists_rewritten(swap("data/summary.json")))), ["mixed data/summary.json"]);
    let rule = "data/catalog/built-in/pod/privileged-container.yaml";
    let mut weaker = one.clone();
    weaker.get_mut(rule).unwrap().push(b'\n');
    assert_eq!(problems(&verified(&with_lists_rewritten(weaker))), ["mixed data/catalog/"]);
    let mut more = one.clone();
    more.insert("data/catalog/more.yaml".into(), b"x".to_vec());
    assert_eq!(problems(&verified(&with_lists_rewritten(more))), ["mixed data/catalog/"]);
    let mut stray = one;
    stray.insert("data/snapshot/core.secrets.jsonl.gz".into(), b"x".to_vec());
    both("stray", &with_lists_rewritten(stray), &["mixed data/snapshot/core.secrets.jsonl.gz"]);
}

#[test]
fn a_broken_link_to_the_bundle_before() {
    for link in ["", "{}", "{\"name\": \"x\"}", "{\n  \"name\": \"x\",\n  \"id\": \"short\"\n}\n", "[]", "nul"] {
        let broken = changed(|files| drop(files.insert("data/previous.json".into(), link.as_bytes().to_vec())));
        both(link, &with_lists_rewritten(broken), &["chain data/previous.json"]);
    }
}

/// Documents have one form, so that whoever reads lines and whoever reads JSON see the same. Every list fits.
#[test]
fn documents_in_another_form_with_lists_that_fit() {
    let other = |name: &'static str, change: &dyn Fn(&str) -> String| {
        let files = changed(|files| {
            let again = change(&text(files, name));
            assert_ne!(again, text(files, name), "nothing was changed");
            if name == "data/snapshot/index.json" {
                let digest = |files: &Files| kube_hipaa::digest::sha256_hex(&files[name]);
                let before = digest(files);
                files.insert(name.into(), again.into_bytes());
                for about in ["data/assessment.json", "data/summary.json"] {
                    let about_it = text(files, about).replace(&before, &digest(files));
                    files.insert(about.into(), about_it.into_bytes());
                }
            } else {
                files.insert(name.into(), again.into_bytes());
            }
        });
        with_lists_rewritten(files)
    };
    let assessment = "data/assessment.json";
    let at_end = |more: &'static str| move |text: &str| format!("{},\n  {more}\n}}\n", text.trim_end().strip_suffix("\n}").unwrap());
    for (what, change) in [
        ("hypothetical behind all else", &at_end("\"hypothetical\": {}") as &dyn Fn(&str) -> String),
        ("hypothetical before all else", &|text: &str| text.replacen('{', "{\n  \"hypothetical\": null,", 1)),
        ("compact", &|text| format!("{}\n", serde_json::from_str::<serde_json::Value>(text).unwrap())),
        ("cut", &|text| text[..text.len() / 2].to_owned()),
        ("garbage behind", &|text| format!("{text}garbage")),
        ("a line behind", &|text| format!("{text}{{}}\n")),
        ("another cluster before", &|text| text.replacen('{', "{\n  \"cluster\": {\n    \"name\": \"x\",\n    \"server\": \"y\"\n  },", 1)),
        ("a time behind", &at_end("\"collected\": {\n    \"finished\": \"2020-01-01T00:00:00Z\"\n  }")),
        (
            "a file of a workspace that is not there",
            &at_end("\"workspace\": {\n    \"files\": {\n      \"answers/a.yaml\": \"00\"\n    }\n  }"),
        ),
        ("no UTF-8", &|text| text.replace("https://small", "https://sm\u{1}ll")),
        ("line ends", &|text| text.replace('\n', "\r\n")),
        ("a time that is none", &|text| text.replace("2026-11-28T16:03:00Z", "2026-11-28T25:03:00Z")),
        ("a day that is none", &|text| text.replace("2026-11-28T16:00:00Z", "2026-02-29T16:00:00Z")),
        ("another zone", &|text| text.replace("2026-11-28T16:03:00Z", "2026-11-28T16:03:00+14:00")),
        ("no time", &|text| text.replace("2026-11-28T16:03:00Z", "2026-11-28 yesterday")),
    ] {
        both(
            what,
            &other(assessment, change),
            &["mixed data/assessment.json"].into_iter().filter(|_| !what.contains("workspace")).collect::<Vec<_>>(),
        );
    }
    let index = "data/snapshot/index.json";
    both(
        "a compact index",
        &other(index, &|text| format!("{}\n", serde_json::from_str::<serde_json::Value>(text).unwrap())),
        &["mixed data/snapshot/index.json"],
    );
    both("an index with more behind", &other(index, &|text| format!("{text}x\n")), &["mixed data/snapshot/index.json"]);
    let id = "a".repeat(64);
    for previous in [
        " null ".to_owned(),
        "null".to_owned(),
        format!("{{\"name\":\"x\",\"id\":\"{id}\"}}"),
        format!("{{\n  \"name\": \"\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"../x\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"x\\u0007\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"x\u{85}\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"{}\",\n  \"id\": \"{id}\"\n}}\n", "\u{e9}".repeat(256)),
        format!("{{\n  \"name\": \"x\",\n  \"id\": \"{id}\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"x\",\n  \"name\": \"y\",\n  \"id\": \"{id}\"\n}}\n"),
        format!("{{\n  \"name\": \"x\",\n  \"id\": \"{id}\"\n"),
        format!("{{\n  \"name\": \"x\",\n  \"id\": \"{id}\",\n  \"more\": 1\n}}\n"),
    ] {
        let files = changed(|files| drop(files.insert("data/previous.json".into(), previous.clone().into_bytes())));
        both(&previous, &with_lists_rewritten(files), &["chain data/previous.json"]);
    }
    for name in ["a b.zip", "o\"\\x.zip", &"\u{e9}".repeat(255), "$(id) %s"] {
        let folder = tempfile::tempdir().unwrap();
        let files = small(Some(Previous::new(name, &id)));
        assert!(verified(&files).whole, "{name}");
        write(folder.path(), &files);
        assert_eq!(code(&by_shell(folder.path(), &[])), 0, "{name}");
    }
}

/// With lists that fit: what every bundle has, and the only folders that it has.
#[test]
fn files_that_belong_to_no_bundle_or_to_every_one() {
    let again = |change: &dyn Fn(&mut Files)| with_lists_rewritten(changed(|files| change(files)));
    both("no requests", &again(&|files| drop(files.remove("data/requests.jsonl"))), &["missing data/requests.jsonl"]);
    both("a folder", &again(&|files| drop(files.insert("data/strange/x.sh".into(), b"x".to_vec()))), &["added data/strange/x.sh"]);
    both(
        "a workspace",
        &again(&|files| drop(files.insert("data/workspace/x.yaml".into(), b"x".to_vec()))),
        &["mixed data/workspace/x.yaml"],
    );
}

/// An answer of people that was replaced or taken away: the assessment names every file of the workspace by its digest.
#[test]
fn a_file_of_the_workspace_that_was_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    std::fs::create_dir(at("record")).unwrap();
    let output = run(&["assess", "examples/clinic-snapshot.zip", "-w", "examples/workspace", "-q", "--store", &at("record")]);
    assert!([0, 1, 4].contains(&code(&output)), "{}", String::from_utf8_lossy(&output.stderr));
    let zip = bundles::read(Path::new(&at("record"))).into_values().next().unwrap();
    std::fs::write(at("a.zip"), &zip).unwrap();
    let shell = by_shell(Path::new(&at("a.zip")), &[]);
    assert_eq!(code(&shell), 0, "{}", stdout(&shell));
    assert!(std::process::Command::new("unzip").args(["-q", &at("a.zip"), "-d", &at("unpacked")]).status().unwrap().success());
    let unpacked = std::fs::read_dir(at("unpacked")).unwrap().next().unwrap().unwrap().path();
    let files = bundles::read(&unpacked);
    let answer = files.keys().find(|name| name.starts_with("data/workspace/answers/")).unwrap().clone();
    let mut better = files.clone();
    better.get_mut(&answer).unwrap().extend_from_slice(b"# better\n");
    both("replaced", &with_lists_rewritten(better), &[&format!("mixed {answer}")]);
    let mut less = files.clone();
    less.remove(&answer);
    both("removed", &with_lists_rewritten(less), &[&format!("missing {answer}")]);
    let mut more = files;
    more.insert("data/workspace/answers/more.yaml".into(), b"x".to_vec());
    both("added", &with_lists_rewritten(more), &["mixed data/workspace/answers/more.yaml"]);
}

#[test]
fn names_that_look_like_others() {
    let twin = |name: &str| {
        let mut files = small(None);
        files.insert(name.to_owned(), files["data/report.md"].clone());
        let verdict = verified(&with_lists_rewritten(files));
        assert!(!verdict.whole, "{name}");
        assert!(
            verdict.problems.iter().any(|problem| problem.file == name || problem.what.contains(name)),
            "{name}: {:?}",
            verdict.problems
        );
    };
    // Upper and lower case; a Cyrillic letter; composed and decomposed; invisible; right to left; what Windows drops.
    for name in [
        "data/REPORT.md",
        "data/r\u{435}port.md",
        "data/re\u{301}port.md",
        "data/r\u{e9}port.md",
        "data/report\u{200b}.md",
        "data/\u{202e}dm.troper",
        "data/report.md ",
        "data\\report.md",
        "data/report.md/below",
    ] {
        twin(name);
    }
    both(
        "case",
        &with_lists_rewritten(changed(|files| drop(files.insert("data/REPORT.md".into(), b"x".to_vec())))),
        &["name data/report.md"],
    );
}

#[test]
fn the_text_for_people_names_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let files = changed(|files| {
        files.get_mut("data/report.md").unwrap()[0] ^= 1;
        files.remove("README.txt");
        files.insert("data/\u{1b}[31mred".into(), b"x".to_vec());
    });
    write(folder.path(), &files);
    let output = run(&["verify", folder.path().to_str().unwrap()]);
    let text = stdout(&output);
    assert_eq!(code(&output), 5, "{text}");
    for part in ["Not what it claims to be: ", "altered   data/report.md", "missing   README.txt", "[31mred"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "names of a stranger are printed, not obeyed");
    assert!(bundles::verified(&files).problems.len() > 3);
}
