//! `gradfield plot`: a picture of the field.
//!
//! One variable: the curve. Two: layers over a rectangle, held or, where they are too large for that, streamed in bands.
//! Here is what all pictures have in common; the layers are in `layers`, and `bare` has a way of its own for a heat map alone.

use super::Failure;
use super::bare;
use super::engine::{choose, source};
use super::layers::strips::Strips;
use super::layers::{self, Scene, arrows, basins, hillshade, levels, lic, streamlines, surface, tangents};
use super::options::{Compute, Function, ranges, size};
use super::record::Record;
use super::sampled::definitions;
use super::{movie, sweep, tiles};
use clap::Args;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::field::{FieldError, check_size, tape_of};
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::picture::{LONGEST_SIDE, Picture, typeset};
use gradfield::{Expression, Precision};
use std::cell::OnceCell;
use std::ops::Range;
use std::panic::resume_unwind;
use std::path::PathBuf;

#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// EXPR is a vector field: two components with `;` between, as in "-y; x"; arrows and lines follow it
    #[arg(long)]
    pub(super) vector: bool,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// Pixels, such as 800x700; one number for both sides
    #[arg(long, value_name = "WIDTHxHEIGHT", allow_hyphen_values = true)]
    pub(super) size: Option<String>,
    #[arg(long, value_delimiter = ',', value_name = "LAYERS", help = layers::help())]
    pub(super) layers: Vec<String>,
    #[command(flatten)]
    pub(super) arrows: arrows::Flags,
    #[command(flatten)]
    pub(super) levels: levels::Flags,
    #[command(flatten)]
    pub(super) hillshade: hillshade::Flags,
    #[command(flatten)]
    pub(super) lic: lic::Flags,
    #[command(flatten)]
    pub(super) streamlines: streamlines::Flags,
    #[command(flatten)]
    pub(super) basins: basins::Flags,
    #[command(flatten)]
    pub(super) surface: surface::Flags,
    #[command(flatten)]
    pub(super) tangents: tangents::Flags,
    /// The quantity that is shown: f, grad (the length of the gradient), angle (its direction), dx, dy, laplacian,
    /// curvature (the mean curvature of the graph, positive where it is a bowl), or a formula of x, y, f, dx, dy, and
    /// dxx, dxy, dyy; of a vector field speed, angle, divergence, curl, e_xx, e_xy, e_yy (strain), e_1, e_2 (principal
    /// strains), or a formula of these and F_x, F_y
    #[arg(long, default_value = "f", allow_hyphen_values = true)]
    pub(super) show: String,
    /// Colours: viridis, inferno, magma, plasma, cividis, turbo, grey, blue-red, sinebow or pale (light greys, to draw
    /// on), each also with _r, reversed (default: viridis; blue-red where the values have both signs; sinebow for angles)
    #[arg(long)]
    pub(super) map: Option<String>,
    /// Colour scale: linear, log, symlog or equalised (equal areas of each colour)
    #[arg(long, default_value = "linear")]
    pub(super) scale: String,
    /// Range of the colours, such as -1:1 (default: the data's, without outliers)
    #[arg(long, value_name = "LO:HI", allow_hyphen_values = true)]
    pub(super) clim: Option<String>,
    /// Title (default: the function)
    #[arg(long)]
    pub(super) title: Option<String>,
    /// No grid lines
    #[arg(long)]
    pub(super) no_grid: bool,
    /// The plot alone, no axes and no text (default: of the layer heat), in any size: little memory is needed
    #[arg(long, conflicts_with_all = ["title", "no_grid"])]
    pub(super) bare: bool,
    /// A folder of tiles for zooming from the whole into --size pixels, each level computed anew; open its index.html
    #[arg(long, value_name = "DIR", conflicts_with_all = ["layers", "title", "no_grid", "output"])]
    pub(super) tiles: Option<PathBuf>,
    /// Of --bare and --tiles: 24 bits a pixel; without it a palette of 256 colours, unless its steps would show
    #[arg(long)]
    pub(super) rgb: bool,
    #[command(flatten)]
    pub(super) compute: Compute,
    #[command(flatten)]
    pub(super) rate: movie::Rate,
    /// Where to write the PNG; - is standard output. A .gif or .apng with values that move, as in --set a=0:1:60frames
    #[arg(long, short, value_name = "FILE", required_unless_present = "tiles")]
    pub(super) output: Option<PathBuf>,
}

