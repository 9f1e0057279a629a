//! Tables as text.
//!
//! Flows in: columns of numbers and words with their names. Flows out: RFC 4180 text, a header line and a line per
//! row, each number with the fewest digits that read back to the same number of its own format; `nan`, `inf` and
//! `-inf` where there is none. The other way, [`read_points`] takes the points that a user's table gives.
//!
//! Who should not use it: who has more than some ten million rows; NumPy's formats are smaller and far faster.

use super::error::FileError;
use super::input::{Input, Lines};
use super::{Column, npy};
use crate::field::{FieldError, check_size};
use crate::points::{Points, Values};
use crate::real::Precision;
use csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Writer};
use std::fmt::LowerExp;
use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::Path;

/// The first bytes of a `.npy` file, which no text starts with.
const NPY: &[u8] = b"\x93NUMPY";

/// Rows of a table being read after which it is seen whether there is memory for them.
const ROWS: usize = 1 << 20;

/// Writes a table: `header[k]` names `columns[k]`.
///
/// # Errors
/// - [`FileError::Unfit`] if the columns differ in length or do not match the header;
/// - whatever `out` fails with.
pub fn write_csv(out: &mut dyn Write, header: &[String], columns: &[Column]) -> Result<(), FileError> {
    let mut writer = CsvWriter::new(out, header)?;
    writer.rows(columns)?;
    writer.finish()
}

/// Writes a table, some rows at a time.
#[derive(Debug)]
pub struct CsvWriter<W: Write> {
    out: Writer<W>,
    width: usize,
}

impl<W: Write> CsvWriter<W> {
    /// Writes the header line.
    ///
    /// # Errors
    /// - whatever `out` fails with.
    pub fn new(out: W, header: &[String]) -> Result<CsvWriter<W>, FileError> {
        let mut out = Writer::from_writer(out);
        out.write_record(header).map_err(from_csv)?;
        Ok(CsvWriter { out, width: header.len() })
    }

    /// Writes rows; `columns` in the order of the header, equally long.
    ///
    /// # Errors
    /// - [`FileError::Unfit`] if the columns differ in length or do not match the header;
    /// - whatever the writer below fails with.
    pub fn rows(&mut self, columns: &[Column]) -> Result<(), FileError> {
        let count = columns.first().map_or(0, Column::len);
        if columns.len() != self.width || columns.iter().any(|column| column.len() != count) {
            let lengths: Vec<usize> = columns.iter().map(Column::len).collect();
            let width = self.width;
            return Err(FileError::Unfit(format!(
                "a table of {width} columns cannot take columns of {lengths:?} rows"
            )));
        }
        let mut cell = Vec::new();
        for row in 0..count {
            for column in columns {
                cell.clear();
                format_cell(&mut cell, column, row)?;
                self.out.write_field(&cell).map_err(from_csv)?;
            }
            self.out.write_record(None::<&[u8]>).map_err(from_csv)?;
        }
        Ok(())
    }

    /// Hands the last rows to the writer below, which is not closed.
    ///
    /// # Errors
    /// - whatever the writer below fails with.
    pub fn finish(mut self) -> Result<(), FileError> {
        Ok(self.out.flush()?)
    }
}

/// Appends the text of one cell.
fn format_cell(cell: &mut Vec<u8>, column: &Column, row: usize) -> io::Result<()> {
    match column {
        Column::F32(values) => format_number(cell, values[row], f64::from(values[row])),
        Column::F64(values) => format_number(cell, values[row], values[row]),
        Column::I64(values) => write!(cell, "{}", values[row]),
        Column::Text(values) => cell.write_all(values[row].as_bytes()),
    }
}

/// Appends the fewest digits that read back to `number`; `wide` is the same number. Plain digits where they are
/// short, an exponent elsewhere; `-0` keeps its sign.
fn format_number(cell: &mut Vec<u8>, number: impl LowerExp + std::fmt::Display, wide: f64) -> io::Result<()> {
    let size = wide.abs();
    match size {
        _ if wide.is_nan() => cell.write_all(b"nan"),
        _ if size == 0.0 || (1e-4..1e16).contains(&size) || size.is_infinite() => write!(cell, "{number}"),
        _ => write!(cell, "{number:e}"),
    }
}

fn from_csv(error: csv::Error) -> FileError {
    match error.into_kind() {
        ErrorKind::Io(error) => FileError::from(error),
        other => FileError::Unfit(format!("cannot write CSV: {other:?}")),
    }
}

