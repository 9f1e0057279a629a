//! f and its derivatives over points: what `field` writes and `plot` draws.
//!
//! Flows in: the outputs of an expression, points, an engine. Flows out: [`Field`], named columns with the shape
//! of the points. [`Evaluator`] keeps the prepared program, for who evaluates band by band.

use crate::backend::{Backend, BackendError, Program};
use crate::expr::Outputs;
use crate::points::{Points, Values};
use crate::real::Precision;
use crate::tape::{Input, Tape};
use std::sync::OnceLock;

/// Why a field could not be made.
#[derive(Debug, thiserror::Error)]
pub enum FieldError {
    /// The engine failed.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The result does not fit into memory.
    #[error(
        "{points} points with {outputs} outputs in {precision} need {need}, more than the {have} of memory here; \
         take a smaller --size, or ask for fewer outputs"
    )]
    Memory {
        /// Number of points.
        points: String,
        /// Number of columns.
        outputs: usize,
        /// Name of the format.
        precision: &'static str,
        /// Bytes needed, for people.
        need: String,
        /// Bytes there are, for people.
        have: String,
    },
}

/// An expression's outputs prepared on an engine.
pub struct Evaluator<'a> {
    program: Box<dyn Program + 'a>,
    outputs: usize,
    precision: Precision,
}

impl<'a> Evaluator<'a> {
    /// Lowers and prepares.
    ///
    /// # Errors
    /// As [`Backend::prepare`].
    pub fn new(
        outputs: &Outputs,
        backend: &'a dyn Backend,
        precision: Precision,
    ) -> Result<Evaluator<'a>, BackendError> {
        let tape = tape_of(outputs);
        Ok(Evaluator { program: backend.prepare(&tape, precision)?, outputs: tape.outputs.len(), precision })
    }

    /// All outputs at `points` (whose coordinates are rounded to the format first), one column each.
    ///
    /// # Errors
    /// - [`FieldError::Memory`] if the result would not fit.
    /// - [`FieldError::Backend`] if the engine failed.
    pub fn evaluate(&mut self, points: &Points) -> Result<Vec<Values>, FieldError> {
        check_memory(points, self.outputs, self.precision)?;
        // Zeros from the system cost nothing before they are written; a clone of them would.
        let mut columns: Vec<Values> = (0..self.outputs).map(|_| Values::zeros(self.precision, points.len())).collect();
        self.evaluate_into(points, &mut columns)?;
        Ok(columns)
    }

    /// As [`Evaluator::evaluate`], into columns that are there already (for bands and benchmarks).
    ///
    /// # Errors
    /// As [`Program::evaluate`].
    pub fn evaluate_into(&mut self, points: &Points, columns: &mut [Values]) -> Result<(), BackendError> {
        self.program.evaluate(points, &[], columns)
    }
}

/// The tape of an expression's outputs.
pub fn tape_of(outputs: &Outputs) -> Tape {
    Tape::lower(&outputs.graph, Input::varying(&outputs.variables), &outputs.outputs)
}

/// Named columns over points.
#[derive(Debug, Clone)]
pub struct Field {
    /// `f`, `df/dx`, ... in the order of the columns.
    pub names: Vec<String>,
    /// One per name, each as long as the points, in the order of [`Points::shape`].
    pub columns: Vec<Values>,
    /// Where.
    pub points: Points,
}

impl Field {
    /// Evaluates an expression's outputs at points.
    ///
    /// ```
    /// use gradfield::{Expression, Field, Points, Precision, backend::cpu::Cpu};
    /// let f = Expression::parse("x^2 + y^2")?;
    /// let axis = Points::linspace(-3.0, 3.0, 20);
    /// let cpu = Cpu::new(None)?;
    /// let field = Field::evaluate(&f.gradient()?, Points::Grid(vec![axis.clone(), axis]), &cpu, Precision::F64)?;
    /// assert_eq!(field.names, ["f", "df/dx", "df/dy"]);
    /// assert_eq!(field.points.shape(), [20, 20]); // axis 0 is y, axis 1 is x
    /// assert_eq!(field.columns[1].get(0), -6.0);
    /// # Ok::<(), gradfield::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::new`] and [`Evaluator::evaluate`].
    pub fn evaluate(
        outputs: &Outputs,
        points: Points,
        backend: &dyn Backend,
        precision: Precision,
    ) -> Result<Field, FieldError> {
        check_memory(&points, outputs.outputs.len(), precision)?;
        let points = points.rounded(precision);
        let columns = Evaluator::new(outputs, backend, precision)?.evaluate(&points)?;
        Ok(Field { names: output_names(&outputs.variables, outputs.outputs.len()), columns, points })
    }
}

/// `f`, `df/dx`, ..., then `d2f/dxdy`, ...: as many as there are outputs.
pub fn output_names(variables: &[String], count: usize) -> Vec<String> {
    let first = variables.iter().map(|v| format!("df/d{v}"));
    let second = variables.iter().flat_map(|u| variables.iter().map(move |v| format!("d2f/d{u}d{v}")));
    std::iter::once("f".to_string()).chain(first).chain(second).take(count).collect()
}

/// Refuses a result that does not fit into this machine's memory.
///
/// # Errors
/// - [`FieldError::Memory`].
pub fn check_memory(points: &Points, outputs: usize, precision: Precision) -> Result<(), FieldError> {
    let count: f64 = match points {
        Points::Grid(axes) => axes.iter().map(|axis| axis.len() as f64).product(),
        Points::Columns { count, .. } => *count as f64,
    };
    check_size(count, outputs, precision)
}

/// As [`check_memory`], before the points are made.
///
/// # Errors
/// - [`FieldError::Memory`].
pub fn check_size(points: f64, outputs: usize, precision: Precision) -> Result<(), FieldError> {
    let need = points * outputs as f64 * precision.bytes() as f64;
    let have = memory();
    if need <= have {
        return Ok(());
    }
    Err(FieldError::Memory {
        points: format!("{points}"),
        outputs,
        precision: precision.name(),
        need: bytes(need),
        have: bytes(have),
    })
}

/// The machine's memory in bytes; where it cannot be told, what an address space of 47 bits holds. Asked once: the answer takes
/// as long as some thousand points.
fn memory() -> f64 {
    static MEMORY: OnceLock<f64> = OnceLock::new();
    let told = || {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    *MEMORY.get_or_init(|| told().map_or(1.4e14, |kib| kib * 1024.0))
}

/// Bytes for people: `3.2 GB`.
pub fn bytes(count: f64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let step = ((count.max(1.0).log10() / 3.0) as usize).min(units.len() - 1);
    let value = count / 1000f64.powi(step as i32);
    if step == 0 { format!("{value} bytes") } else { format!("{value:.1} {}", units[step]) }
}
