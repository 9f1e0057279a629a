//! The layer `heat`: the quantity of `--show` as colours, a value for each pixel of the plot.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::colours::{as_f32, colouring, label, shown, tell};
use crate::cli::plot::{Arguments, BandOf};
use gradfield::Points;
use gradfield::field::Evaluator;
use gradfield::picture::{Heat, Layout, Picture};

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

/// Pixels of a plot up to which all values are held, and the colours fitted to all; above, they come in bands.
const HELD: usize = 1 << 23;
/// Of a larger plot so many rows and columns are looked at for the colours.
const PREVIEW: usize = 1024;

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let arguments = scene.arguments;
    let banded = in_bands(scene, &layout);
    let values = values(scene, picture, banded)?;
    let colouring = colouring(arguments, &values)?;
    tell(&colouring, &arguments.scale, &values, arguments.function.quiet);
    let label = label(&arguments.show);
    let heat = if banded {
        let counts = colouring.count(&values);
        Heat::in_bands(colouring, &label, counts)
    } else {
        Heat::new(values, layout.width as usize, layout.height as usize, colouring, &label)?
    };
    picture.layers.push(heat.into());
    Ok(())
}

/// The quantity at the pixels, or at some of them where it comes in bands: that of the layers that need its gradient too,
/// if there are any.
fn values(scene: &Scene<'_>, picture: &Picture, banded: bool) -> Result<Vec<f64>, Failure> {
    if sloped(scene) {
        return Ok(scene.slopes(picture)?.values.clone());
    }
    let layout = picture.layout()?;
    let (x, y) = (layout.x_centres(), layout.y_centres());
    let points = if banded { vec![some(x), some(y)] } else { vec![x, y] };
    Ok(evaluator(scene)?.evaluate(&Points::Grid(points).rounded(scene.precision))?[0].to_f64())
}

/// Whether a layer needs the quantity's gradient, at all pixels.
fn sloped(scene: &Scene<'_>) -> bool {
    ["bands", "hillshade", "contour"].into_iter().any(|name| scene.has(name))
}

/// The values of a layer that comes in bands, if it is drawn and does.
pub(in crate::cli) fn field<'a>(scene: &'a Scene<'_>, picture: &Picture) -> Result<Option<BandOf<'a>>, Failure> {
    let layout = picture.layout()?;
    if !scene.has(ROW.name()) || !in_bands(scene, &layout) {
        return Ok(None);
    }
    let mut evaluator = evaluator(scene)?;
    let (x, y) = (layout.x_centres(), layout.y_centres());
    Ok(Some(Box::new(move |rows| {
        let y = y[layout.field_rows(rows)].to_vec();
        if y.is_empty() {
            return Ok(Vec::new());
        }
        let points = Points::Grid(vec![x.clone(), y]).rounded(scene.precision);
        Ok(as_f32(&evaluator.evaluate(&points)?[0]).into_owned())
    })))
}

fn in_bands(scene: &Scene<'_>, layout: &Layout) -> bool {
    layout.width as usize * layout.height as usize > HELD && !sloped(scene)
}

/// Some of many places, evenly.
fn some(places: Vec<f64>) -> Vec<f64> {
    let count = places.len().min(PREVIEW);
    (0..count).map(|k| places[(2 * k + 1) * places.len() / (2 * count)]).collect()
}

fn evaluator<'a>(scene: &Scene<'a>) -> Result<Evaluator<'a>, Failure> {
    Ok(Evaluator::new(&shown(scene.expression, &scene.arguments.show)?, scene.engine, scene.precision)?)
}
