//! What an engine runs in the cluster: the agents of a network plugin, of a runtime sensor, the controllers of a policy engine. Found
//! by image and owner, not by name alone: a name is written by whoever writes the object.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Container, PodSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::FactsError;
use super::table::read::Reader;
use crate::model::sources::{DAEMON_SETS, DEPLOYMENTS};
use crate::model::{Evidence, ObjectRef};

/// How the workloads of one engine are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marks {
    /// Name of the engine.
    pub(super) engine: &'static str,
    /// Names of its workloads, as its own manifests write them. People rename them.
    pub(super) names: &'static [&'static str],
    /// Ends of the names of its images, without tag and digest. People mirror them, under longer names.
    pub(super) images: &'static [&'static str],
    /// Words of which one stands in the name of its images however they are mirrored: with one of `names`, they are enough.
    pub(super) words: &'static [&'static str],
    /// API group and kind of what owns its workloads: its operator's own object.
    pub(super) owners: &'static [(&'static str, &'static str)],
    /// Whether it is also run in the pods of another engine.
    pub(super) beside_others: bool,
    /// What its manifests give as `command`, where they give one: the names of its programs. Anybody may run the image for its tools.
    pub(super) programs: &'static [&'static str],
}

/// What the containers with the image of an engine run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// The program of the image, or one that the engine's manifests name.
    Engine,
    /// Something that only waits.
    Nothing,
    /// Something else, or a program whose name is not stored.
    SomethingElse,
}

/// By what an engine was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FoundBy {
    /// Its image, or what owns it.
    Make,
    /// Its name alone: anything may run under it.
    NameAlone,
}

/// One workload of an engine.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) engine: &'static str,
    pub(super) by: FoundBy,
    pub(super) subject: ObjectRef,
    /// Its labels, and since when it is there.
    pub(super) metadata: ObjectMeta,
    pub(super) origin: Evidence,
    /// The template: what its pods run where all of them are current.
    pub(super) spec: PodSpec,
    pub(super) runs: Runs,
    /// Pods that there should be: one for each node that a DaemonSet fits. None where its controller has not said it of this
    /// generation.
    pub(super) wanted: Option<i64>,
    /// Of these, the ready ones.
    pub(super) ready: Option<i64>,
    /// Of these, the ones that were made from the present template.
    pub(super) current: Option<i64>,
}

/// An image without its tag and digest.
pub(super) fn repository(image: &str) -> &str {
    let name = image.split('@').next().unwrap_or(image);
    match name.rsplit_once(':') {
        // What stands behind a port is a path.
        Some((before, tag)) if !tag.contains('/') => before,
        _ => name,
    }
}

impl Marks {
    /// Whether an image of a workload has the engine's name in its own.
    fn left_a_trace(&self, spec: &PodSpec) -> bool {
        let mut images = spec.containers.iter().filter_map(|container| container.image.as_deref());
        images.any(|image| self.words.iter().any(|word| image.contains(word)))
    }

    /// Whether a container runs an image of the engine.
    fn has_image(&self, spec: &PodSpec) -> bool {
        let images = spec.containers.iter().filter_map(|container| container.image.as_deref()).map(repository);
        images.into_iter().any(|image| self.images.iter().any(|end| image == *end || image.ends_with(&format!("/{end}"))))
    }

    /// What its containers run. Arguments stand in place of the program where the image has none before them (`CMD` of calico/node).
    fn runs(&self, spec: &PodSpec) -> Runs {
        const WAITING: &[&str] = &["sleep", "tail", "cat", "pause"];
        let is_own = |container: &&Container| {
            let image = container.image.as_deref().map_or("", repository);
            self.images.iter().any(|end| image == *end || image.ends_with(&format!("/{end}")))
                || self.words.iter().any(|word| image.contains(word))
        };
        let of = |container: &Container| {
            let words = container
                .command
                .iter()
                .flatten()
                .next()
                .or_else(|| container.args.iter().flatten().next().filter(|word| !word.starts_with('-')));
            match words.map(|word| word.rsplit('/').next().unwrap_or(word)) {
                None => Runs::Engine,
                Some(program) if self.programs.contains(&program) => Runs::Engine,
                Some(program) if WAITING.contains(&program) => Runs::Nothing,
                Some(_) => Runs::SomethingElse,
            }
        };
        let all: Vec<Runs> = spec.containers.iter().filter(is_own).map(of).collect();
        // Known by what owns it: nothing is said of its image.
        if all.is_empty() {
            return Runs::Engine;
        }
        [Runs::Engine, Runs::SomethingElse].into_iter().find(|one| all.contains(one)).unwrap_or(Runs::Nothing)
    }

