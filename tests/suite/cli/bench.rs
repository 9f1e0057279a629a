//! `bench`: the shapes of its reports. Nothing here depends on how long anything takes.

use super::Check;
use super::run::{output, run};
use crate::engines::ENGINES;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// A small function in two sizes of each work.
const SMALL: &str = "bench x^2+y --size 8,16 --particles 5,9 --steps 3 --repetitions 3";

pub(super) fn tests() -> Vec<Trial> {
    let gpu = ENGINES.iter().find(|engine| engine.name == "gpu").is_some_and(|engine| engine.runs());
    let tests: [super::Test; 5] = [
        ("bench: the report as text", text),
        ("bench: the report as JSON", json),
        ("bench: the report as CSV", csv),
        ("bench: the report as a picture", picture),
        ("bench: --quick", quick),
    ];
    let tests = tests.into_iter().map(|(name, test)| Trial::test(format!("cli: {name}"), test));
    let software = Trial::test("cli: bench: a software adapter is no GPU", software).with_ignored_flag(!gpu);
    tests.chain([software]).collect()
}

fn parse(folder: &Path, line: &str) -> Result<Value, Failed> {
    Ok(serde_json::from_slice(&output(folder, line)?)?)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text() -> Check {
    let folder = tempfile::tempdir()?;
    let seen = run(folder.path(), &format!("{SMALL} --precision f32,f64 --device cpu"))?;
    let out = String::from_utf8(seen.out)?;
    for part in [
        "CPU            CPU, ",
        "; memory: fill ",
        "reference      f64 reference, one thread\n",
        "\nx^2+y (f32)\n  grid: f and gradient\n    engine ",
        "\nx^2+y (f64)\n",
        "\n  descent: gd\n",
        "Gpoints/s",
        "of memory",
        " 16 x 16 ",
        " 9 x 3 ",
        "use the CPU for this: no hardware GPU was measured\n",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    // A line for each case: two works, two sizes, f32 and f64 on the CPU, and the reference in f64.
    assert_eq!(seen.err.lines().count(), 12, "{}", seen.err);
    assert!(seen.err.starts_with("1/12 x^2+y, 8 x 8 points, f32, CPU: "), "{}", seen.err);
    let quiet = run(folder.path(), &format!("{SMALL} --precision f32 --work grid --device cpu --quiet"))?;
    let out = String::from_utf8(quiet.out)?;
    assert!(quiet.err.is_empty() && out.contains("grid: f") && !out.contains("descent"), "{out}{}", quiet.err);
    Ok(())
}

fn json() -> Check {
    let folder = tempfile::tempdir()?;
    let report = parse(folder.path(), &format!("{SMALL} --precision f64,f32 --device cpu --format json"))?;
    let rows = list(&report["rows"]);
    assert_eq!((rows.len(), list(&report["verdicts"]).len(), list(&report["engines"]).len()), (8, 4, 2));
    for row in rows {
        assert!(row["gpu_speedup"].is_null() && row["expression"] == "x^2+y", "{row}");
        let engines = list(&row["engines"]);
        assert_eq!(engines.len(), if row["precision"] == "f64" { 2 } else { 1 }, "{row}");
        for engine in engines {
            let [min, median, max, first] =
                ["min", "median", "max", "first"].map(|key| engine[key].as_f64().unwrap_or(f64::NAN));
            assert!(0.0 < min && min <= median && median <= max && first > 0.0, "{engine}");
            assert_eq!(list(&engine["seconds"]).len(), 3);
            let limit = if engine["precision"] == "f32" { 1e-5 } else { 1e-12 };
            assert!(engine["error"].as_f64().is_some_and(|error| error < limit), "{engine}");
            assert_eq!(engine["error_sample"]["finite_on_one_side"], 0);
            assert_eq!(engine["bytes_per_second"].is_null(), row["work"] != "grid: f and gradient", "{engine}");
        }
    }
    let memory = &report["engines"][0]["memory"];
    assert!(memory["fill"].as_f64() > Some(1e6) && memory["copy"].as_f64() > Some(1e6), "{memory}");
    for verdict in list(&report["verdicts"]) {
        assert!(verdict["advice"].as_str().is_some_and(|text| text.starts_with("use the CPU for this")), "{verdict}");
        assert!(verdict["break_even"].is_null());
    }
    Ok(())
}

fn csv() -> Check {
    let folder = tempfile::tempdir()?;
    output(folder.path(), &format!("{SMALL} --precision f32 --device cpu -o a.csv --quiet"))?;
    let table = fs::read_to_string(folder.path().join("a.csv"))?;
    let header = table.lines().next().unwrap_or_default();
    assert!(header.starts_with("expression,work,precision,device,kind,size,steps,units,repetitions,first,min,median"));
    assert!(header.contains(",error,") && header.ends_with("speedup,speedup_uncertainty"), "{header}");
    // Two works, two sizes, the CPU and the reference.
    assert_eq!(table.lines().count(), 1 + 8, "{table}");
    let standard = output(folder.path(), &format!("{SMALL} --precision f32 --device cpu -o - --format csv --quiet"))?;
    assert_eq!(String::from_utf8(standard)?.lines().next(), Some(header));
    Ok(())
}

fn picture() -> Check {
    let folder = tempfile::tempdir()?;
    let line = format!("{SMALL} x --precision f32,f64 --device cpu -o a.png -o b.json -o c.csv");
    output(folder.path(), &line)?;
    let bytes = std::io::Cursor::new(fs::read(folder.path().join("a.png"))?);
    let mut reader = png::Decoder::new(bytes).read_info()?;
    // Two functions downwards, two works across.
    assert_eq!((reader.info().width, reader.info().height), (2 * 760, 2 * 520));
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("a size")?];
    reader.next_frame(&mut pixels)?;
    assert!(pixels.chunks(4).filter(|pixel| pixel[..3] == [0x1F, 0x77, 0xB4]).count() > 500, "the line of the CPU");
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("b.json"))?)?;
    assert_eq!(list(&report["rows"]).len(), 16);
    assert!(folder.path().join("c.csv").exists());
    Ok(())
}

