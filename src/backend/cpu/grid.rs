//! A grid or a list on the CPU: one tape over a sheet of rows and columns, a tile at a time.
//!
//! Flows in: the tape, a [`Sheet`]. Flows out: the result's columns. A tile's row and column work is done by the
//! interpreter, once; then each row goes through the inner loop.
//!
//! Who should not use it: anyone but `cpu`.

use super::native::{Area, NativeRows, Scratch};
use super::plan::{Plan, Rate};
use super::sheet::{Sheet, Tile, uniform_places};
use super::spare::Spare;
use super::workspace::{ACROSS, Workspace};
use super::{Columns, Cpu, Lane};
use crate::backend::{BackendError, check_interrupt};
use crate::kernel::LANES;
use crate::tape::Tape;

/// Columns of a tile, but for the last one of a row: that may have up to a block more.
const TILE: usize = (ACROSS - 1) * LANES;
/// Bytes of results from which these are written past the caches, which could not hold them for who comes next.
const PAST_CACHES: usize = 8 << 20;

/// A tape as grids and lists run it.
pub(super) struct Grid<T> {
    rates: Vec<Rate>,
    plan: Plan,
    /// Made when there is much to do, if it can be.
    native: Option<Option<NativeRows<T>>>,
    workspaces: Spare<Workspace<T>>,
    scratch: Spare<Scratch<T>>,
    /// Of each input its place among the uniform ones.
    places: Vec<usize>,
}

impl<T: Lane> Grid<T> {
    pub(super) fn new(sheet: &Sheet<T>, tape: &Tape) -> Grid<T> {
        let rates = sheet.rates(tape);
        let plan = Plan::new(tape, &rates);
        let (workspaces, scratch) = (Spare::new(), Spare::new());
        Grid { plan, rates, native: None, workspaces, scratch, places: uniform_places(tape) }
    }

    /// Whether it can be used for this sheet as well.
    pub(super) fn suits(&self, sheet: &Sheet<T>, tape: &Tape) -> bool {
        self.rates == sheet.rates(tape)
    }

    /// Makes machine code, if there can be some and that much work, this and earlier, is worth it.
    pub(super) fn compile(&mut self, cpu: &Cpu, work: u64) {
        if cpu.code.after(work) {
            self.native.get_or_insert_with(|| NativeRows::new(&self.plan, cpu.level));
        }
    }

    /// The machine code, if it was made and rows are long enough for it.
    pub(super) fn native(&self, sheet: &Sheet<T>) -> Option<&NativeRows<T>> {
        let native = self.native.as_ref().and_then(Option::as_ref);
        native.filter(|native| sheet.columns >= native.lanes())
    }

    pub(super) fn evaluate(
        &self,
        cpu: &Cpu,
        tape: &Tape,
        uniforms: &[f64],
        sheet: &Sheet<T>,
        columns: &Columns<T>,
    ) -> Result<(), BackendError> {
        let native = self.native(sheet);
        let (plan, places) = (&self.plan, self.places.as_slice());
        let job = Job { cpu, tape, uniforms, places, sheet, columns, plan, native };
        let tiles = job.tiles();
        cpu.crew.each(
            tiles.len(),
            || {
                let scratch = native.map(|native| self.scratch.take(|| native.scratch()));
                (self.workspaces.take(|| Workspace::new(job.plan)), scratch)
            },
            |(workspace, scratch), k| {
                check_interrupt()?;
                job.run(&tiles[k], workspace, scratch.as_deref_mut());
                Ok(())
            },
        )
    }
}

