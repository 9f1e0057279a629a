//! Checkpoints of `minimize`: what is done, in a file, so that a run that was ended goes on as if it had not been.
//!
//! Flows in: the task's [`Identity`], and [`State`] at the borders of batches. Flows out: a file that is whole at any
//! moment, whatever ends the program, and the state that it held. Its first line has a sum over the rest, so that no
//! damage passes.

use super::gathered::Gathered;
use super::records::{Run, Shards, differs};
use super::task::digest;
use crate::cli::{Failure, stop};
use gradfield::descent::{Basins, Ends, Status};
use gradfield::files::{FileError, Lock, Output};
use gradfield::{Precision, Values};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How a checkpoint begins; the number is that of its format.
const HEAD: &str = "gradfield checkpoint 1 ";
/// Time between two, and how many times as long as it takes to write one.
const EVERY: Duration = Duration::from_secs(3);
const SHARE: u32 = 20;
/// Sets the former in seconds, for tests.
const VARIABLE: &str = "GRADFIELD_CHECKPOINT";

/// Where a run stands.
pub(super) struct State {
    pub(super) basins: Basins,
    /// All ends, where they are to be written.
    pub(super) kept: Option<Vec<Ends>>,
    /// The first particle that is still to run.
    pub(super) done: u64,
    /// Of all its sessions together.
    pub(super) elapsed: Duration,
}

/// What makes a run the one that it is: all that its result depends on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) gradfield: String,
    #[serde(flatten)]
    pub(super) run: Run,
    pub(super) shards: Option<Shards>,
    pub(super) device: String,
    pub(super) fast_math: bool,
    pub(super) target: Option<f64>,
    pub(super) until_covered: Option<f64>,
    /// Whether all ends are kept, as a .npz needs them.
    pub(super) ends: bool,
}

/// The file, below its first line.
#[derive(Serialize, Deserialize)]
struct Record {
    task: Identity,
    done: u64,
    seconds: f64,
    gathered: Gathered,
    ends: Option<Vec<EndsRecord>>,
}

/// A batch, every number as its bits: an end may be infinite or none, which JSON does not know.
#[derive(Serialize, Deserialize)]
struct EndsRecord {
    first: u64,
    positions: Vec<Vec<u64>>,
    values: Vec<u64>,
    statuses: Vec<u32>,
    steps: Vec<u32>,
}

/// A checkpoint's file.
pub(super) struct Checkpoint {
    path: PathBuf,
    identity: Identity,
    every: Duration,
    due: Instant,
    _lock: Lock,
}

impl Checkpoint {
    /// Refuses, before the run, a name under which nothing can be kept, or the result is to stand, or another run keeps
    /// what it has done.
    pub(super) fn new(path: &Path, output: &Path, identity: Identity) -> Result<Checkpoint, Failure> {
        let refuse = |why: &str| Err(Failure::usage(format!("--checkpoint {}: {why}", path.display())));
        if path.as_os_str() == "-" {
            return refuse("it is read again, so it must be a file; name one");
        }
        if place(path) == place(output) {
            return refuse("the result is to be written there (-o); name another file");
        }
        if fs::metadata(path).is_ok_and(|there| !there.is_dir() && !there.is_file()) {
            return refuse("it is no file but a device or a pipe; name a file");
        }
        // Opened and thrown away: whether it can be written is told now.
        drop(Output::create(path)?);
        let Some(lock) = Lock::take(path)? else {
            return Err(Failure::Run(format!(
                "--checkpoint {}: another run is using it now; wait for its end, or name another file",
                path.display()
            )));
        };
        let seconds = std::env::var(VARIABLE).ok().and_then(|text| text.parse().ok());
        let every = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(EVERY);
        Ok(Checkpoint { path: path.to_path_buf(), identity, every, due: Instant::now() + every, _lock: lock })
    }

