use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::lint::{Problem, Problems};
use super::parameters::{self, Parameter, ParameterFile, Values};
use super::predicate::Predicate;
use crate::facts::{TableSchema, schemas};
use crate::model::{LookedAt, ParameterValue, Question, Role, ScopeRole, Severity, SourceId};

/// A control file as written; unknown keys are refused, because a misspelt key must not weaken a control.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ControlFile {
    id: Spanned<String>,
    version: u32,
    lifecycle: Lifecycle,
    #[serde(default)]
    kind: Kind,
    title: String,
    severity: Severity,
    severity_because: String,
    over: Option<Spanned<String>>,
    scope: Option<Reach>,
    roles: Option<Spanned<Vec<ScopeRole>>>,
    when: Option<Spanned<String>>,
    require: Option<Spanned<String>>,
    exposed: Option<Spanned<String>>,
    because: String,
    fails: Option<String>,
    finding: Option<Spanned<String>>,
    #[serde(default)]
    show: Vec<Spanned<String>>,
    fix: Option<String>,
    limits: Option<String>,
    #[serde(default)]
    parameters: BTreeMap<String, Spanned<ParameterFile>>,
    question: Option<QuestionFile>,
    #[serde(default)]
    replaces: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Check,
    Manual,
}

/// Whether a control is ready for use.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifecycle {
    /// `preview`, `stable` or `deprecated`.
    pub status: LifecycleStatus,
    /// The version of kube-hipaa that brought it.
    pub since: String,
}

/// The stages of a control's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LifecycleStatus {
    /// May still change its meaning.
    Preview,
    /// Changes its meaning only with its version.
    Stable,
    /// Will be removed.
    Deprecated,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuestionFile {
    ask: String,
    evidence: String,
    who: String,
    role: Option<Role>,
    period: Option<String>,
    applies_when: Option<String>,
    how_often: Option<String>,
}

/// Which rows a control looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Rows in namespaces that hold ePHI, and rows of cluster-scoped things.
    Ephi,
    /// All rows.
    Cluster,
}

impl Reach {
    /// As assessments say it.
    pub fn looked_at(self) -> LookedAt {
        match self {
            Self::Ephi => LookedAt::Ephi,
            Self::Cluster => LookedAt::Cluster,
        }
    }
}

/// A checked control.
#[derive(Debug)]
pub struct Control {
    /// Stable id, `area/name`.
    pub id: String,
    /// Version of its meaning.
    pub version: u32,
    /// Whether it is ready for use.
    pub lifecycle: Lifecycle,
    /// The fact that ought to hold.
    pub title: String,
    /// Severity of its findings.
    pub severity: Severity,
    /// Why that severity.
    pub severity_because: String,
    /// Why it matters.
    pub because: String,
    /// What to change.
    pub fix: String,
    /// What it does not show.
    pub limits: String,
    /// Numbers that an organization may set, sorted by name. The texts above are those of their defaults.
    pub parameters: Vec<Parameter>,
    /// What it does.
    pub kind: ControlKind,
    /// Its texts with places for parameters, where it has any.
    written: Option<Box<ControlTexts>>,
}

/// The texts of a control that may name its parameters.
#[derive(Clone, Debug)]
pub struct ControlTexts {
    /// [`Control::title`].
    pub title: String,
    /// [`Control::fix`].
    pub fix: String,
    /// [`Control::limits`].
    pub limits: String,
    /// [`Check::fails`].
    pub fails: String,
}

impl ControlTexts {
    fn fill(&self, values: &Values) -> Self {
        let Self { title, fix, limits, fails } = self;
        Self { title: values.fill(title), fix: values.fill(fix), limits: values.fill(limits), fails: values.fill(fails) }
    }
}

/// What a control does.
#[derive(Debug)]
pub enum ControlKind {
    /// Checks rows.
    Check(Box<Check>),
    /// Asks a person.
    Manual(Question),
}

/// A check over the rows of one table.
#[derive(Debug)]
pub struct Check {
    /// The table.
    pub table: &'static TableSchema,
    /// Which rows are looked at.
    pub reach: Reach,
    /// Of those in namespaces in scope, the ones of namespaces that have this to do with ePHI.
    pub roles: Vec<ScopeRole>,
    /// Which of them are in scope; all when absent.
    pub when: Option<Predicate>,
    /// What passes.
    pub require: Predicate,
    /// Of what does not pass: what can be reached from outside the cluster or by every identity, which raises the risk.
    pub exposed: Option<Predicate>,
    /// What things that do not meet the check are doing, so that "3 of 41 workloads ..." is a sentence.
    pub fails: String,
    /// The statement of a finding.
    pub finding: Statement,
    /// Columns shown with findings, in order.
    pub show: Vec<usize>,
}

