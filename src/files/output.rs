//! Where a result goes: a file that appears only when it is whole, a device, or standard output.
//!
//! Flows in: bytes from a writer of this folder. Flows out: a file. Open it *before* the long run, so that a wrong
//! folder costs no minutes, and call [`Output::finish`] at the end. After Ctrl-C every write fails, and [`abandon`]
//! removes what is unfinished for a program that cannot unwind.

use super::error::{FileError, is_standard};
use crate::backend::check_interrupt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;
use tempfile::NamedTempFile;

/// Bytes gathered before they are handed to the system; larger pieces go there without being copied.
const BUFFER: usize = 1 << 18;

/// Bytes written at once: Ctrl-C is heard between.
const PIECE: usize = 1 << 24;

/// The passing files and folders that exist, by name. It is held while one of them comes to be or is renamed.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

pub(super) fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every unfinished file and folder, for a program that is about to end without unwinding. From then on no file comes to
/// be and none is finished: a thread that tries waits for the end.
pub fn abandon() {
    for _ in 0..20 {
        let names = match UNFINISHED.try_lock() {
            Ok(names) => names,
            Err(TryLockError::Poisoned(names)) => names.into_inner(),
            // Renaming takes no time, unless the disk hangs, and then nothing helps.
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(Duration::from_millis(5));
                continue;
            }
        };
        for name in names.iter() {
            if name.is_dir() {
                remove_folder(name);
            } else {
                let _ = fs::remove_file(name);
            }
        }
        std::mem::forget(names);
        return;
    }
}

/// Removes a folder to which another thread may be adding its last file.
pub(super) fn remove_folder(folder: &Path) {
    for _ in 0..50 {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => std::thread::sleep(Duration::from_millis(2)),
            _ => return,
        }
    }
}

/// A file being written.
///
/// A regular file is written under a passing name in its own folder and renamed by [`finish`](Output::finish);
/// dropped before that, it leaves nothing behind and what stood under the name stays as it was. A file that is
/// replaced keeps its permissions, a symbolic link keeps pointing. Devices and pipes (`/dev/null`, a fifo) are
/// written straight to, and so is standard output, `-`.
///
/// The [`io::Error`]s of its [`Write`] hold a [`FileError`] with the name in it; `?` takes that out. After
/// [`interrupt`](crate::backend::interrupt) that is [`FileError::Interrupted`].
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    sink: BufWriter<Sink>,
}

#[derive(Debug)]
enum Sink {
    Passing(Passing),
    Direct(File),
    Stdout(Stdout),
}

/// A passing file, and the name that it will get; none once it has it.
#[derive(Debug)]
struct Passing {
    file: Option<NamedTempFile>,
    target: PathBuf,
}

impl Passing {
    /// Gives the file its name.
    fn persist(mut self) -> io::Result<()> {
        let mut names = unfinished();
        let Some(file) = self.file.take() else { return Ok(()) };
        names.retain(|name| name != file.path());
        file.persist(&self.target).map(drop).map_err(|error| error.error)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(bytes.len()), |file| file.as_file_mut().write(bytes))
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            unfinished().retain(|name| name != file.path());
        }
    }
}

impl Output {
    /// Opens `path` for writing; `-` is standard output.
    ///
    /// # Errors
    /// - [`FileError::NoFolder`] if the folder does not exist;
    /// - [`FileError::IsFolder`] if `path` is a folder;
    /// - [`FileError::Write`] if a file of that name exists and may not be written, or its folder may not.
    pub fn create(path: &Path) -> Result<Output, FileError> {
        let sink = if is_standard(path) { Sink::Stdout(io::stdout()) } else { open(path)? };
        Ok(Output { path: path.to_path_buf(), sink: BufWriter::with_capacity(BUFFER, sink) })
    }

