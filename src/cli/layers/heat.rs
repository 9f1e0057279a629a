//! The layer `heat`: the quantity of `--show` as colours, a value for each pixel of the plot.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::colours::{colouring_shown, label, shown, tell};
use crate::cli::plot::Arguments;
use gradfield::Points;
use gradfield::field::Evaluator;
use gradfield::picture::{Heat, Picture};

pub(in crate::cli) const ROW: Row = Row {
    names: &["heat"],
    variables: 2,
    of_vectors: true,
    usual: true,
    fills: true,
    banded: true,
    flags,
    frame: Some(frame),
    add,
};

pub(super) fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    vec![
        ("--show", arguments.show != "f"),
        ("--map", arguments.map.is_some()),
        ("--scale", arguments.scale != "linear"),
        ("--clim", arguments.clim.is_some()),
    ]
}

/// Room for a colour bar.
pub(super) fn frame(_: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    (picture.colour_bar, picture.bar_label) = (true, true);
    Ok(())
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let arguments = scene.arguments;
    let (x, y) = scene.places(&layout);
    let (columns, rows) = (x.len(), y.len());
    let values = if scene.sloped() {
        scene.slopes(picture)?.values.clone()
    } else {
        let outputs = shown(scene.expression, &arguments.show)?;
        let points = Points::Grid(vec![x, y]).rounded(scene.precision);
        Evaluator::new(&outputs, scene.engine, scene.precision)?.evaluate(&points)?[0].to_f64()
    };
    let colouring = colouring_shown(arguments, scene.expression, &values)?;
    tell(&colouring, &arguments.scale, &values, arguments.function.quiet);
    let heat = Heat::new(values, columns, rows, colouring, &label(arguments))?;
    picture.layers.push(if scene.in_bands(&layout) { heat.in_bands() } else { heat }.into());
    Ok(())
}
