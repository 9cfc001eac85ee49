//! What was observed of the declarations of a scope file.

use std::collections::{BTreeMap, BTreeSet};

use super::counted;
use crate::assess::{Membership, ResolvedScope};
use crate::facts::{ContainerRow, Coverage, Row, TableRow};
use crate::model::{AccessCell, Declarations, Exhibits, Observed, Scope};

/// Items of one observation; how many more there are is said.
const MOST: usize = 50;

/// What image runs where ePHI is, and in which workloads.
#[derive(Debug, Default)]
pub(in crate::assess) struct Images {
    of: BTreeMap<String, BTreeSet<String>>,
    complete: bool,
}

impl Images {
    /// Adds rows of the table of containers, when somebody declared where images may come from.
    pub(in crate::assess) fn add(&mut self, rows: &[Row], scope: &ResolvedScope<'_>) {
        if scope.declarations().is_none_or(|declared| declared.allowed_registries.is_empty()) {
            return;
        }
        let columns = ContainerRow::columns();
        for row in rows {
            let Some(namespace) = row.namespace.as_deref().filter(|name| !matches!(scope.membership(name), Membership::Out)) else {
                continue;
            };
            let texts = (columns.image_registry.of(row), columns.image_repository.of(row), columns.workload.of(row));
            let (Some(registry), Some(repository), Some(workload)) = texts else { continue };
            self.of.entry(format!("{registry}/{repository}")).or_default().insert(format!("{namespace} {workload}"));
        }
    }

    /// With whether every source of that table was read.
    pub(in crate::assess) fn read_of(self, coverage: &Coverage) -> Self {
        let complete = coverage.complete(&ContainerRow::schema().sources_for(std::iter::empty())).is_ok();
        Self { complete, ..self }
    }
}

/// The declarations with what was observed of them.
pub(in crate::assess) fn observe(declared: &Declarations, scope: &Scope, exhibits: &Exhibits, images: &Images) -> Declarations {
    let mut observed = Vec::new();
    if !declared.environments.is_empty() {
        observed.extend(environments(declared, scope));
    }
    if !declared.allowed_registries.is_empty() {
        observed.push(registries(declared, images));
    }
    if !declared.break_glass.is_empty() {
        observed.push(break_glass(declared, exhibits));
    }
    if !declared.vendors.is_empty() {
        observed.push(vendors(declared, exhibits));
    }
    if !declared.excluded.is_empty() {
        observed.push(excluded(declared, scope));
    }
    if !declared.components.is_empty() {
        observed.extend(components(declared, scope, exhibits));
    }
    observed.extend(declared.duties.iter().map(|duty| apart(&duty.name, &duty.apart, exhibits)));
    if let Some(years) = declared.retention_years {
        observed.push(Observed {
            declaration: "retention".to_owned(),
            agrees: Some(years >= 6),
            statement: format!(
                "Evidence is to be kept for {}; 45 CFR 164.316(b)(2)(i) asks for six years of documentation.",
                counted(usize::try_from(years).unwrap_or(usize::MAX), "year", "years")
            ),
            items: Vec::new(),
            more: 0,
        });
    }
    Declarations { observed, ..declared.clone() }
}

/// An observation about these; it does not agree where there are any.
fn of(declaration: &str, complete: bool, items: BTreeSet<String>, some: impl Fn(usize) -> String, none: String) -> Observed {
    let count = items.len();
    let (agrees, statement) = match (count, complete) {
        (0, true) => (Some(true), none),
        (0, false) => (None, "Not everything that this rests on was read, and nothing was seen that is otherwise.".to_owned()),
        _ => (Some(false), some(count)),
    };
    let more = count.saturating_sub(MOST) as u64;
    Observed { declaration: declaration.to_owned(), agrees, statement, items: items.into_iter().take(MOST).collect(), more }
}

fn environments(declared: &Declarations, scope: &Scope) -> Vec<Observed> {
    let named: BTreeSet<&String> = declared.environments.values().flatten().collect();
    let all: BTreeSet<&String> = scope.ephi_namespaces.iter().chain(&scope.other_namespaces).collect();
    let absent = named.iter().filter(|name| !all.contains(**name)).map(|name| (*name).clone()).collect();
    let without = scope.ephi_namespaces.iter().filter(|name| !named.contains(name)).cloned().collect();
    vec![
        of(
            "environments",
            scope.complete,
            without,
            |count| {
                let some = counted(count, "namespace with ePHI is", "namespaces with ePHI are");
                format!("{some} in no environment that is declared.")
            },
            "Every namespace with ePHI is in a declared environment.".to_owned(),
        ),
        of(
            "environments",
            scope.complete,
            if scope.complete { absent } else { BTreeSet::new() },
            |count| {
                let some = counted(count, "namespace stands in an environment and is", "namespaces stand in an environment and are");
                format!("{some} not in the cluster.")
            },
            "Every namespace that stands in an environment is in the cluster.".to_owned(),
        ),
    ]
}

