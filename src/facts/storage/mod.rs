//! Where data lies, and whether it is encrypted there.

mod classes;
mod drivers;
mod uses;
mod volumes;

pub(super) use uses::VolumeUses;

use super::schema::TableRow;
use super::{FactsError, Family};

pub(super) const FAMILY: Family = Family {
    schemas: || vec![classes::StorageClassRow::schema(), volumes::VolumeRow::schema()],
    rows: |context| -> Result<_, FactsError> {
        let classes = classes::Classes::read(&context.reader)?;
        let claims = volumes::claims(&context.reader)?;
        let volumes = volumes::rows(context, &classes, &claims)?;
        Ok(vec![classes.rows(context, &claims), volumes])
    },
};
