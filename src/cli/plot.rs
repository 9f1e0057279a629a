//! `gradfield plot`: a picture of the field.
//!
//! One variable: the curve. Two: layers over a rectangle, or with `--bare` raw pixels, streamed in bands.

use super::Failure;
use super::bare;
use super::engine::choose;
use super::options::{Compute, Function, ranges, size};
use clap::Args;
use gradfield::backend::Backend;
use gradfield::expr::Outputs;
use gradfield::field::{Evaluator, Field, check_size};
use gradfield::files::{Channels, Output, PngHead, write_png};
use gradfield::picture::{
    ArrowColour, ArrowLength, Arrows, Bitmap, CURVE_COLOURS, ColourMap, Colouring, Curve, Heat, Layer, Limits, Picture,
    Pivot, Scale, lattice, typeset, y_range,
};
use gradfield::{Expression, Points, Precision, Values};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(super) function: Function,
    /// Range of a variable, such as x=-3:3, or -3:3 for all (repeatable)
    #[arg(long = "range", value_name = "[NAME=]LO:HI", allow_hyphen_values = true)]
    pub(super) ranges: Vec<String>,
    /// Pixels, such as 800x700
    #[arg(long)]
    pub(super) size: Option<String>,
    /// What to draw: heat, arrows (two variables); curve, derivative (one)
    #[arg(long, value_delimiter = ',', value_name = "LAYERS")]
    layers: Vec<String>,
    /// The lattice of the arrows, such as 20x20; its outer points lie on the edges of the range
    #[arg(long, value_name = "COLUMNSxROWS")]
    arrows: Option<String>,
    /// What the heat layer shows: f, grad, angle, dx, dy, or an expression of x, y, f, dx, dy
    #[arg(long, default_value = "f", allow_hyphen_values = true)]
    pub(super) show: String,
    /// Colour map (default: viridis; coolwarm where the values have both signs); _r reverses it
    #[arg(long)]
    pub(super) map: Option<String>,
    /// Colour scale: linear, log or symlog
    #[arg(long, default_value = "linear")]
    pub(super) scale: String,
    /// Range of the colours, such as 0:10 (default: the data's, without outliers)
    #[arg(long, value_name = "LO:HI", allow_hyphen_values = true)]
    pub(super) clim: Option<String>,
    /// Title (default: the function)
    #[arg(long)]
    title: Option<String>,
    /// No grid lines
    #[arg(long)]
    no_grid: bool,
    /// Pixels of the heat layer alone: no axes, no text; any size
    #[arg(long)]
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
    super::options::format("--output", png_ending(&arguments.output), &[gradfield::files::Format::Png])?;
    if arguments.bare {
        return bare::run(arguments, &expression);
    }
    let (width, height) = pixels(arguments.size.as_deref(), if dimension == 1 { (800, 600) } else { (800, 700) })?;
    let engine = choose(&arguments.compute, width as usize * height as usize, arguments.function.quiet)?;
    let canvas = Canvas {
        arguments,
        expression: &expression,
        engine: engine.as_ref(),
        precision: precision(&arguments.compute),
    };
    let picture = if dimension == 1 { canvas.curve(width, height)? } else { canvas.plane(width, height)? };
    let bitmap = picture.draw()?;
    write(&arguments.output, &bitmap, expression.text())
}

fn png_ending(path: &std::path::Path) -> Option<&str> {
    path.extension().and_then(|ending| ending.to_str())
}

/// The format of pictures: f32 unless told otherwise.
pub(super) fn precision(compute: &Compute) -> Precision {
    compute.precision.map_or(Precision::F32, Precision::from)
}

/// The pixels of `--size`.
pub(super) fn pixels(text: Option<&str>, default: (u32, u32)) -> Result<(u32, u32), Failure> {
    let Some(text) = text else { return Ok(default) };
    let sides = size("--size", text, 2)?;
    let side =
        |n: usize| u32::try_from(n).map_err(|_| Failure::usage(format!("--size: `{text}` is too large for a picture")));
    Ok((side(sides[0])?, side(sides[1])?))
}

