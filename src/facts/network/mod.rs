//! What NetworkPolicies allow, and whether something enforces them.

mod block;
mod cni;
mod flows;
mod foreign;
mod isolation;
mod namespaces;
mod policy;
mod ports;
pub mod simulate;
#[cfg(test)]
mod tests;
mod world;

pub use flows::Flows;
pub use ports::Protocol;

use super::{Family, Known};
use crate::facts::table::schema::TableRow;
use world::World;

/// What the tables do not hold: how namespaces reach one another, and what enforces the policies.
#[derive(Clone, Debug)]
pub struct Network {
    /// Between namespaces.
    pub flows: Flows,
    /// The network plugins that were recognised.
    pub engines: Vec<String>,
    /// `enforcing`, `not enforcing`, `audit mode` or `unknown`.
    pub enforcement: &'static str,
    /// Why, in one sentence.
    pub because: String,
}

impl Network {
    /// Where no table of the network was wanted.
    pub(super) fn not_computed() -> Self {
        Self { flows: Flows::default(), engines: Vec::new(), enforcement: "unknown", because: "it was not asked for".to_owned() }
    }
}

/// The tables of isolation and of what enforces it.
pub(super) const FAMILY: Family = Family {
    schemas: || vec![isolation::NetworkIsolationRow::schema(), namespaces::NamespaceIsolationRow::schema(), cni::CniRow::schema()],
    rows: |context, beside| {
        let world = World::read(context)?;
        let isolation = isolation::rows(&world);
        let namespaces = namespaces::rows(&world, &isolation);
        let enforcement = match world.enforcement() {
            Known::Known(enforcement) => enforcement.as_str(),
            Known::Unknown(_) => "unknown",
        };
        let flows = flows::compute(&world);
        let cni = world.cni;
        beside.network = Some(Network { flows, engines: cni.engines, enforcement, because: cni.because });
        Ok(vec![isolation, namespaces, cni.rows])
    },
};
