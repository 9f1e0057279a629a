//! `minimize` that ends early, and that goes on: what stopped is what so many starts give, and a run that was killed and
//! taken up again gives the bytes of one that was not.

use super::run::{Run, command, finish, listing, output, run};
use super::{Check, Test, trial};
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

pub(super) fn tests() -> Vec<Trial> {
    let tests: [Test; 9] = [
        ("a target", target),
        ("a share that is covered", covered),
        ("a time", time),
        ("what did not come about is told", not_reached),
        ("killed and taken up again, the same bytes", killed),
        ("interrupted, what is kept is told", interrupted),
        ("a checkpoint of another run", another),
        ("a damaged checkpoint", damaged),
        ("a checkpoint that another run uses", used),
    ];
    tests.into_iter().map(|(name, test)| trial(&format!("minimize: {name}"), test)).collect()
}

const HIMMELBLAU: &str = "minimize (x^2+y-11)^2+(x+y^2-7)^2 --range -6:6 --device cpu";
const RASTRIGIN: &str = "minimize 20+x^2-10cos(2pi*x)+y^2-10cos(2pi*y) --range -5:5 --device cpu";

/// The report of a run.
fn report(at: &Path, line: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&output(at, &format!("{line} --format json"))?)?)
}

/// Starts after which a line stops, and why; the table is that of so many starts.
fn stopped(at: &Path, function: &str, flags: &str) -> Result<(u64, String), Failed> {
    let all = report(at, &format!("{function} {flags} --quiet"))?;
    let starts = all["stops"]["starts"].as_u64().ok_or("starts")?;
    let counts = all["status"].as_object().ok_or("status")?.values().filter_map(Value::as_u64);
    assert_eq!(counts.sum::<u64>(), starts, "{flags}");
    let part = report(at, &format!("{function} --starts {starts} --quiet"))?;
    for name in ["minima", "status", "evaluations", "unseen"] {
        assert_eq!(all[name], part[name], "{flags}: `{name}` of {starts} starts");
    }
    assert!(part["stops"].is_null() && part["starts"] == starts);
    Ok((starts, all["stops"]["stopped"].as_str().unwrap_or("nothing").to_string()))
}

fn target() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    // A start finds any minimum at once, the lowest of 121 by chance alone.
    let (few, why) = stopped(at, RASTRIGIN, "--target 1e-9 --starts 9000")?;
    assert!(why == "target" && (2..4000).contains(&few), "{few} {why}");
    for flags in ["--threads 1", "--threads 2 --seconds 60", "--until-covered 0.9999999"] {
        assert_eq!(stopped(at, RASTRIGIN, &format!("--target 1e-9 {flags}"))?, (few, why.clone()), "{flags}");
    }
    let before = stopped(at, RASTRIGIN, &format!("--target 1e-9 --starts {}", few - 1))?;
    assert_eq!(before, (few - 1, "nothing".to_string()), "a start before it was as low");
    let highest = "minimize sin(x)cos(y) --maximize --range -3:3 --device cpu";
    assert_eq!(stopped(at, highest, "--target 0.5")?.1, "target");
    let found = run(at, &format!("{RASTRIGIN} --target 1e-9 --starts 9000"))?;
    let told = format!("stopped after {few} of 9000 starts: the target of 1e-9 was reached\n");
    assert!(found.err.contains(&told), "{}", found.err);
    Ok(())
}

fn covered() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let (starts, why) = stopped(at, HIMMELBLAU, "--until-covered 0.99")?;
    assert!(starts == 1000 && why == "covered", "{starts} {why}");
    // Only so many starts without news show that fewer than 1 in 10000 has some.
    let (starts, why) = stopped(at, HIMMELBLAU, "--until-covered 0.9999")?;
    assert!((10_000..12_501).contains(&starts) && why == "covered", "{starts} {why}");
    let (starts, why) = stopped(at, RASTRIGIN, "--until-covered 0.999 --threads 1")?;
    assert!(starts > 1000 && why == "covered", "{starts} {why}");
    let unseen = report(at, &format!("{RASTRIGIN} --until-covered 0.999 --threads 2 --quiet"))?;
    assert!(unseen["stops"]["starts"] == starts && unseen["unseen"].as_f64() <= Some(0.001), "{}", unseen["stops"]);
    Ok(())
}

fn time() -> Check {
    let folder = tempfile::tempdir()?;
    for (function, seconds) in [(HIMMELBLAU, 0.3), (RASTRIGIN, 1.0)] {
        let begin = Instant::now();
        let all = report(folder.path(), &format!("{function} --seconds {seconds} --quiet"))?;
        let took = begin.elapsed().as_secs_f64();
        // All starts would take for ever; how late it ends is the machine's affair.
        assert!(took >= seconds, "{took} s of {seconds}");
        assert_eq!(all["stops"]["stopped"], "seconds", "{}", all["stops"]);
    }
    let (starts, why) = stopped(folder.path(), HIMMELBLAU, "--seconds 0.1 --sampling uniform")?;
    assert!(starts > 0 && why == "seconds", "{starts} {why}");
    let (starts, why) = stopped(folder.path(), HIMMELBLAU, "--seconds 600 --starts 5000")?;
    assert!(starts == 5000 && why == "nothing", "{starts} {why}");
    Ok(())
}

