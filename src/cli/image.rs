//! `gradfield image`: the gradient of samples by a kernel, to arrays, to a picture of one pixel a sample, or to every layer
//! of `plot`.

use super::Failure;
use super::bare::Ink;
use super::colours::colouring;
use super::options::number;
use super::record::Record;
use super::sampled::{self, Look};
use clap::Args;
use gradfield::files::{
    Array, Channel, Channels, Column, Format, Kind, NpyWriter, Output, PngHead, Raster, read_raster, write_npy,
    write_npz, write_png,
};
use gradfield::picture::{ColourMap, Colouring};
use gradfield::samples::{Boundary, Canny, Gradient, Kernel, Method, Samples, Spacing, canny, gradient, smoothed};
use gradfield::{Precision, Values};
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// PNG, JPEG, TIFF (8, 16 or 32 bits) or a .npy array of 1 to 3 axes; - is standard input
    file: PathBuf,
    /// central (as numpy.gradient), sobel, scharr, prewitt, farid or gaussian:SIGMA; each makes 1 of a ramp of slope 1
    #[arg(long, default_value = "central")]
    kernel: String,
    /// How far samples are apart: one number, or one for x, y, z; or a .npy file of coordinates in the place of a number
    #[arg(long, value_name = "NUMBERS|FILES", allow_hyphen_values = true)]
    spacing: Option<String>,
    /// Of the kernel central: the order of one-sided differences at the ends, 1 or 2 (default: 1)
    #[arg(long, value_name = "1|2")]
    edge_order: Option<usize>,
    /// Beyond the ends: reflect, nearest, constant (0) or wrap, as in scipy.ndimage (default: reflect; of central none)
    #[arg(long)]
    boundary: Option<String>,
    /// First smooth by a Gaussian of this standard deviation, in samples
    #[arg(long, value_name = "SIGMA")]
    smooth: Option<f64>,
    /// Of colours: r, g, b, a, each (to .npz), or luminance
    #[arg(long, default_value = "luminance")]
    channel: String,
    /// What a picture or a .npy shows: magnitude, dx, dy, dz, angle or edges (default: magnitude; of --layers the values,
    /// and there any formula that plot takes)
    #[arg(long, allow_hyphen_values = true)]
    show: Option<String>,
    /// Of edges: weaker gradients are none (default: 0.4 of --high)
    #[arg(long, value_name = "SLOPE")]
    low: Option<f64>,
    /// Of edges: where they begin (default: what a tenth of the samples reach)
    #[arg(long, value_name = "SLOPE")]
    high: Option<f64>,
    #[command(flatten)]
    look: Look,
    /// Where to write: .npz (dx, dy, dz, magnitude, angle), .npy, or .png; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// npz, npy or png (default: by the name's ending)
    #[arg(long)]
    format: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let allowed = [Format::Npz, Format::Npy, Format::Png];
    let given = super::options::format("--format", arguments.format.as_deref(), &allowed)?;
    let format = Format::of(&arguments.output, given, &allowed)?;
    let method = method(arguments)?;
    check(arguments, format)?;
    let raster = read_raster(&arguments.file)?;
    let spacing = spacing(arguments, raster.shape.len())?;
    match (format, arguments.look.layers.is_empty()) {
        (Format::Npz, _) => npz(arguments, &raster, &method, &spacing),
        (Format::Png, false) => layers(arguments, &raster, &method, &spacing),
        (format, _) => one(arguments, &raster, &method, &spacing, format),
    }
}

/// What does not go together.
fn check(arguments: &Arguments, format: Format) -> Result<(), Failure> {
    let edges = arguments.show.as_deref() == Some("edges");
    if (arguments.low.is_some() || arguments.high.is_some()) && !edges {
        return Err(Failure::usage("--low and --high are the thresholds of edges; add --show edges"));
    }
    if format == Format::Npz && arguments.show.is_some() && !edges {
        return Err(Failure::usage("--show: a .npz holds all components; write one of them to .npy or .png"));
    }
    if format != Format::Npz && arguments.channel == "each" {
        return Err(Failure::usage("--channel each has several results; write them to .npz, or take one channel"));
    }
    if format != Format::Png && !arguments.look.layers.is_empty() {
        return Err(Failure::usage("--layers make a picture; write it with -o FILE.png"));
    }
    super::engine::check(&arguments.look.compute.device)?;
    if arguments.look.compute.device.starts_with("gpu") && !arguments.look.layers.is_empty() {
        return Err(Failure::usage("--device gpu: the surfaces of --layers run on the CPU; take --device cpu or none"));
    }
    Ok(())
}

