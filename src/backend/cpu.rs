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

use super::plan::{Place, Plan, Rate};
use super::{Backend, BackendError, Program, Steps, check_interrupt};
use crate::kernel::{Block, Kernel, Kernels, LANES, Level, Masks};
use crate::op::Op;
use crate::points::{Points, Values};
use crate::real::{Precision, Real};
use crate::tape::Tape;
use rayon::prelude::*;

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

    fn slack(&self, op: Op, precision: Precision) -> f64 {
        op.slack.on_cpu(precision)
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

/// Points as rows x columns: a grid's inner axis runs along the columns; a list is one row.
struct Sheet<'a, T> {
    points: &'a Points,
    /// The varying input that runs along the columns of a grid.
    inner: Option<usize>,
    rows: usize,
    columns: usize,
    number: std::marker::PhantomData<T>,
}

struct Tile {
    row: usize,
    rows: usize,
    column: usize,
    columns: usize,
}

impl<'a, T: Lane> Sheet<'a, T> {
    fn of(points: &'a Points) -> Sheet<'a, T> {
        let (inner, columns) = match points {
            Points::Grid(axes) => match Points::array_order(axes.len()).last() {
                Some(inner) => (Some(*inner), axes[*inner].len()),
                None => (None, 1),
            },
            Points::Columns { count, .. } => (None, *count),
        };
        let rows = if columns == 0 { 0 } else { points.len() / columns };
        Sheet { points, inner, rows, columns, number: std::marker::PhantomData }
    }

    fn rates(&self, tape: &Tape) -> Vec<Rate> {
        let mut varying = 0;
        let rate = |input: &crate::tape::Input| {
            if input.uniform {
                return Rate::Uniform;
            }
            varying += 1;
            match self.points {
                Points::Grid(_) if self.inner == Some(varying - 1) => Rate::Column,
                Points::Grid(_) => Rate::Row,
                Points::Columns { .. } => Rate::List,
            }
        };
        tape.inputs.iter().map(rate).collect()
    }

    /// An input that is one number per row.
    fn row_input(&self, tape: &Tape, uniforms: &[f64], input: usize, row: usize) -> f64 {
        let before = tape.inputs[..input].iter();
        if tape.inputs[input].uniform {
            return uniforms[before.filter(|input| input.uniform).count()];
        }
        let variable = before.filter(|input| !input.uniform).count();
        let Points::Grid(axes) = self.points else { return f64::NAN };
        let mut rest = row;
        for axis in Points::array_order(axes.len()).into_iter().rev().skip(1) {
            if axis == variable {
                return axes[axis][rest % axes[axis].len()];
            }
            rest /= axes[axis].len();
        }
        f64::NAN
    }

    /// An input along the columns: the inner axis of a grid, a column of a list.
    fn column_input(&self, tape: &Tape, input: usize, columns: std::ops::Range<usize>) -> &[f64] {
        let variable = tape.inputs[..input].iter().filter(|input| !input.uniform).count();
        match self.points {
            Points::Grid(axes) => &axes[variable][columns],
            Points::Columns { columns: data, .. } => &data[variable][columns],
        }
    }
}

/// A thread's blocks.
struct Workspace<T> {
    /// One number per row of the tile (or step): uniforms, constants, outer axes and what follows from them.
    rows: Vec<Block<T>>,
    /// One number per column of the tile: `plan.columns` blocks for the first LANES columns, then the next.
    columns: Vec<Block<T>>,
    /// Temporaries.
    registers: Vec<Block<T>>,
    /// Where outputs go when they cannot go to their column at once; in descents, the two states.
    outputs: [Vec<Block<T>>; 2],
    /// The instructions of the inner loop with their operands found: for each block across the tile, or for each of
    /// the two states.
    resolved: [Vec<Resolved<T>>; ACROSS],
}

/// An instruction of the inner loop: operand k of row r is at `operands[k].0 + r * operands[k].1`.
#[derive(Clone, Copy)]
struct Resolved<T> {
    kernel: Kernel<T>,
    out: (*mut T, usize),
    operands: [(*const T, usize); 3],
}

impl<T: Lane> Workspace<T> {
    fn new(plan: &Plan) -> Workspace<T> {
        let blocks = |count| vec![[T::default(); LANES]; count];
        Workspace {
            rows: blocks(plan.rows),
            columns: blocks(plan.columns * ACROSS),
            registers: blocks(plan.registers),
            outputs: [blocks(plan.outputs.len()), blocks(plan.outputs.len())],
            resolved: Default::default(),
        }
    }