    /// Whether a workload is one of the engine, and by what that is known.
    fn fit(&self, metadata: &ObjectMeta, spec: &PodSpec) -> Option<FoundBy> {
        let images = || spec.containers.iter().filter_map(|container| container.image.as_deref()).map(repository);
        let ends = |image: &str| self.images.iter().any(|end| image == *end || image.ends_with(&format!("/{end}")));
        let owner = |(group, kind): &(&str, &str)| {
            let owners = metadata.owner_references.iter().flatten();
            owners.into_iter().any(|one| one.kind == *kind && one.api_version.split('/').next() == Some(*group))
        };
        let named = metadata.name.as_deref().is_some_and(|name| self.names.contains(&name));
        let worded = || images().any(|image| self.words.iter().any(|word| image.contains(word)));
        if named && (worded() || images().any(ends) || self.owners.iter().any(owner)) {
            return Some(FoundBy::Make);
        }
        // An operator owns more than the agent, so that its object counts beside the name only.
        if self.owners.is_empty() && images().any(ends) {
            return Some(FoundBy::Make);
        }
        named.then_some(FoundBy::NameAlone)
    }
}

impl Agent {
    /// `namespace/name`.
    pub(super) fn display(&self) -> String {
        format!("{}/{}", self.subject.namespace.as_deref().unwrap_or(""), self.subject.name)
    }

    pub(super) fn namespace(&self) -> &str {
        self.subject.namespace.as_deref().unwrap_or("")
    }

    pub(super) fn container(&self, name: &str) -> Option<&Container> {
        self.spec.containers.iter().find(|container| container.name == name)
    }

    /// The value of a switch on the command line of any container; without a value it is `true` (pflag).
    pub(super) fn flag(&self, name: &str) -> Option<String> {
        self.written(name, false)
    }

    fn written(&self, name: &str, takes_next: bool) -> Option<String> {
        let mut found = None;
        for container in &self.spec.containers {
            let words: Vec<&String> = container.command.iter().flatten().chain(container.args.iter().flatten()).collect();
            for (at, word) in words.iter().enumerate() {
                let Some(rest) = word.strip_prefix('-').and_then(|rest| rest.trim_start_matches('-').strip_prefix(name)) else { continue };
                let next = words.get(at + 1).filter(|next| takes_next && !next.starts_with('-')).map(|next| (*next).clone());
                // The last one counts (pflag).
                if let Some(value) = rest.strip_prefix('=') {
                    found = Some(value.to_owned());
                } else if rest.is_empty() {
                    found = Some(next.unwrap_or_else(|| "true".to_owned()));
                }
            }
        }
        found
    }

    /// The value of an option on the command line of any container, which may also be the word that follows.
    pub(super) fn option(&self, name: &str) -> Option<String> {
        self.written(name, true)
    }

    /// Whether it may change what its node does: it is on the node's network or privileged, or may administer networks; and it runs
    /// something that does not only wait.
    pub(super) fn may_work_on_the_node(&self) -> bool {
        let powerful = |container: &Container| {
            let Some(context) = &container.security_context else { return false };
            let added = context.capabilities.iter().flat_map(|all| all.add.iter().flatten());
            context.privileged == Some(true)
                || added.into_iter().any(|name| matches!(name.as_str(), "NET_ADMIN" | "SYS_ADMIN" | "ALL" | "CAP_NET_ADMIN"))
        };
        let on_node = self.spec.host_network == Some(true) || self.spec.containers.iter().any(powerful);
        on_node && self.runs != Runs::Nothing
    }