fn method(arguments: &Arguments) -> Result<Method, Failure> {
    let kernel: Kernel = arguments.kernel.parse().map_err(|error| Failure::usage(format!("--kernel: {error}")))?;
    let boundary = arguments.boundary.as_deref().map(str::parse::<Boundary>).transpose();
    let boundary = boundary.map_err(|error| Failure::usage(format!("--boundary: {error}")))?;
    let one_sided = kernel.is_central() && boundary.is_none();
    match arguments.edge_order {
        Some(_) if !one_sided => Err(Failure::usage(
            "--edge-order is of the kernel central without --boundary; other kernels take the samples of --boundary",
        )),
        Some(order) if !(1..=2).contains(&order) => {
            Err(Failure::usage(format!("--edge-order: {order} is neither 1 nor 2")))
        }
        order => Ok(Method { kernel, boundary, edge_order: order.unwrap_or(1), threads: arguments.look.threads() }),
    }
}

/// One spacing for each axis, the slowest first; on the command line x comes first.
fn spacing(arguments: &Arguments, axes: usize) -> Result<Vec<Spacing>, Failure> {
    let Some(text) = &arguments.spacing else { return Ok(vec![Spacing::Even(1.0); axes]) };
    let part = |part: &str| match part.trim().ends_with(".npy") {
        true => {
            let raster = read_raster(Path::new(part.trim()))?;
            match raster.shape.len() {
                1 => Ok(Spacing::At(raster.channels[0].to_f64())),
                n => Err(Failure::usage(format!("--spacing {part}: coordinates are an array of one axis, not of {n}"))),
            }
        }
        false => number("--spacing", part).map(Spacing::Even),
    };
    let parts = text.split(',').map(part).collect::<Result<Vec<Spacing>, Failure>>()?;
    match (parts.len(), &parts[..]) {
        (1, [Spacing::Even(by)]) => Ok(vec![Spacing::Even(*by); axes]),
        (n, _) if n == axes => Ok(parts.into_iter().rev().collect()),
        (n, _) => Err(Failure::usage(format!(
            "--spacing: `{text}` has {n} parts for {axes} axes; write one for each, x first"
        ))),
    }
}

/// A channel, smoothed if asked for, in its place and format.
fn samples(arguments: &Arguments, raster: &Raster, which: Channel, spacing: &[Spacing]) -> Result<Samples, Failure> {
    let mut samples = sampled::channel(&arguments.file, raster, which)?;
    if let Some(precision) = arguments.look.compute.precision.map(Precision::from) {
        samples.values = samples.values.part(precision, 0..samples.values.len());
    }
    if let Some(sigma) = arguments.smooth {
        let boundary = method(arguments)?.boundary.unwrap_or_default();
        let smooth = smoothed(&samples, sigma, boundary, arguments.look.threads());
        samples = smooth.map_err(|error| Failure::usage(format!("--smooth: {error}")))?;
    }
    let missing = samples.missing();
    if missing > 0 && !arguments.look.quiet {
        eprintln!(
            "note: {missing} of {} samples are not finite; the gradient is not a number where a kernel meets one",
            samples.values.len()
        );
    }
    samples.with_spacing(spacing.to_vec()).map_err(|error| Failure::usage(format!("--spacing: {error}")))
}

fn channels(arguments: &Arguments, raster: &Raster) -> Result<Vec<(String, Channel)>, Failure> {
    match arguments.channel.as_str() {
        "luminance" => Ok(vec![(String::new(), Channel::Luminance)]),
        "each" => {
            let first = |name: &&str| name.chars().next().map(Channel::Named);
            let one = |name: &&'static str| first(name).map(|channel| (format!("{name}_"), channel));
            match raster.names.len() {
                1 => Ok(vec![(String::new(), Channel::Luminance)]),
                _ => Ok(raster.names.iter().filter_map(one).collect()),
            }
        }
        name if ["r", "g", "b", "a"].contains(&name) => {
            Ok(name.chars().map(|letter| (String::new(), Channel::Named(letter))).collect())
        }
        other => Err(Failure::usage(format!("--channel: `{other}` is none of luminance, r, g, b, a and each"))),
    }
}

