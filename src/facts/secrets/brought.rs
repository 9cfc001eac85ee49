use std::collections::BTreeMap;
use std::sync::Arc;

use super::bringer::{Bringer, OddBringer, Operator, Store, StoreKey, World, subject, unknown};
use crate::facts::context::Context;
use crate::facts::settings::{Stored, stored};
use crate::facts::table::schema::{Row, table};
use crate::facts::{FactsError, Known};
use crate::model::sources::{CLUSTER_SECRET_STORES, ENCRYPTION_SHOWN, SECRET_BRINGERS, SECRET_SOURCES, SECRET_STORES};
use crate::model::{Evidence, Unseen};

table! {
    /// One row per object by which an operator or a driver brings secrets into the cluster: ExternalSecrets, the kinds of the Vault Secrets
    /// Operator, SecretProviderClasses, SealedSecrets and SopsSecrets. Whether it came is what its controller says of the object as it
    /// is now; the Secret itself is never read. What is brought becomes a Secret in etcd, but for what is only mounted.
    pub struct ExternalSecretRow as "external_secrets" counting "objects that bring secrets" from [] + SECRET_BRINGERS {
        /// What brings it: `External Secrets`, `Vault Secrets Operator`, `Secrets Store CSI Driver`, `Sealed Secrets`, `SOPS`.
        operator: &'static str;
        /// Kind of the object.
        kind: &'static str;
        /// Namespace.
        namespace: String, at "/metadata/namespace";
        /// Name.
        name: String, at "/metadata/name";
        /// What it names as its source, as `Kind/name`, or `Kind/namespace/name` in another namespace; what makes new values as `generator
        /// Kind`. Sorted.
        stores: Vec<String>;
        /// Providers of these stores, sorted: `aws`, `vault`, `fake`.
        providers: Known<Vec<String>>, needs [] + SECRET_SOURCES;
        /// Whether a value comes from a store or a generator whose values stand in its own object (`fake`).
        fake: Known<bool>, needs [] + SECRET_SOURCES;
        /// Names of the Secrets (or of what else) that it becomes, sorted. Those of a SopsSecret may be encrypted, and are not read.
        secrets: Vec<String>;
        /// Of which kind that is: `Secret`, or another that it asks for (`ConfigMap`); empty where nothing is written.
        written_as: Known<String>;
        /// Whether the API server writes that kind to etcd encrypted, as far as its counters show it: see `encryption_at_rest`. Null where nothing
        /// is written.
        encrypted: Known<Option<bool>>, needs [] + ENCRYPTION_SHOWN;
        /// Whether its controller says that it is there and current. Unknown where it speaks of an older generation, where it has said
        /// nothing within ten minutes, where an operator writes no such status, and for what a driver mounts.
        ready: Known<bool>;
        /// What its controller says, as a sentence about it goes on; empty where that is not known.
        state: String;
        /// Whether it is fetched again without being changed itself. False for what stands encrypted in the object.
        refreshes: Known<bool>;
        /// How often, or why not, as a sentence goes on.
        refresh: String;
        /// Seconds between two times; null where there is no fixed time.
        interval_seconds: Option<i64>;
        /// When it was fetched last (External Secrets), or when what stands in it was last changed (SOPS); null where nothing says it.
        last_refresh: Option<String>;
        /// Whether that was longer ago than the interval and as long again (at least ten minutes) when the cluster was read. Known of External
        /// Secrets that are fetched by the clock.
        overdue: Known<bool>;
        /// What becomes of the Secret when its source is gone: `Retain`, `Delete`, `Merge`; empty where there is no such setting.
        deletion: String;
        /// Whether the values in the object are encrypted; null where no values stand in it. False for a SopsSecret without the sum that SOPS
        /// writes.
        sealed: Known<Option<bool>>;
        /// Where a SealedSecret may be opened: under its own name alone (`name`), in its `namespace`, or anywhere in the `cluster`; empty for other
        /// kinds.
        sealed_for: Known<String>;
    }
}

/// The rows of the table.
pub(super) fn rows(context: &Context<'_>, world: &World) -> Result<Vec<Row>, FactsError> {
    let judge = Judge { context, world, stored: stored(context)? };
    let mut rows: Vec<Row> = world.bringers.iter().map(|bringer| judge.row(bringer)).collect();
    rows.extend(world.odd_bringers.iter().map(odd_row));
    Ok(rows)
}

