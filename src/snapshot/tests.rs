#![expect(clippy::disallowed_methods, reason = "tests of files")]

use std::path::Path;

use proptest::prelude::*;

use super::testing::Changed;
use super::*;
use crate::model::{ClusterIdentity, Collected, Identity, RequestRecord, SNAPSHOT_FORMAT, SourceRecord, SourceState, ToolIdentity};

mod refusals;
mod replacing;

const PODS: SourceId = SourceId::core("pods");

fn index(sources: Vec<SourceRecord>) -> SnapshotIndex {
    SnapshotIndex {
        format: SNAPSHOT_FORMAT.into(),
        tool: ToolIdentity { name: "kube-hipaa".into(), version: "0.1.0".into(), commit: "unknown".into() },
        cluster: ClusterIdentity {
            name: "test".into(),
            uid: None,
            server: "https://127.0.0.1:6443".into(),
            ca_sha256: None,
            tls_unverified: false,
            version: None,
            distribution: None,
            nodes: None,
        },
        collected: Collected {
            started: "2026-11-20T00:00:00Z".into(),
            finished: "2026-11-20T00:00:09Z".into(),
            identity: Identity { user: None, groups: Vec::new() },
            requests: 0,
            excess_rights: Vec::new(),
            server_clock_ahead_seconds: None,
        },
        discovery: None,
        judged: None,
        sources,
        requests: (1..=20).map(request).collect(),
    }
}

fn request(id: u64) -> RequestRecord {
    RequestRecord {
        id,
        time: "2026-11-20T00:00:00Z".into(),
        verb: "list".into(),
        path: "/api/v1/pods".into(),
        status: Some(200),
        items: None,
        bytes: 0,
        anonymous: false,
        error: None,
    }
}

fn record(source: SourceId, file: SourceFile) -> SourceRecord {
    let (name, sha256) = file.file.unzip();
    SourceRecord {
        source,
        version: Some("v1".into()),
        kind: Some("Pod".into()),
        state: SourceState::Read { count: file.items, resource_version: Some("7".into()) },
        missing_rule: None,
        file: name,
        sha256,
        left_out: Vec::new(),
        pages: file.pages,
    }
}

/// Writes `objects` as pods, in pages of two.
fn write(target: &Path, objects: &[String]) {
    let writer = SnapshotWriter::create(target, false).unwrap();
    let mut pods = writer.source(&PODS).unwrap();
    for (i, page) in objects.chunks(2).enumerate() {
        for object in page {
            pods.push(object).unwrap();
        }
        pods.end_page(i as u64 + 1, format!("2026-11-20T00:00:0{}Z", i % 10));
    }
    let file = pods.finish().unwrap();
    writer.finish(&index(vec![record(PODS, file)])).unwrap();
}

fn pods(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("{{\"metadata\":{{\"name\":\"pod-{i}\"}}}}")).collect()
}

fn read(snapshot: &Snapshot) -> Vec<StoredObject> {
    snapshot.objects(&PODS).unwrap().collect::<Result<_, _>>().unwrap()
}

fn texts(snapshot: &Snapshot) -> Vec<String> {
    read(snapshot).into_iter().map(|object| object.json).collect()
}

fn beside(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

/// The archive that `zip -r` or a desktop makes: deflated entries below a folder.
fn deflated_zip(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    use std::io::Write;
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        deflate.write_all(bytes).unwrap();
        let packed = deflate.finish().unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        // Version 2.0, no flags, deflate, no time; sizes; name length, no extra field.
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
        for number in [crc.sum(), packed.len() as u32, bytes.len() as u32] {
            common.extend_from_slice(&number.to_le_bytes());
        }
        common.extend_from_slice(&(name.len() as u16).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&(archive.len() as u32).to_le_bytes());
        directory.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(b"PK\x03\x04");
        archive.extend_from_slice(&common);
        archive.extend_from_slice(name.as_bytes());
        archive.extend_from_slice(&packed);
    }
    let start = archive.len() as u32;
    archive.extend_from_slice(&directory);
    archive.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    archive.extend_from_slice(&(files.len() as u16).to_le_bytes());
    archive.extend_from_slice(&(files.len() as u16).to_le_bytes());
    archive.extend_from_slice(&(directory.len() as u32).to_le_bytes());
    archive.extend_from_slice(&start.to_le_bytes());
    archive.extend_from_slice(&[0, 0]);
    archive
}

