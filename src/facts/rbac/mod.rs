//! Role-based access control as the API server evaluates it, exactly, and what leads from there to ePHI.
//!
//! Other authorizers (Node, Webhook, ABAC, a provider's own) can allow more, and the group `system:masters` is allowed everything
//! before any of them is asked; neither stands in an object of the API.

mod account_reach;
mod asked;
mod columns;
mod grants;
mod guard_writers;
mod guarded;
mod interference;
mod kinds;
mod leads;
mod names;
mod pod_writers;
mod policy;
mod reach;
mod resolved;
mod rights;
mod roles;
mod rules;
mod served;
mod server;
mod shipped;
mod standing;
mod steps;
mod subjects;
mod takeover;
mod takeovers;
mod things;
mod who_can;

use std::collections::BTreeSet;

pub use grants::{COLUMNS as REACH_COLUMNS, GrantRow};
pub use kinds::Kind;
pub use names::{is_cluster_scoped, is_cluster_scoped_anywhere};
pub use policy::{Action, Asker, Binding, Decision, MASTERS, Policy, Role, Who};
pub use reach::ReachRow;
pub use who_can::{Allowed, Answer, Question, QuestionError, Via};

use super::metrics::Metrics;
use super::settings::gates::Gates;
use super::{FactsError, Family, Known};
use crate::facts::table::read::Reader;
use crate::facts::table::schema::TableRow;
use crate::facts::workloads::pass::TemplateAccounts;
use crate::facts::workloads::service_accounts::{ServiceAccounts, Usages};
use crate::model::sources::{CLUSTER_ROLE_BINDINGS, KUBEADM_CONFIG, ROLE_BINDINGS, SERVICE_ACCOUNTS, WORKLOADS};
use crate::parallel;
use crate::snapshot::Snapshot;
use resolved::Resolved;
use served::Served;
use server::Server;
use standing::Holders;
use takeover::{Population, Takeover};

/// Namespace and name of every service account.
type Accounts = Known<BTreeSet<(String, String)>>;

/// The tables of access.
pub(super) const FAMILY: Family = Family {
    schemas: || {
        vec![
            grants::GrantRow::schema(),
            reach::ReachRow::schema(),
            roles::RoleRow::schema(),
            subjects::SubjectRow::schema(),
            takeovers::TakeoverRow::schema(),
            account_reach::AccountReachRow::schema(),
            pod_writers::PodWriterRow::schema(),
            guard_writers::GuardWriterRow::schema(),
        ]
    },
    rows: |context, _| {
        let policy = Policy::read(&context.reader)?;
        let (service_accounts, usages) = (context.accounts()?, context.usages()?);
        let templates = context.template_accounts()?;
        let accounts = context.reader.known_if_complete(&SERVICE_ACCOUNTS, || service_accounts.automount().into_keys().collect());
        let bindings_read = context
            .reader
            .known_if_complete(&CLUSTER_ROLE_BINDINGS, || ())
            .and_then(|()| context.reader.known_if_complete(&ROLE_BINDINGS, || ()));
        let server = Server {
            minor: context.server_minor()?.clone(),
            gates: Gates::of(&Metrics::read(&context.reader)?),
            bootstrap: super::settings::takes_bootstrap_tokens(context)?,
        };
        let resolved = Resolved::new(&policy, server, Served::of(&context.reader)?, kubeadm_made_it(&context.reader)?);
        let holders = Holders::of(&resolved);
        let population = Population {
            running: holding(context, service_accounts, usages, templates),
            listed_secrets: service_accounts.listed_secrets(),
            existing: accounts.clone(),
        };
        // Each of them asks the same rules only.
        let ((reach, takeovers, account_reach), (grants, roles, subjects)) = parallel::both(
            || {
                let takeover = Takeover::new(&resolved, &holders, &population);
                (
                    reach::rows(&resolved, &holders, &takeover),
                    takeovers::rows(&resolved, &takeover),
                    account_reach::rows(&takeover, service_accounts, usages, templates),
                )
            },
            || {
                (
                    grants::rows(&resolved, &holders, &accounts),
                    roles::rows(&resolved, &bindings_read),
                    subjects::rows(&resolved, &holders, &accounts),
                )
            },
        );
        let pod_writers = pod_writers::rows(context, &resolved, &holders)?;
        let guard_writers = guard_writers::rows(context, &resolved, &holders)?;
        Ok(vec![grants, reach, roles, subjects, takeovers, account_reach, pod_writers, guard_writers])
    },
};

/// Whether kubeadm made the cluster: it keeps its configuration there (cmd/kubeadm/app/phases/uploadconfig).
fn kubeadm_made_it(reader: &Reader<'_>) -> Result<Known<bool>, FactsError> {
    let there = reader.single(&KUBEADM_CONFIG)?.is_some();
    Ok(reader.known_if_complete(&KUBEADM_CONFIG, || there))
}

/// Accounts whose token some pod holds, or will hold when the template of a workload without pods makes one: a CronJob runs at night.
fn holding(
    context: &crate::facts::context::Context<'_>,
    accounts: &ServiceAccounts,
    usages: &Known<Usages>,
    templates: &TemplateAccounts,
) -> Known<BTreeSet<(String, String)>> {
    let read = WORKLOADS.iter().try_for_each(|source| match context.reader.known_if_complete(source, || ()) {
        Known::Known(()) => Ok(()),
        Known::Unknown(unseen) => Err(unseen),
    });
    match (read, usages) {
        (Ok(()), Known::Known(usages)) => {
            let mut running = accounts.running(usages);
            running.extend(templates.keys().cloned());
            Known::Known(running)
        }
        (Err(unseen), _) => Known::Unknown(unseen),
        (_, Known::Unknown(unseen)) => Known::Unknown(unseen.clone()),
    }
}

/// The roles and bindings of a snapshot.
pub fn policy(snapshot: &Snapshot) -> Result<Policy, FactsError> {
    Policy::read(&Reader::new(snapshot))
}
