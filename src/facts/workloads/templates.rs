//! What controllers would start next. A template is a statement of its own: it is left out only where a live pod is known to have
//! been made from it as it stands, so that judging the pod judges the template.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::PodSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::owners::{self, Owners, annotation, controller};
use super::written;
use crate::facts::FactsError;
use crate::facts::table::read::{MetaOnly, Readable, Reader};
use crate::model::sources::{CRON_JOBS, DAEMON_SETS, DEPLOYMENTS, JOBS, POD_MAKERS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS};
use crate::model::{Evidence, Judged, ObjectRef, SourceId};

/// A controller with its template, the spec of which is still text.
#[derive(Debug, Deserialize)]
pub(super) struct Controller {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    spec: Option<ControllerSpec>,
    status: Option<ControllerStatus>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControllerSpec {
    replicas: Option<i32>,
    paused: Option<bool>,
    template: Option<Written>,
    job_template: Option<JobTemplate>,
}

#[derive(Debug, Deserialize)]
struct JobTemplate {
    spec: Option<JobSpec>,
}

#[derive(Debug, Deserialize)]
struct JobSpec {
    template: Option<Written>,
}

#[derive(Debug, Deserialize)]
struct Written {
    metadata: Option<Marks>,
    spec: Option<Box<RawValue>>,
}

/// What of a template's metadata comes to its pods. The API server checks no other field of it.
#[derive(Debug, Deserialize)]
struct Marks {
    labels: Option<BTreeMap<String, String>>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ControllerStatus {
    observed_generation: Option<i64>,
    update_revision: Option<String>,
    completion_time: Option<String>,
    conditions: Option<Vec<Condition>>,
}

#[derive(Debug, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl Readable for Controller {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl Controller {
    /// Whether its status speaks of the template that stands there now.
    fn is_observed(&self) -> bool {
        self.status.as_ref().is_some_and(|status| status.observed_generation == self.metadata.generation)
    }

    /// Whether it has pods to make.
    pub(super) fn is_active(&self) -> bool {
        self.spec.as_ref().and_then(|spec| spec.replicas).is_some_and(|replicas| replicas != 0)
    }

    /// The text of the pod spec in its template; that of a CronJob is another.
    pub(super) fn pod_spec(&self) -> Option<&str> {
        Some(self.spec.as_ref()?.template.as_ref()?.spec.as_ref()?.get())
    }

    /// A finished Job starts no pod again (`batch/v1` JobStatus: condition Complete or Failed).
    pub(super) fn is_finished(&self) -> bool {
        let Some(status) = &self.status else { return false };
        let over = |kind: &str| kind == "Complete" || kind == "Failed";
        status.completion_time.is_some() || status.conditions.iter().flatten().any(|c| over(&c.kind) && c.status == "True")
    }
}

/// When a live pod can be said to have been made from a template.
enum Made {
    /// Never: pods come one after the other, or the template was changed after some were made.
    Unknown,
    /// Every pod was: the spec of the controller was never changed (`metadata.generation` is 1).
    Always,
    /// Where the pod carries this mark of the controller.
    By(String),
}

/// A template of a controller.
pub(super) struct Template {
    pub(super) source: SourceId,
    /// The workload that it is counted to.
    pub(super) workload: ObjectRef,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    /// Namespace and name of the controller.
    pub(super) display: String,
    /// Where the pod spec stands.
    pub(super) origin: Evidence,
    spec: Option<Box<RawValue>>,
    made: Made,
    seen: bool,
}

impl Template {
    fn new(source: &SourceId, workload: ObjectRef, meta: &ObjectMeta, template: Option<Written>, origin: Evidence, made: Made) -> Self {
        let (metadata, spec) = template.map_or((None, None), |template| (template.metadata, template.spec));
        let (labels, annotations) = metadata.map_or((None, None), |meta| (meta.labels, meta.annotations));
        let pointer = if *source == CRON_JOBS { "/spec/jobTemplate/spec/template/spec" } else { "/spec/template/spec" };
        Self {
            source: source.clone(),
            workload,
            // Absent is empty in both.
            labels: labels.into_iter().flatten().collect(),
            annotations: annotations.into_iter().flatten().collect(),
            display: display(meta),
            origin: origin.at(pointer),
            spec,
            made,
            seen: false,
        }
    }

