//! The part of CEL that match conditions of webhooks and policies decide by: comparisons of namespaces, kinds, operations and of who asks
//! with literals, joined by `&&`, `||` and `!`. Everything else may be true or false, and stays undecided.

use super::askers::Asker;
use super::conditions::Asked;
use super::rules::Kind;

/// What an expression is asked about.
pub(super) struct Question<'a> {
    pub(super) namespace: &'a str,
    pub(super) asked: &'a Asked,
    /// Nothing is anybody.
    pub(super) asker: Option<Asker>,
}

impl Question<'_> {
    /// The answer of an expression, where it is decided.
    pub(super) fn answer(&self, expression: &str) -> Option<bool> {
        let tokens = tokens(expression)?;
        let mut parser = Parser { tokens: &tokens, at: 0, question: self };
        let value = parser.either()?;
        (parser.at == tokens.len()).then_some(value)?
    }
}

pub(super) fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

pub(super) fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
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
    /// A text of which not all was kept.
    LeftOut,
    /// The name of whoever asks.
    User(Asker),
    /// The groups of whoever asks.
    Groups(Asker),
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
    question: &'a Question<'a>,
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
                    (Term::User(asker), Term::List(list, _)) => Some(list.iter().any(|name| asker.is_called(name))),
                    (Term::Text(group), Term::Groups(asker)) => asker.is_in(Some(&group)),
                    (Term::LeftOut, Term::Groups(asker)) => asker.is_in(None),
                    _ => None,
                });
            }
            _ => return Some(if let Term::Bool(value) = left { value } else { None }),
        };
        self.at += 1;
        Some(match (left, self.term()?) {
            (Term::Text(a), Term::Text(b)) => Some((a == b) == equal),
            (Term::Kind(plural), Term::Text(name)) | (Term::Text(name), Term::Kind(plural)) => Some(is_called(&plural, &name) == equal),
            (Term::User(asker), Term::Text(name)) | (Term::Text(name), Term::User(asker)) => Some(asker.is_called(&name) == equal),
            (Term::User(_), Term::LeftOut) | (Term::LeftOut, Term::User(_)) => Some(!equal),
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
            Token::LeftOut => return Some(Term::LeftOut),
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
        let Question { namespace, asked, asker } = self.question;
        let text = |known: &Option<String>| known.clone().map_or(Term::Open, Term::Text);
        match path {
            "true" => Term::Bool(Some(true)),
            "false" => Term::Bool(Some(false)),
            "request.namespace" | "object.metadata.namespace" | "namespaceObject.metadata.name" => Term::Text((*namespace).to_owned()),
            "request.resource.group" | "request.kind.group" => text(&asked.group),
            "request.resource.resource" => text(&asked.resource),
            "request.subResource" => text(&asked.subresource),
            "request.operation" => text(&asked.operation),
            "request.userInfo.username" => asker.map_or(Term::Open, Term::User),
            "request.userInfo.groups" => asker.map_or(Term::Open, Term::Groups),
            // That of a subresource is one of its own.
            "request.kind.kind" | "object.kind" if asked.subresource.as_deref() == Some("") => {
                asked.resource.clone().map_or(Term::Open, Term::Kind)
            }
            _ => Term::Open,
        }
    }

    /// A function of the namespace or of whoever asks with a literal; any other call is open.
    fn call(&mut self, path: &str) -> Option<Term> {
        let argument = match (self.tokens.get(self.at), self.tokens.get(self.at + 1)) {
            (Some(Token::Text(text)), Some(Token::Sign(")"))) => Some(text.clone()),
            _ => None,
        };
        self.skip("(", ")")?;
        let (of, function) = path.rsplit_once('.').unwrap_or(("", path));
        let subject = match self.named(of) {
            Term::Text(text) => Some(text),
            Term::User(asker) if function == "startsWith" => {
                return Some(argument.map_or(Term::Open, |text| Term::Bool(asker.begins(&text))));
            }
            Term::User(Asker::Part(name, _)) => Some(name.to_owned()),
            _ => None,
        };
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
