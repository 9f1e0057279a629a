//! The command line of `fit`: what it refuses, what it leaves out and says so, what it writes.

use super::Check;
use crate::agree::require;
use crate::tables;
use libtest_mimic::{Failed, Trial};
use std::path::Path;
use std::process::Output;

/// A line: exactly a straight one, but for the second response.
const DATA: [(&str, &str); 9] = [
    ("line.csv", "x,y,g,word,w,long name\n0,1,0,u,1,7\n1,3,0,u,1,7\n2,5,0,v,1,7\n3,7,1,v,0,7\n4,9,1,v,2,7\n"),
    ("holes.csv", "x,y\n0,1\n1,\n2,5\nthree,7\n4,9\n5,nan\n6,13\n"),
    ("none.csv", "x,y\n,1\n2,\n"),
    ("empty.csv", ""),
    ("header.csv", "x,y\n"),
    ("one.csv", "x,y\n1,2\n"),
    ("minus.csv", "x,y,w\n1,2,1\n2,3,-1\n3,4,1\n"),
    ("ragged.csv", "x,y\n1,2,3\n"),
    ("fake.npz", "PK\u{3}\u{4}nonsense"),
];

/// Refused: the exit code is 2, nothing is on standard output, and the message has these words.
const BAD: [(&str, &[&str]); 39] = [
    ("fit 'a + b x' --data none.txt --response y", &["cannot read none.txt"]),
    ("fit 'a + b x' --data empty.csv --response y", &["is empty"]),
    ("fit 'a + b x' --data header.csv --response y", &["no rows"]),
    ("fit 'a + b x' --data ragged.csv --response y", &["3 cells where the header has 2"]),
    ("fit 'a + b x' --data fake.npz --response y", &["not a .npz file"]),
    ("fit 'a + b x' --data holes.csv --response y", &["line 3", "`y`", "an empty cell", "--missing skip"]),
    ("fit 'a + b x' --data none.csv --response y --missing skip", &["all of its 2 rows"]),
    ("fit 'a + b x' --data holes.csv --response y --missing drop", &["--missing", "error, skip"]),
    ("fit 'a + b x' --data line.csv --response z", &["`z` is no column of line.csv"]),
    ("fit 'a + b x' --data line.csv --response word", &["`word`", "`u`"]),
    ("fit 'a + b x' --data line.csv --response y --group-by h", &["no column `h`"]),
    ("fit 'x + y' --data line.csv --response y", &["no parameters"]),
    ("fit 'a + b x' --data one.csv --response y", &["1 rows do not determine 2 parameters"]),
    ("fit 'a + ln(-b) x' --data line.csv --response y", &["not finite at the start"]),
    ("fit 'a + b x' --data line.csv --response y --start d=1", &["no parameter `d`"]),
    ("fit 'a + b x' --data line.csv --response y --starts 5", &["--range"]),
    ("fit 'a + b x' --data line.csv --response y --bounds a=3:1", &["--bounds"]),
    ("fit 'a + b x' --data line.csv --response y --method simplex", &["lm, gauss-newton"]),
    ("fit 'a + b x' --data line.csv --response y --robust tukey", &["huber, cauchy"]),
    ("fit 'a + b x' --data line.csv --response y --likelihood logistic", &["from 0 to 1"]),
    ("fit 'a + b x' --data line.csv --response y --loss 'q'", &["the loss"]),
    ("fit 'a + b x' --data minus.csv --response y --weights w", &["-1 in row 2"]),
    ("fit 'a + b rows' --data line.csv --response y --start rows=1 --format csv", &["rename"]),
    ("fit 'a + b x' --data line.csv --response y -o fit.bmp", &[".csv"]),
    ("fit 'a + b x + c w' --data line.csv --response y -o fit.png", &["one column across, the model has 2 (x, w)"]),
    (
        "fit 'a + b x' --data line.csv --response y --group-by word -o fit.png",
        &["a picture shows one fit, there are 2"],
    ),
    ("fit 'a + b x'", &["--data", "--response"]),
    ("fit --residuals 'a - 1' --data line.csv", &["--residuals", "--data"]),
    ("fit --residuals 'a - 1; '", &["nothing follows this `;`"]),
    ("fit --residuals '1; 2'", &["no parameters"]),
    ("fit --residuals 'a + b - 1'", &["1 residuals do not determine 2 parameters"]),
    ("fit --residuals 'ln(a - 3)'", &["not finite at the start"]),
    ("fit --residuals 'each(i, 1, 20000, a - i)'", &["20000 residuals, the limit is 10000"]),
    ("fit --residuals 'each(i, 1, a - i)'", &["`each` is written `each(i, 1, n, ...)`"]),
    ("fit --residuals 'a - 1' --start b=2", &["no parameter `b`"]),
    ("fit --residuals 'a - 1' -o a.png", &["residuals have no picture"]),
    ("fit 'a + b x' --data line.csv --response y --size 300x200", &["--size and --curve-only are of pictures"]),
    ("fit 'a + b x' --data line.csv --response y --samples h=h.npy", &["a fit takes no sampled field"]),
    ("fit --residuals 'a - 1' --curve-only", &["--residuals", "--curve-only"]),
];

