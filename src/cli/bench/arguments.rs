//! What `bench` is asked to measure.

use super::engines::Engine;
use crate::cli::Failure;
use crate::cli::options::{Compute, Format as Number};
use clap::{Args, ValueEnum};
use gradfield::bench::{Case, Effort, Work};
use gradfield::files::{Format, Output};
use gradfield::{Expression, Precision};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Functions (default: five, from cheap to dear; with --quick two); put -- before one that begins with a minus
    #[arg(value_name = "EXPR")]
    expressions: Vec<String>,
    /// What to time
    #[arg(long, value_enum, value_delimiter = ',', default_value = "grid,descent")]
    work: Vec<Kind>,
    /// Points a side of the grids, such as 256,1024,4096 (default: 2^16, 2^20 and 2^24 points; with --quick without the last)
    #[arg(long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=65536))]
    size: Vec<u32>,
    /// Particles of the descents (default: 1000,10000,100000; with --quick without the last)
    #[arg(long, value_name = "N", value_delimiter = ',', allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..))]
    particles: Vec<u32>,
    /// Steps of the descents (default: 1000; with --quick 100)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Timed runs of each case after the first, fewer where they take over 10 seconds (default: 7; with --quick 5)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repetitions: Option<u32>,
    /// Number formats: f32, f64 or both as f32,f64 (default: both; with --quick f32)
    #[arg(long, value_enum, value_delimiter = ',', ignore_case = true)]
    precision: Vec<Number>,
    /// Engines: auto is the CPU and, if there is one, the hardware GPU; cpu; gpu or gpu:N is the CPU and that GPU
    #[arg(long, default_value = "auto")]
    pub(super) device: String,
    /// CPU threads (default: one per core)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure the GPU a second time with the driver's sin, exp and so on
    #[arg(long)]
    pub(super) fast_math: bool,
    /// Fewer functions, sizes, formats and runs: under 20 seconds
    #[arg(long)]
    quick: bool,
    /// How to write the report to standard output
    #[arg(long, value_enum, default_value = "text")]
    format: Language,
    /// Write the report to a file as well (repeatable): .json, .csv, or .png for a plot; - is standard output, with --format
    #[arg(long, short, value_name = "FILE")]
    output: Vec<PathBuf>,
    /// No notes and no progress on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// A report on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    Text,
    Json,
    Csv,
    Png,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Grid,
    Descent,
}

/// From a memory-bound bowl to one that is all arithmetic.
const FUNCTIONS: [&str; 5] = [
    "x^2 + y^2",
    "3x^2 + 8xy - 3y^5",
    "(x^2 + y - 11)^2 + (x + y^2 - 7)^2",
    "20 + x^2 + y^2 - 10(cos(2pi x) + cos(2pi y))",
    "sin(3x) exp(-y^2) + ln(1 + x^2 y^2) tanh(x - y)",
];

/// The ends of them, for `--quick`.
const QUICK: [&str; 2] = [FUNCTIONS[0], FUNCTIONS[4]];

/// Points of the default grids, whatever the number of variables; for `--quick` the first two.
const POINTS: [f64; 3] = [65_536.0, 1_048_576.0, 16_777_216.0];

/// Particles of the default descents; for `--quick` the first two.
const PARTICLES: [usize; 3] = [1000, 10_000, 100_000];

/// Instructions that the reference may run in one go: half a second or so.
const REFERENCE: f64 = 5e7;

/// A function to measure.
pub(super) struct Subject {
    pub(super) expression: Expression,
    pub(super) works: Vec<Work>,
    /// Points a side of its grids.
    sides: Vec<usize>,
}

impl Subject {
    pub(super) fn text(&self) -> &str {
        self.expression.text()
    }
}

/// All that is to be measured.
pub(super) struct Plan {
    pub(super) subjects: Vec<Subject>,
    pub(super) precisions: Vec<Precision>,
    pub(super) particles: Vec<usize>,
    pub(super) effort: Effort,
}

impl Plan {
    /// The sizes of one kind of work of one function.
    pub(super) fn sizes<'a>(&'a self, subject: &'a Subject, work: &Work) -> &'a [usize] {
        if work.is_grid() { &subject.sides } else { &self.particles }
    }

    /// Whether a case is measured on an engine: the reference has one format and is slow.
    pub(super) fn takes(&self, engine: &Engine, work: &Work, size: usize, precision: Precision) -> bool {
        let instructions = work.units(size) * work.tape().code.len().max(1) as f64;
        let format = precision == Precision::F64 || !self.precisions.contains(&Precision::F64);
        !engine.is_reference() || format && instructions <= REFERENCE
    }

