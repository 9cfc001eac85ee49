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
    /// The cell.
    fn cell(self) -> Cell;
}

impl ColumnValue for bool {
    const TYPE: ColumnType = ColumnType::Bool;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Bool(self))
    }
}

impl ColumnValue for i64 {
    const TYPE: ColumnType = ColumnType::Int;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Int(self))
    }
}

impl ColumnValue for String {
    const TYPE: ColumnType = ColumnType::Text;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Text(self))
    }
}

impl ColumnValue for &'static str {
    const TYPE: ColumnType = ColumnType::Text;
    fn cell(self) -> Cell {
        Known::Known(FactValue::Text(self.to_owned()))
    }
}

impl ColumnValue for Vec<String> {
    const TYPE: ColumnType = ColumnType::List;
    fn cell(self) -> Cell {
        Known::Known(FactValue::List(self))
    }
}

impl<T: ColumnValue> ColumnValue for Option<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = true;
    const UNKNOWABLE: bool = T::UNKNOWABLE;
    fn cell(self) -> Cell {
        match self {
            Some(value) => value.cell(),
            None => Known::Known(FactValue::Null),
        }
    }
}

impl<T: ColumnValue> ColumnValue for Known<T> {
    const TYPE: ColumnType = T::TYPE;
    const NULLABLE: bool = T::NULLABLE;
    const UNKNOWABLE: bool = true;
    fn cell(self) -> Cell {
        match self {
            Self::Known(value) => value.cell(),
            Self::Unknown(unseen) => Known::Unknown(Box::new(unseen)),
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
