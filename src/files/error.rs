//! What can go wrong with a file: every message names the file, the cause and the way out.
//!
//! Flows out: [`FileError`]. A writer in this folder does not know the name of what it writes to; the error that
//! [`Output`](super::Output) raises does, and it travels inside the [`io::Error`] until `?` takes it out again.

use super::Format;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The folder of the file to write does not exist.
    #[error("cannot write {}: there is no folder {}; make it (mkdir -p), or write elsewhere", .path.display(), .folder.display())]
    NoFolder {
        /// The file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The file to write is a folder.
    #[error("cannot write {}: it is a folder; name a file in it, such as {}", .0.display(), .0.join("field.npy").display())]
    IsFolder(PathBuf),
    /// The disk, or the user's share of it, is full.
    #[error("cannot write {}: no space is left there; free some, or write to another disk", written(.0))]
    DiskFull(PathBuf),
    /// Who read the output has closed it. No fault: whoever runs `| head` wants no more.
    #[error("cannot write {}: its reader closed it", written(.0))]
    BrokenPipe(PathBuf),
    /// Anything else that the system says when writing.
    #[error("cannot write {}: {source}; write elsewhere, or change what forbids it", written(.path))]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Neither the name's ending nor a flag says which format to write.
    #[error("{}", unknown_ending(.path, .allowed))]
    Ending {
        /// The file.
        path: PathBuf,
        /// The formats to choose from.
        allowed: Vec<Format>,
    },
    /// The file to read could not be opened or read.
    #[error("cannot read {}: {source}; check the name and that you may read it", read(.path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file to read has no contents.
    #[error("{} is empty; it needs a header line such as `{header}` and a line for each point", read(.path))]
    Empty {
        /// The file.
        path: PathBuf,
        /// The header it should have.
        header: String,
    },
    /// There is a header, and nothing below it.
    #[error("{} has a header and no rows; add a line for each point", read(.0))]
    NoRows(PathBuf),
    /// A variable has no column.
    #[error("{} has no column `{column}`; it has {}{hint}", read(.path), listed(.columns))]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The column that is missing.
        column: String,
        /// The columns that there are.
        columns: Vec<String>,
        /// What may be the matter; empty or starting with `; `.
        hint: &'static str,
    },
    /// Two columns have the name of a variable.
    #[error("{} has more than one column `{column}`; rename all but one", read(.path))]
    TwoColumns {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
    },
    /// A cell is not a number.
    #[error("{}, line {line}, column `{column}`: {} is not a number; write one such as 1.5 or -2e-3 (nan, inf and -inf are allowed)", read(.path), shown(.text))]
    Cell {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; where empty lines stand before it, the first of them.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// A cell of a table of measurements is not a finite number.
    #[error("{}, {} {line}, column `{column}`: {} is missing or no finite number; mend it, or leave such rows out with --missing skip", read(.path), row_or_line(.path), shown(.text))]
    Missing {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; of an array its row, from 1.
        line: u64,
        /// Name of the column.
        column: String,
        /// What stands there.
        text: String,
    },
    /// Every row of a table has a missing cell.
    #[error("{}: all of its {rows} rows have a missing cell in the columns in use, so none is left", read(.path))]
    AllMissing {
        /// The file.
        path: PathBuf,
        /// How many there are.
        rows: u64,
    },
    /// A row has more or fewer cells than the header.
    #[error("{}, line {line}: {found} cells where the header has {expected}; give every row one cell per column", read(.path))]
    Ragged {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; where empty lines stand before it, the first of them.
        line: u64,
        /// Cells in this line.
        found: u64,
        /// Cells in the header.
        expected: u64,
    },
    /// The file is not text.
    #[error("{}, line {line}: not UTF-8 text; save it as CSV in UTF-8, or as a .npy array", read(.path))]
    NotText {
        /// The file.
        path: PathBuf,
        /// Its line, from 1; where empty lines stand before it, the first of them.
        line: u64,
    },
    /// A line has no end.
    #[error("{}, line {line}: longer than {} MiB; a table has a line for each point, so this is none, or the ends of its lines are missing", read(.path), .limit >> 20)]
    LongLine {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// Bytes that a line may have.
        limit: usize,
    },
    /// More rows than memory holds.
    #[error("{}: its first {rows} points and their results take {need}, more than the {have} of memory here; split the table", read(.path))]
    Memory {
        /// The file.
        path: PathBuf,
        /// Rows read so far.
        rows: usize,
        /// Bytes needed, for people.
        need: String,
        /// Bytes there are, for people.
        have: String,
    },
    /// A .npy file is damaged, or holds something other than a table of real numbers.
    #[error("{}: {problem}", read(.path))]
    Npy {
        /// The file.
        path: PathBuf,
        /// The cause and the way out.
        problem: String,
    },
    /// An image or array is damaged, too large, or of a kind that is not read.
    #[error("{}: {problem}", read(.path))]
    Raster {
        /// The file.
        path: PathBuf,
        /// The cause and the way out.
        problem: String,
    },
    /// The file is no picture that can be read.
    #[error("{} is no PNG, or a damaged one; name a picture that gradfield wrote", read(.0))]
    NotPng(PathBuf),
    /// The folder to write is there already, and holds something.
    #[error("cannot write {}: the folder is not empty; name a new one, or empty it", .0.display())]
    NotEmpty(PathBuf),
    /// The folder to write is there already, as a file.
    #[error("cannot write {}: it is a file; name a new folder", .0.display())]
    IsFile(PathBuf),
    /// What was handed over cannot be written in this format (a shape, a size, a name).
    #[error("{0}")]
    Unfit(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// A writer that is no [`Output`](super::Output) failed.
    #[error("cannot write: {0}")]
    Io(io::Error),
}

impl FileError {
    /// Whether only the reader went away, which a command ends on quietly.
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            FileError::BrokenPipe(_) => true,
            FileError::Io(source) => source.kind() == ErrorKind::BrokenPipe,
            _ => false,
        }
    }

    /// Whether the command line or the data is at fault (exit code 2), and not the disk or its permissions (1).
    pub fn is_data(&self) -> bool {
        use FileError::*;
        !matches!(
            self,
            NoFolder { .. }
                | IsFolder(_)
                | NotEmpty(_)
                | IsFile(_)
                | DiskFull(_)
                | BrokenPipe(_)
                | Write { .. }
                | Read { .. }
                | Memory { .. }
                | Interrupted
                | Io(_)
        )
    }

    /// The error for a failed read of `path`.
    pub(super) fn read(path: &Path, source: io::Error) -> FileError {
        match source.downcast::<FileError>() {
            Ok(inner) => inner,
            Err(source) => FileError::Read { path: path.to_path_buf(), source },
        }
    }

    /// The error for a failed write to `path`.
    pub(super) fn write(path: &Path, source: io::Error) -> FileError {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => FileError::DiskFull(path),
            ErrorKind::BrokenPipe => FileError::BrokenPipe(path),
            ErrorKind::IsADirectory => FileError::IsFolder(path),
            _ => FileError::Write { path, source },
        }
    }
}

