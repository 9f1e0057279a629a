//! `descend --density`: a picture of how many paths run through each pixel.
//!
//! Flows in: the flags of `descend`. Flows out: the picture. Particles are moved some at a time; each step is added to the
//! counts of the pixels that it crosses and forgotten, so that memory does not grow with paths or steps.

use super::descend::{Arguments, Source, source_of};
use super::engine::{choose, source};
use super::options::ranges;
use super::plot::{frame, pixels, write};
use super::race;
use super::record::Record;
use super::{Failure, progress};
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::descent::{Method, Plan, Walker};
use gradfield::files::{Format, Output};
use gradfield::picture::{ColourMap, Colouring, Density, Heat, Limits, Picture, Scale, padded, typeset};
use gradfield::{Expression, Precision};
use std::ops::Range;

/// Particles that are moved at a time.
const BATCH: u64 = 1 << 16;

pub(super) fn run(
    arguments: &Arguments,
    expression: &Expression,
    movers: Vec<(String, Method)>,
    format: Format,
    precision: Precision,
) -> Result<(), Failure> {
    let plan = plan(arguments, expression, movers, format)?;
    let source = source_of(arguments, expression, precision)?;
    let count = count(&source);
    let size = pixels(arguments.size.as_deref(), (800, 700))?;
    let mut out = Output::create(&arguments.output)?;
    let tape = plan.rule.fuse(&expression.gradient()?, plan.maximize).tape;
    let demand = Demand::steps(&tape, count as f64, plan.steps as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let ranges = shown(arguments, expression, precision, &source)?;
    let mut picture = frame(size, title(arguments, expression, count), expression.variables(), &ranges);
    (picture.colour_bar, picture.bar_label) = (true, true);
    let density = gathered(arguments, expression, &plan, &source, (engine.as_ref(), precision), &picture)?;
    add(&mut picture, &density)?;
    let engine = (engine.as_ref(), precision);
    if !arguments.no_marks {
        picture.layers.extend(race::minima_on_plane(arguments, expression, engine, &picture)?);
    }
    let source = self::source(engine.0, precision);
    let record = Record::of(&picture, expression.text(), source, Some(arguments.seed));
    write(&mut out, &picture, &record, None, arguments.compute.threads)?;
    Ok(out.finish()?)
}

/// What the particles do.
fn plan(
    arguments: &Arguments,
    expression: &Expression,
    movers: Vec<(String, Method)>,
    format: Format,
) -> Result<Plan, Failure> {
    if format != Format::Png {
        return Err(Failure::usage("--density is a picture; write it with -o FILE.png"));
    }
    let variables = expression.variables().len();
    if variables != 2 {
        return Err(Failure::usage(format!("--density is for functions of two variables, this one has {variables}")));
    }
    let count = movers.len();
    match movers.into_iter().next() {
        Some((_, Method::Rule(rule))) if count == 1 => Ok(Plan {
            rule: *rule,
            steps: arguments.steps,
            every: arguments.every.unwrap_or(1),
            maximize: arguments.maximize,
            seed: arguments.seed,
        }),
        Some((name, _)) if count == 1 => Err(Failure::usage(format!(
            "--density shows the paths of a rule, and `{name}` is a solver: its few steps are a picture without --density"
        ))),
        _ => Err(Failure::usage(format!("--density shows the paths of one rule, here are {count}; leave one --rule"))),
    }
}

fn count(source: &Source) -> u64 {
    match source {
        Source::Given(columns) => columns.first().map_or(0, Vec::len) as u64,
        Source::Sampled(starts) => starts.len(),
    }
}

/// The starts of some particles, a column per variable.
fn part(source: &Source, range: Range<u64>) -> Vec<Vec<f64>> {
    match source {
        Source::Given(columns) => {
            columns.iter().map(|column| column[range.start as usize..range.end as usize].to_vec()).collect()
        }
        Source::Sampled(starts) => starts.part(range),
    }
}

/// What the picture shows: --range, which is where --starts are; of starts that were given their box, with room around it.
fn shown(
    arguments: &Arguments,
    expression: &Expression,
    precision: Precision,
    source: &Source,
) -> Result<Vec<(f64, f64)>, Failure> {
    match source {
        Source::Given(columns) if arguments.ranges.is_empty() => {
            let around = |column: &Vec<f64>| {
                let finite = column.iter().copied().filter(|x| x.is_finite());
                let ends = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), x| (lo.min(x), hi.max(x)));
                if ends.0 > ends.1 { (-3.0, 3.0) } else { padded(ends, 0.3) }
            };
            Ok(columns.iter().map(around).collect())
        }
        _ => ranges(&arguments.ranges, expression.variables(), precision),
    }
}

fn title(arguments: &Arguments, expression: &Expression, count: u64) -> String {
    let verb = if arguments.maximize { "ascent" } else { "descent" };
    let s = if count == 1 { "" } else { "s" };
    arguments.title.clone().unwrap_or_else(|| typeset(&format!("{count} {verb}{s} on f = {}", expression.text())))
}

/// Moves all particles and counts their paths.
fn gathered(
    arguments: &Arguments,
    expression: &Expression,
    plan: &Plan,
    source: &Source,
    (engine, precision): (&dyn Backend, Precision),
    picture: &Picture,
) -> Result<Density, Failure> {
    let count = count(source);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut density = Density::new(&picture.layout()?, arguments.compute.threads.map_or(cores, usize::from));
    let mut walker = Walker::new(expression, plan, engine, precision)?;
    let bar = progress::bar(count, "paths", arguments.function.quiet);
    for first in (0..count).step_by(BATCH as usize) {
        let range = first..count.min(first + BATCH);
        walker.walk(&part(source, range.clone()), first, &mut |step, places| {
            gradfield::backend::check_interrupt()?;
            let at = |k: usize| (places[0].get(k), places[1].get(k));
            match step {
                0 => density.start(places[0].len(), at),
                _ => density.step(at),
            }
            Ok::<(), Failure>(())
        })?;
        bar.set_position(range.end);
    }
    bar.finish_and_clear();
    Ok(density)
}

/// The counts as colours, each of which has as many pixels; none where there is no path.
fn add(picture: &mut Picture, density: &Density) -> Result<(), Failure> {
    let layout = picture.layout()?;
    let values = density.values();
    let crossed: Vec<f64> = std::iter::once(0.0).chain(values.iter().copied().filter(|v| *v > 0.0)).collect();
    let map = ColourMap::by_name("inferno")?;
    let colouring = Colouring::fit(map, Scale::Equalised, Limits::Full, &crossed)?;
    let heat = Heat::new(values, layout.width as usize, layout.height as usize, colouring, "paths per pixel")?;
    picture.layers.push(heat.into());
    Ok(())
}
