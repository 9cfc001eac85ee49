use std::collections::BTreeMap;

use super::control::Control;
use super::lint::{Problem, Problems};
use super::people::{Fields, Placed, Reading, Value, schema, shown};
use crate::model::{Declarations, Duty, Entity, EntityKind, Exclusion, ExclusionReason, ScopeRole, SetParameters};

/// The format of a scope file.
pub const SCOPE_SCHEMA: &str = "kube-hipaa/scope/v1";

/// A scope file: who says which namespaces hold ePHI, and what else is declared about the cluster.
#[derive(Clone, Debug)]
pub struct ScopeFile {
    /// Namespaces with ePHI by name.
    pub namespaces: Vec<Placed<String>>,
    /// And by label, such as `data=ephi`. One match is enough.
    pub selectors: Vec<Placed<String>>,
    /// Namespaces that pass ePHI on or administer those that keep it, by name and by label.
    pub others: Vec<(ScopeRole, Vec<Placed<String>>, Vec<Placed<String>>)>,
    /// Who says so: a role or a name.
    pub declared_by: Option<String>,
    /// When, as a date.
    pub declared_on: Option<String>,
    /// What else it says; none where it says nothing else.
    pub declarations: Option<Declarations>,
    /// Numbers of controls that it sets.
    pub parameters: SetParameters,
}

/// What is at hand to say whether a scope file names what exists.
pub struct ScopeContext<'c> {
    /// What is wrong with a label selector.
    pub selector: &'c dyn Fn(&str) -> Option<String>,
    /// Ids of the kinds of reach.
    pub reaches: &'c [&'static str],
    /// The controls whose parameters can be set; none where they could not be read, so that only the form of the file is judged.
    pub controls: Option<&'c [Control]>,
}

/// Years for which documentation is kept at the least (45 CFR 164.316(b)(2)(i)); no more than a century is meant.
const YEARS: std::ops::RangeInclusive<u32> = 1..=100;

/// Reads a scope file and reports everything that is wrong with it.
pub fn read_scope_file(file: &str, text: &str, context: &ScopeContext<'_>) -> Result<ScopeFile, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut reading = Reading { file, problems: &mut problems };
    let scope = reading.document(text).and_then(|fields| scope(fields, &mut reading, context));
    let problems = problems.into_sorted();
    match scope {
        Some(scope) if problems.is_empty() => Ok(scope),
        _ => Err(problems),
    }
}

fn scope(mut fields: Fields, reading: &mut Reading<'_>, context: &ScopeContext<'_>) -> Option<ScopeFile> {
    schema(&mut fields, SCOPE_SCHEMA, reading);
    let ephi = fields.take("ephi");
    let declared_by = fields.text("declared_by", reading).map(|text| text.value);
    let declared_on = fields.date("declared_on", reading).map(|date| date.value);
    let mut text = |key| fields.text(key, reading).map(|text| text.value);
    let (organisation, purpose, operator) = (text("organisation"), text("purpose"), text("operator"));
    let others: Vec<_> = [(ScopeRole::Transmits, "transmits"), (ScopeRole::Administers, "administers")]
        .into_iter()
        .filter_map(|(role, key)| {
            let (names, selectors) = members(fields.take(key)?, key, reading, context)?;
            Some((role, names, selectors))
        })
        .collect();
    let environments = by_name(&mut fields, "environments", reading);
    let components = by_name(&mut fields, "components", reading);
    let vendors = identities(&mut fields, "vendors", reading);
    let entity = fields.take("entity").and_then(|value| entity(value, reading));
    let excluded = excluded(&mut fields, (&declared_by, &declared_on), reading);
    let registries = fields.texts("allowed_registries", reading);
    for one in registries.iter().filter(|one| !is_registry(&one.value)) {
        let why = "write the beginning of image names up to a `/` or the end, such as registry.example or registry.example/team";
        reading.wrong(one.place, format!("`{}` is no registry: {why}", shown(&one.value)));
    }
    let break_glass = identities(&mut fields, "break_glass", reading);
    let duties = duties(&mut fields, reading, context);
    let retention_years = fields.take("retention").and_then(|value| retention(value, reading));
    let parameters = parameters(&mut fields, reading, context);
    let ephi = fields.needed(ephi, "ephi", reading);
    fields.finish(reading);
    let (namespaces, selectors) = members(ephi?, "ephi", reading, context)?;
    contradictions(&namespaces, &others, &excluded, reading);
    let values = |all: Vec<Placed<String>>| all.into_iter().map(|one| one.value).collect();
    let declarations = Declarations {
        organisation,
        purpose,
        operator,
        environments,
        allowed_registries: values(registries),
        break_glass: values(break_glass),
        duties,
        retention_years,
        entity,
        excluded: excluded.into_iter().map(|one| one.value).collect(),
        components,
        vendors: values(vendors),
        observed: Vec::new(),
    };
    let declarations = Some(declarations).filter(|said| *said != Declarations::default());
    Some(ScopeFile { namespaces, selectors, others, declared_by, declared_on, declarations, parameters })
}