/// Takes out the [`FileError`] that an [`Output`](super::Output) put in.
impl From<io::Error> for FileError {
    fn from(error: io::Error) -> FileError {
        error.downcast::<FileError>().unwrap_or_else(FileError::Io)
    }
}

/// How a file to write is called in a message.
fn written(path: &Path) -> String {
    if is_standard(path) { "standard output".to_owned() } else { path.display().to_string() }
}

/// How a file to read is called in a message.
fn read(path: &Path) -> String {
    if is_standard(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Whether the name is `-`.
pub(super) fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What a table's rows are counted as: arrays have no lines.
fn row_or_line(path: &Path) -> &'static str {
    let array = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("npy") || e.eq_ignore_ascii_case("npz"));
    if array { "row" } else { "line" }
}

/// A cell as a message shows it.
fn shown(text: &str) -> String {
    if text.is_empty() {
        return "an empty cell".to_owned();
    }
    let mut start: String = text.chars().take(40).collect();
    if start.len() < text.len() {
        start.push_str("...");
    }
    format!("`{}`", start.escape_debug())
}

/// Names of columns as a message lists them: twelve at most.
fn listed(columns: &[String]) -> String {
    let mut names: Vec<String> = columns.iter().take(12).map(|name| shown(name)).collect();
    if columns.len() > 12 {
        names.push(format!("{} more", columns.len() - 12));
    }
    names.join(", ")
}

fn unknown_ending(path: &Path, allowed: &[Format]) -> String {
    let endings: Vec<String> = allowed.iter().map(|format| format!(".{format}")).collect();
    let names: Vec<&str> = allowed.iter().map(|format| format.name()).collect();
    let flag = format!("--format {}", names.join("|"));
    if is_standard(path) {
        return format!("standard output has no ending that names a format; add {flag}");
    }
    let ending = match path.extension() {
        Some(ending) => format!("the ending `.{}`", ending.display()),
        None => "a name without an ending".to_owned(),
    };
    format!("cannot write {}: {ending} is no format here; use {}, or add {flag}", path.display(), endings.join(" "))
}
