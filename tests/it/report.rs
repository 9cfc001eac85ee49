//! Documents, judged by readers that are not ours: a browser's HTML parser, CommonMark with tables, a JSON Schema validator.

mod parts;
mod saved;

use crate::support::sample_assessment;
use crate::support::sample_over_time::{difference, record};
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;

use kube_hipaa::model::{Assessment, NonEmpty, Outcome, OutcomeWord};
use kube_hipaa::report::escape::visible;
use kube_hipaa::report::time::{self as over_time, Look};
use kube_hipaa::report::{FORMATS, Format, Reported, Summary, format, summary, view};
use parts::csv;
use pulldown_cmark::{Event, Options, Parser, Tag};
use sample_assessment::{harmless, hostile, hostile_strings, quiet, sample};
use scraper::{Html, Selector};
use sha2::Digest;

type Tested = Result<(), Box<dyn Error>>;

fn files(format: &dyn Format, assessment: &Assessment) -> Result<Vec<(&'static str, Vec<u8>)>, Box<dyn std::error::Error>> {
    format.render(&Reported::new(assessment))?.into_iter().map(|document| Ok((document.name, document.bytes()?))).collect()
}

fn rendered(name: &str, assessment: &Assessment) -> Result<String, Box<dyn Error>> {
    let format = format(name).ok_or("no such format")?;
    let document = format.render(&Reported::new(assessment))?.into_iter().next().ok_or("no document")?;
    Ok(String::from_utf8(document.bytes()?)?)
}

fn all() -> [(&'static str, Assessment); 3] {
    [("sample", sample()), ("hostile", hostile()), ("quiet", quiet())]
}

#[test]
fn the_sample_is_what_the_tests_need() {
    let sample = sample();
    assert!((20..=25).contains(&sample.controls.len()), "{}", sample.controls.len());
    assert!(OutcomeWord::ALL.iter().all(|&outcome| sample.totals.controls.get(outcome) > 0));
    assert!(sample.controls.iter().map(|control| control.findings().len()).sum::<usize>() >= 35);
    assert_eq!(sample.paragraphs.len(), 73);
    assert!(hostile_strings().len() >= 40);
}

#[test]
fn the_same_assessment_gives_the_same_bytes() -> Tested {
    for (name, assessment) in all() {
        for format in FORMATS {
            assert_eq!(files(*format, &assessment)?, files(*format, &assessment.clone())?, "{name} as {}", format.name());
        }
    }
    Ok(())
}

#[test]
fn names_of_formats_and_files_are_unique() {
    assert_eq!(FORMATS.iter().map(|format| format.name()).collect::<BTreeSet<_>>().len(), FORMATS.len());
    let files: Vec<&str> = FORMATS.iter().flat_map(|format| format.files()).map(|file| file.name).collect();
    assert_eq!(files.iter().collect::<BTreeSet<_>>().len(), files.len());
    assert!(format("nothing").is_none());
}

/// Elements by name; of what belongs to the text of a document, `p` is left out: a statement that repeats its title is not shown twice.
fn elements(html: &Html) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for element in html.tree.values().filter_map(|node| node.as_element()).filter(|element| element.name() != "p") {
        *counts.entry(element.name().to_owned()).or_default() += 1;
    }
    counts
}

