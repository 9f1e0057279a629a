//! A user's table of measurements: CSV with a header, `.npz` with one array for each column, or `.npy` with two axes.
//!
//! Flows in: a file. Flows out: the names of its columns, then the wanted ones as a [`Table`]. A cell that is empty, not
//! a number, or not finite is *missing*: an error that names it, or its row is left out and counted, as asked.
//!
//! Who should not use it: who wants points for `eval`; [`read_points`](super::read_points) takes those as they are.

use super::error::FileError;
use super::input::{Input, Lines};
use super::npy::numbers;
use crate::field::{bytes, check_size};
use crate::real::Precision;
use crate::table::{Keys, Table};
use csv::{ByteRecord, Reader, ReaderBuilder};
use npyz::{NpyFile, Order};
use std::collections::HashMap;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

/// Rows after which it is seen whether there is memory for more.
const ROWS: usize = 1 << 20;

/// What becomes of a row with a missing cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The table is refused, with the first such cell.
    Error,
    /// The row is left out and counted.
    Skip,
}

/// A table that is open: its columns are known, its rows are not yet read.
pub struct TableFile {
    path: PathBuf,
    names: Vec<String>,
    rest: Rest,
}

/// What is still to be read.
enum Rest {
    Csv(Box<Reader<Lines<Box<dyn Read>>>>),
    /// Arrays that were read already: a `.npy` or a `.npz` names its columns only beside their numbers.
    Columns(Vec<Vec<f64>>),
}

impl TableFile {
    /// Opens a table; `-` is standard input. The columns of a `.npy` array of shape (n, d) are `c1` to `cd`.
    ///
    /// # Errors
    /// - [`FileError::Read`], [`FileError::Empty`], [`FileError::NotText`] or [`FileError::Npy`] for what it is.
    pub fn open(path: &Path) -> Result<TableFile, FileError> {
        let mut source = Input::open(path)?;
        let mut start = Vec::new();
        let failed = |source| FileError::read(path, source);
        source.by_ref().take(6).read_to_end(&mut start).map_err(failed)?;
        let kind = (start.starts_with(b"\x93NUMPY"), start.starts_with(b"PK\x03\x04"));
        let mut whole: Box<dyn Read> = Box::new(Cursor::new(start).chain(source));
        let (names, rest) = match kind {
            (true, _) => array(BufReader::with_capacity(1 << 18, whole), path)?,
            (_, true) => {
                let mut all = Vec::new();
                whole.read_to_end(&mut all).map_err(failed)?;
                archive(Cursor::new(all), path)?
            }
            _ => {
                let text = Lines::new(whole, path);
                let mut reader = ReaderBuilder::new().trim(csv::Trim::All).buffer_capacity(1 << 18).from_reader(text);
                let header = reader.headers().cloned().map_err(|error| csv_error(path, error))?;
                if header.is_empty() {
                    return Err(FileError::Empty { path: path.to_path_buf(), header: "x,y".to_owned() });
                }
                (header.iter().map(str::to_owned).collect(), Rest::Csv(Box::new(reader)))
            }
        };
        Ok(TableFile { path: path.to_path_buf(), names, rest })
    }

