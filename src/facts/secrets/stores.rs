use std::collections::{BTreeMap, BTreeSet};

use super::bringer::{Operator, Store, StoreKey, World, subject};
use super::{classes, vault};
use crate::facts::Known;
use crate::facts::context::Context;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::model::sources::{
    CSI_SECRETS, EXTERNAL_SECRETS, SECRET_BRINGERS, SECRET_PROVIDER_CLASSES, SECRET_SOURCES, VAULT_DYNAMIC_SECRETS, VAULT_PKI_SECRETS,
    VAULT_STATIC_SECRETS,
};
use crate::model::{ObjectRef, SourceId, Unseen};

table! {
    /// One row per place that secrets are brought from: SecretStores and ClusterSecretStores of External Secrets, VaultConnections and VaultAuths
    /// of the Vault Secrets Operator, and SecretProviderClasses. What is said of the connection is what the object says: the flags
    /// and the environment of an operator, and proxies on the way, are not read.
    pub struct SecretStoreRow as "secret_stores" counting "stores of secrets" from [SECRET_PROVIDER_CLASSES] + SECRET_SOURCES {
        /// Kind of the object.
        kind: &'static str;
        /// Namespace; empty for a ClusterSecretStore.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// What it is: `vault`, `aws`, `azurekv`, `gcpsm`, `kubernetes`, `fake` and others.
        provider: Known<String>;
        /// Scheme, host and port of the address that it names; null where it names none.
        address: Option<String>;
        /// Whether an address that it names begins with `http://`. Null where nothing is reached (`fake`, a VaultAuth); unknown where the address
        /// comes from elsewhere, or is not stored as one.
        plain_http: Known<Option<bool>>;
        /// Whether the certificate is checked, as far as a switch of the object says it: `skipTLSVerify`, `ignoreSslCertificate`, `verifyCA`,
        /// `vaultSkipTLSVerify`. Null where nothing is reached.
        verifies_tls: Known<Option<bool>>;
        /// What is wrong with the connection, as a sentence about the store goes on; empty where nothing is known to be.
        why: String;
        /// Whether it brings what an object of whatever namespace names it for: a ClusterSecretStore without conditions, or with one that a namespace
        /// meets that nobody has labelled; a VaultAuth whose `allowedNamespaces` is `*`. Null for what lets nobody in.
        everywhere: Known<Option<bool>>;
        /// Whether its controller says that it can be used; null where there is no such word.
        ready: Known<Option<bool>>;
        /// Namespaces with objects that name it, or a VaultAuth that leads to it, sorted; for a SecretProviderClass its own. A name
        /// that may mean several counts for each.
        used_in: Known<Vec<String>>, needs [] + SECRET_BRINGERS;
    }
}

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>, world: &World) -> Vec<Row> {
    let uses = Uses::of(&context.reader, world);
    let shown = |kind: &str| kind != "VaultAuthGlobal";
    let mut rows: Vec<Row> = world.stores.iter().filter(|store| shown(store.kind)).map(|store| row(store, &uses)).collect();
    for odd in world.odd_stores.iter().filter(|odd| shown(odd.kind)) {
        let meta = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
            namespace: odd.odd.namespace.clone(),
            name: odd.odd.name.clone(),
            ..Default::default()
        };
        let about = subject(&meta, odd.kind, &odd.source);
        let unseen = &odd.odd.unseen;
        let typed = SecretStoreRow {
            kind: odd.kind,
            namespace: about.namespace.clone().unwrap_or_default(),
            name: about.name.clone(),
            provider: Known::Unknown(unseen.clone()),
            address: None,
            plain_http: Known::Unknown(unseen.clone()),
            verifies_tls: Known::Unknown(unseen.clone()),
            why: String::new(),
            everywhere: Known::Unknown(unseen.clone()),
            ready: Known::Unknown(unseen.clone()),
            used_in: uses.of_store(odd.kind, &about),
        };
        rows.push(Row::new(key(odd.kind, &about), about, vec![odd.odd.origin.clone()], typed));
    }
    rows
}

fn key(kind: &str, about: &ObjectRef) -> String {
    format!("{}/{kind}/{}", about.namespace.as_deref().unwrap_or(""), about.name)
}

fn row(store: &Store, uses: &Uses) -> Row {
    let typed = SecretStoreRow {
        kind: store.kind,
        namespace: store.subject.namespace.clone().unwrap_or_default(),
        name: store.subject.name.clone(),
        provider: store.provider.clone(),
        address: store.address.clone(),
        plain_http: store.connection.plain.clone(),
        verifies_tls: store.connection.verified.clone(),
        why: store.connection.why.clone(),
        everywhere: store.everywhere.clone(),
        ready: store.ready.clone(),
        used_in: uses.of_store(store.kind, &store.subject),
    };
    // About whoever uses it, which `used_in` says, and not about the namespace that it is in.
    let mut row = Row::new(key(store.kind, &store.subject), store.subject.clone(), vec![store.origin.clone()], typed);
    for (column, pointer) in &store.places {
        row = row.evidenced(column, [store.origin.at(pointer.clone())]);
    }
    row
}

