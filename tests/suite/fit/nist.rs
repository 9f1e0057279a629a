//! NIST's 27 certified nonlinear regressions, and the page of the docs that shows how they come out.

use super::{Check, digits};
use crate::agree::require;
use gradfield::Precision;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::starts::uniform_box;
use gradfield::fit::{Fitted, Model, Options, Problem, Status, column, fit};
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

const CASES: &str = include_str!("../../cases/fit/nist.json");

/// Starts from the far start: it, and others between 0 and it.
const STARTS: usize = 400;

#[derive(Deserialize)]
struct Cases {
    datasets: Vec<Set>,
}

#[derive(Deserialize)]
struct Set {
    name: String,
    level: String,
    model: String,
    response: String,
    parameters: Vec<String>,
    start1: Vec<f64>,
    start2: Vec<f64>,
    certified: Vec<String>,
    standard_errors: Vec<String>,
    rss: String,
    data: BTreeMap<String, Vec<f64>>,
}

/// Digits in common with what is certified: the worst of the parameters, of the standard errors, of the sum of squares.
#[derive(Clone, Copy)]
struct Digits {
    parameters: f64,
    errors: f64,
    rss: f64,
}

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        Trial::test("fit::nist::from_the_near_starts", near),
        Trial::test("fit::nist::from_the_far_starts", far),
        Trial::test("fit::nist::the_page_in_the_docs_is_true", page_is_true),
    ]
}

fn sets() -> Result<Vec<Set>, Failed> {
    Ok(serde_json::from_str::<Cases>(CASES)?.datasets)
}

impl Set {
    fn fit(&self, starts: Vec<Vec<f64>>) -> Result<(Fitted, Digits), Failed> {
        let names: Vec<String> = self.data.keys().cloned().collect();
        let columns: Vec<Vec<f64>> = self.data.values().cloned().collect();
        let model = Model::parse(&self.model, &names, &[], &[])?;
        require(model.parameters == self.parameters, || format!("{:?}", model.parameters))?;
        let data = model.columns.iter().map(|name| self.data[name].clone()).collect();
        let response = column(&self.response, &names, &columns)?;
        let mut options = Options::from(starts, Precision::F64);
        options.rules.steps = 2000;
        let cpu = Cpu::new(Some(2))?;
        let mut fits = fit(&Problem::of(model, data, response), &options, &cpu, Precision::F64)?;
        let fitted = fits.remove(0);
        let worst = |got: &[f64], right: &[String]| -> Result<f64, Failed> {
            got.iter()
                .zip(right)
                .try_fold(f64::INFINITY, |worst: f64, (got, right)| Ok(worst.min(digits(*got, right.parse()?))))
        };
        let digits = Digits {
            parameters: worst(&fitted.estimates, &self.certified)?,
            errors: worst(&fitted.errors, &self.standard_errors)?,
            rss: digits(fitted.objective, self.rss.parse()?),
        };
        Ok((fitted, digits))
    }

    fn near(&self) -> Result<(Fitted, Digits), Failed> {
        self.fit(vec![self.start2.clone()])
    }

    fn far(&self) -> Result<(Fitted, Digits), Failed> {
        let ranges: Vec<(f64, f64)> = self.start1.iter().map(|x| (x.min(0.0), x.max(0.0))).collect();
        let drawn = uniform_box(0, STARTS - 1, &ranges);
        let one = |k: usize| drawn.iter().map(|column| column[k]).collect();
        self.fit(std::iter::once(self.start1.clone()).chain((0..STARTS - 1).map(one)).collect())
    }
}

/// At least 8 digits of every parameter and 6 of every standard error, of all but one.
fn check(name: &str, run: impl Fn(&Set) -> Result<(Fitted, Digits), Failed>) -> Check {
    let mut short = Vec::new();
    for set in sets()? {
        let (fitted, digits) = run(&set)?;
        require(fitted.status == Status::Converged, || format!("{}: {:?}", set.name, fitted.status))?;
        require(digits.parameters >= 8.0, || format!("{}: {} digits", set.name, digits.parameters))?;
        if digits.errors < 6.0 {
            short.push(format!("{}: {:.1} digits of the standard errors", set.name, digits.errors));
        }
    }
    require(short.len() <= 1, || format!("{name}: {short:?}"))
}

fn near() -> Check {
    check("near", Set::near)
}

fn far() -> Check {
    check("far", Set::far)
}

/// The page: `GRADFIELD_BLESS=1` writes it. Digits may differ by one between processors.
fn page_is_true() -> Check {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/fit.md");
    let mut page = HEAD.to_string();
    let mut claims = Vec::new();
    for set in sets()? {
        let ((near, close), (_, away)) = (set.near()?, set.far()?);
        let floor = |digits: f64| (digits.floor() as u32).min(10);
        let numbers = [close.parameters, close.errors, close.rss, away.parameters, away.errors].map(floor);
        let cells: Vec<String> = numbers.iter().map(u32::to_string).collect();
        writeln!(
            page,
            "| {} | {} | {} | {} | {} |",
            set.name,
            set.level.to_lowercase(),
            set.parameters.len(),
            near.rows,
            cells.join(" | ")
        )?;
        claims.push((set.name, numbers));
    }
    page += TAIL;
    if std::env::var("GRADFIELD_BLESS").as_deref() == Ok("1") {
        std::fs::write(&path, &page)?;
    }
    // A copy of the test program on another machine has no docs beside it.
    let Ok(there) = std::fs::read_to_string(path) else { return Ok(()) };
    for (name, numbers) in claims {
        let line = there.lines().find(|line| line.starts_with(&format!("| {name} |")));
        let line = line.ok_or_else(|| Failed::from(format!("docs/fit.md has no line of {name}")))?;
        let claimed: Vec<u32> = line.split('|').skip(5).filter_map(|cell| cell.trim().parse().ok()).collect();
        let true_of = claimed.len() == 5 && claimed.iter().zip(numbers).all(|(claim, now)| *claim <= now + 1);
        require(true_of, || format!("docs/fit.md claims {claimed:?} of {name}; now {numbers:?}"))?;
    }
    require(there.starts_with(HEAD) && there.ends_with(TAIL), || "docs/fit.md is old; GRADFIELD_BLESS=1".to_string())
}

const HEAD: &str = "\
# NIST's certified fits

The 27 nonlinear regressions of NIST's Statistical Reference Datasets (a work of the US government, in the public domain),
fitted in f64 by `gradfield fit` as it is. The numbers are digits in common with the certified values, the worst of all
parameters, of all standard errors, and of the residual sum of squares; NIST prints 11, so 10 is the most shown. *Near* is
NIST's second start, alone. *Far* is its first start and 399 more, drawn between 0 and it, with `--steps 2000`; of ends
that are equally good the first start's counts. `tests/suite/fit/nist.rs` makes this page and fails where it is no longer
true.

| set | level | parameters | rows | near: parameters | errors | squares | far: parameters | errors |
|---|---|---|---|---|---|---|---|---|
";

const TAIL: &str = "
Lanczos1 has a residual sum of squares of 1.4e-25: its residuals, some 1e-13, are made of a few hundred roundings of
values of some size, so no computation of them in f64 has more digits.
";
