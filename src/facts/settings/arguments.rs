//! What k3s and RKE2 publish of their arguments: what was changed of the programs that they run.

use super::defaults::Component;
use super::flags::Flags;
use super::machines::Machine;
use super::seen::{How, Instance};

/// Under which arguments a program's flags are handed on (k3s and RKE2 documentation, "server" and "agent").
fn carriers(component: &Component) -> &'static [&'static str] {
    match component.binary {
        "kube-apiserver" => &["--kube-apiserver-arg"],
        "kube-controller-manager" => &["--kube-controller-manager-arg", "--kube-controller-arg"],
        "kube-scheduler" => &["--kube-scheduler-arg"],
        "kubelet" => &["--kubelet-arg"],
        _ => &[],
    }
}

/// The flags of one program among the words of one node. What is not among them has a default of the distribution.
pub(super) fn instance(machine: &Machine, component: &'static Component) -> Option<Instance> {
    let (_, words) = machine.words.as_ref()?;
    let doubt = words.is_none().then(|| format!("the arguments that the node {} publishes are no list of words", machine.name));
    let flags = words.as_deref().map_or_else(Flags::default, |words| flags(words, component));
    Some(Instance {
        name: machine.name.clone(),
        subject: machine.subject.clone(),
        component,
        flags,
        doubt,
        node: Some(machine.name.clone()),
        dark: machine.dark.then(|| machine.name.clone()),
        ..Instance::new(component, machine.origin.clone(), How::Changes)
    })
}

fn flags(words: &[String], component: &Component) -> Flags {
    let mut flags = Flags::default();
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        let Some(rest) = carriers(component).iter().find_map(|carrier| word.strip_prefix(carrier)) else { continue };
        let inner = match rest {
            "" => words.next_if(|next| !next.starts_with("--")).map(String::as_str),
            value => match value.strip_prefix('=') {
                Some(value) => Some(value),
                // The name of another argument that begins so.
                None => continue,
            },
        };
        match inner.map(|inner| inner.trim_start_matches('-')) {
            Some(inner) if !inner.is_empty() && !inner.starts_with("[redacted]") => {
                let (name, value) = inner.split_once('=').unwrap_or((inner, "true"));
                flags.add(component, name, value);
            }
            _ => flags.opaque = true,
        }
    }
    flags
}
