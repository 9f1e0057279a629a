//! `gradfield plot`: a picture of the field.
//!
//! One variable: the curve. Two: layers over a rectangle, or with `--bare` raw pixels, streamed in bands.

use super::Failure;
use super::bare;
use super::colours::{colouring, shown, tell};
use super::engine::{choose, source};
use super::options::{Compute, Function, ranges, size};
use clap::Args;
use gradfield::backend::Backend;
use gradfield::bench::Demand;
use gradfield::field::{Evaluator, Field, FieldError, check_size, tape_of};
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::picture::{
    ArrowColour, ArrowLength, Arrows, CURVE_COLOURS, Curve, Heat, LONGEST_SIDE, Layer, Picture, Pivot, lattice,
    typeset, y_range,
};
use gradfield::{Expression, Points, Precision};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// Pixels, such as 800x700; one number for both sides
    #[arg(long, value_name = "WIDTHxHEIGHT", allow_hyphen_values = true)]
    pub(super) size: Option<String>,
    /// What to draw: heat, arrows (two variables); curve, derivative (one)
    #[arg(long, value_delimiter = ',', value_name = "LAYERS")]
    layers: Vec<String>,
    /// How many arrows, such as 20x20; without the layer heat they stand on the points of NumPy's meshgrid
    #[arg(long, value_name = "COLUMNSxROWS", allow_hyphen_values = true)]
    arrows: Option<String>,
    /// What the heat layer shows: f, grad (the length of the gradient), angle (its direction), dx, dy, or a
    /// formula of x, y, f, dx, dy
    #[arg(long, default_value = "f", allow_hyphen_values = true)]
    pub(super) show: String,
    /// Colours: viridis, inferno, magma, plasma, cividis, turbo, grey, blue-red or sinebow, each also with _r,
    /// reversed (default: viridis; blue-red where the values have both signs; sinebow for angles)
    #[arg(long)]
    pub(super) map: Option<String>,
    /// Colour scale: linear, log or symlog
    #[arg(long, default_value = "linear")]
    pub(super) scale: String,
    /// Range of the colours, such as -1:1 (default: the data's, without outliers)
    #[arg(long, value_name = "LO:HI", allow_hyphen_values = true)]
    pub(super) clim: Option<String>,
    /// Title (default: the function)
    #[arg(long)]
    title: Option<String>,
    /// No grid lines
    #[arg(long)]
    no_grid: bool,
    /// Pixels of the heat layer alone, no axes and no text, in any size: little memory is needed
    #[arg(long, conflicts_with_all = ["layers", "arrows", "title", "no_grid"])]
    pub(super) bare: bool,
    #[command(flatten)]
    pub(super) compute: Compute,
    /// Where to write the PNG; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: PathBuf,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let expression = arguments.function.parse()?;
    let dimension = expression.variables().len();
    if !(1..=2).contains(&dimension) {
        return Err(Failure::usage(format!(
            "a picture has one or two variables, `{}` has {dimension} ({}); give the others a value with --set",
            expression.text(),
            expression.variables().join(", ")
        )));
    }
    check_name(&arguments.output)?;
    if arguments.bare {
        return bare::run(arguments, &expression);
    }
    if dimension == 1 {
        arguments.check_curve()?;
    }
    let (width, height) = pixels(arguments.size.as_deref(), if dimension == 1 { (800, 600) } else { (800, 700) })?;
    let mut out = Output::create(&arguments.output)?;
    let tape = tape_of(&expression.gradient()?);
    let demand = Demand::grid(&tape, f64::from(width) * f64::from(height), precision(&arguments.compute));
    let engine = choose(&arguments.compute, &demand, arguments.function.quiet)?;
    let canvas = Canvas {
        arguments,
        expression: &expression,
        engine: engine.as_ref(),
        precision: precision(&arguments.compute),
    };
    let picture = if dimension == 1 { canvas.curve(width, height)? } else { canvas.plane(width, height)? };
    write(&mut out, &picture, expression.text(), &source(canvas.engine, canvas.precision))?;
    out.finish()?;
    Ok(())
}

