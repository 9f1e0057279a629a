//! A thread's blocks, and the loops over them.
//!
//! Flows in: a [`Plan`], a tile of a sheet or a block of particles. Flows out: the numbers in the result's columns.
//! This is the one place of the CPU engine that works with pointers: an operand of the inner loop is a block, one
//! number of a row, or a part of a result's column, and to find which for every instruction of every row would cost
//! as much as the instruction. So they are found once per tile ([`Resolved`]).

use super::plan::{Place, Plan};
use super::sheet::{Sheet, Tile};
use super::{Columns, Lane};
use crate::kernel::{Block, Kernel, LANES, Level};
use crate::tape::Tape;

/// Blocks side by side in a tile: rows are written in runs of this many blocks, which the memory system likes
/// better than one block here and the next a row below; the tile's column work stays in the second-level cache. An odd
/// number, so that the columns of different inputs do not meet in the same lines of the cache.
pub(super) const ACROSS: usize = 17;

/// A thread's blocks.
pub(super) struct Workspace<T> {
    /// One number per row of the tile (or step): uniforms, constants, outer axes and what follows from them.
    pub(super) rows: Vec<Block<T>>,
    /// One number per column of the tile: ACROSS blocks for each column block of the plan.
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

// SAFETY: its pointers are into its own blocks or a run's columns, and every run finds them anew before it follows them.
unsafe impl<T: Send> Send for Workspace<T> {}

impl<T: Lane> Workspace<T> {
    pub(super) fn new(plan: &Plan) -> Workspace<T> {
        Workspace {
            rows: vec![[T::default(); LANES]; plan.rows],
            columns: Vec::new(),
            registers: Vec::new(),
            outputs: [Vec::new(), Vec::new()],
            resolved: Default::default(),
        }
    }

    /// Memory for what the interpreter's inner loop makes; machine code needs none.
    fn reserve(&mut self, plan: &Plan) {
        let block = [T::default(); LANES];
        self.columns.resize(plan.columns * ACROSS, block);
        self.registers.resize(plan.registers, block);
        self.outputs.iter_mut().for_each(|outputs| outputs.resize(plan.outputs.len(), block));
    }

