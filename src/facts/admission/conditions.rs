//! Match conditions of webhooks and policies (CEL): whether they take a namespace out.
//!
//! Only what decides about a namespace is understood: comparisons of the namespace and of the kind of the request with literals,
//! joined by `&&`, `||` and `!`. Everything else may be true or false, and stays undecided: above all a text that was not kept
//! (`[redacted]`), which may be any.

use serde::Deserialize;

use super::rules::Kind;
use crate::model::{Unseen, UnseenKind};

/// One condition (`MatchCondition` in `admissionregistration.k8s.io/v1`): all of them have to hold.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Condition {
    #[serde(default)]
    expression: String,
}

/// What a condition is asked about, as the rules beside it say; what they leave open may be anything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) group: Option<String>,
    /// The plural.
    pub(super) resource: Option<String>,
    /// Empty for the object itself.
    pub(super) subresource: Option<String>,
    pub(super) operation: Option<String>,
}

impl Asked {
    /// A pod is made.
    #[cfg(test)]
    pub(super) fn pod() -> Self {
        Self::made(&Kind::named(Some(""), "Pod"))
    }

    /// An object of a kind is made.
    pub(super) fn made(kind: &Kind) -> Self {
        Self {
            group: kind.group.clone().filter(|group| group != "*"),
            resource: Some(kind.resource.clone()).filter(|resource| resource != "*"),
            subresource: Some(String::new()),
            operation: Some("CREATE".to_owned()),
        }
    }

    /// Whether it is, or may be, that an object of a kind is made.
    pub(super) fn takes_made(&self, kind: &Kind) -> bool {
        let open_or = |own: &Option<String>, wanted: Option<&str>| own.as_deref().is_none_or(|own| wanted.is_none_or(|wanted| wanted == own));
        open_or(&self.group, kind.group.as_deref().filter(|group| *group != "*"))
            && open_or(&self.resource, Some(kind.resource.as_str()).filter(|resource| *resource != "*"))
            && open_or(&self.subresource, Some(""))
            && open_or(&self.operation, Some("CREATE"))
    }

    /// Objects of any of several kinds are made; of any kind, where none is named.
    pub(super) fn any_made(kinds: Option<&[Kind]>) -> Vec<Self> {
        match kinds {
            Some(kinds) if !kinds.is_empty() => kinds.iter().map(Self::made).collect(),
            _ => vec![Self::made(&Kind { group: None, resource: "*".to_owned() })],
        }
    }
}

/// Whether something of what is asked about is taken in that namespace.
pub(super) fn take(conditions: &[Condition], namespace: &str, asked: &[Asked]) -> Option<bool> {
    if conditions.is_empty() {
        return Some(true);
    }
    let open = [Asked::default()];
    let asked = if asked.is_empty() { &open } else { asked };
    let answers = asked.iter().map(|asked| conditions.iter().map(|one| one.takes(namespace, asked)).fold(Some(true), and));
    answers.fold(Some(false), or)
}

/// Whether labels or annotations of the object itself decide: whoever makes it chooses them.
pub(super) fn read_own_labels(conditions: &[Condition]) -> bool {
    conditions.iter().any(|one| {
        let words: String = one.expression.chars().filter(|c| !c.is_whitespace() && *c != '?').collect();
        // Not `namespaceObject` and not `oldObject`, whose letters differ.
        ["object.metadata.labels", "object.metadata.annotations"].iter().any(|place| words.contains(place))
    })
}

/// Whether a condition that could not be decided may decide about namespaces: it speaks of them, or it was not kept.
pub(super) fn may_name_namespaces(conditions: &[Condition]) -> bool {
    conditions.iter().any(|one| {
        let words = without_kinds(&one.expression);
        // Whoever asks about a namespace says that word, which is always kept; or looks at the name of a Namespace.
        let names = ["request.name", "metadata.name", "metadata.generatename", "request.uid", "metadata.uid"];
        let by_name = words.contains("'[redacted]") && names.iter().any(|name| words.contains(name));
        let left_out = words.replace("'[redacted]'", "''").contains("[redacted");
        words.contains("namespace") || words.is_empty() || left_out || by_name
    })
}

/// An expression without comparisons of the kind or operation of a request with a text that was not kept: that text is no namespace.
fn without_kinds(expression: &str) -> String {
    let mut words: String = expression.to_ascii_lowercase().chars().filter(|c| !c.is_whitespace()).collect();
    for name in KIND_WORDS {
        for sign in ["==", "!="] {
            words = words.replace(&format!("{}{sign}'[redacted]'", name.to_ascii_lowercase()), "true");
        }
    }
    words
}