fn not_reached() -> Check {
    let folder = tempfile::tempdir()?;
    for (flags, told) in [
        ("--target -1 --starts 900", "the target of -1 was not reached"),
        ("--target 1e3 --maximize --bounds --starts 9", "stopped after 1 of 9 starts: the target of 1000 was reached"),
        // No start comes as low as Newton's method does after it.
        ("--target 0 --starts 200 --tol 1e-2", "the target of 0 was reached by polishing alone"),
        ("--until-covered 0.99999 --starts 900", "a share of 0.99999 was not reached; more --starts may"),
        ("--seconds 0.1", "starts: the time was up"),
    ] {
        let found = run(folder.path(), &format!("{HIMMELBLAU} {flags}"))?;
        assert!(found.code == Some(0) && found.err.contains(told), "{flags}: {}", found.err);
    }
    Ok(())
}

// ------------------------------------------------------------------------------------------------------- Checkpoints

/// Many small steps, by one thread, so that there is time to kill it.
const SLOW: &str =
    "--method gd --lr 3e-4 --steps 6000 --tol 1e-6 --starts 20000 --threads 1 --device cpu --checkpoint c";

/// Runs a line until it has written its checkpoint so many times; it is to be ended then.
fn on_its_way(at: &Path, line: &str, writes: usize) -> Result<Child, Failed> {
    let head = || fs::read(at.join("c")).ok().map(|bytes| bytes.into_iter().take(40).collect::<Vec<u8>>());
    let mut last = head();
    let mut child = command(at, line).env("GRADFIELD_CHECKPOINT", "0").spawn()?;
    drop(child.stdin.take());
    let (begin, mut seen) = (Instant::now(), 0);
    while seen < writes {
        std::thread::sleep(Duration::from_millis(1));
        let now = head();
        if now.is_some() && now != last {
            (last, seen) = (now, seen + 1);
        }
        if let Some(status) = child.try_wait()? {
            return Err(format!("{line}: over ({status}) before checkpoint {writes}").into());
        }
        if begin.elapsed() > Duration::from_secs(60) {
            child.kill()?;
            return Err(format!("{line}: no checkpoint {writes} in a minute").into());
        }
    }
    Ok(child)
}

/// Kills a line once it has written so many checkpoints.
fn kill(at: &Path, line: &str, writes: usize) -> Check {
    let mut child = on_its_way(at, line, writes)?;
    child.kill()?;
    finish(child)?;
    assert!(!at.join("out").exists(), "{line}: it had ended");
    Ok(())
}

/// The bytes of `out`, but for the time that it took.
fn bytes(at: &Path) -> Result<Vec<u8>, Failed> {
    let bytes = fs::read(at.join("out"))?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text.lines().filter(|line| !line.contains("  \"seconds\"")).collect::<Vec<_>>().join("\n").into(),
        Err(error) => error.into_bytes(),
    })
}

/// Functions with many minima, with none, with ends that are no numbers; formats, samplings, stops; all ends.
const KILLED: [(&str, &[usize]); 7] = [
    ("minimize x^4-3x^2+x+y^4-2y^2+sin(5x)*cos(3y) --format json", &[1, 1, 1]),
    ("minimize x^4-3x^2+x+y^4-2y^2+sin(5x)*cos(3y) --format npz --precision f32", &[1, 1]),
    ("minimize ln(x-1)^2+sqrt(y)+y^2 --range 0.5:3 --format npz --sampling sobol", &[1, 1]),
    ("minimize cos(5x)*sin(4y)-x^2/9 --maximize --bounds --range -4:4 --format csv --sampling lhs", &[1]),
    ("minimize (x^2+y-11)^2+(x+y^2-7)^2 --range -6:6 --format json --shard 2/3 --starts 60000", &[1, 1]),
    ("minimize (x^2+y-11)^2+(x+y^2-7)^2 --range -6:6 --format json --until-covered 0.9998 --starts 20000", &[1]),
    ("minimize x+y^2+cos(z) --format json --target -5e3", &[1, 1]),
];

fn killed() -> Check {
    for (line, kills) in KILLED {
        let folder = tempfile::tempdir()?;
        let at = folder.path();
        let slow = if line.contains("--starts") { SLOW.replace("--starts 20000 ", "") } else { SLOW.to_string() };
        let line = format!("{line} {slow} -o out");
        output(at, &line.replace("--checkpoint c", "--quiet"))?;
        let expected = bytes(at)?;
        assert!(expected.len() > 90, "{line}: nothing was found: {}", String::from_utf8_lossy(&expected));
        fs::remove_file(at.join("out"))?;
        kills.iter().try_for_each(|writes| kill(at, &line, *writes))?;
        let last = run(at, &line)?;
        assert!(last.code == Some(0), "{line}: {:?} {}", last.code, last.err);
        assert!(
            last.err.contains("note: c holds ") && last.err.contains("; the run goes on from there"),
            "{}",
            last.err
        );
        assert!(bytes(at)? == expected, "{line}: other bytes after {kills:?}");
        assert!(!at.join("c").exists(), "{line}: the checkpoint is still there");
    }
    Ok(())
}

