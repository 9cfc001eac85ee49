//! What the API server asks before it stores an object: webhooks, its own policies, and those of installed engines.
//!
//! Policies and webhooks that a server loads from files (`staticManifestsDir`, KEP-5793, from 1.36) are not listed by any API: where
//! there is no row, none is visible through the API, which is not the same as that there is none.

mod askers;
mod backends;
mod bindings;
mod conditions;
mod engines;
mod exemptions;
mod expressions;
mod guards;
mod parameters;
mod policies;
mod rules;
mod scope;
mod webhooks;

pub(super) use guards::{Guard, guards};

use super::Family;
use super::namespaces::{NamespaceRow, Server};
use crate::facts::table::schema::TableRow;

/// Namespaces, with what the API server makes of their labels: that depends on its settings, of which the namespaces themselves know
/// nothing.
pub(super) const NAMESPACES: Family = Family {
    schemas: || vec![NamespaceRow::schema()],
    rows: |context, _| {
        let server = Server {
            minor: context.server_minor()?,
            file: super::settings::admission_file(context)?,
            plugin: super::settings::Plugins::read(context)?.runs("PodSecurity"),
        };
        Ok(vec![context.namespaces()?.rows(&server, context.counts()?)])
    },
};

pub(super) const FAMILY: Family = Family {
    schemas: || {
        vec![
            webhooks::WebhookRow::schema(),
            exemptions::ExemptionRow::schema(),
            policies::PolicyRow::schema(),
            engines::EnginePolicyRow::schema(),
            engines::EngineRow::schema(),
            engines::ExceptionRow::schema(),
        ]
    },
    rows: |context, _| {
        let plugins = super::settings::Plugins::read(context)?;
        let (read, backends) = (webhooks::read(context, &plugins)?, backends::Backends::read(context)?);
        let (asked, of_engines) = (engines::Engines::new(context, &read, &backends, &plugins)?, engines::read(context)?);
        Ok(vec![
            webhooks::rows(context, &read, &backends)?,
            exemptions::rows(context, &read)?,
            policies::rows(context, &of_engines, &plugins)?,
            engines::policy_rows(context, &of_engines, &asked)?,
            engines::engine_rows(context, &of_engines, &asked)?,
            engines::exception_rows(context, &of_engines, &read)?,
        ])
    },
};
