use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::storage::v1::StorageClass;

use super::claims::Claim;
use super::drivers::{Encryption, Parameters, encryption};
use crate::facts::context::Context;
use crate::facts::table::read::Reader;
use crate::facts::table::schema::{Row, table};
use crate::facts::workloads::containers::sorted_owned;
use crate::facts::{FactsError, Known};
use crate::model::sources::{PERSISTENT_VOLUME_CLAIMS, STORAGE_CLASSES};
use crate::model::{Evidence, ObjectRef};

table! {
    /// One row per storage class: what the volumes are that it makes.
    pub struct StorageClassRow as "storage_classes" counting "storage classes" from [STORAGE_CLASSES] {
        /// Name.
        name: String, at "/metadata/name";
        /// The driver that makes its volumes.
        provisioner: String, at "/provisioner";
        /// Whether claims that name no class get it.
        default: bool, at "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
        /// Whether the volumes that it makes are encrypted, as far as its parameters show. Unknown where the layer below decides.
        encrypted: Known<bool>, at "/parameters";
        /// Whether its parameters name a key of the customer. Unknown where it is not known how the driver reads them.
        customer_key: Known<bool>, at "/parameters";
        /// What becomes of a volume whose claim is deleted: `Delete` or `Retain`; unset is `Delete`.
        reclaim_policy: String, at "/reclaimPolicy";
        /// Namespaces with claims of this class, sorted.
        namespaces: Known<Vec<String>>, needs [PERSISTENT_VOLUME_CLAIMS];
        /// Number of claims of this class.
        claims: Known<i64>, needs [PERSISTENT_VOLUME_CLAIMS];
    }
}

const DEFAULT: [&str; 2] = ["storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class"];

/// One class as read.
pub(super) struct Class {
    pub(super) object: StorageClass,
    pub(super) origin: Evidence,
}

impl Class {
    pub(super) fn parameters(&self) -> Parameters {
        self.object.parameters.clone().unwrap_or_default()
    }
    pub(super) fn mount_options(&self) -> Vec<String> {
        self.object.mount_options.clone().unwrap_or_default()
    }
    /// `storage/v1` StorageClass: unset is Delete.
    pub(super) fn reclaim_policy(&self) -> String {
        self.object.reclaim_policy.clone().unwrap_or_else(|| "Delete".to_owned())
    }
    fn is_default(&self) -> bool {
        let annotations = self.object.metadata.annotations.as_ref();
        annotations.is_some_and(|all| DEFAULT.iter().any(|name| all.get(*name).is_some_and(|value| value == "true")))
    }
}

/// All classes by name.
pub(super) struct Classes {
    by_name: BTreeMap<String, Class>,
}

impl Classes {
    pub(super) fn read(reader: &Reader<'_>) -> Result<Self, FactsError> {
        let mut by_name = BTreeMap::new();
        reader.each::<StorageClass>(&STORAGE_CLASSES, |object, origin| {
            if let Some(name) = object.metadata.name.clone() {
                by_name.insert(name, Class { object, origin });
            }
        })?;
        Ok(Self { by_name })
    }

    pub(super) fn get(&self, name: &str) -> Option<&Class> {
        self.by_name.get(name)
    }

    pub(super) fn rows(self, context: &Context<'_>, claims: &[Claim]) -> Vec<Row> {
        let mut uses: BTreeMap<&str, Vec<&Claim>> = BTreeMap::new();
        for claim in claims {
            uses.entry(claim.class.as_deref().unwrap_or("")).or_default().push(claim);
        }
        let uses = context.reader.known_if_complete(&PERSISTENT_VOLUME_CLAIMS, || uses);
        self.by_name.into_iter().map(|(name, class)| row(&name, class, &uses)).collect()
    }
}

fn row(name: &str, class: Class, uses: &Known<BTreeMap<&str, Vec<&Claim>>>) -> Row {
    let Encryption { encrypted, customer_key } =
        encryption(&class.object.provisioner, &class.parameters(), &format!("the storage class {name}"));
    let used_by = uses.as_ref().map(|uses| uses.get(name).cloned().unwrap_or_default());
    let typed = StorageClassRow {
        provisioner: class.object.provisioner.clone(),
        default: class.is_default(),
        encrypted,
        customer_key,
        reclaim_policy: class.reclaim_policy(),
        namespaces: used_by.clone().map(|claims| {
            let namespaces: BTreeSet<String> = claims.iter().map(|claim| claim.namespace.clone()).collect();
            sorted_owned(namespaces)
        }),
        claims: used_by.map(|claims| i64::try_from(claims.len()).unwrap_or(i64::MAX)),
        name: name.to_owned(),
    };
    let subject = ObjectRef {
        kind: "StorageClass".to_owned(),
        group: "storage.k8s.io".to_owned(),
        namespace: None,
        name: name.to_owned(),
        uid: class.object.metadata.uid.clone(),
    };
    Row::new(name.to_owned(), subject, vec![class.origin], typed)
}
