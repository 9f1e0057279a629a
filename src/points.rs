//! Where to evaluate: a meshgrid given by its axes, or a list of points given by its columns.
//!
//! Coordinates are data: made once in f64, rounded once to the engine's format, and handed to every engine, so
//! that all of them see the same inputs to the last bit. Flows out: [`Points`] and [`Values`].
//!
//! Arrays follow NumPy's `meshgrid(indexing="xy")`: with variables x, y, z the array's axes are y, x, z, the last
//! one contiguous; with x, y they are y, x.

use crate::real::Precision;
use std::ops::Range;

/// A column of numbers in the format of the engine that made it.
#[derive(Debug, PartialEq)]
pub enum Values {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

impl Clone for Values {
    fn clone(&self) -> Values {
        match self {
            Values::F32(values) => Values::F32(values.clone()),
            Values::F64(values) => Values::F64(values.clone()),
        }
    }

    /// In the memory that is there, if it is enough.
    fn clone_from(&mut self, source: &Values) {
        match (self, source) {
            (Values::F32(to), Values::F32(from)) => to.clone_from(from),
            (Values::F64(to), Values::F64(from)) => to.clone_from(from),
            (to, from) => *to = from.clone(),
        }
    }
}

impl Values {
    /// `len` zeros; many of them in large pages of memory, where the system has such.
    pub fn zeros(precision: Precision, len: usize) -> Values {
        match precision {
            Precision::F32 => Values::F32(zeros(len)),
            Precision::F64 => Values::F64(zeros(len)),
        }
    }

    /// The numbers, rounded to the format.
    pub fn from_f64(precision: Precision, values: &[f64]) -> Values {
        match precision {
            Precision::F32 => {
                let mut rounded = zeros(values.len());
                rounded.iter_mut().zip(values).for_each(|(rounded, value)| *rounded = *value as f32);
                Values::F32(rounded)
            }
            Precision::F64 => Values::F64(values.to_vec()),
        }
    }

    /// The same of a column that is no longer needed.
    pub fn of(precision: Precision, values: Vec<f64>) -> Values {
        match precision {
            Precision::F32 => Values::from_f64(precision, &values),
            Precision::F64 => Values::F64(values),
        }
    }

