//! Runs that are stopped: by Ctrl-C or `kill`, by a reader that goes away, by input without an end.

use super::Check;
use super::run::{command, finish, given, listing, run, wait};
use crate::engines::ENGINES;
use libtest_mimic::Trial;
use std::fs;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command};
use std::time::{Duration, Instant};

pub(super) fn tests() -> Vec<Trial> {
    let runs = ENGINES.iter().find(|engine| engine.name == "gpu").is_some_and(|engine| engine.runs());
    let stop = |stop: &'static Stop| {
        Trial::test(format!("cli: interrupted: {}", stop.line), move || stop.check("-INT"))
            .with_ignored_flag(!cfg!(unix) || stop.line.contains("--device gpu") && !runs)
    };
    let others = [
        Trial::test("cli: terminated", || STOPS[0].check("-TERM")).with_ignored_flag(!cfg!(unix)),
        Trial::test("cli: interrupted twice", interrupted_twice).with_ignored_flag(!cfg!(unix)),
        Trial::test("cli: a reader that goes away", closed_reader),
        Trial::test("cli: a line without an end", endless_line).with_ignored_flag(!cfg!(unix)),
    ];
    STOPS.iter().map(stop).chain(others).collect()
}

/// What standard input does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stdin {
    Closed,
    /// Stays open; nobody types.
    Silent,
    /// Rows without an end.
    Endless,
}

/// A long run; its standard output is a pipe that nobody reads before the end.
struct Stop {
    line: &'static str,
    stdin: Stdin,
    /// How long it has been running when the signal comes, in milliseconds.
    after: u64,
}

const fn stop(line: &'static str) -> Stop {
    Stop { line, stdin: Stdin::Closed, after: 300 }
}

/// Dear functions where a run must still be on its way when the signal comes, on a fast machine too.
const STOPS: &[Stop] = &[
    stop("descend x^2+y^2 --starts 9999 --steps 1000000000000 -o a.npz --device cpu"),
    stop("field gamma(2+sin(x*y))*lgamma(3+cos(x*y))*erf(x*y) --size 15000 -o old.npy --device cpu"),
    stop("plot gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --bare --size 100000 -o old.png --device cpu"),
    stop("plot gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --tiles new --size 60000 --device cpu"),
    Stop { line: "plot x+y --tiles new --size 200000 --device cpu", stdin: Stdin::Closed, after: 1500 },
    stop("verify gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --size 9000 --device cpu"),
    stop("bench gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --device cpu"),
    stop("plot gamma(2+sin(a*x*y)) --set a=1:2:9000frames --size 900 -o new.gif --device cpu"),
    stop("descend sin(x)*y^2 --starts 5 --steps 20000 --frames 9000 --size 900 -o new.apng --device cpu"),
    // A table being written, a pipe that nobody empties, random starts.
    Stop { line: "field x+y --size 4000 -o old.csv --device cpu", stdin: Stdin::Closed, after: 700 },
    stop("field x+y --size 2000 -o - --format npz --device cpu"),
    Stop {
        line: "descend x --starts 50000000 --steps 1000000000 -o a.npz --device cpu",
        stdin: Stdin::Closed,
        after: 100,
    },
    // Points that nobody types, and too many of them.
    Stop { line: "eval x --points - -o a.csv", stdin: Stdin::Silent, after: 100 },
    Stop { line: "eval x --points - -o a.csv --device cpu", stdin: Stdin::Endless, after: 300 },
    stop("descend x^2+y^2 --starts 9999 --steps 1000000000 -o a.npz --device gpu"),
    stop("field gamma(2+sin(x*y))*lgamma(3+cos(x*y))*erf(x*y) --size 8000 -o old.npy --device gpu"),
    stop("plot gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --bare --size 100000 -o old.png --device gpu"),
    stop("verify gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --size 6000 --device gpu"),
    // A shader that a driver compiles for seconds, in one call.
    stop("field sum(i,1,1000,sin(i*x+y)) --size 2 -o old.npy --device gpu"),
];

