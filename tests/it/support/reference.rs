//! Writes the reference pages from what the program itself holds, so that they cannot say anything else.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::CommandFactory;
use kube_hipaa::catalog::{Catalog, Control, ControlKind, LifecycleStatus, Reach};
use kube_hipaa::cli::{Cli, Exit};
use kube_hipaa::collect::inventory::{self, Amount, ConfigText, Entry, ManifestNames, Part, inventory};
use kube_hipaa::facts::{SYSTEM_NAMESPACES, TableSchema, schemas};
use kube_hipaa::model::{ASSESSMENT_SCHEMA, AccessRule, SNAPSHOT_FORMAT, SourceId, SourceState};
use kube_hipaa::report::{FORMATS, json, time};

/// The line under every title.
pub const GENERATED: &str = "<!-- Generated from the program by `make docs`; change the program, not this page. -->";

/// Every generated file: path below the package, and content.
pub fn pages() -> Vec<(&'static str, String)> {
    let catalog = Catalog::built_in().unwrap_or_else(|error| panic!("{error}"));
    vec![
        ("docs/README.md", index(&catalog)),
        ("docs/cli.md", command_line()),
        ("docs/controls.md", controls(&catalog)),
        ("docs/coverage.md", super::reference_coverage::coverage(&catalog)),
        ("docs/exit-codes.md", exit_codes()),
        ("docs/formats.md", formats()),
        ("docs/mapping.md", super::reference_mapping::mapping(&catalog)),
        ("docs/sources.md", sources()),
        ("docs/tables.md", tables()),
        ("docs/schemas/assessment-v1.schema.json", format!("{:#}\n", json::json_schema())),
        ("docs/schemas/diff-v1.schema.json", format!("{:#}\n", time::diff::json_schema())),
        ("docs/schemas/history-v1.schema.json", format!("{:#}\n", time::history::json_schema())),
        ("deploy/kubernetes.yaml", inventory::manifests(&today(&catalog), None)),
        ("deploy/chart/templates/rights.yaml", super::chart::rights(&today(&catalog))),
    ]
}

/// The least rights for today's catalog.
pub fn today(catalog: &Catalog) -> ManifestNames {
    ManifestNames { needed: Some(kube_hipaa::cli::needed_today(catalog)), ..ManifestNames::default() }
}

/// Writing to a String cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($text:tt)*) => {{ let _ = writeln!($out, $($text)*); }};
}

fn page(title: &str) -> String {
    format!("# {title}\n\n{GENERATED}\n\n")
}

/// Text that stands in a cell of a Markdown table.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn code(text: impl ToString) -> String {
    format!("`{}`", text.to_string().replace('|', "\\|"))
}

fn codes<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| code(item.to_string())).collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

/// The anchor that GitHub gives a heading.
pub fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| if c == ' ' { Some('-') } else { (c.is_alphanumeric() || "-_".contains(c)).then_some(c) })
        .collect()
}

