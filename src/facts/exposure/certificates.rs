use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::facts::context::Context;
use crate::facts::custom::{Conditions, Says};
use crate::facts::table::read::{Readable, Reader};
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::times::hours_between;
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{CERTIFICATES, CLUSTER_ISSUERS, ISSUERS};
use crate::model::{Evidence, ObjectRef, SourceId, Unseen};

table! {
    /// One row per Certificate that cert-manager keeps. Certificates that are kept by hand lie in Secrets, which are never read.
    pub struct CertificateRow as "certificates" counting "Certificates" from [CERTIFICATES] {
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// Names that it is for, sorted.
        dns_names: Vec<String>, at "/spec/dnsNames";
        /// The Secret that it is kept in.
        secret: String, at "/spec/secretName";
        /// Whether it signs other certificates.
        is_ca: bool, at "/spec/isCA";
        /// Its issuer as `Kind/name`.
        issuer: String, at "/spec/issuerRef";
        /// How the issuer works: `selfSigned`, `ca`, `acme`, `vault`, `venafi`, or the group of an issuer from elsewhere.
        issuer_type: Known<String>, at "/spec/issuerRef", needs [ISSUERS, CLUSTER_ISSUERS];
        /// Whether cert-manager says that it is there and current. Unknown where what it says is about an older spec.
        ready: Known<bool>, at "/status/conditions";
        /// When it ends; null before it was issued.
        not_after: Option<String>, at "/status/notAfter";
        /// When cert-manager is to renew it; null before it was issued.
        renewal: Option<String>, at "/status/renewalTime";
        /// Whether it had ended when the cluster was read. Unknown before it was issued.
        expired: Known<bool>, at "/status/notAfter";
        /// Whether its renewal had been due for a day when the cluster was read.
        overdue: Known<bool>, at "/status/renewalTime";
        /// What is wrong with it, as a sentence goes on; empty where nothing is known to be.
        because: String, at "/status";
    }
}

