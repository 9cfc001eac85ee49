//! Records of bundles in a folder: what is added, what is refused, what a whole record looks like, and what was done to it.

use std::collections::BTreeSet;
use std::path::Path;

use kube_hipaa::bundle::{Expected, Members, Ranges, verify};
use kube_hipaa::history::store::{Entry, LinkKind, Store, StoreVerdict};
use proptest::prelude::*;
use serde_json::Value;

use crate::cli::{assert_error, code, run, stderr, stdout};
use crate::support::bundles::{SMALL, evidence, zipped};
use crate::support::record::{Night, add, before, name, nights, put, sealed};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn open(folder: &Path) -> Store {
    Store::open(folder.to_str().unwrap()).unwrap()
}

fn check(store: &Store) -> StoreVerdict {
    store.check(None, None, |bag| verify(bag, Expected::default())).unwrap()
}

/// Kind and bundle of everything that is wrong with the chain of the only cluster.
fn links(verdict: &StoreVerdict) -> Vec<(LinkKind, String)> {
    verdict.clusters.iter().flat_map(|cluster| &cluster.chain).map(|link| (link.kind, link.bundle.clone())).collect()
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", stdout(output), stderr(output)))
}

#[test]
fn evidence_is_kept_in_a_record_that_only_grows() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("record");
    let place = store.to_str().unwrap();
    let snapshot = "tests/golden/empty-cluster.zip";
    // What usually holds the record may not be mounted: no new one is begun.
    assert_error(&run(&["assess", snapshot, "-q", "--store", place]), 2, "there is no folder", "mkdir -p");
    std::fs::create_dir(&store).unwrap();
    let output = run(&["assess", snapshot, "--store", place]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(text.contains("\nStored    ") && text.contains("the record of this cluster begins here"), "{text}");
    assert!(text.contains("not seen: a folder does not say") && text.contains("nothing is concluded about 164.316(b)(2)(i)"), "{text}");
    let kept = |store: &Path| -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(store).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let [cluster] = kept(&store).try_into().unwrap();
    let [bundle] = kept(&store.join(&cluster)).try_into().unwrap();
    assert!(Entry::parse(&cluster, &bundle, 0).is_some(), "{bundle}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&store.join(&cluster)), mode(&store.join(&cluster).join(&bundle))), (0o700, 0o600), "only its owner");
    }
    // A bundle as any other.
    assert_eq!(code(&run(&["verify", store.join(&cluster).join(&bundle).to_str().unwrap()])), 0);
    // The same again is there already, and does not follow itself.
    for again in 0..2 {
        let output = run(&["assess", snapshot, "--store", &format!("file://{place}")]);
        assert!(stdout(&output).contains("it was there already; read and compared"), "{again}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(kept(&store.join(&cluster)), std::slice::from_ref(&bundle));
    }
    // Another cluster stands beside it.
    let output = run(&["bundle", evidence("clinic", folder.path()).to_str().unwrap(), "--store", place]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert_eq!(kept(&store).len(), 2);
    let output = run(&["verify", place]);
    let text = stdout(&output);
    assert_eq!(code(&output), 0, "{text}");
    assert!(text.contains("2 bundles of 2 clusters") && text.matches("Chain     whole").count() == 2, "{text}");
    let verdict = json(&run(&["verify", place, "--cluster", &cluster, "--format", "json"]));
    assert_eq!((&verdict["whole"], &verdict["bundles"]), (&true.into(), &1.into()));
    let id = verdict["clusters"][0]["bundles"][0]["id"].as_str().unwrap();
    assert_eq!(code(&run(&["verify", place, "--id", id])), 0);
    let output = run(&["verify", place, "--id", &"0".repeat(64)]);
    assert_eq!(code(&output), 5, "what is known from elsewhere is missed");
    assert!(stdout(&output).contains("no whole bundle has the id 000"), "{}", stdout(&output));
    assert_eq!(code(&run(&["verify", place, "--cluster", OTHER])), 5, "a record that is gone is not whole");
    assert_error(&run(&["verify", place, "--previous", "x"]), 2, "--previous does nothing here", "");
    // What was changed is named by cluster, bundle and file.
    let path = store.join(&cluster).join(&bundle);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(9).position(|part| part == b"report.md").unwrap() + 40;
    bytes[at] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let output = run(&["verify", place]);
    assert_eq!(code(&output), 5);
    let text = stdout(&output);
    assert!(text.contains(&bundle) && text.contains("data/report.md") && text.contains("Not what it claims to be"), "{text}");
}

#[test]
fn what_cannot_be_stored_is_not_lost() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("record");
    std::fs::create_dir(&store).unwrap();
    let place = store.to_str().unwrap();
    let snapshot = "tests/golden/empty-cluster.zip";
    assert_eq!(code(&run(&["assess", snapshot, "-q", "--store", place])), 0);
    let cluster = open(&store).clusters().unwrap().remove(0);
    let entry = open(&store).bundles(&cluster).unwrap().remove(0);
    // Something else comes to stand under the name.
    std::fs::write(store.join(entry.path()), "something else").unwrap();
    let output = run(&["assess", snapshot, "-q", "--store", place]);
    assert_eq!(code(&output), 2, "{}", stdout(&output));
    let said = stderr(&output);
    let kept = said.split_once("It is in ").unwrap().1.split_once(';').unwrap().0;
    assert!(Path::new(kept).join("assessment.json").is_file(), "{said}");
    // And can be stored where there is room.
    let second = folder.path().join("second");
    std::fs::create_dir(&second).unwrap();
    assert_eq!(code(&run(&["bundle", kept, "--store", second.to_str().unwrap()])), 0);
    std::fs::remove_dir_all(Path::new(kept).parent().unwrap()).unwrap();
    assert_eq!(std::fs::read(store.join(entry.path())).unwrap(), b"something else", "nothing is ever rewritten");
}

#[test]
fn places_and_flags_that_do_nothing_are_refused() {
    for (place, what) in [
        ("s3://", "names no bucket"),
        ("ftp://x/y", "no store of this kind"),
        ("s3://key:topsecret@host/b", "credentials and settings do not belong into it"),
        ("az://c?sig=topsecret", "credentials and settings do not belong into it"),
        ("s3://bucket", "the environment names no credentials"),
        ("gs://bucket", "the environment names no credentials"),
        ("az://bucket", "the environment names no storage account"),
    ] {
        let output = run(&["assess", "tests/golden/empty-cluster.zip", "-q", "--store", place]);
        assert_error(&output, 2, what, "");
        assert!(!stderr(&output).contains("topsecret"), "{}", stderr(&output));
    }
    let folder = tempfile::tempdir().unwrap();
    let (place, evidence) = (folder.path().to_str().unwrap(), evidence("empty", folder.path()));
    let evidence = evidence.to_str().unwrap();
    assert_error(&run(&["bundle", evidence, "--store", place, "--force"]), 2, "--force does nothing here", "");
    assert_error(&run(&["verify", evidence, "--cluster", SMALL]), 2, "--cluster does nothing here", "");
    for more in [&["-o", "x.zip"][..], &["--previous", "x.zip"]] {
        assert_eq!(code(&run(&[&["bundle", evidence, "--store", place], more].concat())), 2, "{more:?}");
    }
}

#[test]
fn a_chain_is_followed_and_what_was_done_to_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let all: Vec<Night> = (1..=6).map(|day| add(&store, SMALL, &format!("2026-11-0{day}T03:00:00Z"))).collect();
    assert_eq!(
        store.bundles(SMALL).unwrap().iter().map(|entry| entry.name.clone()).collect::<Vec<_>>(),
        all.iter().map(name).collect::<Vec<_>>()
    );
    for (night, following) in all.iter().zip(&all[1..]) {
        assert_eq!(following.previous, Some(before(night)));
    }
    let verdict = check(&store);
    assert!(verdict.whole, "{verdict:#?}");
    let at = |night: &Night| folder.path().join(SMALL).join(name(night));
    let broken = |change: &dyn Fn(), undo: &dyn Fn(), expected: &[(LinkKind, &Night)], damaged: usize| {
        change();
        let verdict = check(&store);
        let mut expected: Vec<(LinkKind, String)> = expected.iter().map(|(kind, night)| (*kind, name(night))).collect();
        let mut found = links(&verdict);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{verdict:#?}");
        assert_eq!(verdict.clusters.iter().flat_map(|cluster| &cluster.bundles).filter(|bundle| !bundle.whole).count(), damaged);
        assert!(!verdict.whole);
        undo();
        assert!(check(&store).whole);
    };
    // One was removed.
    broken(
        &|| std::fs::remove_file(at(&all[2])).unwrap(),
        &|| std::fs::write(at(&all[2]), &all[2].zip).unwrap(),
        &[(LinkKind::Gap, &all[3])],
        0,
    );
    // The first was removed: what remains does not begin.
    broken(
        &|| std::fs::remove_file(at(&all[0])).unwrap(),
        &|| std::fs::write(at(&all[0]), &all[0].zip).unwrap(),
        &[(LinkKind::Gap, &all[1])],
        0,
    );
    // Another bundle of the same time was put in its place, and says that it follows the same one.
    let mut files = sealed(SMALL, "2026-11-03T03:00:00Z", all[2].previous.clone()).files;
    files.insert("data/report.md".to_owned(), b"# nicer\n".to_vec());
    let replaced = crate::support::bundles::with_lists_rewritten(files);
    let replaced = Night {
        id: kube_hipaa::digest::sha256_hex(&replaced["tagmanifest-sha256.txt"]),
        zip: zipped(&replaced),
        files: replaced,
        time: all[2].time.clone(),
        previous: None,
    };
    broken(
        &|| {
            std::fs::remove_file(at(&all[2])).unwrap();
            std::fs::write(at(&replaced), &replaced.zip).unwrap();
        },
        &|| {
            std::fs::remove_file(at(&replaced)).unwrap();
            std::fs::write(at(&all[2]), &all[2].zip).unwrap();
        },
        &[(LinkKind::Gap, &all[3])],
        0,
    );
    // The same under the name of the one that it replaces.
    broken(
        &|| std::fs::write(at(&all[2]), &replaced.zip).unwrap(),
        &|| std::fs::write(at(&all[2]), &all[2].zip).unwrap(),
        &[(LinkKind::Broken, &all[3]), (LinkKind::Name, &all[2])],
        0,
    );
    // Two machines followed the same one.
    let twin = sealed(SMALL, "2026-11-03T03:00:01Z", all[2].previous.clone());
    broken(
        &|| std::fs::write(at(&twin), &twin.zip).unwrap(),
        &|| std::fs::remove_file(at(&twin)).unwrap(),
        &[(LinkKind::Fork, &all[2]), (LinkKind::Fork, &twin)],
        0,
    );
    // A second record was begun in the middle.
    let second = sealed(SMALL, "2026-11-03T04:00:00Z", None);
    broken(
        &|| std::fs::write(at(&second), &second.zip).unwrap(),
        &|| std::fs::remove_file(at(&second)).unwrap(),
        &[(LinkKind::Beginning, &second)],
        0,
    );
    // One that was collected before what it follows: a clock ran backwards, or it was made up.
    let late = sealed(SMALL, "2026-11-05T02:00:00Z", Some(before(&all[5])));
    broken(&|| std::fs::write(at(&late), &late.zip).unwrap(), &|| std::fs::remove_file(at(&late)).unwrap(), &[(LinkKind::Order, &late)], 0);
    // One of another cluster.
    let foreign = sealed(OTHER, "2026-11-07T03:00:00Z", Some(before(&all[5])));
    broken(
        &|| std::fs::write(at(&foreign), &foreign.zip).unwrap(),
        &|| std::fs::remove_file(at(&foreign)).unwrap(),
        &[(LinkKind::Name, &foreign)],
        0,
    );
    // A copy under another time.
    let copy = Night { time: "20261107T030000Z".to_owned(), ..sealed(SMALL, "2026-11-06T03:00:00Z", all[5].previous.clone()) };
    broken(
        &|| std::fs::write(at(&copy), &copy.zip).unwrap(),
        &|| std::fs::remove_file(at(&copy)).unwrap(),
        &[(LinkKind::Name, &all[5]), (LinkKind::Name, &copy), (LinkKind::Fork, &all[5]), (LinkKind::Fork, &copy)],
        0,
    );
    // Not a bundle at all.
    broken(&|| std::fs::write(at(&all[5]), "not an archive").unwrap(), &|| std::fs::write(at(&all[5]), &all[5].zip).unwrap(), &[], 1);
}

#[test]
fn a_record_goes_forward_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = add(&store, SMALL, "2026-11-28T03:00:00Z");
    let error = store.following(SMALL, "20261127T030000Z").unwrap_err();
    assert!(error.to_string().contains(&name(&first)) && error.advice().contains("clock"), "{error}");
    // After years without any the newest is still found.
    let next = add(&store, SMALL, "2029-11-28T03:00:00Z");
    assert_eq!(next.previous, Some(before(&first)));
    // In the same second two can come, and the second follows the first.
    let twin = add(&store, SMALL, "2029-11-28T03:00:00Z");
    assert_eq!(twin.previous, Some(before(&next)));
    // Two runs at once: each is told of the other.
    let here = sealed(SMALL, "2029-11-29T03:00:00Z", Some(before(&twin)));
    let there = sealed(SMALL, "2029-11-29T03:00:02Z", Some(before(&twin)));
    assert!(put(&store, SMALL, &here).unwrap().beside.is_empty());
    assert_eq!(put(&store, SMALL, &there).unwrap().beside, [name(&here)]);
}

