//! `gradfield devices --probe`, `--fast-math`, and the table of accuracy in the docs.

use crate::agree::require;
use crate::engines::{Engine, program};
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::backend::cpu::Cpu;
use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

pub(crate) fn tests() -> Vec<Trial> {
    let gpu = Engine { name: "gpu", precision: Precision::F32 }.runs();
    let fused = Cpu::new(Some(1)).is_ok_and(|cpu| cpu.fuses());
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md").is_file();
    vec![
        Trial::test("probe::the_cpu_keeps_its_promises", || keeps("cpu", "avx512")),
        Trial::test("probe::the_cpu_keeps_its_promises_with_avx2", || keeps("cpu", "avx2")),
        Trial::test("probe::the_cpu_keeps_its_promises_without_fma", || keeps("cpu", "baseline")),
        Trial::test("probe::the_gpu_keeps_its_promises", || keeps("gpu", "avx512")).with_ignored_flag(!gpu),
        Trial::test("probe::a_broken_operation_is_named", broken).with_ignored_flag(!gpu),
        Trial::test("probe::fast_math_is_said_everywhere", fast_math).with_ignored_flag(!gpu),
        Trial::test("probe::fast_math_is_for_gpus", fast_math_on_the_cpu),
        Trial::test("probe::a_rounding_that_breaks_the_promise_is_reckoned_with", measured).with_ignored_flag(!gpu),
        Trial::test("probe::the_table_in_the_docs_is_new", docs_are_new).with_ignored_flag(!fused || !docs),
    ]
}

/// Runs the program with a fault in its shaders, if one is given.
fn run(arguments: &[&str], fault: &str) -> Result<Output, Failed> {
    let environment = if fault.is_empty() { vec![] } else { vec![("GRADFIELD_FAULT", fault)] };
    Ok(Command::new(program()).args(arguments).envs(environment).output()?)
}

fn probe(device: &str, variable: &str, value: &str) -> Result<(Option<i32>, Value), Failed> {
    let arguments = ["devices", "--probe", "--device", device, "--format", "json"];
    let output = Command::new(program()).args(arguments).env(variable, value).output()?;
    Ok((output.status.code(), serde_json::from_slice(&output.stdout)?))
}

/// All operations of a way of computing.
fn operations(way: &Value) -> Vec<&Value> {
    way["operations"].as_array().map(|all| all.iter().collect()).unwrap_or_default()
}

/// `level`: the SIMD instructions that the CPU may use, if it has them.
fn keeps(device: &str, level: &str) -> Result<(), Failed> {
    let (code, report) = probe(device, "GRADFIELD_SIMD", level)?;
    let ways = report[0]["ways"].as_array().cloned().unwrap_or_default();
    require(code == Some(0) && report[0]["passed"] == true && ways.len() >= 2, || format!("{code:?} {report:#}"))?;
    for way in ways.iter().filter(|way| way["fast_math"] == false) {
        let all = operations(way);
        require(all.len() == gradfield::op::TABLE.len(), || format!("{} operations", all.len()))?;
        let count = |one: &Value, of: &str| one[of].as_u64().unwrap_or(0);
        let tried = all.iter().all(|one| count(one, "points") + count(one, "special") > 10_000);
        let found = all.iter().filter(|one| one["worst_ulp"].as_f64().unwrap_or(0.0) >= 0.49).count();
        // Forty operations round; were it fewer, the comparison would be blind.
        require(tried && found >= 40, || format!("{found} operations round: {way:#}"))?;
    }
    Ok(())
}

