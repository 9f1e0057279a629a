//! `gradfield bench`: grids and descents, CPU against GPU, and from which size the GPU pays.
//!
//! `arguments` says what was asked for, `engines` opens what is measured, `findings` is what was found and the verdict,
//! `table` says it as text, `records` as JSON and CSV, `chart` as a picture.

mod arguments;
mod chart;
mod engines;
mod findings;
mod records;
mod table;

pub(crate) use arguments::Arguments;

use super::{Failure, say, say_json};
use arguments::{Language, Plan, Subject};
use engines::Engine;
use findings::{Findings, Found, Group, Row};
use gradfield::Precision;
use gradfield::backend::{BackendError, check_interrupt};
use gradfield::bench::{Case, Measurement, Work};
use gradfield::field::FieldError;
use gradfield::files::{Format, Output};
use std::path::Path;

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let plan = arguments.plan()?;
    let mut outputs = arguments.outputs()?;
    let engines = engines::open(arguments)?;
    let text = arguments.language() == Language::Text;
    if text {
        say(&table::machine(&engines))?;
    }
    let mut progress = Progress { done: 0, all: count(&plan, &engines), quiet: arguments.quiet };
    let mut groups = Vec::new();
    for subject in &plan.subjects {
        for precision in &plan.precisions {
            for (k, work) in subject.works.iter().enumerate() {
                let group = measure(&plan, subject, *precision, work, &engines, &mut progress)?;
                if text {
                    say(&table::group(&group, &engines, k == 0))?;
                }
                groups.push(group);
            }
        }
    }
    let findings = Findings { engines, groups };
    for (format, out) in &mut outputs {
        write(&findings, *format, out)?;
    }
    outputs.into_iter().try_for_each(|(_, out)| out.finish())?;
    match arguments.language() {
        Language::Text => Ok(()),
        Language::Json => say_json(&records::document(&findings)),
        Language::Csv => standard(&findings, Format::Csv),
        Language::Png => standard(&findings, Format::Png),
    }
}

fn standard(findings: &Findings, format: Format) -> Result<(), Failure> {
    let mut out = Output::create(Path::new("-"))?;
    write(findings, format, &mut out)?;
    Ok(out.finish()?)
}

fn write(findings: &Findings, format: Format, out: &mut Output) -> Result<(), Failure> {
    match format {
        Format::Json => Ok(gradfield::files::write_json(out, &records::document(findings))?),
        Format::Png => chart::write(findings, out),
        _ => records::write_csv(findings, out),
    }
}

/// A line on standard error for each case.
struct Progress {
    done: usize,
    all: usize,
    quiet: bool,
}

impl Progress {
    fn tell(&mut self, what: &str) {
        self.done += 1;
        if !self.quiet {
            eprintln!("{}/{} {what}", self.done, self.all);
        }
    }
}

/// How many cases there are.
fn count(plan: &Plan, engines: &[Engine]) -> usize {
    let mut all = 0;
    for subject in &plan.subjects {
        for (work, precision) in subject.works.iter().flat_map(|work| plan.precisions.iter().map(move |p| (work, *p))) {
            let sizes = plan.sizes(subject, work).iter();
            all += sizes
                .map(|size| engines.iter().filter(|engine| plan.takes(engine, work, *size, precision)).count())
                .sum::<usize>();
        }
    }
    all
}

/// All sizes of one function, format and kind of work, on all engines.
fn measure(
    plan: &Plan,
    subject: &Subject,
    precision: Precision,
    work: &Work,
    engines: &[Engine],
    progress: &mut Progress,
) -> Result<Group, Failure> {
    let mut rows = Vec::new();
    for size in plan.sizes(subject, work) {
        let mut found = Vec::new();
        let places = (0..engines.len()).filter(|k| plan.takes(&engines[*k], work, *size, precision));
        for place in places {
            check_interrupt()?;
            let engine = &engines[place];
            let own = if engine.is_reference() { Precision::F64 } else { precision };
            let case = Case { work, size: *size, precision: own };
            let outcome = one(engine, &case, plan)?;
            let seen = outcome.as_ref().map_or_else(|| "no f64 on this device".to_string(), table::brief);
            let (text, size, format) = (subject.text(), table::size(work, *size), own.name());
            progress.tell(&format!("{text}, {size}, {format}, {}: {seen}", engine.tag));
            found.extend(outcome.map(|measurement| Found { engine: place, precision: own, measurement }));
        }
        rows.push(Row { size: *size, found });
    }
    Ok(Group::of(subject.text().to_string(), precision, work, rows, engines))
}

/// One case; none where a GPU lacks the format while others are measured in another.
fn one(engine: &Engine, case: &Case<'_>, plan: &Plan) -> Result<Option<Measurement>, Failure> {
    match case.measure(engine.backend.as_ref(), plan.effort) {
        Ok(measurement) => Ok(Some(measurement)),
        Err(FieldError::Backend(BackendError::Unsupported(_)))
            if case.precision == Precision::F64 && plan.precisions.len() > 1 =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
