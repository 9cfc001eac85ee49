//! Bundles: one of the clinic, one of the empty cluster, and very small ones.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use kube_hipaa::bundle::{
    About, AssessmentHead, Bag, Digested, Expected, MANIFEST, Packer, Previous, Summary, Verdict, list, tag_files, verify,
};
use kube_hipaa::digest::{sha256_hex, sha256_parts};
use kube_hipaa::snapshot::Snapshot;
use serde_json::json;

use super::program::{kube_hipaa, said};

/// Name to content.
pub type Files = BTreeMap<String, Vec<u8>>;

fn made() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = MADE.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let clinic = folder.path().join("clinic");
        let output = kube_hipaa(["demo", "-q", "-o", clinic.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        // An assessment leaves the snapshot where it was; a scan keeps it, and lists it.
        let empty = folder.path().join("empty");
        let output = kube_hipaa(["assess", "tests/golden/empty-cluster.zip", "-q", "-o", empty.to_str().unwrap()]);
        assert!(output.status.success(), "{}", said(&output));
        let snapshot = Snapshot::open(Path::new("tests/golden/empty-cluster.zip")).unwrap();
        std::fs::create_dir(empty.join("snapshot")).unwrap();
        for name in snapshot.files() {
            let mut file = std::fs::File::create(empty.join("snapshot").join(&name)).unwrap();
            snapshot.copy(&name, &mut file).unwrap();
        }
        let mut files = read(&empty);
        files.remove(MANIFEST);
        std::fs::write(empty.join(MANIFEST), listed(&files)).unwrap();
        for name in ["clinic", "empty"] {
            seal(&folder.path().join(name), &folder.path().join(format!("{name}.bundle")), &[]);
        }
        folder
    });
    folder.path()
}

/// A copy of an evidence folder, `clinic` or `empty`.
pub fn evidence(name: &str, to: &Path) -> PathBuf {
    let place = to.join(name);
    write(&place, &read(&made().join(name)));
    place
}

/// The files of a bundle that the program sealed.
pub fn sealed(name: &str) -> Files {
    read(&made().join(format!("{name}.bundle")))
}

/// Runs `bundle`.
pub fn seal(evidence: &Path, to: &Path, more: &[&str]) -> Output {
    let output = kube_hipaa([&["bundle", evidence.to_str().unwrap(), "-o", to.to_str().unwrap()], more].concat());
    assert!(output.status.success(), "{}", said(&output));
    output
}

/// Every file below a folder.
pub fn read(folder: &Path) -> Files {
    fn walk(folder: &Path, prefix: &str, into: &mut Files) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                walk(&entry.path(), &format!("{name}/"), into);
            } else {
                into.insert(name, std::fs::read(entry.path()).unwrap());
            }
        }
    }
    let mut files = Files::new();
    walk(folder, "", &mut files);
    files
}

/// Writes files below a folder.
pub fn write(folder: &Path, files: &Files) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, bytes) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

/// The list of digests of these files.
pub fn listed(files: &Files) -> Vec<u8> {
    let digests: BTreeMap<String, String> = files.iter().map(|(name, bytes)| (name.clone(), sha256_hex(bytes))).collect();
    list(&digests).into_bytes()
}

/// As the program packs it.
pub fn zipped(files: &Files) -> Vec<u8> {
    let mut packer = Packer::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        packer.add(&format!("base/{name}"), bytes.as_slice()).unwrap();
    }
    packer.finish().unwrap().into_inner()
}

/// What `verify` says.
pub fn verified(files: &Files) -> Verdict {
    verify(&Bag::in_memory(files.clone()), Expected::default()).unwrap()
}

/// What `verify` says of an archive.
pub fn verified_zip(bytes: Vec<u8>) -> Verdict {
    verify(&Bag::from_zip_bytes(bytes).unwrap(), Expected::default()).unwrap()
}

/// Kind and file of every problem.
pub fn problems(verdict: &Verdict) -> Vec<String> {
    verdict.problems.iter().map(|problem| format!("{} {}", problem.kind.word(), problem.file)).collect()
}

/// The second list again, as somebody would who changed one of the files that it names.
pub fn with_tags_rewritten(mut files: Files) -> Files {
    let tags = ["README.txt", "bag-info.txt", "bagit.txt", MANIFEST];
    let tags: Files = tags.iter().filter_map(|name| Some(((*name).to_owned(), files.get(*name)?.clone()))).collect();
    files.insert("tagmanifest-sha256.txt".to_owned(), listed(&tags));
    files
}

