//! The layer `arrows`: the gradient on an even lattice.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::options::size;
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::Points;
use gradfield::field::Field;
use gradfield::picture::{ArrowColour, ArrowLength, Arrows, INK, Picture, Pivot, lattice, padded};

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// How many arrows, such as 20x20; without the layer heat they stand on the points of NumPy's meshgrid
    #[arg(long, value_name = "COLUMNSxROWS", allow_hyphen_values = true)]
    arrows: Option<String>,
}

pub(super) const ROW: Row = Row {
    names: &["arrows"],
    variables: 2,
    of_vectors: true,
    usual: true,
    fills: false,
    banded: true,
    flags,
    frame: Some(frame),
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    vec![("--arrows", arguments.arrows.arrows.is_some())]
}

/// Arrows that begin on the edges of the range need room for those that point outwards.
fn frame(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    if on_edges(scene) {
        let (columns, rows) = counts(scene)?;
        picture.x_range = padded(scene.ranges[0], 1.0 / columns as f64);
        picture.y_range = padded(scene.ranges[1], 1.0 / rows as f64);
    }
    Ok(())
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    // Those on a surface are its own matter.
    if !scene.has("surface") {
        let arrows = arrows(scene)?;
        picture.layers.push(Arrows { colour: ink(scene, picture), ..arrows }.into());
    }
    Ok(())
}

/// The colour of arrows and lines that is seen on what lies below them.
pub(super) fn ink(scene: &Scene<'_>, picture: &Picture) -> ArrowColour {
    match picture.colour_map() {
        _ if !scene.filled() => ArrowColour::Plain(INK),
        Some(map) if map.is_light() => ArrowColour::OnLight,
        _ => ArrowColour::OnHeat,
    }
}

/// The gradient on its lattice.
pub(super) fn arrows(scene: &Scene<'_>) -> Result<Arrows, Failure> {
    let (columns, rows) = counts(scene)?;
    let (x, y) = if on_edges(scene) {
        meshgrid(columns, rows, &scene.ranges)
    } else {
        lattice(columns, rows, scene.ranges[0], scene.ranges[1])
    };
    let points = Points::columns(vec![x.clone(), y.clone()]);
    let field = Field::evaluate(&scene.expression.vectors()?, points, scene.engine, scene.precision)?;
    let at_tail = on_edges(scene) || scene.has("surface");
    Ok(Arrows {
        x,
        y,
        u: field.columns[1].to_f64(),
        v: field.columns[2].to_f64(),
        colour: ArrowColour::OnHeat,
        length: if scene.filled() { ArrowLength::Root } else { ArrowLength::Linear },
        pivot: if at_tail { Pivot::Tail } else { Pivot::Middle },
        label: String::new(),
    })
}

/// Whether the arrows are those of a meshgrid that was asked for, as in NumPy and matplotlib: tails on the points of
/// `linspace(lo, hi, count)`.
fn on_edges(scene: &Scene<'_>) -> bool {
    scene.arguments.arrows.arrows.is_some() && !scene.filled()
}

/// Columns and rows of arrows: as asked, else some 20 along the longer side; fewer on a surface, which is seen aslant.
fn counts(scene: &Scene<'_>) -> Result<(usize, usize), Failure> {
    if let Some(text) = &scene.arguments.arrows.arrows {
        let counts = size("--arrows", text, 2)?;
        if counts.iter().any(|n| *n > 1000) {
            return Err(Failure::usage(format!("--arrows: `{text}` are more than 1000 arrows in a row; take fewer")));
        }
        return Ok((counts[0], counts[1]));
    }
    let shape = (scene.ranges[0].1 - scene.ranges[0].0) / (scene.ranges[1].1 - scene.ranges[1].0);
    if scene.has("surface") {
        return Ok((15, 15));
    }
    let short = |ratio: f64| ((20.0 * ratio).round() as usize).clamp(5, 20);
    Ok(if shape >= 1.0 { (20, short(1.0 / shape)) } else { (short(shape), 20) })
}

/// The points of a meshgrid, its ends included, row by row.
fn meshgrid(columns: usize, rows: usize, ranges: &[(f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    let (x, y) =
        (Points::linspace(ranges[0].0, ranges[0].1, columns), Points::linspace(ranges[1].0, ranges[1].1, rows));
    y.iter().flat_map(|y| x.iter().map(move |x| (*x, *y))).unzip()
}