    /// Computes everything that is one number per row, for `count` rows; `input(k, row)` is the input's value.
    fn fill_rows(&mut self, plan: &Plan, level: Level, count: usize, input: impl Fn(usize, usize) -> f64) {
        for (place, number) in &plan.row_numbers {
            self.rows[*place] = [T::from_f64(*number); LANES];
        }
        for (place, which) in &plan.row_inputs {
            for k in 0..LANES {
                self.rows[*place][k] = T::from_f64(input(*which, k.min(count - 1)));
            }
        }
        for step in &plan.row_code {
            let operands = step.operands.map(|place| self.address(place).cast_const());
            let out = self.address(step.out).cast::<Block<T>>();
            let kernel = T::kernels(&step.op.kernels)[level as usize][0];
            // SAFETY: the places are blocks of this workspace, the plan never names one as operand and result, and
            // the level is the processor's.
            unsafe { kernel(&mut *out, operands[0], operands[1], operands[2]) };
        }
    }

    /// Computes everything that is one number per column, for one block of the tile's columns.
    fn fill_columns(
        &mut self,
        plan: &Plan,
        level: Level,
        sheet: &Sheet<'_, T>,
        tile: &Tile,
        block: usize,
        tape: &Tape,
    ) {
        let first = block * plan.columns;
        let start = tile.column + block * LANES;
        let end = (start + LANES).min(tile.column + tile.columns);
        for (place, input) in &plan.column_inputs {
            let data = sheet.column_input(tape, *input, start..end);
            for (lane, value) in self.columns[first + *place].iter_mut().zip(data) {
                *lane = T::from_f64(*value);
            }
        }
        for step in &plan.column_code {
            let operands = step.operands.map(|place| self.address(place.shifted(first)).cast_const());
            let out = self.address(step.out.shifted(first)).cast::<Block<T>>();
            let kernel = T::kernels(&step.op.kernels)[level as usize][step.mask];
            // SAFETY: as above; the mask says which operands are read as one number.
            unsafe { kernel(&mut *out, operands[0], operands[1], operands[2]) };
        }
    }

    /// Where a place's block begins.
    fn address(&mut self, place: Place) -> *mut T {
        match place {
            Place::Row(k) => self.rows[k].as_mut_ptr(),
            Place::Column(k) => self.columns[k].as_mut_ptr(),
            Place::Register(k) => self.registers[k].as_mut_ptr(),
            Place::Output(k) => self.outputs[0][k].as_mut_ptr(),
            Place::Input(_) => std::ptr::null_mut(),
        }
    }

    /// Finds the operands of the inner loop for one block of the tile's columns.
    fn resolve(&mut self, plan: &Plan, level: Level, tile: &Tile, block: usize, width: usize, out: &Columns<T>) {
        let whole = (block + 1) * LANES <= tile.columns;
        let first = tile.row * width + tile.column + block * LANES;
        let mut resolved = std::mem::take(&mut self.resolved[block]);
        resolved.clear();
        for step in &plan.point_code {
            let mut find = |place: Place| match place {
                // SAFETY: the tile lies within the columns.
                Place::Output(k) if whole => (unsafe { out.0[k].add(first) }, width),
                Place::Row(_) => (self.address(place), 1),
                _ => (self.address(place.shifted(block * plan.columns)), 0),
            };
            let operands = step.operands.map(|place| {
                let (start, stride) = find(place);
                (start.cast_const(), stride)
            });
            let kernel = T::kernels(&step.op.kernels)[level as usize][step.mask];
            resolved.push(Resolved { kernel, out: find(step.out), operands });
        }
        self.resolved[block] = resolved;
    }