type Named = Vec<Placed<String>>;

/// `{namespaces: [records], selectors: ["data=ephi"]}`.
fn members(value: Value, key: &'static str, reading: &mut Reading<'_>, context: &ScopeContext<'_>) -> Option<(Named, Named)> {
    let mut ephi = reading.map(value, &format!("`{key}`"))?;
    let place = ephi.place;
    let before = reading.problems.len();
    let (namespaces, selectors) = (ephi.texts("namespaces", reading), ephi.texts("selectors", reading));
    ephi.finish(reading);
    // What was misspelt has been said.
    if namespaces.is_empty() && selectors.is_empty() && reading.problems.len() == before {
        let instead = match key {
            "ephi" => "leave the file out to treat every namespace but the system ones as holding ePHI",
            _ => "leave the key out where there are none",
        };
        reading.wrong(place, format!("`{key}` names neither namespaces nor selectors; {instead}"));
    }
    for name in namespaces.iter().filter(|name| !is_label(&name.value)) {
        not_a_namespace(name, reading);
    }
    for text in &selectors {
        if let Some(why) = (context.selector)(&text.value) {
            reading.wrong(text.place, why);
        }
    }
    Some((namespaces, selectors))
}

fn not_a_namespace(name: &Placed<String>, reading: &mut Reading<'_>) {
    let why = "names are up to 63 of a-z, 0-9 and `-`, with a letter or digit at both ends";
    reading.wrong(name.place, format!("`{}` cannot be a namespace: {why}", shown(&name.value)));
}

/// One namespace has one part in this, whoever declares it.
fn contradictions(
    maintains: &[Placed<String>],
    others: &[(ScopeRole, Named, Named)],
    excluded: &[Placed<Exclusion>],
    reading: &mut Reading<'_>,
) {
    let mut known: BTreeMap<&str, &str> = maintains.iter().map(|name| (name.value.as_str(), "ephi")).collect();
    for (role, names, _) in others {
        for name in names {
            if let Some(before) = known.insert(&name.value, role.word()) {
                reading.wrong(name.place, format!("`{}` stands under `{before}` already", shown(&name.value)));
            }
        }
    }
    for one in excluded {
        if let Some(before) = known.insert(&one.value.namespace, "excluded") {
            reading.wrong(one.place, format!("`{}` stands under `{before}` already", shown(&one.value.namespace)));
        }
    }
}

/// A list of identities.
fn identities(fields: &mut Fields, key: &'static str, reading: &mut Reading<'_>) -> Named {
    let all = fields.texts(key, reading);
    for one in all.iter().filter(|one| !is_identity(&one.value)) {
        let why = "write User/NAME, Group/NAME or ServiceAccount/NAMESPACE/NAME";
        reading.wrong(one.place, format!("`{}` is no identity: {why}", shown(&one.value)));
    }
    all
}

/// The word of a list that a text is, or a problem.
fn one_of<T: Copy>(text: &Placed<String>, all: &[T], word: fn(T) -> &'static str, what: &str, reading: &mut Reading<'_>) -> Option<T> {
    let found = all.iter().copied().find(|one| word(*one) == text.value);
    if found.is_none() {
        let known = all.iter().map(|one| word(*one)).collect::<Vec<_>>().join(", ");
        reading.wrong(text.place, format!("`{}` is no {what}; there are {known}", shown(&text.value)));
    }
    found
}

