//! `gradfield descend`: particles that follow a rule, and their paths.

mod starts;
mod tables;

use super::engine::{choose, processor, source};
use super::minimize::tolerance;
use super::options::{Compute, Function, check_names, digits, ranges};
use super::rule::{Constants, race};
use super::{Failure, density, movie, paths};
use clap::Args;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::descent::{self, DescentError, Method, Plan, Records, Search, Status, Trail};
use gradfield::field::{check_size, tape_of};
use gradfield::files::{Format, Output};
use gradfield::picture::RUNNER_COLOURS;
use gradfield::{Expression, Precision};
pub(super) use starts::{Source, source_of};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// A start, such as x=-8,y=2, or -8 for all variables (repeatable)
    #[arg(long = "from", value_name = "NAME=NUMBER,...", allow_hyphen_values = true)]
    from: Vec<String>,
    /// Starts from a CSV file with a header line, or a .npy array; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    points: Option<PathBuf>,
    /// So many starts, spread over --range by --sampling
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["from", "points"])]
    starts: Option<usize>,
    /// How --starts spreads over --range: uniform; sobol, evener, best for powers of two; lhs, a Latin hypercube: each
    /// variable's range in N strata, a start in each; grid, the centres of at most N equal cells, as many along every
    /// variable
    #[arg(long, value_name = "NAME", default_value = "uniform", requires = "starts", conflicts_with_all = ["from", "points"])]
    sampling: String,
    /// Range of a variable for --starts and for the picture (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// One of gd, momentum, nesterov, adagrad, rmsprop, adadelta, adam, amsgrad, adamax, nadam, adamw, adabelief, lion,
    /// sign, rprop, normalised, langevin, dog, prodigy (`gradfield rules` shows their formulas), or a formula such as
    /// "v = beta v - lr g; x = x + v": x is the coordinate, g its slope, f, g2 and t are the value, the squared norm
    /// of the gradient and the number of the step, noise is a standard normal deviate, total(e) a sum over coordinates.
    /// Or a solver with a line search: bfgs, lbfgs or newton, whose step is an evaluation of f and its gradient.
    /// Several, as in --rule gd,adam,bfgs or --rule gd:lr=0.1 --rule gd:lr=0.01, race from the same starts
    #[arg(long = "rule", value_name = "RULE[:NAME=NUMBER]", default_value = "gd")]
    rules: Vec<String>,
    #[command(flatten)]
    constants: Constants,
    /// Steps to take
    #[arg(long, value_name = "N", default_value = "100", allow_negative_numbers = true)]
    pub(super) steps: u64,
    /// Record every N steps; 0 records start and end (default: every step while that is under a million rows)
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) every: Option<u64>,
    /// A picture of how many paths run through each pixel, of any number of --starts: none is kept
    #[arg(long)]
    density: bool,
    /// Of --density: no marks at the minima
    #[arg(long, requires = "density")]
    pub(super) no_marks: bool,
    /// With one variable: draw tangents at the iterates, where these are not too close: their slope is the gradient
    #[arg(long, conflicts_with = "density")]
    pub(super) tangents: bool,
    /// Climb to a maximum
    #[arg(long)]
    pub(super) maximize: bool,
    /// Seed of --starts and of a rule's noise
    #[arg(long, value_name = "N", default_value = "0", allow_negative_numbers = true)]
    pub(super) seed: u64,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// Pixels of a picture, such as 800x700; one number for both sides
    #[arg(long, value_name = "WIDTHxHEIGHT", allow_hyphen_values = true)]
    pub(super) size: Option<String>,
    /// Title of a picture (default: the function)
    #[arg(long)]
    pub(super) title: Option<String>,
    #[command(flatten)]
    movie: movie::Flags,
    /// Where to write: .csv, .npz, .png, or .gif or .apng, where the particles move (default: CSV to standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
    /// csv, npz, png, gif or apng (default: by the name's ending)
    #[arg(long)]
    format: Option<String>,
}

/// Rows of a record up to which every step is kept.
const ROWS: u64 = 1_000_000;
/// Particles whose every step a picture shows.
const PATHS: usize = 200;

