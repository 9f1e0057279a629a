//! What a trained model says, beside the data: `--predict` drawn by `--picture`.
//!
//! Flows in: a prediction, the weights, the rows. Flows out: of one column the curve with the rows as points, of two a heat map
//! with contours and the rows, coloured where their response has few values. Of a prediction from 0 to 1, a probability, the
//! one contour is at 1/2: the decision boundary.

use super::super::arguments::Arguments;
use super::Task;
use crate::cli::Failure;
use crate::cli::engine::source;
use crate::cli::language::number;
use crate::cli::plot::{frame, pixels, usual_size, write};
use crate::cli::record::Record;
use gradfield::backend::Backend;
use gradfield::expr::Outputs;
use gradfield::files::{Format, Output};
use gradfield::picture::{
    CURVE_COLOURS, ColourMap, Colouring, Contours, Curve, Heat, INK, Level, Limits, Picture, Points as Dots, Rgba,
    Scale, Slopes, WHITE, levels, padded, typeset, y_range,
};
use gradfield::training::{Prediction, Trained};
use gradfield::{Field, Points, Precision};
use std::path::Path;
use std::sync::Arc;

/// Rows that are drawn.
const ROWS: usize = 20_000;
/// Different responses that have a colour each.
const CLASSES: usize = 6;
/// Contours of what is no probability.
const LEVELS: usize = 10;
/// Colours of the classes and of their borders: told apart by lightness on any map.
const COLOURS: [(Rgba, Rgba); CLASSES] = [
    (WHITE, INK),
    (INK, WHITE),
    ([0xFF, 0xD9, 0x2F, 255], INK),
    ([0x00, 0x8F, 0x5A, 255], WHITE),
    ([0xC5, 0x6C, 0xF0, 255], INK),
    ([0x8C, 0x56, 0x4B, 255], WHITE),
];

/// Opens the file, if such a prediction can be drawn.
pub(super) fn create(path: &Path, prediction: &Prediction) -> Result<Output, Failure> {
    let columns = &prediction.columns;
    if !(1..=2).contains(&columns.len()) {
        let names = if columns.is_empty() { "none".to_owned() } else { columns.join(", ") };
        return Err(Failure::usage(format!(
            "--picture: --predict has one or two columns across, this has {} ({names}); leave the picture out",
            columns.len()
        )));
    }
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        let error = Format::of(path, None, &[]).err().map(|error| format!(" ({error})")).unwrap_or_default();
        return Err(Failure::usage(format!("--picture: {} is no .png; name it so{error}", path.display())));
    }
    Ok(Output::create(path)?)
}

/// Draws the prediction at these weights.
pub(super) fn draw(
    out: &mut Output,
    arguments: &Arguments,
    task: &Task,
    end: &Trained,
    (cpu, engine): (&dyn Backend, &dyn Backend),
) -> Result<(), Failure> {
    let Some(prediction) = &task.prediction else { return Ok(()) };
    let says = prediction.at(&end.weights, &task.table)?;
    let columns = &prediction.columns;
    let size = pixels(arguments.data.size.as_deref(), usual_size(columns.len()))?;
    let scene = Scene { task, says: &says, columns, cpu, words: words(arguments), size };
    let picture = if columns.len() == 1 { scene.curve()? } else { scene.plane()? };
    let record = Record::of(&picture, &task.objective.text, source(engine, task.precision), Some(arguments.seed));
    write(out, &picture, &record, None, arguments.compute.threads)
}

/// What is drawn, as it was asked for.
fn words(arguments: &Arguments) -> String {
    arguments.data.predict.clone().unwrap_or_default()
}

struct Scene<'a> {
    task: &'a Task,
    says: &'a Outputs,
    columns: &'a [String],
    cpu: &'a dyn Backend,
    words: String,
    size: (u32, u32),
}

