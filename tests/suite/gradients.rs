//! Values and gradients of some 130 expressions against numbers of 20 digits (`cases/gradients.json`; its sources and
//! licences are in `cases/README.md`).
//!
//! No single tolerance: a result may be off by four times what a textbook forward-mode evaluation in the same format
//! is off by at that point (given in the data), or by the bound that gradfield computes for itself, whichever is
//! larger; and by a few ULP in any case.

use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::backend::Backend;
use gradfield::backend::bound::{Checked, Checker};
use gradfield::expr::{Context, Declared};
use gradfield::field::{output_names, tape_of};
use gradfield::points::{Points, Values};
use gradfield::verify::compare;
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

static DATA: &str = include_str!("../cases/gradients.json");

pub(crate) fn tests() -> Vec<Trial> {
    let data: Value = serde_json::from_str(DATA).expect("the case file is JSON");
    let cases = data["cases"].as_array().expect("cases").clone();
    let mut tests = on_each("gradients::cases", move |engine, backend| all(&cases, engine, backend));
    let kinks = data["kinks"].as_array().expect("kinks").clone();
    tests.extend(on_each("gradients::kinks", move |engine, backend| {
        kinks.iter().try_for_each(|case| kink(case, engine, backend))
    }));
    let singular = data["singular"].as_array().expect("singular").clone();
    tests.extend(on_each("gradients::singular", move |engine, backend| {
        singular.iter().try_for_each(|case| singularity(case, engine, backend))
    }));
    tests
}

/// Every case; and the bound says something: in the median case the worst error is more than a fiftieth of it.
fn all(cases: &[Value], engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (mut wrong, mut shares) = (Vec::new(), Vec::new());
    for case in cases {
        match check(case, engine, backend) {
            Ok(share) => shares.push(share),
            Err(failed) => wrong.push(failed.message().unwrap_or("").to_string()),
        }
    }
    require(wrong.is_empty(), || wrong.join("\n"))?;
    shares.sort_by(f64::total_cmp);
    let median = shares[shares.len() / 2];
    eprintln!("{} {}: the median of the cases' worst shares is {median:.3}", engine.name, engine.precision.name());
    // The reference is checked against itself.
    require(median > 0.02 || engine.name == "reference", || format!("the bound says little: the median is {median}"))
}

fn number(value: &Value) -> f64 {
    match value {
        Value::String(text) if text == "inf" => f64::INFINITY,
        Value::String(text) if text == "-inf" => f64::NEG_INFINITY,
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        other => other.as_f64().unwrap_or(f64::NAN),
    }
}

/// Columns of f and the partials.
fn evaluate(
    expression: &Expression,
    points: &Points,
    engine: Engine,
    backend: &dyn Backend,
) -> Result<Vec<Values>, Failed> {
    let outputs = expression.gradient()?;
    let tape = tape_of(&outputs);
    let mut columns = vec![Values::zeros(engine.precision, points.len()); tape.outputs.len()];
    backend.prepare(&tape, engine.precision)?.evaluate(points, &[], &mut columns)?;
    Ok(columns)
}

/// One case; the worst share of the bound.
fn check(case: &Value, engine: Engine, backend: &dyn Backend) -> Result<f64, Failed> {
    let text = case["expr"].as_str().expect("expr");
    let declare = |name: &Value| name.as_str().expect("a name").parse::<Declared>();
    let variables = case["vars"].as_array().expect("vars").iter().map(declare).collect::<Result<Vec<_>, _>>()?;
    let expression = Expression::parse_with(text, &Context { variables: Some(variables), ..Context::default() })?;
    let cases = case["points"].as_array().expect("points");
    let n = expression.variables().len();
    let column = |v: usize| cases.iter().map(|point| number(&point["x"][v])).collect();
    let points = Points::columns((0..n).map(column).collect());
    let columns = evaluate(&expression, &points, engine, backend)?;
    let tape = tape_of(&expression.gradient()?);
    let checked = Checker::new(backend, engine.precision).check(&tape, &points, &[], 0, points.len());
    for (k, point) in cases.iter().enumerate() {
        let out_of_range = point["tags"].as_array().is_some_and(|tags| !tags.is_empty());
        if engine.precision == Precision::F32 && out_of_range {
            continue;
        }
        judge(point, k, &columns, &checked, engine)
            .map_err(|why| Failed::from(format!("{text} at {}: {why}", point["x"])))?;
    }
    let names = output_names(expression.variables(), columns.len());
    let report = compare(&tape, &names, &points, &[], &columns, backend, engine.precision)?;
    require(report.passed(), || format!("{text}: {:#?}", report.outputs))?;
    Ok(report.outputs.iter().map(|output| output.worst_share).fold(0.0, f64::max))
}

