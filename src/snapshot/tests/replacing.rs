//! What a new snapshot may replace, and who comes first when it is interrupted.

use super::*;

#[test]
fn force_replaces_only_snapshots_and_what_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    assert!(SnapshotWriter::create(&home, true).is_ok(), "an empty folder holds nothing to lose");
    std::fs::write(home.join("thesis.txt"), "ten years").unwrap();
    let thesis = folder.path().join("thesis.zip");
    std::fs::write(&thesis, "ten years").unwrap();
    for target in [&home, &thesis] {
        let error = SnapshotWriter::create(target, true).unwrap_err();
        assert!(matches!(error, SnapshotError::NotOurs { .. }), "{error}");
    }
    // Also when it came there while the cluster was read, and when a snapshot holds something else.
    let late = folder.path().join("late");
    let writer = SnapshotWriter::create(&late, true).unwrap();
    write(&late, &pods(1));
    std::fs::write(late.join("notes.txt"), "mine").unwrap();
    let error = writer.finish(&index(Vec::new())).unwrap_err();
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert!(late.join("notes.txt").is_file() && home.join("thesis.txt").is_file() && thesis.is_file());
}

#[test]
fn an_interrupt_before_the_last_step_leaves_nothing() {
    for name in ["snapshot", "snapshot.zip"] {
        let folder = tempfile::tempdir().unwrap();
        let finishing = Finishing::default();
        let writer = SnapshotWriter::create(&folder.path().join(name), false).unwrap().interrupted_by(&finishing);
        assert!(finishing.interrupt());
        assert!(matches!(writer.finish(&index(Vec::new())), Err(SnapshotError::Interrupted { .. })));
        assert_eq!(beside(&folder), 0);
    }
}

#[test]
fn an_interrupt_after_the_last_step_began_comes_too_late() {
    let folder = tempfile::tempdir().unwrap();
    let finishing = Finishing::default();
    let writer = SnapshotWriter::create(&folder.path().join("snapshot"), false).unwrap().interrupted_by(&finishing);
    writer.finish(&index(Vec::new())).unwrap();
    assert!(!finishing.interrupt(), "something was written, and nobody may say that nothing was");
    finishing.clear();
    assert!(Snapshot::open(&folder.path().join("snapshot")).is_ok());
}

/// 0700 and 0600 also while it is made; 0755 and 0644 on demand.
#[cfg(unix)]
#[test]
fn a_snapshot_is_for_its_owner_unless_everybody_is_meant() {
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for (everybody, of_file, of_folder) in [(false, 0o600, 0o700), (true, 0o644, 0o755)] {
        let folder = tempfile::tempdir().unwrap();
        for name in ["snapshot", "snapshot.zip"] {
            let target = folder.path().join(name);
            let writer = SnapshotWriter::create(&target, false).unwrap().world_readable(everybody);
            let mut file = writer.source(&PODS).unwrap();
            file.push(r#"{"kind":"Pod"}"#).unwrap();
            file.end_page(1, "2026-11-20T00:00:01Z".to_owned());
            let scratch: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            let scratch = scratch.iter().find(|path| **path != target && !path.ends_with("snapshot")).unwrap();
            assert_eq!(mode(scratch), 0o700, "{scratch:?}");
            for inside in std::fs::read_dir(scratch).unwrap() {
                assert_eq!(mode(&inside.unwrap().path()), 0o600);
            }
            let record = record(PODS, file.finish().unwrap());
            writer.finish(&index(vec![record])).unwrap();
            assert_eq!(mode(&target), if name.ends_with(".zip") { of_file } else { of_folder }, "{name}");
            for inside in std::fs::read_dir(&target).into_iter().flatten() {
                assert_eq!(mode(&inside.unwrap().path()), of_file);
            }
        }
    }
}
