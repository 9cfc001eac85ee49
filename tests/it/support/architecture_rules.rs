//! The rules of the house, each a function from a source to what is wrong with it.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::visit::Visit;

use super::rust_source::{Source, each_level, is_punct, is_word, mentions, squeezed};

/// A line and what is wrong there.
pub type Wrong = (usize, String);

/// One module of the first level and the others that it may name.
pub struct Module {
    pub name: &'static str,
    pub may_use: &'static [&'static str],
}

const fn module(name: &'static str, may_use: &'static [&'static str]) -> Module {
    Module { name, may_use }
}

/// Which module may use which. The table in CONTRIBUTING.md says the same in words.
pub const MODULES: &[Module] = &[
    module("digest", &[]),
    module("model", &["digest"]),
    module("parallel", &[]),
    module("snapshot", &["model", "digest"]),
    module("signing", &["digest"]),
    module("authority", &["signing"]),
    module("bundle", &["signing", "model", "digest"]),
    module("history", &["bundle", "model", "digest"]),
    module("collect", &["snapshot", "model", "digest"]),
    module("imports", &["model"]),
    module("facts", &["snapshot", "model", "parallel"]),
    module("catalog", &["facts", "model", "digest"]),
    module("assess", &["facts", "catalog", "model", "digest", "parallel"]),
    module("report", &["model", "digest"]),
    module(
        "cli",
        &[
            "digest",
            "model",
            "snapshot",
            "signing",
            "authority",
            "bundle",
            "history",
            "collect",
            "imports",
            "facts",
            "catalog",
            "assess",
            "report",
        ],
    ),
    module(
        "lib",
        &[
            "digest",
            "model",
            "parallel",
            "snapshot",
            "signing",
            "authority",
            "bundle",
            "history",
            "collect",
            "imports",
            "facts",
            "catalog",
            "assess",
            "report",
            "cli",
        ],
    ),
    module("main", &["cli"]),
];

/// What the catalog may name of facts: schemas and single rows, not the tables of a cluster.
const FACTS_FOR_CATALOG: &[&str] = &["Cell", "Column", "ColumnType", "Known", "Row", "TableSchema", "schemas"];

/// Crates that are named in few modules.
const CRATES: &[(&str, &[&str])] = &[
    ("kube", &["collect"]),
    ("kube_client", &["collect"]),
    ("kube_core", &["collect"]),
    ("tower", &["collect", "history"]),
    ("tower_http", &["collect"]),
    ("http", &["collect", "history", "authority"]),
    ("http_body", &["collect", "history"]),
    ("http_body_util", &["collect", "history", "authority"]),
    ("hyper", &["collect", "history"]),
    ("hyper_util", &["collect", "history", "authority"]),
    ("rustls", &["collect", "history"]),
    ("futures", &["collect", "history"]),
    // Stores of bundles: object_store, and the client that lets through what only adds.
    ("object_store", &["history"]),
    ("async_trait", &["history"]),
    ("hyper_rustls", &["history", "authority"]),
    ("hyper_timeout", &["history"]),
    ("rustls_platform_verifier", &["history"]),
    ("ssh_key", &["signing"]),
    ("webpki", &["signing"]),
    ("pki_types", &["signing"]),
    ("der", &["signing"]),
    ("p256", &["signing"]),
    ("p384", &["signing"]),
    ("p521", &["signing"]),
    ("ring", &["digest", "signing", "authority"]),
    ("k8s_openapi", &["facts"]),
    ("sha2", &["digest"]),
    ("flate2", &["snapshot", "bundle"]),
    // Snapshots, and sheets for spreadsheets.
    ("zip", &["snapshot", "report", "cli"]),
    ("quick_xml", &["cli"]),
    // The collector keeps single fields of YAML documents that ConfigMaps hold.
    ("serde_saphyr", &["catalog", "collect", "imports"]),
    ("cel", &["catalog"]),
    ("icu_normalizer", &["assess"]),
    ("include_dir", &["catalog", "report"]),
    ("tera", &["report"]),
    ("comfy_table", &["report", "cli"]),
    ("schemars", &["model", "report"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("anstream", &["cli"]),
    ("indicatif", &["cli"]),
    ("terminal_size", &["cli"]),
    ("csv", &["cli", "report"]),
    ("tokio", &["collect", "authority", "cli", "history"]),
];

/// Modules that may know the time, the machine and chance. A bundle is files, as a snapshot is; `authority` asks an agent and an address.
const OUTSIDE_WORLD: &[&str] = &["cli", "collect", "snapshot", "bundle", "authority"];

/// Of `history` only what keeps bundles: what is made of them is the same wherever they lie.
const STORE: &str = "src/history/store/";

/// The one other module that starts threads, and knows nothing else of the world.
const PARALLEL: &str = "parallel";

/// The only place that decides an `Outcome`.
pub const VERDICT: &str = "src/assess/verdict.rs";

/// The only place that reads one back.
pub const SAVED: &str = "src/model/assessment/v1.rs";

/// Where it stands, with what can be asked of it.
const OUTCOME: &str = "src/model/outcome.rs";

/// Lines that a source file may have.
pub const LONGEST: usize = 500;

/// A module names only those that stand below it.
pub fn arrows(source: &Source) -> Vec<Wrong> {
    let top = source.top();
    let Some(module) = MODULES.iter().find(|module| module.name == top) else {
        return vec![(1, format!("the module `{top}` has no row in MODULES of tests/it/support/architecture_rules.rs"))];
    };
    let mut wrong = Vec::new();
    for mention in source.mentions() {
        let [root, used, rest @ ..] = mention.path.as_slice() else { continue };
        if root != "crate" || *used == top || !MODULES.iter().any(|module| module.name == used) {
            continue;
        }
        if !module.may_use.contains(&used.as_str()) {
            wrong.push((mention.line, format!("`{top}` must not use `{used}`: it may use {}", listed(module.may_use))));
        } else if top == "catalog" && used == "facts" && !rest.first().is_some_and(|name| FACTS_FOR_CATALOG.contains(&name.as_str())) {
            wrong.push((mention.line, format!("`catalog` sees only the schema of facts: {}", listed(FACTS_FOR_CATALOG))));
        }
    }
    wrong
}

/// A crate is named only where it belongs.
pub fn crates(source: &Source) -> Vec<Wrong> {
    let top = source.top();
    let named = |mention: &super::rust_source::Mention| {
        CRATES.iter().find(|(name, places)| mention.path.first().is_some_and(|first| first == name) && !places.contains(&top.as_str()))
    };
    let wrong = |mention: super::rust_source::Mention| {
        named(&mention).map(|(name, places)| (mention.line, format!("the crate `{name}` is named only in {}", listed(places))))
    };
    source.mentions().into_iter().filter_map(wrong).collect()
}

/// The clock, the disk, the environment, the network and chance: the same input must give the same bytes.
pub fn outside_world(source: &Source) -> Vec<Wrong> {
    const PREFIXES: &[&str] = &[
        "std::fs",
        "std::env",
        "std::net",
        "std::os",
        "std::random",
        "std::hash::RandomState",
        "std::thread",
        "tempfile",
        "rand",
        "getrandom",
        "fastrand",
        "uuid",
    ];
    const PARTS: &[&str] = &[
        "SystemTime::now",
        "Instant::now",
        "Timestamp::now",
        "Zoned::now",
        "Utc::now",
        "Local::now",
        "File::open",
        "File::create",
        "OpenOptions::new",
        "RandomState::new",
        "env::var",
        "env::var_os",
        "env::args",
        "env::current_dir",
        "fs::read",
        "fs::write",
        "fs::read_to_string",
    ];
    let top = source.top();
    if OUTSIDE_WORLD.contains(&top.as_str()) || source.path.starts_with(STORE) {
        return Vec::new();
    }
    let reaches = |mention: &super::rust_source::Mention| {
        PREFIXES.iter().any(|prefix| mention.starts_with(prefix)) || PARTS.iter().any(|part| mention.contains(part))
    };
    let allowed = |mention: &super::rust_source::Mention| top == PARALLEL && mention.starts_with("std::thread");
    source
        .mentions()
        .into_iter()
        .filter(|mention| reaches(mention) && !allowed(mention))
        .map(|mention| {
            (mention.line, format!("`{}` in `{top}`: only {} may know the world outside", mention.path.join("::"), listed(OUTSIDE_WORLD)))
        })
        .collect()
}

/// No other program is started, anywhere but where the kubeconfig names one that gives credentials.
pub fn processes(source: &Source) -> Vec<Wrong> {
    if source.path.ends_with("collect/credentials/plugin.rs") {
        return Vec::new();
    }
    let starts = |mention: &super::rust_source::Mention| {
        mention.contains("process::Command") || mention.contains("Command::new") && source.top() != "cli"
    };
    source.mentions().into_iter().filter(starts).map(|mention| (mention.line, "no other program is started".to_owned())).collect()
}

/// `Outcome` is made in one place. Matching on it is free.
pub fn outcomes(source: &Source) -> Vec<Wrong> {
    if source.path == VERDICT {
        return Vec::new();
    }
    let mut finder = OutcomeFinder { path: source.path.clone(), wrong: Vec::new() };
    finder.visit_file(&source.file);
    finder.wrong
}

struct OutcomeFinder {
    path: String,
    wrong: Vec<Wrong>,
}

impl OutcomeFinder {
    fn path(&mut self, path: &syn::Path) {
        let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.names(path.segments.first().map_or(0, |first| first.ident.span().start().line), &names);
    }
    fn names(&mut self, line: usize, names: &[String]) {
        // Variants are capitalised, methods are not.
        let made = |pair: &[String]| matches!(pair, [owner, variant] if owner == "Outcome" && self.path != SAVED && variant.starts_with(|c: char| c.is_ascii_uppercase() || c == '*'));
        if names.windows(2).any(made) {
            self.wrong.push((line, format!("an Outcome is made only in {VERDICT} and read back in {SAVED}")));
        }
    }
}

impl<'ast> Visit<'ast> for OutcomeFinder {
    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        self.path(&expression.path);
    }
    fn visit_expr_struct(&mut self, expression: &'ast syn::ExprStruct) {
        self.path(&expression.path);
        syn::visit::visit_expr_struct(self, expression);
    }
    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        // A variant under a name of its own could be made unseen.
        fn leaves(tree: &syn::UseTree, mut before: Vec<String>, all: &mut Vec<Vec<String>>) {
            match tree {
                syn::UseTree::Path(path) => {
                    before.push(path.ident.to_string());
                    leaves(&path.tree, before, all);
                }
                syn::UseTree::Name(name) => {
                    before.push(name.ident.to_string());
                    all.push(before);
                }
                syn::UseTree::Rename(rename) => {
                    before.extend([rename.ident.to_string(), "*".to_owned()]);
                    all.push(before);
                }
                syn::UseTree::Glob(_) => {
                    before.push("*".to_owned());
                    all.push(before);
                }
                syn::UseTree::Group(group) => group.items.iter().for_each(|item| leaves(item, before.clone(), all)),
            }
        }
        let mut all = Vec::new();
        leaves(&item.tree, Vec::new(), &mut all);
        let line = item.use_token.span.start().line;
        all.iter().for_each(|names| self.names(line, names));
    }
    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let syn::Type::Path(of) = &*item.self_ty
            && of.path.segments.last().is_some_and(|last| last.ident == "Outcome" && self.path != OUTCOME)
        {
            self.wrong.push((item.impl_token.span.start().line, format!("what an Outcome does stands in {VERDICT} or {OUTCOME}")));
        }
        syn::visit::visit_item_impl(self, item);
    }
    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        if call.path.segments.last().is_some_and(|last| last.ident == "matches") {
            return;
        }
        for mention in mentions(&without_matches(&call.tokens), &[]) {
            self.names(mention.line, &mention.path);
        }
    }
}

