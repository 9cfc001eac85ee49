//! The picture beside the table of flows: on the left who sends, on the right the namespaces with ePHI, a line where traffic gets through.
//! It shows nothing that the table does not say in words.

use serde::Serialize;

use super::isolation::Traffic;
use crate::model::Flow;
use crate::report::escape::visible;

/// More than these, and lines can no longer be told apart.
const LEFT: usize = 16;
const RIGHT: usize = 8;
/// Height of a line of text, in the units of the picture, which is 640 wide.
const STEP: usize = 24;
const TOP: usize = 30;
/// Characters of a name that fit.
const NAME: usize = 22;

#[derive(Debug, Serialize)]
struct Name {
    text: String,
    ephi: bool,
    y: usize,
}

#[derive(Debug, Serialize)]
struct Line {
    key: &'static str,
    from: usize,
    to: usize,
}

/// The picture.
#[derive(Debug, Serialize)]
pub(super) struct Picture {
    height: usize,
    left: Vec<Name>,
    right: Vec<Name>,
    lines: Vec<Line>,
}

fn short(name: &str) -> String {
    let name = visible(name);
    if name.chars().count() <= NAME { name.into_owned() } else { format!("{}…", name.chars().take(NAME - 1).collect::<String>()) }
}

impl Picture {
    /// Nothing where there would be too much or too little to see.
    pub(super) fn new(senders: &[(&str, bool)], targets: &[&str], flow: impl Fn(usize, &str) -> Flow) -> Option<Self> {
        if targets.is_empty() || targets.len() > RIGHT || senders.len() > LEFT || senders.len() < 2 {
            return None;
        }
        let rows = senders.len().max(targets.len());
        // The shorter column stands in the middle of the longer one.
        let y = |i: usize, count: usize| TOP + (rows - count) * STEP / 2 + i * STEP;
        let left = |i| y(i, senders.len());
        let right = |i| y(i, targets.len());
        let mut lines = Vec::new();
        for (i, (from, _)) in senders.iter().enumerate() {
            for (j, to) in targets.iter().enumerate().filter(|(_, to)| *to != from) {
                let key = Traffic::of(flow(i, to)).key;
                if !matches!(key, "none" | "nopods") {
                    lines.push(Line { key, from: left(i), to: right(j) });
                }
            }
        }
        // What lets everything through is drawn last, on top.
        lines.sort_by_key(|line| (line.key == "all", line.from, line.to));
        Some(Self {
            height: TOP + (rows - 1) * STEP + 16,
            left: senders.iter().enumerate().map(|(i, (name, ephi))| Name { text: short(name), ephi: *ephi, y: left(i) }).collect(),
            right: targets.iter().enumerate().map(|(i, name)| Name { text: short(name), ephi: true, y: right(i) }).collect(),
            lines,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stands_for_what_gets_through() -> Result<(), &'static str> {
        let senders = [("a", true), ("b", false), ("c", false)];
        let picture = Picture::new(&senders, &["a"], |from, _| if from == 1 { Flow::Some } else { Flow::None }).ok_or("no picture")?;
        assert_eq!(picture.lines.iter().map(|line| (line.key, line.from, line.to)).collect::<Vec<_>>(), [("some", TOP + STEP, TOP + STEP)]);
        Ok(())
    }

    #[test]
    fn too_many_namespaces_have_no_picture() {
        let names: Vec<String> = (0..40).map(|i| format!("n{i}")).collect();
        let senders: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), true)).collect();
        let targets: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(Picture::new(&senders, &targets, |_, _| Flow::All).is_none());
        assert!(Picture::new(&senders, &["n1"], |_, _| Flow::All).is_none());
    }

    #[test]
    fn long_names_are_shortened_by_characters() {
        assert_eq!(short(&"é".repeat(30)).chars().count(), NAME);
    }
}
