//! The findings of one control on both sides.

use std::collections::{BTreeMap, BTreeSet};

use super::{Between, Of, OtherwiseSeen};
use crate::model::{ControlResult, DiffCause, DiffStatus, DiffValue, FactValue, Finding, FindingDiff, LookedAt, Scope, SourceId};

/// Whether nothing about it changed.
pub(super) fn is_same(finding: &FindingDiff) -> bool {
    finding.status == DiffStatus::Same
}

type ByPrint<'a> = BTreeMap<&'a str, &'a Finding>;

fn by_print(control: Option<&ControlResult>) -> ByPrint<'_> {
    control.into_iter().flat_map(|control| control.findings()).map(|finding| (finding.fingerprint.as_str(), finding)).collect()
}

/// Every finding of either side, in a fixed order.
pub(super) fn compare(between: &Between<'_>, of: &Of<'_>) -> Vec<FindingDiff> {
    let (olds, news) = (by_print(of.old), by_print(of.new));
    let again = of.again.map(|(rules, scope)| (by_print(rules), by_print(scope)));
    let step = Step { between, of, again };
    let prints: BTreeSet<&str> = olds.keys().chain(news.keys()).copied().collect();
    let each = prints.into_iter().filter_map(|print| match (olds.get(print), news.get(print)) {
        (Some(old), Some(new)) => Some(step.both(old, new)),
        (None, Some(new)) => Some(step.only_new(new)),
        (Some(old), None) => Some(step.only_old(old)),
        (None, None) => None,
    });
    let mut all: Vec<FindingDiff> = each.collect();
    all.sort_by(|a, b| (a.status, &a.subject, &a.fingerprint).cmp(&(b.status, &b.subject, &b.fingerprint)));
    all
}

/// A cause with the sentence that says from what it is known, and whether that leaves no doubt where rules and scope do not, either.
type Why = (DiffCause, String, bool);

fn sure(cause: DiffCause, because: impl Into<String>) -> Why {
    (cause, because.into(), true)
}

struct Step<'a> {
    between: &'a Between<'a>,
    of: &'a Of<'a>,
    again: Option<(ByPrint<'a>, ByPrint<'a>)>,
}

