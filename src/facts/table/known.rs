use crate::model::{FactValue, Unseen};

/// A value that was established, or the reason why it was not. Never a default.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Known<T, U = Unseen> {
    /// Established.
    Known(T),
    /// Not established, and why.
    Unknown(U),
}

impl<T, U> Known<T, U> {
    /// The established value.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
    /// Why it was not established.
    pub fn unseen(&self) -> Option<&U> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(unseen) => Some(unseen),
        }
    }
}

impl<T> Known<T> {
    /// Applies `f` to an established value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Known(value) => Known::Known(f(value)),
            Self::Unknown(unseen) => Known::Unknown(unseen),
        }
    }
    /// Applies `f`, which may itself fail to establish its value.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Known<U>) -> Known<U> {
        match self {
            Self::Known(value) => f(value),
            Self::Unknown(unseen) => Known::Unknown(unseen),
        }
    }
    /// The same with the value borrowed: for asking a map that is too large to be copied for every row.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Self::Known(value) => Known::Known(value),
            Self::Unknown(unseen) => Known::Unknown(unseen.clone()),
        }
    }
}

/// One cell of a row. There are hundreds of thousands, of which few are unknown: the reason is boxed.
pub type Cell = Known<FactValue, Box<Unseen>>;

/// The type of a column as controls see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Text,
    /// A list of texts.
    List,
}

impl ColumnType {
    /// The name used in documentation and lint messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Text => "text",
            Self::List => "list",
        }
    }
}

/// How a Rust type becomes a column.
pub trait ColumnValue {
    /// The column's type.
    const TYPE: ColumnType;
    /// Whether `null` (known to be unset) may occur.
    const NULLABLE: bool = false;
    /// Whether the column may be unknown.
    const UNKNOWABLE: bool = false;
    /// What is read back from a cell.
    type Read<'a>;
    /// The cell.
    fn cell(self) -> Cell;
    /// The value of a cell that such a value was written to; none where it was another one.
    fn read(cell: &Cell) -> Option<Self::Read<'_>>;
    /// Where the value stands, taken out of it, when that is not the place of its column: pointers from the root of the object.
    fn places(&mut self) -> Vec<String> {
        Vec::new()
    }
}

impl ColumnValue for bool {
    const TYPE: ColumnType = ColumnType::Bool;
    type Read<'a> = bool;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Bool(self))
    }
    fn read(cell: &Cell) -> Option<bool> {
        match cell {
            Known::Known(FactValue::Bool(value)) => Some(*value),
            _ => None,
        }
    }
}

impl ColumnValue for i64 {
    const TYPE: ColumnType = ColumnType::Int;
    type Read<'a> = i64;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Int(self))
    }
    fn read(cell: &Cell) -> Option<i64> {
        match cell {
            Known::Known(FactValue::Int(value)) => Some(*value),
            _ => None,
        }
    }
}

impl ColumnValue for String {
    const TYPE: ColumnType = ColumnType::Text;
    type Read<'a> = &'a str;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Text(self))
    }
    fn read(cell: &Cell) -> Option<&str> {
        match cell {
            Known::Known(FactValue::Text(value)) => Some(value),
            _ => None,
        }
    }
}

impl ColumnValue for &'static str {
    const TYPE: ColumnType = ColumnType::Text;
    type Read<'a> = &'a str;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Text(self.to_owned()))
    }
    fn read(cell: &Cell) -> Option<&str> {
        String::read(cell)
    }
}

impl ColumnValue for Vec<String> {
    const TYPE: ColumnType = ColumnType::List;
    type Read<'a> = &'a [String];
    fn cell(self) -> Cell {
        Known::Known(FactValue::List(self))
    }
    fn read(cell: &Cell) -> Option<&[String]> {
        match cell {
            Known::Known(FactValue::List(value)) => Some(value),
            _ => None,
        }
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const UNKNOWABLE: bool = T::UNKNOWABLE;
    type Read<'a> = Option<T::Read<'a>>;
    fn cell(self) -> Cell {
        match self {
            Some(value) => value.cell(),
            None => Known::Known(FactValue::Null),
        }
    }
    fn read(cell: &Cell) -> Option<Self::Read<'_>> {
        match cell {
            Known::Known(FactValue::Null) => Some(None),
            other => T::read(other).map(Some),
        }
    }
    fn places(&mut self) -> Vec<String> {
        self.as_mut().map_or(Vec::new(), T::places)
    }
}

impl<T: ColumnValue> ColumnValue for Known<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = T::NULLABLE;
    const UNKNOWABLE: bool = true;
    type Read<'a> = Known<T::Read<'a>, &'a Unseen>;
    fn read(cell: &Cell) -> Option<Self::Read<'_>> {
        match cell {
            Known::Unknown(unseen) => Some(Known::Unknown(unseen)),
            known => T::read(known).map(Known::Known),
        }
    }
    fn cell(self) -> Cell {
        match self {
            Self::Known(value) => value.cell(),
            Self::Unknown(unseen) => Known::Unknown(Box::new(unseen)),
        }
    }
    fn places(&mut self) -> Vec<String> {
        match self {
            Self::Known(value) => value.places(),
            Self::Unknown(_) => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster with 5,000 pods has a hundred thousand cells: with the reasons inside them, they alone took 40 MB.
    #[test]
    fn a_cell_is_small() {
        assert!(size_of::<Cell>() <= 40, "{} bytes", size_of::<Cell>());
    }
}
