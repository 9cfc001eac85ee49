//! Secrets that stand encrypted in an object: Sealed Secrets and SOPS. Their values come with the object, and are fetched from nowhere.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::bringer::{Bringer, LOOK, Operator, Refresh, World, named, subject, unknown};
use crate::facts::custom::{Conditions, Custom, Says};
use crate::facts::table::read::{Readable, Reader};
use crate::facts::{FactsError, Known};
use crate::model::Evidence;
use crate::model::sources::{SEALED_SECRETS, SOPS_SECRETS};

/// `bitnami.com/v1alpha1` SealedSecret (sealed-secrets pkg/apis/sealedsecrets/v1alpha1/types.go).
#[derive(Debug, Deserialize)]
struct SealedSpec {
    template: Option<Template>,
}

#[derive(Debug, Deserialize)]
struct Template {
    metadata: Option<TemplateMeta>,
}

#[derive(Debug, Deserialize)]
struct TemplateMeta {
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SealedStatus {
    observed_generation: Option<i64>,
    #[serde(flatten)]
    conditions: Conditions,
}

/// `isindir.github.com/v1alpha3` SopsSecret (sops-secrets-operator api/v1alpha3/sopssecret_types.go). Its status is a free text, and is not
/// read.
#[derive(Debug, Deserialize)]
struct SopsSecret {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: SopsSpec,
    sops: Option<Sops>,
}

#[derive(Debug, Deserialize)]
struct SopsSpec {
    #[serde(default)]
    suspend: Option<bool>,
}

/// What SOPS writes beside what it has encrypted; the sum (`mac`) is always there.
#[derive(Debug, Deserialize)]
struct Sops {
    mac: Option<IgnoredAny>,
    lastmodified: Option<String>,
}

impl Readable for SopsSecret {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

const SEALED: &str = "SealedSecret";
const SOPS: &str = "SopsSecret";
/// Annotations that let an encrypted form be opened elsewhere, where they say `true` (types.go; pkg/apis/sealedsecrets/v1alpha1/
/// sealedsecret_expansion.go, SecretScope).
const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";
const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";

pub(super) fn read(reader: &Reader<'_>, world: &mut World) -> Result<(), FactsError> {
    let (mut found, mut odd) = (Vec::new(), Vec::new());
    reader.each_or_odd::<Custom<SealedSpec, SealedStatus>>(
        &SEALED_SECRETS,
        |object, origin| found.push(sealed(&object, origin)),
        |one| odd.push((Operator::Sealed, SEALED, SEALED_SECRETS, one)),
    )?;
    reader.each_or_odd::<SopsSecret>(
        &SOPS_SECRETS,
        |object, origin| found.push(sops(object, origin)),
        |one| odd.push((Operator::Sops, SOPS, SOPS_SECRETS, one)),
    )?;
    world.bringers.extend(found);
    odd.into_iter().for_each(|(operator, kind, source, one)| world.odd_bringer(reader, operator, kind, &source, one));
    Ok(())
}

fn not_fetched(kind: &str, name: &str) -> Refresh {
    let unseen = unknown(
        format!("when the values of {kind} {name} were last changed where they come from"),
        "they stand in the object and are fetched from nowhere",
        "Ask whoever seals them when they are changed.",
    );
    Refresh::without_clock(Known::Known(false), "its values stand in the object and are fetched from nowhere", unseen)
}

fn sealed(object: &Custom<SealedSpec, SealedStatus>, origin: Evidence) -> Bringer {
    let metadata = &object.metadata;
    let what = || format!("whether {} was opened", named(SEALED, metadata));
    let status = object.status.as_ref().map(|status| &status.known);
    let older = match (status.and_then(|status| status.observed_generation), metadata.generation) {
        (Some(seen), Some(now)) => seen < now,
        _ => false,
    };
    let says = status.map_or(Says::Silent, |status| status.conditions.says("Synced", metadata));
    let (ready, state) = match says {
        _ if older => {
            (Known::Unknown(unknown(what(), "its controller has seen an older generation of the object only", LOOK)), String::new())
        }
        Says::True => (Known::Known(true), "is opened".to_owned()),
        Says::False(_) => (Known::Known(false), "could not be opened or written, as its controller says".to_owned()),
        Says::Outdated | Says::Unclear => (Known::Unknown(unknown(what(), "its controller says neither yes nor no", LOOK)), String::new()),
        Says::Silent => {
            (Known::Unknown(unknown(what(), "its controller has written no status, which it may be told not to do", LOOK)), String::new())
        }
    };
    let told = |name: &str| metadata.annotations.as_ref().and_then(|all| all.get(name)).is_some_and(|value| value == "true");
    let name = object.spec.as_ref().and_then(|spec| spec.known.template.as_ref()?.metadata.as_ref()?.name.clone());
    let own = metadata.name.clone().unwrap_or_default();
    Bringer {
        operator: Operator::Sealed,
        kind: SEALED,
        subject: subject(metadata, SEALED, &SEALED_SECRETS),
        stores: BTreeSet::new(),
        generators: BTreeSet::new(),
        secrets: BTreeSet::from([name.filter(|name| !name.is_empty()).unwrap_or_else(|| own.clone())]),
        written_as: "Secret".to_owned(),
        refresh: not_fetched(SEALED, &own),
        deletion: String::new(),
        sealed: Known::Known(Some(true)),
        sealed_for: match (told(CLUSTER_WIDE), told(NAMESPACE_WIDE)) {
            (true, _) => "cluster",
            (false, true) => "namespace",
            (false, false) => "name",
        },
        places: &[("ready", "/status/conditions"), ("sealed_for", "/metadata/annotations")],
        ready,
        state,
        origin,
    }
}

fn sops(object: SopsSecret, origin: Evidence) -> Bringer {
    let SopsSecret { metadata, spec, sops } = object;
    let what = format!("whether {} was opened", named(SOPS, &metadata));
    let name = metadata.name.clone().unwrap_or_default();
    let suspended = spec.suspend == Some(true);
    let closed = sops.as_ref().is_some_and(|sops| sops.mac.is_some());
    let (ready, state) = match (suspended, closed) {
        (true, _) => (Known::Known(false), "is suspended: what changes in it does not reach its Secrets"),
        (false, false) => (Known::Known(false), "has no sum of SOPS, without which its operator opens nothing"),
        (false, true) => (Known::Unknown(unknown(what, "its operator says so in a free text, which is not read", LOOK)), ""),
    };
    let mut refresh = not_fetched(SOPS, &name);
    refresh.last = sops.and_then(|sops| sops.lastmodified);
    Bringer {
        operator: Operator::Sops,
        kind: SOPS,
        subject: subject(&metadata, SOPS, &SOPS_SECRETS),
        stores: BTreeSet::new(),
        generators: BTreeSet::new(),
        // Their names may be encrypted, too.
        secrets: BTreeSet::new(),
        written_as: "Secret".to_owned(),
        ready,
        state: state.to_owned(),
        refresh,
        deletion: String::new(),
        sealed: Known::Known(Some(closed)),
        sealed_for: "",
        places: &[("sealed", "/sops"), ("ready", "/spec/suspend"), ("last_refresh", "/sops/lastmodified")],
        origin,
    }
}