/// Taken: what standard output and standard error have somewhere.
const GOOD: [(&str, &[&str], &[&str]); 18] = [
    ("fit 'a + b x' --data line.csv --response y", &["a  ", "b  "], &["5 rows, 2 parameters; converged"]),
    ("fit 'a + b x' --data holes.csv --response y --missing skip", &["b  "], &["3 rows are left out", "4 rows"]),
    ("fit 'a + b x' --data line.csv --response y --weights w", &[], &["4 rows, 2 parameters"]),
    ("fit 'a + b x' --data line.csv --response y --group-by word", &["u", "v"], &["2 fits", "converged"]),
    ("fit 'a + b x' --data line.csv --response y --group-by word", &["word"], &["1 of them have no standard errors"]),
    (
        "fit 'slope*x + offset' --data line.csv --response y --start slope=1,offset=0",
        &["slope  ", "offset  "],
        &["converged"],
    ),
    ("fit 'a + b x' --data line.csv --response y --set a=1", &["b  "], &["1 parameters", "R^2 1.000000"]),
    ("fit 'w[1] + w[2] x' --data line.csv --response y", &["w[1]  ", "w[2]  "], &["converged", "R^2 1.000000"]),
    ("fit 'a + 0 b + b*c*x' --data line.csv --response y", &[], &["singular"]),
    (
        "fit --residuals '10(x2 - x1^2); 1 - x1' --start x1=-1.2,x2=1",
        &["x1  ", "x2  "],
        &["2 residuals, 2 parameters; conv"],
    ),
    // The line through (1, 1), (2, 3), (3, 4): 1.5 x - 1/3, by its definitions.
    (
        "fit --residuals 'f(t) = a + b t; f(1) - 1; f(2) - 3; f(3) - 4'",
        &["-0.333", "0.62361"],
        &["0.16667", "1 degrees"],
    ),
    (
        "fit --residuals 's = sum(j, 1, n, j (x[j] - 1)); each(i, 1, n, x[i] - 1); s; s^2' --set n=40 --start x=0.5",
        &["x[40]"],
        &["42 residuals, 40 parameters; converged"],
    ),
    ("fit --residuals 'each(i, 1, 0, a); a - 3'", &["a          3"], &["1 residuals, 1 parameters"]),
    ("fit --residuals 'x^2 - 4' --starts 20 --range x=-5:5 --seed 3", &["x          "], &["other ends: 0 ("]),
    (
        "fit --residuals 'a - 7; a - 9' --bounds a=:6",
        &["a          6", "at its bound"],
        &["residual sum of squares 10"],
    ),
    ("fit 'a + b x' --data line.csv --response w --robust huber:0.1", &["%"], &["sum of the loss (huber)"]),
    (
        "fit 'a + b x + c x^2' --data line.csv --response w --robust cauchy:1e-9",
        &["c  "],
        &["no standard errors: hardly a row is within the scale"],
    ),
    (
        "fit 'a + b x' --data line.csv --response y --weights w --robust huber:1",
        &["b  "],
        &["no standard errors: they are not estimated for a robust loss of rows with weights"],
    ),
];