    /// The state that the file holds; none where there is no file.
    pub(super) fn read(&self, empty: Basins, precision: Precision, all: Range<u64>) -> Result<Option<State>, Failure> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FileError::Read { path: self.path.clone(), source }.into()),
        };
        let record = self.record(&bytes)?;
        if let Some((what, there, here)) = differs(&record.task, &self.identity) {
            return Err(self.wrong(&format!(
                "it is of another run: `{what}` is {there} there and {here} here; give the flags of that run, or name \
                 another file"
            )));
        }
        let state = record.state(empty, precision, all);
        state.map(Some).map_err(|why| self.wrong(&format!("{why}; remove it to begin anew")))
    }

    fn wrong(&self, why: &str) -> Failure {
        Failure::usage(format!("--checkpoint {}: {why}", self.path.display()))
    }

    fn record(&self, bytes: &[u8]) -> Result<Record, Failure> {
        let head = bytes.split(|byte| *byte == b'\n').next().unwrap_or(bytes);
        let rest = bytes.get(head.len() + 1..).unwrap_or(&[]);
        let Some(sum) = head.strip_prefix(HEAD.as_bytes()) else {
            return Err(self.wrong("it is no checkpoint of this version of gradfield; name another file"));
        };
        if sum != digest(rest.iter().copied()).as_bytes() {
            return Err(self.wrong("it is damaged; remove it to begin anew"));
        }
        serde_json::from_slice(rest)
            .map_err(|error| self.wrong(&format!("it cannot be read ({error}); remove it to begin anew")))
    }

    /// Writes the state if it is time. A disk that is full ends no run: the last checkpoint stays.
    pub(super) fn keep(&mut self, state: &State) -> Result<(), Failure> {
        let begin = Instant::now();
        if begin < self.due {
            return Ok(());
        }
        match self.write(state) {
            Ok(()) => {
                let done: u64 = state.basins.particles();
                stop::kept(format!(
                    "{} holds {done} starts, and the same command goes on from there",
                    self.path.display()
                ));
            }
            Err(FileError::Interrupted) => return Err(Failure::Interrupted),
            Err(error) => eprintln!("gradfield: {error}; the run goes on, and what the last checkpoint holds stays"),
        }
        self.due = Instant::now() + self.every.max(SHARE * begin.elapsed());
        Ok(())
    }

    fn write(&self, state: &State) -> Result<(), FileError> {
        let record = Record {
            task: self.identity.clone(),
            done: state.done,
            seconds: state.elapsed.as_secs_f64(),
            gathered: Gathered::of(&state.basins),
            ends: state.kept.as_ref().map(|kept| kept.iter().map(EndsRecord::of).collect()),
        };
        let unfit = |error| FileError::Unfit(format!("cannot write {}: {error}", self.path.display()));
        let body = serde_json::to_vec(&record).map_err(unfit)?;
        let mut out = Output::create(&self.path)?;
        writeln!(out, "{HEAD}{}", digest(body.iter().copied()))?;
        out.write_all(&body)?;
        out.sync()?;
        out.finish()
    }

    /// The result is written: nothing is left to go on with.
    pub(super) fn remove(self) {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                eprintln!("gradfield: cannot remove {}: {error}; it is of no further use", self.path.display());
            }
            _ => {}
        }
    }
}

/// A name as the system knows it, also where there is no file yet.
fn place(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::canonicalize(path).ok().or_else(|| Some(fs::canonicalize(folder).ok()?.join(path.file_name()?)))
}

impl Record {
    fn state(self, mut basins: Basins, precision: Precision, all: Range<u64>) -> Result<State, String> {
        let ran = all.start..self.done.clamp(all.start, all.end);
        self.gathered.add_to(&mut basins, std::slice::from_ref(&ran))?;
        let variables = basins.sides().len();
        let kept: Option<Vec<Ends>> =
            self.ends.map(|batches| batches.into_iter().map(|batch| batch.ends(precision)).collect());
        let ends = kept.iter().flatten().map(|ends| ends.len() as u64).sum::<u64>();
        let whole = |ends: &Ends| {
            let mut columns = ends.positions.iter().chain([&ends.values]).map(Values::len);
            ends.positions.len() == variables && ends.steps.len() == ends.len() && columns.all(|len| len == ends.len())
        };
        if kept.is_some() && ends != ran.end - ran.start || !kept.iter().flatten().all(whole) {
            return Err("its ends are not those of its starts".to_string());
        }
        let elapsed = Duration::try_from_secs_f64(self.seconds).map_err(|error| error.to_string())?;
        Ok(State { basins, kept, done: ran.end, elapsed })
    }
}

impl EndsRecord {
    fn of(ends: &Ends) -> EndsRecord {
        EndsRecord {
            first: ends.first,
            positions: ends.positions.iter().map(bits).collect(),
            values: bits(&ends.values),
            statuses: ends.statuses.iter().map(|status| *status as u32).collect(),
            steps: ends.steps.clone(),
        }
    }

    fn ends(self, precision: Precision) -> Ends {
        Ends {
            first: self.first,
            positions: self.positions.iter().map(|bits| values(bits, precision)).collect(),
            values: values(&self.values, precision),
            statuses: self.statuses.into_iter().map(Status::of).collect(),
            steps: self.steps,
        }
    }
}

fn bits(values: &Values) -> Vec<u64> {
    match values {
        Values::F32(values) => values.iter().map(|value| u64::from(value.to_bits())).collect(),
        Values::F64(values) => values.iter().map(|value| value.to_bits()).collect(),
    }
}

fn values(bits: &[u64], precision: Precision) -> Values {
    match precision {
        Precision::F32 => Values::F32(bits.iter().map(|bits| f32::from_bits(*bits as u32)).collect()),
        Precision::F64 => Values::F64(bits.iter().map(|bits| f64::from_bits(*bits)).collect()),
    }
}
