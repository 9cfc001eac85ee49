//! What stays readable of workloads that are over: ReplicaSets of Deployments that were changed since, and Jobs that have finished. They start
//! nothing again, so that what they would run is no question; what is written out in them is shown to whoever may read them.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;

use super::containers::sorted_owned;
use super::credentials;
use super::owners::{self, controller};
use super::templates::{Age, Controller, age, display};
use crate::facts::context::Context;
use crate::facts::table::placed::Placed;
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{JOBS, REPLICA_SETS, REPLICATION_CONTROLLERS};
use crate::model::{Evidence, Judged, SourceId, Unseen};

table! {
    /// One row per ReplicaSet or ReplicationController that keeps an earlier template of what controls it (`revisionHistoryLimit` of a
    /// Deployment, 10 unless set; Rollouts and DeploymentConfigs have the same), and per Job that has finished. None of them starts a pod
    /// again, and all stay readable.
    pub struct PastTemplateRow as "past_templates" counting "workloads with old revisions or finished Jobs" from [REPLICA_SETS, REPLICATION_CONTROLLERS, JOBS] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// `Kind/name` of the object.
        object: String, at "/metadata/name";
        /// `Kind/name` of the controller of the object, or of the object itself.
        workload: String;
        /// Where a credential is written out in its template, and why it looks like one, as in `containers`.
        literal_credentials: Known<Placed<Vec<String>>>, at "/spec/template/spec/containers";
    }
}

pub(in crate::facts) const FAMILY: Family =
    Family { schemas: || vec![PastTemplateRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let reader = &context.reader;
    let unjudged = reader.unjudged(Judged::Credentials);
    let row = |source: &SourceId, kind: &str, group: &str, object: &Controller, origin: Evidence| {
        let written = match written(kind, object, &origin, unjudged.as_ref()) {
            Ok(written) => written,
            Err(error) => {
                reader.not_decoded(source, object.metadata.namespace.clone(), display(&object.metadata), &error.to_string());
                return None;
            }
        };
        let own = owners::own(&object.metadata, kind, group);
        let namespace = own.namespace.clone().unwrap_or_default();
        let workload = controller(&object.metadata).map(|owner| owners::reference(owner, namespace.clone()));
        let typed = PastTemplateRow {
            namespace: namespace.clone(),
            object: owners::workload_text(&own),
            workload: owners::workload_text(workload.as_ref().unwrap_or(&own)),
            literal_credentials: written,
        };
        // The names of ReplicaSets and Jobs are made anew with every release: what stays is the workload.
        let key = format!("{namespace}/{}", typed.workload);
        Some(Row::new(key, own, vec![origin], typed).related_to(workload))
    };
    // The newest of each controller by its uid says what the controller says itself, or is a template of its own.
    let mut newest: BTreeMap<String, Age> = BTreeMap::new();
    let mut sets: Vec<(String, Age, Row)> = Vec::new();
    for (source, kind, group) in [(&REPLICA_SETS, "ReplicaSet", "apps"), (&REPLICATION_CONTROLLERS, "ReplicationController", "")] {
        reader.each::<Controller>(source, |object, origin| {
            let Some(uid) = controller(&object.metadata).map(|owner| owner.uid.clone()) else { return };
            let age = age(&object.metadata);
            let last = newest.entry(uid.clone()).or_insert_with(|| age.clone());
            if *last < age {
                last.clone_from(&age);
            }
            // What has pods to make is a template.
            if !object.is_active() {
                sets.extend(row(source, kind, group, &object, origin).map(|row| (uid, age, row)));
            }
        })?;
    }
    let mut rows: Vec<Row> = sets.into_iter().filter(|(uid, age, _)| newest.get(uid) != Some(age)).map(|(.., row)| row).collect();
    reader.each::<Controller>(&JOBS, |object, origin| {
        if object.is_finished() {
            rows.extend(row(&JOBS, "Job", "batch", &object, origin));
        }
    })?;
    Ok(rows)
}

/// What a template writes out. Nearly none of them holds anything that was left out, and those are not decoded.
fn written(
    kind: &str,
    object: &Controller,
    origin: &Evidence,
    unjudged: Option<&Unseen>,
) -> Result<Known<Placed<Vec<String>>>, serde_json::Error> {
    let mut all = Placed::here(Vec::new());
    if kind == "ReplicaSet" && object.pod_spec().is_none() {
        return Ok(Known::Unknown(not_kept(&display(&object.metadata))));
    }
    let Some(text) = object.pod_spec().filter(|text| text.contains(credentials::LEFT_OUT)) else { return Ok(Known::Known(all)) };
    let spec: PodSpec = serde_json::from_str(text)?;
    let place = format!("{}/spec/template/spec", origin.pointer);
    for (name, found) in credentials::of_spec(&spec, &place, unjudged) {
        match found {
            Known::Known(mut found) => {
                all.value.extend(found.value.into_iter().map(|one| format!("container {name}: {one}")));
                all.at.append(&mut found.at);
            }
            Known::Unknown(unseen) => return Ok(Known::Unknown(unseen)),
        }
    }
    all.value = sorted_owned(all.value);
    Ok(Known::Known(all))
}

/// Of the ReplicaSets of Deployments an earlier collector kept the metadata only.
fn not_kept(name: &str) -> Unseen {
    Unseen::not_visible(
        format!("what ReplicaSet {name} keeps written out"),
        "the snapshot holds nothing of its template: it was taken by a version that did not keep it",
        "Collect again with this version.",
    )
}
