use super::super::row_context::Environment;
use super::*;
use crate::facts::{Cell, Known, Row, schemas};
use crate::model::FactValue;

fn containers() -> &'static TableSchema {
    schemas()[0]
}

fn problems(source: &str) -> Vec<String> {
    match Predicate::compile(source, containers(), &[]) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.into_iter().map(|problem| problem.message).collect(),
    }
}

#[test]
fn accepts_what_the_catalog_needs() {
    for source in [
        "!row.privileged",
        "row.kind != 'init' || row.pods >= 1",
        "row.run_as_user == null || row.run_as_user > 0",
        "row.capabilities_added.all(c, c in ['NET_BIND_SERVICE'])",
        "row.host_path_mounts.exists(p, p == '/' || p.startsWith('/etc'))",
        "size(row.host_ports) == 0 && row.host_ports.size() == 0",
        "(row.cpu_limit == '' ? 0 : 1) == 1",
    ] {
        assert_eq!(problems(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn refuses_everything_that_could_hide_a_mistake() {
    for (source, expected) in [
        ("!row.priviledged", "no column `priviledged`; did you mean `privileged`?"),
        ("row.privileged == 'yes'", "compare values of one type"),
        ("has(row.privileged)", "`has()` is not allowed"),
        ("row.?privileged.orValue(false)", "not"),
        ("row.image.matches('^a')", "`matches` is not allowed"),
        ("row.pods", "must be true or false"),
        ("row.run_as_non_root", "must be true or false, it is bool?"),
        ("!row.run_as_non_root", "`!` needs true or false"),
        ("row.capabilities_added.map(c, c) == []", "only the macros"),
        ("row.capabilities_added.filter(c, c == 'ALL') == []", "only the macros"),
        ("privileged", "columns are written `row.<column>`"),
        ("row.privileged &&", "not a CEL expression"),
        ("row.pods < 'a'", "compare whole numbers"),
        ("row['privileged']", "is not allowed"),
        ("{'a': row.privileged}.a", "maps and messages"),
        ("row.privileged == null", "compare values of one type"),
    ] {
        let found = problems(source);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{source}: {found:?}");
    }
}

#[test]
fn a_list_holds_one_type_and_in_compares_like_with_like() {
    for (source, expected) in [
        ("!(row.phase in [1, 2])", "a text in a list of texts"),
        ("row.namespace in ['a', 1]", "texts or numbers, not both"),
        ("!(row.pods in ['1'])", "a number in a list of numbers"),
        ("!(row.pods in row.capabilities_added)", "a number in a list of numbers"),
        ("row.capabilities_added == [1]", "compare values of one type"),
        ("row.capabilities_added.all(c, c != 1)", "compare values of one type"),
        ("[1, 2].exists(n, n == row.phase)", "compare values of one type"),
    ] {
        let found = problems(source);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{source}: {found:?}");
    }
    for source in ["row.pods in [1, 2]", "row.namespace in ['a', 'b']", "[1, 2].exists(n, n == row.pods)", "row.capabilities_added == []"] {
        assert_eq!(problems(source), Vec::<String>::new(), "{source}");
    }
}

#[test]
fn no_expression_is_too_much_for_the_parser() {
    let deep = |open: &str, close: &str| format!("{}row.privileged{}", open.repeat(20_000), close.repeat(20_000));
    for source in [
        format!("row{}", ".a".repeat(20_000)),
        deep("(", ")"),
        deep("!", ""),
        deep("[", "]"),
        "true ? ".repeat(20_000) + "true",
        "row.privileged || ".repeat(20_000) + "true",
        format!("row.namespace == '{}'", "a".repeat(1_000_000)),
        format!("row.namespace.{}", "startsWith('a').".repeat(20_000)),
    ] {
        let found = problems(&source);
        assert!(found.len() == 1 && found[0].contains("split"), "{}: {found:?}", &source[..40]);
    }
}

#[test]
fn loops_in_loops_come_to_an_end() {
    let many = FactValue::List((0..400).map(|number| number.to_string()).collect());
    let row = row(vec![("capabilities_added", Known::Known(many))]);
    let nested = |depth: usize| {
        let open: String = (0..depth).map(|i| format!("row.capabilities_added.all(c{i}, ")).collect();
        format!("{open}true{}", ")".repeat(depth))
    };
    assert_eq!(eval(&nested(1), &row), Ok(true));
    let Err(undecided) = eval(&nested(4), &row) else { panic!("400 to the fourth steps") };
    assert!(undecided.0.contains("loops in loops"), "{undecided}");
}

/// A million rows: what is left of the work is what counts, and no row is undecided before it is used up.
#[test]
fn many_rows_with_loops_come_to_an_end() {
    let ten = FactValue::List((0..10).map(|number| number.to_string()).collect());
    let row = row(vec![("capabilities_added", Known::Known(ten))]);
    let source = "row.capabilities_added.all(a, row.capabilities_added.all(b, a != 'x' && b != 'x'))";
    let predicate = Predicate::compile(source, containers(), &[]).expect("fits");
    let environment = Environment::default();
    let context = RowContext::new(&environment, containers(), &row);
    // Each row takes 10 steps in the outer loop and 100 in the inner one.
    let mut work = Work::of(110 * 70);
    let answers: Vec<bool> = (0..1_000_000).map(|_| predicate.holds_within(&context, Values::none(), &mut work).is_ok()).collect();
    assert_eq!((answers.iter().filter(|answer| **answer).count(), answers.iter().position(|answer| !answer)), (70, Some(70)));
    let undecided = predicate.holds_within(&context, Values::none(), &mut work).expect_err("nothing is left");
    assert!(undecided.0.contains("over all rows"), "{undecided}");
    // What asks for no loop is decided for every row.
    let plain = Predicate::compile("'a' in row.capabilities_added", containers(), &[]).expect("fits");
    assert!((0..1000).all(|_| plain.holds_within(&context, Values::none(), &mut work) == Ok(false)));
}

#[test]
fn reports_every_problem_at_once() {
    assert_eq!(problems("!row.nope && row.image.matches('x') && row.nada == 1").len(), 3);
}

fn row(cells: Vec<(&str, Cell)>) -> Row {
    let unseen = crate::model::Unseen::read_failed("x", "not read", String::new());
    let mut all: Vec<Cell> = containers().columns.iter().map(|_| Known::Unknown(Box::new(unseen.clone()))).collect();
    for (name, cell) in cells {
        let (index, _) = containers().column(name).unwrap_or_else(|| panic!("no column {name}"));
        all[index] = cell;
    }
    Row {
        key: "k".into(),
        namespace: None,
        subject: crate::model::ObjectRef { kind: "Pod".into(), group: String::new(), namespace: None, name: "p".into(), uid: None }.into(),
        related: vec![],
        origins: vec![],
        cells: all,
        cell_evidence: crate::model::SmallMap::new(),
    }
}

fn eval(source: &str, row: &Row) -> Result<bool, Undecided> {
    let predicate = Predicate::compile(source, containers(), &[]).unwrap_or_else(|problems| panic!("{source}: {problems:?}"));
    predicate.holds(&RowContext::new(&Environment::default(), containers(), row))
}

#[test]
fn an_unknown_column_is_an_error_unless_cel_does_not_need_it() {
    let known = row(vec![("pods", Known::Known(FactValue::Int(1)))]);
    assert!(eval("row.privileged", &known).is_err());
    assert!(eval("!row.privileged", &known).is_err());
    assert!(eval("row.privileged && row.pods == 1", &known).is_err());
    assert_eq!(eval("row.privileged || row.pods == 1", &known), Ok(true));
    assert_eq!(eval("row.pods == 2 && row.privileged", &known), Ok(false));
    assert!(eval("row.capabilities_added.all(c, c == 'X')", &known).is_err());
}

#[test]
fn null_is_known_and_is_no_number() {
    let unset = row(vec![("run_as_user", Known::Known(FactValue::Null))]);
    assert_eq!(eval("row.run_as_user == null", &unset), Ok(true));
    assert_eq!(eval("row.run_as_user == 0", &unset), Ok(false));
    assert!(eval("row.run_as_user > 0", &unset).is_err(), "an ordering with null must not become an answer");
}

#[test]
fn parameters_are_those_of_the_control() {
    let parameter = Parameter {
        name: "most".into(),
        default: 2,
        range: (1, 9),
        stricter: crate::model::Stricter::Less,
        unit: "pods".into(),
        means: "how many".into(),
    };
    let parameters = [parameter];
    let compiled = Predicate::compile("row.pods <= param.most", containers(), &parameters).expect("fits");
    let (three, environment) = (row(vec![("pods", Known::Known(FactValue::Int(3)))]), Environment::default());
    for (set, answer) in [(None, false), (Some(3), true), (Some(1), false)] {
        let set = set.map(|value| [("most".to_owned(), value)].into());
        let values = crate::catalog::parameters::values(&parameters, set.as_ref());
        let context = RowContext::new(&environment, containers(), &three);
        assert_eq!(compiled.decide(&context, &values), Ok(answer), "{values:?}");
    }
    let context = RowContext::new(&environment, containers(), &three);
    assert!(compiled.decide(&context, Values::none()).is_err(), "without a value there is no answer");
    let wrong = |source: &str| Predicate::compile(source, containers(), &parameters).expect_err("wrong").remove(0).message;
    assert!(wrong("row.pods <= param.least").contains("no parameter `least`; there are most"));
    assert!(wrong("param.most == 'two'").contains("compare values of one type"));
    assert!(wrong("param == 2").contains("compare values of one type"));
    assert!(problems("row.pods <= param.most")[0].contains("it has none"));
}
