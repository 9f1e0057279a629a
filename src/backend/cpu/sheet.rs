//! Points as the CPU engine sees them: rows and columns, cut into tiles.
//!
//! Flows in: [`Points`]. Flows out: the rate of each input and its numbers for a row or a run of columns. Who should
//! not use it: anyone but `cpu`.

use super::Lane;
use super::plan::Rate;
use crate::points::{Points, Values};
use crate::tape::Tape;

/// Points as rows x columns: a grid's inner axis runs along the columns; a list is one row.
pub(super) struct Sheet<'a, T> {
    points: &'a Points,
    /// The varying input that runs along the columns of a grid.
    inner: Option<usize>,
    pub(super) rows: usize,
    pub(super) columns: usize,
    number: std::marker::PhantomData<T>,
}

/// A part of a sheet: `rows` from `row` on, `columns` from `column` on.
pub(super) struct Tile {
    pub(super) row: usize,
    pub(super) rows: usize,
    pub(super) column: usize,
    pub(super) columns: usize,
}

impl<'a, T: Lane> Sheet<'a, T> {
    pub(super) fn of(points: &'a Points) -> Sheet<'a, T> {
        let (inner, columns) = match points {
            Points::Grid(axes) => match Points::array_order(axes.len()).last() {
                Some(inner) => (Some(*inner), axes[*inner].len()),
                None => (None, 1),
            },
            Points::Columns { count, .. } => (None, *count),
        };
        let rows = points.len().checked_div(columns).unwrap_or(0);
        Sheet { points, inner, rows, columns, number: std::marker::PhantomData }
    }

    pub(super) fn rates(&self, tape: &Tape) -> Vec<Rate> {
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

    /// An input that varies, but is one number per row.
    pub(super) fn row_input(&self, tape: &Tape, input: usize, row: usize) -> f64 {
        let before = tape.inputs[..input].iter();
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
    pub(super) fn column_input(&self, tape: &Tape, input: usize, start: usize, into: &mut [T]) {
        let columns = start..start + into.len();
        let convert =
            |from: &[f64], into: &mut [T]| into.iter_mut().zip(from).for_each(|(to, v)| *to = T::from_f64(*v));
        match self.points {
            Points::Grid(axes) => convert(&axes[variable(tape, input)][columns], into),
            Points::Columns { columns: data, .. } => match &data[variable(tape, input)] {
                Values::F64(numbers) => convert(&numbers[columns], into),
                Values::F32(numbers) => {
                    into.iter_mut().zip(&numbers[columns]).for_each(|(to, v)| *to = T::from_f64(f64::from(*v)));
                }
            },
        }
    }

    /// A list's column, if it is in the engine's format.
    pub(super) fn as_it_is(&self, tape: &Tape, input: usize) -> Option<&'a [T]> {
        match self.points {
            Points::Grid(_) => None,
            Points::Columns { columns, .. } => T::numbers(&columns[variable(tape, input)]),
        }
    }
}

/// The place of an input among the varying ones.
fn variable(tape: &Tape, input: usize) -> usize {
    tape.inputs[..input].iter().filter(|input| !input.uniform).count()
}

/// The place of each uniform input among the uniforms.
pub(super) fn uniform_places(tape: &Tape) -> Vec<usize> {
    let mut next = 0;
    tape.inputs
        .iter()
        .map(|input| {
            next += usize::from(input.uniform);
            next.saturating_sub(1)
        })
        .collect()
}
