//! The static pods of the control plane, as kubelets report them.

use k8s_openapi::api::core::v1::Container;

use super::defaults::Component;
use super::flags::{Flags, flags_of};
use super::places::Mounts;
use super::seen::{How, Instance, Variables};
use crate::facts::FactsError;
use crate::facts::context::Context;
use crate::facts::workloads::pass::StaticPod;
use crate::model::Grade;

/// The mirror pods of a component that can be believed: in kube-system, made from a file or a URL, controlled by the Node object
/// they are bound to (same uid), running, with a container that starts the component. One that is clearly meant to be the component
/// and is started by words that are not stored (a shell's line) is an instance of which nothing is known.
pub(super) fn mirrors(
    context: &Context<'_>,
    component: &'static Component,
    dark: impl Fn(&str) -> bool,
) -> Result<Vec<Instance>, FactsError> {
    let (mut found, nodes) = (Vec::new(), context.nodes()?);
    for pod in context.static_pods()?.iter().filter(|pod| pod.believed(nodes)) {
        for (i, container) in pod.containers.iter().enumerate() {
            let (flags, doubt) = match flags_of(container, component) {
                Some(flags) => (flags, None),
                None if is_meant(pod, container, component) => (Flags::default(), Some(started_otherwise(pod, container, component))),
                None => continue,
            };
            found.push(Instance {
                name: pod.subject.name.clone(),
                subject: pod.subject.clone(),
                doubt,
                variables: Variables {
                    names: container.env.iter().flatten().map(|variable| variable.name.clone()).collect(),
                    others: flags.wrapped || container.env_from.iter().flatten().next().is_some(),
                },
                flags,
                mounts: Some(Mounts::new(container.volume_mounts.as_deref().unwrap_or(&[]), &pod.volumes)),
                node: Some(pod.node_name().to_owned()),
                dark: dark(pod.node_name()).then(|| pod.node_name().to_owned()),
                ..Instance::new(component, pod.origin.at(format!("/spec/containers/{i}")).graded(Grade::ReportedCopy), How::CommandLine)
            });
        }
    }
    Ok(found)
}

/// Whether a container whose words do not name the component is the component all the same, by its name or its image.
fn is_meant(pod: &StaticPod, container: &Container, component: &Component) -> bool {
    let image = container.image.as_deref().unwrap_or("");
    let path = image.split('@').next().unwrap_or(image);
    let last = path.rsplit('/').next().unwrap_or(path);
    let repository = last.split(':').next().unwrap_or(last);
    let alone = pod.containers.len() == 1 && pod.component.as_deref() == Some(component.binary);
    container.name == component.binary || repository == component.binary || alone
}

fn started_otherwise(pod: &StaticPod, container: &Container, component: &Component) -> String {
    format!(
        "the container {} of the pod {} starts {} by words that the collector does not store, such as a line of a shell",
        container.name, pod.subject.name, component.binary
    )
}