    /// The same with only the container of that name, where it has one.
    pub(super) fn only(&self, name: &str) -> Self {
        let mut only = self.clone();
        if only.container(name).is_some() {
            only.spec.containers.retain(|container| container.name == name);
        }
        only
    }

    /// The ConfigMap that a container mounts at a path.
    pub(super) fn config_map_at(&self, path: &str) -> Option<&str> {
        let mounts = self.spec.containers.iter().flat_map(|one| one.volume_mounts.iter().flatten());
        let mount = mounts.into_iter().find(|mount| mount.mount_path.trim_end_matches('/') == path)?;
        let volume = self.spec.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
        volume.config_map.as_ref().map(|map| map.name.as_str())
    }

    /// The names of the ConfigMaps that its pods mount.
    pub(super) fn config_maps(&self) -> impl Iterator<Item = &str> {
        let volumes = self.spec.volumes.iter().flatten();
        volumes.filter_map(|volume| Some(volume.config_map.as_ref()?.name.as_str()))
    }

    /// An environment variable of any container; none inside where its value is not stored.
    pub(super) fn env(&self, name: &str) -> Option<Option<String>> {
        let variable = self.spec.containers.iter().flat_map(|one| one.env.iter().flatten()).find(|variable| variable.name == name)?;
        Some(variable.value.clone().filter(|value| !value.starts_with('[')))
    }

    /// Whether a container has an environment variable of that name.
    pub(super) fn has_env(&self, name: &str) -> bool {
        self.spec.containers.iter().flat_map(|one| one.env.iter().flatten()).any(|variable| variable.name == name)
    }

    /// Whether a variable comes from somewhere that may be absent, or from nowhere.
    pub(super) fn may_lack(&self, name: &str) -> bool {
        let mut all = self.spec.containers.iter().flat_map(|one| one.env.iter().flatten());
        all.find(|variable| variable.name == name).is_some_and(|variable| {
            let from = variable.value_from.as_ref();
            let secret = from.and_then(|from| from.secret_key_ref.as_ref()).and_then(|key| key.optional);
            let map = from.and_then(|from| from.config_map_key_ref.as_ref()).and_then(|key| key.optional);
            secret == Some(true) || map == Some(true)
        })
    }

    /// Tag of the image of that name.
    pub(super) fn tag(&self, end: &str) -> Option<String> {
        let images = self.spec.containers.iter().filter_map(|container| container.image.as_deref());
        let found = images.filter(|image| repository(image).ends_with(end));
        found.filter_map(|image| image.split('@').next()?.strip_prefix(repository(image))?.strip_prefix(':')).next().map(str::to_owned)
    }

    /// Why what its template says is not what runs, or not on each of as many nodes as there are; none where it is. `nodes` is for a
    /// DaemonSet, with how many of them are not ready themselves: an agent there cannot be, and nothing new starts there either.
    pub(super) fn missing(&self, nodes: Option<(usize, usize)>) -> Option<String> {
        if self.by == FoundBy::NameAlone {
            return Some("it was found by its name alone: neither its image nor its owner is one of the engine's".to_owned());
        }
        let Some(wanted) = self.wanted else {
            return Some("its controller has not yet said how many of its agents there should be".to_owned());
        };
        let number = |of: fn((usize, usize)) -> usize| nodes.map(of).and_then(|number| i64::try_from(number).ok());
        let (all, down) = (number(|(all, _)| all), number(|(_, down)| down).unwrap_or(0));
        match (wanted, self.ready.unwrap_or(0), self.current.unwrap_or(0)) {
            (0, ..) if nodes.is_some() => Some("its agent runs on no node".to_owned()),
            (0, ..) => Some("no pod of it is wanted".to_owned()),
            (some, ..) if all.is_some_and(|all| some < all) => {
                let all = all.unwrap_or_default();
                Some(format!("its agent is to run on {some} of {all} nodes, and what does its work on the others is not known"))
            }
            (_, 0, _) => Some("none of its agents is ready".to_owned()),
            (wanted, ready, _) if ready + down < wanted => Some(format!("{ready} of its {wanted} agents are ready")),
            (wanted, _, current) if current < wanted => {
                Some(format!("{current} of its {wanted} agents run what its template says now, the others an older one"))
            }
            _ => None,
        }
    }
}