#[test]
fn hostile_strings_are_inert_in_html() -> Tested {
    let (ordinary, text) = (Html::parse_document(&rendered("html", &harmless())?), rendered("html", &hostile())?);
    let html = Html::parse_document(&text);
    assert_eq!(elements(&ordinary), elements(&html), "a string of the cluster made or closed an element");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "control characters");
    let allowed = [
        "aria-hidden",
        "aria-label",
        "aria-labelledby",
        "charset",
        "checked",
        "class",
        "colspan",
        "content",
        "cx",
        "cy",
        "d",
        "data-label",
        "data-ref",
        "focusable",
        "height",
        "href",
        "http-equiv",
        "id",
        "lang",
        "name",
        "patterntransform",
        "patternunits",
        "r",
        "scope",
        "selected",
        "start",
        "title",
        "type",
        "viewbox",
        "width",
        "x",
        "y",
    ];
    for element in html.tree.values().filter_map(|node| node.as_element()) {
        for (name, value) in element.attrs() {
            assert!(allowed.contains(&name.to_ascii_lowercase().as_str()), "{name}={value}");
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    let seen: String = html.root_element().text().collect();
    for string in hostile_strings() {
        assert!(seen.contains(visible(&string).as_ref()), "not shown: {string:?}");
    }
    Ok(())
}

#[test]
fn html_is_one_file_whose_links_lead_somewhere() -> Tested {
    for (name, assessment) in all() {
        let text = rendered("html", &assessment)?;
        let html = Html::parse_document(&text);
        let select = |selector: &str| Selector::parse(selector).map_err(|error| error.to_string());
        for banned in [
            "script",
            "img",
            "iframe",
            "object",
            "embed",
            "link",
            "base",
            "form",
            "button",
            "textarea",
            "input:not([type=radio]):not([type=checkbox])",
            "video",
            "audio",
            "[style]",
        ] {
            assert_eq!(html.select(&select(banned)?).count(), 0, "{name}: {banned}");
        }
        let ids: Vec<&str> = html.select(&select("[id]")?).filter_map(|element| element.attr("id")).collect();
        let unique: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(ids.len(), unique.len(), "{name}: an id stands twice");
        for link in html.select(&select("a[href]")?).filter_map(|link| link.attr("href")) {
            assert!(unique.contains(link.trim_start_matches('#')), "{name}: {link} leads nowhere");
        }
        let styles: Vec<String> = html.select(&select("style")?).map(|style| style.text().collect()).collect();
        let policy =
            html.select(&select("meta[http-equiv=Content-Security-Policy]")?).find_map(|meta| meta.attr("content")).ok_or("no policy")?;
        let [style] = styles.as_slice() else { return Err("not one style block".into()) };
        let hash = policy.split("sha256-").nth(1).and_then(|rest| rest.split('\'').next()).ok_or("no hash")?;
        assert_eq!(
            unbase64(hash),
            sha2::Sha256::digest(style.as_bytes()).to_vec(),
            "{name}: the policy's hash is not that of the style block"
        );
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
        assert!(name == "hostile" || text.len() < 300_000, "{name}: {} bytes", text.len());
    }
    Ok(())
}

fn unbase64(text: &str) -> Vec<u8> {
    let value = |c: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|letter| *letter == c);
    let bits: Vec<bool> = text.bytes().filter_map(value).flat_map(|six| (0..6).rev().map(move |i| six >> i & 1 == 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | u8::from(*bit))).collect()
}

/// What a reader of Markdown sees: how often each kind of block and mark stands there.
fn structure(markdown: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for event in Parser::new_ext(markdown, Options::all()) {
        let word = match event {
            Event::Start(Tag::Heading { level, .. }) => format!("heading {level}"),
            // How many paragraphs and code spans there are depends on the strings, and harms nobody.
            Event::Start(Tag::Paragraph) => continue,
            Event::Start(tag) => format!("{tag:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned(),
            Event::Html(_) | Event::InlineHtml(_) => "html".to_owned(),
            Event::Rule
            | Event::TaskListMarker(_)
            | Event::FootnoteReference(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::HardBreak => format!("{event:?}"),
            _ => continue,
        };
        *counts.entry(word).or_default() += 1;
    }
    counts
}

#[test]
fn hostile_strings_are_inert_in_markdown() -> Tested {
    let (ordinary, text) = (rendered("markdown", &harmless())?, rendered("markdown", &hostile())?);
    assert_eq!(structure(&ordinary), structure(&text), "a string of the cluster was read as markup");
    for markdown in [&ordinary, &text] {
        let mut ids = BTreeSet::new();
        let mut links = Vec::new();
        for event in Parser::new_ext(markdown, Options::all()) {
            match event {
                Event::Html(html) | Event::InlineHtml(html) => {
                    let html = html.trim();
                    let id = html.strip_prefix("<a id=\"").map(|rest| rest.trim_end_matches("</a>").trim_end_matches("\">"));
                    if let Some(id) = id {
                        assert!(ids.insert(id.to_owned()), "{id} stands twice");
                    }
                    let fold = html == "</details>"
                        || html.starts_with("<details><summary>") && html.ends_with("</summary>") && html.matches('<').count() == 3;
                    assert!(
                        fold || html == "</a>" || id.is_some_and(|id| id.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))),
                        "{html}"
                    );
                }
                Event::Start(Tag::Link { dest_url, .. }) => links.push(dest_url.to_string()),
                Event::Start(Tag::Image { dest_url, .. }) => return Err(format!("an image: {dest_url}").into()),
                _ => {}
            }
        }
        for link in links {
            assert!(link.strip_prefix('#').is_some_and(|id| ids.contains(id)), "{link} leads nowhere");
        }
        // Readers drop what is beyond the last column, so the cells are counted in the source, where no other bar stands.
        let mut columns = 0;
        for line in markdown.lines() {
            match (line.starts_with('|'), columns) {
                (false, _) => columns = 0,
                (true, 0) => columns = line.matches('|').count(),
                (true, columns) => assert_eq!(line.matches('|').count(), columns, "{line}"),
            }
        }
    }
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "control characters");
    Ok(())
}