pub(in crate::facts) const FAMILY: Family =
    Family { schemas: || vec![CertificateRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

#[derive(Debug, Deserialize)]
struct Certificate {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: CertificateSpec,
    #[serde(default)]
    status: CertificateStatus,
}

impl Readable for Certificate {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateSpec {
    #[serde(default)]
    dns_names: Vec<String>,
    secret_name: String,
    issuer_ref: IssuerRef,
    #[serde(default, rename = "isCA")]
    is_ca: bool,
}

#[derive(Debug, Deserialize)]
struct IssuerRef {
    name: String,
    kind: Option<String>,
    group: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateStatus {
    not_after: Option<String>,
    renewal_time: Option<String>,
    #[serde(flatten)]
    conditions: Conditions,
}

/// Issuer and ClusterIssuer: the one key of the spec says how it works.
#[derive(Debug, Deserialize)]
struct Issuer {
    #[serde(default)]
    metadata: ObjectMeta,
    spec: Map<String, Value>,
}

impl Readable for Issuer {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

/// How each issuer works, by namespace (none for a ClusterIssuer) and name.
type Issuers = BTreeMap<(Option<String>, String), (String, Evidence)>;

const GROUP: &str = "cert-manager.io";

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut issuers = Issuers::new();
    for source in [ISSUERS, CLUSTER_ISSUERS] {
        read_issuers(&context.reader, &source, &mut issuers)?;
    }
    let mut rows = Vec::new();
    context.reader.each::<Certificate>(&CERTIFICATES, |certificate, origin| rows.push(row(certificate, origin, &issuers, context)))?;
    Ok(rows)
}

fn read_issuers(reader: &Reader<'_>, source: &SourceId, issuers: &mut Issuers) -> Result<(), FactsError> {
    const TYPES: [&str; 5] = ["selfSigned", "ca", "acme", "vault", "venafi"];
    reader.each::<Issuer>(source, |issuer, origin| {
        let kind = TYPES.iter().find(|kind| issuer.spec.contains_key(**kind)).map_or("a type that is not known here", |kind| kind);
        if let Some(name) = issuer.metadata.name {
            issuers.insert((issuer.metadata.namespace, name), (kind.to_owned(), origin));
        }
    })
}

/// What cert-manager says of an older spec says nothing about the one of today.
fn ready(says: &Says, unknown: &dyn Fn(String) -> Unseen) -> Known<bool> {
    match says {
        Says::True => Known::Known(true),
        Says::False(_) | Says::Unclear | Says::Silent => Known::Known(false),
        Says::Outdated => Known::Unknown(unknown(
            "its condition Ready is about an older generation of the object: cert-manager has not acted on the spec of today".to_owned(),
        )),
    }
}

fn row(certificate: Certificate, origin: Evidence, issuers: &Issuers, context: &Context<'_>) -> Row {
    let Certificate { metadata, spec, status } = certificate;
    let says = status.conditions.says("Ready", &metadata);
    let namespace = metadata.namespace.unwrap_or_default();
    let name = metadata.name.unwrap_or_default();
    let collected = context.reader.collected();
    let cluster_wide = spec.issuer_ref.kind.as_deref() == Some("ClusterIssuer");
    let issuer = issuers.get(&((!cluster_wide).then(|| namespace.clone()), spec.issuer_ref.name.clone()));
    let unknown = |what: String, why: String| -> Unseen {
        Unseen::not_visible(what, why, "Look at the Certificate's conditions and events: cmctl status certificate.")
    };
    let issuer_type = match (spec.issuer_ref.group.as_deref(), issuer) {
        (Some(group), _) if group != GROUP && !group.is_empty() => Known::Known(group.to_owned()),
        (_, Some((kind, _))) => Known::Known(kind.clone()),
        (_, None) => {
            let source = if cluster_wide { CLUSTER_ISSUERS } else { ISSUERS };
            context.reader.known_if_complete(&source, || ()).and_then(|()| {
                let what = format!("the issuer of the Certificate {namespace}/{name}");
                Known::Unknown(unknown(what, format!("{} does not exist", spec.issuer_ref.name)))
            })
        }
    };
    let passed = |time: &Option<String>, hours: i64, of: &str| match time.as_deref().map(|time| hours_between(time, collected)) {
        Some(Some(since)) => Known::Known(since >= hours),
        Some(None) => {
            Known::Unknown(unknown(format!("{of} of the Certificate {namespace}/{name}"), "the time cannot be understood".to_owned()))
        }
        None => {
            Known::Unknown(unknown(format!("{of} of the Certificate {namespace}/{name}"), "cert-manager does not name it yet".to_owned()))
        }
    };
    let ready = ready(&says, &|why| unknown(format!("whether the Certificate {namespace}/{name} is ready"), why));
    let (expired, overdue) = (passed(&status.not_after, 0, "the end"), passed(&status.renewal_time, 24, "the renewal"));
    let because = match (&ready, &status.not_after, &status.renewal_time) {
        (_, Some(end), _) if expired == Known::Known(true) => format!("ended on {end}"),
        (_, _, Some(time)) if overdue == Known::Known(true) => format!("was to be renewed on {time} and was not"),
        (Known::Known(false), None, _) => "was never issued".to_owned(),
        (Known::Known(false), Some(_), _) => "is not ready, as cert-manager says".to_owned(),
        _ => String::new(),
    };
    let typed = CertificateRow {
        because,
        dns_names: sorted_owned(spec.dns_names),
        secret: spec.secret_name,
        is_ca: spec.is_ca,
        issuer: format!("{}/{}", spec.issuer_ref.kind.as_deref().unwrap_or("Issuer"), spec.issuer_ref.name),
        issuer_type,
        ready,
        expired,
        // cert-manager renews at once; a day is for what keeps it from that and is repaired.
        overdue,
        not_after: status.not_after,
        renewal: status.renewal_time,
        namespace: namespace.clone(),
        name: name.clone(),
    };
    let subject = ObjectRef {
        kind: "Certificate".to_owned(),
        group: GROUP.to_owned(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
        uid: metadata.uid,
    };
    let evidence = issuer.map(|(_, origin)| origin.at("/spec"));
    Row::new(format!("{namespace}/{name}"), subject, vec![origin], typed).evidenced("issuer_type", evidence)
}
