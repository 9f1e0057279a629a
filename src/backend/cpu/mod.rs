//! The CPU engine: all cores, at the processor's SIMD level.
//!
//! Flows in: a tape and points or particles. Flows out: columns. Small work is interpreted: each instruction is one call
//! of its row's loop over [`LANES`] numbers, blocks that stay in the first-level cache. For large work the tape becomes
//! machine code (`native`), with the same bits.
//!
//! The one hard thing is the *rate* of an instruction. On a grid, what depends on the inner axis alone is the same
//! in every row, and what depends on the outer axes alone is one number per row; both are computed once per tile
//! of rows x columns, not once per point (`sin(3x) exp(-y^2)` costs a multiplication a point). In a descent the
//! "rows" are the steps: `1 - beta^t` is computed once per step, for many steps at a time.
//!
//! Results are the same bits for any number of threads and any SIMD level that has fma. Descents take subnormals for
//! zeros (`flush`), grids do not.

mod apart;
mod crew;
mod descent;
mod flush;
mod grid;
#[cfg(target_arch = "x86_64")]
mod native;
#[cfg(not(target_arch = "x86_64"))]
#[path = "portable.rs"]
mod native;
mod plan;
mod settle;
mod sheet;
mod spare;
mod workspace;

use super::{Accuracy, Backend, BackendError, Program, Settle, Steps};
use crate::kernel::{Kernels, LANES, Level, Masks};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::{Precision, Real};
use crate::tape::Tape;
use crew::Crew;
use descent::Descent;
use flush::{FLUSHES, flush};
use grid::Grid;
use sheet::Sheet;
use std::ops::Range;
use std::sync::OnceLock;

/// The CPU: its threads and SIMD level.
#[derive(Debug)]
pub struct Cpu {
    crew: Crew,
    level: Level,
    code: Code,
}

/// Particles for each thread, some columns of which a core's own cache holds, and whose steps take longer than threads to
/// meet.
const BATCH: usize = 1 << 16;

/// When a tape becomes machine code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    Never,
    /// When it has been run at so many points, or so many particles have taken a step, that the code is there before the
    /// interpreter would be done: measured, some microseconds for each instruction and copy of it.
    Worthwhile,
    Always,
}

impl Code {
    /// Points, or particles times steps.
    const WORTH: u64 = 1 << 18;

    /// Whether to make code after so much work.
    fn after(self, work: u64) -> bool {
        self == Code::Always || self == Code::Worthwhile && work >= Code::WORTH
    }
}

impl Cpu {
    /// An engine with this many threads, or one per core.
    ///
    /// # Errors
    /// - [`BackendError::Device`] if the system refuses the threads.
    pub fn new(threads: Option<usize>) -> Result<Cpu, BackendError> {
        Ok(Cpu { crew: Crew::new(threads)?, level: Level::best(), code: code_wanted() })
    }

    /// The same engine at a lower SIMD level. Results keep their bits between levels that have fma.
    pub fn at_most(self, level: Level) -> Cpu {
        Cpu { level: self.level.min(level), ..self }
    }

    /// The same engine without machine code made at run time, as with `GRADFIELD_NATIVE=0` in the environment. Results
    /// keep their bits.
    pub fn without_native(self) -> Cpu {
        Cpu { code: Code::Never, ..self }
    }

    /// The same engine with machine code also for work that is done sooner without. Results keep their bits.
    pub fn always_native(self) -> Cpu {
        Cpu { code: Code::Always, ..self }
    }

    /// Whether long descents on this tape run as machine code made for it.
    pub fn is_native(&self, tape: &Tape, precision: Precision) -> bool {
        fn asked<T: Lane>(cpu: &Cpu, tape: &Tape) -> bool {
            let mut descent = Descent::<T>::new(tape);
            descent.compile(cpu, u64::MAX);
            descent.is_native()
        }
        match precision {
            Precision::F32 => asked::<f32>(self, tape),
            Precision::F64 => asked::<f64>(self, tape),
        }
    }

    /// Whether this tape runs as machine code made for it over these points, if it does so often.
    pub fn is_native_on(&self, tape: &Tape, points: &Points, precision: Precision) -> bool {
        fn asked<T: Lane>(cpu: &Cpu, tape: &Tape, points: &Points) -> bool {
            let sheet = Sheet::<T>::of(points);
            let mut grid = Grid::<T>::new(&sheet, tape);
            grid.compile(cpu, u64::MAX);
            grid.native(&sheet).is_some()
        }
        match precision {
            Precision::F32 => asked::<f32>(self, tape, points),
            Precision::F64 => asked::<f64>(self, tape, points),
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.crew.threads()
    }
}

/// When tapes become machine code; the environment variable `GRADFIELD_NATIVE=0` says never.
fn code_wanted() -> Code {
    static WANTED: OnceLock<Code> = OnceLock::new();
    *WANTED.get_or_init(|| match std::env::var("GRADFIELD_NATIVE").as_deref() {
        Ok("0") => Code::Never,
        _ => Code::Worthwhile,
    })
}

impl Backend for Cpu {
    fn describe(&self) -> String {
        format!("CPU, {} threads, {}", self.threads(), self.level.name())
    }

    fn name(&self) -> String {
        "CPU".to_string()
    }

    fn accuracy(&self, op: Op, precision: Precision) -> Accuracy {
        Accuracy::ulp(op.slack.on_cpu(precision))
    }

    fn flushes_subnormals(&self) -> bool {
        false
    }

    fn flushes_in_descents(&self) -> bool {
        FLUSHES
    }

    fn fuses(&self) -> bool {
        self.level.fused()
    }

