//! The shape of a terrain: equal to gdaldem's numbers within their rounding.
//!
//! `tests/cases/terrain.json` is written by `tests/expected/terrain.py`. Both programs compute slopes in single precision:
//! the bound on a tangent is what eight sums of heights of this size leave, divided by the cell; that of an angle follows.
//! A hillshade is a whole number, which such a slope may round the other way.

use crate::agree::require;
use gradfield::points::Values;
use gradfield::samples::Samples;
use gradfield::samples::terrain::{Cells, Light, Quantity, Weights, hillshade, quantity};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;

const CASES: &str = include_str!("../cases/terrain.json");

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        Trial::test("terrain: slope, aspect and hillshade are those of gdaldem", all),
        Trial::test("terrain: a plane has its slope and faces its way", planes),
    ]
}

fn number(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap_or(f64::NAN)
}

fn cells(case: &Value) -> Cells {
    let weights = if case["method"] == "horn" { Weights::Horn } else { Weights::ZevenbergenThorne };
    let side = |k: usize| case["cell"][k].as_f64().unwrap_or(f64::NAN);
    Cells { size: (side(0), side(1)), z_factor: number(case, "z"), weights, threads: 2 }
}

fn all() -> Result<(), Failed> {
    let document: Value = serde_json::from_str(CASES)?;
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let shape: Vec<usize> = list(&document["shape"]).iter().filter_map(|v| Some(v.as_u64()? as usize)).collect();
    let none = number(&document, "nodata");
    let height = |v: &Value| v.as_f64().filter(|v| *v != none).map_or(f32::NAN, |v| v as f32);
    let heights: Vec<f32> = list(&document["heights"]).iter().map(height).collect();
    let largest = heights.iter().filter(|v| v.is_finite()).fold(0.0f32, |largest, v| largest.max(v.abs()));
    let samples = Samples::new(shape, Values::F32(heights))?;
    let cases = list(&document["cases"]);
    require(cases.len() >= 15, || format!("only {} cases", cases.len()))?;
    for case in &cases {
        let cells = cells(case);
        let side = cells.size.0.min(cells.size.1);
        // Eight heights, each sum rounded to half a unit in the last place of four times the largest, twice over.
        let tangent = cells.z_factor * 16.0 * 4.0 * f64::from(largest * f32::EPSILON) / (8.0 * side);
        let (found, bound): (Vec<f64>, f64) = match case["show"].as_str().unwrap_or_default() {
            "hillshade" => {
                let altitude = number(case, "altitude");
                let one = Light::From { azimuth: number(case, "azimuth"), altitude };
                let light = if case["around"] == true { Light::Around { altitude } } else { one };
                let light = hillshade(&samples, &cells, light)?;
                (light.iter().map(|v| if *v == 0 { f64::NAN } else { f64::from(*v) }).collect(), 1.0)
            }
            show => {
                let (which, bound) = match show {
                    "slope" => (Quantity::Slope, tangent.to_degrees()),
                    "slope-percent" => (Quantity::SlopePercent, 100.0 * tangent),
                    // The flattest slope of the case decides how far a direction may turn.
                    _ => (Quantity::Aspect, 0.02),
                };
                (quantity(&samples, &cells, which)?.into_iter().map(f64::from).collect(), bound + 1e-5)
            }
        };
        compare(case, &found, bound)?;
    }
    Ok(())
}

fn compare(case: &Value, found: &[f64], bound: f64) -> Result<(), Failed> {
    let expected: Vec<f64> =
        case["values"].as_array().into_iter().flatten().map(|v| v.as_f64().unwrap_or(f64::NAN)).collect();
    require(expected.len() == found.len(), || format!("{} values", expected.len()))?;
    let mut other_way = 0;
    for (k, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let told = || format!("{} {}: cell {k}: {found} where gdaldem has {expected}", case["command"], case["cell"]);
        require(found.is_nan() == expected.is_nan(), told)?;
        require(found.is_nan() || (found - expected).abs() <= bound, told)?;
        other_way += usize::from(!found.is_nan() && found != expected);
    }
    let light = case["show"] == "hillshade";
    require(!light || other_way <= found.len() / 100, || format!("{}: {other_way} lights differ", case["command"]))
}

fn planes() -> Result<(), Failed> {
    // Height 3 for each cell to the east and 4 for each to the south: downhill is to the north-west.
    let value = |k: usize| 3.0 * (k % 8) as f64 + 4.0 * (k / 8) as f64;
    let samples = Samples::new(vec![6, 8], Values::F64((0..48).map(value).collect()))?;
    for weights in [Weights::Horn, Weights::ZevenbergenThorne] {
        let cells = Cells { size: (10.0, 10.0), z_factor: 2.0, weights, threads: 1 };
        let of = |which| quantity(&samples, &cells, which).map(|all| f64::from(all[3 * 8 + 4]));
        let (percent, aspect) = (of(Quantity::SlopePercent)?, of(Quantity::Aspect)?);
        let wanted = 360.0 - (3.0f64).atan2(4.0).to_degrees();
        let near = (percent - 100.0).abs() < 1e-4 && (aspect - wanted).abs() < 1e-4;
        require(near, || format!("{weights:?}: {percent} % to {aspect}, not {wanted}"))?;
        let border = quantity(&samples, &cells, Quantity::Slope)?[0];
        require(border.is_nan(), || format!("the border has a slope of {border}"))?;
    }
    Ok(())
}
