//! Records that somebody laid something into, and the order of what lies in one second.

use std::path::Path;

use kube_hipaa::bundle::{Expected, verify};
use kube_hipaa::history::store::{Store, StoreVerdict};
use serde_json::Value;

use crate::cli::{code, run, stderr, stdout};
use crate::support::bundles::{SMALL, evidence, zipped};
use crate::support::record::{Night, add, before, name, put, sealed};

fn open(folder: &Path) -> Store {
    Store::open(folder.to_str().unwrap()).unwrap()
}

fn check(store: &Store) -> StoreVerdict {
    store.check(None, None, |bag| verify(bag, Expected::default())).unwrap()
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

/// The evidence of a folder under the name of a bundle, with its own list of digests and no seal: whoever wrote it could write anything.
#[test]
fn only_sealed_bundles_are_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = evidence("empty", folder.path());
    let files = crate::support::bundles::read(&evidence);
    let assessment: Value = serde_json::from_slice(&files["assessment.json"]).unwrap();
    let (uid, time) = (assessment["cluster"]["uid"].as_str().unwrap(), assessment["collected"]["finished"].as_str().unwrap());
    let record = folder.path().join("record");
    std::fs::create_dir_all(record.join(uid)).unwrap();
    let time = time.split('.').next().unwrap().replace([':', '-', 'Z'], "");
    std::fs::write(record.join(uid).join(format!("{time}Z-000000000000.zip")), zipped(&files)).unwrap();
    let place = record.to_str().unwrap();
    let verdict = json(&run(&["verify", place, "--format", "json"]));
    let bundle = &verdict["clusters"][0]["bundles"][0];
    assert_eq!(
        (&verdict["whole"], &bundle["whole"], &bundle["problems"][0]["file"]),
        (&false.into(), &false.into(), &"tagmanifest-sha256.txt".into())
    );
    assert!(bundle["problems"][0]["what"].as_str().unwrap().contains("holds sealed bundles only"), "{bundle}");
    for more in [&[][..], &["--require-signature"], &["--require-timestamp"], &["--format", "prometheus"]] {
        let output = run(&[&["verify", place], more].concat());
        assert_eq!(code(&output), 5, "{more:?}: {}", stdout(&output));
        assert!(!stdout(&output).contains("_intact{") || stdout(&output).contains("\"} 0"), "{}", stdout(&output));
    }
    // What is required of evidence is not there; it is no advice to require less.
    let evidence = evidence.to_str().unwrap();
    for (more, what) in [
        (&["--require-signature"][..], "a signature is required"),
        (&["--require-timestamp"], "a timestamp is required"),
        (&["--id", &"0".repeat(64)], "a bundle is expected"),
    ] {
        let output = run(&[&["verify", evidence], more].concat());
        assert_eq!(code(&output), 5, "{more:?}: {}{}", stdout(&output), stderr(&output));
        assert!(stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ").contains(what), "{more:?}: {}", stdout(&output));
    }
    // It is whole, and no chain.
    let output = run(&["verify", evidence, "--format", "prometheus"]);
    assert!(code(&output) == 0 && stdout(&output).matches("\"} 0\n").count() >= 2, "{}", stdout(&output));
}

/// Two files at its top do not turn a record into evidence that is only compared with its own list.
#[test]
fn nothing_beside_a_record_hides_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let night = add(&store, SMALL, "2026-11-28T03:00:00Z");
    let at = folder.path().join(SMALL).join(name(&night));
    let assessment = std::fs::read(evidence("empty", tempfile::tempdir().unwrap().path()).join("assessment.json")).unwrap();
    let beside = |bytes: &[u8]| {
        let path = format!("{SMALL}/{}", name(&night));
        let files = [("assessment.json".to_owned(), assessment.clone()), (path, bytes.to_vec())].into_iter().collect();
        std::fs::write(folder.path().join("manifest-sha256.txt"), crate::support::bundles::listed(&files)).unwrap();
        std::fs::write(folder.path().join("assessment.json"), &assessment).unwrap();
        std::fs::write(folder.path().join("bagit.txt"), "").unwrap();
        run(&["verify", folder.path().to_str().unwrap()])
    };
    let output = beside(&night.zip);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    for stray in ["assessment.json", "bagit.txt", "manifest-sha256.txt"] {
        assert!(stdout(&output).contains(&format!("{stray} is no bundle, and was not read")), "{}", stdout(&output));
    }
    let mut damaged = night.zip.clone();
    damaged[night.zip.len() / 2] ^= 1;
    std::fs::write(&at, &damaged).unwrap();
    for more in [&[][..], &["--format", "prometheus"]] {
        let output = beside(&damaged);
        assert_eq!(code(&output), 5, "{more:?}: {}", stdout(&output));
    }
    // A record from which every bundle was taken is one still, and no bundle was verified.
    std::fs::remove_file(&at).unwrap();
    let output = run(&["verify", folder.path().to_str().unwrap(), "--format", "prometheus"]);
    assert_eq!(code(&output), 5);
    assert!(
        stdout(&output).contains(&format!("kube_hipaa_chain_bundles{{cluster_uid=\"{SMALL}\",cluster=\"\"}} 0")),
        "{}",
        stdout(&output)
    );
    let empty = tempfile::tempdir().unwrap();
    let output = run(&["verify", empty.path().to_str().unwrap(), "--format", "prometheus"]);
    assert!(code(&output) == 5 && !stdout(&output).contains("} 1"), "{}", stdout(&output));
}

