//! The mapping as lists for spreadsheets.

use super::List;
use crate::catalog::{Catalog, Framework};

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Paragraphs, relations, asks and crosswalks; each row names the version, so that rows of several versions can lie in one sheet.
pub(super) fn lists(catalog: &Catalog, framework: &Framework) -> Vec<List> {
    let version = format!("{} {}", framework.id, framework.version);
    let version = version.as_str();
    let mut paragraphs = vec![row([
        "mapping",
        "paragraph",
        "title",
        "kind",
        "required",
        "standard",
        "controls",
        "cluster_cannot_show",
        "text_sha256",
        "text_source",
        "text_as_of",
        "text_published",
    ])];
    let mut relations = vec![row([
        "mapping",
        "paragraph",
        "paragraph_title",
        "control",
        "control_title",
        "extent",
        "supports",
        "because",
        "authority",
        "at",
    ])];
    let mut asks = vec![row(["mapping", "ask", "paragraph", "origin", "what_to_hand_over", "answered_by", "nobody_because"])];
    for one in &framework.paragraphs {
        let id = one.id.value.as_str();
        let kind = match one.kind {
            crate::model::ParagraphKind::Standard => "standard",
            crate::model::ParagraphKind::ImplementationSpecification => "implementation specification",
        };
        let required = match one.required {
            crate::model::Implementation::Required => "required",
            crate::model::Implementation::Addressable => "addressable",
            crate::model::Implementation::BySpecification => "by specification",
        };
        let cannot = one.cluster_cannot_show.trim();
        let count = one.controls.len().to_string();
        let [source, as_of, published] =
            framework.text_source(one).map_or([""; 3], |text| [text.source.as_str(), &text.as_of, &text.published]);
        let sha256 = one.text_sha256();
        paragraphs.push(row([version, id, &one.title, kind, required, &one.standard, &count, cannot, &sha256, source, as_of, published]));
        for mapping in &one.controls {
            let control = mapping.control.value.as_str();
            let title = catalog.control(control).map_or("", |control| control.title.as_str());
            let (extent, supports) = (mapping.extent.word(), mapping.supports.word());
            let at = mapping.at.as_deref().unwrap_or_default();
            relations.push(row([
                version,
                id,
                &one.title,
                control,
                title,
                extent,
                supports,
                mapping.because.trim(),
                &mapping.authority,
                at,
            ]));
        }
        for ask in &one.asks {
            let nobody = ask.nobody.as_deref().unwrap_or_default();
            let origin = if ask.origin.is_some() { "ours" } else { "protocol" };
            asks.push(row([version, &ask.id, id, origin, &ask.ask, &ask.answered_by.join(" "), nobody]));
        }
    }
    let mut crosswalks = vec![row(["paragraph", "framework", "edition", "to", "about", "authority", "confidence"])];
    for crosswalk in &catalog.reference().crosswalks {
        for one in &crosswalk.relations {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            crosswalks.push(row([
                &one.paragraph,
                &crosswalk.id,
                &crosswalk.edition,
                &one.to,
                &text(&one.about),
                &one.authority,
                &text(&one.confidence),
            ]));
        }
    }
    let mut lists = vec![
        List { name: "paragraphs", rows: paragraphs },
        List { name: "relations", rows: relations },
        List { name: "asks", rows: asks },
        List { name: "crosswalks", rows: crosswalks },
    ];
    lists.retain(|list| list.rows.len() > 1);
    lists
}
