//! The command line: the built program, as a user calls it.
//!
//! A case is a line of text, split at blanks (`'...'` keeps them), run in a folder of its own that holds the files of
//! [`given`]. A case that fails must leave that folder as it was, say nothing on standard output, and say one
//! paragraph on standard error. Cases that need a GPU stand in `gpu.rs`; here `NO_GPU=1` before a command hides the drivers.

use crate::engines::program;
use libtest_mimic::{Failed, Trial};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

type Check = Result<(), Failed>;
type Test = (&'static str, fn() -> Check);

pub(crate) fn tests() -> Vec<Trial> {
    let good = GOOD.iter().map(|(line, out)| trial(line, move || succeeds(line, out)));
    let made = MADE.iter().map(|(line, files)| trial(line, move || makes(line, files)));
    let bad = BAD.iter().map(|(code, line, err)| trial(line, move || fails(*code, line, err)));
    let long = long_expressions().into_iter();
    let long = long.map(|(name, text, err)| trial(name, move || fails(2, &format!("grad {text}"), &[err])));
    let tests: [Test; 11] = [
        ("arrays have numpy's shapes", arrays),
        ("pictures have the pixels asked for", pictures),
        ("a table is read back to the bit", table_back),
        ("same seed, same answer, whatever the threads and lanes", same_bits),
        ("the last iterate of the article", article_descent),
        ("reports are JSON", json_reports),
        ("a device that is full", full_device),
        ("a reader that goes away", closed_reader),
        ("an argument that is not UTF-8", not_unicode),
        ("interrupted", interrupted),
        ("a large bare picture needs little memory", bare_memory),
    ];
    let tests = tests.into_iter().map(|(name, test)| trial(name, test));
    let without = Trial::test("cli: no GPU engine in this build", || {
        fails(1, "field x -o old.npy --device gpu", &["built without its feature `gpu`", "--device cpu"])
    });
    let without = without.with_ignored_flag(cfg!(feature = "gpu"));
    good.chain(made).chain(bad).chain(long).chain(tests).chain([without]).collect()
}

/// A test; one that asks for shaders or for adapters is ignored in a build without the feature `gpu`.
fn trial(name: &str, test: impl FnOnce() -> Check + Send + 'static) -> Trial {
    let asks = name.contains("--format wgsl") || name.starts_with("NO_GPU=1") && name.contains("--device gpu");
    Trial::test(format!("cli: {name}"), test).with_ignored_flag(asks && !cfg!(feature = "gpu"))
}

// ------------------------------------------------------------------------------------------------ What is said

/// A line, and all of standard output, or where it ends in `...` how that begins.
const GOOD: &[(&str, &str)] = &[
    ("grad 3x^2+8xy-3y^5", "df/dx = 6x + 8y\ndf/dy = 8x - 15y^4\n"),
    ("grad '8x - 3'", "df/dx = 8\n"),
    ("grad -x^2", "df/dx = -2x\n"),
    ("grad 3", "f = 3\n"),
    ("grad 3 --format latex", "f = 3\n"),
    ("grad x^2+5x+6 --hessian", "df/dx = 2x + 5\nd2f/dxdx = 2\n"),
    ("grad x[1]^2+x[2]", "df/dx[1] = 2x[1]\ndf/dx[2] = 1\n"),
    ("grad width*x1 --vars width,x1 --format latex", "\\frac{\\partial f}{\\partial \\mathrm{width}} = x_{1}\n..."),
    ("grad x^2 --format wgsl", "// ..."),
    ("eval x^2+5x+6 --at x=-2.5", "f = -0.25\ndf/dx = 0\n"),
    ("eval x^2+5x+6 --at -2.5", "f = -0.25\ndf/dx = 0\n"),
    (
        "eval x^2+5x+6 --at x=-2.5 --format json",
        "[\n  {\n    \"x\": [-2.5],\n    \"f\": -0.25,\n    \"gradient\": [0.0]\n  }\n]\n",
    ),
    ("eval 'x y' --at 0.1 --precision f32 --format csv", "x,y,f,df/dx,df/dy\n0.1,0.1,0.010000001,0.1,0.1\n"),
    ("eval 'x y' --at x=1,y=2 --at y=.5,x=1e-300", "x,y,f,df/dx,df/dy\n1,2,2,2,1\n1e-300,0.5,5e-301,0.5,1e-300\n"),
    ("eval 'x y' --at 1,y=-2", "f = -2\ndf/dx = -2\ndf/dy = 1\n"),
    ("eval 'x y' --at 1e-300", "f = 0\ndf/dx = 1e-300\ndf/dy = 1e-300\n"),
    ("eval x --at -pi/2", "f = -1.5707963267948966\ndf/dx = 1\n"),
    ("eval 'a x' --at 2 --set a=-3", "f = -6\ndf/dx = -3\n"),
    ("eval 1/x --at 0", "f = inf\ndf/dx = -inf\n"),
    ("eval 1/x --at 0 --format json", "[\n  {\n    \"x\": [0.0],\n    \"f\": null,..."),
    ("eval 1/2x --at 1", "f = 0.5\ndf/dx = 0.5\n"),
    ("eval pi", "f = 3.141592653589793\n"),
    ("eval x[1]+x[2]^2 --at x[1]=1,x[2]=2", "f = 5\ndf/dx[1] = 1\ndf/dx[2] = 4\n"),
    ("eval 'x^2 y' --points good.csv", "x,y,f,df/dx,df/dy\n1,2,2,4,1\n3,4,36,24,9\n"),
    ("eval 'x^2 y' --points -", "x,y,f,df/dx,df/dy\n5,6,150,60,25\n7,8,392,112,49\n"),
    ("eval f^2 --at 1", "f = 1\ndf/df = 2\n"),
    (
        "field 'x^2 y' --size 3x2 -o - --format csv",
        "x,y,f,df/dx,df/dy\n-3,-3,-27,18,9\n0,-3,-0,-0,0\n3,-3,-27,-18,9\n...",
    ),
    (
        "field x+y --range -1:1 --range y=0:5 --size 2 -o - --format csv",
        "x,y,f,df/dx,df/dy\n-1,0,-1,1,1\n1,0,1,1,1\n-1,5,4,1,1\n1,5,6,1,1\n",
    ),
    ("field pi -o - --format csv", "f\n3.1415927\n"),
    ("descend x^2 --from 1 --lr 0.25 --steps 2", "particle,step,x,f\n0,0,1,1\n0,1,0.5,0.25\n0,2,0.25,0.0625\n"),
    ("descend x^2 --from 1 --lr -0.25 --steps 1", "particle,step,x,f\n0,0,1,1\n0,1,1.5,2.25\n"),
    ("descend x^2 --from 1 --lr .25 --steps 1 --maximize", "particle,step,x,f\n0,0,1,1\n0,1,1.5,2.25\n"),
    (
        "descend x^2 --from 1 --lr .25 --steps 3 --every 2",
        "particle,step,x,f\n0,0,1,1\n0,2,0.25,0.0625\n0,3,0.125,0.015625\n",
    ),
    ("descend x^2 --from 1 --steps 0", "particle,step,x,f\n0,0,1,1\n"),
    (
        "descend x^2+y^2 --points good.csv --lr .5 --steps 1 --every 0",
        "particle,step,x,y,f\n0,0,1,2,5\n0,1,0,0,0\n1,0,3,4,25\n1,1,0,0,0\n",
    ),
    (
        "descend x^2 --from 1 --rule 'v = b v - lr g; x = x + v' --param b=0.5 --lr .25 --steps 2",
        "particle,step,x,f\n0,0,1,1\n0,1,0.5,0.25\n0,2,0,0\n",
    ),
    (
        "descend x^2 --from 1 --rule momentum --param beta=0.5 --param lr=.25 --steps 2",
        "particle,step,x,f\n0,0,1,1\n0,1,0.5,0.25\n0,2,0,0\n",
    ),
    (
        "descend sum(i,1,5,x[i]^2) --vars x[5] --from 1 --lr .5 --steps 1",
        "particle,step,x[1],x[2],x[3],x[4],x[5],f\n0,0,1,1,1,1,1,5\n0,1,0,0,0,0,0,0\n",
    ),
    ("verify x^2+y --size 16", "CPU, ..."),
    ("verify x^y+sin(x) --size 16 --precision f64 --range 1:2", "CPU, ..."),
    (
        "bench x+y --size 8 --particles 5 --steps 3 --repetitions 3 --device cpu",
        "x+y (f32)\n  grid: f and gradient\n    CPU, ...",
    ),
    ("bench --size 8 --particles 5 --steps 3 --device cpu -- -x^2", "-x^2 (f32)\n..."),
    ("NO_GPU=1 devices", "cpu     CPU, ..."),
    ("NO_GPU=1 eval x --at 1 --device auto", "f = 1\ndf/dx = 1\n"),
    ("--version", "gradfield 0..."),
];

/// A line, and the files it makes; what they hold is for other tests to see.
const MADE: &[(&str, &str)] = &[
    ("eval x --at 1 -o a.csv", "a.csv"),
    ("eval x --at 1 -o a.json", "a.json"),
    ("eval x --at 1 -o a.txt", "a.txt"),
    ("eval x --at 1 --format json -o a", "a"),
    ("field x+y -o a.npy", "a.npy"),
    ("field x+y -o A.NPZ", "A.NPZ"),
    ("field x+y -o a.csv --size 9", "a.csv"),
    ("plot x+y --bare -o a.PNG", "a.PNG"),
    ("plot x -o a", "a"),
    ("descend x --starts 5 -o a.npz", "a.npz"),
    ("descend x --starts 5 -o a.csv", "a.csv"),
];

/// The exit code, a line, and what standard error says.
const BAD: &[(u8, &str, &[&str])] = &[
    // The expression.
    (2, "grad x^2+", &["expected", "the end", "\n  x^2+\n      ^"]),
    (2, "grad foo(x)", &["unknown function `foo`", "^^^"]),
    (2, "grad sine(x)", &["`sine`"]),
    (2, "grad atan2(x)", &["`atan2` takes 2 arguments, not 1"]),
    (2, "grad ''", &["the expression is empty"]),
    (2, "eval 0<x<1 --at 1", &["and"]),
    (2, "grad x+\u{1}", &["unexpected character U+0001"]),
    (2, "grad \u{1b}[31mx", &["unexpected character U+001B"]),
    // Names.
    (2, "grad x+b --vars x", &["unknown name `b`"]),
    (2, "grad x --vars x,x", &["`x` is given twice"]),
    (2, "grad x --vars 1x", &["--vars: expected the name of a variable"]),
    (2, "grad x --vars pi", &["`pi` is a constant"]),
    (2, "grad x --vars sin", &["`sin` is a function"]),
    (2, "grad x --vars x[0]", &["--vars: expected a number of components"]),
    (2, "grad x --vars x[1000000000]", &["from 1 to 100000"]),
    (2, "grad x --vars x --set x=2", &["`x` is a parameter"]),
    (2, "grad x --set b=2", &["--set b: `x` does not use `b`"]),
    (2, "grad abs(x) --set b=2", &["--set b: `abs(x)` does not use `b`"]),
    (2, "grad 'a x' --set a=1 --set a=2", &["`a` is given twice"]),
    (2, "grad x --set a", &["--set a: write a name and a number, as in --set a=2"]),
    (2, "grad x --set =2", &["--set: `=2` has no name before `=`"]),
    (2, "grad 'a x' --set a=foo", &["--set: `foo` is not a number; write one such as"]),
    (2, "grad 'a x' --set a=1/0", &["--set: `1/0` is inf; write a finite number"]),
    (2, "eval f^2 --at 1 --format csv", &["a column `f` of its own", "rename it"]),
    (2, "field f+g -o a.npz", &["a column `f` of its own"]),
    (2, "descend particle^2 --vars particle --from 1", &["a column `particle` of its own"]),
    // Flags.
    (2, "grad --frob x", &["grad has no flag `--frob`; `gradfield grad --help` lists its flags"]),
    (2, "grad --fromat latex x", &["grad has no flag `--fromat`"]),
    (2, "eval x --at 1 --sett=2", &["eval has no flag `--sett`"]),
    (2, "grad x --format nope", &["invalid value 'nope'", "text, latex, wgsl"]),
    (2, "grad x y", &["unexpected argument 'y'"]),
    (2, "grad", &["<EXPR>"]),
    (2, "frob", &["unrecognized subcommand 'frob'"]),
    (2, "eval x --at 1 --format nope", &["--format: `nope` is not one of text, csv, json"]),
    (2, "eval x --at 1 --device tpu", &["--device: `tpu` is not a device; write auto, cpu, gpu"]),
    (2, "eval x --at 1 --device gpu:", &["--device: `gpu:` is not a device"]),
    (2, "eval x --at 1 --device gpu:-1", &["--device: `gpu:-1` is not a device"]),
    (2, "eval x --at 1 --precision f16", &["'f16'", "f32, f64"]),
    (2, "eval x --at 1 --threads 0", &["'0'", "1..=1024"]),
    (2, "eval x --at 1 --threads -1", &["'-1'", "1..=1024"]),
    // Points.
    (2, "eval x", &["where? give a point as --at x=1, or --points FILE.csv"]),
    (2, "eval x+y --at x=1", &["--at x=1: no value for `y`; write --at x=1,y=1"]),
    (2, "eval x --at z=1", &["--at: the expression has no variable `z`; its variables are: x"]),
    (2, "eval x --at x=1,x=2", &["--at: `x` has two values"]),
    (2, "eval x --at x=one", &["--at: `one` is not a number"]),
    (2, "eval x --at nan", &["--at: `nan` is NaN; write a finite number"]),
    (2, "eval x --at 1e999", &["--at: `1e999` is inf; write a finite number"]),
    (2, "eval x --at 1e300 --precision f32", &["--at 1e300 does not fit into f32; add --precision f64"]),
    (2, "descend x --from 1e300", &["--from 1e300 does not fit into f32"]),
    (2, "eval pi --at 1", &["`pi` has no variables"]),
    (2, "eval x --at 1 --points good.csv", &["cannot be used with"]),
    (2, "eval x+z --points good.csv", &["good.csv has no column `z`; it has `x`, `y`"]),
    (2, "eval x+y --points text.csv", &["text.csv, line 3, column `y`: `four` is not a number"]),
    (2, "eval x+y --points ragged.csv", &["ragged.csv, line 2: 3 cells where the header has 2"]),
    (2, "eval x+y --points empty.csv", &["empty.csv is empty"]),
    (2, "eval x+y --points bytes.csv", &["not UTF-8"]),
    (2, "descend x+y --points header.csv -o a.npz", &["header.csv has a header and no rows"]),
    (1, "eval x --points .", &["cannot read .:"]),
    (1, "eval x --points none.csv -o a.csv", &["cannot read none.csv:"]),
    // Ranges and sizes.
    (2, "field x -o a.npy --range 3:3", &["--range: `3:3` runs from 3.0 to 3.0; the smaller comes first"]),
    (2, "field x -o a.npy --range 3:-3", &["--range: `3:-3` runs from 3.0 to -3.0"]),
    (2, "field x -o a.npy --range nan:1", &["--range: `nan` is NaN"]),
    (2, "field x -o a.npy --range 0:inf", &["--range: `inf` is inf"]),
    (2, "field x -o a.npy --range -1e999:0", &["--range: `-1e999` is -inf"]),
    (
        2,
        "field x -o a.npy --range -1e308:1e308 --precision f64",
        &["`-1e308:1e308` does not fit into f64; take another"],
    ),
    (2, "field x -o a.npy --range 0:1e300", &["`0:1e300` does not fit into f32; add --precision f64"]),
    (
        2,
        "field x -o a.npy --range 1:1.000000000001",
        &["begins and ends at the same number in f32; add --precision f64"],
    ),
    (2, "field x -o a.npy --range 1", &["--range: `1` is not a range; write its two ends, as in --range=-3:3"]),
    (2, "field x -o a.npy --range 0:", &["`0:` is not a range"]),
    (2, "field x -o a.npy --range 0:1:2", &["`0:1:2` is not a range"]),
    (2, "field x -o a.npy --range z=0:1", &["no variable `z`"]),
    (2, "field x -o a.npy --range x=a:b", &["`a` is not a number"]),
    (2, "field x+y -o a.npy --size 0", &["--size: `0` holds no point"]),
    (2, "field x+y -o a.npy --size 5x0", &["--size: `5x0` holds no point"]),
    (2, "field x+y -o a.npy --size -5", &["--size: `-5` is not a size"]),
    (2, "field x+y -o a.npy --size many", &["--size: `many` is not a size; write one number, or one per variable"]),
    (2, "field x+y -o a.npy --size 1.5", &["--size: `1.5` is not a size"]),
    (2, "field x+y -o a.npy --size 2x3x4", &["--size: `2x3x4` has 3 numbers for 2 variables"]),
    (2, "field x+y -o a.npy --size 99999999999999999999999", &["is too large"]),
    (1, "field x+y -o a.npy --size 1000000x1000000", &["1000000000000 points", "12.0 TB", "memory"]),
    (1, "verify x+y --size 1000000", &["1000000000000 points"]),
    (2, "plot x+y -o a.png --size 1000000x1000000", &["at most 65535 pixels a side, or --bare"]),
    (2, "plot x+y -o a.png --size 0x5", &["--size: `0x5` holds no point"]),
    (2, "plot x+y -o a.png --bare --size 1000000x1000000", &["too many for one PNG", "--range"]),
    (2, "bench x --size 0", &["'0'"]),
    (2, "bench 3", &["`3` has no variables"]),
    (2, "bench x+ --size 9", &["expected"]),
    // Pictures.
    (2, "plot x+y+z -o a.png", &["`x+y+z` has 3 (x, y, z); give the others a value with --set"]),
    (2, "plot 3 -o a.png", &["a picture has one or two variables"]),
    (2, "plot x -o a.jpg", &["cannot write a.jpg: a picture is a PNG"]),
    (
        2,
        "plot x -o a.png --layers heat",
        &["`heat` is no layer of a function of one variable; there are curve and derivative"],
    ),
    (2, "plot x+y -o a.png --layers nope", &["`nope` is no layer of a function of two variables"]),
    (2, "plot x+y -o a.png --layers heat --arrows 3", &["--arrows is for the layer `arrows`"]),
    (2, "plot x+y -o a.png --layers arrows --show grad", &["--show is for the layer `heat`"]),
    (2, "plot x -o a.png --map magma", &["--map is for functions of two variables"]),
    (2, "plot x+y -o a.png --map nope", &["no colour map is named `nope`; there are: viridis"]),
    (2, "plot x+y -o a.png --scale nope", &["no colour scale is named `nope`; there are: linear, log, symlog"]),
    (2, "plot x+y -o a.png --show nope", &["--show: unknown name `nope`"]),
    (2, "plot x+y -o a.png --clim 3", &["--clim: `3` is not a range"]),
    (2, "plot x+y -o a.png --clim 3:1", &["--clim: `3:1` runs from 3.0 to 1.0"]),
    (2, "plot x+y -o a.png --scale log --clim -1:1", &["a logarithmic scale needs a range above zero"]),
    (2, "plot x+y -o a.png --arrows 1001x5", &["more than 1000 arrows"]),
    (2, "plot x+y -o a.png --arrows -3", &["--arrows: `-3` is not a size"]),
    (2, "plot x+y -o a.png --bare --title t", &["cannot be used with"]),
    (2, "plot x -o a.png --bare", &["--bare needs a function of two variables"]),
    // Descents.
    (2, "descend x", &["where from? give a start as --from x=1, or --starts 1000"]),
    (2, "descend 3", &["`3` has no variables"]),
    (2, "descend x --starts 0", &["--starts: 0 particles"]),
    (2, "descend x --starts -3", &["'-3'"]),
    (1, "descend x --starts 1000000000000", &["--starts: 1000000000000 particles take about 32.0 TB", "--seed"]),
    (1, "descend x --from 1 --steps 100000000000 --every 1 -o a.csv", &["the record takes", "--every"]),
    (2, "descend x --from 1 --starts 2", &["cannot be used with"]),
    (2, "descend x --from 1 --steps -3", &["'-3'"]),
    (2, "descend x --from 1 --rule nope", &["`nope` is neither a rule (gd, momentum, adam"]),
    (2, "descend x --from 1 --rule y=2", &["never assigns `x`"]),
    (2, "descend x --from 1 --rule x=x-foo(g)", &["in the rule: unknown function `foo`"]),
    (2, "descend x --from 1 --rule x=x-b*g", &["in the rule: unknown name `b`", "--param beta=0.9"]),
    (2, "descend x --from 1 --rule g=1;x=x-g", &["assigns `g`, which is given"]),
    (2, "descend x --from 1 --rule x=x-g --param q=1", &["has no hyper-parameter `q`"]),
    (2, "descend x --from 1 --param beta=1", &["no hyper-parameter `beta`; it has lr"]),
    (2, "descend x --from 1 --param beta", &["--param beta: write a name and a number"]),
    (2, "descend x --from 1 --lr 1 --param lr=2", &["`lr` has two values"]),
    (2, "descend x --from 1 --lr fast", &["--lr: `fast` is not a number"]),
    (2, "descend x --from 1 --size 100", &["--size is for a picture"]),
    (2, "descend x --from 1 --size 0 -o a.png", &["--size: `0` holds no point"]),
    (2, "descend x+y+z --from 1 -o a.png", &["one or two variables, this function has 3; write .csv or .npz"]),
    // Files.
    (1, "field x -o no/a.npy", &["cannot write no/a.npy: there is no folder no; make it"]),
    (1, "plot x -o no/a.png", &["there is no folder no"]),
    (1, "plot x+y --bare -o no/a.png", &["there is no folder no"]),
    (1, "descend x --from 1 -o no/a.csv", &["there is no folder no"]),
    (1, "field x -o folder.npy", &["it is a folder; name a file in it"]),
    (2, "field x -o a.txt", &["the ending `.txt` is no format here; use .npz .npy .csv"]),
    (2, "field x -o -", &["add --format npz|npy|csv"]),
    (2, "field foo(x) -o old.npy", &["unknown function"]),
    (1, "field x+y --size 1000000 -o old.npy", &["memory"]),
    (1, "NO_GPU=1 field x -o old.npy --device gpu", &["no GPU was found", "--device cpu"]),
    (1, "NO_GPU=1 plot x -o old.png --device gpu:7", &["no GPU was found"]),
];

/// Expressions beyond every limit: the name of the case, the text, the message. (A megabyte is more than Linux passes on
/// a command line: `parse.rs` has that one.)
fn long_expressions() -> Vec<(&'static str, String, &'static str)> {
    let nested = format!("{}x{}", "(".repeat(10_000), ")".repeat(10_000));
    let sines = format!("{}x{}", "sin(".repeat(10_000), ")".repeat(10_000));
    vec![
        ("10,000 parentheses", nested, "nested too deeply: 201 levels, the limit is 200"),
        ("10,000 sines", sines, "nested too deeply"),
        ("10,000 minus signs", format!("-{}x", "-".repeat(10_000)), "201, the limit is 200"),
    ]
}

/// What lies in a case's folder before it.
fn given(folder: &Path) -> Check {
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

// ------------------------------------------------------------------------------------------------- How it is run

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

fn command(folder: &Path, line: &str) -> Command {
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
fn wait(child: &mut Child) -> Result<ExitStatus, Failed> {
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

struct Run {
    code: Option<i32>,
    out: Vec<u8>,
    err: String,
}

fn finish(mut child: Child) -> Result<Run, Failed> {
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

fn run(folder: &Path, line: &str) -> Result<Run, Failed> {
    finish(command(folder, line).spawn()?)
}

/// Runs a line that must succeed, and gives its standard output.
fn output(folder: &Path, line: &str) -> Result<Vec<u8>, Failed> {
    let run = run(folder, line)?;
    if run.code != Some(0) {
        return Err(format!("{line}: exit {:?}\n{}", run.code, run.err).into());
    }
    Ok(run.out)
}

/// All files below a folder, with what they hold.
fn listing(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>, Failed> {
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

fn succeeds(line: &str, expected: &str) -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let before = listing(folder.path())?;
    let out = String::from_utf8(output(folder.path(), line)?)?;
    let right = match expected.strip_suffix("...") {
        Some(start) => out.starts_with(start) && !out.is_empty(),
        None => out == expected,
    };
    if !right {
        return Err(format!("standard output is\n{out}where this was expected:\n{expected}").into());
    }
    if before != listing(folder.path())? { Err("it left a file".into()) } else { Ok(()) }
}

fn makes(line: &str, file: &str) -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let mut expected: Vec<PathBuf> = listing(folder.path())?.into_keys().chain([folder.path().join(file)]).collect();
    expected.sort();
    let out = output(folder.path(), line)?;
    let after = listing(folder.path())?;
    if !out.is_empty() || !after.keys().eq(&expected) || after[&folder.path().join(file)].is_empty() {
        return Err(format!("files: {:?}; {} bytes on standard output", after.keys(), out.len()).into());
    }
    Ok(())
}

fn fails(code: u8, line: &str, expected: &[&str]) -> Check {
    if line.starts_with("NO_GPU=1") && !cfg!(target_os = "linux") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let before = listing(folder.path())?;
    let run = run(folder.path(), line)?;
    let told = |what: &str| Err(format!("{what}; exit {:?}, standard error:\n{}", run.code, run.err).into());
    if run.code != Some(i32::from(code)) {
        return told(&format!("not exit {code}"));
    }
    if let Some(missing) = expected.iter().find(|part| !run.err.contains(**part)) {
        return told(&format!("it does not say {missing:?}"));
    }
    // Our own errors are one paragraph, shown whole; clap's have three.
    let ours = run.err.contains("gradfield: ");
    if !(ours || run.err.starts_with("error: ")) || (ours && run.err.contains("\n\n")) || run.err.len() > 1000 {
        return told("not one paragraph");
    }
    if !run.out.is_empty() || run.err.chars().any(|c| c.is_control() && c != '\n') {
        return told("data on standard output, or a control character on standard error");
    }
    if before != listing(folder.path())? { told("the folder is not as before") } else { Ok(()) }
}

// ---------------------------------------------------------------------------------------------- What is written

fn arrays() -> Check {
    let folder = tempfile::tempdir()?;
    let at = folder.path();
    let shape = |bytes: &[u8]| Ok::<_, Failed>(npyz::NpyFile::new(bytes)?.shape().to_vec());
    for (line, shape_expected) in [
        ("field x --size 5 -o a.npy", &[2u64, 5][..]),
        ("field x+y --size 5x4 -o a.npy", &[3, 4, 5]),
        ("field x+y+z --size 5x4x3 -o a.npy", &[4, 4, 5, 3]),
    ] {
        output(at, line)?;
        assert_eq!(shape(&fs::read(at.join("a.npy"))?)?, shape_expected, "{line}");
    }
    for (line, expected) in [
        ("field 'x^2 y' --size 5x4 -o a.npz", "x [5] y [4] f [4, 5] df_dx [4, 5] df_dy [4, 5] device []"),
        ("field x[1]+x[2] --size 3x2 -o a.npz", "x[1] [3] x[2] [2] f [2, 3] df_dx[1] [2, 3] df_dx[2] [2, 3] device []"),
        ("field pi -o a.npz", "f [] device []"),
        ("descend x+y --starts 7 --steps 4 --every 2 -o a.npz", "step [3] x [3, 7] y [3, 7] f [3, 7] device []"),
    ] {
        output(at, line)?;
        let mut archive = zip::ZipArchive::new(fs::File::open(at.join("a.npz"))?)?;
        let mut found = Vec::new();
        for k in 0..archive.len() {
            let mut entry = archive.by_index(k)?;
            let name = entry.name()?.trim_end_matches(".npy").to_string();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            found.push(format!("{name} {:?}", shape(&bytes)?));
        }
        assert_eq!(found.join(" "), expected, "{line}");
    }
    Ok(())
}

fn pictures() -> Check {
    let folder = tempfile::tempdir()?;
    for (line, expected) in [
        ("plot 'x^2 + y^2' --range=-3:3 --layers arrows --arrows 20x20", (800, 700)),
        ("plot 3x^2+8xy-3y^5 --range -2:2 --size 640x480", (640, 480)),
        ("plot 8x-3 --layers curve,derivative --no-grid --title Line", (800, 600)),
        ("plot sin(x)cos(y) --show grad --map magma_r --size 300", (300, 300)),
        ("plot sin(x)cos(y) --show angle --size 300", (300, 300)),
        ("plot sin(x)cos(y) --show dx^2+dy^2-f --scale symlog --clim -1:1 --size 300", (300, 300)),
        ("plot x[1]^2+x[2] --show dx[1] --size 300", (300, 300)),
        ("plot f^2+g --show -f_ --layers heat --size 300", (300, 300)),
        ("plot -x^2-y^2 --bare --scale log --size 37x41", (37, 41)),
        ("plot ln(-1-x^2-y^2) --size 300", (300, 300)),
        ("plot x --size 1", (1, 1)),
        ("descend x^2+5x+6 --from -8 --lr 0.1 --steps 15", (800, 600)),
        ("descend (1-x)^2+9(y-x^2)^2 --starts 20 --size 300", (300, 300)),
        ("descend x^2+y^2 --starts 1000 --maximize --range -1:1", (800, 700)),
    ] {
        output(folder.path(), &format!("{line} -o a.png"))?;
        let bytes = std::io::Cursor::new(fs::read(folder.path().join("a.png"))?);
        let mut reader = png::Decoder::new(bytes).read_info()?;
        assert_eq!((reader.info().width, reader.info().height), expected, "{line}");
        let mut pixels = vec![0; reader.output_buffer_size().ok_or("a size")?];
        reader.next_frame(&mut pixels)?;
    }
    Ok(())
}

/// What `field` writes, `eval` reads, and gives the same values.
fn table_back() -> Check {
    let folder = tempfile::tempdir()?;
    for precision in ["f32", "f64"] {
        let flags = format!("--precision {precision} --device cpu");
        let first = output(folder.path(), &format!("field exp(x)sin(3y)/7 --size 30x20 -o - --format csv {flags}"))?;
        fs::write(folder.path().join("points.csv"), &first)?;
        let again = output(folder.path(), &format!("eval exp(x)sin(3y)/7 --points points.csv --format csv {flags}"))?;
        assert!(first == again && first.len() > 600 * 20, "{precision}");
    }
    Ok(())
}

fn same_bits() -> Check {
    let folder = tempfile::tempdir()?;
    let lines = [
        "descend sin(3x)*exp(-y^2)+x^2+y^2/7 --starts 5000 --rule adam --steps 50 --every 25 --seed 9",
        "field sin(3x)*exp(-y^2)+ln(1+x^2y^2)*tanh(x-y) --size 301x99 -o - --format npy",
    ];
    for line in lines {
        let expected = output(folder.path(), &format!("{line} --quiet --device cpu --threads 1"))?;
        for (threads, level) in [(2, None), (5, None), (1, Some("avx2")), (2, Some("avx2")), (2, Some("avx512"))] {
            let mut command = command(folder.path(), &format!("{line} --quiet --device cpu --threads {threads}"));
            command.envs(level.map(|level| ("GRADFIELD_SIMD", level)));
            let found = finish(command.spawn()?)?;
            assert!(found.out == expected, "{line}: {threads} threads, {level:?}");
        }
    }
    let other = output(folder.path(), "descend x --starts 9 --steps 1 --seed 10 --quiet")?;
    assert!(other != output(folder.path(), "descend x --starts 9 --steps 1 --seed 11 --quiet")?, "seeds differ");
    Ok(())
}

/// Article 2: 15 steps from -8 with the learning rate 0.1 end at -2.693514.
fn article_descent() -> Check {
    let folder = tempfile::tempdir()?;
    let line = "descend x^2+5x+6 --from -8 --lr 0.1 --steps 15 --precision f64";
    let table = String::from_utf8(output(folder.path(), line)?)?;
    let last = table.lines().last().ok_or("rows")?;
    assert!(table.lines().count() == 17 && last.starts_with("0,15,-2.693514"), "{table}");
    Ok(())
}

fn json_reports() -> Check {
    let folder = tempfile::tempdir()?;
    let parse = |line: &str| {
        let out = output(folder.path(), line)?;
        Ok::<_, Failed>(serde_json::from_slice::<serde_json::Value>(&out)?)
    };
    let points = parse("eval 'x y' --at 1,y=2 --at 3 --format json")?;
    assert_eq!(points[1], serde_json::json!({"x": [3.0, 3.0], "f": 9.0, "gradient": [3.0, 3.0]}));
    let report = parse("verify sin(3x)*exp(-y^2) --size 64 --format json")?;
    assert_eq!((&report["passed"], &report["points"]), (&true.into(), &4096.into()));
    assert_eq!(report["outputs"].as_array().map(Vec::len), Some(3));
    let bench = parse("bench x x+y --size 8 --particles 9 --steps 2 --repetitions 3 --device cpu --format json")?;
    assert_eq!(bench["rows"].as_array().map(Vec::len), Some(4));
    assert_eq!(parse("NO_GPU=1 devices --format json")?[0]["select"], "cpu");
    Ok(())
}

// -------------------------------------------------------------------------------------------------- What goes wrong

fn full_device() -> Check {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let lines = ["grad x", "verify x", "eval x --at 1", "descend x --from 1", "NO_GPU=1 devices", "plot x -o -"];
    for line in lines.into_iter().chain(["bench x --size 8 --particles 2 --device cpu", "plot x+y --bare -o /dev/full"])
    {
        let mut command = command(folder.path(), line);
        command.stdout(fs::OpenOptions::new().write(true).open("/dev/full")?);
        let run = finish(command.spawn()?)?;
        assert!(
            run.code == Some(1) && run.err.contains("no space is left there"),
            "{line}: {:?} {}",
            run.code,
            run.err
        );
    }
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

#[cfg(unix)]
fn not_unicode() -> Check {
    use std::os::unix::ffi::OsStrExt;
    let folder = tempfile::tempdir()?;
    let mut command = command(folder.path(), "grad");
    command.arg(std::ffi::OsStr::from_bytes(b"x\xff+1"));
    let run = finish(command.spawn()?)?;
    assert!(run.code == Some(2) && run.err.contains("UTF-8") && run.out.is_empty(), "{}", run.err);
    Ok(())
}

#[cfg(not(unix))]
fn not_unicode() -> Check {
    Ok(())
}

/// Ctrl-C and `kill` end a long run soon, with nothing half-written.
fn interrupted() -> Check {
    if !cfg!(unix) {
        return Ok(());
    }
    for line in [
        "descend x^2+y^2 --starts 9999 --steps 1000000000000 -o a.npz --device cpu",
        // Dear functions: a run must still be on its way when the signal comes, on a fast machine too.
        "field gamma(2+sin(x*y))*lgamma(3+cos(x*y))*erf(x*y) --size 15000 -o old.npy --device cpu",
        "plot gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --bare --size 100000 -o old.png --device cpu",
        "verify gamma(2+sin(x*y))*lgamma(3+cos(x*y)) --size 9000 --device cpu",
    ] {
        for signal in ["-INT", "-TERM"] {
            let folder = tempfile::tempdir()?;
            given(folder.path())?;
            let before = listing(folder.path())?;
            let child = command(folder.path(), line).spawn()?;
            // Long enough for the program to have set its handler.
            std::thread::sleep(Duration::from_millis(400));
            Command::new("kill").args([signal, &child.id().to_string()]).status()?;
            let run = finish(child)?;
            assert!(
                run.code == Some(130) && run.err.contains("interrupted"),
                "{line} {signal}: {:?} {}",
                run.code,
                run.err
            );
            assert!(run.out.is_empty() && before == listing(folder.path())?, "{line} {signal}: not as before");
        }
    }
    Ok(())
}

/// 16384 x 16384 pixels, 805 MB, in less than 300 MB.
fn bare_memory() -> Check {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let line = "plot sin(3x)*exp(-y^2)+x*y --bare --size 16384x16384 --device cpu -o a.png";
    let mut child = command(folder.path(), line).spawn()?;
    let mut peak = 0;
    while child.try_wait()?.is_none() {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = kib.map_or(peak, |kib| peak.max(kib));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(finish(child)?.code == Some(0) && (1..300_000).contains(&peak), "{peak} KiB");
    Ok(())
}
