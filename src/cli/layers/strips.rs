//! What layers show of a picture that is too large to be held: the values of each band of rows, as it is drawn.
//!
//! In: a [`Scene`] and the picture's layout. Out: a [`Band`] for any rows, from the top of the picture downwards. Rows that
//! two bands look at are evaluated once.

use super::{Scene, lic};
use crate::cli::Failure;
use crate::cli::colours::{as_f32, shown, with_slopes};
use gradfield::field::Evaluator;
use gradfield::flow::lic::Lic;
use gradfield::picture::{Band, Layout, Slopes, Strip};
use gradfield::{Points, Values};
use std::ops::Range;

/// Pixels of a plot up to which all values are held, and the colours fitted to all.
const HELD: usize = 1 << 21;
/// Of a larger plot so many rows and columns are looked at for what holds for the whole: colours, levels, labels.
const PREVIEW: usize = 1024;
/// Pixels of a band.
const BAND: usize = 1 << 20;

/// Where the values of layers come from.
pub(in crate::cli) struct Strips<'a> {
    layout: Layout,
    x: Vec<f64>,
    scene: &'a Scene<'a>,
    /// Of the quantity of `--show`, with its gradient where a layer needs that.
    evaluator: Option<Evaluator<'a>>,
    sloped: bool,
    lic: Option<Lic<'a>>,
    /// The slopes of the band before.
    last: Option<(usize, Slopes)>,
}

/// Whether the values come in bands: the plot is large, and no layer needs all of it at once.
pub(super) fn needed(scene: &Scene<'_>, layout: &Layout) -> bool {
    layout.width as usize * layout.height as usize > HELD && scene.layers.iter().all(|row| row.banded)
}

/// Some of many places, evenly.
pub(super) fn some(places: Vec<f64>) -> Vec<f64> {
    let step = places.len().div_ceil(PREVIEW).max(1);
    let count = (places.len() / step).max(1);
    (0..count).map(|k| places[(2 * k + 1) * places.len() / (2 * count)]).collect()
}

impl<'a> Strips<'a> {
    /// Prepares the engine for the scene's layers.
    pub(in crate::cli) fn new(scene: &'a Scene<'a>, layout: Layout) -> Result<Strips<'a>, Failure> {
        let sloped = scene.sloped();
        let outputs =
            (sloped || scene.has("heat")).then(|| shown(scene.expression, &scene.arguments.show)).transpose()?;
        let outputs = if sloped { outputs.map(with_slopes).transpose()? } else { outputs };
        let evaluator = outputs.map(|outputs| Evaluator::new(&outputs, scene.engine, scene.precision)).transpose()?;
        let lic = scene.has("lic").then(|| lic::prepare(scene, &layout)).transpose()?;
        Ok(Strips { x: layout.x_centres(), layout, scene, evaluator, sloped, lic, last: None })
    }

    /// Rows of a band.
    pub(in crate::cli) fn rows(&self) -> u32 {
        // What layers look at around a band is held too.
        let pixels = if self.sloped { BAND } else { 2 * BAND };
        (pixels / self.x.len().max(1)).clamp(16, 256) as u32
    }

    /// What layers show on these rows of the picture.
    pub(in crate::cli) fn band(&mut self, rows: Range<u32>) -> Result<Band, Failure> {
        let rows = self.layout.field_rows(rows);
        let mut band = Band::default();
        if rows.is_empty() {
            return Ok(band);
        }
        if let Some(lic) = &mut self.lic {
            band.lines = Some(Strip { first: rows.start, values: lic.rows(rows.clone())? });
        }
        if self.sloped {
            let slopes = self.slopes(rows)?;
            band.heat = self.scene.has("heat").then(|| Strip { first: slopes.0, values: narrow(&slopes.1.values) });
            band.slopes = Some(slopes);
        } else if self.evaluator.is_some() {
            let found = self.evaluate(rows.clone())?;
            band.heat = Some(Strip { first: rows.start, values: as_f32(&found[0]).into_owned() });
        }
        Ok(band)
    }

    fn evaluate(&mut self, rows: Range<usize>) -> Result<Vec<Values>, Failure> {
        let points = Points::Grid(vec![self.x.clone(), self.layout.y_centres_of(rows)]).rounded(self.scene.precision);
        match &mut self.evaluator {
            Some(evaluator) => Ok(evaluator.evaluate(&points)?),
            None => Ok(Vec::new()),
        }
    }

    /// The slopes of these rows and of those around them.
    fn slopes(&mut self, rows: Range<usize>) -> Result<(usize, Slopes), Failure> {
        let halo = self.layout.halo();
        let rows = rows.start.saturating_sub(halo)..(rows.end + halo).min(self.layout.height as usize);
        // The band before lies above this one.
        let known = self.last.take().filter(|(first, old)| rows.contains(first) && first + old.rows >= rows.end);
        let new = rows.start..known.as_ref().map_or(rows.end, |(first, _)| *first);
        let columns = self.x.len();
        let mut found = self.evaluate(new)?.into_iter().map(|column| column.to_f64());
        let mut next = || found.next().unwrap_or_default();
        let (values, dx, dy) = (next(), next(), next());
        let mut slopes = Slopes { values, dx, dy, columns, rows: rows.len() };
        if let Some((first, old)) = known {
            let kept = (rows.end - first) * columns;
            slopes.values.extend_from_slice(&old.values[..kept]);
            slopes.dx.extend_from_slice(&old.dx[..kept]);
            slopes.dy.extend_from_slice(&old.dy[..kept]);
        }
        Ok((rows.start, slopes))
    }

    /// Takes back what was drawn, for the rows that the next band has in common with it.
    pub(in crate::cli) fn give_back(&mut self, band: Band) {
        self.last = band.slopes;
    }
}

fn narrow(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}