#[test]
fn a_damaged_bundle_does_not_end_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let first = add(&store, SMALL, "2026-11-27T03:00:00Z");
    let second = add(&store, SMALL, "2026-11-28T03:00:00Z");
    std::fs::write(folder.path().join(SMALL).join(name(&second)), "gone").unwrap();
    let following = store.following(SMALL, "20261129T030000Z").unwrap();
    assert_eq!(following.previous, Some(before(&first)));
    assert!(following.notes[0].contains(&name(&second)), "{:?}", following.notes);
    // A name in the future that holds nothing does not end it either.
    std::fs::write(folder.path().join(SMALL).join("20991128T030000Z-000000000000.zip"), "x").unwrap();
    assert_eq!(store.following(SMALL, "20261129T030000Z").unwrap().previous, Some(before(&first)));
    // Where none can be read it is not as if there were none.
    std::fs::write(folder.path().join(SMALL).join(name(&first)), "gone").unwrap();
    assert!(store.following(SMALL, "20261129T030000Z").is_err());
}

#[test]
fn what_is_no_bundle_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let night = add(&store, SMALL, "2026-11-28T03:00:00Z");
    let inside = folder.path().join(SMALL);
    std::fs::write(inside.join("notes.txt"), "mine").unwrap();
    std::fs::write(inside.join(".20261128T030000Z.partial"), "half").unwrap();
    std::fs::write(inside.join(format!("{}.bak", name(&night))), "x").unwrap();
    std::fs::create_dir(inside.join("20261128T030000Z-000000000000.zip")).unwrap();
    std::fs::write(folder.path().join("README"), "x").unwrap();
    std::fs::create_dir(folder.path().join("lost+found")).unwrap();
    let mut expected = BTreeSet::from(["notes.txt", ".20261128T030000Z.partial", "20261128T030000Z-000000000000.zip/"].map(str::to_owned));
    expected.insert(format!("{}.bak", name(&night)));
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let odd = std::ffi::OsStr::from_bytes(b"20261128T030000Z-\xff.zip");
        std::fs::write(inside.join(odd), "x").unwrap();
        expected.insert("20261128T030000Z-\u{fffd}.zip/".to_owned());
        std::fs::write(inside.join("a\u{1b}[31m\n.zip"), "x").unwrap();
        expected.insert("a\u{1b}[31m\n.zip".to_owned());
        // A link under the name of a bundle is not followed.
        std::os::unix::fs::symlink(name(&night), inside.join("20261129T030000Z-000000000000.zip")).unwrap();
        expected.insert("20261129T030000Z-000000000000.zip/".to_owned());
    }
    let listing = store.listing(SMALL).unwrap();
    assert_eq!(listing.bundles.len(), 1);
    assert_eq!(listing.strays.into_iter().collect::<BTreeSet<_>>(), expected);
    assert_eq!(store.top().unwrap(), (vec![SMALL.to_owned()], vec!["README".to_owned(), "lost+found/".to_owned()]));
    let output = run(&["verify", folder.path().to_str().unwrap()]);
    assert_eq!(code(&output), 0, "{}", stdout(&output));
    assert!(!stdout(&output).contains('\u{1b}'), "{}", stdout(&output));
    // A uid comes from the cluster, which does not choose where its bundle is written.
    for uid in [None, Some("../../etc"), Some("UPPER-CASE"), Some(""), Some("a/b/c/d/e")] {
        assert!(store.named(uid, "2026-11-28T03:00:00Z").is_err(), "{uid:?}");
    }
    assert!(store.named(Some(SMALL), "yesterday").is_err());
    assert!(store.bundles("../../etc").unwrap().is_empty());
}

