//! The order of things: version, discovery, identity, then everything else, what refers before what is referred to.
//!
//! A list says what there was at one moment. What refers to something is read first and to the end, then what it refers to: so "the role of this
//! binding does not exist" is true when it is said, whatever was made while the cluster was read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::stream::{self, StreamExt};
use tokio::sync::Semaphore;

use super::discovery::{Discovery, Served};
use super::inventory::{Amount, Entry, Reach, inventory};
use super::observed::Observed;
use super::order::{self, Order};
use super::pages::{self, Task};
use super::request::{Api, Failure, clock_ahead};
use super::{Clients, CollectError, CollectOptions, Progress, clock, rights, single};
use crate::model::sources::{KUBEADM_CONFIG, NAMESPACES, NODES, PODS, VERSION};
use crate::model::{ClusterIdentity, Collected, Judged, SNAPSHOT_FORMAT, SnapshotIndex, SourceId, SourceRecord, SourceState};
use crate::snapshot::SnapshotWriter;

/// Reads the cluster of `config` into `writer`. The future can be dropped at any time: nothing is left behind.
pub async fn collect(
    config: kube::Config,
    options: CollectOptions,
    progress: &dyn Progress,
    writer: SnapshotWriter,
) -> Result<SnapshotIndex, CollectError> {
    let started = clock::instant();
    let clients = Clients::new(config, options.timeout).await?;
    // The time for everything has begun with the credentials.
    let timeout = options.timeout.saturating_sub(started.elapsed());
    collect_with(clients, CollectOptions { timeout, ..options }, progress, writer).await
}

/// [`collect`] over connections that are there already.
pub async fn collect_with(
    clients: Clients,
    options: CollectOptions,
    progress: &dyn Progress,
    writer: SnapshotWriter,
) -> Result<SnapshotIndex, CollectError> {
    let started = clock::now_millis();
    let deadline = clock::instant().checked_add(options.timeout);
    let api = Api::new(clients.authenticated.clone(), &options, deadline).with_credentials(clients.credentials.clone());
    let mut run = Run {
        api,
        anonymous: clients.anonymous.clone(),
        options,
        progress,
        writer,
        observed: Arc::default(),
        records: Vec::new(),
        excess: Vec::new(),
        clock_ahead: None,
        server: clients.server.clone(),
        namespaces_are_known: AtomicBool::new(false),
    };
    progress.total(inventory().len());
    run.version().await?;
    let discovery = Discovery::run(&run.api).await;
    run.who(&discovery).await?;
    run.everything_else(&discovery).await?;
    run.finish(&clients, &discovery, started).await
}

struct Run<'a> {
    api: Api,
    anonymous: Option<kube::Client>,
    options: CollectOptions,
    progress: &'a dyn Progress,
    writer: SnapshotWriter,
    observed: Arc<Observed>,
    records: Vec<SourceRecord>,
    excess: Vec<rights::ExcessRight>,
    clock_ahead: Option<i64>,
    server: String,
    /// Whether the list of namespaces is whole.
    namespaces_are_known: AtomicBool,
}

/// What can be said about an entry before it is read.
enum Plan {
    Read(Task),
    Known(Box<SourceRecord>),
}

fn task(entry: &'static Entry, version: &str, kind: &str) -> Task {
    Task { entry, source: entry.source.clone(), version: version.to_owned(), kind: kind.to_owned(), namespaced: None, within: None }
}

/// Without discovery, the version that the allow-list was written for is tried: what answers is read, what does not is `Failed`.
fn untold(entry: &'static Entry) -> Task {
    task(entry, entry.versions.first().copied().unwrap_or(""), entry.kind)
}

/// Where to ask for an entry, or what is known of it without asking.
pub(super) fn locate(entry: &'static Entry, discovery: &Discovery) -> Result<Task, SourceState> {
    match plan(entry, discovery) {
        Plan::Read(task) => Ok(task),
        Plan::Known(record) => Err(record.state),
    }
}