impl Scene<'_> {
    fn column(&self, k: usize) -> &[f64] {
        self.task.table.column(&self.columns[k]).unwrap_or_default()
    }

    /// What the rows span, with room around it.
    fn range(&self, k: usize) -> (f64, f64) {
        let all = self.column(k).iter();
        let (lo, hi) = all.fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(*v), hi.max(*v)));
        if lo < hi { padded((lo, hi), 0.08) } else { (lo - 1.0, lo + 1.0) }
    }

    /// The column of the objective that the prediction does not use, if there is one: what is predicted.
    fn response(&self) -> Option<&str> {
        let others: Vec<&String> =
            self.task.objective.columns.iter().filter(|name| !self.columns.contains(name)).collect();
        if let [one] = others.as_slice() { Some(one.as_str()) } else { None }
    }

    /// Rows that are drawn: some of very many, evenly spread.
    fn drawn(&self) -> impl Iterator<Item = usize> + '_ {
        let rows = self.task.table.rows();
        (0..rows).step_by(rows.div_ceil(ROWS).max(1))
    }

    fn title(&self) -> String {
        let Task { objective, method, .. } = self.task;
        let weights = objective.weights.len();
        typeset(&format!("{} after {method}, {weights} weights", self.words))
    }

    fn curve(&self) -> Result<Picture, Failure> {
        let (width, height) = self.size;
        let mut picture = Picture::new(width, height);
        picture.x_range = self.range(0);
        let x = Points::linspace(picture.x_range.0, picture.x_range.1, 2 * width as usize + 1);
        let field = Field::evaluate(self.says, Points::Grid(vec![x.clone()]), self.cpu, Precision::F64)?;
        let y = field.columns[0].to_f64();
        let response = self.response().and_then(|name| self.task.table.column(name).map(|column| (name, column)));
        let points: Vec<(f64, f64)> = response
            .map_or_else(Vec::new, |(_, column)| self.drawn().map(|row| (self.column(0)[row], column[row])).collect());
        let all: Vec<f64> = y.iter().copied().chain(points.iter().map(|point| point.1)).collect();
        picture.y_range = y_range(&all);
        picture.title = self.title();
        picture.x_label.clone_from(&self.columns[0]);
        picture.y_label = response.map_or_else(|| self.words.clone(), |(name, _)| name.to_owned());
        let label = response.map_or_else(String::new, |(name, _)| format!("{name} of the data"));
        let radius = if points.len() > 500 { 1.6 } else { 3.0 };
        picture.layers.push(Dots { points, colour: CURVE_COLOURS[0], radius, hollow: false, label }.into());
        picture
            .layers
            .push(Curve { x, y, colour: CURVE_COLOURS[1], dashed: false, label: typeset(&self.words) }.into());
        Ok(picture)
    }

    fn plane(&self) -> Result<Picture, Failure> {
        let ranges = [self.range(0), self.range(1)];
        let mut picture = frame(self.size, self.title(), self.columns, &ranges);
        // Columns of a table have units of their own.
        (picture.colour_bar, picture.bar_label, picture.equal_aspect) = (true, true, false);
        let layout = picture.layout()?;
        let (x, y) = (layout.x_centres(), layout.y_centres());
        let (columns, rows) = (x.len(), y.len());
        let field = Field::evaluate(self.says, Points::Grid(vec![x, y]), self.cpu, Precision::F64)?;
        let [values, dx, dy] = [0, 1, 2].map(|k| field.columns[k].to_f64());
        if values.iter().all(|value| (0.0..=1.0).contains(value)) {
            picture.title = format!("{} (the line: ½)", picture.title);
        }
        let probability = values.iter().all(|value| (0.0..=1.0).contains(value));
        let (map, limits) = match probability {
            true => (ColourMap::by_name("blue-red")?, Limits::Fixed { lo: 0.0, hi: 1.0 }),
            false => (ColourMap::sequential(), Limits::Auto),
        };
        let colouring = Colouring::fit(map, Scale::Linear, limits, &values)?;
        let lines = match probability {
            true => vec![Level { value: 0.5, label: String::new() }],
            false => levels(&colouring, LEVELS),
        };
        picture.layers.push(Heat::new(values.clone(), columns, rows, colouring, &self.words)?.into());
        picture.layers.push(Contours::new(Arc::new(Slopes { values, dx, dy, columns, rows }), lines).into());
        self.rows(&mut picture);
        Ok(picture)
    }

    /// The rows on the plane: a colour for each response, where these are few.
    fn rows(&self, picture: &mut Picture) {
        let response = self.response().and_then(|name| self.task.table.column(name).map(|column| (name, column)));
        let mut classes: Vec<f64> = Vec::new();
        if let Some((_, column)) = response {
            for value in column {
                if classes.len() <= CLASSES && !classes.iter().any(|class| class == value) {
                    classes.push(*value);
                }
            }
            classes.sort_by(f64::total_cmp);
        }
        let at = |row: usize| (self.column(0)[row], self.column(1)[row]);
        let count = self.drawn().count();
        let radius = if count > 1000 { 1.6 } else { 3.2 };
        let mut add = |points: Vec<(f64, f64)>, (colour, border): (Rgba, Rgba), label: String| {
            let border = Dots {
                points: points.clone(),
                colour: border,
                radius: radius + 1.0,
                hollow: false,
                label: String::new(),
            };
            picture.layers.push(border.into());
            picture.layers.push(Dots { points, colour, radius, hollow: false, label }.into());
        };
        match response {
            Some((name, column)) if classes.len() <= CLASSES => {
                for (class, colour) in classes.iter().zip(COLOURS) {
                    let of = self.drawn().filter(|row| column[*row] == *class).map(at).collect();
                    add(of, colour, format!("{name} = {}", number(*class)));
                }
            }
            _ => add(self.drawn().map(at).collect(), COLOURS[0], format!("{count} rows")),
        }
    }
}
