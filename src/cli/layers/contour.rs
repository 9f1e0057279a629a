//! The layer `contour`: lines of equal value of the quantity of `--show`. Those under a surface are its own matter.

use super::{Row, Scene, levels};
use crate::cli::Failure;
use crate::cli::plot::Arguments;
use gradfield::picture::{Contours, Picture};
use std::sync::Arc;

pub(super) const ROW: Row = Row {
    names: &["contour", "contours"],
    variables: 2,
    of_vectors: true,
    usual: false,
    fills: false,
    banded: true,
    flags,
    frame: None,
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    vec![
        ("--levels", arguments.levels.levels.is_some()),
        ("--show", arguments.show != "f"),
        ("--scale", arguments.scale != "linear"),
        ("--clim", arguments.clim.is_some()),
    ]
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    if scene.has("surface") {
        return Ok(());
    }
    let slopes = Arc::clone(scene.slopes(picture)?);
    let (levels, _) = levels::of(scene, &slopes.values)?;
    levels::tell(scene, &slopes.values, &levels);
    picture.layers.push(Contours::new(slopes, levels).into());
    Ok(())
}
