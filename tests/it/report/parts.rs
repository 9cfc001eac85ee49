//! Tests of parts of the report: lists for spreadsheets, matrices, filters, the evidence index.

use std::collections::BTreeSet;
use std::error::Error;

use kube_hipaa::model::{Assessment, LeftOut, SourceState};
use kube_hipaa::report::{Reported, format};
use scraper::{Html, Selector};

use super::sample_assessment::{self, sample};
use super::{Tested, all, rendered};

/// Rows of a file as RFC 4180 has it.
pub(super) fn csv(text: &str) -> Result<Vec<Vec<String>>, Box<dyn Error>> {
    let (mut rows, mut row, mut chars) = (Vec::new(), Vec::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        assert_eq!(c, '"', "every cell is in quotes");
        let mut cell = String::new();
        loop {
            match chars.next().ok_or("a cell is not closed")? {
                '"' if chars.next_if_eq(&'"').is_some() => cell.push('"'),
                '"' => break,
                other => cell.push(other),
            }
        }
        row.push(cell);
        match (chars.next(), chars.peek()) {
            (Some(','), _) => {}
            (Some('\r'), Some('\n')) => {
                chars.next();
                rows.push(std::mem::take(&mut row));
            }
            other => return Err(format!("{other:?} after a cell").into()),
        }
    }
    Ok(rows)
}

#[test]
fn lists_for_spreadsheets_hold_everything_and_no_formula() -> Tested {
    for (name, assessment) in all() {
        for document in format("csv").ok_or("no csv")?.render(&Reported::new(&assessment))? {
            let file = document.name;
            let text = String::from_utf8(document.bytes()?)?;
            let rows = csv(&text)?;
            let columns = rows.first().ok_or("no header")?.len();
            assert!(rows.iter().all(|row| row.len() == columns), "{name}: {file}");
            for cell in rows.iter().flatten() {
                assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{name}: a spreadsheet would compute {cell:?}");
                assert!(cell.chars().all(|c| c == '\n' || !c.is_control()), "{name}: {cell:?}");
            }
            // Rows of several clusters and days can be put together, and none is taken for one of another.
            let lead = [assessment.cluster.uid.as_deref().unwrap_or_default(), &assessment.cluster.name, &assessment.collected.finished];
            for row in rows.iter().skip(1) {
                assert!(
                    row.iter().zip(lead).take(2).all(|(cell, lead)| cell.ends_with(lead) || lead.contains(['\n', '\r'])),
                    "{name}: {row:?}"
                );
                assert!(row[2].ends_with(lead[2]), "{name}: {row:?}");
            }
            assert_eq!(rows[0][..3], ["cluster_uid", "cluster", "collected"]);
            if file == "findings.csv" {
                assert_eq!(rows.len() - 1, assessment.controls.iter().map(|control| control.findings().len()).sum::<usize>());
            }
        }
    }
    Ok(())
}

/// The sample with matrices of that size.
fn sized(subjects: usize, namespaces: usize) -> Assessment {
    let mut assessment = sample();
    let mut make = sample_assessment::Builder { word: Box::new(str::to_owned), serial: 0 };
    let names: Vec<String> = (0..namespaces).map(|i| format!("care-unit-{i:03}")).collect();
    let paths: Vec<String> = (0..subjects).map(|i| format!("ServiceAccount care-unit-{:03}/worker-{i:03}", i % namespaces)).collect();
    let reach: Vec<[(usize, &[usize]); 2]> =
        (0..subjects).map(|i| [(i % namespaces, &[1, 3, 4][..]), ((i + 1) % namespaces, &[2][..])]).collect();
    let rows: Vec<_> =
        paths.iter().zip(&reach).map(|(path, reach)| (path.as_str(), "RoleBinding x → ClusterRole edit", &reach[..])).collect();
    let flows: Vec<_> = names.iter().map(|name| (name.clone(), true, 3, Some(true), Some(false), kube_hipaa::model::Flow::Some)).collect();
    assessment.exhibits.access = Some(sample_assessment::exhibits::access(&mut make, &names, &rows));
    assessment.exhibits.isolation = Some(sample_assessment::exhibits::isolation(&mut make, &flows));
    assessment
}

#[test]
fn matrices_stay_tables_that_can_be_read() -> Tested {
    let select = |selector: &str| Selector::parse(selector).map_err(|error| error.to_string());
    for (subjects, namespaces, columns, rows) in [(8, 5, 5, 8), (45, 12, 12, 45), (450, 130, 1, 200)] {
        let assessment = sized(subjects, namespaces);
        let text = rendered("html", &assessment)?;
        let html = Html::parse_document(&text);
        let table = html.select(&select("table.access")?).next().ok_or("no access matrix")?;
        assert_eq!(table.select(&select("caption")?).count(), 1);
        assert_eq!(table.select(&select("thead th[scope=col]")?).count(), columns + 1, "{namespaces} namespaces");
        assert_eq!(table.select(&select("tbody th[scope=row]")?).count(), rows);
        for row in table.select(&select("tbody tr")?) {
            let span = |cell: scraper::ElementRef<'_>| cell.attr("colspan").map_or(Ok(1), str::parse::<usize>);
            let spans: Vec<usize> = row.select(&select("td")?).map(span).collect::<Result<_, _>>()?;
            assert_eq!(spans.iter().sum::<usize>(), columns, "a row is as wide as its head");
        }
        let legend: Vec<String> = html.select(&select(".letters dt")?).map(|term| term.text().collect()).collect();
        assert_eq!(legend.len(), sample_assessment::exhibits::REACHES.len());
        assert!(legend.iter().any(|term| term.contains("read Secrets")), "letters stand for words: {legend:?}");
        let flows = html.select(&select("table.flows")?).count();
        assert_eq!(flows, usize::from(namespaces <= 12), "{namespaces} namespaces");
        let attached = format("html").ok_or("no html")?.render(&Reported::new(&assessment))?.len() > 1;
        assert_eq!(attached, subjects > 200, "what is left out lies beside the report");
        assert!(text.len() < 900_000, "{} bytes", text.len());
    }
    Ok(())
}