pub(crate) fn tests() -> Vec<Trial> {
    let bad =
        BAD.iter().map(|(line, says)| Trial::test(format!("fit: {line}"), move || tables::refused(line, says, &DATA)));
    let good = GOOD.iter().map(|(line, out, err)| {
        Trial::test(format!("fit: {line} ({})", err[0]), move || tables::taken(line, out, err, &DATA))
    });
    let rest =
        [Trial::test("fit: formats say the same", formats), Trial::test("fit: a picture shows every row", picture)];
    bad.chain(good).chain(rest).collect()
}

fn run(folder: &Path, line: &str) -> Result<Output, Failed> {
    tables::run(folder, line, &DATA)
}

/// CSV and JSON of the same fits, and a table read back from arrays.
fn formats() -> Check {
    let folder = tempfile::tempdir()?;
    let base = "fit 'a + b x' --data line.csv --response y --group-by word";
    let csv = run(folder.path(), &format!("{base} --format csv -q"))?.stdout;
    let json = run(folder.path(), &format!("{base} --format json -q"))?.stdout;
    let text = String::from_utf8(csv)?;
    require(text.starts_with("word,rows,status,steps,a,se_a,b,se_b,rss,s,r2\n"), || text.clone())?;
    let page: serde_json::Value = serde_json::from_slice(&json)?;
    for (line, fit) in text.lines().skip(1).zip(page["fits"].as_array().ok_or("no fits")?) {
        let cells: Vec<&str> = line.split(',').collect();
        let same = fit["group"] == cells[0] && fit["estimates"][1].as_f64() == cells[6].parse().ok();
        require(same, || format!("{line}\n{fit}"))?;
    }
    // The result is a table again: an .npz with a column for each array.
    run(folder.path(), &format!("{base} -o fits.npz"))?;
    let again = run(folder.path(), "fit 'm' --data fits.npz --response group -q")?;
    require(!again.status.success(), || "words are no numbers".to_string())?;
    let again = run(folder.path(), "fit 'm + 0 rss' --data fits.npz --response rows --format json -q")?;
    require(String::from_utf8(again.stdout)?.contains("\"estimates\": [2.5]"), || "two groups".to_string())?;
    run(folder.path(), "field 'x^2' --range=0:1 --size 5 -o field.npz")?;
    let again = run(folder.path(), "fit 'm x^2' --data field.npz --response f --format json -q")?;
    let page: serde_json::Value = serde_json::from_slice(&again.stdout)?;
    require(page["fits"][0]["estimates"][0] == 1.0, || format!("{page}"))
}

/// A row far off widens both parts of a picture, which has the size asked for with and without the residuals.
fn picture() -> Check {
    let folder = tempfile::tempdir()?;
    let rows: String = (0..40).map(|k| format!("{k},{}\n", if k == 20 { 900 } else { k })).collect();
    std::fs::write(folder.path().join("far.csv"), format!("x,y\n{rows}"))?;
    for flags in ["", "--curve-only"] {
        let line = format!("fit 'a + b x' --data far.csv --response y --quiet --size 420x360 -o fit.png {flags}");
        let made = run(folder.path(), &line)?;
        require(made.status.success(), || String::from_utf8_lossy(&made.stderr).into_owned())?;
        let file = std::io::BufReader::new(std::fs::File::open(folder.path().join("fit.png"))?);
        let mut reader = png::Decoder::new(file).read_info()?;
        let size = (reader.info().width, reader.info().height);
        let texts: Vec<String> = reader.info().uncompressed_latin1_text.iter().map(|text| text.text.clone()).collect();
        let mut data = vec![0; reader.output_buffer_size().ok_or("a size")?];
        reader.next_frame(&mut data)?;
        // The range of y is told in the file: the row of 900 is within it, and not at the edge.
        let range = texts.iter().find_map(|text| text.split(" y=").nth(1)).ok_or("no range")?.to_owned();
        let top: f64 = range.split(':').nth(1).ok_or("no end")?.trim().parse()?;
        require(size == (420, 360) && top > 900.0, || format!("{size:?} {range}"))?;
    }
    Ok(())
}
