//! The columns that every table about reach has.

/// A [`table!`](crate::facts::table::schema::table) with a column for each kind of reach behind its own.
macro_rules! with_reach {
    ($(#[doc = $doc:literal])+ pub struct $Row:ident as $name:literal counting $counts:literal from [$($source:expr),*] consulting [$($consulted:expr),*] $(+ $list:ident)? { $($own:tt)* }) => {
        $crate::facts::table::schema::table! {
            $(#[doc = $doc])+
            pub struct $Row as $name counting $counts from [$($source),*] consulting [$($consulted),*] $(+ $list)? {
                $($own)*
                /// Any verb on any resource: as the ClusterRole cluster-admin.
                everything: Known<bool>;
                /// Act as other users, groups or nodes: verb `impersonate`, or both halves of constrained impersonation.
                impersonates: Known<bool>, needs [VERSION];
                /// Verbs `escalate` or `bind` on roles: grant more than one holds.
                escalates: Known<bool>;
                /// nodes/proxy, with any verb: commands in every pod of a node.
                proxies_nodes: Known<bool>;
                /// Approve or sign client certificates.
                approves_certificates: Known<bool>;
                /// Change APIServices or CustomResourceDefinitions, through which every object of a group passes.
                changes_apis: Known<bool>;
                /// Create or change PersistentVolumes, or contents of volume snapshots.
                creates_volumes: Known<bool>;
                /// Write admission webhooks or policies, or change Namespaces, by their subresources too.
                changes_policies: Known<bool>;
                /// Change nodes or their status, or bind pods to nodes.
                changes_nodes: Known<bool>;
                /// Write all ConfigMaps of kube-system, or ClusterTrustBundles.
                changes_system_config: Known<bool>;
                /// Read the content of all Secrets: get, list, watch, and patch, delete and deletecollection, whose answers hold it.
                reads_secrets: Known<bool>;
                /// Create tokens of service accounts or Secrets that are filled with them, or impersonate accounts. Or create Secrets of kube-system,
                /// where the server takes these for bootstrap tokens with whose groups one may have the certificate of a node.
                becomes_service_accounts: Known<bool>, needs [VERSION], consulting [] + SERVERS_SEEN;
                /// Act as users that the role names.
                impersonates_named: Known<bool>, needs [VERSION];
                /// Write what a deployment tool carries out with its own rights, such as an Application of Argo CD or a HelmRelease of Flux.
                deploys_by_tools: Known<bool>;
                /// pods/exec, pods/attach or pods/portforward: create, or get where the feature gate AuthorizePodWebsocketUpgradeCreatePermission
                /// is off or not there yet. Or pods/proxy or services/proxy, with any verb.
                execs: Known<bool>, needs [VERSION];
                /// Add containers to running pods, or change the images of those that run.
                adds_containers: Known<bool>;
                /// Create pods, and create or change what makes them.
                writes_workloads: Known<bool>;
                /// Overwrite or delete all Secrets.
                changes_secrets: Known<bool>;
                /// Change Services, endpoints, EndpointSlices, Ingresses, routes, or the status of pods, Services and Ingresses.
                redirects_traffic: Known<bool>;
                /// Write NetworkPolicies or those of a network plugin.
                changes_network_policies: Known<bool>;
                /// Delete or overwrite claims and volumes, or delete snapshots, backups, StatefulSets, custom resource definitions or the
                /// namespace.
                deletes_data: Known<bool>, consulting [STATEFUL_SETS];
                /// Delete or change backups and where they are kept.
                deletes_backups: Known<bool>;
                /// Read logs of containers (pods/log) or log files of nodes (nodes/log, /logs of the API server).
                reads_logs: Known<bool>;
                /// Delete or overwrite Events, or delete Leases or DaemonSets.
                deletes_evidence: Known<bool>;
            }
        }
    };
}

pub(super) use with_reach;
