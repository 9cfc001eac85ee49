//! Findings in groups that one action fixes, ranked by risk.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::evidence::{Cited, Index};
use super::filters::Filters;
use super::parts::{Fact, Object, Ref, anchor, digits, facts, list, many, noun, shared};
use super::words::{Linker, Prose};
use crate::model::{Assessment, ControlResult, Evidence, Exposure, Facts, Finding, ObjectRef, Severity, Since};
use crate::report::escape::clip;

/// Affected objects that stand before the fold.
const FIRST: usize = 10;
/// Affected objects in one document; past it, groups show only their first ones and say where the others are.
pub(super) const MOST: usize = 2_000;
/// Groups by shared cause that one control may have; with more causes its findings are one group.
const CAUSES: usize = 20;

/// A group that is not yet worded.
pub(crate) struct Group<'a> {
    pub(super) control: &'a ControlResult,
    /// The object on which all its findings rest, where they share one.
    cause: Option<&'a ObjectRef>,
    findings: Vec<&'a Finding>,
    severity: Severity,
    reach: Reach,
}

/// Where the affected objects are.
struct Reach {
    cluster: bool,
    namespaces: BTreeSet<String>,
    ephi: BTreeSet<String>,
}

impl Reach {
    fn of(findings: &[&Finding], ephi: &BTreeSet<&str>) -> Self {
        let mut reach = Self { cluster: false, namespaces: BTreeSet::new(), ephi: BTreeSet::new() };
        for finding in findings {
            reach.cluster |= finding.places().next().is_none();
            for namespace in finding.places() {
                if ephi.contains(namespace.as_str()) {
                    reach.ephi.insert(namespace.clone());
                }
                reach.namespaces.insert(namespace.clone());
            }
        }
        reach
    }

    /// The words for people.
    fn words(&self) -> String {
        let names = |set: &BTreeSet<String>| {
            let mut names: Vec<String> = set.iter().take(5).map(|name| clip(name, 63)).collect();
            if set.len() > 5 {
                names.push(format!("{} more", set.len() - 5));
            }
            list(&names)
        };
        let count = self.namespaces.len() as u64;
        if count == 0 {
            return "cluster-wide".to_owned();
        }
        let mut words = if self.cluster { "cluster-wide, and in ".to_owned() } else { "in ".to_owned() };
        words.push_str(&many(count, "namespace", "namespaces"));
        match self.ephi.len() as u64 {
            0 => words.push_str(&format!(" ({}); declared ePHI: none of them", names(&self.namespaces))),
            same if same == count => words.push_str(&format!(" with ePHI ({})", names(&self.namespaces))),
            some => words.push_str(&format!(", {} of them with ePHI ({})", digits(some), names(&self.ephi))),
        }
        words
    }
}

impl<'a> Group<'a> {
    fn new(control: &'a ControlResult, cause: Option<&'a ObjectRef>, mut findings: Vec<&'a Finding>, ephi: &BTreeSet<&str>) -> Self {
        // What weighs most stands first, and so in the one line of the first page; among equals, what concerns ePHI.
        findings.sort_by_key(|finding| {
            let ephi = finding.places().any(|namespace| ephi.contains(namespace.as_str()));
            (std::cmp::Reverse(finding.risk), !ephi)
        });
        let severity = findings.iter().map(|finding| finding.severity).min().unwrap_or(control.severity);
        let reach = Reach::of(&findings, ephi);
        Self { control, cause, findings, severity, reach }
    }

    /// The greatest risk of its findings.
    fn risk(&self) -> u32 {
        self.findings.iter().map(|finding| finding.risk).max().unwrap_or(0)
    }

    /// Stable for as long as the control and the cause keep their names.
    pub(super) fn anchor(&self) -> String {
        match self.cause {
            None => anchor("f", &self.control.id),
            Some(cause) => format!("{}--{:08x}", anchor("f", &self.control.id), hash(&format!("{}/{cause}", cause.group))),
        }
    }