fn index(catalog: &Catalog) -> String {
    let mut out = page("Reference");
    line!(out, "- [Controls](controls.md): what is checked ({} controls), why, and what it does not show", catalog.controls().len());
    line!(out, "- [Mapping](mapping.md): which control is evidence for which paragraph, why, on whose word, and what is asked for");
    line!(out, "- [Coverage](coverage.md): what three published guides state, statement by statement, and what is observed of each");
    line!(out, "- [Tables](tables.md): the {} tables that controls look at, column by column", schemas().len());
    line!(out, "- [Sources](sources.md): what is read from a cluster, how much of it is stored, and the right that it needs");
    line!(out, "- [Command line](cli.md)");
    line!(out, "- [Exit codes](exit-codes.md)");
    line!(out, "- [Formats](formats.md): documents, assessment.json, snapshots");
    line!(out, "- [Over time](over-time.md): what diff, what-if assessments and history say, and from what it is known");
    line!(out, "- [Bundles](bundle.md): sealed evidence, for those who write or check it with another program");
    line!(out, "- [Stores](store.md): the record of many nights in a folder or a bucket");
    line!(out, "- [The workspace](workspace.md): what people declare, answer, accept and decide, as files");
    line!(
        out,
        "- JSON Schemas of [assessment.json](schemas/assessment-v1.schema.json), of what [diff](schemas/diff-v1.schema.json) and of what [history](schemas/history-v1.schema.json) print"
    );
    line!(out, "- [How findings are ranked](scoring.md): the risk of a finding, and why there is no score");
    line!(out, "- [Five requests of an auditor](auditor-questions.md): where the report answers them, in two clicks each");
    line!(out, "- [For operators](operator.md): from a first look to a schedule that keeps a record by itself");
    line!(out, "- [For auditors](auditor.md): a record from the first question to its check with standard tools alone");
    line!(out, "- [Manifests of the least rights](../deploy/kubernetes.yaml)");
    line!(out, "- [Speed and memory](performance.md): what was measured, on what, and how to measure it again");
    out
}

fn command_line() -> String {
    let mut out = page("Command line");
    let mut root = Cli::command().term_width(100);
    root.build();
    help(&mut out, &mut root, "kube-hipaa", 2);
    out
}

fn help(out: &mut String, command: &mut clap::Command, name: &str, depth: usize) {
    line!(out, "{} {name}\n", "#".repeat(depth));
    let text = command.clone().term_width(100).render_long_help().to_string();
    let text: Vec<&str> = text.lines().map(str::trim_end).collect();
    line!(out, "```text\n{}\n```\n", text.join("\n").trim_end());
    let below: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).filter(|sub| sub != "help").collect();
    for sub in below {
        if let Some(command) = command.find_subcommand_mut(&sub) {
            help(out, command, &format!("{name} {sub}"), depth + 1);
        }
    }
}

fn controls(catalog: &Catalog) -> String {
    let mut out = page("Controls");
    line!(
        out,
        "What each control looks at and what passes. `kube-hipaa controls show ID` prints the same. Predicates are [CEL](https://cel.dev) over one row of a"
    );
    line!(
        out,
        "[table](tables.md). A control whose sources were not read completely is *not assessed*, never passed. Paragraphs are those of 45 CFR Part 164"
    );
    line!(out, "that its findings are evidence relevant to; no control shows by itself that a paragraph is met.\n");
    let mut areas: BTreeMap<&str, Vec<&Control>> = BTreeMap::new();
    for control in catalog.controls() {
        areas.entry(control.area()).or_default().push(control);
    }
    line!(out, "| control | severity | states that |\n|---|---|---|");
    for control in areas.values().flatten() {
        line!(out, "| [`{}`](#{}) | {} | {} |", control.id, anchor(&control.id), control.severity.word(), cell(&control.title));
    }
    for control in areas.values().flatten() {
        one_control(&mut out, catalog, control);
    }
    out
}

