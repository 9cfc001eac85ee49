//! CEL over one row. A predicate is checked against the table's schema before it may run, so that a misspelt column or a
//! comparison of different types is an error of the catalog and never a verdict.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, SelectExpr, operators};
use cel::{Program, Value};

use super::limits::{self, Work};
use super::parameters::{Parameter, Values};
use super::row_context::RowContext;
use crate::facts::{ColumnType, TableSchema};

/// A checked expression that is true or false for a row.
#[derive(Debug)]
pub struct Predicate {
    source: String,
    program: Program,
    columns: BTreeSet<&'static str>,
    /// Every loop with those around it: what they walk.
    loops: Vec<Vec<Walked>>,
    asks_scope: bool,
    /// Whether it asks for parameters of its control.
    asks_parameters: bool,
}

/// What a loop walks: the columns of its range, and what literals add.
#[derive(Clone, Debug, Default)]
struct Walked {
    columns: Vec<&'static str>,
    literal: u64,
}

/// What is wrong with an expression, with the place as line and column inside it (from 1), where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionProblem {
    /// What is wrong and what to write instead.
    pub message: String,
    /// The part of the expression that it is about.
    pub part: String,
}

/// The type of an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Type {
    Value {
        ty: ColumnType,
        nullable: bool,
    },
    /// A list of whole numbers: only a literal is one, columns hold lists of texts.
    Numbers,
    Null,
    Row,
    /// The parameters of the control.
    Parameters,
    /// Already reported; fits everything, so that one mistake is one problem.
    Wrong,
}

impl Type {
    const BOOL: Self = Self::Value { ty: ColumnType::Bool, nullable: false };
    const INT: Self = Self::Value { ty: ColumnType::Int, nullable: false };
    const TEXT: Self = Self::Value { ty: ColumnType::Text, nullable: false };
    const LIST: Self = Self::Value { ty: ColumnType::List, nullable: false };

    fn describe(self) -> String {
        match self {
            Self::Value { ty, nullable } => format!("{}{}", ty.word(), if nullable { "?" } else { "" }),
            Self::Numbers => "list of numbers".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Row => "the whole row".to_owned(),
            Self::Parameters => "all parameters".to_owned(),
            Self::Wrong => "something unknown".to_owned(),
        }
    }
}

/// How many nodes an expression may have: it is evaluated for every row.
const MOST_NODES: usize = 400;

impl Predicate {
    /// Parses and checks `source`; all problems at once. `parameters` are those of its control, written `param.NAME`.
    pub fn compile(source: &str, schema: &'static TableSchema, parameters: &[Parameter]) -> Result<Self, Vec<ExpressionProblem>> {
        // Before the parser, which walks an expression recursively.
        if let Some(message) = limits::exceeded(source) {
            return Err(vec![ExpressionProblem { message, part: escape_long(source) }]);
        }
        let program = Program::compile(source).map_err(|errors| {
            errors
                .errors
                .iter()
                .map(|error| ExpressionProblem { message: format!("not a CEL expression: {}", error.msg), part: source.to_owned() })
                .collect::<Vec<_>>()
        })?;
        let mut checker = Checker {
            source,
            program: &program,
            schema,
            parameters,
            columns: BTreeSet::new(),
            problems: Vec::new(),
            variables: Vec::new(),
            nodes: 0,
            within: Vec::new(),
            loops: Vec::new(),
            asks_scope: false,
            asks_parameters: false,
        };
        let result = checker.check(program.expression());
        if !matches!(result, Type::Wrong | Type::Value { ty: ColumnType::Bool, nullable: false }) {
            checker.problem(program.expression(), format!("the expression must be true or false, it is {}", result.describe()));
        }
        let Checker { columns, problems, loops, asks_scope, asks_parameters, .. } = checker;
        let predicate = Self { source: source.to_owned(), program, columns, loops, asks_scope, asks_parameters };
        if problems.is_empty() { Ok(predicate) } else { Err(problems) }
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The columns that it mentions.
    pub fn columns(&self) -> &BTreeSet<&'static str> {
        &self.columns
    }

    /// Whether it asks which namespaces hold ePHI.
    pub fn asks_scope(&self) -> bool {
        self.asks_scope
    }

    /// Whether it holds. `Err` when it cannot be decided, because a column is unknown or the evaluation failed: callers must
    /// treat that as *not seen*, never as either answer.
    pub fn holds(&self, row: &RowContext<'_>) -> Result<bool, Undecided> {
        self.holds_within(row, Values::none(), &mut Work::default())
    }

