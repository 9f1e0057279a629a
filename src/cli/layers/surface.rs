//! The layer `surface`: the graph of the function in three dimensions, coloured by the quantity of `--show`; with the
//! layer `contour` its levels lie on the base plane, with `arrows` its gradient stands on it.

use super::{Row, Scene, arrows, heat, hillshade, levels};
use crate::cli::Failure;
use crate::cli::colours::{colouring_shown, label, shown, tell, with_slopes};
use crate::cli::options::{number, range};
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::Points;
use gradfield::expr::Outputs;
use gradfield::field::Evaluator;
use gradfield::picture::{Layout, Level, Picture, Sheet, Slopes, Surface, View};
use std::sync::Arc;

#[derive(Debug, Clone, Args)]
pub(crate) struct Flags {
    /// Surface: from where it is seen in degrees, from the x axis towards the y axis, and up from the horizon
    /// (default: -60:30)
    #[arg(long, value_name = "AZIMUTH:ELEVATION", allow_hyphen_values = true)]
    view: Option<String>,
    /// Surface: what the box spans upwards, such as 0:200; the rest is cut off (default: the values, without outliers)
    #[arg(long, value_name = "LO:HI", allow_hyphen_values = true)]
    pub(in crate::cli) zlim: Option<String>,
}

pub(super) const ROW: Row = Row {
    names: &["surface"],
    variables: 2,
    of_vectors: false,
    usual: false,
    fills: true,
    banded: false,
    flags,
    frame: Some(frame),
    add,
};

/// The layers that a surface takes up.
const WITH: [&str; 3] = ["surface", "contour", "arrows"];
/// The usual light: from the left before the surface.
const LIGHT: &str = "225:50";

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let Flags { view, zlim } = &arguments.surface;
    let mut flags = heat::flags(arguments);
    flags.extend([
        ("--light", arguments.hillshade.light.is_some()),
        ("--view", view.is_some()),
        ("--zlim", zlim.is_some()),
    ]);
    flags
}

fn frame(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    if let Some(flat) = scene.layers.iter().find(|row| !WITH.contains(&row.name())) {
        return Err(Failure::usage(format!(
            "--layers: `{}` is flat; with `surface` go contour (on the base plane) and arrows (over the surface), and \
             --show colours it",
            flat.name()
        )));
    }
    (picture.axes, picture.equal_aspect) = (false, false);
    heat::frame(scene, picture)
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let (arguments, layout) = (scene.arguments, picture.layout()?);
    let view = view(arguments.surface.view.as_deref())?;
    let light = hillshade::light(arguments.hillshade.light.as_deref().unwrap_or(LIGHT))?;
    let sheet = sheet(scene, view, &layout)?;
    let (heights, values) = (sheet.heights(), sheet.shown());
    let z_range = match &arguments.surface.zlim {
        Some(text) => range("--zlim", text, text)?,
        None => z_range(scene, &heights)?,
    };
    let colouring = colouring_shown(arguments, scene.expression, &values)?;
    tell(&colouring, &arguments.scale, &values, arguments.function.quiet);
    let name = scene.expression.variables();
    let mut surface = Surface {
        sheet: Arc::new(sheet),
        colouring,
        label: label(arguments),
        view,
        light,
        z_range,
        names: [name[0].clone(), name[1].clone(), "f".to_owned()],
        grid: picture.grid,
        contours: None,
        arrows: None,
    };
    if scene.has("contour") {
        surface.contours = contours(scene, &surface, &layout, &values)?;
    }
    if scene.has("arrows") {
        surface.arrows = Some(arrows::arrows(scene)?);
    }
    picture.layers.push(surface.into());
    Ok(())
}

/// The function with its slopes and the quantity shown, on a mesh for the picture.
fn sheet(scene: &Scene<'_>, view: View, layout: &Layout) -> Result<Sheet, Failure> {
    let Outputs { mut graph, variables, mut outputs } = scene.expression.gradient()?;
    let shown = shown(scene.expression, &scene.arguments.show)?;
    let same = |graph: &mut gradfield::expr::Graph, place: u32| graph.variable(place);
    outputs.extend(graph.import(&shown.graph, &shown.outputs, same));
    let mut evaluator = Evaluator::new(&Outputs { graph, variables, outputs }, scene.engine, scene.precision)?;
    let (columns, rows) = view.mesh(layout);
    let [x, y] = [(0, columns), (1, rows)].map(|(k, n)| Points::linspace(scene.ranges[k].0, scene.ranges[k].1, n));
    Sheet::new(x, y, |points| {
        let found = evaluator.evaluate(&points.rounded(scene.precision))?;
        Ok([0, 1, 2, 3].map(|k| found[k].to_f64()))
    })
}

/// The levels of the quantity shown, with what they need to be drawn on the base plane.
fn contours(
    scene: &Scene<'_>,
    surface: &Surface,
    layout: &Layout,
    values: &[f64],
) -> Result<Option<(Vec<Level>, Slopes)>, Failure> {
    let (levels, _) = levels::of(scene, values)?;
    levels::tell(scene, values, &levels);
    let (x, y) = surface.base(layout)?;
    if x.is_empty() {
        return Ok(None);
    }
    let outputs = with_slopes(shown(scene.expression, &scene.arguments.show)?)?;
    let points = Points::columns(vec![x, y]).rounded(scene.precision);
    let found = Evaluator::new(&outputs, scene.engine, scene.precision)?.evaluate(&points)?;
    let columns = points.len();
    // Of a large picture these are large.
    drop(points);
    let mut found = found.into_iter().map(|column| column.to_f64());
    let mut next = || found.next().unwrap_or_default();
    Ok(Some((levels, Slopes { values: next(), dx: next(), dy: next(), columns, rows: 1 })))
}

/// What the box spans upwards, where nothing was said.
pub(in crate::cli) fn z_range(scene: &Scene<'_>, heights: &[f64]) -> Result<(f64, f64), Failure> {
    let view = view(scene.arguments.surface.view.as_deref())?;
    Ok(Surface::z_range(heights, view, scene.has("contour")))
}

/// `-60:30`.
fn view(text: Option<&str>) -> Result<View, Failure> {
    let Some(text) = text else { return Ok(View::default()) };
    let Some((azimuth, elevation)) = text.split_once(':') else {
        return Err(Failure::usage(format!(
            "--view: `{text}` is no view; write azimuth and elevation in degrees, as in --view=-60:30"
        )));
    };
    let (azimuth, elevation) = (number("--view", azimuth)?, number("--view", elevation)?);
    if !(-90.0..=90.0).contains(&elevation) {
        return Err(Failure::usage(format!(
            "--view: the elevation {elevation} is not between -90 (from below) and 90 degrees (from above)"
        )));
    }
    Ok(View { azimuth, elevation })
}