impl Arguments {
    /// The function, or the vector field.
    pub(super) fn parse(&self) -> Result<Expression, Failure> {
        self.function.parse_as(self.vector)
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let arguments = &over_samples(arguments)?;
    let moving = sweep::is_swept(arguments)?;
    if let (true, Some(output)) = (moving && !arguments.bare, &arguments.output) {
        return sweep::run(arguments, output);
    }
    if moving {
        return Err(Failure::usage("--set: --bare and --tiles show one value; a picture that moves has axes"));
    }
    if arguments.rate.is_given() {
        return Err(Failure::usage("--fps is for a picture that moves; let a value do so, as in --set a=0:1:60frames"));
    }
    let expression = arguments.parse()?;
    let dimension = expression.variables().len();
    if !(1..=2).contains(&dimension) {
        return Err(wrong_dimension(&expression));
    }
    if dimension != 2 && (arguments.bare || arguments.tiles.is_some()) {
        return Err(Failure::usage("--bare and --tiles need a function of two variables"));
    }
    let layers = layers::chosen(arguments, dimension)?;
    if let Some(folder) = &arguments.tiles {
        return tiles::run(arguments, &expression, folder);
    }
    let output = arguments.output.as_deref().ok_or_else(|| Failure::usage("name the picture to write with -o"))?;
    check_name(output)?;
    if arguments.bare && layers.iter().all(|row| row.name() == layers::heat::ROW.name()) {
        return bare::run(arguments, &expression, output);
    }
    if arguments.rgb {
        return Err(Failure::usage(
            "--rgb is for --tiles and for --bare with the layer heat alone; other pictures have 24 bits a pixel anyway",
        ));
    }
    with_axes(arguments, &expression, output)
}

/// With samples and no range, the range of the samples.
fn over_samples(arguments: &Arguments) -> Result<Arguments, Failure> {
    let mut arguments = arguments.clone();
    if let (true, (_, Some(range))) = (arguments.ranges.is_empty(), definitions(&arguments.function.samples)?) {
        arguments.ranges = ["x", "y"].iter().zip(range).map(|(name, (lo, hi))| format!("{name}={lo}:{hi}")).collect();
    }
    Ok(arguments)
}

/// A picture of what the arguments parse to, under a text of its own.
pub(super) fn draw(arguments: &Arguments, text: &str, output: &std::path::Path) -> Result<(), Failure> {
    check_name(output)?;
    let expression = arguments.function.parse()?.with_text(text);
    with_axes(arguments, &expression, output)
}

/// Layers, held or in bands.
fn with_axes(arguments: &Arguments, expression: &Expression, output: &std::path::Path) -> Result<(), Failure> {
    let dimension = expression.variables().len();
    let layers = layers::chosen(arguments, dimension)?;
    let in_bands = layers.iter().all(|row| row.banded);
    let (width, height) = if in_bands { sides } else { pixels }(arguments.size.as_deref(), usual_size(dimension))?;
    let mut out = Output::create(output)?;
    let tape = tape_of(&expression.gradient()?);
    let precision = precision(&arguments.compute);
    let demand = Demand::grid(&tape, f64::from(width) * f64::from(height), precision);
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let scene = scene(arguments, expression, engine.as_ref())?;
    let picture = picture(&scene, (width, height))?;
    let record = Record::of(&picture, expression.text(), source(engine.as_ref(), precision), None);
    let layout = picture.layout()?;
    let strips = if scene.in_bands(&layout) { Some(Strips::new(&scene, layout)?) } else { None };
    write(&mut out, &picture, &record, strips, arguments.compute.threads)?;
    out.finish()?;
    Ok(())
}

pub(super) fn wrong_dimension(expression: &Expression) -> Failure {
    let variables = expression.variables();
    Failure::usage(format!(
        "a picture has one or two variables, `{}` has {} ({}); give the others a value with --set",
        expression.text(),
        variables.len(),
        variables.join(", ")
    ))
}

/// Pixels, where nothing was said.
pub(super) fn usual_size(variables: usize) -> (u32, u32) {
    if variables == 1 { (800, 600) } else { (800, 700) }
}

/// The title that was given, or the function.
pub(super) fn title(arguments: &Arguments, expression: &Expression) -> String {
    let text = || match expression.is_vector() {
        // Without definitions the parts are the components.
        true if !expression.text().contains('=') => format!("F = ({})", expression.text().replace(';', ",")),
        true => format!("F = {}", expression.text()),
        false => format!("f = {}", expression.text()),
    };
    arguments.title.clone().unwrap_or_else(|| typeset(&text()))
}

/// What the layers of a picture are made from.
pub(super) fn scene<'a>(
    arguments: &'a Arguments,
    expression: &'a Expression,
    engine: &'a dyn Backend,
) -> Result<Scene<'a>, Failure> {
    let precision = precision(&arguments.compute);
    let layers = layers::chosen(arguments, expression.variables().len())?;
    let ranges = ranges(&arguments.ranges, expression.variables(), precision)?;
    let (samples, slopes, basins) = (OnceCell::default(), OnceCell::default(), OnceCell::default());
    let (y_range, held) = (None, false);
    Ok(Scene { arguments, expression, engine, precision, ranges, layers, y_range, held, samples, slopes, basins })
}

