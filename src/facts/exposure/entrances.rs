use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::published::Way;
use super::service_entrances::{Programs, of_service};
use super::{contour, istio, remedies, routers};
use crate::facts::context::Context;
use crate::facts::table::read::{Odd, Readable};
use crate::facts::table::schema::{Row, TableRow, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Family, Known};
use crate::model::sources::{
    HTTP_PROXIES, INGRESS_ROUTE_TCPS, INGRESS_ROUTES, ISTIO_GATEWAYS, NAMESPACES, OLD_INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES,
    OPENSHIFT_ROUTES, SERVICES, VIRTUAL_SERVICES, WORKLOADS,
};
use crate::model::{Evidence, Judged, ObjectRef, SourceId, Unseen};

table! {
    /// One row per entrance that an API of its own opens, beside Ingress and Gateway API: a Route of OpenShift, a server of a Gateway of
    /// Istio, an IngressRoute or IngressRouteTCP of Traefik, an HTTPProxy of Contour (a part only where another one
    /// includes it); and a TCP port of a Service that is reachable from outside by itself, unless its number is that of another protocol
    /// than HTTP; of a program that serves Ingresses or routes of others, these say what is answered, and that is not known here. What OpenShift made from an Ingress is one too: what is served stands in the Route. A server of Istio has a row for each
    /// namespace to which VirtualServices lead, counted to that namespace; one to which none leads belongs to no namespace. An object
    /// that could not be understood has a row in each namespace that it could have been about.
    pub struct EntranceRow as "entrances" counting "entrances of other APIs" from
        [OPENSHIFT_ROUTES, ISTIO_GATEWAYS, VIRTUAL_SERVICES, INGRESS_ROUTES, INGRESS_ROUTE_TCPS, OLD_INGRESS_ROUTES,
         OLD_INGRESS_ROUTE_TCPS, HTTP_PROXIES, SERVICES, NAMESPACES] + WORKLOADS {
        /// Namespace of the object.
        namespace: String, at "/metadata/namespace";
        /// Name of the object.
        name: String, at "/metadata/name";
        /// What opens it: `OpenShift`, `Istio`, `Traefik`, `Contour` or `Service`.
        engine: &'static str, at "/kind";
        /// Hosts that it serves, sorted; empty where they stand in a rule that is not read (Traefik), in another object (a part of an
        /// HTTPProxy), or nowhere.
        hosts: Vec<String>, at "/spec";
        /// TLS in the object's own words, such as `edge`, `SIMPLE`, `tls`; empty for none.
        tls: String, at "/spec";
        /// Whether it answers requests without encryption with anything but a redirect. Unknown where that is decided by settings of the
        /// engine, by another object, or by the programs at both ends.
        plain: Known<bool>, at "/spec";
        /// What closes plain HTTP there, in the words of its API; empty where it is closed.
        to_change: &'static str, at "/spec";
    }
}

pub(in crate::facts) const FAMILY: Family = Family { schemas: || vec![EntranceRow::schema()], rows: |context, _| Ok(vec![rows(context)?]) };

/// An object with the part of its spec that is read. What has another shape is not understood, and nothing passes then.
#[derive(Debug, Deserialize)]
pub(super) struct Object<S> {
    #[serde(default)]
    pub(super) metadata: ObjectMeta,
    pub(super) spec: S,
}

impl<S: DeserializeOwned + Send> Readable for Object<S> {
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
}

impl<S> Object<S> {
    pub(super) fn namespace(&self) -> &str {
        self.metadata.namespace.as_deref().unwrap_or_default()
    }
    pub(super) fn name(&self) -> &str {
        self.metadata.name.as_deref().unwrap_or_default()
    }
}

/// What an entrance leads to.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    pub(super) namespace: String,
    /// None where any of the namespace may be meant.
    pub(super) service: Option<String>,
    /// Whether it is reached over plain HTTP.
    pub(super) plain: Known<bool>,
}

/// One entrance of an object.
pub(super) struct Entrance {
    /// Tells several of one object apart; part of the key.
    pub(super) part: String,
    /// JSON pointer to what decides.
    pub(super) pointer: String,
    pub(super) hosts: Vec<String>,
    pub(super) tls: String,
    pub(super) plain: Known<bool>,
    /// The namespace that it counts to; none for the cluster as a whole.
    pub(super) counts_to: Option<String>,
    pub(super) behind: Vec<Behind>,
}

/// A kind of object that opens entrances.
pub(super) struct Engine {
    name: &'static str,
    kind: &'static str,
}

const OPENSHIFT: Engine = Engine { name: "OpenShift", kind: "Route" };
pub(super) const ISTIO: Engine = Engine { name: "Istio", kind: "Gateway" };
/// What a Gateway of Istio serves.
pub(super) const VIRTUAL_SERVICE: Engine = Engine { name: "Istio", kind: "VirtualService" };
const TRAEFIK: Engine = Engine { name: "Traefik", kind: "IngressRoute" };
const TRAEFIK_TCP: Engine = Engine { name: "Traefik", kind: "IngressRouteTCP" };
const SERVICE: Engine = Engine { name: "Service", kind: "Service" };
pub(super) const CONTOUR: Engine = Engine { name: "Contour", kind: "HTTPProxy" };

fn rows(context: &Context<'_>) -> Result<Vec<Row>, FactsError> {
    let mut rows = read(context)?.rows;
    let unjudged = context.reader.unjudged(Judged::Entrances);
    let programs = Programs::of(context)?;
    context.reader.each::<Service>(&SERVICES, |service, origin| {
        let found = of_service(&service, programs.behind(&service), unjudged.as_ref());
        rows.extend(found.into_iter().map(|entrance| SERVICE.row(&SERVICES, &service.metadata, &origin, entrance)));
    })?;
    Ok(rows)
}