/// Whether an image comes from a place: the whole of its beginning, up to a `/` or the end. Another port is another registry.
fn is_from(image: &str, place: &str) -> bool {
    let place = place.trim_end_matches('/');
    image.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn registries(declared: &Declarations, images: &Images) -> Observed {
    let outside = images.of.iter().filter(|(image, _)| !declared.allowed_registries.iter().any(|place| is_from(image, place)));
    let items: BTreeSet<String> = outside
        .map(|(image, workloads)| {
            let first = workloads.first().map(String::as_str).unwrap_or_default();
            match workloads.len() {
                0 | 1 => format!("{image} in {first}"),
                several => format!("{image} in {first} and {} more", several - 1),
            }
        })
        .collect();
    of(
        "allowed_registries",
        images.complete,
        items,
        |count| {
            let verb = if count == 1 { "comes" } else { "come" };
            format!("{count} of {} in namespaces with ePHI {verb} from elsewhere.", counted(images.of.len(), "image", "images"))
        },
        match images.of.len() {
            1 => "The one image in namespaces with ePHI comes from the declared registries.".to_owned(),
            count => format!("All {count} images in namespaces with ePHI come from the declared registries."),
        },
    )
}

fn break_glass(declared: &Declarations, exhibits: &Exhibits) -> Observed {
    let Some(list) = &exhibits.accesses else { return not_computed("break_glass") };
    let holds = |identity: &str| {
        list.accesses.iter().any(|access| match &access.namespace {
            Some(namespace) => identity == format!("{}/{namespace}/{}", access.kind, access.name),
            None => identity == format!("{}/{}", access.kind, access.name),
        })
    };
    let items = declared.break_glass.iter().filter(|identity| !holds(identity)).cloned().collect();
    of(
        "break_glass",
        list.unseen.is_empty(),
        items,
        |count| {
            let verb = if count == 1 { "holds" } else { "hold" };
            let all = counted(declared.break_glass.len(), "identity", "identities");
            format!("{count} of {all} for emergencies {verb} no access by any binding of this cluster's own.")
        },
        match declared.break_glass.len() {
            1 => "The identity for emergencies holds access.".to_owned(),
            count => format!("All {count} identities for emergencies hold access."),
        },
    )
}

/// What vendors may do: their people are no workforce (45 CFR 160.103), so that agreements are asked about, not trainings.
fn vendors(declared: &Declarations, exhibits: &Exhibits) -> Observed {
    let Some(matrix) = &exhibits.access else { return not_computed("vendors") };
    let items: BTreeSet<String> = matrix
        .subjects
        .iter()
        .filter(|access| {
            let subject = &access.subject;
            let name = match &subject.namespace {
                Some(namespace) => format!("{}/{namespace}/{}", subject.kind, subject.name),
                None => format!("{}/{}", subject.kind, subject.name),
            };
            declared.vendors.contains(&name)
        })
        .map(|access| {
            let places: Vec<&str> = access.cells.iter().map(|cell| cell.namespace.as_str()).collect();
            format!("{} {} in {}", access.subject.kind, access.subject.name, places.join(", "))
        })
        .collect();
    let all = counted(declared.vendors.len(), "identity of a vendor", "identities of vendors");
    let reach = items.len();
    let mut observed = of(
        "vendors",
        matrix.unseen.is_empty(),
        items,
        |count| {
            format!(
                "{count} of {all} {} into a namespace in scope. Their people are not workforce; their agreements are to be asked for.",
                if count == 1 { "reaches" } else { "reach" }
            )
        },
        format!("None of {all} was seen to reach into a namespace in scope by its own name. Rights through groups are not seen."),
    );
    // That a vendor has access is no disagreement: it was declared. That one has none is not known either: who is in which group says
    // whoever authenticates, and nothing in the cluster.
    observed.agrees = observed.agrees.filter(|_| reach == 0 && declared.vendors.iter().all(|name| name.starts_with("ServiceAccount/")));
    observed
}

/// Namespaces that were left out and are not there: what was decided about them concerns nothing.
fn excluded(declared: &Declarations, scope: &Scope) -> Observed {
    let absent = |name: &String| scope.complete && !scope.other_namespaces.contains(name);
    let items = declared.excluded.iter().map(|one| one.namespace.clone()).filter(absent).collect();
    let all = counted(declared.excluded.len(), "namespace was", "namespaces were");
    of(
        "excluded",
        scope.complete,
        items,
        |count| format!("{all} left out by declaration, and {} not in the cluster or in scope by a label.", counted(count, "is", "are")),
        format!("{all} left out by declaration."),
    )
}

/// Whoever reaches into the namespaces of several parts that are to be kept from one another (45 CFR 164.105(a)(2)(ii)).
fn components(declared: &Declarations, scope: &Scope, exhibits: &Exhibits) -> Vec<Observed> {
    let named: BTreeSet<&String> = declared.components.values().flatten().collect();
    let without: BTreeSet<String> = scope.ephi_namespaces.iter().filter(|name| !named.contains(name)).cloned().collect();
    let mut observed = vec![of(
        "components",
        scope.complete,
        without,
        |count| format!("{} in no component that is declared.", counted(count, "namespace in scope is", "namespaces in scope are")),
        "Every namespace in scope is in a declared component.".to_owned(),
    )];
    let Some(matrix) = &exhibits.access else {
        observed.push(not_computed("components"));
        return observed;
    };
    let part_of =
        |namespace: &str| declared.components.iter().find(|(_, all)| all.iter().any(|name| name == namespace)).map(|(name, _)| name);
    let items = matrix
        .subjects
        .iter()
        .filter_map(|access| {
            let parts: BTreeSet<&String> = access.cells.iter().filter_map(|cell| part_of(&cell.namespace)).collect();
            let names: Vec<&str> = parts.iter().map(|name| name.as_str()).collect();
            (parts.len() > 1).then(|| format!("{} {} in {}", access.subject.kind, access.subject.name, names.join(" and ")))
        })
        .collect();
    observed.push(of(
        "components",
        matrix.unseen.is_empty(),
        items,
        |count| format!("{} into several components.", counted(count, "identity reaches", "identities reach")),
        "No identity reaches into several components.".to_owned(),
    ));
    observed
}

fn not_computed(declaration: &str) -> Observed {
    let statement = "Not computed: this assessment holds no list of who has access.".to_owned();
    Observed { declaration: declaration.to_owned(), agrees: None, statement, items: Vec::new(), more: 0 }
}

/// Who holds all of these kinds of reach in one namespace with ePHI. Whoever may do everything holds them.
fn apart(name: &str, kinds: &[String], exhibits: &Exhibits) -> Observed {
    let Some(matrix) = &exhibits.access else { return not_computed("duties") };
    let everything = matrix.reaches.first().map(|kind| kind.id.as_str());
    let holds = |cell: &AccessCell| {
        cell.reaches.first().map(String::as_str).is_some_and(|first| Some(first) == everything)
            || kinds.iter().all(|kind| cell.reaches.contains(kind))
    };
    let items = matrix
        .subjects
        .iter()
        .filter_map(|access| {
            let places: Vec<&str> = access.cells.iter().filter(|cell| holds(cell)).map(|cell| cell.namespace.as_str()).collect();
            let first = places.first()?;
            let place = if places.len() == 1 { (*first).to_owned() } else { format!("{first} and {} more", places.len() - 1) };
            let subject = &access.subject;
            let within = subject.namespace.iter().map(|namespace| format!("{namespace}/")).collect::<String>();
            Some(format!("{} {within}{} in {place}", subject.kind, subject.name))
        })
        .collect();
    of(
        "duties",
        matrix.unseen.is_empty(),
        items,
        |count| {
            let some = counted(count, "identity holds", "identities hold");
            format!("{name}: {some} {} in one namespace with ePHI.", kinds.join(" and "))
        },
        format!("{name}: no identity holds {} in one namespace with ePHI.", kinds.join(" and ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_is_the_whole_beginning_of_a_name() {
        assert!(is_from("registry.example/team/app", "registry.example"));
        assert!(is_from("registry.example/team/app", "registry.example/team/"));
        assert!(!is_from("registry.example.evil/team/app", "registry.example"));
        assert!(!is_from("registry.example:5000/evil/app", "registry.example"));
        assert!(is_from("registry.example:5000/team/app", "registry.example:5000"));
        assert!(!is_from("registry.example/teamster/app", "registry.example/team"));
    }
}
