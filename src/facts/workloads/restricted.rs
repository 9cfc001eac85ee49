//! What keeps a pod from the Pod Security level restricted and is reported by no control of a single setting: nothing is told twice,
//! and nothing is left out.

use k8s_openapi::api::core::v1::SecurityContext;

use super::effective::Effective;
use super::shapes::Shape;
use crate::facts::pod_security::{Violation, baseline_allows_capability};
use crate::facts::table::placed::Placed;

/// The violations of the level that no other control reports, in words, with the places that show them.
pub(super) fn rest(shape: &Shape<'_>, violations: &[Violation]) -> Placed<Vec<String>> {
    let mut rest = Placed::here(Vec::new());
    for violation in violations {
        let mut places: Vec<String> = violation
            .pointers
            .iter()
            .filter(|pointer| !is_told(shape, violation.check, pointer))
            .map(|pointer| format!("{}{pointer}", shape.origin.pointer))
            .collect();
        let metadata = shape.origin.pointer.strip_suffix("/spec").unwrap_or("");
        places.extend(
            violation
                .annotations
                .iter()
                .map(|key| format!("{metadata}/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"))),
        );
        if !places.is_empty() {
            rest.value.push(format!("{}: {}", violation.check, violation.message));
            rest.at.append(&mut places);
        }
    }
    rest.value.sort();
    rest
}

/// Whether a control of a single setting reports what stands at `pointer` (below the pod spec).
fn is_told(shape: &Shape<'_>, check: &str, pointer: &str) -> bool {
    let mut containers = containers(shape, pointer);
    match check {
        // pod/privileged-container, pod/host-namespaces, pod/host-port, pod/host-path, pod/added-capabilities, pod/privilege-escalation.
        "privileged" | "hostNamespaces" | "hostPorts" | "hostPathVolumes" | "capabilities_baseline" | "allowPrivilegeEscalation" => true,
        "restrictedVolumes" => pointer.ends_with("/hostPath"),
        "capabilities_restricted" => added(shape, pointer).is_some_and(|capability| !baseline_allows_capability(capability)),
        // pod/privileged-container, of what holds for the container in the end.
        "windowsHostProcess" => containers.any(|one| one.host_process().value),
        // pod/run-as-root.
        "runAsNonRoot" | "runAsUser" => containers.any(|one| one.may_run_as_root().value),
        // pod/seccomp.
        "seccompProfile_restricted" | "seccompProfile_baseline" => {
            containers.any(|one| !matches!(one.seccomp().value.as_str(), "RuntimeDefault" | "Localhost"))
        }
        _ => false,
    }
}

/// The containers that a pointer speaks of: the one that it leads to, or all where it leads to a setting of the pod.
fn containers<'s>(shape: &'s Shape<'s>, pointer: &str) -> impl Iterator<Item = Effective<'s>> {
    let wanted = place(pointer).map(|(list, index)| (list.to_owned(), index));
    contexts(shape)
        .filter(move |(list, index, _)| wanted.as_ref().is_none_or(|(wanted, at)| wanted == list && at == index))
        .map(|(.., context)| Effective::new(shape, context))
}

/// List and index of a container.
fn place(pointer: &str) -> Option<(&str, usize)> {
    let mut parts = pointer.strip_prefix('/')?.split('/');
    let list = parts.next().filter(|list| list.ends_with("ontainers"))?;
    Some((list, parts.next()?.parse().ok()?))
}

fn contexts<'s>(shape: &'s Shape<'s>) -> impl Iterator<Item = (&'static str, usize, Option<&'s SecurityContext>)> {
    let spec = shape.spec;
    let init = spec.init_containers.iter().flatten().map(|c| c.security_context.as_ref()).enumerate();
    let ordinary = spec.containers.iter().map(|c| c.security_context.as_ref()).enumerate();
    let ephemeral = spec.ephemeral_containers.iter().flatten().map(|c| c.security_context.as_ref()).enumerate();
    init.map(|(i, c)| ("initContainers", i, c))
        .chain(ordinary.map(|(i, c)| ("containers", i, c)))
        .chain(ephemeral.map(|(i, c)| ("ephemeralContainers", i, c)))
}

/// The capability that a pointer to an entry of `capabilities/add` leads to.
fn added<'s>(shape: &'s Shape<'s>, pointer: &str) -> Option<&'s str> {
    let (front, number) = pointer.rsplit_once("/capabilities/add/")?;
    let (list, index) = place(front)?;
    let (.., context) = contexts(shape).find(|(own, at, _)| *own == list && *at == index)?;
    context?.capabilities.as_ref()?.add.as_ref()?.get(number.parse::<usize>().ok()?).map(String::as_str)
}