/// Both lists again.
pub fn with_lists_rewritten(mut files: Files) -> Files {
    let data: Files =
        files.iter().filter(|(name, _)| name.starts_with("data/")).map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
    files.insert(MANIFEST.to_owned(), listed(&data));
    let oxum = format!("Payload-Oxum: {}.{}\n", data.values().map(Vec::len).sum::<usize>(), data.len());
    let info = &files["bag-info.txt"];
    let at = info.windows(12).position(|part| part == b"Payload-Oxum").unwrap_or(info.len());
    files.insert("bag-info.txt".to_owned(), [&info[..at], oxum.as_bytes()].concat());
    with_tags_rewritten(files)
}

/// The cluster of [`small`].
pub const SMALL: &str = "8a0b6c55-9f43-4d57-8c2e-0d1f0a1b2c3d";

/// A whole bundle of a few hundred bytes a file.
pub fn small(previous: Option<Previous>) -> Files {
    night(SMALL, "2026-11-28T16:03:00Z", previous)
}

/// The same of another cluster or time.
pub fn night(uid: &str, finished: &str, previous: Option<Previous>) -> Files {
    let mut data = Files::new();
    let pods = b"not really gzip, which nothing here unpacks".to_vec();
    let index = json!({"format": "kube-hipaa/snapshot/v1", "sources": [
        {"source": "nodes", "state": "forbidden", "why": "no"},
        {"source": "pods", "state": "read", "count": 1, "file": "core.pods.jsonl.gz", "sha256": sha256_hex(&pods)},
    ]});
    let index = format!("{index:#}\n").into_bytes();
    let rule = b"id: area/rule\n".to_vec();
    let catalog = sha256_parts([b"area/rule.yaml".as_slice(), sha256_hex(&rule).as_bytes()]);
    let assessment = json!({
        "schema": "kube-hipaa/assessment/v1",
        "tool": {"name": "kube-hipaa", "version": "0.1.0", "commit": "test"},
        "catalog": {"version": "0.1.0", "sha256": catalog, "overlays": []},
        "snapshot_sha256": sha256_hex(&index),
        "cluster": {"name": "small", "uid": uid, "server": "https://small"},
        "collected": {"started": "2026-11-28T16:00:00Z", "finished": finished, "identity": {"groups": []}, "requests": 1},
        "totals": {"controls": {"fail": 0, "not_assessed": 0, "manual": 0, "pass": 0, "not_applicable": 0},
                   "findings": {"critical": 0, "high": 0, "medium": 0, "low": 0}, "sources": {}},
        "controls": [],
    });
    let assessment = format!("{assessment:#}\n").into_bytes();
    let head = AssessmentHead::read(assessment.as_slice()).unwrap();
    let summary = serde_json::to_vec_pretty(&Summary::of(&head)).unwrap();
    let previous = serde_json::to_vec_pretty(&previous).unwrap();
    for (name, bytes) in [
        ("assessment.json", assessment),
        ("catalog/built-in/area/rule.yaml", rule),
        ("previous.json", [previous.as_slice(), b"\n"].concat()),
        ("report.md", b"# small\n".to_vec()),
        ("requests.jsonl", b"{\"method\":\"GET\",\"path\":\"/api/v1/pods\",\"status\":200}\n".to_vec()),
        ("snapshot/core.pods.jsonl.gz", pods),
        ("snapshot/index.json", index),
        ("summary.json", summary),
    ] {
        data.insert(format!("data/{name}"), bytes);
    }
    let digests = data.iter().map(|(name, bytes)| (name.clone(), Digested::of(bytes.as_slice()).unwrap())).collect();
    let about = About {
        version: "0.1.0".to_owned(),
        cluster: head.cluster.name,
        uid: head.cluster.uid,
        started: head.collected.started,
        finished: head.collected.finished,
    };
    data.extend(tag_files(&digests, &about).files);
    data
}

/// The second verifier, which knows nothing of the first.
pub fn by_shell(bundle: &Path, more: &[&str]) -> Output {
    Command::new("sh").arg("examples/verify.sh").arg(bundle).args(more).output().unwrap()
}