    /// How many numbers.
    pub fn len(&self) -> usize {
        match self {
            Values::F32(values) => values.len(),
            Values::F64(values) => values.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The format.
    pub fn precision(&self) -> Precision {
        match self {
            Values::F32(_) => Precision::F32,
            Values::F64(_) => Precision::F64,
        }
    }

    /// The number at `index`, exactly.
    ///
    /// # Panics
    /// If `index` is not below the length.
    #[inline]
    pub fn get(&self, index: usize) -> f64 {
        match self {
            Values::F32(values) => f64::from(values[index]),
            Values::F64(values) => values[index],
        }
    }

    /// Some of the numbers, rounded to another format or not.
    ///
    /// # Panics
    /// If the range is not within the length.
    pub fn part(&self, precision: Precision, range: Range<usize>) -> Values {
        match (self, precision) {
            (Values::F32(values), Precision::F32) => Values::F32(values[range].to_vec()),
            (Values::F32(values), Precision::F64) => Values::F64(values[range].iter().map(|v| f64::from(*v)).collect()),
            (Values::F64(values), _) => Values::from_f64(precision, &values[range]),
        }
    }

    /// Takes on the numbers of a column, then some of another, all of one format: in the memory that is there already,
    /// if it suffices.
    ///
    /// # Panics
    /// If the range is not within the last column's length.
    pub fn join(&mut self, column: &Values, last: &Values, range: Range<usize>) {
        match (&mut *self, column, last) {
            (Values::F32(out), Values::F32(column), Values::F32(last)) => {
                out.clear();
                out.extend_from_slice(column);
                out.extend_from_slice(&last[range]);
            }
            (Values::F64(out), Values::F64(column), Values::F64(last)) => {
                out.clear();
                out.extend_from_slice(column);
                out.extend_from_slice(&last[range]);
            }
            _ => {
                let all = [column.to_f64(), last.part(Precision::F64, range).to_f64()].concat();
                *self = Values::of(column.precision(), all);
            }
        }
    }

    /// Puts a number, rounded to the format, at `index`.
    ///
    /// # Panics
    /// If `index` is not below the length.
    pub fn set(&mut self, index: usize, value: f64) {
        match self {
            Values::F32(values) => values[index] = value as f32,
            Values::F64(values) => values[index] = value,
        }
    }

    /// All numbers, exactly.
    pub fn to_f64(&self) -> Vec<f64> {
        match self {
            Values::F32(values) => values.iter().map(|v| f64::from(*v)).collect(),
            Values::F64(values) => values.clone(),
        }
    }
}

/// A set of points, one coordinate per variable.
#[derive(Debug, Clone, PartialEq)]
pub enum Points {
    /// All combinations of the axes' coordinates; one axis per variable, in the order of the variables.
    Grid(Vec<Vec<f64>>),
    /// `count` points; one column per variable, in the order of the variables.
    Columns {
        /// Number of points, also where there is no variable.
        count: usize,
        /// `columns[variable][point]`. An engine of the same format reads a column where it is.
        columns: Vec<Values>,
    },
}

impl Points {
    /// A list of points from its columns, which must be equally long.
    pub fn columns(columns: Vec<Vec<f64>>) -> Points {
        Points::list(columns.into_iter().map(Values::F64).collect())
    }

    /// The same from columns in the format of an engine.
    pub fn list(columns: Vec<Values>) -> Points {
        Points::Columns { count: columns.first().map_or(1, Values::len), columns }
    }

    /// `size` coordinates from `lo` to `hi`, both included, like NumPy's `linspace`; one coordinate is `lo`.
    pub fn linspace(lo: f64, hi: f64, size: usize) -> Vec<f64> {
        let last = size.saturating_sub(1);
        let step = if last == 0 { 0.0 } else { (hi - lo) / last as f64 };
        (0..size).map(|k| if k == last && last > 0 { hi } else { k as f64 * step + lo }).collect()
    }

    /// The same points with every coordinate rounded to `precision`.
    pub fn rounded(self, precision: Precision) -> Points {
        let round = |all: Vec<Vec<f64>>| -> Vec<Vec<f64>> {
            all.into_iter().map(|one| one.into_iter().map(|v| precision.round(v)).collect()).collect()
        };
        match self {
            Points::Grid(axes) => Points::Grid(round(axes)),
            Points::Columns { count, columns } => {
                let rounded = |column: Values| {
                    if column.precision() == precision { column } else { column.part(precision, 0..count) }
                };
                Points::Columns { count, columns: columns.into_iter().map(rounded).collect() }
            }
        }
    }

    /// Number of variables.
    pub fn dimension(&self) -> usize {
        match self {
            Points::Grid(axes) => axes.len(),
            Points::Columns { columns, .. } => columns.len(),
        }
    }

    /// Number of points. A grid's count saturates at `usize::MAX`.
    pub fn len(&self) -> usize {
        match self {
            Points::Grid(axes) => axes.iter().fold(1, |product: usize, axis| product.saturating_mul(axis.len())),
            Points::Columns { count, .. } => *count,
        }
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The variable that each axis of the result's array runs over, slowest first.
    pub fn array_order(dimension: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..dimension).collect();
        if dimension >= 2 {
            order.swap(0, 1);
        }
        order
    }

    /// The shape of the result's array.
    pub fn shape(&self) -> Vec<usize> {
        match self {
            Points::Grid(axes) => Points::array_order(axes.len()).into_iter().map(|v| axes[v].len()).collect(),
            Points::Columns { count, .. } => vec![*count],
        }
    }

    /// A grid's points `range` along the slowest axis of its array, or a list's points `range`.
    pub fn band(&self, range: Range<usize>) -> Points {
        match self {
            Points::Grid(axes) => {
                let mut axes = axes.clone();
                if let Some(first) = Points::array_order(axes.len()).first() {
                    axes[*first] = axes[*first][range].to_vec();
                }
                Points::Grid(axes)
            }
            Points::Columns { columns, .. } => Points::Columns {
                count: range.len(),
                columns: columns.iter().map(|column| column.part(column.precision(), range.clone())).collect(),
            },
        }
    }

    /// The coordinate `variable` of the points from `start` on, as many as `into` is long.
    ///
    /// # Panics
    /// If there are not so many points.
    pub fn coordinates(&self, variable: usize, start: usize, into: &mut [f64]) {
        match self {
            Points::Grid(axes) => {
                let faster = Points::array_order(axes.len()).into_iter().rev().take_while(|v| *v != variable);
                let stride: usize = faster.map(|v| axes[v].len()).product();
                let axis = &axes[variable];
                into.iter_mut().zip(start..).for_each(|(one, k)| *one = axis[k / stride % axis.len()]);
            }
            Points::Columns { columns, .. } => match &columns[variable] {
                Values::F64(column) => into.copy_from_slice(&column[start..start + into.len()]),
                Values::F32(column) => {
                    into.iter_mut().zip(&column[start..]).for_each(|(to, v)| *to = f64::from(*v));
                }
            },
        }
    }

    /// The coordinates of one point, in the order of the variables.
    ///
    /// # Panics
    /// If `index` is not below the number of points.
    pub fn point(&self, index: usize) -> Vec<f64> {
        match self {
            Points::Grid(axes) => {
                let mut point = vec![0.0; axes.len()];
                let mut rest = index;
                for variable in Points::array_order(axes.len()).into_iter().rev() {
                    point[variable] = axes[variable][rest % axes[variable].len()];
                    rest /= axes[variable].len();
                }
                assert_eq!(rest, 0, "point {index} of {}", self.len());
                point
            }
            Points::Columns { columns, .. } => columns.iter().map(|column| column.get(index)).collect(),
        }
    }
}

/// Zeros in large pages. Columns made one after the other lie alike on the lines of memory, so that what goes there past the
/// caches is whole vectors of all of them: the system's memory has 16 bytes of its own before each, so that 16 bytes short
/// of some lines are room for as many lines.
pub(crate) fn zeros<T: Clone + Default>(len: usize) -> Vec<T> {
    const LINE: usize = 64;
    const OWN: usize = 16;
    let bytes = (len * size_of::<T>() + OWN).next_multiple_of(LINE) - OWN;
    let mut zeros = vec![T::default(); bytes / size_of::<T>()];
    zeros.truncate(len);
    in_large_pages(zeros)
}

/// Bytes from which large pages are asked for: below, the system hands out memory that was touched before.
#[cfg(target_os = "linux")]
const LARGE: usize = 4 << 20;

/// Asks for pages of some MiB in place of 4 KiB: the first write to a page costs more than what is written there, and the
/// processor keeps few addresses of small ones at hand. NumPy does the same.
#[cfg(target_os = "linux")]
pub(crate) fn in_large_pages<T>(values: Vec<T>) -> Vec<T> {
    let (page, bytes) = (4096, size_of_val(values.as_slice()));
    if bytes >= LARGE {
        let start = values.as_ptr().addr().next_multiple_of(page);
        let end = (values.as_ptr().addr() + bytes) / page * page;
        let start_pointer = values.as_ptr().with_addr(start).cast_mut().cast();
        // SAFETY: the range lies within the vector's memory; the advice does not change what is in it, and an answer of no
        // is as good as one of yes.
        unsafe { libc::madvise(start_pointer, end - start, libc::MADV_HUGEPAGE) };
    }
    values
}

/// Elsewhere the system decides.
#[cfg(not(target_os = "linux"))]
pub(crate) fn in_large_pages<T>(values: Vec<T>) -> Vec<T> {
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_columns_follow_each_other() {
        let [mut out, first, last] =
            [vec![9.0; 5], vec![1.0, 2.0], vec![3.0, 4.0, 5.0]].map(|values| Values::from_f64(Precision::F32, &values));
        out.join(&first, &last, 1..3);
        assert_eq!(out, Values::F32(vec![1.0, 2.0, 4.0, 5.0]));
        let last = Values::F64(vec![7.0]);
        out.join(&first, &last, 0..1);
        assert_eq!(out, Values::F32(vec![1.0, 2.0, 7.0]));
    }

    #[test]
    fn cloned_into_columns_keep_their_memory() {
        for precision in [Precision::F32, Precision::F64] {
            let mut to = Values::zeros(precision, 5);
            let place = |values: &Values| match values {
                Values::F32(values) => values.as_ptr().addr(),
                Values::F64(values) => values.as_ptr().addr(),
            };
            let (before, from) = (place(&to), Values::from_f64(precision, &[1.0, 2.0, 3.0]));
            to.clone_from(&from);
            assert_eq!((&to, place(&to)), (&from, before));
            let other = Values::from_f64(Precision::F64, &[7.0]);
            to.clone_from(&other);
            assert_eq!(to, other);
        }
    }

    #[test]
    fn columns_begin_alike_on_the_lines_of_memory() {
        for length in [1, 15, 16, 1 << 12, (1 << 19) + 3] {
            let zeros: Vec<f32> = zeros(length);
            assert!(zeros.len() == length && zeros.iter().all(|zero| *zero == 0.0));
            assert_eq!((zeros.capacity() * size_of::<f32>() + 16) % 64, 0, "{length} numbers");
        }
    }

    #[test]
    fn a_grid_is_numpys_meshgrid() {
        // numpy.meshgrid([0, 1, 2], [10, 20], [5, 6]) has shape (2, 3, 2); its last axis is z.
        let points = Points::Grid(vec![vec![0.0, 1.0, 2.0], vec![10.0, 20.0], vec![5.0, 6.0]]);
        assert_eq!(points.shape(), [2, 3, 2]);
        assert_eq!(points.point(0), [0.0, 10.0, 5.0]);
        assert_eq!(points.point(1), [0.0, 10.0, 6.0]);
        assert_eq!(points.point(2), [1.0, 10.0, 5.0]);
        assert_eq!(points.point(6), [0.0, 20.0, 5.0]);
        assert_eq!(points.band(1..2).point(0), [0.0, 20.0, 5.0]);
        for variable in 0..3 {
            let mut column = [0.0; 10];
            points.coordinates(variable, 2, &mut column);
            assert!((0..10).all(|k| column[k] == points.point(2 + k)[variable]), "{column:?}");
        }
    }

    #[test]
    fn linspace_ends_where_it_should() {
        assert_eq!(Points::linspace(-3.0, 3.0, 4), [-3.0, -1.0, 1.0, 3.0]);
        assert_eq!(Points::linspace(2.0, 3.0, 1), [2.0]);
        assert_eq!(Points::linspace(0.1, 0.7, 13).last(), Some(&0.7));
    }
}
