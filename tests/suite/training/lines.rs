//! The command line of `minimize --data`: what it refuses, what it says, what it writes.

use super::Check;
use crate::agree::require;
use crate::tables;
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::process::Output;

/// A line, exactly: y = 1 + 2 x.
const DATA: [(&str, &str); 4] = [
    ("line.csv", "x,y,word,p[1],p[2]\n0,1,u,0,1\n1,3,u,1,1\n2,5,v,2,1\n3,7,v,3,1\n"),
    ("holes.csv", "x,y\n0,1\n1,\n2,5\nthree,7\n4,9\n"),
    ("header.csv", "x,y\n"),
    ("fake.npz", "PK\u{3}\u{4}nonsense"),
];

/// Refused: the exit code is 2, nothing is on standard output, and the message has these words.
const BAD: [(&str, &[&str]); 30] = [
    ("minimize 'mean((y-a x)^2)' --data none.csv", &["cannot read none.csv"]),
    ("minimize 'mean((y-a x)^2)' --data header.csv", &["no rows"]),
    ("minimize 'mean((y-a x)^2)' --data fake.npz", &["not a .npz file"]),
    ("minimize 'mean((y-a x)^2)' --data holes.csv", &["line 3", "`y`", "--missing skip"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --missing drop", &["error, skip"]),
    ("minimize 'mean(x^2)'", &["unknown function `mean`", "--data"]),
    ("minimize 'mean(y-x)' --data line.csv", &["no weights"]),
    ("minimize 'a^2 + mean(x)' --data line.csv", &["no weights"]),
    ("minimize '(y-a)^2' --data line.csv", &["no mean(...) or sum(...)"]),
    ("minimize 'mean((y-a x)^2) + x' --data line.csv", &["`x` is a column"]),
    ("minimize 'mean((y - mean(a x))^2)' --data line.csv", &["stands in another"]),
    ("minimize 'mean((b-a)^2)' --data line.csv", &["uses no column", "x, y"]),
    ("minimize 'mean((word-a)^2)' --data line.csv", &["`word`", "`u`"]),
    ("minimize 'mean((y-a x)^2' --data line.csv", &["not closed"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --set b=2", &["--set b", "does not use"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --set b", &["--set b", "a name and a number"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --batch 0 --method adam", &["a batch of 0 rows", "from 1 to 4"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --batch 5 --method adam", &["a batch of 5 rows", "from 1 to 4"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --batch 2 --method bfgs", &["take a rule such as adam"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --method newton", &["second derivatives"]),
    (
        "minimize 'mean((y-a x)^2)' --data line.csv --method langevin --precision f32 --steps 8388608",
        &["8388608 steps", "8388607", "--precision f64"],
    ),
    ("minimize 'mean((y-a x)^2)' --data line.csv --shard 1/2", &["--shard goes without --data"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --checkpoint c", &["--checkpoint goes without --data"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --starts 0", &["0 starts"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --format npz", &["not .npz"]),
    ("minimize 'mean((y-f x)^2)' --data line.csv --format csv", &["rename"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --curve c.txt", &["--curve", ".csv nor a .png"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --predict 'b x' --picture p.png", &["`b` is neither a weight"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --predict 'a' --picture p.png", &["one or two columns", "0 (none)"]),
    ("minimize 'mean((y-a x)^2)' --data line.csv --predict 'a x' --picture p.jpg", &["p.jpg is no .png"]),
];

/// Taken: what standard output and standard error have somewhere.
const GOOD: [(&str, &[&str], &[&str]); 8] = [
    (
        "minimize 'mean((y - (a + b x))^2)' --data line.csv",
        &["status    converged", "a ", "b "],
        &["4 rows, 2 weights, 1 start by bfgs"],
    ),
    (
        "minimize 'mean((y - (a + b x))^2)' --data line.csv --starts 5",
        &["hits", "5     converged"],
        &["5 starts", "5 converged"],
    ),
    ("minimize 'mean((y - (a + b x))^2)' --data holes.csv --missing skip", &["converged"], &["3 rows (2 left out"]),
    (
        "minimize 'mean((y - (a + b x))^2)' --data line.csv --batch 2 --steps 50",
        &["steps_used_up"],
        &["by adam on mini-batches of 2"],
    ),
    ("minimize 'mean((y - sum(j,1,2,w[j] p[j]))^2)' --data line.csv", &["w[1]      2", "w[2]      "], &["2 weights"]),
    ("minimize 'mean((y - slope x - lift)^2)' --vars slope,lift --data line.csv", &["slope ", "lift "], &["converged"]),
    ("minimize 'mean((y - (a + b x))^2)' --set a=1 --data line.csv", &["b         2"], &["1 weight,"]),
    (
        "minimize 'z = (x - mean(x))/2; mean((y - a - b z)^2)' --data line.csv --from a=0,b=0",
        &["a         ", "b         "],
        &["converged"],
    ),
];

pub(super) fn tests() -> Vec<Trial> {
    let bad = BAD
        .iter()
        .map(|(line, says)| Trial::test(format!("training: {line}"), move || tables::refused(line, says, &DATA)));
    let good = GOOD.iter().map(|(line, out, err)| {
        Trial::test(format!("training: {line}, taken"), move || tables::taken(line, out, err, &DATA))
    });
    let rest = [
        Trial::test("training: formats say the same", formats),
        Trial::test("training: what is nowhere finite fails", nowhere),
        Trial::test("training: curve and picture are written", files),
    ];
    bad.chain(good).chain(rest).collect()
}

fn run(folder: &Path, line: &str) -> Result<Output, Failed> {
    tables::run(folder, line, &DATA)
}

fn formats() -> Check {
    let folder = tempfile::tempdir()?;
    let base = "minimize 'mean((y - (a + b x))^2)' --data line.csv --starts 3 -q";
    let csv = String::from_utf8(run(folder.path(), &format!("{base} --format csv"))?.stdout)?;
    let json = run(folder.path(), &format!("{base} --format json"))?.stdout;
    let page: serde_json::Value = serde_json::from_slice(&json)?;
    let mut lines = csv.lines();
    require(lines.next() == Some("f,gradient_norm,hits,status,a,b"), || csv.clone())?;
    let cells: Vec<&str> = lines.next().ok_or("no end")?.split(',').collect();
    let best = &page["minima"][0];
    let same = best["x"][1].as_f64() == cells[5].parse().ok() && best["hits"] == 3 && cells[3] == "converged";
    require(same && page["rows"] == 4 && page["status"]["converged"] == 3, || format!("{csv}\n{page}"))
}

fn nowhere() -> Check {
    let folder = tempfile::tempdir()?;
    let run = run(folder.path(), "minimize 'mean(ln(-a^2 - x))' --data line.csv -o w.json")?;
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    require(run.status.code() == Some(1) && text.contains("not finite at any start"), || text.clone())?;
    require(!folder.path().join("w.json").exists(), || "a file is left".to_owned())
}

/// The loss along the way falls, and the pictures are pictures.
fn files() -> Check {
    let folder = tempfile::tempdir()?;
    let base = "minimize 'm = a + b x; mean((y - m)^2)' --data line.csv --starts 2 --steps 20 -q";
    let done = run(folder.path(), &format!("{base} --curve c.csv --predict m --picture p.png"))?;
    require(done.status.success(), || String::from_utf8_lossy(&done.stderr).into_owned())?;
    let curve = std::fs::read_to_string(folder.path().join("c.csv"))?;
    let mut last = f64::INFINITY;
    for line in curve.lines().skip(1).filter(|line| line.starts_with("0,")) {
        let value: f64 = line.rsplit(',').next().ok_or("a cell")?.parse()?;
        require(value <= last, || curve.clone())?;
        last = value;
    }
    require(last < 1e-15, || curve.clone())?;
    let both = "minimize 'm = a + b x + c y; mean(m^2)' --data line.csv --method gd --steps 9 -q";
    let done = run(folder.path(), &format!("{both} --curve c.png --predict m --picture q.png"))?;
    require(done.status.success(), || String::from_utf8_lossy(&done.stderr).into_owned())?;
    for name in ["p.png", "q.png", "c.png"] {
        let bytes = std::fs::read(folder.path().join(name))?;
        require(bytes.starts_with(b"\x89PNG") && bytes.len() > 5000, || format!("{name}: {} bytes", bytes.len()))?;
    }
    Ok(())
}
