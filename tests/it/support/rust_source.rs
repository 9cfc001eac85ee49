//! Reads Rust sources as tokens, so that comments, strings and layout do not matter and macros are no blind spot.

use proc_macro2::{Delimiter, Group, Ident, TokenStream, TokenTree};

/// A source file that parses.
pub struct Source {
    /// Path below the package, with `/`.
    pub path: String,
    /// Its tokens; comments are gone, doc comments are attributes.
    pub tokens: TokenStream,
    /// The parsed file.
    pub file: syn::File,
}

impl Source {
    pub fn new(path: &str, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path} does not consist of Rust tokens: {error}"));
        let file = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{path}:{}: {error}", error.span().start().line));
        Self { path: path.to_owned(), tokens, file }
    }

    /// `assess/verdict` for `src/assess/verdict.rs`, as segments; empty for the root.
    fn module(&self) -> Vec<String> {
        let below = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        let mut segments: Vec<String> = below.split('/').map(str::to_owned).collect();
        if matches!(segments.last().map(String::as_str), Some("mod" | "lib" | "main")) {
            segments.pop();
        }
        segments
    }

    /// The module of the first level: `assess` for `src/assess/verdict.rs`, `main` and `lib` for the roots.
    pub fn top(&self) -> String {
        match self.module().into_iter().next() {
            Some(top) => top,
            None => self.path.trim_start_matches("src/").trim_end_matches(".rs").to_owned(),
        }
    }

    /// Every path of at least two segments, and every single name after `use`, with `crate`, `self` and `super` resolved:
    /// `super::facts::Tables` in `src/report/mod.rs` is `crate::facts::Tables`.
    pub fn mentions(&self) -> Vec<Mention> {
        mentions(&self.tokens, &self.module())
    }
}

/// A path that stands in a source.
pub struct Mention {
    pub line: usize,
    pub path: Vec<String>,
}

impl Mention {
    /// Whether the path begins with these segments, `std::fs` for example.
    pub fn starts_with(&self, prefix: &str) -> bool {
        let wanted: Vec<&str> = prefix.split("::").collect();
        self.path.len() >= wanted.len() && self.path.iter().zip(&wanted).all(|(segment, wanted)| segment == wanted)
    }
    /// Whether these segments stand next to each other anywhere in the path.
    pub fn contains(&self, part: &str) -> bool {
        let wanted: Vec<&str> = part.split("::").collect();
        self.path.windows(wanted.len()).any(|window| window.iter().zip(&wanted).all(|(segment, wanted)| segment == wanted))
    }
}

/// The mentions in some tokens of the given module.
pub fn mentions(tokens: &TokenStream, module: &[String]) -> Vec<Mention> {
    let mut found = Vec::new();
    walk(tokens, module, &mut found);
    found
}

/// Keywords that may stand before a path with a leading `::`.
const KEYWORDS: &[&str] = &[
    "as", "break", "const", "dyn", "else", "for", "if", "impl", "in", "let", "match", "move", "mut", "pub", "ref", "return", "static",
    "type", "use", "where", "while", "yield",
];

fn walk(tokens: &TokenStream, module: &[String], found: &mut Vec<Mention>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match tree {
            TokenTree::Ident(word) => {
                if let (true, Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (word == "mod", trees.get(at + 1), trees.get(at + 2))
                {
                    let mut inner = module.to_vec();
                    inner.push(name.to_string());
                    walk(&body.stream(), &inner, found);
                    at += 3;
                    continue;
                }
                // `use ::sha2` and `dyn ::a::B`: a keyword is no segment.
                if KEYWORDS.contains(&word.to_string().as_str()) {
                    at += 1;
                    continue;
                }
                let after_use = at.checked_sub(1).and_then(|before| trees.get(before)).is_some_and(|before| is_word(before, "use"));
                at = path(&trees, at, &[], module, after_use, found);
            }
            TokenTree::Group(group) => {
                // `use {a, b::c};`
                if at.checked_sub(1).and_then(|before| trees.get(before)).is_some_and(|before| is_word(before, "use")) {
                    use_group(group, &[], module, found);
                } else {
                    walk(&group.stream(), module, found);
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads one path from `at`; returns the place behind it.
fn path(trees: &[TokenTree], at: usize, prefix: &[String], module: &[String], in_use: bool, found: &mut Vec<Mention>) -> usize {
    let Some(TokenTree::Ident(first)) = trees.get(at) else { return at + 1 };
    let line = first.span().start().line;
    let mut segments = prefix.to_vec();
    segments.push(plain(first));
    let mut next = at + 1;
    while is_colons(trees, next) {
        match trees.get(next + 2) {
            Some(TokenTree::Ident(segment)) => segments.push(plain(segment)),
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => segments.push("*".to_owned()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                use_group(group, &segments, module, found);
                return next + 3;
            }
            _ => break,
        }
        next += 3;
    }
    if in_use || segments.len() > 1 {
        found.push(Mention { line, path: resolve(segments, module) });
    }
    next
}

/// `{a, b::c, d::{e, f}}` behind a prefix.
fn use_group(group: &Group, prefix: &[String], module: &[String], found: &mut Vec<Mention>) {
    let trees: Vec<TokenTree> = group.stream().into_iter().collect();
    for item in trees.split(|tree| matches!(tree, TokenTree::Punct(comma) if comma.as_char() == ',')) {
        if item.iter().any(|tree| matches!(tree, TokenTree::Punct(star) if star.as_char() == '*')) && item.len() == 1 {
            let mut segments = prefix.to_vec();
            segments.push("*".to_owned());
            found.push(Mention { line: group.span_open().start().line, path: resolve(segments, module) });
        } else {
            // A leading `::` only says that a crate is meant.
            let start = item.iter().position(|tree| matches!(tree, TokenTree::Ident(_)));
            if let Some(start) = start {
                path(item, start, prefix, module, true, found);
            }
        }
    }
}

fn resolve(segments: Vec<String>, module: &[String]) -> Vec<String> {
    let mut here = module.to_vec();
    let mut rest = segments.as_slice();
    match rest.first().map(String::as_str) {
        Some("crate" | "kube_hipaa") => here.clear(),
        Some("self" | "super") => {}
        _ => return segments,
    }
    while let Some((first, behind)) = rest.split_first() {
        match first.as_str() {
            "crate" | "kube_hipaa" | "self" => {}
            "super" => {
                here.pop();
            }
            _ => break,
        }
        rest = behind;
    }
    let mut path = vec!["crate".to_owned()];
    path.extend(here);
    path.extend(rest.iter().filter(|segment| *segment != "self").cloned());
    path
}

fn plain(word: &Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

pub fn is_word(tree: &TokenTree, word: &str) -> bool {
    matches!(tree, TokenTree::Ident(ident) if ident == word)
}

pub fn is_punct(tree: Option<&TokenTree>, mark: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

fn is_colons(trees: &[TokenTree], at: usize) -> bool {
    is_punct(trees.get(at), ':') && is_punct(trees.get(at + 1), ':')
}

/// Every sequence of sibling tokens, from the outside in.
pub fn each_level(tokens: &TokenStream, see: &mut dyn FnMut(&[TokenTree])) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    see(&trees);
    for tree in &trees {
        if let TokenTree::Group(group) = tree {
            each_level(&group.stream(), see);
        }
    }
}

/// The tokens as one text without spaces, for short fixed sequences.
pub fn squeezed(tokens: &TokenStream) -> String {
    tokens.to_string().split_whitespace().collect()
}
