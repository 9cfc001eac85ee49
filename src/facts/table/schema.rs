use std::marker::PhantomData;
use std::sync::Arc;

use super::known::{Cell, ColumnType, ColumnValue};
use crate::facts::Coverage;
use crate::model::sources::LEAD_ELSEWHERE;
use crate::model::{Evidence, FactValue, ObjectRef, SmallMap, SourceId};

/// One documented column.
#[derive(Debug)]
pub struct Column {
    /// The name, as `row.<name>` in controls.
    pub name: &'static str,
    /// Its type.
    pub ty: ColumnType,
    /// Whether it may be null: known to be unset.
    pub nullable: bool,
    /// Whether it may be unknown; then a control that touches it is not assessed for that row.
    pub unknowable: bool,
    /// What it means.
    pub doc: &'static str,
    /// Where it stands below the row's own place in the object, as a relative JSON pointer.
    pub at: Option<&'static str>,
    /// Sources that it needs beyond those of the table.
    pub needs: Sources,
    /// Sources that decide it in some rows only, beyond those of the table.
    pub consults: Sources,
}

/// Sources in lists, of which several tables share some.
#[derive(Clone, Copy, Debug)]
pub struct Sources(pub &'static [&'static [SourceId]]);

impl Sources {
    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = &'static SourceId> {
        self.0.iter().copied().flatten()
    }
}

/// A documented table.
#[derive(Debug)]
pub struct TableSchema {
    /// The name, as in `over:` and `kube-hipaa facts`.
    pub name: &'static str,
    /// What one row is.
    pub doc: &'static str,
    /// What rows with one key are, in the plural: what "3 of 41" counts.
    pub counts: &'static str,
    /// The sources without which rows may be missing.
    pub sources: Sources,
    /// Sources that decide cells of some rows only: where one was not read, those cells are unknown, and say why.
    pub consults: Sources,
    /// Whether it has rows for every cluster, known or not: then nothing is out of the scope of a control over it.
    pub always: bool,
    /// The columns in order.
    pub columns: &'static [Column],
}

/// Tables that follow what an identity of one namespace comes to in another.
const REACH_ACROSS: [&str; 3] = ["account_reach", "reach", "takeovers"];

/// Tables that follow the names of Services into other namespaces.
const FOLLOW_NAMES: [&str; 2] = ["entrances", "published_workloads"];

impl TableSchema {
    /// The sources of which an object that was left out could have been about any namespace, wherever it is.
    pub fn left_out_anywhere(&self) -> &'static [SourceId] {
        if FOLLOW_NAMES.contains(&self.name) { LEAD_ELSEWHERE } else { &[] }
    }
    /// Whether what stands in one namespace decides about others by way of further identities: then no doubt is only about its own.
    pub fn reaches_across(&self) -> bool {
        REACH_ACROSS.contains(&self.name)
    }
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<(usize, &'static Column)> {
        self.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }
    /// The documentation as plain lines.
    pub fn doc_text(&self) -> String {
        plain(self.doc)
    }
    /// Every source that the table and the named columns rest on, sorted.
    pub fn sources_for<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> Vec<SourceId> {
        let mut sources: Vec<SourceId> = self.sources.iter().cloned().collect();
        for name in columns {
            if let Some((_, column)) = self.column(name) {
                sources.extend(column.needs.iter().cloned());
            }
        }
        sources.sort();
        sources.dedup();
        sources
    }
    /// Every source that the table may read. A family that reads another one is wrong: nobody could tell what it costs not to see it.
    pub fn declared(&self) -> impl Iterator<Item = &'static SourceId> {
        let columns = self.columns.iter().flat_map(|column| column.needs.iter().chain(column.consults.iter()));
        self.sources.iter().chain(self.consults.iter()).chain(columns)
    }
    /// What the table and the named columns look at where a row asks for it.
    pub fn consulted_by<'a>(&self, columns: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = &'static SourceId> {
        let columns = columns.into_iter().filter_map(|name| self.column(name)).flat_map(|(_, column)| column.consults.iter());
        self.consults.iter().chain(columns)
    }
}

impl Column {
    /// The documentation as plain text.
    pub fn doc_text(&self) -> String {
        plain(self.doc)
    }
    /// The type as printed in documentation, such as `int?` for a nullable number.
    pub fn type_text(&self) -> String {
        format!("{}{}", self.ty.word(), if self.nullable { "?" } else { "" })
    }
}

