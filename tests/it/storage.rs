//! Tables of storage over small clusters: what single cells say, and that the order of the input does not matter.

use crate::support::small_clusters;
use kube_hipaa::cli::cases;
use kube_hipaa::facts::{Cell, Known, Row, Table, Tables};
use kube_hipaa::model::FactValue;
use serde_json::{Value, json};
use small_clusters::case;

fn table(name: &str, objects: Vec<Value>) -> Table {
    let snapshot = cases::snapshot(&case("storage/volume-encrypted", objects, &json!({}), "v1.36.3"));
    Tables::compute(&snapshot).expect("readable").get(name).expect("the table").clone()
}

fn cell<'r>(table: &Table, row: &'r Row, column: &str) -> &'r Cell {
    let (index, _) = table.schema.column(column).expect("the column");
    &row.cells[index]
}

/// A claim of the class `fast`, bound to a volume that a class of Google's driver made.
fn bound(class: Option<Value>) -> Vec<Value> {
    let driver = "pd.csi.storage.gke.io";
    let mut objects = vec![
        json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "pvc-1", "creationTimestamp": "2024-06-01T00:00:00Z",
            "annotations": {"pv.kubernetes.io/provisioned-by": driver}}, "spec": {"claimRef": {"namespace": "records", "name": "data", "uid": "1"}, "csi": {"driver": driver, "volumeHandle": "x"}}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "records", "uid": "1"},
            "spec": {"storageClassName": "fast", "volumeName": "pvc-1"}, "status": {"phase": "Bound"}}),
    ];
    objects.extend(class.map(|parameters| {
        json!({"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast",
            "creationTimestamp": "2024-01-01T00:00:00Z"}, "provisioner": driver, "parameters": parameters})
    }));
    objects
}

#[test]
fn the_key_of_a_volume_is_that_of_the_class_that_made_it() {
    let key = |class: Option<Value>| {
        let table = table("volumes", bound(class));
        let row = &table.rows[0];
        assert_eq!(cell(&table, row, "encrypted"), &Known::Known(FactValue::Bool(true)));
        let kinds = |column: &str| row.cell_evidence[column].iter().filter_map(|at| at.object()).map(|at| at.kind.clone()).collect();
        let encrypted: Vec<String> = kinds("encrypted");
        assert_eq!(encrypted, ["PersistentVolume"], "the class does not decide this");
        (cell(&table, row, "customer_key").known().cloned(), kinds("customer_key"))
    };
    let of_class = vec!["PersistentVolume".to_owned(), "StorageClass".to_owned()];
    assert_eq!(key(Some(json!({"disk-encryption-kms-key": "k"}))), (Some(FactValue::Bool(true)), of_class.clone()));
    assert_eq!(key(Some(json!({"type": "pd-ssd"}))), (Some(FactValue::Bool(false)), of_class));
    assert_eq!(key(None), (None, vec!["PersistentVolume".to_owned()]));
}

#[test]
fn pods_of_one_workload_with_different_storage_under_one_name() {
    let pod = |name: &str, volume: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "records", "uid": name, "ownerReferences": [
                {"apiVersion": "batch/v1", "kind": "Job", "name": "move", "uid": "u", "controller": true}]},
            "spec": {"containers": [{"name": "app", "image": "r.example/x:1"}], "volumes": [volume]}, "status": {"phase": "Running"}})
    };
    let (share, filer) = (json!({"secretName": "s", "shareName": "x"}), json!({"server": "filer.clinic.example", "path": "/x"}));
    let mut objects = vec![
        pod("a", json!({"name": "data", "azureFile": share})),
        pod("b", json!({"name": "data", "nfs": filer})),
        pod("c", json!({"name": "data", "nfs": filer})),
    ];
    let once = table("volumes", objects.clone());
    objects.reverse();
    let again = table("volumes", objects);
    let drivers: Vec<_> = once.rows.iter().map(|row| cell(&once, row, "driver").known().cloned()).collect();
    assert_eq!(drivers, ["kubernetes.io/azure-file", "nfs"].map(|driver| Some(FactValue::Text(driver.to_owned()))));
    let places = |table: &Table| -> Vec<_> {
        table.rows.iter().map(|row| (row.key.clone(), row.origins.iter().map(|at| at.object().cloned()).collect::<Vec<_>>())).collect()
    };
    assert_eq!(places(&once), places(&again));
    assert_eq!(once.rows[1].origins[0].object().map(|pod| pod.name.as_str()), Some("b"));
}

#[test]
fn schedules_are_cited_in_the_order_of_their_names() {
    let schedule = |name: &str| {
        json!({"apiVersion": "velero.io/v1", "kind": "Schedule", "metadata": {"name": name, "namespace": "velero"},
            "spec": {"schedule": "0 2 * * *", "template": {"defaultVolumesToFsBackup": false}},
            "status": {"phase": "Enabled", "lastBackup": "2025-12-31T02:00:00Z"}})
    };
    let mut objects = bound(None);
    objects.push(
        json!({"apiVersion": "velero.io/v1", "kind": "BackupStorageLocation", "metadata": {"name": "default", "namespace": "velero"},
        "spec": {"default": true}, "status": {"phase": "Available"}}),
    );
    objects.extend(["d", "b", "e", "a", "c"].map(schedule));
    let table = table("backups", objects);
    let row = table.rows.iter().find(|row| row.namespace.as_deref() == Some("records")).expect("a row");
    let cited: Vec<_> = row.cell_evidence["schedules"].iter().filter_map(|at| at.object()).map(|at| at.name.as_str()).collect();
    assert_eq!(cited, ["a", "b", "c"]);
}
