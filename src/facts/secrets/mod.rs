//! Secrets that operators and drivers bring into the cluster: from where, whether they come, and where they lie afterwards.

mod bringer;
mod brought;
mod carried;
mod classes;
mod external;
mod injections;
mod providers;
mod stores;
mod vault;

use super::table::schema::TableRow;
use super::{FactsError, Family};

pub(super) const FAMILY: Family = Family {
    schemas: || vec![brought::ExternalSecretRow::schema(), stores::SecretStoreRow::schema(), injections::SecretInjectionRow::schema()],
    rows: |context, _| -> Result<_, FactsError> {
        let world = bringer::World::read(context)?;
        Ok(vec![brought::rows(context, &world)?, stores::rows(context, &world), injections::rows(context, &world)?])
    },
};
