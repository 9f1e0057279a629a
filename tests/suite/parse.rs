//! The parser: public suites and decided readings as data, and texts that nobody would write.
//!
//! The data stand in `cases/parse/`, one trial per case. A case of a public suite that we read otherwise is named in
//! `differences.json` with the reason; when such a case begins to pass, its trial says so and fails.

use gradfield::expr::graph::{Graph, Id, Node};
use gradfield::expr::parse::{Context, Declared, ParseError, Parsed, parse, parse_rule};
use gradfield::op::Operations;
use libtest_mimic::{Failed, Trial};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

type Outcome = Result<(), Failed>;
type Check = fn() -> Outcome;

/// All trials of the parser.
pub(crate) fn tests() -> Vec<Trial> {
    let mut all = Vec::new();
    all.extend(trials("values", include_str!("../cases/parse/values.json"), value));
    all.extend(trials("errors", include_str!("../cases/parse/errors.json"), error));
    all.extend(trials("ambiguous", include_str!("../cases/parse/ambiguous.json"), value));
    all.extend(trials("decided", include_str!("../cases/parse/decided.json"), decided));
    all.extend(trials("rules", include_str!("../cases/parse/rules.json"), rule));
    all.extend(trials("shown", include_str!("../cases/parse/shown.json"), shown));
    let extremes: [(&str, Check); 8] = [
        ("comparison can fail", comparison_can_fail),
        ("nesting", nesting),
        ("long texts", long_texts),
        ("limits", limits),
        ("declared variables", declared_variables),
        ("random text", random_text),
        ("token soup", token_soup),
        ("printed errors are plain", printed_errors),
    ];
    all.extend(extremes.map(|(name, run)| Trial::test(format!("parse::{name}"), run)));
    all
}

// ---- Cases as data ----

#[derive(Deserialize)]
struct File<Case> {
    cases: Vec<Case>,
}

trait Text {
    fn text(&self) -> &str;
}

