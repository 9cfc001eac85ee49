//! Service meshes: which pods have a proxy of Istio or Linkerd, what they take without mutual TLS, and which rules of clients undo it.

mod ambient;
mod asked;
mod destinations;
mod istio;
mod judged;
mod left_out;
mod linkerd;
mod pods;
mod proxies;

use super::table::schema::TableRow;
use super::{FactsError, Family};

pub(super) const FAMILY: Family = Family {
    schemas: || vec![pods::MeshPodRow::schema(), destinations::MeshDestinationRuleRow::schema()],
    rows: |context, _| -> Result<_, FactsError> { Ok(vec![pods::rows(context)?, destinations::rows(context)?]) },
};
