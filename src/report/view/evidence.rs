//! The evidence index: each object that a document rests on stands there once, with what it takes to find it again and to check it.
//! Everywhere else a piece of evidence is a field and the number of an entry.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::parts::{Object, anchor, time};
use crate::model::{Evidence, Grade, ObjectRef, SourceId};

/// Objects that one piece of evidence names; the rows of a table name no more than a few themselves.
const MOST: usize = 6;

/// What tells two entries apart: everything but the field.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    source: &'a SourceId,
    request: Option<u64>,
    at: &'a str,
    object: Option<&'a ObjectRef>,
    version: Option<&'a str>,
    sha256: &'a str,
    grade: Grade,
}

impl<'a> Key<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        let reading = &*evidence.reading;
        Self {
            source: &reading.source,
            request: reading.request,
            at: &reading.collected_at,
            object: reading.object.as_deref(),
            version: reading.resource_version.as_deref(),
            sha256: &reading.sha256,
            grade: evidence.grade,
        }
    }
}

/// Where an entry stands.
#[derive(Clone, Debug)]
struct Place {
    number: usize,
    /// The anchor of Markdown, made of the digest: it stays when other entries come and go.
    mark: String,
}

/// The numbers of all entries.
pub(super) struct Index<'a> {
    places: BTreeMap<Key<'a>, Place>,
}

/// The objects of one answer of the API server.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    source: String,
    at: String,
    request: Option<u64>,
    entries: Vec<Entry>,
}

#[derive(Debug, Serialize)]
struct Entry {
    number: usize,
    mark: String,
    object: Option<Object>,
    version: Option<String>,
    grade: &'static str,
    sha256: String,
}

/// Fields, and the objects in which they stand.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Cited {
    pointers: Vec<String>,
    objects: Vec<Named>,
    /// How many objects are not named.
    more: usize,
}

/// One object of the index, as it is cited.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Named {
    number: usize,
    mark: String,
    short: String,
    /// Absent where it is the object that is spoken of.
    object: Option<Object>,
    source: Option<String>,
}

impl<'a> Index<'a> {
    /// An index of all these pieces of evidence, ordered by source, answer and object.
    pub(super) fn new(evidence: impl Iterator<Item = &'a Evidence>) -> Self {
        let keys: BTreeSet<Key<'a>> = evidence.map(Key::of).collect();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        let places = keys
            .into_iter()
            .enumerate()
            .map(|(i, key)| {
                let mark = anchor("e", &short(key.sha256));
                let count = taken.entry(mark.clone()).or_default();
                *count += 1;
                let mark = if *count == 1 { mark } else { format!("{mark}-{count}") };
                (key, Place { number: i + 1, mark })
            })
            .collect();
        Self { places }
    }

    /// What the chapter shows.
    pub(super) fn answers(&self) -> Vec<Answer> {
        let mut answers: Vec<Answer> = Vec::new();
        for (key, place) in &self.places {
            let (source, at) = (key.source.to_string(), time(key.at));
            let entry = Entry {
                number: place.number,
                mark: place.mark.clone(),
                object: key.object.map(Object::new),
                version: key.version.map(str::to_owned),
                grade: key.grade.letter(),
                sha256: key.sha256.to_owned(),
            };
            match answers.last_mut().filter(|last| last.source == source && last.at == at && last.request == key.request) {
                Some(last) => last.entries.push(entry),
                None => answers.push(Answer { source, at, request: key.request, entries: vec![entry] }),
            }
        }
        answers
    }

    /// These pieces of evidence about `subject`: fields that stand in the same objects together, and objects with the same fields.
    pub(super) fn cite(&self, evidence: &[Evidence], subject: &ObjectRef) -> Vec<Cited> {
        let mut by_object: Vec<(Key<'_>, Vec<&str>)> = Vec::new();
        for one in evidence {
            let key = Key::of(one);
            match by_object.iter_mut().find(|(other, _)| *other == key) {
                Some((_, pointers)) if pointers.contains(&&*one.pointer) => {}
                Some((_, pointers)) => pointers.push(&one.pointer),
                None => by_object.push((key, vec![&one.pointer])),
            }
        }
        let mut cited: Vec<Cited> = Vec::new();
        for (key, pointers) in by_object {
            let Some(place) = self.places.get(&key) else { continue };
            let object = Named {
                number: place.number,
                mark: place.mark.clone(),
                short: short(key.sha256),
                object: key.object.filter(|object| *object != subject).map(Object::new),
                source: key.object.is_none().then(|| key.source.to_string()),
            };
            match cited.iter_mut().find(|other| other.pointers.iter().map(String::as_str).eq(pointers.iter().copied())) {
                Some(same) if same.objects.len() < MOST => same.objects.push(object),
                Some(same) => same.more += 1,
                None => cited.push(Cited { pointers: pointers.into_iter().map(str::to_owned).collect(), objects: vec![object], more: 0 }),
            }
        }
        cited
    }
}

fn short(sha256: &str) -> String {
    sha256.chars().take(12).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Reading;

    fn evidence(name: &str, pointer: &str) -> Evidence {
        let object = ObjectRef { kind: "Pod".into(), group: String::new(), namespace: Some("a".into()), name: name.into(), uid: None };
        let reading = Reading {
            source: SourceId::core("pods"),
            object: Some(object.into()),
            resource_version: Some("1".into()),
            sha256: format!("{:064x}", name.len()),
            collected_at: "2026-11-20T22:41:03Z".into(),
            request: Some(1),
        };
        Evidence { grade: Grade::EffectiveConfiguration, reading: reading.into(), pointer: pointer.to_owned().into() }
    }

    #[test]
    fn an_object_stands_once_and_its_fields_together() -> Result<(), String> {
        let all = [
            evidence("b", "/x"),
            evidence("b", "/y"),
            evidence("aa", "/x"),
            evidence("aa", "/y"),
            evidence("b", "/x"),
            evidence("ccc", "/z"),
        ];
        let index = Index::new(all.iter());
        let answers = index.answers();
        let [answer] = answers.as_slice() else { return Err(format!("{answers:?}")) };
        assert_eq!(answer.entries.iter().map(|entry| entry.number).collect::<Vec<_>>(), [1, 2, 3]);
        let subject = all.first().and_then(|first| first.object().cloned()).ok_or("no object")?;
        let cited = index.cite(&all, &subject);
        let [both, third] = cited.as_slice() else { return Err(format!("{cited:?}")) };
        assert_eq!(both.pointers, ["/x", "/y"]);
        assert_eq!(both.objects.iter().map(|object| (object.number, object.object.is_some())).collect::<Vec<_>>(), [(2, false), (1, true)]);
        assert_eq!(third.pointers, ["/z"]);
        Ok(())
    }

    #[test]
    fn the_same_digest_in_two_sources_has_two_anchors() {
        let mut other = evidence("b", "/x");
        std::sync::Arc::make_mut(&mut other.reading).source = SourceId::url("/flagz");
        let all = [evidence("b", "/x"), other];
        let marks: BTreeSet<String> = Index::new(all.iter()).places.into_values().map(|place| place.mark).collect();
        assert_eq!(marks.len(), 2, "{marks:?}");
    }
}
