//! What layers show of a picture that is too large to be held: the values of each band of rows, as it is drawn.
//!
//! In: a [`Scene`] and the picture's layout. Out: a [`Band`] for any rows, from the top of the picture downwards. Rows that
//! two bands look at are evaluated once.

use super::{Scene, lic};
use crate::cli::Failure;
use crate::cli::colours::{as_f32, shown, with_slopes};
use gradfield::field::Evaluator;
use gradfield::flow::lic::Lic;
use gradfield::picture::{Band, Layout, SlopeStrip, Strip};
use gradfield::{Points, Values};
use std::ops::Range;

/// Pixels of a plot up to which all values are held, and the colours fitted to all.
const HELD: usize = 1 << 21;
/// Of a larger plot so many rows and columns are looked at for what holds for the whole: colours, levels, labels.
const PREVIEW: usize = 1024;
/// Pixels of a band.
const BAND: usize = 1 << 19;

/// Where the values of layers come from.
pub(in crate::cli) struct Strips<'a> {
    layout: Layout,
    x: Vec<f64>,
    scene: &'a Scene<'a>,
    /// Of the quantity of `--show`, with its gradient where a layer needs that.
    evaluator: Option<Evaluator<'a>>,
    sloped: bool,
    lic: Option<Lic<'a>>,
    /// What was evaluated last, or room for it.
    columns: Vec<Values>,
    /// Room for the slopes of the band after the next.
    spare: Vec<Values>,
    /// The slopes of the band before.
    last: Option<SlopeStrip>,
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
        Ok(Strips {
            x: layout.x_centres(),
            layout,
            scene,
            evaluator,
            sloped,
            lic,
            columns: Vec::new(),
            spare: Vec::new(),
            last: None,
        })
    }

    /// Rows of a band.
    pub(in crate::cli) fn rows(&self) -> u32 {
        // What layers look at around a band is held too.
        let pixels = if self.sloped { BAND } else { 2 * BAND };
        // Not fewer than are looked at around them: those are copied from band to band.
        let least = if self.scene.has("contour") { self.layout.halo() } else { 16 };
        (pixels / self.x.len().max(1)).clamp(least.min(256), 256) as u32
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
            let values = || as_f32(&slopes.columns[0]).into_owned();
            band.heat = self.scene.has("heat").then(|| Strip { first: slopes.first, values: values() });
            band.slopes = Some(slopes);
        } else if self.evaluator.is_some() {
            self.evaluate(rows.clone())?;
            band.heat = Some(Strip { first: rows.start, values: as_f32(&self.columns[0]).into_owned() });
        }
        Ok(band)
    }

    /// Values of these rows, into the columns that are there.
    fn evaluate(&mut self, rows: Range<usize>) -> Result<(), Failure> {
        let count = rows.len() * self.x.len();
        if self.columns.first().is_none_or(|column| column.len() != count) {
            let columns = if self.sloped { 3 } else { 1 };
            self.columns = (0..columns).map(|_| Values::zeros(self.scene.precision, count)).collect();
        }
        let points = Points::Grid(vec![self.x.clone(), self.layout.y_centres_of(rows)]).rounded(self.scene.precision);
        match &mut self.evaluator {
            Some(evaluator) => Ok(evaluator.evaluate_into(&points, &mut self.columns)?),
            None => Ok(()),
        }
    }

    /// The slopes of these rows, and for contours of those around them.
    fn slopes(&mut self, rows: Range<usize>) -> Result<SlopeStrip, Failure> {
        let halo = if self.scene.has("contour") { self.layout.halo() } else { 0 };
        let rows = rows.start.saturating_sub(halo)..(rows.end + halo).min(self.layout.height as usize);
        // The band before lies above this one.
        let Some(last) = self.last.take() else {
            return self.evaluate(rows.clone()).map(|()| self.taken(rows.start));
        };
        if !rows.contains(&last.first) {
            // Memory that is there need not be asked for again.
            self.columns = last.columns.into();
            return self.evaluate(rows.clone()).map(|()| self.taken(rows.start));
        }
        self.evaluate(rows.start..last.first)?;
        let kept = (rows.end - last.first) * self.x.len();
        let mut joined = std::mem::take(&mut self.spare);
        joined.resize_with(self.columns.len(), || Values::zeros(self.scene.precision, 0));
        for (joined, (column, last)) in joined.iter_mut().zip(self.columns.iter().zip(&last.columns)) {
            joined.join(column, last, 0..kept);
        }
        let columns = std::mem::replace(&mut self.columns, joined);
        let strip = self.taken(rows.start);
        (self.columns, self.spare) = (columns, last.columns.into());
        Ok(strip)
    }

    /// The columns that were evaluated last.
    fn taken(&mut self, first: usize) -> SlopeStrip {
        let mut columns = std::mem::take(&mut self.columns).into_iter();
        let mut next = || columns.next().unwrap_or_else(|| Values::zeros(self.scene.precision, 0));
        SlopeStrip { first, columns: [next(), next(), next()] }
    }

    /// Takes back what was drawn, for the rows that the next band has in common with it.
    pub(in crate::cli) fn give_back(&mut self, band: Band) {
        self.last = band.slopes;
    }
}
