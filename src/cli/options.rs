//! Flags that commands share, and their meanings.

use super::Failure;
use super::sampled::definitions;
use clap::{Args, ValueEnum};
use gradfield::expr::{Context, Declared, ParseError};
use gradfield::files;
use gradfield::op::Operations;
use gradfield::points::{Points, Values};
use gradfield::samples::surface;
use gradfield::{Expression, Precision};

/// The function.
#[derive(Debug, Clone, Args)]
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
    /// Give a name a sampled field of x and y, an image or a .npy array (repeatable), such as h=dem.npy
    #[arg(long, value_name = "NAME=FILE")]
    pub(crate) samples: Vec<String>,
    /// No notes and no progress on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How a text is read.
type Parse = fn(&str, &Context) -> Result<Expression, ParseError>;

impl Function {
    /// Parses the function, printing its notes.
    pub(crate) fn parse(&self) -> Result<Expression, Failure> {
        self.parse_by(Expression::parse_with)
    }

    /// The same, where `vector` of a vector field: `-y; x`.
    pub(crate) fn parse_as(&self, vector: bool) -> Result<Expression, Failure> {
        self.parse_by(if vector { Expression::parse_vector } else { Expression::parse_with })
    }

    fn parse_by(&self, parse: Parse) -> Result<Expression, Failure> {
        let (definitions, _) = definitions(&self.samples)?;
        let mut context = Context::default();
        if !definitions.is_empty() || self.expression.contains(surface::NAME) {
            context.operations = Operations::default().with(&surface::ROW);
        }
        if !self.vars.is_empty() {
            let declare =
                |name: &String| name.parse::<Declared>().map_err(|error| Failure::usage(format!("--vars: {error}")));
            context.variables = Some(self.vars.iter().map(declare).collect::<Result<_, _>>()?);
        }
        context.parameters = fixed(&self.sets)?;
        let text = definitions + &self.expression;
        let expression = parse(&text, &context)?.with_text(&self.expression);
        self.check_sets(&text, &expression, &context, parse)?;
        if !self.quiet {
            expression.notes().iter().for_each(|note| eprintln!("note: {}", note.text));
        }
        Ok(expression)
    }

    /// A value for a name that the function does not use is a slip: the function means the same without it.
    fn check_sets(&self, text: &str, expression: &Expression, context: &Context, parse: Parse) -> Result<(), Failure> {
        for (k, (name, _)) in context.parameters.iter().enumerate() {
            let mut without = context.clone();
            without.parameters.remove(k);
            let same = parse(text, &without);
            if same.is_ok_and(|same| same.variables() == expression.variables()) {
                return Err(Failure::usage(format!(
                    "--set {name}: `{}` does not use `{name}`; take the flag away, or mend its name",
                    expression.text()
                )));
            }
        }
        Ok(())
    }
}

/// Where to compute.
#[derive(Debug, Clone, Args)]
pub(crate) struct Compute {
    /// auto, cpu, gpu, or gpu:N (see `gradfield devices`)
    #[arg(long, default_value = "auto")]
    pub(crate) device: String,
    /// Number format (default: f32; for `eval`, `minimize` and `fit` f64)
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) precision: Option<Format>,
    /// CPU threads (default: one per core)
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// On a GPU, take the driver's sin, exp and so on: faster, of unknown error (see `devices --probe`)
    #[arg(long)]
    pub(crate) fast_math: bool,
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
    // `inf`, `nan` and `1e999` are no formulas, but are meant as numbers.
    if let Ok(value) = text.trim().parse::<f64>() {
        return finite(flag, text, value);
    }
    let context = Context { variables: Some(Vec::new()), ..Context::default() };
    let parsed = gradfield::expr::parse::parse(text, &context);
    let value = parsed.ok().and_then(|parsed| parsed.graph.value(parsed.value));
    match value {
        Some(value) => finite(flag, text, value),
        None => {
            Err(Failure::usage(format!("{flag}: `{text}` is not a number; write one such as 2, -0.5, 1e-3 or pi/2")))
        }
    }
}

fn finite(flag: &str, text: &str, value: f64) -> Result<f64, Failure> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Failure::usage(format!("{flag}: `{text}` is {value}; write a finite number, at most about 1.8e308 in size")))
}

/// Names with values, of `--set a=2`.
pub(crate) fn fixed(sets: &[String]) -> Result<Vec<(String, f64)>, Failure> {
    let one = |set: &String| {
        let (name, value) = assignment("--set", set)?;
        let name =
            name.ok_or_else(|| Failure::usage(format!("--set {set}: write a name and a number, as in --set a=2")))?;
        Ok((name, number("--set", &value)?))
    };
    sets.iter().map(one).collect()
}