    /// The fact in one sentence.
    pub(crate) fn title(&self) -> String {
        let through = self.cause.map(|cause| format!(", through {} {}", clip(&cause.kind, 63), clip(&cause.name, 63))).unwrap_or_default();
        match self.findings.as_slice() {
            [only] => clip(&only.statement, 240),
            _ if self.control.fails.is_empty() => format!("{}: not meeting “{}”{through}", self.base(), self.control.title),
            // Without the colon, all that were looked at would seem to be so.
            _ => format!("{}: {}{through}", self.base(), self.control.fails),
        }
    }

    /// `3 of 41 containers`. One thing may fail in several rows, so the findings are not what is counted.
    fn base(&self) -> String {
        let (control, noun) = (self.control, noun(self.control));
        let count = if self.findings.len() == control.findings().len() {
            control.failed
        } else {
            self.findings.iter().map(|finding| &finding.subject).collect::<BTreeSet<_>>().len() as u64
        };
        if control.examined >= count {
            format!("{} of {} {noun}", digits(count), digits(control.examined))
        } else {
            format!("{} {noun}", digits(count))
        }
    }

    /// The first object, and how many others there are.
    pub(crate) fn objects(&self) -> (Option<&'a ObjectRef>, u64) {
        (self.findings.first().map(|finding| &*finding.subject), self.findings.len().saturating_sub(1) as u64)
    }

    /// What its findings are about.
    /// The namespaces that its findings count to; none for one that counts to no namespace.
    pub(super) fn places(&self) -> impl Iterator<Item = Option<&'a String>> {
        self.findings.iter().flat_map(|finding| places(finding))
    }

    pub(crate) fn severity(&self) -> Severity {
        self.severity
    }

    /// How far it can be reached, in words: the widest, and how many of the objects that holds for.
    pub(crate) fn exposure(&self) -> String {
        let widest = self.findings.iter().map(|finding| finding.exposure).max().unwrap_or_default();
        let count = self.findings.iter().filter(|finding| finding.exposure == widest).count();
        if count == self.findings.len() {
            widest.label().to_owned()
        } else {
            format!("{count} of {} {}", self.findings.len(), widest.label())
        }
    }

    /// Whether it can be reached from beyond its namespace.
    pub(crate) fn reaches_out(&self) -> bool {
        self.findings.iter().any(|finding| finding.exposure != Exposure::Namespace)
    }

    /// Where it is, in words.
    pub(super) fn place(&self) -> String {
        self.reach.words()
    }

    /// What it was ranked by, in words; what concerns the whole cluster is not said twice. `brief` leaves out
    /// what is least.
    pub(super) fn rank(&self, brief: bool) -> String {
        let (exposure, place) = (self.exposure(), self.place());
        if brief && !self.reaches_out() {
            return place;
        }
        if exposure == place { place } else { format!("{exposure} · {place}") }
    }
}

/// The namespaces that a finding counts to; one `None` for what counts to none.
fn places(finding: &Finding) -> impl Iterator<Item = Option<&String>> {
    let none = finding.places().next().is_none();
    finding.places().map(Some).chain(none.then_some(None))
}

/// FNV-1a folded to 32 bits: names the cause in an anchor; nothing rests on it being hard to forge.
fn hash(text: &str) -> u32 {
    let wide = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (wide ^ (wide >> 32)) as u32
}

