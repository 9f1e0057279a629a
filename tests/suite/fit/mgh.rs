//! The least-squares problems of Moré, Garbow and Hillstrom as lists of residuals, and the page of the docs that shows how
//! they come out.

use super::Check;
use crate::agree::require;
use crate::engines::{Engine, on_each};
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::starts::uniform_box;
use gradfield::fit::residuals::Ends;
use gradfield::fit::{Options, Residuals, Status};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use std::fmt::Write;
use std::path::Path;

const CASES: &str = include_str!("../../cases/fit/mgh.json");

/// Digits that a sum of squares has in common with the listed one, where that is not 0.
const VALUE: f64 = 9.0;
/// Digits of parameters at a minimum with a regular Jacobian.
const PLACE: f64 = 6.0;
/// The least square of a pivot of a Jacobian that is not singular.
const SINGULAR: f64 = 1e-13;
/// What is 0: sums of squares, in parts of the one at the start.
const ZERO: f64 = 1e-20;
/// Starts for the second minimum of number 18.
const STARTS: usize = 200;

#[derive(Deserialize)]
struct Cases {
    problems: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    number: u32,
    name: String,
    start: Vec<f64>,
    residuals: Vec<String>,
    /// The same with `each`.
    short: Option<String>,
    minima: Vec<Minimum>,
}

#[derive(Deserialize)]
struct Minimum {
    f: String,
    /// The places that have it.
    x: Vec<Vec<String>>,
}

/// How far an end agrees with the minimum listed first.
struct Agreement {
    /// Of the sum of squares; infinite where both are 0.
    value: f64,
    /// Of the worst parameter, at the place that is nearest; none where the Jacobian is singular, or nearly so.
    place: Option<f64>,
}

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = vec![
        Trial::test("fit::mgh::from_the_standard_starts", standard),
        Trial::test("fit::mgh::the_second_minimum", second),
        Trial::test("fit::mgh::each_is_the_list", each_is_the_list),
        Trial::test("fit::mgh::neighbours_and_threads_change_no_bit", neighbours),
        Trial::test("fit::mgh::the_page_in_the_docs_is_true", page_is_true),
    ];
    tests.extend(on_each("fit::mgh::on_each_engine", on_engine));
    tests
}

fn cases() -> Result<Vec<Case>, Failed> {
    Ok(serde_json::from_str::<Cases>(CASES)?.problems)
}

fn solve(text: &str, starts: Vec<Vec<f64>>, threads: usize) -> Result<Ends, Failed> {
    let residuals = Residuals::parse(text, &[], &[])?;
    Ok(residuals.solve(&Options::from(starts, Precision::F64), &Cpu::new(Some(threads))?, Precision::F64)?)
}

/// Digits in common, of 17.
fn digits(got: f64, right: f64) -> f64 {
    if got == right { 17.0 } else { (-((got - right) / right).abs().log10()).clamp(0.0, 17.0) }
}

impl Case {
    fn text(&self) -> String {
        self.residuals.join("; ")
    }

    fn ends(&self) -> Result<Ends, Failed> {
        solve(&self.text(), vec![self.start.clone()], 2)
    }

    /// The sum of squares at the start.
    fn first(&self) -> Result<f64, Failed> {
        let residuals = Residuals::parse(&self.text(), &[], &[])?;
        let mut options = Options::from(vec![self.start.clone()], Precision::F64);
        options.rules.steps = 1;
        Ok(residuals.solve(&options, &Cpu::new(Some(1))?, Precision::F64)?.best.objective)
    }

    fn agreement(&self, ends: &Ends) -> Result<Agreement, Failed> {
        let (listed, found) = (&self.minima[0], &ends.best);
        let right: f64 = listed.f.parse()?;
        let zero = right == 0.0 && found.objective <= ZERO * self.first()?;
        let value = if zero { f64::INFINITY } else { digits(found.objective, right) };
        if found.singular || found.pivot < SINGULAR {
            return Ok(Agreement { value, place: None });
        }
        let mut place = 0.0f64;
        for x in &listed.x {
            place = place.max(worst(&found.estimates, &x.iter().map(|x| x.parse()).collect::<Result<Vec<f64>, _>>()?));
        }
        Ok(Agreement { value, place: Some(place) })
    }
}