/// `entity: {kind: business_associate, clearinghouse: false, group_health_plan: false, hybrid: false}`.
fn entity(value: Value, reading: &mut Reading<'_>) -> Option<Entity> {
    let mut fields = reading.map(value, "`entity`")?;
    let kind = fields.text("kind", reading).and_then(|text| one_of(&text, &EntityKind::ALL, EntityKind::word, "kind of entity", reading));
    let mut flag = |key| fields.flag(key, reading);
    let (clearinghouse, group_health_plan, hybrid) = (flag("clearinghouse"), flag("group_health_plan"), flag("hybrid"));
    fields.finish(reading);
    Some(Entity { kind, clearinghouse, group_health_plan, hybrid })
}

/// `excluded: [{namespaces: [sandbox], reason: synthetic, because: "…", by: "…", on: "2026-11-29"}]`; who and when are those of the file
/// where they are not said.
fn excluded(
    fields: &mut Fields,
    (declared_by, declared_on): (&Option<String>, &Option<String>),
    reading: &mut Reading<'_>,
) -> Vec<Placed<Exclusion>> {
    let Some(value) = fields.take("excluded") else { return Vec::new() };
    let items = reading.list(value, "excluded");
    let mut all = Vec::new();
    for item in items {
        let Some(mut fields) = reading.map(item, "an entry of `excluded`") else { continue };
        let names = fields.texts("namespaces", reading);
        let reason = fields.text("reason", reading);
        let (because, by, on) = (fields.text("because", reading), fields.text("by", reading), fields.date("on", reading));
        let names = fields.needed(Some(names).filter(|names| !names.is_empty()), "namespaces", reading);
        let reason = fields.needed(reason, "reason", reading);
        let because = fields.needed(because, "because", reading);
        let by = fields.needed(by.map(|by| by.value).or_else(|| declared_by.clone()), "by", reading);
        let on = fields.needed(on.map(|on| on.value).or_else(|| declared_on.clone()), "on", reading);
        let reason = reason.and_then(|text| one_of(&text, &ExclusionReason::ALL, ExclusionReason::word, "reason", reading));
        fields.finish(reading);
        let names = names.unwrap_or_default();
        for name in names.iter().filter(|name| !is_label(&name.value)) {
            not_a_namespace(name, reading);
        }
        let (Some(reason), Some(because), Some(by), Some(on)) = (reason, because, by, on) else { continue };
        for Placed { value: namespace, place } in names {
            let value = Exclusion { namespace, reason, because: because.value.clone(), by: by.clone(), on: on.clone() };
            all.push(Placed { value, place });
        }
    }
    all
}

/// `environments: {production: [records, imaging], test: [sandbox]}`, and `components` likewise.
fn by_name(fields: &mut Fields, key: &'static str, reading: &mut Reading<'_>) -> BTreeMap<String, Vec<String>> {
    let Some(value) = fields.take(key) else { return BTreeMap::new() };
    let Some(map) = reading.map(value, &format!("`{key}`")) else { return BTreeMap::new() };
    let (mut all, mut seen) = (BTreeMap::new(), BTreeMap::<String, String>::new());
    for (name, value) in map.rest() {
        let mut namespaces = Vec::new();
        for item in reading.list(value, key) {
            let Some(namespace) = reading.text(item, key) else { continue };
            if !is_label(&namespace.value) {
                not_a_namespace(&namespace, reading);
            } else if let Some(other) = seen.insert(namespace.value.clone(), name.value.clone()) {
                reading.wrong(namespace.place, format!("`{}` stands in `{}` already", namespace.value, shown(&other)));
            } else {
                namespaces.push(namespace.value);
            }
        }
        namespaces.sort();
        all.insert(name.value, namespaces);
    }
    all
}

/// `duties: [{name: deploy and approve, apart: [write-workloads, change-policies]}]`.
fn duties(fields: &mut Fields, reading: &mut Reading<'_>, context: &ScopeContext<'_>) -> Vec<Duty> {
    let Some(value) = fields.take("duties") else { return Vec::new() };
    let items = reading.list(value, "duties");
    let mut duty = |item: Value| {
        let mut fields = reading.map(item, "an entry of `duties`")?;
        let name = fields.text("name", reading);
        let apart = fields.texts("apart", reading);
        let name = fields.needed(name, "name", reading);
        if apart.len() < 2 {
            reading.wrong(fields.place, "`apart` names at least two kinds of reach that nobody is to hold together");
        }
        fields.finish(reading);
        for kind in apart.iter().filter(|kind| !context.reaches.contains(&kind.value.as_str())) {
            let known = context.reaches.join(", ");
            reading.wrong(kind.place, format!("there is no kind of reach `{}`; there are {known}", shown(&kind.value)));
        }
        Some(Duty { name: name?.value, apart: apart.into_iter().map(|kind| kind.value).collect() })
    };
    items.into_iter().filter_map(&mut duty).collect()
}