    fn threads(&self) -> usize {
        Cpu::threads(self)
    }

    fn processor(&self) -> Option<&dyn Backend> {
        Some(self)
    }

    fn alone(&self) -> Option<Box<dyn Backend>> {
        let crew = Crew::new(Some(1)).ok()?;
        Some(Box::new(Cpu { crew, level: self.level, code: self.code }))
    }

    fn batch(&self) -> usize {
        BATCH * self.threads()
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        Ok(match precision {
            Precision::F32 => Box::new(Prepared::<f32>::new(self, tape)),
            Precision::F64 => Box::new(Prepared::<f64>::new(self, tape)),
        })
    }
}

/// A number that the engine has kernels for.
trait Lane: Real {
    fn kernels(kernels: &Kernels) -> &[Masks<Self>; Level::COUNT];
    fn column(values: &mut Values) -> Option<&mut [Self]>;
    fn numbers(values: &Values) -> Option<&[Self]>;
}

impl Lane for f32 {
    fn kernels(kernels: &Kernels) -> &[Masks<f32>; Level::COUNT] {
        &kernels.f32
    }
    fn column(values: &mut Values) -> Option<&mut [f32]> {
        match values {
            Values::F32(column) => Some(column),
            Values::F64(_) => None,
        }
    }
    fn numbers(values: &Values) -> Option<&[f32]> {
        match values {
            Values::F32(column) => Some(column),
            Values::F64(_) => None,
        }
    }
}

impl Lane for f64 {
    fn kernels(kernels: &Kernels) -> &[Masks<f64>; Level::COUNT] {
        &kernels.f64
    }
    fn column(values: &mut Values) -> Option<&mut [f64]> {
        match values {
            Values::F64(column) => Some(column),
            Values::F32(_) => None,
        }
    }
    fn numbers(values: &Values) -> Option<&[f64]> {
        match values {
            Values::F64(column) => Some(column),
            Values::F32(_) => None,
        }
    }
}

struct Prepared<'a, T> {
    cpu: &'a Cpu,
    tape: Tape,
    /// Made for the first grid, and anew for points of another kind.
    grid: Option<Grid<T>>,
    /// Made when the first steps are taken.
    descent: Option<Descent<T>>,
    /// Points and particle steps so far.
    work: u64,
}

impl<'a, T: Lane> Prepared<'a, T> {
    fn new(cpu: &'a Cpu, tape: &Tape) -> Prepared<'a, T> {
        Prepared { cpu, tape: tape.clone(), grid: None, descent: None, work: 0 }
    }
}

impl<T: Lane> Program for Prepared<'_, T> {
    fn evaluate(&mut self, points: &Points, uniforms: &[f64], out: &mut [Values]) -> Result<(), BackendError> {
        let columns = columns_of::<T>(out, points.len())?;
        let sheet = Sheet::<T>::of(points);
        let grid = match self.grid.take() {
            Some(grid) if grid.suits(&sheet, &self.tape) => grid,
            _ => Grid::new(&sheet, &self.tape),
        };
        // The interpreter takes whole blocks.
        self.work = self.work.saturating_add(points.len().next_multiple_of(LANES) as u64);
        let grid = self.grid.insert(grid);
        grid.compile(self.cpu, self.work);
        grid.evaluate(self.cpu, &self.tape, uniforms, &sheet, &columns)
    }

    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError> {
        let particles = state.first().map_or(0, Values::len);
        let columns = columns_of::<T>(state, particles)?;
        let whole = particles.next_multiple_of(LANES) as u64;
        self.work = self.work.saturating_add(whole.saturating_mul(steps.count));
        let descent = self.descent.get_or_insert_with(|| Descent::new(&self.tape));
        descent.compile(self.cpu, self.work);
        descent.iterate(self.cpu, &self.tape, steps, &columns, particles)
    }

    fn settle(&mut self, settle: &Settle, starts: &[Values], out: &mut [Values]) -> Result<(), BackendError> {
        let count = starts.first().map_or(0, Values::len);
        let columns = columns_of::<T>(out, count)?;
        let starts: Vec<&[T]> = starts.iter().filter_map(T::numbers).collect();
        // Some steps each: how many is known when they are done.
        self.work = self.work.saturating_add((count as u64).saturating_mul(Settle::USUAL));
        let descent = self.descent.get_or_insert_with(|| Descent::new(&self.tape));
        descent.compile(self.cpu, self.work);
        if count == 0 {
            Ok(())
        } else {
            settle::settle(descent, (self.cpu, &self.tape), settle, &starts, &columns, count)
        }
    }
}

/// The output columns as pointers that threads may write disjoint parts of.
struct Columns<T>(Vec<*mut T>);

// SAFETY: every tile and every block of particles writes its own part of each column; parts never overlap.
unsafe impl<T: Send> Sync for Columns<T> {}

impl<T: Lane> Columns<T> {
    /// Makes subnormal numbers zero in a part that is the caller's alone.
    fn flush(&self, part: Range<usize>) {
        for column in &self.0 {
            // SAFETY: the part lies within the columns.
            flush(unsafe { std::slice::from_raw_parts_mut(column.add(part.start), part.len()) });
        }
    }
}

fn columns_of<T: Lane>(out: &mut [Values], len: usize) -> Result<Columns<T>, BackendError> {
    let wrong = || BackendError::Unsupported("the result's columns have another format or length than the run".into());
    out.iter_mut()
        .map(|values| match T::column(values) {
            Some(column) if column.len() == len => Ok(column.as_mut_ptr()),
            _ => Err(wrong()),
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Columns)
}