/// The digits of the worst parameter. Of one that is 0 its part of the largest counts.
fn worst(found: &[f64], right: &[f64]) -> f64 {
    let size = right.iter().fold(0.0f64, |size, x| size.max(x.abs()));
    let near = |got: f64, right: f64| match right {
        0.0 => (-(got.abs() / size).log10()).clamp(0.0, 17.0),
        _ => digits(got, right),
    };
    found.iter().zip(right).map(|(got, right)| near(*got, *right)).fold(17.0, f64::min)
}

fn standard() -> Check {
    for case in cases()? {
        let ends = case.ends()?;
        let agreement = case.agreement(&ends)?;
        let said = || format!("{}: {ends:?}, {} {:?}", case.name, agreement.value, agreement.place);
        require(ends.best.status == Status::Converged && agreement.value >= VALUE, said)?;
        require(agreement.place.is_none_or(|place| place >= PLACE), said)?;
    }
    Ok(())
}

/// Every listed minimum of a problem is found by some start.
fn second() -> Check {
    for case in cases()?.into_iter().filter(|case| case.minima.len() > 1) {
        let ranges: Vec<(f64, f64)> = case.start.iter().map(|x| (0.0, 5.0 * x)).collect();
        let drawn = uniform_box(0, STARTS, &ranges);
        let starts = (0..STARTS).map(|k| drawn.iter().map(|column| column[k]).collect()).collect();
        let ends = solve(&case.text(), starts, 2)?;
        // What is called a minimum is one: from there no fit goes lower.
        for end in &ends.minima {
            let again = solve(&case.text(), vec![end.estimates.clone()], 1)?.best.objective;
            require(again >= end.objective * (1.0 - 1e-6) - ZERO, || format!("{}: {end:?}, then {again}", case.name))?;
        }
        for listed in &case.minima {
            let right: f64 = listed.f.parse()?;
            // The paper has six digits.
            let near = |found: f64| if right == 0.0 { found < ZERO } else { digits(found, right) > 5.5 };
            let found = ends.minima.iter().any(|minimum| near(minimum.objective));
            let all: Vec<(f64, usize)> = ends.minima.iter().map(|end| (end.objective, end.agree)).collect();
            require(found, || format!("{}: {right} is not among {all:?}", case.name))?;
        }
    }
    Ok(())
}

/// `each` is what is written out.
fn each_is_the_list() -> Check {
    let mut some = 0;
    for case in cases()? {
        let Some(short) = &case.short else { continue };
        let (one, other) = (case.ends()?.best, solve(short, vec![case.start.clone()], 1)?.best);
        require(one.rows == other.rows && one.status == other.status, || format!("{}: {other:?}", case.name))?;
        let near = one.estimates.iter().zip(&other.estimates).all(|(a, b)| digits(*a, *b) > 6.0 || one.singular);
        require(near, || format!("{}: {one:?}\n{other:?}", case.name))?;
        some += 1;
    }
    require(some >= 7, || format!("{some} cases have both"))
}

/// A start ends as it does alone, to the bit.
fn neighbours() -> Check {
    for case in cases()? {
        let other: Vec<f64> = case.start.iter().map(|x| 0.9 * x + 0.01).collect();
        let starts: Vec<Vec<f64>> = (0..40).map(|k| if k == 17 { case.start.clone() } else { other.clone() }).collect();
        let alone = case.ends()?;
        for threads in [1, 2] {
            let among = solve(&case.text(), starts.clone(), threads)?;
            let own =
                among.minima.iter().find(|end| end.start == 17).or(Some(&among.best).filter(|end| end.start == 17));
            require(among.statuses[17] == alone.statuses[0], || format!("{}: {:?}", case.name, among.statuses))?;
            let bits = |x: &[f64]| x.iter().map(|x| x.to_bits()).collect::<Vec<u64>>();
            let same = own.is_none_or(|own| bits(&own.estimates) == bits(&alone.best.estimates));
            require(same, || format!("{}: {own:?}\n{:?}", case.name, alone.best))?;
        }
    }
    Ok(())
}