fn one_control(out: &mut String, catalog: &Catalog, control: &Control) {
    line!(out, "\n## {}\n\n**{}**\n", control.id, control.title.trim());
    let status = match control.lifecycle.status {
        LifecycleStatus::Preview => "preview",
        LifecycleStatus::Stable => "stable",
        LifecycleStatus::Deprecated => "deprecated",
    };
    line!(out, "- Version {}, {status} since {}", control.version, control.lifecycle.since);
    line!(out, "- Severity: **{}**. {}", control.severity.word(), cell(&control.severity_because));
    match &control.kind {
        ControlKind::Check(check) => {
            let place = match check.reach {
                Reach::Ephi => "in namespaces that hold ePHI",
                Reach::Cluster => "in the whole cluster",
            };
            line!(out, "- Looks at: [{0}](tables.md#{0}), {place}", check.table.name);
            line!(out, "- Needs to read: {}", codes(check.sources()));
            line!(
                out,
                "- A finding says of things that they are {}; it shows {}",
                cell(&check.fails),
                codes(check.show.iter().filter_map(|&index| check.table.columns.get(index)).map(|column| column.name))
            );
            if let Some(when) = &check.when {
                line!(out, "\nIn scope when\n\n```cel\n{}\n```", when.source().trim());
            }
            line!(out, "\nPasses when\n\n```cel\n{}\n```", check.require.source().trim());
            if let Some(exposed) = &check.exposed {
                line!(out, "\nOpen to everybody, which raises the risk of a finding, when\n\n```cel\n{}\n```", exposed.source().trim());
            }
        }
        ControlKind::Manual(question) => {
            line!(out, "- A person answers: {}", cell(&question.who));
            line!(out, "\nAsks: {}\n\nEvidence expected: {}", cell(&question.ask), cell(&question.evidence));
        }
    }
    line!(out, "\nWhy it matters: {}", cell(&control.because));
    if !control.fix.is_empty() {
        line!(out, "\nWhat to change: {}", cell(&control.fix));
    }
    for one in &control.parameters {
        let (least, most) = one.range;
        line!(
            out,
            "\nParameter `{}` (scope file): {}; {} {} where nothing is set, {least} to {most} can be set.",
            one.name,
            cell(&one.means),
            one.default,
            one.unit
        );
    }
    if !control.limits.is_empty() {
        line!(out, "\nWhat it does not show: {}", cell(&control.limits));
    }
    for framework in catalog.frameworks() {
        let mapped = framework.paragraphs.iter().flat_map(|paragraph| {
            let of_this = paragraph.controls.iter().filter(|mapping| mapping.control.value == control.id);
            of_this.map(|mapping| format!("{} ({})", paragraph.id.value, mapping.extent.word()))
        });
        let mapped: Vec<String> = mapped.collect();
        match framework.unmapped.iter().find(|unmapped| unmapped.control.value == control.id) {
            Some(unmapped) => line!(out, "\n{}: evidence for no paragraph. {}", framework.title, cell(&unmapped.why)),
            None => line!(out, "\n{}: {}", framework.title, mapped.join(", ")),
        }
    }
    if let Some(benchmarks) = catalog.benchmarks() {
        match benchmarks.unmapped(&control.id) {
            Some(why) => line!(out, "\n{}: no item. {}", benchmarks.title, cell(why)),
            None => {
                line!(out, "\n{}, by version:\n", benchmarks.title);
                for item in benchmarks.everything_of(&control.id) {
                    let differs = if item.differs.is_empty() { String::new() } else { format!(". {}", cell(item.differs)) };
                    line!(out, "- {} ({}): {}{differs}", cell(item.about), item.extent.word(), item.numbers_in_words().join("; "));
                }
            }
        }
    }
}

fn tables() -> String {
    let mut out = page("Tables");
    line!(
        out,
        "Controls look at rows of these tables, and `kube-hipaa facts SNAPSHOT TABLE` prints them. A type with `?` may be null, which means known to be"
    );
    line!(
        out,
        "unset. A column that may be unknown is left out of a row where it could not be established; a control that touches it is then not assessed for that row.\n"
    );
    for schema in schemas() {
        one_table(&mut out, schema);
    }
    out
}

fn one_table(out: &mut String, schema: &TableSchema) {
    line!(out, "## {}\n\n{}\n", schema.name, schema.doc_text());
    line!(out, "Rests on: {}\n", codes(schema.sources.iter()));
    if schema.consults.iter().next().is_some() {
        line!(out, "Consults, where a row asks for it: {}\n", codes(schema.consults.iter()));
    }
    line!(out, "| column | type | may be unknown | meaning | also rests on |\n|---|---|---|---|---|");
    for column in schema.columns {
        let unknown = if column.unknowable { "yes" } else { "" };
        let mut needs = if column.needs.iter().next().is_none() { String::new() } else { codes(column.needs.iter()) };
        if column.consults.iter().next().is_some() {
            needs = format!("{needs} where a row asks for it: {}", codes(column.consults.iter())).trim_start().to_owned();
        }
        line!(out, "| `{}` | {} | {unknown} | {} | {needs} |", column.name, code(column.type_text()), cell(&column.doc_text()));
    }
    line!(out);
}

