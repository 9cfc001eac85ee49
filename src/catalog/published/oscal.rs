//! OSCAL 1.2.3 (NIST): the regulation as a catalogue, its crosswalks as a mapping collection, and the controls of this program as the
//! components that speak to it. Ids are UUIDs of names, and times are those of the mapping, so that the same version gives the same bytes.
//!
//! Shapes: the metaschema of OSCAL 1.2.3, `oscal_catalog_metaschema.xml`, `oscal_mapping_metaschema.xml` and
//! `oscal_component_metaschema.xml`. Ids are tokens (NCName), values of properties one line.

use serde_json::{Map, Value, json};

use crate::catalog::{Catalog, Control, ControlKind, Framework, FrameworkParagraph};
use crate::digest::uuid_v5;
use crate::model::{Implementation, ParagraphKind};

const VERSION: &str = "1.2.3";
/// Whose the properties are that OSCAL does not know.
const NS: &str = "urn:kube-hipaa:oscal";
/// The namespace of the ids of these documents: `uuid5(DNS, "kube-hipaa")` of RFC 9562.
const SPACE: [u8; 16] = [0x0e, 0x27, 0xdf, 0xaa, 0x4f, 0xd0, 0x58, 0x1a, 0xab, 0xcf, 0xc9, 0x1f, 0x10, 0xa1, 0x21, 0x53];
/// NIST's catalogue of SP 800-53 in OSCAL.
const SP_800_53: &str =
    "https://raw.githubusercontent.com/usnistgov/oscal-content/main/nist.gov/SP800-53/rev5/json/NIST_SP-800-53_rev5_catalog.json";
const CATALOG_FILE: &str = "catalog.json";

fn id(parts: &[&str]) -> String {
    uuid_v5(&SPACE, &parts.join("\u{1f}"))
}

/// A citation as a token: `s164.312-a-1` for `164.312(a)(1)`.
fn token(citation: &str) -> String {
    format!("s{}", citation.replace('(', "-").replace(')', ""))
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "ns": NS, "value": value.split_whitespace().collect::<Vec<_>>().join(" ")})
}

fn metadata(framework: &Framework, title: &str, remarks: &str) -> Value {
    json!({
        "title": title,
        "last-modified": format!("{}T00:00:00Z", framework.changed_on.as_deref().unwrap_or(&framework.as_of)),
        "version": framework.version,
        "oscal-version": VERSION,
        "props": [property("text-as-of", &framework.as_of), property("mapping-sha256", &framework.sha256())],
        "remarks": remarks,
    })
}

/// The documents, each with the name of its file.
pub(super) fn documents(catalog: &Catalog, framework: &Framework) -> Vec<(&'static str, Value)> {
    let mut documents = vec![("catalog", regulation(framework)), ("component-definition", components(catalog, framework))];
    documents.extend(crosswalks(catalog, framework).map(|document| ("mapping-collection", document)));
    documents
}

fn regulation(framework: &Framework) -> Value {
    let mut groups: Vec<(String, String, Vec<Value>)> = Vec::new();
    for paragraph in framework.paragraphs.iter().filter(|one| one.standard == one.id.value || one.continues.is_some()) {
        let section = paragraph.id.value.split('(').next().unwrap_or_default().to_owned();
        if groups.last().is_none_or(|(id, ..)| *id != section) {
            groups.push((section, paragraph.section.clone(), Vec::new()));
        }
        let nested = framework.paragraphs.iter().filter(|one| one.standard == paragraph.id.value && one.id.value != paragraph.id.value);
        let nested: Vec<Value> = nested.filter(|one| one.continues.is_none()).map(|one| requirement(framework, one, Vec::new())).collect();
        if let Some((.., controls)) = groups.last_mut() {
            controls.push(requirement(framework, paragraph, nested));
        }
    }
    let groups: Vec<Value> = groups
        .into_iter()
        .map(|(id, title, controls)| json!({"id": token(&id), "title": format!("{id} {title}"), "controls": controls}))
        .collect();
    json!({"catalog": {
        "uuid": id(&[&framework.id, &framework.version, "catalog"]),
        "metadata": metadata(framework, &framework.title, "Text and designations are the regulation's own; titles in brackets, asks and notes are this project's."),
        "groups": groups,
    }})
}

fn requirement(framework: &Framework, paragraph: &FrameworkParagraph, nested: Vec<Value>) -> Value {
    let citation = &paragraph.id.value;
    let at = token(citation);
    let kind = match paragraph.kind {
        ParagraphKind::Standard => "standard",
        ParagraphKind::ImplementationSpecification => "implementation-specification",
    };
    let mut props = vec![json!({"name": "label", "value": citation}), property("kind", kind)];
    match paragraph.required {
        Implementation::Required => props.push(property("implementation", "required")),
        Implementation::Addressable => props.push(property("implementation", "addressable")),
        Implementation::BySpecification => {}
    }
    props.push(property("text-sha256", &paragraph.text_sha256()));
    if let Some(text) = framework.text_source(paragraph) {
        props.extend([
            property("text-source", &text.source),
            property("text-as-of", &text.as_of),
            property("text-published", &text.published),
        ]);
    }
    for (name, value) in [("continues", &paragraph.continues), ("part-of", &paragraph.part_of)] {
        props.extend(value.as_ref().map(|value| property(name, value)));
    }
    let mut parts = vec![json!({"id": format!("{at}_smt"), "name": "statement", "prose": paragraph.text})];
    for (i, ask) in paragraph.asks.iter().enumerate() {
        parts.push(json!({
            "id": format!("{at}_ask.{}", i + 1),
            "name": "ask",
            "ns": NS,
            "props": [
                {"name": "label", "value": ask.id},
                property("origin", if ask.origin.is_some() { "ours" } else { "ocr-protocol" }),
            ],
            "prose": ask.ask,
        }));
    }
    parts.extend(paragraph.note.as_ref().map(|note| json!({"id": format!("{at}_gdn"), "name": "guidance", "prose": note})));
    let mut control = Map::new();
    control.insert("id".into(), at.into());
    control.insert("class".into(), kind.into());
    control.insert("title".into(), paragraph.title.clone().into());
    control.insert("props".into(), props.into());
    control.insert("parts".into(), parts.into());
    // OSCAL knows no empty list.
    if !nested.is_empty() {
        control.insert("controls".into(), nested.into());
    }
    control.into()
}

