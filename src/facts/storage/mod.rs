//! Where data lies, and whether it is encrypted there.

mod backups;
mod classes;
mod drivers;
mod velero;
mod volumes;

use super::{FactsError, Family};
use crate::facts::table::schema::TableRow;

pub(super) const FAMILY: Family = Family {
    schemas: || vec![classes::StorageClassRow::schema(), volumes::VolumeRow::schema(), backups::BackupRow::schema()],
    rows: |context, _| -> Result<_, FactsError> {
        let classes = classes::Classes::read(&context.reader)?;
        let claims = volumes::claims(&context.reader)?;
        let volumes = volumes::rows(context, &classes, &claims)?;
        let backups = backups::rows(context, &claims)?;
        Ok(vec![classes.rows(context, &claims), volumes, backups])
    },
};
