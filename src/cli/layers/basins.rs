//! The layers `basins` and `steps`: to which minimum a descent from each pixel comes, and in how many steps.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::colours::{colouring, tell};
use crate::cli::engine::processor;
use crate::cli::minimize::{method, tolerance};
use crate::cli::options::digits;
use crate::cli::plot::Arguments;
use crate::cli::rule::Constants;
use clap::Args;
use gradfield::descent::map::NONE;
use gradfield::descent::{BasinMap, Kind, Method, Minimum, Search, Status};
use gradfield::field::Evaluator;
use gradfield::picture::{Attraction, Heat, Layout, Numbers, Picture};
use gradfield::{Points, Values};

/// Steps where nothing was said: rules take more than solvers do.
const STEPS: u64 = 10_000;
/// Minima that are told.
const TOLD: usize = 20;
/// Points a side at which the curvature is looked at.
const PREVIEW: usize = 128;
/// The share of them above whose curvature lies no more than the rest.
const MOST: f64 = 0.98;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Flags {
    /// How the layers basins and steps descend: gd, bfgs, lbfgs, newton, any rule of `gradfield rules`, or a formula such
    /// as "x = x - lr g" (default: gd, by steps of 1 over the largest curvature in the picture)
    #[arg(long, value_name = "METHOD")]
    method: Option<String>,
    #[command(flatten)]
    constants: Constants,
    /// Steps that a descent of the layers basins and steps may take (default: 10000)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    steps: Option<u64>,
    /// Norm of the gradient that counts as zero for the layers basins and steps (default: 1e-4 in f32, 1e-10 in f64)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    tol: Option<String>,
    /// The layers basins and steps climb to maxima
    #[arg(long)]
    maximize: bool,
}

pub(super) const BASINS: Row = Row {
    names: &["basins"],
    variables: 2,
    of_vectors: false,
    usual: false,
    fills: true,
    banded: false,
    flags,
    frame: Some(frame),
    add: add_basins,
};

pub(super) const STEPS_ROW: Row = Row { names: &["steps"], flags: flags_of_steps, add: add_steps, ..BASINS };

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let Flags { method, constants, steps, tol, maximize } = &arguments.basins;
    let mut flags = vec![
        ("--method", method.is_some()),
        ("--steps", steps.is_some()),
        ("--tol", tol.is_some()),
        ("--maximize", *maximize),
    ];
    flags.extend(constants.flags());
    flags
}

fn flags_of_steps(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let mut flags = flags(arguments);
    flags.push(("--map", arguments.map.is_some()));
    flags.push(("--scale", arguments.scale != "linear"));
    flags.push(("--clim", arguments.clim.is_some()));
    flags
}

/// Room for a bar; one layer alone can be seen.
fn frame(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let opaque: Vec<&str> = ["heat", "bands", "basins", "steps"].into_iter().filter(|name| scene.has(name)).collect();
    if let [first, second, ..] = opaque[..] {
        return Err(Failure::usage(format!(
            "--layers: `{first}` and `{second}` would cover each other; draw one, and over it contour, hillshade or lic"
        )));
    }
    (picture.colour_bar, picture.bar_label) = (true, true);
    Ok(())
}

/// The basins in colours, numbers at the minima.
fn add_basins(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let map = scene.basins(&layout)?;
    let (columns, rows) = (layout.width as usize, layout.height as usize);
    picture.layers.push(Attraction::new(&map.basins, &map.steps, columns, rows)?.into());
    // A saddle has no basin but the few pixels from which one runs straight into it.
    let nowhere = (f64::NAN, f64::NAN);
    let place = |row: &Minimum| if row.kind == Kind::Saddle { nowhere } else { (row.x[0], row.x[1]) };
    let points = map.minima.rows.iter().map(place).collect();
    picture.layers.push(Numbers { points }.into());
    Ok(())
}

/// The steps as colours.
fn add_steps(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let map = scene.basins(&layout)?;
    let value = |(basin, steps): (&u32, &u32)| if *basin == NONE { f64::NAN } else { f64::from(*steps) };
    let values: Vec<f64> = map.basins.iter().zip(&map.steps).map(value).collect();
    let colouring = colouring(scene.arguments, &values)?;
    tell(&colouring, &scene.arguments.scale, &values, scene.arguments.function.quiet);
    let (columns, rows) = (layout.width as usize, layout.height as usize);
    let heat = Heat::new(values, columns, rows, colouring, "evaluations until converged")?;
    picture.layers.push(heat.missing("not converged").into());
    Ok(())
}

