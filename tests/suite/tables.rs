//! Command lines over small tables: files of a case's own, what is refused, what is taken.
//!
//! Flows in: a line as typed, the files beside it. Flows out: whether it did as it should. Who should not use it: lines
//! without data; those are in `cli`.

use crate::agree::require;
use crate::engines::program;
use crate::readme::words;
use libtest_mimic::Failed;
use std::path::Path;
use std::process::{Command, Output};

/// Names and texts of files.
pub(crate) type Files = [(&'static str, &'static str)];

/// Runs a line on the CPU in a folder, with the files in it.
pub(crate) fn run(folder: &Path, line: &str, files: &Files) -> Result<Output, Failed> {
    for (name, text) in files {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(Command::new(program()).args(words(line)).args(["--device", "cpu"]).current_dir(folder).output()?)
}

/// The exit code is 2, nothing is on standard output, the message has these words, and no file is left.
pub(crate) fn refused(line: &str, says: &[&str], files: &Files) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = run(folder.path(), line, files)?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    // What cannot be read at all is the run's failure.
    let code = if says[0].starts_with("cannot read") { 1 } else { 2 };
    require(run.status.code() == Some(code) && run.stdout.is_empty(), || format!("{:?}: {text}", run.status))?;
    require(says.iter().all(|word| text.contains(word)), || text.clone())?;
    let left = std::fs::read_dir(folder.path())?.count();
    require(left == files.len(), || format!("{left} files are left"))
}

/// It is taken, and standard output and standard error have these words somewhere.
pub(crate) fn taken(line: &str, out: &[&str], err: &[&str], files: &Files) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = run(folder.path(), line, files)?;
    let [said, noted] = [&run.stdout, &run.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let all = || format!("{:?}\n{said}{noted}", run.status);
    require(run.status.success(), all)?;
    require(out.iter().all(|word| said.contains(word)) && err.iter().all(|word| noted.contains(word)), all)
}