    /// None when it has no spec, or one without containers.
    pub(super) fn decoded(&self) -> Result<Option<PodSpec>, serde_json::Error> {
        let Some(text) = &self.spec else { return Ok(None) };
        serde_json::from_str::<PodSpec>(text.get()).map(|spec| Some(spec).filter(|spec| !spec.containers.is_empty()))
    }
}

/// Namespace and name.
pub(super) fn display(meta: &ObjectMeta) -> String {
    format!("{}/{}", meta.namespace.as_deref().unwrap_or(""), meta.name.as_deref().unwrap_or(""))
}

/// One of the objects through which a controller of another project makes its pods.
struct Step {
    age: Age,
    /// Whether it keeps pods now.
    active: bool,
    template: Template,
}

/// When an object was made of which its controller has several: the newest is what the next pods are made from.
pub(super) type Age = (Option<i64>, Option<String>, String);

/// The revision as its controller counts it, and the time it was made.
pub(super) fn age(meta: &ObjectMeta) -> Age {
    const REVISIONS: [&str; 3] =
        ["rollout.argoproj.io/revision", "openshift.io/deployment-config.latest-version", "deployment.kubernetes.io/revision"];
    let revision = REVISIONS.into_iter().find_map(|name| annotation(meta, name)?.parse().ok());
    (revision, meta.creation_timestamp.as_ref().map(|time| time.0.to_string()), display(meta))
}

/// Adds one of them. Of what neither keeps pods nor is the newest nothing is needed.
fn step(steps: &mut Vec<Step>, meta: &ObjectMeta, active: bool, template: Template) {
    let age = age(meta);
    let newest = steps.iter().all(|step| step.age < age);
    if newest {
        steps.retain(|step| step.active);
    }
    if newest || active {
        steps.push(Step { age, active, template });
    }
}

/// A controller of which no template can be seen, and a place that shows that it makes pods.
pub(in crate::facts) struct Unread {
    pub(super) workload: ObjectRef,
    pub(super) origin: Evidence,
}

/// Every template, and who owns what.
#[derive(Default)]
pub(super) struct Templates {
    pub(super) owners: Owners,
    all: Vec<Template>,
    /// Places in `all`, by uid of the controller.
    by_uid: BTreeMap<String, usize>,
    /// By uid of the controller of another project.
    foreign: BTreeMap<String, Vec<Step>>,
    /// By uid of a Deployment: its place in `all`, and whether it is paused.
    deployments: BTreeMap<String, (usize, bool)>,
    /// By uid of a Deployment: its ReplicaSets that may start what it does not say itself.
    revisions: BTreeMap<String, Vec<Step>>,
    unread: BTreeMap<ObjectRef, Evidence>,
    /// Whether the collector kept of ReplicaSets of Deployments neither the number of pods nor the whole template.
    bare_revisions: bool,
}

impl Templates {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut this = Self { bare_revisions: reader.unjudged(Judged::Revisions).is_some(), ..Self::default() };
        // Before ReplicaSets: nearly all of these say what their Deployment says, and need not be kept.
        reader.each::<Controller>(&DEPLOYMENTS, |object, origin| {
            // A paused Deployment keeps its revision while its template changes (`apps/v1` DeploymentSpec.paused).
            let paused = object.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
            if let Some(uid) = &object.metadata.uid {
                this.deployments.insert(uid.clone(), (this.all.len(), paused));
            }
            let mark = annotation(&object.metadata, "deployment.kubernetes.io/revision").filter(|_| object.is_observed() && !paused);
            this.ordinary(&DEPLOYMENTS, "Deployment", "apps", object, origin, mark);
        })?;
        reader.each::<Controller>(&REPLICA_SETS, |object, origin| this.set(&REPLICA_SETS, "ReplicaSet", "apps", object, origin))?;
        this.settle_revisions();
        reader.each::<Controller>(&REPLICATION_CONTROLLERS, |object, origin| {
            this.set(&REPLICATION_CONTROLLERS, "ReplicationController", "", object, origin);
        })?;
        reader.each::<Controller>(&JOBS, |object, origin| this.job(object, origin))?;
        reader.each::<Controller>(&STATEFUL_SETS, |object, origin| {
            let status = object.status.as_ref().filter(|_| object.is_observed());
            let mark = status.and_then(|status| status.update_revision.clone());
            this.ordinary(&STATEFUL_SETS, "StatefulSet", "apps", object, origin, mark);
        })?;
        reader.each::<Controller>(&DAEMON_SETS, |object, origin| {
            let mark = annotation(&object.metadata, "deprecated.daemonset.template.generation").filter(|_| object.is_observed());
            this.ordinary(&DAEMON_SETS, "DaemonSet", "apps", object, origin, mark);
        })?;
        reader.each::<Controller>(&CRON_JOBS, |object, origin| {
            let Controller { metadata, spec, .. } = object;
            let template = spec.and_then(|spec| spec.job_template).and_then(|job| job.spec).and_then(|spec| spec.template);
            let workload = owners::own(&metadata, "CronJob", "batch");
            this.add(&metadata, Template::new(&CRON_JOBS, workload, &metadata, template, origin, Made::Unknown));
        })?;
        for source in POD_MAKERS {
            reader.each::<MetaOnly>(source, |object, origin| {
                let kind = origin.object().map_or(source.resource(), |object| object.kind.as_str());
                let workload = owners::own(&object.metadata, kind, source.api_group());
                this.unread.insert(workload, origin.at("/metadata"));
            })?;
        }
        Ok(this)
    }