impl Scene<'_> {
    /// Where descents from the pixels of the plot end, computed once for both layers, and told.
    fn basins(&self, layout: &Layout) -> Result<&BasinMap, Failure> {
        if let Some(map) = self.basins.get() {
            return Ok(map);
        }
        let (search, method) = self.search(layout)?;
        let axes = [layout.x_centres(), layout.y_centres()];
        let quiet = self.arguments.function.quiet;
        let polisher = processor(&self.arguments.compute)?;
        let bar = crate::cli::progress::bar((axes[0].len() * axes[1].len()) as u64, "pixels", quiet);
        let engine = (self.engine, self.precision);
        let progress = |done| bar.set_position(done);
        let map = BasinMap::of(self.expression, &search, [&axes[0], &axes[1]], engine, &polisher, progress)?;
        bar.finish_and_clear();
        if !quiet {
            say(&map, &method, self.expression.variables());
        }
        Ok(self.basins.get_or_init(|| map))
    }

    /// What `--method` and the flags beside it say, and the method in words.
    fn search(&self, layout: &Layout) -> Result<(Search, String), Failure> {
        let Flags { method: name, constants, steps, tol, maximize } = &self.arguments.basins;
        let steps = steps.unwrap_or(STEPS);
        let (mut method, mut words) = method(name.as_deref().unwrap_or("gd"), constants, steps, 2)?;
        if words == "gd"
            && !constants.has_rate()
            && let (Method::Rule(rule), Some(rate)) = (&mut method, self.rate(layout))
        {
            rule.set("lr", rate)?;
            words = format!("gd with lr = {rate}");
        }
        let search = Search {
            method,
            bounds: None,
            ranges: self.ranges.clone(),
            tolerance: tolerance(tol.as_deref(), self.precision)?,
            steps,
            maximize: *maximize,
        };
        Ok((search, words))
    }

    /// A learning rate with which gradient descent goes straight down: 1 over the largest curvature in the picture, that of
    /// the steepest few pixels left aside. None where it cannot be told, or is not finite.
    fn rate(&self, layout: &Layout) -> Option<f64> {
        let hessian = self.expression.hessian().ok()?;
        let some = |places: Vec<f64>| {
            let count = places.len().min(PREVIEW);
            (0..count).map(|k| places[(2 * k + 1) * places.len() / (2 * count)]).collect()
        };
        let points = Points::Grid(vec![some(layout.x_centres()), some(layout.y_centres())]).rounded(self.precision);
        let columns = Evaluator::new(&hessian, self.engine, self.precision).ok()?.evaluate(&points).ok()?;
        let [xx, xy, yy] = [3, 4, 6].map(|k| columns[k].to_f64());
        let largest = |k: usize| 0.5 * (xx[k] + yy[k]).abs() + (0.5 * (xx[k] - yy[k])).hypot(xy[k]);
        let mut all: Vec<f64> = (0..xx.len()).map(largest).filter(|size| size.is_finite()).collect();
        all.sort_by(f64::total_cmp);
        let most = *all.get((all.len().checked_sub(1)? as f64 * MOST) as usize)?;
        // Two digits: the number is told, and can be typed.
        let rate = format!("{:.1e}", 1.0 / most).parse().ok()?;
        (rate > 0.0 && f64::is_finite(rate)).then_some(rate)
    }
}

/// Says what was found: how many pixels came to which minimum.
fn say(map: &BasinMap, method: &str, variables: &[String]) {
    let (all, lost) = (map.basins.len(), map.lost());
    let reached = map.basins.iter().zip(&map.steps).filter(|(basin, _)| **basin != NONE).map(|(_, steps)| *steps);
    let ends = reached.fold(None, |ends: Option<(u32, u32)>, steps| {
        Some(ends.map_or((steps, steps), |(least, most)| (least.min(steps), most.max(steps))))
    });
    let (count, s) = (map.minima.rows.len(), if map.minima.rows.len() == 1 { "" } else { "s" });
    let took = ends.map_or(String::new(), |(least, most)| format!(", in {least} to {most} evaluations"));
    eprintln!("basins: {count} end{s} of {all} descents by {method}{took}");
    if lost > 0 {
        let failed = map.statuses.iter().filter(|(status, count)| !status.is_success() && *count > 0);
        let why: Vec<String> = failed.map(|(status, count)| format!("{count} {}", status.name())).collect();
        let most = map.statuses.iter().filter(|(status, _)| !status.is_success()).max_by_key(|(_, count)| *count);
        let way = match most {
            Some((Status::Steps, _)) => "; more --steps or a larger --lr may help",
            Some((Status::Escaped | Status::Gradient | Status::SmallStep, _)) => "; a smaller --lr may help",
            _ => "",
        };
        eprintln!("not converged, in grey: {lost} pixels ({}){way}", why.join(", "));
    }
    for (k, row) in map.minima.rows.iter().take(TOLD).enumerate() {
        eprintln!("{}", line(k, row, variables));
    }
    if count > TOLD {
        eprintln!("... and {} more", count - TOLD);
    }
}

/// `1  26.1 %  minimum, f = 0 at x = 3, y = 2`.
fn line(k: usize, row: &Minimum, variables: &[String]) -> String {
    let number = |value: f64| digits(&Values::F64(vec![value]), 0);
    let place: Vec<String> = variables.iter().zip(&row.x).map(|(name, x)| format!("{name} = {}", number(*x))).collect();
    format!(
        "{:<3}{:>5.1} %  {}, f = {} at {}",
        k + 1,
        100.0 * row.share,
        row.kind.name(),
        number(row.f),
        place.join(", ")
    )
}