/// What one rule did.
pub(super) struct Run {
    /// The rule as it was given.
    pub(super) name: String,
    pub(super) trail: Trail,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let format = format(arguments)?;
    let precision = arguments.compute.precision.map_or(Precision::F32, Precision::from);
    let movers = race(&arguments.rules, &arguments.constants)?;
    check_picture(arguments, &expression, format, movers.len())?;
    if arguments.density {
        return density::run(arguments, &expression, movers, format, precision);
    }
    let starts = starts::all(arguments, &expression, precision)?;
    let (particles, count) = (starts[0].len(), movers.len() as u64);
    let steps = arguments.steps;
    let every = every(arguments, particles * count as usize, format)?;
    check_size(Records { steps, every }.size(particles) * count as f64, expression.variables().len() + 1, precision)
        .map_err(DescentError::from)?;
    let mut out = Output::create(&arguments.output)?;
    let tape = match &movers[0].1 {
        Method::Rule(rule) => rule.fuse(&expression.gradient()?, arguments.maximize).tape,
        _ => tape_of(&expression.gradient()?),
    };
    let demand = Demand::steps(&tape, (particles as u64 * count) as f64, steps as f64, precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let bar = super::progress::bar(steps.saturating_mul(count), "steps", arguments.function.quiet);
    let mut runs: Vec<Run> = Vec::new();
    for (name, mover) in movers {
        let before = steps.saturating_mul(runs.len() as u64);
        let progress = |done| bar.set_position(before.saturating_add(done));
        let engine = (engine.as_ref(), precision);
        let trail = trail(arguments, &expression, mover, every, &starts, engine, progress)?;
        runs.push(Run { name, trail });
    }
    bar.finish_and_clear();
    if !arguments.function.quiet {
        runs.iter().try_for_each(|run| summarise(arguments, &expression, run, runs.len() > 1, precision))?;
    }
    match format {
        Format::Png | Format::Apng | Format::Gif => {
            let movie = movie::is_moving(format).then(|| arguments.movie.movie(steps, format));
            paths::draw(arguments, &expression, &runs, engine.as_ref(), precision, &mut out, movie)?;
        }
        Format::Npz => tables::npz(&mut out, &expression, &runs, &source(engine.as_ref(), precision))?,
        _ => tables::csv(&mut out, &expression, &runs)?,
    }
    out.finish()?;
    Ok(())
}

/// What one rule or solver does.
fn trail(
    arguments: &Arguments,
    expression: &Expression,
    mover: Method,
    every: u64,
    starts: &[Vec<f64>],
    (engine, precision): (&dyn Backend, Precision),
    progress: impl FnMut(u64),
) -> Result<Trail, Failure> {
    let Arguments { steps, maximize, seed, .. } = *arguments;
    let method = match mover {
        Method::Rule(rule) => {
            let plan = Plan { rule: *rule, steps, every, maximize, seed };
            return Ok(descent::run(expression, &plan, starts, engine, precision, progress)?);
        }
        solver => solver,
    };
    let search = search(arguments, expression, method, precision)?;
    Ok(descent::run_search(expression, &search, every, starts, engine, precision, progress)?)
}

/// What a solver looks for.
fn search(
    arguments: &Arguments,
    expression: &Expression,
    method: Method,
    precision: Precision,
) -> Result<Search, Failure> {
    let ranges = ranges(&arguments.ranges, expression.variables(), precision)?;
    let tolerance = tolerance(None, precision)?;
    Ok(Search { method, bounds: None, ranges, tolerance, steps: arguments.steps, maximize: arguments.maximize })
}

/// Refuses a picture that cannot be, and where none is drawn the flags of one and names that a table has itself.
fn check_picture(arguments: &Arguments, expression: &Expression, format: Format, rules: usize) -> Result<(), Failure> {
    let moving = movie::is_moving(format);
    if arguments.tangents {
        check_tangents(expression, format, rules)?;
    }
    arguments.movie.check(moving, "write one with -o FILE.gif or FILE.apng")?;
    if moving {
        movie::check_size(super::plot::pixels(arguments.size.as_deref(), (1, 1))?)?;
    }
    if moving && rules > 1 {
        return Err(Failure::usage(format!(
            "--rule: a picture that moves shows the paths of one rule, here are {rules}; leave one, or write .png"
        )));
    }
    if format == Format::Png || moving {
        super::plot::pixels(arguments.size.as_deref(), (1, 1))?;
        if rules > RUNNER_COLOURS.len() {
            return Err(Failure::usage(format!(
                "--rule: a picture has colours for {} rules, here are {rules}; take fewer, or write .csv or .npz",
                RUNNER_COLOURS.len()
            )));
        }
        return match expression.variables().len() {
            ..=2 => Ok(()),
            n => Err(Failure::usage(format!(
                "a picture has one or two variables, this function has {n}; write .csv or .npz"
            ))),
        };
    }
    let columns = if format == Format::Npz { ["step", "f", "device"] } else { ["particle", "step", "f"] };
    check_names(expression.variables(), &columns)?;
    check_names(expression.variables(), if rules > 1 { &["rule"] } else { &[] })?;
    let given = [("--size", arguments.size.is_some()), ("--title", arguments.title.is_some())];
    match given.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((flag, _)) => Err(Failure::usage(format!("{flag} is for a picture; write one with -o FILE.png"))),
    }
}

