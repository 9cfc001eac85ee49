//! The order of bundles of one second: names say no more than the second, and the rest of a name is chance. What follows what is in the
//! bundles themselves.

use std::collections::BTreeMap;

/// What is known of a bundle.
pub(super) struct Known<'a> {
    /// The time in its name.
    pub(super) time: &'a str,
    pub(super) id: Option<&'a str>,
    /// The id of the bundle that it follows.
    pub(super) previous: Option<&'a str>,
}

/// Sorts bundles that are sorted by name: of those of one second, each stands behind the one that it follows. Where several follow the same
/// one, the longer chain ends last. So none follows the last of all.
pub(super) fn by_chain<T>(mut all: Vec<T>, known: impl Fn(&T) -> Known<'_>) -> Vec<T> {
    let mut depths: Vec<usize> = Vec::with_capacity(all.len());
    for group in all.chunk_by(|one, other| known(one).time == known(other).time) {
        depths.extend(depths_in(&group.iter().map(&known).collect::<Vec<_>>()));
    }
    let mut sorted: Vec<(usize, T)> = depths.into_iter().zip(all.drain(..)).collect();
    // Stable: of the same depth the name decides.
    sorted.sort_by(|(depth, one), (other_depth, other)| known(one).time.cmp(known(other).time).then(depth.cmp(other_depth)));
    sorted.into_iter().map(|(_, one)| one).collect()
}

/// How many others of the group stand before each.
fn depths_in(group: &[Known<'_>]) -> Vec<usize> {
    let by_id: BTreeMap<&str, usize> = group.iter().enumerate().filter_map(|(at, one)| Some((one.id?, at))).collect();
    let before = |at: usize| group.get(at).and_then(|one| by_id.get(one.previous?)).copied().filter(|before| *before != at);
    let mut depths: Vec<Option<usize>> = vec![None; group.len()];
    for start in 0..group.len() {
        let (mut way, mut at) = (vec![start], start);
        // No bundle can hold the id of one that holds its own; ids that were made up end the way.
        while depths.get(at).copied().flatten().is_none()
            && let Some(next) = before(at)
            && way.len() <= group.len()
        {
            at = next;
            way.push(at);
        }
        let mut depth = depths.get(at).copied().flatten();
        for at in way.into_iter().rev() {
            let of_this = depths.get(at).copied().flatten().or(Some(depth.map_or(0, |before| before + 1)));
            if let Some(place) = depths.get_mut(at) {
                *place = of_this;
            }
            depth = of_this;
        }
    }
    depths.into_iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Time, id and the id before.
    type One = (&'static str, &'static str, Option<&'static str>);

    fn sorted(all: &[One]) -> String {
        let sorted = by_chain(all.to_vec(), |(time, id, previous)| Known { time, id: Some(id), previous: *previous });
        sorted.into_iter().map(|(_, id, _)| id).collect()
    }

    #[test]
    fn within_a_second_the_chain_decides() {
        assert_eq!(sorted(&[]), "");
        assert_eq!(sorted(&[("1", "a", None), ("2", "b", Some("d")), ("2", "c", Some("b")), ("2", "d", Some("a"))]), "adbc");
        // One that follows a bundle of another second, or one that is not there, begins.
        assert_eq!(
            sorted(&[("1", "a", Some("x")), ("1", "b", None), ("2", "c", Some("e")), ("2", "d", None), ("2", "e", Some("b"))]),
            "abdec"
        );
        // The longer of two chains ends last.
        assert_eq!(sorted(&[("1", "a", Some("b")), ("1", "b", Some("d")), ("1", "c", Some("d")), ("1", "d", None)]), "dbca");
        // Ids that name each other end, too.
        assert_eq!(sorted(&[("1", "a", Some("b")), ("1", "b", Some("a")), ("1", "c", Some("c"))]).len(), 3);
        let id = |number: u32| format!("{number:04}");
        let long: Vec<(String, String)> = (0..2000).map(|number| (id(number), id(number + 1))).collect();
        let sorted = by_chain(long, |(id, previous)| Known { time: "1", id: Some(id), previous: Some(previous) });
        assert!(sorted.into_iter().map(|(id, _)| id).eq((0..2000).rev().map(id)));
    }
}
