//! A GPU that fails in the midst of a run: `GRADFIELD_FAULT` makes it. The user sees one error and no half-written file.

use super::Check;
use super::run::{command, finish, given, listing};
use crate::engines::ENGINES;
use libtest_mimic::Trial;

pub(super) fn tests() -> Vec<Trial> {
    let runs = ENGINES.iter().find(|engine| engine.name == "gpu").is_some_and(|engine| engine.runs());
    let cases = CASES.iter().flat_map(|(fault, err)| LINES.iter().map(move |line| (fault, err, line)));
    let trial = |(fault, err, line): (&'static &str, &'static &str, &'static &str)| {
        Trial::test(format!("cli: {fault}: {line}"), move || fails(fault, line, err)).with_ignored_flag(!runs)
    };
    cases.map(trial).collect()
}

/// What the driver does, and what is said.
const CASES: &[(&str, &str)] = &[
    ("memory, reserving, 5", "ran out of memory while reserving"),
    ("memory, sending data, 2", "ran out of memory while sending data"),
    ("validation, compiling the shader, 0", "failed while compiling the shader: injected"),
    ("validation, starting work, 1", "failed while starting work: injected"),
    ("internal, fetching results, 0", "failed while fetching results: injected"),
    ("lost, starting work, 1", "was lost while starting work: injected"),
    ("lost, waiting, 1", "was lost while waiting for results: injected"),
    // wgpu panics without having told of the loss.
    ("internal, waiting, 1", "was lost while waiting for results. Its driver was reset"),
];

const LINES: &[&str] = &[
    "field x^2+y --size 100 -o old.npy --device gpu",
    "plot x+y --bare --size 300 -o old.png --device gpu",
    "descend x^2+y^2 --starts 99 --steps 50 -o a.csv --device gpu",
];

fn fails(fault: &str, line: &str, expected: &str) -> Check {
    let folder = tempfile::tempdir()?;
    given(folder.path())?;
    let before = listing(folder.path())?;
    let run = finish(command(folder.path(), &format!("{line} --quiet")).env("GRADFIELD_FAULT", fault).spawn()?)?;
    let mut said = run.err.lines();
    let note = said.next().unwrap_or_default();
    let error = said.next().unwrap_or_default();
    let right = note.starts_with("note: GRADFIELD_FAULT")
        && error.starts_with("gradfield: ")
        && error.contains(expected)
        && error.contains("--device cpu")
        && said.next().is_none();
    assert!(right && run.code == Some(1) && run.out.is_empty(), "{:?}: {}", run.code, run.err);
    assert!(before == listing(folder.path())?, "the folder is not as before");
    Ok(())
}
