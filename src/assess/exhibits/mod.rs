//! The matrices, from tables and scope.

mod access;
mod isolation;

use super::ResolvedScope;
use crate::facts::Tables;
use crate::model::Exhibits;

/// Every matrix that the tables give.
pub(super) fn build(tables: &Tables, scope: &ResolvedScope<'_>) -> Exhibits {
    Exhibits { access: access::matrix(tables, scope), isolation: isolation::build(tables, scope) }
}