/// GitHub makes links of bare addresses and names, even escaped ones; only code is safe from it.
#[test]
fn nothing_in_markdown_looks_like_an_address() -> Tested {
    for line in rendered("markdown", &hostile())?.lines().filter(|line| !line.starts_with("      ")) {
        let (mut outside, mut code, mut chars) = (String::new(), false, line.chars());
        while let Some(c) = chars.next() {
            match c {
                '\\' if !code => outside.extend([c, chars.next().unwrap_or(' ')]),
                '`' => code = !code,
                c if !code => outside.push(c),
                _ => {}
            }
        }
        assert!(!code, "a code span is not closed: {line}");
        for address in ["http:/", "https:/", "www.", "@"] {
            assert!(!outside.contains(address), "{address} in {outside}");
        }
    }
    Ok(())
}

#[test]
fn the_terminal_gets_no_control_characters() {
    for (name, assessment) in all() {
        for width in [20, 40, 80, 120, 200] {
            for color in [false, true] {
                let look = Summary { width, color, report: Some("evidence/report.html"), next: Some("kube-hipaa preflight") };
                let mut text = summary(&assessment, &look);
                if color {
                    let plain = summary(&assessment, &Summary { color: false, ..look });
                    while let Some((before, after)) = text.split_once("\u{1b}[") {
                        let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
                        assert!(rest.starts_with('m'), "{name}: not a style: {rest}");
                        text = format!("{before}{}", rest.strip_prefix('m').unwrap_or(rest));
                    }
                    if name != "hostile" {
                        assert_eq!(text, plain, "{name} at {width}");
                    }
                }
                assert!(text.chars().all(|c| c == '\n' || visible(&c.to_string()) == c.to_string()), "{name} at {width}");
                let widest = text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
                assert!(widest <= usize::from(width.max(40)), "{name} at {width}: {widest}\n{text}");
            }
        }
    }
}

/// `(folder/name, text)` of every template.
fn templates() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut found = Vec::new();
    for folder in ["html", "markdown"] {
        for file in std::fs::read_dir(Path::new("templates").join(folder))? {
            let path = file?.path();
            found.push((format!("{folder}/{}", path.file_name().ok_or("no name")?.display()), std::fs::read_to_string(&path)?));
        }
    }
    Ok(found)
}

#[test]
fn no_template_switches_escaping_off() -> Tested {
    for (name, text) in templates()? {
        let squeezed: String = text.split_whitespace().collect();
        assert!(!squeezed.contains("|safe"), "{name} uses the filter `safe`");
        assert!(!squeezed.contains("style=") && !squeezed.contains("onclick"), "{name} has an attribute that the policy forbids");
    }
    Ok(())
}

/// A misspelt field in an `if` is quietly false, so every name after a dot has to be one that the view has.
#[test]
fn templates_use_only_fields_that_exist() -> Tested {
    fn keys(value: &serde_json::Value, into: &mut BTreeSet<String>) {
        match value {
            serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| {
                into.insert(key.clone());
                keys(value, into);
            }),
            serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, into)),
            _ => {}
        }
    }
    let mut known = BTreeSet::from(["last", "index", "index0"].map(str::to_owned));
    keys(&serde_json::to_value(view::build(&sample()))?, &mut known);
    for (name, text) in templates()?.into_iter().filter(|(name, _)| !name.ends_with(".css")) {
        for tag in text.split('{').skip(1).filter(|rest| rest.starts_with(['{', '%'])) {
            let inside = tag.split(['}']).next().unwrap_or_default();
            let code: String = inside.split('"').step_by(2).collect();
            for after in code.split('.').skip(1) {
                let field: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(known.contains(&field), "{name}: .{field} in {inside}");
            }
        }
    }
    Ok(())
}

#[test]
fn the_wording_makes_no_claim() -> Tested {
    for (name, assessment) in [("sample", sample()), ("quiet", quiet())] {
        for text in [rendered("html", &assessment)?, rendered("markdown", &assessment)?] {
            let text = text.to_lowercase();
            for banned in [
                "compliant",
                "certified",
                "hipaa score",
                "hipaa ready",
                "violation",
                "satisfies",
                "passes hipaa",
                "required by hipaa",
                "✓",
                "✔",
                "!</p>",
            ] {
                assert!(!text.contains(banned), "{name}: {banned}");
            }
            assert!(text.contains("not a determination of compliance"));
        }
    }
    Ok(())
}