impl Check {
    /// Every column that the check touches.
    pub fn columns(&self) -> BTreeSet<&'static str> {
        let mut columns = self.require.columns().clone();
        columns.extend(self.when.iter().flat_map(|when| when.columns()));
        columns
    }

    /// Whether it asks which namespaces hold ePHI, beside its own rows'.
    pub fn asks_scope(&self) -> bool {
        self.require.asks_scope() || self.when.as_ref().is_some_and(|when| when.asks_scope())
    }

    /// Every source that has to be read completely for a pass. Columns that are only shown are not needed for the verdict.
    pub fn sources(&self) -> Vec<SourceId> {
        self.table.sources_for(self.columns())
    }

    /// What its table and its columns look at besides, where a row asks for it.
    pub fn consulted(&self) -> impl Iterator<Item = &'static SourceId> {
        self.table.consulted_by(self.columns())
    }

    /// What it rests on: [`Check::sources`], and what is looked at besides.
    pub fn rests_on(&self) -> impl Iterator<Item = SourceId> {
        self.sources().into_iter().chain(self.consulted().cloned())
    }
}

impl Control {
    /// The first part of the id.
    pub fn area(&self) -> &str {
        self.id.split('/').next().unwrap_or(&self.id)
    }
    /// The values of its parameters: what was set, and the defaults.
    pub fn values(&self, set: Option<&BTreeMap<String, i64>>) -> Values {
        parameters::values(&self.parameters, set)
    }
    /// Its parameters with these values, as an assessment has them.
    pub fn described(&self, values: &Values) -> Vec<ParameterValue> {
        parameters::described(&self.parameters, values)
    }
    /// Its texts with these values.
    pub fn texts(&self, values: &Values) -> ControlTexts {
        self.written.as_ref().map_or_else(
            || ControlTexts {
                title: self.title.clone(),
                fix: self.fix.clone(),
                limits: self.limits.clone(),
                fails: self.check().map(|check| check.fails.clone()).unwrap_or_default(),
            },
            |written| written.fill(values),
        )
    }
    /// The check, where it is one.
    pub fn check(&self) -> Option<&Check> {
        match &self.kind {
            ControlKind::Check(check) => Some(check),
            ControlKind::Manual(_) => None,
        }
    }
}

/// A sentence with places for columns, written `{row.column}`, and for parameters, written `{param.name}`.
#[derive(Clone, Debug)]
pub struct Statement {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Column(usize),
    /// By name; that it is there was checked.
    Parameter(String),
}

impl Statement {
    fn parse(source: &str, schema: &'static TableSchema) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once('{') {
            pieces.push(Piece::Text(before.to_owned()));
            let (inside, behind) = after.split_once('}').ok_or_else(|| "a `{` without `}`".to_owned())?;
            match inside.strip_prefix("param.") {
                Some(name) => pieces.push(Piece::Parameter(name.to_owned())),
                None => {
                    let name =
                        inside.strip_prefix("row.").ok_or_else(|| format!("`{{{inside}}}`: columns are written `{{row.column}}`"))?;
                    let (index, _) = schema.column(name).ok_or_else(|| format!("the table `{}` has no column `{name}`", schema.name))?;
                    pieces.push(Piece::Column(index));
                }
            }
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// The sentence for a row, with the values of the control's parameters.
    pub fn fill(&self, row: &crate::facts::Row, values: &Values) -> String {
        let said = self.pieces.iter().map(|piece| match piece {
            Piece::Text(text) => Cow::Borrowed(text.as_str()),
            Piece::Column(index) => Cow::Owned(row.fact(*index).to_string()),
            Piece::Parameter(name) => Cow::Owned(values.get(name).map(|value| value.to_string()).unwrap_or_default()),
        });
        // Put together at once: there are as many as findings, and room to grow is memory that none of them needs.
        said.collect::<Vec<_>>().concat()
    }
}

/// Reads and checks one control file. `path` is the path below the catalog's folder, such as `pod/privileged-container.yaml`.
/// Returns the control and whether it says that it replaces a built-in one.
pub(super) fn read(file: &str, path: &str, text: &str, problems: &mut Problems) -> Option<(Control, bool)> {
    let parsed: ControlFile = match serde_saphyr::from_str(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            problems.yaml(file, &error);
            return None;
        }
    };
    let before = problems.len();
    let mut problem = |line: u64, message: String| problems.push(Problem { file: file.to_owned(), line, column: None, message });
    let expected = path.trim_end_matches(".yaml");
    let id = &parsed.id;
    if id.value != expected {
        problem(id.referenced.line(), format!("id `{}` does not match the file's place: expected `{expected}`", id.value));
    }
    if id.value.split('/').count() != 2 || !id.value.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c)) {
        problem(id.referenced.line(), format!("id `{}` must have the form area/name in lower case, digits and dashes", id.value));
    }
    if parsed.version == 0 {
        problem(1, "version starts at 1".to_owned());
    }
    for (key, text) in [("title", &parsed.title), ("severity_because", &parsed.severity_because), ("because", &parsed.because)] {
        if text.trim().is_empty() {
            problem(1, format!("`{key}` must not be empty"));
        }
    }
    let parameters = parameters::read(&parsed.parameters, &mut problem);
    for (key, text) in [
        ("title", Some(&parsed.title)),
        ("fix", parsed.fix.as_ref()),
        ("limits", parsed.limits.as_ref()),
        ("fails", parsed.fails.as_ref()),
        ("finding", parsed.finding.as_ref().map(|finding| &finding.value)),
    ] {
        if let Some(name) = text.and_then(|text| parameters::unknown(text, &parameters)) {
            problem(1, format!("`{key}` names the parameter `{name}`, which the control does not have"));
        }
    }
    let kind = match parsed.kind {
        Kind::Manual => {
            if parsed.over.is_some()
                || parsed.require.is_some()
                || parsed.when.is_some()
                || parsed.exposed.is_some()
                || parsed.finding.is_some()
                || parsed.fails.is_some()
                || parsed.scope.is_some()
                || parsed.roles.is_some()
                || !parsed.show.is_empty()
                || !parsed.parameters.is_empty()
            {
                problem(
                    1,
                    "a manual control has `question` and none of over, scope, when, require, exposed, fails, finding, show, parameters"
                        .to_owned(),
                );
            }
            match parsed.question {
                Some(QuestionFile { ask, evidence, who, role, period, applies_when, how_often }) => {
                    Some(ControlKind::Manual(Question { ask, evidence, who, role, period, applies_when, how_often }))
                }
                None => {
                    problem(1, "a manual control needs `question: {ask, evidence, who}`".to_owned());
                    None
                }
            }
        }
        Kind::Check => {
            if parsed.question.is_some() {
                problem(1, "a check has no `question`; write `kind: manual` for a question to a person".to_owned());
            }
            if parsed.fix.is_none() || parsed.limits.is_none() {
                problem(1, "a check needs `fix` and `limits`".to_owned());
            }
            check(&parsed, &parameters, &mut problem).map(|check| ControlKind::Check(Box::new(check)))
        }
    };
    if problems.len() > before {
        return None;
    }
    let written = ControlTexts {
        title: parsed.title,
        fix: parsed.fix.unwrap_or_default().trim().to_owned(),
        limits: parsed.limits.unwrap_or_default().trim().to_owned(),
        fails: parsed.fails.unwrap_or_default(),
    };
    let texts = written.fill(&parameters::values(&parameters, None));
    let mut kind = kind?;
    if let ControlKind::Check(check) = &mut kind {
        check.fails = texts.fails;
    }
    let control = Control {
        id: parsed.id.value,
        version: parsed.version,
        lifecycle: parsed.lifecycle,
        title: texts.title,
        severity: parsed.severity,
        severity_because: parsed.severity_because,
        because: parsed.because.trim().to_owned(),
        fix: texts.fix,
        limits: texts.limits,
        written: (!parameters.is_empty()).then(|| Box::new(written)),
        parameters,
        kind,
    };
    Some((control, parsed.replaces))
}