/// Refuses tangents where there is nothing that they touch.
fn check_tangents(expression: &Expression, format: Format, rules: usize) -> Result<(), Failure> {
    Err(Failure::usage(match (format, expression.variables().len(), rules) {
        (Format::Png, 1, 1) => return Ok(()),
        (Format::Png, 1, _) => "--tangents are drawn for one rule; leave one".to_string(),
        (Format::Png, n, _) => format!("--tangents touch a curve, which has one variable; this function has {n}"),
        (Format::Gif | Format::Apng, ..) => {
            "--tangents are for a picture in which nothing moves; write .png".to_string()
        }
        _ => "--tangents is for a picture; write one with -o FILE.png".to_string(),
    }))
}

fn format(arguments: &Arguments) -> Result<Format, Failure> {
    let allowed = [Format::Csv, Format::Npz, Format::Png, Format::Gif, Format::Apng];
    let given = super::options::format("--format", arguments.format.as_deref(), &allowed)?;
    match given {
        None if arguments.output.as_os_str() == "-" => Ok(Format::Csv),
        given => Ok(Format::of(&arguments.output, given, &allowed)?),
    }
}

/// How often a step is recorded. `particles` are those of all rules.
fn every(arguments: &Arguments, particles: usize, format: Format) -> Result<u64, Failure> {
    let all = arguments.steps.saturating_mul(particles as u64);
    Ok(match arguments.every {
        Some(every) => every,
        // What moves is seen at each frame.
        None if movie::is_moving(format) && (particles > PATHS || all > ROWS) => {
            arguments.movie.stride(arguments.steps, particles)?
        }
        // A picture shows paths of a few particles; of many only where they end.
        None if format == Format::Png && particles > PATHS => 0,
        None if all <= ROWS => 1,
        None => 0,
    })
}

/// One line on standard error: the best end, and how all ended; in a race, of which rule. One more where some are lost.
fn summarise(
    arguments: &Arguments,
    expression: &Expression,
    Run { name, trail }: &Run,
    named: bool,
    precision: Precision,
) -> Result<(), Failure> {
    let who = if named { format!("{name}: ") } else { String::new() };
    let (Some(values), Some(positions)) = (trail.values.last(), trail.positions.last()) else { return Ok(()) };
    let statuses = descent::statuses(
        expression,
        &search(arguments, expression, Method::Auto, precision)?,
        positions,
        &processor(&arguments.compute)?,
    )?;
    let better = |a: f64, b: f64| if arguments.maximize { a.total_cmp(&b) } else { b.total_cmp(&a) };
    let lost = |k: usize| !values.get(k).is_finite() || positions.iter().any(|column| !column.get(k).is_finite());
    let (gone, kept): (Vec<usize>, Vec<usize>) = (0..values.len()).partition(|k| lost(*k));
    let ended = Status::ENDS.iter().filter_map(|status| {
        let count = statuses.iter().filter(|found| *found == status).count();
        (count > 0).then(|| format!("{count} {}", status.name()))
    });
    let ended = ended.collect::<Vec<String>>().join(", ");
    if let Some(best) = kept.into_iter().max_by(|a, b| better(values.get(*a), values.get(*b))) {
        let names = expression.variables().iter();
        let place = names.zip(positions).take(4).map(|(name, column)| format!("{name} = {}", digits(column, best)));
        let place = place.collect::<Vec<String>>().join(", ");
        let more = if positions.len() > 4 { ", ..." } else { "" };
        let step = trail.steps.last().copied().unwrap_or(0);
        let s = if step == 1 { "" } else { "s" };
        eprintln!("{who}after {step} step{s} the best f = {} at {place}{more}; {ended}", digits(values, best));
    }
    if !gone.is_empty() {
        eprintln!(
            "{who}{} of {} particles ended where f or a coordinate is not finite; a smaller --lr may keep them",
            gone.len(),
            values.len()
        );
    }
    Ok(())
}