#[test]
fn a_folder_and_a_zip_give_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["snapshot", "snapshot.zip"] {
        let target = folder.path().join(name);
        write(&target, &pods(5));
        let snapshot = Snapshot::open(&target).unwrap();
        assert_eq!(texts(&snapshot), pods(5));
        let read = read(&snapshot);
        assert_eq!(read[4].request, Some(3));
        assert_eq!(&*read[4].collected_at, "2026-11-20T00:00:02Z");
        assert_eq!(read[4].sha256, crate::digest::sha256_hex(pods(5)[4].as_bytes()));
        assert_eq!(snapshot.objects(&SourceId::core("nodes")).unwrap().count(), 0);
    }
    assert_eq!(beside(&folder), 2, "nothing but the two snapshots is left");
    let bytes = std::fs::read(folder.path().join("snapshot.zip")).unwrap();
    assert_eq!(texts(&Snapshot::from_zip_bytes(bytes).unwrap()), pods(5));
}

#[test]
fn a_zip_that_a_desktop_packed_again_is_read() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("mine"), &pods(3));
    let zip = folder.path().join("again.zip");
    let mine = folder.path().join("mine");
    let files = ["mine/index.json", "mine/core.pods.jsonl.gz"].map(|name| (name, std::fs::read(folder.path().join(name)).unwrap()));
    assert!(mine.is_dir());
    std::fs::write(&zip, deflated_zip(&files)).unwrap();
    assert_eq!(texts(&Snapshot::open(&zip).unwrap()), pods(3));
}

#[test]
fn the_same_objects_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("1.zip"), folder.path().join("2.zip"));
    write(&one, &pods(9));
    write(&two, &pods(9));
    assert_eq!(std::fs::read(one).unwrap(), std::fs::read(two).unwrap());
}

#[test]
fn a_restarted_source_forgets_what_came_before() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    let writer = SnapshotWriter::create(&target, false).unwrap();
    let mut source = writer.source(&PODS).unwrap();
    // More than every buffer on the way holds.
    for i in 0..20_000 {
        source.push(&format!("{{\"old\":{i},\"noise\":\"{}\"}}", crate::digest::sha256_hex(&[i as u8]))).unwrap();
    }
    source.end_page(1, "2026-11-20T00:00:01Z".into());
    source.restart().unwrap();
    for object in pods(3) {
        source.push(&object).unwrap();
    }
    source.end_page(2, "2026-11-20T00:00:02Z".into());
    let file = source.finish().unwrap();
    writer.finish(&index(vec![record(PODS, file)])).unwrap();
    assert_eq!(texts(&Snapshot::open(&target).unwrap()), pods(3));
}

#[test]
fn an_unfinished_snapshot_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap();
    let mut source = writer.source(&PODS).unwrap();
    source.push("{}").unwrap();
    drop(source);
    drop(writer);
    assert_eq!(beside(&folder), 0);
}

#[test]
fn existing_output_is_kept_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["snapshot", "snapshot.zip"] {
        let target = folder.path().join(name);
        write(&target, &pods(1));
        assert!(matches!(SnapshotWriter::create(&target, false), Err(SnapshotError::Exists { .. })));
        let writer = SnapshotWriter::create(&target, true).unwrap();
        writer.finish(&index(Vec::new())).unwrap();
        assert_eq!(Snapshot::open(&target).unwrap().index().sources.len(), 0);
    }
    assert_eq!(beside(&folder), 2);
}

#[test]
fn a_source_without_objects_has_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    write(&target, &[]);
    let snapshot = Snapshot::open(&target).unwrap();
    assert_eq!(snapshot.index().sources[0].file, None);
    assert_eq!(read(&snapshot), Vec::new());
}

#[test]
fn what_is_not_a_snapshot_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("thing");
    assert!(matches!(Snapshot::open(&path), Err(SnapshotError::NotFound { .. })));
    std::fs::write(&path, "hello").unwrap();
    assert!(matches!(Snapshot::open(&path), Err(SnapshotError::NotASnapshot { .. })));
    assert!(matches!(Snapshot::open(folder.path()), Err(SnapshotError::NotASnapshot { .. })));
    for text in ["", "[]", "{}", "{\"format\":7}", "{\"format\":\"someone/else/v1\"}"] {
        std::fs::write(folder.path().join(INDEX_FILE), text).unwrap();
        assert!(matches!(Snapshot::open(folder.path()), Err(SnapshotError::NotASnapshot { .. })), "{text}");
    }
    assert!(matches!(Snapshot::from_zip_bytes(&b"PK\x05\x06"[..]), Err(SnapshotError::NotASnapshot { .. })));
}

#[test]
fn another_format_says_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(INDEX_FILE), "{\"format\":\"kube-hipaa/snapshot/v2\",\"new\":1}").unwrap();
    let error = Snapshot::open(folder.path()).unwrap_err();
    assert!(matches!(&error, SnapshotError::OtherFormat { found, .. } if found == "kube-hipaa/snapshot/v2"));
    assert!(error.to_string().contains("use the version of kube-hipaa that wrote it"), "{error}");
}

