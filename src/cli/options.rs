//! Flags that commands share, and their meanings.

use super::Failure;
use clap::{Args, ValueEnum};
use gradfield::expr::{Context, Declared};
use gradfield::files;
use gradfield::points::Points;
use gradfield::{Expression, Precision};

/// The function.
#[derive(Debug, Args)]
pub(crate) struct Function {
    /// The function, such as "3x^2 + 8xy - 3y^5"
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    pub(crate) expression: String,
    /// Variables in order, such as x,y or width,height or "x[5]" (default: the free one-letter names)
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) vars: Vec<String>,
    /// Give a name a value (repeatable), such as a=2
    #[arg(long = "set", value_name = "NAME=NUMBER", allow_hyphen_values = true)]
    pub(crate) sets: Vec<String>,
    /// No notes and no progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

impl Function {
    /// Parses the function, printing its notes.
    pub(crate) fn parse(&self) -> Result<Expression, Failure> {
        let mut context = Context::default();
        if !self.vars.is_empty() {
            let declare =
                |name: &String| name.parse::<Declared>().map_err(|error| Failure::usage(format!("--vars: {error}")));
            context.variables = Some(self.vars.iter().map(declare).collect::<Result<_, _>>()?);
        }
        for set in &self.sets {
            let (name, value) = assignment("--set", set)?;
            let name =
                name.ok_or_else(|| Failure::usage(format!("--set {set}: write a name and a number, as in --set a=2")))?;
            context.parameters.push((name, number("--set", &value)?));
        }
        let expression = Expression::parse_with(&self.expression, &context)?;
        if !self.quiet {
            expression.notes().iter().for_each(|note| eprintln!("note: {}", note.text));
        }
        Ok(expression)
    }
}

/// Where to compute.
#[derive(Debug, Args)]
pub(crate) struct Compute {
    /// auto, cpu, gpu or gpu:N (see `gradfield devices`)
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Number format (default: f32; for `eval` f64)
    #[arg(long, value_enum)]
    pub(crate) precision: Option<Format>,
    /// CPU threads (default: one per core)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
}

/// A number format on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    F32,
    F64,
}

impl From<Format> for Precision {
    fn from(format: Format) -> Precision {
        match format {
            Format::F32 => Precision::F32,
            Format::F64 => Precision::F64,
        }
    }
}

/// A number, which may be a formula without variables: `2`, `1e-3`, `-pi/2`.
pub(crate) fn number(flag: &str, text: &str) -> Result<f64, Failure> {
    let context = Context { variables: Some(Vec::new()), ..Context::default() };
    let parsed = gradfield::expr::parse::parse(text, &context);
    let value = parsed.ok().and_then(|parsed| parsed.graph.value(parsed.value));
    match value {
        Some(value) if value.is_finite() => Ok(value),
        Some(value) => Err(Failure::usage(format!("{flag}: `{text}` is {value}, but a finite number is needed"))),
        None => {
            Err(Failure::usage(format!("{flag}: `{text}` is not a number; write one such as 2, -0.5, 1e-3 or pi/2")))
        }
    }
}

/// Splits `name=value` or `value`.
fn assignment(flag: &str, text: &str) -> Result<(Option<String>, String), Failure> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => Ok((Some(name.trim().to_string()), value.trim().to_string())),
        Some(_) => Err(Failure::usage(format!("{flag}: `{text}` has no name before `=`"))),
        None => Ok((None, text.trim().to_string())),
    }
}

/// The variables that a name on the command line speaks for: itself, or all components of an indexed one.
fn places(flag: &str, name: Option<&str>, variables: &[String]) -> Result<Vec<usize>, Failure> {
    let Some(name) = name else { return Ok((0..variables.len()).collect()) };
    let speaks =
        |variable: &String| variable == name || variable.strip_prefix(name).is_some_and(|rest| rest.starts_with('['));
    let found: Vec<usize> = (0..variables.len()).filter(|k| speaks(&variables[*k])).collect();
    if found.is_empty() {
        let known = if variables.is_empty() { "none".to_string() } else { variables.join(", ") };
        return Err(Failure::usage(format!(
            "{flag}: the expression has no variable `{name}`; its variables are: {known}"
        )));
    }
    Ok(found)
}

