//! `gradfield terrain`: slope, aspect, hillshade and relief of heights on a grid, any layer on them, and their rivers.

use super::Failure;
use super::bare::Ink;
use super::colours::colouring;
use super::descend;
use super::layers::hillshade;
use super::options::number;
use super::record::Record;
use super::sampled::{self, Look};
use clap::{Args, Parser};
use gradfield::Values;
use gradfield::files::{Channel, Channels, Format, Output, PngHead, Raster, read_raster, write_npy, write_png};
use gradfield::picture::{ColourMap, Colouring};
use gradfield::samples::terrain::{self, Cells, Light, Quantity, Weights};
use gradfield::samples::{Samples, Surface, definition};
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Heights, rows from north to south: GeoTIFF, a .npy array or a PNG of 16 bits; - is standard input
    file: PathBuf,
    /// The side of a cell in the units of the heights: one number, or x and y as in 30x25 (default: the file's, else 1)
    #[arg(long, value_name = "NUMBER")]
    cell: Option<String>,
    /// Heights are multiplied by this
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    z_factor: Option<String>,
    /// The height that stands for no data (default: the file's; numbers that are not finite are none anyway)
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    nodata: Option<String>,
    /// slope (degrees), slope-percent, aspect (degrees clockwise from north, downhill), hillshade (1 to 255), or relief,
    /// heights as colours in slanting light (default: relief; to .npy slope). With --layers any formula that plot takes
    #[arg(long, allow_hyphen_values = true)]
    show: Option<String>,
    /// horn, or zevenbergen-thorne
    #[arg(long, default_value = "horn")]
    method: String,
    /// A picture of so many descents from everywhere, by how many run through each pixel: the rivers
    #[arg(long, value_name = "N", conflicts_with_all = ["show", "layers"])]
    rivers: Option<u32>,
    #[command(flatten)]
    look: Look,
    /// Where to write: .png, or of one quantity .npy; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// png or npy (default: by the name's ending)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let allowed = [Format::Png, Format::Npy];
    let given = super::options::format("--format", arguments.format.as_deref(), &allowed)?;
    let format = Format::of(&arguments.output, given, &allowed)?;
    let drawn = !arguments.look.layers.is_empty() || arguments.rivers.is_some();
    if drawn && format != Format::Png {
        return Err(Failure::usage("--layers and --rivers make a picture; write it with -o FILE.png"));
    }
    if arguments.look.compute.device.starts_with("gpu") {
        return Err(Failure::usage("--device gpu: sampled fields run on the CPU; take --device cpu or none"));
    }
    let raster = read_raster(&arguments.file)?;
    let cells = cells(arguments, &raster)?;
    let heights = heights(arguments, &raster)?;
    match arguments.rivers {
        Some(count) => rivers(arguments, scaled(heights, cells.z_factor), &cells, count),
        None if drawn => layers(arguments, scaled(heights, cells.z_factor), &cells),
        None => bare(arguments, &heights, &cells, format),
    }
}

fn cells(arguments: &Arguments, raster: &Raster) -> Result<Cells, Failure> {
    let side = |text: &str| match number("--cell", text)? {
        side if side > 0.0 => Ok(side),
        side => Err(Failure::usage(format!("--cell: {side} is no side of a cell; write a number above 0"))),
    };
    let size = match (&arguments.cell, raster.cell) {
        (Some(text), _) => match text.split_once('x') {
            Some((x, y)) => (side(x)?, side(y)?),
            None => (side(text)?, side(text)?),
        },
        (None, Some(_)) if raster.degrees => {
            return Err(Failure::usage(format!(
                "{}: its cells are in degrees, and slopes need the units of the heights; give the sides in metres with --cell, \
                 some 111320 for a degree of latitude",
                arguments.file.display()
            )));
        }
        (None, Some(size)) => size,
        (None, None) => {
            if !arguments.look.quiet {
                eprintln!("note: the file does not tell the size of its cells; 1 x 1 is taken, --cell gives another");
            }
            (1.0, 1.0)
        }
    };
    let weights = match arguments.method.as_str() {
        "horn" => Weights::Horn,
        "zevenbergen-thorne" => Weights::ZevenbergenThorne,
        other => return Err(Failure::usage(format!("--method: `{other}` is neither horn nor zevenbergen-thorne"))),
    };
    let z_factor = arguments.z_factor.as_deref().map_or(Ok(1.0), |text| number("--z-factor", text))?;
    Ok(Cells { size, z_factor, weights, threads: arguments.look.threads() })
}

