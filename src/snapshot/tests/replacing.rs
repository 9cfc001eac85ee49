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