impl Stop {
    fn check(&self, signal: &str) -> Check {
        let folder = tempfile::tempdir()?;
        given(folder.path())?;
        let before = listing(folder.path())?;
        let mut child = command(folder.path(), self.line).spawn()?;
        let stdin = child.stdin.take();
        let feeder = feed(self.stdin, stdin);
        listening(&mut child)?;
        std::thread::sleep(Duration::from_millis(self.after));
        if child.try_wait()?.is_some() {
            return Err(format!("{}: over before the signal came", self.line).into());
        }
        send(&child, signal)?;
        let sent = Instant::now();
        wait(&mut child)?;
        // A second is meant; what would have run on is what this tells, so a busy machine gets more.
        assert!(sent.elapsed() < Duration::from_secs(20), "{}: it took {:?}", self.line, sent.elapsed());
        drop(feeder);
        let run = finish(child)?;
        let said = run.err.matches("gradfield: interrupted; no file was written\n").count();
        assert!(run.code == Some(130) && said == 1, "{} {signal}: {:?} {}", self.line, run.code, run.err);
        assert!(before == listing(folder.path())?, "{} {signal}: the folder is not as before", self.line);
        Ok(())
    }
}

/// Holds standard input open, or fills it until nobody reads.
fn feed(how: Stdin, stdin: Option<ChildStdin>) -> Option<ChildStdin> {
    match (how, stdin) {
        (Stdin::Silent, stdin) => stdin,
        (Stdin::Endless, Some(mut stdin)) => {
            std::thread::spawn(move || {
                let rows = "0.25\n".repeat(1 << 14);
                let mut alive = stdin.write_all(b"x\n").is_ok();
                while alive {
                    alive = stdin.write_all(rows.as_bytes()).is_ok();
                }
            });
            None
        }
        _ => None,
    }
}

/// Waits until the program has set its handler.
fn listening(child: &mut Child) -> Check {
    if !cfg!(target_os = "linux") {
        std::thread::sleep(Duration::from_millis(500));
        return Ok(());
    }
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        // Signal 2 is the second bit.
        if caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 != 0) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Err("no handler was set".into())
}

fn send(child: &Child, signal: &str) -> Check {
    Command::new("kill").args([signal, &child.id().to_string()]).status()?;
    Ok(())
}

/// The second Ctrl-C does not wait.
fn interrupted_twice() -> Check {
    let folder = tempfile::tempdir()?;
    let mut child = command(folder.path(), "eval x --points - -o a.csv").spawn()?;
    let stdin = child.stdin.take();
    listening(&mut child)?;
    send(&child, "-INT")?;
    send(&child, "-INT")?;
    wait(&mut child)?;
    drop(stdin);
    let run = finish(child)?;
    assert!(run.code == Some(130) && listing(folder.path())?.is_empty(), "{:?} {}", run.code, run.err);
    Ok(())
}

/// Whoever runs `| head -1` wants no more, and no complaint.
fn closed_reader() -> Check {
    let folder = tempfile::tempdir()?;
    for line in [
        "grad x",
        "field x+y --size 1000 -o - --format csv",
        "field x+y --size 1000 -o - --format npz",
        "descend x^2 --starts 9999 --quiet",
        "plot exp(x)y --bare --size 3000 -o - --quiet",
    ] {
        let mut child = command(folder.path(), line).spawn()?;
        let mut start = [0; 1];
        if let Some(mut out) = child.stdout.take() {
            out.read_exact(&mut start)?;
        }
        let run = finish(child)?;
        assert!(run.code == Some(0) && run.err.is_empty(), "{line}: {:?} {}", run.code, run.err);
    }
    Ok(())
}

/// A device that gives bytes for ever is no table.
fn endless_line() -> Check {
    let folder = tempfile::tempdir()?;
    for line in ["eval x --points /dev/zero -o a.csv", "descend x --points /dev/zero -o a.csv"] {
        let run = run(folder.path(), line)?;
        let told = run.err.contains("/dev/zero, line 1: longer than 16 MiB") && run.err.lines().count() == 1;
        assert!(run.code == Some(2) && told && listing(folder.path())?.is_empty(), "{:?} {}", run.code, run.err);
    }
    Ok(())
}
