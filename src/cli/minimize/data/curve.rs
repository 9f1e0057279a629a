//! The loss along the way, `--curve`: as CSV, or as a picture with a line for each start.
//!
//! Flows in: steps, and the loss over all rows of each start. Flows out: a file. The loss's axis is logarithmic where the loss
//! is positive and falls by much.

use super::super::arguments::Arguments;
use super::Task;
use crate::cli::Failure;
use crate::cli::engine::source;
use crate::cli::plot::{usual_size, write};
use crate::cli::record::Record;
use gradfield::backend::Backend;
use gradfield::files::{Column, Format, Output, write_csv};
use gradfield::picture::{CURVE_COLOURS, Curve as Line, Picture, Rgba, padded, typeset, y_range};
use std::path::Path;

/// The largest loss of a picture, as a multiple of the least, from which its axis is logarithmic.
const WIDE: f64 = 10.0;
/// The colour of the other starts, beside the best.
const OTHERS: Rgba = [0x9A, 0x9A, 0x9A, 150];

/// Steps, and the loss of each start.
type Records = [(u64, Vec<f64>)];

/// The file.
pub(super) struct Curve {
    out: Output,
    drawn: bool,
}

impl Curve {
    pub(super) fn create(path: &Path) -> Result<Curve, Failure> {
        let drawn = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
        if !drawn {
            Format::of(path, None, &[Format::Csv]).map_err(|_| {
                Failure::usage(format!("--curve: {} is neither a .csv nor a .png; name it so", path.display()))
            })?;
        }
        Ok(Curve { out: Output::create(path)?, drawn })
    }

    pub(super) fn write(
        &mut self,
        arguments: &Arguments,
        task: &Task,
        records: &Records,
        engine: &dyn Backend,
    ) -> Result<(), Failure> {
        match self.drawn {
            true => {
                let picture = picture(task, records);
                let record =
                    Record::of(&picture, &task.objective.text, source(engine, task.precision), Some(arguments.seed));
                write(&mut self.out, &picture, &record, None, arguments.compute.threads)
            }
            false => csv(&mut self.out, records),
        }
    }

    pub(super) fn finish(self) -> Result<(), Failure> {
        Ok(self.out.finish()?)
    }
}

fn csv(out: &mut Output, records: &Records) -> Result<(), Failure> {
    let of = |start: usize| records.iter().map(move |(step, values)| (start as i64, *step as i64, values[start]));
    let starts = records.first().map_or(0, |(_, values)| values.len());
    let rows: Vec<(i64, i64, f64)> = (0..starts).flat_map(of).collect();
    let (who, steps): (Vec<i64>, Vec<i64>) = rows.iter().map(|(start, step, _)| (*start, *step)).unzip();
    let values: Vec<f64> = rows.iter().map(|(_, _, value)| *value).collect();
    let header = ["start", "step", "f"].map(String::from);
    Ok(write_csv(out, &header, &[Column::I64(&who), Column::I64(&steps), Column::F64(&values)])?)
}

fn picture(task: &Task, records: &Records) -> Picture {
    let (width, height) = usual_size(1);
    let mut picture = Picture::new(width, height);
    let steps: Vec<f64> = records.iter().map(|(step, _)| *step as f64).collect();
    let finite = || records.iter().flat_map(|(_, values)| values).copied().filter(|value| value.is_finite());
    let (least, most) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let logarithmic = least > 0.0 && most > WIDE * least;
    // Without its definitions, which would fill the picture.
    picture.title = typeset(task.objective.text.rsplit(';').next().unwrap_or_default().trim());
    picture.x_label = match task.plan.batch {
        Some(batch) => {
            let turn = (task.table.rows() as f64 / batch as f64 * 100.0).round() / 100.0;
            format!("step (of {batch} rows; all {} take {turn} steps)", task.table.rows())
        }
        None => "step".to_owned(),
    };
    picture.y_label = "loss over all rows".to_owned();
    picture.logarithmic = (false, logarithmic);
    picture.x_range = padded((0.0, steps.last().copied().unwrap_or(1.0).max(1.0)), 0.02);
    picture.y_range = match logarithmic {
        true => (least / 1.3, most * 1.3),
        false if least < most => padded((least, most), 0.05),
        false => y_range(&finite().collect::<Vec<f64>>()),
    };
    let starts = records.first().map_or(0, |(_, values)| values.len());
    let last = |start: &usize| records.last().map_or(f64::NAN, |(_, values)| values[*start]);
    let sign = if task.plan.maximize { -1.0 } else { 1.0 };
    let mut order: Vec<usize> = (0..starts).collect();
    // The best comes last and lies on top.
    order.sort_by(|a, b| (sign * last(b)).total_cmp(&(sign * last(a))));
    for (k, start) in order.iter().enumerate() {
        let best = k + 1 == starts;
        let label = match (best, starts) {
            (true, 1) => task.method.clone(),
            (true, _) => format!("{}: the best of {starts} starts", task.method),
            (false, _) if k == 0 => "the others".to_owned(),
            _ => String::new(),
        };
        let y = records.iter().map(|(_, values)| values[*start]).collect();
        let colour = if best { CURVE_COLOURS[0] } else { OTHERS };
        picture.layers.push(Line { x: steps.clone(), y, colour, dashed: false, label }.into());
    }
    picture
}
