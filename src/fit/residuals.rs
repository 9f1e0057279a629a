//! Least squares of residuals that are written out, without a table: systems of equations, calibrations, curves through
//! points with a formula for each.
//!
//! Flows in: [`Residuals`], a list of expressions over parameters; starts. Flows out: [`Ends`], how each start ended and the
//! distinct minima. All residuals and their exact slopes are one tape, which any engine runs at the places of many starts
//! at once; the steps are those of [`fit`](super::fit()). No start sees another.
//!
//! Who should not use it: whoever has a table, or thousands of residuals of one form; that is a [`Model`](super::Model).

use super::dense::{Local, triangularise};
use super::fitted::Fitted;
use super::loss::Loss;
use super::model::{Read, read};
use super::stream::on_threads;
use super::walk::{Rules, Status, Walk};
use super::{FitError, Options};
use crate::backend::{Backend, Program, check_interrupt};
use crate::expr::derive::Deriver;
use crate::expr::graph::Node;
use crate::expr::parse::parse_list;
use crate::expr::{Graph, Id, Note};
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::sums::dot_of_many;
use crate::tape::{Input, Tape};

/// The most residuals.
pub const LIMIT: usize = 10_000;
/// The most starts at once.
const WIDTH: usize = 1024;
/// Bytes that their residuals and slopes may take.
const BYTES: usize = 64 << 20;
/// Starts whose ends are kept at a time.
const PART: usize = 1 << 14;
/// Distinct minima that are kept.
const MINIMA: usize = 1000;
/// A least square of a pivot below which the residuals do not tell places along a valley from each other.
const VALLEY: f64 = 1e-10;

/// Residuals r1, r2, ... over parameters, whose sum of squares is to be least.
///
/// ```
/// use gradfield::backend::cpu::Cpu;
/// use gradfield::fit::{Options, Residuals};
/// use gradfield::Precision;
/// let valley = Residuals::parse("10(x2 - x1^2); 1 - x1", &[], &[])?;
/// let options = Options::from(vec![vec![-1.2, 1.0]], Precision::F64);
/// let ends = valley.solve(&options, &Cpu::new(None)?, Precision::F64)?;
/// assert_eq!(ends.best.estimates, [1.0, 1.0]);
/// # Ok::<(), gradfield::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Residuals {
    /// The text, without space around it.
    pub text: String,
    /// The parameters, in order.
    pub parameters: Vec<String>,
    /// Remarks on how the text was read.
    pub notes: Vec<Note>,
    graph: Graph,
    values: Vec<Id>,
}

/// How all starts ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ends {
    /// The best end.
    pub best: Fitted,
    /// Of each start how it ended.
    pub statuses: Vec<Status>,
    /// The distinct minima, least first, each as the first start that came there found it, with how many did in `agree`;
    /// 1000 at most. Where the Jacobian is singular, or nearly so, those of one value are one. A start that lies exactly
    /// where the slope is 0 stays there, as at a minimum.
    pub minima: Vec<Fitted>,
}

/// The tape, and what its outputs are.
struct Sheet {
    tape: Tape,
    /// Residual and parameter of each slope; slopes that are 0 everywhere are none. They come after the residuals.
    slopes: Vec<(usize, usize)>,
}

/// An end, with what tells it from others.
struct End {
    fitted: Fitted,
    /// Whether its residuals are what rounding leaves of 0.
    zero: bool,
    /// How large a part of the residuals a unit of each parameter is.
    shares: Vec<f64>,
}

impl Residuals {
    /// Reads a list of expressions with `;` between, after definitions that they share; `each(i, 1, n, ...)` stands for n of
    /// them. `given` are parameters known by name, in the order wanted; `fixed` are names with values.
    ///
    /// # Errors
    /// - [`FitError::Parse`] for a text that is not in the language; [`FitError::NoParameter`], [`FitError::Unused`] as for
    ///   a model; [`FitError::Many`] for more than [`LIMIT`] residuals.
    pub fn parse(text: &str, given: &[String], fixed: &[(String, f64)]) -> Result<Residuals, FitError> {
        let Read { text, parameters, notes, graph, values, .. } = read(text, &[], given, fixed, parse_list)?;
        if values.len() > LIMIT {
            return Err(FitError::Many(values.len()));
        }
        Ok(Residuals { text, parameters, notes, graph, values })
    }

    /// Number of residuals.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// The tape that an engine is to run: the inputs are the parameters, the outputs the residuals and those of their
    /// slopes that are not 0 everywhere, residual by residual.
    ///
    /// # Errors
    /// - [`FitError::Derive`] where the language has no derivative, or the slopes are too many.
    pub fn tape(&self) -> Result<Tape, FitError> {
        Ok(self.sheet()?.tape)
    }

