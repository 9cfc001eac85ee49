//! How the bundles of a record name each other: one reading of the chain, for those who verify every byte and for those who look at what the
//! bundles say.

use std::collections::BTreeMap;

use crate::bundle::Previous;

/// What is known of a bundle of a record.
#[derive(Clone, Copy, Debug)]
pub struct Linked<'a> {
    /// The name of its file.
    pub name: &'a str,
    /// When it was collected, in a form that sorts by time.
    pub time: &'a str,
    /// Its id, 64 hex digits; none of one that cannot be read.
    pub id: Option<&'a str>,
    /// The bundle before, as it says.
    pub previous: Option<&'a Previous>,
    /// Whether what it says can be believed: of one that is not whole it is not known what it followed.
    pub whole: bool,
}

/// What can be wrong with a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// It is another bundle once more.
    Twin,
    /// It follows a bundle that is not there.
    Gap,
    /// It follows another bundle than the one that is there under this name.
    Broken,
    /// Others follow the same bundle.
    Fork,
    /// It follows none, and is not the first.
    Beginning,
    /// It was collected before the bundle that it follows.
    Order,
}

/// Everything that is wrong, with the number of the bundle and a sentence about it. `all` is sorted by time and chain; where the record is not
/// looked at from its beginning (`begins`), the first one follows what is not among them.
pub fn links(all: &[Linked<'_>], begins: bool) -> Vec<(usize, Wrong, String)> {
    let mut found = Vec::new();
    let by_id: BTreeMap<&str, &Linked<'_>> = all.iter().filter_map(|one| Some((one.id?, one))).collect();
    let by_name: BTreeMap<&str, &Linked<'_>> = all.iter().map(|one| (one.name, one)).collect();
    let mut followers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut first: Option<&Linked<'_>> = None;
    for (number, one) in all.iter().enumerate() {
        let mut problem = |kind, what: String| found.push((number, kind, what));
        if let Some(twin) = one.id.and_then(|id| by_id.get(id)).filter(|twin| twin.name != one.name) {
            problem(Wrong::Twin, format!("it is the same bundle as {}", twin.name));
        }
        let Some(previous) = one.previous else {
            match first {
                _ if !one.whole => {}
                None if begins || number == 0 => first = Some(one),
                None => problem(Wrong::Beginning, "it follows no bundle, and others stand before it".to_owned()),
                Some(first) => problem(Wrong::Beginning, format!("it follows no bundle, and the record began with {}", first.name)),
            }
            continue;
        };
        match by_id.get(previous.id.as_str()) {
            Some(before) => {
                if before.time > one.time {
                    problem(Wrong::Order, format!("it follows {}, which was collected later", before.name));
                }
                if before.name != previous.name {
                    problem(Wrong::Broken, format!("it follows {}, which is now called {}", previous.name, before.name));
                }
                followers.entry(&previous.id).or_default().push(number);
            }
            None => match by_name.get(previous.name.as_str()) {
                Some(before) => {
                    let is = if before.id.is_some() { "has another" } else { "cannot be read" };
                    let what = format!("it follows {} with the id {}, and the one that is there {is}", previous.name, previous.id);
                    problem(Wrong::Broken, what);
                }
                None if !begins && number == 0 => {}
                None => problem(Wrong::Gap, format!("it follows {} with the id {}, which is not there", previous.name, previous.id)),
            },
        }
    }
    for (before, followers) in followers.iter().filter(|(_, followers)| followers.len() > 1) {
        let before = by_id.get(before).map_or("", |before| before.name);
        let name = |number: &usize| all.get(*number).map_or("", |one| one.name);
        for number in followers {
            let others: Vec<&str> = followers.iter().filter(|other| *other != number).map(name).collect();
            found.push((*number, Wrong::Fork, format!("it follows {before}, as {} does", others.join(", "))));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(bundles: &[(&str, Option<&str>, Option<(&str, &str)>)], begins: bool) -> Vec<(String, Wrong)> {
        let previous: Vec<Option<Previous>> =
            bundles.iter().map(|(_, _, previous)| previous.map(|(name, id)| Previous::new(name, id))).collect();
        let all: Vec<Linked<'_>> = bundles
            .iter()
            .zip(&previous)
            .map(|((name, id, _), previous)| Linked { name, time: name, id: *id, previous: previous.as_ref(), whole: id.is_some() })
            .collect();
        links(&all, begins).into_iter().map(|(number, kind, _)| (bundles[number].0.to_owned(), kind)).collect()
    }

    #[test]
    fn what_does_not_follow_is_told() {
        let (a, b) = (("a", Some("11"), None), ("b", Some("22"), Some(("a", "11"))));
        assert_eq!(wrong(&[a, b, ("c", Some("33"), Some(("b", "22")))], true), []);
        assert_eq!(wrong(&[b], false), [], "the beginning was left out");
        for (bundles, name, kind) in [
            (&[b][..], "b", Wrong::Gap),
            (&[a, ("c", Some("33"), Some(("b", "22")))], "c", Wrong::Gap),
            (&[a, b, ("c", Some("33"), Some(("a", "11")))], "b", Wrong::Fork),
            (&[a, ("b", Some("22"), None)], "b", Wrong::Beginning),
            (&[a, ("b", Some("22"), Some(("a", "99")))], "b", Wrong::Broken),
            (&[a, ("b", Some("22"), Some(("z", "11")))], "b", Wrong::Broken),
            (&[a, ("b", None, None), ("c", Some("33"), Some(("b", "22")))], "c", Wrong::Broken),
            (&[("a", Some("11"), Some(("b", "22"))), ("b", Some("22"), None)], "a", Wrong::Order),
            (&[a, ("b", Some("11"), Some(("x", "00")))], "a", Wrong::Twin),
        ] {
            assert!(wrong(bundles, true).contains(&(name.to_owned(), kind)), "{bundles:?}");
        }
        assert!(wrong(&[b, ("c", Some("33"), None)], false).contains(&("c".to_owned(), Wrong::Beginning)));
    }
}