struct Judge<'a> {
    context: &'a Context<'a>,
    world: &'a World,
    stored: BTreeMap<String, Stored>,
}

impl Judge<'_> {
    fn row(&self, bringer: &Bringer) -> Row {
        let namespace = bringer.subject.namespace.clone().unwrap_or_default();
        let found: Vec<(&StoreKey, Option<&Store>)> = bringer.stores.iter().map(|key| (key, self.find(key))).collect();
        let (encrypted, written) = self.encrypted(bringer);
        let typed = ExternalSecretRow {
            operator: bringer.operator.name(),
            kind: bringer.kind,
            name: bringer.subject.name.clone(),
            stores: stores(bringer, &namespace),
            providers: self.providers(bringer, &found),
            fake: self.fake(bringer, &found),
            secrets: bringer.secrets.iter().cloned().collect(),
            written_as: Known::Known(bringer.written_as.clone()),
            encrypted,
            ready: bringer.ready.clone(),
            state: bringer.state.clone(),
            refreshes: bringer.refresh.on.clone(),
            refresh: bringer.refresh.why.clone(),
            interval_seconds: bringer.refresh.every,
            last_refresh: bringer.refresh.last.clone(),
            overdue: bringer.refresh.overdue.clone(),
            deletion: bringer.deletion.clone(),
            sealed: bringer.sealed.clone(),
            sealed_for: Known::Known(bringer.sealed_for.to_owned()),
            namespace: namespace.clone(),
        };
        let key = format!("{namespace}/{}/{}", bringer.kind, bringer.subject.name);
        let mut row = Row::new(key, bringer.subject.clone(), vec![bringer.origin.clone()], typed).evidenced("encrypted", written);
        let of_stores: Vec<Evidence> =
            found.iter().filter_map(|(_, store)| *store).map(|store| store.origin.at(place(store, "provider"))).collect();
        row = row.evidenced("providers", of_stores.clone()).evidenced("fake", of_stores);
        for (column, pointer) in bringer.places {
            row = row.evidenced(column, [bringer.origin.at(*pointer)]);
        }
        row
    }

    /// The object that a name means. Where several may be meant, the provider of all of them is the same (Vault).
    fn find(&self, key: &StoreKey) -> Option<&Store> {
        self.world.stores.iter().find(|store| key.may_be(store.kind, store.subject.namespace.as_deref(), &store.subject.name))
    }

    fn encrypted(&self, bringer: &Bringer) -> (Known<Option<bool>>, Vec<Arc<Evidence>>) {
        let resource = match bringer.written_as.as_str() {
            "" => return (Known::Known(None), Vec::new()),
            "Secret" => "secrets",
            "ConfigMap" => "configmaps",
            _ => "",
        };
        match self.stored.get(resource) {
            Some(stored) => (stored.encrypted.clone().map(Some), stored.evidence.clone()),
            None => {
                let what =
                    format!("whether what {} {} writes as {} is encrypted in etcd", bringer.kind, bringer.subject.name, bringer.written_as);
                let why = "no provider of an encryption configuration has counted an object of that kind since the server started";
                let how = "Ask whoever operates the control plane whether the file of --encryption-provider-config names that kind.";
                (Known::Unknown(unknown(what, why, how)), Vec::new())
            }
        }
    }

    /// Why nothing is known of a store that an object names.
    fn not_found(&self, bringer: &Bringer, key: &StoreKey) -> Unseen {
        let reader = &self.context.reader;
        let gap = match key.kind.as_str() {
            "SecretStore" => reader.known_if_complete(&SECRET_STORES, || ()),
            "ClusterSecretStore" => reader.known_if_complete(&CLUSTER_SECRET_STORES, || ()),
            _ => Known::Known(()),
        };
        if let Known::Unknown(gap) = gap {
            return gap;
        }
        let namespace = bringer.subject.namespace.as_deref().unwrap_or("");
        unknown(
            format!("the provider of {} {namespace}/{}", bringer.kind, bringer.subject.name),
            format!("{} does not exist, or is of a kind that is not known here", key.text(namespace)),
            "Look at the store that it names.",
        )
    }

    fn provider_of(&self, bringer: &Bringer, key: &StoreKey, store: Option<&Store>) -> Known<String> {
        match (bringer.operator, store) {
            (Operator::Vault, _) => Known::Known("vault".to_owned()),
            (_, Some(store)) => store.provider.clone(),
            (_, None) => Known::Unknown(self.not_found(bringer, key)),
        }
    }

    fn providers(&self, bringer: &Bringer, found: &[(&StoreKey, Option<&Store>)]) -> Known<Vec<String>> {
        let mut all = Vec::new();
        for (key, store) in found {
            match self.provider_of(bringer, key, *store) {
                Known::Known(provider) => all.push(provider),
                Known::Unknown(unseen) => return Known::Unknown(unseen),
            }
        }
        all.sort();
        all.dedup();
        Known::Known(all)
    }

    /// The provider and the generator that give out what stands in their own object (secretstore_fake_types.go; apis/generators/v1alpha1/
    /// types_fake.go). A ClusterGenerator may be any generator, and is not read.
    fn fake(&self, bringer: &Bringer, found: &[(&StoreKey, Option<&Store>)]) -> Known<bool> {
        if bringer.generators.contains("Fake") {
            return Known::Known(true);
        }
        let all: Vec<Known<String>> = found.iter().map(|(key, store)| self.provider_of(bringer, key, *store)).collect();
        if all.iter().any(|provider| provider.known().is_some_and(|name| name == "fake")) {
            return Known::Known(true);
        }
        if let Some(unseen) = all.iter().find_map(Known::unseen) {
            return Known::Unknown(unseen.clone());
        }
        if bringer.generators.contains("ClusterGenerator") {
            let what = format!("what makes the values of {} {}", bringer.kind, bringer.subject.name);
            return Known::Unknown(unknown(
                what,
                "it names a ClusterGenerator, which is not read",
                "Look at spec.kind of that ClusterGenerator.",
            ));
        }
        Known::Known(false)
    }
}

