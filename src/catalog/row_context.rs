//! A row as predicates see it.

use std::cell::OnceCell;
use std::sync::Arc;

use cel::common::traits::Indexer;
use cel::common::types::{CelBool, CelInt, CelList, CelNull, CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError};

use super::parameters::Values;
use crate::facts::{Cell, Known, Row, TableSchema};
use crate::model::FactValue;

/// The environment of all predicates: CEL's standard functions, made once, and the namespaces that hold ePHI.
#[derive(Clone)]
pub struct Environment {
    env: Arc<Env>,
    /// None where these are not known, or not asked for: a predicate that asks is then undecided.
    ephi: Option<Vec<String>>,
}

impl Default for Environment {
    fn default() -> Self {
        Self { env: Arc::new(Env::stdlib()), ephi: None }
    }
}

impl Environment {
    /// The same with the namespaces that hold ePHI, as `ephi`.
    #[must_use]
    pub fn with_ephi(self, ephi: Option<Vec<String>>) -> Self {
        Self { ephi, ..self }
    }
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Environment")
    }
}

/// A row as CEL sees it, shared by all controls over its table; made when the first of them asks. A column becomes a value of CEL when a
/// predicate asks for it; asking for an unknown one is an error.
pub struct RowContext<'r> {
    environment: &'r Environment,
    context: OnceCell<Context<'r, 'r>>,
    row: RowValue<'r>,
}

impl<'r> RowContext<'r> {
    /// The row's value.
    pub fn new(environment: &'r Environment, schema: &'r TableSchema, row: &'r Row) -> Self {
        Self { environment, context: OnceCell::new(), row: RowValue { schema, cells: &row.cells } }
    }

    /// How many elements the list of a column has; anything else is one.
    pub(super) fn length(&self, column: &str) -> u64 {
        let cell = self.row.schema.column(column).and_then(|(index, _)| self.row.cells.get(index));
        match cell {
            Some(Known::Known(FactValue::List(values))) => values.len() as u64,
            _ => 1,
        }
    }

    /// The row beside the values of a control's parameters, as `param`.
    pub(super) fn with(&self, values: &'r Values) -> Context<'r, 'r> {
        let mut context = self.fresh();
        context.add_variable_as_val("param", Box::new(ParameterMap(values)));
        context
    }

    pub(super) fn cel(&self) -> &Context<'r, 'r> {
        self.context.get_or_init(|| self.fresh())
    }

    fn fresh(&self) -> Context<'r, 'r> {
        let mut context = Context::with_env(self.environment.env.clone());
        if let Some(names) = &self.environment.ephi {
            context.add_variable_as_val("ephi", Box::new(CelList::from(names.iter().map(|name| text(name)).collect::<Vec<_>>())));
        }
        context.add_variable_as_val("row", Box::new(self.row));
        context
    }
}

/// The values of a control's parameters, as a map.
#[derive(Clone, Copy, Debug)]
struct ParameterMap<'r>(&'r Values);

impl Val for ParameterMap<'_> {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }
    fn cel_type() -> &'static Type {
        static MAP: Type = MAP_TYPE;
        &MAP
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for ParameterMap<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key.downcast_ref::<CelString<'_>>().map_or("", |name| name.inner());
        let value = self.0.get(name).ok_or_else(|| ExecutionError::NoSuchKey(Arc::new(name.to_owned())))?;
        Ok(CowVal::Owned(Box::new(CelInt::from(value))))
    }
    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

/// A map whose entries are made when they are asked for: a table has many columns, and a control looks at two or three.
#[derive(Clone, Copy, Debug)]
struct RowValue<'r> {
    schema: &'r TableSchema,
    cells: &'r [Cell],
}

impl Val for RowValue<'_> {
    fn get_type(&self) -> &Type {
        Self::cel_type()
    }
    fn cel_type() -> &'static Type {
        static MAP: Type = MAP_TYPE;
        &MAP
    }
    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }
    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for RowValue<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = key.downcast_ref::<CelString<'_>>().map_or("", |name| name.inner());
        let cell = self.schema.column(name).and_then(|(index, _)| self.cells.get(index));
        let missing = || ExecutionError::NoSuchKey(Arc::new(name.to_owned()));
        value(cell.ok_or_else(missing)?).map(CowVal::Owned).ok_or_else(missing)
    }
    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

fn value(cell: &Cell) -> Option<Box<dyn Val + '_>> {
    let Known::Known(fact) = cell else { return None };
    Some(match fact {
        FactValue::Null => Box::new(CelNull),
        FactValue::Bool(value) => Box::new(CelBool::from(*value)),
        FactValue::Int(value) => Box::new(CelInt::from(*value)),
        FactValue::Text(value) => text(value),
        FactValue::List(values) => Box::new(CelList::from(values.iter().map(|value| text(value)).collect::<Vec<_>>())),
        FactValue::Unknown { .. } => return None,
    })
}

fn text(value: &str) -> Box<dyn Val + '_> {
    Box::new(CelString::from(value))
}