#[test]
fn an_empty_record_is_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    let place = format!("file://{}", folder.path().display());
    let output = run(&["verify", &place]);
    assert_eq!(code(&output), 5, "{}", stdout(&output));
    assert!(stdout(&output).contains("there is no bundle in it"), "{}", stdout(&output));
    std::fs::create_dir(folder.path().join(SMALL)).unwrap();
    assert_eq!(code(&run(&["verify", &place])), 5);
}

#[test]
fn of_many_at_once_one_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let night = sealed(SMALL, "2026-11-28T03:00:00Z", None);
    let written = store.each(&[(); 16], |()| put(&store, SMALL, &night).map(|added| added.was_there));
    let written: Vec<bool> = written.into_iter().map(|one| one.unwrap()).collect();
    assert_eq!(written.iter().filter(|was_there| !**was_there).count(), 1, "{written:?}");
    let listing = store.listing(SMALL).unwrap();
    assert!(listing.bundles.len() == 1 && listing.strays.is_empty(), "{listing:?}");
}

/// Bytes in memory.
struct Memory(Vec<u8>);

impl Ranges for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }
    fn read(&self, start: u64, length: usize) -> std::io::Result<Vec<u8>> {
        let start = usize::try_from(start).unwrap();
        self.0.get(start..start + length).map(<[u8]>::to_vec).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
    }
}

