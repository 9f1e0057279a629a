//! The layer `tangents`: lines of the exact slope that touch the curve of a function of one variable.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::options::number;
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::Points;
use gradfield::field::Field;
use gradfield::picture::{Picture, TANGENT_COLOUR, Tangents, plain};

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// Tangents: so many, evenly, or at these places, as in --tangents=-1,0,2.5 (one place: 3,) (default: 5)
    #[arg(long, value_name = "N|VALUES", allow_hyphen_values = true)]
    tangents: Option<String>,
}

pub(super) const ROW: Row = Row {
    names: &["tangents", "tangent"],
    variables: 1,
    of_vectors: false,
    usual: false,
    fills: false,
    banded: false,
    flags: |arguments: &Arguments| vec![("--tangents", arguments.tangents.tangents.is_some())],
    frame: Some(frame),
    add,
};

/// So many, where nothing was said.
const USUAL: usize = 5;
/// More are a carpet.
const MOST: usize = 1000;

fn frame(scene: &Scene<'_>, _: &mut Picture) -> Result<(), Failure> {
    match scene.has("curve") {
        true => Ok(()),
        false => {
            Err(Failure::usage("--layers: `tangents` touch the curve; draw it too, as in --layers curve,tangents"))
        }
    }
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let places = places(scene.arguments.tangents.tangents.as_deref(), scene.ranges[0])?;
    let points = Points::Grid(vec![places.clone()]).rounded(scene.precision);
    let field = Field::evaluate(&scene.expression.gradient()?, points, scene.engine, scene.precision)?;
    let [f, slopes] = [0, 1].map(|k| field.columns[k].to_f64());
    let name = &scene.expression.variables()[0];
    let label = match (places.as_slice(), slopes.as_slice()) {
        ([x], [slope]) => format!("tangent at {name} = {}, slope {}", plain(*x), plain(*slope)),
        _ => "tangents".to_owned(),
    };
    let points = places.into_iter().zip(f).collect();
    picture.layers.push(Tangents { points, slopes, apart: 0.0, colour: TANGENT_COLOUR, label }.into());
    Ok(())
}

/// Where they touch: in the middle of equal parts of the range, or where it was said.
fn places(text: Option<&str>, (lo, hi): (f64, f64)) -> Result<Vec<f64>, Failure> {
    let count = match text.map(|text| (text, text.trim().parse::<usize>())) {
        Some((text, Err(_))) => return given(text, (lo, hi)),
        Some((text, Ok(count))) if !(1..=MOST).contains(&count) => {
            return Err(Failure::usage(format!("--tangents: {text} lines are no picture; take 1 to {MOST}")));
        }
        Some((_, Ok(count))) => count,
        None => USUAL,
    };
    Ok((0..count).map(|k| lo + (hi - lo) * ((k as f64 + 0.5) / count as f64)).collect())
}

fn given(text: &str, (lo, hi): (f64, f64)) -> Result<Vec<f64>, Failure> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    let values: Vec<f64> = parts.map(|part| number("--tangents", part)).collect::<Result<_, _>>()?;
    if let Some(outside) = values.iter().find(|value| !(lo..=hi).contains(*value)) {
        return Err(Failure::usage(format!("--tangents: {outside} is not in the --range {lo}:{hi}; take a wider one")));
    }
    match values.len() {
        1..=MOST => Ok(values),
        count => Err(Failure::usage(format!(
            "--tangents: `{text}` has {count} values; write 1 to {MOST}, as in --tangents=-1,0,2.5"
        ))),
    }
}
