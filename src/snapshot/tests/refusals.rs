//! What a snapshot says of itself is not believed without what stands behind it.

use serde_json::{Value, json};

use super::*;

/// A snapshot of five pods in pages of two, whose index was changed by hand.
fn changed(change: impl FnOnce(&mut Value)) -> Result<Snapshot, SnapshotError> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    write(&target, &pods(5));
    let path = target.join(INDEX_FILE);
    let mut index: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut index);
    std::fs::write(&path, index.to_string()).unwrap();
    Snapshot::open(&target)
}

fn refused(expected: &str, change: impl FnOnce(&mut Value)) {
    match changed(change) {
        Err(error @ SnapshotError::Damaged { .. }) => assert!(error.to_string().contains(expected), "{error}"),
        other => panic!("not refused for `{expected}`: {other:?}"),
    }
}

fn without_its_file(record: &mut Value) {
    record.as_object_mut().unwrap().retain(|key, _| key != "file" && key != "sha256");
}

#[test]
fn a_count_without_a_file_is_refused() {
    refused("pods has 5 objects and no file", |index| without_its_file(&mut index["sources"][0]));
}

#[test]
fn a_count_that_differs_from_the_pages_is_refused() {
    refused("pods has 100000 objects and its pages 5", |index| index["sources"][0]["count"] = json!(100_000));
    refused("pods has 5 objects and its pages 0", |index| index["sources"][0]["pages"] = json!([]));
    refused("its pages more than can be counted", |index| {
        index["sources"][0]["pages"][0]["items"] = json!(u64::MAX);
    });
}

#[test]
fn a_page_of_a_request_that_was_not_made_is_refused() {
    refused("names the request 999999", |index| index["sources"][0]["pages"][0]["request"] = json!(999_999));
}

#[test]
fn two_records_of_one_source_are_refused() {
    refused("pods has two records", |index| {
        let mut first = index["sources"][0].clone();
        without_its_file(&mut first);
        (first["count"], first["pages"]) = (json!(0), json!([]));
        index["sources"].as_array_mut().unwrap().insert(0, first);
    });
}

#[test]
fn a_file_of_what_was_not_read_is_refused() {
    refused("pods has a file and its state is forbidden", |index| {
        index["sources"][0]["state"] = json!("forbidden");
        index["sources"][0]["why"] = json!("no");
        index["sources"][0]["pages"] = json!([]);
    });
}

#[test]
fn the_kinds_of_a_group_are_counted_by_their_records() {
    let group = |count: u64| {
        move |index: &mut Value| {
            let all = index["sources"].as_array_mut().unwrap();
            all.insert(0, json!({"source": "*.constraints.gatekeeper.sh", "state": "read", "count": count}));
            all.insert(1, json!({"source": "k8srequiredlabels.constraints.gatekeeper.sh", "state": "read", "count": 0}));
        }
    };
    assert!(changed(group(1)).is_ok());
    refused("counts 2 kinds, and 1 have a record", group(2));
}

#[test]
fn an_archive_that_unpacks_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let big = format!("\"{}\"", "x".repeat(1_000_000));
    write(&target, &[big.clone(), big]);
    assert_eq!(Snapshot::open(&target).unwrap().objects(&PODS).unwrap().filter(Result::is_ok).count(), 2);
    let small = Snapshot::open_within(&target, 1_500_000).unwrap();
    let last = small.objects(&PODS).unwrap().last();
    assert!(matches!(&last, Some(Err(SnapshotError::Damaged { why, .. })) if why.contains("more than 1500000 bytes")), "{last:?}");
    // Reading the same file twice is no more than reading it once.
    let enough = Snapshot::open_within(&target, 2_500_000).unwrap();
    for _ in 0..3 {
        assert!(enough.objects(&PODS).unwrap().all(|object| object.is_ok()));
    }
}

#[test]
fn a_zip_whose_entries_unpack_without_end_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("mine"), &pods(3));
    let index = std::fs::read(folder.path().join("mine").join(INDEX_FILE)).unwrap();
    let zip = folder.path().join("bomb.zip");
    std::fs::write(&zip, deflated_zip(&[("index.json", index), ("core.pods.jsonl.gz", vec![0; 3_000_000])])).unwrap();
    let error = Snapshot::open_within(&zip, 1_000_000).unwrap_err();
    assert!(error.to_string().contains("more than 1000000 bytes"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    write(&target, &pods(1));
    for name in ["core.pods.jsonl.gz", INDEX_FILE] {
        let (file, elsewhere) = (target.join(name), folder.path().join(name));
        std::fs::rename(&file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        let error = Snapshot::open(&target).unwrap_err();
        assert!(matches!(error, SnapshotError::Damaged { .. }) && error.to_string().contains("not a regular file"), "{error}");
        std::fs::remove_file(&file).unwrap();
        std::fs::rename(&elsewhere, &file).unwrap();
    }
    // A pipe that nobody writes to would block for ever.
    let socket = folder.path().join("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(matches!(Snapshot::open(&socket), Err(SnapshotError::NotASnapshot { .. })));
    assert!(Snapshot::open(&target).is_ok());
}