/// What says which kind a request is about, and what it does.
const KIND_WORDS: [&str; 7] = [
    "request.kind.kind",
    "request.kind.group",
    "request.resource.resource",
    "request.resource.group",
    "request.subResource",
    "request.operation",
    "object.kind",
];

/// Match conditions that may decide about namespaces, and are not understood.
pub(super) fn conditions_not_read(name: &str) -> Unseen {
    Unseen {
        kind: UnseenKind::NotUnderstood,
        what: format!("to which namespaces {name} applies"),
        why: "its matchConditions speak of namespaces in a way that this program does not evaluate".to_owned(),
        how_to_see: "Read the conditions by hand, or say by namespaceSelector which namespaces are meant.".to_owned(),
        source: None,
        missing_rule: None,
    }
}

impl Condition {
    fn takes(&self, namespace: &str, asked: &Asked) -> Option<bool> {
        let tokens = tokens(&self.expression)?;
        let mut parser = Parser { tokens: &tokens, at: 0, namespace, asked };
        let value = parser.either()?;
        (parser.at == tokens.len()).then_some(value)?
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    and(a.map(|a| !a), b.map(|b| !b)).map(|both| !both)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    /// A path such as `request.userInfo.username`, or a word.
    Path(String),
    Text(String),
    /// A text of which not all was kept.
    LeftOut,
    Sign(&'static str),
    /// Anything else.
    Other,
}

const SIGNS: &[&str] = &["&&", "||", "==", "!=", "!", "(", ")", "[", "]", ","];

/// The words of an expression; nothing where a literal does not end.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut all = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            all.push(Token::Sign(sign));
            rest = rest.strip_prefix(sign)?;
        } else if first == '"' || first == '\'' {
            let (literal, tail) = rest.get(1..)?.split_once(first)?;
            if literal.contains('\\') || literal.is_empty() && tail.starts_with(first) {
                return None;
            }
            all.push(if literal.contains("[redacted") { Token::LeftOut } else { Token::Text(literal.to_owned()) });
            rest = tail;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '?'))).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            all.push(Token::Path(word.replace('?', "")));
            rest = tail;
        } else {
            all.push(Token::Other);
            rest = rest.get(first.len_utf8()..)?;
        }
        rest = rest.trim_start();
    }
    Some(all)
}

/// What a term stands for.
enum Term {
    Text(String),
    /// The kind of the object, by its plural.
    Kind(String),
    /// Texts, and whether there are more that were not kept.
    List(Vec<String>, bool),
    Bool(Option<bool>),
    /// Its value is not known.
    Open,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    namespace: &'a str,
    asked: &'a Asked,
}

/// Whether a kind is called so.
fn is_called(plural: &str, name: &str) -> bool {
    Kind::named(None, name).resource == plural
}

