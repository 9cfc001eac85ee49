//! Reference clusters end to end: the same snapshot and the same catalog give the same bytes, and a changed byte is seen by a person.
//!
//! `UPDATE_GOLDEN=1 cargo test --test it golden::` writes what came out; the difference in version control is what has to be read.

use crate::support::small_clusters;
use std::path::{Path, PathBuf};

use kube_hipaa::assess::{Input, ScopeDeclaration, assess};
use kube_hipaa::catalog::Catalog;
use kube_hipaa::cli::cases;
use kube_hipaa::digest::sha256_hex;
use kube_hipaa::facts::{Computation, Tables};
use kube_hipaa::model::{Assessment, OutcomeWord, ScopeSource, ToolIdentity};
use kube_hipaa::report::{FORMATS, Reported, Summary, summary};
use kube_hipaa::snapshot::Snapshot;
use kube_hipaa::snapshot::testing::Changed;
use serde_json::json;
use small_clusters::case;

/// Snapshots recorded from real control planes, see tests/it/live_clinic.rs.
const CLUSTERS: [(&str, &str); 2] = [("clinic", "examples/clinic-snapshot.zip"), ("empty-cluster", "tests/golden/empty-cluster.zip")];

fn open(path: &str) -> Snapshot {
    Snapshot::open(Path::new(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn scope(name: &str) -> ScopeDeclaration {
    match name {
        "clinic" => ScopeDeclaration::Declared {
            source: ScopeSource::Flags,
            namespaces: Vec::new(),
            selectors: vec!["clinic.example/ephi=true".parse().expect("a selector")],
            sha256: None,
            declared: Default::default(),
        },
        _ => ScopeDeclaration::Default,
    }
}

fn assessed(catalog: &Catalog, name: &str, snapshot: &Snapshot) -> Assessment {
    assess(Input {
        index: snapshot.index(),
        index_sha256: snapshot.index_sha256(),
        tables: Computation::begin(snapshot),
        catalog,
        framework: catalog.framework("hipaa").expect("built in"),
        scope: &scope(name),
        workspace: None,
        // Not the version of the build, so that a release does not change every golden file.
        tool: ToolIdentity { name: "kube-hipaa".to_owned(), version: "0.0.0".to_owned(), commit: "golden".to_owned() },
    })
    .expect("a readable snapshot")
}

/// Every document with its name, and the summary at both usual widths.
fn documents(assessment: &Assessment) -> Vec<(String, Vec<u8>)> {
    let mut documents: Vec<(String, Vec<u8>)> = FORMATS
        .iter()
        .flat_map(|format| format.render(&Reported::new(assessment)).expect("every assessment renders"))
        .map(|document| (document.name.to_owned(), document.bytes().expect("memory takes it")))
        .collect();
    for width in [80, 120] {
        let text = summary(assessment, &Summary { width, color: false, report: Some("evidence/report.html"), next: None });
        documents.push((format!("summary-{width}.txt"), text.into_bytes()));
    }
    documents
}

#[test]
fn documents_are_as_they_were() {
    let catalog = Catalog::built_in().expect("no problems");
    let mut changed = Vec::new();
    for (name, path) in CLUSTERS {
        let folder = PathBuf::from("tests/golden").join(name);
        let mut digests = String::new();
        for (file, bytes) in documents(&assessed(&catalog, name, &open(path))) {
            // The large ones by digest: Markdown and the summaries are what a person reads in a difference.
            if [".html", ".json", ".csv", ".xlsx"].iter().any(|end| file.ends_with(end)) {
                digests.push_str(&format!("{}  {file}\n", sha256_hex(&bytes)));
                continue;
            }
            compare(&folder.join(&file), &bytes, &mut changed);
        }
        let verdicts = format!("{:#}\n", verdicts(&assessed(&catalog, name, &open(path))));
        compare(&folder.join("verdicts.json"), verdicts.as_bytes(), &mut changed);
        compare(&folder.join("sha256.txt"), digests.as_bytes(), &mut changed);
    }
    assert!(changed.is_empty(), "changed: {}\nread what changed, then UPDATE_GOLDEN=1 cargo test --test it golden::", changed.join(", "));
}

/// What an assessment says, without its evidence: of the large document, what a person has to read in a difference.
fn verdicts(assessment: &Assessment) -> serde_json::Value {
    let controls: serde_json::Map<String, serde_json::Value> = assessment
        .controls
        .iter()
        .map(|control| {
            let findings: Vec<String> =
                control.findings().iter().map(|finding| format!("{} {}: {}", finding.severity.word(), finding.risk, finding.statement)).collect();
            let unseen: Vec<String> = control.unseen().iter().map(|unseen| format!("{}: {}", unseen.what, unseen.why)).collect();
            let counts = format!("{} examined, {} failed, {} unknown", control.examined, control.failed, control.unknown);
            let verdict = json!({"outcome": control.word().label(), "version": control.version, "counts": counts, "findings": findings, "unseen": unseen});
            (control.id.clone(), verdict)
        })
        .collect();
    json!({"totals": assessment.totals, "scope": assessment.scope, "controls": controls})
}

fn compare(path: &Path, bytes: &[u8], changed: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("below tests/golden")).expect("made");
        std::fs::write(path, bytes).expect("written");
    } else if std::fs::read(path).ok().as_deref() != Some(bytes) {
        changed.push(path.display().to_string());
    }
}

#[test]
fn the_same_snapshot_gives_the_same_bytes() {
    let catalog = Catalog::built_in().expect("no problems");
    for (name, path) in CLUSTERS {
        let once = documents(&assessed(&catalog, name, &open(path)));
        assert_eq!(once, documents(&assessed(&catalog, name, &open(path))), "{name} assessed twice");
        let whole = open(path);
        for seed in [1, 2, 3] {
            let shuffled = assessed(&catalog, name, &whole.shuffled(seed));
            for ((file, expected), (_, bytes)) in once.iter().zip(documents(&shuffled)) {
                assert!(*expected == bytes, "{name}: {file} differs when the objects come in another order (seed {seed})");
            }
        }
    }
}

/// Of many objects behind one row only some are shown: always the same ones.
#[test]
fn what_is_shown_of_many_routes_and_ingresses_does_not_depend_on_their_order() {
    let route = |number: usize| {
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": format!("r{number}"), "namespace": "records"},
            "spec": {"parentRefs": [{"name": "entrance"}]}})
    };
    let ingress = |number: usize| {
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": format!("i{number}"), "namespace": "records"},
            "spec": {"ingressClassName": "clinic", "rules": [{"host": "records.clinic.example"}]}})
    };
    let gateway = json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": {"name": "entrance", "namespace": "records"},
        "spec": {"gatewayClassName": "clinic", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]}});
    let objects = [gateway].into_iter().chain((0..9).map(route)).chain((0..9).map(ingress)).collect();
    let whole = cases::snapshot(&case("transmission/gateway-tls", objects, &json!({}), "v1.36.3"));
    let rows = |snapshot: &Snapshot, table: &str| {
        Tables::compute(snapshot).expect("readable").get(table).map(|table| table.rows.clone()).expect("exists")
    };
    for table in ["gateways", "ingress_classes"] {
        let once = rows(&whole, table);
        assert_eq!(once.len(), 1, "{table}");
        for seed in [1, 2, 3] {
            assert!(once == rows(&whole.shuffled(seed), table), "{table}, seed {seed}");
        }
    }
}

