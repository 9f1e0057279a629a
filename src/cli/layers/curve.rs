//! The layers `curve` and `derivative`: a function of one variable, and its slope.

use super::{Row, Scene};
use crate::cli::Failure;
use gradfield::Points;
use gradfield::field::Field;
use gradfield::picture::{CURVE_COLOURS, Curve, Picture, y_range};

pub(super) const CURVE: Row = Row {
    names: &["curve"],
    variables: 1,
    of_vectors: false,
    usual: true,
    fills: false,
    banded: false,
    flags: |_| Vec::new(),
    frame: Some(frame),
    add: |scene, picture| add(scene, picture, 0),
};

pub(super) const DERIVATIVE: Row =
    Row { names: &["derivative"], usual: false, add: |scene, picture| add(scene, picture, 1), ..CURVE };

/// The function and its derivative along the plot, evaluated once for both layers.
pub(crate) struct Samples {
    x: Vec<f64>,
    columns: [Vec<f64>; 2],
}

fn samples<'a>(scene: &'a Scene<'_>, picture: &Picture) -> Result<&'a Samples, Failure> {
    if let Some(samples) = scene.samples.get() {
        return Ok(samples);
    }
    let (lo, hi) = scene.ranges[0];
    let x = Points::linspace(lo, hi, 2 * picture.width as usize + 1);
    let points = Points::Grid(vec![x.clone()]);
    let field = Field::evaluate(&scene.expression.gradient()?, points, scene.engine, scene.precision)?;
    let columns = [field.columns[0].to_f64(), field.columns[1].to_f64()];
    Ok(scene.samples.get_or_init(|| Samples { x, columns }))
}

/// Room for all curves that are drawn.
fn frame(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    if let Some(range) = scene.y_range {
        picture.y_range = range;
        return Ok(());
    }
    let samples = samples(scene, picture)?;
    let drawn = samples.columns.iter().zip(["curve", "derivative"]).filter(|(_, name)| scene.has(name));
    picture.y_range = y_range(&drawn.flat_map(|(column, _)| column.iter().copied()).collect::<Vec<f64>>());
    Ok(())
}

fn add(scene: &Scene<'_>, picture: &mut Picture, column: usize) -> Result<(), Failure> {
    let samples = samples(scene, picture)?;
    let name = &scene.expression.variables()[0];
    let label = if column == 0 { format!("f({name})") } else { format!("df/d{name}") };
    let (x, y) = (samples.x.clone(), samples.columns[column].clone());
    let several = scene.layers.len() > 1;
    let (label, dashed) = (if several { label } else { String::new() }, several && column == 1);
    picture.layers.push(Curve { x, y, colour: CURVE_COLOURS[column], dashed, label }.into());
    Ok(())
}
