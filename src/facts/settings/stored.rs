//! How objects are written to etcd, for tables of what is stored there.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::encryption::{EncryptionRow, rows};
use super::servers::ApiServers;
use crate::facts::context::Context;
use crate::facts::table::schema::TableRow;
use crate::facts::{FactsError, Known};
use crate::model::Evidence;

/// How objects of one kind are written to etcd.
#[derive(Clone, Debug)]
pub(in crate::facts) struct Stored {
    /// Whether encrypted: no where one API server is seen not to, unknown where one is not seen.
    pub(in crate::facts) encrypted: Known<bool>,
    /// Where that stands.
    pub(in crate::facts) evidence: Vec<Arc<Evidence>>,
}

/// The same by kind (`secrets`, `configmaps`), as far as the counters of the API servers show it: what `encryption_at_rest` says.
pub(in crate::facts) fn stored(context: &Context<'_>) -> Result<BTreeMap<String, Stored>, FactsError> {
    let columns = EncryptionRow::columns();
    let mut all: BTreeMap<String, Stored> = BTreeMap::new();
    for row in rows(context, &ApiServers::read(context)?)? {
        let (Some("metrics"), Some(resource)) = (columns.from.of(&row), columns.resource.of(&row)) else { continue };
        let Some(said) = columns.encrypts.of(&row) else { continue };
        let said = match said {
            Known::Known(encrypted) => Known::Known(encrypted),
            Known::Unknown(unseen) => Known::Unknown(unseen.clone()),
        };
        let evidence = row.cell_evidence.get(&columns.encrypts.name()).cloned().unwrap_or_default();
        let here = all.entry(resource.to_owned()).or_insert_with(|| Stored { encrypted: said.clone(), evidence: Vec::new() });
        here.encrypted = match (&here.encrypted, said) {
            (Known::Known(false), _) | (_, Known::Known(false)) => Known::Known(false),
            (Known::Unknown(unseen), _) => Known::Unknown(unseen.clone()),
            (Known::Known(true), said) => said,
        };
        here.evidence.extend(evidence);
    }
    Ok(all)
}
