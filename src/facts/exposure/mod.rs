//! How workloads can be reached from outside the cluster, and whether the way there is encrypted.

mod annotations;
mod aws;
mod certificates;
mod contour;
mod controllers;
mod entrances;
mod gateways;
mod hosts;
mod ingress_classes;
mod ingress_nginx;
mod ingress_tls;
mod ingresses;
mod istio;
mod load_balancers;
mod published;
mod remedies;
mod routers;
mod routes;
mod service_entrances;
mod services;

pub(super) use certificates::FAMILY as CERTIFICATES;
pub(super) use entrances::FAMILY as ENTRANCES;
pub(super) use gateways::FAMILY as GATEWAYS;
pub(super) use ingresses::FAMILY as INGRESSES;
pub(super) use published::FAMILY as PUBLISHED;
pub(super) use services::FAMILY as SERVICES;
