//! The CPU engine: the tape over blocks of lanes that stay in the first-level cache, all cores.
//!
//! Flows in: a tape and points or particles. Flows out: columns. Each instruction is one call of its row's loop
//! over [`LANES`] numbers, compiled for the processor's SIMD level.
//!
//! The one hard thing is the *rate* of an instruction. On a grid, what depends on the inner axis alone is the same
//! in every row, and what depends on the outer axes alone is one number per row; both are computed once per tile
//! of rows x columns, not once per point (`sin(3x) exp(-y^2)` costs a multiplication a point). In a descent the
//! "rows" are the steps: `1 - beta^t` is computed once per step, for many steps at a time.
//!
//! Results are the same bits for any number of threads and any SIMD level that has fma. Descents take subnormals for
//! zeros (`flush`), grids do not.

mod flush;
#[cfg(target_arch = "x86_64")]
mod native;
#[cfg(not(target_arch = "x86_64"))]
#[path = "portable.rs"]
mod native;
mod plan;
mod sheet;
mod workspace;

use super::{Accuracy, Backend, BackendError, Program, Steps, check_interrupt};
use crate::kernel::{Block, Kernels, LANES, Level, Masks};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::{Precision, Real};
use crate::tape::Tape;
use flush::{FLUSHES, Flushing, flush};
use native::Native;
use plan::{Plan, Rate};
use rayon::prelude::*;
use sheet::{Sheet, Tile};
use std::sync::OnceLock;
use workspace::Workspace;

/// Blocks side by side in a tile: rows are written in runs of this many blocks, which the memory system likes
/// better than one block here and the next a row below; the tile's column work stays in the second-level cache.
const ACROSS: usize = 8;
/// Columns of a tile.
const TILE: usize = ACROSS * LANES;

/// The CPU: its threads and SIMD level.
#[derive(Debug)]
pub struct Cpu {
    pool: rayon::ThreadPool,
    level: Level,
    native: bool,
}

impl Cpu {
    /// An engine with this many threads, or one per core.
    ///
    /// # Errors
    /// - [`BackendError::Device`] if the system refuses the threads.
    pub fn new(threads: Option<usize>) -> Result<Cpu, BackendError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.unwrap_or(0)).build().map_err(|error| {
            BackendError::Device(format!(
                "the threads of the CPU engine could not be started: {error}; try --threads 1"
            ))
        })?;
        Ok(Cpu { pool, level: Level::best(), native: native_wanted() })
    }

    /// The same engine at a lower SIMD level. Results keep their bits between levels that have fma.
    pub fn at_most(self, level: Level) -> Cpu {
        Cpu { level: self.level.min(level), ..self }
    }

    /// The same engine without machine code made at run time, as with `GRADFIELD_NATIVE=0` in the environment. Results
    /// keep their bits.
    pub fn without_native(self) -> Cpu {
        Cpu { native: false, ..self }
    }

    /// Whether descents on this tape run as machine code made for it.
    pub fn is_native(&self, tape: &Tape, precision: Precision) -> bool {
        match precision {
            Precision::F32 => Descent::<f32>::new(tape, self).native.is_some(),
            Precision::F64 => Descent::<f64>::new(tape, self).native.is_some(),
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
}

/// Whether descents may become machine code; the environment variable `GRADFIELD_NATIVE=0` says no.
fn native_wanted() -> bool {
    static WANTED: OnceLock<bool> = OnceLock::new();
    *WANTED.get_or_init(|| std::env::var("GRADFIELD_NATIVE").as_deref() != Ok("0"))
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
        FLUSHES
    }

    fn fuses(&self) -> bool {
        self.level.fused()
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        Ok(match precision {
            Precision::F32 => Box::new(Prepared::<f32> { cpu: self, tape: tape.clone(), descent: None }),
            Precision::F64 => Box::new(Prepared::<f64> { cpu: self, tape: tape.clone(), descent: None }),
        })
    }
}

/// A number that the engine has kernels for.
trait Lane: Real {
    fn kernels(kernels: &Kernels) -> &[Masks<Self>; Level::COUNT];
    fn column(values: &mut Values) -> Option<&mut [Self]>;
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
}

struct Prepared<'a, T> {
    cpu: &'a Cpu,
    tape: Tape,
    /// Made when the first steps are taken.
    descent: Option<Descent<T>>,
}

/// A tape as descents run it.
struct Descent<T> {
    plan: Plan,
    native: Option<Native<T>>,
}

impl<T: Lane> Descent<T> {
    fn new(tape: &Tape, cpu: &Cpu) -> Descent<T> {
        let rate = |input: &crate::tape::Input| if input.uniform { Rate::Row } else { Rate::Point };
        let plan = Plan::new(tape, &tape.inputs.iter().map(rate).collect::<Vec<Rate>>());
        let native = cpu.native.then(|| Native::new(&plan, cpu.level)).flatten();
        Descent { plan, native }
    }