/// What a controller says of this generation of its object.
fn of_this_generation<T>(metadata: &ObjectMeta, observed: Option<i64>, value: T) -> Option<T> {
    let outdated = matches!((metadata.generation, observed), (Some(now), Some(seen)) if seen < now);
    (!outdated).then_some(value)
}

fn agent(known: &[Marks], kind: &str, metadata: ObjectMeta, spec: Option<PodSpec>, origin: Evidence) -> Option<Agent> {
    let spec = spec?;
    let fits = |marks: &Marks| marks.fit(&metadata, &spec).map(|by| (by, marks.engine));
    // What is made of the images of others is known by its name.
    let named = |marks: &&Marks| metadata.name.as_deref().is_some_and(|name| marks.names.contains(&name));
    let by_name = known.iter().filter(named).filter_map(fits).min();
    let found = by_name.filter(|(by, _)| *by == FoundBy::Make).or_else(|| known.iter().filter_map(fits).min()).or(by_name);
    let (by, engine) = found?;
    let runs = known.iter().find(|marks| marks.engine == engine).map_or(Runs::Engine, |marks| marks.runs(&spec));
    Some(Agent {
        engine,
        by,
        runs,
        subject: ObjectRef {
            kind: kind.to_owned(),
            group: "apps".to_owned(),
            namespace: metadata.namespace.clone(),
            name: metadata.name.clone().unwrap_or_default(),
            uid: metadata.uid.clone(),
        },
        metadata,
        origin,
        spec,
        wanted: None,
        ready: None,
        current: None,
    })
}

/// The DaemonSets of known engines, and the engines of which there is any trace, be it an image with one of their words.
pub(super) fn daemon_sets(reader: &Reader<'_>, known: &[Marks]) -> Result<(Vec<Agent>, BTreeSet<&'static str>), FactsError> {
    let (mut found, mut traces) = (Vec::new(), BTreeSet::new());
    reader.each::<DaemonSet>(&DAEMON_SETS, |object, origin| {
        if let Some(spec) = &object.spec.template.spec {
            traces.extend(known.iter().filter(|marks| marks.left_a_trace(spec)).map(|marks| marks.engine));
        }
        let Some(mut agent) = agent(known, "DaemonSet", object.metadata, object.spec.template.spec, origin) else { return };
        if let Some(status) = object.status.and_then(|status| of_this_generation(&agent.metadata, status.observed_generation, status)) {
            agent.wanted = Some(i64::from(status.desired_number_scheduled));
            agent.ready = Some(i64::from(status.number_ready));
            // The API leaves out what is 0.
            agent.current = Some(i64::from(status.updated_number_scheduled.unwrap_or(0)));
        }
        traces.insert(agent.engine);
        // One DaemonSet may carry a second engine beside the first, as the chart of Flannel does.
        let second = known.iter().filter(|marks| marks.beside_others && marks.engine != agent.engine);
        for marks in second.filter(|marks| marks.has_image(&agent.spec)) {
            traces.insert(marks.engine);
            found.push(Agent { engine: marks.engine, by: FoundBy::Make, runs: marks.runs(&agent.spec), ..agent.clone() });
        }
        found.push(agent);
    })?;
    Ok((found, traces))
}

/// The Deployments of known engines.
pub(super) fn controllers(reader: &Reader<'_>, known: &[Marks]) -> Result<Vec<Agent>, FactsError> {
    let mut found = Vec::new();
    reader.each::<Deployment>(&DEPLOYMENTS, |object, origin| {
        // Unset is 1 (`apps/v1` DeploymentSpec).
        let wanted = i64::from(object.spec.replicas.unwrap_or(1));
        let Some(mut agent) = agent(known, "Deployment", object.metadata, object.spec.template.spec, origin) else { return };
        if let Some(status) = object.status.and_then(|status| of_this_generation(&agent.metadata, status.observed_generation, status)) {
            agent.wanted = Some(wanted);
            agent.ready = Some(i64::from(status.ready_replicas.unwrap_or(0)));
            agent.current = Some(i64::from(status.updated_replicas.unwrap_or(0)));
        }
        found.push(agent);
    })?;
    Ok(found)
}