fn plain(doc: &str) -> String {
    doc.lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// One row: its identity, where it was seen, and its cells in the schema's order.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Identity that survives redeploys: no uid, time, index or hash of a name. Rows that describe variants of one thing share it.
    pub key: String,
    /// The namespace, absent for cluster-scoped things.
    pub namespace: Option<String>,
    /// What a finding would be about.
    pub subject: Arc<ObjectRef>,
    /// Other objects that take part.
    pub related: Vec<Arc<ObjectRef>>,
    /// Where the row was seen; at least one.
    pub origins: Vec<Evidence>,
    /// The cells.
    pub cells: Vec<Cell>,
    /// Where the values of single columns stand that come from other objects than the row's own, by name of the column. The pointers
    /// are exact. A column that is not here stands at its place in `origins`.
    pub cell_evidence: SmallMap<&'static str, Vec<Arc<Evidence>>>,
}

impl Row {
    /// A row about one object, in that object's namespace.
    pub(in crate::facts) fn new(key: String, subject: impl Into<Arc<ObjectRef>>, origins: Vec<Evidence>, mut typed: impl TableRow) -> Self {
        let subject = subject.into();
        let mut cell_evidence: SmallMap<&'static str, Vec<Arc<Evidence>>> = SmallMap::new();
        for (column, pointers) in typed.places() {
            let places = pointers.into_iter().flat_map(|pointer| origins.first().map(|origin| Arc::new(origin.at(pointer))));
            cell_evidence.or_default(column).extend(places);
        }
        Self { key, namespace: subject.namespace.clone(), subject, related: Vec::new(), origins, cells: typed.cells(), cell_evidence }
    }
    /// The same row, counted to another namespace than that of its subject.
    #[must_use]
    pub(in crate::facts) fn in_namespace(self, namespace: Option<String>) -> Self {
        Self { namespace, ..self }
    }
    /// The same row with other objects that take part.
    #[must_use]
    pub(in crate::facts) fn related_to(self, related: impl IntoIterator<Item = impl Into<Arc<ObjectRef>>>) -> Self {
        Self { related: related.into_iter().map(Into::into).collect(), ..self }
    }
    /// The same row with evidence of one column that comes from other objects; nothing changes when there is none.
    #[must_use]
    pub(in crate::facts) fn evidenced(
        mut self,
        column: &'static str,
        evidence: impl IntoIterator<Item = impl Into<Arc<Evidence>>>,
    ) -> Self {
        // Shared, because one rule or class decides cells of thousands of rows.
        let evidence: Vec<Arc<Evidence>> = evidence.into_iter().map(Into::into).collect();
        if !evidence.is_empty() {
            self.cell_evidence.or_default(column).extend(evidence);
        }
        self
    }
    /// A cell as it is printed.
    pub fn fact(&self, index: usize) -> FactValue {
        match self.cells.get(index) {
            Some(crate::facts::Known::Known(value)) => value.clone(),
            Some(crate::facts::Known::Unknown(unseen)) => FactValue::Unknown { unknown: unseen.why.clone() },
            None => FactValue::Unknown { unknown: "the table has no such column".to_owned() },
        }
    }
}

/// A table: its rows in a fixed order, and what they rest on. A table without coverage cannot exist.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns.
    pub schema: &'static TableSchema,
    /// The rows, sorted by key and then by cells.
    pub rows: Vec<Row>,
    /// What was read for them.
    pub coverage: Coverage,
}

/// A column of one row type: its cells are read back as what they were written from, and no name is spelled twice.
#[derive(Debug)]
pub struct Typed<T> {
    index: usize,
    name: &'static str,
    of: PhantomData<fn() -> T>,
}

// Derived, it would ask the same of T, of which it holds none.
impl<T> Clone for Typed<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Typed<T> {}

impl<T: ColumnValue> Typed<T> {
    /// The column at that place of the schema; for `table!`.
    pub(in crate::facts) fn new(index: usize, name: &'static str) -> Self {
        Self { index, name, of: PhantomData }
    }
    /// Its name.
    pub(in crate::facts) fn name(self) -> &'static str {
        self.name
    }
    /// Its place among the cells of a row.
    pub(in crate::facts) fn index(self) -> usize {
        self.index
    }
    /// What stands there in a row; none in a row of another table.
    pub fn of(self, row: &Row) -> Option<T::Read<'_>> {
        row.cells.get(self.index).and_then(T::read)
    }
}

