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
//! Results are the same bits for any number of threads and any SIMD level that has fma.

mod plan;
mod sheet;
mod workspace;

use super::{Accuracy, Backend, BackendError, Program, Steps, check_interrupt};
use crate::kernel::{Kernels, LANES, Level, Masks};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::{Precision, Real};
use crate::tape::Tape;
use plan::{Plan, Rate};
use rayon::prelude::*;
use sheet::{Sheet, Tile};
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
        Ok(Cpu { pool, level: Level::best() })
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }
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

    fn fuses(&self) -> bool {
        self.level.fused()
    }

    fn prepare(&self, tape: &Tape, precision: Precision) -> Result<Box<dyn Program + '_>, BackendError> {
        Ok(match precision {
            Precision::F32 => {
                Box::new(Prepared::<f32> { cpu: self, tape: tape.clone(), number: std::marker::PhantomData })
            }
            Precision::F64 => {
                Box::new(Prepared::<f64> { cpu: self, tape: tape.clone(), number: std::marker::PhantomData })
            }
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
    number: std::marker::PhantomData<T>,
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
        let columns = columns_of::<T>(state, particles)?;
        let rates: Vec<Rate> =
            self.tape.inputs.iter().map(|input| if input.uniform { Rate::Row } else { Rate::Point }).collect();
        let plan = Plan::new(&self.tape, &rates);
        let uniform_places = uniform_places(&self.tape);
        for done in (0..steps.count).step_by(LANES) {
            let count = (steps.count - done).min(LANES as u64) as usize;
            let value = |input: usize, k: usize| {
                let place = uniform_places[input];
                if steps.clock == Some(place) { (steps.first + done) as f64 + k as f64 } else { steps.uniforms[place] }
            };
            let mut rows = Workspace::<T>::new(&plan);
            rows.fill_rows(&plan, self.cpu.level, count, value);
            let rows = rows.rows;
            self.cpu.pool.install(|| {
                (0..particles.div_ceil(LANES)).into_par_iter().try_for_each_init(
                    || Workspace::new(&plan),
                    |workspace, block| {
                        check_interrupt()?;
                        let start = block * LANES;
                        workspace.run_steps(
                            &plan,
                            self.cpu.level,
                            &rows,
                            count,
                            &columns,
                            start,
                            LANES.min(particles - start),
                        );
                        Ok(())
                    },
                )
            })?;
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
