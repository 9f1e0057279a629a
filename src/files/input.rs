//! Where points come from: a file or standard input, read until Ctrl-C, and no line of it without an end.
//!
//! Flows in: a name. Flows out: bytes, for the readers of this folder.

use super::error::{FileError, is_standard};
use crate::backend::check_interrupt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a line: 600,000 cells of full length. A device such as `/dev/zero` has no line's end at all.
const LINE: usize = 16 << 20;

/// A file being read. Its [`io::Error`]s may hold a [`FileError`]; [`FileError::read`] takes that out.
pub(super) struct Input {
    source: Box<dyn Read>,
}

impl Input {
    /// Opens `path`; `-` is standard input.
    pub(super) fn open(path: &Path) -> Result<Input, FileError> {
        Ok(Input {
            source: match is_standard(path) {
                true => Box::new(io::stdin()),
                false => Box::new(File::open(path).map_err(|source| FileError::read(path, source))?),
            },
        })
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Not of the kind `Interrupted`, upon which readers try again.
        check_interrupt().map_err(|_| io::Error::other(FileError::Interrupted))?;
        self.source.read(buffer)
    }
}

/// Text that is refused where a line does not end.
pub(super) struct Lines<R> {
    source: R,
    path: PathBuf,
    /// The number of the line being read, and its bytes so far.
    line: u64,
    length: usize,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(source: R, path: &Path) -> Lines<R> {
        Lines { source, path: path.to_path_buf(), line: 1, length: 0 }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        let bytes = &buffer[..count];
        self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.length = match bytes.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')) {
            Some(end) => count - end - 1,
            None => self.length + count,
        };
        if self.length > LINE {
            let path = self.path.clone();
            return Err(io::Error::other(FileError::LongLine { path, line: self.line, limit: LINE }));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, repeat};

    #[test]
    fn lines_may_be_long_but_not_endless() {
        let path = Path::new("a.csv");
        let long = format!("x\n{}\n1\r{}", "1".repeat(LINE), "2".repeat(LINE));
        let mut text = String::new();
        let read = Lines::new(Cursor::new(long.as_bytes()), path).read_to_string(&mut text);
        assert!(read.is_ok_and(|count| count == long.len()) && text == long);
        let endless = Cursor::new(b"x\n1\n").chain(repeat(b'7'));
        let error =
            io::copy(&mut Lines::new(endless, path), &mut io::sink()).map_err(|error| FileError::read(path, error));
        assert!(matches!(error, Err(FileError::LongLine { line: 3, limit: LINE, .. })), "{error:?}");
    }
}