/// The heights, NaN where there is no data, which is counted.
fn heights(arguments: &Arguments, raster: &Raster) -> Result<Samples, Failure> {
    let mut heights = sampled::channel(&arguments.file, raster, Channel::Luminance)?;
    heights.plane("a terrain")?;
    let given = arguments.nodata.as_deref().map(|text| number("--nodata", text)).transpose()?;
    let mut none = 0;
    if let Some(nodata) = given.or(raster.nodata) {
        let mut drop = |k: usize, values: &mut Values| {
            values.set(k, f64::NAN);
            none += 1;
        };
        // In the format of the heights, where 1e-39 or -3.4e38 is another number than in f64.
        let nodata = heights.values.precision().round(nodata);
        for k in 0..heights.values.len() {
            if heights.values.get(k) == nodata {
                drop(k, &mut heights.values);
            }
        }
    }
    let missing = heights.missing();
    if missing == heights.values.len() {
        return Err(Failure::usage(format!("{}: no cell has a height; check --nodata", arguments.file.display())));
    }
    if missing > 0 && !arguments.look.quiet {
        eprintln!(
            "note: {missing} of {} cells have no height ({none} by nodata); they and those beside them are left out",
            heights.values.len()
        );
    }
    Ok(heights)
}

fn scaled(heights: Samples, factor: f64) -> Samples {
    if factor == 1.0 {
        return heights;
    }
    let precision = heights.values.precision();
    let values = heights.values.to_f64().into_iter().map(|v| v * factor).collect();
    Samples { values: Values::of(precision, values), ..heights }
}

/// One quantity, one pixel a cell.
fn bare(arguments: &Arguments, heights: &Samples, cells: &Cells, format: Format) -> Result<(), Failure> {
    let usual = if format == Format::Png { "relief" } else { "slope" };
    let show = arguments.show.as_deref().unwrap_or(usual);
    let quantity = match show {
        "slope" => Some(Quantity::Slope),
        "slope-percent" => Some(Quantity::SlopePercent),
        "aspect" => Some(Quantity::Aspect),
        "hillshade" | "relief" => None,
        other => {
            return Err(Failure::usage(format!(
                "--show: `{other}` is none of slope, slope-percent, aspect, hillshade and relief; formulas need --layers"
            )));
        }
    };
    let mut out = Output::create(&arguments.output)?;
    let shape = heights.shape.clone();
    if let Some(quantity) = quantity {
        let values = terrain::quantity(heights, cells, quantity)?;
        match format {
            Format::Npy => write_npy(&mut out, &shape, values.as_slice())?,
            _ => coloured(arguments, &mut out, heights, (show, Values::F32(values)), None)?,
        }
        return Ok(out.finish()?);
    }
    let light = terrain::hillshade(heights, cells, light(arguments)?)?;
    match (format, show) {
        (Format::Npy, "hillshade") => {
            let number = |light: &u8| if *light == 0 { f32::NAN } else { f32::from(*light) };
            write_npy(&mut out, &shape, light.iter().map(number).collect::<Vec<f32>>().as_slice())?;
        }
        (Format::Npy, _) => return Err(Failure::usage("--show relief is a picture; write it with -o FILE.png")),
        (_, "hillshade") => grey(arguments, &mut out, heights, &light)?,
        _ => coloured(arguments, &mut out, heights, (show, heights.values.clone()), Some(&light))?,
    }
    Ok(out.finish()?)
}

fn light(arguments: &Arguments) -> Result<Light, Failure> {
    let text = arguments.look.hillshade.light.as_deref().unwrap_or("315:45");
    Ok(match hillshade::light(text)? {
        gradfield::picture::Light::From { azimuth, altitude } => Light::From { azimuth, altitude },
        gradfield::picture::Light::Around { altitude } => Light::Around { altitude },
    })
}

fn texts(arguments: &Arguments, heights: &Samples, show: &str) -> Vec<(&'static str, String)> {
    let title = format!("{show} of {}", arguments.file.display());
    let sides = heights.shape.iter().rev().map(|n| (-0.5, *n as f64 - 0.5));
    let ranges = ["column", "row"].into_iter().zip(sides).collect();
    Record { title: &title, source: "CPU, f32".to_owned(), ranges, seed: None }.texts()
}

fn grey(arguments: &Arguments, out: &mut Output, heights: &Samples, light: &[u8]) -> Result<(), Failure> {
    let (height, width) = heights.plane("a picture")?;
    let texts = texts(arguments, heights, "hillshade");
    write_png(out, PngHead { width, height, channels: Channels::Grey, texts: &texts }, |rows| {
        rows.threads(arguments.look.threads());
        rows.paint(height, |first, pixels| pixels.copy_from_slice(&light[first * width..][..pixels.len()]))
    })?;
    Ok(())
}