impl Arguments {
    /// The first flag given that speaks of the heat layer.
    fn heat_flag(&self) -> Option<&'static str> {
        let given = [
            ("--show", self.show != "f"),
            ("--map", self.map.is_some()),
            ("--scale", self.scale != "linear"),
            ("--clim", self.clim.is_some()),
        ];
        given.into_iter().find(|(_, given)| *given).map(|(flag, _)| flag)
    }

    /// Refuses flags that mean nothing for a curve.
    fn check_curve(&self) -> Result<(), Failure> {
        match self.heat_flag().or(self.arrows.as_ref().map(|_| "--arrows")) {
            None => Ok(()),
            Some(flag) => Err(Failure::usage(format!(
                "{flag} is for functions of two variables; of one, the layers curve and derivative are drawn"
            ))),
        }
    }

    /// Refuses flags for a layer that is not drawn.
    fn check_plane(&self, heat: bool, arrows: bool) -> Result<(), Failure> {
        let lost = match (self.heat_flag(), &self.arrows) {
            (Some(flag), _) if !heat => Some((flag, "heat")),
            (_, Some(_)) if !arrows => Some(("--arrows", "arrows")),
            _ => None,
        };
        match lost {
            None => Ok(()),
            Some((flag, layer)) => Err(Failure::usage(format!(
                "{flag} is for the layer `{layer}`, which --layers leaves out; add it there, or take {flag} away"
            ))),
        }
    }
}

/// A name without an ending is taken as it is: there is one format.
fn check_name(path: &std::path::Path) -> Result<(), Failure> {
    match path.extension() {
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

/// The pixels of `--size`.
pub(super) fn pixels(text: Option<&str>, default: (u32, u32)) -> Result<(u32, u32), Failure> {
    let Some(text) = text else { return Ok(default) };
    let sides = size("--size", text, 2)?;
    let (width, height) = (sides[0], sides[1]);
    if sides.iter().any(|side| *side > LONGEST_SIDE as usize) {
        return Err(Failure::usage(format!(
            "--size: `{text}` is too large for a picture with axes; take at most {LONGEST_SIDE} pixels a side, or --bare"
        )));
    }
    let bytes = PIXEL_BYTES * (width * height) as f64;
    check_size(bytes / 4.0, 1, Precision::F32).map_err(|error| match error {
        FieldError::Memory { need, have, .. } => Failure::Run(format!(
            "--size: a picture of {width} x {height} pixels takes {need}, more than the {have} of memory here; make it \
             smaller, or add --bare"
        )),
        other => other.into(),
    })?;
    Ok((width as u32, height as u32))
}

/// Draws a picture and writes it as PNG.
pub(super) fn write(out: &mut Output, picture: &Picture, title: &str, source: &str) -> Result<(), Failure> {
    let bitmap = picture.draw()?;
    let (width, height) = (bitmap.width as usize, bitmap.height as usize);
    let head = PngHead { width, height, channels: Channels::Rgba, title: Some(title), source: Some(source) };
    Ok(write_png(out, head, |rows| rows.push(&bitmap.rgba))?)
}

/// What the layers are made from.
pub(super) struct Canvas<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) expression: &'a Expression,
    pub(super) engine: &'a dyn Backend,
    pub(super) precision: Precision,
}

