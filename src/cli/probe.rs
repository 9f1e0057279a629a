//! `gradfield devices --probe`: every operation on every device, measured against true values.

use super::Failure;
use super::devices::Language;
use gradfield::Precision;
use gradfield::backend::Backend;
use gradfield::op::TABLE;
use gradfield::probe::{Measurement, measure, spelling};
use serde::Serialize;
use std::fmt::Write;

/// A device and what was measured on it.
#[derive(Debug, Serialize)]
pub(crate) struct Probed {
    /// As `--device` takes it.
    pub(crate) select: String,
    /// The device, with its driver.
    pub(crate) name: String,
    /// One entry for each way of computing.
    pub(crate) ways: Vec<Way>,
    /// Whether every promise is kept.
    pub(crate) passed: bool,
}

/// A format, and whose functions.
#[derive(Debug, Serialize)]
pub(crate) struct Way {
    precision: Precision,
    /// The driver's functions instead of gradfield's.
    fast_math: bool,
    /// One entry per operation, in the order of the table.
    operations: Vec<Measurement>,
}

impl Way {
    /// Measures all operations; with `fast_math` those alone that the driver has.
    pub(crate) fn measure(engine: &dyn Backend, precision: Precision, fast_math: bool) -> Result<Way, Failure> {
        let chosen = TABLE.iter().filter(|op| !fast_math || op.driver.is_some());
        let operations = chosen.map(|op| {
            gradfield::backend::check_interrupt()?;
            Ok(measure(*op, engine, precision)?)
        });
        Ok(Way { precision, fast_math, operations: operations.collect::<Result<_, Failure>>()? })
    }

    fn title(&self) -> String {
        self.precision.name().to_string() + if self.fast_math { ", fast-math" } else { "" }
    }

    fn of(&self, name: &str) -> Option<&Measurement> {
        self.operations.iter().find(|one| one.operation == name)
    }
}

impl Probed {
    /// The verdict on what was measured.
    pub(crate) fn new(select: String, name: String, ways: Vec<Way>) -> Probed {
        let passed = ways.iter().flat_map(|way| &way.operations).all(Measurement::passed);
        Probed { select, name, ways, passed }
    }

    /// A line per operation, a column per way; what breaks its promise by name at the end.
    fn text(&self) -> String {
        let mut text = format!("{}  {}\nworst error in ULP, and where\n{:<15}", self.select, self.name, "operation");
        self.ways.iter().for_each(|way| put(&mut text, format_args!(" {:<33}", way.title())));
        for op in TABLE {
            text.truncate(text.trim_end().len());
            put(&mut text, format_args!("\n{:<15}", spelling(*op)));
            for cell in self.ways.iter().map(|way| way.of(op.name).map_or(String::new(), found)) {
                put(&mut text, format_args!(" {cell:<33}"));
            }
        }
        text.truncate(text.trim_end().len());
        text + "\n" + &self.broken()
    }

    fn broken(&self) -> String {
        let mut text = String::new();
        for way in &self.ways {
            for one in way.operations.iter().filter(|one| !one.passed()) {
                let promise = one.allowed_ulp.unwrap_or(f64::INFINITY);
                let title = way.title();
                put(
                    &mut text,
                    format_args!("BROKEN: {} in {title}: {} ULP, promised {promise}", one.operation, found(one)),
                );
                if let Some(wrong) = one.wrong.first() {
                    let (count, at) = (one.wrong.len(), wrong.at.join(", "));
                    put(&mut text, format_args!("; {count} special values are wrong, such as {} at {at}", wrong.got));
                    put(&mut text, format_args!(", which should be {}", wrong.expected));
                }
                text.push('\n');
            }
        }
        let verdict = if text.is_empty() { "every operation keeps its promise\n" } else { "" };
        text + verdict
    }
}

/// `2.97 at 81657.4`.
fn found(one: &Measurement) -> String {
    if one.worst_ulp == 0.0 {
        return "0".to_string();
    }
    let at: Vec<String> = one.at.iter().map(|value| number(*value, one.precision)).collect();
    format!("{} at {}", ulps(one.worst_ulp), at.join(", "))
}

/// Two digits after the point where that says something.
fn ulps(value: f64) -> String {
    if value < 1e4 { format!("{value:.2}") } else { format!("{value:.1e}") }
}

fn number(value: f64, precision: Precision) -> String {
    let plain = (1e-4..1e7).contains(&value.abs());
    match precision {
        Precision::F32 if plain => format!("{}", value as f32),
        Precision::F32 => format!("{:e}", value as f32),
        Precision::F64 if plain => format!("{value}"),
        Precision::F64 => format!("{value:e}"),
    }
}

/// Appends; writing to a `String` cannot fail.
fn put(text: &mut String, piece: std::fmt::Arguments<'_>) {
    text.write_fmt(piece).expect("a String takes any text");
}

/// The report on all devices.
pub(crate) fn say(all: &[Probed], language: Language) -> Result<(), Failure> {
    match language {
        Language::Json => super::say_json(&all)?,
        Language::Text => super::say(&all.iter().map(Probed::text).collect::<Vec<_>>().join("\n"))?,
        Language::Markdown => super::say(&markdown(all))?,
    }
    if all.iter().all(|probed| probed.passed) { Ok(()) } else { Err(Failure::Verify) }
}

/// `docs/accuracy.md`.
fn markdown(all: &[Probed]) -> String {
    let mut text = include_str!("accuracy.md").to_string();
    for probed in all {
        put(&mut text, format_args!("\n## {}\n\n| operation | promised |", probed.name));
        probed.ways.iter().for_each(|way| put(&mut text, format_args!(" {} |", way.title())));
        text += "\n|---|---|";
        text += &"---|".repeat(probed.ways.len());
        for op in TABLE {
            let promised = probed.ways.first().and_then(|way| way.of(op.name)?.allowed_ulp);
            let promised = promised.map_or(String::new(), |ulp| ulp.to_string());
            put(&mut text, format_args!("\n| `{}` | {promised} |", spelling(*op)));
            for cell in probed.ways.iter().map(|way| way.of(op.name).map_or(String::new(), found)) {
                put(&mut text, format_args!(" {cell} |"));
            }
        }
        text.push('\n');
    }
    text
}
