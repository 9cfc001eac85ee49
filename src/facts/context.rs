//! What several tables need, read once and only when it is asked for. It knows no table.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::Node;
use serde::Deserialize;

use super::namespaces::Namespaces;
use super::table::read::Reader;
use super::workloads::pass::{self, PodGroup, Seen, StaticPod, TemplateAccounts};
use super::workloads::secret_uses::SecretUses;
use super::workloads::service_accounts::{ServiceAccounts, Usages};
use super::workloads::shapes::{NodeIdentity, Nodes};
use super::workloads::volume_uses::VolumeUses;
use super::{FactsError, Known};
use crate::model::sources::{NODES, POD_OWNERS, PODS, VERSION, WORKLOADS};
use crate::model::{SourceId, Unseen};
use crate::snapshot::Snapshot;

/// A snapshot with what several families of tables need.
pub(super) struct Context<'a> {
    pub(super) reader: Reader<'a>,
    server_minor: Shared<Known<u32>>,
    namespaces: Shared<Namespaces>,
    accounts: Shared<ServiceAccounts>,
    nodes: Shared<Nodes>,
    workloads: OnceCell<Seen>,
}

/// Something that is read when it is first asked for. Whoever asks rests on the sources that it came from.
struct Shared<T>(OnceCell<(T, BTreeSet<SourceId>)>);

impl<T> Shared<T> {
    const fn new() -> Self {
        Self(OnceCell::new())
    }

    fn get<'s>(&'s self, reader: &Reader<'_>, read: impl FnOnce() -> Result<T, FactsError>) -> Result<&'s T, FactsError> {
        if self.0.get().is_none() {
            let (value, sources) = reader.asked_by(read);
            // Nobody else can have filled it: a reader stays in one thread, and nothing asks for itself.
            drop(self.0.set((value?, sources)));
        }
        let Some((value, sources)) = self.0.get() else { unreachable!("it was filled above") };
        reader.rests_on(sources);
        Ok(value)
    }
}

impl<'a> Context<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        Self {
            reader: Reader::new(snapshot),
            server_minor: Shared::new(),
            namespaces: Shared::new(),
            accounts: Shared::new(),
            nodes: Shared::new(),
            workloads: OnceCell::new(),
        }
    }

    /// Minor version of the server's rules.
    pub(super) fn server_minor(&self) -> Result<&Known<u32>, FactsError> {
        self.server_minor.get(&self.reader, || server_minor(&self.reader))
    }

    /// The namespaces.
    pub(super) fn namespaces(&self) -> Result<&Namespaces, FactsError> {
        self.namespaces.get(&self.reader, || Namespaces::read(&self.reader))
    }

    /// The service accounts.
    pub(super) fn accounts(&self) -> Result<&ServiceAccounts, FactsError> {
        self.accounts.get(&self.reader, || ServiceAccounts::read(&self.reader))
    }

    /// Every node by name.
    pub(super) fn nodes(&self) -> Result<&Nodes, FactsError> {
        self.nodes.get(&self.reader, || nodes(&self.reader))
    }

    /// Who uses which service account.
    pub(super) fn usages(&self) -> Result<&Known<Usages>, FactsError> {
        self.reader.rests_on(POD_OWNERS);
        Ok(&self.workloads()?.usages)
    }

    /// Which workloads have a template that names which service account, and no pod at the moment.
    pub(super) fn template_accounts(&self) -> Result<&TemplateAccounts, FactsError> {
        self.reader.rests_on(WORKLOADS);
        Ok(&self.workloads()?.template_accounts)
    }

    /// Pods and workloads per namespace.
    pub(super) fn counts(&self) -> Result<&Known<BTreeMap<String, (i64, i64)>>, FactsError> {
        self.reader.rests_on(POD_OWNERS);
        Ok(&self.workloads()?.counts)
    }

    /// Every pod, and the template of every controller of which no live pod was seen; equal ones are one.
    pub(super) fn pods(&self) -> Result<&[PodGroup], FactsError> {
        self.reader.rests_on(WORKLOADS);
        Ok(&self.workloads()?.pods)
    }

    /// Running pods of kube-system that say that a kubelet made them from a file.
    pub(super) fn static_pods(&self) -> Result<&[StaticPod], FactsError> {
        self.reader.rests_on(&[PODS]);
        Ok(&self.workloads()?.static_pods)
    }

    /// Which workloads mount which volumes.
    pub(super) fn volume_uses(&self) -> Result<&VolumeUses, FactsError> {
        self.reader.rests_on(WORKLOADS);
        Ok(&self.workloads()?.volume_uses)
    }

    /// Which pods ask for secrets that are brought into them.
    pub(super) fn secret_uses(&self) -> Result<&SecretUses, FactsError> {
        self.reader.rests_on(WORKLOADS);
        Ok(&self.workloads()?.secret_uses)
    }

    /// Keeps what the pass over all pods gave beside the rows of its tables.
    pub(super) fn keep(&self, seen: Seen) {
        // Where another table had asked for it before, it is the same.
        drop(self.workloads.set(seen));
    }

    /// What the pass saw. Whoever asks for a part of it says what that part rests on.
    fn workloads(&self) -> Result<&Seen, FactsError> {
        if self.workloads.get().is_none() {
            let seen = self.reader.unheard(|| pass::without_rows(self))?;
            self.keep(seen);
        }
        let Some(seen) = self.workloads.get() else { unreachable!("it was filled above") };
        Ok(seen)
    }
}

/// Every node by name.
fn nodes(reader: &Reader<'_>) -> Result<Nodes, FactsError> {
    let mut nodes = BTreeMap::new();
    reader.each::<Node>(&NODES, |node, _| {
        nodes.extend(NodeIdentity::of(&node.metadata));
    })?;
    Ok(reader.known_if_complete(&NODES, || nodes))
}

/// The server's minor version (`/version`): digits of `minor`, which some providers end with `+`.
fn server_minor(reader: &Reader<'_>) -> Result<Known<u32>, FactsError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Version {
        minor: String,
        /// Set where `--emulated-version` is (KEP-4330): admission applies the rules of that version.
        emulation_minor: Option<String>,
    }
    let unknown = |why: &str| {
        let how = "Grant get on the URL /version, then collect again.";
        Known::Unknown(Unseen::read_failed("the server's version", why, how).of(&VERSION))
    };
    if let Some(gap) = reader.gap(&VERSION) {
        return Ok(Known::Unknown(gap));
    }
    let Some(stored) = reader.single(&VERSION)? else { return Ok(unknown("the snapshot does not hold it")) };
    Ok(match serde_json::from_str::<Version>(&stored.json) {
        Ok(Version { minor, emulation_minor }) => {
            let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
            match (number(&minor), emulation_minor.as_deref().filter(|text| !text.is_empty()).map(number)) {
                (Some(minor), None) => Known::Known(minor),
                (Some(minor), Some(Some(emulated))) => Known::Known(minor.min(emulated)),
                _ => unknown("its minor version is not a number"),
            }
        }
        Err(error) => {
            reader.not_understood(&VERSION, &stored, &error.to_string());
            unknown("it could not be decoded")
        }
    })
}
