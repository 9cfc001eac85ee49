//! What speaks for ePHI in the namespaces that nobody declared anything about: gathered while tables come by, and decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::hints::speaks_for;
use crate::assess::ResolvedScope;
use crate::facts::{ContainerRow, Row, TableRow, TableSchema, VolumeRow};
use crate::model::Undeclared;

/// Names of one namespace's things.
type Names = BTreeMap<String, BTreeSet<String>>;

/// What was seen.
#[derive(Debug, Default)]
pub(in crate::assess) struct Signs {
    volumes: Names,
    images: Names,
}

impl Signs {
    /// Adds rows of the tables that give a sign.
    pub(in crate::assess) fn add(&mut self, schema: &'static TableSchema, rows: &[Row], scope: &ResolvedScope<'_>) {
        let volumes = schema.name == VolumeRow::schema().name;
        if !volumes && schema.name != ContainerRow::schema().name {
            return;
        }
        let undeclared: BTreeSet<&str> = scope.undeclared().map(|(name, _)| name.as_str()).collect();
        for row in rows {
            let Some(namespace) = row.namespace.as_deref().filter(|name| undeclared.contains(name)) else { continue };
            let (into, name) = if volumes {
                (&mut self.volumes, VolumeRow::columns().name.of(row).map(str::to_owned))
            } else {
                (&mut self.images, ContainerRow::columns().image_repository.of(row).map(str::to_owned))
            };
            into.entry(namespace.to_owned()).or_default().extend(name);
        }
    }

    /// Each of these namespaces with its signs.
    pub(in crate::assess) fn of(&self, scope: &ResolvedScope<'_>) -> Vec<Undeclared> {
        scope
            .undeclared()
            .map(|(name, labels)| {
                let labels = labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
                let signs = speaks_for(name, labels, self.volumes.get(name), self.images.get(name));
                Undeclared { namespace: name.clone(), speaks_for: signs.0 }
            })
            .collect()
    }
}