#[test]
fn single_files_of_a_bundle_are_those_that_were_sealed() {
    let night = sealed(SMALL, "2026-11-28T03:00:00Z", None);
    let members = Members::open(Memory(night.zip.clone())).unwrap();
    assert_eq!(members.id(), night.id);
    for (file, bytes) in night.files.iter().filter(|(file, _)| *file != "tagmanifest-sha256.txt") {
        assert_eq!(members.read(file, 1 << 20).unwrap(), *bytes, "{file}");
    }
    assert_eq!(members.read("data/none", 1 << 20).unwrap_err().kind(), std::io::ErrorKind::NotFound);
    assert!(members.read("data/assessment.json", 10).is_err(), "larger than asked for");
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    put(&store, SMALL, &night).unwrap();
    let entry = store.bundles(SMALL).unwrap().remove(0);
    assert_eq!(store.read(&entry).unwrap(), night.zip);
    assert_eq!(store.member(&entry, "data/summary.json", 1 << 20).unwrap().as_ref(), night.files.get("data/summary.json"));
    assert_eq!(store.member(&entry, "data/none", 1 << 20).unwrap(), None);
    // A bundle under the name of another is not read.
    let other = sealed(SMALL, "2026-11-28T03:00:00Z", Some(before(&night)));
    std::fs::write(folder.path().join(entry.path()), &other.zip).unwrap();
    let entry = store.bundles(SMALL).unwrap().remove(0);
    assert!(store.member(&entry, "data/summary.json", 1 << 20).unwrap_err().to_string().contains("its id is not the one in its name"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever is done to the bytes of an archive: what is read under its id is what was sealed under it.
    #[test]
    fn no_altered_file_is_read_under_the_id(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in prop::option::of(any::<prop::sample::Index>())) {
        let night = sealed(SMALL, "2026-11-28T03:00:00Z", None);
        let mut zip = night.zip.clone();
        for (at, byte) in changes {
            let at = at.index(zip.len());
            zip[at] = byte;
        }
        if let Some(cut) = cut {
            zip.truncate(cut.index(zip.len()));
        }
        if let Ok(members) = Members::open(Memory(zip)) && members.id() == night.id {
            for (file, bytes) in night.files.iter().filter(|(file, _)| file.starts_with("data/")) {
                if let Ok(read) = members.read(file, 1 << 20) {
                    prop_assert_eq!(&read, bytes);
                }
            }
        }
    }
}

/// Adding costs the same in the first and in the last year: a list of the last week, and the end of one bundle.
#[test]
fn what_is_followed_is_found_without_reading_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let all = nights(folder.path(), SMALL, 400);
    let store = open(folder.path());
    // Those before the last one cannot be read at all.
    for night in &all[..399] {
        std::fs::write(folder.path().join(SMALL).join(name(night)), "x").unwrap();
    }
    let following = store.following(SMALL, "20270206T030000Z").unwrap();
    assert_eq!((following.previous, following.notes.len()), (Some(before(&all[399])), 0));
}