/// All findings in groups, the gravest first. Within a control, findings that rest on the same object (other than the one they are
/// about) form a group of their own, because one change of that object settles them.
pub(crate) fn groups<'a>(assessment: &'a Assessment) -> Vec<Group<'a>> {
    let ephi: BTreeSet<&str> = assessment.scope.ephi_namespaces.iter().map(String::as_str).collect();
    let mut groups = Vec::new();
    for control in &assessment.controls {
        // With their places, because they are in a fixed order already.
        let mut by_cause: Vec<(Option<&ObjectRef>, Vec<(usize, &Finding)>)> = Vec::new();
        let mut known: HashMap<Option<&ObjectRef>, usize> = HashMap::new();
        for (place, finding) in control.findings().iter().enumerate() {
            let object = finding.evidence.first().and_then(|evidence| evidence.object());
            let cause = object.filter(|object| **object != *finding.subject);
            match known.entry(cause) {
                Entry::Occupied(at) => by_cause.get_mut(*at.get()).into_iter().for_each(|(_, findings)| findings.push((place, finding))),
                Entry::Vacant(new) => {
                    new.insert(by_cause.len());
                    by_cause.push((cause, vec![(place, finding)]));
                }
            }
        }
        let (shared, single): (Vec<_>, Vec<_>) = by_cause.into_iter().partition(|(cause, findings)| {
            let first = findings.first().map(|(_, finding)| &finding.subject);
            cause.is_some() && findings.iter().any(|(_, finding)| Some(&finding.subject) != first)
        });
        // Past that, hundreds of groups would say the same in other names, and bury those of other controls.
        let (shared, single) =
            if shared.len() > CAUSES { (Vec::new(), shared.into_iter().chain(single).collect()) } else { (shared, single) };
        let mut rest: Vec<(usize, &Finding)> = single.into_iter().flat_map(|(_, findings)| findings).collect();
        rest.sort_by_key(|(place, _)| *place);
        let plain = |findings: Vec<(usize, &'a Finding)>| findings.into_iter().map(|(_, finding)| finding).collect();
        if !rest.is_empty() {
            groups.push(Group::new(control, None, plain(rest), &ephi));
        }
        groups.extend(shared.into_iter().map(|(cause, findings)| Group::new(control, cause, plain(findings), &ephi)));
    }
    groups.sort_by_cached_key(|group| {
        (
            std::cmp::Reverse(group.risk()),
            group.severity,
            std::cmp::Reverse(group.findings.len()),
            group.control.id.clone(),
            group.cause.cloned(),
        )
    });
    groups
}

/// The findings of a group that stand in a document with `all` findings.
fn shown<'a>(group: &'a Group<'_>, all: usize) -> &'a [&'a Finding] {
    let most = if all > MOST { FIRST } else { MOST };
    group.findings.get(..most).unwrap_or(&group.findings)
}

