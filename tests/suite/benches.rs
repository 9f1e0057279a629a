//! The comparison with other programs in `benches/peers`: it compares the same functions, and its table is made right.
//!
//! The peers' functions are lines that gradfield reads itself, so that needs no Python. The table is made by a Python
//! program; where there is no Python 3.10, its test is reported as ignored.

use crate::agree::require;
use gradfield::backend::Backend;
use gradfield::backend::reference::Reference;
use gradfield::expr::{Context, Declared};
use gradfield::field::tape_of;
use gradfield::points::{Points, Values};
use gradfield::{Expression, Precision};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

static OURS: &str = include_str!("../../examples/peer.rs");
static THEIRS: &str = include_str!("../../benches/peers/functions.py");

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        Trial::test("benches: the peers evaluate our functions", same_functions),
        Trial::test("benches: the table of a comparison", table).with_ignored_flag(!has_python()),
    ]
}

/// Name and text of the functions in `examples/peer.rs`.
fn ours() -> Vec<(&'static str, &'static str)> {
    let rows = OURS.lines().filter_map(|line| line.strip_prefix("    (\"")?.strip_suffix("\"),"));
    rows.filter_map(|row| row.split_once("\", \"")).collect()
}

/// Name and lines of the functions of two variables in `functions.py`: `K(c)` is a number there.
fn theirs() -> Vec<(&'static str, String)> {
    let table = THEIRS.split("\nPLANE = {\n").nth(1).and_then(|rest| rest.split("\n}\n").next()).unwrap_or("");
    let function = |text: &'static str| {
        let (name, lines) = text.trim_start().strip_prefix('"')?.split_once("\": \"\"\"\n")?;
        Some((name, lines.replace("K(", "(").replace('\n', "; ")))
    };
    table.split("\"\"\",").filter_map(function).collect()
}

/// Names and dimensions of the others.
fn spaces() -> Vec<(&'static str, usize)> {
    let line = THEIRS.lines().find_map(|line| line.strip_prefix("SPACE = {")?.strip_suffix('}')).unwrap_or("");
    let row = |text: &'static str| text.split_once(": ").map(|(name, count)| (name.trim_matches('"'), count.parse()));
    line.split(", ").filter_map(row).filter_map(|(name, count)| Some((name, count.ok()?))).collect()
}

/// f and both partials agree at scattered points to within rounding; those of more variables have the same number.
fn same_functions() -> Result<(), Failed> {
    let (ours, theirs, spaces) = (ours(), theirs(), spaces());
    let names: Vec<&str> = ours.iter().map(|(name, _)| *name).collect();
    let peers: Vec<&str> = theirs.iter().map(|(name, _)| *name).chain(spaces.iter().map(|(name, _)| *name)).collect();
    require(names.len() == 9 && names == peers, || format!("ours are {names:?}, the peers' {peers:?}"))?;
    for ((name, text), (_, lines)) in ours.iter().zip(&theirs) {
        let gradient = Expression::parse(text)?.gradient()?;
        let points = Points::columns(gradfield::descent::starts::uniform_box(3, 200, &[(-3.0, 3.0); 2]));
        let mut want = vec![Values::zeros(Precision::F64, points.len()); 3];
        Reference.prepare(&tape_of(&gradient), Precision::F64)?.evaluate(&points, &[], &mut want)?;
        for (want, output) in want.iter().zip(["f", "gx", "gy"]) {
            let got = value(&format!("{lines}; {output}"), &points)?;
            let far = want.to_f64().iter().zip(&got).map(|(a, b)| (a - b).abs() / (1.0 + a.abs())).fold(0.0, f64::max);
            require(far < 1e-12, || format!("{name}: {output} differs by {far:e}"))?;
        }
    }
    for (name, dimension) in spaces {
        let text = ours.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text);
        let variables = Expression::parse(text)?.variables().len();
        require(variables == dimension, || format!("{name} has {variables} variables, the peers' {dimension}"))?;
    }
    Ok(())
}

/// The value of a text of x and y in f64.
fn value(text: &str, points: &Points) -> Result<Vec<f64>, Failed> {
    let declared = ["x", "y"].map(|name| Declared { name: name.to_string(), components: None });
    let context = Context { variables: Some(declared.to_vec()), ..Context::default() };
    let tape = tape_of(&Expression::parse_with(text, &context)?.value());
    let mut out = vec![Values::zeros(Precision::F64, points.len())];
    Reference.prepare(&tape, Precision::F64)?.evaluate(points, &[], &mut out)?;
    Ok(out[0].to_f64())
}

fn has_python() -> bool {
    let new_enough = Command::new("python3").args(["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]).status();
    new_enough.is_ok_and(|status| status.success())
}

/// What was measured once, as a table: ratios, errors (a wrong answer is marked), means, failures.
fn table() -> Result<(), Failed> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/run");
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/peers.json");
    let done = Command::new("python3").args(["-B", folder, "--report", data]).output()?;
    let page = String::from_utf8_lossy(&done.stdout).replace("\r\n", "\n");
    require(done.status.success(), || String::from_utf8_lossy(&done.stderr).to_string())?;
    let expected = "\
|  | gradfield | C | numba | JAX |
|---|---|---|---|---|
| mix, f32 | **1.5** (15 ms, 8.9e-07) | **1** (10 ms, 9.1e-07) |  | **12** (121 ms, 2.5e-01 (!)) |
| sphere, f32 | **6** (30 ms, 6.4e-08) | **1** (5 ms, 6.4e-08) |  | failed |
| mix, adam | **2.5** (500 ms, 2.7e-04, 98.5 % (!)) | **1** (200 ms, 1.6e-04, 100 %) |  |  |
| PNG 4096 x 4096, RGB | **1** (100 ms, 22 MB, file 2.27 MB, 5.5e-03) |  | **16** (1.6 s, 252 MB, file 3.77 MB, 1.2e-02) |  |
| grids, f32: geometric mean of 2 | **3** | **1** |  | **12** (of 1) |

- PNG 4096 x 4096, numba: numba and libvips
- mix, f32, JAX: disturbed, C's two times are 1.50 apart
- sphere, f32, JAX: failed: no end within 240 s
";
    require(page.ends_with(&format!("{expected}\n")), || format!("the page is\n{page}"))
}