    /// The same for a row of many, which together may not be more than `work`.
    pub fn holds_within<'v>(&self, row: &RowContext<'v>, values: &'v Values, work: &mut Work) -> Result<bool, Undecided> {
        self.fits(row, work)?;
        self.decide(row, values)
    }

    /// Whether a row may be asked about within `work`, which is then taken.
    pub fn fits(&self, row: &RowContext<'_>, work: &mut Work) -> Result<(), Undecided> {
        if self.loops.is_empty() {
            return Ok(());
        }
        let steps: u64 = self.loops.iter().map(|nest| steps(nest, row)).fold(0, u64::saturating_add);
        if steps > limits::MOST_STEPS {
            return Err(Undecided(format!(
                "`{}` would take {steps} steps, more than {}: loops in loops over long lists",
                self.source,
                limits::MOST_STEPS
            )));
        }
        if !work.take(steps) {
            return Err(Undecided(format!("`{}` takes too many steps over all rows: loops over long lists in many rows", self.source)));
        }
        Ok(())
    }

    /// What it says of a row that [fits](Self::fits). The same values of its [columns](Self::columns) have the same answer.
    pub fn decide<'v>(&self, row: &RowContext<'v>, values: &'v Values) -> Result<bool, Undecided> {
        let answer = if self.asks_parameters { self.program.execute(&row.with(values)) } else { self.program.execute(row.cel()) };
        match answer {
            Ok(Value::Bool(answer)) => Ok(answer),
            Ok(other) => Err(Undecided(format!("`{}` gave {other:?}, which is neither true nor false", self.source))),
            Err(error) => Err(Undecided(format!("`{}` could not be evaluated: {error}", self.source))),
        }
    }
}

/// How often the body of the innermost of these loops is looked at.
fn steps(nest: &[Walked], row: &RowContext<'_>) -> u64 {
    let length = |walked: &Walked| walked.columns.iter().map(|column| row.length(column)).fold(walked.literal, u64::saturating_add);
    nest.iter().map(length).fold(1, u64::saturating_mul)
}

/// A long expression, shortened for an error.
fn escape_long(source: &str) -> String {
    const SHOWN: usize = 80;
    match source.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", source.get(..end).unwrap_or(source)),
        None => source.to_owned(),
    }
}

/// A predicate could not be decided for a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Undecided(pub String);

struct Checker<'a> {
    source: &'a str,
    program: &'a Program,
    schema: &'static TableSchema,
    parameters: &'a [Parameter],
    columns: BTreeSet<&'static str>,
    problems: Vec<ExpressionProblem>,
    variables: Vec<(String, Type)>,
    nodes: usize,
    /// The loops around this place.
    within: Vec<Walked>,
    loops: Vec<Vec<Walked>>,
    asks_scope: bool,
    asks_parameters: bool,
}