/// Who names what.
struct Uses {
    /// Namespaces by what is named there.
    named: BTreeMap<StoreKey, BTreeSet<String>>,
    /// Words of objects that could not be understood, with the namespace that they are in: they may name what is called so.
    odd: Vec<(String, crate::facts::table::read::Odd)>,
    /// Namespaces in which something is in doubt: each store may be named there.
    anywhere: BTreeSet<String>,
    /// Namespaces whose account of Vault could not be understood: it may lead to any connection.
    to_any_connection: BTreeSet<String>,
    /// Why it is not known who names stores of External Secrets, and who names what of Vault.
    external: Option<Unseen>,
    vault: Option<Unseen>,
}

impl Uses {
    fn of(reader: &Reader<'_>, world: &World) -> Self {
        let mut named: BTreeMap<StoreKey, BTreeSet<String>> = BTreeMap::new();
        for bringer in &world.bringers {
            let namespace = bringer.subject.namespace.clone().unwrap_or_default();
            for key in &bringer.stores {
                named.entry(key.clone()).or_default().insert(namespace.clone());
            }
        }
        let odd = world.odd_bringers.iter().filter(|one| matches!(one.operator, Operator::External | Operator::Vault));
        let mut uses = Self {
            named,
            odd: odd.map(|one| (one.odd.namespace.clone().unwrap_or_default(), one.odd.clone())).collect(),
            anywhere: BTreeSet::new(),
            to_any_connection: BTreeSet::new(),
            external: None,
            vault: None,
        };
        let of_vault = [&CSI_SECRETS, &VAULT_DYNAMIC_SECRETS, &VAULT_PKI_SECRETS, &VAULT_STATIC_SECRETS];
        uses.external = uses.gap(reader, &EXTERNAL_SECRETS);
        for source in of_vault {
            uses.vault = uses.vault.take().or(uses.gap(reader, source));
        }
        uses.follow(world);
        uses
    }

    /// Why not everything of a source was read. What is in doubt about one namespace is as if each store were named there.
    fn gap(&mut self, reader: &Reader<'_>, source: &SourceId) -> Option<Unseen> {
        if let Known::Unknown(unseen) = reader.known_if_read(source, || ()) {
            return Some(unseen);
        }
        let mut gap = None;
        for (namespace, unseen) in reader.doubts_of(source) {
            match namespace {
                Some(namespace) => drop(self.anywhere.insert(namespace)),
                None => gap = gap.or(Some(unseen)),
            }
        }
        gap
    }

    /// Who names an account names what it leads to: a connection, or what several accounts share, which leads to one.
    fn follow(&mut self, world: &World) {
        const LONGEST: usize = 3;
        for _ in 0..LONGEST {
            for store in &world.stores {
                if let Some(to) = &store.leads_to {
                    let by = self.of_name(store.kind, &store.subject);
                    self.named.entry(to.clone()).or_default().extend(by);
                }
            }
        }
        for odd in world.odd_stores.iter().filter(|odd| odd.kind != vault::CONNECTION) {
            let keys = self
                .named
                .iter()
                .filter(|(key, _)| key.may_be(odd.kind, odd.odd.namespace.as_deref(), odd.odd.name.as_deref().unwrap_or("")));
            let by: BTreeSet<String> = keys.flat_map(|(_, namespaces)| namespaces.iter().cloned()).collect();
            self.to_any_connection.extend(by);
        }
    }

    fn of_name(&self, kind: &str, about: &ObjectRef) -> BTreeSet<String> {
        let meant = self.named.iter().filter(|(key, _)| key.may_be(kind, about.namespace.as_deref(), &about.name));
        let mut all: BTreeSet<String> = meant.flat_map(|(_, namespaces)| namespaces.iter().cloned()).collect();
        // What is meant where nothing is named is called so.
        let by_default = about.name == "default";
        all.extend(self.odd.iter().filter(|(_, odd)| by_default || odd.names(&about.name)).map(|(namespace, _)| namespace.clone()));
        all
    }

    /// The namespaces that use a store.
    fn of_store(&self, kind: &str, about: &ObjectRef) -> Known<Vec<String>> {
        if kind == classes::CLASS {
            return Known::Known(about.namespace.iter().cloned().collect());
        }
        let is_vault = kind == vault::CONNECTION || kind == "VaultAuth";
        if let Some(unseen) = if is_vault { &self.vault } else { &self.external } {
            return Known::Unknown(unseen.clone());
        }
        let mut all = self.of_name(kind, about);
        all.extend(self.anywhere.iter().cloned());
        if kind == vault::CONNECTION {
            all.extend(self.to_any_connection.iter().cloned());
        }
        // A SecretStore brings nothing into another namespace.
        if kind == "SecretStore" {
            all.retain(|namespace| Some(namespace) == about.namespace.as_ref());
        }
        Known::Known(all.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::bringer::Where;
    use super::*;

    #[test]
    fn a_name_without_a_namespace_means_each_of_that_name() {
        let about = |namespace: &str| ObjectRef {
            kind: "VaultConnection".to_owned(),
            group: String::new(),
            namespace: Some(namespace.to_owned()),
            name: "default".to_owned(),
            uid: None,
        };
        let key = |namespace: Where| StoreKey { kind: "VaultConnection".to_owned(), namespace, name: "default".to_owned() };
        let meant = |key: &StoreKey, namespace: &str| key.may_be("VaultConnection", about(namespace).namespace.as_deref(), "default");
        assert!(meant(&key(Where::OfOperator), "vault") && meant(&key(Where::OfOperator), "shop"));
        assert!(meant(&key(Where::In("vault".to_owned())), "vault") && !meant(&key(Where::In("vault".to_owned())), "shop"));
        assert!(!meant(&key(Where::Cluster), "vault"));
    }
}
