//! Findings from the first bundle that has them to the one that shows that they are gone.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::spans::Spans;
use crate::bundle::{Record, RecordControl, RecordScope};
use crate::model::history::{FindingHistory, FindingState, FixTimes, Waived};
use crate::model::{ScopeRole, Severity, SourceId};

/// What moved from one bundle to the next.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moved {
    pub(super) new: u64,
    pub(super) gone: u64,
    pub(super) no_longer_seen: u64,
    /// Whether a control with new findings sees more than it did.
    pub(super) opened: bool,
}

/// All findings of a record.
#[derive(Debug, Default)]
pub(super) struct Findings {
    all: BTreeMap<String, Life>,
    /// Fingerprints that are not over, by control.
    alive: BTreeMap<String, BTreeSet<String>>,
    nights: u64,
    /// What every namespace did with ePHI in the last bundle; none outside the scope.
    held: BTreeMap<String, Option<ScopeRole>>,
    /// What did not come whole for each control in the last bundle.
    missed: BTreeMap<String, Vec<SourceId>>,
    /// How often one that was known came to hold ePHI or not to hold it any more.
    moves: u64,
}

/// One finding while the record is read.
#[derive(Debug)]
struct Life {
    found: FindingHistory,
    /// Since when it is there without a break.
    since: DateTime<Utc>,
    /// Seconds of earlier times.
    earlier: i64,
    /// Seconds up to now, of this time.
    now: i64,
    /// Rules and scope with which it was last seen.
    rules: Rules,
    namespace: Option<String>,
    waived: Spans<Waived>,
}

/// What a finding depends on besides the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rules {
    /// Catalog and program: another one may say something else under the same version of a control.
    by: String,
    version: u32,
    scope: String,
    /// Sources that were not seen whole: what was found then may be called otherwise where they are.
    missing: Vec<SourceId>,
    /// Whether its namespace holds ePHI; without a namespace, how often any has moved.
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Holds(bool),
    /// All namespaces are known, and it is not among them.
    Gone,
    Unknown,
    Moves(u64),
}

/// Whether a finding was looked for in the same way: what is not known counts as another. Of a namespace that is not there any more
/// (`Gone`), the scope says nothing else than before.
fn same(was: &Rules, is: &Rules) -> bool {
    let place = match (&was.place, &is.place) {
        (Place::Holds(was), Place::Holds(is)) => was == is,
        (Place::Holds(_), Place::Gone) => true,
        (Place::Moves(was), Place::Moves(is)) => was == is,
        _ => false,
    };
    let seen = was.missing.iter().all(|source| is.missing.contains(source));
    (&was.by, was.version, &was.scope) == (&is.by, is.version, &is.scope) && place && seen
}

impl Findings {
    /// The next bundle, which is the one of this number; `by` says by which catalog and program it was assessed.
    pub(super) fn night(&mut self, record: &Record, by: &str, (now, at): (&str, DateTime<Utc>), number: u64) -> Moved {
        let mut moved = Moved::default();
        let mut controls: BTreeMap<&str, &RecordControl> = BTreeMap::new();
        self.moves += u64::from(self.moved(&record.scope));
        let moves = self.moves;
        let rules_of = |control: &RecordControl, namespace: Option<&str>| Rules {
            by: by.to_owned(),
            missing: record.missing_for(control).into_iter().cloned().collect(),
            version: control.version,
            scope: record.scope.sha256.clone(),
            place: match namespace.map(|name| record.scope.holds(name)) {
                None => Place::Moves(moves),
                Some(Some(holds)) => Place::Holds(holds),
                Some(None) if record.scope.names_them() => Place::Gone,
                Some(None) => Place::Unknown,
            },
        };
        for control in &record.controls {
            controls.insert(&control.id, control);
            let missing: Vec<SourceId> = record.missing_for(control).into_iter().cloned().collect();
            // A control that the bundle before did not have saw nothing less.
            let opened = self.missed.get(&control.id).is_some_and(|missed| missed.iter().any(|source| !missing.contains(source)));
            self.missed.insert(control.id.clone(), missing);
            for finding in &control.findings {
                let rules = rules_of(control, finding.namespace());
                let life = self.all.entry(finding.fingerprint.clone()).or_insert_with(|| Life {
                    found: FindingHistory {
                        fingerprint: finding.fingerprint.clone(),
                        control: control.id.clone(),
                        severity: control.severity,
                        statement: String::new(),
                        object: String::new(),
                        state: FindingState::Fixed,
                        first_seen: now.to_owned(),
                        since_the_beginning: self.nights == 0,
                        last_seen: now.to_owned(),
                        gone_at: None,
                        days_open: 0,
                        came_again: 0,
                        waived: Vec::new(),
                    },
                    since: at,
                    earlier: 0,
                    now: 0,
                    rules: rules.clone(),
                    namespace: finding.namespace().map(str::to_owned),
                    waived: Spans::default(),
                });
                if life.seen(now, at) {
                    moved.new += 1;
                    moved.opened |= opened;
                }
                life.rules = rules.clone();
                if let Some(waiver) = &finding.waiver {
                    life.waived.add(waiver.clone(), now, number);
                }
                life.found.severity = control.severity;
                life.found.statement.clone_from(&finding.statement);
                life.found.object.clone_from(&finding.object);
                self.alive.entry(control.id.clone()).or_default().insert(finding.fingerprint.clone());
            }
        }
        for (id, prints) in &mut self.alive {
            let control = controls.get(id.as_str());
            let here: BTreeSet<&str> =
                control.into_iter().flat_map(|control| &control.findings).map(|finding| finding.fingerprint.as_str()).collect();
            prints.retain(|print| {
                let Some(life) = self.all.get_mut(print) else { return false };
                if here.contains(print.as_str()) {
                    return true;
                }
                let rules = control.map(|control| rules_of(control, life.namespace.as_deref()));
                // Only where it was decided it is known not to be there.
                match (control, rules) {
                    (Some(control), Some(rules)) if control.has_decided(print) => {
                        if same(&life.rules, &rules) {
                            moved.gone += 1;
                            life.over(now, at);
                            return false;
                        }
                        // Looked at in another way: nothing shows that it was mended, and it may come again as the same.
                        if life.found.state == FindingState::Open {
                            moved.no_longer_seen += 1;
                        }
                        life.found.state = FindingState::GoneOtherwise;
                        true
                    }
                    _ => {
                        if life.found.state == FindingState::Open {
                            moved.no_longer_seen += 1;
                        }
                        if life.found.state != FindingState::GoneOtherwise {
                            life.found.state = FindingState::NoLongerSeen;
                            life.now = (at - life.since).num_seconds();
                        }
                        true
                    }
                }
            });
        }
        self.alive.retain(|_, prints| !prints.is_empty());
        self.nights += 1;
        if self.nights == 1 {
            // In the first bundle everything is new, which says nothing.
            moved.new = 0;
        }
        moved
    }

