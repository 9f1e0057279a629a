//! The layer `heat`: the quantity of `--show` as colours, a value for each pixel of the plot.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::colours::{colouring, label, shown, tell};
use crate::cli::plot::Arguments;
use gradfield::Points;
use gradfield::field::Evaluator;
use gradfield::picture::{Heat, Picture};

pub(super) const ROW: Row =
    Row { names: &["heat"], variables: 2, usual: true, fills: true, flags, frame: Some(frame), add };

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
    let values = values(scene, picture)?;
    let colouring = colouring(arguments, &values)?;
    tell(&colouring, &arguments.scale, &values, arguments.function.quiet);
    let heat = Heat::new(values, layout.width as usize, layout.height as usize, colouring, &label(&arguments.show))?;
    picture.layers.push(heat.into());
    Ok(())
}

/// The quantity at the pixels: that of the layers that need its gradient too, if there are any.
fn values(scene: &Scene<'_>, picture: &Picture) -> Result<Vec<f64>, Failure> {
    if ["bands", "hillshade", "contour"].into_iter().any(|name| scene.has(name)) {
        return Ok(scene.slopes(picture)?.values.clone());
    }
    let layout = picture.layout()?;
    let shown = shown(scene.expression, &scene.arguments.show)?;
    let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]).rounded(scene.precision);
    let columns = Evaluator::new(&shown, scene.engine, scene.precision)?.evaluate(&points)?;
    Ok(columns[0].to_f64())
}
