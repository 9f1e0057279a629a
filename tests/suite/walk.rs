//! Very many paths, looked at as they go: in parts what `run` records at once, and densities in closed form.

use crate::agree::require;
use crate::engines::{ENGINES, Engine};
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::descent::{DescentError, Method, Plan, Rule, Search, Searcher, Trail, Walker, rules, run, run_search};
use gradfield::picture::{Density, Picture};
use gradfield::{Expression, Precision, Values};
use libtest_mimic::{Failed, Trial};

type Test = fn(Engine) -> Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 3] = [("parts are the whole", parts), ("solvers", solvers), ("rays into a bowl", rays)];
    let mut trials = Vec::new();
    for engine in ENGINES {
        for (name, test) in tests {
            let name = format!("{}::{}::walk::{name}", engine.name, engine.precision.name());
            trials.push(Trial::test(name, move || test(engine)).with_ignored_flag(!engine.runs()));
        }
    }
    trials
}

fn plan(rule: &str, steps: u64, every: u64) -> Result<Plan, Failed> {
    let rule = Rule::of(rules::by_name(rule).ok_or("a rule")?)?;
    Ok(Plan { rule, steps, every, maximize: false, seed: 11 })
}

/// Each particle does what it does among all, noise included.
fn parts(engine: Engine) -> Result<(), Failed> {
    let expression = Expression::parse("sin(3x) + x^2 + y^2/7")?;
    let starts = Starts::new(Sampling::Sobol, 3, 37, vec![(-2.0, 2.0); 2])?;
    let backend = engine.open()?;
    for (rule, steps, every) in [("adam", 20, 5), ("langevin", 13, 4), ("gd", 9, 0), ("gd", 0, 1), ("momentum", 6, 1)] {
        let plan = plan(rule, steps, every)?;
        let trail = run(&expression, &plan, &starts.part(0..37), backend.as_ref(), engine.precision, |_| ())?;
        let walker = Walker::new(&expression, &plan, backend.as_ref(), engine.precision)?;
        same_in_parts(walker, &trail, &starts, engine.precision).map_err(|why| format!("{rule}: {why}"))?;
    }
    Ok(())
}

fn same_in_parts(mut walker: Walker<'_>, trail: &Trail, starts: &Starts, precision: Precision) -> Result<(), String> {
    for range in [0..10, 10..11, 11..37] {
        let mut records = trail.steps.iter().zip(&trail.positions);
        let mut same = true;
        let mut visit = |step: u64, places: &[Values]| {
            let part = |x: &Values| x.part(precision, range.start as usize..range.end as usize);
            same &= records.next().is_some_and(|(expected, record)| {
                step == *expected && places == record.iter().map(part).collect::<Vec<Values>>()
            });
            Ok::<(), DescentError>(())
        };
        walker.walk(&starts.part(range.clone()), range.start, &mut visit).map_err(|error| error.to_string())?;
        if !same || records.next().is_some() {
            return Err(format!("particles {range:?} do otherwise than among all"));
        }
    }
    Ok(())
}

/// A solver's path begins at the start, never climbs by more than rounding, and ends where the search for minima does.
fn solvers(engine: Engine) -> Result<(), Failed> {
    let expression = Expression::parse("(1 - x)^2 + 4(y - x^2)^2 + y^2/9")?;
    let ranges = vec![(-2.0, 2.0); 2];
    let starts = Starts::new(Sampling::Sobol, 3, 37, ranges.clone())?;
    let backend = engine.open()?;
    let (backend, precision) = (backend.as_ref(), engine.precision);
    let (tolerance, rounding) = if precision == Precision::F32 { (1e-3, 1e-5) } else { (1e-9, 1e-14) };
    for (method, maximize) in
        [(Method::Bfgs, false), (Method::Lbfgs, false), (Method::Newton, false), (Method::Bfgs, true)]
    {
        let expression = if maximize { Expression::parse("exp(-x^2 - y^2/2)")? } else { expression.clone() };
        let search = Search { method, bounds: None, ranges: ranges.clone(), tolerance, steps: 60, maximize };
        let told = |what: &str| format!("{:?}: {what}", search.method);
        let trail = run_search(&expression, &search, 1, &starts.part(0..37), backend, precision, |_| ())?;
        require(trail.steps.iter().copied().eq(0..=60), || told("steps"))?;
        require(trail.positions[1] == trail.positions[0], || told("the first evaluation is that of the start"))?;
        let sign = if maximize { -1.0 } else { 1.0 };
        for pair in trail.values.windows(2) {
            let climbs = |k: usize| sign * (pair[1].get(k) - pair[0].get(k)) > rounding * (1.0 + pair[0].get(k).abs());
            require(!(0..37).any(climbs), || told("it climbs"))?;
        }
        let mut searcher = Searcher::new(&expression, search.clone(), backend, precision)?;
        let ends = searcher.batch(starts.part(0..37), 0)?;
        require(trail.positions[60] == ends.positions, || told("another end"))?;
        require(trail.positions[60] != trail.positions[2], || told("it does not move"))?;
        let walker = Walker::of_search(&expression, &search, 1, backend, precision)?;
        same_in_parts(walker, &trail, &starts, precision).map_err(|why| told(&why))?;
    }
    Ok(())
}

/// On (x^2 + y^2) / 2 paths are rays. Of n starts spread evenly over a square of side s about the bottom those outside of a
/// circle of radius r all cross it, n (1 - pi r^2 / s^2) of them, so that a pixel of side d there has n (1 - pi r^2 / s^2)
/// d / (2 pi r) pixels' lengths of path.
fn rays(engine: Engine) -> Result<(), Failed> {
    let count = 1 << 15;
    let (expression, backend) = (Expression::parse("(x^2+y^2)/2")?, engine.open()?);
    let starts = Starts::new(Sampling::Sobol, 1, count, vec![(-2.0, 2.0); 2])?;
    let mut plan = plan("gd", 40, 1)?;
    plan.rule.set("lr", 0.3)?;
    let mut picture = Picture::new(160, 160);
    (picture.x_range, picture.y_range, picture.equal_aspect) = ((-1.0, 1.0), (-1.0, 1.0), true);
    let layout = picture.layout()?;
    let mut density = Density::new(&layout, 2);
    let mut walker = Walker::new(&expression, &plan, backend.as_ref(), engine.precision)?;
    walker.walk(&starts.part(0..count), 0, &mut |step, places: &[Values]| {
        let at = |k: usize| (places[0].get(k), places[1].get(k));
        if step == 0 {
            density.start(places[0].len(), at)
        } else {
            density.step(at)
        }
        Ok::<(), DescentError>(())
    })?;
    let (values, x, y) = (density.values(), layout.x_centres(), layout.y_centres());
    let pixel = x[1] - x[0];
    // Rings of pixels: a single pixel has the chance of its few hundred paths.
    for ring in 2..9 {
        let (inner, outer) = (0.1 * f64::from(ring), 0.1 * f64::from(ring + 1));
        let (mut found, mut expected) = (0.0, 0.0);
        for (k, value) in values.iter().enumerate() {
            let r = x[k % x.len()].hypot(y[k / x.len()]);
            if (inner..outer).contains(&r) {
                let crossing = count as f64 * (1.0 - std::f64::consts::PI * r * r / 16.0);
                found += value;
                expected += crossing * pixel / (2.0 * std::f64::consts::PI * r);
            }
        }
        require((found / expected - 1.0f64).abs() < 0.01, || format!("from {inner}: {found}, not {expected}"))?;
    }
    Ok(())
}
