//! Paths as tables: what `gradfield descend` writes to `.csv` and `.npz`.
//!
//! Flows in: the runs of the rules. Flows out: rows, arrays. Who should not use it: pictures, which are `paths`.

use super::Run;
use crate::cli::Failure;
use gradfield::files::{self, Column, CsvWriter, Output};
use gradfield::{Expression, Values};

/// `particle, step, variables, f`: a row for each particle and recorded step, particle by particle. Of several rules one
/// after the other, `rule` in front.
pub(super) fn csv(out: &mut Output, expression: &Expression, runs: &[Run]) -> Result<(), Failure> {
    let mut header = vec!["particle".to_string(), "step".to_string()];
    header.extend(expression.variables().iter().cloned());
    header.push("f".to_string());
    if runs.len() > 1 {
        header.insert(0, "rule".to_string());
    }
    let mut writer = CsvWriter::new(out, &header)?;
    runs.iter().try_for_each(|run| rows(&mut writer, expression, run, runs.len() > 1))?;
    Ok(writer.finish()?)
}

fn rows(writer: &mut CsvWriter<&mut Output>, expression: &Expression, run: &Run, named: bool) -> Result<(), Failure> {
    let Run { name, trail } = run;
    let particles = trail.values.first().map_or(0, Values::len);
    let steps: Vec<i64> = trail.steps.iter().map(|step| *step as i64).collect();
    let precision = trail.values[0].precision();
    // Many particles with few records each are written in bands of particles.
    let band = ((1 << 16) / steps.len().max(1)).max(1);
    for start in (0..particles).step_by(band) {
        gradfield::backend::check_interrupt()?;
        let range = start..(start + band).min(particles);
        let gather = |value: &dyn Fn(usize, usize) -> f64| {
            let rows = range.clone().flat_map(|p| (0..steps.len()).map(move |r| (p, r)));
            Values::from_f64(precision, &rows.map(|(p, r)| value(p, r)).collect::<Vec<f64>>())
        };
        let who: Vec<i64> = range.clone().flat_map(|p| std::iter::repeat_n(p as i64, steps.len())).collect();
        let when: Vec<i64> = range.clone().flat_map(|_| steps.iter().copied()).collect();
        let mut data: Vec<Values> =
            (0..expression.variables().len()).map(|v| gather(&|p, r| trail.positions[r][v].get(p))).collect();
        data.push(gather(&|p, r| trail.values[r].get(p)));
        let names = vec![name.as_str(); if named { who.len() } else { 0 }];
        let columns = named.then_some(Column::Text(&names)).into_iter().chain([Column::I64(&who), Column::I64(&when)]);
        writer.rows(&columns.chain(data.iter().map(Column::from)).collect::<Vec<Column<'_>>>())?;
    }
    Ok(())
}

/// `step` (records), then each variable and `f` as (records, particles), of several rules as (rules, records, particles);
/// their names in `rule`; `device`, what computed them.
pub(super) fn npz(out: &mut Output, expression: &Expression, runs: &[Run], source: &str) -> Result<(), Failure> {
    let trail = &runs[0].trail;
    let particles = trail.values.first().map_or(0, Values::len);
    let steps: Vec<i64> = trail.steps.iter().map(|step| *step as i64).collect();
    let shape = [runs.len(), steps.len(), particles];
    let shape = if runs.len() > 1 { &shape[..] } else { &shape[1..] };
    let mut writer = files::NpzWriter::new(out);
    let records = [steps.len()];
    let mut array = writer.array("step", &records, files::Kind::of(&Column::I64(&steps)))?;
    array.push(steps.as_slice())?;
    array.finish()?;
    let kind = files::Kind::of(&Column::from(&trail.values[0]));
    for (v, name) in expression.variables().iter().enumerate() {
        let mut array = writer.array(name, shape, kind)?;
        runs.iter().flat_map(|run| &run.trail.positions).try_for_each(|record| array.push(&record[v]))?;
        array.finish()?;
    }
    let mut array = writer.array("f", shape, kind)?;
    runs.iter().flat_map(|run| &run.trail.values).try_for_each(|values| array.push(values))?;
    array.finish()?;
    if runs.len() > 1 {
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        let count = [names.len()];
        let mut array = writer.array("rule", &count, files::Kind::of(&Column::Text(&names)))?;
        array.push(Column::Text(&names))?;
        array.finish()?;
    }
    let source = [source];
    let mut array = writer.array("device", &[], files::Kind::of(&Column::Text(&source)))?;
    array.push(Column::Text(&source))?;
    array.finish()?;
    Ok(writer.finish()?)
}