fn interrupted() -> Check {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let line = format!("minimize x^4-3x^2+x+y^4-2y^2 {SLOW} -o out --format text");
    let child = on_its_way(at, &line, 1)?;
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
    let Run { code, err, .. } = finish(child)?;
    let told =
        err.contains("gradfield: interrupted; c holds ") && err.contains("the same command goes on from there\n");
    assert!(code == Some(130) && told, "{code:?} {err}");
    assert!(listing(at)?.keys().eq([&at.join("c")]), "{:?}", listing(at)?.keys());
    assert!(run(at, &line)?.err.contains("goes on from there"));
    Ok(())
}

fn another() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let line = format!("minimize x^4-3x^2+x+y^4-2y^2 {SLOW} -o out --format csv");
    kill(at, &line, 1)?;
    let before = fs::read(at.join("c"))?;
    let other = |from: &str, to: &str| line.replace(from, to);
    for (line, expected) in [
        (other("-o out", "-o out --seed 7"), "--checkpoint c: it is of another run: `seed` is 0 there and 7 here"),
        (other("x^4-3", "x^4-2"), "`expression` is "),
        (other("1e-6", "1e-7"), "`tolerance` is 1e-6 there and 1e-7 here"),
        (other("20000", "20001"), "`starts` is 20000 there and 20001 here"),
        (other("--lr 3e-4", "--lr 2e-4"), "`parameter"),
        (other("-o out", "-o out --target 1"), "`target` is null there and 1.0 here"),
        (other("-o out", "-o out --shard 1/2"), "`shards` is null there"),
        (other("csv", "npz"), "`ends` is false there and true here"),
    ] {
        let found = run(at, &line)?;
        assert!(found.code == Some(2) && found.err.contains(expected), "{line}: {:?} {}", found.code, found.err);
    }
    assert!(fs::read(at.join("c"))? == before, "the checkpoint is not as before");
    // Neither the threads nor the table's format are of the run.
    let same = run(at, &other("--threads 1", "--threads 2").replace("csv", "json"))?;
    assert!(same.code == Some(0) && same.err.contains("goes on from there"), "{}", same.err);
    Ok(())
}

fn damaged() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let line = format!("minimize x^4-3x^2+x+y^4-2y^2 {SLOW} -o out --format text");
    kill(at, &line, 1)?;
    let good = fs::read(at.join("c"))?;
    let refused = |bytes: &[u8], what: String| -> Check {
        fs::write(at.join("c"), bytes)?;
        let found = run(at, &line)?;
        let told = found.err.contains("gradfield: --checkpoint c: it is ") && found.err.lines().count() == 1;
        assert!(found.code == Some(2) && told, "{what}: {:?} {}", found.code, found.err);
        assert!(fs::read(at.join("c"))? == bytes, "{what}: it was written over");
        Ok(())
    };
    for end in (0..good.len()).step_by(good.len() / 17) {
        refused(&good[..end], format!("cut at {end}"))?;
    }
    for place in (0..good.len()).step_by(good.len() / 23) {
        let mut bad = good.clone();
        bad[place] ^= 1;
        refused(&bad, format!("byte {place}"))?;
    }
    refused(b"x,y\n1,2\n", "a table".to_string())
}

/// The second of two runs with one checkpoint is refused, and the first goes on; once that has ended, however it did, the
/// second goes on from there.
fn used() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let line = format!("minimize x^4-3x^2+x+y^4-2y^2 {SLOW} -o out --format text");
    let mut first = on_its_way(at, &line, 1)?;
    let told = "c: another run is using it now; wait for its end, or name another file\n";
    for line in [line.clone(), line.replace("--checkpoint c", "--checkpoint ./c"), line.replace("x^4", "2x^4")] {
        let second = run(at, &line)?;
        assert!(
            second.code == Some(1) && second.err.ends_with(told) && second.err.lines().count() == 1,
            "{:?} {}",
            second.code,
            second.err
        );
    }
    assert!(first.try_wait()?.is_none(), "the first run is over");
    first.kill()?;
    finish(first)?;
    let second = run(at, &line)?;
    assert!(second.code == Some(0) && second.err.contains("goes on from there"), "{:?} {}", second.code, second.err);
    // Of the lock nothing is left; the unfinished result of what was killed is.
    let left = listing(at)?;
    let locks = left.keys().filter(|name| name.extension().is_some_and(|ending| ending == "lock")).count();
    assert!(locks == 0 && left.contains_key(&at.join("out")), "{:?}", left.keys());
    Ok(())
}
