//! A result of many files: a folder that appears only when all of them are there.
//!
//! Flows in: files by name, from any thread. Flows out: a folder. It is written under a passing name beside its own and
//! renamed at the end; dropped before that, it leaves nothing. After Ctrl-C every write fails, and
//! [`abandon`](super::abandon) removes what is unfinished.

use super::error::FileError;
use super::output::{remove_folder, unfinished};
use crate::backend::check_interrupt;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A folder being written.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Where it is to be, past symbolic links.
    target: PathBuf,
    /// Where it is until then; empty once it has its name.
    passing: PathBuf,
}

impl Folder {
    /// A new folder at `path`, where nothing is yet, or an empty folder.
    ///
    /// # Errors
    /// - [`FileError::NotEmpty`] or [`FileError::IsFile`] if something is there;
    /// - [`FileError::NoFolder`] if the folder around it does not exist;
    /// - [`FileError::Write`] if that may not be written.
    pub fn create(path: &Path) -> Result<Folder, FileError> {
        let failed = |source| FileError::write(path, source);
        let target = match fs::metadata(path) {
            Ok(there) if !there.is_dir() => return Err(FileError::IsFile(path.to_path_buf())),
            Ok(_) if fs::read_dir(path).map_err(failed)?.next().is_some() => {
                return Err(FileError::NotEmpty(path.to_path_buf()));
            }
            Ok(_) => fs::canonicalize(path).map_err(failed)?,
            Err(error) if error.kind() == ErrorKind::NotFound => path.to_path_buf(),
            Err(error) => return Err(failed(error)),
        };
        let around = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut names = unfinished();
        let mut builder = tempfile::Builder::new();
        builder.prefix(".gradfield-").suffix(".part");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let passing = builder.tempdir_in(around).map_err(|source| match source.kind() {
            ErrorKind::NotFound => FileError::NoFolder { path: path.to_path_buf(), folder: around.to_path_buf() },
            _ => failed(source),
        })?;
        let passing = passing.keep();
        names.push(passing.clone());
        Ok(Folder { path: path.to_path_buf(), target, passing })
    }

    /// Makes a folder in it, with all around it that is missing.
    ///
    /// # Errors
    /// - As [`Folder::write`].
    pub fn folder(&self, name: &Path) -> Result<(), FileError> {
        self.told(name, || fs::create_dir_all(self.passing.join(name)))
    }

    /// Writes a file in it.
    ///
    /// # Errors
    /// - [`FileError::DiskFull`], [`FileError::Write`] or [`FileError::Interrupted`].
    pub fn write(&self, name: &Path, bytes: &[u8]) -> Result<(), FileError> {
        self.told(name, || fs::write(self.passing.join(name), bytes))
    }

    fn told(&self, name: &Path, work: impl FnOnce() -> io::Result<()>) -> Result<(), FileError> {
        check_interrupt().map_err(|_| FileError::Interrupted)?;
        work().map_err(|source| FileError::write(&self.path.join(name), source))
    }

    /// Gives the folder its name.
    ///
    /// # Errors
    /// - [`FileError::Write`] or [`FileError::Interrupted`]; no folder is left then.
    pub fn finish(mut self) -> Result<(), FileError> {
        check_interrupt().map_err(|_| FileError::Interrupted)?;
        let mut names = unfinished();
        // Only an empty folder goes; not every system renames over one.
        let _ = fs::remove_dir(&self.target);
        let renamed = fs::rename(&self.passing, &self.target);
        if renamed.is_ok() {
            names.retain(|name| *name != self.passing);
            self.passing = PathBuf::new();
        }
        // The list is free again before a folder that has failed is removed.
        drop(names);
        renamed.map_err(|source| FileError::write(&self.path, source))
    }
}

impl Drop for Folder {
    /// Its files go before its name leaves the list: whoever ends the process meanwhile finds it there, and helps.
    fn drop(&mut self) {
        if !self.passing.as_os_str().is_empty() {
            remove_folder(&self.passing);
            unfinished().retain(|name| *name != self.passing);
        }
    }
}