/// All components, their length and, of an image, their direction; by channel with its name before.
fn npz(arguments: &Arguments, raster: &Raster, method: &Method, spacing: &[Spacing]) -> Result<(), Failure> {
    let mut out = Output::create(&arguments.output)?;
    let mut named: Vec<(String, Values)> = Vec::new();
    let mut edges: Vec<(String, Vec<f32>)> = Vec::new();
    for (prefix, which) in channels(arguments, raster)? {
        let samples = samples(arguments, raster, which, spacing)?;
        let slopes = slopes(arguments, &samples, method)?;
        if arguments.show.is_some() {
            edges.push((format!("{prefix}edges"), self::edges(arguments, &samples, &slopes)?));
        }
        let more = [("magnitude", Some(slopes.magnitude())), ("angle", slopes.angle())];
        let parts = Gradient::NAMES.into_iter().zip(slopes.components);
        let more = more.into_iter().filter_map(|(name, values)| Some((name, values?)));
        named.extend(parts.chain(more).map(|(name, values)| (format!("{prefix}{name}"), values)));
    }
    named.extend(edges.into_iter().map(|(name, values)| (name, Values::F32(values))));
    let arrays: Vec<Array<'_>> =
        named.iter().map(|(name, values)| Array::new(name.as_str(), &raster.shape, values)).collect();
    write_npz(&mut out, &arrays)?;
    Ok(out.finish()?)
}

/// One quantity as a .npy or, one pixel a sample, as a picture; a .npy without --show has all components, x first.
fn one(
    arguments: &Arguments,
    raster: &Raster,
    method: &Method,
    spacing: &[Spacing],
    format: Format,
) -> Result<(), Failure> {
    let which = channels(arguments, raster)?.remove(0).1;
    let samples = samples(arguments, raster, which, spacing)?;
    if format == Format::Png {
        samples.plane("a picture")?;
    }
    let mut out = Output::create(&arguments.output)?;
    let slopes = slopes(arguments, &samples, method)?;
    let show = arguments.show.as_deref();
    if show == Some("edges") {
        let edges = edges(arguments, &samples, &slopes)?;
        match format {
            Format::Npy => write_npy(&mut out, &samples.shape, edges.as_slice())?,
            _ => bare_edges(arguments, &mut out, &samples, &edges)?,
        }
        return Ok(out.finish()?);
    }
    match (format, show) {
        (Format::Npy, None) => {
            let shape: Vec<usize> = std::iter::once(slopes.components.len()).chain(samples.shape.clone()).collect();
            let mut writer = NpyWriter::new(&mut out, &shape, Kind::of(&Column::from(&slopes.components[0])))?;
            slopes.components.iter().try_for_each(|part| writer.push(part))?;
            writer.finish()?;
        }
        (Format::Npy, Some(show)) => write_npy(&mut out, &samples.shape, &quantity(&slopes, show)?)?,
        (_, show) => {
            let show = show.unwrap_or("magnitude");
            bare(arguments, &mut out, &samples, show, &quantity(&slopes, show)?)?;
        }
    }
    Ok(out.finish()?)
}

/// The gradient on the device that was asked for: the CPU, unless by name.
#[cfg(feature = "gpu")]
fn slopes(arguments: &Arguments, samples: &Samples, method: &Method) -> Result<Gradient, Failure> {
    let device = &arguments.look.compute.device;
    if !device.starts_with("gpu") {
        return Ok(gradient(samples, method)?);
    }
    let (gpu, note) = gradfield::backend::gpu::Gpu::open(device)?;
    if let (Some(note), false) = (note, arguments.look.quiet) {
        eprintln!("note: {note}");
    }
    let gpu = super::engine::with_fault(gpu);
    Ok(gradfield::samples::gradient_on(samples, method, &gpu)?)
}

/// The gradient on the CPU, which is all that this build has.
#[cfg(not(feature = "gpu"))]
fn slopes(arguments: &Arguments, samples: &Samples, method: &Method) -> Result<Gradient, Failure> {
    match arguments.look.compute.device.starts_with("gpu") {
        true => Err(Failure::Run("this gradfield was built without its feature `gpu`; take --device cpu".to_owned())),
        false => Ok(gradient(samples, method)?),
    }
}

fn quantity(slopes: &Gradient, show: &str) -> Result<Values, Failure> {
    let axes = slopes.components.len();
    if show == "magnitude" {
        return Ok(slopes.magnitude());
    }
    let component = Gradient::NAMES.iter().take(axes).position(|name| *name == show);
    let angle = || if show == "angle" { slopes.angle() } else { None };
    let found = component.map(|k| slopes.components[k].clone()).or_else(angle);
    found.ok_or_else(|| {
        let more = if axes == 2 { ", angle, edges" } else { "" };
        let names = Gradient::NAMES[..axes].join(", ");
        Failure::usage(format!("--show: `{show}` is none of magnitude, {names}{more} of an array of {axes} axes"))
    })
}