    /// The names of all columns, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Reads the columns `wanted` as numbers, and `key` as keys of groups.
    ///
    /// # Errors
    /// - [`FileError::NoColumn`], [`FileError::TwoColumns`] for a name; [`FileError::Cell`] for a missing cell, where these
    ///   are errors; [`FileError::Ragged`], [`FileError::NotText`], [`FileError::Npy`] for what the file is;
    /// - [`FileError::NoRows`] if there is no row, or none is left; [`FileError::Memory`] if memory does not hold them.
    pub fn read(self, wanted: &[String], key: Option<&str>, missing: Missing) -> Result<Table, FileError> {
        let places = wanted.iter().map(|name| self.place(name)).collect::<Result<Vec<usize>, _>>()?;
        let key_place = key.map(|name| self.place(name)).transpose()?;
        let mut rows = Rows::new(&self.path, wanted, key, missing);
        match self.rest {
            Rest::Csv(mut reader) => {
                let mut record = ByteRecord::new();
                while reader.read_byte_record(&mut record).map_err(|error| csv_error(&self.path, error))? {
                    let line = record.position().map_or(0, csv::Position::line);
                    let cell = |place: usize| std::str::from_utf8(&record[place]).unwrap_or("\u{fffd}");
                    let numbers = places.iter().map(|place| cell(*place).parse().map_err(|_| cell(*place)));
                    rows.push(line, numbers, key_place.map(cell))?;
                }
            }
            Rest::Columns(columns) => {
                let cell = |place: usize, row: u64| columns[place][row as usize];
                let mut key = key_place.map(|place| (place, f64::NAN, String::new()));
                for row in 0..columns.first().map_or(0, Vec::len) as u64 {
                    let numbers = places.iter().map(|place| Ok(cell(*place, row)));
                    // Keys mostly follow their like; to write a number takes longer than to see that it is the same.
                    if let Some((place, last, text)) = &mut key
                        && last.to_bits() != cell(*place, row).to_bits()
                    {
                        *last = cell(*place, row);
                        *text = last.to_string();
                    }
                    rows.push(row + 1, numbers, key.as_ref().map(|(_, _, text)| text.as_str()))?;
                }
            }
        }
        rows.finish()
    }

    /// The column called `name`.
    fn place(&self, name: &str) -> Result<usize, FileError> {
        let path = self.path.clone();
        let mut places = self.names.iter().enumerate().filter(|(_, column)| *column == name);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => Err(FileError::TwoColumns { path, column: name.to_owned() }),
            (None, _) => {
                Err(FileError::NoColumn { path, column: name.to_owned(), columns: self.names.clone(), hint: "" })
            }
        }
    }
}

/// Rows as they come.
struct Rows<'a> {
    path: &'a Path,
    missing: Missing,
    table: Table,
    known: HashMap<String, u32>,
    /// Numbers of the row that is read.
    row: Vec<f64>,
    count: usize,
}

impl<'a> Rows<'a> {
    fn new(path: &'a Path, wanted: &[String], key: Option<&str>, missing: Missing) -> Rows<'a> {
        let keys = key.map(|name| Keys { name: name.to_owned(), ..Keys::default() });
        let table = Table { names: wanted.to_vec(), columns: vec![Vec::new(); wanted.len()], keys, skipped: 0 };
        Rows { path, missing, table, known: HashMap::new(), row: Vec::new(), count: 0 }
    }

    fn push<'c>(
        &mut self,
        line: u64,
        numbers: impl Iterator<Item = Result<f64, &'c str>>,
        key: Option<&str>,
    ) -> Result<(), FileError> {
        self.row.clear();
        for (k, number) in numbers.enumerate() {
            let text = match number {
                Ok(number) if number.is_finite() => {
                    self.row.push(number);
                    continue;
                }
                Ok(number) => number.to_string(),
                Err(text) => text.to_owned(),
            };
            if self.missing == Missing::Skip {
                self.table.skipped += 1;
                return Ok(());
            }
            let (path, column) = (self.path.to_path_buf(), self.table.names[k].clone());
            return Err(FileError::Missing { path, line, column, text });
        }
        if let (Some(keys), Some(key)) = (&mut self.table.keys, key) {
            let code = match self.known.get(key) {
                Some(code) => *code,
                None => {
                    let code = keys.labels.len() as u32;
                    keys.labels.push(key.to_owned());
                    self.known.insert(key.to_owned(), code);
                    code
                }
            };
            keys.codes.push(code);
        }
        self.table.columns.iter_mut().zip(&self.row).for_each(|(column, number)| column.push(*number));
        self.count += 1;
        if self.count.is_multiple_of(ROWS) {
            self.check_memory()?;
        }
        Ok(())
    }

    /// Refuses what will not fit: the columns, and as many numbers beside them.
    fn check_memory(&self) -> Result<(), FileError> {
        let (path, rows) = (self.path.to_path_buf(), self.count);
        let columns = 2 * self.table.names.len() + 1;
        let need = bytes(rows as f64 * columns as f64 * 8.0);
        check_size(rows as f64, columns, Precision::F64).map_err(|_| FileError::Memory {
            path,
            rows,
            need,
            have: "memory".to_owned(),
        })
    }

