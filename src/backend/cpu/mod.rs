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
use native::{Lines, NativeRows, NativeSteps};
use plan::{Plan, Rate};
use rayon::prelude::*;
use sheet::{Sheet, Tile};
use std::sync::OnceLock;
use workspace::Workspace;

/// Blocks side by side in a tile: rows are written in runs of this many blocks, which the memory system likes
/// better than one block here and the next a row below; the tile's column work stays in the second-level cache. An odd
/// number, so that the columns of different inputs do not meet in the same lines of the cache.
const ACROSS: usize = 9;
/// Columns of a tile, but for the last one of a row: that may have up to a block more.
const TILE: usize = (ACROSS - 1) * LANES;
/// Points from which machine code is made for a grid: less work is done before the code would be there.
const WORTH_CODE: usize = 1 << 15;
/// Bytes of results from which these are written past the caches, which could not hold them for who comes next.
const PAST_CACHES: usize = 8 << 20;

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

    /// Whether this tape runs as machine code made for it over these points.
    pub fn is_native_on(&self, tape: &Tape, points: &Points, precision: Precision) -> bool {
        fn asked<T: Lane>(cpu: &Cpu, tape: &Tape, points: &Points) -> bool {
            let sheet = Sheet::<T>::of(points);
            let mut grid = Grid::<T>::new(sheet.rates(tape), tape);
            grid.compile(cpu, points);
            grid.native_for(&sheet).is_some()
        }
        match precision {
            Precision::F32 => asked::<f32>(self, tape, points),
            Precision::F64 => asked::<f64>(self, tape, points),
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
            Precision::F32 => Box::new(Prepared::<f32>::new(self, tape)),
            Precision::F64 => Box::new(Prepared::<f64>::new(self, tape)),
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
    /// Made for the first grid, and anew for points of another kind.
    grid: Option<Grid<T>>,
    /// Made when the first steps are taken.
    descent: Option<Descent<T>>,
}

impl<'a, T: Lane> Prepared<'a, T> {
    fn new(cpu: &'a Cpu, tape: &Tape) -> Prepared<'a, T> {
        Prepared { cpu, tape: tape.clone(), grid: None, descent: None }
    }
}

/// A tape as descents run it.
struct Descent<T> {
    plan: Plan,
    native: Option<NativeSteps<T>>,
}

impl<T: Lane> Descent<T> {
    fn new(tape: &Tape, cpu: &Cpu) -> Descent<T> {
        let rate = |input: &crate::tape::Input| if input.uniform { Rate::Row } else { Rate::Point };
        let plan = Plan::new(tape, &tape.inputs.iter().map(rate).collect::<Vec<Rate>>());
        let native = cpu.native.then(|| NativeSteps::new(&plan, cpu.level)).flatten();
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
        let grid = match self.grid.take() {
            Some(grid) if grid.rates == sheet.rates(&self.tape) => grid,
            _ => Grid::new(sheet.rates(&self.tape), &self.tape),
        };
        let grid = self.grid.insert(grid);
        grid.compile(self.cpu, points);
        let job = Job { cpu: self.cpu, tape: &self.tape, uniforms, sheet: &sheet, columns: &columns, grid };
        let tiles = job.tiles();
        self.cpu.pool.install(|| {
            tiles.par_iter().try_for_each_init(
                || (Workspace::new(&job.grid.plan), job.grid.native_for(job.sheet).map(NativeRows::scratch)),
                |(workspace, scratch), tile| {
                    check_interrupt()?;
                    job.run(tile, workspace, scratch.as_mut());
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

/// A tape as grids and lists run it.
struct Grid<T> {
    rates: Vec<Rate>,
    plan: Plan,
    /// Made for the first large piece of work, if it can be.
    native: Option<Option<NativeRows<T>>>,
}

impl<T: Lane> Grid<T> {
    fn new(rates: Vec<Rate>, tape: &Tape) -> Grid<T> {
        Grid { plan: Plan::new(tape, &rates), rates, native: None }
    }

    fn compile(&mut self, cpu: &Cpu, points: &Points) {
        if cpu.native && points.len() >= WORTH_CODE {
            self.native.get_or_insert_with(|| NativeRows::new(&self.plan, cpu.level));
        }
    }

    /// The machine code, where there is some and rows are long enough for it.
    fn native_for(&self, sheet: &Sheet<T>) -> Option<&NativeRows<T>> {
        let native = self.native.as_ref().and_then(Option::as_ref);
        native.filter(|native| sheet.columns >= native.lanes())
    }
}

/// One evaluation: a tape over a sheet, into columns.
struct Job<'a, T> {
    cpu: &'a Cpu,
    tape: &'a Tape,
    uniforms: &'a [f64],
    sheet: &'a Sheet<'a, T>,
    columns: &'a Columns<T>,
    grid: &'a Grid<T>,
}

impl<T: Lane> Job<'_, T> {
    /// Enough tiles to keep all threads busy, rows enough to share a tile's column work; none narrower than a block
    /// unless the sheet is.
    fn tiles(&self) -> Vec<Tile> {
        let (all, width) = (self.sheet.rows, self.sheet.columns);
        let across = width.saturating_sub(LANES).div_ceil(TILE).max(1);
        let wanted = 8 * self.cpu.threads();
        let rows = (all * across / wanted.max(1)).div_ceil(across).clamp(1, LANES);
        let part = |k: usize| if k + 1 < across { TILE } else { width - k * TILE };
        let row_of = |row: usize| (0..across).map(move |k| (row, k));
        (0..if width == 0 { 0 } else { all })
            .step_by(rows)
            .flat_map(row_of)
            .map(|(row, k)| Tile { row, rows: rows.min(all - row), column: k * TILE, columns: part(k) })
            .collect()
    }

    fn run(&self, tile: &Tile, workspace: &mut Workspace<T>, scratch: Option<&mut Lines<T>>) {
        let (plan, level) = (&self.grid.plan, self.cpu.level);
        workspace.fill_rows(plan, level, tile.rows, |input, k| {
            self.sheet.row_input(self.tape, self.uniforms, input, tile.row + k)
        });
        for block in 0..tile.columns.div_ceil(LANES) {
            workspace.fill_columns(plan, level, self.sheet, tile, block, self.tape);
        }
        if let (Some(native), Some(scratch)) = (self.grid.native_for(self.sheet), scratch) {
            return self.run_native(native, tile, workspace, scratch);
        }
        for block in 0..tile.columns.div_ceil(LANES) {
            workspace.resolve(plan, level, tile, block, self.sheet.columns, self.columns);
        }
        workspace.run_tile(plan, tile, self.sheet.columns, self.columns);
    }

    fn run_native(&self, native: &NativeRows<T>, tile: &Tile, workspace: &Workspace<T>, scratch: &mut Lines<T>) {
        let width = self.sheet.columns;
        let past_caches = self.sheet.rows * width * size_of::<T>() * self.columns.0.len() >= PAST_CACHES;
        let streams = workspace.streams(&self.grid.plan);
        for row in 0..tile.rows {
            let first = (tile.row + row) * width + tile.column;
            // SAFETY: the tile lies within the columns.
            let results: Vec<*mut T> = self.columns.0.iter().map(|column| unsafe { column.add(first) }).collect();
            // SAFETY: the workspace has a tile's columns for each stream, the tile's part of the results is this
            // thread's alone.
            unsafe { native.run(scratch, (&workspace.rows, row), &streams, &results, tile.columns, past_caches) };
        }
        native.settle();
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