/// `retention: {years: 6}`.
fn retention(value: Value, reading: &mut Reading<'_>) -> Option<u32> {
    let mut fields = reading.map(value, "`retention`")?;
    let years = fields.number("years", reading);
    let years = fields.needed(years, "years", reading);
    fields.finish(reading);
    let years = years?;
    if !YEARS.contains(&years.value) {
        reading.wrong(years.place, format!("`years` is {}, and a number from {} to {} is wanted", years.value, YEARS.start(), YEARS.end()));
    }
    Some(years.value)
}

/// `parameters: {storage/backup-current: {max_age_hours: 48}}`.
fn parameters(fields: &mut Fields, reading: &mut Reading<'_>, context: &ScopeContext<'_>) -> SetParameters {
    let Some(value) = fields.take("parameters") else { return SetParameters::new() };
    let Some(map) = reading.map(value, "`parameters`") else { return SetParameters::new() };
    let mut set = SetParameters::new();
    for (id, value) in map.rest() {
        let control = context.controls.map(|all| all.iter().find(|control| control.id == id.value));
        if let Some(None) = control {
            let with: Vec<&str> =
                context.controls.into_iter().flatten().filter(|one| !one.parameters.is_empty()).map(|one| one.id.as_str()).collect();
            let known = with.join(", ");
            reading.wrong(id.place, format!("there is no control `{}`; those with parameters are {known}", shown(&id.value)));
            continue;
        }
        let Some(values) = reading.map(value, &format!("`{}`", shown(&id.value))) else { continue };
        for (name, value) in values.rest() {
            let Some(number) = reading.integer(value, &name.value) else { continue };
            if let Some(Some(control)) = control {
                let Some(parameter) = control.parameters.iter().find(|one| one.name == name.value) else {
                    let known: Vec<&str> = control.parameters.iter().map(|one| one.name.as_str()).collect();
                    let known = if known.is_empty() { "it has none".to_owned() } else { format!("there are {}", known.join(", ")) };
                    reading.wrong(name.place, format!("{} has no parameter `{}`; {known}", control.id, shown(&name.value)));
                    continue;
                };
                let (least, most) = parameter.range;
                if !(least..=most).contains(&number.value) {
                    let what =
                        format!("`{}` is {}, and a number from {least} to {most} {} is wanted", name.value, number.value, parameter.unit);
                    reading.wrong(number.place, what);
                    continue;
                }
            }
            set.entry(id.value.clone()).or_default().insert(name.value, number.value);
        }
    }
    set
}

/// RFC 1123 label, as the API server demands of a namespace (apimachinery `IsDNS1123Label`).
fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

/// The beginning of an image's name: host with port, and parts of a repository.
fn is_registry(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-:/".contains(c);
    !text.contains("://") && text.chars().all(good) && text.trim_end_matches('/').split('/').all(|part| !part.is_empty())
}

