use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::lint::{Problem, Problems};

/// The name of the format of a configuration file and its version.
pub const CONFIG_SCHEMA: &str = "kube-hipaa/config/v1";

/// One flag with its values, as a configuration file says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The command under whose name it stands; absent where it is for every command that has the flag.
    pub command: Option<Place>,
    /// The flag without its dashes.
    pub flag: Place,
    /// What it is set to, in the order given.
    pub values: Vec<Place>,
}

/// A word of a file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The word.
    pub text: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl Place {
    fn at<T>(spanned: &Spanned<T>, text: &str) -> Self {
        Self { text: text.to_owned(), line: spanned.referenced.line(), column: spanned.referenced.column() }
    }
    fn of(spanned: &Spanned<String>) -> Self {
        Self::at(spanned, &spanned.value)
    }
    /// Says what is wrong here.
    pub fn problem(&self, file: &str, message: String) -> Problem {
        Problem { file: file.to_owned(), line: self.line, column: Some(self.column), message }
    }
}

/// Reads a configuration file: `schema`, flags, and commands with flags of their own. Which flags there are is for the command line to say.
pub fn read_config_file(file: &str, text: &str) -> Result<Vec<Setting>, Vec<Problem>> {
    let mut problems = Problems::default();
    let Map(top) = match serde_saphyr::from_str::<Map>(text) {
        Ok(map) => map,
        Err(error) => {
            problems.yaml(file, &error);
            return Err(problems.into_sorted());
        }
    };
    let mut settings = Vec::new();
    let mut schema = None;
    for (key, value) in &top {
        match &value.value {
            Node::Map(Map(below)) => {
                for (flag, value) in below {
                    let values = values(file, value, &mut problems);
                    settings.push(Setting { command: Some(Place::of(key)), flag: Place::of(flag), values });
                }
            }
            Node::Scalar(text) if key.value == "schema" => {
                schema = Some(text);
                if text != CONFIG_SCHEMA {
                    problems.spanned(file, value, format!("the schema is `{text}`, and this version reads `{CONFIG_SCHEMA}`"));
                }
            }
            _ => settings.push(Setting { command: None, flag: Place::of(key), values: values(file, value, &mut problems) }),
        }
    }
    if schema.is_none() {
        problems.at(file, 1, format!("it does not say what it is: begin it with `schema: {CONFIG_SCHEMA}`"));
    }
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(settings) } else { Err(problems) }
}

const EXPECTED: &str = "a text, a number, true or false";

fn values(file: &str, value: &Spanned<Node>, problems: &mut Problems) -> Vec<Place> {
    let mut found = Vec::new();
    let list = match &value.value {
        Node::List(list) => list.as_slice(),
        _ => std::slice::from_ref(value),
    };
    for one in list {
        match &one.value {
            Node::Scalar(text) => found.push(Place::at(one, text)),
            Node::Nothing => problems.spanned(file, one, format!("there is no value; expected {EXPECTED}")),
            Node::Number => {
                problems.spanned(file, one, "a number with a point or an exponent can be read in several ways; put it in quotes")
            }
            Node::List(_) | Node::Map(_) => problems.spanned(file, one, format!("expected {EXPECTED}")),
        }
    }
    if list.is_empty() {
        problems.spanned(file, value, "the list is empty; leave the key out");
    }
    found
}

/// Keys in the order of the file, each with its place.
struct Map(Vec<(Spanned<String>, Spanned<Node>)>);

enum Node {
    Scalar(String),
    Number,
    Nothing,
    List(Vec<Spanned<Node>>),
    Map(Map),
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Map;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("flags and their values, such as `timeout: 5m`")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Map, A::Error> {
                entries(map)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

fn entries<'de, A: MapAccess<'de>>(mut map: A) -> Result<Map, A::Error> {
    let mut entries = Vec::new();
    while let Some(entry) = map.next_entry()? {
        entries.push(entry);
    }
    Ok(Map(entries))
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_string()))
            }
            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Number)
            }
            fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Scalar(value.to_owned()))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }
            fn visit_none<E: de::Error>(self) -> Result<Node, E> {
                Ok(Node::Nothing)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(one) = seq.next_element()? {
                    list.push(one);
                }
                Ok(Node::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Node, A::Error> {
                Ok(Node::Map(entries(map)?))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        read_config_file("k.yaml", text).expect_err("wrong").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn flags_stand_with_their_places() {
        let text = "schema: kube-hipaa/config/v1\ntimeout: 5m\npage-size: 500\nquiet: true\nscan:\n  format: [html, json]\n  controls:\n  - a\n  - b\n";
        let settings = read_config_file("k.yaml", text).expect("right");
        let shown: Vec<String> = settings
            .iter()
            .map(|one| {
                let command = one.command.as_ref().map_or("*", |command| &command.text);
                let values: Vec<String> = one.values.iter().map(|v| format!("{}@{}:{}", v.text, v.line, v.column)).collect();
                format!("{command} {}@{}:{} {}", one.flag.text, one.flag.line, one.flag.column, values.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "* timeout@2:1 5m@2:10",
                "* page-size@3:1 500@3:12",
                "* quiet@4:1 true@4:8",
                "scan format@6:3 html@6:12 json@6:18",
                "scan controls@7:3 a@8:5 b@9:5",
            ]
        );
    }

    #[test]
    fn every_problem_is_reported_with_line_and_column() {
        let found = problems("schema: kube-hipaa/config/v2\ntimeout:\nratio: 1.10\nformat: []\nscan:\n  scope: [[a]]\n  x: {y: z}\n");
        let expected = [
            "k.yaml:1:9: the schema is `kube-hipaa/config/v2`",
            "k.yaml:2:8: there is no value",
            "k.yaml:3:8: a number with a point",
            "k.yaml:4:9: the list is empty",
            "k.yaml:6:11: expected a text",
            "k.yaml:7:6: expected a text",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found:#?}");
        }
        assert!(problems("timeout: 5m\n")[0].starts_with("k.yaml:1: it does not say what it is"));
        assert!(
            problems("schema: kube-hipaa/config/v1\na: 1\na: 2\n")[0].starts_with("k.yaml:3:1: "),
            "{:?}",
            problems("schema: kube-hipaa/config/v1\na: 1\na: 2\n")
        );
        for odd in ["", "- a\n", "just words", "a: [", "a: *b", "{"] {
            assert_eq!(problems(odd).len(), 1, "{odd:?}");
        }
    }
}
