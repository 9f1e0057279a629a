//! How particles ended that a rule moved: by the point where they are, in the format that they were moved in.

use crate::agree::require;
use gradfield::backend::cpu::Cpu;
use gradfield::descent::{Method, Search, Status, statuses};
use gradfield::{Expression, Precision, Values};
use libtest_mimic::{Failed, Trial};
use std::f64::consts::PI;

pub(crate) fn tests() -> Vec<Trial> {
    vec![Trial::test("arrival: a status for each end", told), Trial::test("arrival: many are looked at in parts", many)]
}

/// A function of x (and y), a point, and how a particle that is there ended.
const ENDS: [(&str, &[f64], Status); 14] = [
    ("x^2 + 5x + 6", &[-2.5], Status::Converged),
    ("x^2 + 5x + 6", &[-2.4], Status::Steps),
    ("(x - 3)^2 + y^2", &[3.0, 1e-12], Status::Converged),
    ("(x - 3)^2 + y^2", &[3.0, 1e-3], Status::Steps),
    ("ln(x)", &[-1.0], Status::Value),
    ("ln(x)", &[f64::NAN], Status::Value),
    ("x + 0y", &[f64::NEG_INFINITY, 0.0], Status::Value),
    ("sqrt(x)", &[0.0], Status::Gradient),
    ("-x", &[1e13], Status::Escaped),
    ("-x", &[1e3], Status::Steps),
    // A minimum that the format holds to its last place only: the slope there is 1e8 times as much.
    ("1e8 sin(x) + 1e8", &[-PI / 2.0], Status::Floor),
    ("1e8 sin(x) + 1e8", &[-PI / 2.0 + 1e-3], Status::Steps),
    ("1e12 (x - 1/3)^2", &[1.0 / 3.0], Status::Floor),
    ("abs(x)", &[1e-9], Status::Steps),
];

fn search(precision: Precision, variables: usize) -> Search {
    Search {
        method: Method::Auto,
        bounds: None,
        ranges: vec![(-3.0, 3.0); variables],
        tolerance: if precision == Precision::F32 { 1e-5 } else { 1e-10 },
        steps: 100,
        maximize: false,
    }
}

fn told() -> Result<(), Failed> {
    let cpu = Cpu::new(Some(1))?;
    for (text, x, expected) in ENDS {
        for precision in [Precision::F32, Precision::F64] {
            for sign in ["", "-"] {
                let expression = Expression::parse(&format!("{sign}({text})"))?;
                let positions: Vec<Values> = x.iter().map(|x| Values::from_f64(precision, &[*x])).collect();
                let search = Search { maximize: sign == "-", ..search(precision, x.len()) };
                let found = statuses(&expression, &search, &positions, &cpu)?;
                // The nearest f64 to a third may be the minimum itself.
                let well = found == [expected] || expected == Status::Floor && found == [Status::Converged];
                require(well, || format!("{sign}({text}) at {x:?}, {}: {found:?}", precision.name()))?;
            }
        }
    }
    Ok(())
}

/// More than are looked at together, each as it is alone.
fn many() -> Result<(), Failed> {
    let cpu = Cpu::new(Some(2))?;
    let expression = Expression::parse("ln(x)^2")?;
    let x: Vec<f64> = (0..150_001).map(|k| [1.0, 2.0, -1.0, 1e20][k % 4]).collect();
    let found = statuses(&expression, &search(Precision::F64, 1), &[Values::F64(x)], &cpu)?;
    let expected = [Status::Converged, Status::Steps, Status::Value, Status::Escaped];
    let wrong = found.iter().enumerate().find(|(k, status)| **status != expected[k % 4]);
    require(found.len() == 150_001 && wrong.is_none(), || format!("{} ends, {wrong:?}", found.len()))
}