    fn sheet(&self) -> Result<Sheet, FitError> {
        let mut graph = self.graph.clone();
        let places: Vec<u32> = (0..self.parameters.len() as u32).collect();
        let (mut outputs, mut slopes) = (self.values.clone(), Vec::new());
        let mut deriver = Deriver::default();
        for (i, value) in self.values.iter().enumerate() {
            for (j, slope) in deriver.gradient(&mut graph, *value, &places)?.into_iter().enumerate() {
                if !matches!(graph.node(slope), Node::Number(bits) if f64::from_bits(bits) == 0.0) {
                    outputs.push(slope);
                    slopes.push((i, j));
                }
            }
        }
        Ok(Sheet { tape: Tape::lower(&graph, Input::varying(&self.parameters), &outputs), slopes })
    }

    /// Moves the parameters from every start to where the sum of squares is least.
    ///
    /// # Errors
    /// - [`FitError::Derive`] as [`Residuals::tape`]; [`FitError::Backend`] if the engine failed.
    pub fn solve(&self, options: &Options, backend: &dyn Backend, precision: Precision) -> Result<Ends, FitError> {
        let (n, m, starts) = (self.parameters.len(), self.values.len(), &options.starts);
        if m < n {
            let (best, statuses) = (Fitted::none(Status::Rows, n, m), vec![Status::Rows; starts.len()]);
            return Ok(Ends { best, statuses, minima: Vec::new() });
        }
        let sheet = self.sheet()?;
        let program = backend.prepare(&sheet.tape, precision)?;
        let mut run = Run { shape: (m, n), sheet: &sheet, rules: &options.rules, program, precision, backend };
        let (mut statuses, mut found) = (Vec::with_capacity(starts.len()), Found::default());
        for (k, part) in starts.chunks(PART).enumerate() {
            let ends = run.ends(part, k * PART)?;
            statuses.extend(ends.iter().map(|end| end.fitted.status));
            ends.into_iter().for_each(|end| found.take(end));
        }
        let (minima, lowest) = found.sorted();
        let best = match (minima.first(), lowest) {
            // The least minimum, unless a start that has not ended yet is lower by more than rounding.
            (Some(least), Some(lower)) if lower.objective < least.objective * (1.0 - 1e-6) => lower,
            (Some(least), _) => least.clone(),
            (None, Some(lower)) => lower,
            (None, None) => Fitted::none(Status::Value, n, m),
        };
        Ok(Ends { best, statuses, minima })
    }
}

/// What all starts have in common.
struct Run<'a> {
    /// Residuals and parameters.
    shape: (usize, usize),
    sheet: &'a Sheet,
    rules: &'a Rules,
    program: Box<dyn Program + 'a>,
    precision: Precision,
    backend: &'a dyn Backend,
}

impl Run<'_> {
    /// The end of each start; `first` is the number of the first.
    fn ends(&mut self, starts: &[Vec<f64>], first: usize) -> Result<Vec<End>, FitError> {
        let outputs = self.sheet.tape.outputs.len();
        let width = (BYTES / (outputs * size_of::<f64>())).clamp(1, WIDTH);
        let (mut lanes, mut next): (Vec<(usize, Walk)>, usize) = (Vec::new(), 0);
        let mut ends: Vec<Option<End>> = starts.iter().map(|_| None).collect();
        let mut out: Vec<Values> = Vec::new();
        loop {
            check_interrupt()?;
            while lanes.len() < width && next < starts.len() {
                lanes.push((next, Walk::new(starts[next].clone(), 0.0, self.rules).cautious()));
                next += 1;
            }
            if lanes.is_empty() {
                return Ok(ends.into_iter().flatten().collect());
            }
            let column = |j: usize| Values::of(self.precision, lanes.iter().map(|(_, walk)| walk.trial[j]).collect());
            let columns = (0..self.shape.1).map(column).collect();
            if out.first().is_none_or(|column| column.len() != lanes.len()) {
                out = (0..outputs).map(|_| Values::zeros(self.precision, lanes.len())).collect();
            }
            self.program.evaluate(&Points::Columns { count: lanes.len(), columns }, &[], &mut out)?;
            let all: Vec<usize> = (0..lanes.len()).collect();
            let (sheet, shape) = (self.sheet, self.shape);
            let found = on_threads(self.backend.threads(), &all, |lane| sheet.look(&out, lane, shape));
            let mut rest = Vec::with_capacity(lanes.len());
            for ((start, mut walk), (objective, mut local)) in lanes.into_iter().zip(found) {
                walk.measure(&local);
                match walk.next(objective, &mut local, self.rules) {
                    None => rest.push((start, walk)),
                    Some(status) => ends[start] = Some(End::of(first + start, &walk, status, shape.0, self.rules)),
                }
            }
            lanes = rest;
        }
    }
}

