//! What `bench` found, as JSON and as CSV.
//!
//! Each row of the JSON is a case with its engines; each row of the CSV is a case on one engine. Times are in seconds,
//! rates by second.

use super::engines::Engine;
use super::findings::{Findings, Found, Group, Row};
use super::table::work_name;
use crate::cli::Failure;
use gradfield::files::{Column, Output};
use serde_json::{Value, json};

/// The whole as JSON.
pub(super) fn document(findings: &Findings) -> Value {
    let engines: Vec<Value> = findings.engines.iter().map(engine).collect();
    let rows: Vec<Value> = findings
        .groups
        .iter()
        .flat_map(|group| group.rows.iter().map(move |one| row(group, one, &findings.engines)))
        .collect();
    let verdicts: Vec<Value> = findings.groups.iter().map(verdict).collect();
    json!({"engines": engines, "rows": rows, "verdicts": verdicts})
}

fn engine(engine: &Engine) -> Value {
    json!({
        "name": engine.backend.describe(), "tag": engine.tag, "kind": engine.sort.name(), "open": engine.start,
        "memory": engine.memory,
    })
}

fn row(group: &Group, row: &Row, engines: &[Engine]) -> Value {
    let found: Vec<Value> = row.found.iter().map(|found| case(found, engines)).collect();
    let ratio = row.found.iter().find_map(|found| row.speedup(found, engines));
    json!({
        "expression": group.text, "work": work_name(&group.work), "precision": group.precision.name(),
        "size": row.size, "steps": group.work.steps(), "units": group.work.units(row.size), "engines": found,
        "gpu_speedup": ratio,
    })
}

fn case(found: &Found, engines: &[Engine]) -> Value {
    let (seen, engine) = (&found.measurement, &engines[found.engine]);
    let share = seen.bytes_per_second().zip(engine.memory).map(|(rate, memory)| rate / memory.best());
    json!({
        "device": engine.backend.describe(), "kind": engine.sort.name(), "precision": found.precision.name(),
        "first": seen.first, "min": seen.samples.min(), "median": seen.samples.median(), "max": seen.samples.max(),
        "spread": seen.samples.spread(), "seconds": seen.samples.seconds, "per_second": seen.per_second(),
        "bytes_per_second": seen.bytes_per_second(), "memory_share": share, "error": seen.deviation.map(|d| d.worst),
        "error_sample": seen.deviation.map(|d| json!({"compared": d.compared, "finite_on_one_side": d.nonfinite})),
        "compile": seen.compile, "stages": seen.stages,
    })
}

fn verdict(group: &Group) -> Value {
    let pays = group
        .verdict
        .pays
        .map(|pays| json!({"once": pays.once, "warm": pays.warm, "open": pays.start, "compile": pays.compile, "misfit": pays.misfit}));
    json!({
        "expression": group.text, "work": work_name(&group.work), "precision": group.precision.name(),
        "break_even": pays, "advice": group.verdict.advice,
    })
}

/// The columns that are words, in their order.
const WORDS: [&str; 5] = ["expression", "work", "precision", "device", "kind"];

/// The columns that are numbers, after them.
const NUMBERS: [&str; 24] = [
    "size",
    "steps",
    "units",
    "repetitions",
    "first",
    "min",
    "median",
    "max",
    "spread",
    "per_second",
    "bytes_per_second",
    "memory_share",
    "error",
    "compared",
    "finite_on_one_side",
    "open",
    "compile",
    "upload",
    "launch",
    "kernel",
    "readback",
    "dispatches",
    "speedup",
    "speedup_uncertainty",
];

/// A row for each case on each engine; what there is not is `nan`.
pub(super) fn write_csv(findings: &Findings, out: &mut Output) -> Result<(), Failure> {
    let (mut words, mut numbers) = (vec![Vec::new(); WORDS.len()], vec![Vec::new(); NUMBERS.len()]);
    for group in &findings.groups {
        for (row, found) in group.rows.iter().flat_map(|row| row.found.iter().map(move |found| (row, found))) {
            let engine = &findings.engines[found.engine];
            let texts = [
                group.text.clone(),
                if group.work.is_grid() { "grid" } else { "descent" }.to_string(),
                found.precision.name().to_string(),
                engine.backend.describe(),
                engine.sort.name().to_string(),
            ];
            words.iter_mut().zip(texts).for_each(|(column, text)| column.push(text));
            let values = values(group, row, found, &findings.engines);
            numbers.iter_mut().zip(values).for_each(|(column, value)| column.push(value));
        }
    }
    let words: Vec<Vec<&str>> = words.iter().map(|column| column.iter().map(String::as_str).collect()).collect();
    let texts = words.iter().map(|column| Column::Text(column));
    let columns: Vec<Column<'_>> = texts.chain(numbers.iter().map(|column| Column::F64(column))).collect();
    let header: Vec<String> = WORDS.iter().chain(&NUMBERS).map(ToString::to_string).collect();
    Ok(gradfield::files::write_csv(out, &header, &columns)?)
}

/// The numbers of a row of the CSV.
fn values(group: &Group, row: &Row, found: &Found, engines: &[Engine]) -> [f64; NUMBERS.len()] {
    let (seen, engine) = (&found.measurement, &engines[found.engine]);
    let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
    let stage = |of: fn(&gradfield::backend::Stages) -> f64| or_nan(seen.stages.as_ref().map(of));
    let rate = seen.bytes_per_second();
    let ratio = row.speedup(found, engines);
    [
        row.size as f64,
        or_nan(group.work.steps().map(|steps| steps as f64)),
        seen.units,
        seen.samples.len() as f64,
        seen.first,
        seen.samples.min(),
        seen.samples.median(),
        seen.samples.max(),
        seen.samples.spread(),
        seen.per_second(),
        or_nan(rate),
        or_nan(rate.zip(engine.memory).map(|(rate, memory)| rate / memory.best())),
        or_nan(seen.deviation.map(|deviation| deviation.worst)),
        or_nan(seen.deviation.map(|deviation| deviation.compared as f64)),
        or_nan(seen.deviation.map(|deviation| deviation.nonfinite as f64)),
        engine.start,
        or_nan(seen.compile),
        stage(|stages| stages.upload),
        stage(|stages| stages.launch),
        stage(|stages| stages.kernel),
        stage(|stages| stages.readback),
        stage(|stages| stages.dispatches as f64),
        or_nan(ratio.map(|ratio| ratio.value)),
        or_nan(ratio.map(|ratio| ratio.uncertainty)),
    ]
}
