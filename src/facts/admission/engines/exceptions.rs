//! Exceptions: what takes objects of a namespace out of policies that apply there otherwise.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

use super::super::askers::Asker;
use super::super::conditions::{self, Condition};
use super::super::rules::Kind;
use super::super::webhooks::{Placed, unknown_operator};
use super::selection::{Match, Taken, glob, is_named, wildcard};
use super::{EnginePolicy, Labels, not_understood};
use crate::facts::context::Context;
use crate::facts::table::read::Readable;
use crate::facts::table::schema::{Row, table};
use crate::facts::times::hours_between;
use crate::facts::{FactsError, Known};
use crate::model::sources::{
    ENGINE_POLICIES, GATEKEEPER_CONFIGS, KYVERNO_CEL_EXCEPTIONS, KYVERNO_CONFIG, KYVERNO_EXCEPTIONS, NAMESPACES, VALIDATING_WEBHOOKS,
};
use crate::model::{Evidence, Grade, ObjectRef, SourceId};

table! {
    /// One row per exception and namespace: PolicyExceptions of Kyverno, namespaces that Gatekeeper's Config excludes from its webhook,
    /// what Kyverno's settings filter out (`resourceFilters`, and groups and roles that are left out; they are read where it runs in the namespace kyverno), and policies whose own `exclude`, `excludedNamespaces` or conditions take a namespace out that they would select otherwise.
    /// Whether Kyverno was started with exceptions switched on is not visible; they are taken for what they say.
    pub struct ExceptionRow as "engine_exceptions" counting "exceptions" from [NAMESPACES, KYVERNO_EXCEPTIONS, KYVERNO_CEL_EXCEPTIONS, GATEKEEPER_CONFIGS, VALIDATING_WEBHOOKS] + ENGINE_POLICIES consulting [KYVERNO_CONFIG] {
        /// `Gatekeeper`, `Kyverno` or `Kubewarden`.
        engine: &'static str;
        /// What excepts: kind and name of the object.
        exception: String, at "/metadata/name";
        /// The namespace that this row is about.
        namespace: String;
        /// Whether it takes objects of that namespace out.
        applies: Known<bool>;
        /// `everything` that the policies would select there, `every pod`, or `some objects`, by name, label, group or condition.
        takes: &'static str;
        /// The policies, sorted, in words: `every policy` where none is named.
        policies: Vec<String>;
    }
}

