//! Fits that SciPy has made (`tests/cases/fit/make.py`): weights, robust losses, likelihoods, bounds, a loss of one's own;
//! one by one and side by side.

use super::{Check, digits};
use crate::agree::require;
use crate::engines::program;
use libtest_mimic::{Failed, Trial};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::Command;

const CASES: &str = include_str!("../../cases/fit/peers.json");

#[derive(Deserialize)]
struct Page {
    data: BTreeMap<String, Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(Deserialize, Clone)]
struct Case {
    name: String,
    response: String,
    estimates: Vec<f64>,
    errors: Option<Vec<f64>>,
    objective: f64,
    weights: Option<String>,
    robust: Option<String>,
    bounds: Option<String>,
    likelihood: Option<String>,
    loss: Option<String>,
    model: Option<String>,
    start: Option<String>,
    digits: Option<f64>,
}

pub(crate) fn tests() -> Vec<Trial> {
    let page: Page = serde_json::from_str(CASES).unwrap_or(Page { data: BTreeMap::new(), cases: Vec::new() });
    let found = !page.cases.is_empty();
    let mut tests =
        vec![Trial::test("fit::peers::the_cases_are_there", move || require(found, || "no cases".to_string()))];
    for case in page.cases {
        for copies in [1, 40] {
            let (case, data) = (case.clone(), page.data.clone());
            let name = format!("fit::peers::{}::{copies}", case.name);
            tests.push(Trial::test(name, move || check(&case, &data, copies)));
        }
    }
    tests
}

/// The case, as one fit or as groups of the same rows.
fn check(case: &Case, data: &BTreeMap<String, Vec<f64>>, copies: usize) -> Check {
    let folder = tempfile::tempdir()?;
    let names: Vec<&str> = data.keys().map(String::as_str).collect();
    let mut text = format!("copy,{}\n", names.join(","));
    let rows = data.values().next().map_or(0, Vec::len);
    for k in 0..copies * rows {
        // Groups are mixed, and must be put in order.
        let cells: Vec<String> = data.values().map(|column| column[k / copies].to_string()).collect();
        text += &format!("{},{}\n", k % copies, cells.join(","));
    }
    std::fs::write(folder.path().join("data.csv"), text)?;
    let mut command = Command::new(program());
    let model = case.model.as_deref().unwrap_or("a*exp(-b*x) + c");
    command.args(["fit", model, "--data", "data.csv", "--format", "json", "--device", "cpu", "--response"]);
    command.arg(&case.response).args(["--start", case.start.as_deref().unwrap_or("a=1,b=1,c=1")]);
    let flags = [
        ("--weights", &case.weights),
        ("--robust", &case.robust),
        ("--bounds", &case.bounds),
        ("--likelihood", &case.likelihood),
        ("--loss", &case.loss),
    ];
    for (flag, value) in flags {
        value.iter().for_each(|value| {
            command.args([flag, value]);
        });
    }
    if copies > 1 {
        command.args(["--group-by", "copy"]);
    }
    let run = command.current_dir(folder.path()).output()?;
    require(run.status.success(), || String::from_utf8_lossy(&run.stderr).into_owned())?;
    let page: serde_json::Value = serde_json::from_slice(&run.stdout)?;
    let fits = page["fits"].as_array().ok_or("no fits")?;
    require(fits.len() == copies, || format!("{} fits", fits.len()))?;
    let wanted = case.digits.unwrap_or(8.0);
    for fit in fits {
        let numbers = |name: &str| -> Result<Vec<f64>, Failed> {
            let list = fit[name].as_array().ok_or_else(|| format!("no {name}"))?;
            Ok(list.iter().map(|number| number.as_f64().unwrap_or(f64::NAN)).collect())
        };
        require(fit["status"] == "converged", || format!("{fit}"))?;
        let agree = |got: &[f64], right: &[f64], wanted: f64| {
            got.len() == right.len() && got.iter().zip(right).all(|(a, b)| digits(*a, *b) >= wanted)
        };
        let estimates = numbers("estimates")?;
        require(agree(&estimates, &case.estimates, wanted), || format!("{estimates:?} not {:?}", case.estimates))?;
        if let Some(errors) = &case.errors {
            let got = numbers("standard_errors")?;
            require(agree(&got, errors, 6.0), || format!("errors {got:?}, not {errors:?}"))?;
        }
        let objective = 2.0 * fit["loss"].as_f64().ok_or("no loss")?;
        require(digits(objective, case.objective) >= wanted, || format!("{objective} not {}", case.objective))?;
    }
    Ok(())
}