/// Where the value of a column stands in a store.
fn place(store: &Store, column: &str) -> String {
    store.places.iter().find(|(name, _)| *name == column).map(|(_, pointer)| pointer.clone()).unwrap_or_default()
}

fn stores(bringer: &Bringer, namespace: &str) -> Vec<String> {
    // A class names its provider itself.
    let named = bringer.stores.iter().filter(|_| bringer.operator != Operator::Driver).map(|key| key.text(namespace));
    let mut all: Vec<String> = named.chain(bringer.generators.iter().map(|kind| format!("generator {kind}"))).collect();
    all.sort();
    all
}

/// Of an object that was not understood, operator, kind and name are known: the doubt is about its own row.
fn odd_row(odd: &OddBringer) -> Row {
    let unseen = &odd.odd.unseen;
    let namespace = odd.odd.namespace.clone().unwrap_or_default();
    let name = odd.odd.name.clone().unwrap_or_default();
    let typed = ExternalSecretRow {
        operator: odd.operator.name(),
        kind: odd.kind,
        namespace: namespace.clone(),
        name: name.clone(),
        stores: Vec::new(),
        providers: Known::Unknown(unseen.clone()),
        fake: Known::Unknown(unseen.clone()),
        secrets: Vec::new(),
        written_as: Known::Unknown(unseen.clone()),
        encrypted: Known::Unknown(unseen.clone()),
        ready: Known::Unknown(unseen.clone()),
        state: String::new(),
        refreshes: Known::Unknown(unseen.clone()),
        refresh: String::new(),
        interval_seconds: None,
        last_refresh: None,
        overdue: Known::Unknown(unseen.clone()),
        deletion: String::new(),
        sealed: Known::Unknown(unseen.clone()),
        sealed_for: Known::Unknown(unseen.clone()),
    };
    let meta = k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
        namespace: odd.odd.namespace.clone(),
        name: odd.odd.name.clone(),
        ..Default::default()
    };
    Row::new(format!("{namespace}/{}/{name}", odd.kind), subject(&meta, odd.kind, &odd.source), vec![odd.odd.origin.clone()], typed)
}