/// Colours by value; darker and lighter where there is light.
fn coloured(
    arguments: &Arguments,
    out: &mut Output,
    heights: &Samples,
    (show, values): (&str, Values),
    light: Option<&[u8]>,
) -> Result<(), Failure> {
    let mut plot = arguments.look.plot("h".to_owned(), [(0.0, 1.0); 2], "f", &arguments.file);
    // Heights below the sea are heights.
    plot.map.get_or_insert_with(|| if show == "slope" { "inferno" } else { "viridis" }.to_owned());
    let some: Vec<f64> = (0..values.len()).step_by((values.len() >> 20).max(1)).map(|k| values.get(k)).collect();
    let turn = show == "aspect" && arguments.look.map.is_none();
    // Colours of directions go by the half turns of an angle in radians.
    let (colouring, values) = if turn {
        let radians = |v: f64| (if v > 180.0 { v - 360.0 } else { v }).to_radians();
        let all = (0..values.len()).map(|k| radians(values.get(k))).collect();
        (Colouring::turn(ColourMap::cyclic()), Values::of(gradfield::Precision::F32, all))
    } else {
        (colouring(&plot, &some)?, values)
    };
    let ink = Ink::new(colouring, light.is_some());
    let (height, width) = heights.plane("a picture")?;
    let texts = texts(arguments, heights, show);
    let values = super::colours::as_f32(&values);
    write_png(out, PngHead { width, height, channels: ink.channels(), texts: &texts }, |rows| {
        rows.threads(arguments.look.threads());
        rows.paint(height, |first, pixels| {
            ink.paint(&values[first * width..], pixels);
            if let Some(light) = light {
                let pixels = pixels.chunks_exact_mut(3);
                pixels.zip(&light[first * width..]).for_each(|(pixel, light)| shade(pixel, *light));
            }
        })
    })?;
    Ok(())
}

/// A colour in this light, 1 to 255, of which a level place has 181; 0 leaves it as it is.
fn shade(pixel: &mut [u8], light: u8) {
    if light == 0 {
        return;
    }
    let part = (f32::from(light) - 1.0) / 254.0;
    let level = std::f32::consts::FRAC_1_SQRT_2;
    for channel in pixel {
        let colour = f32::from(*channel);
        *channel = if part < level {
            colour * (0.25 + 0.75 * part / level)
        } else {
            colour + (255.0 - colour) * 0.6 * (part - level) / (1.0 - level)
        }
        .round() as u8;
    }
}

/// Every layer of `plot`, on the surface through the heights and its own slopes.
fn layers(arguments: &Arguments, heights: Samples, cells: &Cells) -> Result<(), Failure> {
    let show = match arguments.show.as_deref() {
        None => "f",
        Some("slope") => "atan(hypot(dx, dy)) * 180 / pi",
        Some("slope-percent") => "100 * hypot(dx, dy)",
        Some("aspect") => "mod(atan2(-dx, -dy) * 180 / pi, 360)",
        Some("hillshade" | "relief") => {
            return Err(Failure::usage("--show: with --layers, light is a layer: --layers heat,hillshade"));
        }
        Some(other) => other,
    };
    let map = (show == "f").then(|| "viridis".to_owned());
    let files = (arguments.file.as_path(), arguments.output.as_path());
    sampled::draw(&arguments.look, (&heights, None, cells.size), (show, map), files)
}

/// The command line of `descend`.
#[derive(Debug, Parser)]
struct Descend {
    #[command(flatten)]
    arguments: descend::Arguments,
}

/// Descents by steps of a third of a cell, from everywhere, until they have crossed the terrain; their density.
fn rivers(arguments: &Arguments, heights: Samples, cells: &Cells, count: u32) -> Result<(), Failure> {
    let (rows, columns) = heights.plane("a terrain")?;
    let surface = Surface::new(&heights, None, cells.size)?;
    let range = surface.range();
    let text = definition("h", surface.keep()?, ["x", "y"]) + "h";
    let plot = arguments.look.plot(text, range, "f", &arguments.file);
    let step = cells.size.0.min(cells.size.1) / 3.0;
    let steps = 3 * (rows + columns);
    let mut words: Vec<String> =
        ["descend", "--density", "--no-marks", "--rule", RIVER, "--device", "cpu"].map(String::from).to_vec();
    words.extend([format!("--starts={count}"), format!("--lr={step}"), format!("--steps={steps}")]);
    words.extend(["--sampling=sobol".to_owned(), format!("--threads={}", cells.threads)]);
    words.extend(plot.ranges.iter().map(|range| format!("--range={range}")));
    words.extend(plot.size.iter().map(|size| format!("--size={size}")));
    words.extend(plot.title.iter().map(|title| format!("--title={title}")));
    words.extend(arguments.look.quiet.then(|| "--quiet".to_owned()));
    words.extend([format!("--output={}", arguments.output.display()), plot.function.expression]);
    let parsed = Descend::try_parse_from(words).map_err(|error| Failure::usage(error.to_string()))?;
    descend::run(&parsed.arguments)
}

/// Downhill by steps of one length, which no pit stops.
const RIVER: &str = "x = x - lr g / sqrt(g2 + 1e-30)";