/// Bard's problem, where the engine rounds as it likes.
fn on_engine(engine: Engine, backend: &dyn Backend) -> Check {
    let case = cases()?.into_iter().find(|case| case.number == 8).ok_or("no number 8")?;
    let residuals = Residuals::parse(&case.text(), &[], &[])?;
    let ends =
        residuals.solve(&Options::from(vec![case.start.clone(); 3], engine.precision), backend, engine.precision)?;
    let agreement = case.agreement(&ends)?;
    let wanted = if engine.precision == Precision::F64 { 9.0 } else { 4.0 };
    require(ends.best.status == Status::Converged && agreement.value >= wanted, || format!("{ends:?}"))
}

/// The page: `GRADFIELD_BLESS=1` writes it. Digits may differ by one between processors, evaluations by some.
fn page_is_true() -> Check {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/mgh.md");
    let mut page = HEAD.to_string();
    let mut claims = Vec::new();
    for case in cases()? {
        let ends = case.ends()?;
        let (best, agreement) = (&ends.best, case.agreement(&ends)?);
        let value = if agreement.value.is_infinite() { "zero".to_owned() } else { cell(agreement.value) };
        let place = agreement.place.map_or("singular".to_owned(), cell);
        let (n, m) = (case.start.len(), case.residuals.len());
        let sum = if agreement.value.is_infinite() {
            format!("{:.0e}", best.objective)
        } else {
            format!("{:.12e}", best.objective)
        };
        let (number, name) = (case.number, &case.name);
        writeln!(page, "| {number} | {name} | {n} | {m} | {} | {sum} | {value} | {place} |", best.steps)?;
        claims.push((name.clone(), [value, place]));
    }
    page += TAIL;
    if std::env::var("GRADFIELD_BLESS").as_deref() == Ok("1") {
        std::fs::write(&path, &page)?;
    }
    // A copy of the test program on another machine has no docs beside it.
    let Ok(there) = std::fs::read_to_string(path) else { return Ok(()) };
    for (name, now) in claims {
        let line = there.lines().find(|line| line.contains(&format!("| {name} |")));
        let line = line.ok_or_else(|| Failed::from(format!("docs/mgh.md has no line of {name}")))?;
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let holds = cells.get(7..9).is_some_and(|claims| claims.iter().zip(&now).all(|(claim, now)| agree(claim, now)));
        require(holds, || format!("docs/mgh.md claims {cells:?}; now {now:?}"))?;
    }
    require(there.starts_with(HEAD) && there.ends_with(TAIL), || "docs/mgh.md is old; GRADFIELD_BLESS=1".to_string())
}

fn cell(digits: f64) -> String {
    (digits.floor() as u32).min(15).to_string()
}

fn agree(claim: &str, now: &str) -> bool {
    match (claim.parse::<u32>(), now.parse::<u32>()) {
        (Ok(claim), Ok(now)) => claim <= now + 1,
        _ => claim == now,
    }
}

const HEAD: &str = "\
# The least-squares problems of Moré, Garbow and Hillstrom

Seventeen problems of *Testing unconstrained optimization software* (ACM TOMS 7, 1981), given to `gradfield fit --residuals`
as lists of residuals, in f64, each from its standard start alone and with no flags. *Digits* are those in common with the
minimum, which is known to 20 (Newton's method in 100 digits, where there is no closed form): of the sum of squares, *zero*
where it is below 1e-20 of that at the start; and of the worst parameter, except where the Jacobian at the minimum is
singular, so that the residuals do not determine the parameters to more than half the digits. 15 is the most shown. Number 18
ends at (4, 10, 3, 5, 1, 1), where its terms have changed places.
`tests/suite/fit/mgh.rs` makes this page and fails where it is no longer true.

| no. | problem | parameters | residuals | evaluations | sum of squares | digits | of the parameters |
|---|---|---|---|---|---|---|---|
";

const TAIL: &str = "
Number 18 has a second minimum in the paper's list, 5.65565e-3: of 200 starts some end there, some at 0
(`gradfield fit --residuals ... --starts 200 --range x=0:5` names both).
";