impl Checker<'_> {
    fn problem(&mut self, at: &IdedExpr, message: String) -> Type {
        // `stop` is the last character, counted from 0; a macro's own nodes have no place.
        let part = self
            .program
            .source_info()
            .offset_for(at.id)
            .and_then(|(start, stop)| self.source.get(start as usize..=stop as usize))
            .unwrap_or(self.source);
        self.problems.push(ExpressionProblem { message, part: part.to_owned() });
        Type::Wrong
    }

    fn check(&mut self, expr: &IdedExpr) -> Type {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            if self.nodes == MOST_NODES + 1 {
                self.problem(expr, format!("the expression has more than {MOST_NODES} parts; split the control"));
            }
            return Type::Wrong;
        }
        match &expr.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Type::BOOL,
                LiteralValue::Int(_) => Type::INT,
                LiteralValue::String(_) => Type::TEXT,
                LiteralValue::Null => Type::Null,
                _ => self.problem(expr, "only true, false, whole numbers, texts and null can be written".to_owned()),
            },
            Expr::Ident(name) => self.ident(expr, name),
            Expr::Select(select) => self.select(expr, select),
            Expr::Call(call) => self.call(expr, call),
            Expr::List(list) => self.list(expr, list),
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension),
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => self.problem(expr, "maps and messages are not allowed".to_owned()),
        }
    }

    /// The elements have one type, so that `in` and the macros compare like with like. An empty list is one of texts.
    fn list(&mut self, expr: &IdedExpr, list: &ListExpr) -> Type {
        if !list.optional_indices.is_empty() {
            return self.problem(expr, "optional syntax (`?`) is not allowed: write what passes".to_owned());
        }
        let mut of = None;
        for element in &list.elements {
            match (self.check(element), of) {
                (Type::Wrong, _) => {}
                (ty @ (Type::TEXT | Type::INT), None) => of = Some(ty),
                (ty, Some(first)) if ty == first => {}
                (ty @ (Type::TEXT | Type::INT), Some(first)) => {
                    return self.problem(
                        element,
                        format!("a list holds texts or numbers, not both: this is {}, the first is {}", ty.describe(), first.describe()),
                    );
                }
                (ty, _) => return self.problem(element, format!("lists hold texts or numbers, this is {}", ty.describe())),
            }
        }
        if of == Some(Type::INT) { Type::Numbers } else { Type::LIST }
    }

    fn ident(&mut self, expr: &IdedExpr, name: &str) -> Type {
        if let Some((_, ty)) = self.variables.iter().rev().find(|(variable, _)| variable == name) {
            return *ty;
        }
        if name == "ephi" {
            self.asks_scope = true;
            return Type::LIST;
        }
        if name == "param" {
            self.asks_parameters = true;
            return Type::Parameters;
        }
        if name == "row" { Type::Row } else { self.problem(expr, format!("`{name}` is unknown; columns are written `row.<column>`")) }
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr) -> Type {
        if select.test {
            return self.problem(expr, "`has()` is not allowed: an unknown column must not become an answer".to_owned());
        }
        match self.check(&select.operand) {
            Type::Row => match self.schema.column(&select.field) {
                Some((_, column)) => {
                    self.columns.insert(column.name);
                    Type::Value { ty: column.ty, nullable: column.nullable }
                }
                None => {
                    let hint = nearest(&select.field, self.schema).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
                    self.problem(expr, format!("the table `{}` has no column `{}`{hint}", self.schema.name, select.field))
                }
            },
            Type::Parameters if self.parameters.iter().any(|one| one.name == select.field) => Type::INT,
            Type::Parameters => {
                let names = self.parameters.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
                let known = if names.is_empty() { "it has none".to_owned() } else { format!("there are {names}") };
                self.problem(expr, format!("the control has no parameter `{}`; {known}", select.field))
            }
            Type::Wrong => Type::Wrong,
            other => self.problem(expr, format!("{} has no fields", other.describe())),
        }
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr) -> Type {
        let target = call.target.as_deref().map(|target| self.check(target));
        let args: Vec<Type> = call.args.iter().map(|arg| self.check(arg)).collect();
        if args.contains(&Type::Wrong) || target == Some(Type::Wrong) {
            return match call.func_name.as_str() {
                operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT | operators::EQUALS | operators::NOT_EQUALS => {
                    Type::BOOL
                }
                _ => Type::Wrong,
            };
        }
        let bad = |checker: &mut Self, wants: &str| {
            let has = target.iter().chain(&args).map(|ty| ty.describe()).collect::<Vec<_>>().join(" and ");
            checker.problem(expr, format!("{wants}, here it has {has}"))
        };
        match (call.func_name.as_str(), target, args.as_slice()) {
            (operators::LOGICAL_AND | operators::LOGICAL_OR, None, [Type::BOOL, Type::BOOL]) => Type::BOOL,
            (operators::LOGICAL_AND | operators::LOGICAL_OR, ..) => bad(self, "`&&` and `||` need true or false on both sides (compare a nullable column first)"),
            (operators::LOGICAL_NOT, None, [Type::BOOL]) => Type::BOOL,
            (operators::LOGICAL_NOT, ..) => bad(self, "`!` needs true or false"),
            (operators::NOT_STRICTLY_FALSE, None, [_]) => Type::BOOL,
            (operators::CONDITIONAL, None, [Type::BOOL, a, b]) if a == b => *a,
            (operators::CONDITIONAL, ..) => bad(self, "`? :` needs true or false and two values of one type"),
            (operators::EQUALS | operators::NOT_EQUALS, None, [a, b]) if comparable(*a, *b) => Type::BOOL,
            (operators::EQUALS | operators::NOT_EQUALS, ..) => bad(self, "`==` and `!=` compare values of one type"),
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, None, [a, b]) if int_like(*a) && int_like(*b) => Type::BOOL,
            (operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS, ..) => bad(self, "`<` and its kin compare whole numbers"),
            (operators::IN, None, [Type::TEXT, Type::LIST] | [Type::INT, Type::Numbers]) => Type::BOOL,
            (operators::IN, ..) => bad(self, "`in` looks for a text in a list of texts, or for a number in a list of numbers"),
            (operators::ADD, None, [a, b]) if a == b && matches!(*a, Type::TEXT | Type::INT) => *a,
            ("size", None, [Type::TEXT | Type::LIST | Type::Numbers]) | ("size", Some(Type::TEXT | Type::LIST | Type::Numbers), []) => Type::INT,
            ("int", None, [Type::TEXT | Type::INT]) => Type::INT,
            ("contains" | "startsWith" | "endsWith", Some(Type::TEXT), [Type::TEXT]) => Type::BOOL,
            ("size" | "int" | "contains" | "startsWith" | "endsWith", ..) | (operators::ADD, ..) => bad(self, &format!("`{}` does not fit here", name(&call.func_name))),
            (other, ..) => self.problem(expr, format!("`{}` is not allowed; allowed are == != < <= > >= && || ! in + ?:, size, int, contains, startsWith, endsWith, all and exists", name(other))),
        }
    }

    /// `all` and `exists` as the parser expands them; every other macro has another accumulator.
    fn comprehension(&mut self, expr: &IdedExpr, c: &ComprehensionExpr) -> Type {
        let before = std::mem::take(&mut self.columns);
        let range = self.check(&c.iter_range);
        let walked = Walked { columns: self.columns.iter().copied().collect(), literal: literals(&c.iter_range) };
        self.columns.extend(before);
        if !matches!(range, Type::LIST | Type::Numbers | Type::Wrong) {
            self.problem(&c.iter_range, format!("`all` and `exists` walk a list, this is {}", range.describe()));
        }
        let allowed = matches!(&c.accu_init.expr, Expr::Literal(LiteralValue::Boolean(_))) && c.iter_var2.is_none();
        if !allowed {
            return self.problem(expr, "only the macros `all` and `exists` are allowed".to_owned());
        }
        self.variables.push((c.accu_var.clone(), Type::BOOL));
        let element = match range {
            Type::Numbers => Type::INT,
            Type::Wrong => Type::Wrong,
            _ => Type::TEXT,
        };
        self.variables.push((c.iter_var.clone(), element));
        self.within.push(walked);
        self.loops.push(self.within.clone());
        self.check(&c.loop_step);
        self.within.pop();
        self.variables.truncate(self.variables.len() - 2);
        Type::BOOL
    }
}