fn is_identity(text: &str) -> bool {
    match text.split_once('/') {
        Some(("User" | "Group", name)) => !name.is_empty(),
        Some(("ServiceAccount", rest)) => rest.split_once('/').is_some_and(|(namespace, name)| is_label(namespace) && !name.is_empty()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ScopeFile, Vec<String>> {
        let selector = |text: &str| text.contains(' ').then(|| format!("`{text}` is no selector"));
        let context = ScopeContext { selector: &selector, reaches: &["read-secrets", "exec"], controls: None };
        read_scope_file("s.yaml", text, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_problem_is_reported_with_line_and_column() {
        let text =
            "ephi:\n  namespaces: [records, Records, records]\n  selectors:\n  - data=ephi\n  - a b\ndeclared_on: 2026-02-30\nowner: x\n";
        let problems = read(text).expect_err("wrong");
        assert_eq!(problems.len(), 5, "{problems:#?}");
        assert!(problems[0].starts_with("s.yaml:2:25: `Records` cannot be a namespace"), "{problems:#?}");
        assert!(problems[1].starts_with("s.yaml:2:34: `records` stands twice"), "{problems:#?}");
        assert!(problems[2].starts_with("s.yaml:5:5: `a b` is no selector"), "{problems:#?}");
        assert!(problems[3].starts_with("s.yaml:6:14: `2026-02-30` is not a date"), "{problems:#?}");
        assert!(problems[4].starts_with("s.yaml:7:1: there is no key `owner` here"), "{problems:#?}");
    }

    #[test]
    fn what_else_is_declared_is_read_and_checked() {
        let text = "schema: kube-hipaa/scope/v1\nephi: {namespaces: [records]}\norganisation: Example clinic\nenvironments: {production: [records], test: [sandbox]}\n\
            allowed_registries: [registry.example/team]\nbreak_glass: [User/root@example, ServiceAccount/ops/rescue]\n\
            duties:\n- {name: look and change, apart: [read-secrets, exec]}\nretention: {years: 6}\n";
        let declarations = read(text).expect("good").declarations.expect("declared");
        assert_eq!(declarations.environments["test"], ["sandbox"]);
        assert_eq!((declarations.duties[0].apart.len(), declarations.retention_years), (2, Some(6)));
        let text = "schema: kube-hipaa/scope/v2\nephi: {namespaces: [records]}\nenvironments: {a: [x, X], b: [x]}\nallowed_registries: ['https://r']\n\
            break_glass: [root, ServiceAccount/rescue]\nduties: [{name: d, apart: [nothing]}]\nretention: {years: 600}\nparameter: {}\n";
        let problems = read(text).expect_err("wrong");
        for part in [
            "s.yaml:1:9: `schema` is",
            "3:23: `X` cannot be a namespace",
            "3:31: `x` stands in `a` already",
            "4:22: `https://r` is no registry",
            "5:15: `root` is no identity",
            "5:21: `ServiceAccount/rescue` is no identity",
            "6:10: `apart` names at least two",
            "6:28: there is no kind of reach `nothing`; there are read-secrets, exec",
            "7:20: `years` is 600",
            "8:1: there is no key `parameter` here; did you mean `parameters`?",
        ] {
            assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:#?}");
        }
        assert_eq!(problems.len(), 10, "{problems:#?}");
    }

    #[test]
    fn numbers_of_controls_are_set_by_name_and_within_their_range() {
        let catalog = crate::catalog::Catalog::without_built_in_cases(&[]).expect("good");
        let selector = |_: &str| None;
        let context = ScopeContext { selector: &selector, reaches: &[], controls: Some(catalog.controls()) };
        let read = |parameters: &str| {
            let text = format!("ephi: {{namespaces: [records]}}\nparameters:\n{parameters}");
            read_scope_file("s.yaml", &text, &context).map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let set = read("  storage/backup-current: {max_age_hours: 48}\n").expect("good").parameters;
        assert_eq!(set["storage/backup-current"]["max_age_hours"], 48);
        for (wrong, said) in [
            ("  storage/backup: {max_age_hours: 48}\n", "3:3: there is no control `storage/backup`; those with parameters are"),
            (
                "  storage/backup-current: {max_age: 48}\n",
                "3:28: storage/backup-current has no parameter `max_age`; there are max_age_hours",
            ),
            ("  storage/backup-current: {max_age_hours: 400}\n", "is 400, and a number from 1 to 168 hours is wanted"),
            ("  storage/backup-current: {max_age_hours: two}\n", "`max_age_hours` is to be a whole number"),
            ("  storage/backup-current: {max_age_hours: '48'}\n", "`max_age_hours` is to be a whole number"),
            ("  storage/reclaim-retain: {days: 1}\n", "storage/reclaim-retain has no parameter `days`; it has none"),
        ] {
            let problems = read(wrong).expect_err(wrong);
            assert!(problems.len() == 1 && problems[0].contains(said), "{problems:?}");
        }
        let unread = ScopeContext { controls: None, ..context };
        let text = "ephi: {namespaces: [records]}\nparameters: {team/own: {days: 1}}\n";
        assert!(read_scope_file("s.yaml", text, &unread).is_ok(), "names are not judged where the controls could not be read");
    }
}