/// One point: f relative to f, each partial relative to the largest.
fn judge(point: &Value, k: usize, columns: &[Values], checked: &[Checked], engine: Engine) -> Result<(), String> {
    let naive = &point[if engine.precision == Precision::F32 { "naive_f32" } else { "naive_f64" }];
    let partials: Vec<f64> = point["grad"].as_array().expect("grad").iter().map(number).collect();
    let largest = partials.iter().fold(0.0, |a: f64, b| a.max(b.abs()));
    let expected = std::iter::once(number(&point["f"])).chain(partials);
    for (output, expected) in expected.enumerate() {
        let got = columns[output].get(k);
        // Where the naive way is not finite there is no yardstick but the bound.
        let (share, scale) = if output == 0 { (&naive[0], expected.abs()) } else { (&naive[1], largest) };
        let ulp = engine.precision.ulp(scale);
        let yardstick = 4.0 * share.as_f64().unwrap_or(0.0) * scale + 8.0 * ulp;
        let sensitivity = point["lit_sens"].as_f64().unwrap_or(0.0) * scale;
        let allowed = yardstick.max(checked[output].bound[k]) + sensitivity + engine.precision.smallest_normal();
        let off = (got - expected).abs();
        if (off > allowed || off.is_nan()) && checked[output].unjudged[k].is_none() {
            return Err(format!(
                "output {output} is {got}, not {expected}; allowed {allowed:e}, off by {:e}",
                (got - expected).abs()
            ));
        }
    }
    Ok(())
}

/// f and gradient at the one point of a case.
fn at_point(case: &Value, engine: Engine, backend: &dyn Backend) -> Result<(String, Vec<f64>), Failed> {
    let text = case["expr"].as_str().expect("expr");
    let expression = Expression::parse(text)?;
    let at = |name: &String| vec![number(&case["x"][name.as_str()])];
    let points = Points::columns(expression.variables().iter().map(at).collect());
    let columns = evaluate(&expression, &points, engine, backend)?;
    Ok((text.to_string(), columns.iter().map(|column| column.get(0)).collect()))
}

fn kink(case: &Value, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (text, values) = at_point(case, engine, backend)?;
    let right = |(value, interval): (&f64, &Value)| (number(&interval[0])..=number(&interval[1])).contains(value);
    let intervals = case["grad_interval"].as_array().expect("intervals");
    let slopes = values[1..].iter().zip(intervals).all(right);
    require(slopes && values[0] == number(&case["f"]), || format!("{text}: {values:?}, expected {case}"))
}

/// What the data say in words, as alternatives joined by `or`; words that demand nothing pass.
fn singularity(case: &Value, engine: Engine, backend: &dyn Backend) -> Result<(), Failed> {
    let (text, values) = at_point(case, engine, backend)?;
    let fits = |value: f64, words: &Value| match words {
        Value::String(words) => words.split(" or ").any(|word| match word.split([' ', ';']).next().unwrap_or("") {
            "nan" => value.is_nan(),
            "inf" => value == f64::INFINITY,
            "-inf" => value == f64::NEG_INFINITY,
            "0" => value == 0.0,
            "1" => value == 1.0,
            _ => true,
        }),
        number => number.as_f64() == Some(value),
    };
    let value = fits(values[0], &case["f"]) || text == "1/x" && values[0].is_infinite();
    let slopes = values[1..].iter().all(|slope| fits(*slope, &case["grad"]) || text == "1/x" && slope.is_infinite());
    require(value && slopes, || {
        format!("{text} at {}: {values:?}, expected {} and {}", case["x"], case["f"], case["grad"])
    })
}