/// The frame of the function's dimension, and the layers on it.
pub(super) fn picture(scene: &Scene<'_>, size: (u32, u32)) -> Result<Picture, Failure> {
    let (arguments, variables) = (scene.arguments, scene.expression.variables());
    let title = title(arguments, scene.expression);
    let mut picture = if let [name] = variables {
        let mut picture = Picture::new(size.0, size.1);
        (picture.title, picture.x_label, picture.y_label) = (title, name.clone(), "f".to_string());
        picture.x_range = scene.ranges[0];
        picture
    } else {
        frame(size, title, variables, &scene.ranges)
    };
    picture.grid = !arguments.no_grid;
    picture.bare = arguments.bare;
    scene.layers.iter().filter_map(|row| row.frame).try_for_each(|frame| frame(scene, &mut picture))?;
    scene.layers.iter().try_for_each(|row| (row.add)(scene, &mut picture))?;
    Ok(picture)
}

/// A name without an ending is taken as it is: there is one format.
fn check_name(path: &std::path::Path) -> Result<(), Failure> {
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("gif") || ending.eq_ignore_ascii_case("apng") => {
            Err(Failure::usage(format!(
                "cannot write {}: nothing moves; let a value do so, as in --set a=0:1:60frames",
                path.display()
            )))
        }
        Some(ending) if !ending.eq_ignore_ascii_case("png") => Err(Failure::usage(format!(
            "cannot write {}: a picture is a PNG; let the name end in .png",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Memory for a pixel: the engine's number and the picture's, the colours twice.
const PIXEL_BYTES: f64 = 4.0 + 8.0 + 2.0 * 4.0;

/// The format of pictures: f32 unless told otherwise.
pub(super) fn precision(compute: &Compute) -> Precision {
    compute.precision.map_or(Precision::F32, Precision::from)
}

/// The pixels of `--size`, of a picture that is drawn in bands.
fn sides(text: Option<&str>, default: (u32, u32)) -> Result<(u32, u32), Failure> {
    let Some(text) = text else { return Ok(default) };
    let sides = size("--size", text, 2)?;
    let (width, height) = (sides[0], sides[1]);
    if sides.iter().any(|side| *side > LONGEST_SIDE as usize) {
        return Err(Failure::usage(format!(
            "--size: `{text}` is too large for a picture with axes; take at most {LONGEST_SIDE} pixels a side, or --bare"
        )));
    }
    Ok((width as u32, height as u32))
}

/// The pixels of `--size`, as far as a picture of them fits into memory.
pub(super) fn pixels(text: Option<&str>, default: (u32, u32)) -> Result<(u32, u32), Failure> {
    let (width, height) = sides(text, default)?;
    let bytes = PIXEL_BYTES * f64::from(width) * f64::from(height);
    check_size(bytes / 4.0, 1, Precision::F32).map_err(|error| match error {
        FieldError::Memory { need, have, .. } => Failure::Run(format!(
            "--size: a picture of {width} x {height} pixels takes {need}, more than the {have} of memory here; make it \
             smaller, or add --bare"
        )),
        other => other.into(),
    })?;
    Ok((width, height))
}

/// Draws a picture and writes it as PNG, with what led to it: at once, or in bands where `strips` has the values of each;
/// on so many threads, or on all cores.
pub(super) fn write(
    out: &mut Output,
    picture: &Picture,
    record: &Record,
    strips: Option<Strips<'_>>,
    threads: Option<u16>,
) -> Result<(), Failure> {
    let texts = record.texts();
    let (width, height) = (picture.width as usize, picture.height as usize);
    let head = PngHead { width, height, channels: Channels::Rgba, texts: &texts };
    let Some(mut strips) = strips else {
        let bitmap = picture.draw()?;
        return Ok(write_png(out, head, |rows| {
            threads.into_iter().for_each(|most| rows.threads(most.into()));
            rows.push(&bitmap.rgba)
        })?);
    };
    // What holds for all bands is decided by this.
    picture.small().draw()?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.map_or_else(cores, usize::from);
    // Nothing shines through, and few bytes are packed sooner than many.
    let channels = if picture.is_grey() { Channels::Grey } else { Channels::Rgb };
    write_png(out, PngHead { channels, ..head }, |rows| {
        rows.threads(threads);
        let rows_of_band = strips.rows();
        for top in (0..picture.height).step_by(rows_of_band as usize) {
            let band = top..picture.height.min(top + rows_of_band);
            let values = strips.band(band.clone())?;
            let part = |rows: Range<u32>| picture.draw_band(rows, &values);
            let height = rows_of_band.div_ceil(threads as u32);
            let parts = band.clone().step_by(height as usize).map(|top| top..band.end.min(top + height));
            let drawn: Vec<_> = std::thread::scope(|scope| {
                let part = &part;
                let threads: Vec<_> = parts.map(|rows| scope.spawn(move || part(rows))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
            });
            for bitmap in drawn {
                let bitmap = bitmap?;
                rows.paint(bitmap.height as usize, |first, out| {
                    opaque(&bitmap.rgba[4 * width * first..], channels.bytes(), out);
                })?;
            }
            strips.give_back(values);
        }
        Ok(())
    })
}

/// Red, green and blue of as many pixels as there is room for, or of greys one of them.
fn opaque(rgba: &[u8], channels: usize, out: &mut [u8]) {
    let pixels = rgba.chunks_exact(4);
    if channels == 1 {
        pixels.zip(out).for_each(|(pixel, out)| *out = pixel[0]);
    } else {
        pixels.zip(out.chunks_exact_mut(3)).for_each(|(pixel, out)| out.copy_from_slice(&pixel[..3]));
    }
}

/// The empty picture of two variables over their ranges; a unit is as long on x as on y unless that makes a strip.
pub(super) fn frame(size: (u32, u32), title: String, variables: &[String], ranges: &[(f64, f64)]) -> Picture {
    let mut picture = Picture::new(size.0, size.1);
    picture.title = title;
    picture.x_label.clone_from(&variables[0]);
    picture.y_label.clone_from(&variables[1]);
    (picture.x_range, picture.y_range) = (ranges[0], ranges[1]);
    let shape = (ranges[0].1 - ranges[0].0) / (ranges[1].1 - ranges[1].0);
    picture.equal_aspect = (0.25..=4.0).contains(&shape);
    picture
}