/// A list that was read and of which an object could not be kept is not one that was read completely.
#[test]
fn what_was_left_out_is_told() -> Tested {
    let mut assessment = sample();
    assessment.coverage.retain(|source| matches!(source.state, SourceState::Read { .. }));
    let whole = rendered("markdown", &assessment)?;
    assert!(whole.contains("no object of it was left out"), "{whole}");
    let source = assessment.coverage.first_mut().ok_or("a source")?;
    source.left_out =
        vec![LeftOut { namespace: Some("records".to_owned()), name: "odd".to_owned(), why: "its spec is a number".to_owned() }];
    for format in ["markdown", "html"] {
        let text = rendered(format, &assessment)?;
        assert!(!text.contains("no object of it was left out") && text.contains("not read completely"), "{format}");
        for said in ["records/odd", "its spec is a number", "read but for some objects"] {
            assert!(text.contains(said), "{format}: {said}");
        }
    }
    Ok(())
}

#[test]
fn a_matrix_that_was_not_computed_says_so() -> Tested {
    let mut without = sample();
    without.exhibits = kube_hipaa::model::Exhibits::default();
    assert_eq!(rendered("html", &without)?.matches("not computed</b>").count(), 2);
    assert_eq!(rendered("markdown", &without)?.matches("▲ Not computed").count(), 2);
    assert_eq!(format("csv").ok_or("no csv")?.render(&Reported::new(&without))?.len(), 1);
    Ok(())
}

/// Each choice of a filter is one that the style sheet knows, has a label, and hides nothing that it should not.
#[test]
fn filters_work_without_a_script() -> Tested {
    let text = rendered("html", &sample())?;
    let html = Html::parse_document(&text);
    let select = |selector: &str| Selector::parse(selector).map_err(|error| error.to_string());
    let style: String = html.select(&select("style")?).flat_map(|style| style.text()).collect();
    let choices: Vec<_> = html.select(&select("label input, label select")?).collect();
    assert_eq!(choices.len(), html.select(&select("input, select")?).count(), "every control of a filter stands in its label");
    let mut named = 0;
    for id in choices.iter().filter_map(|input| input.attr("id")) {
        assert!(id.ends_with("-all") || id == "in-namespace" || style.contains(&format!("#{id}:checked")), "{id} does nothing");
        named += 1;
    }
    assert!(named > 12);
    let options: Vec<_> = html.select(&select("option[class]")?).filter_map(|option| option.attr("class")).collect();
    assert!(options.len() > 4);
    for class in options {
        assert!(style.contains(&format!("option.{class}:checked")), "{class} does nothing");
        assert!(html.select(&select(&format!("article.group.{class} li.{class}"))?).count() > 0, "{class} hides everything");
    }
    let screen = style
        .find("@media screen{")
        .or_else(|| style.find("@media screen {@supports selector(:has(*))"))
        .ok_or("filters are for the screen")?;
    assert!(style.find(":has(#only-ephi").is_some_and(|at| at > screen), "filters act on paper");
    Ok(())
}

/// Every number of an entry that is cited stands in the index once, with its whole digest.
#[test]
fn evidence_leads_to_the_index() -> Tested {
    let assessment = sample();
    let text = rendered("html", &assessment)?;
    let html = Html::parse_document(&text);
    let select = |selector: &str| Selector::parse(selector).map_err(|error| error.to_string());
    let shown: BTreeSet<&str> = assessment
        .controls
        .iter()
        .flat_map(|control| control.findings())
        .flat_map(|finding| &finding.evidence)
        .map(|evidence| evidence.reading.sha256.as_str())
        .collect();
    for digest in shown {
        assert_eq!(text.matches(digest).count(), 1, "{digest} is not printed exactly once");
    }
    for item in html.select(&select(".group .objects > li")?) {
        assert!(item.select(&select("a[href^='#e']")?).count() > 0, "{:?} has no evidence", item.attr("id"));
    }
    Ok(())
}

/// A number of a benchmark means nothing without its version, and a version that stands in for another is named.
#[test]
fn numbers_of_benchmarks_stand_with_their_version() -> Tested {
    for name in ["html", "markdown"] {
        let text = rendered(name, &sample())?;
        let shown = match name {
            "html" => Html::parse_document(&text).root_element().text().collect::<Vec<_>>().concat(),
            _ => text.replace('\\', ""),
        };
        for expected in [
            "CIS Kubernetes Benchmark 2.0.1: 5.2.2, 5.2.10",
            "CIS Kubernetes Benchmark 2.0.1: 1.2.17; CIS Kubernetes Benchmark 2.1.0: 5.1.14",
            "CIS Kubernetes Benchmark 2.0.1, 5.2.2 (level 1): What the item asks; partial. Looks at what runs.",
            "CIS Kubernetes Benchmark 2.0.1, 5.2.10: What the item asks; partial",
            "The numbers shown are those of version 2.0.1.",
        ] {
            assert!(shown.contains(expected), "{name} does not show {expected:?}");
        }
        // An assessment of an older version has none, and says nothing of them.
        let mut older = sample();
        older.benchmark = None;
        older.controls.iter_mut().for_each(|control| control.benchmark.clear());
        assert!(!rendered(name, &older)?.to_lowercase().contains("benchmark"), "{name}");
    }
    Ok(())
}