impl Parser<'_> {
    fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(one)) if *one == sign);
        self.at += usize::from(found);
        found
    }

    /// The outer answer is nothing where the expression cannot be read, the inner one where it is undecided.
    fn either(&mut self) -> Option<Option<bool>> {
        let mut value = self.both()?;
        while self.sign("||") {
            value = or(value, self.both()?);
        }
        Some(value)
    }

    fn both(&mut self) -> Option<Option<bool>> {
        let mut value = self.relation()?;
        while self.sign("&&") {
            value = and(value, self.relation()?);
        }
        Some(value)
    }

    fn relation(&mut self) -> Option<Option<bool>> {
        if self.sign("!") {
            return Some(self.relation()?.map(|value| !value));
        }
        let left = self.term()?;
        let equal = match self.tokens.get(self.at) {
            Some(Token::Sign("==")) => true,
            Some(Token::Sign("!=")) => false,
            Some(Token::Path(word)) if word == "in" => {
                self.at += 1;
                let found = |found: bool, more: bool| if found { Some(true) } else { (!more).then_some(false) };
                return Some(match (left, self.term()?) {
                    (Term::Text(text), Term::List(list, more)) => found(list.contains(&text), more),
                    (Term::Kind(plural), Term::List(list, more)) => found(list.iter().any(|name| is_called(&plural, name)), more),
                    _ => None,
                });
            }
            _ => return Some(if let Term::Bool(value) = left { value } else { None }),
        };
        self.at += 1;
        Some(match (left, self.term()?) {
            (Term::Text(a), Term::Text(b)) => Some((a == b) == equal),
            (Term::Kind(plural), Term::Text(name)) | (Term::Text(name), Term::Kind(plural)) => Some(is_called(&plural, &name) == equal),
            (Term::Bool(a), Term::Bool(b)) => a.zip(b).map(|(a, b)| (a == b) == equal),
            _ => None,
        })
    }

    fn term(&mut self) -> Option<Term> {
        if self.sign("(") {
            let value = self.either()?;
            return self.sign(")").then_some(Term::Bool(value));
        }
        if self.sign("[") {
            return self.list();
        }
        let token = self.tokens.get(self.at)?.clone();
        self.at += 1;
        let path = match token {
            Token::Text(text) => return Some(Term::Text(text)),
            Token::LeftOut => return Some(Term::Open),
            Token::Path(path) => path,
            Token::Sign(_) | Token::Other => return None,
        };
        if self.sign("(") {
            return self.call(&path);
        }
        if self.sign("[") {
            self.skip("[", "]")?;
            return Some(Term::Open);
        }
        Some(self.named(&path))
    }

    fn named(&self, path: &str) -> Term {
        let text = |known: &Option<String>| known.clone().map_or(Term::Open, Term::Text);
        match path {
            "true" => Term::Bool(Some(true)),
            "false" => Term::Bool(Some(false)),
            "request.namespace" | "object.metadata.namespace" | "namespaceObject.metadata.name" => Term::Text(self.namespace.to_owned()),
            "request.resource.group" | "request.kind.group" => text(&self.asked.group),
            "request.resource.resource" => text(&self.asked.resource),
            "request.subResource" => text(&self.asked.subresource),
            "request.operation" => text(&self.asked.operation),
            // That of a subresource is one of its own.
            "request.kind.kind" | "object.kind" if self.asked.subresource.as_deref() == Some("") => {
                self.asked.resource.clone().map_or(Term::Open, Term::Kind)
            }
            _ => Term::Open,
        }
    }

    /// A function of the namespace with a literal; any other call is open.
    fn call(&mut self, path: &str) -> Option<Term> {
        let argument = match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
            (Some(Token::Text(text)), Some(Token::Sign(")"))) => Some(text.clone()),
            _ => None,
        };
        self.skip("(", ")")?;
        let (of, function) = path.rsplit_once('.').unwrap_or(("", path));
        let subject = if let Term::Text(text) = self.named(of) { Some(text) } else { None };
        Some(match (subject, function, argument) {
            (Some(text), "startsWith", Some(argument)) => Term::Bool(Some(text.starts_with(&argument))),
            (Some(text), "endsWith", Some(argument)) => Term::Bool(Some(text.ends_with(&argument))),
            (Some(text), "contains", Some(argument)) => Term::Bool(Some(text.contains(&argument))),
            // What follows a call, such as a field of what it gives, cannot be followed.
            _ => Term::Open,
        })
    }

    /// Goes behind the sign that closes one that was just read.
    fn skip(&mut self, open: &str, close: &str) -> Option<()> {
        let mut depth = 1_u32;
        while depth > 0 {
            if let Token::Sign(sign) = self.tokens.get(self.at)? {
                depth = depth + u32::from(*sign == open) - u32::from(*sign == close);
            }
            self.at += 1;
        }
        Some(())
    }

    fn list(&mut self) -> Option<Term> {
        let (mut texts, mut more) = (Vec::new(), false);
        loop {
            if self.sign("]") {
                return Some(Term::List(texts, more));
            }
            match self.tokens.get(self.at) {
                Some(Token::Text(text)) => texts.push(text.clone()),
                Some(Token::LeftOut) => more = true,
                _ => return None,
            }
            self.at += 1;
            self.sign(",");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(expression: &str) -> Option<bool> {
        take(&[condition(expression)], "records", &[Asked::pod()])
    }

    fn condition(expression: &str) -> Condition {
        Condition { expression: expression.to_owned() }
    }

    /// Cases beside controls see what redaction leaves, and so must these.
    #[test]
    fn a_text_that_was_not_kept_may_be_any() {
        for expression in [
            "request.kind.kind == '[redacted]'",
            "request.kind.kind != '[redacted]'",
            "'[redacted]' == request.namespace",
            "request.namespace in ['[redacted]']",
            "!(request.namespace in ['shop', '[redacted]'])",
            "request.namespace.startsWith('[redacted]')",
            "request.operation in ['[redacted]']",
            "request.namespace == '[redacted]-x'",
        ] {
            assert_eq!(takes(expression), None, "{expression}");
        }
        assert_eq!(takes("request.namespace in ['records', '[redacted]']"), Some(true));
        let named = |expression: &str| may_name_namespaces(&[condition(expression)]);
        assert!(!named("request.kind.kind == '[redacted]' || request.operation != '[redacted]'"));
        assert!(!named("!('[redacted]' in object.metadata.labels) && request.userInfo.username != '[redacted]'"));
        assert!(named("object.spec.[redacted] == '[redacted]'"));
        assert!(named("request.name != '[redacted]'"));
        assert!(named("request.kind.kind == '[redacted]' && request.namespace != 'records'"));
    }

    #[test]
    fn the_kind_of_a_request_is_that_of_the_rules() {
        let asked = |group: &str, resource: &str, operation: &str| Asked {
            group: Some(group.to_owned()),
            resource: Some(resource.to_owned()),
            subresource: Some(String::new()),
            operation: Some(operation.to_owned()),
        };
        let deployments = [asked("apps", "deployments", "CREATE"), asked("apps", "deployments", "UPDATE")];
        let met = |expression: &str, asked: &[Asked]| take(&[condition(expression)], "records", asked);
        for (expression, expected) in [
            ("request.kind.kind == 'Deployment'", Some(true)),
            ("object.kind in ['Deployment', 'StatefulSet']", Some(true)),
            ("request.resource.resource == 'deployments' && request.resource.group == 'apps'", Some(true)),
            ("request.operation == 'UPDATE'", Some(true)),
            ("request.operation == 'DELETE'", Some(false)),
            ("request.kind.kind == 'Pod'", Some(false)),
            ("request.subResource == ''", Some(true)),
            ("object.spec.replicas > 3", None),
        ] {
            assert_eq!(met(expression, &deployments), expected, "{expression}");
        }
        // Where the rules take everything, the kind is open.
        assert_eq!(met("request.kind.kind == 'Pod'", &[]), None);
        assert_eq!(met("request.kind.kind == 'Pod'", &Asked::any_made(None)), None);
        let both = [asked("", "pods", "CREATE"), asked("apps", "deployments", "CREATE")];
        assert_eq!(met("request.kind.kind == 'Pod'", &both), Some(true));
        assert_eq!(met("request.kind.kind == 'Secret'", &both), Some(false));
    }

    #[test]
    fn labels_of_the_object_itself_are_found() {
        for (expression, own) in [
            ("!has(object.metadata.labels) || object.metadata.labels['[redacted]'] != 'x'", true),
            ("object.metadata.?annotations['[redacted]'].orValue('') == ''", true),
            ("namespaceObject.metadata.labels['[redacted]'] == 'x'", false),
            ("request.namespace != 'records'", false),
        ] {
            assert_eq!(read_own_labels(&[condition(expression)]), own, "{expression}");
        }
    }

    #[test]
    fn conditions_about_the_namespace_are_decided() {
        for (expression, expected) in [
            ("request.namespace != 'records'", Some(false)),
            (r#"object.metadata.namespace != "records""#, Some(false)),
            ("!(request.namespace in ['a', 'records'])", Some(false)),
            ("request.namespace == 'shop' || request.namespace == 'records'", Some(true)),
            ("request.namespace.startsWith('shop-')", Some(false)),
            ("!namespaceObject.metadata.name.endsWith('s')", Some(false)),
            ("request.userInfo.username != 'x' && request.namespace != 'records'", Some(false)),
            ("false", Some(false)),
            ("true", Some(true)),
        ] {
            assert_eq!(takes(expression), expected, "{expression}");
        }
    }

    #[test]
    fn what_is_not_about_pods_does_not_concern_them() {
        let nodes = r#"!(request.resource.group == "" && request.resource.resource == "nodes") && !(request.resource.group == "certificates.k8s.io" && request.resource.resource == "certificatesigningrequests")"#;
        assert_eq!(takes(nodes), Some(true));
        assert_eq!(takes("object.kind != 'Pod'"), Some(false));
    }

    #[test]
    fn everything_else_is_undecided() {
        for expression in [
            "!('system:masters' in request.userInfo.groups)",
            "has(object.metadata.labels) && object.metadata.labels['a'] == 'b'",
            "object.metadata.?namespace.orValue('records') != 'records'",
            "namespaceObject.metadata.labels['team'] != 'a'",
            "request.namespace.matches('^rec')",
            "request.namespace != 'rec\\'ords'",
            "request.namespace == variables.one",
            "size(request.namespace) > 3",
            "'unfinished",
            "",
        ] {
            assert_eq!(takes(expression), None, "{expression}");
        }
        assert_eq!(take(&[], "records", &[]), Some(true));
    }
}
