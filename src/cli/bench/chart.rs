//! What `bench` found, as a picture: for each function and kind of work the time of a run against its size, both
//! logarithmic, a line for each engine and format.

use super::engines::Sort;
use super::findings::{Findings, Group};
use crate::cli::Failure;
use crate::cli::record::{Record, write_bitmap};
use gradfield::Precision;
use gradfield::files::Output;
use gradfield::picture::{CURVE_COLOURS, Curve, Layer, Picture, Points, mosaic, typeset};

/// Pixels of one plot.
const SIZE: (u32, u32) = (760, 520);

/// Writes the plots as one PNG: functions downwards, kinds of work across.
pub(super) fn write(findings: &Findings, out: &mut Output) -> Result<(), Failure> {
    let mut places: Vec<(&str, bool)> = Vec::new();
    for group in &findings.groups {
        let place = (group.text.as_str(), group.work.is_grid());
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let columns = if places.iter().any(|(_, grid)| *grid) && places.iter().any(|(_, grid)| !grid) { 2 } else { 1 };
    let plots = places.iter().map(|(text, grid)| {
        let groups = findings.groups.iter().filter(|group| group.text == *text && group.work.is_grid() == *grid);
        Ok(plot(findings, &groups.collect::<Vec<_>>()).draw()?)
    });
    let whole = mosaic(&plots.collect::<Result<Vec<_>, Failure>>()?, columns)?;
    let source = findings.engines.iter().map(|engine| engine.backend.describe()).collect::<Vec<_>>().join("; ");
    let record = Record { title: "gradfield bench", source, ranges: Vec::new(), seed: None };
    write_bitmap(out, &whole, &record)
}

/// One function and kind of work, in all formats.
fn plot(findings: &Findings, groups: &[&Group]) -> Picture {
    let mut picture = Picture::new(SIZE.0, SIZE.1);
    if let Some(group) = groups.first() {
        picture.title = typeset(&group.text);
        picture.x_label = match group.work.steps() {
            None => "points of the grid".to_string(),
            Some(steps) => format!("particles × {steps} steps"),
        };
    }
    picture.y_label = "seconds".to_string();
    picture.logarithmic = (true, true);
    for (place, engine) in findings.engines.iter().enumerate() {
        for precision in [Precision::F32, Precision::F64] {
            let found = groups.iter().flat_map(|group| &group.rows).flat_map(|row| &row.found);
            let own = found.filter(|found| found.engine == place && found.precision == precision);
            let points: Vec<(f64, f64)> =
                own.map(|found| (found.measurement.units, found.measurement.samples.median())).collect();
            if points.is_empty() {
                continue;
            }
            let colour = CURVE_COLOURS[place % CURVE_COLOURS.len()];
            let (x, y) = points.iter().copied().unzip();
            let note = if engine.sort == Sort::Software { " adapter, no GPU" } else { "" };
            let label = format!("{}{note}, {}", engine.tag, precision.name());
            let dashed = precision == Precision::F64;
            picture.layers.push(Layer::from(Curve { x, y, colour, dashed, label }));
            let label = String::new();
            picture.layers.push(Layer::from(Points { points, colour, radius: 3.5, hollow: dashed, label }));
        }
    }
    let all = || groups.iter().flat_map(|group| &group.rows).flat_map(|row| &row.found);
    picture.x_range = span(all().map(|found| found.measurement.units));
    picture.y_range = span(all().map(|found| found.measurement.samples.median()));
    picture
}

/// From the smallest to the largest with room at both ends.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values.fold((f64::INFINITY, 0.0_f64), |(lo, hi), v| (lo.min(v), hi.max(v)));
    let (lo, hi) = if ends.0 <= ends.1 { ends } else { (1.0, 10.0) };
    let room = (hi / lo).powf(0.08).max(1.5);
    ((lo / room).max(1e-12), (hi * room).max(1e-11))
}