/// A typed row of one table; implemented by `table!`.
pub trait TableRow {
    /// Its columns, each under its own name.
    type Columns;
    /// The table's schema.
    fn schema() -> &'static TableSchema;
    /// Its columns.
    fn columns() -> Self::Columns;
    /// The cells in the schema's order.
    fn cells(self) -> Vec<Cell>;
    /// The columns whose value stands elsewhere than the schema says, with its places; see `Placed`.
    fn places(&mut self) -> Vec<(&'static str, Vec<String>)>;
}

/// Declares a row type together with its documented schema, so that the two cannot drift apart.
macro_rules! table {
    (
        $(#[doc = $table_doc:literal])+
        $vis:vis struct $Row:ident as $name:literal counting $counts:literal $(, $always:ident)?
            from [$($source:expr),* $(,)?] $(+ $shared:ident)* $(consulting [$($consulted:expr),* $(,)?] $(+ $consulted_list:ident)*)? {
            $( $(#[doc = $doc:literal])+ $column:ident : $ty:ty $(, at $at:literal)? $(, needs [$($need:expr),* $(,)?] $(+ $need_list:ident)*)?
                $(, consulting [$($asked:expr),* $(,)?] $(+ $asked_list:ident)*)? ; )*
        }
    ) => {
        $(#[doc = $table_doc])+
        #[derive(Clone, Debug)]
        $vis struct $Row { $( $(#[doc = $doc])+ pub $column: $ty, )* }

        const _: () = {
        #[doc = concat!("The columns of `", $name, "`.")]
        #[derive(Clone, Copy, Debug)]
        pub struct Columns { $( $(#[doc = $doc])+ pub $column: $crate::facts::table::schema::Typed<$ty>, )* }

        impl $crate::facts::table::schema::TableRow for $Row {
            type Columns = Columns;
            fn columns() -> Columns {
                let mut next = 0..;
                let mut place = move || next.next().unwrap_or(usize::MAX);
                Columns { $( $column: $crate::facts::table::schema::Typed::new(place(), stringify!($column)), )* }
            }
            fn schema() -> &'static $crate::facts::table::schema::TableSchema {
                static SCHEMA: $crate::facts::table::schema::TableSchema = $crate::facts::table::schema::TableSchema {
                    name: $name,
                    doc: concat!($($table_doc, "\n"),+),
                    counts: $counts,
                    sources: $crate::facts::table::schema::Sources(&[&[$($source),*], $($shared),*]),
                    consults: $crate::facts::table::schema::Sources(&[$(&[$($consulted),*], $($consulted_list),*)?]),
                    always: $crate::facts::table::schema::table!(@always $($always)?),
                    columns: &[$(
                        $crate::facts::table::schema::Column {
                            name: stringify!($column),
                            ty: <$ty as $crate::facts::table::known::ColumnValue>::TYPE,
                            nullable: <$ty as $crate::facts::table::known::ColumnValue>::NULLABLE,
                            unknowable: <$ty as $crate::facts::table::known::ColumnValue>::UNKNOWABLE,
                            doc: concat!($($doc, "\n"),+),
                            at: $crate::facts::table::schema::table!(@at $($at)?),
                            needs: $crate::facts::table::schema::Sources(&[$(&[$($need),*], $($need_list),*)?]),
                            consults: $crate::facts::table::schema::Sources(&[$(&[$($asked),*], $($asked_list),*)?]),
                        },
                    )*],
                };
                &SCHEMA
            }
            fn cells(self) -> Vec<$crate::facts::table::known::Cell> {
                vec![$( $crate::facts::table::known::ColumnValue::cell(self.$column) ),*]
            }
            fn places(&mut self) -> Vec<(&'static str, Vec<String>)> {
                let (mut places, columns) = (Vec::new(), Self::columns());
                $(
                    let at = $crate::facts::table::known::ColumnValue::places(&mut self.$column);
                    if !at.is_empty() {
                        places.push((columns.$column.name(), at));
                    }
                )*
                places
            }
        }
        };
    };
    (@always) => { false };
    (@always always) => { true };
    (@at) => { None };
    (@at $at:literal) => { Some($at) };
}
pub(crate) use table;
