//! `gradfield verify` as a user runs it: its report, and its exit code with and without a fault.

use crate::agree::require;
use crate::engines::{ENGINES, Engine, program};
use libtest_mimic::{Failed, Trial};
use std::process::Command;

const EXPRESSION: &str = "sin(3x)*exp(-y^2)+ln(1+x^2 y^2)*tanh(x-y)";

pub(crate) fn tests() -> Vec<Trial> {
    let mut tests = vec![Trial::test("verify::points_of_a_file", points_of_a_file)];
    for engine in ENGINES.into_iter().filter(|engine| engine.name != "reference") {
        let name = format!("{}::{}::verify", engine.name, engine.precision.name());
        tests.push(Trial::test(format!("{name}::passes"), move || passes(engine)).with_ignored_flag(!engine.runs()));
        let steps = move || steps_of_a_rule(engine);
        tests.push(Trial::test(format!("{name}::steps_of_a_rule"), steps).with_ignored_flag(!engine.runs()));
        if engine.name == "gpu" {
            let test = move || fails_with_a_fault(engine);
            tests.push(Trial::test(format!("{name}::fails_with_a_fault"), test).with_ignored_flag(!engine.runs()));
        }
    }
    tests
}

fn command(engine: Engine) -> Command {
    let mut command = Command::new(program());
    command.args(["verify", EXPRESSION, "--range=-3:3", "--size", "512", "--device", engine.name]);
    command.args(["--precision", engine.precision.name(), "--format", "json"]);
    command
}

fn passes(engine: Engine) -> Result<(), Failed> {
    let output = command(engine).output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let outputs = report["outputs"].as_array().map_or(0, Vec::len);
    let judged = report["outputs"][0]["judged"].as_u64();
    let right = report["passed"] == true && outputs == 3 && judged == Some(512 * 512);
    require(output.status.code() == Some(0) && right, || format!("{:?}: {report:#}", output.status))
}

/// The points of a table, the last of which is past the reach of the sine.
fn points_of_a_file() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("points.csv");
    std::fs::write(&file, "y,x\n2,1\n-1,0.5\n3,1e7\n")?;
    let mut command = Command::new(program());
    command.args(["verify", "sin(x) y", "--format", "json", "--points"]).arg(&file);
    let output = command.output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let counts = (report["points"].as_u64(), report["outputs"][0]["judged"].as_u64());
    require(output.status.code() == Some(0) && counts == (Some(3), Some(2)), || format!("{report:#}"))?;
    let both = command.args(["--size", "9"]).output()?;
    let told = String::from_utf8_lossy(&both.stderr).into_owned();
    require(both.status.code() == Some(2) && told.contains("--size"), || told)
}

/// Ten steps of a rule with a state, each from where the engine itself has come; flags of a rule need one.
fn steps_of_a_rule(engine: Engine) -> Result<(), Failed> {
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program());
        command.args(["verify", "(1 - x)^2 + 10(y - x^2)^2", "--size", "40", "--format", "json"]).args(arguments);
        command.args(["--device", engine.name, "--precision", engine.precision.name()]).output()
    };
    let output = run(&["--rule", "adam", "--lr", "0.05", "--steps", "10"])?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let outputs = report["outputs"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = outputs.iter().filter_map(|output| output["name"].as_str()).collect();
    let judged: u64 = outputs.iter().filter_map(|output| output["judged"].as_u64()).sum();
    let right = output.status.code() == Some(0) && names[..2] == ["x", "y"] && judged > 6 * 10 * 1500;
    require(right && names.len() == 6, || format!("{:?}: {report:#}", output.status))?;
    let alone = run(&["--lr", "0.05"])?;
    let told = String::from_utf8_lossy(&alone.stderr).into_owned();
    require(alone.status.code() == Some(2) && told.contains("--rule"), || told)
}

/// A wrong operation, and right operations whose results are stored in the wrong place.
fn fails_with_a_fault(engine: Engine) -> Result<(), Failed> {
    let store = |output: usize| format!("results[(1u * job.section + index) / EACH] = W(o0.v{output}");
    for fault in ["return m_sin(a)=>return a".to_string(), format!("{}=>{}", store(1), store(2))] {
        let output = command(engine).env("GRADFIELD_FAULT", &fault).output()?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let failed = output.status.code() == Some(3) && report["passed"] == false;
        require(failed, || format!("{fault}: {:?}: {report:#}", output.status))?;
    }
    Ok(())
}
