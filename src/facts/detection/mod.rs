//! What watches running programs, and what carries records of them away: on which nodes, and what it is told.

mod agents;
mod machines;
mod mounts;
mod programs;
mod sensors;
mod shippers;

use super::table::schema::TableRow;
use super::{FactsError, Family};

pub(super) const FAMILY: Family = Family {
    schemas: || vec![sensors::NodeSensorRow::schema(), shippers::LogShipperRow::schema()],
    rows: |context, _| -> Result<_, FactsError> {
        let cluster = agents::Cluster::read(&context.reader)?;
        Ok(vec![sensors::rows(context, &cluster), shippers::rows(context, &cluster)?])
    },
};
