//! The colours of a heat layer: what it shows (`--show`), and `--map`, `--scale` and `--clim`.

use super::Failure;
use super::options::range;
use super::plot::Arguments;
use gradfield::expr::{Context, Declared, Outputs};
use gradfield::picture::{ColourMap, Colouring, Limits, Scale};
use gradfield::{Expression, Values};

/// The largest angle, rounded up to f32: an engine may hand it out.
const HALF_TURN: f64 = std::f32::consts::PI as f64;

/// The quantity of `--show`, as an output over the expression's own variables, `f`, and a `d...` for each.
pub(super) fn shown(expression: &Expression, show: &str) -> Result<Outputs, Failure> {
    let gradient = expression.gradient()?;
    let variables = expression.variables();
    // Where a variable has the name, the variable is meant, and the value or slope goes by another.
    let free = |name: String| if variables.contains(&name) { name + "_" } else { name };
    let value = free("f".to_string());
    let slopes: Vec<String> = variables.iter().map(|name| free(format!("d{name}"))).collect();
    let text = match show {
        "f" => value.clone(),
        "grad" => format!("hypot({})", slopes.join(", ")),
        "angle" => format!("atan2({}, {})", slopes[1], slopes[0]),
        "dx" if slopes[0] != "dx" => slopes[0].clone(),
        "dy" if slopes[1] != "dy" => slopes[1].clone(),
        other => other.to_string(),
    };
    let names = variables.iter().cloned().chain([value]).chain(slopes);
    let context = Context { variables: Some(declared(names)), ..Context::default() };
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

/// The declaration of these names, where `x[1]`, `x[2]` are the components of `x`.
fn declared(names: impl Iterator<Item = String>) -> Vec<Declared> {
    let mut all: Vec<Declared> = Vec::new();
    for name in names {
        let indexed = name.split_once('[').map(|(stem, _)| stem);
        match (indexed, all.last_mut()) {
            (Some(stem), Some(Declared { name, components: Some(count) })) if name == stem => *count += 1,
            (Some(stem), _) => all.push(Declared { name: stem.to_string(), components: Some(1) }),
            (None, _) => all.push(Declared { name, components: None }),
        }
    }
    all
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
        None if arguments.show == "angle" => Limits::Fixed { lo: -HALF_TURN, hi: HALF_TURN },
        None => Limits::Auto,
        Some(text) => {
            let (lo, hi) = range("--clim", text, text)?;
            Limits::Fixed { lo, hi }
        }
    };
    Ok(Colouring::fit(map, scale, limits, values)?)
}

/// Says what the colours do not show as it is.
pub(super) fn tell(colouring: &Colouring, scale: &str, values: &[f64], quiet: bool) {
    let counts = colouring.count(values);
    if quiet || counts.nan + counts.below + counts.above == 0 {
        return;
    }
    if scale.eq_ignore_ascii_case("log") && counts.below + counts.nan == counts.all {
        return eprintln!("note: no value is above zero, so the scale log shows none; --scale symlog takes any sign");
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
