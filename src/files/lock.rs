//! A file that one process at a time may use.
//!
//! Flows in: its name. Flows out: a [`Lock`], held until it is dropped or the process ends, however that happens. A file
//! that is replaced by another of its name cannot be locked itself, so there is one beside it that can, for as long as the
//! lock is held.

use super::error::FileError;
use super::output::{open_beside, unfinished};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The right to use a file.
#[derive(Debug)]
pub struct Lock {
    name: PathBuf,
    /// Closing it gives the lock back.
    _file: File,
}

impl Lock {
    /// Takes the lock of `path`, which need not exist; none where someone holds it. Where the file system knows no locks,
    /// nobody is kept out.
    ///
    /// # Errors
    /// - [`FileError::NoFolder`] or [`FileError::Write`] if no file can be made beside `path`.
    pub fn take(path: &Path) -> Result<Option<Lock>, FileError> {
        let failed = |source| FileError::write(path, source);
        let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        let mut name = std::ffi::OsString::from(".gradfield-");
        name.push(target.file_name().unwrap_or_default());
        name.push(".lock");
        let name = target.with_file_name(name);
        loop {
            // While the list is held the program does not end, so that it knows of the file or there is none.
            let mut names = unfinished();
            let file = open_beside(path, &name)?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) if error.kind() != ErrorKind::Unsupported => return Err(failed(error)),
                _ => {}
            }
            // Whoever held it before may have removed it since it was opened.
            if is_at(&file, &name).map_err(failed)? {
                names.push(name.clone());
                return Ok(Some(Lock { name, _file: file }));
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        unfinished().retain(|name| *name != self.name);
        // Left behind, it is taken again.
        let _ = fs::remove_file(&self.name);
    }
}

/// Whether the open file is the one of this name.
#[cfg(unix)]
fn is_at(file: &File, name: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let here = file.metadata()?;
    match fs::metadata(name) {
        Ok(there) => Ok((there.dev(), there.ino()) == (here.dev(), here.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file that is open keeps its name here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let held = Lock::take(&path).unwrap();
        assert!(held.is_some() && Lock::take(&path).unwrap().is_none());
        assert!(Lock::take(&folder.path().join("b")).unwrap().is_some());
        drop(held);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(Lock::take(&path).unwrap().is_some());
        assert!(matches!(Lock::take(&folder.path().join("no/a")), Err(FileError::NoFolder { .. })));
    }

    /// Threads that take it and give it back: never do two hold it, though its file comes and goes.
    #[test]
    fn it_comes_and_goes() {
        use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
        let folder = tempfile::tempdir().unwrap();
        let (path, holders) = (folder.path().join("a"), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        if let Some(lock) = Lock::take(&path).unwrap() {
                            assert_eq!(holders.fetch_add(1, SeqCst), 0);
                            holders.fetch_sub(1, SeqCst);
                            drop(lock);
                        }
                    }
                });
            }
        });
    }
}