fn quick() -> Check {
    let folder = tempfile::tempdir()?;
    let report = parse(folder.path(), "bench --quick --size 8 --particles 4 --device cpu --format json --quiet")?;
    // Two functions, two works, one size and one format.
    assert_eq!(list(&report["rows"]).len(), 4);
    assert_eq!((&report["rows"][1]["steps"], &report["rows"][1]["precision"]), (&100.into(), &"f32".into()));
    Ok(())
}

/// On a software adapter; where there is a GPU in hardware its ratio is told.
fn software() -> Check {
    let folder = tempfile::tempdir()?;
    let flags = "--precision f32 --device gpu --fast-math -o a.json";
    let out = String::from_utf8(output(folder.path(), &format!("{SMALL} {flags}"))?)?;
    let report: Value = serde_json::from_slice(&fs::read(folder.path().join("a.json"))?)?;
    assert_eq!(list(&report["engines"]).len(), 4);
    let hardware = report["engines"][1]["kind"] == "gpu";
    assert_eq!(out.contains("software adapter"), !hardware, "{out}");
    assert_eq!(out.contains("speed-up") && out.contains("break-even"), hardware, "{out}");
    assert!(out.contains("kernel ") && out.contains("readback "), "{out}");
    for row in list(&report["rows"]) {
        assert_eq!(row["gpu_speedup"].is_null(), !hardware, "{row}");
        let stages = &row["engines"][1]["stages"];
        assert!(stages["kernel"].as_f64() >= Some(0.0) && stages["readback"].as_f64() > Some(0.0), "{row}");
        assert!(row["engines"][1]["compile"].as_f64() > Some(0.0) && row["engines"][0]["stages"].is_null(), "{row}");
    }
    Ok(())
}