#[test]
fn very_many_objects_are_counted_and_not_all_shown() -> Tested {
    let mut many = sample();
    let control = many.controls.iter_mut().find(|control| control.id == "pod/run-as-root").ok_or("no such control")?;
    let first = control.findings().first().cloned().ok_or("no finding")?;
    let findings = (0..2_500)
        .map(|i| {
            let mut finding = first.clone();
            finding.fingerprint = format!("{i:016x}");
            std::sync::Arc::make_mut(&mut finding.subject).name = format!("workload-{i}");
            finding
                .evidence
                .iter_mut()
                .for_each(|evidence| std::sync::Arc::make_mut(&mut evidence.reading).object = Some(finding.subject.clone()));
            finding
        })
        .collect();
    control.outcome = Outcome::Fail(NonEmpty::new(findings).ok_or("no finding")?, Vec::new());
    control.examined = 2_500;
    for name in ["html", "markdown"] {
        let text = rendered(name, &many)?;
        assert!(text.contains("2,490 more affected objects in findings.csv"), "{name}");
        assert!(text.len() < 400_000, "{name}: {}", text.len());
        let beside = files(format(name).ok_or("no such format")?, &many)?.split_off(1);
        assert_eq!(beside, files(format("csv").ok_or("no csv")?, &many)?, "{name} names a file that has to lie beside it");
        assert_eq!(
            format(name).ok_or("no such format")?.render(&Reported::new(&sample()))?.len(),
            1,
            "{name}: nothing is left out of a small report"
        );
    }
    let rows = csv(&rendered("csv", &many)?)?;
    assert_eq!(rows.iter().filter(|row| row.iter().any(|cell| cell.starts_with("workload-"))).count(), 2_500);
    Ok(())
}

/// What a name of the cluster says never stands where the style sheet is put.
#[test]
fn a_cluster_cannot_be_named_like_the_place_of_the_style_sheet() -> Tested {
    let mut named = sample();
    named.cluster.name = "/*style*/".into();
    let html = Html::parse_document(&rendered("html", &named)?);
    let select = |selector: &str| Selector::parse(selector).map_err(|error| error.to_string());
    assert_eq!(html.select(&select("title")?).flat_map(|title| title.text()).collect::<String>(), "Evidence from cluster /*style*/");
    assert!(html.select(&select("style")?).flat_map(|style| style.text()).any(|text| text.contains(":root")));
    Ok(())
}

/// A person looks at one screen.
#[test]
fn the_summary_fits_one_screen() {
    for (name, assessment) in all() {
        for width in [80, 120] {
            let text = summary(
                &assessment,
                &Summary { width, color: false, report: Some("evidence/report.html"), next: Some("kube-hipaa preflight") },
            );
            assert!(name == "hostile" || text.lines().count() <= 44, "{name} at {width}: {} lines\n{text}", text.lines().count());
        }
    }
}

/// Writes the documents that `tests/documents` looks at.
fn write(folder: &Path) -> Tested {
    for (name, assessment) in all() {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        for (name, bytes) in FORMATS.iter().map(|format| files(*format, &assessment)).collect::<Result<Vec<_>, _>>()?.concat() {
            std::fs::write(folder.join(name), bytes)?;
        }
        for width in [40, 80, 120] {
            let look = Summary { width, color: false, report: Some("evidence/report.html"), next: Some("kube-hipaa preflight") };
            std::fs::write(folder.join(format!("terminal-{width}.txt")), summary(&assessment, &look))?;
            let look = Look { width, color: false };
            std::fs::write(folder.join(format!("diff-{width}.txt")), over_time::diff::terminal(&difference(&assessment), look))?;
            std::fs::write(folder.join(format!("history-{width}.txt")), over_time::history::terminal(&record(&assessment), look))?;
        }
        std::fs::write(folder.join("diff.html"), over_time::diff::html(&difference(&assessment))?)?;
        std::fs::write(folder.join("history.html"), over_time::history::html(&record(&assessment))?)?;
    }
    Ok(())
}

#[test]
#[ignore = "writes documents to look at into the folder that REPORT_OUT names"]
fn write_samples() -> Tested {
    write(Path::new(&std::env::var_os("REPORT_OUT").ok_or("REPORT_OUT names no folder")?))
}

#[test]
#[ignore = "needs chromium, pdftotext, java, node, and `npm ci` in tests/documents"]
fn a_real_browser_finds_nothing_to_complain_about() -> Tested {
    let folder = tempfile::tempdir()?;
    write(folder.path())?;
    let mut command = std::process::Command::new("node");
    command.arg("check.mjs").current_dir("tests/documents");
    command.args(
        ["sample", "hostile", "quiet"]
            .iter()
            .flat_map(|name| ["report", "diff", "history"].map(|page| folder.path().join(name).join(format!("{page}.html")))),
    );
    let output = command.output()?;
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Ok(())
}