    /// Computes everything that is one number per row, for `count` rows; `input(k, row)` is the input's value.
    pub(super) fn fill_rows(&mut self, plan: &Plan, level: Level, count: usize, input: impl Fn(usize, usize) -> f64) {
        for (place, number) in &plan.row_numbers {
            self.rows[*place] = [T::from_f64(*number); LANES];
        }
        for (place, which) in &plan.row_inputs {
            let (block, known) = (&mut self.rows[*place], count.min(LANES));
            block[..known].iter_mut().enumerate().for_each(|(k, to)| *to = T::from_f64(input(*which, k)));
            // Only what follows from it takes whole blocks.
            if !plan.row_code.is_empty() {
                let last = block[known - 1];
                block[known..].fill(last);
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

    /// Computes everything that is one number per column, for one block of the tile's columns; what can be read in place
    /// is not copied, if that is wanted.
    pub(super) fn fill_columns(
        &mut self,
        plan: &Plan,
        level: Level,
        sheet: &Sheet<'_, T>,
        tile: &Tile,
        (block, in_place): (usize, bool),
        tape: &Tape,
    ) {
        let all_in_place =
            in_place && plan.column_inputs.iter().all(|(_, input)| sheet.as_it_is(tape, *input).is_some());
        if all_in_place && plan.column_code.is_empty() {
            return;
        }
        self.columns.resize(plan.columns * ACROSS, [T::default(); LANES]);
        let start = tile.column + block * LANES;
        let count = LANES.min(tile.column + tile.columns - start);
        for (place, input) in &plan.column_inputs {
            if !in_place || sheet.as_it_is(tape, *input).is_none() {
                sheet.column_input(tape, *input, start, &mut self.columns[place * ACROSS + block][..count]);
            }
        }
        for step in &plan.column_code {
            let operands = step.operands.map(|place| self.address(place.at(block, ACROSS)).cast_const());
            let out = self.address(step.out.at(block, ACROSS)).cast::<Block<T>>();
            let kernel = T::kernels(&step.op.kernels)[level as usize][step.mask];
            // SAFETY: as above; the mask says which operands are read as one number.
            unsafe { kernel(&mut *out, operands[0], operands[1], operands[2]) };
        }
    }

    /// Where each column block of the plan begins, a tile's columns one after the other: here, or where it is.
    pub(super) fn streams(&self, plan: &Plan, sheet: &Sheet<'_, T>, tile: &Tile, tape: &Tape) -> Vec<*const T> {
        let mut streams: Vec<*const T> = (0..plan.columns)
            .map(|k| self.columns.get(k * ACROSS).map_or(std::ptr::null(), |block| block.as_ptr()))
            .collect();
        for (place, input) in &plan.column_inputs {
            if let Some(column) = sheet.as_it_is(tape, *input) {
                streams[*place] = column[tile.column..].as_ptr();
            }
        }
        streams
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
    pub(super) fn resolve(
        &mut self,
        plan: &Plan,
        level: Level,
        tile: &Tile,
        block: usize,
        width: usize,
        out: &Columns<T>,
    ) {
        self.reserve(plan);
        let whole = (block + 1) * LANES <= tile.columns;
        let first = tile.row * width + tile.column + block * LANES;
        let mut resolved = std::mem::take(&mut self.resolved[block]);
        resolve_code(plan, level, &mut resolved, |place| match place {
            // SAFETY: the tile lies within the columns.
            Place::Output(k) if whole => (unsafe { out.0[k].add(first) }, width),
            Place::Row(_) => (self.address(place), 1),
            _ => (self.address(place.at(block, ACROSS)), 0),
        });
        self.resolved[block] = resolved;
    }

    /// Runs the inner loop over the rows of a tile and writes its part of the columns.
    pub(super) fn run_tile(&self, plan: &Plan, tile: &Tile, width: usize, out: &Columns<T>) {
        for row in 0..tile.rows {
            for block in 0..tile.columns.div_ceil(LANES) {
                run_row(&self.resolved[block], row);
                let first = (tile.row + row) * width + tile.column + block * LANES;
                let len = LANES.min(tile.columns - block * LANES);
                for (k, place) in plan.outputs.iter().enumerate() {
                    if len < LANES || *place != Place::Output(k) {
                        // SAFETY: row and columns lie within the tile, the tile within the columns.
                        let target = unsafe { std::slice::from_raw_parts_mut(out.0[k].add(first), len) };
                        target.copy_from_slice(&self.delivered(place.at(block, ACROSS), row, first, len, out)[..len]);
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
    pub(super) fn run_steps(
        &mut self,
        plan: &Plan,
        level: Level,
        rows: &[Block<T>],
        count: usize,
        state: &Columns<T>,
        start: usize,
        particles: usize,
    ) {
        self.reserve(plan);
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: the block of particles lies within the columns and is this thread's alone.
            let column = unsafe { std::slice::from_raw_parts(column.add(start), particles) };
            self.outputs[0][k][..particles].copy_from_slice(column);
        }
        for parity in 0..2 {
            self.resolve_step(plan, level, rows, parity);
        }
        for step in 0..count {
            run_row(&self.resolved[step & 1], step);
            self.carry(plan, rows, step);
        }
        for (k, column) in state.0.iter().enumerate() {
            // SAFETY: as above.
            let column = unsafe { std::slice::from_raw_parts_mut(column.add(start), particles) };
            column.copy_from_slice(&self.outputs[count & 1][k][..particles]);
        }
    }

    /// Completes the next state where an output is not an instruction's own result: a state that stays, a number.
    fn carry(&mut self, plan: &Plan, rows: &[Block<T>], step: usize) {
        let parity = step & 1;
        for (k, place) in plan.outputs.iter().enumerate() {
            self.outputs[1 - parity][k] = match *place {
                Place::Output(own) if own == k => continue,
                Place::Output(other) => self.outputs[1 - parity][other],
                Place::Row(r) => [rows[r][step]; LANES],
                Place::Column(c) => self.columns[c],
                Place::Register(r) => self.registers[r],
                Place::Input(i) => self.outputs[parity][i],
            };
        }
    }

    /// Finds the operands of a step that reads state `parity` and writes the other.
    fn resolve_step(&mut self, plan: &Plan, level: Level, rows: &[Block<T>], parity: usize) {
        let mut resolved = std::mem::take(&mut self.resolved[parity]);
        resolve_code(plan, level, &mut resolved, |place| match place {
            Place::Row(k) => (rows[k].as_ptr().cast_mut(), 1),
            Place::Input(k) => (self.outputs[parity][k].as_mut_ptr(), 0),
            Place::Output(k) => (self.outputs[1 - parity][k].as_mut_ptr(), 0),
            _ => (self.address(place), 0),
        });
        self.resolved[parity] = resolved;
    }
}

/// The inner loop's instructions with their operands where `find` says: the place of row 0, numbers from row to row.
fn resolve_code<T: Lane>(
    plan: &Plan,
    level: Level,
    resolved: &mut Vec<Resolved<T>>,
    mut find: impl FnMut(Place) -> (*mut T, usize),
) {
    resolved.clear();
    for step in &plan.point_code {
        let operands = step.operands.map(|place| {
            let (start, stride) = find(place);
            (start.cast_const(), stride)
        });
        let kernel = T::kernels(&step.op.kernels)[level as usize][step.mask];
        resolved.push(Resolved { kernel, out: find(step.out), operands });
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
