//! Very many paths, looked at as they go: in parts what `run` records at once, and densities in closed form.

use crate::agree::require;
use crate::engines::{ENGINES, Engine};
use gradfield::descent::starts::{Sampling, Starts};
use gradfield::descent::{DescentError, Plan, Rule, Walker, rules, run};
use gradfield::picture::{Density, Picture};
use gradfield::{Expression, Values};
use libtest_mimic::{Failed, Trial};

type Test = fn(Engine) -> Result<(), Failed>;

pub(crate) fn tests() -> Vec<Trial> {
    let tests: [(&str, Test); 2] = [("parts are the whole", parts), ("rays into a bowl", rays)];
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
        let mut walker = Walker::new(&expression, &plan, backend.as_ref(), engine.precision)?;
        for range in [0..10, 10..11, 11..37] {
            let mut records = trail.steps.iter().zip(&trail.positions);
            let mut visit = |step: u64, places: &[Values]| {
                let (expected, record) = records.next().expect("as many records");
                let own: Vec<Values> =
                    record.iter().map(|x| x.part(engine.precision, range.start as usize..range.end as usize)).collect();
                assert!(step == *expected && places == own, "{rule} at step {step}, particles {range:?}");
                Ok::<(), DescentError>(())
            };
            walker.walk(&starts.part(range.clone()), range.start, &mut visit)?;
            require(records.next().is_none(), || format!("{rule}: a record is missing"))?;
        }
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