impl Step<'_> {
    fn entry(&self, finding: &Finding, status: DiffStatus, why: Option<Why>, values: Vec<DiffValue>) -> FindingDiff {
        let (cause, because, is_sure) = why.map_or((None, String::new(), false), |(cause, because, sure)| (Some(cause), because, sure));
        let versions = (self.of.old.map(|old| old.version), self.of.new.map(|new| new.version));
        // That a control is on one side only is seen and not concluded.
        let proven = self.between.is_proven() || versions.0.is_none() || versions.1.is_none();
        FindingDiff {
            fingerprint: finding.fingerprint.clone(),
            status,
            proven: is_sure && proven,
            cause,
            because,
            severity: finding.severity,
            statement: finding.statement.clone(),
            subject: (*finding.subject).clone(),
            values,
        }
    }

    fn both(&self, old: &Finding, new: &Finding) -> FindingDiff {
        let mut values = values(old, new);
        let waived = waived(old, new);
        let why = match (values.is_empty(), &waived) {
            (true, None) => return self.entry(new, DiffStatus::Same, None, values),
            // Nothing was found otherwise.
            (true, Some(_)) => sure(DiffCause::People, "what people accepted is otherwise, or its days have passed"),
            (false, _) => self.why_changed(old, new, &values),
        };
        values.extend(waived);
        self.entry(new, DiffStatus::Changed, Some(why), values)
    }

    fn why_changed(&self, old: &Finding, new: &Finding, all: &[DiffValue]) -> Why {
        let names = |all: &[DiffValue]| all.iter().map(|value| value.what.clone()).collect::<Vec<_>>().join(", ");
        if let Some((rules, scope)) = &self.again {
            let print = new.fingerprint.as_str();
            if let Some(step) = rules.get(print)
                && values(step, new).is_empty()
            {
                return sure(DiffCause::Catalog, "the new rules say it of the old snapshot, too");
            }
            if let Some(step) = scope.get(print)
                && values(step, new).is_empty()
            {
                return sure(DiffCause::Scope, "with the new scope it is said of the old snapshot, too");
            }
        } else if let (Some(was), Some(is)) = (self.of.old, self.of.new)
            && was.version != is.version
        {
            return sure(DiffCause::Catalog, format!("version {} of the control, and {} before", is.version, was.version));
        } else if let Some(set) = self.set_otherwise()
            && old.facts == new.facts
        {
            return sure(DiffCause::Scope, set);
        } else if !self.between.same_rules && old.facts == new.facts && all.iter().all(|value| value.what != "namespaces") {
            return sure(DiffCause::Catalog, "the values that decide it are the same, and the rules are others");
        }
        let moved = |value: &DiffValue| value.what == "namespaces";
        if self.again.is_none() && !self.between.same_scope && self.is_of_scope() && all.iter().all(moved) {
            return sure(DiffCause::Scope, "other namespaces are declared to hold ePHI");
        }
        let is_unknown = |finding: &Finding, name: &str| matches!(finding.facts.get(name), Some(FactValue::Unknown { .. }));
        if all.iter().all(|value| is_unknown(old, &value.what) || is_unknown(new, &value.what)) {
            return sure(DiffCause::Coverage, format!("more or less was seen of {}", names(all)));
        }
        if let Some(what) = self.otherwise_seen(|seen| seen.old_only.iter().chain(&seen.new_only).copied().collect()) {
            return (DiffCause::Coverage, format!("{}, and more or less was seen of {what}", names(all)), false);
        }
        sure(DiffCause::Cluster, format!("otherwise in the cluster: {}", names(all)))
    }

    /// Sources of the control of which the sides saw more and less, in words; none where there are none.
    fn otherwise_seen<'s>(&'s self, which: impl Fn(&'s OtherwiseSeen<'s>) -> Vec<&'s SourceId>) -> Option<String> {
        let id = self.of.new.or(self.of.old).map(|control| control.id.as_str())?;
        let sources = self.between.otherwise_seen.get(id).map(which).filter(|sources| !sources.is_empty())?;
        let first = sources.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join(", ");
        Some(if sources.len() > 3 { format!("{first} and {} more", sources.len() - 3) } else { first })
    }

    fn only_new(&self, new: &Finding) -> FindingDiff {
        let why = self.why_new(new);
        self.entry(new, DiffStatus::New, Some(why), Vec::new())
    }

    fn why_new(&self, new: &Finding) -> Why {
        let Some(old) = self.of.old else { return sure(DiffCause::Catalog, "the old catalog does not have this control") };
        let mut before = old;
        if let Some((rules, scope)) = &self.again {
            let print = new.fingerprint.as_str();
            if rules.contains_key(print) {
                return sure(DiffCause::Catalog, "the new rules find it in the old snapshot, too");
            }
            if scope.contains_key(print) {
                return sure(DiffCause::Scope, "with the new scope it is found in the old snapshot, too");
            }
            let last = self.of.again.and_then(|(_, scope)| scope);
            let Some(last) = last else { return sure(DiffCause::Catalog, "the old rules do not have this control") };
            before = last;
        } else {
            let is = self.of.new.map_or(old.version, |new| new.version);
            if old.version != is {
                return sure(DiffCause::Catalog, format!("version {is} of the control, and {} before", old.version));
            }
            // Whether it would have been found with the number of before is not known.
            if let Some(set) = self.set_otherwise() {
                return (DiffCause::Scope, set, false);
            }
            if self.was_elsewhere(new, &self.between.old.scope, &self.between.new.scope) {
                return sure(DiffCause::Scope, "its namespace did not count as holding ePHI before");
            }
        }
        // The same thing may be called otherwise where more or less is seen around it.
        if let Some(what) = self.otherwise_seen(|seen| seen.old_only.iter().chain(&seen.new_only).copied().collect()) {
            (
                DiffCause::Coverage,
                format!("more or less was seen of {what} than before: it may have been there, also under another name"),
                false,
            )
        } else if before.has_decided(&new.fingerprint) {
            sure(DiffCause::Cluster, "it was decided before, and was not there")
        } else if was_gap(before, self.of.new) {
            let what = before.unseen().first().map_or_else(String::new, |unseen| format!(" ({}: {})", unseen.what, unseen.why));
            (DiffCause::Coverage, format!("not everything was seen before{what}: it may have been there"), false)
        } else {
            (DiffCause::Cluster, "as much was seen before as now, and it was not found".to_owned(), false)
        }
    }

    fn only_old(&self, old: &Finding) -> FindingDiff {
        let (status, why) = self.why_old(old);
        self.entry(old, status, Some(why), Vec::new())
    }

    fn why_old(&self, old: &Finding) -> (DiffStatus, Why) {
        use DiffStatus::{Gone, NoLongerSeen};
        let Some(new) = self.of.new else {
            let why = "the new catalog does not have this control, so nothing was looked at";
            return (NoLongerSeen, sure(DiffCause::Catalog, why));
        };
        // The only way to know that it is not there.
        let status = if new.has_decided(&old.fingerprint) { Gone } else { NoLongerSeen };
        if let Some((rules, scope)) = &self.again {
            let print = old.fingerprint.as_str();
            if !rules.contains_key(print) {
                return (status, sure(DiffCause::Catalog, "the new rules do not find it in the old snapshot, either"));
            }
            if !scope.contains_key(print) {
                return (NoLongerSeen, sure(DiffCause::Scope, "with the new scope it is not looked at in the old snapshot, either"));
            }
        } else {
            let was = self.of.old.map_or(new.version, |old| old.version);
            if was != new.version {
                return (status, sure(DiffCause::Catalog, format!("version {} of the control, and {was} before", new.version)));
            }
            if let Some(set) = self.set_otherwise() {
                return (NoLongerSeen, (DiffCause::Scope, set, false));
            }
            if self.was_elsewhere(old, &self.between.new.scope, &self.between.old.scope) {
                let why = "its namespace does not count as holding ePHI any more, so it was not looked at";
                return (NoLongerSeen, sure(DiffCause::Scope, why));
            }
        }
        if let (Gone, Some(what)) = (status, self.otherwise_seen(|seen| seen.new_only.clone())) {
            let why = format!("{what} was not wholly seen before: it may be there under another name");
            return (NoLongerSeen, (DiffCause::Coverage, why, false));
        }
        if status == Gone {
            return (Gone, sure(DiffCause::Cluster, "it was decided, and is not there"));
        }
        let what = new.unseen().first().map_or_else(String::new, |unseen| format!(" ({}: {})", unseen.what, unseen.why));
        (NoLongerSeen, sure(DiffCause::Coverage, format!("not everything was seen{what}: it may be there still")))
    }

    fn set_otherwise(&self) -> Option<String> {
        super::control::set_otherwise(self.of.old?, self.of.new?)
    }

    fn is_of_scope(&self) -> bool {
        self.of.new.or(self.of.old).is_some_and(|control| control.looked_at == LookedAt::Ephi)
    }

    /// Whether all namespaces of a finding are outside of `scope`, which knows them, and one of them is inside of `other`.
    fn was_elsewhere(&self, finding: &Finding, scope: &Scope, other: &Scope) -> bool {
        let places: Vec<&String> = finding.places().collect();
        let out = |place: &&String| scope.other_namespaces.contains(place) && !scope.ephi_namespaces.contains(place);
        let within = |place: &&&String| other.ephi_namespaces.contains(**place);
        // Some controls look only at what keeps ePHI.
        let otherwise = |place: &&String| scope.ephi_namespaces.contains(place) && scope.roles.get(*place) != other.roles.get(*place);
        self.is_of_scope()
            && !self.between.same_scope
            && !places.is_empty()
            && places.iter().all(|place| out(place) || otherwise(place))
            && places.iter().any(|place| within(&place))
    }
}