    /// Runs the inner loop over the rows of a tile and writes its part of the columns.
    fn run_tile(&self, plan: &Plan, tile: &Tile, width: usize, out: &Columns<T>) {
        for row in 0..tile.rows {
            for block in 0..tile.columns.div_ceil(LANES) {
                run_row(&self.resolved[block], row);
                let first = (tile.row + row) * width + tile.column + block * LANES;
                let len = LANES.min(tile.columns - block * LANES);
                for (k, place) in plan.outputs.iter().enumerate() {
                    if len < LANES || *place != Place::Output(k) {
                        // SAFETY: row and columns lie within the tile, the tile within the columns.
                        let target = unsafe { std::slice::from_raw_parts_mut(out.0[k].add(first), len) };
                        target.copy_from_slice(
                            &self.delivered(place.shifted(block * plan.columns), row, first, len, out)[..len],
                        );
                    }
                }
            }
        }
    }

    /// One row of an output that the inner loop has not written to its own column.
    fn delivered(&self, place: Place, row: usize, first: usize, len: usize, out: &Columns<T>) -> Block<T> {
        match place {
            Place::Output(other) if len == LANES => {
                // SAFETY: the other output's row was written whole by the inner loop.
                unsafe { out.0[other].add(first).cast::<Block<T>>().read_unaligned() }
            }
            Place::Output(other) => self.outputs[0][other],
            Place::Row(r) => [self.rows[r][row]; LANES],
            Place::Column(c) => self.columns[c],
            Place::Register(r) => self.registers[r],
            Place::Input(_) => [T::default(); LANES],
        }
    }

    /// Advances a block of particles by `count` steps; `rows` holds the steps' numbers.
    #[expect(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    fn run_steps(
        &mut self,
        plan: &Plan,
        level: Level,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        start: usize,
        particles: usize,
    ) {
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: the block of particles lies within the columns and is this thread's alone.
            let column = unsafe { std::slice::from_raw_parts(column.add(start), particles) };
            self.outputs[0][k][..particles].copy_from_slice(column);
        }
        for parity in 0..2 {
            self.resolve_step(plan, level, rows, parity);
        }
        for step in 0..count {
            let parity = step & 1;
            run_row(&self.resolved[parity], step);
            for (k, place) in plan.outputs.iter().enumerate() {
                let block = match *place {
                    Place::Output(own) if own == k => continue,
                    Place::Output(other) => self.outputs[1 - parity][other],
                    Place::Row(r) => [rows[r][step]; LANES],
                    Place::Column(c) => self.columns[c],
                    Place::Register(r) => self.registers[r],
                    Place::Input(i) => self.outputs[parity][i],
                };
                self.outputs[1 - parity][k] = block;
            }
        }
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: as above.
            let column = unsafe { std::slice::from_raw_parts_mut(column.add(start), particles) };
            column.copy_from_slice(&self.outputs[count & 1][k][..particles]);
        }
    }

    /// Finds the operands of a step that reads state `parity` and writes the other.
    fn resolve_step(&mut self, plan: &Plan, level: Level, rows: &[Block<T>], parity: usize) {
        let mut resolved = std::mem::take(&mut self.resolved[parity]);
        resolved.clear();
        for step in &plan.point_code {
            let mut find = |place: Place| match place {
                Place::Row(k) => (rows[k].as_ptr().cast_mut(), 1),
                Place::Input(k) => (self.outputs[parity][k].as_mut_ptr(), 0),
                Place::Output(k) => (self.outputs[1 - parity][k].as_mut_ptr(), 0),
                _ => (self.address(place), 0),
            };
            let operands = step.operands.map(|place| {
                let (start, stride) = find(place);
                (start.cast_const(), stride)
            });
            let kernel = T::kernels(&step.op.kernels)[level as usize][step.mask];
            resolved.push(Resolved { kernel, out: find(step.out), operands });
        }
        self.resolved[parity] = resolved;
    }
}

/// The inner loop: every instruction of one row.
fn run_row<T>(code: &[Resolved<T>], row: usize) {
    for step in code {
        // SAFETY: the operands are blocks of the thread's workspace, rows of its tile, or its own part of a column,
        // LANES long or read as one number by the mask; the plan never names one place as operand and result.
        unsafe {
            let out = &mut *step.out.0.add(row * step.out.1).cast::<Block<T>>();
            let [a, b, c] = step.operands.map(|(start, stride)| start.add(row * stride));
            (step.kernel)(out, a, b, c);
        }
    }
}
