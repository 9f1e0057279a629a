//! `fit -o fit.png`: the measurements, the fitted curve, and how well it is known.
//!
//! Flows in: a fit of one group with one explanatory column. Flows out: a PNG: points, with bars of one standard deviation
//! where the rows have weights; the curve; two standard errors of the curve either way, dashed.

use super::arguments::{Arguments, Task};
use crate::cli::Failure;
use crate::cli::language::number;
use crate::cli::plot::{usual_size, write};
use crate::cli::record::Record;
use gradfield::Points;
use gradfield::backend::Backend;
use gradfield::files::Output;
use gradfield::fit::Fitted;
use gradfield::picture::{CURVE_COLOURS, Curve, Form, Marks, Picture, padded, typeset, y_range};

/// Colours of the curve and of what lies around it.
const FITTED: usize = 1;
/// The measurements' bars.
const BARS: usize = 0;
/// Standard errors either way: some 95 %.
const ERRORS: f64 = 2.0;

/// Refuses what cannot be drawn.
pub(super) fn check(task: &Task) -> Result<(), Failure> {
    let columns = &task.problem.model.columns;
    let fits = task.problem.starts.len().saturating_sub(1);
    if columns.len() != 1 {
        let names = if columns.is_empty() { "none".to_owned() } else { columns.join(", ") };
        return Err(Failure::usage(format!(
            "a picture of a fit has one column across, the model has {} ({names}); write .json, .csv or .npz",
            columns.len()
        )));
    }
    if fits != 1 {
        return Err(Failure::usage(format!("a picture shows one fit, there are {fits}; leave --group-by out")));
    }
    Ok(())
}

/// Draws the fit.
pub(super) fn draw(
    out: &mut Output,
    arguments: &Arguments,
    task: &Task,
    fit: &Fitted,
    (engine, source): (&dyn Backend, String),
) -> Result<(), Failure> {
    let problem = &task.problem;
    let (x, y) = (&problem.columns[0], &problem.response);
    let deviations = deviations(task);
    let (width, height) = usual_size(1);
    let mut picture = Picture::new(width, height);
    let (least, most) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    picture.x_range = if least < most { padded((least, most), 0.04) } else { (least - 1.0, most + 1.0) };
    let across = Points::linspace(picture.x_range.0, picture.x_range.1, 2 * width as usize + 1);
    let band = problem.model.curve(&fit.estimates, &fit.covariance, std::slice::from_ref(&across), engine)?;
    let ends = |sign: f64| y.iter().zip(&deviations).map(move |(y, s)| y + sign * s).collect::<Vec<f64>>();
    let drawn: Vec<f64> = if deviations.is_empty() { y.clone() } else { [ends(-1.0), ends(1.0)].concat() };
    let inside = across.iter().zip(&band.values).filter(|(x, _)| (least..=most).contains(*x)).map(|(_, y)| *y);
    picture.y_range = y_range(&drawn.into_iter().chain(inside).collect::<Vec<f64>>());
    picture.title = typeset(&format!("{} = {}", arguments.response, problem.model.text));
    (picture.x_label, picture.y_label) = (problem.model.columns[0].clone(), arguments.response.clone());
    if !deviations.is_empty() {
        let bars = x.iter().zip(y).zip(&deviations);
        let bars = bars.flat_map(|((x, y), s)| [(*x, y - s), (*x, y + s), (f64::NAN, f64::NAN)]);
        picture.layers.push(curve(bars.unzip(), BARS, false, String::new()));
    }
    let known: Vec<String> =
        problem.model.parameters.iter().zip(&fit.estimates).map(|(name, value)| estimate(name, *value)).collect();
    picture.layers.push(curve((across.clone(), band.values.clone()), FITTED, false, known.join(", ")));
    for (k, sign) in [1.0, -1.0].into_iter().enumerate().filter(|_| !band.errors.is_empty()) {
        let edge = band.values.iter().zip(&band.errors).map(|(y, error)| y + sign * ERRORS * error).collect();
        let label = if k == 0 { "± 2 standard errors".to_owned() } else { String::new() };
        picture.layers.push(curve((across.clone(), edge), FITTED, true, label));
    }
    let points = x.iter().copied().zip(y.iter().copied()).collect();
    picture.layers.push(Marks { points, form: Form::Dot, label: "measured".to_owned() }.into());
    let record = Record::of(&picture, &problem.model.text, source, None);
    write(out, &picture, &record, None, None)
}

fn curve((x, y): (Vec<f64>, Vec<f64>), colour: usize, dashed: bool, label: String) -> gradfield::picture::Layer {
    Curve { x, y, colour: CURVE_COLOURS[colour], dashed, label }.into()
}

/// `a = 1.234`.
fn estimate(name: &str, value: f64) -> String {
    let digits = format!("{value:.3e}").parse().unwrap_or(value);
    format!("{name} = {}", number(digits).replace('-', "−"))
}

/// The standard deviation of each row, where it has a weight: that is one by its square.
fn deviations(task: &Task) -> Vec<f64> {
    let weights = task.problem.weights.as_deref().unwrap_or_default();
    weights.iter().map(|weight| if *weight > 0.0 { 1.0 / weight.sqrt() } else { 0.0 }).collect()
}