/// The ways in that objects of these APIs open; those of Services are another's.
pub(super) fn ways(context: &Context<'_>) -> Result<Vec<Way>, FactsError> {
    Ok(read(context)?.ways)
}

/// Rows, and the ways in that they open.
pub(super) struct Read<'a> {
    context: &'a Context<'a>,
    namespaces: BTreeSet<String>,
    rows: Vec<Row>,
    ways: Vec<Way>,
}

fn read<'a>(context: &'a Context<'a>) -> Result<Read<'a>, FactsError> {
    let namespaces = context.namespaces()?.labels().into_keys().collect();
    let mut read = Read { context, namespaces, rows: Vec::new(), ways: Vec::new() };
    read.all(&OPENSHIFT_ROUTES, &OPENSHIFT, routers::openshift)?;
    for (routes, tcp) in [(&INGRESS_ROUTES, &INGRESS_ROUTE_TCPS), (&OLD_INGRESS_ROUTES, &OLD_INGRESS_ROUTE_TCPS)] {
        read.all(routes, &TRAEFIK, routers::traefik)?;
        read.all(tcp, &TRAEFIK_TCP, routers::traefik)?;
    }
    contour::read(&mut read)?;
    istio::read(&mut read)?;
    Ok(read)
}

impl Read<'_> {
    /// Every object of a source, of which each is judged by itself.
    fn all<S: DeserializeOwned + Send>(
        &mut self,
        source: &SourceId,
        engine: &Engine,
        entrances: fn(&Object<S>, &str) -> Vec<Entrance>,
    ) -> Result<(), FactsError> {
        for (object, origin) in self.objects(source, engine)? {
            for entrance in entrances(&object, &engine.text(&object.metadata)) {
                self.add(engine, source, &object.metadata, &origin, entrance);
            }
        }
        Ok(())
    }

    /// The objects of a source that were understood. Each other one has a row wherever it could have been about.
    pub(super) fn objects<S: DeserializeOwned + Send>(
        &mut self,
        source: &SourceId,
        engine: &Engine,
    ) -> Result<Vec<(Object<S>, Evidence)>, FactsError> {
        let (mut all, mut odd) = (Vec::new(), Vec::new());
        self.context.reader.each_or_odd::<Object<S>>(source, |object, origin| all.push((object, origin)), |one| odd.push(one))?;
        odd.into_iter().for_each(|one| self.odd(engine, source, one));
        Ok(all)
    }

    fn odd(&mut self, engine: &Engine, source: &SourceId, odd: Odd) {
        let (Some(own), Some(name)) = (odd.namespace.clone(), odd.name.clone()) else {
            return self.context.reader.give_up(source, odd);
        };
        let namespaces: BTreeSet<String> =
            self.namespaces.iter().filter(|namespace| odd.may_be_about(namespace)).cloned().chain([own.clone()]).collect();
        let metadata = ObjectMeta { namespace: Some(own), name: Some(name), ..ObjectMeta::default() };
        for namespace in namespaces {
            let plain = Known::Unknown(odd.unseen.clone());
            let entrance = Entrance {
                part: format!("not understood {namespace}"),
                pointer: String::new(),
                hosts: Vec::new(),
                tls: String::new(),
                plain: plain.clone(),
                behind: vec![Behind { namespace: namespace.clone(), service: None, plain }],
                counts_to: Some(namespace),
            };
            self.add(engine, source, &metadata, &odd.origin, entrance);
        }
    }

    pub(super) fn add(&mut self, engine: &Engine, source: &SourceId, meta: &ObjectMeta, origin: &Evidence, entrance: Entrance) {
        let text = engine.text(meta);
        self.ways.extend(entrance.behind.iter().map(|behind| Way {
            namespace: behind.namespace.clone(),
            service: behind.service.clone(),
            text: match &behind.service {
                Some(service) => format!("{text}, Service {service}"),
                None => format!("perhaps {text}"),
            },
            plain: behind.plain.clone(),
            origin: origin.at(entrance.pointer.clone()),
        }));
        self.rows.push(engine.row(source, meta, origin, entrance));
    }
}

impl Engine {
    pub(super) fn text(&self, meta: &ObjectMeta) -> String {
        format!("{} {}/{}", self.kind, meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }

    fn row(&self, source: &SourceId, meta: &ObjectMeta, origin: &Evidence, entrance: Entrance) -> Row {
        let (namespace, name) = (meta.namespace.clone().unwrap_or_default(), meta.name.clone().unwrap_or_default());
        let key = format!("{}/{namespace}/{}/{name}/{}", source.api_group(), self.kind, entrance.part);
        let subject = ObjectRef {
            kind: self.kind.to_owned(),
            group: source.api_group().to_owned(),
            namespace: meta.namespace.clone(),
            name: name.clone(),
            uid: meta.uid.clone(),
        };
        let typed = EntranceRow {
            namespace,
            name,
            engine: self.name,
            hosts: sorted_owned(entrance.hosts),
            to_change: if entrance.plain == Known::Known(false) { "" } else { remedies::entrance(self.kind, &entrance.tls) },
            tls: entrance.tls,
            plain: entrance.plain,
        };
        Row::new(key, subject, vec![origin.clone()], typed)
            .in_namespace(entrance.counts_to)
            .evidenced("plain", [origin.at(entrance.pointer)])
    }
}

pub(super) fn unknown(what: &str, why: &str, how_to_see: &str) -> Known<bool> {
    Known::Unknown(Unseen::not_visible(format!("whether the {what} serves plain HTTP"), why, how_to_see))
}
