use super::known::{Cell, ColumnType, ColumnValue};

/// A value with more than one home, together with the places that decided it: evidence then points at the field that is there. Without
/// a place, the value stands where its column says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Pointers from the root of the row's own object.
    pub at: Vec<String>,
}

impl<T> Placed<T> {
    /// A value that stands at the place of its column, or nowhere.
    pub fn here(value: T) -> Self {
        Self { value, at: Vec::new() }
    }
    /// A value that another field decided.
    pub fn at(value: T, pointer: String) -> Self {
        Self { value, at: vec![pointer] }
    }
    /// The same place with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { value: f(self.value), at: self.at }
    }
}

impl<T: ColumnValue> ColumnValue for Placed<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = T::NULLABLE;
    const UNKNOWABLE: bool = T::UNKNOWABLE;
    type Read<'a> = T::Read<'a>;
    fn read(cell: &Cell) -> Option<Self::Read<'_>> {
        T::read(cell)
    }
    fn cell(self) -> Cell {
        self.value.cell()
    }
    fn places(&mut self) -> Vec<String> {
        std::mem::take(&mut self.at)
    }
}
