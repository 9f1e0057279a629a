//! The layers of `plot`: one table, one file each.
//!
//! In: the command line and a [`Scene`]. Out: layers on a `Picture`. A layer is added here: its file beside this one,
//! with its flags (a `clap::Args` that `plot::Arguments` flattens) and its functions, and a row of [`TABLE`].

pub(super) mod arrows;
mod bands;
pub(super) mod basins;
mod contour;
mod critical;
pub(super) mod curve;
pub(super) mod heat;
pub(super) mod hillshade;
pub(super) mod levels;
pub(super) mod lic;
mod nullclines;
pub(super) mod streamlines;
pub(super) mod strips;
pub(super) mod surface;
pub(super) mod tangents;

use super::Failure;
use super::colours::{shown, with_slopes};
use super::plot::Arguments;
use gradfield::backend::Backend;
use gradfield::descent::BasinMap;
use gradfield::field::Field;
use gradfield::picture::{Layout, Picture, Slopes};
use gradfield::{Expression, Points, Precision};
use std::cell::OnceCell;
use std::sync::Arc;

/// A part of the making of a picture.
type Step = fn(&Scene<'_>, &mut Picture) -> Result<(), Failure>;

/// A layer by its name.
pub(super) struct Row {
    /// The name for `--layers`, then other names for the same.
    pub(super) names: &'static [&'static str],
    /// It is for functions of so many variables.
    pub(super) variables: usize,
    /// Vector fields have it too; else it is of functions alone.
    pub(super) of_vectors: bool,
    /// Drawn where `--layers` is not given.
    pub(super) usual: bool,
    /// It fills the plot: lines and arrows over it need a border to be seen.
    pub(super) fills: bool,
    /// Of a large picture it is drawn band by band, and needs nothing that is as large as the picture.
    pub(super) banded: bool,
    /// The flags that it reads, and whether they were given: one that no chosen layer reads is refused.
    pub(super) flags: fn(&Arguments) -> Vec<(&'static str, bool)>,
    /// What the layer asks of the picture's frame: ranges, a colour bar. All layers do before the first is made.
    pub(super) frame: Option<Step>,
    /// Makes the layer and puts it on the picture, over those of the rows above.
    pub(super) add: Step,
}

/// All layers, from the lowest to the topmost.
static TABLE: [Row; 16] = [
    heat::ROW,
    basins::BASINS,
    basins::STEPS_ROW,
    bands::ROW,
    hillshade::ROW,
    lic::ROW,
    surface::ROW,
    contour::ROW,
    nullclines::ROW,
    streamlines::ROW,
    arrows::ROW,
    critical::PLANE,
    curve::CURVE,
    curve::DERIVATIVE,
    tangents::ROW,
    critical::LINE,
];

impl Row {
    pub(super) fn name(&self) -> &'static str {
        self.names[0]
    }
}

/// What layers are made from.
pub(super) struct Scene<'a> {
    pub(super) arguments: &'a Arguments,
    pub(super) expression: &'a Expression,
    pub(super) engine: &'a dyn Backend,
    pub(super) precision: Precision,
    /// From and to, for each variable.
    pub(super) ranges: Vec<(f64, f64)>,
    /// The layers that are drawn, from the lowest to the topmost.
    pub(super) layers: Vec<&'static Row>,
    /// What a picture of one variable spans upwards, where all frames of an animation share it.
    pub(super) y_range: Option<(f64, f64)>,
    /// The picture is held however large it is.
    pub(super) held: bool,
    /// See [`curve::Samples`].
    pub(super) samples: OnceCell<curve::Samples>,
    /// See [`Scene::slopes`].
    pub(super) slopes: OnceCell<Arc<Slopes>>,
    /// See [`Scene::basins`].
    pub(super) basins: OnceCell<BasinMap>,
}

