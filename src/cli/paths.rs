//! The picture of a descent: iterates on the curve (one variable), paths over the heat map (two). Of several rules `race`
//! draws the paths.

use super::Failure;
use super::descend::{Arguments, Run};
use super::engine::source;
use super::movie::Movie;
use super::options::ranges;
use super::plot::{frame, pixels, write};
use super::race;
use super::record::Record;
use gradfield::backend::Backend;
use gradfield::descent::Trail;
use gradfield::field::{Evaluator, Field};
use gradfield::files::Output;
use gradfield::picture::{
    Backdrop, CURVE_COLOURS, ColourMap, Colouring, Curve, Heat, INK, Layer, Limits, Moment, Paths, Picture,
    Points as Marks, RED, Scale, TANGENT_COLOUR, Tangents, WHITE, padded, typeset, y_range,
};
use gradfield::{Expression, Points, Precision};

/// Paths that are drawn; of more particles only the ends are shown.
pub(super) const PATHS: usize = 200;
/// Tangents of iterates that are nearer than this to one before would be a blot, in pixels of a picture of unit size.
const APART: f64 = 30.0;
/// Marks that are drawn.
pub(super) const MARKS: usize = 20_000;

pub(super) fn draw(
    arguments: &Arguments,
    expression: &Expression,
    runs: &[Run],
    engine: &dyn Backend,
    precision: Precision,
    out: &mut Output,
    movie: Option<Movie>,
) -> Result<(), Failure> {
    let scene = Scene { arguments, expression, runs, trail: &runs[0].trail, engine, precision };
    let mut picture = if expression.variables().len() == 1 { scene.curve()? } else { scene.plane()? };
    let record = Record::of(&picture, expression.text(), source(engine, precision), Some(arguments.seed));
    let texts = record.texts();
    let Some(movie) = movie else { return write(out, &picture, &record, None, arguments.compute.threads) };
    // The particles are the last layer.
    let Some(whole) = picture.layers.pop() else { return Ok(()) };
    let (size, quiet) = ((picture.width, picture.height), arguments.function.quiet);
    picture.legend = false;
    let backdrop = Backdrop { bitmap: picture.draw()?, layers: std::mem::take(&mut picture.layers) };
    picture.layers.push(backdrop.into());
    (picture.legend, picture.grid) = (true, false);
    movie.write(out, size, &texts, quiet, |share| {
        let moment = Moment { now: scene.particles(share), whole: whole.clone() };
        picture.layers.push(moment.into());
        let bitmap = picture.draw()?;
        picture.layers.pop();
        Ok(bitmap)
    })
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
        if self.arguments.tangents {
            picture.layers.push(self.tangents()?);
        }
        picture.layers.push(self.particles(1.0));
        Ok(picture)
    }

    /// Tangents at the iterates that are shown.
    fn tangents(&self) -> Result<Layer, Failure> {
        let (records, particles) = (self.trail.steps.len(), self.trail.values[0].len());
        let shown = particles.min((MARKS / records).max(1));
        let places = || (0..shown).flat_map(|p| (0..records).map(move |r| (p, r)));
        let x: Vec<f64> = places().map(|(p, r)| self.trail.positions[r][0].get(p)).collect();
        let f = places().map(|(p, r)| self.trail.values[r].get(p));
        let points = x.iter().copied().zip(f).collect();
        let at = Points::columns(vec![x]).rounded(self.precision);
        let field = Field::evaluate(&self.expression.gradient()?, at, self.engine, self.precision)?;
        let slopes = field.columns[1].to_f64();
        Ok(Tangents { points, slopes, apart: APART, colour: TANGENT_COLOUR, label: "tangents".into() }.into())
    }

    /// The particles after this share of the steps.
    fn particles(&self, share: f64) -> Layer {
        if self.expression.variables().len() == 1 { self.iterates(share) } else { self.paths(share) }
    }

    /// The record, counted from 0, after this share of the steps, as a whole number and a part of the way to the next.
    fn record(&self, share: f64) -> (usize, f64) {
        let records = &self.trail.steps;
        let step = share * records.last().map_or(0.0, |last| *last as f64);
        let next = records.partition_point(|taken| *taken as f64 <= step).clamp(1, records.len());
        match records.get(next) {
            Some(after) => (next - 1, (step - records[next - 1] as f64) / (after - records[next - 1]) as f64),
            None => (next - 1, 0.0),
        }
    }

    /// Iterates on the curve.
    fn iterates(&self, share: f64) -> Layer {
        let particles = self.trail.values[0].len();
        let shown = particles.min((MARKS / self.trail.steps.len()).max(1));
        let (last, _) = self.record(share);
        let points = (0..shown)
            .flat_map(|p| (0..=last).map(move |r| (self.trail.positions[r][0].get(p), self.trail.values[r].get(p))));
        Layer::from(Marks {
            points: points.collect(),
            colour: RED,
            radius: 4.0,
            hollow: false,
            label: if particles == 1 { "iterates".into() } else { format!("iterates of {particles} particles") },
        })
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
        picture.layers.push(self.particles(1.0));
        Ok(picture)
    }

    /// Paths over the heat map as far as they have come, or of many particles where they are.
    fn paths(&self, share: f64) -> Layer {
        let particles = self.trail.values[0].len();
        let (last, part) = self.record(share);
        let at = |r: usize, p: usize| {
            let record = &self.trail.positions[r];
            (record[0].get(p), record[1].get(p))
        };
        let now = |p: usize| {
            let ((x, y), (to_x, to_y)) = (at(last, p), at((last + 1).min(self.trail.steps.len() - 1), p));
            if part > 0.0 { (x + part * (to_x - x), y + part * (to_y - y)) } else { (x, y) }
        };
        if particles <= PATHS && self.trail.steps.len() > 2 {
            let path = |p: usize| (0..=last).map(move |r| at(r, p)).chain((part > 0.0).then(|| now(p)));
            return Layer::from(Paths {
                paths: (0..particles).map(|p| path(p).collect()).collect(),
                colour: WHITE,
                iterates: particles == 1 && self.trail.steps.len() <= 200,
                ends: true,
                label: if particles == 1 { "path".into() } else { format!("{particles} paths") },
            });
        }
        let points = (0..particles.min(MARKS)).map(now).collect();
        let label = match particles {
            1 => "end".to_string(),
            n if n > MARKS => format!("ends of {MARKS} of {n} particles"),
            n => format!("ends of {n} particles"),
        };
        Layer::from(Marks { points, colour: RED, radius: 2.0, hollow: false, label })
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