#[test]
fn the_clinic_has_something_to_find_and_something_to_pass() {
    let catalog = Catalog::built_in().expect("no problems");
    let clinic = assessed(&catalog, "clinic", &open(CLUSTERS[0].1));
    assert!(clinic.totals.controls.fail > 10, "{:?}", clinic.totals);
    assert!(clinic.totals.controls.pass > 5, "{:?}", clinic.totals);
    assert!(clinic.coverage.iter().all(|source| !source.state.is_failed_read()), "the shipped rights are enough");
    for control in &clinic.controls {
        let evidence = control.findings().iter().all(|finding| !finding.evidence.is_empty() && !finding.facts.is_empty());
        assert!(evidence, "{}: a finding without evidence", control.id);
        assert_eq!(control.word() == OutcomeWord::Pass, control.proof().is_some_and(|proof| proof.examined > 0), "{}", control.id);
    }
}

/// Evidence of a column that does not exist would be lost without a word.
#[test]
fn evidence_of_single_cells_belongs_to_columns() {
    let mut seen = 0;
    for (_, path) in CLUSTERS {
        for table in Tables::compute(&open(path)).expect("a readable snapshot").all() {
            for column in table.rows.iter().flat_map(|row| row.cell_evidence.keys()) {
                assert!(table.schema.column(column).is_some(), "{} has no column {column}", table.schema.name);
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "only {seen} cells have evidence of their own");
}

#[test]
fn an_empty_cluster_passes_nothing_that_it_has_not() {
    let catalog = Catalog::built_in().expect("no problems");
    let empty = assessed(&catalog, "empty-cluster", &open(CLUSTERS[1].1));
    for control in empty.controls.iter().filter(|control| ["containers", "pods"].contains(&control.table.as_str())) {
        assert_eq!(control.word(), OutcomeWord::NotApplicable, "{}", control.id);
    }
}

/// `docs/auditor-questions.md`: of each request, the first link stands on the first page and the second where the first leads.
#[test]
fn the_ways_of_the_auditor_exist() {
    let catalog = Catalog::built_in().expect("no problems");
    let documents = documents(&assessed(&catalog, "clinic", &open("examples/clinic-snapshot.zip")));
    let text = |name: &str| -> String {
        let (_, bytes) = documents.iter().find(|(file, _)| file == name).expect("written");
        String::from_utf8(bytes.clone()).expect("UTF-8")
    };
    let (html, markdown) = (text("report.html"), text("report.md"));
    let page = scraper::Html::parse_document(&html);
    let select = |selector: &str| scraper::Selector::parse(selector).expect("a selector");
    let links = |place: &str| -> Vec<String> {
        let within = select(&format!("[id='{place}'] a"));
        page.select(&within).filter_map(|link| link.attr("href")).map(|link| link.trim_start_matches('#').to_owned()).collect()
    };
    let guide = std::fs::read_to_string("docs/auditor-questions.md").expect("readable");
    let mut requests = 0;
    for request in guide.split("\n## ").skip(1) {
        let title = request.lines().next().unwrap_or_default();
        let clicks: Vec<&str> = request
            .split('\n')
            .filter_map(|line| line.strip_prefix(|c: char| c.is_ascii_digit())?.strip_prefix(". `#"))
            .filter_map(|rest| rest.split('`').next())
            .collect();
        let [first, second] = clicks.as_slice() else { panic!("{title}: {clicks:?} are not two clicks") };
        assert!(links("summary").contains(&(*first).to_owned()), "{title}: the first page has no link to {first}");
        assert!(first == second || links(first).contains(&(*second).to_owned()), "{title}: {first} has no link to {second}");
        for anchor in request.split("`#").skip(1).filter_map(|rest| rest.split('`').next()) {
            assert!(page.select(&select(&format!("[id='{anchor}']"))).next().is_some(), "{title}: report.html has no {anchor}");
            assert!(markdown.contains(&format!("<a id=\"{anchor}\"></a>")), "{title}: report.md has no {anchor}");
        }
        requests += 1;
    }
    assert_eq!(requests, 5);
}