fn plan(entry: &'static Entry, discovery: &Discovery) -> Plan {
    if matches!(entry.reach, Reach::Url { .. } | Reach::Anonymous) {
        return Plan::Read(untold(entry));
    }
    match discovery.find(entry) {
        Served::Yes { version, kind, namespaced } => {
            let kind = if kind.is_empty() { entry.kind } else { &kind };
            Plan::Read(Task { namespaced, ..task(entry, &version, kind) })
        }
        Served::No | Served::Doubtful { .. } if entry.always => {
            let why = "discovery does not list it, and every Kubernetes has it".to_owned();
            Plan::Known(Box::new(untold(entry).record(SourceState::Failed { why })))
        }
        Served::No => Plan::Known(Box::new(untold(entry).record(SourceState::NotServed))),
        Served::Stale { why } => Plan::Known(Box::new(untold(entry).record(SourceState::Stale { why }))),
        Served::Doubtful { why } => Plan::Known(Box::new(untold(entry).record(SourceState::Failed { why }))),
        Served::Unknown { .. } => Plan::Read(untold(entry)),
    }
}

impl Run<'_> {
    fn done(&mut self, record: SourceRecord) {
        self.progress.source_done(&record.source, &record.state);
        self.records.push(record);
    }

    fn open(&self) -> impl Iterator<Item = &'static Entry> {
        inventory().iter().filter(|entry| !self.records.iter().any(|record| record.source == entry.source))
    }

    async fn version(&mut self) -> Result<(), CollectError> {
        let Some(entry) = inventory().iter().find(|entry| entry.source == VERSION) else { return Ok(()) };
        let (record, failure, answer) = single::url(&self.api, &self.writer, &untold(entry), &self.observed).await?;
        self.clock_ahead = answer.and_then(|answer| clock_ahead(&answer.headers));
        match failure {
            Some(Failure::Credentials(why)) => Err(CollectError::Client { server: self.server.clone(), why }),
            Some(failure @ (Failure::Transport(_) | Failure::Timeout(_) | Failure::Deadline)) => {
                Err(CollectError::Unreachable { server: self.server.clone(), why: failure.to_string() })
            }
            _ => {
                self.done(record);
                Ok(())
            }
        }
    }

    async fn who(&mut self, discovery: &Discovery) -> Result<(), CollectError> {
        let reviews: Vec<_> = self.open().filter(|entry| entry.reach == Reach::SelfReview).collect();
        for entry in reviews {
            let record = match plan(entry, discovery) {
                Plan::Known(record) if entry.source.resource() == "selfsubjectrulesreviews" => {
                    self.excess = vec![rights::unknown(record.state.why().unwrap_or("it is not served"))];
                    *record
                }
                Plan::Known(record) => *record,
                Plan::Read(task) if entry.source.resource() == "selfsubjectreviews" => {
                    let (record, failure) = single::identity(&self.api, &self.writer, &task, &self.observed).await?;
                    if let Some(Failure::Status { code: 401, message, .. }) = failure {
                        return Err(CollectError::Unauthenticated { server: self.server.clone(), message });
                    }
                    record
                }
                Plan::Read(task) => {
                    let (record, rules) = single::rights(&self.api, &self.writer, &task).await?;
                    self.excess = rules;
                    record
                }
            };
            self.done(record);
        }
        Ok(())
    }

    async fn list(&self, task: &Task) -> Result<SourceRecord, CollectError> {
        let record = self.pages(task).await?;
        match (&record.state, self.only_namespace(task)) {
            (SourceState::Forbidden { why }, Some(namespace)) => {
                let inside = self.pages(&Task { within: Some(namespace.to_owned()), ..task.clone() }).await?;
                let only = format!("the whole cluster was refused ({why}); read was the namespace {namespace}");
                let state = match inside.state {
                    SourceState::Read { count, .. } => SourceState::Partial { read: count, why: only },
                    SourceState::Partial { read, why } => SourceState::Partial { read, why: format!("{only}, and of it not all: {why}") },
                    _ => return Ok(record),
                };
                Ok(SourceRecord { state, missing_rule: record.missing_rule.clone(), ..inside })
            }
            _ => Ok(record),
        }
    }

    async fn pages(&self, task: &Task) -> Result<SourceRecord, CollectError> {
        pages::read(&self.api, &self.writer, task, self.options.page_size, &self.observed, self.progress).await
    }

    /// The namespace to read a refused list in: that of the context. The report is then of that namespace, and says of everything that
    /// was refused in the whole cluster that the rest was not seen.
    fn only_namespace(&self, task: &Task) -> Option<&str> {
        let is_list = matches!(task.entry.reach, Reach::Everywhere | Reach::KindsOf) && task.namespaced != Some(false);
        let namespace = self.options.namespace.as_deref().filter(|name| !name.is_empty())?;
        is_list.then_some(namespace)
    }

    async fn everything_else(&mut self, discovery: &Discovery) -> Result<(), CollectError> {
        let (mut known, mut tasks) = (Vec::new(), Vec::new());
        for entry in self.open() {
            if let Reach::KindsOf = entry.reach {
                let (record, mut kinds) = kinds(entry, discovery);
                known.push(record);
                tasks.append(&mut kinds);
                continue;
            }
            match plan(entry, discovery) {
                Plan::Known(record) => known.push(*record),
                Plan::Read(task) if entry.reach == Reach::Anonymous && !self.options.anonymous_request => {
                    let why = "switched off: no request without credentials was sent".to_owned();
                    known.push(task.record(SourceState::NotRequested { why }));
                }
                Plan::Read(task) => tasks.push(task),
            }
        }
        self.progress.total(self.records.len() + known.len() + tasks.len());
        for record in known {
            self.done(record);
        }
        // Who is waited for begins first; of those, the longest list: when everything is over depends on it.
        tasks.sort_by_key(|task| (order::turn(&task.source, task.entry.reach), task.source != PODS));
        let order = Order::new(&tasks, self.api.half_of_the_time());
        let this = &*self;
        // Waiting takes no place among those that are read at the same time.
        let (all, places) = (tasks.len().max(1), Semaphore::new(self.options.parallelism.max(1)));
        let one = |task: Task| {
            let (order, places) = (&order, &places);
            async move {
                order.wait(&task).await;
                // Never closed; without a place there would be one source too many, and no harm.
                let _place = places.acquire().await.ok();
                let source = task.source.clone();
                let record = this.one(task).await;
                order.done(source);
                record
            }
        };
        let mut running = stream::iter(tasks).map(one).buffer_unordered(all);
        let mut read = Vec::new();
        while let Some(record) = running.next().await {
            let record = record?;
            if record.source == NAMESPACES {
                // One that was left out is there, although nothing is known of it.
                let known = record.is_whole() && record.state != SourceState::NotServed;
                this.namespaces_are_known.store(known, Ordering::SeqCst);
            }
            this.progress.source_done(&record.source, &record.state);
            read.push(record);
        }
        drop(running);
        order.name_late(&mut read);
        self.records.append(&mut read);
        Ok(())
    }

    /// A Role can be granted only in a namespace that exists: elsewhere the answer would be 403, and nothing is missing.
    fn has_no_namespace_for(&self, task: &Task) -> bool {
        let complete = self.namespaces_are_known.load(Ordering::SeqCst);
        match (task.entry.reach, task.source.object()) {
            (Reach::ConfigMap, Some((namespace, _))) | (Reach::In(namespace), _) => {
                complete && !self.observed.facts().namespaces.contains(namespace)
            }
            _ => false,
        }
    }

    async fn one(&self, task: Task) -> Result<SourceRecord, CollectError> {
        if self.has_no_namespace_for(&task) {
            return Ok(task.record(SourceState::NotServed));
        }
        match (task.entry.reach, task.entry.amount) {
            (_, Amount::Keys(keys)) => single::config_map(&self.api, &self.writer, &task, keys).await,
            (_, Amount::Series) => single::metrics(&self.api, &self.writer, &task).await,
            (Reach::Url { .. }, _) => single::url(&self.api, &self.writer, &task, &self.observed).await.map(|(record, ..)| record),
            (Reach::Anonymous, _) => match &self.anonymous {
                Some(client) => single::anonymous(&self.api.without_credentials(client.clone()), &self.writer, &task).await,
                None => {
                    let why = "there is no connection without credentials".to_owned();
                    Ok(task.record(SourceState::NotRequested { why }))
                }
            },
            _ => self.list(&task).await,
        }
    }

    async fn finish(mut self, clients: &Clients, discovery: &Discovery, started: String) -> Result<SnapshotIndex, CollectError> {
        self.records.sort_by(|a, b| a.source.cmp(&b.source));
        let facts = self.observed.facts();
        for record in &mut self.records {
            if record.state == SourceState::NotServed
                && let Some(why) = facts.contradicts_absence(&record.source, |group| discovery.has_group(group))
            {
                record.state = SourceState::Failed { why };
            }
        }
        let lists = || {
            self.records
                .iter()
                .filter(|record| super::inventory::entry(&record.source).is_some_and(|entry| entry.reach == Reach::Everywhere))
        };
        if !lists().any(|record| matches!(record.state, SourceState::Read { .. } | SourceState::Partial { .. })) {
            let why = discovery.failure().map(str::to_owned).or_else(|| lists().find_map(|record| record.state.why().map(str::to_owned)));
            return Err(CollectError::NothingReadable {
                server: self.server.clone(),
                why: why.unwrap_or_else(|| "the server serves none of the resources that are known".to_owned()),
            });
        }
        let record = |source: &SourceId| self.records.iter().find(|record| &record.source == source);
        let nodes = record(&NODES).and_then(|record| match record.state {
            // Those that were left out are nodes, too.
            SourceState::Read { count, .. } => Some(count + record.left_out.len() as u64),
            _ => None,
        });
        let kubeadm = record(&KUBEADM_CONFIG).is_some_and(|record| matches!(record.state, SourceState::Read { count: 1.., .. }));
        let requests = self.api.log().records();
        let index = SnapshotIndex {
            format: SNAPSHOT_FORMAT.to_owned(),
            tool: self.options.tool.clone(),
            cluster: ClusterIdentity {
                name: self.options.cluster_name.clone(),
                uid: facts.uid.clone(),
                server: clients.server.clone(),
                ca_sha256: clients.ca_sha256.clone(),
                tls_unverified: clients.tls_unverified,
                version: facts.server_version(),
                distribution: facts.distribution(discovery.has_group("config.openshift.io"), kubeadm),
                nodes,
            },
            collected: Collected {
                started,
                finished: clock::now_millis(),
                identity: facts.identity(),
                requests: requests.len() as u64,
                excess_rights: self.excess.iter().map(ToString::to_string).collect(),
                server_clock_ahead_seconds: self.clock_ahead,
            },
            discovery: Some(discovery.told()),
            judged: Some(Judged::all_names()),
            sources: self.records,
            requests,
        };
        let writer = self.writer;
        let index = tokio::task::spawn_blocking(move || writer.finish(&index).map(|()| index)).await??;
        Ok(index)
    }
}

/// The kinds of a group that users define: one record for the group, one task per kind.
fn kinds(entry: &'static Entry, discovery: &Discovery) -> (SourceRecord, Vec<Task>) {
    let record = |state| untold(entry).record(state);
    let group = entry.source.api_group();
    match discovery.kinds_of(group) {
        Ok(kinds) => {
            let state = SourceState::Read { count: kinds.len() as u64, resource_version: None };
            let tasks = kinds.into_iter().map(|(plural, version, resource)| Task {
                entry,
                source: SourceId::dynamic(group, &plural),
                version,
                kind: resource.kind,
                namespaced: resource.namespaced,
                within: None,
            });
            (record(state), tasks.collect())
        }
        Err(Served::Stale { why }) => (record(SourceState::Stale { why }), Vec::new()),
        Err(Served::Unknown { why } | Served::Doubtful { why }) => (record(SourceState::Failed { why }), Vec::new()),
        Err(Served::No | Served::Yes { .. }) => (record(SourceState::NotServed), Vec::new()),
    }
}
