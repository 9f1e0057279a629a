//! The layer `streamlines`: evenly spaced curves along the gradient.

use super::{Row, Scene, arrows};
use crate::cli::Failure;
use crate::cli::colours::{colouring, shown, tell};
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::Points;
use gradfield::field::Evaluator;
use gradfield::flow::{Streamline, View, streamlines};
use gradfield::picture::{ArrowColour, Picture, Streamlines};

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// Density of the streamlines: 1 has room for 30 across the shorter side, as in matplotlib; 2 for 60
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    density: Option<f64>,
    /// The heads of streamlines point downhill instead of uphill
    #[arg(long)]
    downhill: bool,
    /// Colours streamlines by the length of the gradient, with --map, --scale and --clim
    #[arg(long)]
    by_magnitude: bool,
}

pub(super) const ROW: Row = Row {
    names: &["streamlines"],
    variables: 2,
    of_vectors: true,
    usual: false,
    fills: false,
    banded: true,
    flags,
    frame: Some(frame),
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let given = &arguments.streamlines;
    let mut flags = vec![
        ("--density", given.density.is_some()),
        ("--downhill", given.downhill),
        ("--by-magnitude", given.by_magnitude),
    ];
    if given.by_magnitude {
        flags.push(("--map", arguments.map.is_some()));
        flags.push(("--scale", arguments.scale != "linear"));
        flags.push(("--clim", arguments.clim.is_some()));
    }
    flags
}

fn frame(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    if scene.arguments.streamlines.by_magnitude {
        if scene.filled() {
            return Err(Failure::usage(
                "--by-magnitude: coloured lines cannot be told from the colours below them; take `heat` out of --layers, \
                 or --by-magnitude away"
                    .to_string(),
            ));
        }
        (picture.colour_bar, picture.bar_label) = (true, true);
    }
    Ok(())
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let (layout, given) = (picture.layout()?, &scene.arguments.streamlines);
    let (width, height) = (f64::from(layout.width), f64::from(layout.height));
    let view = View { x: picture.x_range, y: picture.y_range, width, height };
    let separation = separation(&view, given.density.unwrap_or(1.0))?;
    let found = streamlines(scene.expression, &view, separation, scene.engine, scene.precision)?;
    if found.is_empty() && !scene.arguments.function.quiet {
        eprintln!("note: there are no streamlines: the gradient is zero or undefined wherever one could start");
    }
    let lines: Vec<Vec<(f64, f64)>> = found.into_iter().map(|line| points(line, given.downhill)).collect();
    let (mut magnitudes, mut label) = (Vec::new(), String::new());
    let colour = if given.by_magnitude {
        magnitudes = lengths(scene, &lines)?;
        label.push_str(if scene.arguments.vector { "|F|" } else { "|∇f|" });
        let all = magnitudes.concat();
        let colouring = colouring(scene.arguments, &all)?;
        tell(&colouring, &scene.arguments.scale, &all, scene.arguments.function.quiet);
        ArrowColour::Magnitude(colouring)
    } else {
        arrows::ink(scene, picture)
    };
    picture.layers.push(Streamlines { lines, magnitudes, colour, separation, label }.into());
    Ok(())
}

/// The distance between lines in pixels.
fn separation(view: &View, density: f64) -> Result<f64, Failure> {
    let most = view.separation() / view.least();
    if density > 0.0 && density <= most {
        // Fewer than one line across are one line.
        return Ok((view.separation() / density).min(view.width.max(view.height)).max(view.least()));
    }
    Err(Failure::usage(format!(
        "--density: {density} is not above 0 and up to {most:.1}, at which the lines on a plot of this --size become a grey \
         plane; take another"
    )))
}

/// The points of a line in the direction wanted, back at the start where it is closed.
fn points(line: Streamline, downhill: bool) -> Vec<(f64, f64)> {
    let mut points = line.points;
    if line.closed {
        points.extend_from_within(..1);
    }
    if downhill {
        points.reverse();
    }
    points
}

/// The lengths of the gradient at the points of lines.
fn lengths(scene: &Scene<'_>, lines: &[Vec<(f64, f64)>]) -> Result<Vec<Vec<f64>>, Failure> {
    let (x, y): (Vec<f64>, Vec<f64>) = lines.iter().flatten().copied().unzip();
    let points = Points::columns(vec![x, y]).rounded(scene.precision);
    let shown = shown(scene.expression, "grad")?;
    let column = Evaluator::new(&shown, scene.engine, scene.precision)?.evaluate(&points)?.remove(0);
    let mut all = column.to_f64().into_iter();
    Ok(lines.iter().map(|line| all.by_ref().take(line.len()).collect()).collect())
}
