use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A list with at least one element, so that "fail without a finding" and "not assessed without a reason" cannot be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<T>", into = "Vec<T>", bound(serialize = "T: Serialize + Clone", deserialize = "T: Deserialize<'de>"))]
#[schemars(with = "Vec<T>")]
pub struct NonEmpty<T>(Vec<T>);

/// The list was empty.
#[derive(Debug, thiserror::Error)]
#[error("a list that must not be empty is empty")]
pub struct Empty;

impl<T> NonEmpty<T> {
    /// Hands out each of them to be changed; none comes or goes.
    pub fn each_mut(&mut self, change: impl FnMut(&mut T)) {
        self.0.iter_mut().for_each(change);
    }
    /// `None` when `items` is empty.
    pub fn new(items: Vec<T>) -> Option<Self> {
        if items.is_empty() { None } else { Some(Self(items)) }
    }
    /// A list of one.
    pub fn one(item: T) -> Self {
        Self(vec![item])
    }
    /// The first element.
    pub fn first(&self) -> &T {
        &self.0[0]
    }
    /// All elements, at least one.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
    /// The elements as an ordinary vector.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T> TryFrom<Vec<T>> for NonEmpty<T> {
    type Error = Empty;
    fn try_from(items: Vec<T>) -> Result<Self, Empty> {
        Self::new(items).ok_or(Empty)
    }
}

impl<T> From<NonEmpty<T>> for Vec<T> {
    fn from(list: NonEmpty<T>) -> Self {
        list.0
    }
}