#[test]
fn damage_is_refused_when_opened() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    write(&target, &pods(5));
    let file = target.join("core.pods.jsonl.gz");
    let good = std::fs::read(&file).unwrap();
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        std::fs::write(&file, bad).unwrap();
        assert!(matches!(Snapshot::open(&target), Err(SnapshotError::Damaged { .. })), "byte {i}");
    }
    std::fs::write(&file, &good[..good.len() - 1]).unwrap();
    assert!(matches!(Snapshot::open(&target), Err(SnapshotError::Damaged { .. })));
    std::fs::remove_file(&file).unwrap();
    let error = Snapshot::open(&target).unwrap_err();
    assert!(error.to_string().contains("core.pods.jsonl.gz: is missing"), "{error}");
}

#[test]
fn an_index_cannot_name_a_file_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("snapshot");
    write(&target, &pods(1));
    let path = target.join(INDEX_FILE);
    let text = std::fs::read_to_string(&path).unwrap().replace("core.pods.jsonl.gz", "../../etc/passwd");
    std::fs::write(&path, text).unwrap();
    assert!(matches!(Snapshot::open(&target), Err(SnapshotError::Damaged { .. })));
}

/// Digests can be made to match by whoever changes a file; counts and framing are looked at as well.
#[test]
fn a_file_that_disagrees_with_its_pages_is_refused_when_read() {
    for (lines, pages) in [(3, 2), (2, 3)] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("snapshot");
        let writer = SnapshotWriter::create(&target, false).unwrap();
        let mut source = writer.source(&PODS).unwrap();
        for object in pods(lines) {
            source.push(&object).unwrap();
        }
        source.end_page(1, "2026-11-20T00:00:01Z".into());
        let mut file = source.finish().unwrap();
        file.pages[0].items = pages;
        file.items = pages;
        writer.finish(&index(vec![record(PODS, file)])).unwrap();
        let snapshot = Snapshot::open(&target).unwrap();
        assert!(matches!(snapshot.objects(&PODS).unwrap().last(), Some(Err(SnapshotError::Damaged { .. }))));
    }
}

#[test]
fn a_line_is_verified_and_bounded() {
    let mut good = Vec::new();
    line::write("{\"a\":1}", &mut good);
    let mut buffer = Vec::new();
    assert_eq!(line::read(&mut &good[..], &mut buffer).unwrap().unwrap().0, "{\"a\":1}");
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        assert!(line::read(&mut &bad[..], &mut buffer).is_err(), "byte {i}");
    }
    let endless = std::io::Read::take(std::io::repeat(b'x'), line::MAX_LINE * 2);
    assert!(line::read(&mut std::io::BufReader::new(endless), &mut buffer).is_err());
}

#[test]
fn ablation_replaces_the_state_and_takes_the_objects() {
    let objects = BTreeMap::from([(PODS, pods(5))]);
    let base = Snapshot::in_memory(index(vec![record(PODS, SourceFile { file: None, pages: Vec::new(), items: 5 })]), objects);
    assert_eq!(texts(&base).len(), 5);
    let forbidden = base.with_state(&PODS, SourceState::Forbidden { why: "no".into() });
    assert_eq!(texts(&forbidden).len(), 0);
    assert_ne!(forbidden.index_sha256(), base.index_sha256());
    let partial = base.with_state(&PODS, SourceState::Partial { read: 2, why: "cut".into() });
    assert_eq!(texts(&partial), pods(2));
    assert_eq!(texts(&base.with_state(&PODS, SourceState::Read { count: 5, resource_version: None })).len(), 5);
    let nodes = SourceId::core("nodes");
    let added = base.with_state(&nodes, SourceState::NotServed);
    assert_eq!(added.index().record(&nodes).unwrap().state, SourceState::NotServed);
    assert!(added.index().sources.is_sorted_by_key(|record| record.source.clone()));
}

proptest! {
    #[test]
    fn any_text_survives_and_any_order_keeps_the_provenance(names in prop::collection::vec(any::<String>(), 0..20), seed: u64) {
        let objects: Vec<String> = names.iter().map(|name| serde_json::to_string(name).unwrap()).collect();
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("s.zip");
        write(&target, &objects);
        let snapshot = Snapshot::open(&target).unwrap();
        prop_assert_eq!(texts(&snapshot), objects);
        let mut plain = read(&snapshot);
        let mut shuffled = read(&snapshot.shuffled(seed));
        let key = |object: &StoredObject| (object.request, object.json.clone());
        plain.sort_by_key(key);
        shuffled.sort_by_key(key);
        prop_assert_eq!(plain, shuffled);
    }
}
