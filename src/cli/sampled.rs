//! What `image`, `terrain` and `--samples` share: a sampled field as a function, and the flags of a picture of it.
//!
//! Flows in: a file or samples, flags. Flows out: the text that names a kept surface in an expression, and the arguments
//! of `plot` that draw it.

use super::layers::{self, arrows, basins, hillshade, levels, lic, streamlines, surface, tangents};
use super::options::{Compute, Function};
use super::{Failure, movie, plot};
use clap::{Args, Parser};
use gradfield::files::{Channel, Raster, read_raster};
use gradfield::samples::{Gradient, Samples, Surface, definition};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// How a picture with axes looks.
#[derive(Debug, Clone, Args)]
pub(crate) struct Look {
    #[arg(long, value_delimiter = ',', value_name = "LAYERS", help = layers::help())]
    pub(super) layers: Vec<String>,
    /// Of --layers: part of the picture, such as x=0:100 (repeatable; x runs to the right from the first column, y upwards
    /// from the last row, in units of the spacing)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    ranges: Vec<String>,
    /// Of --layers: pixels, such as 800x700; one number for both sides
    #[arg(long, value_name = "WIDTHxHEIGHT", allow_hyphen_values = true)]
    size: Option<String>,
    #[command(flatten)]
    arrows: arrows::Flags,
    #[command(flatten)]
    levels: levels::Flags,
    #[command(flatten)]
    pub(super) hillshade: hillshade::Flags,
    #[command(flatten)]
    lic: lic::Flags,
    #[command(flatten)]
    streamlines: streamlines::Flags,
    #[command(flatten)]
    surface: surface::Flags,
    /// Colours: viridis, inferno, magma, plasma, cividis, turbo, grey, blue-red, sinebow or pale, each also with _r
    #[arg(long)]
    pub(super) map: Option<String>,
    /// Colour scale: linear, log, symlog or equalised
    #[arg(long, default_value = "linear")]
    scale: String,
    /// Range of the colours, such as -1:1 (default: the data's, without outliers)
    #[arg(long, value_name = "LO:HI", allow_hyphen_values = true)]
    clim: Option<String>,
    /// Title (default: the file's name)
    #[arg(long)]
    title: Option<String>,
    /// No grid lines
    #[arg(long)]
    no_grid: bool,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// No notes and no progress on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
}

/// Flags of `plot` that pictures of samples have not.
#[derive(Debug, Clone, Parser)]
struct Rest {
    #[command(flatten)]
    basins: basins::Flags,
    #[command(flatten)]
    tangents: tangents::Flags,
    #[command(flatten)]
    rate: movie::Rate,
}

impl Look {
    /// The arguments of a `plot` of an expression over this range.
    pub(super) fn plot(&self, expression: String, range: Ranges, show: &str, file: &Path) -> plot::Arguments {
        let rest = Rest::parse_from(["gradfield"]);
        let usual = ["x", "y"].iter().zip(range).map(|(name, (lo, hi))| format!("{name}={lo}:{hi}"));
        let name = file.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut compute = self.compute.clone();
        if compute.device == "auto" {
            compute.device = "cpu".to_owned();
        }
        plot::Arguments {
            function: Function {
                expression,
                vars: Vec::new(),
                sets: Vec::new(),
                samples: Vec::new(),
                quiet: self.quiet,
            },
            vector: false,
            ranges: usual.chain(self.ranges.iter().cloned()).collect(),
            size: self.size.clone(),
            layers: self.layers.clone(),
            arrows: self.arrows.clone(),
            levels: self.levels.clone(),
            hillshade: self.hillshade.clone(),
            lic: self.lic.clone(),
            streamlines: self.streamlines.clone(),
            basins: rest.basins,
            surface: self.surface.clone(),
            tangents: rest.tangents,
            show: show.to_owned(),
            map: self.map.clone(),
            scale: self.scale.clone(),
            clim: self.clim.clone(),
            title: Some(self.title.clone().unwrap_or(name)),
            no_grid: self.no_grid,
            bare: false,
            tiles: None,
            rgb: false,
            compute,
            rate: rest.rate,
            output: None,
        }
    }

    /// Threads for the work on samples.
    pub(super) fn threads(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.compute.threads.map_or_else(cores, usize::from)
    }
}

/// Whether there is a sampled field, which the CPU alone can evaluate.
pub(super) fn any() -> bool {
    !KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).is_empty()
}

/// Surfaces that are kept, by what was asked for.
static KNOWN: Mutex<Vec<(String, usize, Ranges)>> = Mutex::new(Vec::new());

/// Of x and y.
type Ranges = [(f64, f64); 2];

/// The definitions of `--samples NAME=FILE`, to be put before an expression, and the range of the first.
pub(super) fn definitions(samples: &[String]) -> Result<(String, Option<Ranges>), Failure> {
    let (mut text, mut range) = (String::new(), None);
    for one in samples {
        let (name, file) = one.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--samples {one}: write a name and a file, as in --samples h=dem.npy"))
        })?;
        let (place, found) = kept(file)?;
        text += &definition(name.trim(), place, ["x", "y"]);
        range.get_or_insert(found);
    }
    Ok((text, range))
}

/// The surface of a file, kept once.
fn kept(file: &str) -> Result<(usize, Ranges), Failure> {
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, place, range)) = known.iter().find(|(name, ..)| name == file) {
        return Ok((*place, *range));
    }
    let path = PathBuf::from(file);
    let raster = read_raster(&path)?;
    let samples = channel(&path, &raster, Channel::Luminance)?;
    let step = raster.cell.unwrap_or((1.0, 1.0));
    let surface = Surface::new(&samples, None, step)?;
    let range = surface.range();
    let place = surface.keep()?;
    known.push((file.to_owned(), place, range));
    Ok((place, range))
}

/// One channel of a file.
pub(super) fn channel(path: &Path, raster: &Raster, channel: Channel) -> Result<Samples, Failure> {
    raster.samples(channel).map_err(|problem| Failure::usage(format!("{}: {problem}", path.display())))
}

/// Draws a surface with its layers, in the colours `usual` where a layer has colours and none were asked for.
pub(super) fn draw(
    look: &Look,
    (samples, gradient, step): (&Samples, Option<&Gradient>, (f64, f64)),
    (show, usual): (&str, Option<String>),
    (file, output): (&Path, &Path),
) -> Result<(), Failure> {
    let surface = Surface::new(samples, gradient, step)?;
    let range = surface.range();
    let text = definition("h", surface.keep()?, ["x", "y"]) + "h";
    let mut plot = look.plot(text, range, show, file);
    if plot.map.is_none() && layers::read(&plot, 2)?.contains(&"--map") {
        plot.map = usual;
    }
    plot::draw(&plot, "h", output)
}