/// One evaluation: a tape over a sheet, into columns.
struct Job<'a, T> {
    cpu: &'a Cpu,
    tape: &'a Tape,
    uniforms: &'a [f64],
    places: &'a [usize],
    sheet: &'a Sheet<'a, T>,
    columns: &'a Columns<T>,
    plan: &'a Plan,
    native: Option<&'a NativeRows<T>>,
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

    fn run(&self, tile: &Tile, workspace: &mut Workspace<T>, scratch: Option<&mut Scratch<T>>) {
        let (plan, level) = (self.plan, self.cpu.level);
        workspace.fill_rows(plan, level, tile.rows, |input, k| {
            if self.tape.inputs[input].uniform {
                self.uniforms[self.places[input]]
            } else {
                self.sheet.row_input(self.tape, input, tile.row + k)
            }
        });
        let native = self.native.zip(scratch);
        for block in 0..tile.columns.div_ceil(LANES) {
            workspace.fill_columns(plan, level, self.sheet, tile, (block, native.is_some()), self.tape);
        }
        if let Some((native, scratch)) = native {
            return self.run_native(native, tile, workspace, scratch);
        }
        for block in 0..tile.columns.div_ceil(LANES) {
            workspace.resolve(plan, level, tile, block, self.sheet.columns, self.columns);
        }
        workspace.run_tile(plan, tile, self.sheet.columns, self.columns);
    }

    fn run_native(&self, native: &NativeRows<T>, tile: &Tile, workspace: &Workspace<T>, scratch: &mut Scratch<T>) {
        let width = self.sheet.columns;
        let past_caches = self.sheet.rows * width * size_of::<T>() * self.columns.0.len() >= PAST_CACHES;
        let streams = workspace.streams(self.plan, self.sheet, tile, self.tape);
        let first = tile.row * width + tile.column;
        let area = Area { rows: tile.rows, columns: tile.columns, pitch: width };
        // SAFETY: the tile lies within the columns.
        let results = self.columns.0.iter().map(|column| unsafe { column.add(first) }).collect();
        // SAFETY: the workspace has a tile's columns for each stream, the tile's part of the results is this thread's
        // alone.
        unsafe { native.run(scratch, &workspace.rows, area, &streams, results, past_caches) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expression;
    use crate::field::tape_of;
    use crate::kernel::Level;
    use crate::points::Points;

    /// Large grids and lists into columns that begin anywhere on a line of memory: the bits are the interpreter's, and what
    /// lies before and behind a column stays.
    fn columns_anywhere<T: Lane>() -> Result<(), Box<dyn std::error::Error>> {
        let tape = tape_of(&Expression::parse("sin(3x) exp(-y^2) + x^3 y")?.gradient()?);
        let axis = |count| Points::linspace(-3.0, 3.0, count);
        let grid = |x, y| Points::Grid(vec![axis(x), axis(y)]);
        let many = axis(703_703);
        let lists = Points::columns(vec![many.clone(), many.into_iter().rev().collect()]);
        for points in [grid(1001, 703), grid(5003, 141), grid(4096, 172), lists].map(|p| p.rounded(T::PRECISION)) {
            let want = evaluated::<T>(&Cpu::new(Some(1))?.without_native(), &tape, &points, [0; 3])?;
            for level in [Level::Avx2, Level::Avx512] {
                let cpu = Cpu::new(Some(2))?.at_most(level).always_native();
                for shifts in [[0, 0, 0], [0, 4, 8], [3, 1, 2], [15, 0, 15], [7, 7, 7]] {
                    let got = evaluated::<T>(&cpu, &tape, &points, shifts)?;
                    assert!(got == want, "{} {}, columns at {shifts:?}", level.name(), T::PRECISION.name());
                }
            }
        }
        Ok(())
    }

    /// The results' bits, each column so many numbers behind the border of a line, and of what lies around them.
    fn evaluated<T: Lane>(
        cpu: &Cpu,
        tape: &Tape,
        points: &Points,
        shifts: [usize; 3],
    ) -> Result<Vec<Vec<u64>>, BackendError> {
        const ROOM: usize = 64;
        let mark = T::from_f64(-77.25);
        let count = points.len();
        let mut memory = vec![vec![mark; count + 2 * ROOM]; 3];
        let start =
            |column: &Vec<T>, shift: usize| (column.as_ptr().addr().wrapping_neg() % 64) / size_of::<T>() + 16 + shift;
        let starts: Vec<usize> = memory.iter().zip(shifts).map(|(column, shift)| start(column, shift)).collect();
        let pointers = memory.iter_mut().zip(&starts).map(|(column, start)| column[*start..].as_mut_ptr()).collect();
        let sheet = Sheet::<T>::of(points);
        let mut run = Grid::<T>::new(&sheet, tape);
        run.compile(cpu, u64::MAX);
        run.evaluate(cpu, tape, &[], &sheet, &Columns(pointers))?;
        let bits = |column: &Vec<T>, start: usize| {
            let around = [&column[..start], &column[start + count..]].concat();
            assert!(around.iter().all(|number| number.to_f64() == -77.25), "written beside a column");
            column[start..start + count].iter().map(|number| number.to_f64().to_bits()).collect()
        };
        Ok(memory.iter().zip(starts).map(|(column, start)| bits(column, start)).collect())
    }

    #[test]
    fn columns_begin_anywhere_f32() -> Result<(), Box<dyn std::error::Error>> {
        columns_anywhere::<f32>()
    }

    #[test]
    fn columns_begin_anywhere_f64() -> Result<(), Box<dyn std::error::Error>> {
        columns_anywhere::<f64>()
    }
}