impl Sheet {
    /// The sum of squares of a lane, and what is known around it.
    fn look(&self, out: &[Values], lane: usize, (m, n): (usize, usize)) -> (f64, Local) {
        let mut stack = vec![0.0; m * (n + 1)];
        for (i, residual) in stack[n * m..].iter_mut().enumerate() {
            *residual = out[i].get(lane);
        }
        for ((i, j), slope) in self.slopes.iter().zip(&out[m..]) {
            stack[j * m + i] = slope.get(lane);
        }
        let residuals = &stack[n * m..];
        let objective = dot_of_many(residuals, residuals);
        triangularise(&mut stack, m, n + 1);
        let triangle = (0..n * n).map(|k| if k / n > k % n { 0.0 } else { stack[k % n * m + k / n] }).collect();
        (objective, Local::Factor { triangle, rotated: stack[n * m..n * m + n].to_vec() })
    }
}

/// What the starts have found so far.
#[derive(Default)]
struct Found {
    /// The distinct minima, and how many starts came there.
    minima: Vec<(End, usize)>,
    /// The lowest end that is no minimum.
    lowest: Option<Fitted>,
}

impl Found {
    fn take(&mut self, end: End) {
        if end.fitted.status != Status::Converged {
            let lower = self.lowest.as_ref().is_none_or(|lowest| end.fitted.objective < lowest.objective);
            if lower && !end.fitted.objective.is_nan() {
                self.lowest = Some(end.fitted);
            }
            return;
        }
        match self.minima.iter().position(|(known, _)| end.is_at(known)) {
            Some(place) => self.minima[place].1 += 1,
            None if self.minima.len() < MINIMA => self.minima.push((end, 1)),
            None => {}
        }
    }

    /// The minima, least first, and the lowest end that is none.
    fn sorted(self) -> (Vec<Fitted>, Option<Fitted>) {
        let mut minima = self.minima;
        // Sums of squares that are rounding errors of 0 are all 0.
        let value = |end: &End| if end.zero { 0.0 } else { end.fitted.objective };
        minima.sort_by(|(a, _), (b, _)| value(a).total_cmp(&value(b)));
        // Of those that are equally good the one that the first start found.
        let good = minima.iter().take_while(|(end, _)| end.is_as_good(&minima[0].0));
        if let Some((place, _)) = good.enumerate().min_by_key(|(_, (end, _))| end.fitted.start) {
            minima[..=place].rotate_right(1);
        }
        (minima.into_iter().map(|(end, agree)| Fitted { agree, ..end.fitted }).collect(), self.lowest)
    }
}

impl End {
    fn of(start: usize, walk: &Walk, status: Status, residuals: usize, rules: &Rules) -> End {
        let fitted = Fitted::of(&Loss::Squares, residuals, walk, status, walk.objective);
        let shares = (0..walk.x.len()).map(|j| walk.share(j)).collect();
        End { fitted: Fitted { start, agree: 1, ..fitted }, zero: walk.is_zero(rules), shares }
    }

    /// Whether the sums of squares are the same, but for rounding.
    fn is_as_good(&self, other: &End) -> bool {
        let (a, b) = (self.fitted.objective, other.fitted.objective);
        self.zero && other.zero || (a - b).abs() <= 1e-6 * a.max(b)
    }

    /// Whether this is the same minimum: every parameter the same, or what they differ by nothing beside the residuals'
    /// parts; where the Jacobian is singular or nearly so, the same value.
    fn is_at(&self, other: &End) -> bool {
        let (a, b) = (&self.fitted, &other.fitted);
        let near = |j: usize, a: f64, b: f64| {
            (a - b).abs() <= 1e-4 * a.abs().max(b.abs()) || other.shares[j] * (a - b).abs() <= 1e-7
        };
        let valley = |fit: &Fitted| fit.singular || fit.pivot < VALLEY;
        // A sum of 0 may well have places of both kinds; another sum has both along one valley alone.
        let along = if self.zero { valley(a) && valley(b) } else { valley(a) || valley(b) };
        let mut pairs = a.estimates.iter().zip(&b.estimates).enumerate();
        self.is_as_good(other) && (along || pairs.all(|(j, (a, b))| near(j, *a, *b)))
    }
}
