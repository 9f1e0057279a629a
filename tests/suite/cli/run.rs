//! How a line is run, and what lies in its folder.

use super::Check;
use crate::engines::program;
use libtest_mimic::Failed;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What lies in a case's folder before it.
pub(super) fn given(folder: &Path) -> Check {
    let files: [(&str, &[u8]); 9] = [
        ("good.csv", b"x,y\n1,2\n3,4\n"),
        ("text.csv", b"x,y\n1,2\n3,four\n"),
        ("ragged.csv", b"x,y\n1,2,3\n"),
        ("empty.csv", b""),
        ("header.csv", b"x,y\n"),
        ("bytes.csv", b"x,y\n1,\xff\n"),
        ("old.npy", b"old"),
        ("old.png", b"old"),
        ("folder.npy/inside", b"old"),
    ];
    fs::create_dir(folder.join("folder.npy"))?;
    Ok(files.iter().try_for_each(|(name, bytes)| fs::write(folder.join(name), bytes))?)
}

/// What standard input holds.
const STDIN: &[u8] = b"y,x\n6,5\n8,7\n";

/// The words of a line: split at blanks, but for those in `'...'`.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (k, part) in line.split('\'').enumerate() {
        match k % 2 {
            0 => words.extend(part.split(' ').filter(|word| !word.is_empty()).map(String::from)),
            _ => words.push(part.to_string()),
        }
    }
    words
}

pub(super) fn command(folder: &Path, line: &str) -> Command {
    let mut command = Command::new(program());
    let hidden = line.strip_prefix("NO_GPU=1 ");
    if hidden.is_some() {
        command.envs(["VK_DRIVER_FILES", "VK_ICD_FILENAMES"].map(|name| (name, "/nonexistent")));
    }
    command.args(words(hidden.unwrap_or(line))).current_dir(folder).env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits, but not for ever.
pub(super) fn wait(child: &mut Child) -> Result<ExitStatus, Failed> {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    Err("still running after a minute".into())
}

pub(super) struct Run {
    pub(super) code: Option<i32>,
    pub(super) out: Vec<u8>,
    pub(super) err: String,
}

pub(super) fn finish(mut child: Child) -> Result<Run, Failed> {
    if let Some(mut stdin) = child.stdin.take() {
        // Who does not read it closes it.
        let _ = stdin.write_all(STDIN);
    }
    let out = drain(child.stdout.take());
    let err = drain(child.stderr.take());
    let status = wait(&mut child)?;
    let err = String::from_utf8_lossy(&err.join().unwrap_or_default()).into_owned();
    Ok(Run { code: status.code(), out: out.join().unwrap_or_default(), err })
}

fn drain(stream: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}

pub(super) fn run(folder: &Path, line: &str) -> Result<Run, Failed> {
    finish(command(folder, line).spawn()?)
}

/// Runs a line that must succeed, and gives its standard output.
pub(super) fn output(folder: &Path, line: &str) -> Result<Vec<u8>, Failed> {
    let run = run(folder, line)?;
    if run.code != Some(0) {
        return Err(format!("{line}: exit {:?}\n{}", run.code, run.err).into());
    }
    Ok(run.out)
}

/// All files below a folder, with what they hold.
pub(super) fn listing(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failed> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.extend(listing(&path)?);
        } else {
            let bytes = fs::read(&path)?;
            all.insert(path, bytes);
        }
    }
    Ok(all)
}