/// The tokens without the insides of `matches!(…)`, which hold patterns.
fn without_matches(tokens: &TokenStream) -> TokenStream {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let keep = |(at, tree): (usize, &TokenTree)| {
        let before = |back: usize| at.checked_sub(back).and_then(|place| trees.get(place));
        match tree {
            TokenTree::Group(_) if is_punct(before(1), '!') && before(2).is_some_and(|tree| is_word(tree, "matches")) => None,
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), without_matches(&group.stream()));
                inner.set_span(group.span());
                Some(TokenTree::Group(inner))
            }
            other => Some(other.clone()),
        }
    };
    trees.iter().enumerate().filter_map(keep).collect()
}

/// What was not read must not become a silent `false`, `true` or nothing.
pub fn swallowed(source: &Source) -> Vec<Wrong> {
    if !["facts", "collect", "assess"].contains(&source.top().as_str()) {
        return Vec::new();
    }
    let mut wrong = Vec::new();
    each_level(&source.tokens, &mut |trees| {
        for pair in trees.windows(2) {
            let [TokenTree::Ident(name), TokenTree::Group(arguments)] = pair else { continue };
            let call = format!("{name}({})", squeezed(&arguments.stream()));
            let swallows =
                ["unwrap_or(false)", "unwrap_or(true)", "filter_map(Result::ok)", "flat_map(Result::ok)", "map_while(Result::ok)"];
            if arguments.delimiter() == Delimiter::Parenthesis && swallows.contains(&call.as_str()) {
                wrong.push((name.span().start().line, format!("`{call}` turns what was not read into a claim: use Known::Unknown")));
            }
        }
    });
    wrong
}