/// Number of affected objects.
pub(super) fn total(groups: &[Group<'_>]) -> usize {
    groups.iter().map(|group| group.findings.len()).sum()
}

/// The evidence of every finding that a document shows.
pub(super) fn evidence<'a>(groups: &'a [Group<'_>]) -> impl Iterator<Item = &'a Evidence> {
    let all = total(groups);
    groups.iter().flat_map(move |group| shown(group, all)).flat_map(|finding| &finding.evidence)
}

/// The chapter.
#[derive(Debug, Serialize)]
pub(super) struct Chapter {
    intro: Prose,
    groups: Vec<GroupView>,
    total: String,
    severities: Vec<SeverityCount>,
    /// Whether some lists go on in a file beside the document.
    attached: bool,
    /// Whether some lists go on behind a fold.
    folded: bool,
}

impl Chapter {
    pub(super) fn attached(&self) -> bool {
        self.attached
    }
}

#[derive(Debug, Serialize)]
struct SeverityCount {
    word: &'static str,
    count: u64,
}

/// One group as documents show it.
#[derive(Debug, Serialize)]
struct GroupView {
    number: String,
    anchor: String,
    /// What the filters go by.
    class: String,
    severity: &'static str,
    title: String,
    rank: String,
    why: Prose,
    count: Option<String>,
    uncertain: Option<String>,
    accepted: Option<String>,
    fix: Prose,
    limits: String,
    control: Ref,
    paragraphs: Vec<Ref>,
    benchmark: Option<String>,
    /// Fields that have the same value in all of its objects.
    shared: Vec<Fact>,
    first: Vec<Affected>,
    rest: Vec<Affected>,
    omitted: String,
}

/// One affected object.
#[derive(Debug, Serialize)]
struct Affected {
    anchor: String,
    class: String,
    /// Absent where the title of the group says the same.
    statement: Option<String>,
    subject: Object,
    related: Vec<Object>,
    facts: Vec<Fact>,
    evidence: Vec<Cited>,
    /// Whether there is enough evidence to be folded.
    fold: bool,
    /// Since when it stands, where bundles before are known.
    since: Option<String>,
    #[serde(skip)]
    fingerprint: String,
    /// Who lives with it until when.
    waiver: Option<String>,
}

impl Affected {
    fn new(finding: &Finding, title: &str, shared: &Facts, index: &Index<'_>, filters: &Filters) -> Self {
        // What the evidence names does not have to be named twice.
        let named: BTreeSet<&ObjectRef> = finding.evidence.iter().filter_map(|evidence| evidence.object()).collect();
        let (facts, evidence) = (facts(&finding.facts, &finding.subject, shared), index.cite(&finding.evidence, &finding.subject));
        let related: Vec<Object> =
            finding.related.iter().map(|object| &**object).filter(|object| !named.contains(object)).map(Object::new).collect();
        Self {
            anchor: anchor("x", &finding.fingerprint),
            class: filters.class(places(finding)),
            statement: (finding.statement != title).then(|| finding.statement.clone()),
            subject: Object::new(&finding.subject),
            fold: !facts.is_empty() || !related.is_empty() || evidence.len() > 1,
            related,
            facts,
            evidence,
            since: None,
            fingerprint: finding.fingerprint.clone(),
            waiver: finding.waiver.as_deref().map(super::people::waiver),
        }
    }
}

impl Chapter {
    /// Says of every object since when it stands.
    pub(super) fn stand(&mut self, since: Option<&Since>) {
        let Some(since) = since else { return };
        for one in self.groups.iter_mut().flat_map(|group| group.first.iter_mut().chain(&mut group.rest)) {
            one.since = since.of(&one.fingerprint);
        }
    }
}

/// Words the chapter. `number` is that of the chapter.
pub(super) fn chapter(
    assessment: &Assessment,
    groups: &[Group<'_>],
    number: usize,
    linker: &mut Linker,
    refs: &super::Refs,
    index: &Index<'_>,
    filters: &Filters,
) -> Chapter {
    let all = total(groups);
    let intro = linker.prose(&if groups.is_empty() {
        "No control found an object that does not meet it. That says nothing about what was not assessed.".to_owned()
    } else {
        format!("Each group holds what one action settles, the gravest first: severity, how far it can be reached, and whether ePHI is concerned. Under each object stands the evidence: the fields that decided it, where they stand, and the entry of the evidence index with digest, request and time.{}", super::benchmark::version(assessment))
    });
    let views: Vec<GroupView> = groups
        .iter()
        .enumerate()
        .map(|(i, group)| {
            let control = group.control;
            let shown = shown(group, all);
            let title = group.title();
            let same = shared(shown.iter().map(|finding| &finding.facts));
            let mut objects = shown.iter().map(|finding| Affected::new(finding, &title, &same, index, filters));
            let first = objects.by_ref().take(FIRST).collect();
            let rest = objects.collect();
            let nobody = ObjectRef { kind: String::new(), group: String::new(), namespace: None, name: String::new(), uid: None };
            GroupView {
                number: format!("{number}.{}", i + 1),
                anchor: group.anchor(),
                class: filters.class(group.places()),
                severity: group.severity.word(),
                title,
                rank: group.rank(false),
                why: linker.prose(&control.because),
                // With several objects the title says it.
                count: (group.findings.len() == 1).then(|| group.base()),
                accepted: super::people::accepted(&group.findings),
                uncertain: (control.unknown > 0).then(|| format!("{} more could not be decided", digits(control.unknown))),
                fix: linker.prose(&control.fix),
                limits: control.limits.clone(),
                control: refs.control(&control.id),
                paragraphs: control.paragraphs.iter().map(|id| refs.paragraph(id)).collect(),
                benchmark: super::benchmark::line(assessment, control),
                shared: facts(&same, &nobody, &Facts::new()),
                first,
                rest,
                omitted: match group.findings.len() - shown.len() {
                    0 => String::new(),
                    omitted => many(omitted as u64, "more affected object", "more affected objects"),
                },
            }
        })
        .collect();
    let severities = Severity::ALL.map(|severity| SeverityCount {
        word: severity.word(),
        count: match severity {
            Severity::Critical => assessment.totals.findings.critical,
            Severity::High => assessment.totals.findings.high,
            Severity::Medium => assessment.totals.findings.medium,
            Severity::Low => assessment.totals.findings.low,
        },
    });
    let total = format!("{} in {}", many(all as u64, "affected object", "affected objects"), many(groups.len() as u64, "group", "groups"));
    let folded = views.iter().any(|group| !group.rest.is_empty());
    Chapter { intro, groups: views, total, severities: severities.into(), attached: all > MOST, folded }
}