    /// Takes `count` steps, at most LANES, whose numbers are in `rows`.
    fn advance(
        &self,
        cpu: &Cpu,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        particles: usize,
    ) -> Result<(), BackendError> {
        match &self.native {
            Some(native) => {
                // Some LANES particles a task: to hand one out costs as much as a few steps.
                let group = native.group();
                let task = LANES.div_ceil(group) * group;
                (0..particles.div_ceil(task)).into_par_iter().try_for_each_init(
                    || native.scratch(),
                    |scratch, k| {
                        check_interrupt()?;
                        let _flushing = Flushing::start();
                        for start in (k * task..particles.min((k + 1) * task)).step_by(group) {
                            native.run(scratch, rows, count, state, (start, group.min(particles - start)));
                        }
                        Ok(())
                    },
                )
            }
            None => (0..particles.div_ceil(LANES)).into_par_iter().try_for_each_init(
                || Workspace::new(&self.plan),
                |workspace, block| {
                    check_interrupt()?;
                    let start = block * LANES;
                    let len = LANES.min(particles - start);
                    let _flushing = Flushing::start();
                    workspace.run_steps(&self.plan, cpu.level, rows, count, state, start, len);
                    Ok(())
                },
            ),
        }
    }
}

impl<T: Lane> Program for Prepared<'_, T> {
    fn evaluate(&mut self, points: &Points, uniforms: &[f64], out: &mut [Values]) -> Result<(), BackendError> {
        let columns = columns_of::<T>(out, points.len())?;
        let sheet = Sheet::<T>::of(points);
        let plan = Plan::new(&self.tape, &sheet.rates(&self.tape));
        let rows = self.rows_per_tile(&sheet);
        let tiles: Vec<(usize, usize)> = (0..sheet.rows)
            .step_by(rows)
            .flat_map(|row| (0..sheet.columns).step_by(TILE).map(move |column| (row, column)))
            .collect();
        self.cpu.pool.install(|| {
            tiles.par_iter().try_for_each_init(
                || Workspace::new(&plan),
                |workspace, &(row, column)| {
                    check_interrupt()?;
                    let tile = Tile {
                        row,
                        rows: rows.min(sheet.rows - row),
                        column,
                        columns: TILE.min(sheet.columns - column),
                    };
                    workspace.fill_rows(&plan, self.cpu.level, tile.rows, |input, k| {
                        sheet.row_input(&self.tape, uniforms, input, row + k)
                    });
                    for block in 0..tile.columns.div_ceil(LANES) {
                        workspace.fill_columns(&plan, self.cpu.level, &sheet, &tile, block, &self.tape);
                        workspace.resolve(&plan, self.cpu.level, &tile, block, sheet.columns, &columns);
                    }
                    workspace.run_tile(&plan, &tile, sheet.columns, &columns);
                    Ok(())
                },
            )
        })
    }

    fn iterate(&mut self, state: &mut [Values], steps: &Steps) -> Result<(), BackendError> {
        let particles = state.first().map_or(0, Values::len);
        self.cpu.pool.install(|| {
            let columns = state.iter_mut().filter_map(T::column);
            columns.for_each(|column| column.par_chunks_mut(TILE).for_each(flush));
        });
        let columns = columns_of::<T>(state, particles)?;
        let cpu = self.cpu;
        let descent = self.descent.get_or_insert_with(|| Descent::new(&self.tape, cpu));
        let uniform_places = uniform_places(&self.tape);
        for done in (0..steps.count).step_by(LANES) {
            let count = (steps.count - done).min(LANES as u64) as usize;
            let value = |input: usize, k: usize| {
                let place = uniform_places[input];
                if steps.clock == Some(place) { (steps.first + done) as f64 + k as f64 } else { steps.uniforms[place] }
            };
            let mut rows = Workspace::<T>::new(&descent.plan);
            rows.fill_rows(&descent.plan, cpu.level, count, value);
            rows.rows.iter_mut().for_each(|row| flush(row));
            cpu.pool.install(|| descent.advance(cpu, &rows.rows, count, &columns, particles))?;
        }
        Ok(())
    }
}

impl<T: Lane> Prepared<'_, T> {
    /// Enough tiles to keep all threads busy, rows enough to share a tile's column work.
    fn rows_per_tile(&self, sheet: &Sheet<T>) -> usize {
        let across = sheet.columns.div_ceil(TILE);
        let wanted = 8 * self.cpu.threads();
        (sheet.rows * across / wanted.max(1)).div_ceil(across.max(1)).clamp(1, LANES)
    }
}

/// The place of each uniform input among the uniforms.
fn uniform_places(tape: &Tape) -> Vec<usize> {
    let mut next = 0;
    tape.inputs
        .iter()
        .map(|input| {
            next += usize::from(input.uniform);
            next.saturating_sub(1)
        })
        .collect()
}

/// The output columns as pointers that threads may write disjoint parts of.
struct Columns<T>(Vec<*mut T>);

// SAFETY: every tile and every block of particles writes its own part of each column; parts never overlap.
unsafe impl<T: Send> Sync for Columns<T> {}

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