/// Suppressed lints and tests give their reason.
pub fn attributes(source: &Source) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    each_level(&source.tokens, &mut |trees| {
        for (at, tree) in trees.iter().enumerate() {
            let TokenTree::Group(group) = tree else { continue };
            let inner_mark = is_punct(at.checked_sub(1).and_then(|before| trees.get(before)), '!');
            let hash = at.checked_sub(if inner_mark { 2 } else { 1 }).and_then(|before| trees.get(before));
            if group.delimiter() != Delimiter::Bracket || !is_punct(hash, '#') {
                continue;
            }
            let line = group.span_open().start().line;
            each_level(&group.stream(), &mut |inside| {
                for (place, tree) in inside.iter().enumerate() {
                    let list = match inside.get(place + 1) {
                        Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Parenthesis => Some(squeezed(&list.stream())),
                        _ => None,
                    };
                    match list {
                        Some(_) if is_word(tree, "allow") => {
                            wrong.push((line, "write #[expect(…, reason = \"…\")] in place of allow".to_owned()))
                        }
                        Some(list) if is_word(tree, "expect") && list.contains("disallowed_types") && source.path.starts_with("src/") => {
                            wrong.push((line, "the ban on kube::Api has no exception".to_owned()));
                        }
                        Some(list) if is_word(tree, "expect") && !list.contains("reason=") => {
                            wrong.push((line, "expect without a reason".to_owned()))
                        }
                        None if is_word(tree, "ignore") && !is_punct(inside.get(place + 1), '=') => {
                            wrong.push((line, "ignore without a reason".to_owned()))
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    wrong
}

/// A file that is too long holds more than one thing.
pub fn length(text: &str) -> Vec<Wrong> {
    let lines = text.lines().count();
    if lines > LONGEST { vec![(lines, format!("{lines} lines; at most {LONGEST}"))] } else { Vec::new() }
}

/// Everything in a template is escaped.
pub fn unescaped(text: &str) -> Vec<Wrong> {
    let filters = |line: &str| {
        line.split('|').skip(1).any(|filter| filter.trim_start().split(|c: char| !c.is_alphanumeric() && c != '_').next() == Some("safe"))
    };
    let turned_off = |line: &str| line.contains("autoescape");
    text.lines()
        .enumerate()
        .filter(|(_, line)| filters(line) || turned_off(line))
        .map(|(number, _)| (number + 1, "what a cluster says must be escaped: no `| safe`, no autoescape block".to_owned()))
        .collect()
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