fn components(catalog: &Catalog, framework: &Framework) -> Value {
    let component = |control: &Control| {
        let relations = framework.paragraphs.iter().flat_map(|paragraph| {
            paragraph.controls.iter().filter(|mapping| mapping.control.value == control.id).map(move |mapping| (paragraph, mapping))
        });
        let requirements: Vec<Value> = relations
            .map(|(paragraph, mapping)| {
                let mut props = vec![
                    property("extent", mapping.extent.word()),
                    property("supports", mapping.supports.word()),
                    property("authority", &mapping.authority),
                ];
                props.extend(mapping.at.as_ref().map(|at| property("authority-at", at)));
                json!({
                    "uuid": id(&[&framework.id, &framework.version, "relation", &control.id, &paragraph.id.value]),
                    "control-id": token(&paragraph.id.value),
                    "description": mapping.because.trim(),
                    "props": props,
                })
            })
            .collect();
        if requirements.is_empty() {
            return None;
        }
        let (kind, description) = match &control.kind {
            ControlKind::Check(_) => ("validation", control.because.as_str()),
            ControlKind::Manual(question) => ("process-procedure", question.ask.as_str()),
        };
        let mut component = json!({
            "uuid": id(&["component", &control.id]),
            "type": kind,
            "title": control.title,
            "description": description,
            "props": [property("control", &control.id), property("control-version", &control.version.to_string())],
            "control-implementations": [{
                "uuid": id(&[&framework.id, &framework.version, "implementation", &control.id]),
                "source": CATALOG_FILE,
                "description": "Evidence that is relevant to these paragraphs. Relevance is not conformity: no check says that a paragraph is met.",
                "implemented-requirements": requirements,
            }],
        });
        if let (Some(component), false) = (component.as_object_mut(), control.limits.is_empty()) {
            component.insert("remarks".into(), format!("Not shown: {}", control.limits).into());
        }
        Some(component)
    };
    json!({"component-definition": {
        "uuid": id(&[&framework.id, &framework.version, "component-definition"]),
        "metadata": metadata(framework, "Checks and questions of kube-hipaa, and the paragraphs they are evidence for", "A control listed for a paragraph is relevant to it and no more."),
        "components": catalog.controls().iter().filter_map(component).collect::<Vec<_>>(),
    }})
}

/// The crosswalks to catalogues that exist in OSCAL; today SP 800-53.
fn crosswalks(catalog: &Catalog, framework: &Framework) -> Option<Value> {
    let crosswalk = catalog.reference().crosswalks.iter().find(|one| one.id == "sp-800-53r5")?;
    let maps: Vec<Value> = crosswalk
        .relations
        .iter()
        .filter(|one| framework.paragraphs.iter().any(|paragraph| paragraph.id.value == one.paragraph))
        .map(|one| {
            let rationale = match one.authority.as_str() {
                "olir" => "NIST's informative reference; NIST states no strength.",
                _ => "The judgement of this project.",
            };
            json!({
                "uuid": id(&[&framework.version, "map", &one.paragraph, &one.to]),
                "relationship": "intersects-with",
                "sources": [{"type": "control", "id-ref": token(&one.paragraph)}],
                "targets": [{"type": "control", "id-ref": one.to.to_lowercase().replace('(', ".").replace(')', "")}],
                "props": [property("authority", &one.authority)],
                "remarks": rationale,
            })
        })
        .collect();
    if maps.is_empty() {
        return None;
    }
    Some(json!({"mapping-collection": {
        "uuid": id(&[&framework.id, &framework.version, "mapping-collection"]),
        "metadata": metadata(framework, "HIPAA Security Rule to NIST SP 800-53 Rev. 5", "Relations by NIST and by this project are told apart by the property `authority`."),
        "provenance": {
            "method": "human",
            "matching-rationale": "semantic",
            "status": "complete",
            "mapping-description": crosswalk.sources.join(" "),
        },
        "mappings": [{
            "uuid": id(&[&framework.id, &framework.version, "mapping", &crosswalk.id]),
            "source-resource": {"type": "catalog", "href": CATALOG_FILE},
            "target-resource": {"type": "catalog", "href": SP_800_53},
            "maps": maps,
        }],
    }}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_one_that_is_said() {
        let dns = [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        let digits: String = SPACE.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(uuid_v5(&dns, "kube-hipaa").replace('-', ""), digits);
    }

    #[test]
    fn citations_become_tokens() {
        assert_eq!(token("164.308(a)(1)(ii)(A)"), "s164.308-a-1-ii-A");
    }
}
