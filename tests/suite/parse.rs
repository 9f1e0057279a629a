//! The parser: public suites and decided readings as data, and texts that nobody would write.
//!
//! The data stand in `cases/parse/`, one trial per case. A case of a public suite that we read otherwise is named in
//! `differences.json` with the reason; when such a case begins to pass, its trial says so and fails.

mod extremes;

use gradfield::expr::graph::{Graph, Id, Node};
use gradfield::expr::parse::{Context, Declared, ParseError, Parsed, parse, parse_rule};
use gradfield::op::Operations;
use libtest_mimic::{Failed, Trial};
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
    all.extend([("comparison can fail", comparison_can_fail as Check)].map(trial));
    all.extend(extremes::TESTS.map(trial));
    all
}

fn trial((name, run): (&'static str, Check)) -> Trial {
    Trial::test(format!("parse::{name}"), run)
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