/// Reads points from a CSV file with a header line, or from a `.npy` array of shape (n, d); `-` is standard input.
///
/// CSV: a column for each of `names`, in any order, more columns are passed over; blanks around cells and a byte
/// order mark are too. `nan`, `inf` and `-inf` are numbers. `.npy`, known by its first bytes: column k belongs to
/// `names[k]`; real or whole numbers of any size and byte order.
///
/// The points are in the order of the rows, the coordinates in the order of `names`.
///
/// # Errors
/// - [`FileError::Read`] if the file cannot be opened or read;
/// - [`FileError::Interrupted`], [`FileError::LongLine`] or [`FileError::Memory`] where it does not end;
/// - [`FileError::Empty`], [`FileError::NoRows`], [`FileError::NoColumn`], [`FileError::TwoColumns`],
///   [`FileError::Cell`], [`FileError::Ragged`], [`FileError::NotText`] or [`FileError::Npy`] for what it holds.
pub fn read_points(path: &Path, names: &[String]) -> Result<Points, FileError> {
    let mut source = Input::open(path)?;
    let mut start = Vec::new();
    let failed = |source| FileError::read(path, source);
    source.by_ref().take(NPY.len() as u64).read_to_end(&mut start).map_err(failed)?;
    let is_npy = start == NPY || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
    let whole = Cursor::new(start).chain(source);
    if is_npy {
        return npy::read_table(BufReader::with_capacity(1 << 18, whole), path, names);
    }
    let text = Lines::new(whole, path);
    let reader = ReaderBuilder::new().trim(csv::Trim::All).buffer_capacity(1 << 18).from_reader(text);
    Table { path, names, reader }.read()
}

/// A CSV file being read.
struct Table<'a, R> {
    path: &'a Path,
    names: &'a [String],
    reader: Reader<R>,
}

impl<R: Read> Table<'_, R> {
    fn read(mut self) -> Result<Points, FileError> {
        let header = self.reader.headers().cloned().map_err(|error| self.failed(error))?;
        if header.is_empty() {
            return Err(FileError::Empty { path: self.path.to_path_buf(), header: self.names.join(",") });
        }
        let places: Vec<usize> = self.names.iter().map(|name| self.place(&header, name)).collect::<Result<_, _>>()?;
        let (mut count, mut columns) = (0, vec![Vec::new(); places.len()]);
        let mut record = StringRecord::new();
        while self.reader.read_record(&mut record).map_err(|error| self.failed(error))? {
            for ((place, name), column) in places.iter().zip(self.names).zip(&mut columns) {
                let text = record.get(*place).unwrap_or_default();
                let line = || record.position().map_or(0, csv::Position::line);
                column.push(text.parse().map_err(|_| self.cell(line(), name, text))?);
            }
            count += 1;
            if count % ROWS == 0 {
                self.check_memory(count)?;
            }
        }
        if count == 0 {
            return Err(FileError::NoRows(self.path.to_path_buf()));
        }
        Ok(Points::Columns { count, columns: columns.into_iter().map(Values::F64).collect() })
    }

    /// Refuses what will not fit: the coordinates, and as many results beside f.
    fn check_memory(&self, rows: usize) -> Result<(), FileError> {
        let path = self.path.to_path_buf();
        check_size(rows as f64, 2 * self.names.len() + 1, Precision::F64).map_err(|error| match error {
            FieldError::Memory { need, have, .. } => FileError::Memory { path, rows, need, have },
            FieldError::Backend(_) => FileError::Interrupted,
        })
    }

    /// The column called `name`.
    fn place(&self, header: &StringRecord, name: &str) -> Result<usize, FileError> {
        let path = self.path.to_path_buf();
        let mut places = header.iter().enumerate().filter(|(_, column)| *column == name);
        match (places.next(), places.next()) {
            (Some((place, _)), None) => Ok(place),
            (Some(_), Some(_)) => Err(FileError::TwoColumns { path, column: name.to_owned() }),
            (None, _) => Err(FileError::NoColumn {
                path,
                column: name.to_owned(),
                columns: header.iter().map(str::to_owned).collect(),
                hint: hint(header),
            }),
        }
    }

    fn cell(&self, line: u64, column: &str, text: &str) -> FileError {
        FileError::Cell { path: self.path.to_path_buf(), line, column: column.to_owned(), text: text.to_owned() }
    }

    fn failed(&self, error: csv::Error) -> FileError {
        failed(self.path, error)
    }
}

/// The error for what the CSV reader says.
pub(super) fn failed(path: &Path, error: csv::Error) -> FileError {
    let path = path.to_path_buf();
    let line = |pos: &Option<csv::Position>| pos.as_ref().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => FileError::read(&path, source),
        ErrorKind::Utf8 { pos, .. } => FileError::NotText { path, line: line(&pos) },
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            FileError::Ragged { path, line: line(&pos), found: len, expected: expected_len }
        }
        other => FileError::Read { path, source: io::Error::other(format!("{other:?}")) },
    }
}

/// What may be the matter with a header that lacks a column.
fn hint(header: &StringRecord) -> &'static str {
    let holds = |sign: char| header.iter().any(|column| column.contains(sign));
    if header.iter().all(|column| column.parse::<f64>().is_ok()) {
        "; the first line must name the columns"
    } else if holds(';') || holds('\t') {
        "; the cells must be separated by commas"
    } else {
        "; rename a column, or add one"
    }
}
