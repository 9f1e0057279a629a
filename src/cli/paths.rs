//! The picture of a descent: iterates on the curve (one variable), paths over the heat map (two). Of several rules `race`
//! draws the paths.

use super::Failure;
use super::descend::{Arguments, Run};
use super::engine::source;
use super::options::ranges;
use super::plot::{frame, pixels, write};
use super::race;
use super::record::Record;
use gradfield::backend::Backend;
use gradfield::descent::Trail;
use gradfield::field::{Evaluator, Field};
use gradfield::files::Output;
use gradfield::picture::{
    CURVE_COLOURS, ColourMap, Colouring, Curve, Heat, INK, Layer, Limits, Paths, Picture, Points as Marks, RED, Scale,
    WHITE, padded, typeset, y_range,
};
use gradfield::{Expression, Points, Precision};

/// Paths that are drawn; of more particles only the ends are shown.
pub(super) const PATHS: usize = 200;
/// Marks that are drawn.
pub(super) const MARKS: usize = 20_000;

pub(super) fn draw(
    arguments: &Arguments,
    expression: &Expression,
    runs: &[Run],
    engine: &dyn Backend,
    precision: Precision,
    out: &mut Output,
) -> Result<(), Failure> {
    let scene = Scene { arguments, expression, runs, trail: &runs[0].trail, engine, precision };
    let picture = if expression.variables().len() == 1 { scene.curve()? } else { scene.plane()? };
    let record = Record::of(&picture, expression.text(), source(engine, precision), Some(arguments.seed));
    write(out, &picture, &record, None)
}

pub(super) struct Scene<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) expression: &'a Expression,
    /// Of each rule.
    pub(super) runs: &'a [Run],
    /// Of the first, which mostly is the only one.
    trail: &'a Trail,
    pub(super) engine: &'a dyn Backend,
    pub(super) precision: Precision,
}

impl Scene<'_> {
    fn title(&self) -> String {
        let verb = if self.arguments.maximize { "ascent" } else { "descent" };
        self.arguments
            .title
            .clone()
            .unwrap_or_else(|| typeset(&format!("Gradient {verb} on f = {}", self.expression.text())))
    }

    /// The range that was asked for, else what the particles saw, with room around it.
    fn range(&self, variable: usize) -> Result<(f64, f64), Failure> {
        if !self.arguments.ranges.is_empty() {
            return Ok(ranges(&self.arguments.ranges, self.expression.variables(), self.precision)?[variable]);
        }
        let trails = race::kept(self.runs).map(|run| &run.trail);
        let columns = trails.flat_map(|trail| &trail.positions).flat_map(|record| record[variable].to_f64());
        let ends = columns
            .filter(|v| v.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(lo, hi), v| (lo.min(v), hi.max(v)));
        if ends.0 > ends.1 {
            return Ok((-3.0, 3.0));
        }
        Ok(padded(self.mirrored(variable, ends), 0.08))
    }

    /// A single particle comes from one side: show as much of the other side of where it ends.
    fn mirrored(&self, variable: usize, (lo, hi): (f64, f64)) -> (f64, f64) {
        match self.trail.positions.last() {
            Some(last) if last[variable].len() == 1 && last[variable].get(0).is_finite() => {
                let end = last[variable].get(0);
                let reach = (end - lo).max(hi - end);
                if reach > 0.0 { (end - reach, end + reach) } else { (end - 1.0, end + 1.0) }
            }
            _ => (lo, hi),
        }
    }

    fn curve(&self) -> Result<Picture, Failure> {
        let (width, height) = pixels(self.arguments.size.as_deref(), (800, 600))?;
        let range = self.range(0)?;
        let x = Points::linspace(range.0, range.1, 2 * width as usize + 1);
        let field =
            Field::evaluate(&self.expression.value(), Points::Grid(vec![x.clone()]), self.engine, self.precision)?;
        let y = field.columns[0].to_f64();
        let mut picture = Picture::new(width, height);
        picture.title = self.title();
        let name = &self.expression.variables()[0];
        (picture.x_label, picture.y_label) = (name.clone(), format!("f({name})"));
        (picture.x_range, picture.y_range) = (range, y_range(&y));
        let label = typeset(&format!("f({name}) = {}", self.expression.text()));
        if self.runs.len() > 1 {
            picture.layers.push(Layer::from(Curve { x, y, colour: INK, dashed: false, label }));
            race::on_curve(self, &mut picture)?;
            return Ok(picture);
        }
        picture.layers.push(Layer::from(Curve { x, y, colour: CURVE_COLOURS[0], dashed: false, label }));
        let particles = self.trail.values[0].len();
        let shown = particles.min((MARKS / self.trail.steps.len()).max(1));
        let points = (0..shown).flat_map(|p| {
            (0..self.trail.steps.len()).map(move |r| (self.trail.positions[r][0].get(p), self.trail.values[r].get(p)))
        });
        picture.layers.push(Layer::from(Marks {
            points: points.collect(),
            colour: RED,
            radius: 4.0,
            hollow: false,
            label: if particles == 1 { "iterates".into() } else { format!("iterates of {particles} particles") },
        }));
        Ok(picture)
    }

    fn plane(&self) -> Result<Picture, Failure> {
        let size = pixels(self.arguments.size.as_deref(), (800, 700))?;
        let ranges = [self.range(0)?, self.range(1)?];
        let mut picture = frame(size, self.title(), self.expression.variables(), &ranges);
        (picture.colour_bar, picture.bar_label) = (true, true);
        if self.runs.len() > 1 {
            race::on_plane(self, &mut picture)?;
            return Ok(picture);
        }
        picture.layers.push(Layer::from(self.heat(&picture)?));
        let particles = self.trail.values[0].len();
        if particles <= PATHS && self.trail.steps.len() > 2 {
            let path = |p: usize| self.trail.positions.iter().map(move |record| (record[0].get(p), record[1].get(p)));
            picture.layers.push(Layer::from(Paths {
                paths: (0..particles).map(|p| path(p).collect()).collect(),
                colour: WHITE,
                iterates: particles == 1 && self.trail.steps.len() <= 200,
                ends: true,
                label: if particles == 1 { "path".into() } else { format!("{particles} paths") },
            }));
        } else if let Some(last) = self.trail.positions.last() {
            let points = (0..particles.min(MARKS)).map(|p| (last[0].get(p), last[1].get(p))).collect();
            let label = match particles {
                1 => "end".to_string(),
                n if n > MARKS => format!("ends of {MARKS} of {n} particles"),
                n => format!("ends of {n} particles"),
            };
            picture.layers.push(Layer::from(Marks { points, colour: RED, radius: 2.0, hollow: false, label }));
        }
        Ok(picture)
    }

    fn heat(&self, picture: &Picture) -> Result<Heat, Failure> {
        let layout = picture.layout()?;
        let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]).rounded(self.precision);
        let values =
            Evaluator::new(&self.expression.value(), self.engine, self.precision)?.evaluate(&points)?[0].to_f64();
        let colouring = Colouring::fit(ColourMap::sequential(), scale(&values), Limits::Auto, &values)?;
        Ok(Heat::new(values, layout.width as usize, layout.height as usize, colouring, "f")?)
    }
}

/// How values are spread over the colours. Basins are seen on an even spread: small values near a minimum differ by
/// factors.
fn scale(values: &[f64]) -> Scale {
    let positive = values.iter().all(|v| !v.is_finite() || *v >= 0.0);
    if positive { Scale::SymLog { linear: 0.0 } } else { Scale::Linear }
}
