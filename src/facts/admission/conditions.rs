//! Match conditions of webhooks and policies (CEL): whether they take a namespace out.
//!
//! Only what decides about a namespace is understood: comparisons of the namespace and of the kind of the request with literals,
//! joined by `&&`, `||` and `!`. Everything else may be true or false, and stays undecided.

use serde::Deserialize;

use crate::model::{Unseen, UnseenKind};

/// One condition (`MatchCondition` in `admissionregistration.k8s.io/v1`): all of them have to hold.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Condition {
    #[serde(default)]
    expression: String,
}

/// What a pod that is made in that namespace meets.
pub(super) fn take(conditions: &[Condition], namespace: &str) -> Option<bool> {
    conditions.iter().map(|one| one.takes(namespace)).fold(Some(true), and)
}

/// Whether a condition that could not be decided may decide about namespaces: it speaks of them, or it was not kept.
pub(super) fn may_name_namespaces(conditions: &[Condition]) -> bool {
    conditions.iter().any(|one| {
        let words = one.expression.to_ascii_lowercase();
        // Of what asks only who is asking, the texts that were not kept are names of users and groups.
        let only_who =
            words.contains("request.userinfo") && !["object", "request.name", "request.resource"].iter().any(|word| words.contains(word));
        words.contains("namespace") || words.is_empty() || (words.contains("[redacted") && !only_who)
    })
}

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
    fn takes(&self, namespace: &str) -> Option<bool> {
        let tokens = tokens(&self.expression)?;
        let mut parser = Parser { tokens: &tokens, at: 0, namespace };
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
            all.push(Token::Text(literal.to_owned()));
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
    List(Vec<String>),
    Bool(Option<bool>),
    /// Its value is not known.
    Open,
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    namespace: &'a str,
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
                return Some(match (left, self.term()?) {
                    (Term::Text(text), Term::List(list)) => Some(list.contains(&text)),
                    _ => None,
                });
            }
            _ => return Some(if let Term::Bool(value) = left { value } else { None }),
        };
        self.at += 1;
        Some(match (left, self.term()?) {
            (Term::Text(a), Term::Text(b)) => Some((a == b) == equal),
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
        match path {
            "true" => Term::Bool(Some(true)),
            "false" => Term::Bool(Some(false)),
            "request.namespace" | "object.metadata.namespace" | "namespaceObject.metadata.name" => Term::Text(self.namespace.to_owned()),
            "request.resource.group" | "request.kind.group" => Term::Text(String::new()),
            "request.resource.resource" => Term::Text("pods".to_owned()),
            "request.kind.kind" | "object.kind" => Term::Text("Pod".to_owned()),
            "request.operation" => Term::Text("CREATE".to_owned()),
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
        let mut texts = Vec::new();
        loop {
            if self.sign("]") {
                return Some(Term::List(texts));
            }
            let Some(Token::Text(text)) = self.tokens.get(self.at) else { return None };
            texts.push(text.clone());
            self.at += 1;
            self.sign(",");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(expression: &str) -> Option<bool> {
        take(&[Condition { expression: expression.to_owned() }], "records")
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
        assert_eq!(take(&[], "records"), Some(true));
    }
}
