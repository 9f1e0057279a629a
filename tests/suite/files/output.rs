//! Where files appear: whole or not at all.

use super::{folder, listing};
use gradfield::files::*;
use gradfield::points::Values;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

pub(super) fn output_whole() {
    let folder = folder();
    let path = folder.path().join("f.csv");
    let mut dropped = Output::create(&path).expect("an output");
    dropped.write_all(&[b'x'; 1 << 20]).expect("room");
    assert!(!path.exists(), "not there before it is whole");
    drop(dropped);
    assert_eq!(listing(folder.path()), [] as [PathBuf; 0], "nothing left behind");

    let mut whole = Output::create(&path).expect("an output");
    whole.write_all(b"new").expect("room");
    assert_eq!(whole.path(), path);
    whole.finish().expect("a file");
    assert_eq!(fs::read(&path).expect("a file"), b"new");

    let mut dropped = Output::create(&path).expect("an output");
    dropped.write_all(b"newer").expect("room");
    drop(dropped);
    assert_eq!(fs::read(&path).expect("a file"), b"new", "kept on failure");
    assert_eq!(listing(folder.path()), [path]);
}

#[cfg(unix)]
pub(super) fn output_keeps() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = folder();
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let write = |path: &Path| {
        let mut out = Output::create(path).expect("an output");
        out.write_all(b"new").and_then(|()| out.flush()).expect("room");
        out.finish().expect("a file");
    };
    let (ours, usual, link) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    fs::write(&usual, "old").expect("a file");
    write(&ours);
    assert_eq!(mode(&ours), mode(&usual), "as any new file under this umask");
    fs::set_permissions(&usual, PermissionsExt::from_mode(0o640)).expect("permissions");
    symlink("b", &link).expect("a link");
    write(&link);
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink(), "still a link");
    assert_eq!((fs::read(&usual).expect("a file"), mode(&usual)), (b"new".to_vec(), 0o640));
}

#[cfg(not(unix))]
pub(super) fn output_keeps() {}

pub(super) fn folder_whole() {
    let folder = folder();
    let path = folder.path().join("tiles");
    let begin = || {
        let made = Folder::create(&path).expect("a folder");
        made.folder(Path::new("a/b")).expect("room");
        made.write(Path::new("a/b/c.png"), b"new").expect("room");
        made
    };
    let dropped = begin();
    assert!(!path.exists() && listing(folder.path()).len() == 1, "not there before it is whole");
    drop(dropped);
    assert_eq!(listing(folder.path()), [] as [PathBuf; 0], "nothing left behind");
    let made = begin();
    made.finish().expect("a folder");
    assert_eq!(fs::read(path.join("a/b/c.png")).expect("a file"), b"new");
    assert_eq!(listing(folder.path()), std::slice::from_ref(&path));
    // An empty folder gives way.
    fs::remove_dir_all(&path).expect("a folder");
    fs::create_dir(&path).expect("room");
    begin().finish().expect("a folder");
    assert_eq!(listing(&path), [path.join("a")]);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let usual = folder.path().join("usual");
        fs::create_dir(&usual).expect("room");
        let mode = |path: &Path| fs::metadata(path).expect("a folder").permissions().mode() & 0o777;
        assert_eq!(mode(&path), mode(&usual), "as any new folder under this umask");
    }
}

pub(super) fn bad_folders() {
    let folder = folder();
    let inside = folder.path().display().to_string();
    let message =
        |path: &Path| Folder::create(path).map(drop).map_err(|error| error.to_string().replace(&inside, "DIR"));
    let file = folder.path().join("file");
    fs::write(&file, "old").expect("a file");
    let fault = |path: &Path, text: &str| assert_eq!(message(path), Err(text.to_owned()));
    fault(folder.path(), "cannot write DIR: the folder is not empty; name a new one, or empty it");
    fault(&file, "cannot write DIR/file: it is a file; name a new folder");
    let no_folder = "cannot write DIR/no/tiles: there is no folder DIR/no; make it (mkdir -p), or write elsewhere";
    fault(&folder.path().join("no/tiles"), no_folder);
    assert!(message(&file.join("tiles")).is_err());
    assert_eq!(listing(folder.path()), [file], "nothing left behind");
}

