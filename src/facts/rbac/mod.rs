//! Role-based access control as the API server evaluates it, exactly, and what leads from there to ePHI.
//!
//! Other authorizers (Node, Webhook, ABAC, a provider's own) can allow more, and the group `system:masters` is allowed everything
//! before any of them is asked; neither stands in an object of the API.

mod grants;
mod kinds;
mod leads;
mod policy;
mod reach;
mod resolved;
mod rights;
mod roles;
mod rules;
mod shipped;
mod subjects;
mod who_can;

use std::collections::BTreeSet;

pub use kinds::Kind;
pub use policy::{Action, Asker, Binding, Decision, MASTERS, Policy, Role, Who};
pub use who_can::{Allowed, Answer, Question, QuestionError, Via, is_cluster_scoped};

use super::{FactsError, Family, Known};
use crate::facts::table::read::Reader;
use crate::facts::table::schema::TableRow;
use crate::model::sources::{CLUSTER_ROLE_BINDINGS, ROLE_BINDINGS, SERVICE_ACCOUNTS};
use crate::parallel;
use crate::snapshot::Snapshot;
use resolved::Resolved;

/// Namespace and name of every service account.
type Accounts = Known<BTreeSet<(String, String)>>;

/// The tables of access.
pub(super) const FAMILY: Family = Family {
    schemas: || vec![grants::GrantRow::schema(), reach::ReachRow::schema(), roles::RoleRow::schema(), subjects::SubjectRow::schema()],
    rows: |context, _| {
        let policy = Policy::read(&context.reader)?;
        let held = context.accounts()?;
        let accounts = context.reader.known_if_complete(&SERVICE_ACCOUNTS, || held.automount().into_keys().collect());
        let bindings_read = context
            .reader
            .known_if_complete(&CLUSTER_ROLE_BINDINGS, || ())
            .and_then(|()| context.reader.known_if_complete(&ROLE_BINDINGS, || ()));
        let resolved = Resolved::new(&policy, context.server_minor()?);
        // Each of them asks the same rules only.
        let ((reach, subjects), (grants, roles)) = parallel::both(
            || (reach::rows(&resolved), subjects::rows(&resolved, &accounts)),
            || (grants::rows(&resolved, &accounts), roles::rows(&resolved, &bindings_read)),
        );
        Ok(vec![grants, reach, roles, subjects])
    },
};

/// The roles and bindings of a snapshot.
pub fn policy(snapshot: &Snapshot) -> Result<Policy, FactsError> {
    Policy::read(&Reader::new(snapshot))
}