    fn add(&mut self, meta: &ObjectMeta, template: Template) {
        if let Some(uid) = &meta.uid {
            self.by_uid.insert(uid.clone(), self.all.len());
        }
        self.all.push(template);
    }

    fn ordinary(&mut self, source: &SourceId, kind: &str, group: &str, object: Controller, origin: Evidence, mark: Option<String>) {
        let workload = owners::own(&object.metadata, kind, group);
        let template = object.spec.and_then(|spec| spec.template);
        let made = mark.map_or(Made::Unknown, Made::By);
        self.add(&object.metadata, Template::new(source, workload, &object.metadata, template, origin, made));
    }

    /// The ReplicaSets of a Deployment that start what it does not say itself: those that have pods to make, be it that a quota holds them
    /// back; of a paused one the newest, too, which is what it scales (pkg/controller/deployment/sync.go).
    fn settle_revisions(&mut self) {
        for (uid, steps) in std::mem::take(&mut self.revisions) {
            let paused = self.deployments.get(&uid).is_some_and(|(_, paused)| *paused);
            let newest = steps.iter().map(|step| step.age.clone()).max();
            for step in steps.into_iter().filter(|step| step.active || (paused && Some(&step.age) == newest.as_ref())) {
                if !self.says(&uid, &step.template) {
                    self.add_set(step.template);
                }
            }
        }
    }

    /// Whether a Deployment says what a ReplicaSet of it says.
    fn says(&self, deployment: &str, set: &Template) -> bool {
        let own = self.deployments.get(deployment).and_then(|(place, _)| self.all.get(*place));
        own.is_some_and(|own| own.spec.as_ref().map(|spec| spec.get()) == set.spec.as_ref().map(|spec| spec.get()))
    }

    /// Whether a ReplicaSet was made from what its Deployment says now.
    fn is_current(&self, deployment: &str, set: &ObjectMeta) -> bool {
        let made = self.deployments.get(deployment).and_then(|(place, _)| self.all.get(*place)).map(|own| &own.made);
        matches!(made, Some(Made::By(mark)) if annotation(set, "deployment.kubernetes.io/revision").as_ref() == Some(mark))
    }

    fn add_set(&mut self, template: Template) {
        if let Some(uid) = template.origin.object().and_then(|set| set.uid.clone()) {
            self.by_uid.insert(uid, self.all.len());
        }
        self.all.push(template);
    }

    /// ReplicaSets and ReplicationControllers. What a Deployment would start stands in the Deployment; of its ReplicaSets see
    /// [`Self::settle_revisions`].
    fn set(&mut self, source: &SourceId, kind: &str, group: &str, object: Controller, origin: Evidence) {
        self.owners.add(&object.metadata);
        let owner = controller(&object.metadata).cloned();
        let of_deployment = owner.as_ref().is_some_and(|owner| owner.kind == "Deployment" && owners::group(owner) == "apps");
        let Controller { metadata, spec, .. } = object;
        let replicas = spec.as_ref().and_then(|spec| spec.replicas);
        let template = spec.and_then(|spec| spec.template);
        let workload = self.owners.root(&metadata, kind, group);
        if let Some(owner) = owner.as_ref().filter(|_| of_deployment) {
            if self.bare_revisions && !self.is_current(&owner.uid, &metadata) {
                self.not_read(workload.clone(), &origin.at("/metadata"));
            }
            if replicas.is_some() && template.is_some() {
                let mark = metadata.labels.as_ref().and_then(|labels| labels.get("pod-template-hash")).cloned();
                let template = Template::new(source, workload, &metadata, template, origin, mark.map_or(Made::Unknown, Made::By));
                let paused = self.deployments.get(&owner.uid).is_some_and(|(_, paused)| *paused);
                // Of a paused one it matters which is the newest.
                if paused || (replicas != Some(0) && !self.says(&owner.uid, &template)) {
                    step(self.revisions.entry(owner.uid.clone()).or_default(), &metadata, replicas != Some(0), template);
                }
            }
            return;
        }
        if template.is_none() && *source == REPLICA_SETS {
            // Of older snapshots, which hold the metadata of ReplicaSets only.
            self.unread.insert(workload, origin.at("/metadata"));
            return;
        }
        let made = if metadata.generation == Some(1) { Made::Always } else { Made::Unknown };
        let template = Template::new(source, workload, &metadata, template, origin, made);
        match owner.filter(owners::is_foreign) {
            None => self.add(&metadata, template),
            // Unset is 1 (`apps/v1` ReplicaSetSpec).
            Some(owner) => step(self.foreign.entry(owner.uid).or_default(), &metadata, replicas != Some(0), template),
        }
    }