/// Of Kyverno (`kyverno.io/v2`).
#[derive(Deserialize)]
struct Exception {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: ExceptionSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExceptionSpec {
    #[serde(default)]
    exceptions: Vec<Excepted>,
    #[serde(default)]
    r#match: Match,
    conditions: Option<serde_json::Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Excepted {
    #[serde(default)]
    policy_name: String,
}

/// Of Kyverno's newer kinds (`policies.kyverno.io`).
#[derive(Deserialize)]
struct CelException {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: CelExceptionSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CelExceptionSpec {
    #[serde(default)]
    policy_refs: Vec<PolicyRef>,
    #[serde(default)]
    match_conditions: Vec<Condition>,
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    allowed_values: Vec<String>,
    expires_at: Option<String>,
}

#[derive(Deserialize)]
struct PolicyRef {
    #[serde(default)]
    name: String,
    #[serde(default)]
    kind: String,
}

/// Gatekeeper's own settings (`config.gatekeeper.sh`): it reads the one that is called `config`.
#[derive(Deserialize)]
struct Config {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    spec: ConfigSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfigSpec {
    r#match: Vec<ConfigMatch>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConfigMatch {
    #[serde(default)]
    excluded_namespaces: Vec<String>,
    #[serde(default)]
    processes: Vec<String>,
}

macro_rules! readable {
    ($($kind:ty),*) => {$(
        impl Readable for $kind {
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
        }
    )*};
}
readable!(Exception, CelException, Config);

/// What an exception does in one namespace: whether it takes objects out, and whether all.
type Effect = (Known<bool>, &'static str);

const EVERYTHING: &str = "everything";
const EVERY_POD: &str = "every pod";
const SOME: &str = "some objects";

struct Found {
    engine: &'static str,
    exception: String,
    origin: Evidence,
    policies: Vec<String>,
    at: &'static str,
    effect: Box<dyn Fn(&str, &Labels) -> Effect>,
}

pub(in super::super) fn rows(context: &Context<'_>, policies: &[EnginePolicy], webhooks: &[Placed]) -> Result<Vec<Row>, FactsError> {
    let mut found = read(context)?;
    found.extend(filters(context, webhooks, policies)?);
    let mut rows = Vec::new();
    for (namespace, labels) in &context.namespaces()?.labels() {
        for one in &found {
            let (applies, taken) = (one.effect)(namespace, labels);
            rows.push(row(one.engine, &one.exception, &one.origin, namespace, applies, taken, one.policies.clone(), one.at.to_owned()));
        }
        for policy in policies {
            let Some(at) = policy.within(namespace, labels).and_then(|within| within.taken_out_at) else { continue };
            let names = vec![policy.name.clone()];
            rows.push(row(policy.engine, &policy.name, &policy.origin, namespace, Known::Known(true), EVERYTHING, names, at));
        }
    }
    Ok(rows)
}

fn row(
    engine: &'static str,
    exception: &str,
    origin: &Evidence,
    namespace: &str,
    applies: Known<bool>,
    takes: &'static str,
    policies: Vec<String>,
    at: String,
) -> Row {
    let typed = ExceptionRow { engine, exception: exception.to_owned(), namespace: namespace.to_owned(), applies, takes, policies };
    let subject = origin.object().cloned().unwrap_or_else(|| ObjectRef {
        kind: String::new(),
        group: origin.reading.source.api_group().to_owned(),
        namespace: None,
        name: exception.to_owned(),
        uid: None,
    });
    Row::new(format!("{engine}/{exception}"), subject, vec![origin.clone()], typed)
        .in_namespace(Some(namespace.to_owned()))
        .evidenced("applies", vec![origin.at(at)])
}

/// As `Kind/namespace/name`.
fn named(source: &SourceId, metadata: &ObjectMeta, origin: &Evidence) -> String {
    let kind = origin.object().map_or(source.resource(), |object| object.kind.as_str());
    let parts: Vec<&str> = [Some(kind), metadata.namespace.as_deref(), metadata.name.as_deref()].into_iter().flatten().collect();
    parts.join("/")
}

/// No policy is named.
fn every() -> Vec<String> {
    vec!["every policy".to_owned()]
}

fn sorted(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = texts.collect();
    all.sort();
    all.dedup();
    all
}

fn read(context: &Context<'_>) -> Result<Vec<Found>, FactsError> {
    let reader = &context.reader;
    let mut all: Vec<Found> = Vec::new();
    reader.each::<Exception>(&KYVERNO_EXCEPTIONS, |exception, origin| {
        let spec = exception.spec;
        let policies = sorted(spec.exceptions.into_iter().map(|one| one.policy_name));
        let (matches, conditions) = (spec.r#match, spec.conditions.is_some());
        let name = named(&KYVERNO_EXCEPTIONS, &exception.metadata, &origin);
        let unknown = name.clone();
        all.push(Found {
            engine: "Kyverno",
            exception: name,
            origin,
            policies,
            at: "/spec/match",
            effect: Box::new(move |namespace, labels| match matches.takes(namespace, labels, Some(&[Kind::named(Some(""), "Pod")])) {
                // Without a filter it is about everything.
                Some(Taken::No) if matches.is_empty() => (Known::Known(true), if conditions { SOME } else { EVERYTHING }),
                None => (Known::Unknown(unknown_operator(&unknown)), SOME),
                Some(Taken::No) => (Known::Known(false), SOME),
                Some(Taken::All) if !conditions => (Known::Known(true), EVERY_POD),
                Some(_) => (Known::Known(true), SOME),
            }),
        });
    })?;
    reader.each::<CelException>(&KYVERNO_CEL_EXCEPTIONS, |exception, origin| {
        let spec = exception.spec;
        // One that is over excepts nothing.
        let over = spec.expires_at.as_deref().and_then(|time| hours_between(time, reader.collected())).is_some_and(|hours| hours >= 0);
        let policies = sorted(spec.policy_refs.into_iter().map(|one| format!("{}/{}", one.kind, one.name)));
        let narrow = !spec.images.is_empty() || !spec.allowed_values.is_empty() || !spec.match_conditions.is_empty();
        let name = named(&KYVERNO_CEL_EXCEPTIONS, &exception.metadata, &origin);
        let unknown = name.clone();
        let conditions = spec.match_conditions;
        all.push(Found {
            engine: "Kyverno",
            exception: name,
            origin,
            policies,
            at: "/spec/policyRefs",
            effect: Box::new(move |namespace, _| match conditions::take(&conditions, namespace, &[]) {
                _ if over => (Known::Known(false), SOME),
                Some(applies) => (Known::Known(applies), if narrow { SOME } else { EVERYTHING }),
                None if conditions::may_name_namespaces(&conditions) => (Known::Unknown(conditions::conditions_not_read(&unknown)), SOME),
                None => (Known::Known(true), SOME),
            }),
        });
    })?;
    reader.each::<Config>(&GATEKEEPER_CONFIGS, |config, origin| {
        if config.metadata.name.as_deref() != Some("config") {
            return;
        }
        let name = named(&GATEKEEPER_CONFIGS, &config.metadata, &origin);
        let excluded: Vec<String> = config
            .spec
            .r#match
            .into_iter()
            .filter(|one| one.processes.iter().any(|process| process == "*" || process == "webhook"))
            .flat_map(|one| one.excluded_namespaces)
            .collect();
        all.push(Found {
            engine: "Gatekeeper",
            exception: name,
            origin,
            policies: every(),
            at: "/spec/match",
            effect: Box::new(move |namespace, _| (Known::Known(excluded.iter().any(|pattern| glob(pattern, namespace))), EVERYTHING)),
        });
    })?;
    Ok(all)
}

/// What Kyverno's own settings leave out. They stand in a ConfigMap in the namespace that Kyverno runs in; only the usual one is read.
fn filters(context: &Context<'_>, webhooks: &[Placed], policies: &[EnginePolicy]) -> Result<Vec<Found>, FactsError> {
    let reader = &context.reader;
    let Some(webhook) = webhooks.iter().find(|placed| placed.webhook.name.contains(".kyverno.svc")) else { return Ok(Vec::new()) };
    let found = |exception: &str, at: &'static str, origin: Evidence, effect: Box<dyn Fn(&str, &Labels) -> Effect>| Found {
        engine: "Kyverno",
        exception: exception.to_owned(),
        origin,
        policies: every(),
        at,
        effect,
    };
    let namespace = webhook.webhook.service().map_or("", |(namespace, ..)| namespace);
    let usual = namespace == "kyverno";
    let map = match reader.single(&KYVERNO_CONFIG)? {
        Some(stored) if usual => match serde_json::from_str::<ConfigMap>(&stored.json) {
            Ok(map) => Some((reader.origin(&KYVERNO_CONFIG, &map.metadata, &stored, Grade::EffectiveConfiguration), map)),
            Err(error) => {
                reader.not_understood(&KYVERNO_CONFIG, &stored, &error.to_string());
                None
            }
        },
        _ => None,
    };
    let Some((origin, map)) = map else {
        let unseen = reader.gap(&KYVERNO_CONFIG).filter(|_| usual).unwrap_or_else(|| {
            not_understood(
                format!("what Kyverno in the namespace '{namespace}' leaves out"),
                "its settings (resourceFilters) stand in a ConfigMap there that is not read: only kyverno in the namespace kyverno is",
                "Look at resourceFilters in the ConfigMap that INIT_CONFIG of Kyverno's admission controller names.",
            )
        });
        let effect: Box<dyn Fn(&str, &Labels) -> Effect> = Box::new(move |_, _| (Known::Unknown(unseen.clone()), SOME));
        return Ok(vec![found("resourceFilters", "/data/resourceFilters", webhook.origin.clone(), effect)]);
    };
    let mut data = map.data.unwrap_or_default();
    let text = data.remove("resourceFilters").unwrap_or_default();
    let about: Vec<About> = policies
        .iter()
        .filter(|policy| policy.engine == "Kyverno" && policy.generated.is_none())
        .map(|policy| (policy.metadata.namespace.clone(), policy.kinds.clone()))
        .collect();
    let effect: Box<dyn Fn(&str, &Labels) -> Effect> = Box::new(move |namespace, _| {
        let found = filtered(&text, namespace, &about);
        (Known::Known(found.is_some()), found.map_or(SOME, |(_, takes)| takes))
    });
    let mut all = vec![found("ConfigMap/kyverno/kyverno", "/data/resourceFilters", origin.clone(), effect)];
    for (key, kind, at, name) in LEFT_OUT {
        if data.get(*key).is_some_and(|text| leaves_out_many(kind, text)) {
            all.push(found(name, at, origin.clone(), Box::new(|_, _| (Known::Known(true), SOME))));
        }
    }
    Ok(all)
}

/// Whose requests Kyverno's settings leave out (Kyverno pkg/config, IsExcluded): the key, what it names, where, and how it is called.
const LEFT_OUT: &[(&str, &str, &str, &str)] = &[
    ("excludeGroups", "Group", "/data/excludeGroups", "ConfigMap/kyverno/kyverno (excludeGroups)"),
    ("excludeUsernames", "User", "/data/excludeUsernames", "ConfigMap/kyverno/kyverno (excludeUsernames)"),
    ("excludeRoles", "Role", "/data/excludeRoles", "ConfigMap/kyverno/kyverno (excludeRoles)"),
];

/// Whether more is left out than single accounts and parts of Kubernetes. What begins with `!` is no exception.
fn leaves_out_many(kind: &str, text: &str) -> bool {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty() && !name.starts_with('!'));
    let many = |name: &str| [Asker::Person, Asker::Account].into_iter().any(|asker| is_named(asker, kind, name) != Some(false));
    names.into_iter().any(many)
}

/// What a policy is about: the namespace that it is in, and its kinds; nothing where it may be any.
type About = (Option<String>, Option<Vec<Kind>>);

/// Kyverno's `resourceFilters`: requests that it answers without a look at any policy, as `[Kind,Namespace,Name]` one after another
/// (Kyverno pkg/config, `parseKinds` and `ToFilter`). The pattern that takes most of what is made in a namespace: pods of any name, or some
/// of those that a policy is about.
fn filtered<'a>(filters: &'a str, namespace: &str, about: &[About]) -> Option<(&'a str, &'static str)> {
    let entries = filters.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(entry, _)| entry);
    let mut found = None;
    for entry in entries {
        let parts: Vec<&str> = entry.split(',').map(str::trim).collect();
        let [kind, of, rest @ ..] = parts.as_slice() else { continue };
        let Some(kind) = Filtered::read(kind).filter(|_| wildcard(of, namespace)) else { continue };
        let any_name = rest.first().is_none_or(|name| *name == "*" || name.is_empty());
        let pods = kind.takes(&Kind::named(Some(""), "Pod"));
        if pods && any_name {
            return Some((entry, EVERY_POD));
        }
        // What Kyverno ships leaves out kinds in every namespace that no policy names.
        let of_policy = |(own, kinds): &About| {
            own.as_deref().is_none_or(|own| own == namespace)
                && match kinds {
                    Some(kinds) => kinds.iter().any(|one| if one.resource == "*" { *of != "*" } else { kind.takes(one) }),
                    None => *of != "*",
                }
        };
        if pods || about.iter().any(of_policy) {
            found = found.or(Some((entry, SOME)));
        }
    }
    found
}

/// The kind in a filter: `Kind`, `version/Kind`, `group/version/Kind`, or a subresource, which is none of a policy's kinds.
struct Filtered<'a> {
    group: &'a str,
    kind: &'a str,
}

impl<'a> Filtered<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let upper = |part: &str| part.starts_with(|c: char| c.is_ascii_uppercase());
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [kind] | [kind, "*"] => Some(Self { group: "*", kind }),
            [kind, _] if upper(kind) => None,
            [version, kind] => (wildcard(version, "v1")).then_some(Self { group: "", kind }),
            [group, _, kind] | [group, _, kind, "*"] if !upper(group) => Some(Self { group, kind }),
            _ => None,
        }
    }

    fn takes(&self, one: &Kind) -> bool {
        let group = one.group.as_deref().is_none_or(|group| wildcard(self.group, group));
        // A pattern stands for the singular, of which the plural begins alike.
        let named = Kind::named(None, self.kind).resource == one.resource;
        let pattern = self.kind.contains(['*', '?']) && wildcard(&format!("{}*", self.kind.to_ascii_lowercase()), &one.resource);
        group && (named || pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_leave_out_more_than_parts_of_kubernetes_are_exceptions() {
        for (kind, text, many) in [
            ("Group", "system:nodes", false),
            ("Group", "system:nodes, system:serviceaccounts:kube-system,system:masters", false),
            ("Group", "system:nodes,developers", true),
            ("Group", "!developers", false),
            ("Group", "system:serviceaccounts:ops", true),
            ("Group", "system:authenticated", true),
            ("User", "jane,system:kube-scheduler", false),
            ("User", "system:serviceaccount:ops:*", true),
            ("Role", "ops:deployer", true),
            ("Role", "", false),
        ] {
            assert_eq!(leaves_out_many(kind, text), many, "{kind} {text}");
        }
    }

    #[test]
    fn a_filter_takes_what_policies_are_about() {
        let pods: Vec<About> = vec![(None, Some(vec![Kind::named(None, "Pod")]))];
        let takes = |filters: &str, namespace: &str, about: &[About]| filtered(filters, namespace, about).map(|(_, takes)| takes);
        let standard = "[Event,*,*][*/*,kube-system,*][Node,*,*][Node/?*,*,*][Pod/binding,*,*][ReplicaSet,*,*]";
        assert_eq!(takes(standard, "records", &pods), None);
        assert_eq!(takes(standard, "records", &[(None, None)]), None, "what is shipped is no exception");
        assert_eq!(filtered(standard, "kube-system", &pods), Some(("*/*,kube-system,*", EVERY_POD)));
        assert_eq!(takes("[Pod,rec*,*]", "records", &pods), Some(EVERY_POD));
        assert_eq!(takes("[*,records,*]", "records", &pods), Some(EVERY_POD));
        assert_eq!(takes("[v1/Pod,records,*]", "records", &pods), Some(EVERY_POD));
        assert_eq!(takes("[Pod,records,batch-*]", "records", &pods), Some(SOME));
        assert_eq!(takes("[Pod,records,batch-*][Pod,records,*]", "records", &pods), Some(EVERY_POD));
        // Other kinds count where a policy is about them.
        let ingresses: Vec<About> = vec![(None, Some(vec![Kind::named(Some("networking.k8s.io"), "Ingress")]))];
        assert_eq!(takes("[Ingress,records,*]", "records", &ingresses), Some(SOME));
        assert_eq!(takes("[networking.k8s.io/v1/Ing*,records,*]", "records", &ingresses), Some(SOME));
        assert_eq!(takes("[extensions/v1beta1/Ingress,records,*]", "records", &ingresses), None);
        assert_eq!(takes("[Ingress,records,*]", "records", &pods), None);
        assert_eq!(takes("[Ingress,shop,*]", "records", &ingresses), None);
        assert_eq!(takes("[Secret,records,*]", "records", &[(None, Some(vec![Kind::named(None, "*")]))]), Some(SOME));
        assert_eq!(takes("[Ingress,records,*]", "records", &[(Some("shop".to_owned()), Some(vec![Kind::named(None, "Ingress")]))]), None);
    }
}