/// Elements of the lists that are written in a range.
fn literals(range: &IdedExpr) -> u64 {
    match &range.expr {
        Expr::List(list) => list.elements.len() as u64,
        Expr::Call(call) => call.target.iter().map(|target| literals(target)).chain(call.args.iter().map(literals)).sum(),
        _ => 0,
    }
}

fn name(function: &str) -> &str {
    match function {
        operators::SUBSTRACT | operators::NEGATE => "-",
        operators::ADD => "+",
        operators::MULTIPLY => "*",
        operators::DIVIDE => "/",
        operators::MODULO => "%",
        operators::INDEX => "[ ]",
        operators::OPT_INDEX | operators::OPT_SELECT => "optional syntax",
        other => other,
    }
}

fn comparable(a: Type, b: Type) -> bool {
    match (a, b) {
        (Type::Value { ty: a, .. }, Type::Value { ty: b, .. }) => a == b,
        (Type::Value { nullable, .. }, Type::Null) | (Type::Null, Type::Value { nullable, .. }) => nullable,
        (Type::Numbers, Type::Numbers) => true,
        _ => false,
    }
}

fn int_like(ty: Type) -> bool {
    matches!(ty, Type::Value { ty: ColumnType::Int, .. })
}

/// The column whose name is closest to what was written, where it is close.
fn nearest(written: &str, schema: &TableSchema) -> Option<&'static str> {
    let closeness = |name: &str| strsim::jaro_winkler(name, written);
    let best = schema.columns.iter().map(|column| column.name).max_by(|a, b| closeness(a).total_cmp(&closeness(b)))?;
    (closeness(best) > 0.85).then_some(best)
}

#[cfg(test)]
mod tests;
