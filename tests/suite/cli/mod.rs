//! The command line: the built program, as a user calls it.
//!
//! A case is a line of text, split at blanks (`'...'` keeps them), run in a folder of its own that holds the files of
//! [`given`]. A case that fails must leave that folder as it was, say nothing on standard output, and say one
//! paragraph on standard error. `lines.rs` has them, `run.rs` runs them, `stops.rs` and `faults.rs` have runs that are
//! stopped and GPUs that fail, `bench.rs` the reports of `bench`, `minimize.rs` the shares of `minimize`, `hops.rs` its hops, `resume.rs` its
//! stops and checkpoints, `tiles.rs`, `from.rs` and `movie.rs` pyramids of tiles, pictures made again and pictures that move. `NO_GPU=1` before a command hides the drivers.

mod bench;
mod faults;
mod from;
mod hops;
mod lines;
mod minimize;
mod movie;
mod resume;
mod run;
mod samples;
mod stops;
mod tiles;

use libtest_mimic::{Failed, Trial};
use lines::{BAD, GOOD, MADE, long_expressions};
use run::{command, finish, given, listing, output, run};
use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

type Check = Result<(), Failed>;
type Test = (&'static str, fn() -> Check);

pub(crate) fn tests() -> Vec<Trial> {
    let good = GOOD.iter().map(|(line, out)| trial(line, move || succeeds(line, out)));
    let made = MADE.iter().map(|(line, files)| trial(line, move || makes(line, files)));
    let bad = BAD.iter().map(|(code, line, err)| trial(line, move || fails(*code, line, err)));
    let long = long_expressions().into_iter();
    let long = long.map(|(name, text, err)| trial(name, move || fails(2, &format!("grad {text}"), &[err])));
    let tests: [Test; 12] = [
        ("arrays have numpy's shapes", arrays),
        ("pictures have the pixels asked for", pictures),
        ("any atan2 is a direction", directions),
        ("notes say what a picture does not show", picture_notes),
        ("a table is read back to the bit", table_back),
        ("same seed, same answer, whatever the threads and lanes", same_bits),
        ("the last iterate of the article", article_descent),
        ("how particles ended is told", descent_told),
        ("reports are JSON", json_reports),
        ("a device that is full", full_device),
        ("an argument that is not UTF-8", not_unicode),
        ("a large bare picture needs little memory", bare_memory),
    ];
    let tests = tests.into_iter().map(|(name, test)| trial(name, test));
    let without = Trial::test("cli: no GPU engine in this build", || {
        fails(1, "field x -o old.npy --device gpu", &["built without its feature `gpu`", "--device cpu"])
    });
    let without = without.with_ignored_flag(cfg!(feature = "gpu"));
    let all = good.chain(made).chain(bad).chain(long).chain(tests).chain([without]);
    all.chain(bench::tests())
        .chain(hops::tests())
        .chain(minimize::tests())
        .chain(resume::tests())
        .chain(from::tests())
        .chain(movie::tests())
        .chain(stops::tests())
        .chain(tiles::tests())
        .chain(faults::tests())
        .chain(samples::tests())
        .collect()
}

/// A test; one that asks for shaders or for adapters is ignored in a build without the feature `gpu`.
fn trial(name: &str, test: impl FnOnce() -> Check + Send + 'static) -> Trial {
    let asks = name.contains("--format wgsl") || name.starts_with("NO_GPU=1") && name.contains("--device gpu");
    Trial::test(format!("cli: {name}"), test).with_ignored_flag(asks && !cfg!(feature = "gpu"))
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
        (
            "descend x+y --starts 7 --steps 4 --every 2 --rule gd,adam -o a.npz",
            "step [3] x [2, 3, 7] y [2, 3, 7] f [2, 3, 7] rule [2] device []",
        ),
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
        ("plot x*y --layers heat,streamlines --downhill --density 2 --size 300", (300, 300)),
        ("plot x^2+y^3 --layers streamlines --by-magnitude --map plasma --scale log --size 300", (300, 300)),
        ("plot x^2+y^3 --layers streamlines,arrows --size 3", (3, 3)),
        ("plot 0x*y --layers streamlines --size 300", (300, 300)),
        ("plot -x^2-y^2 --bare --scale log --size 37x41", (37, 41)),
        ("plot -x^2-y^2 --bare --scale equalised --size 37x41", (37, 41)),
        ("plot -x^2-y^2 --bare --layers hillshade,contour,arrows --size 37x41", (37, 41)),
        ("plot x^3-y --layers hillshade,contour,critical,heat --size 1700x2000", (1700, 2000)),
        ("plot sin(x)cos(y) --layers heat,contours,arrows --levels 5 --size 300", (300, 300)),
        ("plot sin(x)cos(y) --layers bands,contour --levels=-0.5,0,1/3 --show laplacian --size 300", (300, 300)),
        ("plot x[1]^2-x[2]^2 --layers heat,hillshade --show curvature --scale equalised --size 300", (300, 300)),
        ("plot sqrt(x*y) --layers hillshade --light around:60 --relief 0.5 --size 300", (300, 300)),
        ("plot sin(x)cos(y) --layers heat,lic --show grad --size 300", (300, 300)),
        ("plot ln(x+y) --layers lic,contour --oriented --lic-length 40 --lic-grain 2 --size 300", (300, 300)),
        ("plot x*y --layers lic --size 2", (2, 2)),
        ("plot x^2+y^4 --layers contour --show dxx+dyy-dxy --scale log --size 300", (300, 300)),
        ("plot ln(-1-x^2-y^2) --size 300", (300, 300)),
        ("plot x --size 1", (1, 1)),
        ("descend x^2+5x+6 --from -8 --lr 0.1 --steps 15", (800, 600)),
        ("descend (1-x)^2+9(y-x^2)^2 --starts 20 --size 300", (300, 300)),
        ("descend x^2+y^2 --starts 1000 --maximize --range -1:1", (800, 700)),
        ("descend (1-x)^2+9(y-x^2)^2 --starts 3 --rule gd,adam,momentum --size 300", (300, 300)),
        ("descend x^4-x^2 --from 1 --rule gd --rule momentum:beta=0.5 --size 300", (300, 300)),
        ("descend x^4-x^2+y^2 --starts 3000 --density --size 300", (300, 300)),
        ("plot x^4-x^2+y^2 --layers basins --size 300", (300, 300)),
        ("plot x^4-x^2+y^2 --layers steps,contour --method newton --size 300", (300, 300)),
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

/// A note for each picture without lines; it also shows second derivatives that are known: of x^2 + y^2, and of a
/// sphere of radius 2.
/// A direction has the colours of a whole turn however it is written, unless these are said; what is none has not.
fn directions() -> Check {
    let folder = tempfile::tempdir()?;
    let pixels = |words: &str| {
        output(folder.path(), &format!("plot x*y+x^3 --layers heat --bare --size 90x80 --quiet {words} -o a.png"))?;
        tiles::picture(&folder.path().join("a.png")).map(|(_, _, pixels)| pixels)
    };
    let turn = pixels("--show angle")?;
    for same in ["--show atan2(dy,dx)", "--show atan2(x,y+3x^2)", "--show angle --clim=-pi:pi --map sinebow"] {
        assert!(pixels(same)? == turn, "{same}");
    }
    for other in ["--show atan2(dy,dx)+0.1", "--show angle --clim=-3:3", "--show angle --map viridis", "--show f"] {
        assert!(pixels(other)? != turn, "{other}");
    }
    Ok(())
}

fn picture_notes() -> Check {
    let folder = tempfile::tempdir()?;
    for (line, expected) in [
        ("x^2+y^2 --show laplacian", "note: laplacian is 4.0 everywhere here"),
        ("3x-2y --show curvature", "note: curvature is 0.0 everywhere here"),
        ("-sqrt(4-x^2-y^2) --range=-1:1 --show curvature --levels 9,", "runs from 0.500000 to 0.500000 here"),
        ("x*y --show dxy", "note: dxy is 1.0 everywhere here"),
        ("sqrt(-1-x^2-y^2)", "note: f is nowhere a finite number here"),
        ("x+y --levels 7,8", "note: no level is drawn: f runs from -"),
    ] {
        let line = format!("plot {line} --layers contour --precision f64 --size 200 -o a.png");
        let told = run(folder.path(), &line)?;
        assert!(told.err.contains(expected) && told.code == Some(0), "{line}: {}", told.err);
        let quiet = run(folder.path(), &format!("{line} --quiet"))?;
        assert!(quiet.err.is_empty(), "{line}: {}", quiet.err);
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
        "descend sin(3x)*exp(-y^2)+x^2+y^2/7 --starts 6000 --rule adam --steps 50 --every 25 --seed 9",
        "field sin(3x)*exp(-y^2)+ln(1+x^2y^2)*tanh(x-y) --size 701x499 -o - --format npy",
    ];
    let run = |line: &str, threads: usize, level: &str, native: &str| {
        let mut command = command(folder.path(), &format!("{line} --quiet --device cpu --threads {threads}"));
        let found = finish(command.envs([("GRADFIELD_SIMD", level), ("GRADFIELD_NATIVE", native)]).spawn()?)?;
        Ok::<_, Failed>(found.out)
    };
    for line in lines {
        let expected = run(line, 1, "avx512", "0")?;
        assert!(expected.len() > 300_000, "{line}");
        for (threads, level, native) in
            [(2, "avx512", "1"), (5, "avx512", "1"), (1, "avx2", "0"), (2, "avx2", "1"), (2, "avx512", "0")]
        {
            let found = run(line, threads, level, native)?;
            assert!(found == expected, "{line}: {threads} threads, {level}, native {native}");
        }
    }
    // Pictures too; their texts differ by the command.
    for line in [
        "descend sin(3x)*exp(-y^2)+x^2+y^2/7 --starts 70000 --density --steps 20 --size 200 -o a.png",
        "plot (x^2+y-11)^2+(x+y^2-7)^2 --range=-5:5 --layers basins --size 200 -o a.png",
    ] {
        let pixels = |threads: usize, level: &str| {
            run(line, threads, level, "1")?;
            let bytes = std::io::Cursor::new(fs::read(folder.path().join("a.png"))?);
            let mut reader = png::Decoder::new(bytes).read_info()?;
            let mut pixels = vec![0; reader.output_buffer_size().ok_or("a size")?];
            reader.next_frame(&mut pixels)?;
            Ok::<_, Failed>(pixels)
        };
        let expected = pixels(1, "avx512")?;
        assert!(expected == pixels(3, "avx512")? && expected == pixels(2, "avx2")?, "{line}");
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

fn descent_told() -> Check {
    let folder = tempfile::tempdir()?;
    for (line, expected) in [
        (
            "x^2+5x+6 --from -8 --lr 0.1 --steps 15",
            "after 15 steps the best f = -0.21255207 at x = -2.693514; 1 steps_used_up\n",
        ),
        (
            "x^2+y^2 --starts 40 --lr 0.5 --steps 1 --seed 2",
            " after 1 step the best f = 0 at x = 0, y = 0; 40 converged\n",
        ),
        ("sqrt(x) --from 4 --from 0.1 --lr 1 --steps 2", "; 1 value_not_finite, 1 steps_used_up\n"),
        ("sqrt(x) --from 4 --from 0.1 --lr 1 --steps 2", "\n1 of 2 particles ended where f "),
        ("-x^4 --from 0 --from 1 --lr 1 --steps 9", "; 1 converged, 1 value_not_finite\n"),
        ("-x^2 --from 0 --from 1 --from 1e-5 --lr 1 --steps 22", "; 1 converged, 1 left_the_domain, 1 steps_used_up\n"),
        ("x^2-y^2 --range=-1:1 --starts 9 --rule gd,bfgs --steps 0", "bfgs: after 0 steps the best f = "),
        ("1000sin(x)*sin(y) --range=-3:3 --starts 50 --rule gd --lr 3e-4 --steps 400", "; 50 rounding_floor\n"),
    ] {
        let told = run(folder.path(), &format!("descend {line} --device cpu"))?;
        let found = format!(" {}", told.err);
        assert!(found.contains(expected) && told.code == Some(0), "{line}: {found}");
        let quiet = run(folder.path(), &format!("descend {line} --quiet"))?;
        assert!(quiet.err.is_empty(), "{line}: {}", quiet.err);
    }
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
    let files = [
        "plot x+y --bare -o /dev/full",
        "descend x+y --starts 5 --steps 9 --size 300 --format gif -o /dev/full",
        "descend x+y --starts 5 --steps 9 --size 300 --format apng -o /dev/full",
        "bench x --size 8 --particles 2 --device cpu",
    ];
    for line in lines.into_iter().chain(files) {
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