/// One value per variable from `x=1,y=2`, `1` (for all) or several such flags; `None` where nothing was said.
pub(crate) fn coordinates(flag: &str, texts: &[String], variables: &[String]) -> Result<Vec<Option<f64>>, Failure> {
    let mut values = vec![None; variables.len()];
    for part in texts.iter().flat_map(|text| text.split(',')) {
        let (name, value) = assignment(flag, part)?;
        let value = number(flag, &value)?;
        for place in places(flag, name.as_deref(), variables)? {
            values[place] = Some(value);
        }
    }
    Ok(values)
}

/// One (lo, hi) per variable from `--range`; (-3, 3) where nothing was said.
pub(crate) fn ranges(texts: &[String], variables: &[String]) -> Result<Vec<(f64, f64)>, Failure> {
    let mut ranges = vec![(-3.0, 3.0); variables.len()];
    for text in texts.iter().flat_map(|text| text.split(',')) {
        let (name, range) = assignment("--range", text)?;
        let Some((lo, hi)) = range.split_once(':') else {
            return Err(Failure::usage(format!(
                "--range: `{text}` is not a range; write --range=-3:3 or --range x=-3:3"
            )));
        };
        let (lo, hi) = (number("--range", lo)?, number("--range", hi)?);
        if lo >= hi || !(hi - lo).is_finite() {
            return Err(Failure::usage(format!(
                "--range: `{text}` runs from {lo} to {hi}; the first must be the smaller"
            )));
        }
        for place in places("--range", name.as_deref(), variables)? {
            ranges[place] = (lo, hi);
        }
    }
    Ok(ranges)
}

/// A size such as `4096x2048` (the first is x) or `512` (for all `dimension` axes).
pub(crate) fn size(flag: &str, text: &str, dimension: usize) -> Result<Vec<usize>, Failure> {
    let wrong = |why: &str| {
        let example = vec!["100"; dimension.max(1)].join("x");
        Failure::usage(format!("{flag}: `{text}` {why}; write one number, or one per variable as in {flag} {example}"))
    };
    let part = |part: &str| match part.trim().parse::<u64>() {
        Ok(0) => Err(wrong("is a size of 0")),
        Ok(n) if n <= 1 << 40 => Ok(n as usize),
        Ok(_) => Err(wrong("is too large")),
        Err(_) => Err(wrong("is not a size")),
    };
    let parts = text.split(['x', 'X', '*']).map(part).collect::<Result<Vec<usize>, _>>()?;
    match parts.as_slice() {
        [one] => Ok(vec![*one; dimension]),
        parts if parts.len() == dimension => Ok(parts.to_vec()),
        parts => Err(wrong(&format!("has {} numbers for {dimension} variables", parts.len()))),
    }
}

/// The grid of `--range` and `--size`, refused before it is made if its result would not fit into memory.
pub(crate) fn grid(
    range_texts: &[String],
    size_text: &str,
    variables: &[String],
    outputs: usize,
    precision: Precision,
) -> Result<Points, Failure> {
    let ranges = ranges(range_texts, variables)?;
    let sizes = size("--size", size_text, variables.len())?;
    let points = sizes.iter().map(|n| *n as f64).product();
    gradfield::field::check_size(points, outputs, precision)?;
    let axes = ranges.iter().zip(&sizes).map(|((lo, hi), n)| Points::linspace(*lo, *hi, *n));
    Ok(Points::Grid(axes.collect()))
}

/// The file format of `--format`, if given.
pub(crate) fn format(
    flag: &str,
    text: Option<&str>,
    allowed: &[files::Format],
) -> Result<Option<files::Format>, Failure> {
    let Some(text) = text else { return Ok(None) };
    match allowed.iter().find(|format| format.name() == text) {
        Some(format) => Ok(Some(*format)),
        None => {
            let names: Vec<&str> = allowed.iter().map(|format| format.name()).collect();
            Err(Failure::usage(format!("{flag}: `{text}` is not one of {}", names.join(", "))))
        }
    }
}
