//! `gradfield bench`: grids and descents, CPU against GPU.

use super::options::{Compute, Format as Number};
use super::{Failure, say, say_json};
use clap::{Args, ValueEnum};
use gradfield::backend::{Backend, Steps};
use gradfield::bench::{Ratio, Samples};
use gradfield::descent::{Rule, rule::CLOCK, rules, starts};
use gradfield::field::Evaluator;
use gradfield::{Expression, Points, Precision, Values};
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Functions (default: five, from cheap to dear); put -- before one that begins with a minus
    #[arg(value_name = "EXPR")]
    expressions: Vec<String>,
    /// Points a side of the grids
    #[arg(long, value_name = "N", default_value = "4096", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: u32,
    /// Particles of the descents
    #[arg(long, value_name = "N", default_value = "100000", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    particles: u32,
    /// Steps of the descents
    #[arg(long, value_name = "N", default_value = "1000", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    steps: u64,
    /// Timed repetitions of each, after one to warm up; fewer where they take over 10 seconds
    #[arg(long, value_name = "N", default_value = "7", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: u32,
    /// Number format (default: f32)
    #[arg(long, value_enum)]
    precision: Option<Number>,
    /// Engines: auto is the CPU and, if there is one, the hardware GPU; cpu; gpu or gpu:N is the CPU and that GPU
    #[arg(long, default_value = "auto")]
    device: String,
    /// CPU threads (default: one per core)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure the GPU a second time with the driver's sin, exp and so on
    #[arg(long)]
    fast_math: bool,
    /// How to write the report
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
    /// No notes on standard error
    #[arg(long, short)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Text,
    Json,
}

/// From a memory-bound bowl to one that is all arithmetic.
const FUNCTIONS: [&str; 5] = [
    "x^2 + y^2",
    "3x^2 + 8xy - 3y^5",
    "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    "20 + x^2 + y^2 - 10(cos(2pi x) + cos(2pi y))",
    "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)",
];

/// Seconds that one measurement may take at most, beyond its first three repetitions.
const BUDGET: f64 = 10.0;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let precision = arguments.precision.map_or(Precision::F32, Precision::from);
    let expressions = expressions(&arguments.expressions)?;
    let engines = engines(arguments)?;
    let mut rows = Vec::new();
    for expression in &expressions {
        if arguments.format == Language::Text {
            say(&format!("{} ({})\n", expression.text(), precision.name()))?;
        }
        for work in [Work::Grid, Work::Descent] {
            let mut measured: Vec<(String, Samples)> = Vec::new();
            for engine in &engines {
                gradfield::backend::check_interrupt()?;
                let samples = match work {
                    Work::Grid => grid(arguments, expression, engine.as_ref(), precision)?,
                    Work::Descent => descent(arguments, expression, engine.as_ref(), precision)?,
                };
                measured.push((engine.describe(), samples));
            }
            let units = work.units(arguments, expression);
            let row = Row { text: expression.text().to_string(), work, units, measured };
            if arguments.format == Language::Text {
                say(&row.text())?;
            }
            rows.push(row);
        }
    }
    if arguments.format == Language::Json {
        let rows: Vec<Value> = rows.iter().map(Row::document).collect();
        say_json(&json!({"precision": precision.name(), "size": arguments.size, "rows": rows}))?;
    }
    Ok(())
}

/// The functions to measure, each with a variable at least, all read before the first is measured.
fn expressions(texts: &[String]) -> Result<Vec<Expression>, Failure> {
    let given = texts.iter().map(String::as_str);
    let all: Vec<&str> = if texts.is_empty() { FUNCTIONS.to_vec() } else { given.collect() };
    let parse = |text: &str| {
        let expression = Expression::parse(text)?;
        match expression.variables() {
            [] => Err(Failure::usage(format!("`{text}` has no variables, so there is nothing to measure"))),
            _ => Ok(expression),
        }
    };
    all.into_iter().map(parse).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    Grid,
    Descent,
}

impl Work {
    /// Points, or particle steps.
    fn units(self, arguments: &Arguments, expression: &Expression) -> f64 {
        match self {
            Work::Grid => f64::from(arguments.size).powi(expression.variables().len() as i32),
            Work::Descent => f64::from(arguments.particles) * arguments.steps as f64,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Work::Grid => "grid: f and gradient",
            Work::Descent => "descent: gd",
        }
    }
}