    fn finish(self) -> Result<Table, FileError> {
        match (self.count, self.table.skipped) {
            (0, 0) => Err(FileError::NoRows(self.path.to_path_buf())),
            (0, skipped) => Err(FileError::AllMissing { path: self.path.to_path_buf(), rows: skipped }),
            _ => Ok(self.table),
        }
    }
}

/// The columns of one array with two axes.
fn array(from: impl Read, path: &Path) -> Result<(Vec<String>, Rest), FileError> {
    let columns = columns_of(from, path)?;
    Ok(((1..=columns.len()).map(|k| format!("c{k}")).collect(), Rest::Columns(columns)))
}

/// The columns of an array of shape (n) or (n, d).
fn columns_of(from: impl Read, path: &Path) -> Result<Vec<Vec<f64>>, FileError> {
    columns_or_not(from, path)?.map_err(|problem| FileError::Npy { path: path.to_path_buf(), problem })
}

/// The same, or why a whole array has no columns.
fn columns_or_not(from: impl Read, path: &Path) -> Result<Result<Vec<Vec<f64>>, String>, FileError> {
    let problem = |problem: String| FileError::Npy { path: path.to_path_buf(), problem };
    let damaged = |error: std::io::Error| match error.downcast::<FileError>() {
        Ok(inner) => inner,
        Err(error) => problem(format!("not a whole .npy array ({error}); save it again with NumPy")),
    };
    let file = NpyFile::new(from).map_err(damaged)?;
    let (rows, width) = match *file.shape() {
        [rows, width] => (rows, width),
        [rows] => (rows, 1),
        _ => {
            let shape = file.shape();
            return Ok(Err(format!("an array has shape {shape:?}; a table's is (n) or (n, columns)")));
        }
    };
    let fits = rows.checked_mul(width).is_some_and(|all| check_size(all as f64, 2, Precision::F64).is_ok());
    if !fits || width > 100_000 {
        return Err(problem(format!("an array says it has {rows} rows and {width} columns, more than memory holds")));
    }
    let (order, kind, rows, width) = (file.order(), file.dtype().descr(), rows as usize, width as usize);
    let all = numbers(file).map_err(damaged)?;
    let Some(all) = all else { return Ok(Err(format!("the elements are {kind}; a table has real numbers"))) };
    if width == 1 {
        return Ok(Ok(vec![all]));
    }
    let column = |k: usize| match order {
        Order::C => all.iter().skip(k).step_by(width).copied().collect(),
        Order::Fortran => all[k * rows..(k + 1) * rows].to_vec(),
    };
    Ok(Ok((0..width).map(column).collect()))
}

/// The named arrays of a `.npz`: those of real numbers with one axis are its columns, others are left aside.
fn archive(from: impl Read + Seek, path: &Path) -> Result<(Vec<String>, Rest), FileError> {
    let problem = |problem: String| FileError::Npy { path: path.to_path_buf(), problem };
    let damaged = |error: zip::result::ZipError| {
        problem(format!("not a .npz file that can be read ({error}); save it again with numpy.savez"))
    };
    let mut archive = zip::ZipArchive::new(from).map_err(damaged)?;
    let (mut names, mut columns): (Vec<String>, Vec<Vec<f64>>) = Default::default();
    for k in 0..archive.len() {
        let member = archive.by_index(k).map_err(damaged)?;
        let name = member.name().map_err(damaged)?.into_owned();
        let name = name.strip_suffix(".npy").unwrap_or(&name).to_owned();
        if let Ok(mut arrays) = columns_or_not(BufReader::with_capacity(1 << 18, member), path)?
            && arrays.len() == 1
        {
            columns.extend(arrays.pop());
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(problem("no array in it is a column: of real numbers, with one axis".to_owned()));
    }
    let rows = columns.first().map_or(0, Vec::len);
    if let Some((name, column)) = names.iter().zip(&columns).find(|(_, column)| column.len() != rows) {
        let (first, other) = (&names[0], column.len());
        return Err(problem(format!("the array `{name}` has {other} numbers where `{first}` has {rows}")));
    }
    Ok((names, Rest::Columns(columns)))
}

/// The error for what the CSV reader says.
fn csv_error(path: &Path, error: csv::Error) -> FileError {
    super::csv::failed(path, error)
}
