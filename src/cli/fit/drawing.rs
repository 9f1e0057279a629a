//! `fit -o fit.png`: the measurements, the fitted curve, and how well it is known; below it what the curve leaves.
//!
//! Flows in: a fit of one group with one explanatory column. Flows out: a PNG: points, with bars of one standard deviation
//! where the rows have weights; the curve; two standard errors of the curve either way, dashed; and below, over the same x
//! axis, all of them less the curve.

use super::arguments::{Arguments, Task};
use crate::cli::Failure;
use crate::cli::language::number;
use crate::cli::plot::{pixels, usual_size, write};
use crate::cli::record::{Record, write_bitmap};
use gradfield::Points;
use gradfield::backend::Backend;
use gradfield::files::Output;
use gradfield::fit::{Fitted, Known};
use gradfield::picture::{CURVE_COLOURS, Curve, Form, Marks, Picture, padded, typeset, y_range};

/// Colours of the curve and of what lies around it.
const FITTED: usize = 1;
/// The measurements' bars.
const BARS: usize = 0;
/// Standard errors either way: some 95 %.
const ERRORS: f64 = 2.0;

/// What is left free above and below the measurements, in parts of their range.
const SPARE: f64 = 0.05;
/// Parameters that the legend has room for.
const NAMED: usize = 5;
/// The share of the picture that the residuals have.
const PANEL: f64 = 0.29;

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

/// What the two parts of the picture show.
struct Scene<'a> {
    task: &'a Task,
    /// Places along the x axis, the curve there and its standard errors.
    across: Vec<f64>,
    known: Known,
    /// The curve at the rows.
    fitted: Vec<f64>,
    /// The rows' standard deviations; empty without weights.
    deviations: Vec<f64>,
    /// The least and the largest x of a row.
    span: (f64, f64),
}

/// Draws the fit.
pub(super) fn draw(
    out: &mut Output,
    arguments: &Arguments,
    task: &Task,
    fit: &Fitted,
    (engine, source): (&dyn Backend, String),
) -> Result<(), Failure> {
    let (model, x) = (&task.problem.model, &task.problem.columns[0]);
    let response = arguments.response.as_deref().unwrap_or_default();
    let (width, height) = pixels(arguments.size.as_deref(), usual_size(1))?;
    let mut picture = Picture::new(width, height);
    let span = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    picture.x_range = if span.0 < span.1 { padded(span, 0.04) } else { (span.0 - 1.0, span.1 + 1.0) };
    let across = Points::linspace(picture.x_range.0, picture.x_range.1, 2 * width as usize + 1);
    let known = model.curve(&fit.estimates, &fit.covariance, std::slice::from_ref(&across), engine)?;
    let fitted = model.curve(&fit.estimates, &[], std::slice::from_ref(x), engine)?.values;
    let scene = Scene { task, across, known, fitted, deviations: deviations(task), span };
    picture.title = typeset(&format!("{response} = {}", model.text));
    (picture.x_label, picture.y_label) = (model.columns[0].clone(), response.to_owned());
    let values: Vec<String> = model.parameters.iter().zip(&fit.estimates).map(|(name, v)| estimate(name, *v)).collect();
    let many = values.len() > NAMED;
    let label = if many { format!("fit of {} parameters", values.len()) } else { values.join(", ") };
    scene.fill(&mut picture, false, label);
    let panel = Picture { height: (PANEL * f64::from(height)).round() as u32, ..picture.clone() };
    let panel = scene.panel(Picture { layers: Vec::new(), title: String::new(), legend: false, ..panel });
    if !arguments.curve_only {
        picture.height -= panel.height;
    }
    let record = Record::of(&picture, &model.text, source, None);
    if arguments.curve_only {
        return write(out, &picture, &record, None, None);
    }
    write_bitmap(out, &picture.draw_above(&panel)?, &record)
}

impl Scene<'_> {
    /// The curve, its errors and the measurements; or all of them less the curve.
    fn fill(&self, picture: &mut Picture, less: bool, label: String) {
        let (x, y) = (&self.task.problem.columns[0], &self.task.problem.response);
        let base = |fitted: f64| if less { fitted } else { 0.0 };
        let y: Vec<f64> = y.iter().zip(&self.fitted).map(|(y, fitted)| y - base(*fitted)).collect();
        let curve_at: Vec<f64> = self.known.values.iter().map(|y| y - base(*y)).collect();
        let ends = |sign: f64| y.iter().zip(&self.deviations).map(move |(y, s)| y + sign * s).collect::<Vec<f64>>();
        let drawn: Vec<f64> = if self.deviations.is_empty() { y.clone() } else { [ends(-1.0), ends(1.0)].concat() };
        let (least, most) = self.span;
        let inside = self.across.iter().zip(&curve_at).filter(|(x, _)| (least..=most).contains(*x)).map(|(_, y)| *y);
        // A pole of the curve is cut off, a measurement never.
        let (lo, hi) = y_range(&drawn.iter().copied().chain(inside).collect::<Vec<f64>>());
        let all = drawn.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), y| (a.min(*y), b.max(*y)));
        let all = padded(all, SPARE);
        picture.y_range = (lo.min(all.0), hi.max(all.1));
        if !self.deviations.is_empty() {
            let bars = x.iter().zip(&y).zip(&self.deviations);
            let bars = bars.flat_map(|((x, y), s)| [(*x, y - s), (*x, y + s), (f64::NAN, f64::NAN)]);
            picture.layers.push(curve(bars.unzip(), BARS, false, String::new()));
        }
        picture.layers.push(curve((self.across.clone(), curve_at.clone()), FITTED, false, label));
        for (k, sign) in [1.0, -1.0].into_iter().enumerate().filter(|_| !self.known.errors.is_empty()) {
            let edge = curve_at.iter().zip(&self.known.errors).map(|(y, error)| y + sign * ERRORS * error).collect();
            let label = if k == 0 { "± 2 standard errors".to_owned() } else { String::new() };
            picture.layers.push(curve((self.across.clone(), edge), FITTED, true, label));
        }
        let points = x.iter().copied().zip(y.iter().copied()).collect();
        picture.layers.push(Marks { points, form: Form::Dot, label: "measured".to_owned() }.into());
    }

    /// What is left of the measurements without the curve, evenly about 0.
    fn panel(&self, mut picture: Picture) -> Picture {
        picture.y_label = "residual".to_owned();
        self.fill(&mut picture, true, String::new());
        let most = picture.y_range.0.abs().max(picture.y_range.1.abs());
        picture.y_range = (-most, most);
        picture
    }
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