/// What becomes of rows with a missing cell.
pub(crate) fn missing(text: &str) -> Result<files::Missing, Failure> {
    match text {
        "error" => Ok(files::Missing::Error),
        "skip" => Ok(files::Missing::Skip),
        other => Err(Failure::usage(format!("--missing: `{other}` is not one of error, skip"))),
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

/// Columns of coordinates from one flag per point; each flag must speak for every variable.
pub(crate) fn given_points(
    flag: &str,
    texts: &[String],
    variables: &[String],
    precision: Precision,
) -> Result<Vec<Vec<f64>>, Failure> {
    let mut columns = vec![Vec::new(); variables.len()];
    for text in texts {
        let point = coordinates(flag, std::slice::from_ref(text), variables)?;
        if point.iter().flatten().any(|value| !precision.round(*value).is_finite()) {
            let name = precision.name();
            return Err(Failure::usage(format!("{flag} {text} does not fit into {name}; add --precision f64")));
        }
        for ((column, value), name) in columns.iter_mut().zip(point).zip(variables) {
            column.push(value.ok_or_else(|| {
                Failure::usage(format!("{flag} {text}: no value for `{name}`; write {flag} {}", example(variables)))
            })?);
        }
    }
    Ok(columns)
}

/// `x=1,y=1`.
pub(crate) fn example(variables: &[String]) -> String {
    let all: Vec<String> = variables.iter().take(3).map(|name| format!("{name}=1")).collect();
    all.join(",") + if variables.len() > 3 { ",..." } else { "" }
}

/// One value per variable from `x=1,y=2`, or `1` (for all); `None` where nothing was said.
fn coordinates(flag: &str, texts: &[String], variables: &[String]) -> Result<Vec<Option<f64>>, Failure> {
    let mut values = vec![None; variables.len()];
    let mut named: Vec<String> = Vec::new();
    for part in texts.iter().flat_map(|text| text.split(',')) {
        let (name, value) = assignment(flag, part)?;
        let value = number(flag, &value)?;
        if let Some(name) = name.clone() {
            if named.contains(&name) {
                return Err(Failure::usage(format!("{flag}: `{name}` has two values; leave one")));
            }
            named.push(name);
        }
        for place in places(flag, name.as_deref(), variables)? {
            values[place] = Some(value);
        }
    }
    Ok(values)
}

/// One (lo, hi) per variable from `--range`; (-3, 3) where nothing was said. Its ends stay apart in `precision`.
pub(crate) fn ranges(texts: &[String], variables: &[String], precision: Precision) -> Result<Vec<(f64, f64)>, Failure> {
    let mut ranges = vec![(-3.0, 3.0); variables.len()];
    for text in texts.iter().flat_map(|text| text.split(',')) {
        let (name, value) = assignment("--range", text)?;
        let range = range("--range", text, &value)?;
        check_range(text, range, precision)?;
        for place in places("--range", name.as_deref(), variables)? {
            ranges[place] = range;
        }
    }
    Ok(ranges)
}

/// The two ends of `lo:hi`, the smaller first; `text` is what was written.
pub(crate) fn range(flag: &str, text: &str, value: &str) -> Result<(f64, f64), Failure> {
    let parts: Vec<&str> = value.split(':').collect();
    let &[lo, hi] = parts.as_slice() else { return Err(no_range(flag, text)) };
    if lo.trim().is_empty() || hi.trim().is_empty() {
        return Err(no_range(flag, text));
    }
    let (lo, hi) = (number(flag, lo)?, number(flag, hi)?);
    if lo >= hi {
        return Err(Failure::usage(format!("{flag}: `{text}` runs from {lo:?} to {hi:?}; the smaller comes first")));
    }
    Ok((lo, hi))
}

fn no_range(flag: &str, text: &str) -> Failure {
    Failure::usage(format!("{flag}: `{text}` is not a range; write its two ends, as in {flag}=-3:3"))
}

/// Refuses a range whose ends or width are no numbers of the format, or are one.
fn check_range(text: &str, (lo, hi): (f64, f64), precision: Precision) -> Result<(), Failure> {
    let (low, high) = (precision.round(lo), precision.round(hi));
    let wrong = if !precision.round(high - low).is_finite() {
        "does not fit into"
    } else if low == high {
        "begins and ends at the same number in"
    } else {
        return Ok(());
    };
    let way = match precision {
        Precision::F32 => "add --precision f64, or take another",
        Precision::F64 => "take another",
    };
    Err(Failure::usage(format!("--range: `{text}` {wrong} {}; {way}", precision.name())))
}

/// A size such as `4096x2048` (the first is x) or `512` (for all `dimension` axes).
pub(crate) fn size(flag: &str, text: &str, dimension: usize) -> Result<Vec<usize>, Failure> {
    let wrong = |why: &str| {
        let example = vec!["100"; dimension.max(1)].join("x");
        Failure::usage(format!("{flag}: `{text}` {why}; write one number, or one per variable as in {flag} {example}"))
    };
    let part = |part: &str| match part.trim().parse::<u64>() {
        Ok(0) => Err(wrong("holds no point")),
        Ok(n) if n <= 1 << 40 => Ok(n as usize),
        Err(error) if *error.kind() != std::num::IntErrorKind::PosOverflow => Err(wrong("is not a size")),
        _ => Err(wrong("is too large")),
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
    let ranges = ranges(range_texts, variables, precision)?;
    let sizes = size("--size", size_text, variables.len())?;
    let points = sizes.iter().map(|n| *n as f64).product();
    gradfield::field::check_size(points, outputs, precision)?;
    let axes = ranges.iter().zip(&sizes).map(|((lo, hi), n)| Points::linspace(*lo, *hi, *n));
    Ok(Points::Grid(axes.collect()))
}

/// Refuses a variable whose name a column of the output has.
pub(crate) fn check_names(variables: &[String], columns: &[&str]) -> Result<(), Failure> {
    match variables.iter().find(|name| columns.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Failure::usage(format!(
            "the output has a column `{name}` of its own, so a variable cannot be called `{name}`; rename it"
        ))),
    }
}

/// One number of a column with the digits that its format needs to round-trip.
pub(crate) fn digits(column: &Values, index: usize) -> String {
    let plain = (1e-5..1e16).contains(&column.get(index).abs()) || column.get(index) == 0.0;
    match column {
        Values::F32(values) if plain => values[index].to_string(),
        Values::F32(values) => format!("{:e}", values[index]),
        Values::F64(values) if plain => values[index].to_string(),
        Values::F64(values) => format!("{:e}", values[index]),
    }
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
