//! The layer `heat`: the quantity of `--show` as colours, a value for each pixel of the plot.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::colours::{colouring, shown, tell};
use crate::cli::plot::Arguments;
use gradfield::Points;
use gradfield::field::Evaluator;
use gradfield::picture::{Heat, Picture, typeset};

pub(super) const ROW: Row =
    Row { names: &["heat"], variables: 2, usual: true, fills: true, flags, frame: Some(frame), add };

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    vec![
        ("--show", arguments.show != "f"),
        ("--map", arguments.map.is_some()),
        ("--scale", arguments.scale != "linear"),
        ("--clim", arguments.clim.is_some()),
    ]
}

fn frame(_: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    (picture.colour_bar, picture.bar_label) = (true, true);
    Ok(())
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let arguments = scene.arguments;
    let shown = shown(scene.expression, &arguments.show)?;
    let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]).rounded(scene.precision);
    let columns = Evaluator::new(&shown, scene.engine, scene.precision)?.evaluate(&points)?;
    let values = columns[0].to_f64();
    let colouring = colouring(arguments, &values)?;
    tell(&colouring, &arguments.scale, &values, arguments.function.quiet);
    let label = match arguments.show.as_str() {
        "grad" => "|∇f|".to_string(),
        show => typeset(show),
    };
    let heat = Heat::new(values, layout.width as usize, layout.height as usize, colouring, &label)?;
    picture.layers.push(heat.into());
    Ok(())
}