    /// The name it was opened under.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Forces what was written so far onto the disk, so that after a loss of power too the file is the old one or the new.
    ///
    /// # Errors
    /// - As [`Output::finish`].
    pub fn sync(&mut self) -> Result<(), FileError> {
        self.flush()?;
        match self.sink.get_ref() {
            Sink::Passing(Passing { file: Some(file), .. }) => {
                file.as_file().sync_all().map_err(|source| FileError::write(&self.path, source))
            }
            _ => Ok(()),
        }
    }

    /// Writes what is still buffered and gives the file its name. It is not forced onto the disk; [`Output::sync`] does that.
    ///
    /// # Errors
    /// - [`FileError::DiskFull`], [`FileError::BrokenPipe`], [`FileError::Write`] or [`FileError::Interrupted`]; no file
    ///   is left then.
    pub fn finish(self) -> Result<(), FileError> {
        check_interrupt().map_err(|_| FileError::Interrupted)?;
        let path = self.path;
        let failed = |source| FileError::write(&path, source);
        match self.sink.into_inner().map_err(|error| failed(error.into_error()))? {
            Sink::Passing(file) => file.persist().map_err(failed)?,
            Sink::Direct(mut file) => file.flush().map_err(failed)?,
            Sink::Stdout(mut out) => out.flush().map_err(failed)?,
        }
        Ok(())
    }

    fn named(&self, source: io::Error) -> io::Error {
        io::Error::new(source.kind(), FileError::write(&self.path, source))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Not of the kind `Interrupted`, upon which `write_all` tries again.
        check_interrupt().map_err(|_| io::Error::other(FileError::Interrupted))?;
        self.sink.write(&bytes[..bytes.len().min(PIECE)]).map_err(|source| self.named(source))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush().map_err(|source| self.named(source))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Passing(file) => file.write(bytes),
            Sink::Direct(file) => file.write(bytes),
            Sink::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            // The system's own buffer needs none.
            Sink::Passing(_) => Ok(()),
            Sink::Direct(file) => file.flush(),
            Sink::Stdout(out) => out.flush(),
        }
    }
}

/// Opens what `path` stands for.
fn open(path: &Path) -> Result<Sink, FileError> {
    let failed = |source| FileError::write(path, source);
    let existing = match fs::metadata(path) {
        Ok(there) if there.is_dir() => return Err(FileError::IsFolder(path.to_path_buf())),
        Ok(there) => {
            // Opening tells whether the file may be written; nothing is cut off.
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            if !there.is_file() {
                return Ok(Sink::Direct(file));
            }
            Some(there)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    let target = if existing.is_some() { fs::canonicalize(path).map_err(failed)? } else { path.to_path_buf() };
    let mut names = unfinished();
    let file = passing_file(path, &target)?;
    names.push(file.path().to_path_buf());
    if let Some(there) = existing {
        // Where a file system has no permissions to set, there are none to keep.
        let _ = file.as_file().set_permissions(there.permissions());
    }
    Ok(Sink::Passing(Passing { file: Some(file), target }))
}

/// A new file beside `target`, with the permissions that any new file gets.
fn passing_file(path: &Path, target: &Path) -> Result<NamedTempFile, FileError> {
    let folder = folder_of(target);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".gradfield-").suffix(".part");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|source| not_made(path, folder, source))
}

/// Opens the file `name`, which belongs to `path`, and makes it if it is not there.
pub(super) fn open_beside(path: &Path, name: &Path) -> Result<File, FileError> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).open(name);
    made.map_err(|source| not_made(path, folder_of(name), source))
}

fn folder_of(name: &Path) -> &Path {
    name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Why no file could be made in a folder.
fn not_made(path: &Path, folder: &Path, source: io::Error) -> FileError {
    match source.kind() {
        ErrorKind::NotFound if !folder.is_dir() => {
            FileError::NoFolder { path: path.to_path_buf(), folder: folder.to_path_buf() }
        }
        _ => FileError::write(path, source),
    }
}