pub(super) fn bad_outputs() {
    let folder = folder();
    let inside = folder.path().display().to_string();
    let message = |path: &Path| {
        let mut out = Output::create(path).map_err(|error| error.to_string().replace(&inside, "DIR"))?;
        let written = write_json(&mut out, &"x".repeat(1 << 19)).and_then(|()| out.finish());
        written.map_err(|error| error.to_string())
    };
    let no_folder = "cannot write DIR/no/f.npy: there is no folder DIR/no; make it (mkdir -p), or write elsewhere";
    assert_eq!(message(&folder.path().join("no/f.npy")), Err(no_folder.to_owned()));
    let is_folder = "cannot write DIR: it is a folder; name a file in it, such as DIR/field.npy";
    assert_eq!(message(folder.path()), Err(is_folder.to_owned()));
    let below_file = folder.path().join("file");
    fs::write(&below_file, "old").expect("a file");
    let error = message(&below_file.join("f.npy")).expect_err("a folder that is a file");
    assert!(error.starts_with("cannot write DIR/file/f.npy: "), "{error}");
    if cfg!(target_os = "linux") {
        assert_eq!(message(Path::new("/dev/null")), Ok(()));
        let full = "cannot write /dev/full: no space is left there; free some, or write to another disk".to_owned();
        assert_eq!(message(Path::new("/dev/full")), Err(full.clone()));
        let mut short = Output::create(Path::new("/dev/full")).expect("an output");
        short.write_all(b"fits the buffer").expect("buffered");
        assert_eq!(short.finish().map_err(|error| error.to_string()), Err(full));
    }
    assert_eq!(listing(folder.path()), std::slice::from_ref(&below_file), "nothing left behind");
    assert_eq!(fs::read(&below_file).expect("a file"), b"old");
}

#[cfg(target_os = "linux")]
pub(super) fn broken_pipe() {
    use std::os::fd::AsRawFd;
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let path = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    let mut out = Output::create(&path).expect("an output");
    drop(reader);
    let error = write_npy(&mut out, &[1 << 17], &Values::F64(vec![0.0; 1 << 17])).expect_err("a closed pipe");
    assert!(error.is_broken_pipe() && !error.is_data(), "{error:?}");
    assert_eq!(error.to_string(), format!("cannot write {}: its reader closed it", path.display()));
}

#[cfg(not(target_os = "linux"))]
pub(super) fn broken_pipe() {}

pub(super) fn formats() {
    use Format::*;
    let all = Format::ALL;
    let ok: [(&str, Option<Format>, Format); 5] = [
        ("a.npy", None, Npy),
        ("b/c.NPZ", None, Npz),
        ("-", Some(Csv), Csv),
        ("a.npy", Some(Png), Png),
        ("x", Some(Json), Json),
    ];
    for (path, given, format) in ok {
        assert_eq!(Format::of(Path::new(path), given, &all).ok(), Some(format), "{path}");
    }
    let bad: [(&str, Option<Format>, &[Format], &str); 4] = [
        ("-", None, &[Csv, Json], "standard output has no ending that names a format; add --format csv|json"),
        (
            "a.txt",
            None,
            &[Npy, Csv],
            "cannot write a.txt: the ending `.txt` is no format here; use .npy .csv, or add --format npy|csv",
        ),
        (
            "field",
            None,
            &[Png],
            "cannot write field: a name without an ending is no format here; use .png, or add --format png",
        ),
        (
            "a.csv",
            None,
            &[Png],
            "cannot write a.csv: the ending `.csv` is no format here; use .png, or add --format png",
        ),
    ];
    for (path, given, allowed, message) in bad {
        let error = Format::of(Path::new(path), given, allowed).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}
