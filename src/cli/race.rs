//! The picture of several rules that race from the same starts: what each did in a colour of its own, on a pale ground.
//!
//! Flows in: the runs of `descend`, a picture with its frame. Flows out: layers: bands of f, paths, starts, ends, minima.

use super::Failure;
use super::descend::{Arguments, Run};
use super::engine::processor;
use super::paths::{MARKS, PATHS, Scene};
use gradfield::backend::Backend;
use gradfield::critical::{CriticalError, Kind, Search, find};
use gradfield::field::Field;
use gradfield::picture::{
    Bands, ColourMap, Colouring, Form, Layer, Limits, Marks, Picture, Points as Dots, RUNNER_COLOURS, Race, Runner,
    Scale, Slopes, levels,
};
use gradfield::{Expression, Points, Precision, Values};
use std::sync::Arc;

/// Bands of the ground.
const BANDS: usize = 14;

/// The runs that count for what a picture shows: those whose particles did not all leave the numbers, if there are any.
pub(super) fn kept(runs: &[Run]) -> impl Iterator<Item = &Run> {
    let stays = |run: &&Run| {
        let last = run.trail.positions.last();
        last.is_some_and(|columns| {
            (0..columns[0].len()).any(|k| columns.iter().all(|column| column.get(k).is_finite()))
        })
    };
    let none = !runs.iter().any(|run| stays(&run));
    runs.iter().filter(move |run| none || stays(run))
}

/// Paths over bands of f, its minima marked.
pub(super) fn on_plane(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    picture.layers.push(ground(scene, picture)?);
    picture.layers.extend(minima_on_plane(
        scene.arguments,
        scene.expression,
        (scene.engine, scene.precision),
        picture,
    )?);
    let trail = &scene.runs[0].trail;
    if trail.values[0].len() > PATHS || trail.steps.len() <= 2 {
        picture.layers.extend(scene.runs.iter().zip(RUNNER_COLOURS).map(|(run, colour)| ends(run, colour)));
        return Ok(());
    }
    let iterates = trail.values[0].len() == 1 && trail.steps.len() <= 60;
    let runners = runners(scene, |run, record, particle| {
        let place = &run.trail.positions[record];
        (place[0].get(particle), place[1].get(particle))
    });
    picture.layers.push(Race { runners, lines: true, iterates }.into());
    Ok(())
}

/// Iterates on the curve, its minima marked.
pub(super) fn on_curve(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let (engine, range) = ((scene.engine, scene.precision), [picture.x_range]);
    picture.layers.extend(minima(scene.arguments, scene.expression, engine, &range, |x, f| (x[0], f))?);
    let runners = runners(scene, |run, record, particle| {
        (run.trail.positions[record][0].get(particle), run.trail.values[record].get(particle))
    });
    picture.layers.push(Race { runners, lines: false, iterates: true }.into());
    Ok(())
}

/// The paths of each rule; of very many particles some.
fn runners(scene: &Scene<'_>, place: impl Fn(&Run, usize, usize) -> (f64, f64)) -> Vec<Runner> {
    let one = |(run, colour): (&Run, _)| {
        let (records, particles) = (run.trail.steps.len(), run.trail.values.first().map_or(0, Values::len));
        let shown = particles.min((MARKS / records).max(1));
        let path = |particle: usize| (0..records).map(|record| place(run, record, particle)).collect();
        Runner { paths: (0..shown).map(path).collect(), colour, label: label(&run.name) }
    };
    scene.runs.iter().zip(RUNNER_COLOURS).map(one).collect()
}

/// `gd:lr=0.1` as it is printed.
fn label(name: &str) -> String {
    name.replace(':', ", ").replace('=', " = ")
}

/// The last places of very many particles.
fn ends(run: &Run, colour: [u8; 4]) -> Layer {
    let last = &run.trail.positions[run.trail.positions.len() - 1];
    let points: Vec<(f64, f64)> = (0..last[0].len().min(MARKS)).map(|k| (last[0].get(k), last[1].get(k))).collect();
    let label = format!("{}: ends of {} particles", label(&run.name), points.len());
    Dots { points, colour, radius: 2.0, hollow: false, label }.into()
}

/// f in bands of grey.
fn ground(scene: &Scene<'_>, picture: &Picture) -> Result<Layer, Failure> {
    let layout = picture.layout()?;
    let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]);
    let field = Field::evaluate(&scene.expression.gradient()?, points, scene.engine, scene.precision)?;
    let [values, dx, dy] = [0, 1, 2].map(|k| field.columns[k].to_f64());
    // Bands of equal areas show the shape of the ground everywhere.
    let colouring = Colouring::fit(ColourMap::ground(), Scale::Equalised, Limits::Auto, &values)?;
    let levels = levels(&colouring, BANDS);
    let slopes = Slopes { values, dx, dy, columns: layout.width as usize, rows: layout.height as usize };
    Ok(Bands::new(Arc::new(slopes), colouring.stepped(levels), "f").into())
}

/// Marks at the minima (or maxima, where one climbs) of a function of two variables on a picture.
pub(super) fn minima_on_plane(
    arguments: &Arguments,
    expression: &Expression,
    engine: (&dyn Backend, Precision),
    picture: &Picture,
) -> Result<Option<Layer>, Failure> {
    minima(arguments, expression, engine, &[picture.x_range, picture.y_range], |x, _| (x[0], x[1]))
}

/// Those in a box; none where they cannot be told.
fn minima(
    arguments: &Arguments,
    expression: &Expression,
    (engine, precision): (&dyn Backend, Precision),
    ranges: &[(f64, f64)],
    place: fn(&[f64], f64) -> (f64, f64),
) -> Result<Option<Layer>, Failure> {
    let exact = processor(&arguments.compute)?;
    let search = Search::over(ranges.to_vec());
    let found = match find(expression, &search, engine, precision, &exact) {
        Ok(found) => found,
        Err(CriticalError::Derive(_) | CriticalError::Crowded { .. }) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let kind = if arguments.maximize { Kind::Maximum } else { Kind::Minimum };
    let of_kind = found.points.iter().filter(|point| point.kind == kind);
    let points: Vec<(f64, f64)> = of_kind.map(|point| place(&point.x, point.f)).collect();
    let label = if points.len() == 1 { kind.name() } else { kind.plural() }.to_string();
    Ok(Some(Marks { points, form: Form::Around, label }.into()))
}