impl Scene<'_> {
    /// Whether the layer of this name is drawn.
    pub(super) fn has(&self, name: &str) -> bool {
        self.layers.iter().any(|row| row.name() == name)
    }

    /// Whether a layer that is drawn reads this flag.
    pub(super) fn reads(&self, flag: &str) -> bool {
        self.layers.iter().any(|row| (row.flags)(self.arguments).iter().any(|(read, _)| *read == flag))
    }

    /// The quantity of `--show` with its exact gradient at the pixels of the plot, or at some of them where its layers come
    /// in bands; evaluated once for all layers.
    pub(super) fn slopes(&self, picture: &Picture) -> Result<&Arc<Slopes>, Failure> {
        if let Some(slopes) = self.slopes.get() {
            return Ok(slopes);
        }
        let layout = picture.layout()?;
        let outputs = with_slopes(shown(self.expression, &self.arguments.show)?)?;
        let (x, y) = self.places(&layout);
        let (columns, rows) = (x.len(), y.len());
        let field = Field::evaluate(&outputs, Points::Grid(vec![x, y]), self.engine, self.precision)?;
        let [values, dx, dy] = [0, 1, 2].map(|k| field.columns[k].to_f64());
        Ok(self.slopes.get_or_init(|| Arc::new(Slopes { values, dx, dy, columns, rows })))
    }

    /// The columns and rows at which layers are looked at before they are drawn.
    pub(super) fn places(&self, layout: &Layout) -> (Vec<f64>, Vec<f64>) {
        let (x, y) = (layout.x_centres(), layout.y_centres());
        if self.in_bands(layout) { (strips::some(x), strips::some(y)) } else { (x, y) }
    }

    /// Whether the picture is drawn in bands, as it is too large to be held.
    pub(super) fn in_bands(&self, layout: &Layout) -> bool {
        !self.held && strips::needed(self, layout)
    }

    /// Whether a layer needs the gradient of the quantity of `--show` at all pixels.
    pub(super) fn sloped(&self) -> bool {
        ["bands", "hillshade", "contour"].into_iter().any(|name| self.has(name))
    }

    /// Whether colours lie below a layer that only makes them lighter and darker.
    pub(super) fn coloured(&self) -> bool {
        ["heat", "bands", "basins", "steps"].into_iter().any(|name| self.has(name))
    }

    /// Whether the plot is filled with colours.
    pub(super) fn filled(&self) -> bool {
        self.layers.iter().any(|row| row.fills)
    }
}

/// The layers for functions of so many variables.
fn rows(variables: usize) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.variables == variables)
}

fn names(variables: usize) -> Vec<&'static str> {
    rows(variables).map(Row::name).collect()
}

/// The help text of `--layers`.
pub(super) fn help() -> String {
    format!("What to draw: {} (two variables); {} (one)", names(2).join(", "), names(1).join(", "))
}

/// The layers of `--layers`, or the usual ones.
///
/// # Errors
/// For a name that is no layer of such a function, and for flags that no chosen layer reads.
pub(super) fn chosen(arguments: &Arguments, variables: usize) -> Result<Vec<&'static Row>, Failure> {
    let given = &arguments.layers;
    let is = |row: &Row, name: &String| row.names.contains(&name.as_str());
    if let Some(unknown) = given.iter().find(|name| !rows(variables).any(|row| is(row, name))) {
        return Err(Failure::usage(format!(
            "--layers: `{unknown}` is no layer of a function of {}; there are {}",
            if variables == 1 { "one variable" } else { "two variables" },
            listed(&names(variables))
        )));
    }
    let bare = arguments.bare || arguments.tiles.is_some();
    let usual = |row: &Row| if bare { row.name() == heat::ROW.name() } else { row.usual };
    let wanted = |row: &&Row| if given.is_empty() { usual(row) } else { given.iter().any(|name| is(row, name)) };
    let layers: Vec<&'static Row> = rows(variables).filter(wanted).collect();
    if let Some(row) = layers.iter().find(|row| arguments.vector && !row.of_vectors) {
        let of_vectors: Vec<&str> = rows(variables).filter(|row| row.of_vectors).map(Row::name).collect();
        let known = listed(&of_vectors);
        return Err(Failure::usage(format!(
            "--layers: `{}` is of functions, not of vector fields; of those there are {known}",
            row.name()
        )));
    }
    check_flags(arguments, variables, &layers)?;
    Ok(layers)
}

/// The flags that the chosen layers read.
pub(super) fn read(arguments: &Arguments, variables: usize) -> Result<Vec<&'static str>, Failure> {
    Ok(flags(arguments, &chosen(arguments, variables)?))
}

fn flags(arguments: &Arguments, layers: &[&Row]) -> Vec<&'static str> {
    layers.iter().flat_map(|row| (row.flags)(arguments)).map(|(flag, _)| flag).collect()
}

/// Refuses a flag that no layer drawn reads: it would be lost.
fn check_flags(arguments: &Arguments, variables: usize, layers: &[&Row]) -> Result<(), Failure> {
    let read = flags(arguments, layers);
    for row in &TABLE {
        let given = (row.flags)(arguments).into_iter().filter(|(_, given)| *given);
        let Some((flag, _)) = given.into_iter().find(|(flag, _)| !read.contains(flag)) else { continue };
        return Err(Failure::usage(match (row.variables == variables, variables) {
            (true, _) => format!(
                "{flag} is for the layer `{0}`, which --layers leaves out; add it there, or take {flag} away",
                row.name()
            ),
            (_, 1) => {
                format!("{flag} is for functions of two variables; of one, the layers {} are drawn", listed(&names(1)))
            }
            _ => format!("{flag} is for functions of one variable"),
        }));
    }
    Ok(())
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => names.concat(),
    }
}
