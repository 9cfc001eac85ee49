//! What NetworkPolicies allow, and whether something enforces them.

mod block;
mod cni;
mod flows;
mod foreign;
mod isolation;
mod namespaces;
mod openness;
mod policies;
mod policy;
mod ports;
pub mod simulate;
#[cfg(test)]
mod tests;
mod world;

pub(in crate::facts) use block::are_most_of_the_world;
pub use flows::Flows;
pub use namespaces::NamespaceIsolationRow;
pub use ports::Protocol;

use super::{Family, Known};
use crate::facts::table::schema::TableRow;
use crate::model::Enforcement;
use world::World;

/// What the tables do not hold: how namespaces reach one another, and what enforces the policies.
#[derive(Clone, Debug)]
pub struct Network {
    /// Between namespaces.
    pub flows: Flows,
    /// The network plugins that were recognised.
    pub engines: Vec<String>,
    /// Whether the policies have an effect.
    pub enforcement: Enforcement,
    /// Why, in one sentence.
    pub because: String,
}

impl Network {
    /// Where no table of the network was wanted.
    pub(super) fn not_computed() -> Self {
        Self { flows: Flows::default(), engines: Vec::new(), enforcement: Enforcement::Unknown, because: "it was not asked for".to_owned() }
    }
}

/// The tables of isolation and of what enforces it.
pub(super) const FAMILY: Family = Family {
    schemas: || {
        vec![
            isolation::NetworkIsolationRow::schema(),
            namespaces::NamespaceIsolationRow::schema(),
            policies::NetworkPolicyRow::schema(),
            cni::CniRow::schema(),
        ]
    },
    rows: |context, beside| {
        let world = World::read(context)?;
        let (flows, half_open) = flows::compute(&world);
        let isolation = isolation::rows(&world, &half_open);
        let namespaces = namespaces::rows(&world, &isolation);
        let enforcement = match world.enforcement() {
            Known::Known(enforcement) => (*enforcement).into(),
            Known::Unknown(_) => Enforcement::Unknown,
        };
        let policies = policies::rows(&world);
        let cni = world.cni;
        beside.network = Some(Network { flows, engines: cni.engines, enforcement, because: cni.because });
        Ok(vec![isolation, namespaces, policies, cni.rows])
    },
};