/// What lies behind a link `verify` does not look at, so that nothing is written there.
#[cfg(unix)]
#[test]
fn the_folder_of_a_cluster_is_no_link() {
    let folder = tempfile::tempdir().unwrap();
    let (record, disk) = (folder.path().join("record"), folder.path().join("disk"));
    std::fs::create_dir(&record).unwrap();
    std::fs::create_dir(&disk).unwrap();
    std::os::unix::fs::symlink(&disk, record.join(SMALL)).unwrap();
    let store = open(&record);
    for error in [
        store.following(SMALL, "20261128T030000Z").unwrap_err(),
        put(&store, SMALL, &sealed(SMALL, "2026-11-28T03:00:00Z", None)).unwrap_err(),
    ] {
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert!(source.contains("is a symbolic link"), "{error}: {source}");
    }
    assert_eq!(std::fs::read_dir(&disk).unwrap().count(), 0);
    let output = run(&["verify", record.to_str().unwrap()]);
    assert!(code(&output) == 5 && stdout(&output).contains("is no folder: nothing in it was verified"), "{}", stdout(&output));
}

/// Names of a second say nothing of their order: what follows what does.
#[test]
fn bundles_of_one_second_stand_as_they_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add(&store, SMALL, "2026-11-27T03:00:00Z");
    let all: Vec<Night> = (0..20).map(|_| add(&store, SMALL, "2026-11-28T03:00:00Z")).collect();
    for (night, following) in all.iter().zip(&all[1..]) {
        assert_eq!(following.previous, Some(before(night)), "the chain does not fork by itself");
    }
    let expected: Vec<String> = all.iter().map(name).collect();
    let verdict = check(&store);
    assert!(verdict.whole, "{verdict:#?}");
    assert!(verdict.clusters[0].bundles.iter().skip(1).map(|bundle| &bundle.name).eq(&expected));
    assert!(store.bundles(SMALL).unwrap().iter().skip(1).map(|entry| &entry.name).eq(&expected));
    let following = store.following(SMALL, "20261128T030000Z").unwrap();
    assert!(following.same.iter().map(|same| &same.entry.name).eq(&expected));
    assert_eq!(following.previous, Some(before(&all[19])));
    let output = run(&["verify", folder.path().to_str().unwrap()]);
    assert!(stdout(&output).contains(&format!("Newest    {}", expected[19])), "{}", stdout(&output));
    // Also where others that cannot be read lie between.
    std::fs::write(folder.path().join(SMALL).join("20261128T030000Z-7fffffffffff.zip"), "").unwrap();
    assert_eq!(store.following(SMALL, "20261129T030000Z").unwrap().previous, Some(before(&all[19])));
}

/// The same snapshot in the scopes that people tried: each is added once, and says itself what is new since the one before.
#[test]
fn a_snapshot_that_is_assessed_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let scopes = [
        &["imaging"][..],
        &["billing"],
        &["imaging", "billing"],
        &["patient-records"],
        &["imaging", "patient-records"],
        &["integration-engine"],
    ];
    let assessing = |scope: &[&str]| {
        let flags: Vec<&str> = scope.iter().flat_map(|name| ["--ephi-namespace", name]).collect();
        let output = run(&[&["assess", "examples/clinic-snapshot.zip", "-q", "--allow-incomplete", "--store", place], &flags[..]].concat());
        assert!([0, 1].contains(&code(&output)), "{}", stderr(&output));
    };
    scopes.iter().for_each(|scope| assessing(scope));
    let store = open(folder.path());
    let cluster = store.clusters().unwrap().remove(0);
    let all = store.bundles(&cluster).unwrap();
    assert_eq!(all.len(), scopes.len());
    for (entry, before) in all.iter().zip([None].into_iter().chain(all.iter().map(Some))) {
        let named = |file: &str| -> Value { serde_json::from_slice(&store.member(entry, file, 1 << 24).unwrap().unwrap()).unwrap() };
        let expected = before.map_or(Value::Null, |before| before.name.clone().into());
        assert_eq!((&named("data/previous.json")["name"], &named("data/since.json")["previous"]["name"]), (&expected, &expected));
    }
    assert!(check(&store).whole);
    // Each is there already, wherever it stands in the chain.
    scopes.iter().for_each(|scope| assessing(scope));
    assert_eq!(store.bundles(&cluster).unwrap().len(), scopes.len());
}

/// Whoever can write names into a record must not be able to end it, and is not passed over in silence.
#[test]
fn names_of_the_future_do_not_end_a_record() {
    let folder = tempfile::tempdir().unwrap();
    let (record, snapshot) = (folder.path().join("record"), "tests/golden/empty-cluster.zip");
    std::fs::create_dir(&record).unwrap();
    let place = record.to_str().unwrap();
    assert_eq!(code(&run(&["assess", snapshot, "-q", "--store", place])), 0);
    let store = open(&record);
    let cluster = store.clusters().unwrap().remove(0);
    for number in 0..40 {
        std::fs::write(record.join(&cluster).join(format!("20990101T0000{number:02}Z-{number:012x}.zip")), "").unwrap();
    }
    let first = store.bundles(&cluster).unwrap().remove(0);
    // Weeks and years later, too.
    for time in ["20270101T000000Z", "20300101T000000Z"] {
        let following = store.following(&cluster, time).unwrap();
        assert_eq!((following.previous.unwrap().name, following.notes.len()), (first.name.clone(), 40), "{time}");
    }
    let output = run(&["assess", snapshot, "-q", "--store", place, "--ephi-namespace", "default"]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stderr(&output).matches("is not followed").count() == 40, "{}", stderr(&output));
}