fn sources() -> String {
    let mut out = page("Sources");
    line!(
        out,
        "Everything that kube-hipaa reads, and nothing else: the requests, `kube-hipaa permissions`, `kube-hipaa preflight` and this page come from one list"
    );
    line!(
        out,
        "(`src/collect/inventory/`). No Secret is ever requested, no log of a pod, no proxy. What a cluster does not serve is not asked for, and its absence is"
    );
    line!(out, "established by discovery, never by an error.\n");
    line!(
        out,
        "A source that could not be read completely is a gap: it is printed in every report, and no control that needs it passes.\n"
    );
    for (part, title) in [(Part::Core, "What every cluster has"), (Part::Addons, "What may be installed beside it")] {
        line!(out, "## {title}\n\n| source | why | right | needed by |\n|---|---|---|---|");
        for entry in inventory().iter().filter(|entry| entry.part == part) {
            let right = entry.rule().map_or_else(|| "none of its own".to_owned(), |rule| right(&rule));
            line!(out, "| {} | {} | {right} | {} |", code(&entry.source), cell(entry.why), needed_by(&entry.source));
        }
        line!(out);
    }
    line!(out, "## What is stored of each\n");
    line!(
        out,
        "An allow-list, applied before anything is stored or logged: a field that is not named does not enter the snapshot. `*` stands for any key, `$name` for"
    );
    line!(
        out,
        "a list of fields that several kinds share (`src/collect/inventory/fragments.rs`), and `:name` for a rule that cleans the value, for example a URL"
    );
    line!(out, "without user and query.\n");
    for entry in inventory() {
        line!(out, "- {}: {}", code(&entry.source), stored(entry));
    }
    out
}

fn right(rule: &AccessRule) -> String {
    let on = if rule.non_resource_urls.is_empty() { &rule.resources } else { &rule.non_resource_urls };
    let mut text = format!("{} {}", rule.verbs.join(", "), codes(on));
    if let Some(group) = rule.api_groups.first().filter(|group| !group.is_empty()) {
        let _ = write!(text, " in {}", code(group));
    }
    if let Some(name) = rule.resource_names.first() {
        let _ = write!(text, " named {}", code(name));
    }
    if let Some(namespace) = &rule.namespace {
        let _ = write!(text, " in the namespace {}", code(namespace));
    }
    text
}

fn needed_by(source: &SourceId) -> String {
    let touches = |schema: &&&TableSchema| schema.declared().any(|declared| declared == source);
    let tables: Vec<String> = schemas().iter().filter(touches).map(|schema| format!("[{0}](tables.md#{0})", schema.name)).collect();
    tables.join(", ")
}

fn stored(entry: &Entry) -> String {
    match entry.amount {
        Amount::Fields(fields) => code(cell(fields).replace("\\|", "|")),
        Amount::Metadata => "metadata only; the server is asked for no more".to_owned(),
        Amount::Keys(keys) => {
            let text = |text| match text {
                ConfigText::Whole => String::new(),
                ConfigText::Presence => " (only that it is there)".to_owned(),
                ConfigText::Fields(fields) => format!(" (only {})", code(cell(fields))),
            };
            let keys: Vec<String> = keys.iter().map(|key| format!("{}{}", code(key.name), text(key.text))).collect();
            format!("the keys {}", keys.join(", "))
        }
        Amount::Series => "the values of a few families of metrics, one line each".to_owned(),
        Amount::Status => "the status code of the answer, and whether a Kubernetes API gave it".to_owned(),
    }
}