/// Writes a picture as PNG.
pub(super) fn write(path: &std::path::Path, bitmap: &Bitmap, title: &str) -> Result<(), Failure> {
    let mut out = Output::create(path)?;
    let head = PngHead {
        width: bitmap.width as usize,
        height: bitmap.height as usize,
        channels: Channels::Rgba,
        title: Some(title),
    };
    write_png(&mut out, head, |rows| rows.push(&bitmap.rgba))?;
    out.finish()?;
    Ok(())
}

/// What the layers are made from.
pub(super) struct Canvas<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) expression: &'a Expression,
    pub(super) engine: &'a dyn Backend,
    pub(super) precision: Precision,
}

impl Canvas<'_> {
    fn layers<'a>(&self, default: &'a str, known: &[&str]) -> Result<Vec<String>, Failure> {
        let layers = &self.arguments.layers;
        if layers.is_empty() {
            return Ok(default.split(',').map(str::to_string).collect());
        }
        match layers.iter().find(|layer| !known.contains(&layer.as_str())) {
            None => Ok(layers.clone()),
            Some(layer) => Err(Failure::usage(format!(
                "--layers: a function of {} variables has no layer `{layer}`; the layers are {}",
                self.expression.variables().len(),
                known.join(", ")
            ))),
        }
    }

    fn title(&self) -> String {
        self.arguments.title.clone().unwrap_or_else(|| typeset(&format!("f = {}", self.expression.text())))
    }

    /// One variable: f over x, on request its derivative.
    fn curve(&self, width: u32, height: u32) -> Result<Picture, Failure> {
        let layers = self.layers("curve", &["curve", "derivative"])?;
        let range = ranges(&self.arguments.ranges, self.expression.variables())?[0];
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
        let heat = layers.iter().any(|layer| layer == "heat");
        let ranges = ranges(&self.arguments.ranges, self.expression.variables())?;
        let mut picture = self.frame(width, height, &ranges, heat);
        if self.on_edges(heat) {
            // Arrows begin on the edges of the range: room for those that point outwards.
            let (columns, rows) = self.lattice(&ranges)?;
            picture.x_range = gradfield::picture::padded(ranges[0], 1.0 / columns as f64);
            picture.y_range = gradfield::picture::padded(ranges[1], 1.0 / rows as f64);
        }
        if heat {
            picture.layers.push(Layer::Heat(self.heat(&picture)?));
        }
        if layers.iter().any(|layer| layer == "arrows") {
            picture.layers.push(Layer::Arrows(self.arrows(&ranges, heat)?));
        }
        Ok(picture)
    }

    /// The empty picture of two variables.
    pub(super) fn frame(&self, width: u32, height: u32, ranges: &[(f64, f64)], bar: bool) -> Picture {
        let mut picture = Picture::new(width, height);
        picture.title = self.title();
        picture.x_label.clone_from(&self.expression.variables()[0]);
        picture.y_label.clone_from(&self.expression.variables()[1]);
        (picture.x_range, picture.y_range) = (ranges[0], ranges[1]);
        let shape = (ranges[0].1 - ranges[0].0) / (ranges[1].1 - ranges[1].0);
        picture.equal_aspect = (0.25..=4.0).contains(&shape);
        picture.grid = !self.arguments.no_grid;
        (picture.colour_bar, picture.bar_label) = (bar, bar);
        picture
    }

    /// The heat layer: a value for each pixel of the plot.
    pub(super) fn heat(&self, picture: &Picture) -> Result<Heat, Failure> {
        let layout = picture.layout()?;
        let shown = shown(self.expression, &self.arguments.show)?;
        let points = Points::Grid(vec![layout.x_centres(), layout.y_centres()]);
        check_size(points.len() as f64, 1, self.precision)?;
        let columns = Evaluator::new(&shown, self.engine, self.precision)?.evaluate(&points.rounded(self.precision))?;
        let values = columns[0].to_f64();
        let colouring = colouring(self.arguments, &values)?;
        tell(&colouring, &values, self.arguments.function.quiet);
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

/// The points of a meshgrid, its ends included, row by row.
fn meshgrid(columns: usize, rows: usize, ranges: &[(f64, f64)]) -> (Vec<f64>, Vec<f64>) {
    let (x, y) =
        (Points::linspace(ranges[0].0, ranges[0].1, columns), Points::linspace(ranges[1].0, ranges[1].1, rows));
    y.iter().flat_map(|y| x.iter().map(move |x| (*x, *y))).unzip()
}

/// The quantity of `--show`, as an output over the expression's own variables.
pub(super) fn shown(expression: &Expression, show: &str) -> Result<Outputs, Failure> {
    let gradient = expression.gradient()?;
    let slopes: Vec<String> = expression.variables().iter().map(|name| format!("d{name}")).collect();
    let text = match show {
        "grad" => format!("hypot({})", slopes.join(", ")),
        "angle" => format!("atan2({}, {})", slopes[1], slopes[0]),
        "dx" if slopes[0] != "dx" => slopes[0].clone(),
        "dy" if slopes[1] != "dy" => slopes[1].clone(),
        other => other.to_string(),
    };
    let names = expression.variables().iter().cloned().chain(["f".to_string()]).chain(slopes);
    let declared = names.map(|name| gradfield::expr::Declared { name, components: None }).collect();
    let context = gradfield::expr::Context { variables: Some(declared), ..Default::default() };
    let parsed =
        gradfield::expr::parse::parse(&text, &context).map_err(|error| Failure::usage(format!("--show: {error}")))?;
    let n = expression.variables().len();
    let mut graph = gradient.graph;
    let replace = |graph: &mut gradfield::expr::Graph, place: u32| match place as usize {
        k if k < n => graph.variable(place),
        k => gradient.outputs[k - n],
    };
    let outputs = graph.import(&parsed.graph, &[parsed.value], replace);
    Ok(Outputs { graph, variables: gradient.variables, outputs })
}

/// The colours of `--map`, `--scale` and `--clim` for some values.
pub(super) fn colouring(arguments: &Arguments, values: &[f64]) -> Result<Colouring, Failure> {
    let scale = Scale::by_name(&arguments.scale)?;
    let signed = values.iter().any(|v| *v < 0.0) && values.iter().any(|v| *v > 0.0) && scale != Scale::Log;
    let map = match arguments.map.as_deref() {
        Some(name) => ColourMap::by_name(name)?,
        None if arguments.show == "angle" => ColourMap::by_name("sinebow")?,
        None if signed => ColourMap::diverging(),
        None => ColourMap::sequential(),
    };
    let limits = match &arguments.clim {
        None if arguments.show == "angle" => Limits::Fixed { lo: -std::f64::consts::PI, hi: std::f64::consts::PI },
        None => Limits::Auto,
        Some(text) => {
            let (lo, hi) = text
                .split_once(':')
                .ok_or_else(|| Failure::usage(format!("--clim: `{text}` is not a range; write --clim=0:10")))?;
            Limits::Fixed { lo: super::options::number("--clim", lo)?, hi: super::options::number("--clim", hi)? }
        }
    };
    Ok(Colouring::fit(map, scale, limits, values)?)
}

/// Says what the colours do not show as it is.
pub(super) fn tell(colouring: &Colouring, values: &[f64], quiet: bool) {
    let counts = colouring.count(values);
    if quiet || counts.nan + counts.below + counts.above == 0 {
        return;
    }
    let share = |count: u64| 100.0 * count as f64 / counts.all.max(1) as f64;
    let (lo, hi) = colouring.range();
    eprintln!(
        "note: colours run from {lo:.6} to {hi:.6}; {:.2} % of the pixels lie below, {:.2} % above, {:.2} % are not a number",
        share(counts.below),
        share(counts.above),
        share(counts.nan)
    );
}

/// The values of a column as f32 for the fast colouring.
pub(super) fn as_f32(values: &Values) -> std::borrow::Cow<'_, [f32]> {
    match values {
        Values::F32(values) => values.into(),
        Values::F64(values) => values.iter().map(|v| *v as f32).collect::<Vec<f32>>().into(),
    }
}