    /// Whether a namespace that was known before lies on the other side of the scope now.
    fn moved(&mut self, scope: &RecordScope) -> bool {
        let within =
            scope.ephi_namespaces.iter().map(|name| (name.clone(), Some(scope.roles.get(name).copied().unwrap_or(ScopeRole::Maintains))));
        let now: BTreeMap<String, Option<ScopeRole>> =
            within.chain(scope.other_namespaces.iter().map(|name| (name.clone(), None))).collect();
        // Where a bundle does not name them, any may have moved.
        let unknown = self.nights > 0 && (now.is_empty() || self.held.is_empty());
        let moved = unknown || now.iter().any(|(name, holds)| self.held.get(name).is_some_and(|held| held != holds));
        self.held = now;
        moved
    }

    /// Open ones first, then by severity, control and object.
    pub(super) fn finish(self) -> Vec<FindingHistory> {
        let mut all: Vec<FindingHistory> = self
            .all
            .into_values()
            .map(|life| {
                let days = u64::try_from((life.earlier + life.now) / 86_400).unwrap_or(0);
                FindingHistory { days_open: days, waived: life.waived.finish(), ..life.found }
            })
            .collect();
        all.sort_by(|a, b| {
            let key = |one: &FindingHistory| (one.state, one.severity);
            key(a).cmp(&key(b)).then_with(|| (&a.control, &a.object, &a.fingerprint).cmp(&(&b.control, &b.object, &b.fingerprint)))
        });
        all
    }
}

impl Life {
    /// It is there; whether it was not before.
    fn seen(&mut self, now: &str, at: DateTime<Utc>) -> bool {
        let came = self.found.state == FindingState::Fixed;
        if came && self.found.gone_at.is_some() {
            self.found.came_again += 1;
            self.found.gone_at = None;
            self.earlier += self.now;
            self.since = at;
        }
        self.found.state = FindingState::Open;
        now.clone_into(&mut self.found.last_seen);
        self.now = (at - self.since).num_seconds();
        came
    }

    /// It was looked for as before, and is not there.
    fn over(&mut self, now: &str, at: DateTime<Utc>) {
        self.found.state = FindingState::Fixed;
        self.found.gone_at = Some(now.to_owned());
        self.now = (at - self.since).num_seconds();
    }
}

/// How long it took, by severity.
pub(super) fn fixes(findings: &[FindingHistory]) -> Vec<FixTimes> {
    Severity::ALL
        .into_iter()
        .map(|severity| {
            let of = |state: FindingState| findings.iter().filter(move |finding| finding.severity == severity && finding.state == state);
            let mut days: Vec<u64> = of(FindingState::Fixed).map(|finding| finding.days_open).collect();
            days.sort_unstable();
            FixTimes {
                severity,
                fixed: days.len() as u64,
                median_days: days.get(days.len().saturating_sub(1) / 2).copied(),
                longest_days: days.last().copied(),
                open: of(FindingState::Open).count() as u64,
                oldest_open_days: of(FindingState::Open).map(|finding| finding.days_open).max(),
            }
        })
        .collect()
}
