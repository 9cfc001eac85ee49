//! Where data lies, whether it is encrypted there and on the way, and whether it is in a backup.

mod backups;
mod behind;
mod claims;
mod classes;
mod drivers;
mod kept;
mod locations;
mod transit;
mod velero;
mod volumes;

pub use volumes::VolumeRow;

use super::table::schema::TableRow;
use super::{FactsError, Family};

pub(super) const FAMILY: Family = Family {
    schemas: || {
        vec![
            classes::StorageClassRow::schema(),
            volumes::VolumeRow::schema(),
            backups::BackupRow::schema(),
            locations::BackupLocationRow::schema(),
        ]
    },
    rows: |context, _| -> Result<_, FactsError> {
        let classes = classes::Classes::read(&context.reader)?;
        let claims = claims::claims(&context.reader)?;
        let templates = claims::templates(&context.reader, &claims)?;
        let found = volumes::read(&context.reader)?;
        let read = volumes::Read { classes: &classes, claims: &claims, volumes: &found, templates: &templates };
        let volumes = volumes::rows(context, &read)?;
        let unclaimed = kept::unclaimed(&claims, &found);
        let backups = backups::rows(context, &kept::kept(context, &claims, &found)?, unclaimed)?;
        Ok(vec![classes.rows(context, &claims), volumes, backups, locations::rows(context)?])
    },
};