/// One trial per case of a file; `run` compares, and a declared difference turns its verdict about.
fn trials<Case>(file: &'static str, data: &str, run: fn(&Case) -> Outcome) -> Vec<Trial>
where
    Case: DeserializeOwned + Text + Send + 'static,
{
    let cases: File<Case> = serde_json::from_str(data).unwrap_or_else(|e| panic!("{file}.json: {e}"));
    let differences: File<Difference> =
        serde_json::from_str(include_str!("../cases/parse/differences.json")).expect("differences.json is in its form");
    let mut trials = Vec::new();
    for (k, case) in cases.cases.into_iter().enumerate() {
        let shown: String = case.text().escape_debug().to_string().chars().take(60).collect();
        let known = differences.cases.iter().find(|other| other.file == file && other.text == case.text());
        let reason = known.map(|difference| difference.reason.clone());
        let verdict = move || match (run(&case), reason) {
            (outcome, None) => outcome,
            (Err(_), Some(_)) => Ok(()),
            (Ok(()), Some(reason)) => Err(format!("mended, remove it from differences.json: {reason}").into()),
        };
        trials.push(Trial::test(format!("parse::{file} {k} {shown}"), verdict));
    }
    trials
}

/// A case that we read otherwise, and why.
#[derive(Deserialize)]
struct Difference {
    file: String,
    text: String,
    reason: String,
}

/// A text with its value, or "error", at the variables.
#[derive(Deserialize)]
struct Value {
    text: String,
    at: BTreeMap<String, f64>,
    value: String,
}

/// A text that is refused.
#[derive(Deserialize)]
struct Refused {
    text: String,
    vars: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
struct Decided {
    text: String,
    vars: Option<Vec<String>>,
    #[serde(default)]
    set: BTreeMap<String, f64>,
    #[serde(default)]
    at: BTreeMap<String, f64>,
    value: Option<String>,
    variables: Option<Vec<String>>,
    #[serde(default)]
    notes: Vec<String>,
    error: Option<String>,
    #[serde(default)]
    span: [usize; 2],
    #[serde(default)]
    hint: String,
}

#[derive(Deserialize)]
struct RuleCase {
    text: String,
    names: Vec<String>,
    #[serde(default)]
    variables: Vec<String>,
    #[serde(default)]
    at: BTreeMap<String, f64>,
    #[serde(default)]
    assigned: BTreeMap<String, String>,
    error: Option<String>,
    #[serde(default)]
    span: [usize; 2],
}

#[derive(Deserialize)]
struct Shown {
    text: String,
    shown: String,
}

macro_rules! has_text {
    ($($case:ty),+) => {
        $(impl Text for $case {
            fn text(&self) -> &str {
                &self.text
            }
        })+
    };
}
has_text!(Value, Refused, Decided, RuleCase, Shown);

fn value(case: &Value) -> Outcome {
    let declared = case.at.keys().map(|name| declare(name)).collect();
    for variables in [Some(declared), None] {
        let parsed = parse(&case.text, &Context { variables, ..Context::default() });
        match (parsed, case.value.as_str()) {
            (Err(_), "error") => {}
            (Err(error), _) => return Err(error.to_string().into()),
            (Ok(parsed), expected) => agree(evaluate(&parsed, &case.at)?, expected)?,
        }
    }
    Ok(())
}

fn error(case: &Refused) -> Outcome {
    let variables = Some(case.vars.iter().map(|name| declare(name)).collect());
    match parse(&case.text, &Context { variables, ..Context::default() }) {
        Ok(_) => Err(format!("accepted in spite of: {}", case.reason).into()),
        Err(error) => within(&case.text, &error),
    }
}

fn decided(case: &Decided) -> Outcome {
    let variables = case.vars.as_ref().map(|names| names.iter().map(|name| declare(name)).collect());
    let parameters = case.set.clone().into_iter().collect();
    let parsed = parse(&case.text, &Context { variables, parameters, operations: Operations::default() });
    match (parsed, &case.error, &case.value) {
        (Err(error), Some(message), _) => {
            within(&case.text, &error)?;
            same("the message", error.message().contains(message.as_str()), error.message(), message)?;
            let span = error.span();
            same("the place", [span.start, span.end] == case.span, format!("{span:?}"), format!("{:?}", case.span))?;
            let hint = error.suggestion().unwrap_or_default();
            same("the hint", hint.contains(&case.hint), hint, &case.hint)
        }
        (Ok(parsed), None, Some(expected)) => {
            agree(evaluate(&parsed, &case.at)?, expected)?;
            let notes: Vec<&str> = parsed.notes.iter().map(|note| note.text.as_str()).collect();
            same("the notes", notes == case.notes, format!("{notes:?}"), format!("{:?}", case.notes))?;
            let order = case.variables.as_ref().unwrap_or(&parsed.variables);
            same("the variables", parsed.variables == *order, format!("{:?}", parsed.variables), format!("{order:?}"))
        }
        (Ok(_), Some(message), _) => Err(format!("accepted, expected an error: {message}").into()),
        (Err(error), ..) => Err(error.to_string().into()),
        (Ok(_), None, None) => Err("the case says neither value nor error".into()),
    }
}

fn rule(case: &RuleCase) -> Outcome {
    match (parse_rule(&case.text, &case.names, &Operations::default()), &case.error) {
        (Err(error), Some(message)) => {
            same("the message", error.message().contains(message.as_str()), error.message(), message)?;
            let span = error.span();
            same("the place", [span.start, span.end] == case.span, format!("{span:?}"), format!("{:?}", case.span))
        }
        (Ok(rule), None) => {
            let found = format!("{:?}", rule.variables);
            same("the variables", rule.variables == case.variables, found, format!("{:?}", case.variables))?;
            let names: Vec<&String> = rule.assigned.iter().map(|(name, _)| name).collect();
            same("the assignments", names.len() == case.assigned.len(), format!("{names:?}"), "those of the case")?;
            for (name, id) in &rule.assigned {
                agree(value_of(&rule.graph, *id, &rule.variables, &case.at)?, &case.assigned[name])?;
            }
            Ok(())
        }
        (Ok(_), Some(message)) => Err(format!("accepted, expected an error: {message}").into()),
        (Err(error), None) => Err(error.to_string().into()),
    }
}

fn shown(case: &Shown) -> Outcome {
    match parse(&case.text, &Context::default()) {
        Ok(_) => Err("accepted".into()),
        Err(error) => same("the text", error.to_string() == case.shown, error.to_string(), &case.shown),
    }
}

// ---- Comparing ----

fn declare(name: &str) -> Declared {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn same(what: &str, good: bool, found: impl std::fmt::Display, expected: impl std::fmt::Display) -> Outcome {
    if good { Ok(()) } else { Err(format!("{what}:\n{found}\nexpected:\n{expected}").into()) }
}

/// The suite's rule: relative 1e-12 plus absolute 1e-12; NaN and infinity as themselves.
fn agree(found: f64, expected: &str) -> Outcome {
    let wanted: f64 = expected.parse().map_err(|_| format!("expected `{expected}`, found {found}"))?;
    let close = wanted.is_finite() && (found - wanted).abs() <= 1e-12 * wanted.abs() + 1e-12;
    same("the value", close || found == wanted || (found.is_nan() && wanted.is_nan()), found, expected)
}

fn comparison_can_fail() -> Outcome {
    for (found, expected) in
        [(1.0, "1.00000000001"), (-1.0, "1"), (f64::NAN, "1"), (1.0, "nan"), (1.0, "inf"), (1.0, "error")]
    {
        same("agreement", agree(found, expected).is_err(), found, expected)?;
    }
    agree(1.0, "1.0000000000001")
}

fn evaluate(parsed: &Parsed, at: &BTreeMap<String, f64>) -> Result<f64, Failed> {
    value_of(&parsed.graph, parsed.value, &parsed.variables, at)
}

/// The value of a node: the table's reference operations, node by node.
fn value_of(graph: &Graph, root: Id, variables: &[String], at: &BTreeMap<String, f64>) -> Result<f64, Failed> {
    let mut values: Vec<f64> = Vec::new();
    for (_, node) in graph.iter() {
        values.push(match node {
            Node::Number(bits) => f64::from_bits(bits),
            Node::Variable(place) => {
                let name = &variables[place as usize];
                *at.get(name).ok_or_else(|| format!("an unexpected variable `{name}`"))?
            }
            Node::Apply(op, operands) => op.apply(operands.map(|operand| values[operand.index()])),
        });
    }
    Ok(values[root.index()])
}

/// The place of an error lies within the text, between characters.
fn within(text: &str, error: &ParseError) -> Outcome {
    let span = error.span();
    let good = span.start <= span.end && text.get(span.clone()).is_some() && error.position() == span.start;
    same("the place of the error", good, format!("{span:?} of {} bytes: {error}", text.len()), "within the text")
}

// ---- Texts that nobody would write ----

/// A text in a thread with the stack of a library user's thread: 2 MiB.
fn in_small_stack(text: String) -> Result<Parsed, ParseError> {
    let run = move || parse(&text, &Context::default());
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(run).expect("a thread starts");
    thread.join().expect("no panic")
}

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + inner + &close.repeat(depth)
}

fn nesting() -> Outcome {
    let shapes = [
        ("(", "x", ")"),
        ("sin(", "x", ")"),
        ("if(1,1 or 1 and not 1<1+1*-2^(", "x", "),2)"),
        ("max(1,", "x", ")"),
        ("g(t)=t+x;g(", "x", ")"),
        ("-", "x", ""),
        ("+", "x", ""),
        ("2^", "x", ""),
        ("2^-", "x", ""),
        ("not ", "x", ""),
        ("if(x>0, ", "x", ""),
        ("x[", "1", "]"),
        ("sum(i,1,1,", "x", ")"),
    ];
    for (open, inner, close) in shapes {
        for depth in [100, 200, 201, 5000, 200_000 / open.len()] {
            let text = nested(open, inner, close, depth);
            if let Err(error) = in_small_stack(text.clone()) {
                within(&text, &error)?;
            }
        }
    }
    for (open, close, message) in [
        ("(", ")", "nested too deeply: 201 levels, the limit is 200"),
        ("-", "", "too many signs, powers or `not` in a row: 201, the limit is 200"),
        ("2^", "", "too many signs, powers or `not` in a row: 201, the limit is 200"),
    ] {
        in_small_stack(nested(open, "x", close, 200)).map_err(|error| error.to_string())?;
        let error = in_small_stack(nested(open, "x", close, 201)).err().ok_or("201 levels are accepted")?;
        same("the message", error.message() == message, error.message(), message)?;
    }
    Ok(())
}

fn long_texts() -> Outcome {
    for (text, nodes) in [
        ("a+b+".repeat(50_000) + "c", 100_003),
        ("xy*".repeat(60_000) + "z", 120_003),
        ("1/2x+".repeat(40_000) + "z", 40_004),
        ("ab ".repeat(60_000) + "c", 120_003),
    ] {
        let parsed = in_small_stack(text).map_err(|error| error.to_string())?;
        same("the nodes", parsed.graph.len() == nodes, parsed.graph.len(), nodes)?;
        same("the notes", parsed.notes.len() <= 17, parsed.notes.len(), "some 16")?;
    }
    Ok(())
}

/// Each limit is told with its value.
fn limits() -> Outcome {
    let doubling: String = (1..60).map(|k| format!("f{k}(t) = f{}(t + {k}) f{}(t - {k}); ", k - 1, k - 1)).collect();
    for (text, message) in [
        ("x+".repeat(500_000) + "x", "the text is too long: 1000001 bytes, the limit is 262144"),
        ("sum(i, 1, 1e300, x)".to_owned(), "a bound is an integer up to 9e15, not 1e300"),
        ("sum(i, 0, 1e15, x)".to_owned(), "too many terms: 1000000000000001 in all sums and products, the limit is"),
        ("sum(i, 1, 1001, sum(j, 1, 1000, 1))".to_owned(), "too many terms: 100"),
        ("x[100001]".to_owned(), "`x[100001]` is out of range: the index is from 1 to 100000"),
        ("x[60000] + y[60000]".to_owned(), "too many variables: 120000, the limit is 100000"),
        (format!("f0(t) = t^2; {doubling}f59(x)"), "the expression is too large: "),
    ] {
        let error = in_small_stack(text.clone()).err().ok_or_else(|| format!("accepted: {message}"))?;
        same("the message", error.message().contains(message), error.message(), message)?;
        within(&text, &error)?;
    }
    Ok(())
}

fn declared_variables() -> Outcome {
    for (components, message) in [(0, "`x` has 0 components"), (100_001, "`x` has 100001 components")] {
        let variables = Some(vec![Declared { name: "x".to_owned(), components: Some(components) }]);
        let error = parse("1", &Context { variables, ..Context::default() }).err().ok_or("accepted")?;
        same("the message", error.message().contains(message), error.message(), message)?;
    }
    for (text, name, components) in
        [("x", "x", None), (" width ", "width", None), ("x[5]", "x", Some(5)), ("x [ 5 ]", "x", Some(5))]
    {
        let declared: Declared = text.parse().map_err(|error: ParseError| error.to_string())?;
        let found = (declared.name.as_str(), declared.components);
        same("the variable", found == (name, components), declared.to_string(), text)?;
    }
    for text in [
        "",
        "2x",
        "x y",
        "x[",
        "x[0]",
        "x[-1]",
        "x[5",
        "x[5]]",
        "x[1e2]",
        "x[100001]",
        "[5]",
        "not",
        "_x",
        "é",
        "x[\u{1b}]",
    ] {
        match text.parse::<Declared>() {
            Ok(declared) => return Err(format!("accepted `{declared}`").into()),
            Err(error) => within(text, &error)?,
        }
    }
    Ok(())
}

/// Runs `check` on random values of a strategy.
fn random<S: Strategy>(strategy: S, check: impl Fn(S::Value) -> Outcome) -> Outcome
where
    S::Value: std::fmt::Debug,
{
    let mut runner = TestRunner::new(Config { cases: 500, failure_persistence: None, ..Config::default() });
    let run = |value| check(value).map_err(|failed| TestCaseError::fail(failed.message().unwrap_or("").to_owned()));
    runner.run(&strategy, run).map_err(|error| error.to_string().into())
}

/// Whatever a text is, it is read or refused with a place in it; and twice alike.
fn reads_or_refuses(text: &str) -> Outcome {
    let declared = ["x", "y[3]", "width"].map(declare).to_vec();
    let parameters = vec![("a".to_owned(), 2.0)];
    for variables in [None, Some(declared)] {
        let context = Context { variables, parameters: parameters.clone(), operations: Operations::default() };
        match (parse(text, &context), parse(text, &context)) {
            (Ok(one), Ok(two)) => {
                same(
                    "the second reading",
                    one.variables == two.variables && one.value == two.value,
                    text,
                    "the first",
                )?;
                let at = one.variables.iter().map(|name| (name.clone(), 0.5)).collect();
                evaluate(&one, &at)?;
            }
            (Err(one), Err(two)) => {
                within(text, &one)?;
                same("the second error", one == two, two, one)?;
            }
            _ => return Err("read once and refused once".into()),
        }
    }
    if let Err(error) = parse_rule(text, &["x".to_owned(), "g".to_owned()], &Operations::default()) {
        within(text, &error)?;
    }
    Ok(())
}

fn random_text() -> Outcome {
    random(".{0,60}", |text| reads_or_refuses(&text))?;
    random("[ -~]{0,40}", |text| reads_or_refuses(&text))?;
    random("[xyae0-9.()\\[\\],;=+*/^<²π -]{0,40}", |text| reads_or_refuses(&text))
}

const TOKENS: [&str; 64] = [
    "x",
    "y",
    "xy",
    "width",
    "y[",
    "y[1]",
    "a",
    "e",
    "pi",
    "π",
    "g",
    "g(",
    "g(t) = t^2;",
    "r = x;",
    "r",
    "i",
    "sum(i, 1, 3,",
    "prod(i, 0, 2,",
    "sum(",
    "sin(",
    "sin",
    "max(",
    "if(",
    "if(1,",
    "if(x,",
    "not ",
    " and ",
    " or ",
    "<",
    "<=",
    "==",
    "=",
    "!=",
    "+",
    "-",
    "*",
    "/",
    "^",
    "**",
    "·",
    "−",
    "²",
    "⁻¹",
    "(",
    ")",
    ")",
    ")",
    "[",
    "]",
    ",",
    ",",
    ";",
    "1",
    "2.5",
    ".5",
    "2e",
    "1e3",
    "0",
    " ",
    "\n",
    "$",
    "\u{1b}",
    "é",
    "x_1",
];

fn token_soup() -> Outcome {
    let soup = proptest::collection::vec(proptest::sample::select(TOKENS.to_vec()), 0..24);
    random(soup, |tokens| reads_or_refuses(&tokens.concat()))
}

/// No control character of a text reaches the terminal, and the carets stand within the shown line.
fn printed_errors() -> Outcome {
    random("(\\PC|\\pC|[x+1\n\t]){0,80}", |text| {
        let Err(error) = parse(&text, &Context::default()) else { return Ok(()) };
        let shown = error.to_string();
        let plain = shown.chars().all(|c| c == '\n' || !c.is_control());
        same("the printed error", plain, shown.escape_debug(), "without control characters")?;
        same("the lines", shown.lines().count() <= 4, &shown, "four lines at most")?;
        same("the width", shown.lines().all(|line| line.chars().count() < 200), &shown, "short lines")
    })
}