impl Canvas<'_> {
    fn layers(&self, default: &str, known: &[&str]) -> Result<Vec<String>, Failure> {
        let layers = &self.arguments.layers;
        if layers.is_empty() {
            return Ok(default.split(',').map(str::to_string).collect());
        }
        match layers.iter().find(|layer| !known.contains(&layer.as_str())) {
            None => Ok(layers.clone()),
            Some(layer) => Err(Failure::usage(format!(
                "--layers: `{layer}` is no layer of a function of {}; there are {}",
                if self.expression.variables().len() == 1 { "one variable" } else { "two variables" },
                known.join(" and ")
            ))),
        }
    }

    fn title(&self) -> String {
        self.arguments.title.clone().unwrap_or_else(|| typeset(&format!("f = {}", self.expression.text())))
    }

    /// One variable: f over x, on request its derivative.
    fn curve(&self, width: u32, height: u32) -> Result<Picture, Failure> {
        let layers = self.layers("curve", &["curve", "derivative"])?;
        let range = ranges(&self.arguments.ranges, self.expression.variables(), self.precision)?[0];
        let x = Points::linspace(range.0, range.1, 2 * width as usize + 1);
        let points = Points::Grid(vec![x.clone()]);
        let field = Field::evaluate(&self.expression.gradient()?, points, self.engine, self.precision)?;
        let name = &self.expression.variables()[0];
        let mut picture = Picture::new(width, height);
        picture.title = self.title();
        (picture.x_label, picture.y_label) = (name.clone(), "f".to_string());
        (picture.x_range, picture.grid) = (range, !self.arguments.no_grid);
        let mut all = Vec::new();
        for (k, layer) in layers.iter().enumerate() {
            let (column, label) = if layer == "curve" { (0, format!("f({name})")) } else { (1, format!("df/d{name}")) };
            let y = field.columns[column].to_f64();
            all.extend_from_slice(&y);
            let colour = CURVE_COLOURS[column];
            let label = if layers.len() > 1 { label } else { String::new() };
            picture.layers.push(Layer::Curve(Curve { x: x.clone(), y, colour, dashed: k > 0, label }));
        }
        picture.y_range = y_range(&all);
        Ok(picture)
    }

    /// Two variables: heat and arrows.
    fn plane(&self, width: u32, height: u32) -> Result<Picture, Failure> {
        let layers = self.layers("heat,arrows", &["heat", "arrows"])?;
        let has = |name: &str| layers.iter().any(|layer| layer == name);
        let heat = has("heat");
        self.arguments.check_plane(heat, has("arrows"))?;
        let ranges = ranges(&self.arguments.ranges, self.expression.variables(), self.precision)?;
        let mut picture = frame((width, height), self.title(), self.expression.variables(), &ranges);
        (picture.grid, picture.colour_bar, picture.bar_label) = (!self.arguments.no_grid, heat, heat);
        if self.on_edges(heat) {
            // Arrows begin on the edges of the range: room for those that point outwards.
            let (columns, rows) = self.lattice(&ranges)?;
            picture.x_range = gradfield::picture::padded(ranges[0], 1.0 / columns as f64);
            picture.y_range = gradfield::picture::padded(ranges[1], 1.0 / rows as f64);
        }
        if heat {
            picture.layers.push(Layer::Heat(self.heat(&picture)?));
        }
        if has("arrows") {
            picture.layers.push(Layer::Arrows(self.arrows(&ranges, heat)?));
        }
        Ok(picture)
    }

    /// The heat layer: a value for each pixel of the plot.
    pub(super) fn heat(&self, picture: &Picture) -> Result<Heat, Failure> {
        let layout = picture.layout()?;
        let shown = shown(self.expression, &self.arguments.show)?;
        let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]);
        let columns = Evaluator::new(&shown, self.engine, self.precision)?.evaluate(&points.rounded(self.precision))?;
        let values = columns[0].to_f64();
        let colouring = colouring(self.arguments, &values)?;
        tell(&colouring, &self.arguments.scale, &values, self.arguments.function.quiet);
        let label = match self.arguments.show.as_str() {
            "grad" => "|∇f|".to_string(),
            show => typeset(show),
        };
        Ok(Heat::new(values, layout.width as usize, layout.height as usize, colouring, &label)?)
    }

    /// The arrow layer: the gradient on an even lattice.
    fn arrows(&self, ranges: &[(f64, f64)], on_heat: bool) -> Result<Arrows, Failure> {
        let (columns, rows) = self.lattice(ranges)?;
        let (x, y) = if self.on_edges(on_heat) {
            meshgrid(columns, rows, ranges)
        } else {
            lattice(columns, rows, ranges[0], ranges[1])
        };
        let outputs = self.expression.gradient()?;
        let field =
            Field::evaluate(&outputs, Points::columns(vec![x.clone(), y.clone()]), self.engine, self.precision)?;
        Ok(Arrows {
            x,
            y,
            u: field.columns[1].to_f64(),
            v: field.columns[2].to_f64(),
            colour: if on_heat { ArrowColour::OnHeat } else { ArrowColour::Plain(gradfield::picture::INK) },
            length: if on_heat { ArrowLength::Root } else { ArrowLength::Linear },
            pivot: if self.on_edges(on_heat) { Pivot::Tail } else { Pivot::Middle },
            label: String::new(),
        })
    }

    /// Whether the arrows are those of a meshgrid that was asked for, as in NumPy and matplotlib: tails on the points of
    /// `linspace(lo, hi, count)`.
    fn on_edges(&self, on_heat: bool) -> bool {
        self.arguments.arrows.is_some() && !on_heat
    }

    /// Columns and rows of arrows: as asked, else some 20 along the longer side.
    fn lattice(&self, ranges: &[(f64, f64)]) -> Result<(usize, usize), Failure> {
        if let Some(text) = &self.arguments.arrows {
            let counts = size("--arrows", text, 2)?;
            if counts.iter().any(|n| *n > 1000) {
                return Err(Failure::usage(format!(
                    "--arrows: `{text}` are more than 1000 arrows in a row; take fewer"
                )));
            }
            return Ok((counts[0], counts[1]));
        }
        let shape = (ranges[0].1 - ranges[0].0) / (ranges[1].1 - ranges[1].0);
        let short = |ratio: f64| ((20.0 * ratio).round() as usize).clamp(5, 20);
        Ok(if shape >= 1.0 { (20, short(1.0 / shape)) } else { (short(shape), 20) })
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

/// The points of a meshgrid, its ends included, row by row.
fn meshgrid(columns: usize, rows: usize, ranges: &[(f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    let (x, y) =
        (Points::linspace(ranges[0].0, ranges[0].1, columns), Points::linspace(ranges[1].0, ranges[1].1, rows));
    y.iter().flat_map(|y| x.iter().map(move |x| (*x, *y))).unzip()
}