/// Whether something was not seen before that is seen now: then what is new may only have become visible.
fn was_gap(before: &ControlResult, new: Option<&ControlResult>) -> bool {
    let now: BTreeSet<_> = new.into_iter().flat_map(|new| new.unseen()).map(|unseen| (&unseen.what, &unseen.why)).collect();
    before.unknown > new.map_or(0, |new| new.unknown) || before.unseen().iter().any(|unseen| !now.contains(&(&unseen.what, &unseen.why)))
}

/// Columns that count time or copies: that they go on is no change of what was found. The namespace is told with the others that count.
const PASSING: &[&str] = &["namespace", "pods", "hours_since_backup", "last_backup", "phase", "observed_in"];

/// Who lives with a finding until when, where that is otherwise. It changes nothing about what was found.
fn waived(old: &Finding, new: &Finding) -> Option<DiffValue> {
    let said = |finding: &Finding| {
        finding.waiver.as_ref().map_or_else(
            || "none".to_owned(),
            |waiver| format!("{}, until {}, approved by {}", waiver.state.label(), waiver.until, waiver.approved_by),
        )
    };
    let (old, new) = (said(old), said(new));
    (old != new).then(|| DiffValue { what: "waiver".to_owned(), old, new })
}

/// What a finding says otherwise.
fn values(old: &Finding, new: &Finding) -> Vec<DiffValue> {
    let mut values = Vec::new();
    let mut differ = |what: &str, old: String, new: String| {
        if old != new {
            values.push(DiffValue { what: what.to_owned(), old, new });
        }
    };
    differ("severity", old.severity.word().to_owned(), new.severity.word().to_owned());
    let exposure = |finding: &Finding| format!("{:?}", finding.exposure).to_lowercase();
    differ("exposure", exposure(old), exposure(new));
    let places = |finding: &Finding| finding.places().cloned().collect::<Vec<_>>().join(", ");
    differ("namespaces", places(old), places(new));
    let names: BTreeSet<&str> = old.facts.keys().chain(new.facts.keys()).map(AsRef::as_ref).collect();
    for name in names.into_iter().filter(|name| !PASSING.contains(name)) {
        let text =
            |finding: &Finding| finding.facts.get(name).map_or_else(|| "not a value of this control".to_owned(), ToString::to_string);
        differ(name, text(old), text(new));
    }
    // A sentence is made of the values: it says more only where none of them differs.
    if values.is_empty() && old.facts == new.facts {
        let (old, new) = (&old.statement, &new.statement);
        if old != new {
            values.push(DiffValue { what: "statement".to_owned(), old: old.clone(), new: new.clone() });
        }
    }
    values
}