/// The CPU, then the GPU if one is wanted, then that with the driver's functions.
fn engines(arguments: &Arguments) -> Result<Vec<Box<dyn Backend>>, Failure> {
    let compute = |device: &str, fast_math| Compute {
        device: device.to_string(),
        precision: arguments.precision,
        threads: arguments.threads,
        fast_math,
    };
    let mut engines = vec![super::engine::choose(&compute("cpu", false), 0, arguments.quiet)?];
    match arguments.device.as_str() {
        "cpu" => {}
        "auto" => {
            let best = super::engine::choose(&compute("auto", false), usize::MAX, arguments.quiet)?;
            if best.describe() != engines[0].describe() {
                engines.push(best);
            } else if !arguments.quiet {
                eprintln!("note: no hardware GPU here; the CPU alone is measured");
            }
        }
        device => engines.push(super::engine::choose(&compute(device, false), usize::MAX, arguments.quiet)?),
    }
    if arguments.fast_math && engines.len() > 1 {
        engines.push(super::engine::choose(&compute(&arguments.device, true), usize::MAX, true)?);
    }
    Ok(engines)
}

/// f and its gradient over a grid, results in memory.
fn grid(
    arguments: &Arguments,
    expression: &Expression,
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Samples, Failure> {
    let outputs = expression.gradient()?;
    let axis = Points::linspace(-3.0, 3.0, arguments.size as usize);
    let points = Points::Grid(vec![axis; expression.variables().len()]).rounded(precision);
    let mut evaluator = Evaluator::new(&outputs, engine, precision)?;
    let mut columns = evaluator.evaluate(&points)?;
    Ok(Samples::take(arguments.repetitions as usize, BUDGET, || evaluator.evaluate_into(&points, &mut columns))?)
}

/// Gradient descent with many particles, state in, state out.
fn descent(
    arguments: &Arguments,
    expression: &Expression,
    engine: &dyn Backend,
    precision: Precision,
) -> Result<Samples, Failure> {
    let row = rules::by_name("gd").ok_or_else(|| Failure::usage("the rule gd is gone"))?;
    let mut rule = Rule::of(row)?;
    rule.set("lr", 0.001)?;
    let fused = rule.fuse(&expression.gradient()?, false);
    let mut program = engine.prepare(&fused.tape, precision)?;
    let ranges = vec![(-3.0, 3.0); expression.variables().len()];
    let columns = starts::uniform_box(42, arguments.particles as usize, &ranges);
    let start: Vec<Values> = columns.iter().map(|column| Values::from_f64(precision, column)).collect();
    let steps = Steps { uniforms: rule.uniforms(), clock: Some(CLOCK), first: 1, count: arguments.steps };
    Ok(Samples::take(arguments.repetitions as usize, BUDGET, || program.iterate(&mut start.clone(), &steps))?)
}

struct Row {
    text: String,
    work: Work,
    units: f64,
    measured: Vec<(String, Samples)>,
}

impl Row {
    /// A heading, then a line for each engine.
    fn text(&self) -> String {
        let mut text = format!("  {}\n", self.work.name());
        for (name, samples) in &self.measured {
            let rate = self.units / samples.median() / 1e9;
            let unit = if self.work == Work::Grid { "Gpoints/s" } else { "Gsteps/s" };
            let (time, spread) = (samples.median() * 1e3, samples.spread() * 100.0);
            text += &format!("    {name:<45} {time:>9.2} ms ± {spread:>4.1} %  {rate:>8.3} {unit}");
            match self.measured.first() {
                Some((first, cpu)) if first != name => {
                    text += &format!("   {} x the CPU's speed\n", Ratio::of(cpu, samples));
                }
                _ => text.push('\n'),
            }
        }
        text
    }

    fn document(&self) -> Value {
        let engines: Vec<Value> = self
            .measured
            .iter()
            .map(|(name, samples)| {
                json!({
                    "device": name, "median": samples.median(), "min": samples.min(), "max": samples.max(),
                    "seconds": samples.seconds, "per_second": self.units / samples.median(),
                })
            })
            .collect();
        let ratio = self.measured.get(1).map(|(_, gpu)| Ratio::of(&self.measured[0].1, gpu));
        json!({"expression": self.text, "work": self.work.name(), "units": self.units, "engines": engines, "gpu_speedup": ratio})
    }
}