/// A wrong function, an error just beyond the promise, and a zero of the wrong sign are each reported by name.
fn broken() -> Result<(), Failed> {
    let faults = [
        ("return m_cosh(a)=>return a", "cosh"),
        ("return m_exp(a)=>return R(1.0000012) * m_exp(a)", "exp"),
        ("return m_atan(a)=>return m_atan(a) + zero()", "atan"),
    ];
    for (fault, name) in faults {
        let (code, report) = probe("gpu", "GRADFIELD_FAULT", fault)?;
        let way = &report[0]["ways"][0];
        let named = operations(way).into_iter().filter(|one| {
            let promised = one["allowed_ulp"].as_f64().unwrap_or(f64::INFINITY);
            let beyond = one["worst_ulp"].as_f64().is_none_or(|worst| worst > promised * (1.0 + 1e-12));
            beyond || one["wrong"].as_array().is_some_and(|wrong| !wrong.is_empty())
        });
        let named: Vec<&str> = named.filter_map(|one| one["operation"].as_str()).collect();
        require(code == Some(3) && named == [name], || format!("{fault}: {code:?}, {named:?}"))?;
    }
    let text = run(&["devices", "--probe", "--device", "gpu"], "return m_cosh(a)=>return a")?;
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    require(text.contains("BROKEN: cosh in f32"), || text)
}

/// `verify` takes the measured error where a promise is broken by a rounding, and says so.
fn measured() -> Result<(), Failed> {
    let arguments = ["verify", "exp(x) y", "--device", "gpu", "--size", "64"];
    let output = run(&arguments, "return m_exp(a)=>return R(1.0000012) * m_exp(a)")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    require(output.status.code() == Some(0) && text.contains("`exp` is off by up to"), || text)
}

fn fast_math() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let on_gpu = ["--device", "gpu", "--fast-math", "--size", "33", "-q"];
    let arguments = |first: &[&str]| -> Vec<String> { first.iter().chain(&on_gpu).map(ToString::to_string).collect() };
    let call = |first: &[&str]| {
        let all = arguments(first);
        run(&all.iter().map(String::as_str).collect::<Vec<_>>(), "")
    };
    let report = call(&["verify", "sin(x) exp(y)", "--format", "json"])?;
    let document: Value = serde_json::from_slice(&report.stdout)?;
    let device = document["device"].as_str().unwrap_or("").to_string();
    require(report.status.code() == Some(0) && device.ends_with("fast-math"), || format!("{document:#}"))?;
    for (command, name) in [("plot", "a.png"), ("field", "a.npz")] {
        let output = call(&[command, "sin(x) exp(y)", "-o", &path(name)])?;
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        // In an .npz a character has four bytes.
        let wide: Vec<u8> = "fast-math".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        let said = bytes.windows(9).any(|part| part == b"fast-math") || bytes.windows(36).any(|part| part == wide);
        require(output.status.success() && said, || format!("{command}: {}", String::from_utf8_lossy(&output.stderr)))?;
    }
    let quiet = on_gpu.iter().filter(|text| **text != "-q");
    let loud: Vec<&str> = ["verify", "sin(x) exp(y)"].iter().chain(quiet).copied().collect();
    let noted = String::from_utf8_lossy(&run(&loud, "")?.stderr).into_owned();
    require(noted.contains("--fast-math"), || noted)
}

fn fast_math_on_the_cpu() -> Result<(), Failed> {
    let output = run(&["verify", "sin(x)", "--device", "cpu", "--fast-math"], "")?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    require(output.status.code() == Some(2) && text.contains("--device gpu"), || text)
}

/// The sections of a page by their headings.
fn sections(page: &str) -> Vec<(&str, &str)> {
    page.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect()
}

/// Every device of the page that is here as well measures the same; the CPU is.
fn docs_are_new() -> Result<(), Failed> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/accuracy.md"))?;
    let output = run(&["devices", "--probe", "--format", "markdown"], "")?;
    let now = String::from_utf8(output.stdout)?;
    let remake =
        "docs/accuracy.md is old; make it anew: gradfield devices --probe --format markdown > docs/accuracy.md";
    let (old, new) = (sections(&page), sections(&now));
    require(old.first().map(|(heading, _)| heading) == new.first().map(|(heading, _)| heading), || remake.to_string())?;
    require(page.split("\n## ").next() == now.split("\n## ").next(), || remake.to_string())?;
    for (heading, section) in &old {
        let again = new.iter().find(|(other, _)| other == heading).map_or(*section, |(_, again)| again);
        let differ = section.lines().zip(again.lines()).find(|(a, b)| a != b);
        require(section.trim() == again.trim(), || format!("{remake}\n{heading}: {differ:?}"))?;
    }
    Ok(())
}