fn check(parsed: &ControlFile, parameters: &[Parameter], problem: &mut impl FnMut(u64, String)) -> Option<Check> {
    let roles = match &parsed.roles {
        Some(roles) if parsed.scope != Some(Reach::Ephi) || roles.value.is_empty() => {
            problem(roles.referenced.line(), "`roles` narrows `scope: ephi` to some of maintains, transmits, administers".to_owned());
            return None;
        }
        Some(roles) => roles.value.clone(),
        None => ScopeRole::ALL.to_vec(),
    };
    let (Some(over), Some(require), Some(fails), Some(finding), Some(reach)) =
        (&parsed.over, &parsed.require, &parsed.fails, &parsed.finding, parsed.scope)
    else {
        problem(1, "a check needs `over`, `scope`, `require`, `fails` and `finding`".to_owned());
        return None;
    };
    let Some(table) = schemas().into_iter().find(|schema| schema.name == over.value) else {
        let known = schemas().iter().map(|schema| schema.name).collect::<Vec<_>>().join(", ");
        problem(over.referenced.line(), format!("there is no table `{}`; tables are {known}", over.value));
        return None;
    };
    let mut compile = |source: &Spanned<String>| match Predicate::compile(&source.value, table, parameters) {
        Ok(predicate) => Some(predicate),
        Err(found) => {
            for wrong in found {
                problem(source.referenced.line(), format!("{} (in `{}`)", wrong.message, wrong.part));
            }
            None
        }
    };
    let when = parsed.when.as_ref().map(&mut compile);
    let exposed = parsed.exposed.as_ref().map(&mut compile);
    let require = compile(require);
    let statement = Statement::parse(&finding.value, table)
        .map_err(|message| problem(finding.referenced.line(), format!("in `finding`: {message}")))
        .ok();
    let mut show = Vec::new();
    for name in &parsed.show {
        match table.column(&name.value) {
            Some((index, _)) => show.push(index),
            None => problem(name.referenced.line(), format!("the table `{}` has no column `{}`", table.name, name.value)),
        }
    }
    // What is written and does not compile must not count as not written.
    if matches!(when, Some(None)) || matches!(exposed, Some(None)) {
        return None;
    }
    Some(Check {
        table,
        reach,
        roles,
        when: when.flatten(),
        require: require?,
        exposed: exposed.flatten(),
        fails: fails.clone(),
        finding: statement?,
        show,
    })
}
