//! The formats in which a command writes what it found, and its table as text.
//!
//! In: `-o` and `--format`. Out: a [`Language`]; rows of cells as aligned columns.

use super::Failure;
use super::options::digits;
use gradfield::Values;
use gradfield::files::{FileError, Format, Output};
use std::io::Write;
use std::path::Path;

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Text,
    Json,
    Csv,
    Npz,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Language::Text => "text",
            Language::Json => "json",
            Language::Csv => "csv",
            Language::Npz => "npz",
        }
    }

    /// The format of files; text is none.
    fn format(self) -> Option<Format> {
        match self {
            Language::Text => None,
            Language::Json => Some(Format::Json),
            Language::Csv => Some(Format::Csv),
            Language::Npz => Some(Format::Npz),
        }
    }

    /// What `--format` says, else the name's ending; one of `allowed`.
    pub(super) fn of(output: &Path, given: Option<&str>, allowed: &[Language]) -> Result<Language, Failure> {
        if let Some(given) = given {
            let names: Vec<&str> = allowed.iter().map(|one| one.name()).collect();
            let found = allowed.iter().find(|one| one.name() == given);
            return found
                .copied()
                .ok_or_else(|| Failure::usage(format!("--format: `{given}` is not one of {}", names.join(", "))));
        }
        if output.as_os_str() == "-" || output.extension().is_some_and(|ending| ending == "txt") {
            return Ok(Language::Text);
        }
        let formats: Vec<Format> = allowed.iter().filter_map(|one| one.format()).collect();
        let found = Format::of(output, None, &formats)?;
        Ok(allowed.iter().copied().find(|one| one.format() == Some(found)).unwrap_or(Language::Text))
    }
}

/// One number with all its digits.
pub(super) fn number(value: f64) -> String {
    digits(&Values::F64(vec![value]), 0)
}

/// Rows of as many cells as the first, each column as wide as its widest cell.
pub(super) fn write_aligned(lines: &[Vec<String>], out: &mut Output) -> Result<(), Failure> {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> =
        (0..columns).map(|k| lines.iter().map(|line| line[k].chars().count()).max().unwrap_or(0)).collect();
    for line in lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end()).map_err(FileError::from)?;
    }
    Ok(())
}