fn exit_codes() -> String {
    let mut out = page("Exit codes");
    line!(out, "| exit | meaning |\n|---|---|");
    for (exit, meaning) in Exit::ALL {
        line!(out, "| {} | {} |", exit.code(), cell(meaning));
    }
    line!(
        out,
        "\nWhat cannot be seen through the API by design (a managed control plane, files on hosts) is *not assessed* and does not make a run incomplete; a denied,"
    );
    line!(out, "failed or half-finished read does.");
    out
}

fn formats() -> String {
    let mut out = page("Formats");
    line!(
        out,
        "## Documents\n\n`--format` takes a list of these. All of them are made from the assessment alone, so that `kube-hipaa render` can write them again later.\n"
    );
    line!(out, "| format | file | what it is for |\n|---|---|---|");
    for format in FORMATS {
        let files: Vec<String> = format.files().iter().map(|file| format!("`{}`", file.name)).collect();
        line!(out, "| `{}` | {} | {} |", format.name(), files.join(", "), cell(format.description()));
    }
    line!(out, "\n## assessment.json\n");
    line!(
        out,
        "Schema `{ASSESSMENT_SCHEMA}`: [JSON Schema](schemas/assessment-v1.schema.json). Fields are only ever added within a version. Times are RFC 3339 in UTC,"
    );
    line!(out, "lists have a fixed order, and assessing the same snapshot again with the same catalog gives the same bytes.\n");
    line!(out, "## Snapshot\n");
    line!(
        out,
        "Format `{SNAPSHOT_FORMAT}`: a folder, or the same files in a `.zip`. `index.json` says which cluster was read, when, by whom and with which requests, and"
    );
    line!(
        out,
        "what became of every source. Each source that was read has a file `<group>.<resource>.jsonl.gz` (`core` for the core group, `url` for URLs such as"
    );
    line!(out, "`/version`), one redacted object a line:\n\n```json\n{{\"sha256\":\"<64 hex digits>\",\"object\":{{…}}}}\n```\n");
    line!(out, "The digest is over the exact bytes of the object that follows, and findings name it. To check one by hand:\n");
    line!(
        out,
        "```sh\nzcat core.namespaces.jsonl.gz | head -n 1 | sed 's/^{{\"sha256\":\"[0-9a-f]*\",\"object\"://; s/}}$//' | tr -d '\\n' | sha256sum\n```\n"
    );
    line!(out, "What became of a source is one of these; only the first two let a control pass:\n\n| state | meaning |\n|---|---|");
    for (state, meaning) in states() {
        line!(out, "| `{}` | {meaning} |", state.word());
    }
    line!(out, "\nSystem namespaces, which hold ePHI only when a scope says so: {}.\n", codes(SYSTEM_NAMESPACES));
    line!(out, "## requests.jsonl\n\nEvery request that was sent, one JSON object a line: number, time, verb, path, status, items, bytes.");
    out
}

fn states() -> Vec<(SourceState, &'static str)> {
    let why = String::new;
    // A new state does not compile here until it is described.
    let meaning = |state: &SourceState| match state {
        SourceState::Read { .. } => "read to the end",
        SourceState::NotServed => "the cluster does not have it, and discovery is current",
        SourceState::Partial { .. } => "some of it was read; what is missing is unknown",
        SourceState::Forbidden { .. } => "the server refused",
        SourceState::Stale { .. } => "the aggregated API that serves it did not answer the server's discovery",
        SourceState::Failed { .. } => "asked, and not answered in a usable way",
        SourceState::NotRequested { .. } => "not asked, because it was switched off or an earlier step made it impossible",
    };
    let all = [
        SourceState::Read { count: 0, resource_version: None },
        SourceState::NotServed,
        SourceState::Partial { read: 0, why: why() },
        SourceState::Forbidden { why: why() },
        SourceState::Stale { why: why() },
        SourceState::Failed { why: why() },
        SourceState::NotRequested { why: why() },
    ];
    all.into_iter().map(|state| (state.clone(), meaning(&state))).collect()
}
