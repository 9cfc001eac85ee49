//! Rows for templates that cannot be read: what they would start is not known, and a doubt about them reaches no other namespace.

use super::containers::ContainerRow;
use super::owners::workload_text;
use super::pods::PodRow;
use super::templates::Unread;
use crate::facts::Known;
use crate::facts::table::schema::{Row, TableRow, TableSchema};
use crate::model::{FactValue, SmallMap, Unseen};

/// The row of the table of pods.
pub(in crate::facts) fn pod_row(template: &Unread) -> Row {
    row(PodRow::schema(), template, key(template))
}

/// The row of the table of containers: how many there would be is not known either.
pub(in crate::facts) fn container_row(template: &Unread) -> Row {
    row(ContainerRow::schema(), template, format!("{}/template", key(template)))
}

fn namespace(template: &Unread) -> &str {
    template.workload.namespace.as_deref().unwrap_or("")
}

fn key(template: &Unread) -> String {
    format!("{}/{}", namespace(template), workload_text(&template.workload))
}

fn row(schema: &'static TableSchema, template: &Unread, key: String) -> Row {
    let workload = &template.workload;
    let text = |text: &str| Known::Known(FactValue::Text(text.to_owned()));
    let unseen = unseen(template);
    let cells = schema
        .columns
        .iter()
        .map(|column| match column.name {
            "workload" => text(&workload_text(workload)),
            "workload_kind" => text(&workload.kind),
            "workload_name" => text(&workload.name),
            "namespace" => text(namespace(template)),
            "observed_in" => text("template"),
            "phase" => text(""),
            "pods" => Known::Known(FactValue::Int(0)),
            "mirror" | "control_plane" => Known::Known(FactValue::Bool(false)),
            _ => Known::Unknown(Box::new(unseen.clone())),
        })
        .collect();
    Row {
        key,
        namespace: workload.namespace.clone(),
        subject: workload.clone().into(),
        related: Vec::new(),
        origins: vec![template.origin.clone()],
        cells,
        cell_evidence: SmallMap::new(),
    }
}

fn unseen(template: &Unread) -> Unseen {
    let workload = &template.workload;
    let (kind, name, namespace) = (&workload.kind, &workload.name, namespace(template));
    let again = || "Collect again with this version.".to_owned();
    let (why, how_to_see) = if workload.group == "apps" && kind == "Deployment" {
        ("of ReplicaSets of older revisions the snapshot holds neither the template nor how many pods they keep".to_owned(), again())
    } else if workload.group == "apps" {
        ("of ReplicaSets the snapshot holds metadata only".to_owned(), again())
    } else {
        let of = format!("{}.{}", kind.to_ascii_lowercase(), workload.group);
        (
            format!(
                "it belongs to a controller of another project ({}), which makes pods itself and whose objects are not read",
                workload.group
            ),
            format!("Look at the template by hand: kubectl get {of} {name} -n {namespace} -o yaml"),
        )
    };
    Unseen::not_visible(format!("what {kind} {namespace}/{name} would start next"), why, how_to_see)
}