    fn job(&mut self, object: Controller, origin: Evidence) {
        self.owners.add(&object.metadata);
        let finished = object.is_finished();
        let owner = controller(&object.metadata).cloned();
        let workload = self.owners.root(&object.metadata, "Job", "batch");
        let Controller { metadata, spec, .. } = object;
        // Its pods come one after the other, so that those that were seen say nothing about the next one.
        let template = Template::new(&JOBS, workload, &metadata, spec.and_then(|spec| spec.template), origin, Made::Unknown);
        match owner.filter(owners::is_foreign) {
            None if finished => {}
            None => self.add(&metadata, template),
            Some(owner) => step(self.foreign.entry(owner.uid).or_default(), &metadata, !finished, template),
        }
    }

    /// Remembers a controller of which something is not read, at the first place by name, so that the order of the input does not matter.
    fn not_read(&mut self, workload: ObjectRef, origin: &Evidence) {
        let place = self.unread.entry(workload).or_insert_with(|| origin.clone());
        if origin.object() < place.object() {
            *place = origin.clone();
        }
    }

    /// A live pod. `text` is its spec.
    pub(super) fn saw(&mut self, meta: &ObjectMeta, text: &str, origin: &Evidence) {
        let Some(owner) = controller(meta) else { return };
        if owners::makes_more(owner) {
            let workload = owners::reference(owner, meta.namespace.clone().unwrap_or_default());
            self.not_read(workload, origin);
            return;
        }
        let never_changed = meta.generation == Some(1);
        let label = |name: &str| meta.labels.as_ref().and_then(|labels| labels.get(name)).cloned();
        let marks = [label("controller-revision-hash"), label("pod-template-generation"), label("pod-template-hash")];
        if let Some(template) = self.by_uid.get(&owner.uid).and_then(|&at| self.all.get_mut(at)) {
            template.was_used(|mark| marks.iter().flatten().any(|own| own == mark), text, never_changed);
        }
        let steps = self
            .foreign
            .values_mut()
            .flatten()
            .filter(|step| step.template.origin.object().is_some_and(|set| set.uid.as_ref() == Some(&owner.uid)));
        for step in steps {
            step.template.was_used(|_| false, text, never_changed);
        }
        if let Some((uid, Some(revision))) = self.owners.behind(&owner.uid)
            && let Some(template) = self.by_uid.get(uid).and_then(|&at| self.all.get_mut(at))
        {
            template.was_used(|mark| mark == revision, text, never_changed);
        }
    }

    /// The templates of which no live pod shows everything, and the controllers of which none was read.
    pub(super) fn unseen(self) -> (impl Iterator<Item = Template>, impl Iterator<Item = Unread>) {
        let known: Vec<ObjectRef> = self.foreign.values().flatten().map(|step| step.template.workload.clone()).collect();
        let unread = self
            .unread
            .into_iter()
            .filter(move |(workload, _)| !known.contains(workload))
            .map(|(workload, origin)| Unread { workload, origin });
        let steps = self.foreign.into_values().flatten().map(|step| step.template);
        (self.all.into_iter().chain(steps).filter(|template| !template.seen), unread)
    }
}

impl Template {
    /// Remembers that a live pod was made from it, where that is so and the pod shows everything that it says.
    fn was_used(&mut self, is_mark: impl Fn(&str) -> bool, pod: &str, never_changed: bool) {
        let made = match &self.made {
            Made::Unknown => false,
            Made::Always => true,
            Made::By(mark) => is_mark(mark),
        };
        if self.seen || !made {
            return;
        }
        if let Some(template) = &self.spec {
            self.seen = written::shows(pod, template.get(), never_changed);
        }
    }
}
