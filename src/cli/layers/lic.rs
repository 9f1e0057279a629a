//! The layer `lic`: line integral convolution, noise smeared along the gradient.

use super::{Row, Scene};
use crate::cli::Failure;
use crate::cli::plot::Arguments;
use clap::Args;
use gradfield::flow::View;
use gradfield::flow::lic::{Lic, Weave};
use gradfield::picture::{Layout, Lines, Picture};

/// Pixels that are computed at a time: their state stays in memory.
const BAND: usize = 1 << 20;

#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Flags {
    /// How far the layer lic smears its noise, in pixels either way (default: 24 times the grain)
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    lic_length: Option<f64>,
    /// The grain of the layer lic's noise, in pixels (default: by the size of the picture)
    #[arg(long, value_name = "PIXELS", allow_negative_numbers = true)]
    lic_grain: Option<f64>,
    /// The layer lic shows which way is downhill: drops with their thick end ahead
    #[arg(long)]
    oriented: bool,
}

pub(super) const ROW: Row = Row {
    names: &["lic"],
    variables: 2,
    of_vectors: true,
    usual: false,
    fills: true,
    banded: true,
    flags,
    frame: None,
    add,
};

fn flags(arguments: &Arguments) -> Vec<(&'static str, bool)> {
    let Flags { lic_length, lic_grain, oriented } = &arguments.lic;
    vec![("--lic-length", lic_length.is_some()), ("--lic-grain", lic_grain.is_some()), ("--oriented", *oriented)]
}

impl Flags {
    fn weave(&self, width: usize, height: usize) -> Result<Weave, Failure> {
        let usual = Weave::of_size(width, height);
        let grain = pixels("--lic-grain", self.lic_grain, 1000.0)?.unwrap_or(usual.grain);
        let usual = usual.length / usual.grain * grain;
        let length = pixels("--lic-length", self.lic_length, 4000.0)?.unwrap_or(usual);
        Ok(Weave { length, grain, oriented: self.oriented })
    }
}

fn pixels(flag: &str, given: Option<f64>, most: f64) -> Result<Option<f64>, Failure> {
    match given {
        Some(number) if !(1.0..=most).contains(&number) => {
            Err(Failure::usage(format!("{flag}: {number} is not between 1 and {most} pixels")))
        }
        given => Ok(given),
    }
}

fn add(scene: &Scene<'_>, picture: &mut Picture) -> Result<(), Failure> {
    let (layout, alone) = (picture.layout()?, !scene.coloured());
    if scene.in_bands(&layout) {
        picture.layers.push(Lines::in_bands(alone).into());
        return Ok(());
    }
    let (width, height) = (layout.width as usize, layout.height as usize);
    let mut lic = prepare(scene, &layout)?;
    let mut values = Vec::with_capacity(width * height);
    let band = (BAND / width.max(1)).max(1);
    for first in (0..height).step_by(band) {
        values.extend(lic.rows(first..height.min(first + band))?);
    }
    picture.layers.push(Lines::new(values, alone).into());
    Ok(())
}

/// The convolution of a picture.
pub(super) fn prepare<'a>(scene: &Scene<'a>, layout: &Layout) -> Result<Lic<'a>, Failure> {
    let [x, y] = [layout.x_centres(), layout.y_centres()].map(edges);
    let view = View { x, y, width: f64::from(layout.width), height: f64::from(layout.height) };
    let weave = scene.arguments.lic.weave(layout.width as usize, layout.height as usize)?;
    Ok(Lic::new(scene.expression, view, weave, scene.engine, scene.precision)?)
}

/// From edge to edge of pixels with these centres.
fn edges(centres: Vec<f64>) -> (f64, f64) {
    let (first, last) = (centres[0], centres[centres.len() - 1]);
    let half = if centres.len() > 1 { 0.5 * (last - first) / (centres.len() - 1) as f64 } else { 0.5 };
    (first - half, last + half)
}
