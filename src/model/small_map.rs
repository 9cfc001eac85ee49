use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::ops::Index;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map of few entries, sorted by key, in one piece of memory: a B-tree takes more than half a kilobyte for its first entry, and a
/// cluster has tens of thousands of such maps. In JSON it is an object, as any map.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SmallMap<K, V>(Vec<(K, V)>);

impl<K, V> SmallMap<K, V> {
    /// Without entries.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
    /// Whether it has no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The entries by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }
    /// The keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.iter().map(|(key, _)| key)
    }
    /// The values by key, for changing them.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.0.iter_mut().map(|(_, value)| value)
    }
    /// Keeps the entries for which `keep` holds.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.0.binary_search_by(|(own, _)| own.borrow().cmp(key))
    }
    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.place(key).ok().and_then(|place| self.0.get(place)).map(|(_, value)| value)
    }
    /// Whether there is such a key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).is_ok()
    }
    /// The value of a key, which becomes the default one where there is none.
    pub fn or_default(&mut self, key: K) -> &mut V
    where
        V: Default,
    {
        let place = self.place(&key).unwrap_or_else(|place| {
            self.0.insert(place, (key, V::default()));
            place
        });
        &mut self.0[place].1
    }
}

impl<K, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Of entries with one key, the last one counts.
impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut all: Vec<(K, V)> = entries.into_iter().collect();
        if !all.is_sorted_by(|(a, _), (b, _)| a < b) {
            all.reverse();
            all.sort_by(|(a, _), (b, _)| a.cmp(b));
            all.dedup_by(|(a, _), (b, _)| a == b);
        }
        Self(all)
    }
}

impl<K, V> IntoIterator for SmallMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for SmallMap<K, V> {
    type Output = V;
    /// Panics when there is no such key, as other maps do.
    fn index(&self, key: &Q) -> &V {
        match self.get(key) {
            Some(value) => value,
            None => panic!("there is no such key"),
        }
    }
}

impl<K: Serialize, V: Serialize> Serialize for SmallMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, K: Deserialize<'de> + Ord, V: Deserialize<'de>> Deserialize<'de> for SmallMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

impl<K, V> JsonSchema for SmallMap<K, V>
where
    BTreeMap<K, V>: JsonSchema,
{
    fn inline_schema() -> bool {
        BTreeMap::<K, V>::inline_schema()
    }
    fn schema_name() -> Cow<'static, str> {
        BTreeMap::<K, V>::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        BTreeMap::<K, V>::schema_id()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        BTreeMap::<K, V>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever is asked of it, it answers as a B-tree does.
        #[test]
        fn it_is_a_map(entries: Vec<(u8, u16)>, wanted: u8) {
            let (small, tree): (SmallMap<u8, u16>, BTreeMap<u8, u16>) = (entries.iter().copied().collect(), entries.iter().copied().collect());
            prop_assert!(small.iter().eq(tree.iter()));
            prop_assert_eq!(small.get(&wanted), tree.get(&wanted));
            prop_assert_eq!(small.contains_key(&wanted), tree.contains_key(&wanted));
            let json = serde_json::to_string(&small)?;
            prop_assert_eq!(&json, &serde_json::to_string(&tree)?);
            prop_assert_eq!(&serde_json::from_str::<SmallMap<u8, u16>>(&json)?, &small);
            let (mut small, mut tree) = (small, tree);
            *small.or_default(wanted) += 1;
            *tree.entry(wanted).or_default() += 1;
            small.retain(|_, value| value % 2 == 0);
            tree.retain(|_, value| *value % 2 == 0);
            prop_assert!(small.iter().eq(tree.iter()));
        }
    }
}