fn edges(arguments: &Arguments, samples: &Samples, slopes: &Gradient) -> Result<Vec<f32>, Failure> {
    let settings = Canny { low: arguments.low, high: arguments.high, threads: arguments.look.threads() };
    let (edges, (low, high)) = canny(slopes, samples.plane("an edge")?, &settings)?;
    if !arguments.look.quiet && arguments.high.is_none() {
        eprintln!("note: edges begin at a slope of {high:.6} and go on from {low:.6}; --high and --low take others");
    }
    Ok(edges.into_iter().map(f32::from).collect())
}

/// What the file of a bare picture says of itself.
fn texts(arguments: &Arguments, samples: &Samples, show: &str) -> Vec<(&'static str, String)> {
    let title = format!("{show} of {} ({})", arguments.file.display(), arguments.kernel);
    let sides = samples.shape.iter().rev().map(|n| (-0.5, *n as f64 - 0.5));
    let source = format!("CPU, {}", samples.values.precision().name());
    Record { title: &title, source, ranges: ["column", "row"].into_iter().zip(sides).collect(), seed: None }.texts()
}

fn bare(
    arguments: &Arguments,
    out: &mut Output,
    samples: &Samples,
    show: &str,
    values: &Values,
) -> Result<(), Failure> {
    let plot = arguments.look.plot("h".to_owned(), [(0.0, 1.0); 2], "f", &arguments.file);
    let some: Vec<f64> = (0..values.len()).step_by((values.len() >> 20).max(1)).map(|k| values.get(k)).collect();
    let colouring = match show {
        "angle" if plot.map.is_none() && plot.clim.is_none() => Colouring::turn(ColourMap::cyclic()),
        _ => colouring(&plot, &some)?,
    };
    let ink = Ink::new(colouring, false);
    let (height, width) = samples.plane("a picture")?;
    let texts = texts(arguments, samples, show);
    let values = super::colours::as_f32(values);
    write_png(out, PngHead { width, height, channels: ink.channels(), texts: &texts }, |rows| {
        rows.threads(arguments.look.threads());
        rows.paint(height, |first, pixels| ink.paint(&values[first * width..], pixels))
    })?;
    Ok(())
}

/// White on black.
fn bare_edges(arguments: &Arguments, out: &mut Output, samples: &Samples, edges: &[f32]) -> Result<(), Failure> {
    let (height, width) = samples.plane("a picture")?;
    let texts = texts(arguments, samples, "edges");
    write_png(out, PngHead { width, height, channels: Channels::Grey, texts: &texts }, |rows| {
        rows.threads(arguments.look.threads());
        rows.paint(height, |first, pixels| {
            pixels.iter_mut().zip(&edges[first * width..]).for_each(|(pixel, edge)| *pixel = 255 * *edge as u8);
        })
    })?;
    Ok(())
}

/// Every layer of `plot`, on the values and the kernel's slopes.
fn layers(arguments: &Arguments, raster: &Raster, method: &Method, spacing: &[Spacing]) -> Result<(), Failure> {
    let which = channels(arguments, raster)?.remove(0).1;
    let samples = samples(arguments, raster, which, spacing)?;
    let slopes = gradient(&samples, method)?;
    let [Spacing::Even(down), Spacing::Even(across)] = samples.spacing[..] else {
        return Err(Failure::usage("--layers: pictures with axes are of images at even spacing"));
    };
    let show = match arguments.show.as_deref() {
        None => "f",
        Some("magnitude") => "grad",
        Some("edges") => return Err(Failure::usage("--show edges is a picture of its own; leave --layers out")),
        Some(other) => other,
    };
    let map = if show == "f" { usual_map(raster, &samples) } else { None };
    let files = (arguments.file.as_path(), arguments.output.as_path());
    sampled::draw(&arguments.look, (&samples, Some(&slopes), (across, down)), (show, map), files)
}

/// A photograph in greys; numbers of one sign in a map of one, though the surface between them may pass zero.
fn usual_map(raster: &Raster, samples: &Samples) -> Option<String> {
    let negative = (0..samples.values.len()).any(|k| samples.values.get(k) < 0.0);
    match raster.names[0] {
        "value" if negative => None,
        "value" => Some("viridis".to_owned()),
        _ => Some("grey".to_owned()),
    }
}
