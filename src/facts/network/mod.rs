//! What NetworkPolicies allow, and whether something enforces them.

mod block;
mod cni;
mod foreign;
mod isolation;
mod namespaces;
mod policy;
mod ports;
mod selector;
pub mod simulate;
mod world;

pub use ports::Protocol;

use super::Family;
use super::schema::TableRow;
use world::World;

/// The tables of isolation and of what enforces it.
pub(super) const FAMILY: Family = Family {
    schemas: || vec![isolation::NetworkIsolationRow::schema(), namespaces::NamespaceIsolationRow::schema(), cni::CniRow::schema()],
    rows: |context| {
        let world = World::read(context)?;
        let isolation = isolation::rows(&world);
        let namespaces = namespaces::rows(&world, &isolation);
        Ok(vec![isolation, namespaces, world.cni.rows])
    },
};
