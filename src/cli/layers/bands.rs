//! The layer `bands`: the quantity of `--show` in filled bands between its levels.

use super::{Row, Scene, heat, levels};
use crate::cli::Failure;
use crate::cli::colours;
use crate::cli::plot::Arguments;
use gradfield::picture::{Bands, Picture};
use std::sync::Arc;

pub(super) const ROW: Row = Row {
    names: &["bands"],
    variables: 2,
    of_vectors: true,
    usual: false,
    fills: true,
    banded: true,
    flags,
    frame: Some(heat::frame),
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let mut flags = heat::flags(arguments);
    flags.push(("--levels", arguments.levels.levels.is_some()));
    flags
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let slopes = Arc::clone(scene.slopes(picture)?);
    let (levels, colouring) = levels::of(scene, &slopes.values)?;
    // With contours, those say it.
    if !scene.has("contour") {
        levels::tell(scene, &slopes.values, &levels);
    }
    let arguments = scene.arguments;
    colours::tell(&colouring, &arguments.scale, &slopes.values, arguments.function.quiet);
    let label = colours::label(arguments);
    picture.layers.push(Bands::new(slopes, colouring.stepped(levels), &label).into());
    Ok(())
}