    /// Refuses what does not fit into memory, before anything is measured.
    fn check(&self) -> Result<(), Failure> {
        for subject in &self.subjects {
            for work in &subject.works {
                for (size, precision) in
                    self.sizes(subject, work).iter().flat_map(|size| self.precisions.iter().map(move |p| (*size, *p)))
                {
                    Case { work, size, precision }.check()?;
                }
            }
        }
        Ok(())
    }
}

impl Arguments {
    /// What to measure, all read before the first is measured.
    pub(super) fn plan(&self) -> Result<Plan, Failure> {
        crate::cli::engine::check(&self.device)?;
        let fallback: &[&str] = if self.quick { &QUICK } else { &FUNCTIONS };
        let given = self.expressions.iter().map(String::as_str);
        let texts: Vec<&str> = if self.expressions.is_empty() { fallback.to_vec() } else { given.collect() };
        let subjects = texts.into_iter().map(|text| self.subject(text)).collect::<Result<_, _>>()?;
        let count = |given: usize| if self.quick { given - 1 } else { given };
        let particles: Vec<usize> = self.particles.iter().map(|n| *n as usize).collect();
        let precisions: Vec<Precision> = self.precision.iter().map(|number| Precision::from(*number)).collect();
        let both = [Precision::F32, Precision::F64];
        let repetitions = self.repetitions.map_or(if self.quick { 5 } else { 7 }, |n| n as usize);
        let plan = Plan {
            subjects,
            precisions: unique(if precisions.is_empty() { both[..count(2)].to_vec() } else { precisions }),
            particles: ascending(if particles.is_empty() { PARTICLES[..count(3)].to_vec() } else { particles }),
            effort: Effort { repetitions, budget: if self.quick { 0.5 } else { 10.0 } },
        };
        plan.check()?;
        Ok(plan)
    }

    fn subject(&self, text: &str) -> Result<Subject, Failure> {
        let expression = Expression::parse(text)?;
        let dimension = expression.variables().len();
        if dimension == 0 {
            return Err(Failure::usage(format!("`{text}` has no variables, so there is nothing to measure")));
        }
        let outputs = expression.gradient()?;
        let steps = self.steps.unwrap_or(if self.quick { 100 } else { 1000 });
        let work = |kind: &Kind| match kind {
            Kind::Grid => Ok(Work::grid(&outputs)),
            Kind::Descent => Ok::<_, Failure>(Work::descent(&outputs, steps)?),
        };
        let works = unique(self.work.clone()).iter().map(work).collect::<Result<_, _>>()?;
        let side = |points: &f64| points.powf(1.0 / dimension as f64).round().max(1.0) as usize;
        let default = POINTS[..if self.quick { 2 } else { 3 }].iter().map(side).collect();
        let given: Vec<usize> = self.size.iter().map(|n| *n as usize).collect();
        Ok(Subject { expression, works, sides: ascending(if given.is_empty() { default } else { given }) })
    }

    /// The files to write, opened before the long run.
    pub(super) fn outputs(&self) -> Result<Vec<(Format, Output)>, Failure> {
        let allowed = [Format::Json, Format::Csv, Format::Png];
        let open = |path: &PathBuf| {
            if path.as_os_str() == "-" {
                return match self.format {
                    Language::Text => Err(Failure::usage("-o -: add --format json, csv or png to say what is written")),
                    _ => Ok(None),
                };
            }
            let format = Format::of(path, None, &allowed)?;
            Ok(Some((format, Output::create(path)?)))
        };
        self.output.iter().filter_map(|path| open(path).transpose()).collect()
    }

    /// What goes to standard output.
    pub(super) fn language(&self) -> Language {
        self.format
    }

    /// The device as other commands have it.
    pub(super) fn compute(&self, fast_math: bool) -> Compute {
        Compute { device: self.device.clone(), precision: None, threads: self.threads, fast_math }
    }
}

fn ascending(mut sizes: Vec<usize>) -> Vec<usize> {
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// The same in the same order, each once.
fn unique<T: PartialEq + Copy>(all: Vec<T>) -> Vec<T> {
    all.iter().enumerate().filter(|(k, one)| !all[..*k].contains(one)).map(|(_, one)| *one).collect()
}
